//! An empty list clears nothing of what is inherited.
//!
//! `tags`, `platforms`, `output` and `cache-to` of a child replace those of its parents, and `[]` empties them. `cache-from`, `attest`,
//! `secret`, `ssh`, `annotations`, `entitlements`, `ulimits` and `no-cache-filter` are added to those of the parents, so that `[]` adds
//! nothing and changes nothing (docker/buildx#3599).
//!
//! An attestation is turned off by `{ type = "provenance", disabled = true }`. The others have to be taken out of the parent, and given to
//! those who need them.
//!
//! ## Examples
//!
//! ### Still there
//!
//! ```hcl
//! target "_common" {
//!   cache-from = ["type=gha"]
//!   cache-to   = ["type=gha"]
//! }
//!
//! target "web" {
//!   inherits   = ["_common"]
//!   cache-from = []
//!   cache-to   = []
//! }
//! ```
//!
//! ```text
//! docker-bake.hcl:8:3: warning[uncleared-list] this does not clear the `cache-from` that `web` inherits from `_common`
//! ```
//!
//! ### Nothing is inherited
//!
//! ```hcl
//! target "web" {
//!   cache-from = []
//! }
//! ```
//!
//! ## Also tested
//!
//! ### An attestation of a grandparent
//!
//! ```hcl
//! target "_base" {
//!   attest = ["type=sbom"]
//! }
//!
//! target "_common" {
//!   inherits = ["_base"]
//! }
//!
//! target "web" {
//!   inherits = ["_common"]
//!   attest   = []
//! }
//! ```
//!
//! ```text
//! docker-bake.hcl:11:3: warning[uncleared-list] this does not clear the `attest` that `web` inherits from `_base`
//! ```

use std::collections::BTreeSet;

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

/// The lists of a child that are added to those of its parents (buildx, bake/bake.go, Target.Merge).
const ADDED: &[&str] =
    &["annotations", "attest", "cache-from", "entitlements", "no-cache-filter", "secret", "ssh", "ulimits"];

impl Check for Rule {
    const META: Meta = Meta { id: "uncleared-list", ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        let mut seen = BTreeSet::new();
        for bake in &project.bakes {
            for block in bake.definition.targets() {
                for attribute in block.attributes() {
                    let name = attribute.name.node.as_str();
                    let empty =
                        matches!(&attribute.value.kind, hcl::ExprKind::Tuple(tuple) if tuple.elements.is_empty());
                    if !empty || !ADDED.contains(&name) {
                        continue;
                    }
                    let Some(parent) = giver(bake, block.name(), name) else { continue };
                    if !seen.insert(attribute.span) {
                        continue;
                    }
                    let message =
                        format!("this does not clear the `{name}` that `{}` inherits from `{parent}`", block.name());
                    let diagnostic = found.add(attribute.span, message);
                    if let Some(place) = bake.target_span(parent) {
                        diagnostic.label(place, "gives it");
                    }
                    diagnostic.help(match name {
                        "attest" => "the list is added to the parent's: turn an attestation off by `disabled = true`",
                        _ => "the list is added to the parent's: take it out there, and give it to those who need it",
                    });
                }
            }
        }
    }
}

/// The nearest parent that has entries in the list.
fn giver<'b>(bake: &'b Bake, name: &str, list: &str) -> Option<&'b str> {
    let mut seen = BTreeSet::from([name.to_owned()]);
    let mut open = vec![name.to_owned()];
    while let Some(next) = open.pop() {
        let Some(target) = bake.evaluation.target(&next) else { continue };
        if next != name && has(target, list) {
            return Some(&target.name);
        }
        let parents = target.inherits.iter().map(|parent| parent.value.clone());
        open.extend(parents.filter(|parent| seen.insert(parent.clone())));
    }
    None
}

fn has(target: &Target, list: &str) -> bool {
    let count = match list {
        "annotations" => target.annotations.as_ref().map(Vec::len),
        "attest" => target.attest.as_ref().map(Vec::len),
        "cache-from" => target.cache_from.as_ref().map(Vec::len),
        "entitlements" => target.entitlements.as_ref().map(Vec::len),
        "no-cache-filter" => target.no_cache_filter.as_ref().map(Vec::len),
        "secret" => target.secret.as_ref().map(Vec::len),
        "ssh" => target.ssh.as_ref().map(Vec::len),
        "ulimits" => target.ulimits.as_ref().map(Vec::len),
        _ => None,
    };
    count.is_some_and(|count| count > 0)
}
