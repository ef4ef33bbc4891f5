//! A cache backend is written without `type=`, and is taken for an image of that name.
//!
//! A cache entry without `=` is an image reference: `cache-to = ["inline"]` exports to the image `docker.io/library/inline`, which
//! nobody may push to, and `cache-from = ["gha"]` looks for an image `gha` and finds none, without a word.
//! (buildx, `util/buildflags/cache.go`.)
//!
//! ## Examples
//!
//! ### Taken for images
//!
//! ```hcl
//! target "web" {
//!   cache-from = ["gha"]
//!   cache-to   = ["inline"]
//! }
//! ```
//!
//! ```text
//! docker-bake.hcl:2:17: error[bare-cache-type] this is the image `gha`, not the backend
//! docker-bake.hcl:3:17: error[bare-cache-type] this is the image `inline`, not the backend
//! ```
//!
//! ```diff
//! --- a/docker-bake.hcl
//! +++ b/docker-bake.hcl
//! @@ -1,4 +1,4 @@
//!  target "web" {
//! -  cache-from = ["gha"]
//! -  cache-to   = ["inline"]
//! +  cache-from = ["type=gha"]
//! +  cache-to   = ["type=inline"]
//!  }
//! ```
//!
//! ### Backends, and an image
//!
//! ```hcl
//! target "web" {
//!   cache-from = ["type=gha", "ghcr.io/shop/web:latest"]
//!   cache-to   = ["type=inline"]
//! }
//! ```
//!
//! ## Also tested
//!
//! ### In a workflow, with an option
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
//!           cache-from: gha
//!           cache-to: type=registry,ref=inline
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:8:23: error[bare-cache-type] this is the image `gha`, not the backend
//! ```
//!
//! ```diff
//! --- a/.github/workflows/ci.yml
//! +++ b/.github/workflows/ci.yml
//! @@ -5,5 +5,5 @@
//!      steps:
//!        - uses: docker/build-push-action@v6
//!          with:
//! -          cache-from: gha
//! +          cache-from: type=gha
//!            cache-to: type=registry,ref=inline
//! ```

use std::collections::BTreeSet;

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

/// The backends of BuildKit.
const BACKENDS: &[&str] = &["azblob", "gha", "inline", "local", "registry", "s3"];

impl Check for Rule {
    const META: Meta =
        Meta { id: "bare-cache-type", severity: Severity::Error, fix: Some(Safety::Unsafe), ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        let mut seen = BTreeSet::new();
        for build in &project.builds {
            for entry in build.cache_from.iter().chain(&build.cache_to) {
                let [(key, reference)] = entry.options.as_slice() else { continue };
                let Some(name) = reference.as_known().filter(|name| BACKENDS.contains(name)) else { continue };
                let text = project.snapshot.get(entry.span.file).map_or("", |file| file.slice(entry.span));
                if key != "ref" || text.contains("ref") || text.contains("type") || !seen.insert(entry.span) {
                    continue;
                }
                let diagnostic = found.add(entry.span, format!("this is the image `{name}`, not the backend"));
                diagnostic
                    .help(format!("a cache entry without `=` is an image reference; the backend is `type={name}`"));
                if let [(at, _)] = text.match_indices(name).collect::<Vec<_>>()[..] {
                    let edit = Edit::insert(Span::at(entry.span.file, entry.span.start as usize + at), "type=");
                    diagnostic.fix(Fix::unsafe_(format!("Use the backend `{name}`"), vec![edit]));
                }
            }
        }
    }
}
