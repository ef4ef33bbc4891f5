//! Two targets that are built together make the same image.
//!
//! They are equal in everything but name and tags. One target may have several tags; two of them are solved, exported and pushed twice,
//! and have to be changed twice.
//!
//! Looked at are the targets of each bake command in workflows and of each group. Not flagged: targets with unknown values, and targets
//! that another one uses as a context.
//!
//! ## Examples
//!
//! ### One image under two names
//!
//! ```hcl
//! group "default" {
//!   targets = ["web", "web-latest"]
//! }
//!
//! target "web" {
//!   target = "web"
//!   tags   = ["shop/web:1.2"]
//! }
//!
//! target "web-latest" {
//!   target = "web"
//!   tags   = ["shop/web:latest"]
//! }
//! ```
//!
//! ```text
//! docker-bake.hcl:10:8: info[duplicate-target] `web-latest` makes the same image as `web`
//! ```
//!
//! ### Two tags
//!
//! ```hcl
//! group "default" {
//!   targets = ["web", "worker"]
//! }
//!
//! target "web" {
//!   target = "web"
//!   tags   = ["shop/web:1.2", "shop/web:latest"]
//! }
//!
//! target "worker" {
//!   target = "worker"
//!   tags   = ["shop/worker:1.2"]
//! }
//! ```
//!
//! ## Also tested
//!
//! ### Another platform, another output, other labels
//!
//! ```hcl
//! group "default" {
//!   targets = ["web", "arm", "files", "labelled"]
//! }
//!
//! target "web" {}
//!
//! target "arm" {
//!   platforms = ["linux/arm64"]
//! }
//!
//! target "files" {
//!   output = ["./out"]
//! }
//!
//! target "labelled" {
//!   labels = { a = "b" }
//! }
//! ```

use std::collections::{BTreeSet, HashMap, HashSet};

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta =
        Meta { id: "duplicate-target", severity: Severity::Info, confidence: Confidence::Medium, ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        let mut seen = BTreeSet::new();
        let links = project.bakes.iter().enumerate().flat_map(|(at, bake)| {
            let contexts = bake.evaluation.links().filter(|link| link.kind == LinkKind::Context);
            contexts.map(move |link| (at, link.to))
        });
        let linked: HashSet<(usize, &str)> = links.collect();
        for together in project.built_together() {
            let mut firsts: HashMap<String, &Build> = HashMap::new();
            for build in &together.builds {
                let Some(whole) = whole(project, build, &linked) else { continue };
                let first = *firsts.entry(whole).or_insert(build);
                let pair = (first.span.min(build.span), first.span.max(build.span));
                if first.span == build.span || !seen.insert(pair) {
                    continue;
                }
                let message = format!("`{}` makes the same image as `{}`", build.name, first.name);
                let diagnostic = found.add(build.span, message);
                diagnostic.label(first.span, "the other target");
                diagnostic.help("one target may have several tags: merge them");
            }
        }
    }
}

/// All that makes the result of a target; nothing where some of it is unknown.
fn whole(project: &Project, build: &Build, linked: &HashSet<(usize, &str)>) -> Option<String> {
    let Maker::Target { bake: at, name } = &build.maker else { return None };
    let bake = project.bakes.get(*at)?;
    let target = bake.evaluation.target(name)?;
    let known = build.tags_known && build.cache_known && build.platforms_known && target.unknown.is_empty();
    let path = build.dockerfile_path.as_ref()?.eval.known()?;
    if linked.contains(&(*at, name.as_str()))
        || !known
        || build.target.as_ref().is_some_and(|stage| stage.eval.known().is_none())
    {
        return None;
    }
    let platforms: Vec<_> = build.platforms.iter().map(|platform| &platform.eval).collect();
    let labels: Vec<_> = build.labels.iter().map(|(name, value, _)| (name, value)).collect();
    let entries = |entries: &[OptionList]| {
        let options = |entry: &OptionList| format!("{}{:?}", entry.kind, entry.options);
        entries.iter().map(options).collect::<Vec<_>>()
    };
    let secrets: Vec<_> = build.secrets.iter().map(|(id, _)| id).collect();
    let flags = (&build.no_cache, &build.pull, &build.push);
    let others = (
        target.annotations.as_ref().map(|list| list.iter().map(|set| &set.value).collect::<Vec<_>>()),
        target.network.as_ref().map(|set| &set.value),
        target.entitlements.as_ref().map(|list| list.iter().map(|set| &set.value).collect::<Vec<_>>()),
        target.call.as_ref().map(|set| &set.value),
    );
    let caches = (entries(&build.cache_from), entries(&build.cache_to), entries(&build.outputs));
    Some(format!("{path} {} {platforms:?} {labels:?} {secrets:?} {flags:?} {others:?} {caches:?}", build.recipe()))
}
