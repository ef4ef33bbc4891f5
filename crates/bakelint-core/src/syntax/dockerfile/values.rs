//! Values of flags and arguments, read as Go's standard library and Docker's packages read them.

/// Go's `strconv.ParseBool`.
pub(super) fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

/// Go's `strconv.ParseUint` with 32 bits: digits only, no sign.
pub(super) fn parse_uint(text: &str, radix: u32) -> Option<u64> {
    if text.starts_with('+') {
        return None;
    }
    u32::from_str_radix(text, radix).ok().map(u64::from)
}

/// `docker/go-units`' `RAMInBytes`: a number with an optional unit such as `k`, `MB` or `GiB`, all of them binary.
pub(super) fn ram_in_bytes(text: &str) -> Option<i64> {
    let last = text.rfind(|c: char| c.is_ascii_digit() || matches!(c, '.' | ' '))?;
    let (number, unit) =
        if text[last..].starts_with(' ') { (&text[..last], &text[last + 1..]) } else { text.split_at(last + 1) };
    let number = parse_float(number).filter(|number| *number >= 0.0)?;
    let unit = unit.to_lowercase();
    let factor = match unit.as_bytes() {
        [] | [b'b'] => 0,
        [prefix] | [prefix, b'b'] | [prefix, b'i', b'b'] => b"kmgtp".iter().position(|known| known == prefix)? + 1,
        _ => return None,
    };
    Some((number * 1024f64.powi(factor as i32)) as i64)
}

/// Go's `strconv.ParseFloat`, as far as sizes go: neither infinite nor spelled in words.
fn parse_float(text: &str) -> Option<f64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-'));
    text.parse().ok().filter(|number: &f64| plain && number.is_finite())
}

/// Go's `time.ParseDuration`, in nanoseconds: a sign, then numbers with the units `ns us µs ms s m h`; or `0`.
pub(super) fn parse_duration(text: &str) -> Option<i64> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let whole_len = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (whole, behind) = rest.split_at(whole_len);
        let (fraction, behind) = match behind.strip_prefix('.') {
            Some(behind) => behind.split_at(behind.bytes().take_while(u8::is_ascii_digit).count()),
            None => ("", behind),
        };
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let unit_len = behind.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(behind.len());
        let (unit, behind) = behind.split_at(unit_len);
        let unit: u64 = match unit {
            "ns" => 1,
            // Micro sign and the Greek letter are both taken.
            "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return None,
        };
        let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        let mut part = whole.checked_mul(unit)?;
        if !fraction.is_empty() {
            // Digits beyond the first eighteen are far below a nanosecond.
            let digits = &fraction[..fraction.len().min(18)];
            let value: f64 = digits.parse().ok()?;
            part = part.checked_add((value * (unit as f64 / 10f64.powi(digits.len() as i32))) as u64)?;
        }
        total = total.checked_add(part).filter(|total| *total <= 1 << 63)?;
        rest = behind;
    }
    if negative {
        return Some((total as i64).wrapping_neg());
    }
    i64::try_from(total).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_unit() {
        let cases = [
            ("1m30s", Some(90_000_000_000)),
            ("1.5h", Some(5_400_000_000_000)),
            (".5ms", Some(500_000)),
            ("-2s", Some(-2_000_000_000)),
            ("0", Some(0)),
            ("1µs", Some(1_000)),
            ("30", None),
            ("", None),
            ("1d", None),
            (".s", None),
            ("9999999999999h", None),
        ];
        for (text, value) in cases {
            assert_eq!(parse_duration(text), value, "{text}");
        }
    }

    #[test]
    fn sizes_are_binary() {
        let cases = [
            ("64m", Some(64 << 20)),
            ("1 GiB", Some(1 << 30)),
            ("10", Some(10)),
            ("10b", Some(10)),
            ("m", None),
            ("1x", None),
            ("1kbb", None),
            ("-1k", None),
        ];
        for (text, value) in cases {
            assert_eq!(ram_in_bytes(text), value, "{text}");
        }
    }
}
