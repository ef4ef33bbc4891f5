//! Build caches that are there when they are needed.

mod cache_location_collision;
mod fatal_gha_export;

use bakelint_core::rule::Rule;

/// The rules of the theme.
pub const RULES: &[Rule] = bakelint_core::rules!["cache": cache_location_collision, fatal_gha_export];
