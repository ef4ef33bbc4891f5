//! One bake command builds several targets that share steps, and may miss what their caches hold.
//!
//! Where targets have a step in common, BuildKit solves it once for both, with the caches of whichever target came first; the other
//! target's caches may then not be asked, and its own steps run again although they were exported
//! (<https://github.com/moby/buildkit/issues/4674>). It was seen in every run on a fresh builder with two targets of one Dockerfile,
//! separate caches or one for both, and never where the targets were baked one after the other.
//!
//! Bake the targets in one step each, or as sequential commands of one step: what they share is in the builder then. On builders
//! that keep their cache between runs there is nothing to gain.
//!
//! Found are calls on GitHub's own runners. Not flagged: runners that the configuration declares persistent, and targets whose
//! build arguments differ, which may share nothing.
//!
//! ## Examples
//!
//! ### Two stages over a common one
//!
//! ```dockerfile
//! FROM node:22 AS deps
//! COPY package.json package-lock.json ./
//! RUN npm ci
//!
//! FROM deps AS web
//! RUN npm run build:web
//!
//! FROM deps AS worker
//! RUN npm run build:worker
//! ```
//!
//! ```hcl
//! group "default" {
//!   targets = ["web", "worker"]
//! }
//!
//! target "web" {
//!   target     = "web"
//!   cache-from = ["type=gha,scope=web"]
//!   cache-to   = ["type=gha,scope=web,mode=max"]
//! }
//!
//! target "worker" {
//!   target     = "worker"
//!   cache-from = ["type=gha,scope=worker"]
//!   cache-to   = ["type=gha,scope=worker,mode=max"]
//! }
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/bake-action@v6
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:6:15: warning[concurrent-cache-imports] `web` and `worker` share the steps of `deps`: baked together, one of them may miss its cache
//! ```
//!
//! ### One after the other
//!
//! ```dockerfile
//! FROM node:22 AS deps
//! COPY package.json package-lock.json ./
//! RUN npm ci
//!
//! FROM deps AS web
//! RUN npm run build:web
//!
//! FROM deps AS worker
//! RUN npm run build:worker
//! ```
//!
//! ```hcl
//! target "web" {
//!   target     = "web"
//!   cache-from = ["type=gha,scope=web"]
//!   cache-to   = ["type=gha,scope=web,mode=max"]
//! }
//!
//! target "worker" {
//!   target     = "worker"
//!   cache-from = ["type=gha,scope=worker"]
//!   cache-to   = ["type=gha,scope=worker,mode=max"]
//! }
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/bake-action@v6
//!         with:
//!           targets: web
//!       - uses: docker/bake-action@v6
//!         with:
//!           targets: worker
//! ```

use std::collections::BTreeMap;

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

/// More builds of one call are not held against each other.
const MAX_BUILDS: usize = 40;

impl Check for Rule {
    const META: Meta = Meta { id: "concurrent-cache-imports", confidence: Confidence::Medium, ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        if project.settings.runner == Runner::Persistent {
            return;
        }
        let mut calls: BTreeMap<(StepRef, usize, String), Vec<&Build>> = BTreeMap::new();
        for build in &project.builds {
            let Some(caller) = &build.caller else { continue };
            let hosted = project.step(caller.step).is_some_and(|(_, job, _)| job.is_hosted());
            let imports = build.cache_from.iter().any(|entry| entry.cache_location().is_some());
            if hosted && imports && matches!(build.maker, Maker::Target { .. }) {
                calls.entry((caller.step, caller.call, format!("{:?}", caller.leg))).or_default().push(build);
            }
        }
        let mut reported = Vec::new();
        for builds in calls.values().map(|builds| &builds[..builds.len().min(MAX_BUILDS)]) {
            let pairs =
                builds.iter().enumerate().flat_map(|(at, one)| builds[at + 1..].iter().map(move |two| (*one, *two)));
            let Some((one, two, stage)) =
                pairs.filter_map(|(one, two)| Some((one, two, shared(project, one, two)?))).next()
            else {
                continue;
            };
            let Some(span) = one.caller.as_ref().map(|caller| caller.span) else { continue };
            if reported.contains(&span) {
                continue;
            }
            reported.push(span);
            let message = format!(
                "`{}` and `{}` share the steps of `{stage}`: baked together, one of them may miss its cache",
                one.name, two.name
            );
            let diagnostic = found.add(span, message);
            diagnostic.label(one.span, "imports a cache").label(two.span, "imports a cache");
            diagnostic.help("on a fresh builder, bake them one after the other (moby/buildkit#4674)");
        }
    }
}

/// A stage with steps that both builds run, in equal states, while each has steps of its own.
fn shared(project: &Project, one: &Build, two: &Build) -> Option<String> {
    let shared = project.shared_stages(one, two).filter(|shared| shared.own == [true; 2])?;
    Some(project.dockerfiles.get(shared.dockerfile)?.stage_name(*shared.both.first()?))
}
