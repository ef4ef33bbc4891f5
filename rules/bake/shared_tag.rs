//! Several targets of one command have the same tag.
//!
//! They are different images, and a tag names one: which one it is after the command changes from run to run, for the builds run at the
//! same time. Pushes of one tag at the same time may fail, too (docker/buildx#3576). A matrix whose members all inherit the tags of a
//! `docker-metadata-action` target has this (docker/metadata-action#340), and so has a common parent with `tags`.
//!
//! Give each target tags of its own. Platforms of one image belong to one target with several `platforms`.
//!
//! Looked at are the targets of each bake command in workflows and of each group. Not flagged: targets that are equal in
//! all that makes their result, targets whose output is files, pushes by digest, which make no tag, and tags that depend on what a target, a job or a script sets.
//!
//! ## Examples
//!
//! ### Tags of a common parent
//!
//! ```hcl
//! group "default" {
//!   targets = ["web", "worker"]
//! }
//!
//! target "_common" {
//!   tags = ["shop:latest"]
//! }
//!
//! target "web" {
//!   inherits = ["_common"]
//!   target   = "web"
//! }
//!
//! target "worker" {
//!   inherits = ["_common"]
//!   target   = "worker"
//! }
//! ```
//!
//! ```text
//! docker-bake.hcl:6:11: error[shared-tag] 2 targets have the tag `shop:latest`: `web`, `worker`
//! ```
//!
//! ### Tags of their own
//!
//! ```hcl
//! group "default" {
//!   targets = ["web", "worker"]
//! }
//!
//! target "web" {
//!   target = "web"
//!   tags   = ["shop-web:latest"]
//! }
//!
//! target "worker" {
//!   target = "worker"
//!   tags   = ["shop-worker:latest"]
//! }
//! ```
//!
//! ## Also tested
//!
//! ### Pushed by digest
//!
//! ```hcl
//! target "app" {
//!   name      = "app-${arch}"
//!   matrix    = { arch = ["amd64", "arm64"] }
//!   platforms = ["linux/${arch}"]
//!   tags      = ["shop"]
//!   output    = ["type=registry,push-by-digest=true"]
//! }
//! ```
//!
//! ### Each in a job of its own
//!
//! ```hcl
//! group "default" {
//!   targets = ["web", "worker"]
//! }
//!
//! target "web" {
//!   target = "web"
//! }
//!
//! target "worker" {
//!   target = "worker"
//! }
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   test:
//!     runs-on: ubuntu-latest
//!     strategy:
//!       matrix:
//!         target: [web, worker]
//!     steps:
//!       - uses: docker/bake-action@v6
//!         with:
//!           targets: ${{ matrix.target }}
//!           load: true
//!           set: "*.tags=shop:test"
//!       - run: docker run shop:test
//! ```
//!
//! ### The members of a matrix
//!
//! ```hcl
//! target "app" {
//!   name   = "app-${stage}"
//!   matrix = { stage = ["web", "worker"] }
//!   target = stage
//!   tags   = ["shop", "shop:${stage}"]
//! }
//! ```
//!
//! ```text
//! docker-bake.hcl:5:13: error[shared-tag] 2 targets have the tag `shop`: `app-web`, `app-worker`
//! ```
//!
//! ### Files, aliases and separate groups
//!
//! ```hcl
//! group "default" {
//!   targets = ["web", "alias", "files"]
//! }
//!
//! group "other" {
//!   targets = ["worker"]
//! }
//!
//! target "web" {
//!   tags = ["shop"]
//! }
//!
//! target "alias" {
//!   tags = ["shop"]
//! }
//!
//! target "files" {
//!   target = "files"
//!   tags   = ["shop"]
//!   output = ["./out"]
//! }
//!
//! target "worker" {
//!   target = "worker"
//!   tags   = ["shop"]
//! }
//! ```

use std::collections::{BTreeMap, BTreeSet};

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "shared-tag", severity: Severity::Error, ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        let mut seen: BTreeSet<Span> = BTreeSet::new();
        for together in project.built_together() {
            let mut tags: BTreeMap<String, Vec<(&Build, Span)>> = BTreeMap::new();
            for build in together.builds.iter().filter(|build| build.makes_image() && !is_by_digest(build)) {
                // What a call sets belongs to that call, not to the group as a whole.
                let own = |span: &Span| {
                    together.called
                        || matches!(FileKind::of(project.path(span.file)), FileKind::BakeHcl | FileKind::BakeJson)
                };
                let tags_of =
                    build.tags.iter().filter(|(tag, span)| tag.is_fixed_in_run() && !tag.is_empty() && own(span));
                for (tag, span) in tags_of {
                    let name = match tag.as_known().and_then(|tag| ImageRef::parse(tag).ok()) {
                        Some(image) => format!("{}:{}", image.name(), image.effective_tag().unwrap_or_default()),
                        None => tag.to_string(),
                    };
                    tags.entry(name).or_default().push((build, *span));
                }
            }
            for users in tags.into_values() {
                let what = |build: &Build| format!("{} {:?}", build.recipe(), build.platforms);
                let different: BTreeSet<String> = users.iter().map(|(build, _)| what(build)).collect();
                let Some((_, first)) = users.first() else { continue };
                if different.len() < 2 || !seen.insert(*first) {
                    continue;
                }
                let tag = users.iter().flat_map(|(build, _)| &build.tags).find(|(_, span)| span == first);
                let tag = tag.map(|(tag, _)| tag.to_string()).unwrap_or_default();
                let names: Vec<String> = users.iter().take(4).map(|(build, _)| format!("`{}`", build.name)).collect();
                let more = if users.len() > 4 { ", …" } else { "" };
                let count = users.len();
                let diagnostic =
                    found.add(*first, format!("{count} targets have the tag `{tag}`: {}{more}", names.join(", ")));
                let mut places = BTreeSet::from([*first]);
                for (build, span) in users.iter().skip(1).take(4) {
                    match places.insert(*span) {
                        true => diagnostic.label(*span, "the same tag"),
                        false => diagnostic.label(build.span, "has it too"),
                    };
                }
                diagnostic.help("they are different images, and the one that is pushed last keeps the tag");
            }
        }
    }
}

/// Whether the push makes no tag: what is written as a tag is then the name of the repository alone.
fn is_by_digest(build: &Build) -> bool {
    build.outputs.iter().any(|output| output.get("push-by-digest").and_then(Text::as_known) == Some("true"))
}
