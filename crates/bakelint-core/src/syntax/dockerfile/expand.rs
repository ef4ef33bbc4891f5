//! Variable expansion as BuildKit does it in Dockerfile words.
//!
//! Follows `frontend/dockerfile/shell/lex.go`. It looks like a shell's expansion but is its own language: `$` forms are
//! `$x ${x} ${x:-w} ${x-w} ${x:+w} ${x+w} ${x:?w} ${x?w} ${x#p} ${x##p} ${x%p} ${x%%p} ${x/p/r} ${x//p/r}`, special
//! parameters such as `$1` and `$@` are variables like any other, and patterns know only `*`, `?` and `\`.
//!
//! Values may be unknown, because a build argument or a base image decides them. What depends on one becomes
//! [`Part::Dynamic`], and nothing is guessed.

use std::ops::Range;

use super::chars::{is_digit, is_letter};
use super::pattern::{Match, Pattern};
use crate::source::Span;
use crate::syntax::mapped::MappedText;

/// What is known about a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// It has this value.
    Set(String),
    /// It has no value.
    Unset,
    /// It may or may not have a value, and which one is unknown.
    Dynamic,
}

/// Where variables get their values from. Names are compared exactly, as BuildKit does on Linux.
pub trait Environment {
    /// What is known about the variable `name`.
    fn lookup(&self, name: &str) -> Lookup;
}

impl<F: Fn(&str) -> Lookup> Environment for F {
    fn lookup(&self, name: &str) -> Lookup {
        self(name)
    }
}

/// A run of an expanded text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Known text.
    Text(String),
    /// Unknown text, maybe empty.
    Dynamic,
}

/// An expanded text: known and unknown runs, neighbouring known ones melted together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expanded {
    parts: Vec<Part>,
}

impl Expanded {
    /// A text made of runs.
    pub fn from_parts(parts: impl IntoIterator<Item = Part>) -> Self {
        let mut expanded = Expanded::default();
        for part in parts {
            match part {
                Part::Text(text) => expanded.push_str(&text),
                Part::Dynamic => expanded.push_dynamic(),
            }
        }
        expanded
    }

    /// The runs, in order. None for an empty text.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The whole text, if all of it is known.
    pub fn known(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// The known text at the start; all of it if everything is known.
    pub fn prefix(&self) -> &str {
        match self.parts.first() {
            Some(Part::Text(text)) => text,
            _ => "",
        }
    }

    fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    fn push(&mut self, c: char) {
        self.push_str(c.encode_utf8(&mut [0; 4]));
    }

    fn push_str(&mut self, text: &str) {
        match self.parts.last_mut() {
            _ if text.is_empty() => {}
            Some(Part::Text(last)) => last.push_str(text),
            _ => self.parts.push(Part::Text(text.to_owned())),
        }
    }

    fn push_dynamic(&mut self) {
        if self.parts.last() != Some(&Part::Dynamic) {
            self.parts.push(Part::Dynamic);
        }
    }

    fn append(&mut self, other: &Expanded) {
        for part in &other.parts {
            match part {
                Part::Text(text) => self.push_str(text),
                Part::Dynamic => self.push_dynamic(),
            }
        }
    }

    /// A text of which nothing is known.
    pub fn dynamic() -> Self {
        Expanded { parts: vec![Part::Dynamic] }
    }

    /// A text that is wholly known.
    pub fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        if text.is_empty() { Expanded::default() } else { Expanded { parts: vec![Part::Text(text)] } }
    }
}

/// The operator of a `${}` form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operator {
    /// `$x` or `${x}`.
    None,
    /// `${x-w}`, or `${x:-w}`: `w` stands in for a value that is missing.
    Default {
        /// Whether an empty value is as good as none (the form with a colon).
        or_empty: bool,
    },
    /// `${x+w}`, or `${x:+w}`: `w` stands in for a value that is there.
    Alternate {
        /// Whether an empty value is as good as none (the form with a colon).
        or_empty: bool,
    },
    /// `${x?w}`, or `${x:?w}`: an error without a value.
    Required {
        /// Whether an empty value is as good as none (the form with a colon).
        or_empty: bool,
    },
    /// `${x#p}`, `${x##p}`, `${x%p}`, `${x%%p}`.
    Trim,
    /// `${x/p/r}`, `${x//p/r}`.
    Replace,
}

/// One use of a variable in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VariableUse {
    /// The variable's name.
    pub name: String,
    /// The whole expression, from the `$` to the closing brace.
    pub span: Span,
    /// The operator of the form.
    pub operator: Operator,
    /// What the environment said about it.
    pub lookup: Lookup,
}

/// A text with its variables replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expansion {
    /// The text.
    pub value: Expanded,
    /// Every variable that was looked up, in the order in which BuildKit looks them up (inner ones first).
    pub uses: Vec<VariableUse>,
}

/// One of the words that a text was split into after expansion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpandedWord {
    /// The word. A dynamic part may stand for several words or for none.
    pub value: Expanded,
    /// Its bytes in the text; those of the `$` form where the word came out of a variable.
    pub range: Range<usize>,
}

/// Why a text cannot be expanded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpandError {
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// The guilty part of the text.
    pub span: Span,
    /// The variables that were looked up before; BuildKit still warns about those.
    pub uses: Vec<VariableUse>,
}

/// The deepest nesting of `${}` forms that is read; BuildKit has no bound.
const MAX_DEPTH: u32 = 100;

/// How to read a text. The defaults are those of an instruction's arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lexer {
    /// The escape character of the file.
    pub escape: char,
    /// Keep quotes in the result.
    pub raw_quotes: bool,
    /// Keep escape characters in the result.
    pub raw_escapes: bool,
    /// Take quotes for plain characters, as in the body of a here-document.
    pub plain_quotes: bool,
    /// Leave forms of unset variables as they are.
    pub keep_unset: bool,
}

impl Lexer {
    /// Reads arguments of a file with this escape character.
    pub fn new(escape: char) -> Self {
        Lexer { escape, raw_quotes: false, raw_escapes: false, plain_quotes: false, keep_unset: false }
    }

    /// Reads the body of a `COPY` or `ADD` here-document, whose escape character is always the backslash.
    pub fn heredoc_body() -> Self {
        Lexer { plain_quotes: true, ..Lexer::new('\\') }
    }

    /// Replaces variables and takes quotes off (`ProcessWord`). The text is not split.
    ///
    /// # Errors
    ///
    /// An unbalanced quote, an unknown or open `${}` form, a bad pattern, or a required variable without value.
    pub fn expand(&self, text: &MappedText, env: &dyn Environment) -> Result<Expansion, ExpandError> {
        if !text.contains(['$', '\'', '"', '\u{feff}']) && !text.contains(self.escape) {
            return Ok(Expansion { value: Expanded::text(text.as_str()), uses: Vec::new() });
        }
        let mut run = Run::new(self, text, env);
        match run.process(None, self.raw_escapes) {
            Ok(value) => Ok(Expansion { value, uses: run.uses }),
            Err(fault) => Err(run.error(fault)),
        }
    }

    /// Replaces variables and splits at white space outside of quotes (`ProcessWords`). Variables are replaced first,
    /// so one of them can turn into several words.
    ///
    /// # Errors
    ///
    /// As [`expand`](Self::expand).
    pub fn split(&self, text: &MappedText, env: &dyn Environment) -> Result<Vec<ExpandedWord>, ExpandError> {
        let mut run = Run::new(self, text, env);
        match run.process(None, self.raw_escapes) {
            Ok(_) => {
                run.finish_word();
                Ok(run.words)
            }
            Err(fault) => Err(run.error(fault)),
        }
    }
}

/// What went wrong, and where in the text.
struct Fault {
    message: String,
    range: Range<usize>,
}

struct Run<'a> {
    lexer: &'a Lexer,
    text: &'a MappedText,
    env: &'a dyn Environment,
    at: usize,
    depth: u32,
    raw_escapes: bool,
    uses: Vec<VariableUse>,
    words: Vec<ExpandedWord>,
    /// The word that is being put together. BuildKit has one buffer for all levels of nesting, so a nested word empties
    /// what the outer one has collected: `80${X:-81}` splits into the one word `81`.
    buffer: Expanded,
    buffer_range: Range<usize>,
    in_word: bool,
}

impl<'a> Run<'a> {
    fn new(lexer: &'a Lexer, text: &'a MappedText, env: &'a dyn Environment) -> Self {
        // Go's scanner drops a byte order mark at the start of what it reads.
        let at = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        Run {
            lexer,
            text,
            env,
            at,
            depth: 0,
            raw_escapes: lexer.raw_escapes,
            uses: Vec::new(),
            words: Vec::new(),
            buffer: Expanded::default(),
            buffer_range: 0..0,
            in_word: false,
        }
    }

    fn error(self, fault: Fault) -> ExpandError {
        ExpandError { message: fault.message, span: self.text.span_of(fault.range), uses: self.uses }
    }

    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn fault<T>(&self, message: impl Into<String>, start: usize) -> Result<T, Fault> {
        Err(Fault { message: message.into(), range: start..self.at })
    }

    /// Reads up to the end of the text, or up to `stop` in a `${}` form.
    fn process(&mut self, stop: Option<char>, raw_escapes: bool) -> Result<Expanded, Fault> {
        let outer_raw = std::mem::replace(&mut self.raw_escapes, raw_escapes);
        let result = self.process_until(stop);
        self.raw_escapes = outer_raw;
        result
    }

    fn process_until(&mut self, stop: Option<char>) -> Result<Expanded, Fault> {
        let mut result = Expanded::default();
        let top = stop.is_none();
        while let Some(c) = self.peek() {
            let start = self.at;
            if stop == Some(c) {
                self.at += c.len_utf8();
                return Ok(result);
            }
            match c {
                '$' => {
                    let value = self.dollar()?;
                    if top {
                        self.add_split(&value, start);
                    }
                    result.append(&value);
                }
                '\'' | '"' if !self.lexer.plain_quotes => {
                    let value = if c == '"' { self.double_quote()? } else { self.single_quote()? };
                    if top {
                        self.add_raw(&value, start);
                    }
                    result.append(&value);
                }
                '<' => {
                    let value = self.heredoc_mark();
                    if top {
                        self.add_raw(&value, start);
                    }
                    result.append(&value);
                }
                _ => {
                    self.at += c.len_utf8();
                    if c != self.lexer.escape {
                        if top {
                            self.add_char(c, start);
                        }
                        result.push(c);
                        continue;
                    }
                    if self.raw_escapes {
                        if top {
                            self.add_raw(&Expanded::text(c), start);
                        }
                        result.push(c);
                    }
                    let Some(c) = self.next() else { break };
                    if top {
                        self.add_raw(&Expanded::text(c), start);
                    }
                    result.push(c);
                }
            }
        }
        match stop {
            Some(stop) => self.fault(format!("the text ends before the `{stop}`"), self.at),
            None => Ok(result),
        }
    }

    fn single_quote(&mut self) -> Result<Expanded, Fault> {
        let start = self.at;
        self.at += 1;
        let Some(len) = self.text[self.at..].find('\'') else {
            self.at = self.text.len();
            return self.fault("this single quote is never closed", start);
        };
        let inside = self.at..self.at + len;
        self.at = inside.end + 1;
        let range = if self.lexer.raw_quotes { start..self.at } else { inside };
        Ok(Expanded::text(&self.text[range]))
    }

    fn double_quote(&mut self) -> Result<Expanded, Fault> {
        let start = self.at;
        let mut result = Expanded::default();
        self.at += 1;
        if self.lexer.raw_quotes {
            result.push('"');
        }
        loop {
            match self.peek() {
                None => return self.fault("this double quote is never closed", start),
                Some('"') => {
                    self.at += 1;
                    if self.lexer.raw_quotes {
                        result.push('"');
                    }
                    return Ok(result);
                }
                Some('$') => {
                    let value = self.dollar()?;
                    result.append(&value);
                }
                Some(mut c) => {
                    self.at += c.len_utf8();
                    if c == self.lexer.escape {
                        if self.raw_escapes {
                            result.push(c);
                        }
                        match self.peek() {
                            // An escape character at the very end goes, and the open quote is found next.
                            None => continue,
                            Some(next) if next == '"' || next == '$' || next == self.lexer.escape => {
                                self.at += next.len_utf8();
                                c = next;
                            }
                            Some(_) => {}
                        }
                    }
                    result.push(c);
                }
            }
        }
    }

    /// `<`, or `<<` with the blanks behind it, which belong to the word of a here-document's mark.
    fn heredoc_mark(&mut self) -> Expanded {
        let start = self.at;
        self.at += 1;
        if self.peek() == Some('<') {
            self.at += 1;
            while matches!(self.peek(), Some('\t' | '\r' | ' ')) {
                self.at += 1;
            }
        }
        Expanded::text(&self.text[start..self.at])
    }

    fn name(&mut self) -> String {
        let start = self.at;
        match self.peek() {
            Some(c) if is_digit(c) => {
                while self.peek().is_some_and(is_digit) {
                    self.next();
                }
            }
            Some('@' | '*' | '#' | '?' | '-' | '$' | '!') => self.at += 1,
            _ => {
                while self.peek().is_some_and(|c| c == '_' || is_letter(c) || is_digit(c)) {
                    self.next();
                }
            }
        }
        self.text[start..self.at].to_owned()
    }

    fn dollar(&mut self) -> Result<Expanded, Fault> {
        let start = self.at;
        self.at += 1;
        if self.peek() != Some('{') {
            let name = self.name();
            if name.is_empty() {
                return Ok(Expanded::text("$"));
            }
            let lookup = self.look_up(&name, start, Operator::None);
            return Ok(match lookup {
                Lookup::Set(value) => Expanded::text(value),
                Lookup::Unset if self.lexer.keep_unset => Expanded::text(format!("${name}")),
                Lookup::Unset => Expanded::default(),
                Lookup::Dynamic => Expanded::dynamic(),
            });
        }
        self.depth += 1;
        let result = if self.depth > MAX_DEPTH {
            self.fault("the forms are nested too deeply", start)
        } else {
            self.brace_form(start)
        };
        self.depth -= 1;
        result
    }

    fn brace_form(&mut self, start: usize) -> Result<Expanded, Fault> {
        self.at += 1;
        match self.peek() {
            None => return self.fault("the `}` of this form is missing", start),
            Some('{' | '}' | ':') => {
                self.at += 1;
                return self.fault("this form names no variable", start);
            }
            _ => {}
        }
        let name = self.name();
        let operator_at = self.at;
        match self.next() {
            Some('}') => {
                let lookup = self.look_up(&name, start, Operator::None);
                Ok(match lookup {
                    Lookup::Set(value) => Expanded::text(value),
                    Lookup::Unset if self.lexer.keep_unset => Expanded::text(format!("${{{name}}}")),
                    Lookup::Unset => Expanded::default(),
                    Lookup::Dynamic => Expanded::dynamic(),
                })
            }
            Some(':') => {
                let Some(operator) = self.next() else {
                    return self.fault("the `}` of this form is missing", start);
                };
                if matches!(operator, '#' | '%') {
                    return self.fault(format!("there is no operator `:{operator}`"), operator_at);
                }
                self.word_form(start, operator_at, &name, operator, true)
            }
            Some(operator @ ('+' | '-' | '?' | '#' | '%')) => {
                self.word_form(start, operator_at, &name, operator, false)
            }
            Some('/') => self.replace_form(start, &name),
            Some(operator) => self.fault(format!("there is no operator `{operator}`"), operator_at),
            None => self.fault("the `}` of this form is missing", start),
        }
    }

    /// A word inside of a form. The shared buffer of the outer word is lost; see [`Run::buffer`].
    fn nested(&mut self, stop: char, raw_escapes: bool, start: usize) -> Result<Expanded, Fault> {
        self.buffer = Expanded::default();
        let result = self.process(Some(stop), raw_escapes);
        self.buffer = Expanded::default();
        result.or_else(|fault| {
            if self.at >= self.text.len() {
                self.fault(format!("the `{stop}` of this form is missing"), start)
            } else {
                Err(fault)
            }
        })
    }

    fn word_form(
        &mut self,
        start: usize,
        operator_at: usize,
        name: &str,
        operator: char,
        or_empty: bool,
    ) -> Result<Expanded, Fault> {
        let trim = matches!(operator, '#' | '%');
        let word = self.nested('}', trim, start)?;
        let kind = match operator {
            '-' => Operator::Default { or_empty },
            '+' => Operator::Alternate { or_empty },
            '?' => Operator::Required { or_empty },
            _ => Operator::Trim,
        };
        let lookup = self.look_up(name, start, kind);
        if self.lexer.keep_unset && lookup == Lookup::Unset {
            let mut form = Expanded::text(format!("${{{name}{}{operator}", if or_empty { ":" } else { "" }));
            form.append(&word);
            form.push('}');
            return Ok(form);
        }
        let is_set = match &lookup {
            Lookup::Set(value) => Some(!(or_empty && value.is_empty())),
            Lookup::Unset => Some(false),
            Lookup::Dynamic => None,
        };
        let value = match lookup {
            Lookup::Set(value) => Some(value),
            Lookup::Unset => Some(String::new()),
            Lookup::Dynamic => None,
        };
        let or_dynamic = |value: Option<String>| value.map_or_else(Expanded::dynamic, Expanded::text);
        match (operator, is_set) {
            ('-', Some(false)) | ('+', Some(true)) => Ok(word),
            ('-' | '?', Some(true)) => Ok(or_dynamic(value)),
            ('+', Some(false)) => Ok(Expanded::default()),
            ('?', Some(false)) => {
                let why = word.known().filter(|message| !message.is_empty());
                let why = why.map_or_else(|| "it must have a value".to_owned(), str::to_owned);
                self.fault(format!("the variable `{name}` is required: {why}"), start)
            }
            ('-' | '+' | '?', None) => Ok(Expanded::dynamic()),
            ('#' | '%', _) => self.trim(start, &word, value, operator == '%'),
            _ => {
                let colon = if or_empty { ":" } else { "" };
                self.at = operator_at + colon.len() + operator.len_utf8();
                self.fault(format!("there is no operator `{colon}{operator}`"), operator_at)
            }
        }
    }

    fn trim(&self, start: usize, word: &Expanded, value: Option<String>, suffix: bool) -> Result<Expanded, Fault> {
        let Some(pattern) = word.known() else { return Ok(Expanded::dynamic()) };
        let mark = if suffix { '%' } else { '#' };
        let (pattern, longest) = match pattern.strip_prefix(mark) {
            Some(rest) => (rest, true),
            None => (pattern, false),
        };
        let pattern = if suffix { Pattern::reversed(pattern, longest) } else { Pattern::new(pattern, longest) };
        let pattern = match pattern {
            Ok(pattern) => pattern,
            Err(message) => return self.fault(message, start),
        };
        let Some(value) = value else { return Ok(Expanded::dynamic()) };
        let mut chars: Vec<char> = value.chars().collect();
        if suffix {
            chars.reverse();
        }
        match pattern.at_start(&chars) {
            Match::Found(end) => {
                chars.drain(..end);
            }
            Match::None => {}
            Match::TooLarge => return Ok(Expanded::dynamic()),
        }
        if suffix {
            chars.reverse();
        }
        Ok(Expanded::text(chars.into_iter().collect::<String>()))
    }

    fn replace_form(&mut self, start: usize, name: &str) -> Result<Expanded, Fault> {
        let all = self.peek() == Some('/');
        if all {
            self.at += 1;
        }
        let pattern = self.nested('/', true, start)?;
        let replacement = self.nested('}', true, start)?;
        let lookup = self.look_up(name, start, Operator::Replace);
        if self.lexer.keep_unset && lookup == Lookup::Unset {
            // BuildKit writes one slash, even for the form with two.
            let mut form = Expanded::text(format!("${{{name}/"));
            form.append(&pattern);
            form.push('/');
            form.append(&replacement);
            form.push('}');
            return Ok(form);
        }
        let Some(pattern) = pattern.known() else { return Ok(Expanded::dynamic()) };
        let pattern = match Pattern::new(pattern, true) {
            Ok(pattern) => pattern,
            Err(message) => return self.fault(message, start),
        };
        let value = match lookup {
            Lookup::Set(value) => value,
            Lookup::Unset => String::new(),
            Lookup::Dynamic => return Ok(Expanded::dynamic()),
        };
        let Some(replacement) = replacement.known() else { return Ok(Expanded::dynamic()) };
        Ok(pattern.replace(&value, replacement, all).map_or_else(Expanded::dynamic, Expanded::text))
    }

    fn look_up(&mut self, name: &str, start: usize, operator: Operator) -> Lookup {
        let lookup = self.env.lookup(name);
        let span = self.text.span_of(start..self.at);
        self.uses.push(VariableUse { name: name.to_owned(), span, operator, lookup: lookup.clone() });
        lookup
    }

    fn extend_word(&mut self, start: usize) {
        if self.buffer.is_empty() {
            self.buffer_range.start = start;
        }
        self.buffer_range.end = self.at;
        self.in_word = true;
    }

    /// Adds a character that parts words if it is a blank.
    fn add_char(&mut self, c: char, start: usize) {
        if !c.is_whitespace() {
            self.extend_word(start);
            self.buffer.push(c);
        } else if self.in_word && !self.buffer.is_empty() {
            self.finish_word();
        }
    }

    fn add_split(&mut self, value: &Expanded, start: usize) {
        for part in value.parts() {
            match part {
                Part::Text(text) => text.chars().for_each(|c| self.add_char(c, start)),
                Part::Dynamic => {
                    self.extend_word(start);
                    self.buffer.push_dynamic();
                }
            }
        }
    }

    fn add_raw(&mut self, value: &Expanded, start: usize) {
        self.extend_word(start);
        self.buffer.append(value);
    }

    fn finish_word(&mut self) {
        if !self.buffer.is_empty() {
            let value = std::mem::take(&mut self.buffer);
            self.words.push(ExpandedWord { value, range: self.buffer_range.clone() });
        }
        self.in_word = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    fn env(name: &str) -> Lookup {
        match name {
            "A" => Lookup::Set("one".to_owned()),
            "PATHS" => Lookup::Set("/usr/local/bin:/bin".to_owned()),
            "TWO" => Lookup::Set(" x  y ".to_owned()),
            "EMPTY" => Lookup::Set(String::new()),
            "ARG" => Lookup::Dynamic,
            _ => Lookup::Unset,
        }
    }

    fn expand(text: &str) -> Result<Expansion, ExpandError> {
        Lexer::new('\\').expand(&MappedText::verbatim(FileId(0), 0, text), &env)
    }

    #[test]
    fn every_form_gives_what_buildkit_gives() {
        let cases = [
            ("he$A.", "heone."),
            ("'$A'\"$A\"\\$A", "$Aone$A"),
            ("a\\\\b \"a\\tb\\\\\"", "a\\b a\\tb\\"),
            ("$1x$@ $.", "x $."),
            ("${NO:-${A}}${EMPTY-d}${EMPTY:-e}", "onee"),
            ("${A:+y}${NO+n}${EMPTY:+n}${EMPTY+y}", "yy"),
            ("${PATHS#*/}|${PATHS##*/}", "usr/local/bin:/bin|bin"),
            ("${PATHS%/*}|${PATHS%%/*}", "/usr/local/bin:|"),
            ("${PATHS/bin/x}|${PATHS//bin/x}|${PATHS//\\//_}", "/usr/local/x:/bin|/usr/local/x:/x|_usr_local_bin:_bin"),
            // `$0` is a variable of the word first; an escaped one is left for the replacement and means the match.
            ("${A//n/[$0]}${A//n/[\\$0]}", "o[]eo[\\n]e"),
            ("${A?}", "one"),
            ("\u{feff}$A", "one"),
        ];
        for (text, value) in cases {
            let expansion = expand(text).unwrap_or_else(|error| panic!("{text}: {}", error.message));
            assert_eq!(expansion.value.known(), Some(value), "{text}");
        }
    }

    #[test]
    fn what_buildkit_refuses_is_refused_at_its_place() {
        let cases = [
            ("x${", 1..3),
            ("${}", 0..3),
            ("${A", 0..3),
            ("${A:=x}", 3..5),
            ("${A:#x}", 3..5),
            ("${A=x}", 3..4),
            ("a \"open", 2..7),
            ("'open", 0..5),
            ("${NO:?needed}", 0..13),
            ("${EMPTY:?}", 0..10),
            ("${A#\\x}", 0..7),
            ("${A/x}", 0..6),
        ];
        for (text, range) in cases {
            let error = expand(text).expect_err(text);
            assert_eq!(error.span.range(), range, "{text}: {}", error.message);
        }
    }

    #[test]
    fn unknown_values_stay_unknown() {
        let expansion = expand("node:${ARG}-alpine").expect("it expands");
        assert_eq!(expansion.value.known(), None);
        assert_eq!(expansion.value.prefix(), "node:");
        assert_eq!(expansion.uses[0].lookup, Lookup::Dynamic);
        assert_eq!(expansion.uses[0].span.range(), 5..11);
        assert_eq!(expand("${ARG:+x}").expect("it expands").value.known(), None);
        assert!(expand("${ARG:?x}").is_ok());
    }

    #[test]
    fn words_are_split_after_expansion() {
        let split = |text: &str| -> Vec<String> {
            let words = Lexer::new('\\').split(&MappedText::verbatim(FileId(0), 0, text), &env).expect(text);
            words.iter().map(|word| word.value.known().expect("known").to_owned()).collect()
        };
        assert_eq!(split("a$TWO\"$TWO\" b\\ c"), ["a", "x", "y", " x  y ", "b c"]);
        assert_eq!(split("80${NO:-81}"), ["81"]);
        assert_eq!(split("cat << EOF"), ["cat", "<< EOF"]);
    }

    #[test]
    fn deep_nesting_is_an_error_and_no_overflow() {
        let text = format!("{}x{}", "${A:-".repeat(50_000), "}".repeat(50_000));
        assert!(expand(&text).is_err());
    }
}
