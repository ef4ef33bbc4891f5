//! Fewer ways in.

mod foreign_registry;
mod named_user;
mod root_user;
mod secret_in_arg_or_env;
mod sudo_in_build;

use bakelint_core::rule::Rule;

/// The rules of the theme.
pub const RULES: &[Rule] = bakelint_core::rules![
    "security":
    foreign_registry,
    named_user,
    root_user,
    secret_in_arg_or_env,
    sudo_in_build,
];
