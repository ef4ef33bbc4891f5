//! Coverage is told to expect several processes, and there is one.
//!
//! `coverage run --parallel-mode` runs nothing in parallel: it only gives the data file a name with the host and the process, so that
//! several runs do not write over each other and `coverage combine` can join them. With one run there is one file, and `combine` renames
//! it. No time is saved.
//!
//! What takes time is the tracing. Since Python 3.12 `COVERAGE_CORE=sysmon` is often faster, for some code slower: measure it. What runs
//! tests in parallel is `pytest -n auto` or `manage.py test --parallel`.
//!
//! Found is a script with one `coverage run -p`, outside of a loop, whose data the same script combines. Not flagged: several runs, tests
//! that start processes (`--parallel`, `-n`, `--concurrency`), and projects whose coverage configuration says something about processes.
//!
//! ## Examples
//!
//! ### One run
//!
//! ```yaml .github/workflows/test.yml
//! on: push
//! jobs:
//!   test:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: |
//!           coverage run --parallel-mode manage.py test
//!           coverage combine
//!           coverage xml
//! ```
//!
//! ```text
//! .github/workflows/test.yml:7:24: info[lone-parallel-coverage] this runs nothing in parallel: it gives the one data file another name
//! ```
//!
//! ### Several, or one that starts processes
//!
//! ```yaml .github/workflows/test.yml
//! on: push
//! jobs:
//!   test:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: |
//!           coverage run --parallel-mode manage.py test accounts
//!           coverage run --parallel-mode manage.py test blog
//!           coverage combine
//!       - run: |
//!           coverage run -p --concurrency=multiprocessing manage.py test --parallel
//!           coverage combine
//! ```
//!
//! ## Also tested
//!
//! ### In a container, and in a job of several
//!
//! ```yaml .github/workflows/test.yml
//! on: push
//! jobs:
//!   test:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: |
//!           docker compose run --rm tests sh -c "coverage run -p -m pytest && coverage combine"
//!   shard:
//!     strategy:
//!       matrix:
//!         app: [accounts, blog]
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: coverage run --parallel-mode manage.py test ${{ matrix.app }}
//! ```
//!
//! ```text
//! .github/workflows/test.yml:7:61: info[lone-parallel-coverage] this runs nothing in parallel: it gives the one data file another name
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta {
        id: "lone-parallel-coverage",
        severity: Severity::Info,
        confidence: Confidence::Medium,
        ..Meta::DEFAULT
    };

    fn check(&self, project: &Project, found: &mut Findings) {
        // What starts processes by itself is told in one of these files.
        let starts = ["pyproject.toml", "setup.cfg"];
        let configured = project.snapshot.paths().iter().any(|path| paths::name(path) == ".coveragerc")
            || project.snapshot.files().any(|(_, source)| {
                starts.contains(&paths::name(&source.path))
                    && ["concurrency", "subprocess", "coverage_process_start"]
                        .iter()
                        .any(|word| source.text().contains(word))
            });
        if configured {
            return;
        }
        for StepScript { script, .. } in project.step_scripts() {
            check_script(script, found);
        }
    }
}

fn check_script(script: &Script, found: &mut Findings) {
    let commands = script.commands();
    // In a container the script is a word of the command.
    let inner: Vec<Script> = commands
        .iter()
        .filter_map(|command| {
            let texts = command.simple.words.get(command.simple.command..)?;
            let at = texts.iter().position(|word| matches!(word.as_plain(), Some("sh" | "bash")))?;
            if at == 0 {
                return None;
            }
            let words: Option<Vec<MappedText>> = texts.get(at..)?.iter().map(mapped).collect();
            Some(shell::from_words(&words?, command.span))
        })
        .collect();
    let mut all: Vec<CommandRef> = commands;
    all.extend(inner.iter().flat_map(Script::commands));
    let coverage = |verb: &'static str| {
        all.iter().filter(move |command| {
            let first = command.simple.arguments().first().and_then(Word::as_plain);
            command.simple.name() == Some("coverage") && first == Some(verb)
        })
    };
    let mut runs = coverage("run");
    let (Some(run), None) = (runs.next(), runs.next()) else { return };
    if run.context.repeated || run.context.background || coverage("combine").next().is_none() {
        return;
    }
    let words = run.simple.arguments();
    let Some(flag) = words.iter().find(|word| matches!(word.as_plain(), Some("--parallel-mode" | "-p"))) else {
        return;
    };
    let starts_processes = |word: &Word| {
        let text = word.prefix();
        word.text().is_none()
            || ["--parallel", "-n", "--numprocesses", "--concurrency", "--timid", "--rcfile"].iter().any(|option| {
                text.strip_prefix(option)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with(|c: char| c == '=' || c.is_ascii_digit()))
            })
    };
    if words.iter().any(starts_processes) {
        return;
    }
    let diagnostic = found.add(flag.span, "this runs nothing in parallel: it gives the one data file another name");
    if let Some(combine) = coverage("combine").next() {
        diagnostic.label(combine.simple.invocation_span().unwrap_or(combine.span), "has one file to combine");
    }
    diagnostic.help("`manage.py test --parallel` and `pytest -n auto` run tests side by side; `COVERAGE_CORE=sysmon` may trace faster");
}

/// A word of one piece.
fn mapped(word: &Word) -> Option<MappedText> {
    match word.parts.as_slice() {
        [shell::Part::Text { text, .. }] => Some(text.clone()),
        _ => None,
    }
}
