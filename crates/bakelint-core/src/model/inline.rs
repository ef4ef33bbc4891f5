//! Dockerfiles that stand in other files: `dockerfile-inline` of bake, `dockerfile_inline` of Compose, here-documents of scripts.

use crate::edit::Edit;
use crate::source::{LineIndex, Span};
use crate::syntax::mapped::MappedText;

/// A Dockerfile that stands in another file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inline {
    /// The text with its places.
    pub text: MappedText,
    /// How it is written.
    pub writing: Writing,
    /// What stands before each of its lines in the file.
    indent: String,
    /// Whether the lines of the file end with CR LF, while those of the text do not.
    crlf: bool,
}

/// How a text is written in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writing {
    /// Line by line, as it is.
    Lines,
    /// Line by line, in a here-document that a shell fills in.
    Shell,
    /// Line by line, as a template: `${` and `%{` are written with the first character twice.
    Template,
    /// Line by line, with every `$` written twice.
    Dollars,
    /// In double quotes, with escapes.
    Quoted,
    /// In a way in which nothing is put in.
    Opaque,
}

impl Inline {
    /// A text that stands in a file with that text and those lines.
    pub fn new(text: MappedText, writing: Writing, file: Option<(&str, &LineIndex)>) -> Self {
        let (mut indent, mut crlf) = (String::new(), false);
        let first = text.find(|c: char| c != '\n' && c != '\r').and_then(|at| text.cut_at(at));
        if let (Some((file, lines)), Some(first)) = (file, first) {
            let line = lines.range(lines.line_of(first));
            let before = file.get(line.start..first).unwrap_or_default();
            if before.trim().is_empty() {
                before.clone_into(&mut indent);
            }
            crlf = file.get(line).is_some_and(|line| line.ends_with("\r\n")) && !text.contains('\r');
        }
        Inline { text, writing, indent, crlf }
    }

    /// The place in the file of a part of the text.
    pub fn span_of(&self, span: Span) -> Span {
        self.text.span_of(span.range())
    }

    /// A change of the text as a change of the file; `None` where it would not come out the same.
    pub fn edit(&self, edit: &Edit) -> Option<Edit> {
        let (start, end) = (edit.span.start as usize, edit.span.end as usize);
        if end > self.text.len() {
            return None;
        }
        let (mut from, to) = (self.text.cut_at(start)?, self.text.cut_at(end)?);
        let new = match self.writing {
            Writing::Opaque => return None,
            Writing::Quoted => {
                let plain = !edit.text.contains(['\n', '\r', '"', '\'', '\\', '$', '%']);
                let new = plain.then(|| edit.text.clone())?;
                return Some(Edit::replace(Span::new(self.text.file(), from..to), new));
            }
            Writing::Lines if edit.text.contains("${{") => return None,
            Writing::Shell if edit.text.contains(['$', '`', '\\']) => return None,
            Writing::Lines | Writing::Shell => edit.text.clone(),
            Writing::Template => edit.text.replace("${", "$${").replace("%{", "%%{"),
            Writing::Dollars => edit.text.replace('$', "$$"),
        };
        if end == self.text.len() {
            // How the text ends is how its last line is written.
            let before = self.text.get(..start)?;
            let ends = |end: &str| new.ends_with(end) || new.is_empty() && before.ends_with(end);
            let blank = ends("\n\n") || new == "\n" && before.ends_with('\n') || ends("\n\r\n");
            if ends("\n") != self.text.ends_with('\n') || blank || new.is_empty() && before.is_empty() {
                return None;
            }
        }
        let starts_line = |at: usize| at == 0 || self.text.as_bytes().get(at - 1) == Some(&b'\n');
        let mut out = String::new();
        if !self.indent.is_empty() && !self.keeps_margin(edit) {
            return None;
        }
        let next = self.text.as_bytes().get(end);
        if starts_line(start) && !self.indent.is_empty() {
            let at_first = start == 0 && !self.text.starts_with(['\n', '\r']);
            let line = if at_first { from.saturating_sub(self.indent.len()) } else { self.text.behind(start) };
            // A line without text has nothing before it either.
            let blank = match new.bytes().next() {
                Some(byte) => matches!(byte, b'\n' | b'\r'),
                None => next.is_none_or(|byte| *byte == b'\n'),
            };
            if blank {
                from = line;
            } else if from == line {
                out.push_str(&self.indent);
            }
        }
        let lines: Vec<&str> = new.split('\n').collect();
        for (at, line) in lines.iter().enumerate() {
            if at > 0 {
                out.push_str(if self.crlf { "\r\n" } else { "\n" });
                // What follows in the text comes behind the last line.
                let last = at + 1 == lines.len();
                let bare = line.trim().is_empty() && (!last || next.is_none_or(|byte| *byte == b'\n'));
                if !bare {
                    out.push_str(&self.indent);
                }
            }
            out.push_str(line);
        }
        Some(Edit::replace(Span::new(self.text.file(), from..to.max(from)), out))
    }
}

impl Inline {
    /// Whether the blanks that the format takes off the lines are the same ones after a change: YAML goes by the first line that holds
    /// something, HCL by the one that is indented least.
    fn keeps_margin(&self, edit: &Edit) -> bool {
        let range = edit.span.range();
        let is_flush = self.writing == Writing::Template;
        let before = &self.text[..range.start];
        if !is_flush && !before.trim().is_empty() {
            return true;
        }
        let after = [before, &edit.text, &self.text[range.end..]].concat();
        let mut lines = after.lines().filter(|line| !line.trim().is_empty());
        let at_margin = |line: &str| !line.starts_with([' ', '\t']);
        if is_flush { lines.any(at_margin) } else { lines.next().is_some_and(at_margin) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::edit::{self, Fix};
    use crate::model::Project;
    use crate::model::settings::Settings;
    use crate::snapshot::Snapshot;
    use crate::source::FileId;

    const WORKFLOW: &str = "\
on: push
jobs:
  a:
    runs-on: x
    steps:
      - run: |
          docker build -t x - <<'EOF'
          FROM alpine
          RUN echo $x

            # indented
          EOF
";

    const FILES: &[(&str, &str, bool)] = &[
        (
            "docker-bake.hcl",
            "target \"a\" {\n  dockerfile-inline = <<EOT\nFROM a\n  RUN x $${y}\n\nRUN z\nEOT\n}\n",
            true,
        ),
        (
            "docker-bake.hcl",
            "target \"a\" {\n  dockerfile-inline = <<-EOT\n    FROM a\n      RUN x\n\n    RUN z\n  EOT\n}\n",
            true,
        ),
        ("docker-bake.hcl", "target \"a\" {\n  dockerfile-inline = \"FROM a\\nRUN x\\n\"\n}\n", false),
        ("docker-bake.json", "{\"target\": {\"a\": {\"dockerfile-inline\": \"FROM a\\nRUN \\\"x\\\"\\n\"}}}\n", false),
        (
            "docker-bake.json",
            "{\"target\": {\"a\": {\"dockerfile-inline\": \"FROM a\\nRUN \\\"$${x}\\\" \\u0024y\\nRUN $(z)\\n\\tx %s\\n\"}}}\n",
            false,
        ),
        (
            "compose.yaml",
            "services:\n  a:\n    build:\n      dockerfile_inline: |\n        FROM a\n          RUN x $$y\n\n        RUN z\n",
            true,
        ),
        (
            "compose.yaml",
            "services:\r\n  a:\r\n    build:\r\n      dockerfile_inline: |\r\n        FROM a\r\n        RUN z\r\n    image: x\r\n",
            true,
        ),
        ("compose.yaml", "services: {a: {build: {dockerfile_inline: \"FROM a\\nRUN b\\n\"}}}\n", false),
        (".github/workflows/a.yml", WORKFLOW, true),
        ("build.sh", "docker build -f- . <<EOF\nFROM a\n\nRUN b\nEOF\n", true),
    ];

    fn inline(snapshot: &Snapshot) -> Option<(FileId, Inline)> {
        let project = Project::new(snapshot.clone(), Settings::default());
        assert!(
            project.errors.iter().all(|error| project.inlines.contains_key(&error.span.file)),
            "{:?}",
            project.errors
        );
        project.inlines.into_iter().next()
    }

    #[test]
    fn every_change_of_the_text_comes_out_in_the_file() {
        for (path, text, in_lines) in FILES {
            let snapshot = Snapshot::from_texts([(*path, *text)]);
            let (file, before) = inline(&snapshot).unwrap_or_else(|| panic!("{path}: {text}"));
            let length = before.text.len();
            let mut done = 0;
            let line_starts: Vec<usize> =
                (0..=length).filter(|at| *at == 0 || before.text.as_bytes()[at - 1] == b'\n').collect();
            let mut edits = Vec::new();
            for at in (0..=length).filter(|at| before.text.is_char_boundary(*at)) {
                edits.push((at..at, "Q"));
                edits.push((at..at, "x \\\n  ${y}"));
                edits.push((at..(at + 2).min(length), "Q"));
                edits.push((at..(at + 1).min(length), ""));
            }
            for (index, start) in line_starts.iter().enumerate() {
                edits.push((*start..*start, "RUN one\nRUN two\n"));
                for end in &line_starts[index..] {
                    edits.push((*start..*end, ""));
                    edits.push((*start..*end, "RUN three\n\n"));
                }
            }
            for (range, new) in edits {
                let mut expected = before.text.to_string();
                expected.replace_range(range.clone(), new);
                let Some(mapped) = before.edit(&Edit::replace(Span::new(file, range.clone()), new)) else { continue };
                let (after, taken) = edit::apply(&snapshot, &[Fix::safe("t", vec![mapped])]);
                assert_eq!(taken, 1);
                let shown = after.get(FileId(0)).unwrap().text().to_owned();
                let found = inline(&after).map(|(_, found)| found.text.to_string()).unwrap_or_default();
                assert_eq!(found, expected, "{range:?} {new:?}\n{shown}");
                done += 1;
            }
            assert!(
                done > if *in_lines { 4 * length } else { length / 2 } || text.contains("services: {"),
                "{path}: {done}"
            );
        }
    }
}
