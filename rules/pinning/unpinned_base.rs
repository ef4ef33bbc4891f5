//! A base image has no tag, or the tag `latest`.
//!
//! `FROM debian` means `debian:latest`, and `latest` is whatever was pushed last. The same commit builds on another base next
//! month, every layer behind it is built anew when that happens, and nobody can say which base a shipped image stands on.
//!
//! Name the version that is meant. A digest pins it for good; see `undigested-base`.
//!
//! Not flagged: `scratch`, other stages, named contexts, images that another build of the repository makes, references with a
//! digest, and references that depend on values nobody knows here. A default of an `ARG` counts unless a build passes another
//! value.
//!
//! ## Examples
//!
//! ### No tag
//!
//! ```dockerfile
//! FROM debian
//! RUN make
//! ```
//!
//! ```text
//! Dockerfile:1:6: warning[unpinned-base] base image `debian` has no tag
//! ```
//!
//! ### The newest one
//!
//! ```dockerfile
//! FROM node:latest AS build
//! RUN npm ci
//!
//! FROM build
//! ```
//!
//! ```text
//! Dockerfile:1:6: warning[unpinned-base] base image `node` has the tag `latest`
//! ```
//!
//! ### Pinned
//!
//! ```dockerfile
//! ARG DEBIAN=12
//! FROM debian:${DEBIAN} AS build
//! RUN make
//!
//! FROM scratch
//! COPY --from=build /app /app
//! ```
//!
//! ## Also tested
//!
//! ### A default without a tag
//!
//! ```dockerfile
//! ARG BASE=debian
//! FROM ${BASE}
//! ```
//!
//! ```text
//! Dockerfile:2:6: warning[unpinned-base] base image `debian` has no tag
//! ```
//!
//! ### Nobody knows
//!
//! ```dockerfile
//! ARG BASE
//! FROM ${BASE}
//! FROM registry:5000/tools@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "unpinned-base", also: &["hadolint:DL3006", "hadolint:DL3007"], ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for base in project.base_images() {
            let Some(image) = &base.image else { continue };
            let written = project.snapshot.get(base.span.file).map_or("", |source| source.slice(base.span));
            if image.digest.is_some()
                || project.makes_image(image)
                || project.is_named_context(base.dockerfile, written)
            {
                continue;
            }
            let name = image.familiar_name();
            match image.tag.as_deref() {
                None => {
                    let diagnostic = found.add(base.span, format!("base image `{name}` has no tag"));
                    diagnostic.help(format!("without one it is `{name}:latest`, whatever was pushed last"));
                    // hadolint does not look behind variables.
                    match written.starts_with('$') {
                        true => diagnostic.unknown_elsewhere(),
                        false => diagnostic.known_as("hadolint:DL3006"),
                    };
                }
                Some("latest") => {
                    let diagnostic = found.add(base.span, format!("base image `{name}` has the tag `latest`"));
                    diagnostic
                        .known_as("hadolint:DL3007")
                        .help("the tag moves to whatever was pushed last; name the version that is meant");
                }
                Some(_) => {}
            }
        }
    }
}
