//! A builder is too old for GitHub's cache.
//!
//! GitHub switched the first version of its cache service off in April 2025. The second one is spoken by Buildx from 0.21 and BuildKit
//! from 0.20 on (<https://docs.docker.com/build/cache/backends/gha/>). With an older one `type=gha` fails, or finds nothing.
//!
//! Looked at are the versions that `docker/setup-buildx-action` is asked for, `version` and `driver-opts: image=`, in jobs that use
//! the backend. Not flagged: versions that are not known, and self-hosted runners, which may belong to a GitHub Enterprise Server with
//! the old service.
//!
//! ## Examples
//!
//! ### Pinned before the change
//!
//! ```dockerfile
//! FROM scratch
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/setup-buildx-action@v3
//!         with:
//!           version: v0.12.1
//!           driver-opts: image=moby/buildkit:v0.13.2
//!       - uses: docker/build-push-action@v6
//!         with:
//!           cache-to: type=gha
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:8:20: error[retired-gha-api] Buildx v0.12.1 does not speak GitHub's present cache service
//! .github/workflows/ci.yml:9:24: error[retired-gha-api] BuildKit v0.13.2 does not speak GitHub's present cache service
//! ```
//!
//! ### New enough
//!
//! ```dockerfile
//! FROM scratch
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/setup-buildx-action@v3
//!         with:
//!           version: v0.21.0
//!           driver-opts: |
//!             network=host
//!             image=moby/buildkit:v0.20.0
//!       - uses: docker/build-push-action@v6
//!         with:
//!           cache-to: type=gha
//! ```
//!
//! ## Also tested
//!
//! ### Other backends and versions that say nothing
//!
//! ```dockerfile
//! FROM scratch
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   registry:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/setup-buildx-action@v3
//!         with:
//!           version: v0.12.1
//!       - uses: docker/build-push-action@v6
//!         with:
//!           cache-to: type=registry,ref=shop/app:cache
//!   latest:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/setup-buildx-action@v3
//!         with:
//!           version: latest
//!           driver-opts: image=moby/buildkit:master
//!       - uses: docker/build-push-action@v6
//!         with:
//!           cache-to: type=gha
//! ```

use std::collections::BTreeSet;

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "retired-gha-api", severity: Severity::Error, ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        let uses_gha = |build: &&Build| build.cache_from.iter().chain(&build.cache_to).any(|entry| entry.is("gha"));
        let jobs: BTreeSet<(usize, usize)> = project
            .builds
            .iter()
            .filter(uses_gha)
            .filter_map(|build| build.caller.as_ref())
            .map(|caller| (caller.step.workflow, caller.step.job))
            .collect();
        for (workflow, job) in jobs {
            let job = &project.workflows[workflow].jobs[job];
            let labels = job.runs_on.as_ref().map(|runs_on| runs_on.labels.as_slice()).unwrap_or_default();
            if labels.iter().any(|label| label.known() == Some("self-hosted")) {
                continue;
            }
            for step in job.steps.iter().filter(|step| step.uses_action("docker/setup-buildx-action")) {
                if let Some(field) = step.input("version")
                    && let Some(version) = field.known().and_then(|version| old(version, 21))
                {
                    let message = format!("Buildx {version} does not speak GitHub's present cache service");
                    found.add(field.value.span, message).help("`type=gha` needs Buildx 0.21 or newer");
                }
                let Some(options) = step.input("driver-opts") else { continue };
                for line in options.value.lines() {
                    let image = line.as_str().trim().strip_prefix("image=").unwrap_or_default();
                    let tag = image.split_once("moby/buildkit:").map(|(_, tag)| tag.split('@').next().unwrap_or(tag));
                    if let Some(version) = tag.and_then(|tag| old(tag, 20)) {
                        let message = format!("BuildKit {version} does not speak GitHub's present cache service");
                        found.add(line.span(), message).help("`type=gha` needs BuildKit 0.20 or newer");
                    }
                }
            }
        }
    }
}

/// The version where it is 0.x with an x below `minor`.
fn old(version: &str, minor: u64) -> Option<&str> {
    let numbers = version.trim().strip_prefix('v').unwrap_or(version.trim());
    let mut parts = numbers.split(['.', '-']);
    let (major, own) = (parts.next()?, parts.next()?.parse::<u64>().ok()?);
    (major == "0" && own < minor).then_some(version)
}
