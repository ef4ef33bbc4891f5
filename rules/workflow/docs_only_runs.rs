//! A change of documents alone builds the images again.
//!
//! The workflow does nothing but build images, and files of the repository that are only documents are read by none of its builds. A commit that
//! touches these alone still starts it, and makes the images that were there before.
//!
//! `paths-ignore` at the event keeps such commits from starting it. A required check must not be skipped that way, for it would be waited for
//! without end: there, put a condition on the job
//! (<https://docs.github.com/en/actions/how-tos/troubleshoot-workflows>). How many runs it saves, the history tells:
//! `git log --oneline -- docs '*.md'`.
//!
//! Not flagged: workflows with a filter for paths, or with steps that may look at documents; builds that copy the documents, or may do so;
//! repositories with fewer than five documents.
//!
//! ## Examples
//!
//! ### Any change
//!
//! ```dockerfile
//! FROM golang:1.25
//! COPY go.mod main.go ./
//! RUN go build
//! ```
//!
//! ```yaml .github/workflows/image.yml
//! on:
//!   push:
//!     branches: [main]
//! jobs:
//!   image:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: actions/checkout@v5
//!       - uses: docker/build-push-action@v6
//! ```
//!
//! ```text go.mod
//! module shop
//! ```
//!
//! ```text main.go
//! package main
//! ```
//!
//! ```text README.md
//! # Shop
//! ```
//!
//! ```text docs/a.md
//! # A
//! ```
//!
//! ```text docs/b.md
//! # B
//! ```
//!
//! ```text docs/c.md
//! # C
//! ```
//!
//! ```text docs/d.md
//! # D
//! ```
//!
//! ```text
//! .github/workflows/image.yml:2:3: info[docs-only-runs] a change of the 5 documents alone builds images that it cannot change
//! ```
//!
//! ```diff
//! --- a/.github/workflows/image.yml
//! +++ b/.github/workflows/image.yml
//! @@ -1,6 +1,7 @@
//!  on:
//!    push:
//!      branches: [main]
//! +    paths-ignore: ["docs/**", "**.md"]
//!  jobs:
//!    image:
//!      runs-on: ubuntu-latest
//! ```
//!
//! ### Changes that count
//!
//! ```dockerfile
//! FROM golang:1.25
//! COPY go.mod main.go ./
//! RUN go build
//! ```
//!
//! ```yaml .github/workflows/image.yml
//! on:
//!   push:
//!     branches: [main]
//!     paths-ignore: ["docs/**", "**.md"]
//! jobs:
//!   image:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: actions/checkout@v5
//!       - uses: docker/build-push-action@v6
//! ```
//!
//! ```text docs/a.md
//! # A
//! ```
//!
//! ```text docs/b.md
//! # B
//! ```
//!
//! ```text docs/c.md
//! # C
//! ```
//!
//! ```text docs/d.md
//! # D
//! ```
//!
//! ```text docs/e.md
//! # E
//! ```
//!
//! ## Also tested
//!
//! ### Copied, and tested
//!
//! ```dockerfile
//! FROM golang:1.25
//! COPY . .
//! RUN go build
//! ```
//!
//! ```dockerfile tools/Dockerfile
//! FROM golang:1.25
//! COPY tools/*.go ./
//! ```
//!
//! ```yaml .github/workflows/image.yml
//! on:
//!   push:
//!     branches: [main]
//! jobs:
//!   image:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: actions/checkout@v5
//!       - uses: docker/build-push-action@v6
//! ```
//!
//! ```yaml .github/workflows/tools.yml
//! on:
//!   push:
//!     branches: [main]
//! jobs:
//!   image:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: actions/checkout@v5
//!       - uses: docker/build-push-action@v6
//!         with: {file: tools/Dockerfile}
//!       - run: make test
//! ```
//!
//! ```text docs/a.md
//! # A
//! ```
//!
//! ```text docs/b.md
//! # B
//! ```
//!
//! ```text docs/c.md
//! # C
//! ```
//!
//! ```text docs/d.md
//! # D
//! ```
//!
//! ```text docs/e.md
//! # E
//! ```

use bakelint_core::prelude::*;

/// How many documents a repository must have.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Rule {
    /// The smallest number of documents that is reported.
    pub min_documents: usize,
}

impl Default for Rule {
    fn default() -> Self {
        Rule { min_documents: 5 }
    }
}

/// Actions that look at no documents.
const BLIND: &[&str] = &[
    "actions/checkout",
    "docker/build-push-action",
    "docker/bake-action",
    "docker/login-action",
    "docker/metadata-action",
    "docker/setup-buildx-action",
    "docker/setup-qemu-action",
    "aws-actions/configure-aws-credentials",
    "aws-actions/amazon-ecr-login",
    "google-github-actions/auth",
    "sigstore/cosign-installer",
    "actions/attest-build-provenance",
];

/// Programs that look at no documents.
const BLIND_PROGRAMS: &[&str] =
    &["docker", "echo", "printf", "cosign", "set", "export", "true", "exit", "date", "tr", "cut", "sed", "test", "["];

impl Check for Rule {
    const META: Meta = Meta {
        id: "docs-only-runs",
        severity: Severity::Info,
        confidence: Confidence::Medium,
        fix: Some(Safety::Unsafe),
        ..Meta::DEFAULT
    };

    fn check(&self, project: &Project, found: &mut Findings) {
        let documents: Vec<&str> =
            project.snapshot.paths().iter().map(String::as_str).filter(|path| is_document(path)).collect();
        if documents.len() < self.min_documents {
            return;
        }
        for (at, workflow) in project.workflows.iter().enumerate() {
            let filtered = |trigger: &workflow::Trigger| trigger.paths.is_some() || trigger.paths_ignore.is_some();
            let events = ["push", "pull_request"].iter().filter_map(|event| workflow.trigger(event));
            let events: Vec<&workflow::Trigger> = events
                .filter(|trigger| {
                    trigger.event.node == "pull_request" || trigger.branches.is_some() || trigger.tags.is_none()
                })
                .collect();
            let Some(first) = events.first() else { continue };
            if events.iter().any(|trigger| filtered(trigger)) || !only_builds(project, at, workflow) {
                continue;
            }
            let builds = project
                .builds
                .iter()
                .filter(|build| build.caller.as_ref().is_some_and(|caller| caller.step.workflow == at));
            let builds: Vec<&Build> = builds.collect();
            let Some(read): Option<Vec<Reads>> = builds.iter().map(|build| reads(project, build)).collect() else {
                continue;
            };
            let unread = documents.iter().filter(|path| !read.iter().any(|read| read.may_hold(path))).count();
            if builds.is_empty() || unread < self.min_documents || unread < documents.len() {
                continue;
            }
            let message = format!("a change of the {unread} documents alone builds images that it cannot change");
            let diagnostic = found.add(first.event.span, message);
            for other in &events[1..] {
                diagnostic.label(other.event.span, "here too");
            }
            diagnostic.help("`paths-ignore` keeps it from starting; for a required check, put a condition on the job");
            let text = project.text(workflow.file);
            let edits: Option<Vec<Vec<Edit>>> = events
                .iter()
                .map(|trigger| workflow.add_to_trigger(text, trigger, "paths-ignore: [\"docs/**\", \"**.md\"]"))
                .collect();
            if let Some(edits) = edits {
                diagnostic.fix(Fix::unsafe_("Leave documents out", edits.concat()));
            }
        }
    }
}

fn is_document(path: &str) -> bool {
    path.starts_with("docs/") || path.ends_with(".md")
}

/// Whether the jobs of a workflow do nothing that may look at documents.
fn only_builds(project: &Project, at: usize, workflow: &Workflow) -> bool {
    let blind = |(job_at, job): (usize, &Job)| {
        job.uses.is_none()
            && job.steps.iter().enumerate().all(|(step_at, step)| {
                let place = StepRef { workflow: at, job: job_at, step: step_at };
                match (&step.uses, &step.run) {
                    (Some(_), _) => BLIND.iter().any(|action| step.uses_action(action)),
                    (None, Some(_)) => project.step_script(place).is_some_and(|script| {
                        script.commands().iter().all(|command| {
                            let name = command.simple.system_program();
                            name.map_or(command.simple.words.is_empty(), |name| BLIND_PROGRAMS.contains(&name))
                        })
                    }),
                    _ => true,
                }
            })
    };
    workflow.jobs.iter().enumerate().all(blind)
}

/// What a build may read of the repository.
struct Reads {
    /// The context.
    folder: String,
    /// The paths, in the context, of what is copied and mounted; up to the first wild card.
    paths: Vec<String>,
    ignore: Option<dockerignore::Ignore>,
}

impl Reads {
    fn may_hold(&self, path: &str) -> bool {
        let inside = match self.folder.as_str() {
            "" => Some(path),
            folder => path.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/')),
        };
        let Some(inside) = inside else { return false };
        let ignored = self.ignore.as_ref().is_some_and(|ignore| ignore.is_ignored(inside));
        !ignored && self.paths.iter().any(|start| inside.starts_with(start.as_str()))
    }
}

/// What a build may read; `None` if that is not known.
fn reads(project: &Project, build: &Build) -> Option<Reads> {
    let Context::Folder(folder) = &build.context else { return None };
    let file = project.dockerfiles.get(build.dockerfile?)?;
    let mut paths = Vec::new();
    for instruction in &file.tree.instructions {
        match &instruction.body {
            Body::Copy(copy) | Body::Add(copy) if copy.from.is_none() => {
                for source in copy.sources.iter().filter(|source| source.heredoc.is_none()) {
                    paths.push(start(&source.word)?);
                }
            }
            Body::Run(run) => {
                for mount in run.mounts.iter().filter(|mount| mount.from().is_none()) {
                    let kind = mount.option(&["type"]).and_then(|kind| kind.value.as_deref());
                    if kind.is_none_or(|kind| kind == "bind") {
                        paths.push(String::new());
                    }
                }
            }
            Body::Onbuild(_) => return None,
            _ => {}
        }
    }
    // A named context may be any folder.
    if build.contexts.iter().any(|context| matches!(context.context, Context::Folder(_) | Context::Dynamic)) {
        return None;
    }
    let ignore = project.ignore_file(build, file).map(|file| dockerignore::parse(file, project.text(file)).0);
    Some(Reads { folder: folder.clone(), paths, ignore })
}

/// The path of a source up to its first wild card; `None` where a variable is in it.
fn start(word: &str) -> Option<String> {
    let path = dockerignore::clean(word);
    let path = path.trim_start_matches('/');
    let path = if path == "." { "" } else { path };
    (!path.contains('$')).then(|| path[..path.find(['*', '?', '[']).unwrap_or(path.len())].to_owned())
}
