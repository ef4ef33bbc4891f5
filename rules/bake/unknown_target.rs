//! A group, an `inherits` or a context names a target that does not exist.
//!
//! `bake` fails with «failed to find target» as soon as the name is reached: for a group member when the group is asked for, for a
//! parent or a `target:` context when the target is. Until then nothing tells, so a group that only the release job builds breaks
//! the release.
//!
//! A parent must be a target: a group or the label of a matrix has nothing to inherit. Group members may be groups.
//!
//! Not flagged: names that are computed from unknown values, and definitions that do not evaluate.
//!
//! ## Examples
//!
//! ### Mistyped names
//!
//! ```hcl
//! group "default" {
//!   targets = ["web", "wroker"]
//! }
//!
//! target "_common" {
//!   dockerfile = "Dockerfile"
//! }
//!
//! target "web" {
//!   inherits = ["_comon"]
//! }
//!
//! target "worker" {
//!   contexts = {
//!     base = "target:webb"
//!   }
//! }
//! ```
//!
//! ```text
//! docker-bake.hcl:2:21: error[unknown-target] `wroker`, a member of group `default`, is no target of the definition
//! docker-bake.hcl:10:15: error[unknown-target] `_comon`, which `web` inherits, is no target of the definition
//! docker-bake.hcl:15:12: error[unknown-target] `webb`, the context `base` of `worker`, is no target of the definition
//! ```
//!
//! ```diff
//! --- a/docker-bake.hcl
//! +++ b/docker-bake.hcl
//! @@ -1,5 +1,5 @@
//!  group "default" {
//! -  targets = ["web", "wroker"]
//! +  targets = ["web", "worker"]
//!  }
//!
//!  target "_common" {
//! @@ -7,11 +7,11 @@
//!  }
//!
//!  target "web" {
//! -  inherits = ["_comon"]
//! +  inherits = ["_common"]
//!  }
//!
//!  target "worker" {
//!    contexts = {
//! -    base = "target:webb"
//! +    base = "target:web"
//!    }
//!  }
//! ```
//!
//! ### Names that exist
//!
//! ```hcl
//! group "default" {
//!   targets = ["web", "all"]
//! }
//!
//! group "all" {
//!   targets = ["web"]
//! }
//!
//! target "_common" {}
//!
//! target "web" {
//!   inherits = ["_common"]
//! }
//! ```
//!
//! ## Also tested
//!
//! ### A group as a parent
//!
//! ```hcl
//! group "all" {
//!   targets = ["web"]
//! }
//!
//! target "web" {}
//!
//! target "again" {
//!   inherits = ["all"]
//! }
//! ```
//!
//! ```text
//! docker-bake.hcl:8:15: error[unknown-target] `all`, which `again` inherits, is a group, not a target
//! ```
//!
//! ### The members of a matrix
//!
//! ```hcl
//! group "default" {
//!   targets = ["app", "app-web"]
//! }
//!
//! target "app" {
//!   name   = "app-${stage}"
//!   matrix = { stage = ["web", "worker"] }
//! }
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta =
        Meta { id: "unknown-target", severity: Severity::Error, fix: Some(Safety::Unsafe), ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        let mut seen = std::collections::BTreeSet::new();
        for bake in project.bakes.iter().filter(|bake| bake.evaluation.errors.is_empty()) {
            let evaluation = &bake.evaluation;
            let mut report = |mention: &str, span: Option<Span>, who: String, groups: bool| {
                if evaluation.target(mention).is_some() || (groups && evaluation.group(mention).is_some()) {
                    return;
                }
                let Some(span) = span.filter(|span| project.snapshot.get(span.file).is_some()) else { return };
                if !seen.insert((span, mention.to_owned())) {
                    return;
                }
                let group = evaluation.group(mention).is_some();
                let what = if group { "is a group, not a target" } else { "is no target of the definition" };
                let diagnostic = found.add(span, format!("`{mention}`, {who}, {what}"));
                let targets = evaluation.targets.iter().map(|target| target.name.as_str());
                let names = targets.chain(evaluation.groups.iter().filter(|_| groups).map(|group| group.name.as_str()));
                match nearest(mention, names).filter(|_| !group) {
                    Some(near) => {
                        diagnostic.help(format!(
                            "did you mean `{near}`? bake fails with \"failed to find target {mention}\""
                        ));
                        let text = project.snapshot.get(span.file).map_or("", |source| source.slice(span));
                        if let Some(at) = only_place(text, mention) {
                            let start = span.start as usize + at;
                            let place = Span::new(span.file, start..start + mention.len());
                            diagnostic.fix(Fix::unsafe_(
                                format!("Name the target `{near}`"),
                                vec![Edit::replace(place, near)],
                            ));
                        }
                    }
                    None => {
                        diagnostic.help(format!("bake fails with \"failed to find target {mention}\""));
                    }
                }
            };
            for group in &evaluation.groups {
                for member in group.targets.iter().flatten().filter(|member| !member.origin.dynamic) {
                    report(&member.value, member.span(), format!("a member of group `{}`", group.name), true);
                }
            }
            for target in &evaluation.targets {
                for parent in target.inherits.iter().filter(|parent| !parent.origin.dynamic) {
                    report(&parent.value, parent.span(), format!("which `{}` inherits", target.name), false);
                }
                for (name, context) in target.contexts.iter().filter(|(_, context)| !context.origin.dynamic) {
                    if let Some(mention) = context.value.strip_prefix("target:") {
                        report(mention, context.span(), format!("the context `{name}` of `{}`", target.name), false);
                    }
                }
            }
        }
    }
}

/// Where the name stands in the text, when it stands there once as a whole word.
fn only_place(text: &str, name: &str) -> Option<usize> {
    let part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let mut places = text
        .match_indices(name)
        .map(|(at, _)| at)
        .filter(|at| !text[..*at].ends_with(part) && !text[*at + name.len()..].starts_with(part) && !name.is_empty());
    let first = places.next()?;
    places.next().is_none().then_some(first)
}
