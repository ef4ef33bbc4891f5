//! One record of comma-separated values, as tonistiigi/go-csvvalue reads it.

use std::ops::Range;

/// A field with its place in the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Field {
    /// The text without quotes.
    pub text: String,
    /// Its bytes in the record, quotes included.
    pub range: Range<usize>,
}

/// The fields of a record.
///
/// # Errors
/// When the record is empty or a quote stands where none may.
pub(crate) fn fields(record: &str, separator: char) -> Result<Vec<Field>, String> {
    let record = record.strip_suffix('\n').map_or(record, |line| line.strip_suffix('\r').unwrap_or(line));
    if record.is_empty() {
        return Err("EOF".to_owned());
    }
    let error = |at: usize, what: &str| Err(format!("parse error on line 1, column {}: {what}", at + 1));
    let mut fields = Vec::new();
    let mut at = 0;
    loop {
        let rest = &record[at..];
        if !rest.starts_with('"') {
            let end = rest.find(separator).unwrap_or(rest.len());
            if let Some(quote) = rest[..end].find('"') {
                return error(at + quote, "bare \" in non-quoted-field");
            }
            fields.push(Field { text: rest[..end].to_owned(), range: at..at + end });
            if end == rest.len() {
                return Ok(fields);
            }
            at += end + separator.len_utf8();
            continue;
        }
        let start = at;
        let mut text = String::new();
        at += 1;
        loop {
            let Some(quote) = record[at..].find('"') else {
                return error(at, "extraneous or missing \" in quoted-field");
            };
            text.push_str(&record[at..at + quote]);
            at += quote + 1;
            match record[at..].chars().next() {
                Some('"') => {
                    text.push('"');
                    at += 1;
                }
                None => {
                    fields.push(Field { text, range: start..at });
                    return Ok(fields);
                }
                Some(next) if next == separator => {
                    fields.push(Field { text, range: start..at });
                    at += separator.len_utf8();
                    break;
                }
                Some(_) => return error(at - 1, "extraneous or missing \" in quoted-field"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_keep_blanks_and_lose_quotes() {
        let read = |record: &str| {
            fields(record, ',').map(|fields| fields.into_iter().map(|field| field.text).collect::<Vec<_>>().join("|"))
        };
        let cases = [
            ("a,b", Ok("a|b")),
            ("a, b,", Ok("a| b|")),
            ("\"a,b\",\"c\"\"d\"", Ok("a,b|c\"d")),
            ("a\n", Ok("a")),
            ("", Err("EOF")),
            ("\"a,b", Err("parse error on line 1, column 2: extraneous or missing \" in quoted-field")),
            ("\"a\"b", Err("parse error on line 1, column 3: extraneous or missing \" in quoted-field")),
            ("a\"b", Err("parse error on line 1, column 2: bare \" in non-quoted-field")),
        ];
        for (record, expected) in cases {
            assert_eq!(read(record).as_deref().map_err(String::as_str), expected, "{record}");
        }
    }
}
