//! apt installs recommended packages too.
//!
//! Beside the packages that are named and those that they depend on, apt installs what they recommend. For a server or a build that is mostly
//! documentation, helpers and whole desktops: `git` alone brings `less`, `openssh-client` and others, `ffmpeg` or `default-jdk` bring
//! hundreds of megabytes. `--no-install-recommends` leaves them out; what is needed of them is then named, which is better to read as well.
//!
//! Not flagged: an explicit `--install-recommends`, the same switch as an option or in a file that the Dockerfile writes, and a
//! Dockerfile that copies files into `/etc/apt`, because they may hold the switch.
//!
//! The fix is unsafe: something may need a package that came along unseen.
//!
//! ## Examples
//!
//! ### Whatever is recommended
//!
//! ```dockerfile
//! FROM debian:12
//! RUN apt-get update && apt-get install -y ffmpeg && rm -rf /var/lib/apt/lists/*
//! ```
//!
//! ```text
//! Dockerfile:2:23: info[apt-recommends] `apt-get install` installs recommended packages too
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,2 +1,2 @@
//!  FROM debian:12
//! -RUN apt-get update && apt-get install -y ffmpeg && rm -rf /var/lib/apt/lists/*
//! +RUN apt-get update && apt-get install --no-install-recommends -y ffmpeg && rm -rf /var/lib/apt/lists/*
//! ```
//!
//! ### What is named
//!
//! ```dockerfile
//! FROM debian:12
//! RUN apt-get update && apt-get install -y --no-install-recommends ffmpeg && rm -rf /var/lib/apt/lists/*
//! ```
//!
//! ## Also tested
//!
//! ### A switch in a file
//!
//! ```dockerfile
//! FROM debian:12
//! RUN echo 'APT::Install-Recommends "0";' > /etc/apt/apt.conf.d/99-lean && apt-get install -y git
//! RUN apt-get install -y make
//! ```
//!
//! ### Other spellings
//!
//! ```dockerfile
//! FROM debian:12
//! RUN apt-get install -y -o APT::Install-Recommends=false git
//! RUN apt-get install -oAPT::Install-Recommends=0 git
//! RUN aptitude -R install git
//! RUN apt-get install --install-recommends git
//! RUN apt-get install $OPTIONS git
//! ```
//!
//! ### A list that ends in an option
//!
//! ```dockerfile
//! FROM debian:12
//! RUN apt-get update \
//!  && apt-get install -y \
//!       zsh \
//!       bash \
//!       --allow-downgrades \
//!  && rm -rf /var/lib/apt/lists/*
//! ```
//!
//! ```text
//! Dockerfile:2:1: info[apt-recommends] `apt-get install` installs recommended packages too
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,6 +1,6 @@
//!  FROM debian:12
//!  RUN apt-get update \
//! - && apt-get install -y \
//! + && apt-get install --no-install-recommends -y \
//!        zsh \
//!        bash \
//!        --allow-downgrades \
//! ```
//!
//! ### On a later line
//!
//! ```dockerfile
//! FROM debian:12
//! RUN --mount=type=cache,target=/var/lib/apt \
//!     apt-get update && \
//!     apt-get -y install -t bookworm-backports \
//!       git
//! ```
//!
//! ```text
//! Dockerfile:2:1: info[apt-recommends] `apt-get install` installs recommended packages too
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,5 +1,5 @@
//!  FROM debian:12
//!  RUN --mount=type=cache,target=/var/lib/apt \
//!      apt-get update && \
//! -    apt-get -y install -t bookworm-backports \
//! +    apt-get -y install --no-install-recommends -t bookworm-backports \
//!        git
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta {
        id: "apt-recommends",
        severity: Severity::Info,
        fix: Some(Safety::Unsafe),
        also: &["hadolint:DL3015"],
        ..Meta::DEFAULT
    };

    fn check(&self, project: &Project, found: &mut Findings) {
        for (at, dockerfile) in project.dockerfiles.iter().enumerate() {
            if is_configured(dockerfile) {
                continue;
            }
            for run in project.runs(at) {
                let takes_all = |command: &&PackageCommand| {
                    command.manager == Manager::Apt
                        && command.verb() == "install"
                        && !command.opaque
                        && !is_switched(command)
                };
                let commands: Vec<&PackageCommand> = run.packages.iter().filter(takes_all).collect();
                let Some(first) = commands.first() else { continue };
                let insert = |command: &&PackageCommand| {
                    let option = if command.program == "aptitude" { "-R" } else { "--no-install-recommends" };
                    run.insert_word(command.title_span(), option)
                };
                let edits = commands.iter().map(insert).collect();
                let message = format!("`{}` installs recommended packages too", first.title());
                let diagnostic = found.add_at(dockerfile, run.instruction, first.title_span(), "here", message);
                if first.program != "apt-get" {
                    diagnostic.unknown_elsewhere();
                }
                diagnostic
                    .help("add `--no-install-recommends` and name what is needed")
                    .fix(Fix::unsafe_("Leave recommended packages out", edits).rebuilds_once());
            }
        }
    }
}

/// Whether the file says something about it for all commands: it writes or copies a configuration of apt.
fn is_configured(dockerfile: &Dockerfile) -> bool {
    let text = dockerfile.source.text();
    let writes = text.contains("apt.conf") && text.to_ascii_lowercase().contains("install-recommends");
    let copies = || {
        dockerfile.instructions().any(|(_, instruction)| match &instruction.body {
            Body::Copy(copy) | Body::Add(copy) => copy.destination.trim_matches('"').starts_with("/etc/apt"),
            _ => false,
        })
    };
    writes || text.contains("/etc/apt") && copies()
}

fn is_switched(command: &PackageCommand) -> bool {
    let by_option = command.options.iter().any(|option| {
        let value = option.value.as_deref().unwrap_or_default().to_ascii_lowercase();
        matches!(option.name.as_str(), "-o" | "--option") && value.contains("install-recommends")
    });
    by_option || command.has(&["--no-install-recommends", "--install-recommends", "--without-recommends", "-R", "-r"])
}
