//! `${VARIABLE:-default}` in compose files.
//!
//! Follows template/template.go and interpolation of compose-go, odd corners included: behind a name with a modifier
//! the sequence reaches up to the last closing brace of the line, then the first that balances counts.

use std::sync::Arc;

use super::Problem;
use super::data::{Data, Item};
use super::environment::Environment;
use crate::syntax::interpolation::{closing_brace, name_length};
use crate::syntax::text::{Piece, locate};

/// How deeply defaults may be nested in defaults.
const MAX_DEPTH: u32 = 50;

/// Text with variables replaced.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Replaced {
    pub text: String,
    /// The ranges of the template that gave the pieces of the text; the flag says whether they were copied.
    pub runs: Vec<(usize, std::ops::Range<usize>, bool)>,
    pub uses: Vec<Arc<str>>,
    pub dynamic: bool,
}

/// What a lookup finds: the text, and whether only a build knows it.
pub(super) type Lookup<'l> = &'l dyn Fn(&str) -> Option<(String, bool)>;

/// Replaces the variables in a text.
///
/// # Errors
/// When a sequence is malformed or a required variable is missing.
pub(super) fn substitute(template: &str, lookup: Lookup<'_>) -> Result<Replaced, String> {
    substitute_at(template, lookup, 0)
}

fn substitute_at(template: &str, lookup: Lookup<'_>, depth: u32) -> Result<Replaced, String> {
    if depth > MAX_DEPTH {
        return Err(format!("variables are nested more than {MAX_DEPTH} levels deep"));
    }
    let mut out = Replaced::default();
    let mut at = 0;
    while at < template.len() {
        let rest = &template[at..];
        let plain = rest.find('$').unwrap_or(rest.len());
        let copy = |out: &mut Replaced, len: usize| {
            out.runs.push((out.text.len(), at..at + len, true));
            out.text.push_str(&template[at..at + len]);
        };
        if plain > 0 {
            copy(&mut out, plain);
            at += plain;
            continue;
        }
        let len = match rest.as_bytes().get(1) {
            Some(b'$') => {
                out.runs.push((out.text.len(), at..at + 2, false));
                out.text.push('$');
                2
            }
            Some(b'{') => {
                let len = braced_len(rest).ok_or_else(|| invalid(template))?;
                let start = out.text.len();
                let value = replace_braced(&rest[..len], lookup, depth).map_err(|why| match why.is_empty() {
                    true => invalid(template),
                    false => why,
                })?;
                out.runs.push((start, at..at + len, false));
                out.text.push_str(&value.text);
                out.uses.extend(value.uses);
                out.dynamic |= value.dynamic;
                len
            }
            _ => match name_length(&rest[1..]) {
                0 => {
                    copy(&mut out, 1);
                    1
                }
                len => {
                    let (value, dynamic) = look_up(&rest[1..=len], lookup, &mut out.uses).unwrap_or_default();
                    out.runs.push((out.text.len(), at..at + 1 + len, false));
                    out.text.push_str(&value);
                    out.dynamic |= dynamic;
                    1 + len
                }
            },
        };
        at += len;
    }
    Ok(out)
}

fn invalid(template: &str) -> String {
    format!("invalid interpolation format, a $ may have to be escaped with another $: {template}")
}

fn look_up(name: &str, lookup: Lookup<'_>, uses: &mut Vec<Arc<str>>) -> Option<(String, bool)> {
    uses.push(name.into());
    lookup(name)
}

/// Length of the sequence that begins with `${`; none if it is malformed.
fn braced_len(text: &str) -> Option<usize> {
    let name = name_length(&text[2..]);
    if name == 0 {
        return None;
    }
    let rest = &text[2 + name..];
    let modifier = rest.strip_prefix(':').unwrap_or(rest);
    if modifier.starts_with(['-', '+', '?']) {
        let line = &modifier[1..modifier.find('\n').unwrap_or(modifier.len())];
        if let Some(end) = line.rfind('}') {
            return Some(text.len() - modifier.len() + 1 + end + 1);
        }
    }
    rest.starts_with('}').then_some(2 + name + 1)
}

/// The value of a sequence. An empty error means that it is malformed.
fn replace_braced(sequence: &str, lookup: Lookup<'_>, depth: u32) -> Result<Replaced, String> {
    // The modifier that occurs first in the whole sequence is the one that counts.
    let modifiers = [":?", "?", ":-", "-", ":+", "+"];
    let first = modifiers.iter().filter_map(|modifier| Some((sequence.find(modifier)?, *modifier)));
    let modifier = first.min_by_key(|(at, _)| *at).map(|(_, modifier)| modifier);
    let (sequence, rest) = match closing_brace(sequence) {
        Some(end) => sequence.split_at(end + 1),
        None => (sequence, ""),
    };
    if braced_len(sequence) != Some(sequence.len()) {
        return Err(String::new());
    }
    let inner = &sequence[2..sequence.len() - 1];
    let mut out = Replaced::default();
    let parts = modifier.and_then(|modifier| Some((modifier, inner.split_once(modifier)?)));
    let Some((modifier, (name, argument))) = parts else {
        let (value, dynamic) = look_up(inner, lookup, &mut out.uses).unwrap_or_default();
        out.text = value;
        out.dynamic = dynamic;
        return Ok(out);
    };
    let found = look_up(name, lookup, &mut out.uses);
    let (value, dynamic) = found.clone().unwrap_or_default();
    out.dynamic = dynamic;
    let counts = found.is_some() && (!modifier.starts_with(':') || !value.is_empty() || dynamic);
    let argument = || substitute_at(argument, lookup, depth + 1);
    let chosen = match modifier {
        ":-" | "-" if counts => None,
        ":-" | "-" => Some(argument()?),
        ":+" | "+" if counts => Some(argument()?),
        ":+" | "+" => None,
        _ if counts => None,
        _ => {
            let reason = argument()?.text;
            let reason = if reason.is_empty() { String::new() } else { format!(": {reason}") };
            return Err(format!("required variable {name} is missing a value{reason}"));
        }
    };
    match chosen {
        Some(chosen) => {
            out.text = chosen.text;
            out.uses.extend(chosen.uses);
            out.dynamic |= chosen.dynamic;
        }
        None => out.text = value,
    }
    let rest = substitute_at(rest, lookup, depth + 1)?;
    out.text.push_str(&rest.text);
    out.uses.extend(rest.uses);
    out.dynamic |= rest.dynamic;
    Ok(out)
}

/// Replaces the variables in all texts of a document. A text that cannot be read is unknown afterwards.
pub(super) fn interpolate(
    item: &mut Item,
    environment: &Environment,
    path: &mut Vec<String>,
    problems: &mut Vec<Problem>,
) {
    match &mut item.data {
        Data::Text(text) if text.contains('$') => {
            let replaced = match substitute(text, &|name| environment.get(name)) {
                Ok(replaced) => replaced,
                Err(why) => {
                    let message = format!("error while interpolating {}: {why}", path.join("."));
                    problems.push(Problem::at(item.span, message));
                    item.dynamic = true;
                    return;
                }
            };
            let mut pieces = Vec::new();
            for (at, range, copied) in replaced.runs {
                if let Some(span) = locate(&item.pieces, range) {
                    pieces.push(Piece { at: at as u32, span, verbatim: copied });
                }
            }
            item.pieces = pieces;
            item.uses = replaced.uses;
            item.dynamic = replaced.dynamic;
            item.data = Data::Text(replaced.text);
            problems.extend(cast(item, path).err());
        }
        Data::Text(_) => problems.extend(cast(item, path).err()),
        Data::List(items) => {
            path.push("[]".to_owned());
            items.iter_mut().for_each(|item| interpolate(item, environment, path, problems));
            path.pop();
        }
        Data::Map(map) => {
            for (key, field) in map {
                path.push(key.clone());
                interpolate(&mut field.item, environment, path, problems);
                path.pop();
            }
        }
        _ => {}
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Cast {
    Int,
    Float,
    Bool,
}

/// Attributes whose texts are read as another type at once. `*` stands for any step.
const CASTS: &[(&str, Cast)] = &[
    ("services.*.cpu_count", Cast::Int),
    ("services.*.cpu_percent", Cast::Float),
    ("services.*.cpu_period", Cast::Int),
    ("services.*.cpu_quota", Cast::Int),
    ("services.*.cpu_rt_period", Cast::Int),
    ("services.*.cpu_rt_runtime", Cast::Int),
    ("services.*.cpus", Cast::Float),
    ("services.*.cpu_shares", Cast::Int),
    ("services.*.init", Cast::Bool),
    ("services.*.depends_on.*.required", Cast::Bool),
    ("services.*.depends_on.*.restart", Cast::Bool),
    ("services.*.deploy.replicas", Cast::Int),
    ("services.*.healthcheck.retries", Cast::Int),
    ("services.*.healthcheck.disable", Cast::Bool),
    ("services.*.oom_kill_disable", Cast::Bool),
    ("services.*.oom_score_adj", Cast::Int),
    ("services.*.pids_limit", Cast::Int),
    ("services.*.ports.[].target", Cast::Int),
    ("services.*.privileged", Cast::Bool),
    ("services.*.read_only", Cast::Bool),
    ("services.*.scale", Cast::Int),
    ("services.*.stdin_open", Cast::Bool),
    ("services.*.tty", Cast::Bool),
    ("services.*.ulimits.*", Cast::Int),
    ("services.*.ulimits.*.hard", Cast::Int),
    ("services.*.ulimits.*.soft", Cast::Int),
    ("services.*.volumes.[].read_only", Cast::Bool),
    ("services.*.volumes.[].volume.nocopy", Cast::Bool),
    ("networks.*.external", Cast::Bool),
    ("networks.*.internal", Cast::Bool),
    ("networks.*.attachable", Cast::Bool),
    ("networks.*.enable_ipv4", Cast::Bool),
    ("networks.*.enable_ipv6", Cast::Bool),
    ("volumes.*.external", Cast::Bool),
    ("secrets.*.external", Cast::Bool),
    ("configs.*.external", Cast::Bool),
];

fn cast(item: &mut Item, path: &[String]) -> Result<(), Problem> {
    let Data::Text(text) = &item.data else { return Ok(()) };
    let matches = |pattern: &str| {
        let steps: Vec<&str> = pattern.split('.').collect();
        steps.len() == path.len() && steps.iter().zip(path).all(|(step, own)| *step == "*" || step == own)
    };
    let Some((_, cast)) = CASTS.iter().find(|(pattern, _)| matches(pattern)) else { return Ok(()) };
    let data = match cast {
        Cast::Int => text.parse().ok().map(Data::Int),
        Cast::Float => text.parse().ok().map(Data::Float),
        Cast::Bool => read_bool(text).map(Data::Bool),
    };
    match data {
        Some(data) => item.data = data,
        None if item.dynamic => {}
        None => {
            let path = path.join(".");
            let message = format!("error while interpolating {path}: failed to cast to expected type: \"{text}\"");
            return Err(item.problem(message));
        }
    }
    Ok(())
}

/// A bool in the words of YAML 1.1.
pub(super) fn read_bool(text: &str) -> Option<bool> {
    match text.to_lowercase().as_str() {
        "true" | "y" | "yes" | "on" => Some(true),
        "false" | "n" | "no" | "off" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forms_are_replaced() {
        let lookup = |name: &str| match name {
            "A" => Some(("a".to_owned(), false)),
            "E" => Some((String::new(), false)),
            _ => None,
        };
        let cases = [
            ("$A ${A} $$A $1 $", Ok("a a $A $1 $")),
            ("${A:-x}${E:-x}${U:-x}", Ok("axx")),
            ("${A-x}${E-x}${U-x}", Ok("ax")),
            ("${A:+x}${E:+x}${U:+x}", Ok("x")),
            ("${A+x}${E+x}${U+x}", Ok("xx")),
            ("${U:-${A:-y}z} end", Ok("az end")),
            ("${U:-{}}", Ok("{}")),
            ("${U:?gone $A}", Err("required variable U is missing a value: gone a")),
            ("${E?}", Ok("")),
            ("${U?}", Err("required variable U is missing a value")),
        ];
        for (template, expected) in cases {
            let found = substitute(template, &lookup).map(|replaced| replaced.text);
            assert_eq!(found.as_deref().map_err(String::as_str), expected, "{template}");
        }
        for template in ["${", "${}", "${1}", "${A", "${A!}", "${A:x}"] {
            assert!(substitute(template, &lookup).is_err(), "{template}");
        }
        assert!(substitute(&"${U:-".repeat(100_000), &lookup).is_err());
    }
}
