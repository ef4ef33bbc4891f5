//! A build asks for a stage that its Dockerfile does not have.
//!
//! The build fails with «target stage could not be found» before its first step. A stage is named by `FROM ... AS name`, without
//! case, or by its number (BuildKit, frontend/dockerfile/dockerfile2llb/convert.go).
//!
//! Not flagged: Dockerfiles that are not in the repository, and stages that are not known.
//!
//! ## Examples
//!
//! ### A mistyped stage
//!
//! ```dockerfile
//! FROM scratch AS runtime
//! ```
//!
//! ```hcl
//! target "web" {
//!   target = "runtmie"
//! }
//! ```
//!
//! ```text
//! docker-bake.hcl:2:12: error[unknown-stage] Dockerfile has no stage `runtmie`, which `web` builds
//! ```
//!
//! ```diff
//! --- a/docker-bake.hcl
//! +++ b/docker-bake.hcl
//! @@ -1,3 +1,3 @@
//!  target "web" {
//! -  target = "runtmie"
//! +  target = "runtime"
//!  }
//! ```
//!
//! ### By name and by number
//!
//! ```dockerfile
//! FROM scratch AS runtime
//! FROM scratch
//! ```
//!
//! ```hcl
//! target "web" {
//!   target = "Runtime"
//! }
//!
//! target "last" {
//!   target = "1"
//! }
//! ```
//!
//! ## Also tested
//!
//! ### An inherited stage
//!
//! ```dockerfile
//! FROM scratch AS build
//! ```
//!
//! ```hcl
//! target "_common" {
//!   target = "test"
//! }
//!
//! target "web" {
//!   inherits = ["_common"]
//! }
//!
//! target "api" {
//!   inherits = ["_common"]
//! }
//! ```
//!
//! ```text
//! docker-bake.hcl:2:12: error[unknown-stage] Dockerfile has no stage `test`, which `web` builds
//! ```

use std::collections::BTreeMap;

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta =
        Meta { id: "unknown-stage", severity: Severity::Error, fix: Some(Safety::Unsafe), ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        let mut wrong: BTreeMap<(Span, &str, usize), &Build> = BTreeMap::new();
        for build in &project.builds {
            let Some(target) = build.target.as_ref() else { continue };
            let Some(name) = target.eval.known().filter(|name| !name.is_empty()) else { continue };
            let Some(at) = build.dockerfile else { continue };
            let Some(dockerfile) = project.dockerfiles.get(at) else { continue };
            if !dockerfile.tree.stages.is_empty() && dockerfile.target_stage(Some(name)).is_none() {
                wrong.entry((target.span, name, at)).or_insert(build);
            }
        }
        for ((span, name, at), build) in wrong {
            let Some(dockerfile) = project.dockerfiles.get(at) else { continue };
            let message = format!("{} has no stage `{name}`, which `{}` builds", dockerfile.path, build.name);
            let diagnostic = found.add(span, message);
            let stages = dockerfile.tree.stages.iter().filter_map(|stage| stage.name.as_deref());
            let Some(near) = nearest(name, stages.clone()) else {
                let names: Vec<String> = stages.map(|stage| format!("`{stage}`")).take(8).collect();
                diagnostic.help(match names.is_empty() {
                    true => "its stages have no names".to_owned(),
                    false => format!("its stages are {}", names.join(", ")),
                });
                continue;
            };
            diagnostic.help(format!("did you mean `{near}`?"));
            let text = project.snapshot.get(span.file).map_or("", |source| source.slice(span));
            let quoted = ['"', '\''].iter().any(|quote| text == format!("{quote}{name}{quote}"));
            if text == name || quoted {
                let start = span.start as usize + usize::from(quoted);
                let place = Span::new(span.file, start..start + name.len());
                diagnostic.fix(Fix::unsafe_(format!("Build the stage `{near}`"), vec![Edit::replace(place, near)]));
            }
        }
    }
}
