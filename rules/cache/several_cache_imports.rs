//! A build imports several caches of one Dockerfile, and may lose hits by that.
//!
//! Several `cache-from` entries are not a union. BuildKit takes equal records of different imports for one and may go on in only one of
//! them, so that a build whose own cache has everything can miss steps because the cache of the default branch was imported too. Which
//! import counts changes from run to run (<https://github.com/moby/buildkit/issues/6418>). It was seen with `mode=max` caches in a branch
//! and in its default branch: with the branch's cache alone everything was found, with both often not.
//!
//! Import the one that is likely to be fuller: that of the branch if it exists, else that of the default branch. Until then the
//! fullest one should stand last.
//!
//! Not flagged: caches of different Dockerfiles, which have no steps in common, and imports that no build of the repository
//! exports.
//!
//! ## Examples
//!
//! ### The branch and the default branch
//!
//! ```dockerfile
//! FROM scratch
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on:
//!   push:
//!     branches: [main, next]
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//!         with:
//!           cache-from: |
//!             type=registry,ref=ghcr.io/shop/app:cache-${{ github.ref_name }}
//!             type=registry,ref=ghcr.io/shop/app:cache-main
//!           cache-to: type=registry,ref=ghcr.io/shop/app:cache-${{ github.ref_name }},mode=max
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:11:13: warning[several-cache-imports] `Run docker/build-push-action@v6` imports 2 caches of one Dockerfile, and may lose hits that one alone would give
//! ```
//!
//! ### One of them
//!
//! ```dockerfile
//! FROM scratch
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on:
//!   push:
//!     branches: [main, next]
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//!         with:
//!           cache-from: type=registry,ref=ghcr.io/shop/app:cache-main
//!           cache-to: type=registry,ref=ghcr.io/shop/app:cache-${{ github.ref_name }},mode=max
//! ```
//!
//! ## Also tested
//!
//! ### Another Dockerfile's cache, and one from elsewhere
//!
//! ```dockerfile a.Dockerfile
//! FROM scratch
//! ```
//!
//! ```dockerfile b.Dockerfile
//! FROM scratch
//! ```
//!
//! ```hcl
//! target "a" {
//!   dockerfile = "a.Dockerfile"
//!   cache-from = ["type=gha,scope=a", "type=gha,scope=b", "type=registry,ref=other/cache"]
//!   cache-to   = ["type=gha,scope=a"]
//! }
//!
//! target "b" {
//!   dockerfile = "b.Dockerfile"
//!   cache-to   = ["type=gha,scope=b"]
//! }
//! ```

use std::collections::{BTreeMap, BTreeSet};

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "several-cache-imports", confidence: Confidence::Medium, ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        let traffic = project.cache_traffic();
        // Builds that have their imports from one place are told of once.
        let mut places: BTreeMap<Span, (BTreeSet<&str>, Vec<Span>)> = BTreeMap::new();
        for build in project.builds.iter().filter(|build| build.dockerfile.is_some()) {
            let mut imports: Vec<(&OptionList, CacheLocation)> = Vec::new();
            for entry in &build.cache_from {
                let Some(location) = entry.cache_location() else { continue };
                let mut writers = traffic.writes.iter().filter(|write| write.location.may_be(&location));
                let own = writers.any(|write| write.build.dockerfile == build.dockerfile);
                if own && !imports.iter().any(|(_, other)| *other == location) {
                    imports.push((entry, location));
                }
            }
            let [(first, _), others @ ..] = imports.as_slice() else { continue };
            if others.is_empty() {
                continue;
            }
            let (names, spans) = places.entry(first.span).or_default();
            names.insert(&build.name);
            let more = others.len().saturating_sub(spans.len());
            spans.extend(others.iter().rev().take(more).rev().map(|(entry, _)| entry.span));
        }
        for (first, (names, others)) in places {
            let names: Vec<&str> = names.into_iter().collect();
            let whose = match names.as_slice() {
                [] => continue,
                [one] => format!("`{one}` imports"),
                [one, two] => format!("`{one}` and `{two}` import"),
                [one, rest @ ..] => format!("`{one}` and {} others import", rest.len()),
            };
            let count = others.len() + 1;
            let message =
                format!("{whose} {count} caches of one Dockerfile, and may lose hits that one alone would give");
            let diagnostic = found.add(first, message);
            for other in others.into_iter().filter(|other| *other != first) {
                diagnostic.label(other, "imported too");
            }
            diagnostic
                .help("BuildKit may follow only one of them (moby/buildkit#6418): import the fullest, or put it last");
        }
    }
}
