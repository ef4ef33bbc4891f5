//! Files are copied before packages are installed that do not depend on them.
//!
//! A step behind `COPY . .` is run anew whenever a file of the context changes. Installing `curl` from the distribution
//! reads none of them; it waits for them all the same, and with it everything that is downloaded behind. See
//! <https://docs.docker.com/build/cache/optimize/#order-your-layers>.
//!
//! Install the packages first. The patch moves the step above the copy. It is a safe one: the step does nothing but
//! install, by name, packages of the distribution and clean up, and what is copied does not lie where a package manager
//! looks for its settings.
//!
//! Not flagged: packages that a file lists or that are files themselves, copies to `/`, `/etc`, `/var/www` and wherever
//! else packages put files, copies from other stages and of single files, steps behind a change of user, shell or
//! environment, and steps that another step on the way down may need to be where they are.
//!
//! ## Examples
//!
//! ### The code first
//!
//! ```dockerfile
//! FROM python:3.13-slim
//! WORKDIR /app
//! COPY . .
//! RUN apt-get update && apt-get install -y --no-install-recommends libpq5 && rm -rf /var/lib/apt/lists/*
//! CMD ["python", "app.py"]
//! ```
//!
//! ```text
//! Dockerfile:4:1: warning[copy-before-packages] these packages are installed anew whenever a file changes that is copied above
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,5 +1,5 @@
//!  FROM python:3.13-slim
//!  WORKDIR /app
//! +RUN apt-get update && apt-get install -y --no-install-recommends libpq5 && rm -rf /var/lib/apt/lists/*
//!  COPY . .
//! -RUN apt-get update && apt-get install -y --no-install-recommends libpq5 && rm -rf /var/lib/apt/lists/*
//!  CMD ["python", "app.py"]
//! ```
//!
//! ### Packages first
//!
//! ```dockerfile
//! FROM python:3.13-slim
//! RUN apt-get update && apt-get install -y --no-install-recommends libpq5 && rm -rf /var/lib/apt/lists/*
//! WORKDIR /app
//! COPY . .
//! CMD ["python", "app.py"]
//! ```
//!
//! ## Also tested
//!
//! ### Something stands between
//!
//! ```dockerfile
//! FROM debian:12
//! COPY . /src
//! RUN /src/setup-repositories.sh
//! RUN apt-get update && apt-get install -y curl
//! ```
//!
//! ### As another user
//!
//! ```dockerfile
//! FROM debian:12
//! COPY src /src
//! USER root
//! RUN apt-get update && apt-get install -y curl
//! ```
//!
//! ### What the package manager may read
//!
//! ```dockerfile
//! FROM debian:12
//! COPY . /
//! RUN apt-get update && apt-get install -y curl
//! ```
//!
//! ### A folder, and a comment above the step
//!
//! ```dockerfile
//! FROM alpine:3.22
//! COPY src /src
//! COPY docs /docs
//!
//! # For the checks.
//! RUN apk add --no-cache \
//!     # a comment
//!     curl
//! ENTRYPOINT ["/src/run"]
//! ```
//!
//! ```text src/run
//! ```
//!
//! ```text docs/a.md
//! ```
//!
//! ```text
//! Dockerfile:6:1: warning[copy-before-packages] these packages are installed anew whenever a file changes that is copied above
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,9 +1,9 @@
//!  FROM alpine:3.22
//! -COPY src /src
//! -COPY docs /docs
//! -
//!  # For the checks.
//!  RUN apk add --no-cache \
//!      # a comment
//!      curl
//! +COPY src /src
//! +COPY docs /docs
//! +
//!  ENTRYPOINT ["/src/run"]
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "copy-before-packages", fix: Some(Safety::Safe), ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for at in 0..project.dockerfiles.len() {
            for stage in 0..project.dockerfiles[at].tree.stages.len() {
                check_stage(project, at, stage, found);
            }
        }
    }
}

/// Looks at the first RUN behind a copy. Of a further one it is not known whether it needs those before it.
fn check_stage(project: &Project, at: usize, stage: usize, found: &mut Findings) {
    let dockerfile = &project.dockerfiles[at];
    let folder = project.context_folder(at);
    let mut workdir: Option<String> = None;
    let mut first: Option<usize> = None;
    let mut wide: Option<&dockerfile::Copy> = None;
    for (index, instruction) in dockerfile.stage_instructions(stage) {
        match &instruction.body {
            Body::Workdir(path) if path.starts_with('/') => workdir = Some(path.to_string()),
            Body::Workdir(path) => workdir = workdir.map(|workdir| format!("{workdir}/{}", &**path)),
            Body::Copy(copy) | Body::Add(copy) if is_harmless(copy, workdir.as_deref()) => {
                first.get_or_insert(index);
                if wide.is_none() && is_wide(project, folder.as_deref(), copy) {
                    wide = Some(copy);
                }
            }
            Body::Run(_) if first.is_none() => {}
            Body::Run(_) => {
                let run = project.run_at(at, index);
                let by_name = run.is_some_and(|run| run.mounts.is_empty() && project.installs_by_name(run));
                if let (true, Some(first), Some(copy)) = (by_name, first, wide) {
                    report(dockerfile, first, copy, index, found);
                }
                return;
            }
            Body::Label(_) | Body::Expose(_) | Body::Cmd(_) | Body::Entrypoint(_) | Body::Volume(_) => {}
            _ => (first, wide) = (None, None),
        }
    }
}

/// Whether a copy brings nothing that a package manager reads, and replaces nothing that a package brings.
fn is_harmless(copy: &dockerfile::Copy, workdir: Option<&str>) -> bool {
    const SYSTEM: &[&str] =
        &["bin", "dev", "etc", "lib", "lib64", "proc", "run", "sbin", "share", "include", "cache", "www"];
    let to = &*copy.destination;
    let to = if to.starts_with('/') { Some(to.to_owned()) } else { workdir.map(|workdir| format!("{workdir}/{to}")) };
    let Some(to) = to else { return false };
    let mut parts = to.split('/').filter(|part| !matches!(*part, "" | ".")).peekable();
    let mut depth = 0;
    while let Some(part) = parts.next() {
        match (depth, part) {
            (0, "usr" | "var") | (1, "local") if parts.peek().is_some() => depth += 1,
            (0, "usr" | "var") | (1, "local") => return false,
            _ => {
                return copy.from.is_none()
                    && !to.contains(['$', '\\'])
                    && !to.contains("..")
                    && !SYSTEM.contains(&part);
            }
        }
    }
    false
}

/// Whether a copy takes a folder of the context, so that it changes often.
fn is_wide(project: &Project, folder: Option<&str>, copy: &dockerfile::Copy) -> bool {
    copy.sources.iter().any(|source| {
        let path = source.word.trim_start_matches("./").trim_end_matches('/');
        let inside = folder.map(|folder| if folder.is_empty() { path.to_owned() } else { format!("{folder}/{path}") });
        source.heredoc.is_none()
            && (matches!(path, "" | ".") || inside.is_some_and(|path| project.snapshot.is_folder(&path)))
    })
}

fn report(dockerfile: &Dockerfile, above: usize, copy: &dockerfile::Copy, step: usize, found: &mut Findings) {
    let (tree, text) = (&dockerfile.tree, dockerfile.source.text());
    let (Some(first), Some(run)) = (tree.instructions.get(above), tree.instructions.get(step)) else { return };
    let Some(source) = copy.sources.first() else { return };
    let message = "these packages are installed anew whenever a file changes that is copied above";
    let diagnostic = found.add(dockerfile.on_first_line(run, run.span), message);
    diagnostic.label(source.word.span(), "all of this is part of what the step is cached by");
    diagnostic.help("install packages of the distribution before the files of the project are copied");
    // Comments right above the step are about it.
    let before = tree.lines.get(..(run.lines.0 as usize).saturating_sub(1)).unwrap_or_default();
    let comments = before.iter().rev().take_while(|line| line.kind == dockerfile::LineKind::Comment);
    let lines = comments.last().map_or(run.full_span, |line| line.span.cover(run.full_span));
    let mut moved = dockerfile.source.slice(lines).to_owned();
    if !moved.ends_with('\n') {
        moved.push_str(tree.line_ending(text));
    }
    let edits = vec![Edit::insert(first.full_span, moved), Edit::delete(lines)];
    diagnostic.fix(Fix::safe("Install the packages before the files are copied", edits).rebuilds_once());
}
