//! An override of a bake call matches no target.
//!
//! `set:` and `--set` take `TARGET.key=value`, where the target may be a pattern. One that matches nothing makes `bake` fail with
//! «could not find any target matching», before anything is built. A group is no target: its name matches nothing.
//!
//! Not flagged: calls whose files or targets are not all known.
//!
//! ## Examples
//!
//! ### A mistyped target
//!
//! ```hcl
//! target "web" {
//!   tags = ["shop:web"]
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
//!           set: |
//!             *.platform=linux/amd64
//!             webb.args.VERSION=1
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:11:13: error[unmatched-set-pattern] no target of the bake file matches `webb`
//! ```
//!
//! ```diff
//! --- a/.github/workflows/ci.yml
//! +++ b/.github/workflows/ci.yml
//! @@ -8,4 +8,4 @@
//!            targets: web
//!            set: |
//!              *.platform=linux/amd64
//! -            webb.args.VERSION=1
//! +            web.args.VERSION=1
//! ```
//!
//! ### The target and a pattern
//!
//! ```hcl
//! target "web" {
//!   tags = ["shop:web"]
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
//!           set: |
//!             *.platform=linux/amd64
//!             web.args.VERSION=1
//! ```
//!
//! ## Also tested
//!
//! ### On the command line
//!
//! ```hcl
//! group "all" {
//!   targets = ["web"]
//! }
//!
//! target "web" {}
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: docker buildx bake all --set all.no-cache=true
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:6:43: error[unmatched-set-pattern] `all` is a group, and overrides are for targets only
//! ```
//!
//! ### A file that another step writes
//!
//! ```hcl
//! target "web" {}
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
//!             docker-bake.hcl
//!             ${{ steps.meta.outputs.bake-file }}
//!           set: other.no-cache=true
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta =
        Meta { id: "unmatched-set-pattern", severity: Severity::Error, fix: Some(Safety::Unsafe), ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for call in project.bake_calls.iter().filter(|call| !call.open) {
            let Some(bake) = project.bakes.get(call.bake).filter(|bake| bake.evaluation.errors.is_empty()) else {
                continue;
            };
            for (text, span) in &call.set {
                let key = text.split_once('=').map_or_else(|| text.clone(), |(key, _)| key);
                let Some(key) = key.as_known() else { continue };
                let Some((pattern, _)) = key.split_once('.') else { continue };
                if bake.targets_matching(pattern).next().is_some() {
                    continue;
                }
                let start = span.start as usize;
                let place = Span::new(span.file, start..start + pattern.len());
                let written = project.snapshot.get(span.file).is_some_and(|file| file.slice(place) == pattern);
                let message = if bake.evaluation.group(pattern).is_some() {
                    format!("`{pattern}` is a group, and overrides are for targets only")
                } else {
                    format!("no target of the bake file matches `{pattern}`")
                };
                let diagnostic = found.add(if written { place } else { *span }, message);
                let near = nearest(pattern, bake.evaluation.targets.iter().map(|target| target.name.as_str()));
                match near {
                    Some(near) => {
                        diagnostic.help(format!("did you mean `{near}`? bake fails before it builds anything"));
                        if written {
                            diagnostic.fix(Fix::unsafe_(
                                format!("Name the target `{near}`"),
                                vec![Edit::replace(place, near)],
                            ));
                        }
                    }
                    None => {
                        diagnostic.help("bake fails before it builds anything");
                    }
                }
            }
        }
    }
}
