//! A build names a Dockerfile that is not there.
//!
//! `dockerfile` is relative to the context, not to the bake file; a path that repeats the context's folder is the usual slip.
//! The build fails when it reads the definition.
//!
//! Not flagged: contexts that are not folders of the repository, paths that are not known, files below folders that are not
//! looked into, and compose services.
//!
//! ## Examples
//!
//! ### The folder twice
//!
//! ```dockerfile app/Dockerfile
//! FROM scratch
//! ```
//!
//! ```hcl
//! target "app" {
//!   context    = "app"
//!   dockerfile = "app/Dockerfile"
//! }
//! ```
//!
//! ```text
//! docker-bake.hcl:3:16: error[missing-dockerfile] there is no `app/app/Dockerfile`, which `app` builds
//! ```
//!
//! ### Relative to the context
//!
//! ```dockerfile app/Dockerfile
//! FROM scratch
//! ```
//!
//! ```hcl
//! target "app" {
//!   context    = "app"
//!   dockerfile = "Dockerfile"
//! }
//! ```
//!
//! ## Also tested
//!
//! ### A context from elsewhere
//!
//! ```hcl
//! target "app" {
//!   context    = "https://github.com/example/app.git"
//!   dockerfile = "build/Dockerfile"
//! }
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "missing-dockerfile", severity: Severity::Error, ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        let mut seen: Vec<Span> = Vec::new();
        for build in &project.builds {
            let Maker::Target { bake, .. } = &build.maker else { continue };
            let Some(named) = &build.dockerfile_path else { continue };
            let (Some(path), Context::Folder(folder)) = (named.eval.known(), &build.context) else { continue };
            let snapshot = &project.snapshot;
            // A bake file below the root may be called from anywhere; only a call tells from where.
            let called = build.caller.is_some() || project.bakes.get(*bake).is_some_and(|bake| bake.folder.is_empty());
            let there = build.dockerfile.is_some() || snapshot.has_path(path) || snapshot.is_unknown(path);
            if there || !called || !snapshot.is_folder(folder) || named.span == build.span || seen.contains(&named.span)
            {
                continue;
            }
            seen.push(named.span);
            let diagnostic = found.add(named.span, format!("there is no `{path}`, which `{}` builds", build.name));
            let shown = if folder.is_empty() { "the root" } else { folder };
            let name = path.rsplit('/').next().unwrap_or(path);
            let near = snapshot.paths().iter().find(|other| {
                other.rsplit('/').next() == Some(name)
                    && (folder.is_empty() || other.starts_with(&format!("{folder}/")))
            });
            diagnostic.help(match near {
                Some(near) => format!("the path is relative to the context, {shown}; did you mean the file `{near}`?"),
                None => format!("the path is relative to the context, {shown}"),
            });
        }
    }
}
