//! An ignore file lies where no build looks for it.
//!
//! BuildKit reads `.dockerignore` from the root of the build context, or a file beside the Dockerfile that bears the
//! Dockerfile's name and ends in `.dockerignore`. A `.dockerignore` that lies beside a Dockerfile, while the context is
//! the folder above, is read by nobody: all that it names is sent and copied. See
//! <https://docs.docker.com/build/concepts/context/#filename-and-location>.
//!
//! Name it after the Dockerfile, `docker/web.Dockerfile.dockerignore`, or move its lines to the root of the context.
//! The patch gives it the Dockerfile's name where there is one Dockerfile in its folder. Paths in it are relative to
//! the context, not to the file.
//!
//! Not flagged: folders that are the context of a build, and those without a Dockerfile, or with one whose context is
//! not known.
//!
//! ## Examples
//!
//! ### Beside the Dockerfile
//!
//! ```dockerfile docker/web.Dockerfile
//! FROM node:24
//! COPY . /app
//! ```
//!
//! ```dockerignore docker/.dockerignore
//! node_modules
//! ```
//!
//! ```hcl
//! target "web" {
//!   context    = "."
//!   dockerfile = "docker/web.Dockerfile"
//! }
//! ```
//!
//! ```text
//! docker/.dockerignore:1:1: warning[misplaced-dockerignore] no build reads this file: the context is the root of the repository
//! ```
//!
//! ```diff
//! diff --git a/docker/.dockerignore b/docker/.dockerignore
//! deleted file mode 100644
//! --- a/docker/.dockerignore
//! +++ /dev/null
//! @@ -1 +0,0 @@
//! -node_modules
//! diff --git a/docker/web.Dockerfile.dockerignore b/docker/web.Dockerfile.dockerignore
//! new file mode 100644
//! --- /dev/null
//! +++ b/docker/web.Dockerfile.dockerignore
//! @@ -0,0 +1 @@
//! +node_modules
//! ```
//!
//! ### At the root of the context
//!
//! ```dockerfile docker/Dockerfile
//! FROM node:24
//! COPY . /app
//! ```
//!
//! ```dockerignore docker/.dockerignore
//! node_modules
//! ```
//!
//! ```hcl
//! target "web" {
//!   context = "docker"
//! }
//! ```
//!
//! ## Also tested
//!
//! ### Two Dockerfiles
//!
//! ```dockerfile docker/a.Dockerfile
//! FROM node:24
//! COPY . /app
//! ```
//!
//! ```dockerfile docker/b.Dockerfile
//! FROM node:24
//! COPY . /app
//! ```
//!
//! ```dockerignore docker/.dockerignore
//! node_modules
//! ```
//!
//! ```hcl
//! target "a" {
//!   dockerfile = "docker/a.Dockerfile"
//! }
//!
//! target "b" {
//!   dockerfile = "docker/b.Dockerfile"
//! }
//! ```
//!
//! ```text
//! docker/.dockerignore:1:1: warning[misplaced-dockerignore] no build reads this file: the context is the root of the repository
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "misplaced-dockerignore", fix: Some(Safety::Unsafe), ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for (file, source) in project.snapshot.files() {
            let Some(folder) = source.path.strip_suffix("/.dockerignore") else { continue };
            let (ignore, _) = dockerignore::parse(file, source.text());
            let Some(first) = ignore.patterns().first() else { continue };
            let beside: Vec<usize> = (0..project.dockerfiles.len())
                .filter(|at| paths::folder(&project.dockerfiles[*at].path) == folder)
                .collect();
            let contexts: Vec<&Context> = beside
                .iter()
                .flat_map(|at| project.builds_of(*at))
                .filter(|build| !matches!(build.maker, Maker::Standalone(_)))
                .map(|build| &build.context)
                .collect();
            let elsewhere = |context: &&Context| matches!(context, Context::Folder(other) if other != folder);
            let unknown =
                beside.iter().any(|at| project.builds_of(*at).any(|build| matches!(build.maker, Maker::Standalone(_))));
            let is_context = |build: &Build| match &build.context {
                Context::Folder(other) => other == folder && !matches!(build.maker, Maker::Standalone(_)),
                Context::Dynamic => true,
                _ => false,
            };
            if unknown
                || contexts.is_empty()
                || !contexts.iter().all(elsewhere)
                || project.builds.iter().any(is_context)
            {
                continue;
            }
            let Some(Context::Folder(context)) = contexts.first() else { continue };
            let place =
                if context.is_empty() { "the root of the repository".to_owned() } else { format!("`{context}`") };
            let diagnostic = found.add(first.span, format!("no build reads this file: the context is {place}"));
            diagnostic.help("name it after the Dockerfile, or move its lines to the root of the context; paths are relative to the context");
            if let [only] = beside.as_slice() {
                let dockerfile = &project.dockerfiles[*only];
                diagnostic.label(Span::at(dockerfile.file, 0), "the Dockerfile");
                let path = format!("{}.dockerignore", dockerfile.path);
                if !project.snapshot.has_path(&path) {
                    let create = FileChange::Create { path, text: source.text().to_owned() };
                    let fix = Fix::unsafe_("Name it after the Dockerfile", Vec::new());
                    diagnostic.fix(fix.file(create).file(FileChange::Delete(file)).rebuilds_once());
                }
            }
        }
    }
}
