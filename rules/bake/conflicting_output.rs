//! A build cannot have the output that it asks for.
//!
//! - `type=docker` puts one image into the local store. With several platforms the build fails with «docker exporter does not
//!   currently support exporting manifest lists», unless the store is containerd's (docker/buildx#59). What a step of a workflow loads
//!   is the matter of `loaded-index`.
//! - `type=registry` pushes, whatever `push=false` beside it says.
//! - `push` does nothing for outputs that are files, `type=local` or `type=tar`.
//!
//! ## Examples
//!
//! ### Two platforms in one local image
//!
//! ```hcl
//! target "web" {
//!   platforms = ["linux/amd64", "linux/arm64"]
//!   output    = ["type=docker"]
//! }
//! ```
//!
//! ```text
//! docker-bake.hcl:3:16: error[conflicting-output] an image for 2 platforms cannot be loaded into a local store
//! ```
//!
//! ### One platform, and two in an archive
//!
//! ```hcl
//! target "web" {
//!   platforms = ["linux/amd64"]
//!   output    = ["type=docker"]
//! }
//!
//! target "all" {
//!   platforms = ["linux/amd64", "linux/arm64"]
//!   output    = ["type=oci,dest=web.tar"]
//! }
//! ```
//!
//! ## Also tested
//!
//! ### Options that do nothing
//!
//! ```dockerfile
//! FROM scratch
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/setup-buildx-action@v3
//!       - uses: docker/build-push-action@v6
//!         with:
//!           tags: shop/web
//!           outputs: |
//!             type=registry,push=false
//!             type=local,dest=out,push=true
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:11:13: warning[conflicting-output] `type=registry` pushes, whatever `push=false` says
//! .github/workflows/ci.yml:12:13: warning[conflicting-output] `push` does nothing for an output of files
//! ```

use std::collections::BTreeSet;

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "conflicting-output", severity: Severity::Error, ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        let mut seen = BTreeSet::new();
        for build in &project.builds {
            let platforms: BTreeSet<&String> =
                build.platforms.iter().filter_map(|platform| platform.eval.known()).collect();
            let docker = build.outputs.iter().find(|output| output.is("docker")).map(|output| output.span);
            let place = docker.filter(|_| build.caller.is_none());
            if let Some(span) = place.filter(|_| platforms.len() > 1 && build.platforms_known)
                && seen.insert(span)
            {
                let message = format!("an image for {} platforms cannot be loaded into a local store", platforms.len());
                let diagnostic = found.add(span, message);
                diagnostic.confidence(Confidence::Medium);
                if let Some(platform) = build.platforms.first() {
                    diagnostic.label(platform.span, "the platforms");
                }
                diagnostic.help("the build fails unless the store is containerd's: push it, or load one platform");
            }
            for output in &build.outputs {
                let push = output.get("push").and_then(Text::as_known);
                let message = match push {
                    Some("false") if output.is("registry") => "`type=registry` pushes, whatever `push=false` says",
                    Some("true") if output.is("local") || output.is("tar") => {
                        "`push` does nothing for an output of files"
                    }
                    _ => continue,
                };
                // What an override implies is not written there.
                let written =
                    project.snapshot.get(output.span.file).is_some_and(|file| file.slice(output.span).contains("push"));
                if written && seen.insert(output.span) {
                    let diagnostic = found.add(output.span, message);
                    diagnostic.severity(Severity::Warning).help("leave it out, or use `type=image,push=...`");
                }
            }
        }
    }
}
