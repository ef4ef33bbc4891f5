//! A job that builds images waits for another one whose results it does not use.
//!
//! `needs` puts jobs one behind the other: the run takes the sum of both instead of the longer one. Two jobs that build different images,
//! and hand nothing on to each other, can run side by side.
//!
//! Not flagged: a job that reads `needs`, artifacts, images, tags or caches of the other one, tests and other gates, and a push that
//! waits for a build without one.
//!
//! ## Examples
//!
//! ### One image behind the other
//!
//! ```dockerfile web.Dockerfile
//! FROM alpine:3.22
//! ```
//!
//! ```dockerfile worker.Dockerfile
//! FROM alpine:3.22
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   web:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//!         with: {file: web.Dockerfile, push: true, tags: ghcr.io/shop/web:edge}
//!   worker:
//!     needs: web
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//!         with: {file: worker.Dockerfile, push: true, tags: ghcr.io/shop/worker:edge}
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:9:12: info[needless-wait] job `worker` uses nothing of job `web`, and waits for it
//! ```
//!
//! ### One image on top of the other
//!
//! ```dockerfile base.Dockerfile
//! FROM alpine:3.22
//! ```
//!
//! ```dockerfile worker.Dockerfile
//! FROM ghcr.io/shop/base:edge
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   base:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//!         with: {file: base.Dockerfile, push: true, tags: ghcr.io/shop/base:edge}
//!   worker:
//!     needs: base
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//!         with: {file: worker.Dockerfile, push: true, tags: ghcr.io/shop/worker:edge}
//! ```
//!
//! ## Also tested
//!
//! ### Tests, caches, outputs
//!
//! ```dockerfile web.Dockerfile
//! FROM alpine:3.22
//! ```
//!
//! ```dockerfile worker.Dockerfile
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
//!         with: {file: web.Dockerfile, tags: "web:test"}
//!   web:
//!     needs: test
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//!         with: {file: web.Dockerfile, tags: ghcr.io/shop/web:edge, cache-to: "type=gha,scope=web"}
//!   worker:
//!     needs: web
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//!         with: {file: worker.Dockerfile, tags: ghcr.io/shop/worker:edge, cache-from: "type=gha,scope=web"}
//!   beat:
//!     needs: worker
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//!         with:
//!           file: worker.Dockerfile
//!           tags: ghcr.io/shop/beat:edge
//!           build-args: BASE=${{ needs.worker.outputs.digest }}
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta =
        Meta { id: "needless-wait", severity: Severity::Info, confidence: Confidence::Medium, ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for (at, workflow) in project.workflows.iter().enumerate() {
            for (job_at, job) in workflow.jobs.iter().enumerate() {
                for need in &job.needs {
                    let Some(other) = workflow.job(&need.node).filter(|other| *other != job_at) else { continue };
                    if hands_on(project, at, other, job_at) {
                        continue;
                    }
                    let message =
                        format!("job `{}` uses nothing of job `{}`, and waits for it", job.id.node, need.node);
                    let diagnostic = found.add(need.span, message);
                    let build = project.job_builds(at, other).find_map(|build| build.caller.as_ref());
                    if let Some(caller) = build {
                        diagnostic.label(caller.span, "builds something else");
                    }
                    diagnostic.help("without this `needs` the two run side by side");
                }
            }
        }
    }
}

/// Whether a job may use something of the one it waits for, or waits for it on purpose.
fn hands_on(project: &Project, at: usize, from: usize, to: usize) -> bool {
    const GATES: &[&str] = &[
        "test", "tests", "lint", "check", "checks", "validate", "verify", "scan", "prepare", "setup", "deploy",
        "release", "publish", "changes", "e2e",
    ];
    let workflow = &project.workflows[at];
    let (maker, user) = (&workflow.jobs[from], &workflow.jobs[to]);
    let gate = |job: &Job| {
        let mut words = job.id.node.split(|c: char| !c.is_ascii_alphanumeric());
        job.environment.is_some()
            || job.uses.is_some()
            || words.any(|word| GATES.contains(&word.to_ascii_lowercase().as_str()))
    };
    let builds = |job: usize| project.job_builds(at, job).collect::<Vec<_>>();
    let (made, used) = (builds(from), builds(to));
    let pushes = |builds: &[&Build]| builds.iter().map(|build| build.push).collect::<Vec<_>>();
    let same_end = |builds: &[&Build]| {
        let pushes = pushes(builds);
        pushes.first().copied().filter(|first| pushes.iter().all(|push| push == first))
    };
    let known = |builds: &[&Build]| {
        !builds.is_empty()
            && builds.iter().all(|build| build.tags_known && build.cache_known && build.dockerfile.is_some())
    };
    if gate(maker)
        || gate(user)
        || !known(&made)
        || !known(&used)
        || same_end(&made).is_none()
        || same_end(&made) != same_end(&used)
    {
        return true;
    }
    let text = project.text(workflow.file).get(user.entry.range()).unwrap_or_default();
    let uploads =
        maker.steps.iter().any(|step| step.uses.as_ref().is_some_and(|uses| uses.value.text.contains("artifact")));
    let caches = user.steps.iter().any(|step| step.uses_action("actions/cache"));
    let scripts = maker.steps.iter().any(|step| step.run.is_some());
    if text.contains("needs.") || text.contains("needs[") || text.contains("(needs)") || uploads || caches || scripts {
        return true;
    }
    // A condition on how the other one went is a use.
    if user
        .condition
        .as_ref()
        .is_some_and(|condition| condition.expr.as_ref().is_none_or(|expr| expr.has_status_check()))
    {
        return true;
    }
    let written: Vec<CacheLocation> =
        made.iter().flat_map(|build| &build.cache_to).filter_map(OptionList::cache_location).collect();
    let names: Vec<String> = made
        .iter()
        .flat_map(|build| &build.tags)
        .filter_map(|(tag, _)| {
            let name = tag.rsplit_once(':').map_or_else(|| tag.clone(), |(name, _)| name);
            let shown = name.to_string();
            Some(shown.rsplit('/').next().unwrap_or(&shown).to_owned()).filter(|name| !name.is_empty())
        })
        .collect();
    used.iter().any(|build| {
        let reads = build.cache_from.iter().any(|entry| {
            entry.cache_location().is_none_or(|place| written.contains(&place))
                || entry.get("ref").is_some_and(|image| names.iter().any(|name| image.to_string().contains(name)))
        });
        let dockerfile = build.dockerfile.map_or("", |at| project.text(project.dockerfiles[at].file));
        let bases = dockerfile.lines().filter(|line| line.to_ascii_uppercase().contains("FROM"));
        let based = bases.clone().any(|line| line.contains('$') || names.iter().any(|name| line.contains(name)));
        let given = build.args.iter().any(|arg| names.iter().any(|name| arg.value.to_string().contains(name)));
        reads || based || given || !build.contexts.is_empty()
    })
}
