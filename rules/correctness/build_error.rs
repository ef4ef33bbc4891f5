//! BuildKit refuses to build the file.
//!
//! The file can be read, but an instruction cannot be carried out: a stage that is missing or needs itself, a platform or port that
//! is none, an unset variable that is required, a mount that is not allowed. `docker build --check` says so too; a build says so only
//! when it comes there, after minutes of other work.
//!
//! BuildKit stops at its first error and so does this: what stands behind it is not checked. Where an error is due to an argument
//! that has no value, and nothing in the repository builds the file, this is only noted, for somebody may well pass the argument; a base
//! that lacks one is told by `invalid-default-base` alone.
//!
//! ## Examples
//!
//! ### A stage that is built later
//!
//! ```dockerfile
//! FROM alpine:3.21
//! COPY --from=build /out /
//! FROM golang:1.24 AS build
//! RUN make
//! ```
//!
//! ```text
//! Dockerfile:2:13: error[build-error] `build` is built only behind this stage
//! ```
//!
//! ### In order
//!
//! ```dockerfile
//! FROM golang:1.24 AS build
//! RUN make
//! FROM alpine:3.21
//! COPY --from=build /out /
//! RUN --mount=from=0,target=/tools /tools/run
//! ```
//!
//! ### Somebody must pass a value
//!
//! ```dockerfile
//! FROM alpine:3.21
//! ARG VERSION
//! COPY app-${VERSION:?required} /app
//! ```
//!
//! ```text
//! Dockerfile:3:10: info[build-error] the variable `VERSION` is required: required
//! ```
//!
//! ## Also tested
//!
//! ### A base that lacks an argument, which the check for that tells
//!
//! ```dockerfile
//! ARG TAG
//! FROM debian:${TAG}
//! ```
//!
//! ### A stage that needs itself
//!
//! ```dockerfile
//! FROM alpine:3.21 AS a
//! COPY --from=b /x /
//! FROM alpine:3.21 AS b
//! RUN --mount=from=a,target=/a cp /a/x /x
//! ```
//!
//! ```text
//! Dockerfile:2:1: error[build-error] stage `a` needs itself
//! ```
//!
//! ### No such platform
//!
//! ```dockerfile
//! FROM --platform=linux/x/y/z alpine:3.21
//! FROM --platform=x68 alpine:3.21
//! ```
//!
//! ```text
//! Dockerfile:1:17: error[build-error] `linux/x/y/z` is no platform
//! ```
//!
//! ### No such stage
//!
//! ```dockerfile
//! FROM alpine:3.21
//! COPY --from=3 /x /
//! ```
//!
//! ```text
//! Dockerfile:2:13: error[build-error] there is no stage 3
//! ```
//!
//! ### A mount in place of everything
//!
//! ```dockerfile
//! FROM alpine:3.21
//! RUN --mount=type=tmpfs,target=/ make
//! ```
//!
//! ```text
//! Dockerfile:2:24: error[build-error] a mount cannot take the place of `/`
//! ```
//!
//! ### A trigger
//!
//! ```dockerfile
//! FROM alpine:3.21 AS base
//! ONBUILD EXPOSE 65536
//! FROM base
//! ```
//!
//! ```text
//! Dockerfile:3:6: error[build-error] `65536` is no port from 0 to 65535
//! ```
//!
//! ### Options for BuildKit's checks
//!
//! ```dockerfile
//! # check=ignore=all
//! FROM alpine:3.21
//! ```
//!
//! ```text
//! Dockerfile:1:9: error[build-error] there is no check option `ignore`
//! ```
//!
//! ### No image
//!
//! ```dockerfile
//! FROM /debian:12
//! ```
//!
//! ```text
//! Dockerfile:1:6: error[build-error] `/debian:12` is no image: this is no valid name of an image
//! ```
//!
//! ### A base that lacks an argument, with the check for that left out
//!
//! ```dockerfile
//! # check=skip=InvalidDefaultArgInFrom
//! ARG TAG
//! FROM debian:${TAG}
//! ```
//!
//! ```text
//! Dockerfile:3:6: info[build-error] `debian:` is no image: this is no valid tag
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta =
        Meta { id: "build-error", severity: Severity::Error, also: &["buildkit:error"], ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for evaluation in project.evaluations() {
            let Some(BuildError { error, unset, .. }) = &evaluation.error else { continue };
            let build = &project.builds[evaluation.build];
            let standalone = matches!(build.maker, Maker::Standalone(_));
            if !standalone && build.target.as_ref().is_some_and(|target| target.span == error.span) {
                // A stage that a definition names and that does not exist is a mistake of that definition: `unknown-stage`.
                continue;
            }
            let file = &project.dockerfiles[evaluation.dockerfile];
            let is_told = || {
                let options = project.check_options(evaluation.dockerfile).unwrap_or_default();
                !options.skip_all && options.skip.iter().all(|check| check != "InvalidDefaultArgInFrom")
            };
            if standalone && evaluation.lacks_base_argument(file).is_some() && is_told() {
                // One cause, and the check of default bases says what to do about it.
                continue;
            }
            let diagnostic = found.add(error.span, error.message.clone());
            diagnostic.help = error.help.clone();
            if standalone && let Some(name) = unset {
                diagnostic.severity(Severity::Info).help(format!("the build must pass `--build-arg {name}=…`"));
            }
        }
    }
}
