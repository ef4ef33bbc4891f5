//! A build pushes an image that has no tag.
//!
//! BuildKit refuses it with «tag is needed when pushing to registry», and a bake command fails as a whole, its other targets included
//! (docker/buildx#1159). Either the tags are missing, or the target is there to be inherited or to be a context of others and should not
//! be pushed.
//!
//! Not flagged: outputs with a `name`, which is the reference then, and builds whose tags are not all known.
//!
//! ## Examples
//!
//! ### Pushed with all the others
//!
//! ```hcl
//! group "default" {
//!   targets = ["web", "assets"]
//! }
//!
//! target "web" {
//!   tags = ["ghcr.io/shop/web"]
//! }
//!
//! target "assets" {
//!   target = "assets"
//! }
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/bake-action@v6
//!         with:
//!           push: true
//! ```
//!
//! ```text
//! docker-bake.hcl:9:8: error[untagged-push] `assets` is pushed and has no tag
//! ```
//!
//! ### Tagged, or by digest
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
//!           tags: ghcr.io/shop/web
//!       - uses: docker/build-push-action@v6
//!         with:
//!           outputs: type=image,name=ghcr.io/shop/web,push-by-digest=true,name-canonical=true,push=true
//! ```
//!
//! ## Also tested
//!
//! ### By an output
//!
//! ```hcl
//! target "web" {
//!   output = ["type=registry"]
//! }
//! ```
//!
//! ```text
//! docker-bake.hcl:1:8: error[untagged-push] `web` is pushed and has no tag
//! ```

use std::collections::BTreeMap;

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "untagged-push", severity: Severity::Error, ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        let mut places: BTreeMap<Span, (&Build, bool)> = BTreeMap::new();
        for build in &project.builds {
            let named = build.outputs.iter().any(|output| output.get("name").is_some());
            let pushed = build.push == Eval::Known(true);
            if !pushed
                || named
                || !build.tags_known
                || !build.tags.is_empty()
                || build.caller.is_none() && is_parent(project, build)
            {
                continue;
            }
            places.entry(build.span).or_insert((build, false)).1 |= build.caller.is_some();
        }
        for (span, (build, called)) in places {
            let diagnostic = found.add(span, format!("`{}` is pushed and has no tag", build.name));
            // Somebody may well give it one by `--set`.
            diagnostic.confidence(if called { Confidence::High } else { Confidence::Low });
            if let Some(caller) = &build.caller
                && caller.span.file != span.file
            {
                diagnostic.label(caller.span, "pushed here");
            }
            diagnostic.help("BuildKit fails with \"tag is needed when pushing to registry\"");
        }
    }
}

/// Whether other targets inherit from the build's target.
fn is_parent(project: &Project, build: &Build) -> bool {
    let Maker::Target { bake, name } = &build.maker else { return false };
    project.bakes.get(*bake).is_some_and(|bake| {
        bake.evaluation.targets.iter().any(|target| target.inherits.iter().any(|parent| parent.value == *name))
    })
}
