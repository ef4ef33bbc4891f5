//! `format` and `formatlist` (go-cty `stdlib/format.go`, Go `fmt` and `math/big`).

use num_bigint::BigInt;

use super::grapheme::clusters;
use super::text::check_len;
use super::{Function, FunctionError, Outcome, json, parameter, text};
use crate::bake::convert::convert;
use crate::bake::number::{Notation, Number};
use crate::bake::types::Type;
use crate::bake::value::{Value, quoted};

pub(super) fn functions() -> Vec<Function> {
    let args = || parameter("args", Type::Any).or_null();
    vec![
        Function::new("format", [parameter("format", Type::String)], |args| {
            Ok(format(text(args, 0), &args[1..])?.into())
        })
        .and_more(args()),
        Function::new("formatlist", [parameter("format", Type::String)], format_list).and_more(args()),
    ]
}

/// The widest field and the longest fraction that are written.
const MAX_WIDTH: usize = 1_000_000;

/// One `%…` of a format.
struct Verb<'f> {
    raw: &'f str,
    offset: usize,
    /// From 1.
    argument: usize,
    mode: char,
    zero: bool,
    sharp: bool,
    plus: bool,
    minus: bool,
    space: bool,
    width: Option<usize>,
    precision: Option<usize>,
}

fn format_list(args: &[Value]) -> Outcome {
    let (format_text, args) = (text(args, 0), &args[1..]);
    let mut length: Option<(usize, usize)> = None;
    for (index, arg) in args.iter().enumerate() {
        let Some(own) = arg.items().map(|items| items.len()) else { continue };
        match length {
            None => length = Some((own, index)),
            Some((other, _)) if other == own => {}
            Some((other, chooser)) => {
                let (number, chooser) = (index + 1, chooser + 1);
                let message = format!(
                    "argument {number} has length {own}, which is inconsistent with argument {chooser} of length {other}"
                );
                return Err(FunctionError::argument(number, message));
            }
        }
    }
    let columns: Vec<Option<Vec<Value>>> = args.iter().map(|arg| Some(arg.items()?.collect())).collect();
    let mut texts = Vec::new();
    let mut len = 0usize;
    for iteration in 0..length.map_or(1, |(length, _)| length) {
        let row = args.iter().zip(&columns).map(|(arg, column)| match column {
            Some(items) => items[iteration].clone(),
            None => arg.clone(),
        });
        let text = format(format_text, &row.collect::<Vec<_>>()).map_err(|error| match args.is_empty() {
            true => error,
            false => FunctionError::new(format!("error on format iteration {iteration}: {error}")),
        })?;
        len = len.saturating_add(text.len());
        check_len(len)?;
        texts.push(text);
    }
    Ok(Value::list_of_strings(texts))
}

/// Writes the format with each verb replaced by an argument.
fn format(format: &str, args: &[Value]) -> Result<String, FunctionError> {
    let mut out = String::new();
    let mut next_argument = 1;
    let mut highest = 0;
    let mut at = 0;
    while let Some(percent) = format[at..].find('%') {
        out.push_str(&format[at..at + percent]);
        at += percent;
        if format[at + 1..].starts_with('%') {
            out.push('%');
            at += 2;
            continue;
        }
        let verb = scan(format, at, next_argument)?;
        at += verb.raw.len();
        highest = highest.max(verb.argument);
        write(&verb, args, &mut out)?;
        check_len(out.len())?;
        next_argument = verb.argument + 1;
    }
    out.push_str(&format[at..]);
    if highest < args.len() {
        let message = match highest {
            0 => "too many arguments; no verbs in format string".into(),
            _ => format!("too many arguments; only {highest} used by format string"),
        };
        return Err(FunctionError::argument(highest + 1, message));
    }
    Ok(out)
}

/// Reads the verb at `start`: flags, width, precision, argument index, letter.
fn scan(format: &str, start: usize, next_argument: usize) -> Result<Verb<'_>, FunctionError> {
    let bytes = format.as_bytes();
    let mut at = start + 1;
    let mut verb = Verb {
        raw: "",
        offset: start,
        argument: next_argument,
        mode: 'v',
        zero: false,
        sharp: false,
        plus: false,
        minus: false,
        space: false,
        width: None,
        precision: None,
    };
    loop {
        match bytes.get(at) {
            Some(b'0') => verb.zero = true,
            Some(b'#') => verb.sharp = true,
            Some(b'-') => verb.minus = true,
            Some(b'+') => verb.plus = true,
            Some(b' ') => verb.space = true,
            _ => break,
        }
        at += 1;
    }
    let number = |at: &mut usize| {
        let start = *at;
        *at += bytes[*at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        // A number too long for any use is as good as the largest one.
        format[start..*at].parse().unwrap_or(if *at > start { usize::MAX } else { 0 })
    };
    if let Some(b'1'..=b'9') = bytes.get(at) {
        verb.width = Some(number(&mut at));
    }
    if bytes.get(at) == Some(&b'.') {
        at += 1;
        verb.precision = Some(number(&mut at));
    }
    if bytes.get(at) == Some(&b'[') {
        at += 1;
        match bytes.get(at) {
            Some(b'1'..=b'9') => verb.argument = number(&mut at),
            _ => return Err(unexpected(format, at)),
        }
        match bytes.get(at) {
            Some(b']') => at += 1,
            _ => return Err(unexpected(format, at)),
        }
    }
    match bytes.get(at) {
        Some(letter) if letter.is_ascii_alphabetic() => {
            verb.mode = *letter as char;
            verb.raw = &format[start..=at];
            Ok(verb)
        }
        _ => Err(unexpected(format, at)),
    }
}

fn unexpected(format: &str, at: usize) -> FunctionError {
    FunctionError::new(match format[at..].chars().next() {
        Some(c) => format!("unrecognized format character {} at offset {at}", quoted_char(c)),
        None => format!("invalid format string starting at offset {at}"),
    })
}

/// A character in single quotes as Go's `%q` writes it.
fn quoted_char(c: char) -> String {
    match c {
        '\'' => "'\\''".into(),
        '"' => "'\"'".into(),
        _ => {
            let text = quoted(c.encode_utf8(&mut [0; 4]));
            format!("'{}'", &text[1..text.len() - 1])
        }
    }
}

fn write(verb: &Verb, args: &[Value], out: &mut String) -> Result<(), FunctionError> {
    let (raw, offset) = (quoted(verb.raw), verb.offset);
    let Some(arg) = args.get(verb.argument - 1) else {
        return Err(FunctionError::new(format!(
            "not enough arguments for {raw} at {offset}: need index {} but have {} total",
            verb.argument,
            args.len()
        )));
    };
    let unsupported =
        |cause: &dyn std::fmt::Display| FunctionError::new(format!("unsupported value for {raw} at {offset}: {cause}"));
    if verb.mode != 'v' && arg.is_null() {
        return Err(unsupported(&"null value cannot be formatted"));
    }
    if verb.width.max(verb.precision).is_some_and(|width| width > MAX_WIDTH) {
        return Err(unsupported(&"the width is too large"));
    }
    let converted = |ty: Type| convert(arg, &ty).map_err(|error| unsupported(&error));
    match verb.mode {
        'v' => {
            let plain = match (arg.as_str(), arg.as_number()) {
                (Some(text), _) if !verb.sharp => text.to_owned(),
                (_, Some(number)) if !verb.sharp => number.format(Notation::General, None),
                _ => json::encode(arg).map_err(|error| unsupported(&error))?,
            };
            out.push_str(&pad(verb, &plain));
        }
        't' => out.push_str(if converted(Type::Bool)?.as_bool() == Some(true) { "true" } else { "false" }),
        'b' | 'd' | 'o' | 'x' | 'X' => {
            let number = converted(Type::Number)?;
            let whole = number.as_number().filter(|number| number.is_integer()).and_then(Number::trunc);
            out.push_str(&integer(verb, &whole.ok_or_else(|| unsupported(&"an integer is required"))?));
        }
        'e' | 'E' | 'f' | 'g' | 'G' => {
            if let Some(number) = converted(Type::Number)?.as_number() {
                out.push_str(&float(verb, number));
            }
        }
        's' | 'q' => {
            let text = converted(Type::String)?;
            let text = text.as_str().unwrap_or_default();
            let text: String = match verb.precision {
                Some(characters @ 1..) => clusters(text).take(characters).collect(),
                _ => text.to_owned(),
            };
            match verb.mode {
                's' => out.push_str(&pad(verb, &text)),
                _ => {
                    let mut quoted = String::new();
                    json::write_text(&text, &mut quoted);
                    out.push_str(&pad(verb, &quoted));
                }
            }
        }
        mode => {
            let message = format!("unsupported format verb {} in {raw} at offset {offset}", quoted_char(mode));
            return Err(FunctionError::new(message));
        }
    }
    Ok(())
}

/// Fills text up to the width of the field, counted in characters; zeros are filled in even behind it.
fn pad(verb: &Verb, text: &str) -> String {
    let Some(width) = verb.width else { return text.to_owned() };
    let missing = width.saturating_sub(clusters(text).count());
    let fill = if verb.zero { "0" } else { " " }.repeat(missing);
    if verb.minus { format!("{text}{fill}") } else { format!("{fill}{text}") }
}

fn sign(verb: &Verb, negative: bool) -> &'static str {
    match (negative, verb.plus, verb.space) {
        (true, ..) => "-",
        (false, true, _) => "+",
        (false, false, true) => " ",
        (false, false, false) => "",
    }
}

/// An integer as Go's `big.Int` formats itself.
fn integer(verb: &Verb, value: &BigInt) -> String {
    let base = match verb.mode {
        'b' => 2,
        'o' => 8,
        'x' | 'X' => 16,
        _ => 10,
    };
    let mut digits = value.magnitude().to_str_radix(base);
    if verb.mode == 'X' {
        digits.make_ascii_uppercase();
    }
    let prefix = match verb.mode {
        'b' if verb.sharp => "0b",
        'o' if verb.sharp => "0",
        'x' if verb.sharp => "0x",
        'X' if verb.sharp => "0X",
        _ => "",
    };
    if verb.precision == Some(0) && digits == "0" {
        return String::new();
    }
    let mut zeros = verb.precision.unwrap_or(0).saturating_sub(digits.len());
    let sign = sign(verb, value.sign() == num_bigint::Sign::Minus);
    let missing = verb.width.unwrap_or(0).saturating_sub(sign.len() + prefix.len() + zeros + digits.len());
    let (mut left, mut right) = (0, 0);
    match (verb.minus, verb.zero && verb.precision.is_none()) {
        (true, _) => right = missing,
        (false, true) => zeros += missing,
        (false, false) => left = missing,
    }
    format!("{}{sign}{prefix}{}{digits}{}", " ".repeat(left), "0".repeat(zeros), " ".repeat(right))
}

/// A number as Go's `big.Float` formats itself.
fn float(verb: &Verb, number: &Number) -> String {
    let (notation, digits) = match verb.mode {
        'e' | 'E' => (Notation::Exponent, Some(verb.precision.unwrap_or(6))),
        'f' => (Notation::Plain, Some(verb.precision.unwrap_or(6))),
        _ => (Notation::General, verb.precision),
    };
    let mut text = number.absolute().format(notation, digits);
    if verb.mode.is_ascii_uppercase() {
        text = text.replace('e', "E");
    }
    let mut sign = sign(verb, number.is_negative());
    if let Some(infinity) = text.strip_prefix('+') {
        // An infinity always shows its sign.
        sign = if sign.is_empty() { "+" } else { sign };
        text = infinity.to_owned();
    }
    let missing = verb.width.unwrap_or(0).saturating_sub(sign.len() + text.len());
    match (verb.zero && !number.is_infinite(), verb.minus) {
        (true, _) => format!("{sign}{}{text}", "0".repeat(missing)),
        (false, true) => format!("{sign}{text}{}", " ".repeat(missing)),
        (false, false) => format!("{}{sign}{text}", " ".repeat(missing)),
    }
}
