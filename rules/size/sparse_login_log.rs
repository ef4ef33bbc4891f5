//! A user with a very high number makes the layer huge.
//!
//! `useradd` writes a record for the new user into `/var/log/lastlog` and `/var/log/faillog`, at the place that the user's number says. The files
//! are sparse on disk, but the archive of a layer is not, so that a user with the number 1,000,000,000 adds gigabytes of zeros to the image
//! (<https://docs.docker.com/build/building/best-practices/#user>). `--no-log-init` writes no record.
//!
//! Flagged are numbers of more than five digits.
//!
//! ## Examples
//!
//! ### A number as a directory service gives it
//!
//! ```dockerfile
//! FROM debian:12
//! RUN useradd --create-home --uid 1234567890 app
//! ```
//!
//! ```text
//! Dockerfile:2:27: warning[sparse-login-log] `useradd` writes login records for the user number 1234567890 into the layer
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,2 +1,2 @@
//!  FROM debian:12
//! -RUN useradd --create-home --uid 1234567890 app
//! +RUN useradd --no-log-init --create-home --uid 1234567890 app
//! ```
//!
//! ### No record
//!
//! ```dockerfile
//! FROM debian:12
//! RUN useradd --no-log-init --create-home --uid 1234567890 app
//! RUN useradd -u 10001 other
//! ```
//!
//! ## Also tested
//!
//! ### Spellings
//!
//! ```dockerfile
//! FROM debian:12
//! ARG USER_ID=2000000
//! RUN groupadd x \
//!  && useradd -mu1000000 a
//! RUN useradd -u $USER_ID -g 100000000 b
//! RUN useradd -lmu 1000000 c
//! RUN useradd -u $UNKNOWN d
//! ```
//!
//! ```text
//! Dockerfile:3:1: warning[sparse-login-log] `useradd` writes login records for the user number 1000000 into the layer
//! Dockerfile:5:13: warning[sparse-login-log] `useradd` writes login records for the user number 2000000 into the layer
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,7 +1,7 @@
//!  FROM debian:12
//!  ARG USER_ID=2000000
//!  RUN groupadd x \
//! - && useradd -mu1000000 a
//! -RUN useradd -u $USER_ID -g 100000000 b
//! + && useradd --no-log-init -mu1000000 a
//! +RUN useradd --no-log-init -u $USER_ID -g 100000000 b
//!  RUN useradd -lmu 1000000 c
//!  RUN useradd -u $UNKNOWN d
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

/// Options of `useradd` that take a value.
const VALUED: &[&str] = &[
    "-b",
    "--base-dir",
    "-c",
    "--comment",
    "-d",
    "--home-dir",
    "--home",
    "-e",
    "--expiredate",
    "-f",
    "--inactive",
    "-g",
    "--gid",
    "-G",
    "--groups",
    "-k",
    "--skel",
    "-K",
    "--key",
    "-p",
    "--password",
    "-R",
    "--root",
    "-P",
    "--prefix",
    "-s",
    "--shell",
    "-u",
    "--uid",
    "-Z",
    "--selinux-user",
];

impl Check for Rule {
    const META: Meta =
        Meta { id: "sparse-login-log", fix: Some(Safety::Safe), also: &["hadolint:DL3046"], ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for run in project.all_runs() {
            for command in project.commands(run) {
                if command.simple.name() != Some("useradd") {
                    continue;
                }
                let look_up = |name: &str| {
                    let value = project.variable(run.dockerfile, run.stage, run.instruction, name);
                    match value {
                        dockerfile::Lookup::Set(value) => Some(value),
                        _ => None,
                    }
                };
                let arguments =
                    arguments(command.simple.arguments(), OptionStyle::Gnu, &|name| VALUED.contains(&name), &look_up);
                let options: Vec<&CommandOption> = arguments
                    .iter()
                    .filter_map(|argument| match argument {
                        Argument::Option(option) => Some(option),
                        Argument::Operand(_) => None,
                    })
                    .collect();
                let number = options.iter().find(|option| matches!(option.name.as_str(), "-u" | "--uid"));
                let is_high = |value: &str| value.len() > 5 && value.chars().all(|c| c.is_ascii_digit());
                let Some(number) = number.filter(|option| option.value.as_deref().is_some_and(is_high)) else {
                    continue;
                };
                if options.iter().any(|option| matches!(option.name.as_str(), "-l" | "--no-log-init")) {
                    continue;
                }
                let Some(program) = command.simple.words.get(command.simple.command) else { continue };
                let value = number.value.as_deref().unwrap_or_default();
                let message = format!("`useradd` writes login records for the user number {value} into the layer");
                let dockerfile = &project.dockerfiles[run.dockerfile];
                let edit = run.insert_word(program.span, "--no-log-init");
                found
                    .add_at(dockerfile, run.instruction, number.span, "the number", message)
                    .help("the records are sparse files whose holes become real zeros in the image")
                    .fix(Fix::safe("Add `--no-log-init`", vec![edit]).rebuilds_once());
            }
        }
    }
}
