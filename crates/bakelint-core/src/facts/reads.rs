//! What a RUN may read beside what it names: whether it could stand elsewhere.

use crate::facts::packages::Action;
use crate::facts::prefix::is_heavy;
use crate::facts::runs::Run;
use crate::model::Project;
use crate::model::dockerfile::Dockerfile;
use crate::model::value::Text;
use crate::syntax::dockerfile::{Body, Instruction};

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
