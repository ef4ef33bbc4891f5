//! `bakelint completions`: completion scripts for shells.

use clap::CommandFactory;

use crate::args::{Cli, Completions};
use crate::{CLEAN, Failure, Surroundings};

/// Runs the verb.
pub fn run(args: &Completions, around: &mut Surroundings) -> Result<u8, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "bakelint", &mut script);
    around.out.write_all(&script)?;
    Ok(CLEAN)
}
