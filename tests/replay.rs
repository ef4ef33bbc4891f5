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
        Trial::test("replay::branches see their own cache and the default branch's", branches),
        Trial::test("replay::workflows say where builds run and what survives", workflows),
        Trial::test("replay::targets that came later are no mistake of older commits", later_targets),
        Trial::test("replay::findings tell how often their step was rebuilt and what their fix saves", findings),
        Trial::test("replay::logs of builds give the times of steps", logs),
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
    // A map for each step, and the chart of all.
    same(outcome.out.matches("<svg data-step=").count(), 4)
}

fn today() -> Result<(), Failed> {
    let folder = repository(&[])?;
    commit(folder.path(), &[("Dockerfile", "FROM alpine\nCOPY src /src\n")])?;
    let outcome = bakelint(folder.path(), &["replay", "--format", "json", "--definitions", "today"]);
    same(rows(&json(&outcome)?), ["stage-0 2 [1,1,0,0]"])
}

fn branches() -> Result<(), Failed> {
    let folder = repository(&[])?;
    // Two pull requests from the same commit: one edits the source twice, the other makes the same first edit.
    for (name, edits) in [("one", &["3", "4"][..]), ("two", &["3"])] {
        git(folder.path(), &["checkout", "-q", "-b", name, "main"])?;
        for edit in edits {
            commit(folder.path(), &[("src/a", edit), ("who", name)])?;
        }
    }
    git(folder.path(), &["checkout", "-q", "main"])?;
    git(folder.path(), &["merge", "-q", "--no-ff", "-m", "merge", "one"])?;
    git(folder.path(), &["merge", "-q", "--no-ff", "-m", "merge", "-s", "ours", "two"])?;
    let run =
        |store: &str| json(&bakelint(folder.path(), &["replay", "--format", "json", "--branches", "--store", store]));
    let document = run("gha")?;
    // Three commits of the branch, two of the first one, its merge, one of the second one, its merge.
    same(document["branches"].to_string().as_str(), "[null,null,null,0,0,null,1,null]")?;
    // A branch starts with the cache of the default branch, which never sees what the branch has built.
    same(rows(&document)[2].as_str(), "stage-0 4 [1,1,0,1,1,1,1,0]")?;
    // A reference of a registry is one for all: the merge finds what its branch has built.
    same(rows(&run("ref-last-max")?)[2].as_str(), "stage-0 4 [1,1,0,1,1,0,1,1]")?;
    let alone = json(&bakelint(folder.path(), &["replay", "--format", "json", "--store", "gha"]))?;
    same((alone.get("branches"), alone["commits"].as_array().map(Vec::len)), (None::<&Value>, Some(5)))
}

const BAKE: &str = "target \"web\" {}\ntarget \"worker\" {\n  dockerfile = \"worker.Dockerfile\"\n}\n\
    group \"default\" {\n  targets = [\"web\", \"worker\"]\n}\n";

fn workflows() -> Result<(), Failed> {
    let workflow = |set: &str| {
        format!(
            "on: push\njobs:\n  images:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: docker/bake-action@v6\n\
             \x20       with:\n          set: |\n            {set}\n"
        )
    };
    let cases = [
        // A scope for each target: all is found again.
        ("web.cache-to=type=gha,mode=max,scope=web", "web.cache-from=type=gha,scope=web", ["[1,0,0]", "[1,1,1]"]),
        // One for both: the worker is exported last.
        ("*.cache-to=type=gha,mode=max", "*.cache-from=type=gha", ["[1,1,1]", "[1,0,0]"]),
        ("*.pull=true", "*.labels.a=b", ["[1,1,1]", "[1,1,1]"]),
    ];
    for (to, from, expected) in cases {
        let folder = repository(&[])?;
        let workflow = workflow(&format!("{to}\n            {from}"));
        let files = [
            ("docker-bake.hcl", BAKE),
            ("worker.Dockerfile", "FROM alpine\nRUN make worker\n"),
            (".github/workflows/ci.yml", workflow.as_str()),
            (".dockerignore", "*\n!src\n"),
        ];
        commit(folder.path(), &files)?;
        commit(folder.path(), &[("notes", "1")])?;
        commit(folder.path(), &[("notes", "2")])?;
        let document = json(&bakelint(folder.path(), &["replay", "--format", "json", "--commits", "3"]))?;
        same(document["store"].as_str(), Some("declared"))?;
        let flags = |build: usize, step: usize| document["builds"][build]["steps"][step]["rebuilt"].to_string();
        same([flags(0, 2), flags(1, 0)], expected.map(str::to_owned))?;
    }
    Ok(())
}

fn later_targets() -> Result<(), Failed> {
    let folder = repository(&[])?;
    commit(folder.path(), &[("docker-bake.hcl", "target \"web\" {}\n")])?;
    commit(folder.path(), &[("docker-bake.hcl", BAKE), ("worker.Dockerfile", "FROM alpine\nRUN make worker\n")])?;
    let args = ["replay", "--format", "json", "--commits", "2", "--target", "web", "--target", "worker"];
    let document = json(&bakelint(folder.path(), &args))?;
    same(document["failures"].as_array().map(Vec::len), Some(0))?;
    same(rows(&document).last().map(String::as_str), Some("stage-0 2 [null,1]"))
}

fn findings() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    git(folder.path(), &["init", "-q"])?;
    let dockerfile = "FROM node:22.1.0-slim\nWORKDIR /app\nCOPY . .\nRUN npm ci\n";
    let manifest = "{\"name\": \"shop\", \"version\": \"1.0.0\", \"lockfileVersion\": 3, \"packages\": {}}";
    let files = [
        ("Dockerfile", dockerfile),
        (".dockerignore", ".git\n"),
        ("package.json", "{\"name\": \"shop\", \"version\": \"1.0.0\"}"),
        ("package-lock.json", manifest),
    ];
    commit(folder.path(), &files)?;
    for number in 0..6 {
        commit(folder.path(), &[("docs/guide/index.md", &format!("edit {number}"))])?;
    }
    let outcome =
        bakelint(folder.path(), &["check", "--history", "--format", "json", "--select", "copy-before-install"]);
    let document: Value = serde_json::from_str(&outcome.out)?;
    let told = &document["diagnostics"][0]["history"];
    same((told["step"]["rebuilt"].as_u64(), told["step"]["commits"].as_u64()), (Some(6), Some(6)))?;
    same(told["step"]["only_because_of"][0].as_str(), Some("docs/guide/**"))?;
    // With the manifests copied first, the installation is found again.
    same(told["fix"]["steps_saved_per_commit"]["value"].as_f64(), Some(1.0))?;
    let args = ["check", "--history=4", "--select", "copy-before-install"];
    let text = bakelint(folder.path(), &args).out;
    for words in
        ["rebuilt at 3 of 3 commits, at 3 only because of docs/guide/**", "would have saved 1.00 executed steps"]
    {
        let unwrapped = text.split_whitespace().collect::<Vec<_>>().join(" ");
        same((words, unwrapped.contains(words)), (words, true))?;
    }
    let outside = tempfile::tempdir()?;
    let outcome = bakelint(outside.path(), &["check", "--history"]);
    same((outcome.status, outcome.err.contains("no git repository")), (FAILED, true))
}

fn logs() -> Result<(), Failed> {
    let folder = repository(&[])?;
    let stamped = |line: &str| format!("2026-11-23T13:04:05.0000000Z {line}\n");
    let plain = "#7 [4/4] RUN make\n#7 DONE 12.0s\n";
    let job: String = plain.lines().map(stamped).collect();
    let raw = "{\"vertexes\":[{\"digest\":\"sha256:a\",\"name\":\"[4/4] RUN make\",\"started\":\"2026-11-23T13:04:05Z\",\
        \"completed\":\"2026-11-23T13:04:17Z\"}]}\n";
    for (name, text) in [("plain.log", plain), ("job.log", job.as_str()), ("raw.log", raw)] {
        fs::write(folder.path().join(name), text)?;
        let document = json(&bakelint(folder.path(), &["replay", "--format", "json", "--log", name]))?;
        let time = &document["builds"][0]["steps"][2]["time"];
        same((name, time["seconds"].as_f64()), (name, Some(12.0)))?;
    }
    Ok(())
}
