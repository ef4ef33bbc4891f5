//! A target is named like a stage and builds another one.
//!
//! Without `target` the last stage of the Dockerfile is built, whatever the name of the bake target. A target `worker` that forgets
//! `target = "worker"` builds the last stage, passes, and is pushed under the wrong name (docker/buildx#594, docker/buildx#2182).
//!
//! Not flagged: a last stage that stands on the one of the target's name, as `FROM worker`, or takes files from it, and Dockerfiles that another target builds
//! with the stage of that name.
//!
//! ## Examples
//!
//! ### The last stage for both
//!
//! ```dockerfile
//! FROM node:22 AS worker
//! CMD ["node", "worker.js"]
//!
//! FROM node:22 AS web
//! CMD ["node", "web.js"]
//! ```
//!
//! ```hcl
//! target "web" {
//!   tags = ["shop/web"]
//! }
//!
//! target "worker" {
//!   tags = ["shop/worker"]
//! }
//! ```
//!
//! ```text
//! docker-bake.hcl:5:8: warning[stage-not-asked-for] `worker` builds the last stage, `web`, not the stage `worker`
//! ```
//!
//! ```diff
//! --- a/docker-bake.hcl
//! +++ b/docker-bake.hcl
//! @@ -3,5 +3,6 @@
//!  }
//!
//!  target "worker" {
//! +  target = "worker"
//!    tags = ["shop/worker"]
//!  }
//! ```
//!
//! ### A stage for each
//!
//! ```dockerfile
//! FROM node:22 AS worker
//! CMD ["node", "worker.js"]
//!
//! FROM node:22 AS web
//! CMD ["node", "web.js"]
//! ```
//!
//! ```hcl
//! target "web" {
//!   target = "web"
//!   tags   = ["shop/web"]
//! }
//!
//! target "worker" {
//!   target = "worker"
//!   tags   = ["shop/worker"]
//! }
//! ```
//!
//! ## Also tested
//!
//! ### The last stage takes files from it
//!
//! ```dockerfile
//! FROM debian:12 AS rocm
//! RUN make
//!
//! FROM debian:12 AS final
//! COPY --from=rocm /opt/rocm /opt/rocm
//! ```
//!
//! ```hcl
//! target "rocm" {
//!   tags = ["shop/app:rocm"]
//! }
//! ```
//!
//! ### The last stage stands on it
//!
//! ```dockerfile
//! FROM node:22 AS app
//! CMD ["node", "app.js"]
//!
//! FROM app AS traced
//! ENV TRACE=1
//! ```
//!
//! ```hcl
//! target "app" {
//!   tags = ["shop/app"]
//! }
//! ```

use std::collections::BTreeSet;

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta =
        Meta { id: "stage-not-asked-for", confidence: Confidence::Medium, fix: Some(Safety::Unsafe), ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        let mut seen = BTreeSet::new();
        for build in &project.builds {
            let Maker::Target { bake, name } = &build.maker else { continue };
            let Some(dockerfile) = build.dockerfile.filter(|_| build.target.is_none()) else { continue };
            let file = &project.dockerfiles[dockerfile];
            let Some(stage) = file.tree.stage_named(name) else { continue };
            let Some(last) = file.target_stage(None).filter(|last| *last != stage) else { continue };
            // The last stage may stand on the other one, or take files from it.
            let uses = project.reach(build).unwrap_or_default();
            let needed = uses.get(stage).is_some_and(|used| *used != StageUse::Unreached);
            let asked = |other: &Build| {
                let stage = other.target.as_ref().and_then(|target| target.eval.known());
                stage.is_some_and(|stage| stage.eq_ignore_ascii_case(name))
            };
            if needed || project.builds_of(dockerfile).any(asked) || !seen.insert(build.span) {
                continue;
            }
            let message =
                format!("`{name}` builds the last stage, `{}`, not the stage `{name}`", file.stage_name(last));
            let diagnostic = found.add(build.span, message);
            if let Some(from) = file.from(stage) {
                diagnostic.label(file.on_first_line(from, from.span), "the stage of that name");
            }
            diagnostic.help(format!("`target = \"{name}\"` asks for the stage"));
            let mut blocks = project.bakes[*bake].definition.targets().filter(|target| target.name() == name);
            let (block, None) = (blocks.next(), blocks.next()) else { continue };
            if let Some(edit) =
                block.and_then(|block| first_attribute(project, &block, &format!("target = \"{name}\"")))
            {
                diagnostic.fix(Fix::unsafe_(format!("Build the stage `{name}`"), vec![edit]));
            }
        }
    }
}

/// Puts an attribute before the first one of a block whose attributes have lines for themselves.
fn first_attribute(project: &Project, block: &Declared<'_>, text: &str) -> Option<Edit> {
    if block.block.body.json {
        return None;
    }
    let first = block.attributes().next()?;
    let line = project.text(first.span.file).get(..first.span.start as usize)?;
    let indent = &line[line.rfind('\n')? + 1..];
    let ending = if line.contains("\r\n") { "\r\n" } else { "\n" };
    indent.trim().is_empty().then(|| Edit::insert(first.span, format!("{text}{ending}{indent}")))
}
