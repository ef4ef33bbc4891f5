//! Build caches that are there when they are needed.

mod bare_cache_type;
mod branch_in_reference;
mod cache_export_from_forks;
mod cache_location_collision;
mod cache_over_image;
mod concurrent_cache_imports;
mod epoch_of_commit;
mod fatal_gha_export;
mod gha_export_on_pull_request;
mod growing_local_cache;
mod hidden_gha_runtime;
mod min_cache_of_stages;
mod retired_gha_api;
mod several_cache_imports;
mod uncached_build;
mod undriven_cache;
mod unmatched_cache;
mod unused_cache_import;
mod useless_inline_cache;

use bakelint_core::rule::Rule;

/// The rules of the theme.
pub const RULES: &[Rule] = bakelint_core::rules![
    "cache": bare_cache_type, branch_in_reference, cache_export_from_forks, cache_location_collision, cache_over_image, concurrent_cache_imports, epoch_of_commit, fatal_gha_export, gha_export_on_pull_request, growing_local_cache, hidden_gha_runtime, min_cache_of_stages, retired_gha_api, several_cache_imports, uncached_build, undriven_cache, unmatched_cache, unused_cache_import, useless_inline_cache,
];
