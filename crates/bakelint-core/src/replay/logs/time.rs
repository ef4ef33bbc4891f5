//! RFC 3339 timestamps and unions of intervals.

/// Seconds since 1970 of `2026-11-23T13:04:15.975410284Z` (or with an offset `+02:00`); `None` for anything else.
///
/// Go prints its zero time as `0001-01-01T00:00:00Z`; BuildKit means "not yet" by it, so that is `None` too.
pub(super) fn parse_rfc3339(text: &str) -> Option<f64> {
    let bytes = text.as_bytes();
    let field = |from: usize, to: usize| -> Option<i64> {
        let digits = bytes.get(from..to)?;
        digits.iter().all(u8::is_ascii_digit).then(|| digits.iter().fold(0, |n, d| n * 10 + i64::from(d - b'0')))
    };
    let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if separators.iter().any(|(at, byte)| bytes.get(*at) != Some(byte)) {
        return None;
    }
    let (year, month, day) = (field(0, 4)?, field(5, 7)?, field(8, 10)?);
    let (hour, minute, second) = (field(11, 13)?, field(14, 16)?, field(17, 19)?);
    if year < 1970 || !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60
    {
        return None;
    }
    let rest = bytes.get(19..)?;
    let digits = rest.strip_prefix(b".").map_or(0, |f| f.iter().take_while(|b| b.is_ascii_digit()).count());
    let mut fraction = 0.0;
    if digits > 0 {
        // At most 18 digits fit the integer; more would be below the precision of the result anyway.
        let shown = digits.min(18);
        let value = rest[1..=shown].iter().fold(0_u64, |n, d| n * 10 + u64::from(d - b'0'));
        fraction = value as f64 / 10_f64.powi(shown as i32);
    }
    let zone = &rest[if digits > 0 { digits + 1 } else { 0 }..];
    let offset = match zone {
        b"Z" | b"z" => 0,
        [sign @ (b'+' | b'-'), a, b, b':', c, d] if [a, b, c, d].iter().all(|b| b.is_ascii_digit()) => {
            let two = |x: &u8, y: &u8| i64::from(x - b'0') * 10 + i64::from(y - b'0');
            let minutes = two(a, b) * 60 + two(c, d);
            if *sign == b'+' { minutes * 60 } else { -minutes * 60 }
        }
        _ => return None,
    };
    let seconds = days_from_civil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset;
    Some(seconds as f64 + fraction)
}

/// Days from 1970-01-01 to a date of the Gregorian calendar, by counting in 400-year eras that start in March.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Length of the union of intervals; sorts them on the way.
pub(super) fn union(spans: &mut [(f64, f64)]) -> f64 {
    spans.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut total = 0.0;
    let mut end = f64::NEG_INFINITY;
    for (from, to) in spans.iter() {
        total += (to - from.max(end)).max(0.0);
        end = end.max(*to);
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_seconds_since_1970() {
        let cases = [
            ("1970-01-01T00:00:00Z", Some(0.0)),
            ("2000-02-29T12:00:00Z", Some(951_825_600.0)),
            ("2026-11-23T13:04:15.5Z", Some(1_795_439_055.5)),
            ("2026-11-23T15:04:15.5+02:00", Some(1_795_439_055.5)),
            ("0001-01-01T00:00:00Z", None),
            ("2026-11-23 13:04:15Z", None),
            ("2026-13-23T13:04:15Z", None),
            ("2026-11-23T13:04:15", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_rfc3339(text), expected, "{text}");
        }
    }

    #[test]
    fn overlapping_intervals_count_once() {
        assert_eq!(union(&mut [(3.0, 4.0), (0.0, 2.0), (1.0, 2.5)]), 3.5);
        assert_eq!(union(&mut []), 0.0);
    }
}
