//! A script uses GitHub's cache, whose address and token only actions get.
//!
//! `type=gha` needs `ACTIONS_RESULTS_URL` and `ACTIONS_RUNTIME_TOKEN`. The runner gives them to actions and not to `run:` steps, and
//! without them buildx leaves the cache entries out (`build/opt.go`): the build passes, with no cache at all.
//!
//! `docker/build-push-action` and `docker/bake-action` get them by themselves. For a script, put
//! `crazy-max/ghaction-github-runtime` before it, which passes them on
//! (<https://docs.docker.com/build/cache/backends/gha/#authentication>).
//!
//! Not flagged: workflows that mention these variables, jobs with such a step before the build, and jobs with a local action or
//! `actions/github-script` before it, which may do the same.
//!
//! ## Examples
//!
//! ### Left out
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
//!       - run: |
//!           docker buildx build --cache-from type=gha --cache-to type=gha,mode=max .
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:9:11: error[hidden-gha-runtime] buildx leaves the gha cache out here: a script has no token for it
//! ```
//!
//! ### Passed on
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
//!       - uses: crazy-max/ghaction-github-runtime@v3
//!       - run: |
//!           docker buildx build --cache-from type=gha --cache-to type=gha,mode=max .
//! ```
//!
//! ## Also tested
//!
//! ### A bake file's entries, once for each command
//!
//! ```hcl
//! group "default" {
//!   targets = ["web", "worker"]
//! }
//!
//! target "web" {
//!   cache-from = ["type=gha,scope=web"]
//! }
//!
//! target "worker" {
//!   cache-from = ["type=gha,scope=worker"]
//! }
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: docker buildx bake
//!   action:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/bake-action@v6
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:6:14: error[hidden-gha-runtime] buildx leaves the gha cache out here: a script has no token for it
//! ```
//!
//! ### An action of the repository that may pass them on
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
//!       - uses: ./.github/actions/prepare
//!       - run: docker buildx build --cache-from type=gha .
//! ```

use std::collections::BTreeSet;

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "hidden-gha-runtime", severity: Severity::Error, ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        let mut seen = BTreeSet::new();
        for build in &project.builds {
            let Some(caller) = &build.caller else { continue };
            let entries = build.cache_from.iter().chain(&build.cache_to);
            let Some(entry) = entries.into_iter().find(|entry| project.is_gha_hidden(build, entry)) else { continue };
            if !seen.insert(caller.span) {
                continue;
            }
            let diagnostic =
                found.add(caller.span, "buildx leaves the gha cache out here: a script has no token for it");
            if entry.span != caller.span {
                diagnostic.label(entry.span, "this is left out");
            }
            diagnostic.help("put `crazy-max/ghaction-github-runtime` before this step, or build with docker's action");
        }
    }
}
