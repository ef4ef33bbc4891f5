//! GitHub's workflow commands: findings as annotations on the changed lines.

use std::io::{self, Write};

use bakelint_core::prelude::*;

/// Prints one workflow command a finding.
pub fn print(project: &Project, diagnostics: &[Diagnostic], out: &mut dyn Write) -> io::Result<()> {
    for diagnostic in diagnostics {
        let Some(source) = project.snapshot.get(diagnostic.span.file) else { continue };
        let (start, end) =
            (source.position(diagnostic.span.start as usize), source.position(diagnostic.span.end as usize));
        let command = match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info => "notice",
        };
        let help = diagnostic.help.as_deref().map(|help| format!("\n{help}")).unwrap_or_default();
        writeln!(
            out,
            "::{command} file={},line={},endLine={},col={},endColumn={},title={}::{}",
            property(&source.path),
            start.line,
            end.line,
            start.column,
            end.column,
            property(&format!("bakelint {}", diagnostic.rule)),
            data(&format!("{}{help}", diagnostic.message)),
        )?;
    }
    Ok(())
}

/// Escapes a command's message.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes a command's property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
