//! The step that compiles also downloads what the project depends on.
//!
//! `go build` behind `COPY . .` runs anew with every change of the code, and each time downloads all modules first,
//! because nothing of an earlier run is left.
//!
//! Copy `go.mod` and `go.sum` alone, run `go mod download`, then copy the rest: the modules are downloaded anew only
//! when one of the two changes. Or keep them in a cache mount, `RUN --mount=type=cache,target=/go/pkg/mod`, which lives
//! as long as the builder does. The patch does the first for Go; it is not a safe one, since a `replace` may point to a
//! folder that is not there yet. See <https://docs.docker.com/guides/golang/build-images/>. For Maven the same is `mvn
//! dependency:go-offline`, for .NET `dotnet restore` of the project files, for Rust cargo-chef.
//!
//! Not flagged: builds behind a step that fetches the modules, with a cache mount, with a `vendor` folder, and copies
//! of single files.
//!
//! ## Examples
//!
//! ### All in one
//!
//! ```dockerfile
//! FROM golang:1.25 AS build
//! WORKDIR /src
//! COPY . .
//! RUN CGO_ENABLED=0 go build -o /shop ./cmd/shop
//!
//! FROM scratch
//! COPY --from=build /shop /shop
//! ```
//!
//! ```text go.mod
//! module example.com/shop
//!
//! require golang.org/x/text v0.30.0
//! ```
//!
//! ```text go.sum
//! golang.org/x/text v0.30.0 h1:x
//! ```
//!
//! ```text
//! Dockerfile:4:19: info[dependencies-in-build-step] `go build` downloads all dependencies anew whenever any file changes
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,5 +1,7 @@
//!  FROM golang:1.25 AS build
//!  WORKDIR /src
//! +COPY go.mod go.sum ./
//! +RUN go mod download
//!  COPY . .
//!  RUN CGO_ENABLED=0 go build -o /shop ./cmd/shop
//!
//! ```
//!
//! ### Modules first
//!
//! ```dockerfile
//! FROM golang:1.25 AS build
//! WORKDIR /src
//! COPY go.mod go.sum ./
//! RUN go mod download
//! COPY . .
//! RUN CGO_ENABLED=0 go build -o /shop ./cmd/shop
//! ```
//!
//! ```text go.mod
//! module example.com/shop
//!
//! require golang.org/x/text v0.30.0
//! ```
//!
//! ```text go.sum
//! golang.org/x/text v0.30.0 h1:x
//! ```
//!
//! ## Also tested
//!
//! ### A cache mount, and nothing to download
//!
//! ```dockerfile a/Dockerfile
//! FROM golang:1.25
//! WORKDIR /src
//! COPY . .
//! RUN --mount=type=cache,target=/go/pkg/mod go build -o /shop .
//! ```
//!
//! ```text a/go.mod
//! require golang.org/x/text v0.30.0
//! ```
//!
//! ```text a/go.sum
//! golang.org/x/text v0.30.0 h1:x
//! ```
//!
//! ```dockerfile b/Dockerfile
//! FROM golang:1.25
//! WORKDIR /src
//! COPY . .
//! RUN go build -o /shop .
//! ```
//!
//! ```text b/go.mod
//! module b
//! ```
//!
//! ### Maven
//!
//! ```dockerfile
//! FROM maven:3.9 AS build
//! COPY . /src
//! WORKDIR /src
//! RUN mvn --batch-mode package
//! ```
//!
//! ```text pom.xml
//! <project/>
//! ```
//!
//! ```text
//! Dockerfile:4:5: info[dependencies-in-build-step] `mvn package` downloads all dependencies anew whenever any file changes
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta {
        id: "dependencies-in-build-step",
        severity: Severity::Info,
        confidence: Confidence::Medium,
        fix: Some(Safety::Unsafe),
        ..Meta::DEFAULT
    };

    fn check(&self, project: &Project, found: &mut Findings) {
        for at in 0..project.dockerfiles.len() {
            let Some(folder) = project.context_folder(at) else { continue };
            for stage in 0..project.dockerfiles[at].tree.stages.len() {
                check_stage(project, at, stage, &folder, found);
            }
        }
    }
}

fn check_stage(project: &Project, at: usize, stage: usize, folder: &str, found: &mut Findings) {
    let dockerfile = &project.dockerfiles[at];
    let at_root = |name: &str| if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
    let mut workdir: Option<String> = None;
    let mut whole: Option<(usize, Span, Option<String>)> = None;
    // A stage on another one of the file may find there what that one has fetched.
    if matches!(dockerfile.base(stage, project.builds_of(at).next()), Base::Stage(_)) {
        return;
    }
    for (index, instruction) in dockerfile.stage_instructions(stage) {
        match &instruction.body {
            Body::Workdir(path) if path.starts_with('/') => workdir = Some(path.trim_end_matches('/').to_owned()),
            Body::Workdir(path) => workdir = workdir.map(|workdir| format!("{workdir}/{}", &**path)),
            Body::Copy(copy) | Body::Add(copy) if copy.from.is_none() && whole.is_none() => {
                let all = copy.sources.iter().find(|source| matches!(&*source.word, "." | "./" | "/"));
                let to = copy.destination.trim_end_matches('/');
                let to = if matches!(to, "." | "") { workdir.clone() } else { Some(to.to_owned()) };
                whole = all.map(|source| (index, source.word.span(), to));
            }
            Body::Copy(_) if whole.is_none() => {}
            Body::Run(_) => {
                let Some(run) = project.run_at(at, index) else { return };
                let fetches = run.packages.iter().any(|command| {
                    matches!(command.action, Action::Fetch | Action::Install) && !command.manager.is_system()
                });
                let Some((copy, span, to)) = &whole else {
                    if fetches || !run.readable {
                        return;
                    }
                    continue;
                };
                if fetches || !run.mounts.is_empty() || !run.readable {
                    return;
                }
                let Some(build) = run.packages.iter().find(|command| command.action == Action::Build) else { continue };
                let (manifest, lock, way) = match build.manager {
                    Manager::Go => ("go.mod", "go.sum", "copy `go.mod` and `go.sum` first and run `go mod download`"),
                    Manager::Maven => {
                        ("pom.xml", "pom.xml", "copy the `pom.xml` first and run `mvn dependency:go-offline`")
                    }
                    _ => return,
                };
                let there = |name: &str| project.snapshot.has_path(&at_root(name));
                if !there(manifest) || !there(lock) || project.snapshot.is_folder(&at_root("vendor")) {
                    return;
                }
                let diagnostic = found.add_at(
                    dockerfile,
                    index,
                    build.title_span(),
                    "here",
                    format!("`{}` downloads all dependencies anew whenever any file changes", build.title()),
                );
                diagnostic.label(*span, "every file of the context");
                diagnostic.help(format!("{way}, or keep the downloads in a cache mount"));
                let moved = project.commands(run).iter().any(|command| command.simple.name() == Some("cd"));
                let manifest_text = project.snapshot.find(&at_root(manifest)).map_or("", |file| project.text(file));
                let local = manifest_text.contains("=> .") || there("go.work");
                if build.manager == Manager::Go
                    && !moved
                    && !local
                    && workdir.is_some()
                    && *to == workdir
                    && *copy + 1 == index
                {
                    let text = dockerfile.source.text();
                    let eol = dockerfile.tree.line_ending(text);
                    let lines = format!("COPY go.mod go.sum ./{eol}RUN go mod download{eol}");
                    if let Some(first) = dockerfile.tree.instructions.get(*copy) {
                        let edits = vec![Edit::insert(first.full_span, lines)];
                        diagnostic
                            .fix(Fix::unsafe_("Download the modules before the code is copied", edits).rebuilds_once());
                    }
                }
                return;
            }
            _ => {}
        }
    }
}
