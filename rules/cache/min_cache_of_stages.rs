//! A cache export leaves out the stages that the image is made from.
//!
//! Without `mode=max` an export keeps the layers of the result alone. The steps of other stages, from which the result only copies
//! files, are not in it: as soon as one of their inputs changes, all that stands before it runs again on the next fresh builder, the
//! installation of packages too. `min` is the default of all backends
//! (<https://docs.docker.com/build/cache/backends/#cache-mode>).
//!
//! `mode=max` writes more, and so takes longer to export. It pays where the left-out steps take longer than that, which
//! `bakelint replay` tells from build logs. The finding is a warning where a stage that is left out installs what a manifest or lock
//! file of the project lists and then copies sources, and a note elsewhere.
//!
//! Not flagged: `mode=min` where it is written, inline caches (they have no other mode, see `useless-inline-cache`), and stages that
//! another build of the repository builds and exports as its result.
//!
//! ## Examples
//!
//! ### A builder stage
//!
//! ```dockerfile
//! FROM node:22 AS build
//! WORKDIR /src
//! COPY package.json package-lock.json ./
//! RUN npm ci
//! COPY . .
//! RUN npm run build
//!
//! FROM nginx:1.29
//! COPY --from=build /src/dist /usr/share/nginx/html
//! ```
//!
//! ```hcl
//! target "web" {
//!   cache-from = ["type=gha,scope=web"]
//!   cache-to   = ["type=gha,scope=web"]
//! }
//! ```
//!
//! ```text
//! docker-bake.hcl:3:17: warning[min-cache-of-stages] the steps of stage `build` are left out of this cache
//! ```
//!
//! ```diff
//! --- a/docker-bake.hcl
//! +++ b/docker-bake.hcl
//! @@ -1,4 +1,4 @@
//!  target "web" {
//!    cache-from = ["type=gha,scope=web"]
//! -  cache-to   = ["type=gha,scope=web"]
//! +  cache-to   = ["type=gha,scope=web,mode=max"]
//!  }
//! ```
//!
//! ### All stages
//!
//! ```dockerfile
//! FROM node:22 AS build
//! COPY . .
//! RUN npm ci
//!
//! FROM nginx:1.29
//! COPY --from=build /src/dist /usr/share/nginx/html
//! ```
//!
//! ```hcl
//! target "web" {
//!   cache-from = ["type=gha,scope=web"]
//!   cache-to   = ["type=gha,scope=web,mode=max"]
//! }
//! ```
//!
//! ## Also tested
//!
//! ### The result stands on the other stage, and another one only copies
//!
//! ```dockerfile
//! FROM node:22 AS base
//! RUN npm install --global pnpm
//!
//! FROM scratch AS files
//! COPY . /files
//!
//! FROM base
//! COPY --from=files /files /files
//! ```
//!
//! ```hcl
//! target "web" {
//!   cache-to = ["type=gha,scope=web"]
//! }
//! ```
//!
//! ### An object
//!
//! ```dockerfile
//! FROM golang:1.25 AS build
//! RUN go build -o /app .
//!
//! FROM scratch
//! COPY --from=build /app /app
//! ```
//!
//! ```hcl
//! target "web" {
//!   cache-to = [{ type = "registry", ref = "shop/web:cache" }]
//! }
//! ```
//!
//! ```text
//! docker-bake.hcl:2:15: info[min-cache-of-stages] the steps of stage `build` are left out of this cache
//! ```
//!
//! ```diff
//! --- a/docker-bake.hcl
//! +++ b/docker-bake.hcl
//! @@ -1,3 +1,3 @@
//!  target "web" {
//! -  cache-to = [{ type = "registry", ref = "shop/web:cache" }]
//! +  cache-to = [{ type = "registry", ref = "shop/web:cache", mode = "max" }]
//!  }
//! ```
//!
//! ### The other stage has an export of its own
//!
//! ```dockerfile
//! FROM golang:1.25 AS build
//! RUN go build -o /app .
//!
//! FROM scratch
//! COPY --from=build /app /app
//! ```
//!
//! ```hcl
//! target "build" {
//!   target   = "build"
//!   cache-to = ["type=gha,scope=build"]
//! }
//!
//! target "web" {
//!   cache-to = ["type=gha,scope=web"]
//! }
//! ```

use std::collections::{BTreeMap, BTreeSet};

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

/// What one export leaves out.
#[derive(Default)]
struct LeftOut<'p> {
    entry: Option<&'p OptionList>,
    stages: BTreeSet<(usize, usize)>,
    installs: bool,
}

impl Check for Rule {
    const META: Meta = Meta {
        id: "min-cache-of-stages",
        severity: Severity::Info,
        confidence: Confidence::Medium,
        fix: Some(Safety::Unsafe),
        ..Meta::DEFAULT
    };

    fn check(&self, project: &Project, found: &mut Findings) {
        let mut entries: BTreeMap<Span, LeftOut<'_>> = BTreeMap::new();
        for build in &project.builds {
            let exports = build.cache_to.iter().filter(|entry| entry.get("mode").is_none());
            let exports: Vec<_> = exports.filter(|entry| entry.cache_location().is_some()).collect();
            // Another export of the same build may keep everything.
            if exports.is_empty() || build.cache_to.iter().any(|entry| entry.is_max()) {
                continue;
            }
            let Some(dockerfile) = build.dockerfile else { continue };
            for stage in left_out(project, build, dockerfile) {
                for entry in &exports {
                    let left = entries.entry(entry.span).or_default();
                    left.entry = Some(entry);
                    left.stages.insert((dockerfile, stage));
                    left.installs |= installs(project, dockerfile, stage);
                }
            }
        }
        for (span, left) in entries {
            let names: Vec<String> = left
                .stages
                .iter()
                .map(|(dockerfile, stage)| format!("`{}`", project.dockerfiles[*dockerfile].stage_name(*stage)))
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect();
            let stages = match names.as_slice() {
                [one] => format!("stage {one}"),
                [names @ .., last] if names.len() < 4 => format!("stages {} and {last}", names.join(", ")),
                names => format!("{} stages", names.len()),
            };
            let diagnostic = found.add(span, format!("the steps of {stages} are left out of this cache"));
            if left.installs {
                diagnostic.severity(Severity::Warning);
            }
            for (dockerfile, stage) in left.stages.iter().take(4) {
                let dockerfile = &project.dockerfiles[*dockerfile];
                if let Some(from) = dockerfile.from(*stage) {
                    diagnostic.label(dockerfile.on_first_line(from, from.span), "its layers are not kept");
                }
            }
            diagnostic
                .help("`mode=max` keeps them; without it they run again on a fresh builder when an input changes");
            if let Some(edit) = left.entry.and_then(|entry| project.add_option(entry, "mode", "max")) {
                diagnostic.fix(Fix::unsafe_("Export the layers of all stages", vec![edit]));
            }
        }
    }
}

/// The stages with steps that run for the build and whose layers are not those of its result.
fn left_out(project: &Project, build: &Build, dockerfile: usize) -> Vec<usize> {
    let targets = project.builds_of(dockerfile).filter(|other| !other.cache_to.is_empty());
    let file = &project.dockerfiles[dockerfile];
    let exported: BTreeSet<usize> = targets
        .filter_map(|other| {
            file.target_stage(other.target.as_ref().and_then(|target| target.eval.known()).map(|name| &**name))
        })
        .collect();
    let uses = project.reach(build).unwrap_or_default();
    let builders = uses.iter().enumerate().filter(|(_, used)| **used == StageUse::Builder).map(|(stage, _)| stage);
    let runs = |stage: &usize| {
        file.stage_instructions(*stage).any(|(_, instruction)| matches!(instruction.body, Body::Run(_)))
    };
    builders.filter(|stage| runs(stage) && !exported.contains(stage)).collect()
}

/// Whether the stage installs what a manifest lists, which is much and rarely changes, and then copies from the context, which often
/// does.
fn installs(project: &Project, dockerfile: usize, stage: usize) -> bool {
    let file = &project.dockerfiles[dockerfile];
    let copies = file
        .stage_instructions(stage)
        .filter(|(_, instruction)| matches!(&instruction.body, Body::Copy(copy) if copy.from.is_none()));
    let Some((last, _)) = copies.last() else { return false };
    let runs = project.runs(dockerfile).iter().filter(|run| run.stage == stage && run.instruction < last);
    runs.flat_map(|run| run.installs()).any(PackageCommand::is_from_manifest)
}
