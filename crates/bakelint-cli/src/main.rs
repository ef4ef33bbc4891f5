//! The `bakelint` program.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    let directory = match std::env::current_dir() {
        Ok(directory) => directory,
        Err(error) => {
            eprintln!("bakelint: the current directory cannot be read: {error}");
            return ExitCode::from(bakelint_cli::FAILED);
        }
    };
    let color = anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never;
    let width = if io::stdout().is_terminal() { textwrap::termwidth() } else { 100 };
    let mut out = io::BufWriter::new(io::stdout());
    let mut around = bakelint_cli::Surroundings {
        directory,
        color,
        width,
        input: &mut io::stdin(),
        out: &mut out,
        err: &mut io::stderr(),
    };
    let status = bakelint_cli::run(std::env::args_os(), &mut around);
    // A reader that closed the pipe wants no more; that is no failure.
    let _ = out.flush();
    ExitCode::from(status)
}
