//! CI jobs that do what they say, and nothing for nothing.

mod ampersand_in_uses;
mod install_in_test_run;
mod retag_job;
mod sleep_for_service;
mod superseded_runs;
mod unknown_action_input;
mod unmatched_set_pattern;
mod unneeded_qemu;

use bakelint_core::rule::Rule;

/// The rules of the theme.
pub const RULES: &[Rule] = bakelint_core::rules!["workflow": ampersand_in_uses, install_in_test_run, retag_job, sleep_for_service, superseded_runs, unknown_action_input, unmatched_set_pattern, unneeded_qemu];
