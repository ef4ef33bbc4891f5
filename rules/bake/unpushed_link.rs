//! A target is pushed by its own wish, and is only ever built for another one.
//!
//! Where a target is needed as a context of another one and is not asked for itself, bake replaces its output by `cacheonly`: it is built and
//! not pushed (bake/bake.go of buildx). Who pulls its tag gets an old image, or none.
//!
//! Ask for it as well: name it in the group or in the command.
//!
//! Not flagged: targets that a group or a command of the repository asks for, and definitions that commands with unknown targets use.
//!
//! ## Examples
//!
//! ### Built for another one
//!
//! ```hcl
//! group "default" {
//!   targets = ["web"]
//! }
//!
//! target "base" {
//!   tags   = ["shop/base:1.2"]
//!   output = ["type=registry"]
//! }
//!
//! target "web" {
//!   contexts = { base = "target:base" }
//!   tags     = ["shop/web:1.2"]
//!   output   = ["type=registry"]
//! }
//! ```
//!
//! ```text
//! docker-bake.hcl:7:13: warning[unpushed-link] `base` is not pushed: it is built for `web` only
//! ```
//!
//! ### Asked for
//!
//! ```hcl
//! group "default" {
//!   targets = ["base", "web"]
//! }
//!
//! target "base" {
//!   tags   = ["shop/base:1.2"]
//!   output = ["type=registry"]
//! }
//!
//! target "web" {
//!   contexts = { base = "target:base" }
//!   tags     = ["shop/web:1.2"]
//!   output   = ["type=registry"]
//! }
//! ```
//!
//! ## Also tested
//!
//! ### Asked for by a workflow, no group, no push
//!
//! ```hcl
//! target "default" {
//!   contexts = { base = "target:base", tools = "target:tools" }
//!   output   = ["type=registry"]
//!   tags     = ["shop/web:1.2"]
//! }
//!
//! target "base" {
//!   output = ["type=image,push=true"]
//!   tags   = ["shop/base:1.2"]
//! }
//!
//! target "tools" {
//!   output = ["type=image,push=false"]
//! }
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: docker buildx bake base && docker buildx bake
//! ```

use std::collections::BTreeSet;

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "unpushed-link", confidence: Confidence::Medium, ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for (at, bake) in project.bakes.iter().enumerate() {
            let evaluation = &bake.evaluation;
            let calls: Vec<&BakeCall> = project.bake_calls.iter().filter(|call| call.bake == at).collect();
            let grouped = !evaluation.groups.is_empty();
            if calls.iter().any(|call| call.open) || calls.is_empty() && !grouped || !evaluation.errors.is_empty() {
                continue;
            }
            let mut asked: BTreeSet<String> = BTreeSet::new();
            let default = [Text::known("default")];
            for call in calls {
                let names = call.targets.iter().map(|(text, _)| text);
                for name in names.chain(default.iter().filter(|_| call.targets.is_empty())) {
                    let Some(pattern) = name.as_known() else { continue };
                    asked.extend(bake.targets_matching(pattern).map(str::to_owned));
                    asked.extend(evaluation.members(pattern).0);
                }
            }
            asked.extend(evaluation.groups.iter().flat_map(|group| evaluation.members(&group.name).0));
            let mut seen = BTreeSet::new();
            for link in evaluation.links().filter(|link| link.kind == LinkKind::Context && !asked.contains(link.to)) {
                if !asked.contains(link.from) || !seen.insert(link.to) {
                    continue;
                }
                let Some(base) = bake.resolved(link.to) else { continue };
                let pushed = base.output.iter().flatten().find(|output| {
                    let push = output.value.attributes.get("push");
                    output.value.kind == "registry" || push.is_some_and(|push| push == "true")
                });
                let Some(span) = pushed.and_then(|output| output.span()) else { continue };
                let message = format!("`{}` is not pushed: it is built for `{}` only", link.to, link.from);
                let diagnostic = found.add(span, message);
                if let Some(span) = link.span {
                    diagnostic.label(span, "bake builds it for this, without its own output");
                }
                diagnostic.help("name it in the group or command too");
            }
        }
    }
}
