//! License expressions of SPDX.
//!
//! The identifiers beside this file are those of the SPDX License List 3.27.0 (<https://spdx.org/licenses/>), one a line.

use std::collections::HashSet;
use std::sync::LazyLock;

static LICENSES: LazyLock<HashSet<String>> = LazyLock::new(|| lines(include_str!("licenses.txt")));
static EXCEPTIONS: LazyLock<HashSet<String>> = LazyLock::new(|| lines(include_str!("exceptions.txt")));

fn lines(text: &str) -> HashSet<String> {
    text.lines().map(str::to_lowercase).collect()
}

/// Whether the text is a license expression: identifiers joined by AND, OR and WITH, in brackets where need be
/// (SPDX specification, annex "SPDX license expressions"). The case of identifiers plays no part.
pub fn is_expression(text: &str) -> bool {
    let spaced = text.replace('(', " ( ").replace(')', " ) ");
    let mut depth = 0usize;
    let mut expects = Expects::License;
    for word in spaced.split_whitespace() {
        expects = match (word, expects) {
            ("(", Expects::License) => {
                depth += 1;
                Expects::License
            }
            (")", Expects::Operator) if depth > 0 => {
                depth -= 1;
                Expects::Operator
            }
            ("AND" | "and" | "OR" | "or", Expects::Operator) => Expects::License,
            ("WITH" | "with", Expects::Operator) => Expects::Exception,
            (name, Expects::License) if is_license(name) => Expects::Operator,
            (name, Expects::Exception) if EXCEPTIONS.contains(&name.to_lowercase()) => Expects::Operator,
            _ => return false,
        };
    }
    depth == 0 && expects == Expects::Operator
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expects {
    License,
    Exception,
    Operator,
}

/// An identifier of the list, with a `+` for later versions, or one that a document defines.
fn is_license(name: &str) -> bool {
    let own = name.rsplit(':').next().unwrap_or(name).strip_prefix("LicenseRef-");
    if let Some(rest) = own {
        return !rest.is_empty() && rest.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.'));
    }
    let name = name.to_lowercase();
    LICENSES.contains(&name) || name.strip_suffix('+').is_some_and(|name| LICENSES.contains(name))
}

#[cfg(test)]
mod tests {
    use super::is_expression;

    #[test]
    fn expressions_of_known_identifiers() {
        let cases = [
            ("MIT", true),
            ("Apache-2.0", true),
            ("apache-2.0", true),
            ("GPL-2.0+", true),
            ("(MIT OR Apache-2.0) AND BSD-3-Clause", true),
            ("GPL-2.0-or-later WITH Classpath-exception-2.0", true),
            ("LicenseRef-Acme-1", true),
            ("DocumentRef-x:LicenseRef-Acme", true),
            ("", false),
            ("MITT", false),
            ("Apache 2", false),
            ("MIT OR", false),
            ("(MIT", false),
            ("MIT)", false),
            ("MIT WITH MIT", false),
            ("LicenseRef-", false),
        ];
        for (text, expected) in cases {
            assert_eq!(is_expression(text), expected, "{text}");
        }
    }
}
