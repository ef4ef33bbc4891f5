//! Functions on text and paths (go-cty `stdlib/string.go`, `stdlib/string_replace.go`, Bake `hclparser/stdlib.go`).

use super::grapheme::clusters;
use super::{Function, FunctionError, Outcome, parameter, text, whole};
use crate::bake::types::Type;
use crate::bake::value::{MAX_WEIGHT, Value};

pub(super) fn functions() -> Vec<Function> {
    let string = |name| parameter(name, Type::String);
    let str = || string("str");
    vec![
        Function::new("upper", [str()], |args| Ok(map_chars(text(args, 0), upper))),
        Function::new("lower", [str()], |args| Ok(map_chars(text(args, 0), lower))),
        Function::new("title", [str()], |args| Ok(title(text(args, 0)).into())),
        Function::new("reverse", [str()], |args| {
            let mut reversed: Vec<&str> = clusters(text(args, 0)).collect();
            reversed.reverse();
            Ok(reversed.concat().into())
        }),
        Function::new("strlen", [str()], |args| Ok(clusters(text(args, 0)).count().into())),
        Function::new(
            "substr",
            [str(), parameter("offset", Type::Number), parameter("length", Type::Number)],
            |args| Ok(substr(text(args, 0), whole(args, 1)?, whole(args, 2)?).into()),
        ),
        Function::new("join", [string("separator")], join).and_more(parameter("lists", Type::list(Type::String))),
        Function::new("sort", [parameter("list", Type::list(Type::String))], sort),
        Function::new("split", [string("separator"), str()], |args| Ok(split(text(args, 0), text(args, 1)))),
        Function::new("chomp", [str()], |args| Ok(text(args, 0).trim_end_matches(['\r', '\n']).into())),
        Function::new("indent", [parameter("spaces", Type::Number), str()], indent),
        Function::new("trimspace", [str()], |args| Ok(text(args, 0).trim().into())),
        Function::new("trim", [str(), string("cutset")], |args| {
            Ok(text(args, 0).trim_matches(|c| text(args, 1).contains(c)).into())
        }),
        Function::new("trimprefix", [str(), string("prefix")], |args| {
            let (text, prefix) = (text(args, 0), text(args, 1));
            Ok(text.strip_prefix(prefix).unwrap_or(text).into())
        }),
        Function::new("trimsuffix", [str(), string("suffix")], |args| {
            let (text, suffix) = (text(args, 0), text(args, 1));
            Ok(text.strip_suffix(suffix).unwrap_or(text).into())
        }),
        Function::new("replace", [str(), string("substr"), string("replace")], |args| {
            replace(text(args, 0), text(args, 1), text(args, 2))
        }),
        Function::new("sanitize", [string("name")], |args| {
            let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
            Ok(map_chars(text(args, 0), |c| if allowed(c) { c } else { '_' }))
        }),
        Function::new("basename", [string("path")], |args| Ok(basename(text(args, 0)).into())),
        Function::new("dirname", [string("path")], |args| Ok(dirname(text(args, 0)).into())),
    ]
}

fn map_chars(text: &str, map: impl Fn(char) -> char) -> Value {
    text.chars().map(map).collect::<String>().into()
}

/// The simple uppercase mapping, one character for one: `ß` stays, where full mapping would give `SS`.
fn upper(c: char) -> char {
    // These have a title case form of one character besides their upper case form of several.
    let with_iota = match c as u32 {
        n @ (0x1f80..=0x1f87 | 0x1f90..=0x1f97 | 0x1fa0..=0x1fa7) => Some(n + 8),
        n @ (0x1fb3 | 0x1fc3 | 0x1ff3) => Some(n + 9),
        _ => None,
    };
    if let Some(c) = with_iota.and_then(char::from_u32) {
        return c;
    }
    single(c, c.to_uppercase())
}

/// The simple lowercase mapping, one character for one.
fn lower(c: char) -> char {
    if c == 'İ' { 'i' } else { single(c, c.to_lowercase()) }
}

fn single(c: char, mut mapped: impl ExactSizeIterator<Item = char>) -> char {
    match mapped.len() {
        1 => mapped.next().unwrap_or(c),
        _ => c,
    }
}

/// The simple title case mapping: upper case but for the digraphs of Croatian and for Georgian.
fn title_case(c: char) -> char {
    match c {
        'Ǆ'..='ǆ' => 'ǅ',
        'Ǉ'..='ǉ' => 'ǈ',
        'Ǌ'..='ǌ' => 'ǋ',
        'Ǳ'..='ǳ' => 'ǲ',
        '\u{10d0}'..='\u{10fa}' | '\u{10fd}'..='\u{10ff}' => c,
        _ => upper(c),
    }
}

/// Puts the first letter of each word in title case. Only blanks and ASCII punctuation other than `_` end a word.
fn title(text: &str) -> String {
    let mut previous = ' ';
    let capitalize = |c| {
        let separator = match previous.is_ascii() {
            true => !previous.is_ascii_alphanumeric() && previous != '_',
            false => previous.is_whitespace(),
        };
        previous = c;
        if separator { title_case(c) } else { c }
    };
    text.chars().map(capitalize).collect()
}

/// `length` characters from `offset` on. A negative offset counts from the end, a negative length means the rest.
fn substr(text: &str, offset: i64, length: i64) -> &str {
    if offset >= 0 && length == 0 {
        return "";
    }
    let offset = match offset {
        0.. => offset,
        _ => offset.saturating_add(clusters(text).count() as i64),
    };
    let bytes = |text: &str, characters: i64| -> usize {
        let characters = usize::try_from(characters).unwrap_or(0);
        clusters(text).take(characters).map(str::len).sum()
    };
    let rest = &text[bytes(text, offset)..];
    // A length of zero together with a negative offset means the rest too: go-cty counts past it.
    if length <= 0 { rest } else { &rest[..bytes(rest, length)] }
}

fn join(args: &[Value]) -> Outcome {
    let separator = text(args, 0);
    let lists = &args[1..];
    if lists.is_empty() {
        return Err(FunctionError::new("at least one list is required"));
    }
    let mut parts = Vec::new();
    for (list_index, list) in lists.iter().enumerate() {
        for (index, item) in list.items().into_iter().flatten().enumerate() {
            let Some(part) = item.as_shared_str() else {
                let number = list_index + 1;
                let of_list = if lists.len() > 1 { format!(" of list {number}") } else { String::new() };
                let message = format!("element {index}{of_list} is null; cannot concatenate null values");
                return Err(FunctionError::argument(number, message));
            };
            parts.push(part.clone());
        }
    }
    check_len(parts.len().saturating_mul(separator.len()))?;
    Ok(parts.join(separator).into())
}

fn sort(args: &[Value]) -> Outcome {
    let mut texts = Vec::new();
    for (index, item) in args[0].items().into_iter().flatten().enumerate() {
        let Some(text) = item.as_shared_str() else {
            let message = format!("given list element {index} is null; a null string cannot be sorted");
            return Err(FunctionError::new(message));
        };
        texts.push(text.clone());
    }
    texts.sort();
    Ok(Value::list_of_strings(texts))
}

/// The parts between separators; between all characters if the separator is empty.
fn split(separator: &str, text: &str) -> Value {
    match separator {
        "" => Value::list_of_strings(text.chars().map(String::from)),
        _ => Value::list_of_strings(text.split(separator)),
    }
}

fn indent(args: &[Value]) -> Outcome {
    let text = text(args, 1);
    let spaces = whole(args, 0)?;
    let spaces =
        usize::try_from(spaces).map_err(|_| FunctionError::new("the number of spaces must not be negative"))?;
    check_len(spaces.saturating_mul(1 + text.matches('\n').count()))?;
    Ok(text.replace('\n', &format!("\n{}", " ".repeat(spaces))).into())
}

fn replace(text: &str, from: &str, to: &str) -> Outcome {
    let matches = if from.is_empty() { text.len() + 1 } else { text.matches(from).count() };
    check_len(matches.saturating_mul(to.len()))?;
    Ok(text.replace(from, to).into())
}

/// Refuses to build a text longer than a value may be.
pub(super) fn check_len(len: usize) -> Result<(), FunctionError> {
    match len as u64 > MAX_WEIGHT {
        true => Err(FunctionError::new("the result is too large")),
        false => Ok(()),
    }
}

/// The last element of a path without trailing slashes (Go `path.Base`).
fn basename(path: &str) -> &str {
    if path.is_empty() {
        return ".";
    }
    match path.trim_end_matches('/') {
        "" => "/",
        trimmed => trimmed.rsplit('/').next().unwrap_or(trimmed),
    }
}

/// All but the last element of a path, cleaned (Go `path.Dir`).
fn dirname(path: &str) -> String {
    let directory = path.rfind('/').map_or("", |slash| &path[..=slash]);
    let rooted = directory.starts_with('/');
    let mut kept: Vec<&str> = Vec::new();
    for element in directory.split('/') {
        match element {
            "" | "." => {}
            ".." if kept.last().is_some_and(|last| *last != "..") => _ = kept.pop(),
            ".." if rooted => {}
            element => kept.push(element),
        }
    }
    match (rooted, kept.join("/")) {
        (true, kept) => format!("/{kept}"),
        (false, kept) if kept.is_empty() => ".".into(),
        (false, kept) => kept,
    }
}
