//! A group and a target have one name.
//!
//! The name then means the group, wherever something is asked for or a group lists it; `inherits` and `target:` mean the target. The
//! target cannot be built by its name, except where the group lists its own name, which means the target.
//!
//! ## Examples
//!
//! ### The target is out of reach
//!
//! ```hcl
//! group "web" {
//!   targets = ["api", "site"]
//! }
//!
//! target "web" {}
//!
//! target "api" {}
//!
//! target "site" {}
//! ```
//!
//! ```text
//! docker-bake.hcl:1:7: warning[ambiguous-name] this group hides the target `web`
//! ```
//!
//! ### The group has its target
//!
//! ```hcl
//! group "web" {
//!   targets = ["web", "api"]
//! }
//!
//! target "web" {}
//!
//! target "api" {}
//! ```

use std::collections::BTreeSet;

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "ambiguous-name", ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        let mut seen = BTreeSet::new();
        for bake in &project.bakes {
            for group in bake.definition.groups() {
                let name = group.name();
                let Some(target) = bake.target_span(name).filter(|_| bake.evaluation.target(name).is_some()) else {
                    continue;
                };
                let members = bake.evaluation.group(name).into_iter().flat_map(|group| group.members());
                // A target that is there to be inherited need not be built.
                let parent =
                    bake.evaluation.targets.iter().any(|other| other.inherits.iter().any(|it| it.value == name));
                if parent || members.into_iter().any(|member| member == name) || !seen.insert(group.name_span()) {
                    continue;
                }
                let diagnostic = found.add(group.name_span(), format!("this group hides the target `{name}`"));
                diagnostic.label(target, "cannot be built by its name");
                diagnostic
                    .help("asking for the name builds the group: rename one of them, or list the target in the group");
            }
        }
    }
}
