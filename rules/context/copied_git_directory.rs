//! `.git` is copied with the rest of the repository.
//!
//! Each commit, fetch and checkout changes files in `.git`, so that a `COPY . .` that takes it is never taken from the
//! cache, and nothing behind it, even where a commit touches nothing that is built. In an image that is shipped it also
//! gives away the whole history.
//!
//! Name `.git` in `.dockerignore`. The patch does that, and writes the file if there is none. It is not applied as a
//! safe one, because a build may ask Git for its version.
//!
//! Not flagged: contexts that are no folder at the root of a repository, builds from a Git URL (BuildKit leaves `.git`
//! out of those), ignore files that let it in by `!.git`, mounts, stages for development and tests, and files that run Git or a build tool that asks it for a
//! version behind the copy.
//!
//! ## Examples
//!
//! ### No ignore file
//!
//! ```dockerfile
//! FROM node:24
//! WORKDIR /app
//! COPY . .
//! RUN npm run build
//! ```
//!
//! ```text .gitignore
//! node_modules
//! ```
//!
//! ```text
//! Dockerfile:3:6: warning[copied-git-directory] `.git` is copied too, which every commit changes
//! ```
//!
//! ```diff
//! diff --git a/.dockerignore b/.dockerignore
//! new file mode 100644
//! --- /dev/null
//! +++ b/.dockerignore
//! @@ -0,0 +1 @@
//! +.git
//! ```
//!
//! ### Ignored
//!
//! ```dockerfile
//! FROM node:24
//! WORKDIR /app
//! COPY . .
//! RUN npm run build
//! ```
//!
//! ```text .gitignore
//! node_modules
//! ```
//!
//! ```dockerignore
//! node_modules
//! .git
//! ```
//!
//! ## Also tested
//!
//! ### Let in on purpose
//!
//! ```dockerfile
//! FROM rust:1
//! COPY . .
//! CMD ["app"]
//! ```
//!
//! ```text .gitignore
//! target
//! ```
//!
//! ```dockerignore
//! *
//! !.git
//! !src
//! ```
//!
//! ### An ignore file without it
//!
//! ```dockerfile
//! FROM node:24
//! ADD ./ /app
//! ```
//!
//! ```text .gitignore
//! node_modules
//! ```
//!
//! ```dockerignore
//! node_modules
//! ```
//!
//! ```text
//! Dockerfile:2:5: warning[copied-git-directory] `.git` is copied too, which every commit changes
//! ```
//!
//! ```diff
//! --- a/.dockerignore
//! +++ b/.dockerignore
//! @@ -1 +1,2 @@
//!  node_modules
//! +.git
//! ```
//!
//! ### Git is asked
//!
//! ```dockerfile
//! FROM golang:1.25
//! COPY . /src
//! RUN cd /src && go build -o /app .
//! ```
//!
//! ```text .gitignore
//! /app
//! ```
//!
//! ### All ignored but some
//!
//! ```dockerfile
//! FROM node:24
//! COPY . /app
//! ```
//!
//! ```text .gitignore
//! node_modules
//! ```
//!
//! ```dockerignore
//! *
//! !src
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta =
        Meta { id: "copied-git-directory", confidence: Confidence::Medium, fix: Some(Safety::Unsafe), ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        let is_repository =
            [".gitignore", ".gitattributes", ".gitmodules"].iter().any(|path| project.snapshot.has_path(path))
                || project.snapshot.is_folder(".github");
        if !is_repository {
            return;
        }
        for (at, dockerfile) in project.dockerfiles.iter().enumerate() {
            // A build that is not known may well have another context.
            let known = project.builds_of(at).any(|build| !matches!(build.maker, Maker::Standalone(_)));
            let at_root = !dockerfile.path.contains('/');
            if project.context_folder(at).as_deref() != Some("") || !known && !at_root {
                continue;
            }
            let Some(build) = project.builds_of(at).next() else { continue };
            // Who asks BuildKit to keep `.git` for Git contexts wants to have it.
            if project.builds_of(at).any(|build| build.arg("BUILDKIT_CONTEXT_KEEP_GIT_DIR").is_some()) {
                continue;
            }
            let file = project.ignore_file(build, dockerfile);
            // A pattern that decides about it ignores it, or asks for it by a `!`.
            if file.is_some_and(|file| dockerignore::parse(file, project.text(file)).0.verdict(".git").is_some()) {
                continue;
            }
            let first = dockerfile.instructions().find_map(|(index, instruction)| match &instruction.body {
                Body::Copy(copy) | Body::Add(copy) if copy.from.is_none() => {
                    let all = copy.sources.iter().find(|source| matches!(&*source.word, "." | "./" | "/"));
                    let excluded = copy.exclude.iter().any(|pattern| pattern.contains(".git"));
                    all.filter(|_| !excluded).map(|source| (index, source.word.span()))
                }
                _ => None,
            });
            let Some((index, span)) = first else { continue };
            if asks_git(project, at, index) || is_for_checks(dockerfile, index) {
                continue;
            }
            let diagnostic = found.add(span, "`.git` is copied too, which every commit changes");
            diagnostic.help("name `.git` in the ignore file");
            let fix = match file {
                Some(file) => {
                    Fix::unsafe_("Ignore `.git`", vec![dockerignore::append_line(file, project.text(file), ".git")])
                }
                None => Fix::unsafe_("Ignore `.git`", Vec::new())
                    .file(FileChange::Create { path: ".dockerignore".into(), text: ".git\n".into() }),
            };
            diagnostic.fix(fix.rebuilds_once());
        }
    }
}

/// Whether a copy stands in a stage for development or checks, which may well need Git.
fn is_for_checks(dockerfile: &Dockerfile, index: usize) -> bool {
    const WORDS: &[&str] =
        &["dev", "test", "tests", "e2e", "integration", "lint", "ci", "shell", "debug", "devcontainer"];
    let stage = dockerfile.tree.instructions.get(index).and_then(|instruction| instruction.stage);
    let name = stage.map(|stage| dockerfile.stage_name(stage).to_lowercase()).unwrap_or_default();
    name.split(['-', '_', '.']).any(|part| WORDS.contains(&part))
}

/// Whether a step behind the copy may look into `.git`.
fn asks_git(project: &Project, at: usize, index: usize) -> bool {
    const ASKS: &[&str] =
        &["git", "go", "make", "hatch", "goreleaser", "xx-go", "cargo", "gradle", "gradlew", "mvn", "dotnet"];
    let scm = project.snapshot.paths().iter().any(|path| {
        (path.ends_with("pyproject.toml") || path.ends_with("setup.py") || path.ends_with("setup.cfg"))
            && project.snapshot.find(path).is_some_and(|file| {
                let text = project.text(file);
                text.contains("scm") || text.contains("vcs")
            })
    });
    let runs = project.runs(at).iter().filter(|run| run.instruction > index);
    let mut runs = runs.peekable();
    let asks = |run: &Run| {
        !run.readable
            || project.commands(run).iter().any(|command| {
                let name = command.simple.name();
                // A script of the repository may do anything.
                let script =
                    command.simple.words.get(command.simple.command).is_some_and(|word| word.prefix().contains('/'));
                script
                    || name.is_none_or(|name| ASKS.contains(&name) || name.ends_with(".sh"))
                        && !command.simple.words.is_empty()
            })
    };
    scm && runs.peek().is_some() || runs.any(asks)
}
