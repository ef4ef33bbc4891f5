//! A script calls apt, which is made for people.
//!
//! apt says so itself: "apt does not have a stable CLI interface. Use with caution in scripts." Its output, questions and defaults change from release to release; `apt-get`
//! and `apt-cache` are the stable ones, with the same words.
//!
//! The fix replaces the program's name. It is unsafe because apt removes downloaded packages after an install where apt-get may keep them.
//!
//! ## Examples
//!
//! ### apt in a script
//!
//! ```dockerfile
//! FROM ubuntu:24.04
//! RUN apt update && apt install -y curl && rm -rf /var/lib/apt/lists/*
//! ```
//!
//! ```text
//! Dockerfile:2:5: info[unstable-apt-cli] `apt` has no stable command line for scripts
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,2 +1,2 @@
//!  FROM ubuntu:24.04
//! -RUN apt update && apt install -y curl && rm -rf /var/lib/apt/lists/*
//! +RUN apt-get update && apt-get install -y curl && rm -rf /var/lib/apt/lists/*
//! ```
//!
//! ### apt-get
//!
//! ```dockerfile
//! FROM ubuntu:24.04
//! RUN apt-get update && apt-get install -y curl && rm -rf /var/lib/apt/lists/*
//! RUN apt-cache policy curl && apt-mark hold curl && echo apt
//! ```
//!
//! ## Also tested
//!
//! ### Other verbs
//!
//! ```dockerfile
//! FROM ubuntu:24.04
//! RUN true && \
//!     apt list --installed
//! RUN apt full-upgrade -y
//! RUN sudo /usr/bin/apt -y remove git
//! ```
//!
//! ```text
//! Dockerfile:2:1: info[unstable-apt-cli] `apt` has no stable command line for scripts
//! Dockerfile:4:5: info[unstable-apt-cli] `apt` has no stable command line for scripts
//! Dockerfile:5:10: info[unstable-apt-cli] `apt` has no stable command line for scripts
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -2,4 +2,4 @@
//!  RUN true && \
//!      apt list --installed
//!  RUN apt full-upgrade -y
//! -RUN sudo /usr/bin/apt -y remove git
//! +RUN sudo /usr/bin/apt-get -y remove git
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta {
        id: "unstable-apt-cli",
        severity: Severity::Info,
        fix: Some(Safety::Unsafe),
        also: &["hadolint:DL3027"],
        ..Meta::DEFAULT
    };

    fn check(&self, project: &Project, found: &mut Findings) {
        for run in project.all_runs() {
            let commands = project.commands(run);
            let apt: Vec<&CommandRef> =
                commands.iter().filter(|command| command.simple.name() == Some("apt")).collect();
            let Some(first) = apt.first().and_then(|command| command.simple.words.get(command.simple.command)) else {
                continue;
            };
            let dockerfile = &project.dockerfiles[run.dockerfile];
            let message = "`apt` has no stable command line for scripts";
            let diagnostic = found.add_at(dockerfile, run.instruction, first.span, "here", message);
            diagnostic.help("call apt-get, which takes the same words");
            let edits: Option<Vec<Edit>> = apt.iter().map(|command| edit(command)).collect();
            if let Some(edits) = edits {
                diagnostic.fix(Fix::unsafe_("Call apt-get", edits).rebuilds_once());
            }
        }
    }
}

/// The program's name replaced, when apt-get knows the verb.
fn edit(command: &CommandRef) -> Option<Edit> {
    const SAME: &[&str] = &[
        "install",
        "update",
        "upgrade",
        "remove",
        "purge",
        "autoremove",
        "clean",
        "autoclean",
        "build-dep",
        "source",
        "download",
        "reinstall",
    ];
    let known = command.simple.arguments().iter().any(|word| SAME.iter().any(|verb| word.is(verb)));
    let word = command.simple.words.get(command.simple.command).filter(|_| known)?;
    let name = word.span.range();
    let span = Span::new(word.span.file, name.end - "apt".len()..name.end);
    (word.as_plain()?.len() == name.len()).then(|| Edit::replace(span, "apt-get"))
}
