//! What the test binary is made of: rule pages, the conformance suites, and checks on the code itself.

pub mod cli;
pub mod conformance;
pub mod examples;
pub mod graphs;
pub mod histories;
pub mod logs;
pub mod page;
pub mod pages;
pub mod replay;
pub mod tidy;

use std::path::{Path, PathBuf};

/// The root of the workspace.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned).unwrap_or_default()
}
