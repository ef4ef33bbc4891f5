//! A pull request exports to a registry, where one from a fork may not write.
//!
//! The token of a pull request from a fork is read-only for packages and has no secrets. The build passes, then the export fails and
//! the job with it, for contributors only (as in NousResearch/hermes-agent#54674). `ignore-error=true` lets the job pass; better, export
//! on the default branch alone: importing works for everybody.
//!
//! Found are builds that push their image on other events only, so that forks were thought of. Not flagged: a build that always
//! pushes, which cannot be meant for forks, conditions that mention a fork or the head's repository, exports that depend on the
//! event, and registries on the runner itself.
//!
//! ## Examples
//!
//! ### Pushed on main, exported always
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
//!           push: ${{ github.event_name != 'pull_request' }}
//!           tags: ghcr.io/shop/app
//!           cache-from: type=registry,ref=ghcr.io/shop/app:cache
//!           cache-to: type=registry,ref=ghcr.io/shop/app:cache,mode=max
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:14:21: warning[cache-export-from-forks] a pull request from a fork may not export to `ghcr.io/shop/app:cache`, and fails
//! ```
//!
//! ```diff
//! --- a/.github/workflows/ci.yml
//! +++ b/.github/workflows/ci.yml
//! @@ -11,4 +11,4 @@
//!            push: ${{ github.event_name != 'pull_request' }}
//!            tags: ghcr.io/shop/app
//!            cache-from: type=registry,ref=ghcr.io/shop/app:cache
//! -          cache-to: type=registry,ref=ghcr.io/shop/app:cache,mode=max
//! +          cache-to: type=registry,ref=ghcr.io/shop/app:cache,mode=max,ignore-error=true
//! ```
//!
//! ### Both on main
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
//!           push: ${{ github.event_name != 'pull_request' }}
//!           tags: ghcr.io/shop/app
//!           cache-from: type=registry,ref=ghcr.io/shop/app:cache
//!           cache-to: ${{ github.event_name != 'pull_request' && 'type=registry,ref=ghcr.io/shop/app:cache,mode=max' || '' }}
//! ```
//!
//! ## Also tested
//!
//! ### Not from forks, on the runner, tolerated
//!
//! ```dockerfile
//! FROM scratch
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: pull_request
//! jobs:
//!   own:
//!     if: ${{ !github.event.pull_request.head.repo.fork }}
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//!         with:
//!           cache-to: type=registry,ref=ghcr.io/shop/app:cache
//!   local:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//!         with:
//!           cache-to: type=registry,ref=localhost:5000/app:cache
//!       - uses: docker/build-push-action@v6
//!         with:
//!           cache-to: type=registry,ref=ghcr.io/shop/app:cache,ignore-error=true
//! ```

use std::collections::BTreeSet;

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta {
        id: "cache-export-from-forks",
        confidence: Confidence::Medium,
        fix: Some(Safety::Unsafe),
        ..Meta::DEFAULT
    };

    fn check(&self, project: &Project, found: &mut Findings) {
        let mut seen = BTreeSet::new();
        for build in &project.builds {
            let Some(place) = build.caller.as_ref().map(|caller| caller.step) else { continue };
            let pushes = build.push == Eval::Known(true);
            if pushes || project.step_runs_on(place, Event::PullRequest) != Some(true) {
                continue;
            }
            for entry in &build.cache_to {
                let Some(CacheLocation::Registry(reference)) = entry.cache_location() else { continue };
                let local =
                    ["localhost", "127.0.0.1", "registry:"].iter().any(|host| reference.prefix().starts_with(host));
                if local || entry.get("ignore-error").is_some() || !seen.insert(entry.span) {
                    continue;
                }
                let message = format!("a pull request from a fork may not export to `{reference}`, and fails");
                let diagnostic = found.add(entry.span, message);
                diagnostic.help("`ignore-error=true` lets it pass; or export on the default branch alone");
                if let Some(edit) = project.add_option(entry, "ignore-error", "true") {
                    diagnostic.fix(Fix::unsafe_("Let the job pass when the export fails", vec![edit]));
                }
            }
        }
    }
}
