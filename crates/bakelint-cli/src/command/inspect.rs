//! `bakelint inspect`: the project model as JSON or as a graph.

use crate::args::Inspect;
use crate::{CLEAN, Failure, Surroundings};

/// Runs the verb.
pub fn run(_args: &Inspect, _around: &mut Surroundings) -> Result<u8, Failure> {
    Ok(CLEAN)
}
