//! Values of a given type from JSON and to JSON, as go-cty's `cty/json` reads and writes them.

use super::convert::convert;
use super::number::Number;
use super::types::Type;
use super::value::Value;
use crate::source::FileId;
use crate::syntax::json::{self, Node};

/// Reads JSON as a value of the type. Shapes must match exactly, except that numbers and bools may be quoted or not.
///
/// # Errors
/// When the text is no JSON or has another shape.
pub(super) fn read(text: &str, ty: &Type) -> Result<Value, String> {
    let node = json::parse(FileId(0), text).map_err(|error| error.message)?;
    read_node(&node, ty)
}

fn read_node(node: &Node, ty: &Type) -> Result<Value, String> {
    if matches!(node.value, json::Value::Null) {
        return Ok(Value::null(ty.clone()));
    }
    let items = || match &node.value {
        json::Value::Array(items) => Ok(items),
        _ => Err("missing expected [".to_owned()),
    };
    let members = || match &node.value {
        json::Value::Object(members) => Ok(members),
        _ => Err("missing expected {".to_owned()),
    };
    let many = |element: &Type| items()?.iter().map(|item| read_node(item, element)).collect::<Result<Vec<_>, _>>();
    match ty {
        Type::Any => read_dynamic(members()?),
        Type::Bool => match &node.value {
            json::Value::Bool(value) => Ok(Value::from(*value)),
            json::Value::String(text) => {
                convert(&Value::from(text.value.as_str()), ty).map_err(|error| error.to_string())
            }
            _ => Err("bool is required".to_owned()),
        },
        Type::Number => {
            let text = match &node.value {
                json::Value::Number(text) => text,
                json::Value::String(text) => &text.value,
                _ => return Err("number is required".to_owned()),
            };
            Number::parse(text).map(Value::from).ok_or_else(|| "a number is required".to_owned())
        }
        Type::String => match &node.value {
            json::Value::String(text) => Ok(Value::from(text.value.as_str())),
            json::Value::Number(text) => Ok(Value::from(text.as_str())),
            json::Value::Bool(value) => Ok(Value::from(value.to_string())),
            _ => Err("string is required".to_owned()),
        },
        Type::Bytes => Err("unsupported type bytes".to_owned()),
        Type::List(element) => Value::list(element, many(element)?).ok_or_else(mixed),
        Type::Set(element) => Value::set(element, many(element)?).ok_or_else(mixed),
        Type::Map(element) => {
            let entries =
                members()?.iter().map(|member| Ok((&member.key.node.value, read_node(&member.value, element)?)));
            Value::map(element, entries.collect::<Result<Vec<_>, String>>()?).ok_or_else(mixed)
        }
        Type::Tuple(elements) => {
            let items = items()?;
            let count = elements.len();
            match items.len().cmp(&count) {
                std::cmp::Ordering::Greater => return Err(format!("too many tuple elements (need {count})")),
                std::cmp::Ordering::Less => return Err(format!("not enough tuple elements (need {count})")),
                std::cmp::Ordering::Equal => {}
            }
            let items = items.iter().zip(elements.iter()).map(|(item, ty)| read_node(item, ty));
            Ok(Value::tuple(items.collect::<Result<_, _>>()?))
        }
        Type::Object(object) => {
            let mut entries: Vec<(&str, Value)> =
                object.attributes().map(|(name, ty)| (&**name, Value::null(ty.clone()))).collect();
            for member in members()? {
                let name = member.key.node.value.as_str();
                let ty = object.get(name).ok_or_else(|| format!("unsupported attribute \"{name}\""))?;
                entries.push((name, read_node(&member.value, ty)?));
            }
            Ok(Value::object(entries))
        }
    }
}

fn mixed() -> String {
    "the elements are of different types".to_owned()
}

/// `{"type": …, "value": …}`: a value that brings its type.
fn read_dynamic(members: &[json::Member]) -> Result<Value, String> {
    let (mut ty, mut value) = (None, None);
    for member in members {
        match member.key.node.value.as_str() {
            "type" => ty = Some(read_type(&member.value)?),
            "value" => value = Some(&member.value),
            key => return Err(format!("invalid key \"{key}\" in dynamically-typed value")),
        }
    }
    let ty = ty.ok_or("missing type in dynamically-typed value")?;
    read_node(value.ok_or("missing value in dynamically-typed value")?, &ty)
}

/// A type in cty's JSON form: `"string"`, `["list", "string"]`, `["object", {"a": "number"}]`.
fn read_type(node: &Node) -> Result<Type, String> {
    let invalid = || "failed to decode type for dynamic value: invalid complex type description".to_owned();
    if let Some(name) = node.as_str() {
        return match name {
            "string" => Ok(Type::String),
            "number" => Ok(Type::Number),
            "bool" => Ok(Type::Bool),
            "dynamic" => Ok(Type::Any),
            _ => Err(format!("failed to decode type for dynamic value: invalid primitive type name \"{name}\"")),
        };
    }
    let [kind, of, rest @ ..] = node.elements() else { return Err(invalid()) };
    match (kind.as_str(), rest) {
        (Some("list"), []) => Ok(Type::list(read_type(of)?)),
        (Some("set"), []) => Ok(Type::set(read_type(of)?)),
        (Some("map"), []) => Ok(Type::map(read_type(of)?)),
        (Some("tuple"), []) => Ok(Type::tuple(of.elements().iter().map(read_type).collect::<Result<Vec<_>, _>>()?)),
        (Some("object"), _) => {
            let optional = |name: &str| rest.iter().flat_map(Node::elements).any(|node| node.as_str() == Some(name));
            let attributes = of.members().iter().map(|member| {
                let name = member.key.node.value.as_str();
                Ok((name, read_type(&member.value)?, optional(name)))
            });
            Ok(Type::object_with_optional(attributes.collect::<Result<Vec<_>, String>>()?))
        }
        _ => Err(invalid()),
    }
}

/// Writes a value as JSON. Where the type says `any`, the value brings its type.
pub(super) fn write(value: &Value, ty: &Type, out: &mut String) {
    if *ty == Type::Any && value.ty() != Type::Any {
        out.push_str("{\"value\":");
        write(value, &value.ty(), out);
        out.push_str(",\"type\":");
        write_type(&value.ty(), out);
        out.push('}');
        return;
    }
    if let Some(text) = value.as_str() {
        return write_text(text, out);
    }
    if let Some(number) = value.as_number() {
        return out.push_str(&number.to_string());
    }
    if let Some(value) = value.as_bool() {
        return out.push_str(if value { "true" } else { "false" });
    }
    if let Some(items) = value.items() {
        out.push('[');
        for (index, item) in items.enumerate() {
            if index > 0 {
                out.push(',');
            }
            let element = ty.element().or_else(|| ty.elements()?.get(index)).cloned();
            write(&item, &element.unwrap_or_else(|| item.ty()), out);
        }
        return out.push(']');
    }
    if let Some(entries) = value.entries() {
        out.push('{');
        for (index, (key, item)) in entries.enumerate() {
            if index > 0 {
                out.push(',');
            }
            write_text(key, out);
            out.push(':');
            let element = ty.element().or_else(|| ty.attributes()?.get(key)).cloned();
            write(&item, &element.unwrap_or_else(|| item.ty()), out);
        }
        return out.push('}');
    }
    out.push_str("null");
}

fn write_type(ty: &Type, out: &mut String) {
    let mut wrap = |kind: &str, element: &Type| {
        out.push_str(&format!("[\"{kind}\","));
        write_type(element, out);
        out.push(']');
    };
    match ty {
        Type::String => out.push_str("\"string\""),
        Type::Number => out.push_str("\"number\""),
        Type::Bool => out.push_str("\"bool\""),
        Type::Any | Type::Bytes => out.push_str("\"dynamic\""),
        Type::List(element) => wrap("list", element),
        Type::Set(element) => wrap("set", element),
        Type::Map(element) => wrap("map", element),
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
            for (index, (name, element)) in object.attributes().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_text(name, out);
                out.push(':');
                write_type(element, out);
            }
            out.push_str("}]");
        }
    }
}

/// Writes a JSON string as Go's encoding/json does: `<`, `>`, `&` and the Unicode line separators are escaped.
pub(super) fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                out.push_str(&format!("\\u{:04x}", c as u32));
            }
            _ => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_must_match_and_any_brings_its_type() {
        let object = Type::object([("a", Type::Number), ("b", Type::String)]);
        let cases = [
            (Type::String, "\"x\"", Ok("\"x\"")),
            (Type::Number, "\"1.50\"", Ok("1.5")),
            (Type::list(Type::Bool), "[true, \"false\"]", Ok("[true,false]")),
            (Type::set(Type::String), "[\"b\",\"a\",\"b\"]", Ok("[\"a\",\"b\"]")),
            (object.clone(), "{\"a\": 1}", Ok("{\"a\":1,\"b\":null}")),
            (object, "{\"c\": 1}", Err("unsupported attribute \"c\"")),
            (Type::tuple([Type::Bool]), "[]", Err("not enough tuple elements (need 1)")),
            (Type::Any, "{\"stages\": 1}", Err("invalid key \"stages\" in dynamically-typed value")),
            (
                Type::Any,
                "{\"type\": [\"list\", \"string\"], \"value\": [\"<\"]}",
                Ok("{\"value\":[\"\\u003c\"],\"type\":[\"list\",\"string\"]}"),
            ),
        ];
        for (ty, text, expected) in cases {
            let read = read(text, &ty).map(|value| {
                let mut out = String::new();
                write(&value, &ty, &mut out);
                out
            });
            assert_eq!(read.as_deref().map_err(String::as_str), expected, "{text}");
        }
    }
}
