//! An install asks a question that nobody answers.
//!
//! A build step has no terminal. When a package manager wants to know whether to go on, it reads the end of its input, takes that for a no, and the
//! build stops. apt asks as soon as anything beyond the named packages has to be installed or removed, so that a Dockerfile works until one day a
//! package gets a new dependency; dnf, yum and zypper always ask.
//!
//! `-y` (for zypper `--non-interactive`) answers. `DEBIAN_FRONTEND=noninteractive` is about the questions of packages being set up and does not help.
//!
//! `yes |` answers every question that may ever come, and is only noted. What apt removes is a warning: `autoremove` asks only when there is
//! something to remove, and the build that runs today shows that there is nothing. Not flagged: conda, which takes the end of its input for its
//! default answer, yes, commands that get their input from another pipe or a
//! file, microdnf before version 4, which never asks (a hint of low confidence), options in a variable that nobody knows here, and Dockerfiles
//! that configure the answer.
//!
//! ## Examples
//!
//! ### No answer
//!
//! ```dockerfile
//! FROM debian:12
//! RUN apt-get update && \
//!     DEBIAN_FRONTEND=noninteractive apt-get install curl
//! RUN apt-get purge curl
//! ```
//!
//! ```text
//! Dockerfile:2:1: error[install-prompt] `apt-get install` asks for an answer that nobody gives
//! Dockerfile:4:5: warning[install-prompt] `apt-get purge` asks for an answer that nobody gives
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,4 +1,4 @@
//!  FROM debian:12
//!  RUN apt-get update && \
//! -    DEBIAN_FRONTEND=noninteractive apt-get install curl
//! -RUN apt-get purge curl
//! +    DEBIAN_FRONTEND=noninteractive apt-get install -y curl
//! +RUN apt-get purge -y curl
//! ```
//!
//! ### Other package managers
//!
//! ```dockerfile
//! FROM fedora:42
//! RUN dnf install httpd
//! RUN yum groupinstall "Development Tools"
//! RUN zypper in git
//! ```
//!
//! ```text
//! Dockerfile:2:5: error[install-prompt] `dnf install` asks for an answer that nobody gives
//! Dockerfile:3:5: error[install-prompt] `yum groupinstall` asks for an answer that nobody gives
//! Dockerfile:4:5: error[install-prompt] `zypper in` asks for an answer that nobody gives
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,4 +1,4 @@
//!  FROM fedora:42
//! -RUN dnf install httpd
//! -RUN yum groupinstall "Development Tools"
//! -RUN zypper in git
//! +RUN dnf install -y httpd
//! +RUN yum groupinstall -y "Development Tools"
//! +RUN zypper --non-interactive in git
//! ```
//!
//! ### Answered
//!
//! ```dockerfile
//! FROM debian:12
//! RUN apt-get update && apt-get install -y curl
//! RUN dnf -y install httpd
//! RUN zypper -n in git
//! RUN conda install numpy
//! ```
//!
//! ## Also tested
//!
//! ### All ways to say yes
//!
//! ```dockerfile
//! FROM debian:12
//! RUN apt-get -y install a && apt-get install -qq a && apt-get install -q -q a && apt-get install -q=2 a
//! RUN apt-get install --assume-yes a && apt-get install -yf a && apt-get install --force-yes a
//! RUN apt-get install -o APT::Get::Assume-Yes=true a
//! RUN cat answers | apt-get install a
//! RUN apt-get install a < /answers
//! RUN apt-get install $OPTIONS a
//! RUN apt-get install --simulate a && apt-get install
//! RUN zypper --non-interactive install a && zypper install -y a
//! RUN dnf install --assumeyes a
//! ```
//!
//! ### Every question answered
//!
//! ```dockerfile
//! FROM debian:12
//! RUN yes | apt-get install curl
//! RUN yes "" | tee log | apt-get install curl
//! ```
//!
//! ```text
//! Dockerfile:2:11: info[install-prompt] `yes` answers whatever `apt-get install` asks
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,3 +1,3 @@
//!  FROM debian:12
//! -RUN yes | apt-get install curl
//! +RUN yes | apt-get install -y curl
//!  RUN yes "" | tee log | apt-get install curl
//! ```
//!
//! ### An answer in a file
//!
//! ```dockerfile
//! FROM debian:12
//! RUN echo 'APT::Get::Assume-Yes "true";' > /etc/apt/apt.conf.d/90yes
//! RUN apt-get install a
//! ```
//!
//! ### In exec form, behind sudo and in a here-document
//!
//! ```dockerfile
//! FROM debian:12
//! RUN ["apt-get", "install", "curl"]
//! RUN sudo -E apt-get install \
//!       curl
//! RUN <<EOF
//! set -e
//! apt-get install curl
//! EOF
//! ```
//!
//! ```text
//! Dockerfile:2:7: error[install-prompt] `apt-get install` asks for an answer that nobody gives
//! Dockerfile:3:13: error[install-prompt] `apt-get install` asks for an answer that nobody gives
//! Dockerfile:5:1: error[install-prompt] `apt-get install` asks for an answer that nobody gives
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,8 +1,8 @@
//!  FROM debian:12
//! -RUN ["apt-get", "install", "curl"]
//! -RUN sudo -E apt-get install \
//! +RUN ["apt-get", "install", "-y", "curl"]
//! +RUN sudo -E apt-get install -y \
//!        curl
//!  RUN <<EOF
//!  set -e
//! -apt-get install curl
//! +apt-get install -y curl
//!  EOF
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta {
        id: "install-prompt",
        severity: Severity::Error,
        fix: Some(Safety::Safe),
        also: &["hadolint:DL3014", "hadolint:DL3030", "hadolint:DL3034", "hadolint:DL3038"],
        ..Meta::DEFAULT
    };

    fn check(&self, project: &Project, found: &mut Findings) {
        for (at, dockerfile) in project.dockerfiles.iter().enumerate() {
            let configured = configured(dockerfile.source.text());
            for run in project.runs(at) {
                let commands = project.commands(run);
                let by_yes = |command: &PackageCommand| {
                    let before = command.command.checked_sub(1).and_then(|before| commands.get(before));
                    let is_second = commands.get(command.command).is_some_and(|found| found.context.pipe_index == 1);
                    is_second && before.is_some_and(|before| before.simple.name() == Some("yes"))
                };
                let is_fed = |command: &PackageCommand| {
                    commands.get(command.command).is_none_or(|found| {
                        found.context.pipe_index > 0
                            || found.redirects.iter().any(|next| next.heredoc.is_some() || is_input(next))
                    })
                };
                let asking: Vec<(&PackageCommand, Asks)> = run
                    .packages
                    .iter()
                    .filter_map(|command| Some((command, asks(command)?)))
                    .filter(|(command, asks)| {
                        !command.opaque
                            && (!is_fed(command) || by_yes(command))
                            && !asks.configured.iter().any(|word| configured.contains(word))
                    })
                    .collect();
                let mut seen: Vec<&str> = Vec::new();
                for (command, asks) in &asking {
                    // Once for each program of a RUN, with all of its commands in the fix.
                    if seen.contains(&command.program.as_str()) {
                        continue;
                    }
                    seen.push(&command.program);
                    let same: Vec<_> = asking.iter().filter(|(other, _)| other.program == command.program).collect();
                    let same_action = |action: Action| same.iter().all(|(other, _)| other.action == action);
                    let edits = same.iter().map(|(other, asks)| edit(run, other, asks)).collect();
                    let message = match by_yes(command) {
                        true => format!("`yes` answers whatever `{}` asks", command.title()),
                        false => format!("`{}` asks for an answer that nobody gives", command.title()),
                    };
                    let diagnostic =
                        found.add_at(dockerfile, run.instruction, command.title_span(), "this one asks", message);
                    if command.manager == Manager::Apt && same_action(Action::Remove) {
                        diagnostic.severity(Severity::Warning);
                    }
                    diagnostic
                        .known_as(asks.alias)
                        .help(asks.help)
                        .fix(Fix::safe(format!("Answer with `{}`", asks.option), edits).rebuilds_once());
                    if by_yes(command) {
                        let help = format!(
                            "`{}` answers the question that is meant, and with `pipefail` the end of the pipe makes `yes` fail",
                            asks.option
                        );
                        diagnostic.severity(Severity::Info).help(help);
                    }
                    if command.program == "microdnf" {
                        diagnostic.confidence(Confidence::Low);
                    }
                }
            }
        }
    }
}

fn is_input(redirect: &shell::Redirect) -> bool {
    matches!(redirect.operator.node, shell::RedirectOperator::Input | shell::RedirectOperator::Herestring)
}

/// Words of configurations that answer for all commands.
const CONFIGURED: &[&str] = &["assume-yes", "assumeyes", "defaultyes", "zypp_non_interactive"];

/// How a command is told to go on.
struct Asks {
    option: &'static str,
    alias: &'static str,
    help: &'static str,
    /// Words of a configuration that answers for all commands.
    configured: &'static [&'static str],
}

fn asks(command: &PackageCommand) -> Option<Asks> {
    if !matches!(command.action, Action::Install | Action::Upgrade | Action::Remove) {
        return None;
    }
    let always = "without it the build stops here";
    match command.manager {
        Manager::Apt => {
            let quiet = command.options.iter().filter(|option| option.name == "-q" || option.name == "--quiet");
            let quietness: usize =
                quiet.map(|option| option.value.as_deref().and_then(|value| value.parse().ok()).unwrap_or(1)).sum();
            let answers = ["-y", "--yes", "--assume-yes", "--force-yes", "--assume-no"];
            let dry = ["-s", "--simulate", "--just-print", "--no-act", "--recon", "--print-uris"];
            let configured = |option: &CommandOption| {
                let value = option.value.as_deref().unwrap_or_default().to_ascii_lowercase();
                matches!(option.name.as_str(), "-o" | "--option") && value.contains("assume-yes")
            };
            let silent = quietness >= 2
                || command.has(&answers)
                || command.has(&dry)
                || command.options.iter().any(configured)
                || command.action == Action::Install && command.operands.is_empty() && command.packages.is_empty();
            (!silent).then_some(Asks {
                option: "-y",
                alias: "hadolint:DL3014",
                help: "without `-y` the build stops as soon as more than the named packages has to change",
                configured: &["assume-yes"],
            })
        }
        Manager::Dnf => {
            let answers = ["-y", "--assumeyes", "--assumeno", "--downloadonly"];
            let alias = if command.program == "yum" { "hadolint:DL3030" } else { "hadolint:DL3038" };
            (!command.has(&answers)).then_some(Asks {
                option: "-y",
                alias,
                help: always,
                configured: &["assumeyes", "defaultyes"],
            })
        }
        Manager::Zypper => {
            let answers = ["-n", "--non-interactive", "-y", "--no-confirm", "-D", "--dry-run"];
            (!command.has(&answers)).then_some(Asks {
                option: "--non-interactive",
                alias: "hadolint:DL3034",
                help: always,
                configured: &["zypp_non_interactive"],
            })
        }
        _ => None,
    }
}

/// The words of [`Asks::configured`] that the file uses elsewhere than in the options of a command, which configures the answer
/// for all commands.
fn configured(text: &str) -> Vec<&'static str> {
    let text = text.to_ascii_lowercase();
    let writes_apt = text.contains("apt.conf");
    let elsewhere = |word: &&&str| {
        text.match_indices(**word).any(|(at, _)| {
            let before = &text[..at];
            let by_option = before.ends_with("--") || before.ends_with("get::") && !writes_apt;
            !by_option
        })
    };
    CONFIGURED.iter().filter(elsewhere).copied().collect()
}

fn edit(run: &Run, command: &PackageCommand, asks: &Asks) -> Edit {
    let behind = if command.manager == Manager::Zypper { command.program_span } else { command.title_span() };
    run.insert_word(behind, asks.option)
}
