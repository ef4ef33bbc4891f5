//! Layer-cache keys over the git history.

pub mod durations;
pub mod logs;
pub mod stats;
