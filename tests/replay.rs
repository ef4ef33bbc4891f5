//! `bakelint replay` on real repositories: whole, cut off, bare, linked, empty and damaged ones.

use std::fs;
use std::path::Path;
use std::process::Command;

use bakelint_cli::{CLEAN, FAILED};
use libtest_mimic::{Failed, Trial};
use serde_json::Value;
use tempfile::TempDir;

use crate::cli::{Outcome, bakelint};

/// The trials.
pub fn trials() -> Vec<Trial> {
    vec![
        Trial::test("replay::each step has a flag for each commit", flags),
        Trial::test("replay::a project below the top of its repository", subfolder),
        Trial::test("replay::bare repositories and linked work trees", bare_and_linked),
        Trial::test("replay::a shallow clone says so", shallow),
        Trial::test("replay::a repository without commits is an error", no_commits),
        Trial::test("replay::a folder outside of any repository is an error", no_repository),
        Trial::test("replay::a missing object is an error", missing_object),
        Trial::test("replay::a damaged object is an error", damaged_object),
        Trial::test("replay::names of objects may be long", sha256),
        Trial::test("replay::a change is tried on the same commits", what_if),
        Trial::test("replay::the page needs nothing from elsewhere", page),
        Trial::test("replay::the definitions of today on old commits", today),
    ]
}

const DOCKERFILE: &str = "FROM alpine\nWORKDIR /app\nCOPY src ./src\nRUN make\n";

/// Runs git in a folder, away from the settings of whoever runs the tests.
pub fn git(directory: &Path, args: &[&str]) -> Result<(), Failed> {
    let mut git = Command::new("git");
    git.current_dir(directory).args(["-c", "commit.gpgsign=false", "-c", "init.defaultBranch=main"]).args(args);
    for who in ["AUTHOR", "COMMITTER"] {
        git.env(format!("GIT_{who}_NAME"), "A").env(format!("GIT_{who}_EMAIL"), "a@example.org");
        git.env(format!("GIT_{who}_DATE"), "1700000000 +0000");
    }
    git.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1").env_remove("GIT_DIR");
    let output = git.output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("git {args:?}: {}", String::from_utf8_lossy(&output.stderr)).into())
}

/// Writes files and commits all there is.
pub fn commit(directory: &Path, files: &[(&str, &str)]) -> Result<(), Failed> {
    for (path, text) in files {
        let path = directory.join(path);
        fs::create_dir_all(path.parent().unwrap_or(directory))?;
        fs::write(path, text)?;
    }
    git(directory, &["add", "-A"])?;
    git(directory, &["commit", "-q", "--allow-empty", "-m", "a commit"])
}

/// Three commits: the first, one that changes a source, and one that changes what nobody copies.
fn repository(init: &[&str]) -> Result<TempDir, Failed> {
    let folder = tempfile::tempdir()?;
    git(folder.path(), &[&["init", "-q"], init].concat())?;
    commit(folder.path(), &[("Dockerfile", DOCKERFILE), ("src/a", "1"), (".dockerignore", ".git\n")])?;
    commit(folder.path(), &[("src/a", "2")])?;
    commit(folder.path(), &[("README", "x")])?;
    Ok(folder)
}

fn json(outcome: &Outcome) -> Result<Value, Failed> {
    if outcome.status != CLEAN {
        return Err(format!("{outcome:#?}").into());
    }
    Ok(serde_json::from_str(&outcome.out)?)
}

fn rows(document: &Value) -> Vec<String> {
    let builds = document["builds"].as_array().into_iter().flatten();
    let steps = builds.flat_map(|build| build["steps"].as_array().into_iter().flatten());
    steps
        .map(|step| format!("{} {} {}", step["stage"].as_str().unwrap_or("?"), step["index"], step["rebuilt"]))
        .collect()
}

const EXPECTED: [&str; 3] = ["stage-0 2 [1,0,0]", "stage-0 3 [1,1,0]", "stage-0 4 [1,1,0]"];

fn same<T: PartialEq<U> + std::fmt::Debug, U: std::fmt::Debug>(found: T, expected: U) -> Result<(), Failed> {
    if found == expected { Ok(()) } else { Err(format!("expected {expected:?}, got {found:?}").into()) }
}

fn replay(directory: &Path) -> Outcome {
    bakelint(directory, &["replay", "--format", "json"])
}

fn flags() -> Result<(), Failed> {
    let folder = repository(&[])?;
    let document = json(&replay(folder.path()))?;
    same(rows(&document), EXPECTED)?;
    let cause = &document["builds"][0]["steps"][1]["causes"][0];
    same(cause["path"].as_str(), Some("src/**"))?;
    same(document["builds"][0]["steps"][1].get("time"), None::<&Value>)?;
    let text = bakelint(folder.path(), &["replay", "--commits", "2"]);
    same((text.status, text.out.contains("no seconds are told")), (CLEAN, true))
}

fn subfolder() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    git(folder.path(), &["init", "-q"])?;
    let with = |source: &'static str| [("app/Dockerfile", DOCKERFILE), ("app/src/a", source), ("src/a", source)];
    commit(folder.path(), &with("1"))?;
    commit(folder.path(), &[("src/a", "2")])?;
    commit(folder.path(), &[("app/src/a", "2")])?;
    let document = json(&replay(&folder.path().join("app")))?;
    same(rows(&document), ["stage-0 2 [1,0,0]", "stage-0 3 [1,0,1]", "stage-0 4 [1,0,1]"])
}

fn bare_and_linked() -> Result<(), Failed> {
    let folder = repository(&[])?;
    let others = tempfile::tempdir()?;
    let path = folder.path().to_string_lossy();
    git(others.path(), &["clone", "-q", "--bare", &path, "bare"])?;
    git(folder.path(), &["worktree", "add", "-q", &others.path().join("linked").to_string_lossy()])?;
    for name in ["bare", "linked"] {
        same(rows(&json(&replay(&others.path().join(name)))?), EXPECTED)?;
    }
    Ok(())
}

fn shallow() -> Result<(), Failed> {
    let folder = repository(&[])?;
    let others = tempfile::tempdir()?;
    let url = format!("file://{}", folder.path().display());
    git(others.path(), &["clone", "-q", "--depth", "2", &url, "cut"])?;
    let document = json(&replay(&others.path().join("cut")))?;
    same(document["commits"].as_array().map(Vec::len), Some(2))?;
    same(document["notes"].to_string().contains("shallow"), true)
}

/// Runs that must fail with these words.
fn fails(directory: &Path, words: &str) -> Result<(), Failed> {
    let outcome = replay(directory);
    if outcome.status == FAILED && outcome.out.is_empty() && outcome.err.contains(words) {
        return Ok(());
    }
    Err(format!("expected `{words}`, got {outcome:#?}").into())
}

fn no_commits() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    git(folder.path(), &["init", "-q"])?;
    fails(folder.path(), "no commits")
}

fn no_repository() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    fails(folder.path(), "no git repository")?;
    let folder = repository(&[])?;
    let outcome = bakelint(folder.path(), &["replay", "--branch", "nowhere"]);
    same((outcome.status, outcome.err.contains("nowhere")), (FAILED, true))
}

/// Does something to the file of the object that a path of the last commit has.
fn at_object(folder: &Path, path: &str, act: impl Fn(&Path) -> std::io::Result<()>) -> Result<(), Failed> {
    let name = format!("HEAD:{path}");
    let output = Command::new("git").current_dir(folder).args(["rev-parse", &name]).output()?;
    let id = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let (start, rest) = id.split_at_checked(2).ok_or("no such object")?;
    Ok(act(&folder.join(".git/objects").join(start).join(rest))?)
}

fn missing_object() -> Result<(), Failed> {
    let folder = repository(&[])?;
    at_object(folder.path(), "Dockerfile", |path| fs::remove_file(path))?;
    fails(folder.path(), "is missing")
}

fn damaged_object() -> Result<(), Failed> {
    let folder = repository(&[])?;
    at_object(folder.path(), "src", |path| {
        fs::remove_file(path)?;
        fs::write(path, b"nonsense")
    })?;
    fails(folder.path(), "damaged")
}

fn sha256() -> Result<(), Failed> {
    let folder = repository(&["--object-format=sha256"])?;
    let document = json(&replay(folder.path()))?;
    same(rows(&document), EXPECTED)?;
    same(document["commits"][0].as_str().map(str::len), Some(64))
}

fn what_if() -> Result<(), Failed> {
    let folder = repository(&[])?;
    for number in 0..5 {
        commit(folder.path(), &[("src/a", &format!("edit {number}"))])?;
    }
    // The change copies what the command needs and nothing else.
    fs::write(folder.path().join("new"), "FROM alpine\nWORKDIR /app\nRUN make\nCOPY src ./src\n")?;
    fs::write(folder.path().join("times.toml"), "[[step]]\ntext = \"RUN make\"\nseconds = 30\n")?;
    let args = ["replay", "--format", "json", "--replace", "Dockerfile=new", "--durations", "times.toml"];
    let document = json(&bakelint(folder.path(), &args))?;
    let answer = &document["what_if"];
    // Six of the seven commits after the first touch the sources, and the command is spared at each.
    let saved = answer["seconds_saved_per_commit"]["value"].as_f64().unwrap_or_default();
    same((saved * 7.0).round(), 180.0)?;
    same(answer["first_run"]["executed"].as_u64(), Some(2))?;
    same(answer["first_run"]["seconds"].as_f64(), Some(30.0))?;
    same(document["definitions"].as_str(), Some("today"))
}

fn page() -> Result<(), Failed> {
    let folder = repository(&[])?;
    commit(folder.path(), &[("Dockerfile", "FROM alpine\nRUN echo '</script><b>&\"'\n")])?;
    let outcome = bakelint(folder.path(), &["replay", "--format", "html"]);
    same(outcome.status, CLEAN)?;
    for foreign in ["http:", "https:", "<link", "src=", "@import", "</script><b>"] {
        same((foreign, outcome.out.contains(foreign)), (foreign, false))?;
    }
    same(outcome.out.matches("<svg").count(), 3)
}

fn today() -> Result<(), Failed> {
    let folder = repository(&[])?;
    commit(folder.path(), &[("Dockerfile", "FROM alpine\nCOPY src /src\n")])?;
    let outcome = bakelint(folder.path(), &["replay", "--format", "json", "--definitions", "today"]);
    same(rows(&json(&outcome)?), ["stage-0 2 [1,1,0,0]"])
}
