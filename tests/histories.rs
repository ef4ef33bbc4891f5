//! Histories with the recorded answers of BuildKit, held against `bakelint replay`.
//!
//! Each case is a folder with the commits of a repository in `commits.json`, how it is built in `case.json`, and in
//! `expected.json` for each step and commit whether BuildKit executed it. The cases live beside those of Dockerfiles.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::cli::bakelint;
use crate::conformance::{read, suite};
use crate::replay::git;

/// One trial for each history; one that says so when there are none.
pub fn trials() -> Vec<Trial> {
    suite("replay", "histories", check)
}

fn check(path: &Path) -> Result<(), Failed> {
    let (case, commits, expected) =
        (read(path, "case.json")?, read(path, "commits.json")?, read(path, "expected.json")?);
    let folder = tempfile::tempdir()?;
    git(folder.path(), &["init", "-q"])?;
    for commit in items(&commits) {
        apply(folder.path(), commit)?;
        git(folder.path(), &["add", "-A", "-f"])?;
        git(folder.path(), &["commit", "-q", "--allow-empty", "-m", "a commit"])?;
    }
    let flags = flags(&case);
    let mut args = vec!["replay", "--format", "json"];
    args.extend(flags.iter().map(String::as_str));
    let outcome = bakelint(folder.path(), &args);
    let report: Value = serde_json::from_str(&outcome.out).map_err(|error| format!("{error}: {}", outcome.err))?;
    let mut found: HashMap<(&str, &str, u64), &Value> = HashMap::new();
    for build in items(&report["builds"]) {
        for step in items(&build["steps"]) {
            found.insert((text(&build["name"]), text(&step["stage"]), number(&step["index"])), &step["rebuilt"]);
        }
    }
    let mut wrong = Vec::new();
    for (target, steps) in expected["targets"].as_object().into_iter().flatten() {
        for step in items(steps).filter(|step| step["unstable"] != true) {
            let key = (target.as_str(), text(&step["stage"]), number(&step["index"]));
            for (commit, executed) in items(&step["rebuilt"]).enumerate().filter(|(_, executed)| !executed.is_null()) {
                let told = found.get(&key).map_or(&Value::Null, |flags| &flags[commit]);
                // That a command wrote the same bytes again, nobody can know in all cases: there `rebuilt` will do.
                let converged = items(&step["converged"]).any(|other| number(other) == commit as u64);
                if told != executed && !(converged && *told == 1) {
                    wrong.push(format!(
                        "{} {} of {target}, commit {commit}: expected {executed}, got {told}",
                        key.1, key.2
                    ));
                }
            }
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
}

/// Brings a folder to a commit's state.
fn apply(folder: &Path, commit: &Value) -> Result<(), Failed> {
    let pairs = |key: &str| commit[key].as_object().into_iter().flatten().map(|(path, value)| (path, text(value)));
    for path in items(&commit["delete"]) {
        remove(&folder.join(text(path)))?;
    }
    for (path, content) in pairs("write") {
        let path = folder.join(path);
        if path.is_symlink() {
            fs::remove_file(&path)?;
        }
        fs::create_dir_all(path.parent().unwrap_or(folder))?;
        fs::write(path, content)?;
    }
    #[cfg(unix)]
    for (path, target) in pairs("symlink") {
        let path = folder.join(path);
        remove(&path)?;
        fs::create_dir_all(path.parent().unwrap_or(folder))?;
        std::os::unix::fs::symlink(target, path)?;
    }
    #[cfg(unix)]
    for (path, mode) in pairs("chmod") {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(u32::from_str_radix(mode, 8)?);
        fs::set_permissions(folder.join(path), mode)?;
    }
    Ok(())
}

fn remove(path: &Path) -> Result<(), Failed> {
    if path.is_dir() && !path.is_symlink() {
        fs::remove_dir_all(path)?;
    } else if path.is_symlink() || path.exists() {
        fs::remove_file(path)?;
    }
    Ok(())
}

/// The flags that carry a case's settings.
fn flags(case: &Value) -> Vec<String> {
    let mut flags: Vec<&str> =
        vec!["--commits", "all", "--file", text(&case["bake_file"]), "--store", text(&case["store"])];
    flags.extend(items(&case["targets"]).flat_map(|target| ["--target", text(target)]));
    flags.extend(
        case["args_per_commit"].as_object().into_iter().flatten().flat_map(|(name, _)| ["--per-commit-arg", name]),
    );
    flags.extend((case["together"] == true).then_some("--together"));
    flags.into_iter().map(str::to_owned).collect()
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}
