//! Targets inherit from each other, or groups contain each other, in a circle.
//!
//! Bake takes it without a word and leaves out what would close the circle. Which values a target of the circle has then depends on
//! which one was asked for. A circle of contexts, `target:` of each other, fails with «infinite loop».
//!
//! ## Examples
//!
//! ### Parents of each other
//!
//! ```hcl
//! target "web" {
//!   inherits = ["worker"]
//!   args     = { PORT = "80" }
//! }
//!
//! target "worker" {
//!   inherits = ["web"]
//! }
//! ```
//!
//! ```text
//! docker-bake.hcl:2:15: warning[circular-definition] `web` inherits itself, by `worker`
//! ```
//!
//! ### A common parent
//!
//! ```hcl
//! target "_common" {
//!   args = { PORT = "80" }
//! }
//!
//! target "web" {
//!   inherits = ["_common"]
//! }
//!
//! target "worker" {
//!   inherits = ["_common"]
//! }
//! ```
//!
//! ## Also tested
//!
//! ### Groups, and a group with the target of its name
//!
//! ```hcl
//! group "all" {
//!   targets = ["some", "web"]
//! }
//!
//! group "some" {
//!   targets = ["all"]
//! }
//!
//! group "web" {
//!   targets = ["web"]
//! }
//!
//! target "web" {}
//! ```
//!
//! ```text
//! docker-bake.hcl:2:14: warning[circular-definition] `all` contains itself, by `some`
//! ```

use std::collections::BTreeSet;

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "circular-definition", ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        let mut seen = BTreeSet::new();
        for bake in &project.bakes {
            for (kind, verb) in
                [(LinkKind::Parent, "inherits"), (LinkKind::Member, "contains"), (LinkKind::Context, "needs")]
            {
                for cycle in bake.evaluation.cycles(kind) {
                    let Some(first) = cycle.first() else { continue };
                    // A group may list the target of its own name.
                    let own =
                        cycle.len() == 1 && kind == LinkKind::Member && bake.evaluation.target(first.to).is_some();
                    let Some(span) = cycle.iter().filter_map(|link| link.span).next() else { continue };
                    if own || !seen.insert(span) {
                        continue;
                    }
                    let names: Vec<String> =
                        cycle.iter().take(cycle.len() - 1).map(|link| format!("`{}`", link.to)).collect();
                    let message = format!("`{}` {verb} itself, by {}", first.from, names.join(", "));
                    let message = if cycle.len() == 1 { format!("`{}` {verb} itself", first.from) } else { message };
                    let diagnostic = found.add(span, message);
                    for link in cycle.iter().filter(|link| link.span != Some(span)) {
                        if let Some(place) = link.span {
                            diagnostic.label(place, format!("`{}` {verb} `{}`", link.from, link.to));
                        }
                    }
                    if kind == LinkKind::Context {
                        diagnostic.severity(Severity::Error).help("bake fails with \"infinite loop\"");
                    } else {
                        diagnostic.help("bake leaves out what closes the circle, and says nothing");
                    }
                }
            }
        }
    }
}
