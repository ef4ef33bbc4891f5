//! A bake call does not allow what its targets ask for.
//!
//! `network = "host"` and `entitlements` ask for rights that only the caller can give. On a terminal bake asks; in a job it fails with
//! «additional privileges requested» (docker/buildx#2666, docker/bake-action#252). `--allow network.host`, or `allow:` of
//! `docker/bake-action`, gives them.
//!
//! Not flagged: calls with an allowance that is not known, and scripts that set `BUILDX_BAKE_ENTITLEMENTS_FS` or take the flags from a
//! variable.
//!
//! ## Examples
//!
//! ### Not allowed
//!
//! ```hcl
//! target "web" {
//!   network = "host"
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
//!           targets: web
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:6:15: error[ungranted-entitlement] `web` asks for `network.host`, which this call does not allow
//! ```
//!
//! ### Allowed
//!
//! ```hcl
//! target "web" {
//!   network = "host"
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
//!           targets: web
//!           allow: network.host
//!       - run: docker buildx bake --allow network.host web
//! ```
//!
//! ## Also tested
//!
//! ### Another right than the one that is given
//!
//! ```hcl
//! target "web" {
//!   entitlements = ["security.insecure"]
//! }
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: docker buildx bake --allow=network.host web
//!       - run: docker buildx bake $FLAGS web
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:6:14: error[ungranted-entitlement] `web` asks for `security.insecure`, which this call does not allow
//! ```

use std::collections::BTreeSet;

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "ungranted-entitlement", severity: Severity::Error, ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        let mut seen = BTreeSet::new();
        for call in project.bake_calls.iter().filter(|call| call.errors.is_empty()) {
            let (Some(bake), Some(caller)) = (project.bakes.get(call.bake), &call.caller) else { continue };
            let Some((.., step)) = project.step(caller.step) else { continue };
            let given = match (&step.run, step.input("allow")) {
                (Some(run), _) => run.value.text.as_str().to_owned(),
                (None, Some(allow)) => match allow.known() {
                    Some(known) => known.to_owned(),
                    None => continue,
                },
                (None, None) => String::new(),
            };
            let open = step.run.is_some() && given.contains('$') && !given.contains("--allow");
            if open || step.uses.is_some() && !step.uses_action("docker/bake-action") {
                continue;
            }
            for name in &call.resolved {
                for (right, span) in wanted(bake, name) {
                    if given.contains(&right) || !seen.insert((caller.span, right.clone())) {
                        continue;
                    }
                    let message = format!("`{name}` asks for `{right}`, which this call does not allow");
                    let diagnostic = found.add(caller.span, message);
                    if let Some(span) = span {
                        diagnostic.label(span, "asked for here");
                    }
                    let how = if step.run.is_some() { "--allow" } else { "allow:" };
                    diagnostic
                        .help(format!("bake fails with \"additional privileges requested\": give `{how} {right}`"));
                }
            }
        }
    }
}

/// The rights that a target and its parents ask for.
fn wanted(bake: &Bake, name: &str) -> Vec<(String, Option<Span>)> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::from([name.to_owned()]);
    let mut open = vec![name.to_owned()];
    while let Some(next) = open.pop() {
        let Some(target) = bake.evaluation.target(&next) else { continue };
        if let Some(network) = target.network.as_ref().filter(|network| network.value == "host") {
            found.push(("network.host".to_owned(), network.span()));
        }
        let entitlements = target.entitlements.iter().flatten().filter(|right| !right.origin.dynamic);
        found.extend(entitlements.map(|right| (right.value.clone(), right.span())));
        let parents = target.inherits.iter().map(|parent| parent.value.clone());
        open.extend(parents.filter(|parent| seen.insert(parent.clone())));
    }
    found
}
