//! An image is loaded into Docker's store, and nothing in the job uses it.
//!
//! `load: true` writes the image to an archive, sends it to Docker and unpacks it there: seconds to a minute for a large image. The runner
//! is thrown away afterwards. To see that an image can be built, build it without an output; to push it, push what was built at once.
//!
//! The rule looks at jobs on GitHub's own runners in which only Docker's actions follow.
//!
//! Not flagged: jobs with a script or another action behind the build, which may use the image, jobs without a builder of their own, and
//! switches that depend on the event.
//!
//! ## Examples
//!
//! ### Loaded, then built again to be pushed
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
//!       - uses: docker/setup-buildx-action@v3
//!       - uses: docker/build-push-action@v6
//!         with:
//!           load: true
//!           tags: shop/web:test
//!       - uses: docker/build-push-action@v6
//!         with:
//!           push: true
//!           tags: shop/web:edge
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:9:11: info[unused-load] the image is loaded, and nothing in the job uses it
//! ```
//!
//! ### Loaded and tested
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
//!       - uses: docker/setup-buildx-action@v3
//!       - uses: docker/build-push-action@v6
//!         with:
//!           load: true
//!           tags: shop/web:test
//!       - run: docker run --rm shop/web:test --version
//!       - uses: docker/build-push-action@v6
//!         with:
//!           push: true
//!           tags: shop/web:edge
//! ```
//!
//! ## Also tested
//!
//! ### Another action, another runner, another event
//!
//! ```dockerfile
//! FROM alpine:3.22
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: [push, pull_request]
//! jobs:
//!   scan:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/setup-buildx-action@v3
//!       - uses: docker/build-push-action@v6
//!         with: {load: true, tags: "shop/web:test"}
//!       - uses: someone/scan@v1
//!   own:
//!     runs-on: self-hosted
//!     steps:
//!       - uses: docker/build-push-action@v6
//!         with: {load: true, tags: "shop/web:test"}
//!   event:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/setup-buildx-action@v3
//!       - uses: docker/build-push-action@v6
//!         with:
//!           load: ${{ github.event_name == 'pull_request' }}
//!           push: ${{ github.event_name != 'pull_request' }}
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

/// Actions that do not use images of Docker's store.
const OTHERS: &[&str] = &[
    "actions/cache",
    "actions/cache/save",
    "docker/bake-action",
    "docker/build-push-action",
    "docker/login-action",
    "docker/metadata-action",
    "docker/setup-buildx-action",
    "docker/setup-qemu-action",
];

impl Check for Rule {
    const META: Meta = Meta { id: "unused-load", severity: Severity::Info, ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for job in project.workflows.iter().flat_map(|workflow| &workflow.jobs) {
            // Without a builder of its own the image is in Docker's store in any case, where the next build finds it.
            let builder = job.steps.iter().any(|step| step.uses_action("docker/setup-buildx-action"));
            if runner_platform(job).is_none() || !builder {
                continue;
            }
            for (at, step) in job.steps.iter().enumerate() {
                let builds = step.uses_action("docker/build-push-action") || step.uses_action("docker/bake-action");
                let Some(load) =
                    step.input("load").filter(|load| builds && load.value.as_bool() == Eval::Known(Some(true)))
                else {
                    continue;
                };
                // Its outputs may name the image for something else.
                let rest = job.steps.get(at + 1..).unwrap_or_default();
                let idle = rest.iter().all(|next| OTHERS.iter().any(|action| next.uses_action(action)));
                let read = step.id.is_some() && !rest.is_empty();
                if !idle || read || step.with.dynamic {
                    continue;
                }
                let diagnostic = found.add(load.entry, "the image is loaded, and nothing in the job uses it");
                let again = rest.iter().find(|next| next.input("push").is_some());
                if let Some(uses) = again.and_then(|next| next.uses.as_ref()) {
                    diagnostic.label(uses.value.span, "builds and pushes without it");
                }
                diagnostic.help("to see that it builds, leave `load` out; to test it, run the tests before the push");
            }
        }
    }
}
