//! The JSON (exec) form of arguments, as strict as Go's `encoding/json`.
//!
//! Follows `parseJSON` of BuildKit's `frontend/dockerfile/parser/line_parsers.go`: what is no JSON array is the plain
//! form; an array that holds anything but strings is an error.

use std::ops::Range;

use crate::source::SUBSTITUTE;
use crate::syntax::mapped::MappedText;

/// How an argument text reads as JSON.
pub(super) enum Json {
    /// It is no JSON array.
    Plain,
    /// An array of strings; offsets of the brackets' inside and outside are those of the text.
    Strings(Vec<MappedText>),
    /// An array with an element, at this range, that is no string.
    NotStrings(Range<usize>),
}

/// The deepest nesting that Go's decoder takes.
const MAX_DEPTH: usize = 10_000;

/// Reads `range` of `text`, which has no white space at its ends.
pub(super) fn read_array(text: &MappedText, range: Range<usize>) -> Json {
    if !text.get(range.clone()).is_some_and(|part| part.starts_with('[')) {
        return Json::Plain;
    }
    let mut reader = Reader { text, end: range.end, at: range.start + 1, number_overflow: false };
    match reader.array() {
        // A number that no float can hold is one more way of being no array at all.
        Some(_) if reader.number_overflow => Json::Plain,
        Some((_, Some(other))) => Json::NotStrings(other),
        Some((strings, None)) => Json::Strings(strings),
        None => Json::Plain,
    }
}

struct Reader<'t> {
    text: &'t MappedText,
    end: usize,
    at: usize,
    number_overflow: bool,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes()[..self.end].get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    /// The elements behind the opening bracket, up to the end of the text.
    fn array(&mut self) -> Option<(Vec<MappedText>, Option<Range<usize>>)> {
        let mut strings = Vec::new();
        let mut other = None;
        self.blanks();
        if self.peek() != Some(b']') {
            loop {
                self.blanks();
                let start = self.at;
                if self.peek()? == b'"' {
                    let place = self.text.span_of(start + 1..start + 1);
                    let mut string = MappedText::empty(self.text.file(), place.range().start);
                    self.string(Some(&mut string))?;
                    strings.push(string);
                } else {
                    self.value()?;
                    other.get_or_insert(start..self.at);
                }
                self.blanks();
                if self.take(b',').is_none() {
                    break;
                }
            }
        }
        self.take(b']')?;
        self.blanks();
        (self.at == self.end).then_some((strings, other))
    }

    /// Any value but a string. Nesting is kept on a stack of our own: whether an object is open.
    fn value(&mut self) -> Option<()> {
        let mut open: Vec<bool> = Vec::new();
        loop {
            self.blanks();
            let mut closed = false;
            match self.peek()? {
                b'"' => self.string(None)?,
                b'{' => {
                    self.at += 1;
                    self.blanks();
                    if self.peek()? == b'}' {
                        self.at += 1;
                    } else {
                        self.key()?;
                        open.push(true);
                        closed = true;
                    }
                }
                b'[' => {
                    self.at += 1;
                    self.blanks();
                    if self.peek()? == b']' {
                        self.at += 1;
                    } else {
                        open.push(false);
                        closed = true;
                    }
                }
                b't' => self.literal("true")?,
                b'f' => self.literal("false")?,
                b'n' => self.literal("null")?,
                _ => self.number()?,
            }
            if open.len() >= MAX_DEPTH {
                return None;
            }
            if closed {
                continue;
            }
            // A value is complete: close what ends here, or go on to the next one.
            loop {
                let Some(object) = open.last().copied() else { return Some(()) };
                self.blanks();
                match (self.peek()?, object) {
                    (b',', true) => {
                        self.at += 1;
                        self.blanks();
                        self.key()?;
                        break;
                    }
                    (b',', false) => {
                        self.at += 1;
                        break;
                    }
                    (b'}', true) | (b']', false) => {
                        self.at += 1;
                        open.pop();
                    }
                    _ => return None,
                }
            }
        }
    }

    fn key(&mut self) -> Option<()> {
        self.string(None)?;
        self.blanks();
        self.take(b':')
    }

    fn literal(&mut self, word: &str) -> Option<()> {
        word.bytes().try_for_each(|byte| self.take(byte))
    }

    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }

    fn number(&mut self) -> Option<()> {
        let start = self.at;
        let _ = self.take(b'-');
        if self.take(b'0').is_none() {
            self.digits()?;
        }
        if self.take(b'.').is_some() {
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        let value: f64 = self.text.get(start..self.at)?.parse().ok()?;
        self.number_overflow |= value.is_infinite();
        Some(())
    }

    /// A string from its opening quote on; its value goes to `out`.
    fn string(&mut self, mut out: Option<&mut MappedText>) -> Option<()> {
        self.take(b'"')?;
        let mut run = self.at;
        loop {
            match self.peek()? {
                b'"' => {
                    self.copy(run, &mut out);
                    self.at += 1;
                    return Some(());
                }
                b'\\' => {
                    self.copy(run, &mut out);
                    let start = self.at;
                    self.at += 1;
                    let c = self.escape()?;
                    if let Some(out) = &mut out {
                        let source = self.text.span_of(start..self.at).range();
                        out.push_for(source, c.encode_utf8(&mut [0; 4]));
                    }
                    run = self.at;
                }
                // Bytes that are no UTF-8 are fine for BuildKit; they stand in the text as this control character.
                byte if byte < 0x20 && char::from(byte) != SUBSTITUTE => return None,
                _ => self.at += 1,
            }
        }
    }

    fn copy(&self, run: usize, out: &mut Option<&mut MappedText>) {
        if let Some(out) = out {
            out.push_mapped(&self.text.slice(run..self.at));
        }
    }

    /// The character behind a backslash.
    fn escape(&mut self) -> Option<char> {
        let byte = self.peek()?;
        self.at += 1;
        Some(match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let first = self.hex4()?;
                let behind = self.at;
                if (0xd800..0xdc00).contains(&first) && self.take(b'\\').is_some() && self.take(b'u').is_some() {
                    let second = self.hex4()?;
                    if (0xdc00..0xe000).contains(&second) {
                        let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                        return Some(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                    }
                }
                // Half a pair alone is replaced, and what follows is read again.
                self.at = behind;
                char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            _ => return None,
        })
    }

    fn hex4(&mut self) -> Option<u32> {
        let digits = self.text.as_bytes()[..self.end].get(self.at..self.at + 4)?;
        let value = digits.iter().try_fold(0, |sum, byte| Some(sum * 16 + char::from(*byte).to_digit(16)?))?;
        self.at += 4;
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{FileId, Span};

    fn read(text: &str) -> Json {
        read_array(&MappedText::verbatim(FileId(0), 0, text), 0..text.len())
    }

    #[test]
    fn only_strict_json_is_json() {
        for text in ["['a']", "[\"a\",]", "[\"a\"] && b", "[ -f x ]", "[\"a\" \"b\"]", "[", "[\"\\x\"]", "[1e999]", "x"]
        {
            assert!(matches!(read(text), Json::Plain), "{text}");
        }
        for text in ["[1]", "[\"a\", [\"b\"]]", "[null]", "[{\"a\": [1, {}], \"b\": -0.5e3}]", "[true,false]"] {
            assert!(matches!(read(text), Json::NotStrings(_)), "{text}");
        }
        assert!(matches!(read("[ ]"), Json::Strings(strings) if strings.is_empty()));
    }

    #[test]
    fn escapes_are_resolved_and_keep_their_place() {
        let Json::Strings(strings) = read(r#"["a\n", "\u0041\ud83d\ude80\ud83d"]"#) else { panic!("strings") };
        assert_eq!(strings[0], "a\n");
        assert_eq!(strings[0].span(), Span::new(FileId(0), 2..5));
        assert_eq!(strings[1], "A🚀\u{fffd}");
        assert_eq!(strings[1].span_of(0..1), Span::new(FileId(0), 9..15));
    }

    #[test]
    fn deep_nesting_is_no_json() {
        let text = format!("[{}{}]", "[".repeat(20_000), "]".repeat(20_000));
        assert!(matches!(read(&text), Json::Plain));
    }
}
