//! One line a finding: `path:line:column: severity[rule] message`.

use std::io::{self, Write};

use bakelint_core::prelude::*;

/// Prints findings, one line each.
pub fn print(project: &Project, diagnostics: &[Diagnostic], out: &mut dyn Write) -> io::Result<()> {
    diagnostics.iter().try_for_each(|diagnostic| writeln!(out, "{}", project.concise(diagnostic)))
}
