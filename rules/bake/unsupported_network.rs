//! A build asks for a network that BuildKit does not know.
//!
//! BuildKit's networks are `default`, `none` and `host`. Networks that `docker network create` made belong to the engine, and the build
//! fails with «network mode not supported by buildkit» (docker/buildx#175). A builder can be put into one as a whole, by
//! `docker buildx create --driver-opt network=NAME`.
//!
//! ## Examples
//!
//! ### A network of compose
//!
//! ```hcl
//! target "web" {
//!   network = "shop_default"
//! }
//! ```
//!
//! ```text
//! docker-bake.hcl:2:13: error[unsupported-network] BuildKit knows no network `shop_default`
//! ```
//!
//! ### A network of BuildKit
//!
//! ```hcl
//! target "web" {
//!   network = "none"
//! }
//! ```

use std::collections::BTreeSet;

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "unsupported-network", severity: Severity::Error, ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        let mut seen = BTreeSet::new();
        for target in project.bakes.iter().flat_map(|bake| &bake.evaluation.targets) {
            let Some(network) = target.network.as_ref().filter(|network| !network.origin.dynamic) else { continue };
            let known = ["", "default", "none", "host"].contains(&network.value.as_str());
            let Some(span) = network.span().filter(|_| !known && !target.unknown.contains_key("network")) else {
                continue;
            };
            if seen.insert(span) {
                let diagnostic = found.add(span, format!("BuildKit knows no network `{}`", network.value));
                diagnostic.help("its networks are `default`, `none` and `host`; a builder may be put into another one");
            }
        }
    }
}
