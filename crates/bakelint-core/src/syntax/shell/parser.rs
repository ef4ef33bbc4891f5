//! The reader of scripts: recursive descent over the text, with a bound on the depth.

use std::ops::Range;

use super::invocation::resolve;
use super::{
    AndOr, Assignment, Command, CommandKind, HeredocBody, Joiner, List, Options, Part, Pipeline, Redirect,
    RedirectOperator, Script, Separator, Simple, Word,
};
use crate::source::Spanned;
use crate::syntax::SyntaxError;
use crate::syntax::mapped::MappedText;

/// The deepest nesting of compound commands, substitutions and inner scripts that is read.
pub(super) const MAX_DEPTH: u32 = 48;

/// Why a script cannot be read, with the guilty bytes of its text.
struct Fault {
    message: String,
    range: Range<usize>,
}

type Read<T> = Result<T, Fault>;

pub(super) fn parse(text: &MappedText, options: Options, depth: u32) -> Script {
    let mut parser = Parser::new(text, options, depth);
    let (list, fault) = match parser.whole() {
        Ok(list) => (list, None),
        Err(Fault { message, range }) => (List::default(), Some(SyntaxError::new(message, text.span_of(range)))),
    };
    let comments = parser.comments.iter().map(|range| text.span_of(range.clone())).collect();
    let heredocs = if fault.is_some() { Vec::new() } else { std::mem::take(&mut parser.heredocs) };
    let mut script = Script { span: text.span(), list, heredocs, comments, fault };
    resolve(&mut script, options, depth);
    script
}

/// A here-document whose body comes behind the next line end.
struct Pending {
    index: usize,
    name: String,
    strip: bool,
    mark: Range<usize>,
}

struct Parser<'t> {
    text: &'t MappedText,
    at: usize,
    options: Options,
    depth: u32,
    comments: Vec<Range<usize>>,
    heredocs: Vec<HeredocBody>,
    pending: Vec<Pending>,
}

/// Words that begin or end compound commands where a command can begin.
const RESERVED: [&str; 19] = [
    "if", "then", "else", "elif", "fi", "do", "done", "case", "esac", "while", "until", "for", "select", "in", "{",
    "}", "!", "[[", "function",
];

fn is_meta(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b';' | b'&' | b'|' | b'<' | b'>' | b'(' | b')')
}

fn is_name_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_'
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

impl<'t> Parser<'t> {
    fn new(text: &'t MappedText, options: Options, depth: u32) -> Self {
        let (comments, heredocs, pending) = (Vec::new(), Vec::new(), Vec::new());
        Parser { text, at: 0, options, depth, comments, heredocs, pending }
    }

    fn bytes(&self) -> &'t [u8] {
        self.text.as_bytes()
    }

    fn peek(&self) -> Option<u8> {
        self.bytes().get(self.at).copied()
    }

    fn starts_with(&self, word: &str) -> bool {
        self.bytes()[self.at..].starts_with(word.as_bytes())
    }

    fn take(&mut self, word: &str) -> bool {
        let found = self.starts_with(word);
        if found {
            self.at += word.len();
        }
        found
    }

    fn span(&self, start: usize) -> crate::source::Span {
        self.text.span_of(start..self.at)
    }

    fn fault<T>(&self, message: impl Into<String>, range: Range<usize>) -> Read<T> {
        Err(Fault { message: message.into(), range })
    }

    fn unexpected<T>(&self) -> Read<T> {
        let rest = &self.text[self.at..];
        match rest.chars().next() {
            Some('\n') => self.fault("a command is missing before the line end", self.at..self.at + 1),
            Some(c) => {
                let operator = rest.bytes().take_while(|byte| matches!(byte, b'&' | b'|' | b';')).count();
                let word = rest.bytes().position(is_meta).unwrap_or(rest.len());
                let len = operator.max(word).max(c.len_utf8());
                self.fault(format!("`{}` cannot stand here", &rest[..len]), self.at..self.at + len)
            }
            None => self.fault("the script ends too early", self.at..self.at),
        }
    }

    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Read<T>) -> Read<T> {
        if self.depth >= MAX_DEPTH {
            return self.fault("the script is nested too deeply", self.at..self.at);
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    fn whole(&mut self) -> Read<List> {
        let list = self.list(&[])?;
        if self.at < self.text.len() {
            return self.unexpected();
        }
        match self.pending.first() {
            // Like every shell, a body that was not begun is taken for an empty one.
            Some(_) => {
                self.read_heredocs();
                Ok(list)
            }
            None => Ok(list),
        }
    }

    /// Skips blanks, continued lines and comments.
    fn blanks(&mut self) {
        loop {
            match self.peek() {
                Some(b' ' | b'\t') => self.at += 1,
                Some(b'\r') if self.starts_with("\r\n") => self.at += 1,
                Some(b'\\') if self.starts_with("\\\n") => self.at += 2,
                Some(b'\\') if self.starts_with("\\\r\n") => self.at += 3,
                Some(b'#') => {
                    let start = self.at;
                    let end = memchr::memchr(b'\n', &self.bytes()[start..]).map_or(self.text.len(), |len| start + len);
                    self.at = end;
                    let len = self.text[start..end].trim_end_matches('\r').len();
                    self.comments.push(start..start + len);
                }
                _ => return,
            }
        }
    }

    /// Skips blanks and line ends.
    fn newlines(&mut self) {
        loop {
            self.blanks();
            if self.peek() != Some(b'\n') {
                return;
            }
            self.newline();
        }
    }

    fn newline(&mut self) {
        self.at += 1;
        if !self.pending.is_empty() {
            self.read_heredocs();
        }
    }

    fn read_heredocs(&mut self) {
        for Pending { index, name, strip, mark } in std::mem::take(&mut self.pending) {
            let mut body = MappedText::empty(self.text.file(), self.text.span_of(self.at..self.at).range().start);
            let mut ended = false;
            while self.at < self.text.len() && !ended {
                let start = self.at;
                let end = memchr::memchr(b'\n', &self.bytes()[start..]).map_or(self.text.len(), |len| start + len + 1);
                let line = &self.text[start..end];
                let tabs = if strip { line.len() - line.trim_start_matches('\t').len() } else { 0 };
                self.at = end;
                ended = line[tabs..].trim_end_matches(['\n', '\r']) == name;
                if !ended {
                    body.push_mapped(&self.text.slice(start + tabs..end));
                }
            }
            if body.is_empty() && !ended {
                // Nothing follows: the mark itself is the only place there is.
                body = MappedText::empty(self.text.file(), self.text.span_of(mark).range().end);
            }
            if let Some(heredoc) = self.heredocs.get_mut(index) {
                heredoc.text = body;
            }
        }
    }

    /// The reserved word at this place, if a whole one stands here.
    fn reserved(&self) -> Option<&'static str> {
        let rest = &self.bytes()[self.at..];
        let len = rest.iter().take(9).position(|byte| is_meta(*byte) || *byte == b'\r').unwrap_or(rest.len().min(9));
        RESERVED.into_iter().find(|word| word.as_bytes() == &rest[..len])
    }

    fn at_end_of_list(&self, ends: &[&str]) -> bool {
        match self.peek() {
            None | Some(b')') => true,
            Some(b';') => self.starts_with(";;") || self.starts_with(";&"),
            _ => self.reserved().is_some_and(|word| ends.contains(&word)),
        }
    }

    /// Commands up to one of the reserved words `ends`, a closing parenthesis, `;;` or the end, none of which is taken.
    fn list(&mut self, ends: &[&str]) -> Read<List> {
        let mut entries = Vec::new();
        loop {
            self.newlines();
            if self.at_end_of_list(ends) {
                return Ok(List { entries });
            }
            let mut entry = self.and_or()?;
            self.blanks();
            let start = self.at;
            let separator = match self.peek() {
                Some(b'\n') => {
                    // The span is taken before the bodies of here-documents are read.
                    let span = self.text.span_of(start..start + 1);
                    self.newline();
                    entry.end = Some(Spanned::new(Separator::Newline, span));
                    entries.push(entry);
                    continue;
                }
                Some(b'&') => Separator::Background,
                Some(b';') if !self.at_end_of_list(ends) => Separator::Semicolon,
                _ if self.at_end_of_list(ends) => {
                    entries.push(entry);
                    return Ok(List { entries });
                }
                _ => return self.unexpected(),
            };
            self.at += 1;
            entry.end = Some(Spanned::new(separator, self.span(start)));
            entries.push(entry);
        }
    }

    fn and_or(&mut self) -> Read<AndOr> {
        let first = self.pipeline()?;
        let mut rest = Vec::new();
        loop {
            self.blanks();
            let start = self.at;
            let joiner = if self.take("&&") {
                Joiner::And
            } else if self.take("||") {
                Joiner::Or
            } else {
                return Ok(AndOr { first, rest, end: None });
            };
            let joiner = Spanned::new(joiner, self.span(start));
            self.newlines();
            rest.push((joiner, self.pipeline()?));
        }
    }

    fn pipeline(&mut self) -> Read<Pipeline> {
        let mut negated = None;
        loop {
            self.blanks();
            let start = self.at;
            if self.reserved() != Some("!") {
                break;
            }
            self.at += 1;
            negated = Some(self.span(start));
        }
        let mut commands = vec![self.command()?];
        let mut pipes = Vec::new();
        loop {
            self.blanks();
            let start = self.at;
            if self.peek() != Some(b'|') || self.starts_with("||") {
                return Ok(Pipeline { negated, commands, pipes });
            }
            let with_errors = self.take("|&") || !self.take("|");
            pipes.push(Spanned::new(with_errors, self.span(start)));
            self.newlines();
            commands.push(self.command()?);
        }
    }

    fn command(&mut self) -> Read<Command> {
        self.blanks();
        let start = self.at;
        let kind = match self.reserved() {
            Some("if") => self.nested(Self::if_command)?,
            Some(word @ ("while" | "until")) => self.nested(|parser| parser.while_command(word))?,
            Some(word @ ("for" | "select")) => self.nested(|parser| parser.for_command(word))?,
            Some("case") => self.nested(Self::case_command)?,
            Some("{") => self.nested(|parser| {
                parser.at += 1;
                let list = parser.filled_list(&["}"])?;
                parser.expect("}")?;
                Ok(CommandKind::Group(list))
            })?,
            Some("[[") => self.nested(Self::test_command)?,
            Some("function") => self.nested(Self::function_command)?,
            Some("in") | None => {
                if self.starts_with("((") && self.arithmetic_end(self.at + 1).is_some() {
                    self.at += 1;
                    self.nested(Self::arithmetic)?;
                    CommandKind::Arithmetic
                } else if self.peek() == Some(b'(') {
                    self.nested(|parser| {
                        parser.at += 1;
                        let list = parser.filled_list(&[])?;
                        parser.close_parenthesis(start)?;
                        Ok(CommandKind::Subshell(list))
                    })?
                } else {
                    return self.simple(start);
                }
            }
            Some(_) => return self.unexpected(),
        };
        let mut end = self.at;
        let mut redirects = Vec::new();
        loop {
            self.blanks();
            match self.redirect()? {
                Some(redirect) => redirects.push(redirect),
                None => break,
            }
            end = self.at;
        }
        Ok(Command { kind, redirects, span: self.text.span_of(start..end) })
    }

    fn expect(&mut self, word: &'static str) -> Read<()> {
        self.newlines();
        if self.reserved() == Some(word) {
            self.at += word.len();
            return Ok(());
        }
        if self.at >= self.text.len() {
            return self.fault(format!("the script ends before the `{word}`"), self.at..self.at);
        }
        self.unexpected()
    }

    fn close_parenthesis(&mut self, open: usize) -> Read<()> {
        if self.take(")") {
            return Ok(());
        }
        if self.at >= self.text.len() {
            return self.fault("this parenthesis is never closed", open..open + 1);
        }
        self.unexpected()
    }

    /// A list with at least one command.
    fn filled_list(&mut self, ends: &[&str]) -> Read<List> {
        let list = self.list(ends)?;
        if list.entries.is_empty() { self.unexpected() } else { Ok(list) }
    }

    fn if_command(&mut self) -> Read<CommandKind> {
        self.at += "if".len();
        let mut branches = Vec::new();
        loop {
            let condition = self.filled_list(&["then"])?;
            self.expect("then")?;
            let body = self.filled_list(&["elif", "else", "fi"])?;
            branches.push((condition, body));
            if self.reserved() != Some("elif") {
                break;
            }
            self.at += "elif".len();
        }
        let mut otherwise = None;
        if self.reserved() == Some("else") {
            self.at += "else".len();
            otherwise = Some(self.filled_list(&["fi"])?);
        }
        self.expect("fi")?;
        Ok(CommandKind::If { branches, otherwise })
    }

    fn while_command(&mut self, word: &str) -> Read<CommandKind> {
        self.at += word.len();
        let condition = self.filled_list(&["do"])?;
        let body = self.do_group()?;
        Ok(CommandKind::While { condition, body })
    }

    fn do_group(&mut self) -> Read<List> {
        self.expect("do")?;
        let body = self.filled_list(&["done"])?;
        self.expect("done")?;
        Ok(body)
    }

    fn for_command(&mut self, word: &str) -> Read<CommandKind> {
        self.at += word.len();
        self.blanks();
        let mut variable = String::new();
        let mut words = None;
        if self.starts_with("((") {
            self.at += 1;
            self.arithmetic()?;
        } else {
            let start = self.at;
            if !self.peek().is_some_and(is_name_start) {
                return self.unexpected();
            }
            while self.peek().is_some_and(is_name) {
                self.at += 1;
            }
            variable = self.text[start..self.at].to_owned();
            self.newlines();
            if self.reserved() == Some("in") {
                self.at += "in".len();
                let mut found = Vec::new();
                loop {
                    self.blanks();
                    match self.word()? {
                        Some(word) => found.push(word),
                        None => break,
                    }
                }
                words = Some(found);
            }
        }
        self.blanks();
        if self.peek() == Some(b';') {
            self.at += 1;
        }
        self.newlines();
        // bash takes braces as well.
        let body = if self.reserved() == Some("{") {
            self.at += 1;
            let body = self.filled_list(&["}"])?;
            self.expect("}")?;
            body
        } else {
            self.do_group()?
        };
        Ok(CommandKind::For { variable, words, body })
    }

    fn case_command(&mut self) -> Read<CommandKind> {
        self.at += "case".len();
        self.blanks();
        let Some(subject) = self.word()? else { return self.unexpected() };
        self.expect("in")?;
        let mut arms = Vec::new();
        loop {
            self.newlines();
            if self.reserved() == Some("esac") {
                self.at += "esac".len();
                return Ok(CommandKind::Case { subject, arms });
            }
            let open = self.at;
            self.take("(");
            let mut patterns = Vec::new();
            loop {
                self.blanks();
                match self.word()? {
                    Some(pattern) => patterns.push(pattern),
                    None => return self.unexpected(),
                }
                self.blanks();
                if !self.take("|") {
                    break;
                }
            }
            self.close_parenthesis(open)?;
            let body = self.list(&["esac"])?;
            arms.push((patterns, body));
            if !(self.take(";;&") || self.take(";;") || self.take(";&")) && self.reserved() != Some("esac") {
                return self.unexpected();
            }
        }
    }

    fn function_command(&mut self) -> Read<CommandKind> {
        self.at += "function".len();
        self.blanks();
        let Some(name) = self.word()? else { return self.unexpected() };
        self.blanks();
        if self.take("(") {
            self.blanks();
            self.close_parenthesis(self.at)?;
        }
        self.function_body(name.text().unwrap_or_default().into_owned())
    }

    fn function_body(&mut self, name: String) -> Read<CommandKind> {
        self.newlines();
        let body = Box::new(self.command()?);
        Ok(CommandKind::Function { name, body })
    }

    /// `[[ … ]]`: operators are kept as words.
    fn test_command(&mut self) -> Read<CommandKind> {
        let open = self.at;
        self.at += 2;
        let mut words = Vec::new();
        loop {
            self.newlines();
            let start = self.at;
            if self.starts_with("]]")
                && self.bytes().get(self.at + 2).is_none_or(|byte| is_meta(*byte) || *byte == b'\r')
            {
                self.at += 2;
                return Ok(CommandKind::Test(words));
            }
            if self.at >= self.text.len() {
                return self.fault("this `[[` is never closed", open..open + 2);
            }
            if let Some(word) = self.word()? {
                words.push(word);
                continue;
            }
            // An operator: `&&`, `||`, `<`, `>`, `(`, `)` or, within an expression to match, any of their bytes.
            let two = self.starts_with("&&") || self.starts_with("||");
            self.at += if two { 2 } else { 1 };
            let text = self.text.slice(start..self.at);
            words.push(Word { span: text.span(), parts: vec![Part::Text { text, quoted: false }] });
        }
    }

    fn simple(&mut self, start: usize) -> Read<Command> {
        let mut simple =
            Simple { assignments: Vec::new(), words: Vec::new(), command: 0, wrappers: Vec::new(), script: None };
        let mut redirects = Vec::new();
        let mut end = self.at;
        loop {
            self.blanks();
            if let Some(redirect) = self.redirect()? {
                redirects.push(redirect);
            } else if let Some(assignment) = self.assignment(simple.words.is_empty())? {
                simple.assignments.push(assignment);
            } else if let Some(word) = self.word()? {
                simple.words.push(word);
                // `time` and `coproc` are followed by any command.
                let first = simple.words.len() == 1 && simple.assignments.is_empty() && redirects.is_empty();
                if first && (simple.words[0].is("time") || simple.words[0].is("coproc")) {
                    self.blanks();
                    if self.peek() == Some(b'(') || self.reserved().is_some_and(|word| word != "in" && word != "}") {
                        return self.nested(Self::command);
                    }
                }
                if first && self.is_function() {
                    let name = simple.words[0].text().unwrap_or_default().into_owned();
                    let kind = self.nested(|parser| parser.function_body(name))?;
                    return Ok(Command { kind, redirects, span: self.span(start) });
                }
            } else {
                break;
            }
            end = self.at;
        }
        if start == end {
            return self.unexpected();
        }
        let span = self.text.span_of(start..end);
        Ok(Command { kind: CommandKind::Simple(Box::new(simple)), redirects, span })
    }

    /// Takes the `()` of a function's definition.
    fn is_function(&mut self) -> bool {
        let start = self.at;
        self.blanks();
        if self.take("(") {
            self.blanks();
            if self.take(")") {
                return true;
            }
        }
        self.at = start;
        false
    }

    fn assignment(&mut self, allowed: bool) -> Read<Option<Assignment>> {
        let start = self.at;
        let bytes = self.bytes();
        if !allowed || !self.peek().is_some_and(is_name_start) {
            return Ok(None);
        }
        let mut at = start;
        while bytes.get(at).is_some_and(|byte| is_name(*byte)) {
            at += 1;
        }
        let name_end = at;
        if bytes.get(at) == Some(&b'[') {
            let line = bytes[at..].iter().take(1024).take_while(|byte| !is_meta(**byte)).count();
            match bytes[at..at + line].iter().position(|byte| *byte == b']') {
                Some(len) => at += len + 1,
                None => return Ok(None),
            }
        }
        if bytes.get(at) == Some(&b'+') {
            at += 1;
        }
        if bytes.get(at) != Some(&b'=') {
            return Ok(None);
        }
        self.at = at + 1;
        let name = self.text[start..name_end].to_owned();
        let value_start = self.at;
        let value = if self.peek() == Some(b'(') {
            self.array()?;
            Word { span: self.span(value_start), parts: Vec::new() }
        } else {
            let empty = Word { span: self.span(value_start), parts: Vec::new() };
            self.word()?.unwrap_or(empty)
        };
        Ok(Some(Assignment { name, value, span: self.span(start) }))
    }

    /// The words of an array, from its opening parenthesis on.
    fn array(&mut self) -> Read<Vec<Word>> {
        let open = self.at;
        self.at += 1;
        self.nested(|parser| {
            let mut words = Vec::new();
            loop {
                parser.newlines();
                match parser.word()? {
                    Some(word) => words.push(word),
                    None => break,
                }
            }
            parser.close_parenthesis(open)?;
            Ok(words)
        })
    }

    fn redirect(&mut self) -> Read<Option<Redirect>> {
        let start = self.at;
        let bytes = self.bytes();
        let mut at = start;
        while bytes.get(at).is_some_and(u8::is_ascii_digit) {
            at += 1;
        }
        let both = at == start && self.starts_with("&>");
        if !both && !matches!(bytes.get(at), Some(b'<' | b'>')) {
            return Ok(None);
        }
        // `<(` and `>(` begin words.
        if at == start && !both && bytes.get(at + 1) == Some(&b'(') {
            return Ok(None);
        }
        let descriptor = self.text[start..at].parse().ok();
        self.at = at;
        const OPERATORS: [(&str, RedirectOperator); 12] = [
            ("&>>", RedirectOperator::AppendOutputAndError),
            ("&>", RedirectOperator::OutputAndError),
            ("<<<", RedirectOperator::Herestring),
            ("<<-", RedirectOperator::HeredocStripped),
            ("<<", RedirectOperator::Heredoc),
            ("<>", RedirectOperator::ReadWrite),
            ("<&", RedirectOperator::DuplicateInput),
            ("<", RedirectOperator::Input),
            (">>", RedirectOperator::Append),
            (">|", RedirectOperator::Clobber),
            (">&", RedirectOperator::DuplicateOutput),
            (">", RedirectOperator::Output),
        ];
        let operator_start = self.at;
        let Some((_, operator)) = OPERATORS.into_iter().find(|(text, _)| self.take(text)) else { return Ok(None) };
        let operator = Spanned::new(operator, self.span(operator_start));
        self.blanks();
        let target_start = self.at;
        let Some(target) = self.word()? else { return self.unexpected() };
        let mut heredoc = None;
        if matches!(operator.node, RedirectOperator::Heredoc | RedirectOperator::HeredocStripped) {
            let mark = target_start..self.at;
            // The name is the word without its quotes; nothing in it is expanded.
            let name = match target.text() {
                Some(text) => text.into_owned(),
                None => self.text[mark.clone()].to_owned(),
            };
            let index = self.heredocs.len();
            let text = MappedText::empty(self.text.file(), self.text.span_of(mark.clone()).range().end);
            self.heredocs.push(HeredocBody { text, expand: !target.is_quoted() });
            let strip = operator.node == RedirectOperator::HeredocStripped;
            self.pending.push(Pending { index, name, strip, mark });
            heredoc = Some(index);
        }
        Ok(Some(Redirect { descriptor, operator, target, heredoc, span: self.span(start) }))
    }

    fn word(&mut self) -> Read<Option<Word>> {
        let start = self.at;
        let mut parts = Parts::new(self.text);
        while let Some(byte) = self.peek() {
            let here = self.at;
            match byte {
                b'<' | b'>' if self.bytes().get(here + 1) == Some(&b'(') => {
                    self.at += 2;
                    let list = self.nested(|parser| parser.list(&[]))?;
                    self.close_parenthesis(here + 1)?;
                    let span = self.span(here);
                    parts.push(Part::Process { list, span });
                }
                b'(' if here > start && parts.ends_in_equals() => {
                    // An array behind `declare` or `export`.
                    self.array()?;
                }
                b'(' if here > start && parts.ends_in_extended_glob() => self.extended_glob(&mut parts)?,
                _ if is_meta(byte) => break,
                b'\r' if self.starts_with("\r\n") => break,
                b'\'' => self.single_quote(&mut parts)?,
                b'"' => {
                    self.at += 1;
                    self.double_quote(here, &mut parts)?;
                }
                b'\\' => {
                    if self.take("\\\n") || self.take("\\\r\n") {
                        continue;
                    }
                    self.at += 1;
                    match self.text[self.at..].chars().next() {
                        Some(c) => {
                            self.at += c.len_utf8();
                            parts.text(self.at - c.len_utf8()..self.at, true);
                        }
                        // A backslash at the very end stands for itself.
                        None => parts.text(here..self.at, true),
                    }
                }
                b'$' => self.dollar(false, &mut parts)?,
                b'`' => self.backquote(false, &mut parts)?,
                _ => {
                    while self.peek().is_some_and(|byte| {
                        !is_meta(byte) && !matches!(byte, b'\'' | b'"' | b'\\' | b'$' | b'`' | b'\r')
                    }) {
                        self.at += 1;
                    }
                    if self.at == here {
                        self.at += 1;
                    }
                    parts.text(here..self.at, false);
                }
            }
        }
        if self.at == start {
            return Ok(None);
        }
        Ok(Some(Word { span: self.span(start), parts: parts.finish() }))
    }

    /// `@(a|b)` and the like are one pattern.
    fn extended_glob(&mut self, parts: &mut Parts) -> Read<()> {
        let open = self.at;
        let mut depth = 0usize;
        while let Some(byte) = self.peek() {
            self.at += 1;
            match byte {
                b'(' => depth += 1,
                b')' => {
                    depth -= 1;
                    if depth == 0 {
                        parts.text(open..self.at, false);
                        return Ok(());
                    }
                }
                b'\n' => break,
                _ => {}
            }
        }
        self.fault("this parenthesis is never closed", open..open + 1)
    }

    fn single_quote(&mut self, parts: &mut Parts) -> Read<()> {
        let open = self.at;
        self.at += 1;
        let Some(len) = memchr::memchr(b'\'', &self.bytes()[self.at..]) else {
            return self.fault("this single quote is never closed", open..open + 1);
        };
        let end = self.at + len;
        self.with_templates(self.at..end, parts);
        self.at = end + 1;
        Ok(())
    }

    /// Adds quoted text in which only templates mean something.
    fn with_templates(&self, range: Range<usize>, parts: &mut Parts) {
        let mut at = range.start;
        let open = |at: usize| self.text[at..range.end].find("${{").filter(|_| self.options.templates);
        while let Some(open) = open(at).map(|len| at + len) {
            let Some(close) = self.text[open..range.end].find("}}").map(|len| open + len + 2) else { break };
            parts.text(at..open, true);
            parts.push(Part::Template { span: self.text.span_of(open..close) });
            at = close;
        }
        parts.text(at..range.end, true);
    }

    /// The inside of double quotes and the closing one.
    fn double_quote(&mut self, open: usize, parts: &mut Parts) -> Read<()> {
        loop {
            let here = self.at;
            match self.peek() {
                None => return self.fault("this double quote is never closed", open..open + 1),
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'$') => self.dollar(true, parts)?,
                Some(b'`') => self.backquote(true, parts)?,
                Some(b'\\') => {
                    if self.take("\\\n") || self.take("\\\r\n") {
                        continue;
                    }
                    match self.bytes().get(here + 1) {
                        Some(b'"' | b'\\' | b'$' | b'`') => {
                            self.at += 2;
                            parts.text(here + 1..here + 2, true);
                        }
                        _ => {
                            self.at += 1;
                            parts.text(here..here + 1, true);
                        }
                    }
                }
                Some(_) => {
                    while self.peek().is_some_and(|byte| !matches!(byte, b'"' | b'$' | b'`' | b'\\')) {
                        self.at += 1;
                    }
                    parts.text(here..self.at, true);
                }
            }
        }
    }

    fn dollar(&mut self, quoted: bool, parts: &mut Parts) -> Read<()> {
        let start = self.at;
        if self.options.templates && self.starts_with("${{") {
            let Some(len) = self.text[start..].find("}}") else {
                return self.fault("this `${{` is never closed", start..start + 3);
            };
            self.at = start + len + 2;
            parts.push(Part::Template { span: self.span(start) });
            return Ok(());
        }
        self.at += 1;
        match self.peek() {
            Some(b'(') => {
                if self.starts_with("((") && self.arithmetic_end(self.at + 1).is_some() {
                    self.at += 1;
                    let inner = self.nested(Self::arithmetic)?;
                    parts.push(Part::Arithmetic { inner, span: self.span(start) });
                    return Ok(());
                }
                self.at += 1;
                let list = self.nested(|parser| parser.list(&[]))?;
                self.close_parenthesis(start + 1)?;
                parts.push(Part::Command { list, quoted, span: self.span(start) });
            }
            Some(b'{') => {
                let variable = self.nested(|parser| parser.braces(start, quoted))?;
                parts.push(variable);
            }
            Some(b'\'') if !quoted => self.ansi_quote(parts)?,
            Some(b'"') if !quoted => {
                self.at += 1;
                self.double_quote(start + 1, parts)?;
            }
            Some(byte) if is_name_start(byte) => {
                while self.peek().is_some_and(is_name) {
                    self.at += 1;
                }
                parts.push(self.variable(start, start + 1..self.at, String::new(), Vec::new(), quoted));
            }
            Some(b'0'..=b'9' | b'@' | b'*' | b'#' | b'?' | b'-' | b'$' | b'!') => {
                self.at += 1;
                parts.push(self.variable(start, start + 1..self.at, String::new(), Vec::new(), quoted));
            }
            _ => parts.text(start..self.at, quoted),
        }
        Ok(())
    }

    fn variable(&self, start: usize, name: Range<usize>, operator: String, inner: Vec<Part>, quoted: bool) -> Part {
        Part::Variable { name: self.text[name].to_owned(), operator, inner, quoted, span: self.span(start) }
    }

    /// `${…}` from its `{` on; `start` is the place of the `$`.
    fn braces(&mut self, start: usize, quoted: bool) -> Read<Part> {
        self.at += 1;
        // `${#x}` and `${!x}`: the length, and the variable that is named by the variable.
        let prefix = matches!(self.peek(), Some(b'#' | b'!'))
            && self.bytes().get(self.at + 1).is_some_and(|byte| is_name(*byte));
        let mut operator = String::new();
        if prefix {
            operator.push_str(&self.text[self.at..self.at + 1]);
            self.at += 1;
        }
        let name_start = self.at;
        if self.peek().is_some_and(is_name) {
            while self.peek().is_some_and(is_name) {
                self.at += 1;
            }
        } else if matches!(self.peek(), Some(b'@' | b'*' | b'#' | b'?' | b'-' | b'$' | b'!')) {
            self.at += 1;
        }
        let name = name_start..self.at;
        let operator_start = self.at;
        let mut inner = Parts::new(self.text);
        loop {
            let here = self.at;
            match self.peek() {
                None => return self.fault("this `${` is never closed", start..start + 2),
                Some(b'}') => {
                    operator.push_str(&self.text[operator_start..here]);
                    self.at += 1;
                    return Ok(self.variable(start, name, operator, inner.finish(), quoted));
                }
                Some(b'\'') if !quoted => self.single_quote(&mut inner)?,
                Some(b'"') => {
                    self.at += 1;
                    self.double_quote(here, &mut inner)?;
                }
                Some(b'\\') => {
                    self.at += 1;
                    self.at += self.text[self.at..].chars().next().map_or(0, char::len_utf8);
                }
                Some(b'$') => self.dollar(quoted, &mut inner)?,
                Some(b'`') => self.backquote(quoted, &mut inner)?,
                Some(_) => self.at += self.text[here..].chars().next().map_or(1, char::len_utf8),
            }
        }
    }

    /// `$'…'`
    fn ansi_quote(&mut self, parts: &mut Parts) -> Read<()> {
        let open = self.at;
        self.at += 1;
        loop {
            let here = self.at;
            match self.peek() {
                None => return self.fault("this quote is never closed", open..open + 1),
                Some(b'\'') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => {
                    self.at += 1;
                    let c = self.ansi_escape();
                    match c {
                        Some(c) => parts.escaped(here..self.at, c),
                        None => parts.text(here..self.at, true),
                    }
                }
                Some(_) => {
                    while self.peek().is_some_and(|byte| !matches!(byte, b'\'' | b'\\')) {
                        self.at += 1;
                    }
                    parts.text(here..self.at, true);
                }
            }
        }
    }

    /// The character behind a backslash in `$'…'`.
    fn ansi_escape(&mut self) -> Option<char> {
        let c = self.text[self.at..].chars().next()?;
        self.at += c.len_utf8();
        let mut digits = |radix: u32, most: usize, first: Option<u32>| {
            let mut value = first.unwrap_or(0);
            for _ in 0..most {
                let Some(digit) = self.peek().and_then(|byte| char::from(byte).to_digit(radix)) else { break };
                value = value.wrapping_mul(radix).wrapping_add(digit);
                self.at += 1;
            }
            char::from_u32(value)
        };
        match c {
            'a' => Some('\u{7}'),
            'b' => Some('\u{8}'),
            'e' | 'E' => Some('\u{1b}'),
            'f' => Some('\u{c}'),
            'n' => Some('\n'),
            'r' => Some('\r'),
            't' => Some('\t'),
            'v' => Some('\u{b}'),
            '\\' | '\'' | '"' | '?' => Some(c),
            'x' => digits(16, 2, None),
            'u' => digits(16, 4, None),
            'U' => digits(16, 8, None),
            '0'..='7' => digits(8, 2, c.to_digit(8)),
            _ => None,
        }
    }

    /// `` `…` ``: the text between is unescaped, then read as a script of its own.
    fn backquote(&mut self, quoted: bool, parts: &mut Parts) -> Read<()> {
        let open = self.at;
        self.at += 1;
        let mut inner = MappedText::empty(self.text.file(), self.text.span_of(self.at..self.at).range().start);
        let mut run = self.at;
        loop {
            match self.peek() {
                None => return self.fault("this backquote is never closed", open..open + 1),
                Some(b'`') => break,
                Some(b'\\') => {
                    let escaped = match self.bytes().get(self.at + 1) {
                        Some(b'`' | b'\\' | b'$') => true,
                        Some(b'"') => quoted,
                        _ => false,
                    };
                    if escaped {
                        inner.push_mapped(&self.text.slice(run..self.at));
                        self.at += 1;
                        run = self.at;
                    }
                    self.at += self.text[self.at..].chars().next().map_or(1, char::len_utf8);
                }
                Some(_) => self.at += self.text[self.at..].chars().next().map_or(1, char::len_utf8),
            }
        }
        inner.push_mapped(&self.text.slice(run..self.at));
        self.at += 1;
        if self.depth >= MAX_DEPTH {
            return self.fault("the script is nested too deeply", open..self.at);
        }
        let mut parser = Parser::new(&inner, self.options, self.depth + 1);
        parser.heredocs = std::mem::take(&mut self.heredocs);
        let list = parser.whole();
        self.heredocs = std::mem::take(&mut parser.heredocs);
        match list {
            Ok(list) => {
                parts.push(Part::Command { list, quoted, span: self.span(open) });
                Ok(())
            }
            Err(Fault { message, .. }) => self.fault(message, open..self.at),
        }
    }

    /// The offset behind the `))` that closes an arithmetic expression whose inner parenthesis stands at `open`, if it is
    /// one. `$((` can also begin a command list with a subshell.
    fn arithmetic_end(&self, open: usize) -> Option<usize> {
        let bytes = self.bytes();
        let mut depth = 0usize;
        let mut at = open;
        while let Some(byte) = bytes.get(at) {
            match byte {
                b'(' => depth += 1,
                b')' => {
                    depth -= 1;
                    if depth == 0 {
                        return (bytes.get(at + 1) == Some(&b')')).then_some(at + 2);
                    }
                }
                b'\\' => at += 1,
                b'\'' => at += memchr::memchr(b'\'', &bytes[at + 1..])? + 1,
                _ => {}
            }
            at += 1;
        }
        None
    }

    /// An arithmetic expression from its inner opening parenthesis to the `))`; what is expanded in it.
    fn arithmetic(&mut self) -> Read<Vec<Part>> {
        let open = self.at;
        let mut depth = 0usize;
        let mut inner = Parts::new(self.text);
        loop {
            match self.peek() {
                None => return self.fault("this `((` is never closed", open..open + 1),
                Some(b'(') => {
                    depth += 1;
                    self.at += 1;
                }
                Some(b')') => {
                    self.at += 1;
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        self.close_parenthesis(open)?;
                        let mut inner = inner.finish();
                        inner.retain(|part| !matches!(part, Part::Text { .. }));
                        return Ok(inner);
                    }
                }
                Some(b'$') => self.dollar(false, &mut inner)?,
                Some(b'`') => self.backquote(false, &mut inner)?,
                Some(b'\'') => self.single_quote(&mut inner)?,
                Some(b'\\') => {
                    self.at += 1;
                    self.at += self.text[self.at..].chars().next().map_or(0, char::len_utf8);
                }
                Some(_) => self.at += self.text[self.at..].chars().next().map_or(1, char::len_utf8),
            }
        }
    }
}

/// Parts of a word; neighbouring text of equal quoting becomes one part.
struct Parts<'t> {
    text: &'t MappedText,
    parts: Vec<Part>,
}

impl<'t> Parts<'t> {
    fn new(text: &'t MappedText) -> Self {
        Parts { text, parts: Vec::new() }
    }

    fn push(&mut self, part: Part) {
        self.parts.push(part);
    }

    fn text(&mut self, range: Range<usize>, quoted: bool) {
        if range.is_empty() {
            return;
        }
        let slice = self.text.slice(range);
        match self.parts.last_mut() {
            Some(Part::Text { text, quoted: last }) if *last == quoted => text.push_mapped(&slice),
            _ => self.parts.push(Part::Text { text: slice, quoted }),
        }
    }

    fn escaped(&mut self, range: Range<usize>, c: char) {
        let source = self.text.span_of(range);
        let mut text = MappedText::empty(self.text.file(), source.range().start);
        text.push_for(source.range(), c.encode_utf8(&mut [0; 4]));
        match self.parts.last_mut() {
            Some(Part::Text { text: last, quoted: true }) => last.push_mapped(&text),
            _ => self.parts.push(Part::Text { text, quoted: true }),
        }
    }

    fn ends_in(&self, test: impl Fn(&str) -> bool) -> bool {
        matches!(self.parts.last(), Some(Part::Text { text, quoted: false }) if test(text))
    }

    fn ends_in_equals(&self) -> bool {
        self.ends_in(|text| text.ends_with('='))
    }

    fn ends_in_extended_glob(&self) -> bool {
        self.ends_in(|text| text.ends_with(['@', '*', '?', '+', '!']))
    }

    fn finish(self) -> Vec<Part> {
        self.parts
    }
}
