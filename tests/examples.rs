//! The bundled example repositories: what is found in them and what the patch does is written beside them.

use std::fs;

use bakelint_core::prelude::*;
use libtest_mimic::{Failed, Trial};

use crate::cli::bakelint;
use crate::workspace;

/// The examples that are repositories.
const NAMES: &[&str] = &["pipeline", "shop"];

/// The trials. `BLESS=1` rewrites what is written beside the examples.
pub fn trials() -> Vec<Trial> {
    let of = |name: &'static str| {
        [
            Trial::test(format!("examples::{name}"), move || report(name)),
            Trial::test(format!("examples::{name} is mended once and for all"), move || fixed(name)),
        ]
    };
    NAMES.iter().copied().flat_map(of).collect()
}

fn report(name: &str) -> Result<(), Failed> {
    let root = workspace().join("examples").join(name);
    for (file, args) in [
        ("expected-report.txt", ["check", "--isolated", "--quiet", "--format", "concise"]),
        ("expected.patch", ["check", "--isolated", "--quiet", "--diff", "--exit-zero"]),
    ] {
        let outcome = bakelint(&root, &args);
        let path = root.join(file);
        if std::env::var_os("BLESS").is_some() {
            fs::write(&path, &outcome.out)?;
            continue;
        }
        let expected = fs::read_to_string(&path)?;
        if expected != outcome.out {
            let diff = similar::TextDiff::from_lines(&expected, &outcome.out);
            return Err(format!("{file} is not what is printed (BLESS=1 rewrites it):\n{}", diff.unified_diff()).into());
        }
    }
    Ok(())
}

fn fixed(name: &str) -> Result<(), Failed> {
    let snapshot = Snapshot::read(&workspace().join("examples").join(name), &ReadOptions::default())?;
    let linter = Linter::new(bakelint_rules::all(), Config::default());
    let fixed = linter.fix(snapshot, Safety::Safe, |_, _| true);
    let files: Vec<(String, String)> =
        fixed.report.project.snapshot.files().map(|(_, file)| (file.path.clone(), file.text().to_owned())).collect();
    let again = linter.fix(Snapshot::from_texts(files), Safety::Safe, |_, _| true);
    if again.applied == 0 { Ok(()) } else { Err("a second run finds something to mend".into()) }
}
