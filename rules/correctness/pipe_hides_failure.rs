//! A pipe hides that a command before its end fails.
//!
//! The status of a pipe is that of its last command. When `curl` in `curl … | sh` gets no answer, `sh` has nothing to do and the step succeeds. The layer is cached, and
//! what breaks is a later step, or the image.
//!
//! `set -o pipefail` makes the pipe fail when any part of it does. bash, zsh, ksh and the ash of busybox (Alpine) know it; `/bin/sh` of Debian 12 and older
//! does not, there it takes `SHELL ["/bin/bash", "-o", "pipefail", "-c"]`, where bash is installed.
//!
//! Flagged are pipes that begin with a download, an install or a build. Where the end of the pipe fails by itself when it gets nothing or half of something, as `tar`, `gpg` and
//! `grep` do, only downloads are, as an info: the step stops, but not with the reason. All other pipes are hints of low confidence.
//!
//! Not flagged: scripts and shells that set the option, and pipes whose failure is dealt with by `||`. The fix is offered for shells that surely know the option, and is unsafe: a pipe that ends early
//! on purpose, as with `| head -1`, fails with it.
//!
//! ## Compared with hadolint
//!
//! DL4006 flags every pipe in a RUN without `pipefail`. Where the first command cannot fail in earnest, the option gains nothing, and where it
//! is cut short on purpose, as in `yes | apt-get install`, it breaks the step; such pipes are hints that `--pedantic` shows.
//!
//! ## Examples
//!
//! ### Nothing to run
//!
//! ```dockerfile
//! FROM debian:12
//! RUN curl -fsSL https://example.org/install.sh | sh
//! RUN curl -fsSL https://example.org/tool.tar.gz | tar xz -C /usr/local
//! ```
//!
//! ```text
//! Dockerfile:2:5: warning[pipe-hides-failure] a failure of `curl` goes unseen: the pipe ends as `sh` does
//! Dockerfile:3:5: info[pipe-hides-failure] a failure of `curl` goes unseen: the pipe ends as `tar` does
//! ```
//!
//! ### On Alpine
//!
//! ```dockerfile
//! FROM alpine:3.21
//! RUN wget -qO- https://example.org/install.sh | sh
//! ```
//!
//! ```text
//! Dockerfile:2:5: warning[pipe-hides-failure] a failure of `wget` goes unseen: the pipe ends as `sh` does
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,2 +1,2 @@
//!  FROM alpine:3.21
//! -RUN wget -qO- https://example.org/install.sh | sh
//! +RUN set -o pipefail && wget -qO- https://example.org/install.sh | sh
//! ```
//!
//! ### The pipe fails as a whole
//!
//! ```dockerfile
//! FROM debian:12
//! SHELL ["/bin/bash", "-o", "pipefail", "-c"]
//! RUN curl -fsSL https://example.org/tool.tar.gz | tar xz -C /usr/local
//! ```
//!
//! ## Also tested
//!
//! ### It is set in the script
//!
//! ```dockerfile
//! FROM alpine:3.21
//! RUN set -eo pipefail; wget -qO- https://example.org/x | sh
//! RUN set -o pipefail && wget -qO- https://example.org/x | sh
//! RUN bash -o pipefail -c 'curl https://example.org/x | sh'
//! RUN curl https://example.org/x | sh || exit 1
//! RUN <<EOF
//! #!/bin/bash -eo pipefail
//! curl https://example.org/x | sh
//! EOF
//! RUN echo "a | b" || true
//! SHELL ["powershell", "-Command"]
//! RUN Get-ChildItem | Select-Object Name
//! ```
//!
//! ### Text that is there
//!
//! ```dockerfile
//! FROM debian:12
//! RUN echo "deb https://example.org stable main" | tee /etc/apt/sources.list.d/x.list
//! RUN yes | apt-get install git
//! RUN php -v | grep -q 8.4
//! RUN npm run build | tee build.log
//! RUN npm ls | grep -q left-pad
//! RUN git log --format=%aN | sort -u > AUTHORS
//! RUN pip show flask | awk '/^Version/ { print $2 }'
//! RUN rm x | true
//! ```
//!
//! ```text
//! Dockerfile:2:5: warning[pipe-hides-failure] a failure of `echo` goes unseen: the pipe ends as `tee` does
//! Dockerfile:3:5: warning[pipe-hides-failure] a failure of `yes` goes unseen: the pipe ends as `apt-get` does
//! Dockerfile:4:5: warning[pipe-hides-failure] a failure of `php` goes unseen: the pipe ends as `grep` does
//! Dockerfile:5:5: warning[pipe-hides-failure] a failure of `npm` goes unseen: the pipe ends as `tee` does
//! Dockerfile:6:5: warning[pipe-hides-failure] a failure of `npm` goes unseen: the pipe ends as `grep` does
//! Dockerfile:7:5: warning[pipe-hides-failure] a failure of `git` goes unseen: the pipe ends as `sort` does
//! Dockerfile:8:5: warning[pipe-hides-failure] a failure of `pip` goes unseen: the pipe ends as `awk` does
//! ```
//!
//! ### Below other stages, later lines and substitutions
//!
//! ```dockerfile
//! FROM debian:12 AS base
//! SHELL ["/bin/bash", "-eo", "pipefail", "-c"]
//! FROM base
//! RUN curl https://example.org/x | sh
//! SHELL ["/bin/bash", "-c"]
//! RUN set -x && \
//!     curl https://example.org/x | sh
//! RUN V=$(curl https://example.org/version | cut -c2-) && echo "$V"
//! RUN <<EOF
//! curl https://example.org/x | sh
//! EOF
//! ```
//!
//! ```text
//! Dockerfile:6:1: warning[pipe-hides-failure] a failure of `curl` goes unseen: the pipe ends as `sh` does
//! Dockerfile:8:9: warning[pipe-hides-failure] a failure of `curl` goes unseen: the pipe ends as `cut` does
//! Dockerfile:9:1: warning[pipe-hides-failure] a failure of `curl` goes unseen: the pipe ends as `sh` does
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -3,9 +3,9 @@
//!  FROM base
//!  RUN curl https://example.org/x | sh
//!  SHELL ["/bin/bash", "-c"]
//! -RUN set -x && \
//! +RUN set -o pipefail && set -x && \
//!      curl https://example.org/x | sh
//! -RUN V=$(curl https://example.org/version | cut -c2-) && echo "$V"
//! +RUN set -o pipefail && V=$(curl https://example.org/version | cut -c2-) && echo "$V"
//!  RUN <<EOF
//!  curl https://example.org/x | sh
//!  EOF
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

/// Commands that fetch something over the network.
const DOWNLOADS: &[&str] = &["curl", "wget", "wget2", "aria2c", "ssh", "scp", "rsync", "aws", "gsutil", "gcloud", "az"];

/// Commands that build or test.
const BUILDS: &[&str] = &["make", "cmake", "ninja", "pytest", "tox"];

/// What package managers do beside listing things.
const ACTIONS: &[Action] = &[Action::Install, Action::Upgrade, Action::Fetch, Action::Build, Action::Refresh];

/// Commands that fail by themselves when their input is empty or cut off.
const NOTICING: &[&str] = &[
    "tar",
    "bsdtar",
    "gpg",
    "apt-key",
    "grep",
    "egrep",
    "fgrep",
    "unzip",
    "gunzip",
    "unxz",
    "xz",
    "zstd",
    "bunzip2",
    "cpio",
    "sha256sum",
    "sha512sum",
    "shasum",
    "rpm",
    "docker",
    "gzip",
];

impl Check for Rule {
    const META: Meta =
        Meta { id: "pipe-hides-failure", fix: Some(Safety::Unsafe), also: &["hadolint:DL4006"], ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for run in project.all_runs().filter(|run| !run.shell.pipefail) {
            let commands = project.commands(run);
            let set = |command: &CommandRef| {
                command.simple.name() == Some("set")
                    && command.simple.arguments().iter().any(|word| word.is("pipefail"))
            };
            let set_at = commands.iter().position(set).unwrap_or(commands.len());
            let pipes: Vec<Pipe> = (0..set_at).filter_map(|at| pipe(run, &commands, at)).collect();
            let Some(pipe) = pipes.iter().max_by_key(|pipe| (pipe.risk, std::cmp::Reverse(pipe.span.start))) else {
                continue;
            };
            let (first, last) = (pipe.first, pipe.last);
            let message = format!("a failure of `{first}` goes unseen: the pipe ends as `{last}` does");
            let dockerfile = &project.dockerfiles[run.dockerfile];
            let diagnostic = found.add_at(dockerfile, run.instruction, pipe.span, "this pipe", message);
            diagnostic.help("set `-o pipefail`, by SHELL or in the script, where the shell knows it");
            match pipe.risk {
                Risk::Small => diagnostic.confidence(Confidence::Low),
                Risk::Noticed => diagnostic.severity(Severity::Info),
                Risk::Unseen => diagnostic,
            };
            if let Some(edit) = edit(project, run) {
                diagnostic.fix(
                    Fix::unsafe_("Let the pipe fail as a whole with `set -o pipefail`", vec![edit]).rebuilds_once(),
                );
            }
        }
    }
}

/// A pipe whose status is that of its last command only.
struct Pipe<'c> {
    span: Span,
    first: &'c str,
    last: &'c str,
    risk: Risk,
}

/// What may happen unseen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Risk {
    /// Hardly anything.
    Small,
    /// Something is missing, and the end of the pipe stops at that.
    Noticed,
    /// Something is missing and the step goes on.
    Unseen,
}

/// The pipe that the command at an index begins.
fn pipe<'c>(run: &Run, commands: &'c [CommandRef], at: usize) -> Option<Pipe<'c>> {
    let first = commands.get(at).filter(|command| command.context.pipe_len > 1 && command.context.pipe_index == 0)?;
    // The text of `sh -c` is run by a shell of its own.
    if first.context.nested > 0 {
        return None;
    }
    let parts: Vec<&CommandRef> = commands[at..]
        .iter()
        .take_while(|command| command.context.pipe_index > 0 || command.span.start <= first.span.start)
        .filter(|command| command.context.pipe_len == first.context.pipe_len)
        .take(first.context.pipe_len)
        .collect();
    let last = parts.last()?;
    let behind = commands.iter().skip(at).find(|command| command.span.start > last.span.end);
    let handled = behind.is_some_and(|next| next.context.joiner == Some(shell::Joiner::Or));
    if handled {
        return None;
    }
    let name = |command: &CommandRef<'c>| command.simple.name().unwrap_or("the first command");
    let others = &parts[..parts.len().saturating_sub(1)];
    let one_of = |list: &[&str], command: &CommandRef| command.simple.name().is_some_and(|name| list.contains(&name));
    let has = |command: &CommandRef, words: &[&str]| {
        command.simple.arguments().iter().any(|word| words.iter().any(|expected| word.is(expected)))
    };
    let fetches = |command: &&&CommandRef| {
        let git = command.simple.name() == Some("git") && has(command, &["clone", "fetch", "pull", "ls-remote"]);
        git || one_of(DOWNLOADS, command)
    };
    let builds = |command: &&&CommandRef| {
        let script = one_of(&["npm", "yarn", "pnpm", "bun"], command) && has(command, &["run", "build", "test"]);
        let package = run.packages.iter().any(|package| {
            let same = commands.get(package.command).is_some_and(|other| other.span == command.span);
            same && ACTIONS.contains(&package.action)
        });
        script || package || one_of(BUILDS, command)
    };
    let download = others.iter().find(fetches);
    let build = others.iter().find(builds);
    let exits = |word: &Word| word.prefix().strip_prefix('-').is_some_and(|letters| letters.contains('e'));
    let notices =
        one_of(NOTICING, last) || last.simple.name() == Some("jq") && last.simple.arguments().iter().any(exits);
    let risk = match (download, build, notices) {
        (Some(_), _, true) => Risk::Noticed,
        (Some(_), _, false) | (None, Some(_), false) => Risk::Unseen,
        _ => Risk::Small,
    };
    let last_name = last.simple.name().unwrap_or("the last command");
    if last_name == "true" || last_name == ":" {
        return None;
    }
    let guilty = download.or(build).copied().unwrap_or(first);
    Some(Pipe { span: first.span.cover(last.span), first: name(guilty), last: last_name, risk })
}

/// Sets the option at the start of the script, where the shell is sure to know it.
fn edit(project: &Project, run: &Run) -> Option<Edit> {
    let dockerfile = &project.dockerfiles[run.dockerfile];
    let instruction = dockerfile.tree.instructions.get(run.instruction)?;
    let named = matches!(run.shell.name().as_str(), "bash" | "zsh" | "ksh");
    let is_alpine = || {
        let image = project.root_image(run.dockerfile, run.stage)?;
        let tag = image.tag.clone().unwrap_or_default();
        (image.path == "library/alpine" || tag.contains("alpine")).then_some(())
    };
    if run.exec || !instruction.heredocs.is_empty() || !(named || is_alpine().is_some()) {
        return None;
    }
    let script = project.script(run)?;
    Some(Edit::insert(script.span.before(), "set -o pipefail && "))
}
