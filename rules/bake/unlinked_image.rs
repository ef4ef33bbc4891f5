//! A Dockerfile stands on the image of another target, which is pulled and not built first.
//!
//! Targets of one bake command run at the same time. `FROM shop/base` in one of them takes what the registry has, the image of an earlier
//! run, or fails where there is none yet, although another target builds `shop/base` right now (docker/buildx#447, docker/buildx#952).
//!
//! A named context links them: `contexts = { "shop/base" = "target:base" }` makes bake build `base` first and use its result.
//!
//! Not flagged: targets that have such a context, and images that are not built by the same command or group.
//!
//! ## Examples
//!
//! ### Not linked
//!
//! ```dockerfile base.Dockerfile
//! FROM debian:13
//! ```
//!
//! ```dockerfile web.Dockerfile
//! FROM shop/base:latest
//! ```
//!
//! ```hcl
//! group "default" {
//!   targets = ["base", "web"]
//! }
//!
//! target "base" {
//!   dockerfile = "base.Dockerfile"
//!   tags       = ["shop/base"]
//! }
//!
//! target "web" {
//!   dockerfile = "web.Dockerfile"
//!   tags       = ["shop/web"]
//! }
//! ```
//!
//! ```text
//! web.Dockerfile:1:6: warning[unlinked-image] `shop/base:latest` is pulled, while `base` builds it in the same command
//! ```
//!
//! ### Linked
//!
//! ```dockerfile base.Dockerfile
//! FROM debian:13
//! ```
//!
//! ```dockerfile web.Dockerfile
//! FROM shop/base:latest
//! ```
//!
//! ```hcl
//! group "default" {
//!   targets = ["base", "web"]
//! }
//!
//! target "base" {
//!   dockerfile = "base.Dockerfile"
//!   tags       = ["shop/base"]
//! }
//!
//! target "web" {
//!   dockerfile = "web.Dockerfile"
//!   tags       = ["shop/web"]
//!   contexts   = { "shop/base:latest" = "target:base" }
//! }
//! ```
//!
//! ## Also tested
//!
//! ### Files of the other image
//!
//! ```dockerfile base.Dockerfile
//! FROM debian:13
//! ```
//!
//! ```dockerfile web.Dockerfile
//! FROM debian:13
//! COPY --from=shop/base /etc/shop /etc/shop
//! ```
//!
//! ```hcl
//! group "default" {
//!   targets = ["base", "web"]
//! }
//!
//! target "base" {
//!   dockerfile = "base.Dockerfile"
//!   tags       = ["docker.io/shop/base:latest"]
//! }
//!
//! target "web" {
//!   dockerfile = "web.Dockerfile"
//! }
//! ```
//!
//! ```text
//! web.Dockerfile:2:13: warning[unlinked-image] `shop/base` is pulled, while `base` builds it in the same command
//! ```

use std::collections::{BTreeSet, HashMap};

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "unlinked-image", ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        let mut seen = BTreeSet::new();
        for together in project.built_together() {
            let mut makers: HashMap<String, (&Build, Span)> = HashMap::new();
            for build in &together.builds {
                for (tag, span) in &build.tags {
                    if let Some(image) = tag.as_known().and_then(full) {
                        makers.entry(image).or_insert((build, *span));
                    }
                }
            }
            for build in &together.builds {
                for (image, span) in images(project, build) {
                    let maker = full(&image).and_then(|image| makers.get(&image));
                    let Some((maker, tag)) = maker.filter(|(maker, _)| maker.name != build.name) else { continue };
                    if !seen.insert((span, build.name.clone())) {
                        continue;
                    }
                    let message = format!("`{image}` is pulled, while `{}` builds it in the same command", maker.name);
                    let diagnostic = found.add(span, message);
                    diagnostic.label(*tag, "built under this tag").label(build.span, "not linked");
                    diagnostic
                        .help(format!("`contexts = {{ \"{image}\" = \"target:{}\" }}` builds it first", maker.name));
                }
            }
        }
    }
}

/// The name with registry and tag.
fn full(image: &str) -> Option<String> {
    let image = ImageRef::parse(image).ok()?;
    Some(format!("{}:{}", image.name(), image.effective_tag()?))
}

/// The images that the build takes, with their places.
fn images(project: &Project, build: &Build) -> Vec<(String, Span)> {
    let Some(dockerfile) = build.dockerfile.and_then(|at| project.dockerfiles.get(at)) else { return Vec::new() };
    let uses = project.reach(build).unwrap_or_default();
    let mut images = Vec::new();
    for (stage, node) in dockerfile.tree.stages.iter().enumerate() {
        if uses.get(stage).is_none_or(|used| *used == StageUse::Unreached) {
            continue;
        }
        if let Base::Image(text) = dockerfile.base(stage, Some(build))
            && let Some(image) = text.as_known()
            && let Some(from) = dockerfile.from(stage)
        {
            let place = if node.base.span().is_empty() { from.span } else { node.base.span() };
            images.push((image.to_owned(), dockerfile.on_first_line(from, place)));
        }
        for (_, instruction) in dockerfile.stage_instructions(stage) {
            let Body::Copy(copy) = &instruction.body else { continue };
            let Some(name) = &copy.from else { continue };
            let linked = build.named_context(name.as_str()).is_some();
            if !linked && !matches!(dockerfile.tree.copy_from(name), StageRef::Stage(_)) && !name.contains('$') {
                images.push((name.as_str().to_owned(), dockerfile.on_first_line(instruction, name.span())));
            }
        }
    }
    images
}
