//! Less to rebuild: steps that are shared, in an order that lets them stay cached.

mod copy_before_install;
mod copy_before_packages;
mod link_with_chmod;
mod repeated_steps;
mod split_steps;
mod unreached_stage;
mod volatile_arg_early;

use bakelint_core::rule::Rule;

/// The rules of the theme.
pub const RULES: &[Rule] = bakelint_core::rules!["layers": copy_before_install, copy_before_packages, link_with_chmod, repeated_steps, split_steps, unreached_stage, volatile_arg_early];
