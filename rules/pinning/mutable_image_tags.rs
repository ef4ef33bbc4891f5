//! A pushed image has no tag that names what it was built from.
//!
//! `latest` and branch names move; a run's number says when, but not of what. With a tag that holds the commit, a deployment can
//! name exactly what it runs, a rollback is a tag that is already there, and no later job has to give the image another name.
//!
//! Add the commit beside the tags that people use: `"app:${GITHUB_SHA}"` in a bake file with `variable "GITHUB_SHA" {}`,
//! `app:${{ github.sha }}` in a workflow. Whatever deploys the image must still wait for the tests: a tag is no approval.
//!
//! Not flagged: images whose tags are not all known (docker/metadata-action computes them), and those with a version tag.
//!
//! ## Examples
//!
//! ### Tags that move
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
//!       - uses: docker/build-push-action@v6
//!         with:
//!           push: true
//!           tags: ghcr.io/shop/web:latest
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:9:17: warning[mutable-image-tags] no tag of `Run docker/build-push-action@v6` names the commit it was built from
//! ```
//!
//! ### The commit beside it
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
//!       - uses: docker/build-push-action@v6
//!         with:
//!           push: true
//!           tags: |
//!             ghcr.io/shop/web:latest
//!             ghcr.io/shop/web:${{ github.sha }}
//! ```
//!
//! ## Also tested
//!
//! ### A bake target
//!
//! ```dockerfile
//! FROM alpine:3.22
//! ```
//!
//! ```hcl
//! variable "TAG" {
//!   default = "local"
//! }
//!
//! target "default" {
//!   tags = ["shop/web:build-${TAG}", "shop/web:latest"]
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
//!         env:
//!           TAG: ${{ github.run_id }}
//!         with:
//!           push: true
//! ```
//!
//! ```text
//! docker-bake.hcl:6:11: warning[mutable-image-tags] no tag of `default` names the commit it was built from
//! ```
//!
//! ### Somebody else's tags
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
//!       - uses: docker/build-push-action@v6
//!         with:
//!           push: true
//!           tags: ${{ steps.meta.outputs.tags }}
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "mutable-image-tags", ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        let mut seen: Vec<Span> = Vec::new();
        for build in &project.builds {
            let Some((_, first)) = build.tags.first() else { continue };
            let moves = build.tags.iter().all(|(tag, _)| moves(tag));
            if build.push.known() != Some(&true)
                || build.caller.is_none()
                || !build.tags_known
                || !moves
                || seen.contains(first)
            {
                continue;
            }
            seen.push(*first);
            let tags: Vec<String> = build.tags.iter().map(|(tag, _)| format!("`{}`", words(tag))).collect();
            let diagnostic =
                found.add(*first, format!("no tag of `{}` names the commit it was built from", build.name));
            for (_, span) in build.tags.iter().skip(1).filter(|(_, span)| span != first) {
                diagnostic.label(*span, "nor does this one");
            }
            if let Some(caller) = &build.caller {
                diagnostic.label(caller.span, format!("pushed here as {}", tags.join(" and ")));
            }
            diagnostic
                .help("add a tag with the commit; what moves cannot be deployed twice the same, nor rolled back to");
        }
    }
}

/// A tag as people write it, the name of the image left out.
fn words(tag: &Text) -> String {
    tag.rsplit_once(':').map_or_else(|| tag.to_string(), |(_, tag)| tag.to_string())
}

/// Whether a tag names another image with the next push, or at least not what it was built from.
fn moves(tag: &Text) -> bool {
    const RUN: &[&str] =
        &["github.run_id", "github.run_number", "github.run_attempt", "github.ref_name", "github.head_ref"];
    let name = match tag.rsplit_once(':') {
        // A colon before a slash belongs to the registry's port.
        Some((_, name)) if !name.to_string().contains('/') => name,
        _ => return tag.as_known().is_some_and(|tag| !tag.contains('@')),
    };
    let unknown: Vec<&str> = name.unknowns().collect();
    if !unknown.is_empty() {
        return unknown.iter().all(|words| RUN.contains(words));
    }
    let name = name.to_string();
    // A digit makes it a version or a date, which are names that stay.
    !name.chars().any(|c| c.is_ascii_digit())
}
