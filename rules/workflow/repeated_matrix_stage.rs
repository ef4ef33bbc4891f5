//! Each leg of a matrix builds the same stages anew.
//!
//! A leg is a job with a builder of its own. Targets of one Dockerfile that share stages pay for these once in every leg: downloads, packages
//! and compilers run as often as there are legs. One `docker buildx bake` of all targets runs equal steps once; so does a cache that one
//! build exports with `mode=max` and the others import.
//!
//! Looked at are jobs on GitHub's runners whose legs build different targets of one Dockerfile, with equal arguments and contexts.
//!
//! Not flagged: builds that import any cache, legs on other runners or for other platforms, and stages whose steps are quick, or that begin
//! with a copy of the whole context. One runner has to have room and time for all targets: that is why it is an info.
//!
//! ## Examples
//!
//! ### A leg for each target
//!
//! ```dockerfile
//! FROM alpine:3.22 AS base
//! RUN apk add --no-cache build-base
//!
//! FROM base AS web
//! RUN apk add --no-cache nginx
//!
//! FROM base AS worker
//! RUN apk add --no-cache redis
//! ```
//!
//! ```hcl
//! target "web" {
//!   target = "web"
//! }
//!
//! target "worker" {
//!   target = "worker"
//! }
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     strategy:
//!       matrix:
//!         target: [web, worker]
//!     steps:
//!       - uses: docker/bake-action@v6
//!         with:
//!           targets: ${{ matrix.target }}
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:9:15: info[repeated-matrix-stage] each leg of job `build` builds stage `base` anew
//! ```
//!
//! ### All together
//!
//! ```dockerfile
//! FROM alpine:3.22 AS base
//! RUN apk add --no-cache build-base
//!
//! FROM base AS web
//! RUN apk add --no-cache nginx
//!
//! FROM base AS worker
//! RUN apk add --no-cache redis
//! ```
//!
//! ```hcl
//! target "web" {
//!   target = "web"
//! }
//!
//! target "worker" {
//!   target = "worker"
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
//!           targets: web,worker
//! ```
//!
//! ## Also tested
//!
//! ### With a cache, on other runners, with other arguments, nothing to share
//!
//! ```dockerfile
//! FROM alpine:3.22 AS base
//! ARG VARIANT
//! RUN apk add --no-cache build-base
//!
//! FROM base AS web
//! RUN apk add --no-cache nginx
//!
//! FROM base AS worker
//! RUN apk add --no-cache redis
//!
//! FROM alpine:3.22 AS docs
//! RUN apk add --no-cache hugo
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   cached:
//!     runs-on: ubuntu-latest
//!     strategy:
//!       matrix:
//!         target: [web, worker]
//!     steps:
//!       - uses: docker/build-push-action@v6
//!         with:
//!           target: ${{ matrix.target }}
//!           cache-from: type=gha,scope=${{ matrix.target }}
//!   runners:
//!     runs-on: ${{ matrix.runner }}
//!     strategy:
//!       matrix:
//!         include:
//!           - {target: web, runner: ubuntu-latest}
//!           - {target: worker, runner: ubuntu-24.04-arm}
//!     steps:
//!       - uses: docker/build-push-action@v6
//!         with:
//!           target: ${{ matrix.target }}
//!   arguments:
//!     runs-on: ubuntu-latest
//!     strategy:
//!       matrix:
//!         target: [web, worker]
//!     steps:
//!       - uses: docker/build-push-action@v6
//!         with:
//!           target: ${{ matrix.target }}
//!           build-args: VARIANT=${{ matrix.target }}
//!   apart:
//!     runs-on: ubuntu-latest
//!     strategy:
//!       matrix:
//!         target: [web, docs]
//!     steps:
//!       - uses: docker/build-push-action@v6
//!         with:
//!           target: ${{ matrix.target }}
//! ```

use std::collections::BTreeMap;

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

/// More legs of one job are not held against the first one.
const MAX_LEGS: usize = 256;

impl Check for Rule {
    const META: Meta =
        Meta { id: "repeated-matrix-stage", severity: Severity::Info, confidence: Confidence::Medium, ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        if project.settings.runner == Runner::Persistent {
            return;
        }
        let mut calls: BTreeMap<(StepRef, usize), Vec<(&Build, &Caller)>> = BTreeMap::new();
        for build in &project.builds {
            let Some(caller) = build.caller.as_ref().filter(|caller| !caller.leg.is_empty()) else { continue };
            let hosted = project.step(caller.step).is_some_and(|(_, job, _)| job.is_hosted());
            if hosted && build.cache_known && build.cache_from.is_empty() {
                calls.entry((caller.step, caller.call)).or_default().push((build, caller));
            }
        }
        for builds in calls.values() {
            let Some((first, others)) = builds.split_first() else { continue };
            let twins = others.iter().take(MAX_LEGS).filter(|(_, caller)| caller.leg != first.1.leg);
            let Some((twin, stage)) =
                twins.filter_map(|(build, _)| Some((*build, shared(project, first.0, build)?))).next()
            else {
                continue;
            };
            let Some((_, job, _)) = project.step(first.1.step) else { continue };
            let (file, stage) = stage;
            let name = file.stage_name(stage);
            let message = format!("each leg of job `{}` builds stage `{name}` anew", job.id.node);
            let diagnostic = found.add(first.1.span, message);
            if let Some(from) = file.from(stage) {
                diagnostic.label(file.on_first_line(from, from.span), "this stage");
            }
            for build in [first.0, twin] {
                if build.span != first.1.span {
                    diagnostic.label(build.span, format!("`{}` needs it", build.name));
                }
            }
            diagnostic.help(
                "one bake command for all targets runs equal steps once; a cache that all of them import does so too",
            );
        }
    }
}

/// The first stage with steps that take time, and do not depend on the whole context, that both builds run.
fn shared<'p>(project: &'p Project, one: &Build, two: &Build) -> Option<(&'p Dockerfile, usize)> {
    let platforms = |build: &Build| build.platforms.iter().map(|platform| platform.eval.clone()).collect::<Vec<_>>();
    if project.asked_stages(one) == project.asked_stages(two) || platforms(one) != platforms(two) {
        return None;
    }
    let shared = project.shared_stages(one, two)?;
    let file = project.dockerfiles.get(shared.dockerfile)?;
    let is_heavy = |stage: &usize| {
        let copies_all = |instruction: &Instruction| match &instruction.body {
            Body::Copy(copy) | Body::Add(copy) => {
                copy.from.is_none() && copy.sources.iter().any(|source| matches!(&*source.word, "." | "./" | "/"))
            }
            _ => false,
        };
        let mut steps = file.stage_instructions(*stage).take_while(|(_, instruction)| !copies_all(instruction));
        steps.any(|(at, _)| file.is_heavy(at))
    };
    shared.both.into_iter().find(is_heavy).map(|stage| (file, stage))
}
