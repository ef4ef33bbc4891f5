//! A cache is exported to the tag of the image itself.
//!
//! Image and cache are two manifests, and a tag names one. Whichever is pushed last stays: mostly the cache, so that whoever pulls the
//! tag gets something that does not run. Docker's documentation asks for two references
//! (<https://docs.docker.com/build/cache/backends/registry/>). Only the inline cache is part of the image.
//!
//! ## Examples
//!
//! ### One reference for both
//!
//! ```hcl
//! target "web" {
//!   tags       = ["ghcr.io/shop/web:latest"]
//!   cache-from = ["type=registry,ref=ghcr.io/shop/web"]
//!   cache-to   = ["type=registry,ref=ghcr.io/shop/web,mode=max"]
//!   output     = ["type=registry"]
//! }
//! ```
//!
//! ```text
//! docker-bake.hcl:4:17: error[cache-over-image] the cache of `web` is exported over its image `ghcr.io/shop/web:latest`
//! ```
//!
//! ### A reference of its own
//!
//! ```hcl
//! target "web" {
//!   tags       = ["ghcr.io/shop/web:latest"]
//!   cache-from = ["type=registry,ref=ghcr.io/shop/web:cache"]
//!   cache-to   = ["type=registry,ref=ghcr.io/shop/web:cache,mode=max"]
//!   output     = ["type=registry"]
//! }
//! ```
//!
//! ## Also tested
//!
//! ### The same expression
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
//!       - uses: docker/build-push-action@v6
//!         with:
//!           push: true
//!           tags: ghcr.io/${{ github.repository }}:main
//!           cache-to: type=registry,ref=ghcr.io/${{ github.repository }}:main,mode=max
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:10:21: error[cache-over-image] the cache of `Run docker/build-push-action@v6` is exported over its image `ghcr.io/${github.repository}:main`
//! ```
//!
//! ### A tag of Docker Hub, and a folder
//!
//! ```hcl
//! target "web" {
//!   tags     = ["nginx"]
//!   cache-to = ["docker.io/library/nginx:latest", "type=local,dest=nginx"]
//! }
//! ```
//!
//! ```text
//! docker-bake.hcl:3:15: error[cache-over-image] the cache of `web` is exported over its image `nginx`
//! ```

use std::collections::BTreeSet;

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "cache-over-image", severity: Severity::Error, ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        let mut seen = BTreeSet::new();
        for build in &project.builds {
            for entry in &build.cache_to {
                let Some(CacheLocation::Registry(reference)) = entry.cache_location() else { continue };
                let Some((tag, span)) = build.tags.iter().find(|(tag, _)| is_same(tag, &reference)) else { continue };
                if !seen.insert(entry.span) {
                    continue;
                }
                let message = format!("the cache of `{}` is exported over its image `{tag}`", build.name);
                let diagnostic = found.add(entry.span, message);
                if *span != entry.span {
                    diagnostic.label(*span, "the image's tag");
                }
                diagnostic
                    .help("a tag names one manifest: give the cache a reference of its own, such as `:buildcache`");
            }
        }
    }
}

/// Whether two references are the same for sure. A part that depends on the environment is the same where its words are.
fn is_same(one: &Text, two: &Text) -> bool {
    let parsed = |text: &Text| ImageRef::parse(text.as_known()?).ok();
    match (parsed(one), parsed(two)) {
        (Some(one), Some(two)) => one.name() == two.name() && one.effective_tag() == two.effective_tag(),
        _ => one == two && one.is_fixed_in_run() && !one.is_empty(),
    }
}
