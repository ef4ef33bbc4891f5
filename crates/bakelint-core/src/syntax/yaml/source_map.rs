//! Places of a scalar's decoded text in the file.

use std::ops::Range;

use super::{Scalar, ScalarStyle};
use crate::source::{FileId, Span};

/// Maps ranges of decoded text to the bytes that they were written with: the command of a `run: |` step loses its
/// indentation, a quoted string its escapes, a folded one its line ends.
#[derive(Debug, Clone)]
pub struct SourceMap {
    file: FileId,
    pieces: Vec<Piece>,
    /// Where an empty text or its end lies.
    end: usize,
}

/// A run of decoded text. Both ranges are equally long where the text was copied; else the run maps as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Piece {
    decoded: Range<usize>,
    source: Range<usize>,
}

impl Piece {
    fn is_copy(&self) -> bool {
        self.decoded.len() == self.source.len()
    }
}

impl SourceMap {
    pub(super) fn new(scalar: &Scalar, span: Span, text: &str) -> Self {
        let range = span.range();
        let decoder = decode(scalar, range.clone(), text);
        // Should the two decoders ever differ, the whole token is the honest answer.
        let pieces = if decoder.decoded == scalar.text {
            decoder.pieces
        } else {
            vec![Piece { decoded: 0..scalar.text.len(), source: range.clone() }]
        };
        let quoted = matches!(scalar.style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted);
        let end = pieces.last().map_or(range.end - usize::from(quoted && range.len() > 1), |piece| piece.source.end);
        SourceMap { file: span.file, pieces, end }
    }

    /// The bytes that the decoded range `range` was written with, from its first to its last. An empty range maps to
    /// the place before the character at `range.start`.
    pub fn span(&self, range: Range<usize>) -> Span {
        let start = self.start_of(range.start);
        let end = if range.is_empty() { start } else { self.end_of(range.end) };
        Span::new(self.file, start..end.max(start))
    }

    /// The offset in the file of the decoded byte at `offset`; behind the text, the end of the token.
    pub fn offset(&self, offset: usize) -> usize {
        self.start_of(offset)
    }

    /// Whether the decoded range stands in the file byte for byte, so that an edit of it can be made there.
    pub fn is_verbatim(&self, range: Range<usize>) -> bool {
        self.pieces
            .iter()
            .any(|piece| piece.is_copy() && piece.decoded.start <= range.start && range.end <= piece.decoded.end)
    }

    fn start_of(&self, offset: usize) -> usize {
        let at = self.pieces.partition_point(|piece| piece.decoded.end <= offset);
        match self.pieces.get(at) {
            Some(piece) if piece.is_copy() => piece.source.start + offset.saturating_sub(piece.decoded.start),
            Some(piece) => piece.source.start,
            None => self.end,
        }
    }

    fn end_of(&self, offset: usize) -> usize {
        let at = self.pieces.partition_point(|piece| piece.decoded.end < offset);
        match self.pieces.get(at) {
            Some(piece) if piece.is_copy() => piece.source.start + offset.saturating_sub(piece.decoded.start),
            Some(piece) => piece.source.end,
            None => self.end,
        }
    }
}

/// Decodes a scalar once more, this time keeping the places.
pub(super) fn decode<'t>(scalar: &Scalar, token: Range<usize>, text: &'t str) -> Decoder<'t> {
    let mut decoder = Decoder { text, decoded: String::with_capacity(scalar.text.len()), pieces: Vec::new() };
    match scalar.style {
        _ if scalar.text.is_empty() => {}
        ScalarStyle::Plain => decoder.flow(token, None),
        ScalarStyle::SingleQuoted => decoder.flow(inside(&token), Some(b'\'')),
        ScalarStyle::DoubleQuoted => decoder.flow(inside(&token), Some(b'"')),
        ScalarStyle::Literal | ScalarStyle::Folded => decoder.block(scalar, token),
    }
    decoder
}

fn inside(range: &Range<usize>) -> Range<usize> {
    range.start + 1..range.end.saturating_sub(1).max(range.start + 1)
}

pub(super) struct Decoder<'a> {
    text: &'a str,
    pub(super) decoded: String,
    pieces: Vec<Piece>,
}

impl Decoder<'_> {
    /// Takes over the bytes `range` as they are.
    fn copy(&mut self, range: Range<usize>) {
        let Some(text) = self.text.get(range.clone()).filter(|text| !text.is_empty()) else { return };
        let start = self.decoded.len();
        self.decoded.push_str(text);
        match self.pieces.last_mut() {
            Some(last) if last.is_copy() && last.source.end == range.start => {
                last.source.end = range.end;
                last.decoded.end = self.decoded.len();
            }
            _ => self.pieces.push(Piece { decoded: start..self.decoded.len(), source: range }),
        }
    }

    /// Writes `text` for the bytes `range`.
    fn replace(&mut self, range: Range<usize>, text: &str) {
        if self.text.get(range.clone()) == Some(text) {
            return self.copy(range);
        }
        if !text.is_empty() {
            let start = self.decoded.len();
            self.decoded.push_str(text);
            self.pieces.push(Piece { decoded: start..self.decoded.len(), source: range });
        }
    }

    /// Plain and quoted text: line ends fold, quotes and escapes decode.
    fn flow(&mut self, range: Range<usize>, quote: Option<u8>) {
        let bytes = self.text.as_bytes();
        let mut at = range.start;
        // Text not taken over yet begins here.
        let mut copied = range.start;
        while at < range.end {
            match bytes[at] {
                b'\'' if quote == Some(b'\'') => {
                    self.copy(copied..at);
                    self.replace(at..at + 2, "'");
                    at += 2;
                    copied = at;
                }
                b'\\' if quote == Some(b'"') => {
                    self.copy(copied..at);
                    at = self.escape(at, range.end);
                    copied = at;
                }
                b'\n' | b'\r' => {
                    // Blanks before a line end go, but not those that an escape wrote.
                    let kept = self.text[copied..at].trim_end_matches([' ', '\t']).len() + copied;
                    self.copy(copied..kept);
                    let (next, breaks) = line_ends(bytes, at, range.end);
                    if breaks == 1 {
                        self.replace(kept..next, " ");
                    } else {
                        self.replace(kept..next, &"\n".repeat(breaks - 1));
                    }
                    at = next;
                    copied = at;
                }
                _ => at += 1,
            }
        }
        self.copy(copied.min(range.end)..range.end);
    }

    /// Decodes the escape at `at` and returns the offset behind it.
    fn escape(&mut self, at: usize, end: usize) -> usize {
        let rest = self.text.get(at + 1..end).unwrap_or_default();
        let Some(code) = rest.chars().next() else { return end };
        let plain = match code {
            '\n' | '\r' => {
                // An escaped line end vanishes; empty lines behind it still count.
                let (next, breaks) = line_ends(self.text.as_bytes(), at + 1, end);
                self.replace(at..next, &"\n".repeat(breaks - 1));
                return next;
            }
            '0' => '\0',
            'a' => '\u{7}',
            'b' => '\u{8}',
            't' | '\t' => '\t',
            'n' => '\n',
            'v' => '\u{b}',
            'f' => '\u{c}',
            'r' => '\r',
            'e' => '\u{1b}',
            'N' => '\u{85}',
            '_' => '\u{a0}',
            'L' => '\u{2028}',
            'P' => '\u{2029}',
            'x' | 'u' | 'U' => {
                let digits = match code {
                    'x' => 2,
                    'u' => 4,
                    _ => 8,
                };
                let hex = |text: Option<&str>| text.and_then(|digits| u32::from_str_radix(digits, 16).ok());
                let value = hex(rest.get(1..1 + digits)).unwrap_or(u32::MAX);
                if let Some(c) = char::from_u32(value) {
                    self.replace(at..at + 2 + digits, c.encode_utf8(&mut [0; 4]));
                    return at + 2 + digits;
                }
                // A pair of surrogates, as JSON writes it.
                let low = hex(rest.get(7..11)).unwrap_or(u32::MAX);
                let pair = [value, low].map(|unit| u16::try_from(unit).unwrap_or(0));
                let both = char::decode_utf16(pair).collect::<Result<String, _>>().unwrap_or_default();
                let next = (at + 12).min(end);
                self.replace(at..next, &both);
                return next;
            }
            c => c,
        };
        let next = at + 1 + code.len_utf8();
        self.replace(at..next, plain.encode_utf8(&mut [0; 4]));
        next
    }

    /// A literal or folded scalar whose header begins at `token.start`.
    fn block(&mut self, scalar: &Scalar, token: Range<usize>) {
        let bytes = self.text.as_bytes();
        let head = bytes.get(token.start..).and_then(|rest| rest.iter().position(|b| matches!(b, b'\n' | b'\r')));
        let Some(head) = head else { return };
        let mut at = token.start + head;
        let header = &self.text[token.start..at];
        let chomp = header.bytes().skip(1).take(2).find(|b| matches!(b, b'+' | b'-'));
        let folded = scalar.style == ScalarStyle::Folded;
        let indent = scalar.indent as usize;
        let mut breaks = Vec::new();
        breaks.push(at..line_end(bytes, at));
        at = line_end(bytes, at);
        let mut first = true;
        let mut deep_before = false;
        while at < bytes.len() {
            let width = bytes[at..].iter().take(indent).take_while(|b| **b == b' ').count();
            let content = at + width;
            let stop =
                bytes[content..].iter().position(|b| matches!(b, b'\n' | b'\r')).map_or(bytes.len(), |n| content + n);
            if content == stop || width < indent {
                if content < stop || stop == bytes.len() {
                    // Something is indented less, or the file is over: the scalar ends here.
                    break;
                }
                breaks.push(stop..line_end(bytes, stop));
                at = line_end(bytes, stop);
                continue;
            }
            let deep = folded && matches!(bytes[content], b' ' | b'\t');
            self.fold(&breaks, first, folded && !deep && !deep_before);
            self.copy(content..stop);
            (first, deep_before) = (false, deep);
            breaks.clear();
            if stop < bytes.len() {
                breaks.push(stop..line_end(bytes, stop));
            }
            at = line_end(bytes, stop);
        }
        // Before the first line there are only blank lines, whose line ends `|+` keeps.
        let skip = usize::from(first);
        let kept = match chomp {
            Some(b'-') => 0,
            Some(_) => breaks.len(),
            None => usize::from(!first),
        };
        for line in breaks.into_iter().skip(skip).take(kept) {
            self.replace(line, "\n");
        }
    }

    /// Writes the line ends between two lines of a block scalar.
    fn fold(&mut self, breaks: &[Range<usize>], first: bool, fold: bool) {
        let (Some(head), rest) = (breaks.first(), breaks.get(1..).unwrap_or_default()) else { return };
        // The header's own line end is no content.
        if !first {
            match (fold, rest.is_empty()) {
                (false, _) => self.replace(head.clone(), "\n"),
                (true, true) => self.replace(head.clone(), " "),
                (true, false) => {}
            }
        }
        for line in rest {
            self.replace(line.clone(), "\n");
        }
    }
}

/// The offset behind the line end at `at`, if there is one.
fn line_end(bytes: &[u8], at: usize) -> usize {
    match bytes.get(at..) {
        Some([b'\r', b'\n', ..]) => at + 2,
        Some([b'\r' | b'\n', ..]) => at + 1,
        _ => at,
    }
}

/// Skips line ends and the blanks around them; returns where text goes on and how many line ends there were.
fn line_ends(bytes: &[u8], from: usize, end: usize) -> (usize, usize) {
    let mut at = from;
    let mut breaks = 0;
    while at < end {
        match bytes[at] {
            b'\n' | b'\r' => {
                at = line_end(bytes, at);
                breaks += 1;
            }
            b' ' | b'\t' => at += 1,
            _ => break,
        }
    }
    (at.min(end), breaks)
}
