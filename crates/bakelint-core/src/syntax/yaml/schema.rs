//! What type an unquoted scalar has.

/// A scalar under a schema.
#[derive(Debug, Clone, PartialEq)]
pub enum CoreValue {
    /// `null`, `~`, or nothing at all.
    Null,
    /// A truth value.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A date or time, as Go's YAML library recognises it; the text stays as it is written.
    Timestamp,
    /// Text.
    Text,
}

/// A number of YAML.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// A whole number.
    Int(i64),
    /// A whole number beyond `i64`.
    UInt(u64),
    /// Any other number; also infinities and not-a-number.
    Float(f64),
}

/// The type of an unquoted `text` in the core schema of YAML 1.2 (YAML 1.2.2, section 10.3.2). `yes` and `on` are text.
pub fn core(text: &str) -> CoreValue {
    if let Some(value) = word(text) {
        return value;
    }
    let (sign, digits) = sign(text);
    let radix = |prefix: &str, radix| {
        let digits = text.strip_prefix(prefix)?;
        digits.bytes().all(|b| b.is_ascii_alphanumeric()).then_some(())?;
        i64::from_str_radix(digits, radix).ok()
    };
    if let Some(int) = radix("0x", 16).or_else(|| radix("0o", 8)) {
        return CoreValue::Number(Number::Int(int));
    }
    if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
        return match text.parse() {
            Ok(int) => CoreValue::Number(Number::Int(int)),
            Err(_) if sign >= 0 && digits.parse::<u64>().is_ok() => number(digits.parse().map(Number::UInt)),
            Err(_) => number(text.parse().map(Number::Float)),
        };
    }
    if is_decimal_float(text) { number(text.parse().map(Number::Float)) } else { CoreValue::Text }
}

/// The type of an unquoted `text` in Go's `yaml/v4`, which Compose and buildx read with (its `resolver.go`): beside the
/// core schema's forms `017` is 15, `0b11` is 3, `_` may stand between digits, and dates are timestamps.
pub fn go(text: &str) -> CoreValue {
    if let Some(value) = word(text) {
        return value;
    }
    match text.as_bytes().first() {
        Some(b'.') => return if is_decimal_float(text) { float(text) } else { CoreValue::Text },
        Some(b'0'..=b'9' | b'+' | b'-') => {}
        _ => return CoreValue::Text,
    }
    if is_timestamp(text) {
        return CoreValue::Timestamp;
    }
    if matches!(text, "-0" | "-0.0") {
        return CoreValue::Number(Number::Float(-0.0));
    }
    let plain = text.replace('_', "");
    if let Some(int) = go_int(&plain) {
        return CoreValue::Number(int);
    }
    if is_decimal_float(&plain) { float(&plain) } else { CoreValue::Text }
}

/// A decimal number; one too large for a double is text, as in Go.
fn float(text: &str) -> CoreValue {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => CoreValue::Number(Number::Float(value)),
        _ => CoreValue::Text,
    }
}

fn number<E>(number: Result<Number, E>) -> CoreValue {
    number.map_or(CoreValue::Text, CoreValue::Number)
}

/// The words that both schemas know.
fn word(text: &str) -> Option<CoreValue> {
    Some(match text {
        "" | "~" | "null" | "Null" | "NULL" => CoreValue::Null,
        "true" | "True" | "TRUE" => CoreValue::Bool(true),
        "false" | "False" | "FALSE" => CoreValue::Bool(false),
        ".nan" | ".NaN" | ".NAN" => CoreValue::Number(Number::Float(f64::NAN)),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => CoreValue::Number(Number::Float(f64::INFINITY)),
        "-.inf" | "-.Inf" | "-.INF" => CoreValue::Number(Number::Float(f64::NEG_INFINITY)),
        _ => return None,
    })
}

fn sign(text: &str) -> (i8, &str) {
    match text.as_bytes().first() {
        Some(b'-') => (-1, &text[1..]),
        Some(b'+') => (1, &text[1..]),
        _ => (0, text),
    }
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_decimal_float(text: &str) -> bool {
    let (_, text) = sign(text);
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mantissa = digits(whole) && digits(fraction) && (!whole.is_empty() || !fraction.is_empty());
    mantissa && exponent.is_none_or(|exponent| !sign(exponent).1.is_empty() && digits(sign(exponent).1))
}

/// Go's `strconv.ParseInt(text, 0, 64)`, then `ParseUint`.
fn go_int(text: &str) -> Option<Number> {
    let (sign, unsigned) = sign(text);
    let prefixed = |prefixes: [&str; 2]| prefixes.into_iter().find_map(|prefix| unsigned.strip_prefix(prefix));
    let (radix, digits) = if let Some(digits) = prefixed(["0x", "0X"]) {
        (16, digits)
    } else if let Some(digits) = prefixed(["0b", "0B"]) {
        (2, digits)
    } else if let Some(digits) = prefixed(["0o", "0O"]) {
        (8, digits)
    } else if let Some(digits) = unsigned.strip_prefix('0').filter(|digits| !digits.is_empty()) {
        (8, digits)
    } else {
        (10, unsigned)
    };
    if digits.starts_with('+') {
        return None;
    }
    let magnitude = u64::from_str_radix(digits, radix).ok()?;
    if sign < 0 {
        return 0i64.checked_sub_unsigned(magnitude).map(Number::Int);
    }
    match i64::try_from(magnitude) {
        Ok(int) => Some(Number::Int(int)),
        Err(_) => (sign == 0).then_some(Number::UInt(magnitude)),
    }
}

/// The forms of date that `resolve.go` takes: `2006-1-2`, with a time behind a blank, or behind `T` or `t` with a zone.
fn is_timestamp(text: &str) -> bool {
    let bytes = text.as_bytes();
    let year = bytes.iter().take_while(|b| b.is_ascii_digit()).count();
    if year != 4 || bytes.get(4) != Some(&b'-') {
        return false;
    }
    let (year, rest) = (text[..4].parse().unwrap_or(0), &text[5..]);
    let Some((month, rest)) = take_number(rest, 1..=12) else { return false };
    let Some((day, rest)) = rest.strip_prefix('-').and_then(|rest| take_number(rest, 1..=31)) else { return false };
    if day > days_in(year, month) {
        return false;
    }
    match rest.as_bytes().first() {
        None => true,
        Some(b' ') => take_time(rest.trim_start_matches(' ')) == Some(""),
        Some(b'T' | b't') => take_time(&rest[1..]).is_some_and(is_zone),
        _ => false,
    }
}

fn days_in(year: u32, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// One or two digits of a value in `range`, and what follows.
fn take_number(text: &str, range: std::ops::RangeInclusive<u32>) -> Option<(u32, &str)> {
    let length = text.bytes().take(2).take_while(u8::is_ascii_digit).count();
    let value = text[..length].parse().ok()?;
    range.contains(&value).then_some((value, &text[length..]))
}

/// Hours, minutes, seconds and a fraction; returns what follows.
fn take_time(text: &str) -> Option<&str> {
    let (_, rest) = take_number(text, 0..=23)?;
    let (_, rest) = take_number(rest.strip_prefix(':')?, 0..=59)?;
    let (_, rest) = take_number(rest.strip_prefix(':')?, 0..=59)?;
    let Some(fraction) = rest.strip_prefix(['.', ',']) else { return Some(rest) };
    let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
    (digits > 0).then(|| &fraction[digits..])
}

/// `Z` or `±hh:mm`.
fn is_zone(text: &str) -> bool {
    match text.as_bytes() {
        [b'Z'] => true,
        [b'+' | b'-', hours @ .., b':', _, _] if hours.len() == 2 => {
            let (hours, minutes) = (take_number(&text[1..], 0..=24), take_number(&text[4..], 0..=59));
            hours.is_some_and(|(_, rest)| rest.starts_with(':')) && minutes.is_some_and(|(_, rest)| rest.is_empty())
        }
        _ => false,
    }
}
