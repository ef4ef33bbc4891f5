//! Type expressions: `list(string)`, `object({a = optional(number)})`.
//!
//! Follows ext/typeexpr of hashicorp/hcl for type constraints without defaults.

use super::error::BakeError;
use super::types::Type;
use crate::source::Span;
use crate::syntax::hcl::{self, Element, Expr, ExprKind};

const SUMMARY: &str = "Invalid type specification";

/// Reads a type constraint.
///
/// # Errors
/// All mistakes in it.
pub(super) fn constraint(expr: &Expr) -> Result<Type, Vec<BakeError>> {
    // In JSON a type is written as text in native syntax.
    if let ExprKind::Json(json) = &expr.kind {
        let (inner, errors) = hcl::parse_expression(&json.text, expr.span);
        return match errors.is_empty() && !matches!(inner.kind, ExprKind::Json(_)) {
            true => constraint(&inner),
            false => mistake(expr.span, CONSTRUCTORS),
        };
    }
    match expr.keyword() {
        Some("bool") => Ok(Type::Bool),
        Some("string") => Ok(Type::String),
        Some("number") => Ok(Type::Number),
        Some("any") => Ok(Type::Any),
        Some(word @ ("list" | "map" | "set")) => {
            mistake(expr.span, format!("The type {word} needs the element type, like {word}(string)."))
        }
        Some("object") => mistake(expr.span, "The type object needs its attributes, like object({name = string})."),
        Some("tuple") => mistake(expr.span, "The type tuple needs its element types, like tuple([string, number])."),
        Some(word) => mistake(expr.span, format!("The keyword \"{word}\" is not a valid type specification.")),
        None => constructor(expr),
    }
}

const CONSTRUCTORS: &str =
    "A type is one of the words bool, number, string and any, or is made of them, like list(string).";

fn mistake<T>(span: Span, detail: impl Into<String>) -> Result<T, Vec<BakeError>> {
    Err(vec![BakeError::at(span, SUMMARY, detail)])
}

fn constructor(expr: &Expr) -> Result<Type, Vec<BakeError>> {
    let ExprKind::Call(call) = &expr.kind else { return mistake(expr.span, CONSTRUCTORS) };
    let name = call.name.node.as_str();
    let arguments = call.open.cover(call.close);
    match name {
        "bool" | "string" | "number" | "any" => mistake(arguments, format!("The type {name} takes no argument.")),
        "list" | "set" | "map" | "object" | "tuple" => match &call.arguments[..] {
            [Element { value, .. }] => match name {
                "list" => Ok(Type::list(constraint(value)?)),
                "set" => Ok(Type::set(constraint(value)?)),
                "map" => Ok(Type::map(constraint(value)?)),
                "object" => object(value),
                _ => tuple(value),
            },
            _ => mistake(arguments, format!("The type {name} takes exactly one argument.")),
        },
        "optional" => mistake(call.name.span, "Only attributes of an object can be optional."),
        _ => mistake(expr.span, format!("Keyword \"{name}\" is not a valid type constructor.")),
    }
}

fn tuple(expr: &Expr) -> Result<Type, Vec<BakeError>> {
    let ExprKind::Tuple(tuple) = &expr.kind else {
        return mistake(expr.span, "The type tuple needs a list of element types.");
    };
    collect(tuple.elements.iter().map(|element| constraint(&element.value))).map(Type::tuple)
}

fn object(expr: &Expr) -> Result<Type, Vec<BakeError>> {
    let ExprKind::Object(object) = &expr.kind else {
        return mistake(expr.span, "The type object needs its attributes and their types.");
    };
    let mut seen = std::collections::HashSet::new();
    let attributes = object.entries.iter().map(|entry| {
        let Some(name) = (if entry.parens { None } else { entry.key.keyword() }) else {
            return mistake(entry.key.span, "An attribute's name is a bare word.");
        };
        if !seen.insert(name) {
            return mistake(entry.key.span, "An attribute is given twice.");
        }
        match &entry.value.kind {
            ExprKind::Call(call) if call.name.node == "optional" => match &call.arguments[..] {
                [Element { value, .. }] => Ok((name, constraint(value)?, true)),
                _ => mistake(call.open.cover(call.close), "optional takes the attribute's type and nothing else."),
            },
            _ => Ok((name, constraint(&entry.value)?, false)),
        }
    });
    collect(attributes).map(Type::object_with_optional)
}

/// All results, or all mistakes.
fn collect<T>(results: impl Iterator<Item = Result<T, Vec<BakeError>>>) -> Result<Vec<T>, Vec<BakeError>> {
    let (mut values, mut mistakes) = (Vec::new(), Vec::new());
    for result in results {
        match result {
            Ok(value) => values.push(value),
            Err(more) => mistakes.extend(more),
        }
    }
    if mistakes.is_empty() { Ok(values) } else { Err(mistakes) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    #[test]
    fn types_are_read_and_mistakes_are_underlined() {
        let read = |text: &str| {
            let source = format!("t = {text}\n");
            let file = hcl::parse(FileId(0), &source);
            let expr = &file.body.attribute("t").expect("an attribute").value;
            constraint(expr)
                .map(|ty| ty.to_string())
                .map_err(|errors| errors[0].span.map(|span| source[span.range()].to_owned()).unwrap_or_default())
        };
        let cases = [
            ("string", Ok("string")),
            ("list(any)", Ok("list(any)")),
            ("map(set(number))", Ok("map(set(number))")),
            ("tuple([string, bool])", Ok("tuple([string, bool])")),
            ("object({a = number, b = optional(string)})", Ok("object({a = number, b = optional(string)})")),
            ("integer", Err("integer")),
            ("\"string\"", Err("\"string\"")),
            ("list", Err("list")),
            ("list()", Err("()")),
            ("optional(string)", Err("optional")),
            ("object({a = optional(string, \"x\")})", Err("(string, \"x\")")),
            ("list(lst(string))", Err("lst(string)")),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text).as_deref().map_err(String::as_str), expected, "{text}");
        }
    }
}
