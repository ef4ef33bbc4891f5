//! FROM asks for one fixed platform.
//!
//! The stage is then for that platform whatever the build is for: an image for `linux/arm64` holds programs for `linux/amd64`, or the
//! build runs emulated. See <https://docs.docker.com/reference/build-checks/from-platform-flag-const-disallowed/>.
//!
//! For a tool that runs during the build use `--platform=$BUILDPLATFORM`; else leave the flag out and ask for the platform when
//! building. A stage whose name holds the system or the processor is not flagged: `AS build-arm64` says that it is meant.
//!
//! ## Compared with hadolint
//!
//! DL3029 forbids every `--platform` but `$BUILDPLATFORM` and `$TARGETPLATFORM`. Not flagged here is what follows the build, such as
//! `linux/${TARGETARCH}` or an ARG that can be set, and a stage that is named after its platform. hadolint's ignore comments do not silence
//! this, because BuildKit warns all the same; `# check=skip=FromPlatformFlagConstDisallowed` does.
//!
//! ## Examples
//!
//! ### Fixed
//!
//! ```dockerfile
//! FROM --platform=linux/amd64 alpine:3.21 AS build
//! RUN make
//! ```
//!
//! ```text
//! Dockerfile:1:6: warning[constant-from-platform] the stage is for `linux/amd64`, whatever platform the build is for
//! ```
//!
//! ### Meant
//!
//! ```dockerfile
//! FROM --platform=linux/arm64 alpine:3.21 AS build-arm64
//! FROM --platform=$BUILDPLATFORM alpine:3.21 AS tools
//! FROM build-${TARGETARCH:-arm64}
//! ```
//!
//! ## Also tested
//!
//! ### Parts of a platform
//!
//! ```dockerfile
//! FROM --platform=linux alpine:3.21
//! FROM --platform=x86_64 alpine:3.21 AS for-amd64
//! FROM --platform=linux/$TARGETARCH alpine:3.21
//! ```
//!
//! ```text
//! Dockerfile:1:6: warning[constant-from-platform] the stage is for `linux`, whatever platform the build is for
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta {
        id: "constant-from-platform",
        also: &["buildkit:FromPlatformFlagConstDisallowed", "hadolint:DL3029"],
        ..Meta::DEFAULT
    };

    fn check(&self, project: &Project, found: &mut Findings) {
        for evaluation in project.evaluations() {
            let file = &project.dockerfiles[evaluation.dockerfile];
            for (at, stage) in evaluation.stages.iter().enumerate() {
                let (Some(flag), Some(from)) = (&stage.platform_flag, file.from(at)) else { continue };
                let Some(text) = flag.value.known().filter(|_| flag.uses.is_empty()) else { continue };
                let Some(platform) = Platform::parse(text, ("linux", "amd64")) else { continue };
                let name = file.tree.stages[at].name.as_deref().unwrap_or_default();
                if name.contains(&platform.os) || name.contains(&platform.architecture) {
                    continue;
                }
                let span = from.flag("platform").map_or(flag.span, |flag| flag.span);
                found
                    .add(
                        file.on_first_line(from, span),
                        format!("the stage is for `{text}`, whatever platform the build is for"),
                    )
                    .help("use `$BUILDPLATFORM` for what runs during the build, else leave the flag out");
            }
        }
    }
}
