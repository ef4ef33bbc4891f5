//! Strings of a format with escapes: the value, and where each byte of it stands.

use std::ops::Range;

use crate::source::Span;
use crate::syntax::mapped::MappedText;

/// Literal text with its places in the file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Text {
    /// The text with escapes resolved.
    pub value: String,
    /// Where the pieces of the value stand, in order and without gaps in the value.
    pub pieces: Vec<Piece>,
}

/// A piece of a [`Text`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// Offset of its first byte in the value.
    pub at: u32,
    /// Its place in the file.
    pub span: Span,
    /// Whether the file has the value byte for byte, unlike an escape sequence.
    pub verbatim: bool,
}

impl Text {
    /// Appends text that stands at `span`.
    pub fn push(&mut self, value: &str, span: Span, verbatim: bool) {
        if value.is_empty() {
            return;
        }
        if verbatim
            && let Some(last) = self.pieces.last_mut()
            && last.verbatim
            && last.span.end == span.start
        {
            last.span.end = span.end;
        } else {
            self.pieces.push(Piece { at: self.value.len() as u32, span, verbatim });
        }
        self.value.push_str(value);
    }

    /// The part of the text that is the bytes `range` of the value, which must lie on character boundaries.
    pub(crate) fn slice(&self, range: Range<usize>) -> Text {
        let mut part = Text::default();
        for (index, piece) in self.pieces.iter().enumerate() {
            let end = self.pieces.get(index + 1).map_or(self.value.len(), |next| next.at as usize);
            let (from, to) = (range.start.max(piece.at as usize), range.end.min(end));
            if let (true, Some(value)) = (from < to, self.value.get(from..to)) {
                let span = locate(std::slice::from_ref(piece), from..to).unwrap_or(piece.span);
                part.push(value, span, piece.verbatim);
            }
        }
        part
    }

    /// The text as one that shells read; `place` is where the token stands.
    pub fn mapped(&self, place: Span) -> MappedText {
        let mut mapped = MappedText::empty(place.file, place.start as usize);
        for (index, piece) in self.pieces.iter().enumerate() {
            let end = self.pieces.get(index + 1).map_or(self.value.len(), |next| next.at as usize);
            let text = self.value.get(piece.at as usize..end).unwrap_or_default();
            match piece.verbatim {
                true => mapped.push(piece.span.start as usize, text),
                false => mapped.push_for(piece.span.range(), text),
            }
        }
        mapped
    }

    /// Appends another text.
    pub(crate) fn append(&mut self, other: &Text) {
        for (index, piece) in other.pieces.iter().enumerate() {
            let end = other.pieces.get(index + 1).map_or(other.value.len(), |next| next.at as usize);
            self.push(other.value.get(piece.at as usize..end).unwrap_or_default(), piece.span, piece.verbatim);
        }
    }

    /// The place of the bytes `range` of the value; none if the text is empty or the range does not fit.
    pub fn locate(&self, range: Range<usize>) -> Option<Span> {
        locate(&self.pieces, range)
    }
}

/// The place of the bytes `range` of a value that consists of `pieces`; an escape sequence counts as a whole.
pub fn locate(pieces: &[Piece], range: Range<usize>) -> Option<Span> {
    let piece_of = |offset: usize| {
        let index = pieces.partition_point(|piece| piece.at as usize <= offset).checked_sub(1)?;
        pieces.get(index)
    };
    let first = piece_of(range.start)?;
    let start = match first.verbatim {
        true => (first.span.start + (range.start as u32 - first.at)).min(first.span.end),
        false => first.span.start,
    };
    if range.is_empty() {
        return Some(Span { start, end: start, ..first.span });
    }
    let last = piece_of(range.end - 1)?;
    let end = match last.verbatim {
        true => (last.span.start + (range.end as u32 - last.at)).min(last.span.end),
        false => last.span.end,
    };
    Some(match last.span.file == first.span.file && start <= end {
        true => Span { start, end, ..first.span },
        false => first.span,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    #[test]
    fn a_range_of_the_value_maps_to_the_file_and_escapes_count_as_a_whole() {
        let span = |start, end| Span { file: FileId(0), start, end };
        // The file has `ab\nc` from offset 10 on.
        let mut text = Text::default();
        text.push("ab", span(10, 12), true);
        text.push("\n", span(12, 14), false);
        text.push("c", span(14, 15), true);
        assert_eq!(text.locate(0..2), Some(span(10, 12)));
        assert_eq!(text.locate(1..3), Some(span(11, 14)));
        assert_eq!(text.locate(3..4), Some(span(14, 15)));
        assert_eq!(text.locate(2..2), Some(span(12, 12)));
        assert_eq!(text.slice(1..4).value, "b\nc");
        assert_eq!(text.slice(1..4).locate(0..3), Some(span(11, 15)));
    }
}
