//! Values of the project's definitions: known or not, always with the place where they were defined.

use crate::source::Span;

/// A value that follows from the files, or one that does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Eval<T> {
    /// It follows from the files.
    Known(T),
    /// It depends on the environment, a CI expression, a secret, a build argument.
    #[default]
    Dynamic,
}

impl<T> Eval<T> {
    /// The value, when known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Eval::Known(value) => Some(value),
            Eval::Dynamic => None,
        }
    }

    /// Another value made of it, when known.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Eval<U> {
        match self {
            Eval::Known(value) => Eval::Known(f(value)),
            Eval::Dynamic => Eval::Dynamic,
        }
    }

    /// Borrows the value.
    pub fn as_ref(&self) -> Eval<&T> {
        match self {
            Eval::Known(value) => Eval::Known(value),
            Eval::Dynamic => Eval::Dynamic,
        }
    }
}

impl<T> From<Option<T>> for Eval<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Eval::Dynamic, Eval::Known)
    }
}

/// A value and the place where it was defined: the parent target, the override file, the workflow's `set:` line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Value<T> {
    /// The value.
    pub eval: Eval<T>,
    /// The token that must change for the value to change.
    pub span: Span,
}

impl<T> Value<T> {
    /// A value that follows from the files.
    pub fn known(value: T, span: Span) -> Self {
        Value { eval: Eval::Known(value), span }
    }

    /// A value that does not.
    pub fn dynamic(span: Span) -> Self {
        Value { eval: Eval::Dynamic, span }
    }
}

/// Text of which parts may be unknown: `ghcr.io/shop:${{ github.sha }}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Text {
    parts: Vec<TextPart>,
}

/// A part of a [`Text`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TextPart {
    /// Known text.
    Known(String),
    /// Something unknown, by the words that stand for it: `github.sha`, `TAG`. Whether two parts with the same words are the
    /// same depends on what they name; see [`Text::is_fixed_in_run`].
    Unknown(String),
}

impl Text {
    /// Text that is wholly known.
    pub fn known(text: impl Into<String>) -> Self {
        let text = text.into();
        Text { parts: if text.is_empty() { Vec::new() } else { vec![TextPart::Known(text)] } }
    }

    /// Text that is wholly unknown, by the words that stand for it.
    pub fn unknown(words: impl Into<String>) -> Self {
        Text { parts: vec![TextPart::Unknown(words.into())] }
    }

    /// Appends a part; neighbouring known parts become one.
    pub fn push(&mut self, part: TextPart) {
        match (self.parts.last_mut(), part) {
            (_, TextPart::Known(text)) if text.is_empty() => {}
            (Some(TextPart::Known(last)), TextPart::Known(text)) => last.push_str(&text),
            (_, part) => self.parts.push(part),
        }
    }

    /// The parts in order.
    pub fn parts(&self) -> &[TextPart] {
        &self.parts
    }

    /// The whole text, when all of it is known.
    pub fn as_known(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [TextPart::Known(text)] => Some(text),
            _ => None,
        }
    }

    /// Whether the text is empty for sure.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// The words of its unknown parts.
    pub fn unknowns(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            TextPart::Unknown(words) => Some(words.as_str()),
            TextPart::Known(_) => None,
        })
    }

    /// Whether the text is the same in all jobs and matrix legs of one run of a workflow, known or not. What the `github`,
    /// `vars`, `secrets` and `inputs` contexts hold is; what a matrix, a step or a script gives need not be.
    pub fn is_fixed_in_run(&self) -> bool {
        const FIXED: &[&str] = &["github.", "vars.", "secrets.", "inputs."];
        self.unknowns().all(|words| FIXED.iter().any(|context| words.starts_with(context)))
    }

    /// The known text before the first unknown part.
    pub fn prefix(&self) -> &str {
        match self.parts.first() {
            Some(TextPart::Known(text)) => text,
            _ => "",
        }
    }

    /// Splits at the first occurrence of `separator` in a known part.
    pub fn split_once(&self, separator: char) -> Option<(Text, Text)> {
        let at =
            self.parts.iter().position(|part| matches!(part, TextPart::Known(text) if text.contains(separator)))?;
        let TextPart::Known(text) = &self.parts[at] else { return None };
        let (before, after) = text.split_once(separator)?;
        let mut head = Text { parts: self.parts[..at].to_vec() };
        head.push(TextPart::Known(before.to_owned()));
        let mut tail = Text::known(after);
        self.parts[at + 1..].iter().for_each(|part| tail.push(part.clone()));
        Some((head, tail))
    }

    /// Splits at the last occurrence of `separator` in a known part.
    pub fn rsplit_once(&self, separator: char) -> Option<(Text, Text)> {
        let at =
            self.parts.iter().rposition(|part| matches!(part, TextPart::Known(text) if text.contains(separator)))?;
        let TextPart::Known(text) = &self.parts[at] else { return None };
        let (before, after) = text.rsplit_once(separator)?;
        let mut head = Text { parts: self.parts[..at].to_vec() };
        head.push(TextPart::Known(before.to_owned()));
        let mut tail = Text::known(after);
        self.parts[at + 1..].iter().for_each(|part| tail.push(part.clone()));
        Some((head, tail))
    }
}

impl std::fmt::Display for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.parts.iter().try_for_each(|part| match part {
            TextPart::Known(text) => f.write_str(text),
            TextPart::Unknown(words) => write!(f, "${{{words}}}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_split_at_known_separators_only() {
        let mut tag = Text::known("ghcr.io/shop:");
        tag.push(TextPart::Unknown("github.sha".into()));
        tag.push(TextPart::Known("-web".into()));
        let (name, tag) = tag.rsplit_once(':').unwrap_or_default();
        assert_eq!((name.as_known(), tag.to_string().as_str()), (Some("ghcr.io/shop"), "${github.sha}-web"));
        assert_eq!(tag.as_known(), None);
        assert_eq!(Text::default().as_known(), Some(""));
    }
}
