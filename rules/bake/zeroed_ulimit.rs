//! Bake reads a ulimit of a compose file as zero.
//!
//! Compose takes one number for both limits, `nproc: 65535`. Bake takes the soft and the hard limit only where they are written apart, and
//! passes `nproc=0:0` for a single number (bake/compose.go of buildx): the build may then start no process or open no file.
//!
//! Write both limits, which means the same to Compose.
//!
//! Not flagged: compose files that no bake command of the repository reads.
//!
//! ## Examples
//!
//! ### One number
//!
//! ```yaml compose.yaml
//! services:
//!   web:
//!     build:
//!       context: .
//!       ulimits:
//!         nofile: 65535
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: docker buildx bake -f compose.yaml
//! ```
//!
//! ```text
//! compose.yaml:6:17: error[zeroed-ulimit] bake takes `nofile: 65535` for 0
//! ```
//!
//! ```diff
//! --- a/compose.yaml
//! +++ b/compose.yaml
//! @@ -3,4 +3,4 @@
//!      build:
//!        context: .
//!        ulimits:
//! -        nofile: 65535
//! +        nofile: {soft: 65535, hard: 65535}
//! ```
//!
//! ### Both limits, or read by Compose
//!
//! ```yaml compose.yaml
//! services:
//!   web:
//!     build:
//!       context: .
//!       ulimits:
//!         nofile:
//!           soft: 65535
//!           hard: 65535
//! ```
//!
//! ```yaml other/compose.yaml
//! services:
//!   web:
//!     build:
//!       context: .
//!       ulimits:
//!         nofile: 65535
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: docker buildx bake -f compose.yaml
//!       - run: docker compose -f other/compose.yaml build
//! ```

use std::collections::BTreeSet;

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta =
        Meta { id: "zeroed-ulimit", severity: Severity::Error, fix: Some(Safety::Safe), ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        let mut seen = BTreeSet::new();
        for bake in project.bakes.iter().filter(|bake| bake.called) {
            for target in &bake.evaluation.targets {
                for limit in target.ulimits.iter().flatten() {
                    let Some(span) = limit.span() else { continue };
                    let (Some(name), written) = (limit.value.strip_suffix("=0:0"), project.text(span.file)) else {
                        continue;
                    };
                    let Some(value) = written.get(span.start as usize..span.end as usize) else { continue };
                    let number = value.trim_matches(['"', '\'']);
                    if !number.parse::<i64>().is_ok_and(|number| number != 0) || !seen.insert(span) {
                        continue;
                    }
                    let diagnostic = found.add(span, format!("bake takes `{name}: {number}` for 0"));
                    diagnostic.help("write `soft` and `hard`, which means the same to Compose");
                    let both = format!("{{soft: {number}, hard: {number}}}");
                    diagnostic.fix(Fix::safe("Write both limits", vec![Edit::replace(span, both)]));
                }
            }
        }
    }
}
