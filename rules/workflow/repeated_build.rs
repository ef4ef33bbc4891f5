//! Two jobs of a workflow build the same image, and neither uses the other's cache.
//!
//! Each job has a builder of its own. The same Dockerfile, stage, arguments and platforms are then built from the beginning twice: minutes
//! that nobody needs, and two images that need not be alike, since base images and packages may change in between. Build it once and hand on
//! its digest, or let one build import the cache that the other exports.
//!
//! Not flagged: builds that differ in anything, those that a script makes only in some cases, values that are not known, jobs whose conditions exclude each other, jobs on other runners,
//! and Dockerfiles without a RUN.
//!
//! ## Examples
//!
//! ### Built for the tests, then built to be pushed
//!
//! ```dockerfile
//! FROM alpine:3.22
//! RUN apk add --no-cache build-base
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   test:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//!         with:
//!           load: true
//!           tags: web:test
//!       - run: docker run --rm web:test make test
//!   publish:
//!     needs: test
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//!         with:
//!           push: true
//!           tags: ghcr.io/shop/web:edge
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:15:15: info[repeated-build] job `publish` builds what job `test` builds as well
//! ```
//!
//! ### With a cache between them
//!
//! ```dockerfile
//! FROM alpine:3.22
//! RUN apk add --no-cache build-base
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   test:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//!         with:
//!           load: true
//!           tags: web:test
//!           cache-to: type=gha,scope=web,mode=max
//!   publish:
//!     needs: test
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//!         with:
//!           push: true
//!           tags: ghcr.io/shop/web:edge
//!           cache-from: type=gha,scope=web
//! ```
//!
//! ## Also tested
//!
//! ### Other arguments, other stages, other events, other runners
//!
//! ```dockerfile
//! FROM alpine:3.22 AS base
//! RUN apk add --no-cache build-base
//!
//! FROM base AS test
//! RUN apk add --no-cache bats
//!
//! FROM base
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: [push, pull_request]
//! jobs:
//!   test:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//!         with: {target: test}
//!   debug:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//!         with: {build-args: DEBUG=1}
//!   arm:
//!     runs-on: ubuntu-24.04-arm
//!     steps:
//!       - uses: docker/build-push-action@v6
//!   push:
//!     if: github.event_name == 'push'
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//!   check:
//!     if: github.event_name == 'pull_request'
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta =
        Meta { id: "repeated-build", severity: Severity::Info, confidence: Confidence::Medium, ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        let mut seen: Vec<(String, usize, usize, &Build)> = Vec::new();
        let mut reported: Vec<Span> = Vec::new();
        for build in &project.builds {
            let Some(caller) = &build.caller else { continue };
            let Some(key) = key(project, build) else { continue };
            if is_link(project, build) || project.is_conditional(caller) {
                continue;
            }
            let (workflow_at, job_at) = (caller.step.workflow, caller.step.job);
            let Some(workflow) = project.workflows.get(workflow_at) else { continue };
            let twin = seen.iter().find(|(other_key, other_workflow, other_job, other)| {
                *other_key == key
                    && *other_workflow == workflow_at
                    && *other_job != job_at
                    && !workflow.exclude_each_other(job_at, *other_job)
                    && !share_cache(build, other)
            });
            if let Some((_, _, other_job, other)) = twin
                && !reported.contains(&caller.span)
            {
                reported.push(caller.span);
                let id = |job: usize| workflow.jobs.get(job).map_or("", |job| job.id.node.as_str());
                let message = format!("job `{}` builds what job `{}` builds as well", id(job_at), id(*other_job));
                let diagnostic = found.add(caller.span, message);
                let place = other.caller.as_ref().map_or(other.span, |caller| caller.span);
                diagnostic.label(place, "the same Dockerfile, stage, arguments and platforms");
                diagnostic
                    .help("build it once and hand on its digest, or import the cache that the other build exports");
            }
            seen.push((key, workflow_at, job_at, build));
        }
    }
}

/// What a build is made of, if all of it is known and it runs something.
fn key(project: &Project, build: &Build) -> Option<String> {
    let (workflow, job, _) = project.step(build.caller.as_ref()?.step)?;
    let dockerfile = build.dockerfile?;
    project.runs(dockerfile).first()?;
    let target = match &build.target {
        None => "",
        Some(target) => target.eval.known()?,
    };
    let Context::Folder(context) = &build.context else { return None };
    let known = build.platforms_known
        && build.contexts.is_empty()
        && build.cache_known
        && build.args.iter().all(|arg| arg.value.is_fixed_in_run())
        && build.caller.as_ref().is_some_and(|caller| caller.leg.is_empty());
    if !known || workflow.is_reusable() {
        return None;
    }
    let mut args: Vec<String> = build.args.iter().map(|arg| format!("{}={}", arg.name, arg.value)).collect();
    args.sort_unstable();
    let mut platforms: Vec<&str> =
        build.platforms.iter().filter_map(|value| value.eval.known().map(String::as_str)).collect();
    platforms.sort_unstable();
    let labels = job.runs_on.as_ref()?.labels.iter().map(|label| label.known()).collect::<Option<Vec<_>>>()?;
    Some(format!("{dockerfile} {target} {context} {args:?} {platforms:?} {labels:?}"))
}

/// Whether the build is there as a context of another target of the same command.
fn is_link(project: &Project, build: &Build) -> bool {
    let caller = build.caller.as_ref().map(|caller| (caller.step, caller.call));
    project.builds.iter().any(|other| {
        let links = |context: &NamedContext| matches!(&context.context, Context::Target(name) if *name == build.name);
        other.caller.as_ref().map(|caller| (caller.step, caller.call)) == caller
            && (other.contexts.iter().any(links)
                || matches!(&other.context, Context::Target(name) if *name == build.name))
    })
}

/// Whether one of two builds reads a cache that the other writes, or both read the same one.
fn share_cache(left: &Build, right: &Build) -> bool {
    let places = |entries: &[OptionList]| entries.iter().filter_map(OptionList::cache_location).collect::<Vec<_>>();
    let left = [places(&left.cache_from), places(&left.cache_to)].concat();
    let right = [places(&right.cache_from), places(&right.cache_to)].concat();
    left.iter().any(|place| right.contains(place))
}
