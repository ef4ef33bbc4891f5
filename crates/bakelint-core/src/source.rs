//! Source text and places in it.
//!
//! Every format keeps byte offsets into the file as it stands on disk, so that a finding can be underlined and
//! a fix can be cut in without printing the file anew.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

/// One file of a [`Snapshot`](crate::snapshot::Snapshot): its index there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u32);

/// A range of bytes in one file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The file that the offsets belong to.
    pub file: FileId,
    /// Offset of the first byte.
    pub start: u32,
    /// Offset behind the last byte.
    pub end: u32,
}

impl Span {
    /// The span of the bytes `range` of `file`. Offsets beyond `u32::MAX` are cut off: no file that large is read.
    pub fn new(file: FileId, range: Range<usize>) -> Self {
        let cut = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Span { file, start: cut(range.start), end: cut(range.end) }
    }

    /// The empty span before the byte at `offset`.
    pub fn at(file: FileId, offset: usize) -> Self {
        Span::new(file, offset..offset)
    }

    /// The offsets as an index range.
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// Number of bytes.
    pub fn len(self) -> usize {
        (self.end - self.start) as usize
    }

    /// Whether the span holds no byte.
    pub fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// Whether `other` lies wholly inside this span, in the same file.
    pub fn contains(self, other: Span) -> bool {
        self.file == other.file && self.start <= other.start && other.end <= self.end
    }

    /// The smallest span that holds both; `other` must be of the same file.
    pub fn cover(self, other: Span) -> Span {
        debug_assert_eq!(self.file, other.file);
        Span { file: self.file, start: self.start.min(other.start), end: self.end.max(other.end) }
    }

    /// The empty span at the start of this one.
    pub fn before(self) -> Span {
        Span { end: self.start, ..self }
    }

    /// The empty span behind this one.
    pub fn after(self) -> Span {
        Span { start: self.end, ..self }
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}..{}", self.file.0, self.start, self.end)
    }
}

/// A syntax node's value with the place where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Spanned<T> {
    /// The value.
    pub node: T,
    /// Where it stands.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// Pairs a value with its place.
    pub fn new(node: T, span: Span) -> Self {
        Spanned { node, span }
    }

    /// The same place with another value.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Spanned<U> {
        Spanned { node: f(self.node), span: self.span }
    }

    /// Borrows the value.
    pub fn as_ref(&self) -> Spanned<&T> {
        Spanned { node: &self.node, span: self.span }
    }
}

/// A place as people and editors count it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct Position {
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1, in UTF-16 code units.
    pub column: u32,
    /// Offset in bytes, from 0.
    pub offset: u32,
}

/// Where the lines of a text begin. A line ends at LF; a CR before it belongs to the line end.
#[derive(Debug, Clone)]
pub struct LineIndex {
    starts: Vec<u32>,
    len: u32,
}

impl LineIndex {
    /// Finds the lines of `text` in one pass.
    pub fn new(text: &[u8]) -> Self {
        let starts = std::iter::once(0).chain(memchr::memchr_iter(b'\n', text).map(|at| at as u32 + 1)).collect();
        LineIndex { starts, len: text.len() as u32 }
    }

    /// Number of lines; a text that ends with LF has an empty last line.
    pub fn count(&self) -> usize {
        self.starts.len()
    }

    /// The line, from 0, that holds the byte at `offset`.
    pub fn line_of(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start as usize <= offset) - 1
    }

    /// Bytes of line `line` (from 0), its LF included; empty behind the last line.
    pub fn range(&self, line: usize) -> Range<usize> {
        let at = |line: usize| self.starts.get(line).map_or(self.len, |start| *start) as usize;
        at(line)..at(line + 1)
    }
}

/// A file's path, bytes and text.
#[derive(Debug, Clone)]
pub struct Source {
    /// Path relative to the root, `/`-separated.
    pub path: String,
    /// Whether the file must not be edited, because it is reached through a symbolic link.
    pub read_only: bool,
    bytes: Arc<[u8]>,
    text: Arc<str>,
    utf8: bool,
    lines: OnceLock<Arc<LineIndex>>,
}

/// Stands in [`Source::text`] for each byte that is not valid UTF-8, so that offsets stay equal.
pub const SUBSTITUTE: char = '\u{1a}';

impl Source {
    /// A file at `path` with these bytes.
    pub fn new(path: impl Into<String>, bytes: impl Into<Arc<[u8]>>) -> Self {
        let bytes = bytes.into();
        let (text, utf8) = match std::str::from_utf8(&bytes) {
            Ok(text) => (Arc::from(text), true),
            Err(_) => (substitute(&bytes).into(), false),
        };
        Source { path: path.into(), read_only: false, bytes, text, utf8, lines: OnceLock::new() }
    }

    /// The bytes as they are on disk.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The text, of the same length as the bytes: each invalid byte reads as [`SUBSTITUTE`].
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text of a span of this file; empty when the span does not fit the text.
    pub fn slice(&self, span: Span) -> &str {
        self.text.get(span.range()).unwrap_or_default()
    }

    /// Whether all bytes are valid UTF-8.
    pub fn is_utf8(&self) -> bool {
        self.utf8
    }

    /// Whether fixes may change the file: all of it is known, and it is no link to another one.
    pub fn is_editable(&self) -> bool {
        self.utf8 && !self.read_only
    }

    /// Where the lines begin.
    pub fn lines(&self) -> &LineIndex {
        self.lines.get_or_init(|| Arc::new(LineIndex::new(&self.bytes)))
    }

    /// The place of the byte at `offset`, as editors count it.
    pub fn position(&self, offset: usize) -> Position {
        let offset = offset.min(self.bytes.len());
        let line = self.lines().line_of(offset);
        let start = self.lines().range(line).start;
        let before = &self.text.as_bytes()[start..offset];
        let column = match before.is_ascii() {
            true => before.len(),
            false => String::from_utf8_lossy(before).encode_utf16().count(),
        };
        Position { line: line as u32 + 1, column: column as u32 + 1, offset: offset as u32 }
    }
}

/// Replaces each invalid byte by one ASCII byte; everything valid stays.
fn substitute(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| SUBSTITUTE));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_utf16_units_and_lines_end_at_lf() {
        let source = Source::new("a", "é𝄞x\r\ny".as_bytes());
        let position = source.position("é𝄞".len());
        assert_eq!((position.line, position.column), (1, 4));
        assert_eq!(source.position(9).line, 2);
        assert_eq!(source.lines().range(0), 0..9);
    }

    #[test]
    fn invalid_bytes_keep_their_offsets() {
        let source = Source::new("a", &b"a\xff\xfeb"[..]);
        assert_eq!(source.text(), "a\u{1a}\u{1a}b");
        assert!(!source.is_utf8());
        assert_eq!(source.bytes()[1], 0xff);
    }
}
