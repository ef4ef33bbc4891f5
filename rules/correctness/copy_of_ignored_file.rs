//! A file is copied that the ignore file keeps out of the context.
//!
//! The builder never sees it: the build fails with "not found", or copies less than it seems to.
//! See <https://docs.docker.com/reference/build-checks/copy-ignored-file/>.
//!
//! Sources are compared as they are written, wild cards included, with `Dockerfile.dockerignore` beside the Dockerfile, else with the
//! `.dockerignore` of the context. Like BuildKit, this says nothing when any line of the ignore file begins with `!`: what lies in an
//! ignored folder may come back then. `.` is flagged only where everything is ignored.
//!
//! ## Examples
//!
//! ### Ignored and wanted
//!
//! ```dockerfile
//! FROM node:22
//! COPY package.json dist/index.js /app/
//! ```
//!
//! ```dockerignore
//! node_modules
//! dist
//! ```
//!
//! ```text
//! Dockerfile:2:19: warning[copy-of-ignored-file] `.dockerignore` keeps `dist/index.js` out of the context
//! ```
//!
//! ### Not ignored
//!
//! ```dockerfile
//! FROM node:22 AS build
//! COPY . .
//! FROM scratch
//! COPY --from=build /dist /
//! ADD https://example.com/dist /
//! ```
//!
//! ```dockerignore
//! dist
//! ```
//!
//! ## Also tested
//!
//! ### Exceptions
//!
//! ```dockerfile
//! FROM node:22
//! COPY dist /app/
//! ```
//!
//! ```dockerignore
//! dist
//! !dist/index.js
//! ```
//!
//! ### Everything
//!
//! ```dockerfile
//! FROM node:22
//! ADD . /app/
//! ```
//!
//! ```dockerignore
//! **
//! ```
//!
//! ```text
//! Dockerfile:2:5: warning[copy-of-ignored-file] `.dockerignore` keeps `.` out of the context
//! ```
//!
//! ### The Dockerfile's own ignore file
//!
//! ```dockerfile
//! FROM node:22
//! COPY a b /app/
//! ```
//!
//! ```dockerignore
//! a
//! ```
//!
//! ```dockerignore Dockerfile.dockerignore
//! b
//! ```
//!
//! ```text
//! Dockerfile:2:8: warning[copy-of-ignored-file] `Dockerfile.dockerignore` keeps `b` out of the context
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "copy-of-ignored-file", also: &["buildkit:CopyIgnoredFile"], ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for evaluation in project.evaluations() {
            let file = &project.dockerfiles[evaluation.dockerfile];
            let Some(id) = project.ignore_file(&project.builds[evaluation.build], file) else { continue };
            let text = project.snapshot.get(id).map(|source| source.text()).unwrap_or_default();
            let (ignore, _) = dockerignore::parse(id, text);
            if ignore.has_negation() || ignore.patterns().is_empty() {
                continue;
            }
            let everything = ignore.patterns().iter().any(dockerignore::Pattern::is_everything);
            for (stage, step) in evaluation.steps() {
                let Effect::Copy(paths) = &step.effect else { continue };
                for source in paths {
                    let path = dockerignore::clean(&source.path);
                    if matches!(path.as_str(), "." | "/") && !everything || !ignore.matches_or_parents(&path) {
                        continue;
                    }
                    let (span, heeds) = evaluation.place(file, stage, step, source.span);
                    let path_of_file = project.path(id);
                    let diagnostic =
                        found.add(span, format!("`{path_of_file}` keeps `{path}` out of the context")).heeds(heeds);
                    if let Some(pattern) = ignore.verdict(&path) {
                        diagnostic.label(pattern.span, "this line matches");
                    }
                }
            }
        }
    }
}
