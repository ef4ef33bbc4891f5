//! Splitting an instruction's text into keyword, flags and words.
//!
//! Follows BuildKit's `frontend/dockerfile/parser/split_command.go` and `line_parsers.go`. All positions are offsets in
//! the text that is split.

use std::ops::Range;

use super::chars::{is_separator, is_space_byte};
use crate::source::Span;
use crate::syntax::mapped::MappedText;

/// An instruction's text cut into its three parts.
pub(super) struct Split {
    pub keyword: Range<usize>,
    pub flags: Vec<RawFlag>,
    pub rest: Range<usize>,
}

/// A word that begins with `--` before the first other word.
pub(super) struct RawFlag {
    /// The word without its quotes and escapes.
    pub text: MappedText,
    /// Where it stands, quotes included.
    pub span: Span,
}

/// Cuts keyword and flags off.
pub(super) fn split_instruction(line: &MappedText, escape: char) -> Split {
    let trimmed = trim(line, 0..line.len());
    let bytes = line.as_bytes();
    let separator = (trimmed.start..trimmed.end).find(|at| is_separator(bytes[*at])).unwrap_or(trimmed.end);
    let keyword = trimmed.start..separator;
    let start = (separator..trimmed.end).find(|at| !is_separator(bytes[*at])).unwrap_or(trimmed.end);
    let (flags, rest) = read_flags(line, start..trimmed.end, escape);
    Split { keyword, flags, rest: trim(line, rest..trimmed.end) }
}

/// The part of `range` without Unicode white space at both ends.
pub(super) fn trim(text: &str, range: Range<usize>) -> Range<usize> {
    let Some(part) = text.get(range.clone()) else { return range };
    let start = range.end - part.trim_start().len();
    start..start + part.trim().len()
}

/// Reads flags from the start of `range` and returns them with the offset behind the last one.
///
/// BuildKit walks over bytes here and takes each for a character of its own, so a letter that is no ASCII letter comes
/// out as two others, or ends the flag if one of its bytes is 0x85 or 0xA0.
fn read_flags(line: &MappedText, range: Range<usize>, escape: char) -> (Vec<RawFlag>, usize) {
    let bytes = line.as_bytes();
    let is_escape = |byte: u8| char::from(byte) == escape;
    let mut flags = Vec::new();
    let mut at = range.start;
    loop {
        while at < range.end && is_space_byte(bytes[at]) {
            at += 1;
        }
        if !(at + 1 < range.end && bytes[at] == b'-' && bytes[at + 1] == b'-') {
            // The rest may begin inside of a character whose first byte was taken for a blank.
            return (flags, boundary_after(line, at));
        }
        let start = at;
        let mut word = FlagText { line, text: MappedText::empty(line.file(), 0), run: at };
        let mut quote = None;
        let mut quoted = false;
        while at < range.end {
            let byte = bytes[at];
            if quote.is_none() && is_space_byte(byte) {
                break;
            }
            if quote == Some(byte) {
                word.skip(at);
                quote = None;
            } else if quote.is_none() && matches!(byte, b'\'' | b'"') {
                word.skip(at);
                quote = Some(byte);
                quoted = true;
            } else if is_escape(byte) {
                word.skip(at);
                if at + 1 < range.end {
                    at += 1;
                    word.keep(at);
                } else {
                    quote = None;
                }
            } else {
                word.keep(at);
            }
            at += 1;
        }
        let text = word.finish(at);
        if text == "--" {
            return (flags, at.min(range.end));
        }
        if quoted || !text.is_empty() {
            flags.push(RawFlag { text, span: line.span_of(start..boundary_after(line, at)) });
        }
    }
}

/// The nearest boundary of characters at or behind `at`.
fn boundary_after(text: &str, at: usize) -> usize {
    (at..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len())
}

/// Collects the bytes of one flag; bytes that are kept side by side are copied in one go.
struct FlagText<'a> {
    line: &'a MappedText,
    text: MappedText,
    /// Start of the bytes that are kept but not copied yet.
    run: usize,
}

impl FlagText<'_> {
    fn flush(&mut self, end: usize) {
        if self.run < end {
            self.text.push_mapped(&self.line.slice(self.run..end));
        }
    }

    fn skip(&mut self, at: usize) {
        self.flush(at);
        self.run = at + 1;
    }

    fn keep(&mut self, at: usize) {
        let byte = self.line.as_bytes()[at];
        if !byte.is_ascii() {
            self.flush(at);
            let mut buffer = [0; 4];
            let as_char = char::from(byte).encode_utf8(&mut buffer);
            // Half a character cannot be underlined or edited, so each of its bytes stands where all of it does.
            let start = (0..=at).rev().find(|at| self.line.is_char_boundary(*at)).unwrap_or(at);
            let end = boundary_after(self.line, at + 1);
            self.text.push_for(self.line.span_of(start..end).range(), as_char);
            self.run = at + 1;
        }
    }

    fn finish(mut self, end: usize) -> MappedText {
        if self.run < end && self.text.is_empty() {
            return self.line.slice(self.run..end);
        }
        self.flush(end);
        self.text
    }
}

/// Splits at runs of separators, whatever quotes say.
pub(super) fn split_plain(text: &MappedText, range: Range<usize>) -> Vec<MappedText> {
    let bytes = text.as_bytes();
    let mut words = Vec::new();
    let mut at = range.start;
    while at < range.end {
        let end = (at..range.end).find(|at| is_separator(bytes[*at])).unwrap_or(range.end);
        words.push(text.slice(at..end));
        at = (end..range.end).find(|at| !is_separator(bytes[*at])).unwrap_or(range.end);
    }
    words
}

/// Splits at white space outside of quotes. The words keep their quotes and escapes; only an escape character at the
/// very end is dropped.
pub(super) fn split_quoted(text: &str, range: Range<usize>, escape: char) -> Vec<Range<usize>> {
    let mut words = Vec::new();
    let Some(part) = text.get(range.clone()) else { return words };
    let mut chars = part.char_indices().map(|(at, c)| (range.start + at, c)).peekable();
    let mut start = None;
    let mut quote = None;
    while let Some((at, c)) = chars.next() {
        if quote.is_none() && c.is_whitespace() {
            words.extend(start.take().map(|start| start..at));
            continue;
        }
        let dropped = c == escape && quote != Some('\'') && chars.peek().is_none();
        if dropped {
            words.extend(start.take().map(|start| start..at));
            return words;
        }
        start.get_or_insert(at);
        if quote == Some(c) {
            quote = None;
        } else if quote.is_none() && matches!(c, '\'' | '"') {
            quote = Some(c);
        }
        if c == escape && quote != Some('\'') {
            chars.next();
        }
    }
    words.extend(start.map(|start| start..range.end));
    words
}

/// The old form `ENV name value`: the first word and all the rest.
pub(super) fn split_once_plain(text: &str, range: Range<usize>) -> Option<(Range<usize>, Range<usize>)> {
    let bytes = text.as_bytes();
    let end = range.clone().find(|at| is_separator(bytes[*at]))?;
    let value = (end..range.end).find(|at| !is_separator(bytes[*at])).unwrap_or(range.end);
    Some((range.start..end, value..range.end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    const FILE: FileId = FileId(0);

    fn split(text: &str) -> (String, Vec<String>, String) {
        let line = MappedText::verbatim(FILE, 0, text);
        let split = split_instruction(&line, '\\');
        let flags = split.flags.iter().map(|flag| flag.text.to_string()).collect();
        (text[split.keyword].to_owned(), flags, text[split.rest].to_owned())
    }

    #[test]
    fn flags_end_at_the_first_other_word() {
        let cases: &[(&str, &str, &[&str], &str)] = &[
            ("RUN --network=none --x echo --y", "RUN", &["--network=none", "--x"], "echo --y"),
            ("RUN -- --x", "RUN", &[], "--x"),
            ("RUN --mount=type=bind,\"source=a b\" ls", "RUN", &["--mount=type=bind,source=a b"], "ls"),
            ("RUN --mount=\\\"a\\\" ls", "RUN", &["--mount=\"a\""], "ls"),
            ("CMD", "CMD", &[], ""),
            ("RUN --x\\", "RUN", &["--x"], ""),
            // Two bytes, two characters; and the second byte of `à` is a no-break space in Latin 1.
            ("COPY --from=é a", "COPY", &["--from=Ã©"], "a"),
            ("COPY --from=à b", "COPY", &["--from=Ã"], "b"),
        ];
        for (text, keyword, flags, rest) in cases {
            let flags = flags.iter().map(|flag| flag.to_string()).collect();
            assert_eq!(split(text), (keyword.to_string(), flags, rest.to_string()), "{text}");
        }
    }

    #[test]
    fn a_flag_without_its_quotes_still_has_its_place() {
        let line = MappedText::verbatim(FILE, 0, "RUN --mount=\"a,b\" ls");
        let split = split_instruction(&line, '\\');
        let flag = &split.flags[0];
        assert_eq!(flag.span, Span::new(FILE, 4..17));
        let at = flag.text.find("a,b").expect("the value is there");
        assert_eq!(flag.text.span_of(at..at + 3), Span::new(FILE, 13..16));
    }

    #[test]
    fn a_flag_that_ends_inside_of_a_character_reaches_behind_it() {
        let line = MappedText::verbatim(FILE, 0, "COPY --from=aà b");
        let flag = &split_instruction(&line, '\\').flags[0];
        assert_eq!((&*flag.text, flag.span), ("--from=aÃ", Span::new(FILE, 5..15)));
        let at = flag.text.find('Ã').expect("the value is there");
        assert_eq!(flag.text.span_of(at..at + 2), Span::new(FILE, 13..15));
    }

    #[test]
    fn quotes_hold_words_together_and_stay() {
        let cases: &[(&str, &[&str])] = &[
            ("a=1 b=\"x y\" c='z \\' d", &["a=1", "b=\"x y\"", "c='z \\'", "d"]),
            ("a=x\\ y b", &["a=x\\ y", "b"]),
            ("a=\"open b", &["a=\"open b"]),
            ("a \\", &["a"]),
            ("a=\"x\\\" y\"", &["a=\"x\\\" y\""]),
        ];
        for (text, words) in cases {
            let found: Vec<_> = split_quoted(text, 0..text.len(), '\\').into_iter().map(|word| &text[word]).collect();
            assert_eq!(found, *words, "{text}");
        }
    }
}
