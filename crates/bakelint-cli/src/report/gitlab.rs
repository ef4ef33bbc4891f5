//! GitLab's code quality report.

use std::io::{self, Write};

use bakelint_core::baseline::fingerprints;
use bakelint_core::prelude::*;
use serde_json::{Value, json};

/// Prints the findings as one code quality report.
pub fn print(project: &Project, diagnostics: &[Diagnostic], out: &mut dyn Write) -> io::Result<()> {
    let prints = fingerprints(project, diagnostics);
    let issue = |(diagnostic, print): (&Diagnostic, String)| {
        let line = |offset: u32| {
            project.snapshot.get(diagnostic.span.file).map_or(1, |file| file.position(offset as usize).line)
        };
        json!({
            "description": diagnostic.message,
            "check_name": diagnostic.rule,
            "fingerprint": print,
            "severity": match diagnostic.severity {
                Severity::Error => "major",
                Severity::Warning => "minor",
                Severity::Info => "info",
            },
            "location": {
                "path": project.path(diagnostic.span.file),
                "lines": {"begin": line(diagnostic.span.start), "end": line(diagnostic.span.end)},
            },
        })
    };
    let issues: Vec<Value> = diagnostics.iter().zip(prints).map(issue).collect();
    serde_json::to_writer_pretty(&mut *out, &issues)?;
    writeln!(out)
}
