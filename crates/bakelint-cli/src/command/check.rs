//! `bakelint check`: lint, and fix when asked to.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use bakelint_core::baseline;
use bakelint_core::prelude::*;

use crate::args::{Check, Format};
use crate::load::{self, Loaded, load};
use crate::report::{self, Look, Summary, plural};
use crate::{CLEAN, FOUND, Failure, Surroundings, history, shellcheck, write};

/// Runs the verb.
pub fn run(args: &Check, around: &mut Surroundings) -> Result<u8, Failure> {
    let mut loaded = load(&args.scope, around)?;
    if let Some(path) = &args.stdin_filename {
        replace_by_input(path, &mut loaded, around)?;
    }
    let before = loaded.snapshot.clone();
    let wanted = |project: &Project, diagnostic: &Diagnostic| loaded.wants(project.path(diagnostic.span.file));
    let (report, applied) = match args.fix.or(args.diff) {
        None => (loaded.linter.lint(before.clone()), 0),
        Some(safety) => {
            let fixed = loaded.linter.fix(before.clone(), safety, wanted);
            (fixed.report, fixed.applied)
        }
    };
    let after = report.project.snapshot.clone();
    if args.fix.is_some() {
        let files = write::write(&loaded.root, &before, &after)?;
        if applied > 0 && !args.quiet {
            writeln!(
                around.err,
                "{} applied in {}",
                plural(applied, "fix").replace("fixs", "fixes"),
                plural(files, "file")
            )?;
        }
    }
    let report = if args.shellcheck { with_shellcheck(&loaded.linter, report, around)? } else { report };
    let project = &report.project;
    let diagnostics: Vec<Diagnostic> = report.diagnostics.into_iter().filter(|found| wanted(project, found)).collect();
    let diagnostics = match &args.baseline {
        Some(file) => only_new(&around.directory.join(file), project, diagnostics, args.quiet, around)?,
        None => diagnostics,
    };
    let diagnostics = match &args.since {
        Some(revision) => only_new_since(revision, &loaded, project, diagnostics, args.quiet, around)?,
        None => diagnostics,
    };
    if args.diff.is_some() {
        let patch = patch(&before, &after);
        around.out.write_all(patch.as_bytes())?;
        let clean = patch.is_empty() && !fails(&diagnostics, args);
        return Ok(if clean || args.exit_zero { CLEAN } else { FOUND });
    }
    let (diagnostics, numbers) = match args.history {
        Some(commits) if args.diff.is_none() => {
            history::told(args, commits, &loaded.root, project, diagnostics, around)?
        }
        _ => (diagnostics, Vec::new()),
    };
    if args.statistics {
        statistics(&diagnostics, around)?;
    } else {
        match args.format {
            Format::Full => report::full::print(project, &diagnostics, Look::of(around), around.out)?,
            Format::Concise => report::concise::print(project, &diagnostics, around.out)?,
            Format::Json => report::json::print(&loaded.linter, project, &diagnostics, &numbers, around.out)?,
            Format::Sarif => report::sarif::print(&loaded.linter, project, &diagnostics, around.out)?,
            Format::Github => report::github::print(project, &diagnostics, around.out)?,
            Format::Gitlab => report::gitlab::print(project, &diagnostics, around.out)?,
            Format::Junit => report::junit::print(project, &diagnostics, around.out)?,
        }
    }
    if !args.quiet {
        summary(&Summary::of(project, &diagnostics), around)?;
    }
    Ok(if fails(&diagnostics, args) && !args.exit_zero { FOUND } else { CLEAN })
}

/// The findings over the same files, with ShellCheck's among them.
fn with_shellcheck(linter: &Linter, report: Report, around: &mut Surroundings) -> Result<Report, Failure> {
    let mut said = Ok(Vec::new());
    let report = linter.lint_with(report.project.snapshot, |project| {
        said = shellcheck::check(project, shellcheck::cache_folder().as_deref());
        said.as_ref().cloned().unwrap_or_default()
    });
    if let Err(error) = said {
        let why = match error.kind() {
            std::io::ErrorKind::NotFound => "the program is not installed".to_owned(),
            _ => error.to_string(),
        };
        writeln!(around.err, "shellcheck was left out: {why}")?;
    }
    Ok(report)
}

/// Infos fail only when they were asked for by `--min-severity info`.
fn fails(diagnostics: &[Diagnostic], args: &Check) -> bool {
    let least = args.scope.min_severity.unwrap_or(Severity::Warning);
    diagnostics.iter().any(|diagnostic| diagnostic.severity >= least)
}

fn replace_by_input(path: &str, loaded: &mut Loaded, around: &mut Surroundings) -> Result<(), Failure> {
    let full = load::clean(&around.directory.join(path));
    let Some(path) = load::relative(&full, &loaded.root) else {
        return Err(Failure::usage(format!("--stdin-filename: {path} lies outside of {}", loaded.root.display())));
    };
    let mut bytes = Vec::new();
    around.input.read_to_end(&mut bytes)?;
    loaded.snapshot.insert(path.clone(), bytes);
    loaded.asked = vec![path];
    Ok(())
}

/// Reads a baseline file.
pub fn read_baseline(path: &Path) -> Result<baseline::Baseline, Failure> {
    let text = fs::read_to_string(path).map_err(|source| Failure::File { path: path.to_owned(), source })?;
    let content = |message: String| Failure::Content { path: path.to_owned(), message };
    let known: baseline::Baseline =
        serde_json::from_str(&text).map_err(|error| content(format!("is no baseline: {error}")))?;
    if known.version != baseline::Baseline::VERSION {
        return Err(content(format!(
            "has version {}, this bakelint reads {}",
            known.version,
            baseline::Baseline::VERSION
        )));
    }
    Ok(known)
}

fn only_new(
    path: &Path,
    project: &Project,
    diagnostics: Vec<Diagnostic>,
    quiet: bool,
    around: &mut Surroundings,
) -> Result<Vec<Diagnostic>, Failure> {
    let known = read_baseline(path)?;
    let compared = known.compare(project, diagnostics);
    if !quiet {
        writeln!(around.err, "{} known to the baseline", plural(compared.known, "finding"))?;
        if !compared.stale.is_empty() {
            let entries = plural(compared.stale.len(), "entry").replace("entrys", "entries");
            writeln!(around.err, "{entries} of the baseline match nothing any more: `bakelint baseline` drops them")?;
        }
    }
    Ok(compared.new)
}

/// The findings that the files of an older commit do not have.
fn only_new_since(
    revision: &str,
    loaded: &Loaded,
    project: &Project,
    diagnostics: Vec<Diagnostic>,
    quiet: bool,
    around: &mut Surroundings,
) -> Result<Vec<Diagnostic>, Failure> {
    let old = loaded.linter.lint(load::as_of(revision, loaded)?);
    let mut known = old.diagnostics;
    known.retain(|found| loaded.wants(old.project.path(found.span.file)));
    let known = baseline::Baseline::of(&old.project, &known);
    let compared = known.compare(project, diagnostics);
    if !quiet {
        writeln!(around.err, "{} as old as {revision}", plural(compared.known, "finding"))?;
    }
    Ok(compared.new)
}

fn statistics(diagnostics: &[Diagnostic], around: &mut Surroundings) -> Result<(), Failure> {
    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for diagnostic in diagnostics {
        let count = counts.entry(diagnostic.rule).or_default();
        count.0 += 1;
        count.1 += usize::from(report::is_fixable(diagnostic));
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(rule, (count, _))| (std::cmp::Reverse(*count), *rule));
    for (rule, (count, fixable)) in counts {
        let fix = if fixable > 0 { format!("  ({fixable} fixable)") } else { String::new() };
        writeln!(around.out, "{count:>5}  {rule}{fix}")?;
    }
    Ok(())
}

fn summary(summary: &Summary, around: &mut Surroundings) -> Result<(), Failure> {
    let files = plural(summary.files, "file");
    let found = summary.errors + summary.warnings + summary.infos;
    if found == 0 {
        writeln!(around.err, "nothing found in {files}")?;
        return Ok(());
    }
    let counts = [(summary.errors, "error"), (summary.warnings, "warning"), (summary.infos, "info")];
    let counts: Vec<String> =
        counts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| plural(*count, word)).collect();
    write!(around.err, "{} in {files}", counts.join(", "))?;
    if summary.fixable > 0 {
        write!(around.err, "; --fix mends {}", summary.fixable)?;
    }
    writeln!(around.err)?;
    Ok(())
}
