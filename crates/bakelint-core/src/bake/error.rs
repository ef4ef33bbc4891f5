//! What goes wrong in a definition, told as buildx tells it.

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use unicode_segmentation::UnicodeSegmentation;

use crate::source::{LineIndex, Span};
use crate::syntax::hcl;

/// For how many mistakes similar names are looked for.
pub(super) const MAX_SUGGESTIONS: usize = 100;

/// How many mistakes of one request are told.
const MAX_MISTAKES: usize = 1000;

/// A mistake in a definition, in the overrides or in the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BakeError {
    /// The kind of mistake in a few words. The whole message where there is no place to point at.
    pub summary: String,
    /// What is wrong in particular; may be empty.
    pub detail: String,
    /// The guilty token.
    pub span: Option<Span>,
    /// Other places that have to do with it, each with a note.
    pub labels: Vec<(Span, String)>,
    /// What to do about it.
    pub help: Option<String>,
    /// The guilty part of the command line.
    pub argument: Option<Box<Argument>>,
}

/// Part of an argument of the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argument {
    /// What the argument is: `--set`, `--var`, `target`.
    pub name: &'static str,
    /// The argument.
    pub text: Arc<str>,
    /// The bytes of it that are wrong.
    pub range: Range<usize>,
}

/// Mistakes, each told once.
#[derive(Debug, Default)]
pub(super) struct Mistakes {
    pub told: Vec<BakeError>,
    seen: HashSet<(Option<Span>, String)>,
}

impl Mistakes {
    /// Adds a mistake, if it is new.
    pub fn add(&mut self, error: BakeError) {
        if self.told.len() < MAX_MISTAKES && self.seen.insert((error.span, error.message())) {
            self.told.push(error);
        }
    }

    /// Whether it is still worth while to look for similar names.
    pub fn are_few(&self) -> bool {
        self.told.len() < MAX_SUGGESTIONS
    }
}

impl BakeError {
    /// A mistake at a place.
    pub fn at(span: Span, summary: impl Into<String>, detail: impl Into<String>) -> Self {
        BakeError { span: Some(span), detail: detail.into(), ..BakeError::new(summary) }
    }

    /// A mistake that has no place in a file.
    pub fn new(message: impl Into<String>) -> Self {
        BakeError {
            summary: message.into(),
            detail: String::new(),
            span: None,
            labels: Vec::new(),
            help: None,
            argument: None,
        }
    }

    /// The same with advice.
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same, caused by part of the command line.
    pub fn with_argument(mut self, name: &'static str, text: &str, range: Range<usize>) -> Self {
        self.argument = Some(Box::new(Argument { name, text: text.into(), range }));
        self
    }

    /// The same with one more piece of advice.
    pub(super) fn and_help(mut self, help: &str) -> Self {
        self.help = Some(match self.help.take() {
            Some(first) => format!("{first}\n{help}"),
            None => help.to_owned(),
        });
        self
    }

    /// The message without its place: `Summary; Detail`.
    pub fn message(&self) -> String {
        match self.detail.is_empty() {
            true => self.summary.clone(),
            false => format!("{}; {}", self.summary, self.detail),
        }
    }

    /// The message with its place, as hashicorp/hcl prints it: `FILE:LINE,COLUMN-COLUMN: Summary; Detail`. The lookup
    /// gives the name, the text and the lines of a file.
    pub fn display<'f>(&self, file: impl Fn(Span) -> Option<(&'f str, &'f str, &'f LineIndex)>) -> Located<'_, 'f> {
        Located { error: self, file: self.span.and_then(file) }
    }
}

impl From<hcl::Error> for BakeError {
    fn from(error: hcl::Error) -> Self {
        BakeError::at(error.span, error.summary, error.detail)
    }
}

/// A [`BakeError`] with the file that it points into.
#[derive(Debug)]
pub struct Located<'e, 'f> {
    error: &'e BakeError,
    file: Option<(&'f str, &'f str, &'f LineIndex)>,
}

impl fmt::Display for Located<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (Some(span), Some((name, text, lines))) = (self.error.span, self.file) {
            let place = |offset: u32| {
                let offset = (offset as usize).min(text.len());
                let line = lines.line_of(offset);
                let before = text.get(lines.range(line).start..offset).unwrap_or_default();
                (line + 1, before.graphemes(true).count() + 1)
            };
            let ((line, column), (end_line, end_column)) = (place(span.start), place(span.end));
            match line == end_line {
                true => write!(f, "{name}:{line},{column}-{end_column}: ")?,
                false => write!(f, "{name}:{line},{column}-{end_line},{end_column}: ")?,
            }
        }
        f.write_str(&self.error.message())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    #[test]
    fn places_count_lines_and_characters_from_one() {
        let text = "a\né = 'x'\n";
        let span = |from, to| Span::new(FileId(0), text.find(from).unwrap_or(0)..text.rfind(to).unwrap_or(0));
        let lines = LineIndex::new(text.as_bytes());
        let show = |span| BakeError::at(span, "Sum", "Det.").display(|_| Some(("f.hcl", text, &lines))).to_string();
        assert_eq!(show(span("'", "x")), "f.hcl:2,5-6: Sum; Det.");
        assert_eq!(show(span("a", "=")), "f.hcl:1,1-2,3: Sum; Det.");
        assert_eq!(BakeError::new("no place").display(|_| None).to_string(), "no place");
    }
}
