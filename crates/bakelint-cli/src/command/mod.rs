//! One small file a verb.

pub mod bake;
pub mod baseline;
pub mod check;
pub mod completions;
pub mod explain;
pub mod init;
pub mod inspect;
pub mod replay;
pub mod rules;
