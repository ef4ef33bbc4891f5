//! CI jobs that do what they say, and nothing for nothing.

mod retag_job;
mod unmatched_set_pattern;
mod unneeded_qemu;

use bakelint_core::rule::Rule;

/// The rules of the theme.
pub const RULES: &[Rule] = bakelint_core::rules!["workflow": retag_job, unmatched_set_pattern, unneeded_qemu];
