//! A bake file calls `formatdate`, which is deprecated.
//!
//! `formattimestamp` does the same with the same arguments, and takes seconds since 1970 as well (docker/buildx, bake/hclparser/stdlib.go).
//! Buildx releases that do not know it yet fail on it, so the fix needs a Buildx of at least the one that brought it.
//!
//! ## Examples
//!
//! ### The old name
//!
//! ```hcl
//! target "web" {
//!   labels = {
//!     "org.opencontainers.image.created" = formatdate("YYYY-MM-DD", timestamp())
//!   }
//! }
//! ```
//!
//! ```text
//! docker-bake.hcl:3:42: info[deprecated-formatdate] `formatdate` is deprecated
//! ```
//!
//! ```diff
//! --- a/docker-bake.hcl
//! +++ b/docker-bake.hcl
//! @@ -1,5 +1,5 @@
//!  target "web" {
//!    labels = {
//! -    "org.opencontainers.image.created" = formatdate("YYYY-MM-DD", timestamp())
//! +    "org.opencontainers.image.created" = formattimestamp("YYYY-MM-DD", timestamp())
//!    }
//!  }
//! ```
//!
//! ### The new name
//!
//! ```hcl
//! target "web" {
//!   labels = {
//!     "org.opencontainers.image.created" = formattimestamp("YYYY-MM-DD", timestamp())
//!   }
//! }
//! ```
//!
//! ## Also tested
//!
//! ### A function of one's own
//!
//! ```hcl
//! function "day" {
//!   params = []
//!   result = formatdate("DD", timestamp())
//! }
//!
//! target "web" {
//!   tags = ["shop:formatdate-${day()}"]
//! }
//! ```
//!
//! ```text
//! docker-bake.hcl:3:12: info[deprecated-formatdate] `formatdate` is deprecated
//! ```
//!
//! ```diff
//! --- a/docker-bake.hcl
//! +++ b/docker-bake.hcl
//! @@ -1,6 +1,6 @@
//!  function "day" {
//!    params = []
//! -  result = formatdate("DD", timestamp())
//! +  result = formattimestamp("DD", timestamp())
//!  }
//!
//!  target "web" {
//! ```

use std::collections::BTreeSet;

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta =
        Meta { id: "deprecated-formatdate", severity: Severity::Info, fix: Some(Safety::Unsafe), ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        let mut seen = BTreeSet::new();
        for bake in &project.bakes {
            let definition = &bake.definition;
            let blocks = definition
                .targets()
                .chain(definition.groups())
                .chain(definition.variables())
                .chain(definition.functions());
            let attributes = blocks.flat_map(|block| block.attributes()).chain(definition.constants());
            for part in attributes.flat_map(|attribute| attribute.value.descendants()) {
                let hcl::ExprKind::Call(call) = &part.kind else { continue };
                let name = &call.name;
                if name.node != "formatdate" || !seen.insert(name.span) {
                    continue;
                }
                let diagnostic = found.add(name.span, "`formatdate` is deprecated");
                diagnostic.help("`formattimestamp` does the same with the same arguments");
                let written =
                    project.snapshot.get(name.span.file).is_some_and(|file| file.slice(name.span) == name.node);
                if written {
                    let edit = Edit::replace(name.span, "formattimestamp");
                    diagnostic.fix(Fix::unsafe_("Call `formattimestamp`", vec![edit]));
                }
            }
        }
    }
}
