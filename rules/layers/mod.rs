//! Less to rebuild: steps that are shared, in an order that lets them stay cached.

mod copy_before_install;
mod copy_before_packages;
mod repeated_steps;
mod split_steps;
mod volatile_arg_early;

use bakelint_core::rule::Rule;

/// The rules of the theme.
pub const RULES: &[Rule] = bakelint_core::rules!["layers": copy_before_install, copy_before_packages, repeated_steps, split_steps, volatile_arg_early];
