//! A build imports a cache and is told not to use one.
//!
//! `no-cache` makes BuildKit run every step, whatever a cache holds: the import costs a request and is of no use. Mostly it was switched on to
//! look for something, and stayed.
//!
//! Not flagged: `no-cache` that depends on something, as in `no-cache: ${{ github.event_name == 'schedule' }}`, and builds that only export a
//! cache, which may be there to renew it.
//!
//! ## Examples
//!
//! ### Both
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//!         with:
//!           no-cache: true
//!           cache-from: type=gha
//!           cache-to: type=gha,mode=max
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:9:23: warning[unused-cache-import] a cache is imported, and `no-cache` keeps the build from using it
//! ```
//!
//! ### At times
//!
//! ```yaml .github/workflows/ci.yml
//! on: [push, schedule]
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//!         with:
//!           no-cache: ${{ github.event_name == 'schedule' }}
//!           cache-from: type=gha
//!           cache-to: type=gha,mode=max
//! ```
//!
//! ## Also tested
//!
//! ### In a definition, by an override, to renew the cache
//!
//! ```hcl
//! target "web" {
//!   no-cache   = true
//!   cache-from = ["type=gha"]
//! }
//!
//! target "worker" {
//!   cache-from = ["type=gha,scope=worker"]
//! }
//!
//! target "docs" {
//!   no-cache = true
//!   cache-to = ["type=gha,scope=docs"]
//! }
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: docker buildx bake web docs
//!       - run: docker buildx bake worker --set "*.no-cache=true"
//! ```
//!
//! ```text
//! docker-bake.hcl:3:17: warning[unused-cache-import] a cache is imported, and `no-cache` keeps the build from using it
//! docker-bake.hcl:7:17: warning[unused-cache-import] a cache is imported, and `no-cache` keeps the build from using it
//! ```

use std::collections::BTreeSet;

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "unused-cache-import", ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        let mut seen = BTreeSet::new();
        let told = |build: &&Build| build.no_cache.known() == Some(&true);
        for build in project.builds.iter().filter(told) {
            // A definition is used as it stands by one call and with other settings by another one.
            let others = project.builds.iter().filter(|other| other.span == build.span);
            let always = others.clone().all(|other| told(&other));
            let Some(entry) = build.cache_from.first() else { continue };
            let (span, label) = match (&build.caller, always) {
                (Some(caller), false) => (caller.span, Some(entry.span)),
                _ => (entry.span, None),
            };
            if !seen.insert(span) {
                continue;
            }
            let message = "a cache is imported, and `no-cache` keeps the build from using it";
            let diagnostic = found.add(span, message);
            if let Some(label) = label {
                diagnostic.label(label, "imported here");
            }
            diagnostic.help("leave out one of the two; `no-cache` may depend on the event");
        }
    }
}
