//! What the builder gets to see: no more than it needs, and nothing that it must not have.

mod copied_git_directory;
mod copied_secret;
mod futile_ignore_pattern;
mod misplaced_dockerignore;
mod shallow_ignore_pattern;

use bakelint_core::rule::Rule;

/// The rules of the theme.
pub const RULES: &[Rule] = bakelint_core::rules![
    "context": copied_git_directory, copied_secret, futile_ignore_pattern, misplaced_dockerignore, shallow_ignore_pattern,
];
