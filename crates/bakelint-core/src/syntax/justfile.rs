//! justfiles, as far as it takes to know which commands a recipe runs.
//!
//! See the manual of just, chapter "Grammar". Expressions other than names and texts stay unknown.

use std::collections::BTreeMap;

use crate::source::{FileId, Span, Spanned};
use crate::syntax::mapped::MappedText;

/// A justfile.
#[derive(Debug, Clone, Default)]
pub struct Justfile {
    /// Variables with their values, where these are plain texts.
    pub variables: BTreeMap<String, Option<String>>,
    /// The recipes in order.
    pub recipes: Vec<Recipe>,
    /// Other names of recipes.
    pub aliases: BTreeMap<String, String>,
    by_name: BTreeMap<String, usize>,
}

/// A recipe.
#[derive(Debug, Clone)]
pub struct Recipe {
    /// Its name.
    pub name: Spanned<String>,
    /// Its parameters with their defaults as written.
    pub parameters: Vec<(String, Option<String>)>,
    /// The recipes that run before it.
    pub dependencies: Vec<String>,
    /// Its lines, continued ones together, without `@`; for one that begins with `#!` all of it in one.
    pub lines: Vec<MappedText>,
}

/// Reads a justfile. Takes time linear in its length.
pub fn parse(file: FileId, text: &str) -> Justfile {
    let mut justfile = Justfile::default();
    let mut at = 0;
    let mut body: Option<(usize, bool)> = None;
    let mut open = false;
    for line in text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let line = line.trim_end_matches(['\n', '\r']);
        let blank = line.trim().is_empty();
        if let (Some((indent, whole)), true) = (body, blank || line.starts_with([' ', '\t'])) {
            let Some(recipe) = justfile.recipes.last_mut() else { continue };
            let own = line.len() - line.trim_start().len();
            let indent = if recipe.lines.is_empty() { own } else { indent };
            let skipped = own.min(indent);
            let content = &line[skipped..];
            let script = recipe.lines.is_empty() && content.starts_with("#!");
            let mut added = MappedText::verbatim(file, start + skipped, content);
            if (whole || open) && !recipe.lines.is_empty() {
                if let Some(last) = recipe.lines.last_mut() {
                    last.push(start.saturating_sub(1), "\n");
                    last.push_mapped(&added);
                }
            } else if !blank {
                if !script {
                    let marks = added.len() - added.trim_start_matches(['@', '-']).len();
                    added = added.slice(marks..added.len());
                }
                recipe.lines.push(added);
            }
            open = content.ends_with('\\');
            body = Some((indent, whole || script));
            continue;
        }
        (body, open) = (None, false);
        if blank || line.starts_with(['#', '[', ' ', '\t']) {
            continue;
        }
        let words = line.strip_prefix("export ").unwrap_or(line);
        if let Some((name, value)) = words.split_once(":=") {
            let name = name.trim();
            match name.strip_prefix("alias ") {
                Some(alias) => {
                    justfile.aliases.insert(alias.trim().to_owned(), value.trim().to_owned());
                }
                None => {
                    justfile.variables.insert(name.to_owned(), literal(value));
                }
            }
        } else if let Some(recipe) = head(file, start, line) {
            justfile.by_name.insert(recipe.name.node.clone(), justfile.recipes.len());
            justfile.recipes.push(recipe);
            body = Some((0, false));
        }
    }
    justfile
}

/// `name param other="default": dependency`
fn head(file: FileId, start: usize, line: &str) -> Option<Recipe> {
    let mut quote = None;
    let mut colon = None;
    for (at, c) in line.char_indices() {
        match (quote, c) {
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            (None, ':') => {
                colon = Some(at);
                break;
            }
            _ => {}
        }
    }
    let (before, after) = line.split_at(colon?);
    let before_len = before.len() - before.trim_start_matches('@').len();
    let mut words = Vec::new();
    let mut word = String::new();
    for c in before[before_len..].chars() {
        match (quote, c) {
            (None, c) if c.is_whitespace() => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                continue;
            }
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            _ => {}
        }
        word.push(c);
    }
    words.extend(Some(word).filter(|word| !word.is_empty()));
    let mut words = words.into_iter();
    let name = words.next()?;
    let is_name = |name: &str| name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
    if !is_name(&name) || matches!(name.as_str(), "set" | "import" | "mod") {
        return None;
    }
    let span = Span::new(file, start + before_len..start + before_len + name.len());
    let parameters = words.map(|word| {
        let word = word.trim_start_matches(['+', '*', '$']);
        match word.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (word.to_owned(), None),
        }
    });
    let dependencies = after[1..].split('#').next().unwrap_or_default();
    let dependencies = dependencies.split_whitespace().map(|word| word.trim_matches(['(', ')', '&']).to_owned());
    Some(Recipe {
        name: Spanned::new(name, span),
        parameters: parameters.collect(),
        dependencies: dependencies.filter(|word| is_name(word) && !word.is_empty()).collect(),
        lines: Vec::new(),
    })
}

impl Justfile {
    /// The recipe of that name or with that alias.
    pub fn recipe(&self, name: &str) -> Option<&Recipe> {
        let name = self.aliases.get(name).map_or(name, String::as_str);
        self.recipes.get(*self.by_name.get(name)?)
    }

    /// The value of an expression that is a text or the name of a variable that is one.
    pub fn value(&self, expression: &str) -> Option<String> {
        literal(expression).or_else(|| self.variables.get(expression.trim()).cloned().flatten())
    }
}

/// The text of a quoted literal.
fn literal(value: &str) -> Option<String> {
    let value = value.trim();
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let inner = value.strip_prefix(quote)?.strip_suffix(quote)?;
    let escapes = quote == '"' && inner.contains('\\');
    (!inner.contains(quote) && !escapes).then(|| inner.to_owned())
}

/// The text with `{{ … }}` replaced by what is known. What is not becomes a variable of the shell by the same name, or `${{ … }}`.
pub fn expand(text: &MappedText, known: &dyn Fn(&str) -> Option<String>) -> MappedText {
    let mut out = MappedText::empty(text.file(), text.span().start as usize);
    let mut rest = 0;
    while let Some(open) = text[rest..].find("{{").map(|at| rest + at) {
        let Some(close) = text[open..].find("}}").map(|at| open + at) else { break };
        out.push_mapped(&text.slice(rest..open));
        let inner = text[open + 2..close].trim();
        let plain = inner.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') && !inner.is_empty();
        let value = known(inner).or_else(|| literal(inner)).unwrap_or_else(|| match plain {
            true => format!("${{{inner}}}"),
            false => format!("${{{{ {inner} }}}}"),
        });
        out.push_for(text.span_of(open..close + 2).range(), &value);
        rest = close + 2;
    }
    out.push_mapped(&text.slice(rest..text.len()));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
set shell := [\"bash\", \"-c\"]
image := 'shop/web'
version := `git describe`
alias i := image

# Builds.
[group: 'x']
@image tag=\"la:test\" *flags: lint (other 'x')
    docker build {{flags}} \\
      -t {{image}}:{{ tag }} {{ justfile_directory() }}
    -rm x

script:
  #!/usr/bin/env bash
  cd web
  docker build .
";

    #[test]
    fn recipes_are_what_the_shell_gets() {
        let justfile = parse(FileId(0), TEXT);
        let [image, script] = justfile.recipes.as_slice() else { panic!("{justfile:?}") };
        assert_eq!(&TEXT[image.name.span.range()], "image");
        assert_eq!(image.dependencies, ["lint", "other"]);
        assert_eq!(image.parameters, [("tag".to_owned(), Some("\"la:test\"".to_owned())), ("flags".to_owned(), None)]);
        let known = |name: &str| match name {
            "tag" => Some("1".to_owned()),
            name => justfile.variables.get(name).cloned().flatten(),
        };
        let lines: Vec<String> = image.lines.iter().map(|line| expand(line, &known).to_string()).collect();
        assert_eq!(lines, ["docker build ${flags} \\\n  -t shop/web:1 ${{ justfile_directory() }}", "rm x"]);
        assert_eq!(script.lines.len(), 1);
        assert!(script.lines[0].starts_with("#!/usr/bin/env bash\ncd web\ndocker build ."), "{:?}", script.lines);
        assert_eq!(justfile.aliases.get("i").map(String::as_str), Some("image"));
        for end in (0..TEXT.len()).filter(|end| TEXT.is_char_boundary(*end)) {
            parse(FileId(0), &TEXT[..end]);
        }
    }
}
