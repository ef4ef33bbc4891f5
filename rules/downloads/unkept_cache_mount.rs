//! Cache mounts are used, but every build runs on a builder that is thrown away.
//!
//! What lies in a cache mount stays with the builder: it is not part of the image, and no `cache-to` exports it. On a
//! hosted runner the builder goes with the job, so that each step with a cache mount begins with an empty one. See
//! <https://docs.docker.com/build/ci/github-actions/cache/#cache-mounts>.
//!
//! The mounts still help where people build on their own machines. For the CI, let the layer cache do the work
//! (manifests first, `cache-to` with `mode=max`), keep the builder, or carry the mounts from run to run with an action
//! made for it.
//!
//! This is a hint. Not flagged: files that something else than a workflow builds, jobs on runners that are not GitHub's
//! or are not known, builders of another driver, and projects whose configuration says `runner = "persistent"`.
//!
//! ## Examples
//!
//! ### On hosted runners only
//!
//! ```dockerfile
//! FROM python:3.13-slim
//! COPY requirements.txt .
//! RUN --mount=type=cache,target=/root/.cache/pip pip install -r requirements.txt
//! ```
//!
//! ```yaml .github/workflows/build.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-24.04
//!     steps:
//!       - uses: docker/setup-buildx-action@v3
//!       - uses: docker/build-push-action@v6
//!         with:
//!           context: .
//! ```
//!
//! ```text
//! Dockerfile:3:5: info[unkept-cache-mount] the builders of all workflows begin with empty cache mounts
//! ```
//!
//! ### On a runner that stays
//!
//! ```dockerfile
//! FROM python:3.13-slim
//! COPY requirements.txt .
//! RUN --mount=type=cache,target=/root/.cache/pip pip install -r requirements.txt
//! ```
//!
//! ```yaml .github/workflows/build.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: [self-hosted, linux]
//!     steps:
//!       - uses: docker/build-push-action@v6
//!         with:
//!           context: .
//! ```
//!
//! ## Also tested
//!
//! ### Carried over, and a builder elsewhere
//!
//! ```dockerfile
//! FROM python:3.13-slim
//! RUN --mount=type=cache,target=/root/.cache/pip pip install ruff==0.14.0
//! ```
//!
//! ```yaml .github/workflows/build.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-24.04
//!     steps:
//!       - uses: reproducible-containers/buildkit-cache-dance@v3
//!       - uses: docker/build-push-action@v6
//!         with:
//!           context: .
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta =
        Meta { id: "unkept-cache-mount", severity: Severity::Info, confidence: Confidence::Low, ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        if project.settings.runner == Runner::Persistent {
            return;
        }
        for (at, dockerfile) in project.dockerfiles.iter().enumerate() {
            let mut builds = project.builds_of(at).peekable();
            if builds.peek().is_none() || !builds.all(|build| is_thrown_away(project, build)) {
                continue;
            }
            let mounted = project.runs(at).iter().find_map(|run| {
                let cache = run.mounts.iter().find(|mount| mount.kind == Some(dockerfile::MountType::Cache));
                cache.map(|mount| (run, mount))
            });
            let Some((run, mount)) = mounted else { continue };
            let message = "the builders of all workflows begin with empty cache mounts";
            let diagnostic = found.add_at(dockerfile, run.instruction, mount.span, "the first of them", message);
            if let Some(caller) = project.builds_of(at).find_map(|build| build.caller.as_ref()) {
                diagnostic.label(caller.span, "built here, on a runner that is thrown away");
            }
            diagnostic.help("cache mounts are not exported with `cache-to`; rely on layers, or keep the builder");
        }
    }
}

/// Whether a build is made by a job on a hosted runner, by a builder of that job.
fn is_thrown_away(project: &Project, build: &Build) -> bool {
    let Some((workflow, job, _)) = build.caller.as_ref().and_then(|caller| project.step(caller.step)) else {
        return false;
    };
    let mut labels = job.runs_on.iter().flat_map(|runs_on| &runs_on.labels).peekable();
    let hosted = labels.peek().is_some()
        && labels
            .all(|label| label.known().is_some_and(|label| label.starts_with("ubuntu-") && !label.contains("cores")));
    let text = project.text(workflow.file).get(job.entry.range()).unwrap_or_default();
    // A builder elsewhere keeps its cache, and some actions carry mounts over.
    let kept = [
        "driver: remote",
        "driver: cloud",
        "driver: kubernetes",
        "endpoint:",
        "cache-dance",
        "depot",
        "blacksmith",
        "namespace",
        "DOCKER_HOST",
    ];
    hosted && !kept.iter().any(|word| text.contains(word))
}
