//! A lock file is there, and the install step may go past it.
//!
//! `npm install` rewrites `package-lock.json` when it does not fit, or makes a new one when it was not copied: the
//! image then holds versions that nobody has tested, and other ones on another day. The step is cached by its text and
//! the files above it, so that nothing tells when that happened.
//!
//! `npm ci`, `yarn install --frozen-lockfile`, `pnpm install --frozen-lockfile`, `bun install --frozen-lockfile` and
//! `uv sync --locked` take exactly what the lock file says and fail otherwise. The patch says so; it is not applied as
//! a safe one, because a build fails from then on whose lock file does not fit.
//!
//! Flagged too is a copy that takes `package.json` and leaves the lock file beside it behind. Not flagged: repositories
//! without the lock file, lock files that the ignore file leaves out, installs of packages by name, and commands with
//! options that are not known.
//!
//! ## Examples
//!
//! ### An install that may change the lock file
//!
//! ```dockerfile
//! FROM node:24
//! WORKDIR /app
//! COPY package.json package-lock.json ./
//! RUN npm install
//! ```
//!
//! ```json package.json
//! {}
//! ```
//!
//! ```json package-lock.json
//! {}
//! ```
//!
//! ```text
//! Dockerfile:4:5: warning[ignored-lockfile] `npm install` may install something else than `package-lock.json` says
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,4 +1,4 @@
//!  FROM node:24
//!  WORKDIR /app
//!  COPY package.json package-lock.json ./
//! -RUN npm install
//! +RUN npm ci
//! ```
//!
//! ### One that must not
//!
//! ```dockerfile
//! FROM node:24
//! WORKDIR /app
//! COPY package*.json ./
//! RUN npm ci && npm install --global pm2@6.0.8
//! ```
//!
//! ```json package.json
//! {}
//! ```
//!
//! ```json package-lock.json
//! {}
//! ```
//!
//! ### A lock file that stays behind
//!
//! ```dockerfile
//! FROM node:24
//! WORKDIR /app
//! COPY package.json ./
//! RUN npm install --omit=dev
//! COPY . .
//! ```
//!
//! ```json package.json
//! {}
//! ```
//!
//! ```json package-lock.json
//! {}
//! ```
//!
//! ```text
//! Dockerfile:3:6: warning[ignored-lockfile] `package-lock.json` is not copied, so that `npm install` decides anew on versions
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,5 +1,5 @@
//!  FROM node:24
//!  WORKDIR /app
//! -COPY package.json ./
//! -RUN npm install --omit=dev
//! +COPY package.json package-lock.json ./
//! +RUN npm ci --omit=dev
//!  COPY . .
//! ```
//!
//! ## Also tested
//!
//! ### Other package managers
//!
//! ```dockerfile
//! FROM node:24
//! COPY . /app
//! WORKDIR /app
//! RUN yarn install --production
//! RUN pnpm install
//! RUN uv sync --no-dev
//! ```
//!
//! ```json package.json
//! {}
//! ```
//!
//! ```text yarn.lock
//! # yarn lockfile v1
//! ```
//!
//! ```text pnpm-lock.yaml
//! lockfileVersion: '9.0'
//! ```
//!
//! ```toml pyproject.toml
//! [project]
//! ```
//!
//! ```text uv.lock
//! version = 1
//! ```
//!
//! ```text
//! Dockerfile:4:5: warning[ignored-lockfile] `yarn install` may install something else than `yarn.lock` says
//! Dockerfile:5:5: warning[ignored-lockfile] `pnpm install` may install something else than `pnpm-lock.yaml` says
//! Dockerfile:6:5: warning[ignored-lockfile] `uv sync` may install something else than `uv.lock` says
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,6 +1,6 @@
//!  FROM node:24
//!  COPY . /app
//!  WORKDIR /app
//! -RUN yarn install --production
//! -RUN pnpm install
//! -RUN uv sync --no-dev
//! +RUN yarn install --frozen-lockfile --production
//! +RUN pnpm install --frozen-lockfile
//! +RUN uv sync --locked --no-dev
//! ```
//!
//! ### No lock file, or not for the build
//!
//! ```dockerfile a/Dockerfile
//! FROM node:24
//! COPY package.json ./
//! RUN npm install
//! ```
//!
//! ```json a/package.json
//! {}
//! ```
//!
//! ```dockerfile b/Dockerfile
//! FROM node:24
//! COPY package.json ./
//! RUN npm install
//! ```
//!
//! ```json b/package.json
//! {}
//! ```
//!
//! ```json b/package-lock.json
//! {}
//! ```
//!
//! ```dockerignore b/.dockerignore
//! package-lock.json
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "ignored-lockfile", fix: Some(Safety::Unsafe), ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for run in project.all_runs().filter(|run| {
            !run.trigger && run.mounts.iter().all(|mount| mount.kind == Some(dockerfile::MountType::Cache))
        }) {
            let Some(folder) = project.context_folder(run.dockerfile) else { continue };
            let moved = project.commands(run).iter().any(|command| command.simple.name() == Some("cd"));
            for install in run.installs().filter(|install| !install.opaque && !install.frozen && !moved) {
                check_install(project, run, install, &folder, found);
            }
        }
    }
}

fn check_install(project: &Project, run: &Run, install: &PackageCommand, folder: &str, found: &mut Findings) {
    let (locks, list): (&[&str], _) = match install.manager {
        Manager::Npm if matches!(install.verb(), "install" | "i") => {
            (&["package-lock.json", "npm-shrinkwrap.json"], "package.json")
        }
        Manager::Yarn if matches!(install.verb(), "install" | "") => (&["yarn.lock"], "package.json"),
        Manager::Pnpm if matches!(install.verb(), "install" | "i") => (&["pnpm-lock.yaml"], "package.json"),
        Manager::Bun if matches!(install.verb(), "install" | "i") => (&["bun.lock", "bun.lockb"], "package.json"),
        Manager::Uv if install.verb() == "sync" => (&["uv.lock"], "pyproject.toml"),
        _ => return,
    };
    let elsewhere = [
        "--prefix",
        "-C",
        "--dir",
        "--cwd",
        "--directory",
        "--project",
        "-g",
        "--global",
        "--no-lockfile",
        "--no-package-lock",
        "--frozen",
        "--filter",
        "-w",
        "--workspace",
        "--location",
    ];
    let dockerfile = &project.dockerfiles[run.dockerfile];
    let at_root = |name: &str| if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
    let ignore = project.builds_of(run.dockerfile).next().and_then(|build| project.ignore_file(build, dockerfile));
    let ignore = ignore.map(|file| dockerignore::parse(file, project.text(file)).0);
    let seen = |name: &&str| {
        project.snapshot.has_path(&at_root(name)) && ignore.as_ref().is_none_or(|ignore| !ignore.is_ignored(name))
    };
    let Some(lock) = locks.iter().copied().find(|name| seen(name)) else { return };
    if !install.packages.is_empty() || install.has(&elsewhere) || !install.operands.is_empty() {
        return;
    }
    // How the manifest came into the stage, and whether the lock file came with it.
    let mut with_lock = false;
    let mut alone: Option<&dockerfile::CopySource> = None;
    for (_, instruction) in dockerfile.stage_instructions(run.stage).take_while(|(index, _)| *index < run.instruction) {
        let (Body::Copy(copy) | Body::Add(copy)) = &instruction.body else { continue };
        for source in copy.sources.iter().filter(|_| copy.from.is_none()) {
            let word = source.word.trim_start_matches("./");
            let takes = |name: &str| matches!(word, "" | "." | "/") || glob(word, name);
            with_lock |= takes(lock);
            if takes(list) {
                alone = Some(source);
            }
        }
    }
    let Some(source) = alone else { return };
    if !with_lock {
        let message = format!("`{lock}` is not copied, so that `{}` decides anew on versions", install.title());
        let diagnostic = found.add(source.word.span(), message);
        diagnostic.label(install.title_span(), "reads what is there");
        diagnostic.help("copy the lock file with the manifest");
        if !source.word.contains(['*', '?', '[']) && *source.word == *list {
            diagnostic.fix(
                Fix::unsafe_(
                    format!("Copy `{lock}` too"),
                    vec![Edit::insert(source.word.span().after(), format!(" {lock}"))],
                )
                .rebuilds_once(),
            );
        }
        return;
    }
    let message = format!("`{}` may install something else than `{lock}` says", install.title());
    let diagnostic = found.add_at(dockerfile, run.instruction, install.title_span(), "here", message);
    let berry = project.snapshot.has_path(&at_root(".yarnrc.yml"));
    let (option, title) = match install.manager {
        Manager::Npm => ("", "Run `npm ci`"),
        Manager::Uv => ("--locked", "Add `--locked`"),
        Manager::Yarn if berry => ("--immutable", "Add `--immutable`"),
        _ => ("--frozen-lockfile", "Add `--frozen-lockfile`"),
    };
    diagnostic.help("take exactly what the lock file says, or fail");
    let edit = match &install.verb {
        Some(verb) if option.is_empty() => Edit::replace(verb.span, "ci"),
        _ => run.insert_word(install.title_span(), option),
    };
    let known =
        !install.options.iter().any(|option| matches!(option.name.as_str(), "--save" | "-S" | "--save-dev" | "-D"));
    if !run.exec && known {
        diagnostic.fix(Fix::unsafe_(title, vec![edit]).rebuilds_once());
    }
}

/// Whether a pattern of COPY matches a name, for the patterns that are used for manifests.
fn glob(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        Some((start, end)) => {
            name.len() >= start.len() + end.len()
                && name.starts_with(start)
                && (end.is_empty() || name.ends_with(end) || end.contains('*'))
        }
        None => pattern == name,
    }
}
