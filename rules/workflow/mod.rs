//! CI jobs that do what they say, and nothing for nothing.

mod ampersand_in_uses;
mod broken_retention;
mod disabled_build_record;
mod discarded_attestations;
mod docs_only_runs;
mod durable_test_database;
mod emulated_compile;
mod gate_job;
mod image_roundtrip;
mod install_in_test_run;
mod loaded_index;
mod lone_parallel_coverage;
mod lost_exit_status;
mod missing_history;
mod missing_timeout;
mod multiline_output;
mod needless_wait;
mod packages_api_misuse;
mod repeated_build;
mod repeated_matrix_stage;
mod retag_by_pull;
mod retag_job;
mod serial_services;
mod sleep_for_service;
mod slow_health_probe;
mod squash_flag;
mod superseded_runs;
mod time_from_run_log;
mod unbalanced_shards;
mod unknown_action_input;
mod unknown_step_id;
mod unmatched_set_pattern;
mod unneeded_qemu;
mod unread_artifact;
mod unread_history;
mod untagged_deletion;
mod untested_latest;
mod unused_load;
mod unused_setup;

use bakelint_core::rule::Rule;

/// The rules of the theme.
pub const RULES: &[Rule] = bakelint_core::rules![
    "workflow": ampersand_in_uses, broken_retention, disabled_build_record, discarded_attestations, docs_only_runs, durable_test_database, emulated_compile, gate_job, image_roundtrip, install_in_test_run, loaded_index, lone_parallel_coverage, lost_exit_status, missing_history, missing_timeout, multiline_output, needless_wait, packages_api_misuse, repeated_build, repeated_matrix_stage, retag_by_pull, retag_job, serial_services, sleep_for_service, slow_health_probe, squash_flag, superseded_runs, time_from_run_log, unbalanced_shards, unknown_action_input, unknown_step_id, unmatched_set_pattern, unneeded_qemu, unread_artifact, unread_history, untagged_deletion, untested_latest, unused_load, unused_setup,
];
