//! A comment in the file switches findings off.
//!
//! Where a configuration is reviewed and comments are not, a finding must not be silenced in passing. The rule is for such places and runs only when it is asked for. It knows the comments of bakelint, of hadolint and of BuildKit's checks.
//!
//! ## Examples
//!
//! ### A comment of hadolint
//!
//! ```dockerfile
//! FROM debian:12
//! # hadolint ignore=DL3008
//! RUN apt-get install -y curl
//! ```
//!
//! ```text
//! Dockerfile:2:1: warning[inline-ignore] this comment switches findings off
//! ```
//!
//! ### Other comments
//!
//! ```dockerfile
//! FROM debian:12
//! # hadolint is run in CI
//! RUN true
//! ```
//!
//! ## Also tested
//!
//! ### All kinds
//!
//! ```dockerfile
//! # check=skip=StageNameCasing
//! # hadolint global ignore=DL3006
//! FROM debian:12
//! RUN true
//! ```
//!
//! ```text
//! Dockerfile:1:1: warning[inline-ignore] this comment switches findings off
//! Dockerfile:2:1: warning[inline-ignore] this comment switches findings off
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "inline-ignore", also: &["hadolint:DL1001"], opt_in: true, ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for dockerfile in &project.dockerfiles {
            for comment in project.outline(dockerfile.file).comments() {
                let text = comment.text.as_str();
                let compact: String = text.chars().filter(|c| !c.is_whitespace()).collect();
                let is_hadolint = compact.starts_with("hadolint") && compact.contains("ignore=");
                let is_buildkit = compact.starts_with("check=") && compact.contains("skip=");
                if !is_hadolint && !is_buildkit {
                    continue;
                }
                let diagnostic = found.add(comment.span, "this comment switches findings off");
                diagnostic.help("put it into the configuration, where it is reviewed");
                if !is_hadolint {
                    diagnostic.unknown_elsewhere();
                }
            }
        }
    }
}
