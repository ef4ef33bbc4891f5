//! Text that was put together from pieces of a file.
//!
//! A continued Dockerfile instruction, a flag without its quotes, the text of a JSON string or of a YAML block scalar:
//! what the format hands on is not what stands in the file. [`MappedText`] carries the text together with the place of
//! every byte of it, so that whatever is read out of it later can still be underlined and edited in the file.

use std::fmt;
use std::ops::{Deref, Range};

use crate::source::{FileId, Span};

/// One run of text and the run of source bytes that it was made from.
///
/// The two have the same length when the text was copied. Where an escape was resolved they differ, and the piece is
/// one unit: a span that touches any byte of it covers all of its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Piece {
    /// Offset of the first byte in the text.
    text: u32,
    /// Offset of the first byte in the file.
    source: u32,
    /// Number of bytes in the file.
    len: u32,
}

/// Text with the source place of each of its bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct MappedText {
    file: FileId,
    text: String,
    first: Piece,
    rest: Vec<Piece>,
}

impl MappedText {
    /// `text` as it stands in `file` from the byte at `start`.
    pub fn verbatim(file: FileId, start: usize, text: &str) -> Self {
        let first = Piece { text: 0, source: cut(start), len: cut(text.len()) };
        MappedText { file, text: text.to_owned(), first, rest: Vec::new() }
    }

    /// An empty text that stands before the byte at `start`. Grow it with [`push`](Self::push).
    pub fn empty(file: FileId, start: usize) -> Self {
        MappedText::verbatim(file, start, "")
    }

    /// The file that the offsets belong to.
    pub fn file(&self) -> FileId {
        self.file
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Appends text that stands at `source` just as it is.
    pub fn push(&mut self, source: usize, text: &str) {
        self.append(source, text.len(), text);
    }

    /// Appends text that the bytes `source` stand for, such as the character behind an escape. An empty source range
    /// makes text that stands nowhere in the file, like a line end that a tool puts between two parts.
    pub fn push_for(&mut self, source: Range<usize>, text: &str) {
        self.append(source.start, source.len(), text);
    }

    fn append(&mut self, source: usize, len: usize, text: &str) {
        if text.is_empty() {
            return;
        }
        let at = self.text.len();
        self.text.push_str(text);
        let piece = Piece { text: cut(at), source: cut(source), len: cut(len) };
        if at == 0 {
            self.first = piece;
            return;
        }
        let verbatim = len == text.len();
        let last = self.rest.last_mut().unwrap_or(&mut self.first);
        let last_verbatim = last.len == piece.text - last.text;
        if verbatim && last_verbatim && last.source + last.len == piece.source {
            last.len += piece.len;
        } else {
            self.rest.push(piece);
        }
    }

    /// Appends another text of the same file with its places.
    pub fn push_mapped(&mut self, other: &MappedText) {
        other.each_piece(0..other.text.len(), |source, text| self.append(source.start, source.len(), text));
    }

    /// Whether the text is one unbroken run of the file, byte for byte, so that it can be edited in place.
    pub fn is_verbatim(&self) -> bool {
        self.rest.is_empty() && self.first.len as usize == self.text.len()
    }

    /// The smallest span that holds all of the text.
    pub fn span(&self) -> Span {
        if self.rest.is_empty() {
            let start = self.first.source as usize;
            return Span::new(self.file, start..start + self.first.len as usize);
        }
        self.span_of(0..self.text.len())
    }

    /// The smallest span that holds the text's bytes `range`. An empty range gives the empty span before its byte, or
    /// behind the last byte at the end. A range beyond the text is cut off.
    pub fn span_of(&self, range: Range<usize>) -> Span {
        let end = range.end.min(self.text.len());
        let start = range.start.min(end);
        let from = self.piece_at(start);
        if start == end {
            return Span::at(self.file, self.place(from, start).start);
        }
        let first = self.place(from, start);
        let last = self.piece_at(end - 1);
        let last = self.place(last, end - 1);
        Span::new(self.file, first.start.min(last.start)..last.end.max(first.end))
    }

    /// The offset in the text of the file's byte at `source`; the start of the piece where an escape was resolved.
    /// `None` if that byte is not part of the text. Takes time linear in the number of pieces.
    pub fn offset_of(&self, source: usize) -> Option<usize> {
        (0..=self.rest.len()).find_map(|index| {
            let piece = self.piece(index)?;
            let inside = source.checked_sub(piece.source as usize).filter(|inside| *inside < piece.len as usize)?;
            let verbatim = piece.len as usize == self.text_len(index);
            Some(piece.text as usize + if verbatim { inside } else { 0 })
        })
    }

    /// The text's bytes `range` with their places; empty when the range does not fall on characters of the text.
    pub fn slice(&self, range: Range<usize>) -> MappedText {
        let Some(text) = self.text.get(range.clone()) else {
            return MappedText::empty(self.file, self.span_of(range).range().start);
        };
        if text.is_empty() {
            return MappedText::empty(self.file, self.span_of(range).range().start);
        }
        let mut slice = MappedText::empty(self.file, 0);
        self.each_piece(range, |source, text| slice.append(source.start, source.len(), text));
        slice
    }

    /// The text without blanks (Unicode white space) at both ends.
    pub fn trimmed(&self) -> MappedText {
        let start = self.text.len() - self.text.trim_start().len();
        self.slice(start..start + self.text.trim().len())
    }

    fn piece(&self, index: usize) -> Option<Piece> {
        if index == 0 { Some(self.first) } else { self.rest.get(index - 1).copied() }
    }

    /// Index of the piece that holds the byte at `offset`; the last one at the end of the text.
    fn piece_at(&self, offset: usize) -> usize {
        self.rest.partition_point(|piece| piece.text as usize <= offset)
    }

    /// Length in the text of a piece.
    fn text_len(&self, index: usize) -> usize {
        let end = self.piece(index + 1).map_or(self.text.len(), |next| next.text as usize);
        end - self.piece(index).map_or(end, |piece| piece.text as usize)
    }

    /// The source bytes of the text's byte at `offset`, which lies in the piece `index`.
    fn place(&self, index: usize, offset: usize) -> Range<usize> {
        let piece = self.piece(index).unwrap_or(self.first);
        let (source, len) = (piece.source as usize, piece.len as usize);
        let inside = offset - piece.text as usize;
        if len == self.text_len(index) {
            source + inside..source + inside + 1
        } else if offset == self.text.len() {
            source + len..source + len
        } else {
            source..source + len
        }
    }

    fn each_piece(&self, range: Range<usize>, mut each: impl FnMut(Range<usize>, &str)) {
        let mut index = self.piece_at(range.start);
        let mut at = range.start;
        while at < range.end {
            let Some(piece) = self.piece(index) else { return };
            let whole = self.text_len(index);
            let piece_end = piece.text as usize + whole;
            let end = piece_end.min(range.end);
            let source = if piece.len as usize == whole {
                let start = piece.source as usize + at - piece.text as usize;
                start..start + end - at
            } else {
                piece.source as usize..piece.source as usize + piece.len as usize
            };
            match self.text.get(at..end) {
                Some(text) => each(source, text),
                None => return,
            }
            at = end;
            index += 1;
        }
    }
}

/// No file larger than `u32::MAX` bytes is read, so nothing is lost in practice.
fn cut(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}

impl Deref for MappedText {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl PartialEq<str> for MappedText {
    fn eq(&self, other: &str) -> bool {
        self.text == other
    }
}

impl PartialEq<&str> for MappedText {
    fn eq(&self, other: &&str) -> bool {
        self.text == *other
    }
}

impl fmt::Display for MappedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for MappedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}@{:?}", self.text, self.span())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: FileId = FileId(0);

    /// `RUN a\⏎b` joined to `RUN ab`.
    fn joined() -> MappedText {
        let mut text = MappedText::verbatim(FILE, 0, "RUN a");
        text.push(7, "b");
        text
    }

    #[test]
    fn spans_cross_the_gap_between_pieces() {
        let text = joined();
        assert_eq!(text.as_str(), "RUN ab");
        assert_eq!(text.span_of(4..6), Span::new(FILE, 4..8));
        assert_eq!(text.span_of(5..6), Span::new(FILE, 7..8));
        assert_eq!(text.span_of(6..6), Span::at(FILE, 8));
        assert_eq!(text.slice(4..6).span(), Span::new(FILE, 4..8));
        assert!(!text.is_verbatim());
        assert!(text.slice(5..6).is_verbatim());
    }

    #[test]
    fn neighbouring_pieces_melt_together() {
        let mut text = MappedText::empty(FILE, 9);
        text.push(3, "ab");
        text.push(5, "c");
        assert!(text.is_verbatim());
        assert_eq!(text.span(), Span::new(FILE, 3..6));
    }

    #[test]
    fn an_escape_is_one_unit() {
        let mut text = MappedText::verbatim(FILE, 0, "a");
        text.push_for(1..7, "A");
        text.push(7, "z");
        assert_eq!(text.span_of(1..2), Span::new(FILE, 1..7));
        assert_eq!(text.span_of(1..3), Span::new(FILE, 1..8));
        assert_eq!(text.slice(1..3).span_of(0..1), Span::new(FILE, 1..7));
        let mut outer = MappedText::empty(FILE, 0);
        outer.push_mapped(&text);
        assert_eq!(outer, text);
    }
}
