//! Layer-cache keys over the git history.

pub mod content;
pub mod convert;
pub mod durations;
mod glob;
pub mod graph;
pub mod history;
pub mod logs;
pub mod run;
pub mod stats;
pub mod store;
pub mod tree;
