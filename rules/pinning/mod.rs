//! Builds that can be repeated: the same files give the same image.

mod distribution_upgrade;
mod ignored_lockfile;
mod mutable_image_tags;
mod undigested_base;
mod unpinned_base;
mod unpinned_go_tool;
mod unpinned_packages;
mod untagged_copy_source;

use bakelint_core::rule::Rule;

/// The rules of the theme.
pub const RULES: &[Rule] = bakelint_core::rules!["pinning": distribution_upgrade, ignored_lockfile, mutable_image_tags, undigested_base, unpinned_base, unpinned_go_tool, unpinned_packages, untagged_copy_source];
