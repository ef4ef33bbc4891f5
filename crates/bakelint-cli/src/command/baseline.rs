//! `bakelint baseline`: write down what is known and accepted.

use std::fs;

use bakelint_core::baseline;
use bakelint_core::prelude::*;

use super::check::read_baseline;
use crate::args::Baseline;
use crate::load::load;
use crate::report::plural;
use crate::{CLEAN, Failure, Surroundings};

/// Runs the verb. Says how many findings are new to the file, so that a refresh does not swallow them unseen.
pub fn run(args: &Baseline, around: &mut Surroundings) -> Result<u8, Failure> {
    let loaded = load(&args.scope, around)?;
    let report = loaded.linter.lint(loaded.snapshot.clone());
    let project = &report.project;
    let diagnostics: Vec<Diagnostic> =
        report.diagnostics.iter().filter(|found| loaded.wants(project.path(found.span.file))).cloned().collect();
    let path = around.directory.join(&args.output);
    let old = if path.exists() { read_baseline(&path)? } else { baseline::Baseline::default() };
    let written = baseline::Baseline::of(project, &diagnostics);
    let compared = old.compare(project, diagnostics);
    let fail = |source| Failure::File { path: path.clone(), source };
    let text = serde_json::to_string_pretty(&written).map_err(|error| fail(error.into()))? + "\n";
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    fs::write(&temporary, text).and_then(|()| fs::rename(&temporary, &path)).map_err(fail)?;
    let total = plural(written.findings.len(), "finding");
    writeln!(
        around.err,
        "{}: {total}, {} new, {} gone",
        args.output.display(),
        compared.new.len(),
        compared.stale.len()
    )?;
    for diagnostic in &compared.new {
        writeln!(around.err, "new: {}", project.concise(diagnostic))?;
    }
    Ok(CLEAN)
}
