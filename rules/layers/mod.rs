//! Less to rebuild: steps that are shared, in an order that lets them stay cached.

mod copy_before_install;
mod copy_before_packages;
mod dependencies_in_build_step;
mod forking_arg;
mod link_with_chmod;
mod reordered_packages;
mod repeated_steps;
mod split_steps;
mod stale_package_index;
mod unreached_stage;
mod volatile_arg_early;

use bakelint_core::rule::Rule;

/// The rules of the theme.
pub const RULES: &[Rule] = bakelint_core::rules![
    "layers": copy_before_install, copy_before_packages, dependencies_in_build_step, forking_arg, link_with_chmod, reordered_packages, repeated_steps, split_steps, stale_package_index, unreached_stage, volatile_arg_early,
];
