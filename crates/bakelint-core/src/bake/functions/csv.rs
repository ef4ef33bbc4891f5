//! Comma-separated values (go-cty `stdlib/csv.go`, Go `encoding/csv`).

use std::collections::HashSet;

use super::{Function, FunctionError, Outcome, parameter, text};
use crate::bake::types::Type;
use crate::bake::value::{Value, normalize, quoted};

pub(super) fn functions() -> Vec<Function> {
    vec![Function::new("csvdecode", [parameter("str", Type::String)], csv_decode)]
}

/// A list of objects, one per record behind the first, which names the attributes.
fn csv_decode(args: &[Value]) -> Outcome {
    let mut reader = Reader { rest: text(args, 0), line: 0, start: 0 };
    let header = reader.record()?.ok_or_else(|| FunctionError::new("missing header line"))?;
    let mut names = HashSet::new();
    if let Some(name) = header.iter().find(|name| !names.insert(*name)) {
        return Err(FunctionError::new(format!("duplicate column name {}", quoted(name))));
    }
    let mut rows = Vec::new();
    while let Some(record) = reader.record()? {
        if record.len() != header.len() {
            return Err(parse_error(reader.start, "wrong number of fields"));
        }
        rows.push(Value::object(header.iter().zip(record.iter().map(|field| Value::from(field.as_str())))));
    }
    let element = Type::object(header.iter().map(|name| (normalize(name), Type::String)));
    Value::list(&element, rows).ok_or_else(|| FunctionError::new("element types must all match"))
}

/// Reads records one after the other. Lines count from 1.
struct Reader<'t> {
    rest: &'t str,
    /// The line that was read last.
    line: usize,
    /// The line on which the last record began.
    start: usize,
}

impl<'t> Reader<'t> {
    /// The next line without its end, and whether it had one; none at the end of the text.
    fn line(&mut self) -> Option<(&'t str, bool)> {
        self.line += 1;
        if self.rest.is_empty() {
            return None;
        }
        let (line, rest, ended) = match self.rest.split_once('\n') {
            Some((line, rest)) => (line, rest, true),
            None => (self.rest, "", false),
        };
        self.rest = rest;
        Some((line.strip_suffix('\r').unwrap_or(line), ended))
    }

    /// The fields of the next record; empty lines are skipped, and a quoted field may span several lines.
    fn record(&mut self) -> Result<Option<Vec<String>>, FunctionError> {
        const QUOTE: &str = "extraneous or missing \" in quoted-field";
        let (mut line, mut ended) = loop {
            match self.line() {
                None => return Ok(None),
                Some(("", _)) => {}
                Some(line) => break line,
            }
        };
        self.start = self.line;
        let mut fields = Vec::new();
        loop {
            let Some(quoted) = line.strip_prefix('"') else {
                let (field, rest) = line.split_once(',').map_or((line, None), |(field, rest)| (field, Some(rest)));
                if field.contains('"') {
                    return Err(parse_error(self.line, "bare \" in non-quoted-field"));
                }
                fields.push(field.to_owned());
                match rest {
                    Some(rest) => line = rest,
                    None => return Ok(Some(fields)),
                }
                continue;
            };
            line = quoted;
            let mut field = String::new();
            loop {
                match line.split_once('"') {
                    Some((part, rest)) => {
                        field.push_str(part);
                        line = rest;
                        match line.as_bytes().first() {
                            Some(b'"') => {
                                field.push('"');
                                line = &line[1..];
                            }
                            Some(b',') => {
                                line = &line[1..];
                                break;
                            }
                            None => {
                                fields.push(field);
                                return Ok(Some(fields));
                            }
                            Some(_) => return Err(parse_error(self.line, QUOTE)),
                        }
                    }
                    None => {
                        field.push_str(line);
                        let last = self.line;
                        if ended {
                            field.push('\n');
                        }
                        match self.line() {
                            Some(next) => (line, ended) = next,
                            None => return Err(parse_error(last, QUOTE)),
                        }
                    }
                }
            }
            fields.push(field);
        }
    }
}

fn parse_error(line: usize, cause: &str) -> FunctionError {
    FunctionError::new(format!("CSV parse error on line {line}: {cause}"))
}
