//! Text that was put together from pieces of a file.
//!
//! A continued Dockerfile instruction, a flag without its quotes, the text of a JSON string or of a YAML block scalar:
//! what the format hands on is not what stands in the file. [`MappedText`] carries the text together with the place of
//! every byte of it, so that whatever is read out of it later can still be underlined and edited in the file.

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

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

/// A text and its pieces, of which any number of [`MappedText`] may show a part.
#[derive(Debug, Clone)]
struct Whole {
    file: FileId,
    text: String,
    first: Piece,
    rest: Vec<Piece>,
}

/// Text with the source place of each of its bytes.
///
/// It is cheap to clone and to slice: all parts of one text share it.
#[derive(Clone)]
pub struct MappedText {
    whole: Arc<Whole>,
    start: u32,
    end: u32,
}

impl MappedText {
    /// `text` as it stands in `file` from the byte at `start`.
    pub fn verbatim(file: FileId, start: usize, text: &str) -> Self {
        let first = Piece { text: 0, source: cut(start), len: cut(text.len()) };
        let whole = Whole { file, text: text.to_owned(), first, rest: Vec::new() };
        MappedText { whole: Arc::new(whole), start: 0, end: cut(text.len()) }
    }

    /// An empty text that stands before the byte at `start`. Grow it with [`push`](Self::push).
    pub fn empty(file: FileId, start: usize) -> Self {
        MappedText::verbatim(file, start, "")
    }

    /// The file that the offsets belong to.
    pub fn file(&self) -> FileId {
        self.whole.file
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        // Both offsets are on character boundaries: `slice` sees to it.
        &self.whole.text[self.start as usize..self.end as usize]
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

    /// Appends another text of the same file with its places.
    pub fn push_mapped(&mut self, other: &MappedText) {
        if self.is_empty() {
            *self = other.clone();
            return;
        }
        other.each_piece(0..other.len(), |source, text| self.append(source.start, source.len(), text));
    }

    fn append(&mut self, source: usize, len: usize, text: &str) {
        if text.is_empty() {
            return;
        }
        let whole = self.own();
        let at = whole.text.len();
        whole.text.push_str(text);
        let end = cut(whole.text.len());
        let piece = Piece { text: cut(at), source: cut(source), len: cut(len) };
        let verbatim = len == text.len();
        let last = whole.rest.last_mut().unwrap_or(&mut whole.first);
        let last_verbatim = last.len == piece.text - last.text;
        if at == 0 {
            whole.first = piece;
        } else if verbatim && last_verbatim && last.source + last.len == piece.source {
            last.len += piece.len;
        } else {
            whole.rest.push(piece);
        }
        self.end = end;
    }

    /// The text behind this one, with nothing else in it and nobody else looking at it.
    fn own(&mut self) -> &mut Whole {
        let all = self.start == 0 && self.end as usize == self.whole.text.len();
        if !all {
            let place = self.gap(0);
            let first = Piece { text: 0, source: cut(place), len: 0 };
            let mut own = Whole { file: self.whole.file, text: String::new(), first, rest: Vec::new() };
            self.each_piece(0..self.len(), |source, text| {
                let piece = Piece { text: cut(own.text.len()), source: cut(source.start), len: cut(source.len()) };
                if own.text.is_empty() {
                    own.first = piece;
                } else {
                    own.rest.push(piece);
                }
                own.text.push_str(text);
            });
            *self = MappedText { start: 0, end: cut(own.text.len()), whole: Arc::new(own) };
        }
        Arc::make_mut(&mut self.whole)
    }

    /// Whether the text is one unbroken run of the file, byte for byte, so that it can be edited in place.
    pub fn is_verbatim(&self) -> bool {
        let first = self.piece_at(0);
        let last = self.piece_at(self.len().saturating_sub(1));
        first == last && self.is_copied(first)
    }

    /// The smallest span that holds all of the text.
    pub fn span(&self) -> Span {
        if self.is_empty() && self.whole.text.is_empty() {
            let start = self.whole.first.source as usize;
            return Span::new(self.whole.file, start..start + self.whole.first.len as usize);
        }
        self.span_of(0..self.len())
    }

    /// The smallest span that holds the text's bytes `range`. An empty range gives the empty span behind the byte
    /// before it, even if that belongs to another part of the same text. A range beyond the text is cut off.
    pub fn span_of(&self, range: Range<usize>) -> Span {
        let end = range.end.min(self.len());
        let start = range.start.min(end);
        if start == end {
            return Span::at(self.whole.file, self.gap(start));
        }
        let piece = self.piece_at(start);
        let first = self.place(piece, start);
        let last = if end - start == 1 { first.clone() } else { self.place(self.piece_at(end - 1), end - 1) };
        Span::new(self.whole.file, first.start.min(last.start)..last.end.max(first.end))
    }

    /// The offset in the text of the file's byte at `source`; the start of the piece where an escape was resolved.
    /// `None` if that byte is not part of the text. Takes time linear in the number of pieces.
    pub fn offset_of(&self, source: usize) -> Option<usize> {
        let mut found = None;
        let mut at = 0;
        self.each_piece(0..self.len(), |piece, text| {
            if piece.contains(&source) && found.is_none() {
                found = Some(at + if piece.len() == text.len() { source - piece.start } else { 0 });
            }
            at += text.len();
        });
        found
    }

    /// The file's offset before the byte at `offset`, where the text can be cut; `None` within an escape. At the end of the text it is
    /// behind the last byte.
    pub fn cut_at(&self, offset: usize) -> Option<usize> {
        if offset >= self.len() {
            return Some(self.gap(self.len()));
        }
        let index = self.piece_at(offset);
        let begins = self.piece(index).is_some_and(|piece| piece.text as usize == self.start as usize + offset);
        (begins || self.is_copied(index)).then(|| self.place(index, offset).start)
    }

    /// The file's offset behind the byte before `offset`.
    pub fn behind(&self, offset: usize) -> usize {
        self.gap(offset.min(self.len()))
    }

    /// The text's bytes `range` with their places; empty when the range does not fall on characters of the text.
    pub fn slice(&self, range: Range<usize>) -> MappedText {
        let (mut start, mut end) = (self.start as usize + range.start, self.start as usize + range.end);
        if end > self.end as usize || self.whole.text.get(start..end).is_none() {
            start = start.min(self.end as usize);
            while !self.whole.text.is_char_boundary(start) {
                start -= 1;
            }
            end = start;
        }
        MappedText { whole: Arc::clone(&self.whole), start: cut(start), end: cut(end) }
    }

    /// The text without blanks (Unicode white space) at both ends.
    pub fn trimmed(&self) -> MappedText {
        let start = self.len() - self.trim_start().len();
        self.slice(start..start + self.trim().len())
    }

    fn piece(&self, index: usize) -> Option<Piece> {
        if index == 0 { Some(self.whole.first) } else { self.whole.rest.get(index - 1).copied() }
    }

    /// Index of the piece that holds the byte at `offset`; the last one at the end of the whole text.
    fn piece_at(&self, offset: usize) -> usize {
        let offset = self.start as usize + offset;
        self.whole.rest.partition_point(|piece| piece.text as usize <= offset)
    }

    /// Length in the text of a piece.
    fn text_len(&self, index: usize) -> usize {
        let end = self.piece(index + 1).map_or(self.whole.text.len(), |next| next.text as usize);
        end - self.piece(index).map_or(end, |piece| piece.text as usize)
    }

    /// Whether a piece stands in the file byte for byte.
    fn is_copied(&self, index: usize) -> bool {
        self.piece(index).is_some_and(|piece| piece.len as usize == self.text_len(index))
    }

    /// The place in the file behind the byte before `offset`.
    fn gap(&self, offset: usize) -> usize {
        let offset = self.start as usize + offset;
        let Some(before) = offset.checked_sub(1) else { return self.whole.first.source as usize };
        let index = self.whole.rest.partition_point(|piece| piece.text as usize <= before);
        match self.piece(index) {
            Some(piece) if self.is_copied(index) => piece.source as usize + offset - piece.text as usize,
            Some(piece) => piece.source as usize + piece.len as usize,
            None => self.whole.first.source as usize,
        }
    }

    /// The source bytes of the text's byte at `offset`, which lies in the piece `index`.
    fn place(&self, index: usize, offset: usize) -> Range<usize> {
        let piece = self.piece(index).unwrap_or(self.whole.first);
        let (source, len) = (piece.source as usize, piece.len as usize);
        let offset = self.start as usize + offset;
        if self.is_copied(index) {
            let at = source + offset - piece.text as usize;
            at..at + 1
        } else {
            source..source + len
        }
    }

    fn each_piece(&self, range: Range<usize>, mut each: impl FnMut(Range<usize>, &str)) {
        let mut index = self.piece_at(range.start);
        let mut at = self.start as usize + range.start;
        let range_end = self.start as usize + range.end;
        while at < range_end {
            let Some(piece) = self.piece(index) else { return };
            let end = (piece.text as usize + self.text_len(index)).min(range_end);
            let source = if self.is_copied(index) {
                let start = piece.source as usize + at - piece.text as usize;
                start..start + end - at
            } else {
                piece.source as usize..piece.source as usize + piece.len as usize
            };
            match self.whole.text.get(at..end) {
                Some(text) => each(source, text),
                None => return,
            }
            at = end;
            index += 1;
        }
    }

    /// The source ranges of the text's pieces.
    fn places(&self) -> Vec<(Range<usize>, usize)> {
        let mut places = Vec::new();
        self.each_piece(0..self.len(), |source, text| places.push((source, text.len())));
        places
    }
}

impl PartialEq for MappedText {
    /// Equal texts at equal places.
    fn eq(&self, other: &Self) -> bool {
        self.file() == other.file() && self.as_str() == other.as_str() && self.places() == other.places()
    }
}

impl Eq for MappedText {}

/// No file larger than `u32::MAX` bytes is read, so nothing is lost in practice.
fn cut(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}

impl Deref for MappedText {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq<str> for MappedText {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for MappedText {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl fmt::Display for MappedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl fmt::Debug for MappedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}@{:?}", self.as_str(), self.span())
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
        assert_eq!(text.slice(5..5).span(), Span::at(FILE, 5));
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
