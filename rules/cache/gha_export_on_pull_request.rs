//! Pull requests export to GitHub's cache.
//!
//! What a pull request writes belongs to its merge ref: later runs of the same pull request find it, and nobody else does, not the
//! default branch after the merge either
//! (<https://docs.github.com/en/actions/reference/workflows-and-actions/dependency-caching>). It counts against the repository's
//! quota all the same, and may push out what the default branch wrote, from which all pull requests start.
//!
//! Long-lived pull requests with many pushes do gain from it, so this is only a hint. A condition in the entry turns it off:
//! `cache-to: ${{ github.event_name == 'push' && 'type=gha,mode=max' || '' }}`.
//!
//! Not flagged: workflows without another event that could fill the cache instead.
//!
//! ## Examples
//!
//! ### For all events
//!
//! ```dockerfile
//! FROM scratch
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on:
//!   pull_request:
//!   push:
//!     branches: [main]
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//!         with:
//!           cache-from: type=gha
//!           cache-to: type=gha,mode=max
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:12:21: info[gha-export-on-pull-request] what a pull request exports here is of use to that pull request alone
//! ```
//!
//! ### For the default branch
//!
//! ```dockerfile
//! FROM scratch
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on:
//!   pull_request:
//!   push:
//!     branches: [main]
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//!         with:
//!           cache-from: type=gha
//!           cache-to: ${{ github.event_name == 'push' && 'type=gha,mode=max' || '' }}
//! ```

use std::collections::BTreeSet;

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta {
        id: "gha-export-on-pull-request",
        severity: Severity::Info,
        confidence: Confidence::Low,
        ..Meta::DEFAULT
    };

    fn check(&self, project: &Project, found: &mut Findings) {
        let mut seen = BTreeSet::new();
        for build in &project.builds {
            let Some(place) = build.caller.as_ref().map(|caller| caller.step) else { continue };
            let Some((workflow, ..)) = project.step(place) else { continue };
            let Some(entry) = build.cache_to.iter().find(|entry| entry.is("gha")) else { continue };
            let filled = ["push", "schedule", "merge_group"].iter().any(|event| workflow.runs_on(event));
            if filled && project.step_runs_on(place, Event::PullRequest) == Some(true) && seen.insert(entry.span) {
                let message = "what a pull request exports here is of use to that pull request alone";
                found
                    .add(entry.span, message)
                    .help("it counts against the cache's quota: export on the default branch");
            }
        }
    }
}
