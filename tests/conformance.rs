//! Dockerfiles with the recorded answers of BuildKit, held against the program.
//!
//! Each case is a folder with a `Dockerfile`, the settings of its build in `case.json`, and in `expected_buildkit.json` what
//! BuildKit warns about, whether it refuses the file, and how its parser reads it. The cases live in `shared/conformance` of a
//! folder above the workspace, or where `BAKELINT_CONFORMANCE` points.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::cli::bakelint;
use crate::workspace;

/// One trial for each case; one that says so when there are none.
pub fn trials() -> Vec<Trial> {
    suite("dockerfile", "conformance", check)
}

/// One trial for each case of a suite; one that says so when there are none.
pub fn suite(suite: &str, group: &str, check: fn(&Path) -> Result<(), Failed>) -> Vec<Trial> {
    let Some(folder) = cases(suite) else {
        let skipped = format!("conformance::{suite} (skipped: no shared/conformance/{suite} above the workspace)");
        return vec![Trial::test(skipped, || Ok(())).with_ignored_flag(true)];
    };
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.join("case.json").is_file())
        .collect();
    paths.sort();
    let trial = |path: PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        Trial::test(format!("{group}::{name}"), move || check(&path))
    };
    paths.into_iter().map(trial).collect()
}

fn cases(suite: &str) -> Option<PathBuf> {
    let cases = format!("conformance/{suite}/cases");
    let given = std::env::var_os("BAKELINT_CONFORMANCE").map(|root| PathBuf::from(root).join(suite).join("cases"));
    let workspace = workspace();
    let beside = || workspace.ancestors().map(|folder| folder.join("shared").join(&cases));
    given.filter(|cases| cases.is_dir()).or_else(|| beside().find(|cases| cases.is_dir()))
}

/// A file of a case.
pub fn read(path: &Path, name: &str) -> Result<Value, Failed> {
    Ok(serde_json::from_str(&fs::read_to_string(path.join(name))?)?)
}

/// The flags that carry a case's settings.
fn flags(case: &Value) -> Vec<String> {
    let mut flags = Vec::new();
    let pairs = [
        ("build_args", "--build-arg"),
        ("build_contexts", "--build-context"),
        ("image_platforms", "--image-platform"),
        ("image_configs", "--image-config"),
    ];
    for (key, flag) in pairs {
        for (name, value) in case[key].as_object().into_iter().flatten() {
            flags.extend([flag.to_owned(), format!("{name}={}", value.as_str().unwrap_or_default())]);
        }
    }
    for (key, flag) in [
        ("target", "--target"),
        ("platform", "--platform"),
        ("build_platform", "--build-platform"),
        ("check", "--check"),
    ] {
        flags.extend(case[key].as_str().into_iter().flat_map(|value| [flag.to_owned(), value.to_owned()]));
    }
    if case["experimental"] == true {
        flags.push("--experimental".to_owned());
    }
    flags
}

fn check(path: &Path) -> Result<(), Failed> {
    let (case, expected) = (read(path, "case.json")?, read(path, "expected_buildkit.json")?);
    let flags = flags(&case);
    let mut args = vec!["check", "--isolated", "--format", "json"];
    args.extend(flags.iter().map(String::as_str));
    args.push("Dockerfile");
    let outcome = bakelint(path, &args);
    let report: Value = serde_json::from_str(&outcome.out).map_err(|error| format!("{error}: {}", outcome.err))?;
    let mut found = BTreeSet::new();
    let mut refused = false;
    for diagnostic in report["diagnostics"].as_array().into_iter().flatten() {
        let line = diagnostic["span"]["start"]["line"].as_u64().unwrap_or_default();
        let aliases = diagnostic["aliases"].as_array().into_iter().flatten();
        for check in aliases.filter_map(|alias| alias.as_str()?.strip_prefix("buildkit:")) {
            if check == "error" {
                refused = true;
            } else {
                found.insert((check.to_owned(), line));
            }
        }
    }
    let warnings = expected["warnings"].as_array().into_iter().flatten();
    let wanted: BTreeSet<(String, u64)> = warnings
        .map(|warning| {
            (warning["rule"].as_str().unwrap_or_default().to_owned(), warning["line"].as_u64().unwrap_or_default())
        })
        .collect();
    if found != wanted {
        let missing: Vec<_> = wanted.difference(&found).collect();
        let surplus: Vec<_> = found.difference(&wanted).collect();
        return Err(format!("missing: {missing:?}\nsurplus: {surplus:?}").into());
    }
    let errors = [&expected["parse_error"], &expected["lint_error"]];
    if refused != errors.iter().any(|error| !error.is_null()) {
        return Err(format!("refused: {refused}, but BuildKit says {errors:?}").into());
    }
    if expected["parse_error"].is_null() { check_outline(path, &expected["parse"]) } else { Ok(()) }
}

/// The instructions and stages are those that BuildKit's parser finds.
fn check_outline(path: &Path, expected: &Value) -> Result<(), Failed> {
    let outcome = bakelint(path, &["inspect", "Dockerfile"]);
    let outline: Value = serde_json::from_str(&outcome.out).map_err(|error| format!("{error}: {}", outcome.err))?;
    let instructions = |value: &Value| -> Vec<String> {
        let list = value["instructions"].as_array().into_iter().flatten();
        list.map(|one| {
            let heredocs = one["heredocs"].as_array().into_iter().flatten();
            let heredocs: Vec<String> =
                heredocs.map(|one| format!("{} {} {}", one["name"], one["expand"], one["chomp"])).collect();
            let keyword = one["keyword"].as_str().unwrap_or_default().to_uppercase();
            format!("{keyword} {}-{} {heredocs:?}", one["start"], one["end"])
        })
        .collect()
    };
    let stages = |value: &Value| -> Vec<String> {
        let list = value["stages"].as_array().into_iter().flatten();
        list.map(|one| format!("{} {} {}", one["name"], one["base"], one["start"])).collect()
    };
    for (what, actual, expected) in [
        ("instructions", instructions(&outline), instructions(expected)),
        ("stages", stages(&outline), stages(expected)),
    ] {
        if actual != expected {
            return Err(format!("the {what} are {actual:#?}\nBuildKit: {expected:#?}").into());
        }
    }
    Ok(())
}
