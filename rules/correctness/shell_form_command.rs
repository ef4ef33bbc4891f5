//! CMD or ENTRYPOINT is run through a shell.
//!
//! `CMD node server.js` runs `/bin/sh -c "node server.js"`. The shell is process 1 and does not pass signals on: SIGTERM from
//! `docker stop` never reaches the program, which is killed after ten seconds without a chance to finish its work. In the JSON
//! form the program itself is process 1. See <https://docs.docker.com/reference/build-checks/json-args-recommended/>.
//!
//! A command that needs a shell can say so: `CMD ["/bin/sh", "-c", "exec app --port $PORT"]`, with `exec` so that the shell gives
//! way. Not flagged: commands behind a `SHELL`, in the stage or in the one it stands on, because there the author chose a
//! shell. What the base image says is known for well-known images only.
//!
//! Behind `exec` the program does get the signals, so that is only noted.
//!
//! The fix splits the command into words. It is offered where no shell is needed for that, and it is unsafe, because a program may
//! rely on being run by one.
//!
//! ## Compared with hadolint
//!
//! DL3025 wants the JSON form for HEALTHCHECK too, where `|| exit 1` needs a shell and signals play no part, and behind a SHELL of the author's
//! choice: neither is flagged. hadolint's ignore comments do not silence this, because BuildKit warns all the same; `#
//! check=skip=JSONArgsRecommended` does.
//!
//! ## Examples
//!
//! ### In shell form
//!
//! ```dockerfile
//! FROM node:22
//! COPY . .
//! CMD node server.js --name "my server"
//! ```
//!
//! ```text
//! Dockerfile:3:5: warning[shell-form-command] CMD is run through a shell
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,3 +1,3 @@
//!  FROM node:22
//!  COPY . .
//! -CMD node server.js --name "my server"
//! +CMD ["node", "server.js", "--name", "my server"]
//! ```
//!
//! ### In JSON form
//!
//! ```dockerfile
//! FROM node:22
//! COPY . .
//! CMD ["node", "server.js"]
//! ```
//!
//! ### A shell of the author's choice
//!
//! ```dockerfile
//! FROM debian:12 AS base
//! SHELL ["/bin/bash", "-c"]
//! FROM base
//! ENTRYPOINT source env && exec app
//! ```
//!
//! ## Also tested
//!
//! ### The command needs a shell
//!
//! ```dockerfile
//! FROM alpine:3.21
//! ENTRYPOINT exec app --port $PORT
//! ```
//!
//! ```text
//! Dockerfile:2:12: info[shell-form-command] ENTRYPOINT is run through a shell
//! ```
//!
//! ### exec alone is what the JSON form does
//!
//! ```dockerfile
//! FROM alpine:3.21
//! ENTRYPOINT exec app
//! ```
//!
//! ```text
//! Dockerfile:2:12: info[shell-form-command] ENTRYPOINT is run through a shell
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,2 +1,2 @@
//!  FROM alpine:3.21
//! -ENTRYPOINT exec app
//! +ENTRYPOINT ["app"]
//! ```
//!
//! ### Nothing
//!
//! ```dockerfile
//! FROM alpine:3.21
//! CMD
//! ```
//!
//! ```text
//! Dockerfile:2:1: warning[shell-form-command] CMD is run through a shell
//! ```
//!
//! ### A trigger
//!
//! ```dockerfile
//! FROM alpine:3.21 AS base
//! ONBUILD CMD app
//! # check=skip=JSONArgsRecommended
//! FROM base
//! ```
//!
//! ```text
//! Dockerfile:4:6: warning[shell-form-command] CMD is run through a shell
//! ```
//!
//! ### Silenced for BuildKit
//!
//! ```dockerfile
//! FROM alpine:3.21
//! # check=skip=JSONArgsRecommended
//! CMD app
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta {
        id: "shell-form-command",
        fix: Some(Safety::Unsafe),
        also: &["buildkit:JSONArgsRecommended", "hadolint:DL3025"],
        ..Meta::DEFAULT
    };

    fn check(&self, project: &Project, found: &mut Findings) {
        for evaluation in project.evaluations() {
            let file = &project.dockerfiles[evaluation.dockerfile];
            for (stage, step) in evaluation.steps() {
                let keyword = step.keyword(&file.tree);
                let (Body::Cmd(command) | Body::Entrypoint(command)) = step.body(&file.tree) else { continue };
                let text = match command {
                    dockerfile::Command::Exec { .. } => continue,
                    dockerfile::Command::Shell(text) => Some(text),
                    dockerfile::Command::Empty => None,
                };
                if step.before.shell != Shell::Default {
                    continue;
                }
                let Some(instruction) = file.tree.instructions.get(step.instruction) else { continue };
                let token = text.map_or(instruction.word.span(), MappedText::span);
                let (span, heeds) = evaluation.place(file, stage, step, token);
                let is_complete = evaluation.stages[stage].complete;
                let diagnostic = found
                    .add(span, format!("{} is run through a shell", keyword.name()))
                    .heeds(heeds)
                    .confidence(if is_complete { Confidence::High } else { Confidence::Medium })
                    .help(
                        "a shell passes no signals on, so `docker stop` waits ten seconds and kills; use the JSON form",
                    );
                diagnostic.known_as("buildkit:JSONArgsRecommended");
                if step.is_own() {
                    diagnostic.known_as("hadolint:DL3025");
                }
                if text.is_some_and(|text| text.starts_with("exec ")) {
                    diagnostic
                        .severity(Severity::Info)
                        .help("`exec` makes the shell give way to the program; the JSON form needs no shell at all");
                }
                let json = text.filter(|text| text.is_verbatim()).and_then(|text| to_json(text));
                if let (Some(json), Some(text), true) = (json, text, step.is_own()) {
                    let edit = Edit::replace(text.span(), json);
                    diagnostic.fix(Fix::unsafe_("Use the JSON form", vec![edit]));
                }
            }
        }
    }
}

/// Words that only a shell can run.
const BUILTINS: &[&str] = &[
    ".", ":", "[", "alias", "case", "cd", "eval", "exit", "export", "for", "if", "read", "set", "shift", "source",
    "trap", "ulimit", "umask", "unset", "until", "wait", "while",
];

/// The JSON form of a command, if a shell does no more to it than split it into words.
fn to_json(command: &str) -> Option<String> {
    let words = words(command)?;
    let words = match words.split_first() {
        Some((first, rest)) if first == "exec" && !rest.is_empty() => rest,
        _ => &words,
    };
    let first = words.first()?;
    if BUILTINS.contains(&first.as_str()) || first.contains('=') || first.starts_with('-') {
        return None;
    }
    let quoted: Vec<String> = words.iter().map(|word| format!("\"{}\"", word.replace('"', "\\\""))).collect();
    Some(format!("[{}]", quoted.join(", ")))
}

/// The words of a command without anything that a shell replaces.
fn words(command: &str) -> Option<Vec<String>> {
    let mut words: Vec<String> = Vec::new();
    let mut open: Option<String> = None;
    let mut chars = command.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' => words.extend(open.take()),
            '\'' | '"' => loop {
                match chars.next()? {
                    '\\' | '$' | '`' => return None,
                    end if end == c => {
                        open.get_or_insert_default();
                        break;
                    }
                    inner => open.get_or_insert_default().push(inner),
                }
            },
            _ if c.is_control() || r"$`\|&;<>()*?[]{}~#!".contains(c) => return None,
            _ => open.get_or_insert_default().push(c),
        }
    }
    words.extend(open);
    Some(words)
}
