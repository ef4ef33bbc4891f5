//! A build on a fresh runner imports no cache, and runs steps again that seldom change.
//!
//! A runner of GitHub's is new for each job: it holds no layers. Without `cache-from`, packages are installed and downloads are fetched in every
//! run, although the steps and what they read are the same as in the run before. With a cache, these steps are fetched or skipped
//! (<https://docs.docker.com/build/ci/github-actions/cache/>).
//!
//! The largest gain is with steps that stand above the copy of the sources: they are the ones that are counted here.
//! `bakelint check --history` tells what the fix would have saved.
//!
//! Reported once for a workflow, at the build with most of them; with low confidence where they are few, since an import takes time too.
//!
//! Not flagged: workflows that run for tags, releases, schedules or by hand only; builds with unknown cache settings or on other
//! runners and builders; files whose long steps all depend on the sources.
//!
//! ## Examples
//!
//! ### From nothing
//!
//! ```dockerfile
//! FROM debian:13-slim
//! RUN apt-get update && apt-get install -y --no-install-recommends build-essential && rm -rf /var/lib/apt/lists/*
//! COPY . /src
//! RUN make -C /src
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on:
//!   push:
//!     branches: [main]
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/setup-buildx-action@v3
//!       - uses: docker/build-push-action@v6
//!         with:
//!           push: true
//!           tags: ghcr.io/shop/web:edge
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:9:15: info[uncached-build] no cache is imported: each run executes a step that seldom changes
//! ```
//!
//! ```diff
//! --- a/.github/workflows/ci.yml
//! +++ b/.github/workflows/ci.yml
//! @@ -10,3 +10,5 @@
//!          with:
//!            push: true
//!            tags: ghcr.io/shop/web:edge
//! +          cache-from: type=gha,scope=build-1
//! +          cache-to: type=gha,scope=build-1,mode=max,ignore-error=true
//! ```
//!
//! ### With a cache
//!
//! ```dockerfile
//! FROM debian:13-slim
//! RUN apt-get update && apt-get install -y --no-install-recommends build-essential && rm -rf /var/lib/apt/lists/*
//! COPY . /src
//! RUN make -C /src
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on:
//!   push:
//!     branches: [main]
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/setup-buildx-action@v3
//!       - uses: docker/build-push-action@v6
//!         with:
//!           push: true
//!           tags: ghcr.io/shop/web:edge
//!           cache-from: type=gha
//!           cache-to: type=gha,mode=max
//! ```
//!
//! ## Also tested
//!
//! ### Seldom, elsewhere, or nothing that stays
//!
//! ```dockerfile
//! FROM debian:13-slim
//! COPY . /src
//! RUN apt-get update && make -C /src
//! ```
//!
//! ```dockerfile tools/Dockerfile
//! FROM debian:13-slim
//! RUN apt-get update && apt-get install -y --no-install-recommends make && rm -rf /var/lib/apt/lists/*
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   sources:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//!   own:
//!     runs-on: self-hosted
//!     steps:
//!       - uses: docker/build-push-action@v6
//!         with: {context: tools}
//!   remote:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/setup-buildx-action@v3
//!         with: {driver: cloud, endpoint: shop/builder}
//!       - uses: docker/build-push-action@v6
//!         with: {context: tools}
//! ```
//!
//! ```yaml .github/workflows/release.yml
//! on: {push: {tags: ["v*"]}, release: {types: [published]}}
//! jobs:
//!   release:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//!         with: {context: tools}
//! ```
//!
//! ### Several legs, no builder that exports
//!
//! ```dockerfile
//! FROM debian:13-slim
//! ARG VARIANT
//! RUN apt-get update && apt-get install -y --no-install-recommends "$VARIANT" && rm -rf /var/lib/apt/lists/*
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: pull_request
//! jobs:
//!   legs:
//!     runs-on: ubuntu-latest
//!     strategy:
//!       matrix: {variant: [a, b]}
//!     steps:
//!       - uses: docker/setup-buildx-action@v3
//!       - uses: docker/build-push-action@v6
//!         with:
//!           build-args: VARIANT=${{ matrix.variant }}
//!   plain:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:9:15: info[uncached-build] no cache is imported: each run executes a step that seldom changes
//! ```

use std::collections::BTreeMap;

use bakelint_core::prelude::*;

/// How many steps are worth a cache.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Rule {
    /// With fewer steps that seldom change, the finding has low confidence: they may well be quicker than the import.
    pub min_steps: usize,
}

impl Default for Rule {
    fn default() -> Self {
        Rule { min_steps: 3 }
    }
}

impl Check for Rule {
    const META: Meta = Meta {
        id: "uncached-build",
        severity: Severity::Info,
        confidence: Confidence::Medium,
        fix: Some(Safety::Unsafe),
        ..Meta::DEFAULT
    };

    fn check(&self, project: &Project, found: &mut Findings) {
        if project.settings.runner == Runner::Persistent {
            return;
        }
        let mut steps: BTreeMap<StepRef, Vec<(&Build, &Caller)>> = BTreeMap::new();
        for build in &project.builds {
            if let Some(caller) = &build.caller {
                steps.entry(caller.step).or_default().push((build, caller));
            }
        }
        let mut bare: BTreeMap<usize, Vec<Bare>> = BTreeMap::new();
        for (place, builds) in &steps {
            if let Some(found) = look_at(project, *place, builds) {
                bare.entry(place.workflow).or_default().push(found);
            }
        }
        for jobs in bare.values_mut() {
            jobs.dedup_by_key(|bare| bare.caller.step.job);
            // The first one of those with most steps.
            let Some(most) = jobs.iter().rev().max_by_key(|bare| bare.steady.len()) else { continue };
            let Some((workflow, job, step)) = project.step(most.caller.step) else { continue };
            let which = match most.steady.len() {
                1 => "a step that seldom changes".to_owned(),
                count => format!("{count} steps that seldom change"),
            };
            let diagnostic = found.add(most.caller.span, format!("no cache is imported: each run executes {which}"));
            let file = most.build.dockerfile.and_then(|at| project.dockerfiles.get(at));
            for (file, at) in file.into_iter().flat_map(|file| most.steady.iter().take(3).map(move |at| (file, *at))) {
                if let Some(instruction) = file.tree.instructions.get(at) {
                    diagnostic.label(file.on_first_line(instruction, instruction.span), "this one");
                }
            }
            for other in jobs.iter().filter(|other| other.caller.step != most.caller.step) {
                diagnostic.label(other.caller.span, "without a cache too");
            }
            if most.steady.len() < self.min_steps {
                diagnostic.confidence(Confidence::Low);
            }
            let before = &job.steps[..most.caller.step.step];
            let builder = before.iter().any(|step| step.uses_action("docker/setup-buildx-action"));
            diagnostic.help(match builder {
                true => "`cache-from` and `cache-to` with `type=gha` or `type=registry` keep layers between runs",
                false => {
                    "`docker/setup-buildx-action`, and `cache-from` and `cache-to` with `type=gha`, keep layers between runs"
                }
            });
            let alone = most.alone && most.caller.legs == 1 && step.uses_action("docker/build-push-action");
            if !alone || !builder || !most.build.cache_to.is_empty() || step.input("cache-from").is_some() {
                continue;
            }
            let scope = format!("{}-{}", job.id.node, most.caller.step.step);
            let entries = format!(
                "cache-from: type=gha,scope={scope}\ncache-to: type=gha,scope={scope},mode=max,ignore-error=true"
            );
            if let Some(edits) = workflow.add_inputs(project.text(workflow.file), step, &entries) {
                diagnostic.fix(Fix::unsafe_("Keep layers in GitHub's cache", edits));
            }
        }
    }
}

/// A build without a cache.
struct Bare<'p> {
    build: &'p Build,
    caller: &'p Caller,
    steady: Vec<usize>,
    /// Whether its step makes no other build.
    alone: bool,
}

/// The build of a step that has steps which a cache would keep, if the step imports none.
fn look_at<'p>(project: &'p Project, place: StepRef, builds: &[(&'p Build, &'p Caller)]) -> Option<Bare<'p>> {
    let (_, job, step) = project.step(place)?;
    let by_action = step.uses_action("docker/build-push-action") || step.uses_action("docker/bake-action");
    let bare =
        |build: &Build| build.cache_known && build.cache_from.is_empty() && build.no_cache.known() == Some(&false);
    let all = builds.iter().all(|(build, _)| bare(build));
    if !by_action || !all || !job.is_hosted() || has_own_builder(job) || !project.runs_for_commits(place) {
        return None;
    }
    let candidates = builds.iter().map(|(build, caller)| Bare {
        build,
        caller,
        steady: project.steady_steps(build),
        alone: builds.len() == 1,
    });
    candidates.rev().max_by_key(|bare| bare.steady.len()).filter(|bare| !bare.steady.is_empty())
}

/// Whether a job may build on a builder that is not new, or is no machine of the job.
fn has_own_builder(job: &Job) -> bool {
    let own = |step: &workflow::Step| {
        let setup = step.uses_action("docker/setup-buildx-action");
        setup && ["driver", "endpoint", "append", "name"].iter().any(|name| step.input(name).is_some())
            || step.input("builder").is_some()
    };
    job.container.is_some() || job.steps.iter().any(own)
}
