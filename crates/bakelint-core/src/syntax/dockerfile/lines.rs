//! Physical lines, directives and comments, and the joining of continued lines.
//!
//! Follows BuildKit's `frontend/dockerfile/parser/parser.go` (`Parse`, `processLine`, `trimContinuationCharacter`) and
//! `directives.go`.

use std::ops::Range;

use memchr::memchr;

use super::chars::{self, trim_line_end, trim_start};
use crate::source::{FileId, Span};
use crate::syntax::SyntaxError;
use crate::syntax::mapped::MappedText;

/// The longest physical line that BuildKit reads, in bytes without the LF (`bufio.MaxScanTokenSize - 1`).
pub const MAX_LINE: usize = 65_535;

/// One physical line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// All bytes of the line, its LF included. The spans of all lines cover the file without a gap.
    pub span: Span,
    /// What the line is.
    pub kind: LineKind,
}

/// What a physical line is. Indices are those of [`Dockerfile::instructions`](super::Dockerfile::instructions).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineKind {
    /// Only blanks, between instructions.
    Blank,
    /// A comment between instructions.
    Comment,
    /// A parser directive such as `# syntax=docker/dockerfile:1`.
    Directive,
    /// The first line of an instruction.
    First(u32),
    /// A further line of an instruction's text.
    Continued(u32),
    /// A comment inside a continuation; it is not part of the instruction's text.
    ContinuedComment(u32),
    /// A blank line inside a continuation, which BuildKit warns about.
    ContinuedBlank(u32),
    /// A line of a here-document.
    Heredoc(u32),
    /// The line that ends a here-document.
    HeredocEnd(u32),
}

/// A comment line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// From the `#` to the end of the line, without the line end.
    pub span: Span,
    /// The text as BuildKit keeps it: trimmed, without the line's first byte. An indented comment keeps its `#`.
    pub text: String,
}

/// A parser directive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directive {
    /// The line without indentation and line end.
    pub span: Span,
    /// Lower-case name: `syntax`, `escape` or `check`.
    pub name: String,
    /// The value, trimmed.
    pub value: MappedText,
    /// The line, from 1.
    pub line: u32,
    /// Whether blanks stand before the `#`. BuildKit then obeys `escape`, but overlooks `check` and `syntax`, which it
    /// searches for by a second reader.
    pub indented: bool,
}

/// Reads physical lines one after another.
pub(super) struct Lines<'t> {
    pub file: FileId,
    pub text: &'t str,
    /// Offset of the next line.
    pub at: usize,
    /// Number of lines read so far, which is also the number, from 1, of the line read last.
    pub number: u32,
    pub out: Vec<Line>,
    /// The first line that is longer than BuildKit reads, with its number.
    pub too_long: Option<(Span, u32)>,
}

impl<'t> Lines<'t> {
    pub fn new(file: FileId, text: &'t str) -> Self {
        // A line of a Dockerfile has some thirty bytes; one growth step more or less does not matter.
        let out = Vec::with_capacity(text.len() / 32 + 1);
        Lines { file, text, at: 0, number: 0, out, too_long: None }
    }

    /// The bytes of the next line with its line end; `None` at the end of the text.
    pub fn next(&mut self) -> Option<Range<usize>> {
        if self.at >= self.text.len() {
            return None;
        }
        let start = self.at;
        let line = &self.text.as_bytes()[start..];
        let (content, end) = match memchr(b'\n', line) {
            Some(lf) => (lf, start + lf + 1),
            None => (line.len(), self.text.len()),
        };
        if content > MAX_LINE && self.too_long.is_none() {
            self.too_long = Some((Span::new(self.file, start..start + content), self.number));
        }
        self.at = end;
        self.number += 1;
        Some(start..end)
    }

    pub fn note(&mut self, line: &Range<usize>, kind: LineKind) {
        self.out.push(Line { span: Span::new(self.file, line.clone()), kind });
    }

    /// The line without its line end.
    pub fn content(&self, line: &Range<usize>) -> &'t str {
        trim_line_end(&self.text[line.clone()])
    }
}

/// Where the text of a physical line goes on after the escape character was cut off.
pub(super) struct Continued<'t> {
    pub text: &'t str,
    pub goes_on: bool,
}

/// Cuts the continuation off: an escape character, not behind another one, with nothing but blanks and tabs after it.
pub(super) fn cut_continuation(line: &str, escape: char) -> Continued<'_> {
    let trimmed = line.trim_end_matches([' ', '\t']);
    match trimmed.strip_suffix(escape) {
        Some(text) if !text.ends_with(escape) => Continued { text, goes_on: true },
        _ => Continued { text: line, goes_on: false },
    }
}

/// Whether the first byte that is no blank is `#`.
pub(super) fn is_comment(line: &str) -> bool {
    trim_start(line).starts_with('#')
}

/// The comment as BuildKit keeps it, which takes the line's first byte for the `#`.
pub(super) fn comment_text(line: &str) -> String {
    match line.get(1..) {
        Some(rest) => rest.trim().to_owned(),
        None => line.trim().to_owned(),
    }
}

/// The reader of directives: they stand at the top of the file, each at most once.
pub(super) struct Directives {
    done: bool,
    seen: Vec<&'static str>,
}

/// What a line means to the reader of directives.
pub(super) enum Found {
    Nothing,
    Directive(Directive),
    Refused(SyntaxError),
}

const NAMES: [&str; 3] = ["syntax", "escape", "check"];

impl Directives {
    pub fn new() -> Self {
        Directives { done: false, seen: Vec::new() }
    }

    pub fn is_done(&self) -> bool {
        self.done
    }

    /// Reads `line`, which stands at `start` without its indentation and line end.
    pub fn read(&mut self, file: FileId, start: usize, line: &str, number: u32, indented: bool) -> Found {
        if self.done {
            return Found::Nothing;
        }
        let Some((name, value)) = line.strip_prefix('#').and_then(split_directive) else {
            self.done = true;
            return Found::Nothing;
        };
        let lower = name.to_ascii_lowercase();
        let Some(known) = NAMES.into_iter().find(|known| *known == lower) else {
            self.done = true;
            return Found::Nothing;
        };
        let offset = |part: &str| start + (part.as_ptr() as usize - line.as_ptr() as usize);
        if self.seen.contains(&known) {
            let at = offset(name);
            let message = format!("the directive `{known}` stands here a second time");
            let mut error = SyntaxError::new(message, Span::new(file, at..at + name.len()));
            error.help = Some("keep one of the two".to_owned());
            return Found::Refused(error);
        }
        self.seen.push(known);
        let value = MappedText::verbatim(file, offset(value), value);
        let span = Span::new(file, start..start + line.len());
        Found::Directive(Directive { span, name: lower, value, line: number, indented })
    }
}

/// Splits `name = value`, as the expression `^([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*$` does.
pub(super) fn split_directive(comment: &str) -> Option<(&str, &str)> {
    let comment = trim_start(comment);
    let name_len = comment.bytes().take_while(u8::is_ascii_alphanumeric).count();
    let (name, rest) = comment.split_at(name_len);
    if !name.starts_with(|first: char| first.is_ascii_alphabetic()) {
        return None;
    }
    let rest = rest.trim_start_matches(chars::REGEX_SPACE).strip_prefix('=')?;
    let value = rest.trim_matches(chars::REGEX_SPACE);
    if value.is_empty() {
        // The expression asks for one character at least and gives it the last blank.
        let last = rest.len().checked_sub(1)?;
        return Some((name, &rest[last..]));
    }
    Some((name, value))
}

/// The value that BuildKit's search for a directive finds, which is not the parser's reading: `check` and `syntax` are
/// taken from here. A first line that begins with `#!` is skipped, indented directives do not count, and the value ends
/// at its first blank.
///
/// Source: BuildKit `frontend/dockerfile/parser/directives.go` (`ParseDirective`). The forms of `syntax` that are no
/// Dockerfile comment (`// syntax=`, JSON) are not looked for.
pub fn search_directive(file: FileId, text: &str, name: &str) -> Option<Directive> {
    let mut lines = Lines::new(file, text);
    let mut reader = Directives::new();
    while let Some(line) = lines.next() {
        let mut start = line.start;
        let mut content = &text[line.clone()];
        content = content.strip_suffix('\n').unwrap_or(content);
        content = content.strip_suffix('\r').unwrap_or(content);
        if lines.number == 1 {
            if let Some(rest) = content.strip_prefix('\u{feff}') {
                content = rest;
                start += '\u{feff}'.len_utf8();
            }
            if content.starts_with("#!") {
                continue;
            }
        }
        match reader.read(file, start, content, lines.number, false) {
            Found::Directive(directive) if directive.name == name => {
                let end = directive.value.find(' ').unwrap_or(directive.value.len());
                let value = directive.value.slice(0..end);
                return Some(Directive { value, ..directive });
            }
            Found::Refused(_) => return None,
            _ if reader.is_done() => return None,
            _ => {}
        }
    }
    None
}
