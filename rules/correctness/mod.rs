//! What breaks a build, or does something else than it says.

mod add_without_need;
mod build_error;
mod constant_from_platform;
mod copy_of_ignored_file;
mod copy_over_one_file;
mod duplicate_stage_name;
mod empty_continuation_line;
mod futile_command;
mod host_part_in_expose;
mod inconsistent_instruction_casing;
mod inline_ignore;
mod install_prompt;
mod invalid_default_base;
mod invalid_label;
mod invalid_label_key;
mod legacy_key_value;
mod lost_cd;
mod maintainer_instruction;
mod mismatched_as_casing;
mod misnamed_description;
mod missing_dockerfile;
mod missing_label;
mod other_collation_in_tests;
mod overridden_instruction;
mod pipe_hides_failure;
mod redundant_target_platform;
mod relative_copy_destination;
mod relative_workdir;
mod replaced_sh;
mod reserved_stage_name;
mod shell_form_command;
mod stale_env_reference;
mod undefined_arg_in_from;
mod undefined_variable;
mod unknown_stage;
mod unstable_apt_cli;
mod uppercase_expose_protocol;
mod uppercase_stage_name;
mod wrong_base_platform;

use bakelint_core::rule::Rule;

/// The rules of the theme.
pub const RULES: &[Rule] = bakelint_core::rules![
    "correctness": add_without_need, build_error, constant_from_platform, copy_of_ignored_file, copy_over_one_file, duplicate_stage_name, empty_continuation_line, futile_command, host_part_in_expose, inconsistent_instruction_casing, inline_ignore, install_prompt, invalid_default_base, invalid_label, invalid_label_key, legacy_key_value, lost_cd, maintainer_instruction, mismatched_as_casing, misnamed_description, missing_dockerfile, missing_label, other_collation_in_tests, overridden_instruction, pipe_hides_failure, redundant_target_platform, relative_copy_destination, relative_workdir, replaced_sh, reserved_stage_name, shell_form_command, stale_env_reference, undefined_arg_in_from, undefined_variable, unknown_stage, unstable_apt_cli, uppercase_expose_protocol, uppercase_stage_name, wrong_base_platform,
];
