//! Words with their quoting and expansions.

use std::borrow::Cow;

use super::List;
use crate::source::Span;
use crate::syntax::mapped::MappedText;

/// A word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// Where it stands, quotes included.
    pub span: Span,
    /// Its parts in order; none for `''`.
    pub parts: Vec<Part>,
}

/// A part of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Text, without quotes and escapes.
    Text {
        /// The text.
        text: MappedText,
        /// Whether it is quoted or escaped. What is not may hold patterns, braces and a `~`.
        quoted: bool,
    },
    /// `$x` or `${x…}`
    Variable {
        /// The name, or the special parameter.
        name: String,
        /// The operator behind the name and what follows it, as in `:-default`; empty for most.
        operator: String,
        /// What is expanded within the operator's word.
        inner: Vec<Part>,
        /// Whether it stands in double quotes.
        quoted: bool,
        /// All of it.
        span: Span,
    },
    /// `$( … )` or `` ` … ` ``
    Command {
        /// The commands.
        list: List,
        /// Whether it stands in double quotes.
        quoted: bool,
        /// All of it.
        span: Span,
    },
    /// `$(( … ))`, with what is expanded in it
    Arithmetic {
        /// Variables and commands in the expression.
        inner: Vec<Part>,
        /// All of it.
        span: Span,
    },
    /// `<( … )` or `>( … )`
    Process {
        /// The commands.
        list: List,
        /// All of it.
        span: Span,
    },
    /// `${{ … }}`, filled in by another tool before the shell sees it
    Template {
        /// All of it.
        span: Span,
    },
}

impl Part {
    /// Where the part stands.
    pub fn span(&self) -> Span {
        match self {
            Part::Text { text, .. } => text.span(),
            Part::Variable { span, .. }
            | Part::Command { span, .. }
            | Part::Arithmetic { span, .. }
            | Part::Process { span, .. }
            | Part::Template { span } => *span,
        }
    }
}

impl Word {
    /// The word after quote removal if nothing in it is expanded; patterns and braces stay as written.
    pub fn text(&self) -> Option<Cow<'_, str>> {
        match self.parts.as_slice() {
            [] => Some(Cow::Borrowed("")),
            [Part::Text { text, .. }] => Some(Cow::Borrowed(text.as_str())),
            parts => {
                let text = |part: &Part| match part {
                    Part::Text { text, .. } => Some(text.to_string()),
                    _ => None,
                };
                parts.iter().map(text).collect::<Option<String>>().map(Cow::Owned)
            }
        }
    }

    /// As [`text`](Self::text), for words of one piece only, which need no copy.
    pub fn as_plain(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Text { text, .. }] => Some(text.as_str()),
            _ => None,
        }
    }

    /// Whether the word reads exactly so.
    pub fn is(&self, text: &str) -> bool {
        self.text().is_some_and(|own| own == text)
    }

    /// The known text at the start, up to the first expansion.
    pub fn prefix(&self) -> String {
        let text = |part: &Part| match part {
            Part::Text { text, .. } => Some(text.to_string()),
            _ => None,
        };
        self.parts.iter().map_while(text).collect()
    }

    /// The word with variables replaced by what `look_up` knows of them. `None` if something in it is not known: a
    /// variable, a variable's operator, or the output of a command.
    pub fn value(&self, look_up: &dyn Fn(&str) -> Option<String>) -> Option<String> {
        let value = |part: &Part| match part {
            Part::Text { text, .. } => Some(text.to_string()),
            Part::Variable { name, operator, .. } if operator.is_empty() => look_up(name),
            _ => None,
        };
        self.parts.iter().map(value).collect()
    }

    /// Whether the shell may turn the word into other words by `*`, `?`, `[` or braces.
    pub fn is_pattern(&self) -> bool {
        self.parts.iter().any(|part| match part {
            Part::Text { text, quoted: false } => {
                text.contains(['*', '?', '[']) || text.contains('{') && text.contains('}')
            }
            _ => false,
        })
    }

    /// Whether any part is quoted or escaped.
    pub fn is_quoted(&self) -> bool {
        let quoted = |part: &Part| {
            matches!(
                part,
                Part::Text { quoted: true, .. }
                    | Part::Variable { quoted: true, .. }
                    | Part::Command { quoted: true, .. }
            )
        };
        self.parts.is_empty() || self.parts.iter().any(quoted)
    }

    /// The variables that the word uses, those in default values and arithmetic included, those in commands not.
    pub fn variables(&self) -> Vec<(&str, Span)> {
        fn collect<'w>(parts: &'w [Part], found: &mut Vec<(&'w str, Span)>) {
            for part in parts {
                match part {
                    Part::Variable { name, inner, span, .. } => {
                        found.push((name, *span));
                        collect(inner, found);
                    }
                    Part::Arithmetic { inner, .. } => collect(inner, found),
                    _ => {}
                }
            }
        }
        let mut found = Vec::new();
        collect(&self.parts, &mut found);
        found
    }
}
