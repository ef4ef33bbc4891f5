//! The whole context is copied before packages are installed.
//!
//! The key of `COPY . .` changes with every file in the context, and everything behind it is built anew: a typo in the
//! README installs all packages again. What an install step needs is its manifest and lock file; copied alone, they
//! change rarely.
//!
//! Copy the manifests, install, then copy the rest. The patch does that where the install step stands right behind the
//! copy and does nothing else. It is not applied as a safe one, because an install script may read other files too.
//!
//! Not flagged: installs that name their packages, installs of the project itself (`pip install .`), manifests that are
//! not in the context, and a second install behind one that has read the same manifest, or behind `cargo chef cook`.
//!
//! ## Examples
//!
//! ### Everything first
//!
//! ```dockerfile
//! FROM node:24
//! WORKDIR /app
//! COPY . .
//! RUN npm ci
//! CMD ["node", "server.js"]
//! ```
//!
//! ```json package.json
//! {"name": "app"}
//! ```
//!
//! ```json package-lock.json
//! {"name": "app", "lockfileVersion": 3}
//! ```
//!
//! ```text
//! Dockerfile:3:6: warning[copy-before-install] all of the context is copied before `npm` reads `package.json` and `package-lock.json`
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,5 +1,6 @@
//!  FROM node:24
//!  WORKDIR /app
//! -COPY . .
//! +COPY package.json package-lock.json ./
//!  RUN npm ci
//! +COPY . .
//!  CMD ["node", "server.js"]
//! ```
//!
//! ### Manifests first
//!
//! ```dockerfile
//! FROM node:24
//! WORKDIR /app
//! COPY package.json package-lock.json ./
//! RUN npm ci
//! COPY . .
//! CMD ["node", "server.js"]
//! ```
//!
//! ```json package.json
//! {"name": "app"}
//! ```
//!
//! ```json package-lock.json
//! {"name": "app", "lockfileVersion": 3}
//! ```
//!
//! ## Also tested
//!
//! ### Dependencies that are cooked before
//!
//! ```dockerfile
//! FROM lukemathwalker/cargo-chef:0.1.73-rust-1.89 AS planner
//! WORKDIR /app
//! COPY . .
//! RUN cargo chef prepare --recipe-path recipe.json
//!
//! FROM lukemathwalker/cargo-chef:0.1.73-rust-1.89
//! WORKDIR /app
//! COPY --from=planner /app/recipe.json .
//! RUN cargo chef cook --release --recipe-path recipe.json
//! COPY . .
//! RUN cargo install --locked --path .
//! ```
//!
//! ```toml Cargo.toml
//! [package]
//! name = "app"
//! ```
//!
//! ### A requirements file that includes another
//!
//! ```dockerfile
//! FROM python:3.13
//! WORKDIR /code
//! COPY . /code/
//! RUN pip install --no-cache-dir uv==0.9.9 \
//!     && uv pip install --system -r requirements/test.txt
//! ```
//!
//! ```text requirements/test.txt
//! -r base.txt
//! ```
//!
//! ```text requirements/base.txt
//! django==5.2.8
//! ```
//!
//! ```text
//! Dockerfile:3:6: warning[copy-before-install] all of the context is copied before `uv` reads `requirements/test.txt`
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,5 +1,6 @@
//!  FROM python:3.13
//!  WORKDIR /code
//! -COPY . /code/
//! +COPY requirements/test.txt requirements/base.txt ./requirements/
//!  RUN pip install --no-cache-dir uv==0.9.9 \
//!      && uv pip install --system -r requirements/test.txt
//! +COPY . /code/
//! ```
//!
//! ### The project itself
//!
//! ```dockerfile
//! FROM python:3.13
//! WORKDIR /code
//! COPY . .
//! RUN pip install .
//! ```
//!
//! ### Something else in between
//!
//! ```dockerfile
//! FROM node:24
//! WORKDIR /app
//! COPY . .
//! RUN ./prepare.sh
//! RUN npm install
//! ```
//!
//! ```json package.json
//! {"name": "app"}
//! ```
//!
//! ```text
//! Dockerfile:3:6: warning[copy-before-install] all of the context is copied before `npm` reads `package.json`
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "copy-before-install", fix: Some(Safety::Unsafe), ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for (at, dockerfile) in project.dockerfiles.iter().enumerate() {
            let Some(folder) = project.context_folder(at) else { continue };
            for stage in 0..dockerfile.tree.stages.len() {
                check_stage(project, at, stage, &folder, found);
            }
        }
    }
}

/// A copy of the whole context.
struct Whole {
    /// Index of the instruction.
    instruction: usize,
    /// The source word.
    span: Span,
    /// Where it goes, without slashes at its end.
    to: String,
}

fn check_stage(project: &Project, at: usize, stage: usize, folder: &str, found: &mut Findings) {
    let dockerfile = &project.dockerfiles[at];
    let mut workdir = String::new();
    let mut whole: Option<Whole> = None;
    for (index, instruction) in dockerfile.stage_instructions(stage) {
        match &instruction.body {
            Body::Workdir(path) => {
                let path = path.trim_end_matches('/').to_owned();
                workdir = if path.starts_with('/') { path } else { format!("{workdir}/{path}") };
            }
            Body::Copy(copy) | Body::Add(copy) if copy.from.is_none() && whole.is_none() => {
                let all = copy.sources.iter().find(|source| matches!(&*source.word, "." | "./" | "/"));
                let to = copy.destination.trim_end_matches('/');
                let to = if matches!(to, "." | "") { workdir.clone() } else { to.to_owned() };
                whole = all.map(|source| Whole { instruction: index, span: source.word.span(), to });
            }
            Body::Run(_) => {
                let Some(whole) = whole.as_ref().filter(|whole| whole.to == workdir) else { continue };
                let runs = project.runs(at).iter();
                let Some(run) = runs.into_iter().find(|run| run.instruction == index && !run.trigger) else { continue };
                let moved = project.commands(run).iter().any(|command| command.simple.name() == Some("cd"));
                let reads = |manifest: &&Manifest| project.snapshot.has_path(&join(folder, &manifest.path));
                let installs = run.installs().filter(|_| !moved);
                let mut others =
                    installs.filter(|install| install.manifests.iter().all(|manifest| !is_project(&manifest.path)));
                let install = others.find(|install| install.manifests.iter().any(|manifest| reads(&manifest)));
                let Some(install) = install else { continue };
                if is_repeated(project, at, stage, index, install) {
                    continue;
                }
                let files: Vec<&str> =
                    install.manifests.iter().filter(reads).map(|manifest| manifest.path.as_str()).collect();
                let diagnostic = found.add(
                    whole.span,
                    format!("all of the context is copied before `{}` reads {}", install.program, listed(&files)),
                );
                diagnostic.label(install.span, "installed anew whenever any file changes");
                diagnostic.help("copy the manifests, install, then copy the rest");
                if let Some(fix) = fix(project, dockerfile, whole, index, run, &files, folder) {
                    diagnostic.fix(fix);
                }
                return;
            }
            _ => {}
        }
    }
}

/// Whether the same package manager has read the same manifest before, in this stage or in one that it stands on: then little
/// is left to install.
fn is_repeated(project: &Project, at: usize, stage: usize, index: usize, install: &PackageCommand) -> bool {
    let dockerfile = &project.dockerfiles[at];
    let mut below = vec![stage];
    while let Some(Base::Stage(base)) = below.last().map(|stage| dockerfile.base(*stage, None)) {
        below.push(base);
    }
    let before = project.runs(at).iter().filter(|run| below.contains(&run.stage) && run.instruction < index);
    let reads = |other: &PackageCommand| {
        other.manager == install.manager
            && other.manifests.iter().any(|one| install.manifests.iter().any(|two| one.path == two.path))
    };
    let before: Vec<&Run> = before.collect();
    // `cargo chef cook` has built the dependencies from a recipe that it made of the manifests.
    let cooks = |command: &CommandRef| {
        let words = command.simple.arguments();
        command.simple.name() == Some("cargo") && words.iter().any(|word| word.is("cook"))
    };
    let cooked = || before.iter().any(|run| project.commands(run).iter().any(cooks));
    before.iter().flat_map(|run| run.installs()).any(reads) || install.manager == Manager::Cargo && cooked()
}

fn is_project(path: &str) -> bool {
    matches!(path.trim_end_matches('/'), "." | "" | "..") || path.ends_with("/.")
}

fn listed(files: &[&str]) -> String {
    files.iter().map(|file| format!("`{file}`")).collect::<Vec<_>>().join(" and ")
}

fn join(folder: &str, path: &str) -> String {
    let path = path.trim_start_matches("./");
    if folder.is_empty() { path.to_owned() } else { format!("{folder}/{path}") }
}

/// Moves the install step before the copy and copies its manifests before it.
fn fix(
    project: &Project,
    dockerfile: &Dockerfile,
    whole: &Whole,
    index: usize,
    run: &Run,
    files: &[&str],
    folder: &str,
) -> Option<Fix> {
    const READ_TOO: &[&str] =
        &[".npmrc", ".yarnrc", ".yarnrc.yml", ".pnpmfile.cjs", "pnpm-workspace.yaml", "patches", ".yarn"];
    let also = |name: &&&str| {
        project.snapshot.has_path(&join(folder, name)) || project.snapshot.is_folder(&join(folder, name))
    };
    let only_packages = project.commands(run).len() == run.packages.len();
    if index != whole.instruction + 1 || !only_packages || READ_TOO.iter().any(|name| also(&name)) {
        return None;
    }
    let text = |name: &str| {
        let file = project.snapshot.find(&join(folder, name))?;
        Some(project.snapshot.get(file)?.text().to_owned())
    };
    let workspaces = files.iter().filter(|file| file.ends_with("package.json")).filter_map(|file| text(file));
    if workspaces
        .into_iter()
        .any(|text| text.contains("\"workspaces\"") || text.contains("\"file:") || text.contains("\"link:"))
    {
        return None;
    }
    let mut all: Vec<String> = files.iter().map(|file| file.trim_start_matches("./").to_owned()).collect();
    let mut at = 0;
    while let Some(file) = all.get(at).cloned() {
        at += 1;
        if !file.ends_with(".txt") {
            continue;
        }
        let beside = file.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
        for line in text(&file)?.lines() {
            let other = ["-r", "--requirement", "-c", "--constraint"]
                .iter()
                .find_map(|option| line.trim().strip_prefix(option));
            let Some(other) = other else { continue };
            let other = join(&beside, other.trim_start_matches('=').trim());
            // A file that is not there, or that comes from elsewhere, cannot be copied.
            if !project.snapshot.has_path(&join(folder, &other)) || other.contains("..") {
                return None;
            }
            if !all.contains(&other) {
                all.push(other);
            }
        }
    }
    let copy = dockerfile.tree.instructions.get(whole.instruction)?;
    let install = dockerfile.tree.instructions.get(index)?;
    let moved = dockerfile.source.slice(install.full_span);
    let line_end = if moved.ends_with("\r\n") { "\r\n" } else { "\n" };
    if !moved.ends_with('\n') {
        return None;
    }
    let mut folders: Vec<&str> =
        all.iter().map(|file| file.rsplit_once('/').map_or("", |(folder, _)| folder)).collect();
    folders.sort_unstable();
    folders.dedup();
    let mut lines = String::new();
    for folder in folders {
        let inside = all.iter().filter(|file| file.rsplit_once('/').map_or("", |(folder, _)| folder) == folder);
        let inside: Vec<&str> = inside.map(String::as_str).collect();
        lines.push_str(&format!(
            "COPY {} ./{}{line_end}",
            inside.join(" "),
            if folder.is_empty() { String::new() } else { format!("{folder}/") }
        ));
    }
    let edits = vec![Edit::insert(copy.full_span, lines + moved), Edit::delete(install.full_span)];
    Some(Fix::unsafe_("Copy the manifests and install before the rest is copied", edits).rebuilds_once())
}
