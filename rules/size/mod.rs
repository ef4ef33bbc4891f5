//! Smaller images: less to push, to pull and to keep.

mod apt_recommends;
mod copied_filesystem;
mod development_packages;
mod owner_changed_later;
mod package_cache_kept;
mod removed_too_late;
mod shipped_toolchain;
mod sparse_login_log;

use bakelint_core::rule::Rule;

/// The rules of the theme.
pub const RULES: &[Rule] = bakelint_core::rules!["size": apt_recommends, copied_filesystem, development_packages, owner_changed_later, package_cache_kept, removed_too_late, shipped_toolchain, sparse_login_log];
