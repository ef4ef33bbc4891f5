//! The grammar of a rule's page: each `###` under `## Examples` and `## Also tested` is one project with its expected
//! report and patch.

/// One example.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Example {
    /// Its heading.
    pub name: String,
    /// Its files by path.
    pub files: Vec<(String, String)>,
    /// The expected concise report; none when the project must be clean.
    pub report: Option<String>,
    /// The expected patch; none when nothing is to be fixed.
    pub patch: Option<String>,
    /// The lines of the example that are neither report nor patch.
    kept: Vec<String>,
}

/// A page taken apart, so that it can be put together again with other reports and patches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// Lines before the first example, and headings between.
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Prose(Vec<String>),
    Example(Example),
}

impl Page {
    /// Takes a page apart.
    ///
    /// # Errors
    /// When a block is not closed or names no path.
    pub fn parse(text: &str) -> Result<Page, String> {
        let mut parts = vec![Part::Prose(Vec::new())];
        let mut within = false;
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if line.starts_with("## ") {
                within = line == "## Examples" || line == "## Also tested";
                parts.push(Part::Prose(vec![line.to_owned()]));
            } else if let Some(name) = line.strip_prefix("### ").filter(|_| within) {
                let name = name.trim().to_owned();
                parts.push(Part::Example(Example { name, kept: vec![line.to_owned()], ..Example::default() }));
            } else if let Some(info) = line.strip_prefix("```").filter(|info| !info.is_empty()) {
                let body: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
                match parts.last_mut() {
                    Some(Part::Example(example)) => example.block(info, &body)?,
                    Some(Part::Prose(prose)) => {
                        prose.push(line.to_owned());
                        prose.extend(body.iter().map(|line| (*line).to_owned()));
                        prose.push("```".to_owned());
                    }
                    None => {}
                }
            } else {
                match parts.last_mut() {
                    Some(Part::Example(Example { kept: lines, .. }) | Part::Prose(lines)) => {
                        lines.push(line.to_owned())
                    }
                    None => {}
                }
            }
        }
        Ok(Page { parts })
    }

    /// The examples in order.
    pub fn examples(&self) -> impl Iterator<Item = &Example> {
        self.parts.iter().filter_map(|part| match part {
            Part::Example(example) => Some(example),
            Part::Prose(_) => None,
        })
    }

    /// The examples in order, to be changed.
    pub fn examples_mut(&mut self) -> impl Iterator<Item = &mut Example> {
        self.parts.iter_mut().filter_map(|part| match part {
            Part::Example(example) => Some(example),
            Part::Prose(_) => None,
        })
    }

    /// The page's text.
    pub fn print(&self) -> String {
        let mut lines: Vec<String> = Vec::new();
        for part in &self.parts {
            match part {
                Part::Prose(prose) => lines.extend(prose.iter().cloned()),
                Part::Example(example) => {
                    lines.extend(example.kept.iter().cloned());
                    while lines.last().is_some_and(|line| line.trim().is_empty()) {
                        lines.pop();
                    }
                    for (info, block) in [("text", &example.report), ("diff", &example.patch)] {
                        let Some(block) = block else { continue };
                        lines.extend(["".to_owned(), format!("```{info}")]);
                        lines.extend(block.lines().map(|line| line.trim_end().to_owned()));
                        lines.push("```".to_owned());
                    }
                    lines.push(String::new());
                }
            }
        }
        while lines.last().is_some_and(|line| line.trim().is_empty()) {
            lines.pop();
        }
        lines.join("\n") + "\n"
    }
}

impl Example {
    fn block(&mut self, info: &str, body: &[&str]) -> Result<(), String> {
        let text: String = body.iter().map(|line| format!("{line}\n")).collect();
        match info {
            // With a path behind it, a block of text is a file like any other.
            "text" => self.report = Some(text),
            "diff" => self.patch = Some(text),
            _ => {
                self.kept.push(format!("```{info}"));
                self.kept.extend(body.iter().map(|line| (*line).to_owned()));
                self.kept.push("```".to_owned());
                self.files.push((path_of(info)?, text));
            }
        }
        Ok(())
    }
}

/// The path that a block's info string gives: its second word, or the usual one for its language.
fn path_of(info: &str) -> Result<String, String> {
    let (language, path) = info.split_once(' ').unwrap_or((info, ""));
    Ok(match (language, path.trim()) {
        ("dockerfile", "") => "Dockerfile".into(),
        ("hcl", "") => "docker-bake.hcl".into(),
        ("json", "") => "docker-bake.json".into(),
        ("dockerignore", "") => ".dockerignore".into(),
        (_, "") => return Err(format!("a block of `{language}` must name its path")),
        (_, path) => path.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_taken_apart_and_put_together() {
        let text = "Summary.\n\nWhy.\n\n## Examples\n\n### Bad\n\n```dockerfile\nFROM x\n```\n\n```text\nreport\n```\n\n### Good\n\n```yaml a.yml\na: 1\n```\n";
        let page = Page::parse(text).unwrap_or_default();
        assert_eq!(page.print(), text);
        let examples: Vec<_> = page.examples().collect();
        assert_eq!(examples.len(), 2);
        assert_eq!(examples[0].files, [("Dockerfile".to_owned(), "FROM x\n".to_owned())]);
        assert_eq!(examples[0].report.as_deref(), Some("report\n"));
        assert_eq!(examples[1].files[0].0, "a.yml");
    }

    #[test]
    fn a_block_without_a_path_is_refused() {
        assert!(Page::parse("## Examples\n### X\n```yaml\na\n```\n").is_err());
    }
}
