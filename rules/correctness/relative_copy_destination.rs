//! COPY goes to a relative path although no WORKDIR is set.
//!
//! A relative destination begins at the working directory. Where neither the file nor the base image sets one, that is `/`, so that `COPY . .` spreads the project over the root of the filesystem.
//!
//! Flagged are stages on images that are known to be at `/`. On other images it is a hint of low confidence: they may set a working directory. `scratch` is not flagged.
//!
//! ## Examples
//!
//! ### Into the root
//!
//! ```dockerfile
//! FROM alpine:3.21
//! COPY app.conf conf/
//! ```
//!
//! ```text
//! Dockerfile:2:15: info[relative-copy-destination] `conf/` is relative to `/`, because no WORKDIR is set
//! ```
//!
//! ### With a working directory, or absolute
//!
//! ```dockerfile
//! FROM alpine:3.21 AS base
//! WORKDIR /srv
//! COPY app.conf conf/
//!
//! FROM base
//! COPY y .
//!
//! FROM scratch
//! COPY --from=base /srv srv
//!
//! FROM alpine:3.21
//! COPY z /abs
//! ```
//!
//! ## Also tested
//!
//! ### Forms
//!
//! ```dockerfile
//! FROM alpine:3.21
//! ARG DEST
//! COPY ["a", "b"]
//! COPY z "/absquoted"
//! COPY z ${DEST}/z
//! COPY z C:/win
//! COPY \
//!   a \
//!   .
//! FROM ghcr.io/acme/base:1
//! COPY a b
//! ```
//!
//! ```text
//! Dockerfile:3:13: info[relative-copy-destination] `b` is relative to `/`, because no WORKDIR is set
//! Dockerfile:7:1: info[relative-copy-destination] `.` is relative to `/`, because no WORKDIR is set
//! Dockerfile:11:8: info[relative-copy-destination] `b` is relative to `/`, because no WORKDIR is set
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta =
        Meta { id: "relative-copy-destination", severity: Severity::Info, also: &["hadolint:DL3045"], ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for (at, dockerfile) in project.dockerfiles.iter().enumerate() {
            let mut ends: Vec<Directory> = Vec::new();
            for stage in 0..dockerfile.tree.stages.len() {
                let mut directory = match dockerfile.base(stage, project.builds_of(at).next()) {
                    Base::Stage(base) => ends.get(base).copied().unwrap_or(Directory::Set),
                    Base::Scratch => Directory::Set,
                    Base::Context(_) => Directory::Unknown,
                    Base::Image(text) => of_image(&text),
                };
                for (index, instruction) in dockerfile.stage_instructions(stage) {
                    if matches!(instruction.body, Body::Workdir(_)) {
                        directory = Directory::Set;
                    }
                    let Body::Copy(copy) = &instruction.body else { continue };
                    if directory == Directory::Set || !is_relative(&copy.destination) {
                        continue;
                    }
                    let path = copy.destination.trim_matches(['"', '\'']);
                    let message = format!("`{path}` is relative to `/`, because no WORKDIR is set");
                    let diagnostic =
                        found.add_at(dockerfile, index, copy.destination.span(), "the destination", message);
                    diagnostic.help("set a WORKDIR before, or give an absolute path");
                    if directory == Directory::Unknown {
                        diagnostic.confidence(Confidence::Low);
                    }
                }
                ends.push(directory);
            }
        }
    }
}

/// The working directory, as far as it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Directory {
    /// Someone has chosen it.
    Set,
    /// It is the root.
    Root,
    /// The base image decides.
    Unknown,
}

fn of_image(text: &Text) -> Directory {
    let image = text.as_known().and_then(|text| ImageRef::parse(text).ok());
    match image.as_ref().and_then(known_image) {
        Some(image) if image.workdir == Some("/") => Directory::Root,
        Some(_) => Directory::Set,
        None => Directory::Unknown,
    }
}

fn is_relative(destination: &MappedText) -> bool {
    let path = destination.trim_matches(['"', '\'']);
    let drive = path.get(1..2) == Some(":") && path.starts_with(|c: char| c.is_ascii_alphabetic());
    !path.is_empty() && !path.starts_with(['/', '\\', '$']) && !drive
}
