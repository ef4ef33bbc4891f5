//! Builds that can be repeated: the same files give the same image.

mod undigested_base;
mod unpinned_base;

use bakelint_core::rule::Rule;

/// The rules of the theme.
pub const RULES: &[Rule] = bakelint_core::rules!["pinning": undigested_base, unpinned_base];
