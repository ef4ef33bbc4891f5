//! A label's key is not written as keys should be.
//!
//! Docker's guidelines ask for lower-case letters, digits, `.`, `-`, `_` and `/`, a letter at the start, a letter or digit at the end, and no two separators in a row; `com.docker.*`, `io.docker.*` and
//! `org.dockerproject.*` are Docker's own (<https://docs.docker.com/engine/manage-resources/labels/#key-format-recommendations>). Nothing enforces it, so the rule runs only when it is asked for.
//!
//! ## Examples
//!
//! ### Not by the guidelines
//!
//! ```dockerfile
//! FROM alpine:3.21
//! LABEL Version=1
//! LABEL com.docker.extra=x \
//!       org..double=1
//! ```
//!
//! ```text
//! Dockerfile:2:7: info[invalid-label-key] the label key `Version` does not begin with a lower-case letter
//! Dockerfile:3:7: info[invalid-label-key] the label key `com.docker.extra` is in a namespace of Docker's own
//! ```
//!
//! ### By the guidelines
//!
//! ```dockerfile
//! FROM alpine:3.21
//! LABEL version=1 org.opencontainers.image.source="https://example.org" a/b=1 under_score=1 "quoted.key"=1
//! ```
//!
//! ## Also tested
//!
//! ### Ends, spaces and variables
//!
//! ```dockerfile
//! FROM alpine:3.21
//! ARG KEY
//! LABEL trail-=1
//! LABEL with space=1
//! LABEL a--b=1
//! LABEL $KEY=1
//! LABEL "with space"=1
//! ```
//!
//! ```text
//! Dockerfile:3:7: info[invalid-label-key] the label key `trail-` does not end with a letter or digit
//! Dockerfile:5:7: info[invalid-label-key] the label key `a--b` has two separators in a row
//! Dockerfile:7:7: info[invalid-label-key] the label key `with space` has other characters than lower-case letters, digits, `.`, `-`, `_` and `/`
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta {
        id: "invalid-label-key",
        severity: Severity::Info,
        also: &["hadolint:DL3048"],
        opt_in: true,
        ..Meta::DEFAULT
    };

    fn check(&self, project: &Project, found: &mut Findings) {
        for dockerfile in &project.dockerfiles {
            for (index, instruction) in dockerfile.instructions() {
                let Body::Label(labels) = &instruction.body else { continue };
                let fault =
                    labels.pairs.iter().find_map(|pair| Some((pair, fault(pair.key.trim_matches(['"', '\'']))?)));
                let Some((pair, fault)) = fault else { continue };
                let message = format!("the label key `{}` {fault}", pair.key.trim_matches(['"', '\'']));
                found.add_at(dockerfile, index, pair.key.span(), "this key", message);
            }
        }
    }
}

fn fault(key: &str) -> Option<&'static str> {
    const RESERVED: &[&str] = &["com.docker.", "io.docker.", "org.dockerproject."];
    let valid = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-' | '_' | '/');
    if key.contains('$') {
        None
    } else if RESERVED.iter().any(|prefix| key.starts_with(prefix)) {
        Some("is in a namespace of Docker's own")
    } else if !key.starts_with(|c: char| c.is_ascii_lowercase()) {
        Some("does not begin with a lower-case letter")
    } else if !key.chars().all(valid) {
        Some("has other characters than lower-case letters, digits, `.`, `-`, `_` and `/`")
    } else if !key.ends_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit()) {
        Some("does not end with a letter or digit")
    } else if key.contains("..") || key.contains("--") {
        Some("has two separators in a row")
    } else {
        None
    }
}
