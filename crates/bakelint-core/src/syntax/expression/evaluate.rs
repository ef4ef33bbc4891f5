//! What an expression is worth.

use std::cmp::Ordering;

use super::{Expr, ExprKind, Literal, Operator, Part, Template};

/// A value of an expression.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// It does not follow from what is known.
    Unknown,
    /// `null`, which is also the value of a property that is not there.
    Null,
    /// A truth value.
    Bool(bool),
    /// A number.
    Number(f64),
    /// Text.
    Text(String),
    /// A list.
    Array(Vec<Value>),
    /// Names and values, in order. Names are compared without case.
    Object(Vec<(String, Value)>),
}

/// What is known of the contexts: asked for a path such as `["matrix", "os"]`, it gives a value, or nothing if the path
/// leads to something unknown. The first name is in lower case. A status function is asked for as `["success()"]`.
pub type Lookup<'a> = dyn Fn(&[&str]) -> Option<Value> + 'a;

impl Value {
    /// The text of a literal result, as it is put into a template; nothing if it is unknown.
    pub fn to_text(&self) -> Option<String> {
        Some(match self {
            Value::Unknown => return None,
            Value::Null => String::new(),
            Value::Bool(value) => value.to_string(),
            Value::Number(value) => number_text(*value),
            Value::Text(text) => text.clone(),
            Value::Array(_) => "Array".to_owned(),
            Value::Object(_) => "Object".to_owned(),
        })
    }

    /// Whether a condition with this value holds; nothing if it is unknown.
    pub fn truth(&self) -> Option<bool> {
        Some(match self {
            Value::Unknown => return None,
            Value::Null => false,
            Value::Bool(value) => *value,
            Value::Number(value) => *value != 0.0 && !value.is_nan(),
            Value::Text(text) => !text.is_empty(),
            Value::Array(_) | Value::Object(_) => true,
        })
    }

    /// A property or element; `Null` if it is not there.
    pub fn get(&self, name: &str) -> Value {
        match self {
            Value::Unknown => Value::Unknown,
            Value::Object(entries) => {
                let found = entries.iter().rfind(|(key, _)| key.eq_ignore_ascii_case(name));
                found.map_or(Value::Null, |(_, value)| value.clone())
            }
            Value::Array(items) => {
                let index = parse_number(name);
                let at = (index >= 0.0 && index.fract() == 0.0).then_some(index as usize);
                at.and_then(|at| items.get(at)).cloned().unwrap_or(Value::Null)
            }
            _ => Value::Null,
        }
    }

    /// The number that an operator takes the value for; nothing if it is unknown.
    fn to_number(&self) -> Option<f64> {
        Some(match self {
            Value::Unknown => return None,
            Value::Null => 0.0,
            Value::Bool(value) => f64::from(u8::from(*value)),
            Value::Number(value) => *value,
            Value::Text(text) => parse_number(text),
            Value::Array(_) | Value::Object(_) => f64::NAN,
        })
    }

    /// Whether any part of the value is unknown.
    fn is_partly_unknown(&self) -> bool {
        match self {
            Value::Unknown => true,
            Value::Array(items) => items.iter().any(Value::is_partly_unknown),
            Value::Object(entries) => entries.iter().any(|(_, value)| value.is_partly_unknown()),
            _ => false,
        }
    }

    fn from_json(value: &serde_json::Value) -> Value {
        match value {
            serde_json::Value::Null => Value::Null,
            serde_json::Value::Bool(value) => Value::Bool(*value),
            serde_json::Value::Number(number) => Value::Number(number.as_f64().unwrap_or(f64::NAN)),
            serde_json::Value::String(text) => Value::Text(text.clone()),
            serde_json::Value::Array(items) => Value::Array(items.iter().map(Value::from_json).collect()),
            serde_json::Value::Object(entries) => {
                Value::Object(entries.iter().map(|(key, value)| (key.clone(), Value::from_json(value))).collect())
            }
        }
    }

    /// The value as `toJSON` writes it, each level indented by two blanks.
    fn write_json(&self, depth: usize, out: &mut String) {
        let line = |out: &mut String, depth: usize| {
            out.push('\n');
            out.push_str(&"  ".repeat(depth));
        };
        let text = |text: &str| serde_json::Value::from(text).to_string();
        match self {
            Value::Unknown | Value::Null => out.push_str("null"),
            Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Value::Number(value) => out.push_str(&number_text(*value)),
            Value::Text(value) => out.push_str(&text(value)),
            Value::Array(items) if items.is_empty() => out.push_str("[]"),
            Value::Object(entries) if entries.is_empty() => out.push_str("{}"),
            Value::Array(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    out.push_str(if at > 0 { "," } else { "" });
                    line(out, depth + 1);
                    item.write_json(depth + 1, out);
                }
                line(out, depth);
                out.push(']');
            }
            Value::Object(entries) => {
                out.push('{');
                for (at, (key, value)) in entries.iter().enumerate() {
                    out.push_str(if at > 0 { "," } else { "" });
                    line(out, depth + 1);
                    out.push_str(&text(key));
                    out.push_str(": ");
                    value.write_json(depth + 1, out);
                }
                line(out, depth);
                out.push('}');
            }
        }
    }
}

impl From<&Literal> for Value {
    fn from(literal: &Literal) -> Value {
        match literal {
            Literal::Null => Value::Null,
            Literal::Bool(value) => Value::Bool(*value),
            Literal::Number(value) => Value::Number(*value),
            Literal::Text(text) => Value::Text(text.clone()),
        }
    }
}

impl Template {
    /// The value of the template: that of its only expression, or text.
    pub fn evaluate(&self, lookup: &Lookup<'_>) -> Value {
        if let Some(expr) = self.as_expression() {
            return evaluate(expr, lookup);
        }
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Text(part) => text.push_str(part.as_str()),
                Part::Expression { expr, .. } => match evaluate(expr, lookup).to_text() {
                    Some(part) => text.push_str(&part),
                    None => return Value::Unknown,
                },
                Part::Broken(_) => return Value::Unknown,
            }
        }
        Value::Text(text)
    }
}

/// The value of an expression as far as `lookup` tells.
pub fn evaluate(expr: &Expr, lookup: &Lookup<'_>) -> Value {
    match &expr.kind {
        ExprKind::Literal(literal) => Value::from(literal),
        ExprKind::Context(_) | ExprKind::Property(..) => match expr.path() {
            Some(path) => look_up(&path, lookup),
            None => match &expr.kind {
                ExprKind::Property(inner, name) => property(&evaluate(inner, lookup), &name.node),
                _ => Value::Unknown,
            },
        },
        ExprKind::Index(inner, index) => {
            let index = evaluate(index, lookup);
            let Some(index) = index.to_text() else { return Value::Unknown };
            match inner.path() {
                Some(mut path) => {
                    path.push(&index);
                    look_up(&path, lookup)
                }
                None => property(&evaluate(inner, lookup), &index),
            }
        }
        ExprKind::Every(inner) => match evaluate(inner, lookup) {
            Value::Array(items) => Value::Array(items),
            Value::Object(entries) => Value::Array(entries.into_iter().map(|(_, value)| value).collect()),
            Value::Unknown => Value::Unknown,
            _ => Value::Array(Vec::new()),
        },
        ExprKind::Call(name, arguments) => call(&name.node, arguments, lookup),
        ExprKind::Not(inner) => truth(inner, lookup).map_or(Value::Unknown, |truth| Value::Bool(!truth)),
        ExprKind::Binary(Operator::And, left, right) => match truth(left, lookup) {
            Some(true) => evaluate(right, lookup),
            Some(false) => evaluate(left, lookup),
            None => Value::Unknown,
        },
        ExprKind::Binary(Operator::Or, left, right) => match truth(left, lookup) {
            Some(true) => evaluate(left, lookup),
            Some(false) => evaluate(right, lookup),
            None => Value::Unknown,
        },
        ExprKind::Binary(operator, left, right) => {
            compare(*operator, &evaluate(left, lookup), &evaluate(right, lookup)).map_or(Value::Unknown, Value::Bool)
        }
    }
}

/// Whether a condition holds, as far as `lookup` tells. It sees more than [`evaluate`]: something unknown `&& false` does
/// not hold, whatever it is worth.
pub fn truth(expr: &Expr, lookup: &Lookup<'_>) -> Option<bool> {
    match &expr.kind {
        ExprKind::Not(inner) => truth(inner, lookup).map(|truth| !truth),
        ExprKind::Binary(Operator::And, left, right) => match (truth(left, lookup), truth(right, lookup)) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        },
        ExprKind::Binary(Operator::Or, left, right) => match (truth(left, lookup), truth(right, lookup)) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (Some(false), Some(false)) => Some(false),
            _ => None,
        },
        ExprKind::Call(name, arguments) if name.node == "format" => {
            // A condition with text around `${{ }}` is never empty, whatever its parts are worth.
            let fixed = arguments.first().is_some_and(|format| match &format.kind {
                ExprKind::Literal(Literal::Text(text)) => has_fixed_text(text),
                _ => false,
            });
            if fixed { Some(true) } else { evaluate(expr, lookup).truth() }
        }
        _ => evaluate(expr, lookup).truth(),
    }
}

/// Whether a format holds anything but `{0}` and the like.
fn has_fixed_text(format: &str) -> bool {
    let mut rest = format;
    while let Some(inner) = rest.strip_prefix('{') {
        match inner.split_once('}') {
            Some((number, after)) if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) => rest = after,
            _ => return true,
        }
    }
    !rest.is_empty()
}

fn look_up(path: &[&str], lookup: &Lookup<'_>) -> Value {
    // What is known may be a whole object further up.
    for known in (1..=path.len()).rev() {
        let (head, tail) = path.split_at(known);
        if let Some(value) = lookup(head) {
            return tail.iter().fold(value, |value, name| property(&value, name));
        }
    }
    Value::Unknown
}

/// A property; of the elements of `array.*`, that of each that has it.
fn property(value: &Value, name: &str) -> Value {
    match value {
        Value::Array(items) if parse_number(name).is_nan() => {
            Value::Array(items.iter().map(|item| item.get(name)).filter(|value| *value != Value::Null).collect())
        }
        value => value.get(name),
    }
}

/// Compares as GitHub does: text without case, values of different types as numbers. Nothing if it is unknown.
pub(super) fn compare(operator: Operator, left: &Value, right: &Value) -> Option<bool> {
    if matches!(left, Value::Unknown) || matches!(right, Value::Unknown) {
        return None;
    }
    let order = match (left, right) {
        (Value::Text(left), Value::Text(right)) => Some(fold(left).cmp(&fold(right))),
        (Value::Null, Value::Null) => Some(Ordering::Equal),
        (Value::Array(_) | Value::Object(_), Value::Array(_) | Value::Object(_)) => {
            // They are equal only where they are one and the same, which values do not tell.
            return None;
        }
        _ => left.to_number()?.partial_cmp(&right.to_number()?),
    };
    Some(match operator {
        Operator::Equal => order == Some(Ordering::Equal),
        Operator::NotEqual => order != Some(Ordering::Equal),
        Operator::Less => order == Some(Ordering::Less),
        Operator::LessOrEqual => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        Operator::Greater => order == Some(Ordering::Greater),
        Operator::GreaterOrEqual => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        Operator::And | Operator::Or => return None,
    })
}

/// Text for a comparison that does not tell upper from lower case.
pub(super) fn fold(text: &str) -> String {
    text.to_uppercase()
}

fn call(name: &str, arguments: &[Expr], lookup: &Lookup<'_>) -> Value {
    match name {
        "always" => return Value::Bool(true),
        "success" | "failure" | "cancelled" => return lookup(&[&format!("{name}()")]).unwrap_or(Value::Unknown),
        "hashfiles" => return Value::Unknown,
        "case" => {
            let (cases, default) = arguments.split_at(arguments.len() - 1);
            for case in cases.chunks(2) {
                match (case, case.first().and_then(|condition| truth(condition, lookup))) {
                    ([_, value], Some(true)) => return evaluate(value, lookup),
                    (_, Some(false)) => {}
                    _ => return Value::Unknown,
                }
            }
            return default.first().map_or(Value::Unknown, |default| evaluate(default, lookup));
        }
        _ => {}
    }
    let values: Vec<Value> = arguments.iter().map(|argument| evaluate(argument, lookup)).collect();
    let known = |result: Option<Value>| result.unwrap_or(Value::Unknown);
    match (name, values.as_slice()) {
        ("contains", [Value::Array(items), item]) => {
            let found = items.iter().map(|other| compare(Operator::Equal, other, item));
            let found: Vec<Option<bool>> = found.collect();
            match (found.contains(&Some(true)), found.contains(&None)) {
                (true, _) => Value::Bool(true),
                (false, true) => Value::Unknown,
                (false, false) => Value::Bool(false),
            }
        }
        ("contains" | "startswith" | "endswith", [text, part]) => known((|| {
            let (text, part) = (text.to_text()?, part.to_text()?);
            let (text, part) = (fold(&text), fold(&part));
            Some(Value::Bool(match name {
                "contains" => text.contains(&part),
                "startswith" => text.starts_with(&part),
                _ => text.ends_with(&part),
            }))
        })()),
        ("format", [format, arguments @ ..]) => known(format_text(format, arguments)),
        ("join", [Value::Array(items), rest @ ..]) => known((|| {
            let separator = rest.first().map_or(Some(",".to_owned()), Value::to_text)?;
            let texts: Option<Vec<String>> = items.iter().map(Value::to_text).collect();
            Some(Value::Text(texts?.join(&separator)))
        })()),
        ("join", [value, ..]) => known(value.to_text().map(Value::Text)),
        ("tojson", [value]) if value.is_partly_unknown() => Value::Unknown,
        ("tojson", [value]) => {
            let mut text = String::new();
            value.write_json(0, &mut text);
            Value::Text(text)
        }
        ("fromjson", [value]) => known((|| {
            let json = serde_json::from_str(&value.to_text()?).ok()?;
            Some(Value::from_json(&json))
        })()),
        _ => Value::Unknown,
    }
}

/// `format('{0} {1}', …)`; `{{` and `}}` stand for braces.
fn format_text(format: &Value, arguments: &[Value]) -> Option<Value> {
    let format = format.to_text()?;
    let mut text = String::new();
    let mut rest = format.as_str();
    while let Some(at) = rest.find(['{', '}']) {
        text.push_str(&rest[..at]);
        let brace = &rest[at..];
        if let Some(after) = brace.strip_prefix("{{").or_else(|| brace.strip_prefix("}}")) {
            text.push_str(&brace[..1]);
            rest = after;
            continue;
        }
        let (number, after) = brace.strip_prefix('{')?.split_once('}')?;
        text.push_str(&arguments.get(number.parse::<usize>().ok()?)?.to_text()?);
        rest = after;
    }
    text.push_str(rest);
    Some(Value::Text(text))
}

/// The number that a text is taken for: nothing is 0, anything that is no number is not-a-number.
pub(super) fn parse_number(text: &str) -> f64 {
    let text = text.trim();
    let radix = |prefix: &str, radix| {
        let digits = text.strip_prefix(prefix)?;
        digits.bytes().all(|b| b.is_ascii_alphanumeric()).then_some(())?;
        i32::from_str_radix(digits, radix).ok().map(f64::from)
    };
    let plain = |text: &str| {
        let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
        unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.')
            && unsigned.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'))
    };
    match text {
        "" => 0.0,
        "Infinity" => f64::INFINITY,
        "-Infinity" => f64::NEG_INFINITY,
        _ => radix("0x", 16)
            .or_else(|| radix("0o", 8))
            .unwrap_or_else(|| if plain(text) { text.parse().unwrap_or(f64::NAN) } else { f64::NAN }),
    }
}

/// A number as GitHub writes it, with up to 15 digits.
pub(super) fn number_text(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    // 15 significant digits, as .NET's "G15".
    let scientific = format!("{value:.14e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let digits = digits.trim_end_matches('0');
    let sign = if value < 0.0 { "-" } else { "" };
    if (-5..15).contains(&exponent) {
        let point = exponent + 1;
        let text = if point <= 0 {
            format!("0.{}{digits}", "0".repeat(point.unsigned_abs() as usize))
        } else if digits.len() <= point as usize {
            format!("{digits}{}", "0".repeat(point as usize - digits.len()))
        } else {
            format!("{}.{}", &digits[..point as usize], &digits[point as usize..])
        };
        return format!("{sign}{text}");
    }
    let (first, rest) = digits.split_at(1.min(digits.len()));
    let point = if rest.is_empty() { "" } else { "." };
    format!("{sign}{first}{point}{rest}E{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
}
