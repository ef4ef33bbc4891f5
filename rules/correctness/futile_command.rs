//! A command has no effect in a build step, or cannot work there.
//!
//! When a RUN ends, its processes end, and only files are kept. A service that is started at the end of one runs for a moment and is gone. There is no terminal for an editor
//! or a pager, no machine to shut down, and `mount` needs privileges that a step does not have. `ps`, `free` and `top` tell about the machine that builds,
//! once, into a log that a cached step never prints again.
//!
//! Not flagged: a service that later commands of the same RUN may talk to, `mount` with `--security=insecure`, `ssh` with an ssh or secret mount, output that
//! another command reads, and editors that are given a script.
//!
//! ## Compared with hadolint
//!
//! DL3001 flags `service`, `ssh`, `vim`, `mount`, `kill`, `shutdown` and the others wherever they are called. Here the use counts: `vim
//! --version`, a service that the step talks to, or a `mount` that is allowed, is not flagged.
//!
//! ## Examples
//!
//! ### A service that ends with its step
//!
//! ```dockerfile
//! FROM debian:12
//! RUN service nginx start
//! ```
//!
//! ```text
//! Dockerfile:2:5: warning[futile-command] `service` starts a service that ends with this step
//! ```
//!
//! ### A service that the step uses
//!
//! ```dockerfile
//! FROM postgres:17
//! RUN service postgresql start && su postgres -c 'createdb app' && service postgresql stop
//! ```
//!
//! ## Also tested
//!
//! ### All kinds
//!
//! ```dockerfile
//! FROM debian:12
//! RUN top -b -n 1 && free -m
//! RUN mount /dev/sda1 /mnt || true
//! RUN apt-get update && \
//!     systemctl restart nginx
//! RUN vim /etc/hosts
//! RUN shutdown -h now
//! RUN service ssh start && kill 1
//! RUN ssh host true
//! ONBUILD RUN ps aux
//! ```
//!
//! ```text
//! Dockerfile:2:5: info[futile-command] `top` tells about the machine that builds, into a log that nobody reads
//! Dockerfile:3:5: warning[futile-command] `mount` needs privileges that a build step does not have
//! Dockerfile:4:1: warning[futile-command] `systemctl` starts a service that ends with this step
//! Dockerfile:6:5: warning[futile-command] `vim` waits for a terminal that a build step does not have
//! Dockerfile:7:5: warning[futile-command] `shutdown` has no machine to stop in a build step
//! Dockerfile:8:26: warning[futile-command] `kill` stops the step itself, whose first process it is
//! Dockerfile:9:5: info[futile-command] `ssh` has no key to log in with
//! Dockerfile:10:13: info[futile-command] `ps` tells about the machine that builds, into a log that nobody reads
//! ```
//!
//! ### What makes sense
//!
//! ```dockerfile
//! FROM debian:12
//! RUN --security=insecure mount -t tmpfs none /mnt
//! RUN --mount=type=ssh ssh -T git@github.com
//! RUN ps aux | grep -q nginx
//! RUN vim -es -u /root/.vimrc +PlugInstall +qa
//! RUN systemctl enable nginx
//! RUN X=$(free -m) && echo "$X"
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "futile-command", also: &["hadolint:DL3001"], ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for run in project.all_runs() {
            let commands = project.commands(run);
            let futile = |(at, command): (usize, &CommandRef)| {
                Some((command.simple.invocation_span()?, judge(project, run, command, at + 1 == commands.len())?))
            };
            let Some((token, verdict)) = commands.iter().enumerate().find_map(futile) else { continue };
            let dockerfile = &project.dockerfiles[run.dockerfile];
            let diagnostic = found.add_at(dockerfile, run.instruction, token, verdict.why, verdict.message);
            diagnostic.severity(verdict.severity).help(verdict.why);
        }
    }
}

struct Verdict {
    message: String,
    why: &'static str,
    severity: Severity,
}

fn judge(project: &Project, run: &Run, command: &CommandRef, is_last: bool) -> Option<Verdict> {
    let name = command.simple.name()?;
    let words = command.simple.arguments();
    let verdict =
        |message: &str, why, severity| Some(Verdict { message: format!("`{name}` {message}"), why, severity });
    let is_read = command.context.pipe_len > 1 || command.context.substitution || !command.redirects.is_empty();
    let asks = |names: &[&str]| words.iter().any(|word| names.iter().any(|name| word.is(name)));
    match name {
        "service" | "systemctl" | "rc-service" => {
            let starts = asks(&["start", "restart", "reload"]);
            (starts && is_last && !command.context.conditional).then(|| Verdict {
                message: format!("`{name}` starts a service that ends with this step"),
                why: "processes do not outlive their RUN; start it by CMD, ENTRYPOINT or in the step that needs it",
                severity: Severity::Warning,
            })
        }
        "kill" if asks(&["1"]) => {
            verdict("stops the step itself, whose first process it is", "a build step is no machine", Severity::Warning)
        }
        "shutdown" | "reboot" | "poweroff" | "halt" => {
            verdict("has no machine to stop in a build step", "a build step is no machine", Severity::Warning)
        }
        "vi" | "vim" | "nano" | "emacs" | "less" | "htop" => {
            let scripted = words.iter().any(|word| word.prefix().starts_with(['-', '+']));
            (!scripted && !is_read)
                .then(|| {
                    verdict(
                        "waits for a terminal that a build step does not have",
                        "a build has no terminal",
                        Severity::Warning,
                    )
                })
                .flatten()
        }
        "mount" => {
            let dockerfile = &project.dockerfiles[run.dockerfile];
            let body = dockerfile.tree.instructions.get(run.instruction)?.run()?;
            (body.security.is_none() && !words.is_empty())
                .then(|| {
                    verdict(
                        "needs privileges that a build step does not have",
                        "use `RUN --mount`, or `--security=insecure` where the builder allows it",
                        Severity::Warning,
                    )
                })
                .flatten()
        }
        "ssh" => {
            let keyed = run.mounts.iter().any(|mount| {
                mount.kind.is_none_or(|kind| matches!(kind, dockerfile::MountType::Ssh | dockerfile::MountType::Secret))
            });
            (!keyed && !words.is_empty() && !asks(&["-V"]))
                .then(|| {
                    verdict(
                        "has no key to log in with",
                        "`RUN --mount=type=ssh` lends the step an agent, and no key gets into the image",
                        Severity::Info,
                    )
                })
                .flatten()
        }
        "top" | "ps" | "free" => (!is_read && !command.context.conditional)
            .then(|| {
                verdict(
                    "tells about the machine that builds, into a log that nobody reads",
                    "a cached step does not even run; say `docker build --progress=plain` when looking for something",
                    Severity::Info,
                )
            })
            .flatten(),
        _ => None,
    }
}
