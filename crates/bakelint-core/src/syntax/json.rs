//! JSON with the place of every token, strict as RFC 8259; repeated keys are kept.

use jsonc_parser::ast;
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

use crate::source::{FileId, Span, Spanned};
use crate::syntax::SyntaxError;
use crate::syntax::text::Text;

/// A JSON value with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// From its first to its last byte.
    pub span: Span,
}

/// The kinds of JSON value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A number as written.
    Number(String),
    /// A string.
    String(Text),
    /// `[…]`
    Array(Vec<Node>),
    /// `{…}`: the members in order.
    Object(Vec<Member>),
}

/// A member of an object.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// The key; its span covers the quotes.
    pub key: Spanned<Text>,
    /// The value.
    pub value: Node,
}

impl Node {
    /// The members of an object; none for anything else.
    pub fn members(&self) -> &[Member] {
        match &self.value {
            Value::Object(members) => members,
            _ => &[],
        }
    }

    /// The elements of an array; none for anything else.
    pub fn elements(&self) -> &[Node] {
        match &self.value {
            Value::Array(elements) => elements,
            _ => &[],
        }
    }

    /// The value of the last member with this key, which is the one that counts for most readers.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.members().iter().rev().find(|member| member.key.node.value == key).map(|member| &member.value)
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(&text.value),
            _ => None,
        }
    }

    /// The first byte: the opening bracket of an array or object.
    pub fn open(&self) -> Span {
        Span { end: (self.span.start + 1).min(self.span.end), ..self.span }
    }

    /// The last byte: the closing bracket of an array or object.
    pub fn close(&self) -> Span {
        Span { start: self.span.end.saturating_sub(1).max(self.span.start), ..self.span }
    }
}

/// Reads a JSON text. Either a value or the first mistake comes out, never both and never neither.
///
/// # Errors
/// When the text is no JSON, or is nested more than 512 levels deep.
pub fn parse(file: FileId, text: &str) -> Result<Node, SyntaxError> {
    read(file, text, false)
}

/// As [`parse`], for files in which editors take comments and commas behind the last element.
///
/// # Errors
/// As [`parse`].
pub fn parse_with_comments(file: FileId, text: &str) -> Result<Node, SyntaxError> {
    read(file, text, true)
}

fn read(file: FileId, text: &str, loose: bool) -> Result<Node, SyntaxError> {
    let strict = ParseOptions {
        allow_comments: loose,
        allow_loose_object_property_names: false,
        allow_trailing_commas: loose,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    match parse_to_ast(text, &CollectOptions::default(), &strict) {
        Ok(parsed) => match &parsed.value {
            Some(value) => node(file, text, value),
            None => Err(SyntaxError::new("the JSON value is missing", Span::at(file, text.len()))),
        },
        Err(error) => {
            let range = error.range();
            let start = range.start.min(text.len());
            Err(SyntaxError::new(error.kind().to_string(), Span::new(file, start..range.end.clamp(start, text.len()))))
        }
    }
}

fn node(file: FileId, text: &str, value: &ast::Value<'_>) -> Result<Node, SyntaxError> {
    let range = value.range();
    let span = Span::new(file, range.start..range.end);
    let value = match value {
        ast::Value::NullKeyword(_) => Value::Null,
        ast::Value::BooleanLit(literal) => Value::Bool(literal.value),
        ast::Value::NumberLit(literal) => Value::Number(literal.value.to_owned()),
        ast::Value::StringLit(_) => Value::String(string(text, span)?),
        ast::Value::Array(array) => {
            Value::Array(array.elements.iter().map(|element| node(file, text, element)).collect::<Result<_, _>>()?)
        }
        ast::Value::Object(object) => {
            let members = object.properties.iter().map(|property| {
                let range = property.name.range();
                let name = Span::new(file, range.start..range.end);
                let key = Spanned::new(string(text, name)?, name);
                Ok(Member { key, value: node(file, text, &property.value)? })
            });
            Value::Object(members.collect::<Result<_, SyntaxError>>()?)
        }
    };
    Ok(Node { value, span })
}

/// Decodes the string literal at `span`, quotes included, and keeps the place of every byte.
fn string(source: &str, span: Span) -> Result<Text, SyntaxError> {
    let literal = source.get(span.range()).unwrap_or_default();
    let inner = literal.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or_default();
    let base = span.start + 1;
    let mut text = Text::default();
    let mut at = 0;
    while at < inner.len() {
        let rest = &inner[at..];
        let place = |len: usize| Span { start: base + at as u32, end: base + (at + len) as u32, ..span };
        if let Some(control) = rest.find(|c: char| c < ' ').filter(|control| *control == 0) {
            let message = "a control character in a JSON string must be escaped";
            return Err(SyntaxError::new(message, place(control + 1)));
        }
        let plain = rest.find(|c: char| c == '\\' || c < ' ').unwrap_or(rest.len());
        if plain > 0 {
            text.push(&rest[..plain], place(plain), true);
            at += plain;
            continue;
        }
        let (c, len) = escape(rest).ok_or_else(|| {
            let len = 1 + rest.chars().nth(1).map_or(0, char::len_utf8);
            SyntaxError::new("this is no escape sequence of JSON", place(len))
        })?;
        text.push(c.encode_utf8(&mut [0; 4]), place(len), false);
        at += len;
    }
    Ok(text)
}

/// The character that an escape sequence stands for, and the length of the sequence.
fn escape(text: &str) -> Option<(char, usize)> {
    let unit = |text: &str| {
        let digits = text.strip_prefix("\\u")?.get(..4)?;
        digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok())?
    };
    Some(match text.as_bytes().get(1)? {
        b'"' => ('"', 2),
        b'\\' => ('\\', 2),
        b'/' => ('/', 2),
        b'b' => ('\u{8}', 2),
        b'f' => ('\u{c}', 2),
        b'n' => ('\n', 2),
        b'r' => ('\r', 2),
        b't' => ('\t', 2),
        b'u' => {
            let first = unit(text)?;
            let second = text.get(6..).and_then(unit);
            match (first, second) {
                (0xd800..=0xdbff, Some(low @ 0xdc00..=0xdfff)) => {
                    (char::from_u32(0x10000 + ((first - 0xd800) << 10) + (low - 0xdc00))?, 12)
                }
                _ => (char::from_u32(first)?, 6),
            }
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Node, SyntaxError> {
        parse(FileId(0), text)
    }

    #[test]
    fn every_value_has_its_place_and_repeated_keys_stay() {
        let text = r#"{"a": [1, "x\n\u00e9😀"], "a": null}"#;
        let root = read(text).expect("valid");
        assert_eq!(root.members().len(), 2);
        let element = &root.members()[0].value.elements()[1];
        assert_eq!(element.as_str(), Some("x\né😀"));
        assert_eq!(&text[element.span.range()], r#""x\n\u00e9😀""#);
        let Value::String(value) = &element.value else { panic!("a string") };
        assert_eq!(&text[value.locate(1..4).expect("inside").range()], r"\n\u00e9");
        assert_eq!(root.get("a").map(|node| &node.value), Some(&Value::Null));
    }

    #[test]
    fn anything_but_strict_json_is_a_mistake_with_a_place() {
        for text in
            ["", " ", "{", "[1,]", "{a: 1}", "// x\n1", "'a'", "0x1F", "+1", ".5", "NaN", "1 2", "\"a\nb\"", r#""\x""#]
        {
            let error = read(text).expect_err(text);
            assert!(error.span.range().end <= text.len(), "{text}");
        }
        assert!(read(&"[".repeat(100_000)).is_err());
    }

    #[test]
    fn every_prefix_is_read_without_panic() {
        let text = r#"{"é": [1.5e3, "\ud83d\ude00", {"a": true}], "b": null}"#;
        for (end, _) in text.char_indices() {
            assert!(read(&text[..end]).is_err());
        }
        assert!(read(text).is_ok());
    }
}
