//! Decodes a scalar once more, this time with the place of every byte.

use std::ops::Range;

use super::{Scalar, ScalarStyle};
use crate::source::Span;
use crate::syntax::mapped::MappedText;

/// A scalar's text with its places: the command of a `run: |` step loses its indentation, a quoted string its escapes, a
/// folded one its line ends. `text` is the file.
pub(super) fn decode(scalar: &Scalar, span: Span, text: &str) -> MappedText {
    let token = span.range();
    let quoted = matches!(scalar.style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted);
    let start = token.start + usize::from(quoted && token.len() > 1);
    let mut decoder = Decoder { text, mapped: MappedText::empty(span.file, start) };
    match scalar.style {
        _ if scalar.text.is_empty() => {}
        ScalarStyle::Plain => decoder.flow(token.clone(), None),
        ScalarStyle::SingleQuoted => decoder.flow(inside(&token), Some(b'\'')),
        ScalarStyle::DoubleQuoted => decoder.flow(inside(&token), Some(b'"')),
        ScalarStyle::Literal | ScalarStyle::Folded => decoder.block(scalar, token.clone()),
    }
    if decoder.mapped.as_str() == scalar.text {
        return decoder.mapped;
    }
    // Should the two decoders ever differ, the whole token is the honest answer.
    let mut mapped = MappedText::empty(span.file, token.start);
    mapped.push_for(token, &scalar.text);
    mapped
}

fn inside(range: &Range<usize>) -> Range<usize> {
    range.start + 1..range.end.saturating_sub(1).max(range.start + 1)
}

struct Decoder<'a> {
    text: &'a str,
    mapped: MappedText,
}

impl Decoder<'_> {
    /// Takes over the bytes `range` as they are.
    fn copy(&mut self, range: Range<usize>) {
        self.mapped.push(range.start, self.text.get(range.clone()).unwrap_or_default());
    }

    /// Writes `text` for the bytes `range`.
    fn replace(&mut self, range: Range<usize>, text: &str) {
        self.mapped.push_for(range, text);
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
