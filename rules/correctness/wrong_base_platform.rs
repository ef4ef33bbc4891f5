//! A base image is for another platform than the stage.
//!
//! Its programs do not run, or run emulated, and the image that is built says a platform that it is not for.
//!
//! A registry is not asked. The finding rests on what the command line says about an image (`--image-platform`), and on the
//! repositories of Docker's official images that hold one processor each, such as `arm64v8/alpine`, where the stage's platform is
//! written down in a FROM or asked for by a build.
//!
//! ## Examples
//!
//! ### One processor's repository for another
//!
//! ```dockerfile
//! FROM --platform=linux/amd64 arm64v8/debian:12 AS tools-amd64
//! RUN make
//! ```
//!
//! ```text
//! Dockerfile:1:29: warning[wrong-base-platform] `arm64v8/debian:12` is for `linux/arm64`, but `linux/amd64` is built here
//! ```
//!
//! ### The right one
//!
//! ```dockerfile
//! FROM --platform=linux/arm64 arm64v8/debian:12 AS tools-arm64
//! FROM debian:12
//! ```
//!
//! ## Also tested
//!
//! ### Nobody said which platform is built for
//!
//! ```dockerfile
//! FROM arm64v8/debian:12
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta =
        Meta { id: "wrong-base-platform", also: &["buildkit:InvalidBaseImagePlatform"], ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for evaluation in project.evaluations() {
            let file = &project.dockerfiles[evaluation.dockerfile];
            for foreign in &evaluation.foreign_images {
                let Some(node) = file.tree.instructions.get(foreign.instruction) else { continue };
                let message = format!(
                    "`{}` is for `{}`, but `{}` is built here",
                    foreign.image,
                    foreign.actual.normalized(),
                    foreign.wanted.normalized()
                );
                found.add(file.on_first_line(node, foreign.span), message).heeds(Heeds::Nothing);
            }
        }
    }
}
