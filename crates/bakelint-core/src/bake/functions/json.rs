//! JSON as go-cty reads and writes it (go-cty `json`, Go `encoding/json`).
//!
//! Decoding keeps numbers as they are written, so that nothing is lost on the way to a [`Number`].

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;

use super::{Function, FunctionError, parameter, text};
use crate::bake::convert::convert;
use crate::bake::number::Number;
use crate::bake::types::Type;
use crate::bake::value::{MAX_DEPTH, Value, normalize, quote, quoted};

pub(super) fn functions() -> Vec<Function> {
    vec![
        Function::new("jsonencode", [parameter("val", Type::Any).or_null()], |args| Ok(encode(&args[0])?.into())),
        Function::new("jsondecode", [parameter("str", Type::String)], |args| Ok(decode(text(args, 0))?)),
    ]
}

/// Why a value cannot be written as JSON or JSON cannot be read, as Bake words it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct JsonError(String);

impl From<JsonError> for FunctionError {
    fn from(error: JsonError) -> FunctionError {
        FunctionError::new(error.0)
    }
}

/// The JSON text of a value: no blanks, keys in byte order, `<`, `>` and `&` escaped.
///
/// # Errors
/// For infinite numbers and for anything unknown.
pub fn encode(value: &Value) -> Result<String, JsonError> {
    encode_as(value, &value.ty())
}

/// The JSON text of a value of the type `ty`. Where the type says [`Type::Any`], the text is an object that holds
/// the value and its type.
///
/// # Errors
/// For infinite numbers and for anything unknown.
pub fn encode_as(value: &Value, ty: &Type) -> Result<String, JsonError> {
    let mut out = String::new();
    write(value, ty, &mut out)?;
    Ok(out)
}

fn write(value: &Value, ty: &Type, out: &mut String) -> Result<(), JsonError> {
    if !value.is_known() {
        return Err(JsonError("value is not known".into()));
    }
    if *ty == Type::Any && value.ty() != Type::Any {
        out.push_str("{\"value\":");
        let own = value.ty();
        write(value, &own, out).map_err(|error| JsonError(format!("failed to serialize value: {error}")))?;
        out.push_str(",\"type\":");
        write_type(&own, out);
        out.push('}');
        return Ok(());
    }
    if let Some(text) = value.as_str() {
        write_text(text, out);
    } else if let Some(number) = value.as_number() {
        if number.is_infinite() {
            return Err(JsonError("cannot serialize infinity as JSON".into()));
        }
        // Writing to a string cannot fail.
        _ = write!(out, "{number}");
    } else if let Some(value) = value.as_bool() {
        out.push_str(if value { "true" } else { "false" });
    } else if let Some(items) = value.items() {
        out.push('[');
        for (index, item) in items.enumerate() {
            if index > 0 {
                out.push(',');
            }
            let of_tuple = ty.elements().and_then(|elements| elements.get(index));
            write(&item, ty.element().or(of_tuple).unwrap_or(&Type::Any), out)?;
        }
        out.push(']');
    } else if let Some(entries) = value.entries() {
        out.push('{');
        for (index, (key, item)) in entries.enumerate() {
            if index > 0 {
                out.push(',');
            }
            write_text(key, out);
            out.push(':');
            let of_object = ty.attributes().and_then(|object| object.get(key));
            write(&item, ty.element().or(of_object).unwrap_or(&Type::Any), out)?;
        }
        out.push('}');
    } else {
        out.push_str("null");
    }
    Ok(())
}

/// Writes text as a JSON string the way Go does, fit for HTML.
pub(in crate::bake) fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\x08' => out.push_str("\\b"),
            '\x0c' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // Writing to a string cannot fail.
            '\0'..='\x1f' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => _ = write!(out, "\\u{:04x}", c as u32),
            _ => out.push(c),
        }
    }
    out.push('"');
}

/// The JSON form of a type: `"string"`, `["list","number"]`, `["object",{"a":"bool"}]`.
pub fn encode_type(ty: &Type) -> String {
    let mut out = String::new();
    write_type(ty, &mut out);
    out
}

fn write_type(ty: &Type, out: &mut String) {
    let collection = |kind: &str, element: &Type, out: &mut String| {
        out.push_str(&format!("[\"{kind}\","));
        write_type(element, out);
        out.push(']');
    };
    match ty {
        Type::String | Type::Number | Type::Bool | Type::Bytes => out.push_str(&format!("\"{ty}\"")),
        Type::Any => out.push_str("\"dynamic\""),
        Type::List(element) => collection("list", element, out),
        Type::Set(element) => collection("set", element, out),
        Type::Map(element) => collection("map", element, out),
        Type::Tuple(elements) => {
            out.push_str("[\"tuple\",[");
            for (index, element) in elements.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_type(element, out);
            }
            out.push_str("]]");
        }
        Type::Object(object) => {
            out.push_str("[\"object\",{");
            for (index, (name, ty)) in object.attributes().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_text(name, out);
                out.push(':');
                write_type(ty, out);
            }
            out.push('}');
            let mut before = ",[";
            for (name, _) in object.attributes().filter(|(name, _)| object.is_optional(name)) {
                out.push_str(before);
                write_text(name, out);
                before = ",";
            }
            out.push_str(if before == "," { "]]" } else { "]" });
        }
    }
}

/// Reads JSON into a value of the type that it suggests: objects and tuples.
///
/// # Errors
/// With Go's message for malformed text, for text behind the value, and for a key that occurs twice with values of
/// different types.
pub fn decode(json: &str) -> Result<Value, JsonError> {
    let mut reader = Reader { text: json, at: 0 };
    let parsed = reader.value(Place::Value, 0)?;
    reader.skip_blanks();
    if reader.peek().is_some_and(|c| !matches!(c, ']' | '}')) {
        return Err(JsonError("extraneous data after JSON object".into()));
    }
    implied(&parsed)
}

/// Reads JSON into a value of the type `ty`. Where the type says [`Type::Any`], the text must be an object with the
/// keys `type` and `value`. What follows the value is ignored.
///
/// # Errors
/// When the text is malformed or does not have the shape of the type.
pub fn decode_as(json: &str, ty: &Type) -> Result<Value, JsonError> {
    typed(&Reader { text: json, at: 0 }.value(Place::Value, 0)?, ty)
}

/// A JSON value with its numbers as text.
#[derive(Debug, Clone)]
enum Json {
    Null,
    Bool(bool),
    Number(String),
    String(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

fn implied(json: &Json) -> Result<Value, JsonError> {
    Ok(match json {
        Json::Null => Value::NULL,
        Json::Bool(value) => (*value).into(),
        Json::Number(digits) => parse_number(digits)?.into(),
        Json::String(text) => text.as_str().into(),
        Json::Array(items) => Value::tuple(items.iter().map(implied).collect::<Result<_, _>>()?),
        Json::Object(entries) => {
            let mut types: HashMap<&str, Type> = HashMap::new();
            let mut values: Vec<(&str, Value)> = Vec::with_capacity(entries.len());
            for (key, json) in entries {
                let value = implied(json)?;
                if types.insert(key, value.ty()).is_some_and(|before| before != value.ty()) {
                    return Err(JsonError(format!("duplicate {} property in JSON object", quoted(key))));
                }
                // go-cty looks for the key among the attributes, which are normalised.
                if *key != *normalize(key) {
                    return Err(JsonError(format!("unsupported attribute {}", quoted(key))));
                }
                values.push((key, value));
            }
            Value::object(values)
        }
    })
}

fn parse_number(digits: &str) -> Result<Number, JsonError> {
    Number::parse(digits).ok_or_else(|| JsonError("a number is required".into()))
}

fn typed(json: &Json, ty: &Type) -> Result<Value, JsonError> {
    let error = |message: &str| Err(JsonError(message.into()));
    let unequal = || JsonError("element types must all match".into());
    match (ty, json) {
        (_, Json::Null) => Ok(Value::null(ty.clone())),
        (Type::Any, Json::Object(entries)) => dynamic(entries),
        (Type::Bool, Json::Bool(value)) => Ok((*value).into()),
        (Type::Bool, Json::String(text)) => {
            convert(&text.as_str().into(), ty).map_err(|error| JsonError(error.message))
        }
        (Type::Number, Json::Number(digits) | Json::String(digits)) => Ok(parse_number(digits)?.into()),
        (Type::String, Json::String(text) | Json::Number(text)) => Ok(text.as_str().into()),
        (Type::String, Json::Bool(value)) => Ok(if *value { "true" } else { "false" }.into()),
        (Type::Bool, _) => error("bool is required"),
        (Type::Number, _) => error("number is required"),
        (Type::String, _) => error("string is required"),
        (Type::List(element) | Type::Set(element), Json::Array(items)) => {
            let items = items.iter().map(|item| typed(item, element)).collect::<Result<_, _>>()?;
            let collect = if matches!(ty, Type::List(_)) { Value::list } else { Value::set };
            collect(element, items).ok_or_else(unequal)
        }
        (Type::Map(element), Json::Object(entries)) => {
            let item = |(key, json): &(String, Json)| Ok((key.clone(), typed(json, element)?));
            let entries = entries.iter().map(item).collect::<Result<Vec<_>, JsonError>>()?;
            Value::map(element, entries).ok_or_else(unequal)
        }
        (Type::Tuple(elements), Json::Array(items)) => {
            if items.len() != elements.len() {
                let much = if items.len() > elements.len() { "too many" } else { "not enough" };
                return Err(JsonError(format!("{much} tuple elements (need {})", elements.len())));
            }
            let items = items.iter().zip(elements.iter()).map(|(item, ty)| typed(item, ty));
            Ok(Value::tuple(items.collect::<Result<_, _>>()?))
        }
        (Type::Object(object), Json::Object(entries)) => {
            let absent = object.attributes().map(|(name, ty)| (name.clone(), Value::null(ty.clone())));
            let mut values: Vec<(Arc<str>, Value)> = absent.collect();
            for (key, json) in entries {
                let Some(ty) = object.get(key) else {
                    return Err(JsonError(format!("unsupported attribute {}", quoted(key))));
                };
                values.push((normalize(key), typed(json, ty)?));
            }
            Ok(Value::object(values))
        }
        (Type::List(_) | Type::Set(_) | Type::Tuple(_), _) => error("missing expected ["),
        (Type::Map(_) | Type::Object(_) | Type::Any, _) => error("missing expected {"),
        (Type::Bytes, _) => error("unsupported type bytes"),
    }
}

/// The value of `{"type": …, "value": …}`.
fn dynamic(entries: &[(String, Json)]) -> Result<Value, JsonError> {
    let (mut ty, mut value) = (None, None);
    for (key, json) in entries {
        match key.as_str() {
            "type" => {
                let parsed = read_type(json)
                    .map_err(|error| JsonError(format!("failed to decode type for dynamic value: {error}")))?;
                ty = Some(parsed);
            }
            "value" => value = Some(json),
            _ => return Err(JsonError(format!("invalid key {} in dynamically-typed value", quoted(key)))),
        }
    }
    let ty = ty.ok_or_else(|| JsonError("missing type in dynamically-typed value".into()))?;
    let value = value.ok_or_else(|| JsonError("missing value in dynamically-typed value".into()))?;
    typed(value, &ty)
}

/// The type behind its JSON form, see [`encode_type`].
fn read_type(json: &Json) -> Result<Type, JsonError> {
    let error = |message: String| Err(JsonError(message));
    let parts = match json {
        Json::String(name) => {
            return match name.as_str() {
                "string" => Ok(Type::String),
                "number" => Ok(Type::Number),
                "bool" => Ok(Type::Bool),
                "dynamic" => Ok(Type::Any),
                other => error(format!("invalid primitive type name {}", quoted(other))),
            };
        }
        Json::Array(parts) => parts.as_slice(),
        Json::Object(_) => return error("invalid complex type description".into()),
        _ => return error("invalid type description".into()),
    };
    match parts {
        [Json::String(kind), element] if matches!(kind.as_str(), "list" | "set" | "map") => {
            let element = read_type(element)?;
            Ok(match kind.as_str() {
                "list" => Type::list(element),
                "set" => Type::set(element),
                _ => Type::map(element),
            })
        }
        [Json::String(kind), Json::Array(elements)] if kind == "tuple" => {
            Ok(Type::tuple(elements.iter().map(read_type).collect::<Result<Vec<_>, _>>()?))
        }
        [Json::String(kind), Json::Object(attributes), optional @ ..] if kind == "object" && optional.len() < 2 => {
            let names = match optional {
                [Json::Array(names)] => names.as_slice(),
                _ => &[],
            };
            let is_optional =
                |wanted: &str| names.iter().any(|name| matches!(name, Json::String(name) if name == wanted));
            let attribute = |(name, ty): &(String, Json)| Ok((normalize(name), read_type(ty)?, is_optional(name)));
            Ok(Type::object_with_optional(attributes.iter().map(attribute).collect::<Result<Vec<_>, JsonError>>()?))
        }
        [Json::String(kind), ..] if matches!(kind.as_str(), "list" | "set" | "map" | "tuple" | "object") => {
            error("unexpected extra data in type description".into())
        }
        _ => error("invalid complex type kind name".into()),
    }
}

/// Reads JSON text with the leniency and the messages of Go's token reader.
struct Reader<'t> {
    text: &'t str,
    at: usize,
}

/// What the reader expects, for its messages.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Value,
    Element,
    Key,
    Colon,
    Pair,
}

impl Place {
    fn describe(self) -> &'static str {
        match self {
            Place::Value => "looking for beginning of value",
            Place::Element => "after array element",
            Place::Key => "looking for beginning of object key string",
            Place::Colon => "after object key",
            Place::Pair => "after object key:value pair",
        }
    }
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn skip_blanks(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
    }

    /// The error for the character that is next, or for the end of the text.
    fn unexpected(&self, context: &str) -> JsonError {
        match self.text.as_bytes().get(self.at) {
            Some(byte) => JsonError(format!("invalid character {} {context}", quote_byte(*byte))),
            None => JsonError("EOF".into()),
        }
    }

    /// The error within a literal or a string, whose end Go notices in another way.
    fn unexpected_inside(&self, context: &str) -> JsonError {
        match self.at < self.text.len() {
            true => self.unexpected(context),
            false => JsonError("unexpected EOF".into()),
        }
    }

    fn value(&mut self, place: Place, depth: u32) -> Result<Json, JsonError> {
        self.skip_blanks();
        match self.peek() {
            Some('{' | '[') if depth >= MAX_DEPTH => Err(JsonError("exceeded max depth".into())),
            Some('{') => self.object(depth),
            Some('[') => self.array(depth),
            Some('"') => Ok(Json::String(self.string()?)),
            Some('t') => self.literal("true", Json::Bool(true)),
            Some('f') => self.literal("false", Json::Bool(false)),
            Some('n') => self.literal("null", Json::Null),
            Some('-' | '0'..='9') => self.number(),
            _ => Err(self.unexpected(place.describe())),
        }
    }

    fn array(&mut self, depth: u32) -> Result<Json, JsonError> {
        let mut items = Vec::new();
        self.at += 1;
        loop {
            self.skip_blanks();
            match self.peek() {
                Some(']') if items.is_empty() => break,
                _ => items.push(self.value(Place::Value, depth + 1)?),
            }
            self.skip_blanks();
            match self.peek() {
                Some(',') => self.at += 1,
                Some(']') => break,
                _ => return Err(self.unexpected(Place::Element.describe())),
            }
        }
        self.at += 1;
        Ok(Json::Array(items))
    }

    fn object(&mut self, depth: u32) -> Result<Json, JsonError> {
        let mut entries = Vec::new();
        self.at += 1;
        loop {
            self.skip_blanks();
            match self.peek() {
                Some('}') if entries.is_empty() => break,
                Some('"') => {}
                // Directly behind the brace Go gives no context.
                Some(_) if entries.is_empty() => return Err(self.unexpected("").trimmed()),
                _ => return Err(self.unexpected(Place::Key.describe())),
            }
            let key = self.string()?;
            self.skip_blanks();
            match self.peek() {
                Some(':') => self.at += 1,
                _ => return Err(self.unexpected(Place::Colon.describe())),
            }
            entries.push((key, self.value(Place::Value, depth + 1)?));
            self.skip_blanks();
            match self.peek() {
                Some(',') => self.at += 1,
                Some('}') => break,
                _ => return Err(self.unexpected(Place::Pair.describe())),
            }
        }
        self.at += 1;
        Ok(Json::Object(entries))
    }

    fn literal(&mut self, word: &str, json: Json) -> Result<Json, JsonError> {
        for expected in word.chars() {
            if self.peek() != Some(expected) {
                return Err(self.unexpected_inside(&format!("in literal {word} (expecting '{expected}')")));
            }
            self.at += 1;
        }
        Ok(json)
    }

    fn number(&mut self) -> Result<Json, JsonError> {
        let start = self.at;
        if self.peek() == Some('-') {
            self.at += 1;
        }
        match self.peek() {
            Some('0') => self.at += 1,
            _ => self.digits("in numeric literal")?,
        }
        if self.peek() == Some('.') {
            self.at += 1;
            self.digits("after decimal point in numeric literal")?;
        }
        if let Some('e' | 'E') = self.peek() {
            self.at += 1;
            if let Some('+' | '-') = self.peek() {
                self.at += 1;
            }
            self.digits("in exponent of numeric literal")?;
        }
        Ok(Json::Number(self.text[start..self.at].into()))
    }

    /// One or more digits.
    fn digits(&mut self, context: &str) -> Result<(), JsonError> {
        let count = self.text[self.at..].bytes().take_while(u8::is_ascii_digit).count();
        self.at += count;
        if count == 0 { Err(self.unexpected_inside(context)) } else { Ok(()) }
    }

    fn string(&mut self) -> Result<String, JsonError> {
        let mut text = String::new();
        self.at += 1;
        loop {
            match self.peek() {
                Some('"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some('\\') => {
                    self.at += 1;
                    text.push(self.escape()?);
                }
                Some(c) if c >= ' ' => {
                    text.push(c);
                    self.at += c.len_utf8();
                }
                _ => return Err(self.unexpected_inside("in string literal")),
            }
        }
    }

    /// The character behind a backslash; half a surrogate pair becomes the replacement character.
    fn escape(&mut self) -> Result<char, JsonError> {
        let c = match self.peek() {
            Some(c @ ('"' | '\\' | '/')) => c,
            Some('b') => '\x08',
            Some('f') => '\x0c',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => {
                self.at += 1;
                return self.code_point();
            }
            _ => return Err(self.unexpected_inside("in string escape code")),
        };
        self.at += 1;
        Ok(c)
    }

    fn code_point(&mut self) -> Result<char, JsonError> {
        let first = self.four_digits()?;
        if !(0xd800..0xdc00).contains(&first) || !self.text[self.at..].starts_with("\\u") {
            return Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        let behind_first = self.at;
        self.at += 2;
        let second = self.four_digits()?;
        if (0xdc00..0xe000).contains(&second) {
            let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
            return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        self.at = behind_first;
        Ok(char::REPLACEMENT_CHARACTER)
    }

    fn four_digits(&mut self) -> Result<u32, JsonError> {
        let mut value = 0;
        for _ in 0..4 {
            let Some(digit) = self.peek().and_then(|c| c.to_digit(16)) else {
                return Err(self.unexpected_inside("in \\u hexadecimal character escape"));
            };
            value = value * 16 + digit;
            self.at += 1;
        }
        Ok(value)
    }
}

impl JsonError {
    fn trimmed(self) -> JsonError {
        JsonError(self.0.trim_end().into())
    }
}

/// A byte in single quotes as Go's JSON reader shows it, which takes each byte for a character of its own.
fn quote_byte(byte: u8) -> String {
    match byte {
        b'\'' => "'\\''".into(),
        b'"' => "'\"'".into(),
        _ => {
            let mut text = String::new();
            quote(char::from(byte).encode_utf8(&mut [0; 4]), &mut text);
            format!("'{}'", &text[1..text.len() - 1])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_must_match_the_type_and_any_brings_its_own() {
        let object = Type::object([("a", Type::Number), ("b", Type::String)]);
        let cases = [
            (Type::String, "1.50", Ok("\"1.50\"")),
            (Type::Number, "\"1.50\"", Ok("1.5")),
            (Type::Number, "true", Err("number is required")),
            (Type::Bool, "\"yes\"", Err("a bool is required")),
            (Type::list(Type::Bool), "[true, \"false\"] behind", Ok("[true,false]")),
            (Type::set(Type::String), "[\"b\",\"a\",\"b\"]", Ok("[\"a\",\"b\"]")),
            (Type::map(Type::Any), "{\"a\": 1}", Err("missing expected {")),
            (object.clone(), "{\"a\": 1}", Ok("{\"a\":1,\"b\":null}")),
            (object, "{\"c\": 1}", Err("unsupported attribute \"c\"")),
            (Type::tuple([Type::Bool]), "[]", Err("not enough tuple elements (need 1)")),
            (Type::list(Type::String), "{}", Err("missing expected [")),
            (Type::Any, "{\"stages\": 1}", Err("invalid key \"stages\" in dynamically-typed value")),
            (Type::Any, "{\"value\": 1}", Err("missing type in dynamically-typed value")),
            (
                Type::Any,
                "{\"type\": [\"list\", \"string\"], \"value\": [\"<\"]}",
                Ok("{\"value\":[\"\\u003c\"],\"type\":[\"list\",\"string\"]}"),
            ),
            (
                Type::Any,
                "{\"type\": [\"object\", {\"a\": \"bool\"}, [\"a\"]], \"value\": {}}",
                Ok("{\"value\":{\"a\":null},\"type\":[\"object\",{\"a\":\"bool\"}]}"),
            ),
        ];
        for (ty, text, expected) in cases {
            let read = decode_as(text, &ty).and_then(|value| encode_as(&value, &ty)).map_err(|error| error.to_string());
            assert_eq!(read.as_deref().map_err(String::as_str), expected, "{text} as {ty}");
        }
    }

    #[test]
    fn types_have_a_json_form() {
        let ty = Type::object_with_optional([
            ("a", Type::tuple([Type::set(Type::Bool), Type::map(Type::Any)]), false),
            ("b", Type::Number, true),
        ]);
        let json =
            "[\"object\",{\"a\":[\"tuple\",[[\"set\",\"bool\"],[\"map\",\"dynamic\"]]],\"b\":\"number\"},[\"b\"]]";
        assert_eq!(encode_type(&ty), json);
        let parsed = Reader { text: json, at: 0 }.value(Place::Value, 0).and_then(|json| read_type(&json));
        assert_eq!(parsed, Ok(ty));
    }

    #[test]
    fn every_prefix_is_read_or_refused() {
        let json = "{\"a\\u00e9\\ud83d\\ude00\": [1.5e-3, true, false, null, {\"b\": \"\\n\"}], \"c\": -0}";
        assert!(decode(json).is_ok());
        for end in (0..json.len()).filter(|end| json.is_char_boundary(*end)) {
            assert!(decode(&json[..end]).is_err(), "{}", &json[..end]);
        }
        let deep = "[".repeat(100_000);
        assert_eq!(decode(&deep), Err(JsonError("exceeded max depth".into())));
    }
}
