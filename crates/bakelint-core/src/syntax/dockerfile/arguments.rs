//! Reading the arguments of instructions.
//!
//! The shapes of arguments follow BuildKit's `frontend/dockerfile/parser/line_parsers.go`, what is checked about them
//! `frontend/dockerfile/instructions/parse.go` and `bflag.go`.

use std::collections::HashMap;
use std::ops::Range;

use super::chars::{equal_fold, is_space_byte, lower};
use super::heredoc::{Heredoc, mark_name};
use super::instruction::{
    ArgPair, Body, Command, Copy, CopySource, Flag, From, Healthcheck, KEYWORD_NAMES, KeyValue, KeyValues, Keyword,
    Onbuild, Run,
};
use super::json::{Json, read_array};
use super::mount::{Device, Mount};
use super::values::parse_duration;
use super::words::{self, RawFlag, Split};
use crate::source::Span;
use crate::suggest::nearest;
use crate::syntax::SyntaxError;
use crate::syntax::mapped::MappedText;

/// Arguments after the parser's pass: the words, not yet checked.
pub(super) enum Shape {
    Nothing,
    Words(Vec<MappedText>),
    One(MappedText),
    Json(Span, Vec<MappedText>),
    Pairs(KeyValues),
    Health { kind: MappedText, command: Box<Shape> },
    Nested(Box<Node>),
}

/// An instruction after the parser's pass.
pub(super) struct Node {
    pub keyword: Keyword,
    pub word: MappedText,
    pub flags: Vec<RawFlag>,
    pub arguments: MappedText,
    pub shape: Shape,
}

/// The deepest nesting of `ONBUILD` that is read. One level is all that BuildKit accepts in the end.
const MAX_DEPTH: u32 = 16;

impl Node {
    /// Splits an instruction's text. With an error, the arguments are missing or only partly read.
    pub fn read(line: &MappedText, escape: char, depth: u32) -> (Node, Option<SyntaxError>) {
        let Split { keyword, flags, rest } = words::split_instruction(line, escape);
        let word = line.slice(keyword);
        let keyword = Keyword::parse(&word);
        let arguments = line.slice(rest);
        let (shape, error) = read_shape(keyword, &word, &arguments, escape, depth);
        (Node { keyword, word, flags, arguments, shape }, error)
    }

    /// Whether marks on the line are here-documents.
    pub fn takes_heredocs(&self) -> bool {
        let node = match &self.shape {
            Shape::Nested(inner) if self.keyword == Keyword::Onbuild => inner,
            _ => self,
        };
        matches!(node.keyword, Keyword::Add | Keyword::Copy | Keyword::Run) && !matches!(node.shape, Shape::Json(..))
    }
}

/// Reads arguments as the instruction's line parser does.
fn read_shape(
    keyword: Keyword,
    word: &MappedText,
    text: &MappedText,
    escape: char,
    depth: u32,
) -> (Shape, Option<SyntaxError>) {
    if text.is_empty() {
        return (Shape::Nothing, None);
    }
    let all = 0..text.len();
    match keyword {
        Keyword::From | Keyword::Expose => (Shape::Words(words::split_plain(text, all)), None),
        Keyword::Add | Keyword::Copy | Keyword::Volume => {
            read_json(text, all.clone()).unwrap_or_else(|| (Shape::Words(words::split_plain(text, all)), None))
        }
        Keyword::Run | Keyword::Cmd | Keyword::Entrypoint | Keyword::Shell => read_json_or_text(text, all),
        Keyword::User | Keyword::Workdir | Keyword::Stopsignal | Keyword::Maintainer => {
            (Shape::One(text.clone()), None)
        }
        Keyword::Arg => {
            let words = words::split_quoted(text, all, escape);
            (Shape::Words(words.into_iter().map(|word| text.slice(word)).collect()), None)
        }
        Keyword::Env | Keyword::Label => read_pairs(word, text, escape),
        Keyword::Healthcheck => read_healthcheck(text),
        Keyword::Onbuild if depth < MAX_DEPTH => {
            let (node, error) = Node::read(text, escape, depth + 1);
            (Shape::Nested(Box::new(node)), error)
        }
        Keyword::Onbuild => (Shape::One(text.clone()), None),
        Keyword::Unknown => (Shape::Nothing, None),
    }
}

/// `None` if the text is no JSON array.
fn read_json(text: &MappedText, range: Range<usize>) -> Option<(Shape, Option<SyntaxError>)> {
    match read_array(text, range.clone()) {
        Json::Plain => None,
        Json::Strings(strings) => Some((Shape::Json(text.span_of(range), strings), None)),
        Json::NotStrings(other) => {
            let error = SyntaxError::new("the JSON form takes strings only", text.span_of(other));
            Some((Shape::Nothing, Some(error)))
        }
    }
}

fn read_json_or_text(text: &MappedText, range: Range<usize>) -> (Shape, Option<SyntaxError>) {
    if range.is_empty() {
        return (Shape::Nothing, None);
    }
    read_json(text, range.clone()).unwrap_or_else(|| (Shape::One(text.slice(range)), None))
}

fn read_pairs(word: &MappedText, text: &MappedText, escape: char) -> (Shape, Option<SyntaxError>) {
    let all = 0..text.len();
    let words = words::split_quoted(text, all.clone(), escape);
    let Some(first) = words.first() else { return (Shape::Nothing, None) };
    if !text[first.clone()].contains('=') {
        let Some((key, value)) = words::split_once_plain(text, all) else {
            let mut error = SyntaxError::new(format!("`{word}` sets a name, but no value"), text.span());
            error.help = Some("write `name=value`".to_owned());
            return (Shape::Nothing, Some(error));
        };
        let pair = KeyValue { span: text.span(), key: text.slice(key), value: text.slice(value) };
        return (Shape::Pairs(KeyValues { pairs: vec![pair], legacy: true }), None);
    }
    let mut pairs = Vec::with_capacity(words.len());
    let mut fault = None;
    for word in words {
        let Some(equals) = text[word.clone()].find('=') else {
            fault.get_or_insert_with(|| {
                let message = format!("`{}` has no `=`", &text[word.clone()]);
                let mut error = SyntaxError::new(message, text.span_of(word.clone()));
                error.help = Some("write `name=value`, with quotes around a value that holds blanks".to_owned());
                error
            });
            continue;
        };
        let equals = word.start + equals;
        pairs.push(KeyValue {
            span: text.span_of(word.clone()),
            key: text.slice(word.start..equals),
            value: text.slice(equals + 1..word.end),
        });
    }
    (Shape::Pairs(KeyValues { pairs, legacy: false }), fault)
}

fn read_healthcheck(text: &MappedText) -> (Shape, Option<SyntaxError>) {
    // As with flags, BuildKit looks at bytes; a type that ends inside of a character is no type in any case.
    let bytes = text.as_bytes();
    let boundary = |mut at: usize| {
        while !text.is_char_boundary(at) {
            at += 1;
        }
        at
    };
    let end = bytes.iter().position(|byte| is_space_byte(*byte)).unwrap_or(bytes.len());
    let start = bytes[end..].iter().position(|byte| !is_space_byte(*byte)).map_or(bytes.len(), |len| end + len);
    let (command, error) = read_json_or_text(text, boundary(start)..text.len());
    (Shape::Health { kind: text.slice(0..boundary(end)), command: Box::new(command) }, error)
}

/// How often a flag may stand and what it takes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum FlagKind {
    Bool,
    One,
    Many,
}

type FlagTable = &'static [(&'static str, FlagKind)];

const NO_FLAGS: FlagTable = &[];
const FROM_FLAGS: FlagTable = &[("platform", FlagKind::One)];
const ADD_FLAGS: FlagTable = &[
    ("chown", FlagKind::One),
    ("chmod", FlagKind::One),
    ("link", FlagKind::Bool),
    ("keep-git-dir", FlagKind::Bool),
    ("checksum", FlagKind::One),
    ("unpack", FlagKind::Bool),
    ("exclude", FlagKind::Many),
];
const COPY_FLAGS: FlagTable = &[
    ("chown", FlagKind::One),
    ("from", FlagKind::One),
    ("chmod", FlagKind::One),
    ("link", FlagKind::Bool),
    ("exclude", FlagKind::Many),
    ("parents", FlagKind::Bool),
];
const RUN_FLAGS: FlagTable =
    &[("mount", FlagKind::Many), ("network", FlagKind::One), ("security", FlagKind::One), ("device", FlagKind::Many)];
const HEALTHCHECK_FLAGS: FlagTable = &[
    ("interval", FlagKind::One),
    ("timeout", FlagKind::One),
    ("start-period", FlagKind::One),
    ("start-interval", FlagKind::One),
    ("retries", FlagKind::One),
];

pub(super) fn read_flags(raw: Vec<RawFlag>) -> Vec<Flag> {
    raw.into_iter()
        .map(|RawFlag { text, span }| {
            let equals = text.find('=');
            Flag {
                span,
                name: text.slice(2.min(text.len())..equals.unwrap_or(text.len())),
                value: equals.map(|at| text.slice(at + 1..text.len())),
            }
        })
        .collect()
}

/// Follows `BFlags.Parse` in BuildKit's `frontend/dockerfile/instructions/bflag.go`.
fn check_flags(flags: &[Flag], known: FlagTable) -> Result<(), SyntaxError> {
    for (index, flag) in flags.iter().enumerate() {
        let name = flag.name.as_str();
        let Some((_, kind)) = known.iter().find(|(known, _)| *known == name) else {
            let mut error = SyntaxError::new(format!("there is no flag `--{name}` here"), flag.span);
            let names: Vec<_> = known.iter().map(|(name, _)| *name).collect();
            error.help = match nearest(name, names) {
                Some(near) => Some(format!("did you mean `--{near}`?")),
                None => Some("words before the arguments that begin with `--` are flags; `--` ends them".to_owned()),
            };
            return Err(error);
        };
        if *kind != FlagKind::Many && flags[..index].iter().any(|other| other.name == *name) {
            return Err(SyntaxError::new(format!("the flag `--{name}` stands here a second time"), flag.span));
        }
        let value = flag.value.as_deref();
        match kind {
            FlagKind::Bool if value == Some("") => {
                return Err(SyntaxError::new(format!("the flag `--{name}` has no value"), flag.span));
            }
            FlagKind::Bool if bool_value(flag).is_none() => {
                let message = format!("`--{name}` takes `true` or `false`");
                return Err(SyntaxError::new(message, flag.span));
            }
            FlagKind::One | FlagKind::Many if value.is_none() => {
                let mut error = SyntaxError::new(format!("the flag `--{name}` has no value"), flag.span);
                error.help = Some(format!("write `--{name}=value`"));
                return Err(error);
            }
            _ => {}
        }
    }
    Ok(())
}

fn bool_value(flag: &Flag) -> Option<bool> {
    let Some(value) = &flag.value else { return Some(true) };
    match lower(value).as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

fn flag_value(flags: &[Flag], name: &str) -> Option<MappedText> {
    flags.iter().rev().find(|flag| flag.name == *name)?.value.clone()
}

fn flag_values(flags: &[Flag], name: &str) -> Vec<MappedText> {
    flags.iter().filter(|flag| flag.name == *name).filter_map(|flag| flag.value.clone()).collect()
}

fn flag_bool(flags: &[Flag], name: &str) -> Option<bool> {
    bool_value(flags.iter().rev().find(|flag| flag.name == *name)?)
}

/// The arguments of an instruction, and what BuildKit refuses about them. It stops at the first fault of an instruction
/// and so does this; what is left is read as well as it can be.
pub(super) fn read_body(
    keyword: Keyword,
    word: &MappedText,
    shape: Shape,
    flags: &[Flag],
    heredocs: &[Heredoc],
) -> (Body, Result<(), SyntaxError>) {
    let name = keyword.name();
    let too_few = |what: &str| Err(SyntaxError::new(format!("{name} needs {what}"), word.span()));
    let exactly_one = |shape: Shape, table: Option<FlagTable>, body: fn(MappedText) -> Body| match shape {
        Shape::One(value) => (body(value), table.map_or(Ok(()), |table| check_flags(flags, table))),
        _ => (Body::Invalid, too_few("an argument")),
    };
    match keyword {
        Keyword::From => read_from(word, shape, flags),
        Keyword::Arg => read_arg(word, shape),
        Keyword::Env | Keyword::Label => {
            let flags_ok = check_flags(flags, NO_FLAGS);
            let body = if keyword == Keyword::Env { Body::Env } else { Body::Label };
            let Shape::Pairs(pairs) = shape else {
                return (Body::Invalid, flags_ok.and_then(|()| too_few("at least one `name=value`")));
            };
            let blank = pairs.pairs.iter().find(|pair| pair.key.is_empty());
            let blank =
                blank.map_or(Ok(()), |pair| Err(SyntaxError::new("the name before the `=` is missing", pair.span)));
            (body(pairs), flags_ok.and(blank))
        }
        Keyword::Run => read_run(shape, flags),
        Keyword::Copy | Keyword::Add => read_copy(keyword, word, shape, flags, heredocs),
        Keyword::Cmd => (Body::Cmd(read_command(shape)), check_flags(flags, NO_FLAGS)),
        Keyword::Entrypoint => (Body::Entrypoint(read_command(shape)), check_flags(flags, NO_FLAGS)),
        Keyword::Shell => {
            let flags_ok = check_flags(flags, NO_FLAGS);
            match shape {
                Shape::Json(_, words) if !words.is_empty() => (Body::Shell(words), flags_ok),
                Shape::One(text) => {
                    let mut error = SyntaxError::new("SHELL takes the JSON form only", text.span());
                    error.help = Some("write `SHELL [\"/bin/sh\", \"-c\"]`".to_owned());
                    (Body::Invalid, flags_ok.and(Err(error)))
                }
                _ => (Body::Invalid, flags_ok.and_then(|()| too_few("at least one argument"))),
            }
        }
        Keyword::Healthcheck => read_healthcheck_body(word, shape, flags),
        Keyword::Expose => match shape {
            Shape::Words(ports) => (Body::Expose(ports), check_flags(flags, NO_FLAGS)),
            _ => (Body::Invalid, too_few("at least one port")),
        },
        Keyword::Volume => {
            let words = match shape {
                Shape::Words(words) | Shape::Json(_, words) if !words.is_empty() => words,
                _ => return (Body::Invalid, too_few("at least one path")),
            };
            let volumes: Vec<_> = words.iter().map(MappedText::trimmed).collect();
            let blank = volumes.iter().find(|volume| volume.is_empty());
            let blank =
                blank.map_or(Ok(()), |path| Err(SyntaxError::new("a volume cannot be an empty text", path.span())));
            (Body::Volume(volumes), check_flags(flags, NO_FLAGS).and(blank))
        }
        Keyword::User => exactly_one(shape, Some(NO_FLAGS), Body::User),
        Keyword::Workdir => exactly_one(shape, Some(NO_FLAGS), Body::Workdir),
        Keyword::Maintainer => exactly_one(shape, Some(NO_FLAGS), Body::Maintainer),
        Keyword::Stopsignal => exactly_one(shape, None, Body::Stopsignal),
        Keyword::Onbuild => read_onbuild(word, shape, flags, heredocs),
        Keyword::Unknown => {
            let mut error = SyntaxError::new(format!("there is no instruction `{word}`"), word.span());
            error.help = nearest(word, KEYWORD_NAMES.iter().copied()).map(|near| format!("did you mean `{near}`?"));
            (Body::Invalid, Err(error))
        }
    }
}

fn read_command(shape: Shape) -> Command {
    match shape {
        Shape::One(text) => Command::Shell(text),
        Shape::Json(span, words) => Command::Exec { span, words },
        _ => Command::Empty,
    }
}

fn read_from(word: &MappedText, shape: Shape, flags: &[Flag]) -> (Body, Result<(), SyntaxError>) {
    let words = match shape {
        Shape::Words(words) => words,
        _ => Vec::new(),
    };
    let count = words.len();
    let end = words.last().map_or_else(|| word.span(), MappedText::span);
    let mut words = words.into_iter();
    let base = words.next().unwrap_or_else(|| MappedText::empty(word.file(), word.span().after().range().start));
    let as_word = words.next();
    let is_as = as_word.as_ref().is_some_and(|word| equal_fold(word, "as"));
    let name = words.next().filter(|_| is_as && count == 3);
    let checked = match (&as_word, &name) {
        (_, Some(name)) if !is_stage_name(&lower(name)) => {
            let mut error = SyntaxError::new(format!("`{name}` cannot be the name of a stage"), name.span());
            error.help = Some("names begin with a letter and hold letters, digits, `-`, `_` and `.`".to_owned());
            Err(error)
        }
        (_, Some(_)) => Ok(()),
        _ if count == 1 => Ok(()),
        (Some(as_word), _) if count == 3 => {
            Err(SyntaxError::new(format!("`AS` is expected here, not `{as_word}`"), as_word.span()))
        }
        (Some(extra), _) => {
            let mut error = SyntaxError::new("FROM takes one image, and a name behind `AS`", extra.span().cover(end));
            error.help = Some("write `FROM image` or `FROM image AS name`".to_owned());
            Err(error)
        }
        (None, _) => Err(SyntaxError::new("FROM needs an image", word.span())),
    };
    let checked = checked.and_then(|()| check_flags(flags, FROM_FLAGS));
    (Body::From(From { base, as_word, name }), checked)
}

/// `^[a-z][a-z0-9-_.]*$`
pub(super) fn is_stage_name(name: &str) -> bool {
    let rest = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'.');
    name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase()) && name.bytes().all(rest)
}

fn read_arg(word: &MappedText, shape: Shape) -> (Body, Result<(), SyntaxError>) {
    let words = match shape {
        Shape::Words(words) if !words.is_empty() => words,
        _ => return (Body::Invalid, Err(SyntaxError::new("ARG needs at least one name", word.span()))),
    };
    let mut checked = Ok(());
    let mut pairs = Vec::with_capacity(words.len());
    for word in words {
        let equals = word.find('=');
        if equals == Some(0) && checked.is_ok() {
            checked = Err(SyntaxError::new("the name before the `=` is missing", word.span()));
        }
        pairs.push(ArgPair {
            span: word.span(),
            name: word.slice(0..equals.unwrap_or(word.len())),
            value: equals.map(|at| word.slice(at + 1..word.len())),
        });
    }
    (Body::Arg(pairs), checked)
}

fn read_run(shape: Shape, flags: &[Flag]) -> (Body, Result<(), SyntaxError>) {
    let mut run = Run {
        command: read_command(shape),
        mounts: Vec::new(),
        devices: Vec::new(),
        network: flag_value(flags, "network"),
        security: flag_value(flags, "security"),
    };
    let mut checked = check_flags(flags, RUN_FLAGS);
    let mut note = |result: Result<(), SyntaxError>| {
        if checked.is_ok() {
            checked = result;
        }
    };
    for flag in flags.iter().filter(|flag| flag.name == "device") {
        let Some(value) = &flag.value else { continue };
        note(Device::read(flag.span, value).map(|device| run.devices.push(device)));
    }
    for flag in flags.iter().filter(|flag| flag.name == "mount") {
        let Some(value) = &flag.value else { continue };
        note(Mount::read(flag.span, value).map(|mount| run.mounts.push(mount)));
    }
    let one_of = |value: &Option<MappedText>, what: &str, names: &[&'static str]| match value {
        Some(value) if !names.contains(&value.as_str()) => {
            let mut error = SyntaxError::new(format!("`{value}` is no {what}"), value.span());
            error.help = Some(format!("use one of {}", names.join(", ")));
            Err(error)
        }
        _ => Ok(()),
    };
    note(one_of(&run.network, "network mode", &["default", "none", "host"]));
    note(one_of(&run.security, "security mode", &["sandbox", "insecure"]));
    (Body::Run(run), checked)
}

fn read_copy(
    keyword: Keyword,
    word: &MappedText,
    shape: Shape,
    flags: &[Flag],
    heredocs: &[Heredoc],
) -> (Body, Result<(), SyntaxError>) {
    let (json, mut words) = match shape {
        Shape::Words(words) => (None, words),
        Shape::Json(span, words) => (Some(span), words),
        _ => (None, Vec::new()),
    };
    let Some(destination) = words.pop().filter(|_| !words.is_empty()) else {
        let message = format!("{} needs at least one source and a destination", keyword.name());
        return (Body::Invalid, Err(SyntaxError::new(message, word.span())));
    };
    let is_add = keyword == Keyword::Add;
    let checked =
        check_flags(flags, if is_add { ADD_FLAGS } else { COPY_FLAGS }).and_then(|()| match mark_name(&destination) {
            Some(_) => Err(SyntaxError::new("a here-document cannot be the destination", destination.span())),
            None => Ok(()),
        });
    // Of several bodies with one name the last one counts for every mark.
    let bodies: HashMap<_, _> = heredocs.iter().enumerate().map(|(at, heredoc)| (heredoc.name.as_str(), at)).collect();
    let sources = words
        .into_iter()
        .map(|word| {
            let name = mark_name(&word);
            let heredoc = name.as_ref().and_then(|name| bodies.get(name.as_str()).copied());
            CopySource { word, heredoc, inline: name.is_some() }
        })
        .collect();
    let copy = Copy {
        sources,
        destination,
        json,
        from: flag_value(flags, "from").filter(|from| !is_add && !from.is_empty()),
        chown: flag_value(flags, "chown"),
        chmod: flag_value(flags, "chmod"),
        link: flag_bool(flags, "link").unwrap_or(false),
        parents: !is_add && flag_bool(flags, "parents").unwrap_or(false),
        exclude: flag_values(flags, "exclude"),
        keep_git_dir: flag_bool(flags, "keep-git-dir").filter(|_| is_add),
        checksum: flag_value(flags, "checksum").filter(|_| is_add),
        unpack: flag_bool(flags, "unpack").filter(|_| is_add),
    };
    (if is_add { Body::Add(copy) } else { Body::Copy(copy) }, checked)
}

/// The shortest time that BuildKit takes, besides 0: a millisecond.
const MIN_DURATION: i64 = 1_000_000;

fn read_healthcheck_body(word: &MappedText, shape: Shape, flags: &[Flag]) -> (Body, Result<(), SyntaxError>) {
    let Shape::Health { kind, command } = shape else {
        return (Body::Invalid, Err(SyntaxError::new("HEALTHCHECK needs `CMD` or `NONE`", word.span())));
    };
    let command = read_command(*command);
    // BuildKit compares in upper case, as Go has it.
    match kind.to_uppercase().as_str() {
        "NONE" => {
            let extra = match &command {
                Command::Shell(text) => Some(text.span()),
                Command::Exec { span, words } if !words.is_empty() => Some(*span),
                _ => None,
            };
            let checked =
                extra.map_or(Ok(()), |span| Err(SyntaxError::new("HEALTHCHECK NONE takes no arguments", span)));
            return (Body::Healthcheck(Healthcheck::None), checked);
        }
        "CMD" => {}
        _ => {
            let checked = check_flags(flags, HEALTHCHECK_FLAGS).and_then(|()| {
                let mut error = SyntaxError::new(format!("`{kind}` is no type of health check"), kind.span());
                error.help = Some("write `HEALTHCHECK CMD command` or `HEALTHCHECK NONE`".to_owned());
                Err(error)
            });
            return (Body::Invalid, checked);
        }
    }
    let mut checked = check_flags(flags, HEALTHCHECK_FLAGS);
    let is_missing = match &command {
        Command::Shell(_) => false,
        Command::Exec { words, .. } => words.is_empty(),
        Command::Empty => true,
    };
    if is_missing && checked.is_ok() {
        checked = Err(SyntaxError::new("the command of the health check is missing", kind.span()));
    }
    let mut duration = |name: &str| {
        let Some(value) = flag_value(flags, name).filter(|value| !value.is_empty()) else { return 0 };
        let fault = |message: String, help: &str| {
            let mut error = SyntaxError::new(message, value.span());
            error.help = Some(help.to_owned());
            Err(error)
        };
        let read = match parse_duration(&value) {
            None => fault(format!("`{value}` is no duration"), "write a number with a unit, such as `30s` or `1m30s`"),
            Some(time) if time != 0 && time < MIN_DURATION => {
                fault(format!("`{value}` is too short"), "the shortest time is `1ms`; `0s` stands for the default")
            }
            Some(time) => Ok(time),
        };
        match read {
            Ok(time) => time,
            Err(error) => {
                if checked.is_ok() {
                    checked = Err(error);
                }
                0
            }
        }
    };
    let (interval, timeout) = (duration("interval"), duration("timeout"));
    let (start_period, start_interval) = (duration("start-period"), duration("start-interval"));
    let mut retries = 0;
    if let Some(value) = flag_value(flags, "retries").filter(|value| !value.is_empty()) {
        match value.parse::<i32>() {
            Ok(number) if number >= 0 => retries = number,
            _ if checked.is_ok() => {
                checked = Err(SyntaxError::new(format!("`{value}` is no number of retries"), value.span()));
            }
            _ => {}
        }
    }
    (Body::Healthcheck(Healthcheck::Cmd { command, interval, timeout, start_period, start_interval, retries }), checked)
}

fn read_onbuild(
    word: &MappedText,
    shape: Shape,
    flags: &[Flag],
    heredocs: &[Heredoc],
) -> (Body, Result<(), SyntaxError>) {
    let flags_ok = check_flags(flags, NO_FLAGS);
    let node = match shape {
        Shape::Nested(node) => *node,
        // Nested too deeply: every level but the first is refused anyway.
        Shape::One(text) => {
            return (Body::Invalid, flags_ok.and(Err(SyntaxError::new("ONBUILD cannot trigger ONBUILD", text.span()))));
        }
        _ => {
            return (Body::Invalid, Err(SyntaxError::new("ONBUILD needs an instruction", word.span())));
        }
    };
    let allowed = match node.keyword {
        Keyword::Onbuild | Keyword::From | Keyword::Maintainer => {
            let message = format!("ONBUILD cannot trigger {}", node.keyword.name());
            Err(SyntaxError::new(message, node.word.span()))
        }
        _ => Ok(()),
    };
    let flags = read_flags(node.flags);
    let (body, error) = read_body(node.keyword, &node.word, node.shape, &flags, heredocs);
    let onbuild = Onbuild { keyword: node.keyword, word: node.word, flags, body, error: error.err() };
    (Body::Onbuild(Box::new(onbuild)), flags_ok.and(allowed))
}
