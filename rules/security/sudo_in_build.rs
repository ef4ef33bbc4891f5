//! A build step calls sudo.
//!
//! A step runs as the user that USER names, root unless told otherwise, so there is nothing that sudo could add. It has to be installed, its rules have to be written, and both stay in the image as a way for an
//! attacker to become root. Where a step needs other rights than those before it, USER says so.
//!
//! `sudo -u app` in a step of root gives rights away instead, which is only noted: `USER app` does the same.
//!
//! The fix takes sudo away where the file's own USER is root, or where it names none. It is unsafe because a base image may have set another user.
//!
//! ## Examples
//!
//! ### As root already
//!
//! ```dockerfile
//! FROM debian:12
//! RUN sudo apt-get update && sudo apt-get install -y curl
//! ```
//!
//! ```text
//! Dockerfile:2:5: warning[sudo-in-build] a build step calls sudo
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,2 +1,2 @@
//!  FROM debian:12
//! -RUN sudo apt-get update && sudo apt-get install -y curl
//! +RUN apt-get update && apt-get install -y curl
//! ```
//!
//! ### Steps of root before the user
//!
//! ```dockerfile
//! FROM debian:12
//! RUN apt-get update && apt-get install -y curl sudo
//! USER app
//! RUN make
//! ```
//!
//! ## Also tested
//!
//! ### Root becomes another user
//!
//! ```dockerfile
//! FROM debian:12
//! RUN cd /srv && sudo -u app make
//! RUN sudo -E --user=app make && sudo -Hu app make install
//! RUN sudo -u app make && sudo make install
//! ```
//!
//! ```text
//! Dockerfile:2:16: info[sudo-in-build] a build step calls sudo
//! Dockerfile:3:5: info[sudo-in-build] a build step calls sudo
//! Dockerfile:4:5: warning[sudo-in-build] a build step calls sudo
//! ```
//!
//! ### As another user, with options, on a later line
//!
//! ```dockerfile
//! FROM debian:12
//! RUN sudo -E -u root make
//! RUN set -e; \
//!     sudo make
//! USER app
//! RUN sudo make install
//! RUN ["sudo", "make"]
//! RUN echo sudo && apt-get install sudo
//! ```
//!
//! ```text
//! Dockerfile:2:5: warning[sudo-in-build] a build step calls sudo
//! Dockerfile:3:1: warning[sudo-in-build] a build step calls sudo
//! Dockerfile:6:5: warning[sudo-in-build] a build step calls sudo
//! Dockerfile:7:7: warning[sudo-in-build] a build step calls sudo
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,7 +1,7 @@
//!  FROM debian:12
//!  RUN sudo -E -u root make
//!  RUN set -e; \
//! -    sudo make
//! +    make
//!  USER app
//!  RUN sudo make install
//!  RUN ["sudo", "make"]
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta =
        Meta { id: "sudo-in-build", fix: Some(Safety::Unsafe), also: &["hadolint:DL3004"], ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for run in project.all_runs() {
            let dockerfile = &project.dockerfiles[run.dockerfile];
            let commands = project.commands(run);
            let calls: Vec<(Span, Option<Edit>)> =
                commands.iter().filter_map(|command| call(dockerfile, command)).collect();
            let Some((first, _)) = calls.first() else { continue };
            let diagnostic = found.add_at(dockerfile, run.instruction, *first, "here", "a build step calls sudo");
            let root = matches!(run.user.as_deref(), None | Some("root" | "0"));
            // Root that asks for another user gives rights away.
            let drops = root && commands.iter().all(gives_rights_away);
            if drops {
                diagnostic.severity(Severity::Info);
            }
            diagnostic.help(match root {
                true if drops => "a step runs as the user that USER names: with `USER` before it no sudo is needed",
                true => "the step runs as root already",
                false => "put the steps of root before the USER, or between `USER root` and that one",
            });
            let edits: Option<Vec<Edit>> = calls.iter().map(|(_, edit)| edit.clone()).collect();
            if let Some(edits) = edits.filter(|_| root && !run.exec) {
                diagnostic.fix(Fix::unsafe_("Take sudo away", edits).rebuilds_once());
            }
        }
    }
}

/// Whether sudo is told to become another user than root.
fn gives_rights_away(command: &CommandRef) -> bool {
    let mut words = command.simple.words.iter().map(|word| word.as_plain().unwrap_or_default());
    if !words.any(|word| word.rsplit('/').next() == Some("sudo")) {
        return true;
    }
    while let Some(option) = words.next().filter(|word| word.starts_with('-')) {
        let joined =
            option.strip_prefix("--user=").or_else(|| option.strip_prefix("-u").filter(|user| !user.is_empty()));
        if let Some(user) = joined {
            return user != "root";
        }
        if option == "--user" || !option.starts_with("--") && option.ends_with('u') {
            return words.next().is_some_and(|user| user != "root");
        }
    }
    false
}

/// The word `sudo` of a command, and an edit that takes it away if it has no options.
fn call(dockerfile: &Dockerfile, command: &CommandRef) -> Option<(Span, Option<Edit>)> {
    let simple = command.simple;
    let is_sudo = |at: &usize| {
        let text = simple.words.get(*at).and_then(|word| word.as_plain());
        text.is_some_and(|text| text.rsplit('/').next() == Some("sudo"))
    };
    let at = simple.wrappers.iter().copied().chain([simple.command]).find(is_sudo)?;
    let word = simple.words.get(at)?;
    let next = simple.words.get(at + 1).filter(|_| simple.wrappers.contains(&at) && at + 1 == simple.command);
    let edit = next.and_then(|next| {
        let gap = Span { start: word.span.end, ..next.span.before() };
        let blank = dockerfile.source.slice(gap).chars().all(|c| c == ' ' || c == '\t');
        blank.then(|| Edit::delete(word.span.cover(gap)))
    });
    Some((word.span, edit))
}
