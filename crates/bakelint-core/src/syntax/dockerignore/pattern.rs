//! One pattern, compiled.
//!
//! `patternmatcher.go` turns a pattern into a regular expression for Go's `regexp`. Most patterns mean what they look
//! like and become a [`Glob`]. Some mean what the expression happens to mean: `\d` is a digit, `a|b*` is `^a|b[^/]*$`,
//! `[*]` is `[[^/]*]`. Those go the same way here, through [`Translator`].

use regex::Regex;

#[derive(Debug, Clone)]
pub(super) enum Matcher {
    /// A pattern that Docker refuses.
    Nothing,
    /// The path itself.
    Exact(String),
    /// Everything that begins with this.
    Prefix(String),
    /// Everything that ends with this, or is this without a leading `/`.
    Suffix(String),
    Glob(Glob),
    Expression(Box<Regex>),
}

impl Matcher {
    /// Compiles a cleaned pattern, without its `!`.
    pub(super) fn new(pattern: &str) -> Result<Matcher, String> {
        check(pattern)?;
        let (kind, expression) = expression(pattern);
        Ok(match kind {
            Kind::Exact => Matcher::Exact(pattern.to_owned()),
            Kind::Prefix => Matcher::Prefix(pattern[..pattern.len() - 2].to_owned()),
            Kind::Suffix => Matcher::Suffix(pattern[2..].to_owned()),
            Kind::Expression => match Glob::new(pattern) {
                Some(glob) => Matcher::Glob(glob),
                None => Matcher::Expression(Box::new(translate(&expression)?)),
            },
        })
    }

    pub(super) fn matches(&self, path: &str) -> bool {
        match self {
            Matcher::Nothing => false,
            Matcher::Exact(pattern) => path == pattern,
            Matcher::Prefix(prefix) => path.starts_with(prefix.as_str()),
            Matcher::Suffix(suffix) => path.ends_with(suffix.as_str()) || suffix.strip_prefix('/') == Some(path),
            Matcher::Glob(glob) => glob.matches(path),
            Matcher::Expression(expression) => expression.is_match(path),
        }
    }
}

/// Refuses what Go's `filepath.Match(pattern, ".")` refuses, which looks no further than it must to tell whether the
/// pattern matches a single dot.
fn check(pattern: &str) -> Result<(), String> {
    let mut name = ".";
    let mut rest = pattern;
    while !rest.is_empty() {
        let unstarred = rest.trim_start_matches('*');
        let star = unstarred.len() < rest.len();
        let (chunk, after) = unstarred.split_at(chunk_end(unstarred));
        rest = after;
        if star && chunk.is_empty() {
            return Ok(());
        }
        let fits = |left: &Option<&str>| left.is_some_and(|left| left.is_empty() || !after.is_empty());
        let mut left = match_chunk(chunk, name)?;
        if !fits(&left) && star && !name.is_empty() {
            left = match_chunk(chunk, "")?;
        }
        match left.filter(|left| fits(&Some(left))) {
            Some(left) => name = left,
            None => return Ok(()),
        }
    }
    Ok(())
}

/// The length of the part of a pattern up to the next `*` outside of a class.
fn chunk_end(pattern: &str) -> usize {
    let mut class = false;
    let mut escaped = false;
    for (at, c) in pattern.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '[' => class = true,
            ']' => class = false,
            '*' if !class => return at,
            _ => {}
        }
    }
    pattern.len()
}

/// Matches a part without `*` at the start of `name`; returns what is left of the name, if it matches.
fn match_chunk<'a>(chunk: &str, name: &'a str) -> Result<Option<&'a str>, String> {
    let mut names = name.chars();
    let mut failed = false;
    let mut rest = chunk;
    while let Some(first) = rest.chars().next() {
        failed |= names.as_str().is_empty();
        let c = if failed { None } else { names.next() };
        match first {
            '[' => {
                let (after, holds) = class_holds(&rest[1..], c).ok_or("the character class is not well-formed")?;
                failed |= !holds;
                rest = after;
            }
            '?' => {
                failed |= c == Some('/');
                rest = &rest[1..];
            }
            _ => {
                let literal = if first == '\\' { &rest[1..] } else { rest };
                let wanted = literal.chars().next().ok_or("nothing stands behind the last `\\`")?;
                failed |= c != Some(wanted);
                rest = &literal[wanted.len_utf8()..];
            }
        }
    }
    Ok((!failed).then_some(names.as_str()))
}

/// Reads a class behind its `[`; returns what follows its `]`, and whether it holds `c`.
fn class_holds(text: &str, c: Option<char>) -> Option<(&str, bool)> {
    fn bound(text: &str) -> Option<(char, &str)> {
        let text = match text.chars().next()? {
            '-' | ']' => return None,
            '\\' => &text[1..],
            _ => text,
        };
        let c = text.chars().next()?;
        let rest = &text[c.len_utf8()..];
        (!rest.is_empty()).then_some((c, rest))
    }
    let mut rest = text.strip_prefix('^').unwrap_or(text);
    let negated = rest.len() < text.len();
    let mut ranges = 0;
    let mut found = false;
    loop {
        if ranges > 0
            && let Some(rest) = rest.strip_prefix(']')
        {
            return Some((rest, found != negated));
        }
        let (low, after) = bound(rest)?;
        let (high, after) = match after.strip_prefix('-') {
            Some(high) => bound(high)?,
            None => (low, after),
        };
        found |= c.is_some_and(|c| (low..=high).contains(&c));
        ranges += 1;
        rest = after;
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Exact,
    Prefix,
    Suffix,
    Expression,
}

/// The regular expression of a pattern, and what may be used instead of it.
fn expression(pattern: &str) -> (Kind, String) {
    let mut expression = "^".to_owned();
    let mut kind = Kind::Exact;
    let mut rest = pattern.chars().peekable();
    let mut first = true;
    while let Some(c) = rest.next() {
        match c {
            '*' if rest.next_if_eq(&'*').is_some() => {
                rest.next_if_eq(&'/');
                if rest.peek().is_some() {
                    expression.push_str("(.*/)?");
                    kind = Kind::Expression;
                } else if kind == Kind::Exact {
                    kind = Kind::Prefix;
                } else {
                    expression.push_str(".*");
                    kind = Kind::Expression;
                }
                if first {
                    kind = Kind::Suffix;
                }
            }
            '*' | '?' => {
                expression.push_str(if c == '*' { "[^/]*" } else { "[^/]" });
                kind = Kind::Expression;
            }
            // `{`, `}` and `|` are meant to be in this list, but the bitmap behind it has no room for them.
            '.' | '+' | '(' | ')' | '$' => expression.extend(['\\', c]),
            '\\' => {
                expression.push('\\');
                if let Some(next) = rest.next() {
                    expression.push(next);
                    kind = Kind::Expression;
                }
            }
            _ => {
                expression.push(c);
                if matches!(c, '[' | ']') {
                    kind = Kind::Expression;
                }
            }
        }
        first = false;
    }
    expression.push('$');
    (kind, expression)
}

/// A pattern that means what it looks like.
#[derive(Debug, Clone)]
pub(super) struct Glob {
    items: Vec<Item>,
    /// How many items at the start stand for exactly one character.
    head: usize,
    /// How many items at the end, beside those at the start, stand for exactly one character.
    tail: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Item {
    Char(char),
    /// `?`: any character but `/`.
    One,
    /// `*`: any number of characters but `/`.
    Star,
    /// `[a-c]`, `[^a-c]`. Unlike Go's `filepath.Match`, it may stand for a `/`.
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
    /// `**` at the end: any number of characters but line ends.
    Rest,
    /// `**` or `**/` before something: nothing, or any number of characters but line ends up to a `/`.
    Folders,
}

impl Glob {
    /// Nothing if the pattern holds something that Docker takes for more than a pattern.
    fn new(pattern: &str) -> Option<Glob> {
        let mut items = Vec::new();
        let mut rest = pattern.chars().peekable();
        while let Some(c) = rest.next() {
            items.push(match c {
                '*' if rest.next_if_eq(&'*').is_some() => {
                    rest.next_if_eq(&'/');
                    if rest.peek().is_some() { Item::Folders } else { Item::Rest }
                }
                '*' => Item::Star,
                '?' => Item::One,
                '\\' => Item::Char(rest.next().filter(|c| c.is_ascii() && !c.is_ascii_alphanumeric())?),
                '|' | '{' | '}' | '^' => return None,
                '[' => {
                    let negated = rest.next_if_eq(&'^').is_some();
                    let mut ranges = Vec::new();
                    loop {
                        let plain = |c: &char| !matches!(c, '*' | '?' | '\\' | '[' | '-' | '^');
                        let low = rest.next().filter(plain)?;
                        if low == ']' {
                            break;
                        }
                        let high = match rest.next_if_eq(&'-') {
                            Some(_) => rest.next().filter(|c| plain(c) && *c != ']' && *c >= low)?,
                            None => low,
                        };
                        ranges.push((low, high));
                    }
                    if ranges.is_empty() {
                        return None;
                    }
                    Item::Class { negated, ranges }
                }
                c => Item::Char(c),
            });
        }
        let head = items.iter().take_while(|item| item.is_single()).count();
        let tail = items.iter().skip(head).rev().take_while(|item| item.is_single()).count();
        Some(Glob { items, head, tail })
    }

    fn matches(&self, path: &str) -> bool {
        let mut rest = path.chars();
        let (head, others) = self.items.split_at(self.head);
        let (middle, tail) = others.split_at(others.len() - self.tail);
        let takes = |item: &Item, c: Option<char>| c.is_some_and(|c| item.takes(c));
        if !head.iter().all(|item| takes(item, rest.next()))
            || !tail.iter().rev().all(|item| takes(item, rest.next_back()))
        {
            return false;
        }
        let rest = rest.as_str();
        match middle {
            [] => rest.is_empty(),
            [Item::Star] => !rest.contains('/'),
            [Item::Folders, Item::Star] if !rest.contains('\n') => true,
            middle if middle.len() < 64 => follow(middle, rest, [0u64; 1]),
            middle => follow(middle, rest, vec![0u64; middle.len() / 64 + 1]),
        }
    }
}

impl Item {
    /// Whether the item stands for exactly one character.
    fn is_single(&self) -> bool {
        matches!(self, Item::Char(_) | Item::One | Item::Class { .. })
    }

    /// Whether an item that stands for one character can stand for this one.
    fn takes(&self, c: char) -> bool {
        match self {
            Item::Char(wanted) => *wanted == c,
            Item::One => c != '/',
            Item::Class { negated, ranges } => ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *negated,
            Item::Star | Item::Rest | Item::Folders => false,
        }
    }
}

/// Follows all ways through the items at once, so that no pattern takes longer than items times characters. `empty` is a
/// set of no places, of a size that can hold all of them.
fn follow<B: AsMut<[u64]> + AsRef<[u64]> + Clone>(items: &[Item], text: &str, empty: B) -> bool {
    let mut now = Places { done: empty.clone(), inside: empty.clone() };
    let mut then = Places { done: empty.clone(), inside: empty };
    set(&mut now.done, 0);
    skip_empty(items, &mut now);
    for c in text.chars() {
        then.done.as_mut().fill(0);
        then.inside.as_mut().fill(0);
        for (at, item) in items.iter().enumerate() {
            let here = has(&now.done, at);
            match item {
                Item::Folders if (here || has(&now.inside, at)) && c != '\n' => {
                    set(&mut then.inside, at);
                    if c == '/' {
                        set(&mut then.done, at + 1);
                    }
                }
                Item::Star if here && c != '/' => set(&mut then.done, at),
                Item::Rest if here && c != '\n' => set(&mut then.done, at),
                item if here && item.takes(c) => set(&mut then.done, at + 1),
                _ => {}
            }
        }
        std::mem::swap(&mut now, &mut then);
        skip_empty(items, &mut now);
    }
    has(&now.done, items.len())
}

/// Adds the places that are reached without a character.
fn skip_empty<B: AsMut<[u64]> + AsRef<[u64]>>(items: &[Item], places: &mut Places<B>) {
    for (at, item) in items.iter().enumerate() {
        if has(&places.done, at) && matches!(item, Item::Star | Item::Rest | Item::Folders) {
            set(&mut places.done, at + 1);
        }
    }
}

/// How far the ways through a glob have come: bit n of `done` says that n items are done, bit n of `inside` that item n,
/// which is `Folders`, is not done yet.
struct Places<B> {
    done: B,
    inside: B,
}

fn set(bits: &mut impl AsMut<[u64]>, at: usize) {
    if let Some(word) = bits.as_mut().get_mut(at / 64) {
        *word |= 1 << (at % 64);
    }
}

fn has(bits: &impl AsRef<[u64]>, at: usize) -> bool {
    bits.as_ref().get(at / 64).is_some_and(|word| word & (1 << (at % 64)) != 0)
}

/// Compiles an expression as Go's `regexp` reads it with its Perl flags.
fn translate(expression: &str) -> Result<Regex, String> {
    let mut translator = Translator { rest: expression, written: String::new(), repeated: false, operand: false };
    while !translator.rest.is_empty() {
        translator.item()?;
    }
    Regex::new(&translator.written)
        .map_err(|_| format!("Docker reads the pattern as `{expression}`, which is too large"))
}

/// Rewrites an expression in the syntax of the `regex` crate, where classes as `\d` would mean more than in Go.
struct Translator<'a> {
    rest: &'a str,
    written: String,
    /// Whether the last item has a repetition; Go refuses a second one.
    repeated: bool,
    /// Whether there is something that a repetition could apply to.
    operand: bool,
}

type Ranges = [(char, char)];

const DIGITS: &Ranges = &[('0', '9')];
const BLANKS: &Ranges = &[('\t', '\n'), ('\u{c}', '\r'), (' ', ' ')];
const WORDS: &Ranges = &[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')];

/// The classes of `[[:name:]]`.
const NAMED: &[(&str, &Ranges)] = &[
    ("alnum", &[('0', '9'), ('A', 'Z'), ('a', 'z')]),
    ("alpha", &[('A', 'Z'), ('a', 'z')]),
    ("ascii", &[('\0', '\u{7f}')]),
    ("blank", &[('\t', '\t'), (' ', ' ')]),
    ("cntrl", &[('\0', '\u{1f}'), ('\u{7f}', '\u{7f}')]),
    ("digit", DIGITS),
    ("graph", &[('!', '~')]),
    ("lower", &[('a', 'z')]),
    ("print", &[(' ', '~')]),
    ("punct", &[('!', '/'), (':', '@'), ('[', '`'), ('{', '~')]),
    ("space", &[('\t', '\r'), (' ', ' ')]),
    ("upper", &[('A', 'Z')]),
    ("word", WORDS),
    ("xdigit", &[('0', '9'), ('A', 'F'), ('a', 'f')]),
];

impl Translator<'_> {
    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    fn skip(&mut self, text: &str) -> bool {
        let rest = self.rest.strip_prefix(text);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn literal(&mut self, c: char) {
        self.written.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
    }

    fn item(&mut self) -> Result<(), String> {
        let Some(c) = self.next() else { return Ok(()) };
        match c {
            '*' | '?' => return self.repetition(&c.to_string()),
            '{' => {
                if let Some(length) = repetition_length(self.rest) {
                    let (bounds, rest) = self.rest.split_at(length);
                    self.rest = rest;
                    return self.repetition(&format!("{{{bounds}"));
                }
                self.literal(c);
            }
            '|' | '(' => {
                self.written.push(c);
                (self.repeated, self.operand) = (false, false);
                return Ok(());
            }
            '^' | '$' | ')' | '.' => self.written.push(c),
            '[' => self.class()?,
            '\\' => self.escape()?,
            c => self.literal(c),
        }
        (self.repeated, self.operand) = (false, true);
        Ok(())
    }

    fn repetition(&mut self, operator: &str) -> Result<(), String> {
        if self.repeated || !self.operand {
            return Err(format!("Docker cannot read `{operator}` in a pattern"));
        }
        let too_many = |count: &str| count.parse::<u32>().is_ok_and(|count| count > 1000);
        let counts: Vec<&str> = operator.trim_matches(['{', '}']).split(',').collect();
        let backwards = matches!(counts.as_slice(), [low, high]
            if matches!((low.parse::<u32>(), high.parse::<u32>()), (Ok(low), Ok(high)) if low > high));
        if backwards || counts.into_iter().any(too_many) {
            return Err(format!("Docker cannot repeat `{operator}` times"));
        }
        self.written.push_str(operator);
        self.repeated = true;
        Ok(())
    }

    /// An escape outside of a class, behind its `\`.
    fn escape(&mut self) -> Result<(), String> {
        match self.rest.chars().next() {
            Some('A' | 'z') => {
                let anchor = if self.next() == Some('A') { '^' } else { '$' };
                self.written.push(anchor);
            }
            Some('b' | 'B') => {
                let boundary = if self.next() == Some('b') { r"(?-u:\b)" } else { r"(?-u:\B)" };
                self.written.push_str(boundary);
            }
            Some('Q') => {
                self.next();
                let (text, rest) = self.rest.split_once("\\E").unwrap_or((self.rest, ""));
                self.rest = rest;
                self.written.push_str(&regex::escape(text));
            }
            _ => match self.escaped_class()? {
                Some(class) => self.written.push_str(&format!("[{class}]")),
                None => {
                    let c = self.escaped_char()?;
                    self.literal(c);
                }
            },
        }
        Ok(())
    }

    /// Reads `\d`, `\pL` and the like behind the `\`: what stands for them in a class.
    fn escaped_class(&mut self) -> Result<Option<String>, String> {
        let Some(c) = self.rest.chars().next() else { return Ok(None) };
        let ranges = match c.to_ascii_lowercase() {
            'd' => DIGITS,
            's' => BLANKS,
            'w' => WORDS,
            'p' => {
                self.next();
                let letter = self.next().filter(|letter| "CLMNPSZ".contains(*letter)).ok_or_else(|| invalid("\\p"))?;
                return Ok(Some(format!("\\{c}{letter}")));
            }
            _ => return Ok(None),
        };
        self.next();
        Ok(Some(class_text(ranges, c.is_ascii_uppercase())))
    }

    /// Reads an escaped character behind the `\`.
    fn escaped_char(&mut self) -> Result<char, String> {
        let c = self.next().ok_or_else(|| invalid("\\"))?;
        Ok(match c {
            '0'..='7' => {
                if c != '0' && !self.rest.starts_with(|c| matches!(c, '0'..='7')) {
                    return Err(invalid(&format!("\\{c}")));
                }
                let mut value = u32::from(c) - u32::from('0');
                for _ in 1..3 {
                    let Some(digit) = self.rest.chars().next().and_then(|c| c.to_digit(8)) else { break };
                    value = value * 8 + digit;
                    self.next();
                }
                char::from_u32(value).ok_or_else(|| invalid("\\0"))?
            }
            'x' => {
                let digits = self.rest.get(..2).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
                let value =
                    digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()).ok_or_else(|| invalid("\\x"))?;
                self.rest = &self.rest[2..];
                char::from(value)
            }
            'a' => '\u{7}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{b}',
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => c,
            c => return Err(invalid(&format!("\\{c}"))),
        })
    }

    /// Reads a class behind its `[`.
    fn class(&mut self) -> Result<(), String> {
        let mut class = String::new();
        let negated = self.skip("^");
        let mut first = true;
        while first || !self.skip("]") {
            first = false;
            if let Some((name, rest)) = self.rest.strip_prefix("[:").and_then(|named| named.split_once(":]")) {
                let plain = name.strip_prefix('^').unwrap_or(name);
                let (_, ranges) = NAMED.iter().find(|(known, _)| *known == plain).ok_or_else(|| invalid("[:"))?;
                class.push_str(&class_text(ranges, plain.len() < name.len()));
                self.rest = rest;
                continue;
            }
            if let Some(rest) = self.rest.strip_prefix('\\') {
                let before = std::mem::replace(&mut self.rest, rest);
                if let Some(text) = self.escaped_class()? {
                    class.push_str(&text);
                    continue;
                }
                self.rest = before;
            }
            let low = self.bound()?;
            let high = if self.rest.starts_with('-') && !self.rest.starts_with("-]") {
                self.next();
                self.bound()?
            } else {
                low
            };
            if high < low {
                return Err("a range of the character class runs backwards".to_owned());
            }
            class.push_str(&class_text(&[(low, high)], false));
        }
        self.written.push_str(&format!("[{}{class}]", if negated { "^" } else { "" }));
        Ok(())
    }

    /// One end of a range.
    fn bound(&mut self) -> Result<char, String> {
        match self.next().ok_or("the character class is not closed")? {
            '\\' => self.escaped_char(),
            c => Ok(c),
        }
    }
}

/// The length of `2}`, `2,}` or `2,3}` at the start of `text`; anything else is no repetition.
fn repetition_length(text: &str) -> Option<usize> {
    let (bounds, _) = text.split_once('}')?;
    let number = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) && (text.len() == 1 || !text.starts_with('0'))
    };
    let valid = match bounds.split_once(',') {
        Some((low, high)) => number(low) && (high.is_empty() || number(high)),
        None => number(bounds),
    };
    valid.then_some(bounds.len() + 1)
}

/// Ranges as the inside of a class of the `regex` crate.
fn class_text(ranges: &Ranges, negated: bool) -> String {
    let text: String = ranges
        .iter()
        .map(|(low, high)| format!("\\u{{{:x}}}-\\u{{{:x}}}", u32::from(*low), u32::from(*high)))
        .collect();
    if negated { format!("[^{text}]") } else { text }
}

fn invalid(part: &str) -> String {
    format!("Docker cannot read `{part}` in a pattern")
}
