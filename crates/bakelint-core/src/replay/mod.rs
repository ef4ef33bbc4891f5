//! Layer-cache keys over the git history.

pub mod durations;
pub mod history;
pub mod logs;
pub mod stats;
pub mod tree;
