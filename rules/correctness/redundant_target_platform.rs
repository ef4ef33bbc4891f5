//! `FROM --platform=$TARGETPLATFORM` says what is the default anyway.
//!
//! Without `--platform`, a stage is for the platform that is built for. The flag says nothing, but makes readers wonder what is
//! special here. See <https://docs.docker.com/reference/build-checks/redundant-target-platform/>.
//!
//! hadolint calls it DL3065. Its ignore comments do not silence this, because BuildKit warns all the same; `# check=skip=RedundantTargetPlatform`
//! does.
//!
//! ## Examples
//!
//! ### The default, in words
//!
//! ```dockerfile
//! FROM --platform=$TARGETPLATFORM alpine:3.21
//! ```
//!
//! ```text
//! Dockerfile:1:6: info[redundant-target-platform] this is the platform that a stage is for without the flag
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1 +1 @@
//! -FROM --platform=$TARGETPLATFORM alpine:3.21
//! +FROM alpine:3.21
//! ```
//!
//! ### Another platform
//!
//! ```dockerfile
//! FROM --platform=$BUILDPLATFORM golang:1.24 AS build
//! FROM --platform=$TARGETOS/$TARGETARCH alpine:3.21
//! FROM alpine:3.21
//! ```
//!
//! ## Also tested
//!
//! ### Forms of it
//!
//! ```dockerfile
//! FROM --platform="${TARGETPLATFORM:-linux/arm64}" \
//!   alpine:3.21
//! FROM --platform=linux/${TARGETPLATFORM#linux/} alpine:3.21
//! ```
//!
//! ```text
//! Dockerfile:1:6: info[redundant-target-platform] this is the platform that a stage is for without the flag
//! Dockerfile:3:6: info[redundant-target-platform] this is the platform that a stage is for without the flag
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,3 +1,3 @@
//! -FROM --platform="${TARGETPLATFORM:-linux/arm64}" \
//! +FROM \
//!    alpine:3.21
//! -FROM --platform=linux/${TARGETPLATFORM#linux/} alpine:3.21
//! +FROM alpine:3.21
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta {
        id: "redundant-target-platform",
        severity: Severity::Info,
        fix: Some(Safety::Safe),
        also: &["buildkit:RedundantTargetPlatform", "hadolint:DL3065"],
        ..Meta::DEFAULT
    };

    fn check(&self, project: &Project, found: &mut Findings) {
        const NAME: &str = "TARGETPLATFORM";
        for evaluation in project.evaluations() {
            let file = &project.dockerfiles[evaluation.dockerfile];
            let target = evaluation.global(NAME).and_then(|global| global.value.as_ref());
            for (at, stage) in evaluation.stages.iter().enumerate() {
                let (Some(flag), Some(from)) = (&stage.platform_flag, file.from(at)) else { continue };
                let is_set = |used: &Use| used.name == NAME && used.definition == Definition::Set;
                if flag.uses.is_empty() || !flag.uses.iter().all(is_set) || Some(&flag.value) != target {
                    continue;
                }
                // A value that is not known is the same value only where nothing is made of it.
                if flag.value.known().is_none()
                    && flag.uses.iter().any(|used| used.operator != dockerfile::Operator::None)
                {
                    continue;
                }
                let Some(index) = from.flags.iter().position(|flag| flag.name == "platform") else { continue };
                let span = file.on_first_line(from, from.flags[index].span);
                let diagnostic = found.add(span, "this is the platform that a stage is for without the flag");
                diagnostic.known_as("buildkit:RedundantTargetPlatform");
                let written = file.source.slice(from.flags[index].span);
                if matches!(written, "--platform=$TARGETPLATFORM" | "--platform=${TARGETPLATFORM}") {
                    diagnostic.known_as("hadolint:DL3065");
                }
                let edit = file.tree.remove_word(file.source.text(), from.flags[index].span);
                diagnostic.fix(Fix::safe("Take the flag away", vec![edit]));
            }
        }
    }
}
