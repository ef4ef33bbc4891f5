//! `SOURCE_DATE_EPOCH` is another one for each commit, and makes a cache useless.
//!
//! buildx hands the variable of its environment on as a build argument. BuildKit gives the value to each WORKDIR as the time of the folder
//! that it makes, so that another value changes the cache key of the WORKDIR and of all steps behind it; where an ARG declares it, also that
//! of each RUN behind that (frontend/dockerfile/dockerfile2llb/convert.go). With the time of the commit, every commit builds from the first
//! WORKDIR on.
//!
//! Set it for releases only, or to a constant; for reproducible layers `rewrite-timestamp=true` of the output works with a constant too
//! (<https://docs.docker.com/build/ci/github-actions/reproducible-builds/>).
//!
//! Not flagged: builds that import no cache, workflows that run for tags only, and files in which no step that takes time stands behind a
//! WORKDIR.
//!
//! ## Examples
//!
//! ### The time of the commit
//!
//! ```dockerfile
//! FROM debian:13-slim
//! WORKDIR /src
//! RUN apt-get update && apt-get install -y --no-install-recommends build-essential && rm -rf /var/lib/apt/lists/*
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: {push: {branches: [main]}}
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: actions/checkout@v5
//!       - id: epoch
//!         run: echo "time=$(git log -1 --pretty=%ct)" >> "$GITHUB_OUTPUT"
//!       - uses: docker/build-push-action@v6
//!         with:
//!           cache-from: type=gha
//!           cache-to: type=gha,mode=max
//!         env:
//!           SOURCE_DATE_EPOCH: ${{ steps.epoch.outputs.time }}
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:14:30: warning[epoch-of-commit] `SOURCE_DATE_EPOCH` is another one for each commit: what stands behind a WORKDIR is built anew
//! ```
//!
//! ### A constant
//!
//! ```dockerfile
//! FROM debian:13-slim
//! WORKDIR /src
//! RUN apt-get update && apt-get install -y --no-install-recommends build-essential && rm -rf /var/lib/apt/lists/*
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: {push: {branches: [main]}}
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: actions/checkout@v5
//!       - uses: docker/build-push-action@v6
//!         with:
//!           cache-from: type=gha
//!           cache-to: type=gha,mode=max
//!         env:
//!           SOURCE_DATE_EPOCH: 0
//! ```
//!
//! ## Also tested
//!
//! ### For releases, without a cache, without a WORKDIR, as an argument
//!
//! ```dockerfile
//! FROM debian:13-slim
//! WORKDIR /src
//! RUN apt-get update && apt-get install -y --no-install-recommends build-essential && rm -rf /var/lib/apt/lists/*
//! ```
//!
//! ```dockerfile plain.Dockerfile
//! FROM debian:13-slim
//! RUN apt-get update && apt-get install -y --no-install-recommends build-essential && rm -rf /var/lib/apt/lists/*
//! WORKDIR /src
//! ```
//!
//! ```yaml .github/workflows/release.yml
//! on: {push: {tags: ["v*"]}}
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//!         with: {cache-from: "type=gha"}
//!         env:
//!           SOURCE_DATE_EPOCH: ${{ github.event.repository.updated_at }}
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: pull_request
//! env:
//!   SOURCE_DATE_EPOCH: ${{ github.event.repository.updated_at }}
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//!       - uses: docker/build-push-action@v6
//!         with: {file: plain.Dockerfile, cache-from: "type=gha"}
//!   argument:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//!         with:
//!           cache-from: type=gha
//!           build-args: SOURCE_DATE_EPOCH=${{ github.run_id }}
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:17:23: warning[epoch-of-commit] `SOURCE_DATE_EPOCH` is another one for each commit: what stands behind a WORKDIR is built anew
//! ```

use std::collections::BTreeSet;

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

/// The variable and the argument.
const NAME: &str = "SOURCE_DATE_EPOCH";

impl Check for Rule {
    const META: Meta = Meta { id: "epoch-of-commit", confidence: Confidence::Medium, ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        let mut seen = BTreeSet::new();
        for build in project.builds.iter().filter(|build| !build.cache_from.is_empty()) {
            let Some(place) = build.caller.as_ref().map(|caller| caller.step) else { continue };
            let Some((workflow, job, step)) = project.step(place) else { continue };
            let scope = workflow::Scope::new(workflow).in_job(job, None).in_step(step);
            let value = match build.arg(NAME) {
                Some(arg) => Some((arg.value.clone(), arg.span)),
                None => scope.env(NAME).map(|scalar| (scope.text(scalar), scalar.span)),
            };
            let Some((value, span)) = value else { continue };
            // Variables of the repository and inputs may well be constants.
            let computed = ["steps.", "needs.", "env.", "github.", "git "];
            let varies = value.unknowns().any(|words| computed.iter().any(|start| words.contains(start)));
            if !varies || !project.runs_for_commits(place) || !seen.insert(span) {
                continue;
            }
            let Some((workdir, heavy)) = behind_workdir(project, build) else { continue };
            let message =
                format!("`{NAME}` is another one for each commit: what stands behind a WORKDIR is built anew");
            let diagnostic = found.add(span, message);
            diagnostic.label(workdir, "takes the time").label(heavy, "built anew each time");
            diagnostic.help("set it for releases only, or to a constant");
        }
    }
}

/// The first WORKDIR of a build with a step behind it that takes time, and that step.
fn behind_workdir(project: &Project, build: &Build) -> Option<(Span, Span)> {
    let file = project.dockerfiles.get(build.dockerfile?)?;
    let reach = project.reach(build)?;
    let needed =
        (0..file.tree.stages.len()).filter(|stage| reach.get(*stage).is_some_and(|used| *used != StageUse::Unreached));
    needed.into_iter().find_map(|stage| {
        let place = |instruction: &Instruction| file.on_first_line(instruction, instruction.span);
        let mut workdirs = file.stage_instructions(stage).filter(|(_, one)| matches!(one.body, Body::Workdir(_)));
        let (first, workdir) = workdirs.next()?;
        let (_, heavy) = file.stage_instructions(stage).find(|(at, _)| *at > first && file.is_heavy(*at))?;
        Some((place(workdir), place(heavy)))
    })
}
