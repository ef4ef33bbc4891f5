//! Lints arbitrary small projects with all rules and applies their fixes.

#![no_main]

use std::collections::BTreeSet;
use std::sync::LazyLock;

use bakelint_core::edit::apply;
use bakelint_core::prelude::*;
use libfuzzer_sys::fuzz_target;

/// Rules without configuration: the opt-in ones too, hints and all.
static LINTER: LazyLock<Linter> = LazyLock::new(|| linter(Config::default()));

fuzz_target!(|data: &[u8]| {
    let files = files(data);
    let own = files.iter().find(|(path, _)| *path == "bakelint.toml");
    let own = own.and_then(|(_, bytes)| std::str::from_utf8(bytes).ok());
    let own = own.and_then(|text| Config::parse(text, bakelint_rules::all(), bakelint_rules::LEFT_OUT).ok());
    let own = own.map(linter);
    let linter = own.as_ref().unwrap_or(&LINTER);
    let snapshot = Snapshot::from_texts(files);
    let before = linter.lint(snapshot.clone());
    for diagnostic in &before.diagnostics {
        check_places(&before.project, diagnostic);
        before.project.concise(diagnostic);
        if let Some(fix) = &diagnostic.fix {
            let (_, taken) = apply(&snapshot, [fix]);
            assert_eq!(taken, 1, "a fix cannot be applied: {diagnostic:#?}");
        }
    }
    for least in [Safety::Safe, Safety::Unsafe] {
        let fixed = linter.fix(snapshot.clone(), least, |_, _| true);
        let after = fixed.report.project;
        let diff = || patch(&snapshot, &after.snapshot);
        for path in unparsed(&after).difference(&unparsed(&before.project)) {
            let text = |snapshot: &Snapshot| {
                snapshot.find(path).and_then(|file| snapshot.get(file)).map(|file| file.text().to_owned())
            };
            // A fix may be what makes bakelint read a file at all.
            assert_eq!(text(&snapshot), text(&after.snapshot), "after {least} fixes: {:#?}\n{}", after.errors, diff());
        }
        let again = linter.fix(after.snapshot.clone(), least, |_, _| true);
        let changed = patch(&after.snapshot, &again.report.project.snapshot);
        assert_eq!(again.applied, 0, "{least} fixes do not come to rest:\n{}\nand again\n{changed}", diff());
    }
});

/// The files that the bytes stand for: zero bytes divide them, and the first line of each is its path. A path that no file can have
/// beside those before it is left out.
fn files(data: &[u8]) -> Vec<(&str, &[u8])> {
    let mut files: Vec<(&str, &[u8])> = Vec::new();
    for part in data.split(|byte| *byte == 0) {
        let end = part.iter().position(|byte| *byte == b'\n').unwrap_or(part.len());
        let (path, bytes) = part.split_at(end);
        let Ok(path) = std::str::from_utf8(path) else { continue };
        let named = path.split('/').all(|name| !matches!(name, "" | "." | ".."));
        let below = |path: &str, folder: &str| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
        if named && !files.iter().any(|(other, _)| *other == path || below(other, path) || below(path, other)) {
            files.push((path, bytes.get(1..).unwrap_or_default()));
        }
    }
    files
}

/// A linter that leaves out nothing, beside what the configuration does.
fn linter(mut config: Config) -> Linter {
    let rules = bakelint_rules::all();
    config.selection.enable.extend(rules.iter().map(|rule| rule.meta.id.to_owned()));
    config.selection.min_confidence = Some(Confidence::Low);
    config.settings.build.experimental = true;
    Linter::new(rules, config)
}

/// Every place of a finding is one in a file, between two characters.
fn check_places(project: &Project, diagnostic: &Diagnostic) {
    let labels = diagnostic.labels.iter().map(|label| label.span);
    for span in labels.chain([diagnostic.span]) {
        let file = project.snapshot.files().find(|(file, _)| *file == span.file);
        let Some((_, source)) = file else { panic!("{span:?} is in no file: {diagnostic:#?}") };
        assert!(source.text().get(span.range()).is_some(), "{span:?} is no part of the file: {diagnostic:#?}");
    }
}

/// The paths of the files with syntax errors.
fn unparsed(project: &Project) -> BTreeSet<&str> {
    project.errors.iter().map(|error| project.path(error.span.file)).collect()
}
