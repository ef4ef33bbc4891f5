//! An expression refers to an attribute that the other target only inherits.
//!
//! `target.NAME.ATTRIBUTE` sees the block of that name as it is written, the last one if there are several: what the target gets from its
//! parents, from an earlier block or from an override is not there, and the value is null (docker/buildx#3173, docker/buildx#3540). In a
//! template bake fails on it; elsewhere the attribute is silently not set.
//!
//! Refer to the target that has the attribute in its own block, or put the value into a variable.
//!
//! ## Examples
//!
//! ### Inherited from a parent
//!
//! ```hcl
//! target "_common" {
//!   args = { VERSION = "1" }
//! }
//!
//! target "web" {
//!   inherits = ["_common"]
//! }
//!
//! target "worker" {
//!   args = target.web.args
//! }
//! ```
//!
//! ```text
//! docker-bake.hcl:10:10: error[uninherited-reference] `target.web.args` is null: the block of `web` does not set it
//! ```
//!
//! ### Written in the block
//!
//! ```hcl
//! target "_common" {
//!   args = { VERSION = "1" }
//! }
//!
//! target "web" {
//!   inherits = ["_common"]
//! }
//!
//! target "worker" {
//!   args = target._common.args
//! }
//! ```
//!
//! ## Also tested
//!
//! ### An earlier block, and an attribute that nobody has
//!
//! ```hcl
//! target "web" {
//!   tags = ["shop:web"]
//! }
//!
//! target "web" {
//!   args = { A = "1" }
//! }
//!
//! target "worker" {
//!   tags      = target.web.tags
//!   platforms = target.web.platforms
//! }
//! ```
//!
//! ```text
//! docker-bake.hcl:10:15: error[uninherited-reference] `target.web.tags` is null: the block of `web` does not set it
//! ```

use std::collections::BTreeSet;

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "uninherited-reference", severity: Severity::Error, ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        let mut seen = BTreeSet::new();
        for bake in &project.bakes {
            for attribute in bake.definition.targets().flat_map(|target| target.attributes()) {
                for part in attribute.value.descendants() {
                    let hcl::ExprKind::Traversal(traversal) = &part.kind else { continue };
                    let mut steps = traversal.steps.iter().map(|step| &step.kind);
                    let (Some(hcl::StepKind::Attribute(name)), Some(hcl::StepKind::Attribute(wanted))) =
                        (steps.next(), steps.next())
                    else {
                        continue;
                    };
                    if traversal.root.node != "target" {
                        continue;
                    }
                    let blocks: Vec<Declared<'_>> =
                        bake.definition.targets().filter(|target| target.name() == name).collect();
                    let Some(last) = blocks.last().filter(|last| last.attribute(wanted).is_none()) else { continue };
                    let earlier = blocks.iter().rev().find_map(|block| block.block.body.attribute(wanted));
                    let Some(place) = earlier.map(|it| it.span).or_else(|| inherited(bake, name, wanted)) else {
                        continue;
                    };
                    if !seen.insert(part.span) {
                        continue;
                    }
                    let message = format!("`target.{name}.{wanted}` is null: the block of `{name}` does not set it");
                    let diagnostic = found.add(part.span, message);
                    diagnostic.label(last.name_span(), "the block that counts").label(place, "set here");
                    diagnostic.help("a reference sees a block as it is written, without parents and earlier blocks");
                }
            }
        }
    }
}

/// Where a parent of the target sets the attribute.
fn inherited(bake: &Bake, name: &str, wanted: &str) -> Option<Span> {
    let mut seen = BTreeSet::from([name.to_owned()]);
    let mut open = vec![name.to_owned()];
    while let Some(next) = open.pop() {
        let mut own = bake.definition.targets().filter(|target| target.name() == next);
        if next != name
            && let Some(attribute) = own.find_map(|target| target.block.body.attribute(wanted))
        {
            return Some(attribute.span);
        }
        let parents = bake.evaluation.target(&next).into_iter().flat_map(|target| &target.inherits);
        open.extend(parents.map(|parent| parent.value.clone()).filter(|parent| seen.insert(parent.clone())));
    }
    None
}
