//! The program from outside: exit status, what goes where, and what happens with bad input.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use bakelint_cli::{CLEAN, FAILED, FOUND, Surroundings};
use libtest_mimic::{Failed, Trial};
use tempfile::TempDir;

use crate::replay::{commit, git};
use crate::workspace;

/// What a run of the program left.
#[derive(Debug)]
pub struct Outcome {
    /// Exit status.
    pub status: u8,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

/// Runs the program in `directory`.
pub fn bakelint(directory: &Path, args: &[&str]) -> Outcome {
    bakelint_with_input(directory, args, "")
}

fn bakelint_with_input(directory: &Path, args: &[&str], input: &str) -> Outcome {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut around = Surroundings {
        directory: directory.to_owned(),
        color: false,
        width: 100,
        input: &mut input.as_bytes(),
        out: &mut out,
        err: &mut err,
    };
    let status = bakelint_cli::run(std::iter::once(&"bakelint").chain(args), &mut around);
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Outcome { status, out: text(out), err: text(err) }
}

/// A folder with these files.
pub fn folder(files: &[(&str, &[u8])]) -> io::Result<TempDir> {
    let folder = tempfile::tempdir()?;
    for (path, bytes) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap_or(folder.path()))?;
        fs::write(path, bytes)?;
    }
    Ok(folder)
}

/// The trials.
pub fn trials() -> Vec<Trial> {
    vec![
        Trial::test("cli::a path that does not exist is an error", missing_path),
        Trial::test("cli::an empty repository is clean", empty_repository),
        Trial::test("cli::a check of hadolint that is left out is explained and may be named", left_out),
        Trial::test("cli::an ignore comment for hadolint takes hadolint's name away, not BuildKit's", hadolint_comment),
        Trial::test("cli::init takes over hadolint's configuration and overwrites nothing", init),
        Trial::test("cli::a mistyped rule is an error with a suggestion", mistyped_rule),
        Trial::test("cli::a mistake in bakelint.toml is shown in its place", bad_configuration),
        Trial::test("cli::invalid UTF-8 is read and never edited", invalid_utf8),
        Trial::test("cli::a file that is too large is a finding", large_file),
        Trial::test("cli::a link out of the root is not followed", link_outside),
        Trial::test("cli::a file with two names is read once", link_inside),
        Trial::test("cli::an alias bomb is a finding", alias_bomb),
        Trial::test("cli::a bake file with a syntax error hides no other finding", bake_syntax_error),
        Trial::test("cli::bake tells all mistakes at their places", bake_mistakes),
        Trial::test("cli::bake draws the guilty part of an override", bake_override_mistakes),
        Trial::test("cli::bake says where buildx trips", bake_trips),
        Trial::test(
            "cli::bake tells mistakes of compose services, included and extended ones too",
            bake_compose_mistakes,
        ),
        Trial::test("cli::a fix is written, keeps the mode, and leaves nothing to fix", fix_writes),
        Trial::test("cli::a patch is taken by git apply", diff_applies),
        Trial::test("cli::standard input stands in for a file", standard_input),
        Trial::test("cli::findings in other files than asked for are left out", asked_files),
        Trial::test("cli::a file outside of a repository is checked with what lies beside it", file_alone),
        Trial::test("cli::since a revision only what is new is reported", since),
        Trial::test("cli::the baseline survives moved lines and a renamed file", baseline_survives),
    ]
}

fn expect(outcome: &Outcome, status: u8, out: &str, err: &str) -> Result<(), Failed> {
    if outcome.status == status && outcome.out.contains(out) && outcome.err.contains(err) {
        return Ok(());
    }
    Err(format!("expected status {status}, `{out}` on output and `{err}` on error output, got {outcome:#?}").into())
}

fn missing_path() -> Result<(), Failed> {
    let root = folder(&[])?;
    expect(&bakelint(root.path(), &["check", "nowhere"]), FAILED, "", "nowhere: ")
}

fn empty_repository() -> Result<(), Failed> {
    let root = folder(&[])?;
    expect(&bakelint(root.path(), &["check"]), CLEAN, "", "nothing found in 0 files")
}

fn mistyped_rule() -> Result<(), Failed> {
    let root = folder(&[])?;
    let outcome = bakelint(root.path(), &["check", "--select", "unpined-base"]);
    expect(&outcome, FAILED, "", "did you mean `unpinned-base`?")
}

fn bad_configuration() -> Result<(), Failed> {
    let root = folder(&[("bakelint.toml", b"[check]\nignor = []\n")])?;
    let outcome = bakelint(root.path(), &["check"]);
    expect(&outcome, FAILED, "", "bakelint.toml:2:1")?;
    expect(&outcome, FAILED, "", "did you mean `ignore`?")
}

fn invalid_utf8() -> Result<(), Failed> {
    let text = b"from debian:12 AS Web\nRUN echo \xff\xfe\nFROM web\n";
    let root = folder(&[("Dockerfile", text)])?;
    let args = ["check", "--format", "concise", "--select", "uppercase-stage-name"];
    let plain = bakelint(root.path(), &args);
    expect(&plain, FOUND, "uppercase-stage-name", "")?;
    if plain.err.contains("--fix") {
        return Err(format!("a fix is offered: {}", plain.err).into());
    }
    bakelint(root.path(), &["check", "--fix=unsafe"]);
    let after = fs::read(root.path().join("Dockerfile"))?;
    if after == text { Ok(()) } else { Err("the file was edited".into()) }
}

fn large_file() -> Result<(), Failed> {
    let root = folder(&[("Dockerfile", b"")])?;
    fs::File::options().write(true).open(root.path().join("Dockerfile"))?.set_len(100 << 20)?;
    expect(
        &bakelint(root.path(), &["check", "--format", "concise"]),
        FOUND,
        "Dockerfile:1:1: error[unreadable-file]",
        "",
    )
}

#[cfg(unix)]
fn link_outside() -> Result<(), Failed> {
    let outside = folder(&[("Dockerfile", b"RUNN\n")])?;
    let root = folder(&[])?;
    std::os::unix::fs::symlink(outside.path().join("Dockerfile"), root.path().join("Dockerfile"))?;
    expect(&bakelint(root.path(), &["check"]), CLEAN, "", "nothing found")
}

#[cfg(not(unix))]
fn link_outside() -> Result<(), Failed> {
    Ok(())
}

#[cfg(unix)]
fn link_inside() -> Result<(), Failed> {
    let root = folder(&[("Containerfile", b"FROM debian\n"), ("compose.yaml", b"services: {a: {build: .}}\n")])?;
    std::os::unix::fs::symlink("Containerfile", root.path().join("Dockerfile"))?;
    let outcome = bakelint(root.path(), &["check", "--select", "unpinned-base", "--format", "concise"]);
    expect(&outcome, FOUND, "Containerfile:1:6: warning[unpinned-base]", "1 warning in 2 files")
}

#[cfg(not(unix))]
fn link_inside() -> Result<(), Failed> {
    Ok(())
}

fn alias_bomb() -> Result<(), Failed> {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let before = format!("*a{}", level - 1);
        text += &format!("a{level}: &a{level} [{}]\n", [before.as_str(); 10].join(", "));
    }
    let root = folder(&[(".github/workflows/ci.yml", text.as_bytes())])?;
    expect(&bakelint(root.path(), &["check", "--format", "concise"]), FOUND, "ci.yml:", "")
}

fn bake_syntax_error() -> Result<(), Failed> {
    let files: [(&str, &[u8]); 2] =
        [("docker-bake.hcl", b"target \"web\" {\n  tags = [\n"), ("Dockerfile", b"FROM debian\n")];
    let root = folder(&files)?;
    let outcome = bakelint(root.path(), &["check", "--format", "concise"]);
    expect(&outcome, FOUND, "docker-bake.hcl:", "")?;
    expect(&outcome, FOUND, "error[syntax-error]", "")?;
    expect(&outcome, FOUND, "Dockerfile:1:6: warning[unpinned-base]", "")
}

const BAKE: &[u8] = br#"variable "TAG" { default = "v1" }
target "web" {
  inherits = ["bsae"]
  contexts = { assets = "target:asets" }
}
target "base" {}
target "assets" {}
group "default" { targets = ["web", "api"] }
"#;

/// Whether standard error has all of these.
fn tells(outcome: &Outcome, wanted: &[&str]) -> Result<(), Failed> {
    let status = if wanted.iter().any(|wanted| wanted.contains('×')) { FOUND } else { CLEAN };
    wanted.iter().try_for_each(|wanted| expect(outcome, status, "", wanted))
}

fn bake_mistakes() -> Result<(), Failed> {
    let root = folder(&[("docker-bake.hcl", BAKE)])?;
    let outcome = bakelint(root.path(), &["bake"]);
    tells(
        &outcome,
        &[
            "  × failed to find target bsae\n   ╭─[docker-bake.hcl:3:15]\n",
            " 3 │   inherits = [\"bsae\"]\n   ·               ──────\n",
            "help: did you mean `base`?",
            "  × failed to find target api\n   ╭─[docker-bake.hcl:8:37]\n",
            "  × failed to find target asets\n   ╭─[docker-bake.hcl:4:",
            "help: did you mean `assets`?",
        ],
    )?;
    if !outcome.out.is_empty() {
        return Err(format!("nothing is resolved: {}", outcome.out).into());
    }
    let text = b"target \"a\" {\n  tags = [\n    \"x:${VRESION}\",\n    {}\n  ]\n  platforms = 5\n}\nvariable \"VERSION\" {}\n";
    let root = folder(&[("docker-bake.hcl", text)])?;
    tells(
        &bakelint(root.path(), &["bake", "a"]),
        &[
            "× Unknown variable; There is no variable named \"VRESION\". Did you mean \"VERSION\"?",
            "[docker-bake.hcl:3:10]",
            "× Unsuitable value type; Unsuitable value: list of string required, but have number\n",
            "[docker-bake.hcl:6:15]",
        ],
    )
}

fn bake_override_mistakes() -> Result<(), Failed> {
    let root = folder(&[("docker-bake.hcl", b"variable \"TAG\" {}\ntarget \"web\" {}\n")])?;
    let args =
        ["bake", "--set", "web.platforms=linux/arm64", "--set", "wbe.tags=a", "--set", "web.pull=si", "web", "wev"];
    tells(
        &bakelint(root.path(), &args),
        &[
            "× unknown key: platforms\n   ╭─[--set:1:5]\n 1 │ web.platforms=linux/arm64\n   ·     ─────────\n",
            "help: did you mean `platform`?",
            "× could not find any target matching 'wbe'\n",
            "× invalid value si for boolean key pull\n   ╭─[--set:1:10]\n",
            "× failed to find target wev\n",
        ],
    )
}

fn bake_trips() -> Result<(), Failed> {
    let text = b"target \"a\" {\n  args = { X = \"${NOPE}\", Y = \"${NOPE}\" }\n}\n";
    let root = folder(&[("docker-bake.hcl", text)])?;
    tells(
        &bakelint(root.path(), &["bake", "a"]),
        &["× Invalid expression; variable cycle not allowed for NOPE\n", "help: buildx trips here: there is no cycle"],
    )?;
    let root = folder(&[("docker-bake.hcl", b"target \"a\" {}\n")])?;
    let outcome = bakelint(root.path(), &["bake", "--set", "a.network=host", "a"]);
    expect(&outcome, CLEAN, "\"network\": \"\"", "⚠ buildx does not apply `network` as it is written")?;
    let outcome = bakelint(root.path(), &["bake", "--var", "TGA=1", "a"]);
    expect(&outcome, CLEAN, "\"target\"", "⚠ no variable `TGA` is declared, so --var TGA is ignored")
}

fn bake_compose_mistakes() -> Result<(), Failed> {
    let main = b"services:\n  a:\n    extends: {file: common.yaml, service: base}\n  b:\n    build: {args: {X: '${Y:?say Y}'}}\n  c: {}\n";
    let common = b"services:\n  base:\n    build:\n      contextt: src\n";
    let root = folder(&[("compose.yaml", main), ("common.yaml", common)])?;
    tells(
        &bakelint(root.path(), &["bake"]),
        &[
            "× services.a.build additional properties 'contextt' not allowed, did you mean 'context'?\n",
            "[common.yaml:4:7]",
            "extended here",
            "× error while interpolating services.b.build.args.X: required variable Y is missing a value: say Y\n",
            "[compose.yaml:5:23]",
        ],
    )
}

/// A Dockerfile with a finding that has a safe fix.
const FIXABLE: &[u8] = b"FROM debian:12 AS Build\r\nRUN true\r\nFROM debian:12\r\nCOPY --from=build /a /a\r\n";

fn fix_writes() -> Result<(), Failed> {
    let root = folder(&[("Dockerfile", FIXABLE)])?;
    let path = root.path().join("Dockerfile");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640))?;
    }
    let mode = fs::metadata(&path)?.permissions();
    expect(&bakelint(root.path(), &["check", "--fix"]), CLEAN, "", "applied in 1 file")?;
    let after = fs::read_to_string(&path)?;
    if !after.contains(" AS build\r\n") || after.contains("\n\n") {
        return Err(format!("not fixed as expected: {after:?}").into());
    }
    if fs::metadata(&path)?.permissions() != mode {
        return Err("the mode was not kept".into());
    }
    let again = bakelint(root.path(), &["check", "--diff"]);
    if again.out.is_empty() { Ok(()) } else { Err(format!("something is left to fix: {}", again.out).into()) }
}

fn diff_applies() -> Result<(), Failed> {
    let root = folder(&[("web/Docker file/Dockerfile", FIXABLE)])?;
    let outcome = bakelint(root.path(), &["check", "--diff"]);
    expect(&outcome, FOUND, "+++ b/web/Docker file/Dockerfile", "")?;
    let mut git = Command::new("git")
        .args(["apply", "-"])
        .current_dir(root.path())
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut input) = git.stdin.take() {
        io::Write::write_all(&mut input, outcome.out.as_bytes())?;
    }
    let done = git.wait_with_output()?;
    if !done.status.success() {
        return Err(String::from_utf8_lossy(&done.stderr).into_owned().into());
    }
    expect(&bakelint(root.path(), &["check", "--diff"]), CLEAN, "", "")
}

fn standard_input() -> Result<(), Failed> {
    let root = folder(&[("Dockerfile", b"FROM debian:12\n")])?;
    let args = ["check", "--format", "concise", "--stdin-filename", "Dockerfile"];
    let outcome = bakelint_with_input(root.path(), &args, "FROM debian\n");
    expect(&outcome, FOUND, "Dockerfile:1:6: warning[unpinned-base]", "")
}

fn asked_files() -> Result<(), Failed> {
    let root = folder(&[("a/Dockerfile", b"FROM debian\n"), ("b/Dockerfile", b"FROM debian\n")])?;
    let outcome = bakelint(root.path(), &["check", "--format", "concise", "a/Dockerfile", "a"]);
    expect(&outcome, FOUND, "Dockerfile:1:6", "")?;
    if outcome.out.contains("b/") { Err(outcome.out.into()) } else { Ok(()) }
}

fn file_alone() -> Result<(), Failed> {
    let files: [(&str, &[u8]); 3] = [
        ("a/Dockerfile", b"FROM debian:12\nCOPY x src/y notes.md /\n"),
        ("a/.dockerignore", b"notes.md\n"),
        ("a/b/Dockerfile", b"FROM debian\n"),
    ];
    let root = folder(&files)?;
    let outcome = bakelint(root.path(), &["check", "--format", "concise", "a/Dockerfile"]);
    expect(&outcome, FOUND, "copy-of-ignored-file", "in 2 files")
}

fn since() -> Result<(), Failed> {
    let root = folder(&[("Dockerfile", b"FROM debian\n"), ("sub/Dockerfile", b"FROM alpine\n")])?;
    git(root.path(), &["init", "-q"])?;
    commit(root.path(), &[])?;
    git(root.path(), &["branch", "trunk"])?;
    let check = |rev: &str| bakelint(root.path(), &["check", "--format", "concise", "--since", rev]);
    expect(&check("trunk"), CLEAN, "", "2 findings as old as trunk")?;
    // What is moved is not new, and what is written is, committed or not.
    fs::rename(root.path().join("sub/Dockerfile"), root.path().join("sub/app.Dockerfile"))?;
    fs::write(root.path().join("Dockerfile"), "# more\nFROM debian\nFROM ubuntu\n")?;
    let outcome = check("trunk");
    expect(&outcome, FOUND, "Dockerfile:3:6: warning[unpinned-base]", "")?;
    if outcome.out.lines().count() != 1 {
        return Err(outcome.out.into());
    }
    commit(root.path(), &[])?;
    expect(&check("HEAD"), CLEAN, "", "")?;
    expect(&check("HEAD~1"), FOUND, "Dockerfile:3:6", "")?;
    // What others mended since counts as known: the branch did not bring it.
    git(root.path(), &["checkout", "-q", "trunk"])?;
    commit(root.path(), &[("Dockerfile", "FROM debian:12\n")])?;
    git(root.path(), &["checkout", "-q", "-"])?;
    let outcome = check("trunk");
    expect(&outcome, FOUND, "", "2 findings as old as trunk")?;
    expect(&check("nowhere"), FAILED, "", "`nowhere` is no commit of this repository")
}

fn baseline_survives() -> Result<(), Failed> {
    let root = folder(&[("Dockerfile", b"FROM debian\nRUN  true\n")])?;
    expect(&bakelint(root.path(), &["baseline", "--output", "known.json"]), CLEAN, "", "1 new")?;
    fs::remove_file(root.path().join("Dockerfile"))?;
    fs::write(root.path().join("web.Dockerfile"), "# moved\n\n\nFROM  debian\n\nRUN true\n")?;
    let known = bakelint(root.path(), &["check", "--baseline", "known.json"]);
    expect(&known, CLEAN, "", "1 finding known to the baseline")?;
    fs::write(root.path().join("other.Dockerfile"), "FROM debian\n")?;
    expect(&bakelint(root.path(), &["check", "--baseline", "known.json"]), FOUND, "unpinned-base", "")
}

/// The bundled shop is checked as its README says.
pub fn shop() -> std::path::PathBuf {
    workspace().join("examples/shop")
}

fn left_out() -> Result<(), Failed> {
    let folder = folder(&[("Dockerfile", b"FROM debian:12\nRUN a\nRUN b\n")])?;
    let found = bakelint(folder.path(), &["explain", "DL3059"]);
    expect(&found, CLEAN, "makes caching worse", "")?;
    let found =
        bakelint(folder.path(), &["check", "--ignore", "DL3059,SC2086,hadolint:DL3047", "--enable", "hadolint:DL3057"]);
    expect(&found, CLEAN, "", "nothing found")?;
    let found = bakelint(folder.path(), &["explain", "SC2086"]);
    expect(&found, CLEAN, "shellcheck.net/wiki/SC2086", "")
}

fn hadolint_comment() -> Result<(), Failed> {
    let text = b"FROM debian\n# hadolint ignore=DL4000\nMAINTAINER Jane\nMAINTAINER Jim\n# hadolint ignore=DL3004\nRUN sudo id\n";
    let root = folder(&[("Dockerfile", text)])?;
    let named = |alias: &str| {
        let found = bakelint(root.path(), &["check", "--format", "json"]);
        let json: serde_json::Value = serde_json::from_str(&found.out).unwrap_or_default();
        let all = json["diagnostics"].as_array().cloned().unwrap_or_default();
        let lines = all.iter().filter(|next| next["aliases"].as_array().is_some_and(|all| all.contains(&alias.into())));
        lines.filter_map(|next| next["span"]["start"]["line"].as_u64()).collect::<Vec<_>>()
    };
    assert_eq!(named("buildkit:MaintainerDeprecated"), [3, 4]);
    assert_eq!(named("hadolint:DL4000"), [4]);
    assert_eq!(named("hadolint:DL3004"), [0; 0]);
    let found = bakelint(root.path(), &["check", "--format", "concise", "--select", "DL4000"]);
    expect(&found, FOUND, "Dockerfile:4:1", "1 warning")
}

fn init() -> Result<(), Failed> {
    let hadolint = b"ignored: [DL3009]\noverride:\n  error: [DL3015]\n";
    let dockerfile = b"FROM debian:12\nRUN apt-get update && apt-get install -y curl\n";
    let folder = folder(&[(".hadolint.yaml", hadolint), ("Dockerfile", dockerfile)])?;
    expect(&bakelint(folder.path(), &["init", "--from", "hadolint"]), CLEAN, "", "bakelint.toml written")?;
    let found = bakelint(folder.path(), &["check", "--format", "concise"]);
    expect(&found, FOUND, "error[apt-recommends]", "1 error in")?;
    expect(&bakelint(folder.path(), &["init"]), FAILED, "", "bakelint.toml")
}
