//! Drawings of the build graph: those of the examples, and one of forty targets, which has to stay readable.

use std::fs;
use std::path::PathBuf;

use libtest_mimic::{Failed, Trial};

use crate::cli::bakelint;
use crate::workspace;

/// What is drawn: a name, and the folder below the workspace.
const DRAWN: &[(&str, &str)] =
    &[("matrix", "tests/graphs/matrix"), ("pipeline", "examples/pipeline"), ("shop", "examples/shop")];

/// The trials. `BLESS=1` rewrites the drawings.
pub fn trials() -> Vec<Trial> {
    let of = |(name, folder): (&'static str, &'static str)| {
        ["dot", "mermaid"]
            .map(|format| Trial::test(format!("graphs::{name} as {format}"), move || drawing(name, folder, format)))
    };
    let few = Trial::test("graphs::forty targets are a few nodes", || {
        let text = fs::read_to_string(file("matrix", "dot"))?;
        let nodes = text.lines().filter(|line| line.contains("[label=")).count();
        if nodes <= 12 { Ok(()) } else { Err(format!("{nodes} nodes").into()) }
    });
    DRAWN.iter().copied().flat_map(of).chain([few]).collect()
}

fn file(name: &str, format: &str) -> PathBuf {
    workspace().join("tests/graphs").join(format!("{name}.{}", if format == "dot" { "dot" } else { "mmd" }))
}

fn drawing(name: &str, folder: &str, format: &str) -> Result<(), Failed> {
    let outcome = bakelint(&workspace().join(folder), &["inspect", "--format", format]);
    let path = file(name, format);
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, &outcome.out)?;
        return Ok(());
    }
    let expected = fs::read_to_string(&path)?;
    if expected == outcome.out {
        return Ok(());
    }
    let diff = similar::TextDiff::from_lines(&expected, &outcome.out);
    Err(format!("{} is not what is drawn (BLESS=1 rewrites it):\n{}", path.display(), diff.unified_diff()).into())
}
