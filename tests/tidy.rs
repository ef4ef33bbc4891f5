//! Checks on the code itself: the invariants of ARCHITECTURE.md.

use std::fs;
use std::path::{Path, PathBuf};

use libtest_mimic::{Failed, Trial};

use crate::pages::source_path;
use crate::workspace;

/// One trial for each invariant.
pub fn trials() -> Vec<Trial> {
    vec![
        Trial::test("tidy::a rule's file is named as its id", rule_files),
        Trial::test("tidy::a rule imports the prelude and std only", rule_imports),
        Trial::test("tidy::the arrows inside of core never turn round", layers),
        Trial::test("tidy::files and environment are touched at the edges only", edges),
        Trial::test("tidy::miette and clap stay in the command line", terminal),
        Trial::test("tidy::each third-party parser is named in one module", parsers),
    ]
}

fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = fs::read_to_string(&path).unwrap_or_default();
                found.push((path, text));
            }
        }
    }
    found.sort();
    found
}

fn verdict(faults: Vec<String>) -> Result<(), Failed> {
    if faults.is_empty() { Ok(()) } else { Err(faults.join("\n").into()) }
}

/// The code without its comments and without its tests.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.split("#[cfg(test)]").next().unwrap_or_default().lines().filter(|line| !line.trim_start().starts_with("//"))
}

fn rule_files() -> Result<(), Failed> {
    let rules = bakelint_rules::all();
    let mut faults: Vec<String> = rules
        .iter()
        .filter(|rule| !source_path(rule).is_file())
        .map(|rule| format!("{}: no such file", source_path(rule).display()))
        .collect();
    for (path, _) in sources(&workspace().join("rules")) {
        let listed = rules.iter().any(|rule| source_path(rule) == path);
        let place = path.file_name().is_some_and(|name| name == "mod.rs" || name == "lib.rs" || name == "left_out.rs");
        if !listed && !place {
            faults.push(format!("{}: not listed in its theme", path.display()));
        }
    }
    verdict(faults)
}

fn rule_imports() -> Result<(), Failed> {
    let mut faults = Vec::new();
    for rule in bakelint_rules::all() {
        for line in code(rule.source).filter(|line| line.starts_with("use ")) {
            let fine = ["use bakelint_core::prelude", "use std::"].iter().any(|start| line.starts_with(start));
            if !fine {
                faults.push(format!("{}: {line}", rule.meta.id));
            }
        }
    }
    verdict(faults)
}

/// The modules of core, lowest layer first; a module may name those before it and its own layer.
const LAYERS: &[&[&str]] = &[
    &["source", "suggest"],
    &["diagnostic", "edit", "snapshot"],
    &["syntax"],
    &["bake", "model"],
    &["facts"],
    &["rule", "replay"],
    &["config", "ignore", "baseline", "patch"],
    &["engine"],
    &["lib"],
];

fn layers() -> Result<(), Failed> {
    let root = workspace().join("crates/bakelint-core/src");
    let layer = |module: &str| LAYERS.iter().position(|modules| modules.contains(&module));
    let mut faults = Vec::new();
    for (path, text) in sources(&root) {
        let inside = path.strip_prefix(&root).unwrap_or(&path);
        let first = inside.iter().next().and_then(|part| part.to_str()).unwrap_or_default();
        let module = first.trim_end_matches(".rs");
        let Some(own) = layer(module) else {
            faults.push(format!("{}: belongs to no layer", inside.display()));
            continue;
        };
        for line in code(&text) {
            for part in line.split("crate::").skip(1) {
                let name: String = part.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if layer(&name).is_some_and(|other| other > own) {
                    faults.push(format!("{}: {}", inside.display(), line.trim()));
                }
            }
        }
    }
    verdict(faults)
}

fn edges() -> Result<(), Failed> {
    const TOUCHES: &[&str] =
        &["std::fs", "fs::read", "std::env::var", "env::current_dir", "process::Command", "SystemTime::now"];
    let root = workspace().join("crates/bakelint-core/src");
    let allowed = ["snapshot.rs", "replay/history"];
    let mut faults = Vec::new();
    for (path, text) in sources(&root).into_iter().chain(sources(&workspace().join("rules"))) {
        let inside = path.strip_prefix(&root).unwrap_or(&path);
        if allowed.iter().any(|allowed| inside.starts_with(allowed) || inside.starts_with(format!("{allowed}.rs"))) {
            continue;
        }
        for line in code(&text).filter(|line| TOUCHES.iter().any(|touch| line.contains(touch))) {
            faults.push(format!("{}: {}", inside.display(), line.trim()));
        }
    }
    verdict(faults)
}

fn terminal() -> Result<(), Failed> {
    let outside = ["crates/bakelint-core", "rules"].map(|folder| sources(&workspace().join(folder)));
    let mut faults: Vec<String> = outside
        .iter()
        .flatten()
        .filter(|(_, text)| code(text).any(|line| line.contains("miette::") || line.contains("clap::")))
        .map(|(path, _)| path.display().to_string())
        .collect();
    let cli = sources(&workspace().join("crates/bakelint-cli/src"));
    let named = cli.iter().filter(|(_, text)| code(text).any(|line| line.contains("miette::")));
    let drawing: Vec<_> = named.filter(|(path, _)| !path.ends_with("report/full.rs")).collect();
    faults.extend(drawing.iter().map(|(path, _)| format!("{}: miette belongs into report/full.rs", path.display())));
    verdict(faults)
}

fn parsers() -> Result<(), Failed> {
    let root = workspace().join("crates/bakelint-core/src");
    let mut faults = Vec::new();
    for parser in ["granit_parser", "jsonc_parser"] {
        let all = sources(&root);
        let named: Vec<_> = all.iter().filter(|(_, text)| code(text).any(|line| line.contains(parser))).collect();
        if named.len() > 1 {
            faults.push(format!("{parser} is named in {:?}", named.iter().map(|(path, _)| path).collect::<Vec<_>>()));
        }
    }
    verdict(faults)
}
