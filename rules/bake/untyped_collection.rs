//! A variable with a list as its default cannot be set.
//!
//! Without a `type`, bake reads what the environment or `--var` gives by the type of the default, and for lists and objects it cannot:
//! the command fails with «unsupported type». `type = list(string)` lets it read a list of words between commas, and
//! `NAME_JSON` any list or object (<https://docs.docker.com/build/bake/variables/>).
//!
//! It is a note, for a variable that nobody sets may stay as it is. Objects are not flagged: they are mostly constants.
//!
//! ## Examples
//!
//! ### No type
//!
//! ```hcl
//! variable "PLATFORMS" {
//!   default = ["linux/amd64", "linux/arm64"]
//! }
//!
//! target "web" {
//!   platforms = PLATFORMS
//! }
//! ```
//!
//! ```text
//! docker-bake.hcl:1:10: info[untyped-collection] `PLATFORMS` cannot be set from outside: a list needs a `type`
//! ```
//!
//! ```diff
//! --- a/docker-bake.hcl
//! +++ b/docker-bake.hcl
//! @@ -1,4 +1,5 @@
//!  variable "PLATFORMS" {
//! +  type = list(string)
//!    default = ["linux/amd64", "linux/arm64"]
//!  }
//!
//! ```
//!
//! ### A type
//!
//! ```hcl
//! variable "PLATFORMS" {
//!   type    = list(string)
//!   default = ["linux/amd64", "linux/arm64"]
//! }
//!
//! target "web" {
//!   platforms = PLATFORMS
//! }
//! ```
//!
//! ## Also tested
//!
//! ### An object
//!
//! ```hcl
//! variable "LABELS" {
//!   default = { a = "b" }
//! }
//!
//! target "web" {
//!   labels = LABELS
//! }
//! ```

use std::collections::BTreeSet;

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta =
        Meta { id: "untyped-collection", severity: Severity::Info, fix: Some(Safety::Unsafe), ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        let mut seen = BTreeSet::new();
        for bake in &project.bakes {
            for variable in bake.definition.variables().filter(|variable| variable.attribute("type").is_none()) {
                let Some(default) = variable.block.body.attribute("default") else { continue };
                let hcl::ExprKind::Tuple(tuple) = &default.value.kind else { continue };
                if !seen.insert(variable.name_span()) {
                    continue;
                }
                let message = format!("`{}` cannot be set from outside: a list needs a `type`", variable.name());
                let diagnostic = found.add(variable.name_span(), message);
                diagnostic.help("without one, a value in the environment fails with \"unsupported type\"");
                let words = !tuple.elements.is_empty()
                    && tuple.elements.iter().all(|element| element.value.literal().is_some());
                let text = project.text(default.span.file);
                let before = text.get(..default.span.start as usize).unwrap_or_default();
                let indent = before.rsplit('\n').next().unwrap_or_default();
                if words && !variable.block.body.json && before.contains('\n') && indent.trim().is_empty() {
                    let ending = if text.contains("\r\n") { "\r\n" } else { "\n" };
                    let edit = Edit::insert(default.span, format!("type = list(string){ending}{indent}"));
                    diagnostic.fix(Fix::unsafe_("Give the variable a type", vec![edit]));
                }
            }
        }
    }
}
