//! What a RUN may read beside what it names: whether it could stand elsewhere.

use crate::facts::packages::Action;
use crate::facts::prefix::is_heavy;
use crate::facts::reach::StageUse;
use crate::facts::runs::Run;
use crate::model::Project;
use crate::model::build::Build;
use crate::model::dockerfile::{Base, Dockerfile};
use crate::model::value::Text;
use crate::syntax::dockerfile::{self, Body, Instruction, StageRef};

/// Programs that heed no variable of the environment that the user makes up: those of the shell, the core utilities, and what
/// unpacks, downloads and manages users.
const HEED_NOTHING: &[&str] = &[
    ":",
    "true",
    "false",
    "test",
    "[",
    "set",
    "cd",
    "export",
    "unset",
    "echo",
    "printf",
    "exit",
    "rm",
    "rmdir",
    "mkdir",
    "mv",
    "cp",
    "ln",
    "touch",
    "cat",
    "chmod",
    "chown",
    "chgrp",
    "ls",
    "install",
    "sed",
    "grep",
    "egrep",
    "awk",
    "cut",
    "tr",
    "sort",
    "head",
    "tail",
    "tee",
    "uniq",
    "wc",
    "find",
    "xargs",
    "basename",
    "dirname",
    "readlink",
    "realpath",
    "sleep",
    "date",
    "uname",
    "arch",
    "which",
    "command",
    "type",
    "hash",
    "id",
    "whoami",
    "useradd",
    "usermod",
    "groupadd",
    "adduser",
    "addgroup",
    "deluser",
    "delgroup",
    "userdel",
    "passwd",
    "chpasswd",
    "ldconfig",
    "update-ca-certificates",
    "locale-gen",
    "update-locale",
    "update-alternatives",
    "dpkg-reconfigure",
    "dpkg",
    "apt-key",
    "apt-mark",
    "apt-cache",
    "add-apt-repository",
    "rpm",
    "gpg",
    "gpgv",
    "curl",
    "wget",
    "tar",
    "unzip",
    "gunzip",
    "gzip",
    "bunzip2",
    "xz",
    "unxz",
    "zstd",
    "sha256sum",
    "sha512sum",
    "sha1sum",
    "md5sum",
    "shasum",
    "strip",
    "corepack",
    "debconf-set-selections",
    "lsb_release",
    "apk",
    "apt-get",
    "apt",
    "yum",
    "yum-config-manager",
    "dnf",
    "microdnf",
    "zypper",
    "rpmkeys",
    "sync",
    "stat",
    "file",
    "diff",
    "openssl",
];

/// Commands of the shell that go along with installing packages and read nothing.
const AROUND_PACKAGES: &[&str] = &[":", "true", "set", "echo", "mkdir", "apt-cache", "apt-mark"];

impl Project {
    /// Whether a RUN does nothing but install packages of the distribution that it names itself, and clean up: it reads
    /// nothing that a COPY below `/` but the package manager's own folders could bring.
    pub fn installs_by_name(&self, run: &Run) -> bool {
        let commands = self.commands(run);
        let known = commands.iter().enumerate().all(|(at, command)| {
            let words = command.simple.words.iter().all(|word| word.text().is_some());
            let package = run.packages.iter().find(|package| package.command == at);
            let package = package.is_some_and(|package| {
                let local =
                    |operand: &String| operand.contains('/') || operand.ends_with(".deb") || operand.ends_with(".rpm");
                package.manager.is_system() && !package.opaque && !package.operands.iter().any(local)
            });
            let name = command.simple.name().unwrap_or_default();
            let removes = name == "rm"
                && run.removals.iter().any(|removal| {
                    let absolute =
                        |path: &String| ["/var/", "/tmp/", "/usr/share/"].iter().any(|start| path.starts_with(start));
                    removal.command == at && removal.paths.iter().all(absolute)
                });
            words && command.redirects.is_empty() && (package || removes || AROUND_PACKAGES.contains(&name))
        });
        let installs = run.installs().any(|install| !install.packages.is_empty());
        run.readable && !run.trigger && known && installs
    }

    /// Whether a RUN may read variables of the environment that it does not name: it runs a program of which that is not known.
    pub fn may_heed_environment(&self, run: &Run) -> bool {
        let commands = self.commands(run);
        !run.readable
            || commands.iter().enumerate().any(|(at, command)| {
                let installs = |action| {
                    matches!(
                        action,
                        Action::Install
                            | Action::Refresh
                            | Action::Fetch
                            | Action::Clean
                            | Action::Upgrade
                            | Action::Remove
                    )
                };
                let package = run.packages.iter().find(|package| package.command == at);
                let known = package.is_some_and(|package| installs(package.action));
                let name = command.simple.name();
                let nothing = command.simple.words.is_empty();
                !known && !nothing && !name.is_some_and(|name| HEED_NOTHING.contains(&name))
            })
    }
}

impl Project {
    /// The RUNs of a build that take time, and of which neither they nor what stands above them depends on folders of the context, or on an
    /// argument that changes with each commit: in most runs they are what they were in the run before. By instruction, in order.
    pub fn steady_steps(&self, build: &Build) -> Vec<usize> {
        let Some((file, uses)) =
            build.dockerfile.and_then(|at| self.dockerfiles.get(at)).and_then(|file| Some((file, self.reach(build)?)))
        else {
            return Vec::new();
        };
        let mut steady = Vec::new();
        // Whether the end of a stage depends on what changes. Stages stand on, and copy from, earlier ones.
        let mut changes = vec![true; file.tree.stages.len()];
        for stage in 0..file.tree.stages.len() {
            let at = |name: StageRef| match name {
                StageRef::Stage(other) if other < stage => changes[other],
                StageRef::Stage(_) => true,
                _ => false,
            };
            let mut changed = match file.base(stage, Some(build)) {
                Base::Stage(base) => base >= stage || changes[base],
                Base::Context(_) => true,
                Base::Image(_) | Base::Scratch => false,
            };
            for (index, instruction) in file.stage_instructions(stage) {
                changed |= match &instruction.body {
                    Body::Copy(copy) | Body::Add(copy) => match &copy.from {
                        Some(from) => build.named_context(from).is_some() || at(file.tree.copy_from(from)),
                        None => copy.sources.iter().any(|source| source.heredoc.is_none() && is_folder(&source.word)),
                    },
                    Body::Arg(pairs) => {
                        pairs.iter().any(|pair| build.arg(&pair.name).is_some_and(|arg| arg.value.volatile().is_some()))
                    }
                    _ => false,
                };
                let Body::Run(run) = &instruction.body else { continue };
                let reads = |mount: &&dockerfile::Mount| match mount.from() {
                    Some(from) => build.named_context(from).is_some() || at(file.tree.mount_from(from)),
                    None => {
                        let value = |keys: &[&str]| mount.option(keys)?.value.as_deref();
                        value(&["type"]).is_none_or(|kind| kind == "bind")
                            && value(&["source", "src"]).is_none_or(is_folder)
                    }
                };
                changed |= run.mounts.iter().any(|mount| reads(&mount));
                if !changed && is_heavy(file, index) && uses.get(stage).is_some_and(|used| *used != StageUse::Unreached)
                {
                    steady.push(index);
                }
            }
            changes[stage] = changed;
        }
        steady
    }
}

/// Whether the source of a copy may be a folder, or several files of one: a manifest is written with its name.
fn is_folder(source: &str) -> bool {
    let last = source.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let manifest = ["package", "requirements", "pnpm", "yarn", "Cargo", "go", "pyproject"];
    let several = last.contains(['*', '?', '[', '$']) && !manifest.iter().any(|start| last.starts_with(start));
    source.ends_with('/') || several || !last.trim_start_matches('.').contains('.') || last == "."
}

impl Dockerfile {
    /// Whether an instruction is a RUN that takes noticeable time: it installs, downloads or compiles, or what it does is not known.
    pub fn is_heavy(&self, instruction: usize) -> bool {
        self.tree.instructions.get(instruction).is_some_and(|node| matches!(node.body, Body::Run(_)))
            && is_heavy(self, instruction)
    }
}

/// Whether an instruction names a variable.
pub fn names_variable(instruction: &Instruction, name: &str) -> bool {
    let names = |text: &str| {
        text.match_indices(name).any(|(at, _)| {
            let part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
            let before = text[..at].chars().next_back().is_some_and(part);
            let after = text[at + name.len()..].chars().next().is_some_and(part);
            !before && !after
        })
    };
    names(instruction.text.as_str()) || instruction.heredocs.iter().any(|heredoc| names(&heredoc.body))
}

impl Text {
    /// What makes the text another one in each commit or run, in the words that stand for it: `github.sha`.
    pub fn volatile(&self) -> Option<&str> {
        const CHANGES: &[&str] = &[
            "github.sha",
            "github.run_id",
            "github.run_number",
            "github.run_attempt",
            "github.event.after",
            "github.event.head_commit",
            "github.event.pull_request.head.sha",
            "github.event.repository.updated_at",
            "GITHUB_SHA",
            "GITHUB_RUN_ID",
            "GITHUB_RUN_NUMBER",
            "CI_COMMIT_SHA",
            "CI_PIPELINE_ID",
            "git rev-parse",
            "git describe",
            "git log",
        ];
        self.unknowns().find(|words| {
            CHANGES.iter().any(|change| words.contains(change)) || *words == "date" || words.starts_with("date ")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::settings::Settings;
    use crate::snapshot::Snapshot;

    #[test]
    fn what_installs_by_name_reads_nothing_else() {
        let cases = [
            ("apt-get update && apt-get install -y curl && rm -rf /var/lib/apt/lists/*", true, false),
            ("apk add --no-cache git", true, false),
            ("apt-get install -y ./a.deb", false, false),
            ("apt-get install -y $(cat packages)", false, false),
            ("xargs apt-get install -y < packages", false, false),
            ("apt-get install -y curl && make", false, true),
            ("apt-get update", false, false),
            ("npm ci", false, false),
            ("npm run build", false, true),
            ("curl -O https://a/b && tar xf b && ./configure", false, true),
        ];
        for (command, by_name, heeds) in cases {
            let text = format!("FROM debian:12\nRUN {command}\n");
            let project = Project::new(Snapshot::from_texts([("Dockerfile", text)]), Settings::default());
            let run = &project.runs(0)[0];
            assert_eq!(project.installs_by_name(run), by_name, "{command}");
            assert_eq!(project.may_heed_environment(run), heeds, "{command}");
        }
    }

    #[test]
    fn variables_are_named_as_whole_words() {
        let text = "FROM a\nRUN echo $SHA_1 ${MY_SHA}\nRUN echo ${SHA:-x}\nRUN <<E\necho $SHA\nE\n";
        let project = Project::new(Snapshot::from_texts([("Dockerfile", text)]), Settings::default());
        let named: Vec<bool> =
            project.dockerfiles[0].tree.instructions.iter().map(|one| names_variable(one, "SHA")).collect();
        assert_eq!(named, [false, false, true, true]);
    }
}
