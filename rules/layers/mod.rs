//! Less to rebuild: steps that are shared, in an order that lets them stay cached.

mod copy_before_install;
mod repeated_steps;
mod split_steps;

use bakelint_core::rule::Rule;

/// The rules of the theme.
pub const RULES: &[Rule] = bakelint_core::rules!["layers": copy_before_install, repeated_steps, split_steps];
