//! Builds that can be repeated: the same files give the same image.

mod mutable_image_tags;
mod undigested_base;
mod unpinned_base;

use bakelint_core::rule::Rule;

/// The rules of the theme.
pub const RULES: &[Rule] = bakelint_core::rules!["pinning": mutable_image_tags, undigested_base, unpinned_base];
