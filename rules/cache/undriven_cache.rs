//! A build exports a cache with a builder that cannot.
//!
//! The builder that comes with Docker, of the driver `docker`, exports caches other than the inline one only where the containerd
//! image store is on (<https://docs.docker.com/build/cache/backends/>). Where it is not, the build fails with «Cache export is not
//! supported for the docker driver». `docker/setup-buildx-action` makes a builder that can, whatever the runner's Docker is set to.
//!
//! Not flagged: runners that are not GitHub's own, whose Docker may be set up, and jobs with a step that may make or choose a
//! builder: an action that is not known here, or a script with `buildx create`, `buildx use`, `BUILDX_BUILDER` or a change of the
//! daemon's configuration.
//!
//! ## Examples
//!
//! ### The builder that is there
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
//!       - uses: actions/checkout@v5
//!       - uses: docker/build-push-action@v6
//!         with:
//!           cache-from: type=gha
//!           cache-to: type=gha,mode=max
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:10:21: warning[undriven-cache] the docker driver, which builds here, exports no cache unless the containerd image store is on
//! ```
//!
//! ### A builder of its own
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
//!       - uses: actions/checkout@v5
//!       - uses: docker/setup-buildx-action@v3
//!       - uses: docker/build-push-action@v6
//!         with:
//!           cache-from: type=gha
//!           cache-to: type=gha,mode=max
//! ```
//!
//! ## Also tested
//!
//! ### The driver is asked for
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
//!           driver: docker
//!       - uses: docker/build-push-action@v6
//!         with:
//!           cache-to: type=registry,ref=shop/app:cache
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:11:21: warning[undriven-cache] the docker driver, which builds here, exports no cache unless the containerd image store is on
//! ```
//!
//! ### Inline, another runner, a builder from a script
//!
//! ```dockerfile
//! FROM scratch
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   inline:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//!         with:
//!           cache-to: type=inline
//!   own:
//!     runs-on: [self-hosted, builder]
//!     steps:
//!       - uses: docker/build-push-action@v6
//!         with:
//!           cache-to: type=gha
//!   script:
//!     runs-on: ubuntu-24.04
//!     steps:
//!       - run: docker buildx create --use
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

/// Actions that make no builder.
const HARMLESS: &[&str] = &[
    "docker/login-action",
    "docker/metadata-action",
    "docker/setup-qemu-action",
    "docker/build-push-action",
    "docker/bake-action",
    "docker/scout-action",
    "crazy-max/ghaction-github-runtime",
    "aquasecurity/trivy-action",
    "sigstore/cosign-installer",
    "dorny/paths-filter",
    "tj-actions/changed-files",
];

impl Check for Rule {
    const META: Meta = Meta { id: "undriven-cache", confidence: Confidence::Medium, ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        let mut seen = BTreeSet::new();
        for build in &project.builds {
            let Some(caller) = &build.caller else { continue };
            let Some((workflow, job, step)) = project.step(caller.step) else { continue };
            let exports = |entry: &&OptionList| entry.cache_location().is_some();
            let Some(entry) = build.cache_to.iter().find(exports) else { continue };
            let own_builder = step.input("builder").is_some() || step.input("ref").is_some();
            if own_builder || !job.is_hosted() || !has_default_builder(job, caller.step.step) {
                continue;
            }
            let environment = project.text(workflow.file).contains("BUILDX_BUILDER");
            if environment || !seen.insert((caller.step.workflow, caller.step.job)) {
                continue;
            }
            let message =
                "the docker driver, which builds here, exports no cache unless the containerd image store is on";
            let diagnostic = found.add(entry.span, message);
            if step.span != entry.span && !step.span.contains(entry.span) {
                diagnostic.label(caller.span, "built here");
            }
            diagnostic
                .help("put `docker/setup-buildx-action` before the build, which makes a builder that exports caches");
        }
    }
}

/// Whether no step before this one may have made or chosen another builder.
fn has_default_builder(job: &Job, step: usize) -> bool {
    if job.container.is_some() {
        return false;
    }
    job.steps.iter().take(step).all(|step| match (&step.uses, &step.run) {
        (Some(_), _) if step.uses_action("docker/setup-buildx-action") => {
            step.input("driver").is_some_and(|driver| driver.known() == Some("docker"))
        }
        (Some(uses), _) => match &uses.reference {
            ActionRef::Repository { owner, .. } if owner.eq_ignore_ascii_case("actions") => true,
            action => HARMLESS.iter().any(|known| action.is(known)),
        },
        (None, Some(run)) => {
            let text = run.value.text.as_str();
            !["buildx", "daemon.json", "containerd", "dockerd", "make ", "./"].iter().any(|word| text.contains(word))
        }
        (None, None) => true,
    })
}
