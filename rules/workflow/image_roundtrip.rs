//! A job hands an image to one other job by way of a registry or an artifact.
//!
//! The image is exported, pushed or uploaded, then another runner boots, pulls or downloads and unpacks it: for an image of a
//! gigabyte about a minute on each side, before the first test. A job that builds, loads the image and tests it has none of
//! that; a test stage that the builder runs does not even load it. The price is that a failed test is run again with its build, which
//! comes from the cache.
//!
//! Not flagged: images that several jobs or the legs of a matrix use, jobs on different runners, and jobs with an `environment`.
//!
//! ## Examples
//!
//! ### Pushed here, pulled there
//!
//! ```dockerfile
//! FROM alpine:3.22
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//!         with:
//!           push: true
//!           tags: ghcr.io/shop/web:${{ github.run_id }}
//!   test:
//!     needs: build
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: docker pull ghcr.io/shop/web:${{ github.run_id }}
//!       - run: docker run --rm ghcr.io/shop/web:${{ github.run_id }} make test
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:14:26: info[image-roundtrip] job `test` pulls `ghcr.io/shop/web:${github.run_id}`, which job `build` has just pushed, and no other job uses it
//! ```
//!
//! ### Built and tested in one job
//!
//! ```dockerfile
//! FROM alpine:3.22
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
//! ```
//!
//! ## Also tested
//!
//! ### By an artifact
//!
//! ```dockerfile
//! FROM alpine:3.22
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//!         with:
//!           tags: web:test
//!           outputs: type=docker,dest=/tmp/web.tar
//!       - uses: actions/upload-artifact@v4
//!         with:
//!           name: web
//!           path: /tmp/web.tar
//!   test:
//!     needs: [build]
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: actions/download-artifact@v4
//!         with:
//!           name: web
//!           path: /tmp
//!       - run: |
//!           docker load --input /tmp/web.tar
//!           docker run --rm web:test make test
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:23:11: info[image-roundtrip] job `test` loads the image that job `build` has saved, and no other job does
//! ```
//!
//! ### Used by several jobs, by a matrix, on another runner
//!
//! ```dockerfile
//! FROM alpine:3.22
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//!         with:
//!           push: true
//!           tags: ghcr.io/shop/web:${{ github.run_id }}
//!   one:
//!     needs: build
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: docker run --rm ghcr.io/shop/web:${{ github.run_id }} make one
//!   two:
//!     needs: build
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: docker run --rm ghcr.io/shop/web:${{ github.run_id }} make two
//!   build-b:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//!         with:
//!           push: true
//!           tags: ghcr.io/shop/b:${{ github.run_id }}
//!   gpu:
//!     needs: build-b
//!     runs-on: gpu
//!     steps:
//!       - run: docker run --rm ghcr.io/shop/b:${{ github.run_id }} make gpu
//!   build-c:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//!         with:
//!           push: true
//!           tags: ghcr.io/shop/c:${{ github.run_id }}
//!   shards:
//!     needs: build-c
//!     runs-on: ubuntu-latest
//!     strategy: {matrix: {shard: [1, 2]}}
//!     steps:
//!       - run: docker run --rm ghcr.io/shop/c:${{ github.run_id }} make shard
//! ```

use std::collections::BTreeSet;

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "image-roundtrip", severity: Severity::Info, ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for (at, workflow) in project.workflows.iter().enumerate() {
            for (maker, job) in workflow.jobs.iter().enumerate() {
                if job.matrix().is_some() || job.environment.is_some() {
                    continue;
                }
                by_registry(project, at, workflow, maker, found);
                by_artifact(project, at, workflow, maker, found);
            }
        }
    }
}

fn by_registry(project: &Project, at: usize, workflow: &Workflow, maker: usize, found: &mut Findings) {
    for build in project.job_builds(at, maker).filter(|build| build.push.known() == Some(&true)) {
        // A job that deploys the image, or gives it another name, is a user too.
        let elsewhere = |used: &&&ImageUse| {
            used.image.is_fixed_in_run() && used.step.is_some_and(|step| step.workflow == at && step.job != maker)
        };
        let uses = project.uses_of(build);
        let users: BTreeSet<usize> = uses.iter().filter(elsewhere).filter_map(|used| Some(used.step?.job)).collect();
        let run = uses.iter().filter(elsewhere).find(|used| {
            let in_script = used
                .step
                .and_then(|place| project.step(place))
                .is_some_and(|(_, _, step)| step.run.as_ref().is_some_and(|run| run.value.span.contains(used.span)));
            matches!(used.kind, ImageUseKind::Pull | ImageUseKind::Run) && in_script
        });
        let (Some(user), 1, Some(used)) = (users.first(), users.len(), run) else { continue };
        let (span, image) = (&used.span, used.image.to_string());
        if !hands_over(workflow, maker, *user) {
            continue;
        }
        let message = format!(
            "job `{}` pulls `{image}`, which job `{}` has just pushed, and no other job uses it",
            workflow.jobs[*user].id.node, workflow.jobs[maker].id.node
        );
        let diagnostic = found.add(*span, message);
        diagnostic.label(build.caller.as_ref().map_or(build.span, |caller| caller.span), "pushed here");
        diagnostic.help("load the image and test it in the job that builds it: that saves a push, a pull and a runner");
        // One finding for each pair of jobs.
        return;
    }
}

fn by_artifact(project: &Project, at: usize, workflow: &Workflow, maker: usize, found: &mut Findings) {
    let job = &workflow.jobs[maker];
    let archive = project.job_builds(at, maker).find_map(|build| {
        let mut outputs = build.outputs.iter();
        let tar = |output: &OptionList| (output.is("docker") || output.is("oci")) && output.get("dest").is_some();
        outputs.any(tar).then(|| build.caller.as_ref().map_or(build.span, |caller| caller.span))
    });
    let saved =
        project.job_containers(at, maker).iter().find(|command| matches!(command.action, ContainerAction::Save(_)));
    let Some(archive) = archive.or(saved.map(|command| command.span)) else { return };
    if !job.steps.iter().any(|step| step.uses_action("actions/upload-artifact")) {
        return;
    }
    let loads = |user: usize| {
        let downloads = workflow.jobs[user].steps.iter().any(|step| step.uses_action("actions/download-artifact"));
        let mut commands = project.job_containers(at, user).iter();
        commands.find(|command| command.action == ContainerAction::Load && downloads).map(|command| command.span)
    };
    let users: Vec<(usize, Span)> = (0..workflow.jobs.len()).filter_map(|user| Some((user, loads(user)?))).collect();
    let [(user, span)] = users.as_slice() else { return };
    if !hands_over(workflow, maker, *user) {
        return;
    }
    let message = format!(
        "job `{}` loads the image that job `{}` has saved, and no other job does",
        workflow.jobs[*user].id.node, job.id.node
    );
    let diagnostic = found.add(*span, message);
    diagnostic.label(archive, "saved here");
    diagnostic
        .help("load the image and test it in the job that builds it: that saves an upload, a download and a runner");
}

/// Whether the user waits for the maker and could as well be the same job.
fn hands_over(workflow: &Workflow, maker: usize, user: usize) -> bool {
    let job = &workflow.jobs[user];
    let labels = |job: &Job| {
        let labels = job.runs_on.iter().flat_map(|runs_on| &runs_on.labels);
        labels.map(|label| label.text.as_str().to_owned()).collect::<Vec<_>>()
    };
    user != maker
        && workflow.needs_closure(user).contains(&maker)
        && job.matrix().is_none()
        && job.environment.is_none()
        && labels(job) == labels(&workflow.jobs[maker])
        && !labels(job).is_empty()
}
