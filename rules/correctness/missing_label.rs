//! An image lacks a label that all images must have.
//!
//! Runs when the configuration asks for labels: a `[project.labels]` table with the form of each value (`text`, `url`, `rfc3339`, `spdx`, `hash`, `semver`, `email`), or `--require-label KEY:FORM`. Looked at are the stages that builds ask for, with the
//! stages below them. A label that a base image sets counts for nothing: it is about that image.
//!
//! Values are the matter of `invalid-label`.
//!
//! ## Examples
//!
//! ### No owner
//!
//! ```toml bakelint.toml
//! [project.labels]
//! maintainer = "text"
//! "org.opencontainers.image.source" = "url"
//! ```
//!
//! ```dockerfile
//! FROM alpine:3.21 AS build
//! RUN true
//! FROM alpine:3.21
//! LABEL maintainer="team"
//! ```
//!
//! ```text
//! Dockerfile:3:1: warning[missing-label] the image has no label `org.opencontainers.image.source`
//! ```
//!
//! ### All there
//!
//! ```toml bakelint.toml
//! [project.labels]
//! maintainer = "text"
//! ```
//!
//! ```dockerfile
//! FROM alpine:3.21 AS base
//! LABEL "maintainer"=team
//! FROM base
//! RUN true
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "missing-label", also: &["hadolint:DL3049"], ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        if project.settings.labels.is_empty() {
            return;
        }
        for (at, dockerfile) in project.dockerfiles.iter().enumerate() {
            for target in project.target_stages(at) {
                let Some(from) = dockerfile.from(target) else { continue };
                let keys = keys(project, at, target);
                // A key that is a variable may be any of them.
                if keys.iter().any(|key| key.contains('$')) {
                    continue;
                }
                for label in project.settings.labels.keys().filter(|label| !keys.contains(label)) {
                    found
                        .add(from.word.span().cover(from.arguments.span()), format!("the image has no label `{label}`"))
                        .help("every image of the project must have it, says the configuration");
                }
            }
        }
    }
}

/// The keys of the labels that a stage and the stages below it set.
fn keys(project: &Project, at: usize, mut stage: usize) -> Vec<String> {
    let dockerfile = &project.dockerfiles[at];
    let mut keys = Vec::new();
    loop {
        for (_, instruction) in dockerfile.stage_instructions(stage) {
            if let Body::Label(labels) = &instruction.body {
                keys.extend(labels.pairs.iter().map(|pair| pair.key.trim_matches(['"', '\'']).to_owned()));
            }
        }
        match dockerfile.base(stage, project.builds_of(at).next()) {
            // A stage stands on an earlier one, so that this comes to an end.
            Base::Stage(base) if base < stage => stage = base,
            _ => return keys,
        }
    }
}
