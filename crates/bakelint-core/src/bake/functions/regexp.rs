//! `regex`, `regexall` and `regex_replace` (go-cty `stdlib/regexp.go`, Go `regexp`).
//!
//! Go's dialect is RE2's. The patterns are read here, which finds Go's mistakes in Go's words, and written anew for
//! the `regex` crate, which searches the same way but reads some constructs differently.

use regex::{Captures, Regex};

use super::text::check_len;
use super::{Function, FunctionError, Outcome, parameter, text};
use crate::bake::types::Type;
use crate::bake::value::Value;

pub(super) fn functions() -> Vec<Function> {
    let string = |name| parameter(name, Type::String);
    vec![
        Function::new("regex", [string("pattern"), string("string")], regex),
        Function::new("regexall", [string("pattern"), string("string")], regex_all),
        Function::new("regex_replace", [string("str"), string("pattern"), string("replace")], regex_replace),
    ]
}

fn regex(args: &[Value]) -> Outcome {
    let (pattern, shape) = shaped(text(args, 0))?;
    match pattern.regex.captures(text(args, 1)) {
        Some(captures) => Ok(pattern.result(&captures, shape)),
        None => Err(FunctionError::new("pattern did not match any part of the given string")),
    }
}

fn regex_all(args: &[Value]) -> Outcome {
    let (pattern, shape) = shaped(text(args, 0))?;
    let matches = pattern.regex.captures_iter(text(args, 1));
    let results = matches.map(|captures| pattern.result(&captures, shape)).collect();
    let groups = pattern.names.iter().skip(1);
    let element = match shape {
        Shape::Whole => Type::String,
        Shape::Numbered => Type::tuple(groups.map(|_| Type::String)),
        Shape::Named => Type::object(groups.flatten().map(|name| (name.as_str(), Type::String))),
    };
    Value::list(&element, results).ok_or_else(|| FunctionError::new("element types must all match"))
}

fn regex_replace(args: &[Value]) -> Outcome {
    let pattern = Pattern::compile(text(args, 1))
        .map_err(|error| FunctionError::new(format!("error parsing regexp: {}: `{}`", error.code, error.part)))?;
    let (text, template) = (text(args, 0), text(args, 2));
    let mut replaced = String::new();
    let mut at = 0;
    for captures in pattern.regex.captures_iter(text) {
        let (start, end) = captures.get(0).map_or((at, at), |whole| (whole.start(), whole.end()));
        replaced.push_str(&text[at..start]);
        pattern.expand(template, &captures, &mut replaced);
        at = end;
        check_len(replaced.len())?;
    }
    replaced.push_str(&text[at..]);
    Ok(replaced.into())
}

/// What a match is turned into.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// The text of the match.
    Whole,
    /// A tuple of the groups.
    Numbered,
    /// An object of the groups.
    Named,
}

/// A compiled pattern with the names of its groups; the first stands for the whole match.
struct Pattern {
    regex: Regex,
    names: Vec<Option<String>>,
}

/// Why Go refuses a pattern.
struct PatternError {
    code: &'static str,
    part: String,
}

fn shaped(text: &str) -> Result<(Pattern, Shape), FunctionError> {
    let pattern = Pattern::compile(text).map_err(|error| {
        FunctionError::argument(0, format!("invalid regexp pattern: {} in {}", error.code, error.part))
    })?;
    let (named, unnamed): (Vec<_>, Vec<_>) = pattern.names.iter().skip(1).partition(|name| name.is_some());
    let shape = match (named.is_empty(), unnamed.is_empty()) {
        (true, true) => Shape::Whole,
        (true, false) => Shape::Numbered,
        (false, true) => Shape::Named,
        (false, false) => {
            let message = "invalid regexp pattern: cannot mix both named and unnamed capture groups";
            return Err(FunctionError::argument(0, message));
        }
    };
    Ok((pattern, shape))
}

impl Pattern {
    fn compile(text: &str) -> Result<Pattern, PatternError> {
        let mut translator = Translator::new(text);
        translator.run()?;
        match Regex::new(&translator.out) {
            Ok(regex) => Ok(Pattern { regex, names: translator.names }),
            // Everything else has been checked: only the size can be too much.
            Err(_) => Err(PatternError { code: "expression too large", part: text.into() }),
        }
    }

    fn result(&self, captures: &Captures, shape: Shape) -> Value {
        let group = |index: usize| match captures.get(index) {
            Some(found) => found.as_str().into(),
            None => Value::null(Type::String),
        };
        let named = |(index, name): (usize, &Option<String>)| Some((name.clone()?, group(index)));
        match shape {
            Shape::Whole => group(0),
            Shape::Numbered => Value::tuple((1..self.names.len()).map(group).collect()),
            Shape::Named => Value::object(self.names.iter().enumerate().filter_map(named)),
        }
    }

    /// Writes a replacement: `$1`, `$name` and `${name}` stand for groups, `$$` for a dollar sign. A name is as long
    /// as possible; one that no group has stands for nothing.
    fn expand(&self, template: &str, captures: &Captures, out: &mut String) {
        let mut rest = template;
        while let Some((before, behind)) = rest.split_once('$') {
            out.push_str(before);
            if let Some(behind) = behind.strip_prefix('$') {
                out.push('$');
                rest = behind;
                continue;
            }
            let Some((name, behind)) = group_name(behind) else {
                out.push('$');
                rest = behind;
                continue;
            };
            rest = behind;
            let number =
                name.parse::<usize>().ok().filter(|_| name.len() <= 9 && (name == "0" || !name.starts_with('0')));
            let found = match number {
                Some(number) => captures.get(number),
                None => {
                    let mut names = self.names.iter().enumerate();
                    names.find_map(|(index, own)| captures.get(index).filter(|_| own.as_deref() == Some(name)))
                }
            };
            out.push_str(found.map_or("", |found| found.as_str()));
        }
        out.push_str(rest);
    }
}

/// The name behind a dollar sign and what follows it.
fn group_name(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('{');
    let name_text = inner.unwrap_or(text);
    let end = name_text.find(|c: char| !(c.is_alphabetic() || c.is_numeric() || c == '_')).unwrap_or(name_text.len());
    let (name, behind) = name_text.split_at(end);
    if name.is_empty() {
        return None;
    }
    Some((name, if inner.is_some() { behind.strip_prefix('}')? } else { behind }))
}

/// Reads a pattern as Go does and writes it as the `regex` crate wants it.
struct Translator<'t> {
    whole: &'t str,
    rest: &'t str,
    out: String,
    names: Vec<Option<String>>,
    /// The open groups; the first stands for the whole pattern.
    groups: Vec<Group>,
    /// Flags that take effect with the next expression. They are held back because an operator behind them still
    /// applies to what stands before them.
    flags: String,
    /// Where the repetition begins that was read just now.
    last_repeat: Option<&'t str>,
}

/// A group, or one of its alternatives.
#[derive(Default)]
struct Group {
    /// Whether there is an expression that an operator can apply to.
    operand: bool,
    /// The most copies that counted repetitions make of anything in the last expression.
    copies: u32,
    /// The same for all expressions before.
    most_copies: u32,
}

/// The most copies that counted repetitions may make.
const MAX_REPEAT: u32 = 1000;

impl<'t> Translator<'t> {
    fn new(text: &'t str) -> Self {
        let groups = vec![Group::default()];
        let (out, flags) = (String::new(), String::new());
        Translator { whole: text, rest: text, out, names: vec![None], groups, flags, last_repeat: None }
    }

    fn error<T>(&self, code: &'static str, part: &str) -> Result<T, PatternError> {
        Err(PatternError { code, part: part.into() })
    }

    /// What was read since `from`, a former rest.
    fn since(&self, from: &'t str) -> &'t str {
        &from[..from.len() - self.rest.len()]
    }

    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    fn group(&mut self) -> &mut Group {
        if self.groups.is_empty() {
            self.groups.push(Group::default());
        }
        let last = self.groups.len() - 1;
        &mut self.groups[last]
    }

    /// Writes an expression that an operator can apply to.
    fn push(&mut self, expression: &str) {
        self.out.push_str(&std::mem::take(&mut self.flags));
        self.out.push_str(expression);
        let group = self.group();
        group.most_copies = group.most_copies.max(group.copies);
        group.operand = true;
        group.copies = 1;
    }

    fn literal(&mut self, c: u32) {
        match char::from_u32(c) {
            Some(c) => self.push(&regex::escape(c.encode_utf8(&mut [0; 4]))),
            // Half of a surrogate pair occurs in no text.
            None => self.push(r"[^\x00-\x{10FFFF}]"),
        }
    }

    fn run(&mut self) -> Result<(), PatternError> {
        while let Some(first) = self.rest.chars().next() {
            let before = self.rest;
            let mut repeat = None;
            match first {
                '(' if before.starts_with("(?") => self.perl_group()?,
                '(' => {
                    self.rest = &before[1..];
                    self.open("(");
                    self.names.push(None);
                }
                '|' => {
                    self.rest = &before[1..];
                    self.out.push_str(&std::mem::take(&mut self.flags));
                    self.out.push('|');
                    let group = self.group();
                    group.most_copies = group.most_copies.max(group.copies);
                    group.operand = false;
                }
                ')' => {
                    self.rest = &before[1..];
                    self.close()?;
                }
                '^' | '$' | '.' => {
                    self.rest = &before[1..];
                    self.push(&before[..1]);
                }
                '[' => self.class()?,
                '*' | '+' | '?' => {
                    self.rest = &before[1..];
                    self.repeat(before, &before[..1], 1)?;
                    repeat = Some(before);
                }
                '{' => match self.counted(before)? {
                    true => repeat = Some(before),
                    false => {
                        self.rest = &before[1..];
                        self.literal('{'.into());
                    }
                },
                '\\' => self.escape()?,
                c => {
                    self.next();
                    self.literal(c.into());
                }
            }
            self.last_repeat = repeat;
        }
        if self.groups.len() != 1 {
            return self.error("missing closing )", self.whole);
        }
        Ok(())
    }

    fn open(&mut self, text: &str) {
        self.out.push_str(&std::mem::take(&mut self.flags));
        self.out.push_str(text);
        self.groups.push(Group::default());
    }

    fn close(&mut self) -> Result<(), PatternError> {
        if self.groups.len() < 2 {
            return self.error("unexpected )", self.whole);
        }
        self.flags.clear();
        let closed = self.groups.pop().unwrap_or_default();
        self.push(")");
        self.group().copies = closed.most_copies.max(closed.copies).max(1);
        Ok(())
    }

    /// `(?P<name>`, `(?<name>`, `(?flags)` or `(?flags:`.
    fn perl_group(&mut self) -> Result<(), PatternError> {
        let start = self.rest;
        let name = match start {
            _ if start.len() > 4 && start.starts_with("(?P<") => Some(&start[4..]),
            _ if start.len() > 3 && start.starts_with("(?<") => Some(&start[3..]),
            _ => None,
        };
        if let Some(name) = name {
            let Some((name, rest)) = name.split_once('>') else {
                return self.error("invalid named capture", start);
            };
            self.rest = rest;
            if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
                return self.error("invalid named capture", self.since(start));
            }
            // Names are kept apart: Go lets two groups have the same one.
            self.open("(");
            self.names.push(Some(name.into()));
            return Ok(());
        }
        self.rest = &start[2..];
        let (mut negative, mut seen) = (false, false);
        while let Some(c) = self.next() {
            match c {
                'i' | 'm' | 's' | 'U' => seen = true,
                '-' if !negative => (negative, seen) = (true, false),
                ':' if !negative || seen => {
                    let text = self.since(start);
                    self.open(text);
                    return Ok(());
                }
                ')' if !negative || seen => {
                    let text = self.since(start);
                    // The crate refuses empty flags.
                    if text != "(?)" {
                        self.flags.push_str(text);
                    }
                    return Ok(());
                }
                _ => break,
            }
        }
        self.error("invalid or unsupported Perl syntax", self.since(start))
    }

    /// `{n}`, `{n,}` or `{n,m}`; anything else is a literal brace.
    fn counted(&mut self, start: &'t str) -> Result<bool, PatternError> {
        let Some((inside, rest)) = start[1..].split_once('}') else { return Ok(false) };
        // None for a number too large, as Go stops counting then.
        let number = |text: &str| -> Option<Option<u32>> {
            let well_formed = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            let zero_first = text.len() > 1 && text.starts_with('0');
            (well_formed && !zero_first).then(|| text.parse().ok())
        };
        let (min, max) = match inside.split_once(',') {
            None => (number(inside), number(inside).map(Some)),
            Some((min, "")) => (number(min), Some(None)),
            Some((min, max)) => (number(min), number(max).map(Some)),
        };
        let (Some(min), Some(max)) = (min, max) else { return Ok(false) };
        self.rest = rest;
        let fits = |count: Option<u32>| count.filter(|count| *count <= MAX_REPEAT);
        let (Some(min), Some(max)) = (fits(min), max.map_or(Some(None), |max| fits(max).map(Some))) else {
            return self.error("invalid repeat count", self.since(start));
        };
        if max.is_some_and(|max| min > max) {
            return self.error("invalid repeat count", self.since(start));
        }
        let operator = self.since(start);
        self.repeat(start, operator, max.unwrap_or(min))?;
        Ok(true)
    }

    /// Writes a repetition operator that makes so many copies of the expression before it.
    fn repeat(&mut self, start: &'t str, operator: &str, copies: u32) -> Result<(), PatternError> {
        let lazy = self.rest.starts_with('?');
        if lazy {
            self.rest = &self.rest[1..];
        }
        if let Some(last) = self.last_repeat {
            return self.error("invalid nested repetition operator", self.since(last));
        }
        if !self.group().operand {
            return self.error("missing argument to repetition operator", self.since(start));
        }
        let group = self.group();
        // What is repeated no times is not looked at.
        group.copies = if copies == 0 { 1 } else { group.copies.saturating_mul(copies) };
        if group.copies > MAX_REPEAT {
            return self.error("invalid repeat count", self.since(start));
        }
        self.out.push_str(operator);
        if lazy {
            self.out.push('?');
        }
        Ok(())
    }

    /// What begins with a backslash outside of brackets.
    fn escape(&mut self) -> Result<(), PatternError> {
        let start = self.rest;
        let special = match start.as_bytes().get(1) {
            Some(b'A') => r"\A",
            Some(b'z') => r"\z",
            // Words are ASCII in Go.
            Some(b'b') => r"(?-u:\b)",
            Some(b'B') => r"(?-u:\B)",
            Some(b'C') => return self.error("invalid escape sequence", &start[..2]),
            Some(b'Q') => {
                let (literal, rest) = start[2..].split_once(r"\E").unwrap_or((&start[2..], ""));
                self.rest = rest;
                for c in literal.chars() {
                    self.literal(c.into());
                }
                return Ok(());
            }
            _ => "",
        };
        if !special.is_empty() {
            self.rest = &start[2..];
            self.push(special);
            return Ok(());
        }
        if let Some(class) = self.escaped_class()? {
            self.push(&class);
            return Ok(());
        }
        let c = self.escaped_char()?;
        self.literal(c);
        Ok(())
    }

    /// `\d`, `\pL`, `\p{Greek}` and the like, as a class in brackets.
    fn escaped_class(&mut self) -> Result<Option<String>, PatternError> {
        let start = self.rest;
        let perl = match start.as_bytes() {
            [b'\\', b'd', ..] => "[0-9]",
            [b'\\', b'D', ..] => "[^0-9]",
            [b'\\', b's', ..] => r"[\t\n\x0C\r ]",
            [b'\\', b'S', ..] => r"[^\t\n\x0C\r ]",
            [b'\\', b'w', ..] => "[0-9A-Za-z_]",
            [b'\\', b'W', ..] => "[^0-9A-Za-z_]",
            [b'\\', b'p' | b'P', ..] => return self.unicode_class().map(Some),
            _ => return Ok(None),
        };
        self.rest = &start[2..];
        Ok(Some(perl.into()))
    }

    fn unicode_class(&mut self) -> Result<String, PatternError> {
        let start = self.rest;
        let mut negative = start.starts_with(r"\P");
        self.rest = &start[2..];
        let name = match self.next() {
            Some('{') => {
                let Some((name, rest)) = self.rest.split_once('}') else {
                    return self.error("invalid character class range", start);
                };
                self.rest = rest;
                name
            }
            _ => &self.since(start)[2..],
        };
        let name = name.strip_prefix('^').map_or(name, |name| {
            negative = !negative;
            name
        });
        let class = format!(r"\{}{{{name}}}", if negative { 'P' } else { 'p' });
        // The crate knows `\p{script=Greek}` too, and binary properties only if it is built so.
        let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ' '));
        match plain && Regex::new(&class).is_ok() {
            true => Ok(class),
            false => self.error("invalid character class range", self.since(start)),
        }
    }

    /// A single character behind a backslash, as its number.
    fn escaped_char(&mut self) -> Result<u32, PatternError> {
        let start = self.rest;
        self.next();
        let Some(c) = self.next() else {
            return self.error("trailing backslash at end of expression", "");
        };
        let octal_follows = matches!(self.rest.as_bytes().first(), Some(b'0'..=b'7'));
        let found = match c {
            'a' => Some(0x07),
            'f' => Some(0x0c),
            'n' => Some(0x0a),
            'r' => Some(0x0d),
            't' => Some(0x09),
            'v' => Some(0x0b),
            'x' => self.hexadecimal(),
            // One digit other than zero would refer to a group.
            '0'..='7' if c == '0' || octal_follows => {
                let more = self.rest.bytes().take(2).take_while(|b| matches!(b, b'0'..=b'7')).count();
                let (digits, rest) = self.rest.split_at(more);
                self.rest = rest;
                u32::from_str_radix(&format!("{c}{digits}"), 8).ok()
            }
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => Some(c.into()),
            _ => None,
        };
        match found {
            Some(c) => Ok(c),
            None => self.error("invalid escape sequence", self.since(start)),
        }
    }

    /// `7F` or `{10FFFF}` behind `\x`.
    fn hexadecimal(&mut self) -> Option<u32> {
        let first = self.next()?;
        if first != '{' {
            let high = first.to_digit(16);
            let low = self.next().and_then(|c| c.to_digit(16));
            return Some(high? * 16 + low?);
        }
        let mut value = None;
        loop {
            match self.next()? {
                '}' => return value,
                c => value = Some(value.unwrap_or(0) * 16 + c.to_digit(16)?).filter(|value| *value <= 0x10ffff),
            }
            value?;
        }
    }

    /// A class in brackets.
    fn class(&mut self) -> Result<(), PatternError> {
        let start = self.rest;
        self.rest = &start[1..];
        let mut class = String::from("[");
        if let Some(rest) = self.rest.strip_prefix('^') {
            self.rest = rest;
            class.push('^');
        }
        let mut first = true;
        // A closing bracket that comes first stands for itself.
        while first || !self.rest.starts_with(']') {
            first = false;
            if let Some(posix) = self.posix_class()? {
                class.push_str(posix);
                continue;
            }
            if let Some(escaped) = self.escaped_class()? {
                class.push_str(&escaped);
                continue;
            }
            let range = self.rest;
            let low = self.class_char(start)?;
            let mut high = low;
            if self.rest.starts_with('-') && self.rest.len() > 1 && !self.rest.starts_with("-]") {
                self.rest = &self.rest[1..];
                high = self.class_char(start)?;
                if high < low {
                    return self.error("invalid character class range", self.since(range));
                }
            }
            // Surrogates occur in no text; a range that ends at one ends before them.
            let low = if (0xd800..0xe000).contains(&low) { 0xe000 } else { low };
            let high = if (0xd800..0xe000).contains(&high) { 0xd7ff } else { high };
            if low <= high {
                class.push_str(&format!(r"\x{{{low:X}}}-\x{{{high:X}}}"));
            }
        }
        self.rest = &self.rest[1..];
        match class.as_str() {
            "[" => class = r"[^\x00-\x{10FFFF}]".into(),
            "[^" => class = r"[\x00-\x{10FFFF}]".into(),
            _ => class.push(']'),
        }
        self.push(&class);
        Ok(())
    }

    fn class_char(&mut self, class: &'t str) -> Result<u32, PatternError> {
        if self.rest.starts_with('\\') {
            return self.escaped_char();
        }
        match self.next() {
            Some(c) => Ok(c.into()),
            None => self.error("missing closing ]", class),
        }
    }

    /// `[:alpha:]` within brackets.
    fn posix_class(&mut self) -> Result<Option<&'t str>, PatternError> {
        let start = self.rest;
        if start.len() < 3 || !start.starts_with("[:") {
            return Ok(None);
        }
        let Some(end) = start[2..].find(":]") else { return Ok(None) };
        let (class, rest) = start.split_at(end + 4);
        let name = &class[2..class.len() - 2];
        match name.strip_prefix('^').unwrap_or(name) {
            "alnum" | "alpha" | "ascii" | "blank" | "cntrl" | "digit" | "graph" | "lower" | "print" | "punct"
            | "space" | "upper" | "word" | "xdigit" => {
                self.rest = rest;
                Ok(Some(class))
            }
            _ => self.error("invalid character class range", class),
        }
    }
}
