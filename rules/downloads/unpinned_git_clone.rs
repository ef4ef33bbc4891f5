//! A RUN clones a branch of a Git repository.
//!
//! The step is cached by its text, not by what it fetches: it gives the commit of the day on which it was last built,
//! on one machine a new one, on another one an old one, and nobody can tell which from the file.
//!
//! Name a tag or a commit, `git clone --branch v1.2.3`, or let BuildKit fetch it: `ADD
//! https://github.com/owner/name.git#v1.2.3 /src` is cached by the commit, runs next to other steps and needs no Git in
//! the image. See <https://docs.docker.com/reference/dockerfile/#add-private-git-repository> and
//! <https://docs.docker.com/build/building/best-practices/#add-or-copy>.
//!
//! Not flagged: clones of a tag or of something that is not known (`--branch $VERSION`), clones behind which the same
//! stage checks something out, and those of which a branch is the point because the ARG of a cache buster stands above.
//!
//! ## Examples
//!
//! ### The default branch
//!
//! ```dockerfile
//! FROM debian:12
//! RUN git clone --depth 1 https://github.com/example/tool.git /tool && make -C /tool install
//! RUN git clone -b main https://github.com/example/other.git /other
//! ```
//!
//! ```text
//! Dockerfile:2:25: info[unpinned-git-clone] this clones the default branch as it was when the step was last built
//! Dockerfile:3:23: info[unpinned-git-clone] this clones branch `main` as it was when the step was last built
//! ```
//!
//! ### A tag, a commit
//!
//! ```dockerfile
//! FROM debian:12
//! ARG VERSION=1.2.3
//! RUN git clone --depth 1 --branch v1.2.3 https://github.com/example/tool.git /a
//! RUN git clone --branch v$VERSION https://github.com/example/tool.git /b
//! RUN git clone https://github.com/example/tool.git /c && git -C /c checkout 0123456789abcdef0123456789abcdef01234567
//! RUN git clone https://github.com/example/tool.git /c && cd /c && git reset --hard v1.2.3
//! ADD https://github.com/example/tool.git#v1.2.3 /d
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

/// Names that are branches wherever they are used.
const BRANCHES: &[&str] = &["main", "master", "develop", "dev", "trunk", "HEAD", "stable", "latest", "next", "nightly"];

impl Check for Rule {
    const META: Meta = Meta { id: "unpinned-git-clone", severity: Severity::Info, ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for run in project.all_runs() {
            let commands = project.commands(run);
            let dockerfile = &project.dockerfiles[run.dockerfile];
            // The variables in reach are many where instructions are: they are asked for only where something is cloned.
            let busted = || {
                let names = project.variable_names(run.dockerfile, run.stage, run.instruction);
                let busts = |name: &String| {
                    let name = name.to_uppercase();
                    ["CACHE", "BUST", "REFRESH"].iter().any(|word| name.contains(word))
                };
                names.iter().any(busts)
            };
            let chooses = |command: &CommandRef| {
                let words = command.simple.arguments();
                let moves = ["checkout", "reset", "switch", "fetch", "am", "describe", "tag", "rev-list"];
                command.simple.name() == Some("git") && words.iter().any(|word| moves.iter().any(|verb| word.is(verb)))
            };
            // The steps behind it may choose too, with an ARG that stands above the clone.
            let later = || {
                let later = project.runs(run.dockerfile).iter();
                let mut later = later.filter(|other| other.stage == run.stage && other.instruction > run.instruction);
                later.any(|other| project.commands(other).iter().any(chooses))
            };
            let mut first = true;
            for clone in run.downloads.iter().filter(|download| download.program == "git") {
                let chosen = commands.iter().skip(clone.command + 1).any(chooses) || later();
                let named =
                    clone.options.iter().any(|option| matches!(option.name.as_str(), "-b" | "--branch" | "--revision"));
                let branch = clone.revision.as_deref().filter(|revision| BRANCHES.contains(revision));
                if chosen || clone.conditional || named && branch.is_none() || clone.url.is_none() {
                    continue;
                }
                // One is enough to say so.
                if !std::mem::take(&mut first) || busted() {
                    break;
                }
                let what = match branch {
                    Some(branch) => format!("branch `{branch}`"),
                    None => "the default branch".to_owned(),
                };
                let message = format!("this clones {what} as it was when the step was last built");
                let diagnostic = found.add_at(dockerfile, run.instruction, clone.span, "here", message);
                diagnostic.help(
                    "name a tag or commit, or use `ADD` with the repository's URL, which is cached by the commit",
                );
            }
        }
    }
}
