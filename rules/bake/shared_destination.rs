//! Several targets of one command write one file.
//!
//! An output of the types `docker`, `oci` and `tar` with a `dest` writes an archive. Of several that write one path the last to finish
//! stays, and which one that is changes from run to run.
//!
//! Not flagged: outputs of the type `local`, which write into a folder that several targets may well fill together.
//!
//! ## Examples
//!
//! ### One archive
//!
//! ```hcl
//! group "default" {
//!   targets = ["web", "worker"]
//! }
//!
//! target "_common" {
//!   output = ["type=oci,dest=image.tar"]
//! }
//!
//! target "web" {
//!   inherits = ["_common"]
//!   target   = "web"
//! }
//!
//! target "worker" {
//!   inherits = ["_common"]
//!   target   = "worker"
//! }
//! ```
//!
//! ```text
//! docker-bake.hcl:6:13: error[shared-destination] 2 targets write `image.tar`: `web`, `worker`
//! ```
//!
//! ### Two archives, one folder
//!
//! ```hcl
//! group "default" {
//!   targets = ["web", "worker", "docs", "lib"]
//! }
//!
//! target "web" {
//!   target = "web"
//!   output = ["type=oci,dest=web.tar"]
//! }
//!
//! target "worker" {
//!   target = "worker"
//!   output = ["type=oci,dest=worker.tar"]
//! }
//!
//! target "docs" {
//!   target = "docs"
//!   output = ["./out"]
//! }
//!
//! target "lib" {
//!   target = "lib"
//!   output = ["./out"]
//! }
//! ```

use std::collections::{BTreeMap, BTreeSet};

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "shared-destination", severity: Severity::Error, ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        let mut seen = BTreeSet::new();
        for together in project.built_together() {
            let mut writers: BTreeMap<String, Vec<(&Build, Span)>> = BTreeMap::new();
            for build in &together.builds {
                for output in &build.outputs {
                    let archive = ["docker", "oci", "tar"].iter().any(|kind| output.is(kind));
                    let unpacked = output.get("tar").and_then(Text::as_known) == Some("false");
                    let destination = output.get("dest").and_then(Text::as_known).filter(|dest| *dest != "-");
                    if let Some(destination) = destination.filter(|_| archive && !unpacked) {
                        let path = destination.trim_start_matches("./").to_owned();
                        writers.entry(path).or_default().push((build, output.span));
                    }
                }
            }
            for (path, writers) in writers {
                let different: BTreeSet<&str> = writers.iter().map(|(build, _)| build.name.as_str()).collect();
                let Some((_, span)) = writers.first() else { continue };
                if different.len() < 2 || !seen.insert(*span) {
                    continue;
                }
                let names: Vec<String> = different.iter().map(|name| format!("`{name}`")).collect();
                let message = format!("{} targets write `{path}`: {}", names.len(), names.join(", "));
                let diagnostic = found.add(*span, message);
                for (build, other) in writers.iter().skip(1) {
                    match other == span {
                        true => diagnostic.label(build.span, "writes it too"),
                        false => diagnostic.label(*other, "written here too"),
                    };
                }
                diagnostic.help("the one that is done last stays: give each a file of its own");
            }
        }
    }
}
