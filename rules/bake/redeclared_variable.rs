//! A variable is declared twice, and the first declaration is lost.
//!
//! Of several `variable` blocks of one name only the last counts, as a whole: `variable "TAG" {}` in a later file takes the default away
//! that an earlier one gave, with type and validations. An attribute at the top level, `TAG = "x"`, beats the variable's default and
//! its type (docker/buildx#2438).
//!
//! In one file that is never meant. In several files it is how a default is changed, so there only a later block that has no
//! `default` where an earlier one had is flagged.
//!
//! ## Examples
//!
//! ### Twice in one file
//!
//! ```hcl
//! variable "TAG" {
//!   default = "latest"
//! }
//!
//! variable "TAG" {}
//!
//! target "web" {
//!   tags = ["shop:${TAG}"]
//! }
//! ```
//!
//! ```text
//! docker-bake.hcl:5:10: warning[redeclared-variable] declaring `TAG` again takes its default away
//! ```
//!
//! ### Changed by an override file
//!
//! ```hcl
//! variable "TAG" {
//!   default = "latest"
//! }
//!
//! target "web" {
//!   tags = ["shop:${TAG}"]
//! }
//! ```
//!
//! ```hcl docker-bake.override.hcl
//! variable "TAG" {
//!   default = "dev"
//! }
//! ```
//!
//! ## Also tested
//!
//! ### An override file that takes the default away, and an attribute
//!
//! ```hcl
//! variable "TAG" {
//!   default = "latest"
//! }
//!
//! variable "COUNT" {
//!   type    = number
//!   default = 1
//! }
//!
//! target "web" {
//!   tags = ["shop:${TAG}"]
//!   args = { COUNT = COUNT }
//! }
//! ```
//!
//! ```hcl docker-bake.override.hcl
//! variable "TAG" {}
//!
//! COUNT = "2"
//! ```
//!
//! ```text
//! docker-bake.override.hcl:1:10: warning[redeclared-variable] declaring `TAG` again takes its default away
//! docker-bake.override.hcl:3:1: warning[redeclared-variable] this attribute beats the default of variable `COUNT`
//! ```

use std::collections::BTreeSet;

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "redeclared-variable", ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        let mut seen = BTreeSet::new();
        for bake in &project.bakes {
            for (first, last) in bake.definition.redeclared_variables() {
                let (span, name) = (last.name_span(), last.name());
                let one_file = first.name_span().file == span.file;
                let default = |declared: &Declared<'_>| declared.attribute("default").is_some();
                let loses = default(&first) && !default(&last);
                if !(one_file || loses) || !seen.insert(span) {
                    continue;
                }
                let what = if loses { "takes its default away" } else { "replaces the first declaration" };
                let diagnostic = found.add(span, format!("declaring `{name}` again {what}"));
                diagnostic.label(first.name_span(), "declared before");
                diagnostic.help("only the last block of a variable counts, with its type, default and validations");
            }
            for constant in bake.definition.constants() {
                let name = &constant.name;
                let variable = bake.definition.variables().find(|variable| variable.name() == name.node);
                let Some(variable) = variable.filter(|_| seen.insert(name.span)) else { continue };
                let diagnostic =
                    found.add(name.span, format!("this attribute beats the default of variable `{}`", name.node));
                diagnostic.label(variable.name_span(), "the variable");
                diagnostic.help("its type is lost, too: write the value as `default` of the variable");
            }
        }
    }
}
