//! An ignore pattern matches at the root of the context only, but what it means lies deeper too.
//!
//! In `.gitignore` a name without a slash matches in every folder. In `.dockerignore` it matches at the root of the
//! context alone: `__pycache__` or `*.pyc` leaves out nothing of `app/__pycache__`, and each run of the tests changes
//! what `COPY . .` is cached by. See <https://docs.docker.com/build/concepts/context/#syntax>.
//!
//! Write `**/__pycache__`, which matches the root as well. The patch does so for what programs leave behind; it is a
//! safe one there, because nobody copies those on purpose. For `node_modules` it is an unsafe one.
//!
//! Flagged are only patterns for what programs write beside their input (`__pycache__`, `*.pyc`, `.DS_Store`,
//! `node_modules` …), and only if the context has a folder below its root where they would write it: one with a Python
//! file, or with a `package.json`. Not flagged: files that ignore everything first, and patterns that a line further
//! down widens.
//!
//! ## Examples
//!
//! ### As in a .gitignore
//!
//! ```dockerfile
//! FROM python:3.13
//! COPY . /app
//! ```
//!
//! ```dockerignore
//! __pycache__
//! *.pyc
//! .git
//! ```
//!
//! ```text shop/models.py
//! ```
//!
//! ```text
//! .dockerignore:1:1: info[shallow-ignore-pattern] `__pycache__` is left out at the root of the context only, not in `shop`
//! .dockerignore:2:1: info[shallow-ignore-pattern] `*.pyc` is left out at the root of the context only, not in `shop`
//! ```
//!
//! ```diff
//! --- a/.dockerignore
//! +++ b/.dockerignore
//! @@ -1,3 +1,3 @@
//! -__pycache__
//! -*.pyc
//! +**/__pycache__
//! +**/*.pyc
//!  .git
//! ```
//!
//! ### In every folder
//!
//! ```dockerfile
//! FROM python:3.13
//! COPY . /app
//! ```
//!
//! ```dockerignore
//! **/__pycache__
//! *.pyc
//! **/*.pyc
//! ```
//!
//! ```text shop/models.py
//! ```
//!
//! ## Also tested
//!
//! ### Packages of a workspace
//!
//! ```dockerfile
//! FROM node:24
//! COPY . /app
//! ```
//!
//! ```dockerignore
//! node_modules/
//! ```
//!
//! ```json packages/a/package.json
//! {}
//! ```
//!
//! ```text
//! .dockerignore:1:1: info[shallow-ignore-pattern] `node_modules` is left out at the root of the context only, not in `packages/a`
//! ```
//!
//! ```diff
//! --- a/.dockerignore
//! +++ b/.dockerignore
//! @@ -1 +1 @@
//! -node_modules/
//! +**/node_modules/
//! ```
//!
//! ### Nothing below the root
//!
//! ```dockerfile
//! FROM node:24
//! COPY . /app
//! ```
//!
//! ```dockerignore
//! node_modules
//! __pycache__
//! ```
//!
//! ```json package.json
//! {}
//! ```
//!
//! ### Everything ignored first
//!
//! ```dockerfile
//! FROM python:3.13
//! COPY . /app
//! ```
//!
//! ```dockerignore
//! *
//! !shop
//! __pycache__
//! ```
//!
//! ```text shop/models.py
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

/// What is written beside what, and whether leaving it out can be wrong.
const WRITTEN: &[(&[&str], &str, bool)] = &[
    (&["__pycache__", "*.pyc", "*.pyo", "*.py[cod]", "*.py[co]"], ".py", true),
    (&["node_modules"], "package.json", false),
];

impl Check for Rule {
    const META: Meta =
        Meta { id: "shallow-ignore-pattern", severity: Severity::Info, fix: Some(Safety::Safe), ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        let mut seen: Vec<FileId> = Vec::new();
        for (at, dockerfile) in project.dockerfiles.iter().enumerate() {
            for build in project.builds_of(at) {
                let (Context::Folder(folder), Some(file)) = (&build.context, project.ignore_file(build, dockerfile))
                else {
                    continue;
                };
                if !seen.contains(&file) && copies_a_folder(dockerfile) {
                    seen.push(file);
                    check_file(project, file, folder, found);
                }
            }
        }
    }
}

fn copies_a_folder(dockerfile: &Dockerfile) -> bool {
    dockerfile.tree.instructions.iter().any(|instruction| match &instruction.body {
        Body::Copy(copy) | Body::Add(copy) => {
            copy.from.is_none()
                && copy.sources.iter().any(|source| !source.word.contains('.') || matches!(&*source.word, "." | "./"))
        }
        Body::Run(run) => run.mounts.iter().any(|mount| mount.from().is_none() && mount.option(&["type"]).is_none()),
        _ => false,
    })
}

fn check_file(project: &Project, file: FileId, folder: &str, found: &mut Findings) {
    let text = project.text(file);
    let (ignore, _) = dockerignore::parse(file, text);
    let everything = |pattern: &dockerignore::Pattern| matches!(&*pattern.text, "*" | "**" | ".");
    if ignore.patterns().iter().any(everything) {
        return;
    }
    for pattern in ignore.patterns().iter().filter(|pattern| !pattern.negated) {
        let name = pattern.text.trim_matches('/');
        let Some((_, beside, safe)) = WRITTEN.iter().find(|(names, ..)| names.contains(&name)) else { continue };
        let root = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let deeper = project.snapshot.paths().iter().find_map(|path| {
            let inside = path.strip_prefix(&root)?;
            let (parent, last) = inside.rsplit_once('/')?;
            let fits = if beside.starts_with('.') { last.ends_with(beside) } else { last == *beside };
            // What is ignored as a whole needs no pattern for its parts.
            (fits && !ignore.is_ignored(inside)).then_some(parent)
        });
        let Some(deeper) = deeper else { continue };
        let probe = format!("{deeper}/{}", name.replace('*', "x").replace("[cod]", "c").replace("[co]", "c"));
        if ignore.is_ignored(&probe) {
            continue;
        }
        let diagnostic =
            found.add(pattern.span, format!("`{name}` is left out at the root of the context only, not in `{deeper}`"));
        diagnostic.help("in an ignore file of Docker, `**/` makes a name match in every folder");
        let written = project.snapshot.get(file).map_or("", |source| source.slice(pattern.span));
        let edits = vec![Edit::replace(pattern.span, format!("**/{}", written.trim().trim_start_matches('/')))];
        let title = "Let it match in every folder";
        diagnostic.fix(if *safe { Fix::safe(title, edits) } else { Fix::unsafe_(title, edits) }.rebuilds_once());
    }
}
