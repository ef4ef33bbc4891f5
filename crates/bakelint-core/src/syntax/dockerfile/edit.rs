//! Edits of Dockerfiles that touch nothing but what they are about.

use super::lines::{cut_continuation, is_comment};
use super::{Dockerfile, Instruction, Line, LineKind};
use crate::edit::Edit;
use crate::source::Span;

impl Instruction {
    /// Puts a flag such as `--link` behind the flags that are there, before the first argument.
    pub fn insert_flag(&self, flag: &str) -> Edit {
        if !self.arguments.is_empty() {
            return Edit::insert(self.arguments.span(), format!("{flag} "));
        }
        let last = self.flags.last().map_or_else(|| self.word.span(), |flag| flag.span);
        Edit::insert(last.after(), format!(" {flag}"))
    }

    /// Puts text behind the last argument, before the blanks and comments that may follow it. A here-document's body
    /// stays where it is.
    pub fn append(&self, text: &str) -> Edit {
        let last = match self.flags.last() {
            _ if !self.arguments.is_empty() => self.arguments.span(),
            Some(flag) => flag.span,
            None => self.word.span(),
        };
        Edit::insert(last.after(), text)
    }

    /// Removes the instruction with its lines. Comments above it stay.
    pub fn remove(&self) -> Edit {
        Edit::delete(self.full_span)
    }
}

impl Dockerfile {
    /// Removes a word of an instruction, such as a flag or an argument, and the blanks that parted it from the next one.
    /// A word that has its line to itself takes the line with it. `text` is the text of the file.
    pub fn remove_word(&self, text: &str, word: Span) -> Edit {
        let (start, end) = (word.start as usize, word.end as usize);
        if !text.is_char_boundary(start) || !text.is_char_boundary(end) {
            return Edit::delete(word);
        }
        let line_start = text[..start].rfind('\n').map_or(0, |lf| lf + 1);
        let line_end = text[end..].find('\n').map_or(text.len(), |lf| end + lf);
        let is_blank = |part: &str| part.bytes().all(|byte| matches!(byte, b' ' | b'\t'));
        let behind = text[end..line_end].trim_end_matches('\r');
        let blanks_behind = behind.len() - behind.trim_start_matches([' ', '\t']).len();
        let before = &text[line_start..start];
        let blanks_before = before.len() - before.trim_end_matches([' ', '\t']).len();
        let span = |range: std::ops::Range<usize>| Edit::delete(Span::new(word.file, range));
        let rest = behind.trim_matches([' ', '\t']);

        if is_blank(before) && line_start > 0 {
            if rest.len() == self.escape.len_utf8() && rest.starts_with(self.escape) {
                return span(line_start..(line_end + 1).min(text.len()));
            }
            // The last line of the instruction: the line before must not go on any more. Comments and blank lines between stay.
            let mut previous = text[..line_start].trim_end_matches(['\r', '\n']);
            while let Some(lf) = previous.rfind('\n')
                && (is_comment(&previous[lf + 1..]) || previous[lf + 1..].trim().is_empty())
            {
                previous = previous[..lf].trim_end_matches(['\r', '\n']);
            }
            let kept = cut_continuation(previous, self.escape);
            if rest.is_empty() && kept.goes_on {
                let between = text[previous.len()..line_start].trim_end_matches(['\r', '\n']);
                let cut = kept.text.trim_end_matches([' ', '\t']).len()..end;
                return Edit::replace(Span::new(word.file, cut), between);
            }
        }
        if blanks_behind > 0 && !rest.is_empty() {
            return span(start..end + blanks_behind);
        }
        span(start - blanks_before..end)
    }

    /// Puts a line above an instruction and above the comments that belong to it. `text` is the text of the file.
    pub fn insert_before(&self, text: &str, instruction: usize, line: &str) -> Option<Edit> {
        let found = self.instructions.get(instruction)?;
        let first = found.lines.0 as usize - 1;
        let is_comment = |line: &&Line| line.kind == LineKind::Comment;
        let comments = self.lines.get(..first)?.iter().rev().take_while(is_comment).count();
        let at = self.lines.get(first - comments)?.span;
        // A byte order mark stays the first thing in the file.
        let at = if text.starts_with('\u{feff}') && at.start == 0 { found.span } else { at };
        Some(Edit::insert(at, format!("{line}{}", self.line_ending(text))))
    }

    /// Puts a line below an instruction. `text` is the text of the file.
    pub fn insert_after(&self, text: &str, instruction: usize, line: &str) -> Option<Edit> {
        let found = self.instructions.get(instruction)?;
        let ending = self.line_ending(text);
        let last = self.lines.get((found.lines.1 as usize).checked_sub(1)?)?;
        let content = text.get(last.span.range())?.trim_end_matches(['\r', '\n']);
        let goes_on = match last.kind {
            LineKind::First(_) | LineKind::Continued(_) => cut_continuation(content, self.escape).goes_on,
            LineKind::ContinuedBlank(_) | LineKind::ContinuedComment(_) => true,
            _ => false,
        };
        if goes_on {
            // The file ends in a continuation, which would swallow the new line.
            let rest = found.append("").span.cover(found.full_span.after());
            return Some(Edit::replace(rest, format!("{ending}{line}{ending}")));
        }
        if text.get(found.full_span.range())?.ends_with('\n') {
            return Some(Edit::insert(found.full_span.after(), format!("{line}{ending}")));
        }
        Some(Edit::insert(found.full_span.after(), format!("{ending}{line}")))
    }

    /// The line ending of the file: that of its first line.
    pub fn line_ending(&self, text: &str) -> &'static str {
        let first = self.lines.first().and_then(|line| text.get(line.span.range()));
        if first.is_some_and(|line| line.ends_with("\r\n")) { "\r\n" } else { "\n" }
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;
    use crate::source::FileId;

    fn apply(text: &str, edit: Edit) -> String {
        let mut text = text.to_owned();
        text.replace_range(edit.span.range(), &edit.text);
        text
    }

    #[test]
    fn words_go_with_their_blanks_and_lines() {
        let cases = [
            ("COPY --link  --chown=a a b", "--link", "COPY --chown=a a b"),
            ("COPY --link a b", "--link", "COPY a b"),
            ("COPY a b", "b", "COPY a"),
            ("RUN --mount=a \\\n    --network=none \\\n    x", "--network=none", "RUN --mount=a \\\n    x"),
            ("RUN --mount=a \\\r\n    --network=none \\\r\n    x", "--network=none", "RUN --mount=a \\\r\n    x"),
            ("COPY a \\\n  b \\\n  c", "c", "COPY a \\\n  b"),
            ("COPY a \\\n  b c\nRUN x", "c", "COPY a \\\n  b\nRUN x"),
            ("COPY a \\\n  b \\\n# remark\n  c", "c", "COPY a \\\n  b\n# remark"),
            ("ENV a=1 \\\r\n# x\r\n\r\n  # y\r\n  b=2\r\nRUN z", "b=2", "ENV a=1\r\n# x\r\n\r\n  # y\r\nRUN z"),
            ("ENV a=1 b=2 \\\n c=3", "b=2", "ENV a=1 \\\n c=3"),
        ];
        for (text, word, expected) in cases {
            let file = parse(FileId(0), text);
            let at = text.find(word).expect(text);
            let edit = file.remove_word(text, Span::new(FileId(0), at..at + word.len()));
            assert_eq!(apply(text, edit), expected, "{text}");
        }
    }

    #[test]
    fn flags_and_text_are_put_in_at_the_right_place() {
        let cases = [
            ("COPY a b", "COPY --link a b", "COPY a b c"),
            ("COPY --chown=x a b  ", "COPY --chown=x --link a b  ", "COPY --chown=x a b c  "),
            ("RUN", "RUN --link", "RUN c"),
            ("RUN --x", "RUN --x --link", "RUN --x c"),
            (
                "RUN a \\\n  b \\\n  # remark\n",
                "RUN --link a \\\n  b \\\n  # remark\n",
                "RUN a \\\n  b c \\\n  # remark\n",
            ),
        ];
        for (text, flag, appended) in cases {
            let instruction = &parse(FileId(0), text).instructions[0];
            assert_eq!(apply(text, instruction.insert_flag("--link")), flag);
            assert_eq!(apply(text, instruction.append(" c")), appended);
        }
    }

    #[test]
    fn lines_go_above_comments_and_below_here_documents() {
        let text = "FROM a\n\n# remark\n# more\nRUN <<X\nx\nX";
        let file = parse(FileId(0), text);
        let before = file.insert_before(text, 1, "USER b").expect("an edit");
        assert_eq!(apply(text, before), "FROM a\n\nUSER b\n# remark\n# more\nRUN <<X\nx\nX");
        let after = file.insert_after(text, 1, "USER b").expect("an edit");
        assert_eq!(apply(text, after), format!("{text}\nUSER b"));
        assert_eq!(apply(text, file.instructions[1].remove()), "FROM a\n\n# remark\n# more\n");

        let text = "FROM a\r\nRUN x \\\r\n\r\n";
        let file = parse(FileId(0), text);
        let after = file.insert_after(text, 1, "USER b").expect("an edit");
        assert_eq!(apply(text, after), "FROM a\r\nRUN x\r\nUSER b\r\n");
        let between = file.insert_after(text, 0, "USER b").expect("an edit");
        assert_eq!(apply(text, between), "FROM a\r\nUSER b\r\nRUN x \\\r\n\r\n");
    }
}
