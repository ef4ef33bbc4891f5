//! Holds the Dockerfile parser against recorded answers of BuildKit's own parser.
//!
//! The cases are directories with a `Dockerfile`, BuildKit's reading in `expected_buildkit.json`, and settings in
//! `case.json`. They live in `shared/conformance` of a folder above the workspace, or where `BAKELINT_CONFORMANCE` points.

use std::fs;
use std::path::{Path, PathBuf};

use bakelint_core::source::{FileId, LineIndex, Source};
use bakelint_core::syntax::dockerfile::{
    Body, Command, CopySource, Dockerfile, Flag, Healthcheck, Instruction, Keyword, Onbuild, Phase, parse,
    search_directive,
};
use bakelint_core::syntax::mapped::MappedText;
use serde_json::{Value, json};

fn cases() -> Option<PathBuf> {
    let given = std::env::var_os("BAKELINT_CONFORMANCE").map(|root| PathBuf::from(root).join("dockerfile/cases"));
    let beside = || {
        let folders = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
        folders.map(|folder| folder.join("shared/conformance/dockerfile/cases")).find(|cases| cases.is_dir())
    };
    let cases = given.or_else(beside);
    if cases.is_none() {
        println!("skipped: no folder above this one has shared/conformance/dockerfile/cases");
    }
    cases
}

/// The arguments as BuildKit's parser lists them.
fn arguments(body: &Body, rest: &MappedText) -> Vec<String> {
    let texts = |words: &[MappedText]| words.iter().map(ToString::to_string).collect();
    let command = |command: &Command| match command {
        Command::Shell(text) => vec![text.to_string()],
        Command::Exec { words, .. } => texts(words),
        Command::Empty => Vec::new(),
    };
    match body {
        Body::From(from) => {
            let words = [Some(&from.base), from.as_word.as_ref(), from.name.as_ref()];
            words.into_iter().flatten().map(ToString::to_string).collect()
        }
        Body::Arg(pairs) => {
            let pair = |name: &MappedText, value: &Option<MappedText>| match value {
                Some(value) => format!("{name}={value}"),
                None => name.to_string(),
            };
            pairs.iter().map(|arg| pair(&arg.name, &arg.value)).collect()
        }
        Body::Env(set) | Body::Label(set) => {
            let separator = if set.legacy { "" } else { "=" };
            let triple =
                |key: &MappedText, value: &MappedText| [key.to_string(), value.to_string(), separator.to_owned()];
            set.pairs.iter().flat_map(|pair| triple(&pair.key, &pair.value)).collect()
        }
        Body::Run(run) => command(&run.command),
        Body::Copy(copy) | Body::Add(copy) => {
            let sources = copy.sources.iter().map(|CopySource { word, .. }| word.to_string());
            sources.chain([copy.destination.to_string()]).collect()
        }
        Body::Cmd(line) | Body::Entrypoint(line) => command(line),
        Body::Shell(words) | Body::Expose(words) | Body::Volume(words) => texts(words),
        Body::Healthcheck(check) => {
            let kind = rest.split_whitespace().next().unwrap_or_default().to_owned();
            let line = match check {
                Healthcheck::None => Vec::new(),
                Healthcheck::Cmd { command: line, .. } => command(line),
            };
            [vec![kind], line].concat()
        }
        Body::User(text) | Body::Workdir(text) | Body::Stopsignal(text) | Body::Maintainer(text) => {
            vec![text.to_string()]
        }
        Body::Onbuild(_) | Body::Invalid => Vec::new(),
    }
}

fn is_json(body: &Body) -> bool {
    match body {
        Body::Run(run) => matches!(run.command, Command::Exec { .. }),
        Body::Cmd(command) | Body::Entrypoint(command) | Body::Healthcheck(Healthcheck::Cmd { command, .. }) => {
            matches!(command, Command::Exec { .. })
        }
        Body::Copy(copy) | Body::Add(copy) => copy.json.is_some(),
        Body::Shell(_) => true,
        _ => false,
    }
}

fn flags(flags: &[Flag]) -> Vec<String> {
    let text = |flag: &Flag| match &flag.value {
        Some(value) => format!("--{}={value}", flag.name),
        None => format!("--{}", flag.name),
    };
    flags.iter().map(text).collect()
}

/// An instruction in the shape of the recorded answers. Volumes are left out of the JSON comparison: both forms mean
/// the same.
fn instruction(file: &Dockerfile, found: &Instruction) -> Value {
    let mut out = json!({
        "keyword": found.word.as_str(),
        "start": found.lines.0,
        "end": found.lines.1,
        "flags": flags(&found.flags),
        "args": arguments(&found.body, &found.arguments),
        "json": is_json(&found.body),
    });
    let comments = &file.comments[found.comments.clone()];
    if !comments.is_empty() {
        out["prev_comment"] = comments.iter().map(|comment| comment.text.as_str()).collect();
    }
    if !found.heredocs.is_empty() {
        let heredocs = found.heredocs.iter().map(|heredoc| {
            json!({
                "name": heredoc.name,
                "fd": heredoc.descriptor,
                "expand": heredoc.expand,
                "chomp": heredoc.chomp,
                "content": heredoc.body.as_str(),
            })
        });
        out["heredocs"] = heredocs.collect();
    }
    if let Body::Onbuild(trigger) = &found.body {
        let Onbuild { word, flags: trigger_flags, body, .. } = &**trigger;
        out["trigger"] = json!({
            "keyword": word.as_str(),
            "flags": flags(trigger_flags),
            "args": arguments(body, &found.arguments),
            "json": is_json(body),
        });
    }
    // The recorded answers show bytes that are no UTF-8 as replacement characters.
    let text = out.to_string().replace("\\u001a", "\u{fffd}");
    serde_json::from_str(&text).expect("JSON")
}

fn stage(file: &Dockerfile, index: usize) -> Value {
    let stage = &file.stages[index];
    let from = &file.instructions[stage.from];
    json!({
        "index": index,
        "name": stage.name.as_deref().unwrap_or_default(),
        "base": stage.base.as_str(),
        "platform": stage.platform.as_ref().map_or("", |platform| platform.as_str()),
        "start": from.lines.0,
        "end": from.lines.1,
        "keyword": from.word.as_str(),
        "commands": stage.instructions.clone().map(|at| file.instructions[at].lines.0).collect::<Vec<_>>(),
    })
}

fn read_json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).expect("a case file")).expect("JSON")
}

#[test]
fn buildkit_reads_the_same_instructions_and_stages() {
    let Some(cases) = cases() else { return };
    let mut failures = Vec::new();
    let mut count = 0;
    let mut directories: Vec<_> =
        fs::read_dir(&cases).expect("cases").map(|entry| entry.expect("entry").path()).collect();
    directories.sort();
    for directory in directories {
        let expected = directory.join("expected_buildkit.json");
        if !expected.is_file() {
            continue;
        }
        count += 1;
        let name = directory.file_name().expect("a name").to_string_lossy().into_owned();
        let expected = read_json(&expected);
        let source = Source::new("Dockerfile", fs::read(directory.join("Dockerfile")).expect("a Dockerfile"));
        let file = parse(FileId(0), source.text());
        let mut fail = |what: String| failures.push(format!("{name}: {what}"));

        let error = &expected["parse_error"];
        let first = file.errors.first();
        match (error.is_null(), first) {
            (true, Some(first)) if first.phase != Phase::Stages => fail(format!("surplus {first:?}")),
            (true, _) => {}
            (false, None) => fail(format!("BuildKit says {error}")),
            (false, Some(first)) => {
                let phase = match error["phase"].as_str() {
                    Some("parse") => Phase::Parser,
                    _ => Phase::Instruction,
                };
                if first.phase != phase || u64::from(first.buildkit_line) != error["line"].as_u64().expect("a line") {
                    fail(format!("{first:?}, but BuildKit says {error}"));
                }
            }
        }

        // The parser's own errors leave nothing to compare but what came before them.
        let recorded = expected["parse"]["instructions"].as_array().expect("instructions");
        if error["phase"] != "parse" {
            let refused: Vec<_> = file.errors.iter().filter_map(|error| error.instruction).collect();
            for (at, want) in recorded.iter().enumerate() {
                let Some(found) = file.instructions.get(at) else {
                    fail(format!("instruction {at} is missing: {want}"));
                    break;
                };
                let mut got = instruction(&file, found);
                let mut want = want.clone();
                if found.keyword == Keyword::Volume {
                    got["json"] = want["json"].clone();
                }
                if refused.contains(&at) || found.keyword == Keyword::Onbuild {
                    for key in ["args", "json"] {
                        got[key] = want[key].clone();
                    }
                    if want["trigger"]["keyword"] == "FROB" {
                        want["trigger"]["args"] = json!([]);
                    }
                }
                if got != want {
                    fail(format!("instruction {at}\n  got  {got}\n  want {want}"));
                }
            }
            if recorded.len() != file.instructions.len() {
                fail(format!("{} instructions instead of {}", file.instructions.len(), recorded.len()));
            }
        }
        if error.is_null() {
            for (at, want) in expected["parse"]["stages"].as_array().expect("stages").iter().enumerate() {
                let mut want = want.clone();
                let starts =
                    want["commands"].as_array().expect("commands").iter().map(|command| command["start"].clone());
                want["commands"] = starts.collect();
                let got = if at < file.stages.len() { stage(&file, at) } else { Value::Null };
                if got != want {
                    fail(format!("stage {at}\n  got  {got}\n  want {want}"));
                }
            }
        }
        for want in expected["parse"]["directives"].as_array().into_iter().flatten() {
            let name = want["name"].as_str().expect("a name");
            let value = want["value"].as_str().expect("a value").split(' ').next();
            let found = search_directive(FileId(0), source.text(), name);
            let found = found.map(|found| (found.value.to_string(), u64::from(found.line)));
            if found.as_ref().map(|(value, line)| (Some(value.as_str()), Some(*line)))
                != Some((value, want["line"].as_u64()))
            {
                fail(format!("the directive {want} reads {found:?}"));
            }
        }
        check_lossless(&file, source.text(), &mut fail);
        for (end, _) in source.text().char_indices().take(2000) {
            parse(FileId(0), &source.text()[..end]);
        }
    }
    println!("{count} cases");
    assert!(count > 0, "no case was found in {}", cases.display());
    assert!(failures.is_empty(), "{} failures\n{}", failures.len(), failures.join("\n"));
}

/// What holds for every file: lines cover the text, instructions stand in order on their lines.
fn check_lossless(file: &Dockerfile, text: &str, fail: &mut impl FnMut(String)) {
    let mut at = 0;
    for line in &file.lines {
        if line.span.start != at {
            fail(format!("a gap before {:?}", line.span));
        }
        at = line.span.end;
    }
    if at as usize != text.len() {
        fail(format!("the lines end at {at} of {}", text.len()));
    }
    let lines = LineIndex::new(text.as_bytes());
    for instruction in &file.instructions {
        let (first, last) = instruction.lines;
        let start = lines.line_of(instruction.span.start as usize) as u32 + 1;
        let end = lines.line_of((instruction.full_span.end as usize).saturating_sub(1)) as u32 + 1;
        if (start, end) != (first, last) {
            fail(format!("lines {first} to {last}, but the span {:?} has {start} to {end}", instruction.span));
        }
        if !instruction.full_span.contains(instruction.span) {
            fail(format!("{:?} is not within {:?}", instruction.span, instruction.full_span));
        }
    }
}
