//! The variables that a compose file sees, and `.env` files.
//!
//! See dotenv/parser.go of compose-go.

use std::collections::BTreeMap;

use super::interpolate::substitute;
use crate::bake::host::{Host, PathKind};
use crate::bake::inputs::Inputs;
use crate::bake::target::Eval;

/// Variables by name.
#[derive(Debug, Clone, Default)]
pub(super) struct Environment {
    pub variables: BTreeMap<String, Eval<String>>,
}

impl Environment {
    /// The environment, completed by `.env` of the working directory, with the variables of the command line over both.
    ///
    /// # Errors
    /// When `.env` cannot be read.
    pub fn new(inputs: &Inputs, host: &dyn Host) -> Result<Environment, String> {
        let mut variables = BTreeMap::new();
        if inputs.use_environment {
            variables.extend(host.variables().into_iter().map(|(name, value)| (name, Eval::Known(value))));
            variables.extend(inputs.environment.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
        let mut environment = Environment { variables };
        if let PathKind::File(_) = host.kind(".env") {
            let text = read_text(".env", host)?;
            let found = parse_env(&text, &|name| environment.get(name))?;
            environment.complete(found);
        }
        environment.variables.extend(inputs.variables.iter().map(|(name, value)| (name.clone(), value.clone())));
        Ok(environment)
    }

    /// A variable, and whether only a build knows it.
    pub fn get(&self, name: &str) -> Option<(String, bool)> {
        self.variables.get(name).map(|value| match value {
            Eval::Known(text) => (text.clone(), false),
            Eval::Dynamic => (String::new(), true),
        })
    }

    pub fn set(&mut self, name: &str, value: String) {
        self.variables.insert(name.to_owned(), Eval::Known(value));
    }

    /// Adds variables that are not there yet.
    pub fn complete(&mut self, found: BTreeMap<String, String>) {
        for (name, value) in found {
            self.variables.entry(name).or_insert(Eval::Known(value));
        }
    }
}

pub(super) fn read_text(path: &str, host: &dyn Host) -> Result<String, String> {
    let bytes = host.read(path).map_err(|why| format!("open {path}: {why}"))?;
    Ok(String::from_utf8_lossy(&bytes).trim_start_matches('\u{feff}').to_owned())
}

pub(crate) type Lookup<'l> = &'l dyn Fn(&str) -> Option<(String, bool)>;

/// Reads the lines of an `.env` file. Values may refer to variables of the environment and to earlier lines.
///
/// # Errors
/// When a line is no assignment or a quote is not closed.
pub(crate) fn parse_env(text: &str, lookup: Lookup<'_>) -> Result<BTreeMap<String, String>, String> {
    let mut found = BTreeMap::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return Ok(found);
        }
        let line = || text[..text.len() - rest.len()].matches('\n').count() + 1;
        if rest.starts_with('#') {
            rest = rest.find('\n').map_or("", |end| &rest[end..]);
            continue;
        }
        let (key, after, inherited) = key(rest).map_err(|why| format!("line {}: {why}", line()))?;
        if key.contains(' ') {
            return Err(format!("line {}: key cannot contain a space", line()));
        }
        if inherited {
            if let Some((value, _)) = lookup(key) {
                found.insert(key.to_owned(), value);
            }
            rest = after;
            continue;
        }
        let known = |name: &str| lookup(name).or_else(|| Some((found.get(name)?.clone(), false)));
        let expand = |value: &str| substitute(value, &known).map(|replaced| replaced.text);
        let (value, after) = match after.chars().next().filter(|c| matches!(c, '"' | '\'')) {
            None => {
                let (value, after) = after.split_once('\n').unwrap_or((after, ""));
                let value = value.split(" #").next().unwrap_or_default().trim_end();
                (expand(value)?, after)
            }
            Some(quote) => {
                let (value, after) =
                    quoted(after, quote).ok_or_else(|| format!("line {}: unterminated quoted value", line()))?;
                (if quote == '"' { expand(&unescape(&value))? } else { value }, after)
            }
        };
        found.insert(key.to_owned(), value);
        rest = after;
    }
}

fn is_blank(c: char) -> bool {
    matches!(c, '\t' | '\u{b}' | '\u{c}' | '\r' | ' ' | '\u{85}' | '\u{a0}')
}

/// The key of a line, what follows, and whether the value is that of the environment.
fn key(text: &str) -> Result<(&str, &str, bool), String> {
    let exported = text.strip_prefix("export").filter(|rest| rest.starts_with(char::is_whitespace));
    let text = exported.map_or(text, |rest| rest.trim_start_matches(is_blank));
    for (at, c) in text.char_indices() {
        match c {
            '=' | ':' | '\n' => {
                let after = text[at + 1..].trim_start_matches(is_blank);
                return Ok((text[..at].trim_end(), after, c == '\n'));
            }
            '_' | '.' | '-' | '[' | ']' => {}
            c if is_blank(c) || c.is_alphanumeric() => {}
            c => {
                let first = text.lines().next().unwrap_or_default();
                return Err(format!("unexpected character \"{c}\" in variable name \"{first}\""));
            }
        }
    }
    // The last line has neither an equals sign nor a line end: nothing is set.
    Ok(("", "", true))
}

/// The text in quotes with the quote unescaped, and what follows.
fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if c == quote && !escaped {
            return Some((value, &text[at + 1..]));
        }
        if c == '\\' && !escaped {
            escaped = true;
            continue;
        }
        if std::mem::take(&mut escaped) && c != quote {
            value.push('\\');
        }
        value.push(c);
    }
    None
}

/// Resolves the escape sequences of double quotes.
fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let mut chars = rest[1..].chars();
        let (value, len) = match chars.next() {
            Some('a') => (Some('\u{7}'), 2),
            Some('b') => (Some('\u{8}'), 2),
            Some('f') => (Some('\u{c}'), 2),
            Some('n') => (Some('\n'), 2),
            Some('r') => (Some('\r'), 2),
            Some('t') => (Some('\t'), 2),
            Some('v') => (Some('\u{b}'), 2),
            Some('"') => (Some('"'), 2),
            Some('\\') => (Some('\\'), 2),
            Some('$') => {
                out.push_str("$$");
                rest = &rest[2..];
                continue;
            }
            Some('0') => {
                let digits: String = chars.take(3).take_while(char::is_ascii_digit).collect();
                let value = u32::from_str_radix(&digits, 8).ok().filter(|_| digits.len() == 3);
                (value.filter(|value| *value < 256).and_then(char::from_u32), 2 + digits.len())
            }
            _ => (None, 1),
        };
        match value {
            Some(value) => out.push(value),
            None => out.push_str(&rest[..len]),
        }
        rest = &rest[len..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_compose_reads_them() {
        let lookup = |name: &str| (name == "OUTER").then(|| ("outer".to_owned(), false));
        let text =
            "# comment\nA=1 # not this\nexport B = 'two $A'\nC: \"x\\n${A}-$OUTER\"\nOUTER\nD=\nE=a#b\nF=${A:-n}\n";
        let found = parse_env(text, &lookup).expect("valid");
        let expected =
            [("A", "1"), ("B", "two $A"), ("C", "x\n1-outer"), ("D", ""), ("E", "a#b"), ("F", "1"), ("OUTER", "outer")];
        let found: Vec<(&str, &str)> = found.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(found, expected);
        for text in ["A B=1", "A!=1", "A=\"x", "A='x"] {
            assert!(parse_env(text, &lookup).is_err(), "{text}");
        }
    }
}
