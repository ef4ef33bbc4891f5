//! A build for several platforms is loaded into Docker's own image store.
//!
//! Docker's classic image store holds one platform of an image. BuildKit's export to it then ends with «docker exporter does not
//! currently support exporting manifest lists», after everything has been built. Build one platform to load it, or push the index. The
//! containerd image store takes all platforms (<https://docs.docker.com/engine/storage/containerd/>).
//!
//! Not flagged: jobs that set the containerd image store up, and switches that depend on the event or a matrix.
//!
//! ## Examples
//!
//! ### Two platforms loaded
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
//!           platforms: linux/amd64,linux/arm64
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:10:22: warning[loaded-index] Docker's image store holds one platform, not linux/amd64 and linux/arm64
//! ```
//!
//! ### One platform loaded, two pushed
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
//!           platforms: linux/amd64
//!       - uses: docker/build-push-action@v6
//!         with:
//!           push: true
//!           platforms: linux/amd64,linux/arm64
//! ```
//!
//! ## Also tested
//!
//! ### With the containerd image store
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
//!       - uses: docker/setup-docker-action@v4
//!         with:
//!           daemon-config: '{"features": {"containerd-snapshotter": true}}'
//!       - uses: docker/build-push-action@v6
//!         with:
//!           load: true
//!           platforms: linux/amd64,linux/arm64
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "loaded-index", confidence: Confidence::Medium, ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        let mut seen: Vec<Span> = Vec::new();
        for build in &project.builds {
            let Some(caller) = &build.caller else { continue };
            let Some((workflow, job, step)) = project.step(caller.step) else { continue };
            let mut platforms: Vec<&str> =
                build.platforms.iter().filter_map(|platform| platform.eval.known().map(String::as_str)).collect();
            platforms.sort_unstable();
            platforms.dedup();
            let loads = build.load.known() == Some(&true) && build.platforms_known && platforms.len() > 1;
            // What a script's `docker` loads into follows from its builder.
            let hosted = job
                .runs_on
                .iter()
                .flat_map(|runs_on| &runs_on.labels)
                .any(|label| label.known().is_some_and(|label| label.starts_with("ubuntu-")));
            if !loads || step.uses.is_none() || !hosted || seen.contains(&caller.span) {
                continue;
            }
            let text = project.text(workflow.file).get(job.entry.range()).unwrap_or_default();
            if text.contains("containerd") || text.contains("setup-docker-action") {
                continue;
            }
            seen.push(caller.span);
            let place = build.platforms.first().map_or(caller.span, |platform| platform.span);
            let diagnostic =
                found.add(place, format!("Docker's image store holds one platform, not {}", platforms.join(" and ")));
            let load = step.input("load").map_or(caller.span, |field| field.entry);
            diagnostic.label(load, "the image is loaded into it");
            diagnostic.help(
                "build the runner's platform alone to load it; push the index, or use the containerd image store",
            );
        }
    }
}
