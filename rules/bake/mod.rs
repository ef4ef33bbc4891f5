//! Bake files that mean what they seem to say.

mod ignored_attribute;
mod undeclared_build_arg;
mod unknown_target;

use bakelint_core::rule::Rule;

/// The rules of the theme.
pub const RULES: &[Rule] = bakelint_core::rules!["bake": ignored_attribute, undeclared_build_arg, unknown_target];
