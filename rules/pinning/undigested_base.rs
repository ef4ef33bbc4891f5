//! A base image is pinned by a tag, but not by a digest.
//!
//! A tag can be moved: `debian:12` is pushed anew about every month. With the digest beside it, a build stands on the same bytes
//! wherever and whenever it runs, and a change of the base is a commit that can be looked at. A bot keeps the digests fresh.
//!
//! This is a matter of policy, so the rule runs only when it is asked for: `enable = ["undigested-base"]` in the `[check]` table.
//!
//! ## Examples
//!
//! ### A tag only
//!
//! ```dockerfile
//! FROM debian:12
//! ```
//!
//! ```text
//! Dockerfile:1:6: info[undigested-base] base image `docker.io/library/debian:12` has no digest
//! ```
//!
//! ### A tag for people and a digest for the builder
//!
//! ```dockerfile
//! FROM debian:12@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa AS build
//! FROM build
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "undigested-base", severity: Severity::Info, opt_in: true, ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for base in project.base_images() {
            let Some(image) = &base.image else { continue };
            if image.digest.is_none() && image.tag.is_some() && !project.makes_image(image) {
                found.add(base.span, format!("base image `{image}` has no digest"));
            }
        }
    }
}
