//! A target stands on another one that is not built for all of its platforms.
//!
//! Bake compares the two lists as they are written: when both have several platforms, each of the linking target's has to be among those of
//! the target that it names in `contexts`. `linux/arm64` is not found among `linux/arm64/v8`, though both mean the same. Otherwise bake
//! refuses to build (bake/bake.go of buildx).
//!
//! Not flagged: a target without platforms or with one, and lists that are not known.
//!
//! ## Examples
//!
//! ### One platform less, and one in other words
//!
//! ```hcl
//! target "base" {
//!   platforms = ["linux/amd64", "linux/arm64/v8"]
//! }
//!
//! target "web" {
//!   contexts  = { base = "target:base" }
//!   platforms = ["linux/amd64", "linux/arm64"]
//! }
//! ```
//!
//! ```text
//! docker-bake.hcl:6:24: error[mismatched-link-platforms] `web` is built for linux/arm64, and `base`, which it stands on, is not
//! ```
//!
//! ### A part of them, or one
//!
//! ```hcl
//! target "base" {
//!   platforms = ["linux/amd64", "linux/arm64", "linux/s390x"]
//! }
//!
//! target "web" {
//!   contexts  = { base = "target:base" }
//!   platforms = ["linux/amd64", "linux/arm64"]
//! }
//!
//! target "debug" {
//!   contexts  = { web = "target:web" }
//!   platforms = ["linux/riscv64"]
//! }
//! ```
//!
//! ## Also tested
//!
//! ### Inherited
//!
//! ```hcl
//! target "_all" {
//!   platforms = ["linux/amd64", "linux/arm64"]
//! }
//!
//! target "base" {
//!   platforms = ["linux/amd64", "linux/ppc64le"]
//! }
//!
//! target "web" {
//!   inherits = ["_all"]
//!   contexts = { base = "target:base" }
//! }
//! ```
//!
//! ```text
//! docker-bake.hcl:11:23: error[mismatched-link-platforms] `web` is built for linux/arm64, and `base`, which it stands on, is not
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "mismatched-link-platforms", severity: Severity::Error, ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for bake in project.bakes.iter().filter(|bake| bake.evaluation.errors.is_empty()) {
            let links = bake.evaluation.links().filter(|link| link.kind == LinkKind::Context && link.from != link.to);
            for link in links.filter(|link| bake.is_concrete(link.from)) {
                let (Some(user), Some(base)) = (bake.resolved(link.from), bake.resolved(link.to)) else { continue };
                let (Some(ours), Some(theirs)) = (platforms(&user), platforms(&base)) else { continue };
                let Some(span) = link.span else { continue };
                let missing: Vec<&str> = ours.iter().copied().filter(|name| !theirs.contains(name)).collect();
                if ours.len() < 2 || theirs.len() < 2 || missing.is_empty() {
                    continue;
                }
                let message = format!(
                    "`{}` is built for {}, and `{}`, which it stands on, is not",
                    link.from,
                    missing.join(" and "),
                    link.to
                );
                let diagnostic = found.add(span, message);
                for (target, note) in [(&user, "built for these"), (&base, "built for these only")] {
                    if let Some(span) = bake.written(&target.name, "platforms").map(|expression| expression.span) {
                        diagnostic.label(span, note);
                    }
                }
                diagnostic
                    .help("bake refuses it: the platforms have to be among those of the other target, word for word");
            }
        }
    }
}

/// The platforms of a target, if they are known.
fn platforms(target: &Target) -> Option<Vec<&str>> {
    if target.unknown.contains_key("platforms") {
        return None;
    }
    target.platforms.iter().flatten().map(|platform| platform.eval().known().map(String::as_str)).collect()
}
