//! Smaller images: less to push, to pull and to keep.

mod apt_recommends;
mod copied_filesystem;
mod package_cache_kept;
mod sparse_login_log;

use bakelint_core::rule::Rule;

/// The rules of the theme.
pub const RULES: &[Rule] =
    bakelint_core::rules!["size": apt_recommends, copied_filesystem, package_cache_kept, sparse_login_log];
