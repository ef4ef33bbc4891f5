//! A command asks bake for a target that does not exist.
//!
//! `docker buildx bake` then fails with «failed to find target» before it builds anything. A command that names no target asks for `default`,
//! which has to be there as a group or target.
//!
//! Not flagged: commands whose files or targets are not all known, definitions that do not evaluate, and matrices whose members depend on
//! variables that the command sets.
//!
//! ## Examples
//!
//! ### Mistyped, and no default
//!
//! ```hcl
//! target "web" {
//!   tags = ["shop/web:1.2"]
//! }
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/bake-action@v6
//!         with:
//!           targets: wed
//!       - run: docker buildx bake
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:8:20: error[unknown-requested-target] `wed` is neither a group nor a target
//! .github/workflows/ci.yml:9:14: error[unknown-requested-target] bake is asked for `default`, which is neither a group nor a target
//! ```
//!
//! ```diff
//! --- a/.github/workflows/ci.yml
//! +++ b/.github/workflows/ci.yml
//! @@ -5,5 +5,5 @@
//!      steps:
//!        - uses: docker/bake-action@v6
//!          with:
//! -          targets: wed
//! +          targets: web
//!        - run: docker buildx bake
//! ```
//!
//! ### Groups, targets, patterns
//!
//! ```hcl
//! group "default" {
//!   targets = ["web"]
//! }
//!
//! target "web" {
//!   name   = "web-${variant}"
//!   matrix = { variant = ["slim", "full"] }
//! }
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/bake-action@v6
//!       - run: docker buildx bake web web-slim "web-*"
//! ```
//!
//! ## Also tested
//!
//! ### Unknown files, services with dots
//!
//! ```hcl
//! target "web" {}
//! ```
//!
//! ```yaml compose.yaml
//! services:
//!   shop.api:
//!     build: .
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/bake-action@v6
//!         with:
//!           files: |
//!             ./docker-bake.hcl
//!             ${{ steps.meta.outputs.bake-file }}
//!           targets: docker-metadata-action
//!       - run: docker buildx bake -f compose.yaml shop.api
//! ```

use std::collections::BTreeSet;

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta =
        Meta { id: "unknown-requested-target", severity: Severity::Error, fix: Some(Safety::Unsafe), ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        let mut seen = BTreeSet::new();
        for call in project.bake_calls.iter().filter(|call| !call.open && !call.errors.is_empty()) {
            let Some(bake) = project.bakes.get(call.bake).filter(|bake| bake.evaluation.errors.is_empty()) else {
                continue;
            };
            let computed = bake.definition.targets().any(|target| target.attribute("matrix").is_some());
            let Some(caller) =
                call.caller.as_ref().map(|caller| caller.span).or(call.script.as_ref().map(|script| script.span))
            else {
                continue;
            };
            if computed && !call.variables.is_empty() {
                continue;
            }
            if call.targets.is_empty() && !is_there(bake, "default") && seen.insert(caller) {
                let diagnostic =
                    found.add(caller, "bake is asked for `default`, which is neither a group nor a target");
                diagnostic.help("bake fails with \"failed to find target default\"; name what is to be built");
            }
            for (text, span) in &call.targets {
                let Some(name) = text.as_known() else { continue };
                // A service's dots become underscores, and bake takes either name.
                let known = is_there(bake, name) || is_there(bake, &name.replace('.', "_"));
                if known || name.contains(['/', ':', '#']) || !seen.insert(*span) {
                    continue;
                }
                let diagnostic = found.add(*span, format!("`{name}` is neither a group nor a target"));
                let groups = bake.evaluation.groups.iter().map(|group| group.name.as_str());
                let names = groups.chain(bake.evaluation.targets.iter().map(|target| target.name.as_str()));
                let Some(near) = nearest(name, names) else {
                    diagnostic.help("bake fails before it builds anything");
                    continue;
                };
                diagnostic.help(format!("did you mean `{near}`? bake fails before it builds anything"));
                if project.snapshot.get(span.file).is_some_and(|file| file.slice(*span) == name) {
                    let edit = Edit::replace(*span, near);
                    diagnostic.fix(Fix::unsafe_(format!("Name the target `{near}`"), vec![edit]));
                }
            }
        }
    }
}

/// Whether a name or pattern stands for something that can be built.
fn is_there(bake: &Bake, name: &str) -> bool {
    bake.evaluation.group(name).is_some()
        || bake.targets_matching(name).next().is_some()
        // What a pattern means among groups is left open.
        || name.contains(['*', '?', '['])
}
