//! Here-documents.
//!
//! Follows `heredocsFromLine` and `heredocFromMatch` of BuildKit's `frontend/dockerfile/parser/parser.go`.

use super::chars::REGEX_SPACE;
use super::expand::{ExpandError, Lexer, Lookup};
use crate::source::{FileId, Span};
use crate::syntax::mapped::MappedText;

/// A here-document of an instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heredoc {
    /// The name without quotes; the line that ends the body.
    pub name: String,
    /// The file descriptor before the `<<`; 0 without one.
    pub descriptor: u64,
    /// Whether variables in the body are to be replaced: no part of the name is quoted.
    pub expand: bool,
    /// Whether tabs at the start of the body's lines are to be dropped (`<<-`).
    pub chomp: bool,
    /// The mark in the instruction, such as `3<<-"EOF"`.
    pub mark: Span,
    /// The lines of the body with their line ends, as they stand in the file.
    pub body: MappedText,
    /// The end mark, without tabs before it and line end. `None` if the file ends first.
    pub end: Option<Span>,
}

impl Heredoc {
    /// The body as BuildKit hands it on: without leading tabs if the mark asks for that.
    pub fn content(&self) -> MappedText {
        if !self.chomp {
            return self.body.clone();
        }
        let mut content = MappedText::empty(self.body.file(), self.body.span().range().start);
        let mut at = 0;
        for line in self.body.split_inclusive('\n') {
            let tabs = line.len() - line.trim_start_matches('\t').len();
            content.push_mapped(&self.body.slice(at + tabs..at + line.len()));
            at += line.len();
        }
        content
    }
}

/// A mark before its body was read.
pub(super) struct Mark {
    pub name: String,
    pub descriptor: u64,
    pub expand: bool,
    pub chomp: bool,
    pub span: Span,
}

fn empty_environment(_: &str) -> Lookup {
    Lookup::Unset
}

/// The lexer that is used on marks; the escape character of the file plays no part in it.
fn lexer(raw: bool) -> Lexer {
    Lexer { keep_unset: true, raw_quotes: raw, ..Lexer::new('\\') }
}

/// The marks on an instruction's joined text. A text that cannot be split, such as one with an open quote, has none.
pub(super) fn marks(line: &MappedText) -> Result<Vec<Mark>, ExpandError> {
    let lexer = Lexer { raw_escapes: true, ..lexer(true) };
    let mut marks = Vec::new();
    for word in lexer.split(line, &empty_environment).unwrap_or_default() {
        let Some(text) = word.value.known().filter(|text| text.contains("<<")) else { continue };
        let span = line.span_of(word.range);
        marks.extend(read_mark(text, span)?);
    }
    Ok(marks)
}

/// Whether an argument reads as a mark; its name.
pub(super) fn mark_name(word: &str) -> Option<String> {
    let nowhere = Span::at(FileId(0), 0);
    if word.contains("<<") { read_mark(word, nowhere).ok().flatten().map(|mark| mark.name) } else { None }
}

/// Reads `^(\d*)<<(-?)\s*([^<]*)$`.
fn read_mark(word: &str, span: Span) -> Result<Option<Mark>, ExpandError> {
    let digits = word.bytes().take_while(u8::is_ascii_digit).count();
    let (descriptor, rest) = word.split_at(digits);
    let Some(rest) = rest.strip_prefix("<<") else { return Ok(None) };
    let (chomp, rest) = match rest.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    let rest = rest.trim_start_matches(REGEX_SPACE);
    if rest.is_empty() || rest.contains('<') {
        return Ok(None);
    }
    let text = MappedText::verbatim(span.file, 0, rest);
    let single = |raw| match lexer(raw).split(&text, &empty_environment) {
        Ok(words) => Ok(match words.as_slice() {
            [word] => word.value.known().map(str::to_owned),
            _ => None,
        }),
        Err(error) => Err(ExpandError { span, ..error }),
    };
    let Some(name) = single(false)? else { return Ok(None) };
    let Some(raw) = single(true)? else { return Ok(None) };
    let quotes = |text: &str| text.matches(['\'', '"']).count();
    let expand = quotes(&name) == quotes(&raw);
    // A number that no integer can hold becomes the largest one, as in Go.
    let descriptor = if descriptor.is_empty() { 0 } else { descriptor.parse().unwrap_or(u64::MAX) };
    Ok(Some(Mark { name, descriptor, expand, chomp, span }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(line: &str) -> Vec<(String, bool, bool)> {
        let line = MappedText::verbatim(FileId(0), 0, line);
        let marks = marks(&line).expect("marks");
        marks.into_iter().map(|mark| (mark.name, mark.expand, mark.chomp)).collect()
    }

    #[test]
    fn marks_are_whole_words() {
        let one = |name: &str, expand, chomp| vec![(name.to_owned(), expand, chomp)];
        assert_eq!(names("RUN cat <<EOF"), one("EOF", true, false));
        assert_eq!(names("RUN cat <<-'E O F' >x"), one("E O F", false, true));
        assert_eq!(names("RUN cat <<  EOF"), one("EOF", true, false));
        assert_eq!(names("RUN 3<<EOF cat"), one("EOF", true, false));
        assert_eq!(names("RUN cat <<A; cat <<B"), [one("A;", true, false), one("B", true, false)].concat());
        assert_eq!(names("RUN echo $((1 << N))"), one("N))", true, false));
        for none in ["RUN cat <<<x", "RUN echo $((1<<3))", "RUN echo \"<<X\"", "RUN echo it's <<EOF", "RUN a << "] {
            assert_eq!(names(none), [], "{none}");
        }
    }

    #[test]
    fn a_mark_has_its_place() {
        let line = MappedText::verbatim(FileId(0), 10, "RUN cat 3<<-\"EOF\" x");
        let marks = marks(&line).expect("marks");
        assert_eq!(marks[0].span.range(), 18..27);
        assert_eq!(marks[0].descriptor, 3);
    }
}
