//! The command line of bakelint: thin verbs over the library.
//!
//! [`run`] is the whole program with its surroundings passed in, so that tests call it in process.

pub mod args;
mod command;
mod error;
mod history;
mod load;
mod report;
mod shellcheck;
mod write;

use std::ffi::OsString;
use std::io::{Read, Write};
use std::path::PathBuf;

use clap::Parser;

use crate::args::{Cli, Color, Command};
pub use crate::error::Failure;

/// Nothing at or above the asked severity was found.
pub const CLEAN: u8 = 0;
/// There are findings, or the question has no good answer.
pub const FOUND: u8 = 1;
/// The program could not do what it was asked to.
pub const FAILED: u8 = 2;

/// What surrounds the program.
pub struct Surroundings<'a> {
    /// The current directory; relative paths start here.
    pub directory: PathBuf,
    /// Whether standard output may be coloured when the user did not say.
    pub color: bool,
    /// Columns of the terminal.
    pub width: usize,
    /// Standard input.
    pub input: &'a mut dyn Read,
    /// Where findings go.
    pub out: &'a mut dyn Write,
    /// Where everything else goes.
    pub err: &'a mut dyn Write,
}

/// Runs the program with the arguments `args`, the program's name first, and returns its exit status.
pub fn run<T: Into<OsString> + Clone>(args: impl IntoIterator<Item = T>, around: &mut Surroundings) -> u8 {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // clap writes help and version to standard output; they are no failures.
            let to = if error.use_stderr() { &mut around.err } else { &mut around.out };
            let text = error.render();
            let _ = if around.color { write!(to, "{}", text.ansi()) } else { write!(to, "{text}") };
            return if error.use_stderr() { FAILED } else { CLEAN };
        }
    };
    match cli.color {
        Color::Auto => {}
        Color::Always => around.color = true,
        Color::Never => around.color = false,
    }
    let result = match &cli.command {
        Command::Check(args) => command::check::run(args, around),
        Command::Bake(args) => command::bake::run(args, around),
        Command::Replay(args) => command::replay::run(args, around),
        Command::Baseline(args) => command::baseline::run(args, around),
        Command::Inspect(args) => command::inspect::run(args, around),
        Command::Init(args) => command::init::run(args, around),
        Command::Explain(args) => command::explain::run(args, around),
        Command::Rules(args) => command::rules::run(args, around),
        Command::Completions(args) => command::completions::run(args, around),
    };
    match result {
        Ok(status) => status,
        Err(Failure::Closed) => CLEAN,
        Err(failure) => {
            let _ = write!(around.err, "{}", report::full::failure(&failure, report::Look::of(around)));
            FAILED
        }
    }
}
