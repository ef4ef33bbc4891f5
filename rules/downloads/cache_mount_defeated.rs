//! A cache mount is there, and an option or command next to it keeps it from being used.
//!
//! `--mount=type=cache` keeps downloads between builds without making them part of the image. `pip install
//! --no-cache-dir` neither reads nor writes them, `npm cache clean` empties them in the same step: everything is
//! downloaded anew, and the mount does nothing but look good. Such options belong to images that are built without a
//! cache mount, where they keep layers small.
//!
//! Official images of Debian and Ubuntu come with `/etc/apt/apt.conf.d/docker-clean`, which makes apt remove each
//! package from `/var/cache/apt` as soon as it is installed; with a cache mount it has to go. See
//! <https://docs.docker.com/reference/dockerfile/#example-cache-apt-packages>.
//!
//! The patch drops the option of pip and uv, which changes nothing in the image. Removing `docker-clean` is offered as
//! an unsafe one.
//!
//! Not flagged: commands whose cache is not mounted, `uv cache prune`, which keeps what is in use unless it is told `--ci`, options whose value is not known, and apt in images of which it is
//! not known that they have `docker-clean`.
//!
//! ## Examples
//!
//! ### An option from before the mount
//!
//! ```dockerfile
//! FROM python:3.13-slim
//! RUN --mount=type=cache,target=/root/.cache/pip pip install --no-cache-dir django==5.2.8
//! ```
//!
//! ```text
//! Dockerfile:2:60: warning[cache-mount-defeated] `--no-cache-dir` leaves the cache mount unused
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,2 +1,2 @@
//!  FROM python:3.13-slim
//! -RUN --mount=type=cache,target=/root/.cache/pip pip install --no-cache-dir django==5.2.8
//! +RUN --mount=type=cache,target=/root/.cache/pip pip install django==5.2.8
//! ```
//!
//! ### The mount alone
//!
//! ```dockerfile
//! FROM python:3.13-slim
//! RUN --mount=type=cache,target=/root/.cache/pip pip install django==5.2.8
//! RUN pip install --no-cache-dir gunicorn==23.0.0
//! ```
//!
//! ### Packages that are removed at once
//!
//! ```dockerfile
//! FROM debian:12
//! RUN --mount=type=cache,target=/var/cache/apt,sharing=locked apt-get update && apt-get install -y curl
//! ```
//!
//! ```text
//! Dockerfile:2:5: warning[cache-mount-defeated] the image's `docker-clean` has apt remove packages from the cache mount once they are installed
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,2 +1,3 @@
//!  FROM debian:12
//! +RUN rm -f /etc/apt/apt.conf.d/docker-clean
//!  RUN --mount=type=cache,target=/var/cache/apt,sharing=locked apt-get update && apt-get install -y curl
//! ```
//!
//! ## Also tested
//!
//! ### Entries that nothing uses
//!
//! ```dockerfile
//! FROM python:3.13-slim
//! COPY requirements.txt .
//! RUN --mount=type=cache,target=/root/.cache/uv uv pip install -r requirements.txt && uv cache prune
//! RUN --mount=type=cache,target=/root/.cache/uv uv pip install -r requirements.txt && uv cache prune --ci
//! ```
//!
//! ```text
//! Dockerfile:4:85: warning[cache-mount-defeated] `uv cache prune` empties the cache mount
//! ```
//!
//! ### Emptied in the same step
//!
//! ```dockerfile
//! FROM node:24
//! RUN --mount=type=cache,target=/root/.npm npm ci && npm cache clean --force
//! RUN --mount=type=cache,target=/root/.cache/uv \
//!     uv pip install --system --no-cache ruff==0.14.0
//! RUN --mount=type=cache,target=/root/.cache pip install ruff && rm -rf /root/.cache/*
//! ```
//!
//! ```text
//! Dockerfile:2:52: warning[cache-mount-defeated] `npm cache clean` empties the cache mount
//! Dockerfile:3:1: warning[cache-mount-defeated] `--no-cache` leaves the cache mount unused
//! Dockerfile:5:64: warning[cache-mount-defeated] the cache mount `/root/.cache` is emptied in the same step
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,5 +1,5 @@
//!  FROM node:24
//!  RUN --mount=type=cache,target=/root/.npm npm ci && npm cache clean --force
//!  RUN --mount=type=cache,target=/root/.cache/uv \
//! -    uv pip install --system --no-cache ruff==0.14.0
//! +    uv pip install --system ruff==0.14.0
//!  RUN --mount=type=cache,target=/root/.cache pip install ruff && rm -rf /root/.cache/*
//! ```
//!
//! ### By the environment
//!
//! ```dockerfile
//! FROM python:3.13
//! ENV PIP_NO_CACHE_DIR=1
//! RUN --mount=type=cache,target=/root/.cache/pip pip install django==5.2.8
//! RUN --mount=type=cache,target=/root/.cache/pip PIP_NO_CACHE_DIR=0 pip install django==5.2.8
//! ```
//!
//! ```text
//! Dockerfile:3:5: warning[cache-mount-defeated] `PIP_NO_CACHE_DIR=1` leaves the cache mount unused
//! ```
//!
//! ### With docker-clean out of the way, and in an image that is not known
//!
//! ```dockerfile
//! FROM ubuntu:24.04 AS a
//! RUN rm -f /etc/apt/apt.conf.d/docker-clean
//! RUN --mount=type=cache,target=/var/cache/apt,sharing=locked apt-get update && apt-get install -y curl
//!
//! FROM ghcr.io/example/base:1
//! RUN --mount=type=cache,target=/var/cache/apt,sharing=locked apt-get update && apt-get install -y curl
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "cache-mount-defeated", fix: Some(Safety::Safe), ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for run in project.all_runs() {
            by_option(project, run, found);
            by_cleaning(project, run, found);
            by_docker_clean(project, run, found);
        }
    }
}

fn is_yes(value: &str) -> bool {
    !matches!(value.to_lowercase().as_str(), "" | "0" | "false" | "no" | "off" | "n" | "f")
}

/// Options and variables that make a package manager go without its cache.
fn by_option(project: &Project, run: &Run, found: &mut Findings) {
    let fetches = |command: &&PackageCommand| matches!(command.action, Action::Install | Action::Fetch | Action::Build);
    for command in run.packages.iter().filter(fetches) {
        let (options, variable): (&[&str], _) = match command.manager {
            Manager::Pip => (&["--no-cache-dir"], "PIP_NO_CACHE_DIR"),
            Manager::Uv => (&["--no-cache", "--no-cache-dir", "-n"], "UV_NO_CACHE"),
            _ => continue,
        };
        let Some(mount) = run.cache_mount(command.manager) else { continue };
        let dockerfile = &project.dockerfiles[run.dockerfile];
        if command.has(options)
            && let Some(option) = command.option(options)
        {
            let message = format!("`{}` leaves the cache mount unused", option.name);
            let diagnostic = found.add_at(dockerfile, run.instruction, option.span, "here", message);
            diagnostic.label(mount.span, "the mount");
            diagnostic.help("what lies in the mount does not become part of the image");
            if !run.exec {
                let edit = dockerfile.tree.remove_word(dockerfile.source.text(), option.span);
                diagnostic.fix(Fix::safe(format!("Drop `{}`", option.name), vec![edit]).rebuilds_once());
            }
        } else if let dockerfile::Lookup::Set(value) = project.variable_of(run, command, variable)
            && is_yes(&value)
        {
            let message = format!("`{variable}={value}` leaves the cache mount unused");
            let diagnostic = found.add_at(dockerfile, run.instruction, mount.span, "the mount", message);
            diagnostic.help("unset the variable: what lies in the mount does not become part of the image");
        }
    }
}

/// Commands that empty the mounted directory.
fn by_cleaning(project: &Project, run: &Run, found: &mut Findings) {
    let dockerfile = &project.dockerfiles[run.dockerfile];
    // `uv cache prune` removes what nothing uses any more; only with `--ci` do the downloads go.
    let keeps = |command: &PackageCommand| {
        command.manager == Manager::Uv && command.verb() == "cache prune" && !command.has(&["--ci"])
    };
    for clean in run.packages.iter().filter(|command| command.action == Action::Clean && !keeps(command)) {
        let Some(mount) = run.cache_mount(clean.manager) else { continue };
        let message = format!("`{}` empties the cache mount", clean.title());
        let diagnostic = found.add_at(dockerfile, run.instruction, clean.title_span(), "here", message);
        diagnostic.label(mount.span, "the mount");
        diagnostic.help("what lies in the mount does not become part of the image");
    }
    for mount in run.mounts.iter().filter(|mount| mount.kind == Some(dockerfile::MountType::Cache)) {
        let Some(target) = mount.target.as_deref().filter(|target| target.len() > 1) else { continue };
        let empties = |removal: &&Removal| {
            let one = Run::empties(&removal.paths, target);
            one && !run.packages.iter().any(|command| command.command == removal.command)
        };
        if let Some(removal) = run.removals.iter().find(empties) {
            let message = format!("the cache mount `{target}` is emptied in the same step");
            let diagnostic = found.add_at(dockerfile, run.instruction, removal.span, "here", message);
            diagnostic.label(mount.span, "the mount");
            diagnostic.help("what lies in the mount does not become part of the image");
        }
    }
}

/// The configuration of apt in official images.
fn by_docker_clean(project: &Project, run: &Run, found: &mut Findings) {
    let Some(install) = run.installs().find(|install| install.manager == Manager::Apt) else { return };
    let keeps = |mount: &&MountedDirectory| {
        let target = mount.target.as_deref().map(|target| target.trim_end_matches('/'));
        mount.kind == Some(dockerfile::MountType::Cache)
            && matches!(target, Some("/var/cache/apt" | "/var/cache/apt/archives"))
    };
    let Some(mount) = run.mounts.iter().find(keeps) else { return };
    let dockerfile = &project.dockerfiles[run.dockerfile];
    let is_official = project.root_image(run.dockerfile, run.stage).is_some_and(|image| has_docker_clean(&image));
    let mentions = |instruction: &Instruction| {
        let words = ["docker-clean", "apt.conf.d", "Keep-Downloaded", "APT_CONFIG"];
        let bodies = instruction.heredocs.iter().any(|heredoc| words.iter().any(|word| heredoc.body.contains(word)));
        bodies || words.iter().any(|word| instruction.text.contains(word))
    };
    if !is_official || dockerfile.tree.instructions.iter().any(mentions) {
        return;
    }
    let message = "the image's `docker-clean` has apt remove packages from the cache mount once they are installed";
    let diagnostic = found.add_at(dockerfile, run.instruction, mount.span, "the mount", message);
    if mount.span != install.span {
        diagnostic.label(install.title_span(), "downloads all of them each time");
    }
    diagnostic.help("remove /etc/apt/apt.conf.d/docker-clean before");
    let word = dockerfile.tree.instructions.get(run.instruction).map_or("RUN", |instruction| &instruction.word);
    let line = format!("{word} rm -f /etc/apt/apt.conf.d/docker-clean");
    if let Some(edit) = dockerfile.tree.insert_before(dockerfile.source.text(), run.instruction, &line) {
        diagnostic.fix(Fix::unsafe_("Remove `docker-clean`", vec![edit]).rebuilds_once());
    }
}

/// Whether an image is Debian or Ubuntu, or an official one made of them.
fn has_docker_clean(image: &ImageRef) -> bool {
    const MADE_OF_DEBIAN: &[&str] =
        &["buildpack-deps", "debian", "golang", "node", "perl", "php", "python", "ruby", "rust", "ubuntu"];
    let official = image.name();
    let official = official.strip_prefix("docker.io/library/").unwrap_or(&official);
    let tag = image.tag.as_deref().unwrap_or_default();
    let other = ["alpine", "windows", "nanoserver"].iter().any(|word| tag.contains(word));
    MADE_OF_DEBIAN.contains(&official) && !other
}
