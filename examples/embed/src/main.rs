//! A program that embeds bakelint: it lints texts that never were on a disk.
//!
//! `cargo run -p bakelint-embed-example` prints the findings and the patch of the safe fixes.

use bakelint_core::prelude::*;

const DOCKERFILE: &str = "FROM python:latest AS web\nWORKDIR /code\nCOPY . .\nRUN pip install -r requirements.txt\n";

const BAKE: &str = r#"
target "web" {
  target   = "web"
  platform = ["linux/amd64"]
  tags     = ["shop:web"]
}
"#;

fn main() {
    let snapshot = Snapshot::from_texts([
        ("Dockerfile", DOCKERFILE),
        ("docker-bake.hcl", BAKE),
        ("requirements.txt", "django==5.2.8\n"),
    ]);
    let linter = Linter::new(bakelint_rules::all(), Config::default());

    let report = linter.lint(snapshot.clone());
    for diagnostic in &report.diagnostics {
        println!("{}", report.project.concise(diagnostic));
    }

    let fixed = linter.fix(snapshot.clone(), Safety::Safe, |_, _| true);
    println!("\n{}", patch(&snapshot, &fixed.report.project.snapshot));
}
