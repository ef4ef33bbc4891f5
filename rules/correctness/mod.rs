//! What breaks a build, or does something else than it says.

mod add_without_need;
mod copy_over_one_file;
mod futile_command;
mod inline_ignore;
mod install_prompt;
mod invalid_label;
mod invalid_label_key;
mod lost_cd;
mod missing_label;
mod pipe_hides_failure;
mod relative_copy_destination;
mod replaced_sh;
mod stale_env_reference;
mod unstable_apt_cli;

use bakelint_core::rule::Rule;

/// The rules of the theme.
pub const RULES: &[Rule] = bakelint_core::rules!["correctness": add_without_need, copy_over_one_file, futile_command, inline_ignore, install_prompt, invalid_label, invalid_label_key, lost_cd, missing_label, pipe_hides_failure, relative_copy_destination, replaced_sh, stale_env_reference, unstable_apt_cli];
