//! A package manager's lists or downloads stay in the image.
//!
//! `apt-get update` writes tens of megabytes below `/var/lib/apt/lists`, dnf as much below `/var/cache/dnf`, and pip keeps a copy of
//! every wheel that it downloads. A layer holds what is there when its RUN ends: an `rm` in a later RUN hides the files, but they are
//! pushed and pulled for as long as the image lives. So they have to go in the RUN that made them, or never become part of it:
//! `apk --no-cache`, `pip --no-cache-dir`, or a cache mount, which also saves the download next time
//! (<https://docs.docker.com/build/cache/optimize/>).
//!
//! Looked at are stages whose layers end up in an image. In a stage that only hands files on to another one, in a build without an image
//! (`type=cacheonly`, `type=local`), and for yarn from version 2 on, it is a hint of low confidence.
//!
//! Not flagged: a RUN with a cache or tmpfs mount over the directory, one that removes it in whatever spelling or runs a script that is named
//! as one that cleans up, and scripts that cannot be read. The fix for apt is not offered where a later RUN installs without an `apt-get
//! update` of its own, because it needs the lists.
//!
//! ## Compared with hadolint
//!
//! DL3060 flags every `yarn install`. Yarn from version 2 on may run an application from its cache, so where the repository has a
//! `.yarnrc.yml` or corepack chooses the version, it is a hint; so are all its codes in stages whose layers are not shipped.
//!
//! ## Examples
//!
//! ### Lists of apt
//!
//! ```dockerfile
//! FROM debian:12
//! RUN apt-get update \
//!  && apt-get install -y --no-install-recommends \
//!       curl \
//!       git
//! ```
//!
//! ```text
//! Dockerfile:2:5: warning[package-cache-kept] `apt-get update` leaves the package lists in this layer
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -2,4 +2,5 @@
//!  RUN apt-get update \
//!   && apt-get install -y --no-install-recommends \
//!        curl \
//! -      git
//! +      git \
//! + && rm -rf /var/lib/apt/lists/*
//! ```
//!
//! ### Index of apk
//!
//! ```dockerfile
//! FROM alpine:3.21
//! RUN apk add --virtual .build-deps gcc \
//!       make
//! ```
//!
//! ```text
//! Dockerfile:2:5: info[package-cache-kept] `apk add` leaves the package index in this layer
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,3 +1,3 @@
//!  FROM alpine:3.21
//! -RUN apk add --virtual .build-deps gcc \
//! +RUN apk add --no-cache --virtual .build-deps gcc \
//!        make
//! ```
//!
//! ### Wheels of pip
//!
//! ```dockerfile
//! FROM python:3.13-slim
//! RUN python -m pip install -r requirements.txt
//! ```
//!
//! ```text
//! Dockerfile:2:5: warning[package-cache-kept] `pip install` leaves the downloads in this layer
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,2 +1,2 @@
//!  FROM python:3.13-slim
//! -RUN python -m pip install -r requirements.txt
//! +RUN python -m pip install --no-cache-dir -r requirements.txt
//! ```
//!
//! ### Metadata of dnf and zypper
//!
//! ```dockerfile
//! FROM fedora:42
//! RUN dnf -y install httpd
//! RUN yum install -y git && yum clean metadata
//! RUN zypper -n in git
//! ```
//!
//! ```text
//! Dockerfile:2:5: warning[package-cache-kept] `dnf install` leaves the metadata and packages in this layer
//! Dockerfile:3:5: warning[package-cache-kept] `yum install` leaves the metadata and packages in this layer
//! Dockerfile:4:5: info[package-cache-kept] `zypper in` leaves the metadata and packages in this layer
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,4 +1,4 @@
//!  FROM fedora:42
//! -RUN dnf -y install httpd
//! -RUN yum install -y git && yum clean metadata
//! -RUN zypper -n in git
//! +RUN dnf -y install httpd && dnf clean all
//! +RUN yum install -y git && yum clean all && yum clean metadata
//! +RUN zypper -n in git && zypper clean --all
//! ```
//!
//! ### Gone in the same layer, or never in it
//!
//! ```dockerfile
//! FROM debian:12
//! RUN apt-get update && apt-get install -y curl && rm -rf /var/lib/apt/lists/*
//! RUN --mount=type=cache,target=/var/cache/apt,sharing=locked --mount=type=cache,target=/var/lib/apt,sharing=locked \
//!     apt-get update && apt-get install -y git
//! RUN pip install --no-cache-dir flask==3.1.0
//! RUN --mount=type=cache,target=/root/.cache/pip pip install django
//! RUN apk add --no-cache git
//! RUN dnf install -y git && dnf clean all
//! ```
//!
//! ## Also tested
//!
//! ### A build that only checks, where it is a hint
//!
//! ```dockerfile
//! FROM debian:12
//! RUN apt-get update && apt-get install -y --no-install-recommends shfmt
//! ```
//!
//! ```hcl
//! target "validate" {
//!   output = ["type=cacheonly"]
//! }
//! ```
//!
//! ```text
//! Dockerfile:2:5: warning[package-cache-kept] `apt-get update` leaves the package lists in this layer
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,2 +1,2 @@
//!  FROM debian:12
//! -RUN apt-get update && apt-get install -y --no-install-recommends shfmt
//! +RUN apt-get update && apt-get install -y --no-install-recommends shfmt && rm -rf /var/lib/apt/lists/*
//! ```
//!
//! ### A Dockerfile in a compose file
//!
//! ```yaml compose.yaml
//! services:
//!   db:
//!     build:
//!       dockerfile_inline: |
//!         FROM debian:12
//!         RUN apt-get update \
//!           && apt-get install -y curl
//!         RUN echo $$HOME
//! ```
//!
//! ```text
//! compose.yaml:6:13: warning[package-cache-kept] `apt-get update` leaves the package lists in this layer
//! ```
//!
//! ```diff
//! --- a/compose.yaml
//! +++ b/compose.yaml
//! @@ -4,5 +4,6 @@
//!        dockerfile_inline: |
//!          FROM debian:12
//!          RUN apt-get update \
//! -          && apt-get install -y curl
//! +          && apt-get install -y curl \
//! +          && rm -rf /var/lib/apt/lists/*
//!          RUN echo $$HOME
//! ```
//!
//! ### A Dockerfile in a bake file
//!
//! ```hcl
//! variable "VERSION" { default = "12" }
//!
//! target "db" {
//!   dockerfile-inline = <<-EOT
//!     FROM debian:${VERSION}
//!     RUN apt-get update && apt-get install -y curl
//!     # bakelint: ignore[package-cache-kept] on purpose
//!     RUN apt-get update && apt-get install -y jq
//!   EOT
//! }
//! ```
//!
//! ```text
//! docker-bake.hcl:6:9: warning[package-cache-kept] `apt-get update` leaves the package lists in this layer
//! ```
//!
//! ```diff
//! --- a/docker-bake.hcl
//! +++ b/docker-bake.hcl
//! @@ -3,7 +3,7 @@
//!  target "db" {
//!    dockerfile-inline = <<-EOT
//!      FROM debian:${VERSION}
//! -    RUN apt-get update && apt-get install -y curl
//! +    RUN apt-get update && apt-get install -y curl && rm -rf /var/lib/apt/lists/*
//!      # bakelint: ignore[package-cache-kept] on purpose
//!      RUN apt-get update && apt-get install -y jq
//!    EOT
//! ```
//!
//! ### A Dockerfile in a script
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   image:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: |
//!           docker build -t tool - <<'EOF'
//!           FROM debian:12
//!           RUN apt-get update && apt-get install -y curl
//!           EOF
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:9:15: warning[package-cache-kept] `apt-get update` leaves the package lists in this layer
//! ```
//!
//! ```diff
//! --- a/.github/workflows/ci.yml
//! +++ b/.github/workflows/ci.yml
//! @@ -6,5 +6,5 @@
//!        - run: |
//!            docker build -t tool - <<'EOF'
//!            FROM debian:12
//! -          RUN apt-get update && apt-get install -y curl
//! +          RUN apt-get update && apt-get install -y curl && rm -rf /var/lib/apt/lists/*
//!            EOF
//! ```
//!
//! ### Other ways of keeping no cache
//!
//! ```dockerfile
//! FROM python:3.13-slim AS base
//! ENV PIP_NO_CACHE_DIR=1
//! FROM base
//! RUN pip install flask
//! RUN PIP_NO_CACHE_DIR=0 pip install flask && rm -rf ~/.cache
//! RUN pip install flask && pip cache purge
//! RUN pip install flask && rm -rf "$HOME/.cache/pip"
//! RUN apt-get update && apt-get install -y git && apt-get distclean
//! RUN apt-get update && ./cleanup.sh
//! RUN apk update && apk add git && rm -rf /var/cache/apk/*
//! RUN --mount=type=cache,target=/pkgs ln -s /pkgs /etc/apk/cache && apk add git
//! RUN microdnf install -y git && rm -rf /var/cache/yum
//! RUN zypper -n in git && zypper cc -a
//! SHELL ["pwsh", "-Command"]
//! RUN apt-get update
//! ```
//!
//! ### An argument sets it
//!
//! ```dockerfile
//! FROM python:3.13-slim
//! ARG PIP_NO_CACHE_DIR=true
//! RUN pip install flask
//! ```
//!
//! ### A later step needs the lists
//!
//! ```dockerfile
//! FROM debian:12 AS base
//! RUN apt-get update
//! FROM base
//! RUN apt-get install -y curl
//! ```
//!
//! ```text
//! Dockerfile:2:5: warning[package-cache-kept] `apt-get update` leaves the package lists in this layer
//! ```
//!
//! ### Layouts
//!
//! ```dockerfile
//! FROM debian:12
//! RUN set -eux; \
//!     apt-get update; \
//!     apt-get install -y curl; \
//!     curl --version
//! RUN sudo apt-get update && sudo apt-get install -y git && git --version
//! RUN <<EOF
//! apt-get update
//! apt-get install -y make
//! make --version
//! EOF
//! RUN ["apt-get", "update"]
//! RUN apt-get update || true
//! ONBUILD RUN apt-get update
//! ```
//!
//! ```text
//! Dockerfile:2:1: warning[package-cache-kept] `apt-get update` leaves the package lists in this layer
//! Dockerfile:6:10: warning[package-cache-kept] `apt-get update` leaves the package lists in this layer
//! Dockerfile:7:1: warning[package-cache-kept] `apt-get update` leaves the package lists in this layer
//! Dockerfile:12:7: warning[package-cache-kept] `apt-get update` leaves the package lists in this layer
//! Dockerfile:13:5: warning[package-cache-kept] `apt-get update` leaves the package lists in this layer
//! Dockerfile:14:13: warning[package-cache-kept] `apt-get update` leaves the package lists in this layer
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -2,13 +2,15 @@
//!  RUN set -eux; \
//!      apt-get update; \
//!      apt-get install -y curl; \
//! +    rm -rf /var/lib/apt/lists/*; \
//!      curl --version
//! -RUN sudo apt-get update && sudo apt-get install -y git && git --version
//! +RUN sudo apt-get update && sudo apt-get install -y git && sudo rm -rf /var/lib/apt/lists/* && git --version
//!  RUN <<EOF
//!  apt-get update
//!  apt-get install -y make
//! +rm -rf /var/lib/apt/lists/*
//!  make --version
//!  EOF
//!  RUN ["apt-get", "update"]
//!  RUN apt-get update || true
//! -ONBUILD RUN apt-get update
//! +ONBUILD RUN apt-get update && rm -rf /var/lib/apt/lists/*
//! ```
//!
//! ### Lists that end in an option, chains with `&&` at either end, and an option with a value
//!
//! ```dockerfile
//! FROM debian:12
//! RUN apt-get update \
//!  && apt-get install -y \
//!       zsh \
//!       # for scripts
//!       bash \
//!       --no-install-recommends \
//!  && zsh --version
//! FROM debian:12
//! RUN apt-get update && \
//!     apt-get install -y \
//!       git \
//!       make && \
//!     git --version
//! FROM alpine:3.21
//! RUN apk add curl --repository https://dl-cdn.alpinelinux.org/alpine/edge/testing \
//!       jq
//! RUN apk update && \
//!     apk add git
//! ```
//!
//! ```text
//! Dockerfile:2:5: warning[package-cache-kept] `apt-get update` leaves the package lists in this layer
//! Dockerfile:10:5: warning[package-cache-kept] `apt-get update` leaves the package lists in this layer
//! Dockerfile:16:5: info[package-cache-kept] `apk add` leaves the package index in this layer
//! Dockerfile:18:1: info[package-cache-kept] `apk add` leaves the package index in this layer
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -5,15 +5,18 @@
//!        # for scripts
//!        bash \
//!        --no-install-recommends \
//! + && rm -rf /var/lib/apt/lists/* \
//!   && zsh --version
//!  FROM debian:12
//!  RUN apt-get update && \
//!      apt-get install -y \
//!        git \
//!        make && \
//! +    rm -rf /var/lib/apt/lists/* && \
//!      git --version
//!  FROM alpine:3.21
//! -RUN apk add curl --repository https://dl-cdn.alpinelinux.org/alpine/edge/testing \
//! +RUN apk add --no-cache curl --repository https://dl-cdn.alpinelinux.org/alpine/edge/testing \
//!        jq
//!  RUN apk update && \
//! -    apk add git
//! +    apk add git && \
//! +    rm -rf /var/cache/apk/*
//! ```
//!
//! ### A stage that hands on files
//!
//! ```dockerfile
//! FROM alpine:3.21 AS build
//! RUN apk add gcc
//! FROM scratch
//! COPY --from=build /a /a
//! ```
//!
//! ```text
//! Dockerfile:2:5: info[package-cache-kept] `apk add` leaves the package index in this layer
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,4 +1,4 @@
//!  FROM alpine:3.21 AS build
//! -RUN apk add gcc
//! +RUN apk add --no-cache gcc
//!  FROM scratch
//!  COPY --from=build /a /a
//! ```
//!
//! ### Packages of Node
//!
//! ```dockerfile
//! FROM node:22
//! RUN npm ci
//! RUN yarn install --frozen-lockfile
//! RUN npm ci && npm cache clean --force
//! ```
//!
//! ```text
//! Dockerfile:2:5: info[package-cache-kept] `npm ci` leaves the downloads in this layer
//! Dockerfile:3:5: info[package-cache-kept] `yarn install` leaves the downloads in this layer
//! ```
//!
//! ### Packages of a Yarn that may run them from its cache, where it is a hint
//!
//! ```dockerfile
//! FROM node:22
//! RUN yarn install --immutable
//! ```
//!
//! ```yaml .yarnrc.yml
//! nodeLinker: pnp
//! ```
//!
//! ```text
//! Dockerfile:2:5: info[package-cache-kept] `yarn install` leaves the downloads in this layer
//! ```
//!
//! ### Packages of conda
//!
//! ```dockerfile
//! FROM condaforge/miniforge3:24.9.2-0
//! RUN conda install -y numpy
//! RUN mamba install -y numpy && mamba clean -afy
//! ```
//!
//! ```text
//! Dockerfile:2:5: warning[package-cache-kept] `conda install` leaves the downloaded packages in this layer
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,3 +1,3 @@
//!  FROM condaforge/miniforge3:24.9.2-0
//! -RUN conda install -y numpy
//! +RUN conda install -y numpy && conda clean --all --yes
//!  RUN mamba install -y numpy && mamba clean -afy
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta {
        id: "package-cache-kept",
        fix: Some(Safety::Safe),
        also: &[
            "hadolint:DL3009",
            "hadolint:DL3019",
            "hadolint:DL3032",
            "hadolint:DL3036",
            "hadolint:DL3040",
            "hadolint:DL3042",
            "hadolint:DL3060",
        ],
        ..Meta::DEFAULT
    };

    fn check(&self, project: &Project, found: &mut Findings) {
        for (at, dockerfile) in project.dockerfiles.iter().enumerate() {
            let lists = Lists::of(project, at);
            for run in project.runs(at) {
                let shipped = project.stage_use(at, run.stage) == StageUse::Shipped;
                let others = [apk, rpm, zypper, pip, conda, node].into_iter().filter_map(|kept| kept(project, run));
                for kept in apt(project, run, &lists).into_iter().chain(others) {
                    report(found, dockerfile, run, shipped, kept);
                }
            }
        }
    }
}

fn report(found: &mut Findings, dockerfile: &Dockerfile, run: &Run, shipped: bool, kept: Kept) {
    let message = format!("`{}` leaves {} in this layer", kept.program, kept.what);
    let diagnostic = found.add_at(dockerfile, run.instruction, kept.token, "here", message);
    match kept.alias {
        Some(alias) => diagnostic.known_as(alias),
        None => diagnostic.unknown_elsewhere(),
    };
    diagnostic.severity(kept.severity).help(kept.help);
    if !shipped || kept.hint {
        diagnostic.confidence(Confidence::Low);
    }
    diagnostic.fix = kept.fix;
}

/// What a RUN leaves behind.
struct Kept {
    what: &'static str,
    program: String,
    token: Span,
    alias: Option<&'static str>,
    severity: Severity,
    hint: bool,
    help: String,
    fix: Option<Fix>,
}

impl Kept {
    fn new(command: &PackageCommand, what: &'static str, help: impl Into<String>) -> Self {
        Kept {
            what,
            program: command.title(),
            token: command.title_span(),
            alias: None,
            severity: Severity::Warning,
            hint: false,
            help: help.into(),
            fix: None,
        }
    }
}

fn last(run: &Run, matches: impl Fn(&PackageCommand) -> bool) -> Option<&PackageCommand> {
    run.packages.iter().rev().find(|command| matches(command))
}

/// Whether one of these directories is emptied behind a command, or never becomes part of the layer.
fn is_gone(run: &Run, directories: &[&str], after: usize) -> bool {
    directories.iter().any(|directory| run.removes(directory, after) || run.scratch_mount(directory).is_some())
}

/// A fix that runs `clean` behind the last of the program's commands.
fn cleaning(project: &Project, run: &Run, after: &PackageCommand, clean: &str, title: &str) -> Option<Fix> {
    let commands = project.commands(run);
    let sudo = commands.get(after.command)?.simple.has_wrapper("sudo");
    let clean = if sudo { format!("sudo {clean}") } else { clean.to_owned() };
    let edit = project.append_command(run, after.command, &clean)?;
    Some(Fix::safe(title, vec![edit]).rebuilds_once())
}

/// A fix that adds an option behind the verb of each command.
fn option(run: &Run, commands: Vec<&PackageCommand>, option: &str) -> Fix {
    let edits = commands.iter().map(|command| run.insert_word(command.title_span(), option));
    Fix::safe(format!("Add `{option}`"), edits.collect()).rebuilds_once()
}

fn apt(project: &Project, run: &Run, lists: &Lists) -> Option<Kept> {
    let is_apt = |command: &PackageCommand| command.manager == Manager::Apt;
    let refresh = last(run, |command| is_apt(command) && command.action == Action::Refresh)?;
    let cleaned = |command: &PackageCommand| {
        command.command > refresh.command && matches!(command.verb(), "distclean" | "dist-clean")
    };
    if is_gone(run, &["/var/lib/apt/lists"], refresh.command) || run.packages.iter().any(cleaned) {
        return None;
    }
    let mut kept = Kept::new(
        refresh,
        "the package lists",
        "remove /var/lib/apt/lists in the same RUN, or put cache mounts over /var/lib/apt and /var/cache/apt",
    );
    kept.alias = Some("hadolint:DL3009");
    let end = last(run, is_apt).unwrap_or(refresh);
    if !lists.are_read_behind(run) {
        kept.fix =
            cleaning(project, run, end, "rm -rf /var/lib/apt/lists/*", "Remove the package lists in the same layer");
    }
    Some(kept)
}

/// Where the package lists of apt are read by RUNs that do not bring them up to date first.
struct Lists {
    /// The last such RUN of each stage, as an index of the file's instructions.
    last: Vec<Option<usize>>,
    /// Whether a stage that stands on this one has such a RUN.
    above: Vec<bool>,
}

impl Lists {
    fn of(project: &Project, at: usize) -> Lists {
        let dockerfile = &project.dockerfiles[at];
        let stages = dockerfile.tree.stages.len();
        let mut lists = Lists { last: vec![None; stages], above: vec![false; stages] };
        for run in project.runs(at).iter().filter(|run| reads_lists(run)) {
            lists.last[run.stage] = Some(run.instruction);
        }
        let build = project.builds_of(at).next();
        for stage in (0..stages).rev() {
            if let Base::Stage(base) = dockerfile.base(stage, build)
                && base < stage
            {
                lists.above[base] |= lists.above[stage] || lists.last[stage].is_some();
            }
        }
        lists
    }

    fn are_read_behind(&self, run: &Run) -> bool {
        self.above[run.stage] || self.last[run.stage].is_some_and(|last| last > run.instruction)
    }
}

fn reads_lists(run: &Run) -> bool {
    let apt = || run.packages.iter().filter(|command| command.manager == Manager::Apt);
    let reads = |command: &PackageCommand| matches!(command.action, Action::Install | Action::Upgrade | Action::Fetch);
    let first = apt().position(reads);
    let updates = apt().position(|command| command.action == Action::Refresh);
    first.is_some_and(|first| updates.is_none_or(|updates| first < updates))
}

fn apk(project: &Project, run: &Run) -> Option<Kept> {
    // With a link there, the index goes to where it leads.
    let linked =
        |command: &CommandRef| command.simple.words.iter().any(|word| word.prefix().starts_with("/etc/apk/cache"));
    if project.commands(run).iter().any(linked) {
        return None;
    }
    let keeps = |command: &&PackageCommand| {
        command.manager == Manager::Apk
            && matches!(command.action, Action::Install | Action::Upgrade)
            && !command.has(&["--no-cache"])
            && !command.opaque
            && !is_gone(run, &["/var/cache/apk", "/etc/apk/cache"], command.command)
    };
    let commands: Vec<&PackageCommand> = run.packages.iter().filter(keeps).collect();
    let first = commands.first()?;
    let mut kept = Kept::new(
        first,
        "the package index",
        "`--no-cache` reads the index anew and keeps none of it, so that no `apk update` is needed either",
    );
    kept.alias = (first.action == Action::Install).then_some("hadolint:DL3019");
    kept.severity = Severity::Info;
    // What `apk update` has written stays whatever the others do.
    let is_apk = |command: &PackageCommand| command.manager == Manager::Apk;
    let refreshes = |command: &PackageCommand| is_apk(command) && command.action == Action::Refresh;
    kept.fix = match last(run, refreshes).and_then(|_| last(run, is_apk)) {
        Some(end) => cleaning(project, run, end, "rm -rf /var/cache/apk/*", "Remove the index in the same layer"),
        None => Some(option(run, commands, "--no-cache")),
    };
    Some(kept)
}

fn rpm(project: &Project, run: &Run) -> Option<Kept> {
    let installs = |command: &PackageCommand| {
        command.manager == Manager::Dnf && matches!(command.action, Action::Install | Action::Upgrade | Action::Refresh)
    };
    let command = last(run, installs)?;
    let cleans = |other: &PackageCommand| {
        other.manager == Manager::Dnf
            && other.action == Action::Clean
            && other.command > command.command
            && (other.operands.is_empty() || other.operands.iter().any(|word| word == "all"))
    };
    let directories = ["/var/cache/dnf", "/var/cache/yum", "/var/cache/libdnf5", "/var/cache/tdnf"];
    if run.packages.iter().any(cleans) || is_gone(run, &directories, command.command) {
        return None;
    }
    let clean = format!("{} clean all", command.program);
    let help = format!("run `{clean}` in the same RUN, or put a cache mount over the cache directory");
    let mut kept = Kept::new(command, "the metadata and packages", help);
    // hadolint takes every `yum clean` for one of everything.
    let half = run.packages.iter().any(|other| other.program == "yum" && other.action == Action::Clean);
    kept.alias = match (command.program.as_str(), command.verb()) {
        ("yum", "install") if !half => Some("hadolint:DL3032"),
        ("dnf" | "microdnf", _) => Some("hadolint:DL3040"),
        _ => None,
    };
    kept.fix = cleaning(project, run, command, &clean, "Clean up in the same layer");
    Some(kept)
}

fn zypper(project: &Project, run: &Run) -> Option<Kept> {
    let is_zypper = |command: &PackageCommand| command.manager == Manager::Zypper;
    let command = last(run, |command| {
        is_zypper(command) && matches!(command.action, Action::Install | Action::Upgrade | Action::Refresh)
    })?;
    let cleans =
        |other: &PackageCommand| is_zypper(other) && other.action == Action::Clean && other.command > command.command;
    if run.packages.iter().any(cleans) || is_gone(run, &["/var/cache/zypp"], command.command) {
        return None;
    }
    let help = "run `zypper clean --all` in the same RUN, or put a cache mount over /var/cache/zypp";
    let mut kept = Kept::new(command, "the metadata and packages", help);
    kept.alias = matches!(command.verb(), "install" | "in").then_some("hadolint:DL3036");
    kept.severity = Severity::Info;
    kept.fix = cleaning(project, run, command, "zypper clean --all", "Clean up in the same layer");
    Some(kept)
}

fn pip(project: &Project, run: &Run) -> Option<Kept> {
    let home = run.home().unwrap_or_else(|| "/root".to_owned());
    let cache = format!("{home}/.cache/pip");
    let directories = [cache.as_str(), "/root/.cache/pip", "~/.cache/pip"];
    // A mount for pip may have been put elsewhere together with PIP_CACHE_DIR.
    let mounted = run.mounts.iter().any(|mount| {
        let target = mount.target.as_deref().unwrap_or("pip");
        target.contains("pip") || target.ends_with(".cache")
    });
    let is_pip = |command: &PackageCommand| command.manager == Manager::Pip;
    let purge = last(run, |command| is_pip(command) && command.action == Action::Clean).map(|purge| purge.command);
    let keeps = |command: &&PackageCommand| {
        let off = |value: &str| matches!(value.to_lowercase().as_str(), "" | "0" | "false" | "no" | "off" | "n" | "f");
        let switched = match project.variable_of(run, command, "PIP_NO_CACHE_DIR") {
            dockerfile::Lookup::Set(value) => !off(&value),
            // A value that is not known may well be a yes.
            dockerfile::Lookup::Dynamic => true,
            dockerfile::Lookup::Unset => false,
        };
        let purged = purge.is_some_and(|purge| purge > command.command);
        is_pip(command)
            && command.action == Action::Install
            && !command.has(&["--no-cache-dir"])
            && !command.opaque
            && !switched
            && !purged
            && !is_gone(run, &directories, command.command)
    };
    let commands: Vec<&PackageCommand> = run.packages.iter().filter(keeps).collect();
    let first = commands.first().filter(|_| !mounted)?;
    let help =
        "`--no-cache-dir` keeps none, `--mount=type=cache,target=/root/.cache/pip` keeps them outside of the image";
    let mut kept = Kept::new(first, "the downloads", help);
    kept.alias = Some("hadolint:DL3042");
    kept.fix = Some(option(run, commands, "--no-cache-dir"));
    Some(kept)
}

fn conda(project: &Project, run: &Run) -> Option<Kept> {
    let is_conda = |command: &PackageCommand| command.manager == Manager::Conda;
    let command =
        last(run, |command| is_conda(command) && matches!(command.action, Action::Install | Action::Upgrade))?;
    let cleans =
        |other: &PackageCommand| is_conda(other) && other.action == Action::Clean && other.command > command.command;
    let mounted = run.mounts.iter().any(|mount| mount.target.as_deref().is_none_or(|target| target.contains("pkgs")));
    let removed = run.removals.iter().any(|removal| {
        removal.command > command.command
            && (removal.paths.is_empty() || removal.paths.iter().any(|path| path.contains("pkgs")))
    });
    if run.packages.iter().any(cleans) || mounted || removed {
        return None;
    }
    let clean = format!("{} clean --all --yes", command.program);
    let help = format!("run `{clean}` in the same RUN, or put a cache mount over the `pkgs` directory");
    let mut kept = Kept::new(command, "the downloaded packages", help);
    kept.fix = cleaning(project, run, command, &clean, "Clean up in the same layer");
    Some(kept)
}

fn node(project: &Project, run: &Run) -> Option<Kept> {
    let home = run.home().unwrap_or_else(|| "/root".to_owned());
    let (npm, yarn) = (format!("{home}/.npm"), format!("{home}/.cache/yarn"));
    let directories = |manager| match manager {
        Manager::Npm => vec![npm.as_str(), "~/.npm", "/root/.npm"],
        _ => vec![yarn.as_str(), "~/.cache/yarn", "/usr/local/share/.cache/yarn", "/usr/local/share/.cache"],
    };
    let command = last(run, |command| {
        matches!(command.manager, Manager::Npm | Manager::Yarn) && command.action == Action::Install
    })?;
    let cleans = |other: &PackageCommand| {
        other.manager == command.manager && other.action == Action::Clean && other.command > command.command
    };
    let mounted = run.mounts.iter().any(|mount| {
        mount.target.as_deref().is_none_or(|target| ["npm", "yarn", ".cache"].iter().any(|name| target.contains(name)))
    });
    if run.packages.iter().any(cleans) || mounted || is_gone(run, &directories(command.manager), command.command) {
        return None;
    }
    let (what, help) = match command.manager {
        Manager::Npm => {
            ("the downloads", "run `npm cache clean --force` in the same RUN, or put a cache mount over ~/.npm")
        }
        _ => ("the downloads", "run `yarn cache clean` in the same RUN, or put a cache mount over the cache directory"),
    };
    let mut kept = Kept::new(command, what, help);
    kept.severity = Severity::Info;
    // Yarn from version 2 on may leave the packages of an application in its cache and run them from there.
    let is_berry = || {
        let dockerfile = project.dockerfiles.get(run.dockerfile);
        dockerfile.is_some_and(|dockerfile| dockerfile.source.text().contains("corepack"))
            || project.snapshot.paths().iter().any(|path| path.ends_with(".yarnrc.yml"))
    };
    kept.hint = command.manager == Manager::Yarn && is_berry();
    kept.alias = (command.manager == Manager::Yarn).then_some("hadolint:DL3060");
    Some(kept)
}
