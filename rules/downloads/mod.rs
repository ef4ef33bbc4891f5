//! Downloads that not every image needs.

mod unskippable_browser;

use bakelint_core::rule::Rule;

/// The rules of the theme.
pub const RULES: &[Rule] = bakelint_core::rules!["downloads": unskippable_browser];
