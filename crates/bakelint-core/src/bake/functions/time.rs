//! Functions on timestamps (go-cty `stdlib/datetime.go`, Go `time`, Bake `hclparser/stdlib.go`).

use super::text::check_len;
use super::{Function, FunctionEnv, FunctionError, Outcome, number, parameter, text};
use crate::bake::number::Number;
use crate::bake::types::Type;
use crate::bake::value::{Value, quoted};

pub(super) fn functions() -> Vec<Function> {
    vec![
        Function::impure("timestamp", [], |_, env: &dyn FunctionEnv| Ok(Time::utc(env.now()).rfc3339().into())),
        Function::new("timeadd", [parameter("timestamp", Type::String), parameter("duration", Type::String)], time_add),
        Function::new("formatdate", [parameter("format", Type::String), parameter("time", Type::String)], |args| {
            format_date(text(args, 0), text(args, 1))
        }),
        Function::new(
            "formattimestamp",
            [parameter("format", Type::String), parameter("time", Type::Any)],
            format_timestamp,
        ),
        Function::new("unixtimestampparse", [parameter("unix_timestamp", Type::Number)], unix_timestamp_parse),
    ]
}

const DAY: i128 = 86_400;

/// An instant with the offset that it is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Time {
    /// Seconds since 1970 UTC.
    seconds: i128,
    nanoseconds: i128,
    /// Seconds east of UTC.
    offset: i128,
}

/// An instant as a calendar and a clock show it.
struct Fields {
    year: i128,
    month: i128,
    day: i128,
    /// From 1.
    year_day: i128,
    /// From 0 for Sunday.
    weekday: i128,
    hour: i128,
    minute: i128,
    second: i128,
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

fn is_leap(year: i128) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in(month: i128, year: i128) -> i128 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a day of the proleptic Gregorian calendar, counted in years that begin in March.
fn days_from_civil(year: i128, month: i128, day: i128) -> i128 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + day_of_year - 719_468
}

impl Time {
    fn utc(seconds: i64) -> Time {
        Time { seconds: seconds.into(), nanoseconds: 0, offset: 0 }
    }

    fn fields(self) -> Fields {
        let local = self.seconds + self.offset;
        let (days, clock) = (local.div_euclid(DAY), local.rem_euclid(DAY));
        let shifted = days + 719_468;
        let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let march_month = (5 * day_of_year + 2) / 153;
        let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
        let year = year_of_era + era * 400 + i128::from(month <= 2);
        Fields {
            year,
            month,
            day: day_of_year - (153 * march_month + 2) / 5 + 1,
            year_day: days - days_from_civil(year, 1, 1) + 1,
            weekday: (days + 4).rem_euclid(7),
            hour: clock / 3600,
            minute: clock / 60 % 60,
            second: clock % 60,
        }
    }

    /// `2006-01-02T15:04:05Z07:00` without fractions.
    fn rfc3339(self) -> String {
        let Fields { year, month, day, hour, minute, second, .. } = self.fields();
        let sign = if year < 0 { "-" } else { "" };
        let year = year.unsigned_abs();
        let offset = self.zone(":", "Z");
        format!("{sign}{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{offset}")
    }

    /// The offset as `+07:00` with something else between the numbers, or `utc` if there is none.
    fn zone(self, separator: &str, utc: &str) -> String {
        if self.offset == 0 && !utc.is_empty() {
            return utc.to_owned();
        }
        let sign = if self.offset < 0 { '-' } else { '+' };
        let minutes = self.offset.abs() / 60;
        format!("{sign}{:02}{separator}{:02}", minutes / 60, minutes % 60)
    }
}

fn time_add(args: &[Value]) -> Outcome {
    let time = parse_timestamp(text(args, 0)).map_err(FunctionError::new)?;
    let duration = parse_duration(text(args, 1)).map_err(FunctionError::new)?;
    let nanoseconds = time.nanoseconds + i128::from(duration);
    let seconds = time.seconds + nanoseconds.div_euclid(1_000_000_000);
    Ok(Time { seconds, ..time }.rfc3339().into())
}

/// `formattimestamp` takes a timestamp or seconds since 1970, and the format `X` for such seconds.
fn format_timestamp(args: &[Value]) -> Outcome {
    let format = text(args, 0);
    if let Some(timestamp) = args[1].as_str() {
        return match (format, parse_lenient(timestamp)) {
            ("X", Ok(time)) => Ok(time.seconds.to_string().into()),
            ("X", Err(_)) => Err(FunctionError::argument(1, "timestamp string must be RFC3339")),
            _ => format_date(format, timestamp),
        };
    }
    if args[1].as_number().is_none() {
        return Err(FunctionError::argument(1, "must be a string timestamp or a unix timestamp number"));
    }
    let seconds = unix_timestamp(&number(args, 1)).map_err(|error| FunctionError::argument(1, error.message))?;
    match format {
        "X" => Ok(seconds.to_string().into()),
        _ => format_date(format, &Time::utc(seconds).rfc3339()),
    }
}

fn unix_timestamp(number: &Number) -> Result<i64, FunctionError> {
    number.to_i64().ok_or_else(|| FunctionError::new("unix timestamp must be an integer"))
}

fn unix_timestamp_parse(args: &[Value]) -> Outcome {
    let seconds = unix_timestamp(&number(args, 0)).map_err(|error| FunctionError::argument(0, error.message))?;
    let time = Time::utc(seconds);
    let fields = time.fields();
    let (iso_year, iso_week) = iso_week(&fields);
    // A year of 64-bit seconds has at most twelve digits.
    let integer = |value: i128| Value::from(value as i64);
    Ok(Value::object([
        ("year", integer(fields.year)),
        ("year_day", integer(fields.year_day)),
        ("day", integer(fields.day)),
        ("month", integer(fields.month)),
        ("month_name", MONTHS[fields.month as usize - 1].into()),
        ("weekday", integer(fields.weekday)),
        ("weekday_name", WEEKDAYS[fields.weekday as usize].into()),
        ("hour", integer(fields.hour)),
        ("minute", integer(fields.minute)),
        ("second", integer(fields.second)),
        ("rfc3339", time.rfc3339().into()),
        ("iso_year", integer(iso_year)),
        ("iso_week", integer(iso_week)),
    ]))
}

/// The ISO 8601 week and the year it belongs to: that of its Thursday.
fn iso_week(fields: &Fields) -> (i128, i128) {
    let monday_based = (fields.weekday + 6) % 7;
    let thursday = fields.year_day + 3 - monday_based;
    let length = |year: i128| if is_leap(year) { 366 } else { 365 };
    if thursday < 1 {
        let year = fields.year - 1;
        (year, (thursday + length(year) - 1) / 7 + 1)
    } else if thursday > length(fields.year) {
        (fields.year + 1, 1)
    } else {
        (fields.year, (thursday - 1) / 7 + 1)
    }
}

/// Writes a timestamp by a format of repeated letters, with literal text in single quotes.
fn format_date(format: &str, timestamp: &str) -> Outcome {
    let time = parse_timestamp(timestamp).map_err(|message| FunctionError::argument(1, message))?;
    let mut out = String::new();
    let mut rest = format;
    while let Some(first) = rest.chars().next() {
        let token = match first {
            '\'' => &rest[..quoted_len(rest)],
            c if c.is_ascii_alphabetic() => &rest[..rest.len() - rest.trim_start_matches(c).len()],
            _ => &rest[..rest.find(|c: char| c == '\'' || c.is_ascii_alphabetic()).unwrap_or(rest.len())],
        };
        rest = &rest[token.len()..];
        match first {
            '\'' if token.len() == 1 || !token.ends_with('\'') => {
                return Err(FunctionError::argument(0, "unterminated literal '"));
            }
            '\'' if token.len() == 2 => out.push('\''),
            '\'' => out.push_str(&token[1..token.len() - 1].replace("''", "'")),
            c if c.is_ascii_alphabetic() => {
                let verb = verb(&time, first, token.len()).map_err(|hint| {
                    FunctionError::argument(0, format!("invalid date format verb {}{hint}", quoted(token)))
                })?;
                out.push_str(&verb);
            }
            _ => out.push_str(token),
        }
        check_len(out.len())?;
    }
    Ok(out.into())
}

/// Bytes of the quoted literal that the text begins with; a doubled quote stands for one.
fn quoted_len(text: &str) -> usize {
    let bytes = text.as_bytes();
    if bytes.get(1) == Some(&b'\'') {
        return 2;
    }
    let mut at = 1;
    while at < bytes.len() {
        match (bytes[at], bytes.get(at + 1)) {
            (b'\'', Some(b'\'')) => at += 2,
            (b'\'', _) => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// One field of the time; an error tells what the letter must look like.
fn verb(time: &Time, letter: char, count: usize) -> Result<String, &'static str> {
    let fields = time.fields();
    let month = MONTHS[fields.month as usize - 1];
    let weekday = WEEKDAYS[fields.weekday as usize];
    let twelve = (fields.hour + 11) % 12 + 1;
    let halves = if letter == 'A' { ["AM", "PM"] } else { ["am", "pm"] };
    Ok(match (letter, count) {
        ('Y', 2) => format!("{:02}", fields.year % 100),
        ('Y', 4) => format!("{:04}", fields.year),
        ('Y', _) => return Err(": year must either be \"YY\" or \"YYYY\""),
        ('M', 1) => fields.month.to_string(),
        ('M', 2) => format!("{:02}", fields.month),
        ('M', 3) => month[..3].into(),
        ('M', 4) => month.into(),
        ('M', _) => return Err(": month must be \"M\", \"MM\", \"MMM\", or \"MMMM\""),
        ('D', 1) => fields.day.to_string(),
        ('D', 2) => format!("{:02}", fields.day),
        ('D', _) => return Err(": day of month must either be \"D\" or \"DD\""),
        ('E', 3) => weekday[..3].into(),
        ('E', 4) => weekday.into(),
        ('E', _) => return Err(": day of week must either be \"EEE\" or \"EEEE\""),
        ('h', 1) => fields.hour.to_string(),
        ('h', 2) => format!("{:02}", fields.hour),
        ('h', _) => return Err(": 24-hour must either be \"h\" or \"hh\""),
        ('H', 1) => twelve.to_string(),
        ('H', 2) => format!("{twelve:02}"),
        ('H', _) => return Err(": 12-hour must either be \"H\" or \"HH\""),
        ('A' | 'a', 2) => halves[usize::from(fields.hour >= 12)].into(),
        ('A', _) => return Err(": must be \"AA\""),
        ('a', _) => return Err(": must be \"aa\""),
        ('m', 1) => fields.minute.to_string(),
        ('m', 2) => format!("{:02}", fields.minute),
        ('m', _) => return Err(": minute must either be \"m\" or \"mm\""),
        ('s', 1) => fields.second.to_string(),
        ('s', 2) => format!("{:02}", fields.second),
        ('s', _) => return Err(": second must either be \"s\" or \"ss\""),
        ('Z', 1) => time.zone(":", "Z"),
        ('Z', 3) => time.zone("", "UTC"),
        ('Z', 4) => time.zone("", ""),
        ('Z', 5) => time.zone(":", ""),
        ('Z', _) => return Err(": timezone must be Z, ZZZZ, or ZZZZZ"),
        _ => return Err(""),
    })
}

/// A timestamp as RFC 3339 has it, read strictly; the error says what is wrong in go-cty's words.
fn parse_timestamp(text: &str) -> Result<Time, String> {
    const NOT_VALID: &str = "not a valid RFC3339 timestamp";
    let mistake = match (parse_lenient(text), strict_mistake(text)) {
        (Ok(time), None) => return Ok(time),
        (Ok(_), Some(mistake)) => mistake,
        (Err(mistake), _) => mistake,
    };
    let found = mistake.found;
    let what = match mistake.element {
        "" if found.is_empty() => return Err(format!("{NOT_VALID}: day out of range")),
        "2006" => "year",
        "01" => "month",
        "02" => "day of month",
        "15" => "hour",
        "04" => "minute",
        "05" => "second",
        "Z07:00" => "UTC offset",
        "T" => return Err(format!("{NOT_VALID}: missing required time introducer 'T'")),
        separator @ (":" | "-") if found.is_empty() => {
            return Err(format!("{NOT_VALID}: end of string where {} is expected", quoted(separator)));
        }
        separator @ (":" | "-") => {
            return Err(format!("{NOT_VALID}: found {} where {} is expected", quoted(found), quoted(separator)));
        }
        _ => "timestamp segment",
    };
    Err(match (what, found) {
        (_, "") => format!("{NOT_VALID}: end of string before {what}"),
        ("hour", found) if found.contains(':') => format!("{NOT_VALID}: hour must be between 0 and 23 inclusive"),
        ("hour" | "minute", found) if found.len() != 2 => format!("{NOT_VALID}: {what} must have exactly two digits"),
        _ => format!("{NOT_VALID}: cannot use {} as {what}", quoted(found)),
    })
}

/// Where reading a timestamp stops.
struct Mistake<'t> {
    /// The part of Go's layout `2006-01-02T15:04:05Z07:00` that was expected; empty for anything about the whole.
    element: &'static str,
    /// What was there instead.
    found: &'t str,
}

/// What RFC 3339 refuses in a timestamp that [`parse_lenient`] has read.
fn strict_mistake(text: &str) -> Option<Mistake<'_>> {
    let bytes = text.as_bytes();
    let mistake = |element, found| Some(Mistake { element, found });
    let two_digits = |at: usize| text.get(at..at + 2).and_then(|digits| digits.parse::<u32>().ok());
    if bytes.get(12) == Some(&b':') {
        return mistake("15", text.get(11..12).unwrap_or_default());
    }
    if bytes.get(19) == Some(&b',') {
        return mistake(".", ",");
    }
    let zone = text.len().saturating_sub(6);
    let offset_fits = || two_digits(zone + 1) < Some(24) && two_digits(zone + 4) < Some(60);
    if !text.ends_with('Z') && !offset_fits() {
        return mistake("Z07:00", text.get(zone..).unwrap_or_default());
    }
    None
}

/// Reads a timestamp as Go's `time.Parse` does, which lets some slips pass.
fn parse_lenient(text: &str) -> Result<Time, Mistake<'_>> {
    let mut reader = Fragments { rest: text };
    let year = match reader.rest.as_bytes() {
        [b'0'..=b'9', _, _, _, ..] => reader.rest.get(..4).and_then(|digits| digits.parse::<i128>().ok()),
        _ => None,
    };
    let year = year.ok_or(Mistake { element: "2006", found: text })?;
    reader.rest = &text[4..];
    reader.expect("-")?;
    let month = reader.number("01", true, 1..=12)?;
    reader.expect("-")?;
    let day = reader.number("02", true, 0..=99)?;
    reader.expect("T")?;
    let hour = reader.number("15", false, 0..=23)?;
    reader.expect(":")?;
    let minute = reader.number("04", true, 0..=59)?;
    reader.expect(":")?;
    let second = reader.number("05", true, 0..=59)?;
    let nanoseconds = reader.fraction();
    let offset = reader.zone()?;
    if !reader.rest.is_empty() {
        return Err(Mistake { element: "extra", found: reader.rest });
    }
    if day < 1 || day > days_in(month, year) {
        return Err(Mistake { element: "", found: "" });
    }
    let seconds = days_from_civil(year, month, day) * DAY + hour * 3600 + minute * 60 + second - offset;
    Ok(Time { seconds, nanoseconds, offset })
}

/// The rest of a timestamp.
struct Fragments<'t> {
    rest: &'t str,
}

impl<'t> Fragments<'t> {
    fn expect(&mut self, separator: &'static str) -> Result<(), Mistake<'t>> {
        self.rest = self.rest.strip_prefix(separator).ok_or(Mistake { element: separator, found: self.rest })?;
        Ok(())
    }

    /// A number of two digits, or of one unless that is refused.
    fn number(
        &mut self,
        element: &'static str,
        two: bool,
        range: std::ops::RangeInclusive<i128>,
    ) -> Result<i128, Mistake<'t>> {
        let len = self.rest.bytes().take(2).take_while(u8::is_ascii_digit).count();
        if len == 0 || two && len == 1 {
            return Err(Mistake { element, found: self.rest });
        }
        let (digits, rest) = self.rest.split_at(len);
        self.rest = rest;
        let value = digits.parse().unwrap_or(-1);
        if range.contains(&value) { Ok(value) } else { Err(Mistake { element, found: rest }) }
    }

    /// Nanoseconds behind a point or comma; digits beyond the ninth are dropped.
    fn fraction(&mut self) -> i128 {
        let Some(digits) = self.rest.strip_prefix(['.', ',']) else { return 0 };
        let len = digits.bytes().take_while(u8::is_ascii_digit).count();
        if len == 0 {
            return 0;
        }
        self.rest = &digits[len..];
        format!("{:0<9}", &digits[..len.min(9)]).parse().unwrap_or(0)
    }

    /// `Z` or an offset; hours up to 24 and minutes up to 60 are let through.
    fn zone(&mut self) -> Result<i128, Mistake<'t>> {
        if let Some(rest) = self.rest.strip_prefix('Z') {
            self.rest = rest;
            return Ok(0);
        }
        let found = self.rest;
        let mistake = Mistake { element: "Z07:00", found };
        let Some((offset, rest)) = found.split_at_checked(6).filter(|(offset, _)| offset.as_bytes()[3] == b':') else {
            return Err(mistake);
        };
        let two = |range: std::ops::Range<usize>| {
            let digits = offset.get(range).filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))?;
            digits.parse::<i128>().ok()
        };
        let (Some(hours), Some(minutes)) = (two(1..3), two(4..6)) else { return Err(mistake) };
        if hours > 24 || minutes > 60 {
            return Err(Mistake { element: "Z07:00", found: rest });
        }
        let seconds = (hours * 60 + minutes) * 60;
        self.rest = rest;
        match offset.as_bytes()[0] {
            b'+' => Ok(seconds),
            b'-' => Ok(-seconds),
            _ => Err(mistake),
        }
    }
}

/// Nanoseconds of a duration like `-1h2.5m` (Go `time.ParseDuration`).
fn parse_duration(text: &str) -> Result<i64, String> {
    let fail = |cause: &str| format!("time: {cause} {}", quoted_duration(text));
    let invalid = || fail("invalid duration");
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if unsigned == "0" {
        return Ok(0);
    }
    if unsigned.is_empty() {
        return Err(invalid());
    }
    const LIMIT: u64 = 1 << 63;
    let mut total = 0u64;
    let mut rest = unsigned;
    while !rest.is_empty() {
        let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
        let (whole, behind) = rest.split_at(digits(rest));
        let (fraction, behind) = match behind.strip_prefix('.') {
            Some(behind) => behind.split_at(digits(behind)),
            None => ("", behind),
        };
        if whole.is_empty() && fraction.is_empty() {
            return Err(invalid());
        }
        let whole = if whole.is_empty() { 0 } else { whole.parse::<u64>().map_err(|_| invalid())? };
        let unit_len = behind.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(behind.len());
        let (unit, behind) = behind.split_at(unit_len);
        let nanoseconds: u64 = match unit {
            "" => return Err(fail("missing unit in duration")),
            "ns" => 1,
            "us" | "µs" | "μs" => 1000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return Err(fail(&format!("unknown unit {} in duration", quoted_duration(unit)))),
        };
        if whole > LIMIT / nanoseconds {
            return Err(invalid());
        }
        let part = whole * nanoseconds + fraction_of(fraction, nanoseconds);
        total = total.checked_add(part).filter(|total| part <= LIMIT && *total <= LIMIT).ok_or_else(invalid)?;
        rest = behind;
    }
    match text.starts_with('-') {
        true => Ok((total as i64).wrapping_neg()),
        false => i64::try_from(total).map_err(|_| invalid()),
    }
}

/// A decimal fraction of a unit, computed with doubles as in Go; digits too many are dropped.
fn fraction_of(digits: &str, unit: u64) -> u64 {
    let (mut value, mut scale) = (0u64, 1f64);
    for digit in digits.bytes().map(|digit| u64::from(digit - b'0')) {
        if value > (i64::MAX as u64) / 10 || value * 10 + digit > 1 << 63 {
            break;
        }
        value = value * 10 + digit;
        scale *= 10.0;
    }
    if value == 0 { 0 } else { (value as f64 * (unit as f64 / scale)) as u64 }
}

/// Text in double quotes the way Go's `time` package shows it.
fn quoted_duration(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            ' '..='\x7f' => quoted.push(c),
            _ => quoted.extend(c.encode_utf8(&mut [0; 4]).bytes().map(|byte| format!("\\x{byte:02x}"))),
        }
    }
    quoted + "\""
}
