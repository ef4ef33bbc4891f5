//! Downloads that are not needed, or not each time.

mod cache_mount_defeated;
mod foreign_cache_mount;
mod futile_skip_switch;
mod unkept_cache_mount;
mod unlocked_apt_cache;
mod unpinned_git_clone;
mod unskippable_browser;
mod unverified_download;

use bakelint_core::rule::Rule;

/// The rules of the theme.
pub const RULES: &[Rule] = bakelint_core::rules!["downloads": cache_mount_defeated, foreign_cache_mount, futile_skip_switch, unkept_cache_mount, unlocked_apt_cache, unpinned_git_clone, unskippable_browser, unverified_download];
