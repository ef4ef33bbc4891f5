//! A step's output of several lines is written as `name=value`.
//!
//! `$GITHUB_OUTPUT` and `$GITHUB_ENV` take one `name=value` a line. The second line of a list of files is then no value but a
//! broken entry: GitHub fails the step with «Invalid format». It works as long as one file has changed, so it fails late. Several
//! lines need the form with an end mark:
//! <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#multiline-strings>.
//!
//! The rule looks at quoted outputs of commands that list things: `git diff --name-only`, `git ls-files`. `find` and `ls` are often asked for
//! the one file that there is, so they are only hinted at.
//!
//! Not flagged: lists that are made one line (`| tr '\n' ' '`, `| jq -Rsc`), and unquoted ones, whose lines the shell joins.
//!
//! ## Examples
//!
//! ### The files that have changed
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   test:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - id: changed
//!         run: echo "files=$(git diff --name-only origin/main)" >> $GITHUB_OUTPUT
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:7:26: error[multiline-output] this can be several lines, and `GITHUB_OUTPUT` takes one line as `name=value`
//! ```
//!
//! ### With an end mark, or in one line
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   test:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - id: changed
//!         run: |
//!           {
//!             echo 'files<<END'
//!             git diff --name-only origin/main
//!             echo END
//!           } >> "$GITHUB_OUTPUT"
//!           echo "line=$(git diff --name-only origin/main | tr '\n' ' ')" >> "$GITHUB_OUTPUT"
//! ```
//!
//! ## Also tested
//!
//! ### By a variable, sorted, and what is one line
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   test:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: |
//!           CHANGED=$(git diff --name-only HEAD | grep Dockerfile | sort -u)
//!           echo "changed=${CHANGED}" >> "$GITHUB_OUTPUT"
//!       - run: |
//!           echo "all=$(find . -name '*.py')" >> "$GITHUB_ENV"
//!           echo all=$(find . -name '*.py') >> "$GITHUB_ENV"
//!           echo "count=$(find . -name '*.py' | wc -l)" >> "$GITHUB_ENV"
//!           echo "last=$(git log -1 --format=%h)" >> "$GITHUB_ENV"
//!           echo "first=$(ls | head -n 1)" >> "$GITHUB_ENV"
//!           echo "head=$(git rev-parse HEAD)" >> "$GITHUB_ENV"
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:8:25: error[multiline-output] this can be several lines, and `GITHUB_OUTPUT` takes one line as `name=value`
//! .github/workflows/ci.yml:10:21: warning[multiline-output] this can be several lines, and `GITHUB_ENV` takes one line as `name=value`
//! ```

use bakelint_core::prelude::*;
use std::collections::BTreeMap;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "multiline-output", severity: Severity::Error, ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for StepScript { script, .. } in project.step_scripts() {
            let mut lists: BTreeMap<&str, Span> = BTreeMap::new();
            for command in script.commands() {
                for assignment in &command.simple.assignments {
                    match list_in(&assignment.value, true) {
                        Some(span) => lists.insert(&assignment.name, span),
                        None => lists.remove(assignment.name.as_str()),
                    };
                }
                let Some(file) = command.redirects.iter().find_map(file) else { continue };
                if !matches!(command.simple.name(), Some("echo" | "printf")) {
                    continue;
                }
                for word in command.simple.arguments() {
                    let prefix = word.prefix();
                    if !prefix.contains('=') || prefix.contains("<<") {
                        continue;
                    }
                    let by_variable = || {
                        word.parts.iter().find_map(|part| match part {
                            shell::Part::Variable { name, operator, quoted: true, span, .. } if operator.is_empty() => {
                                lists.get(name.as_str()).map(|list| (*span, Some(*list)))
                            }
                            _ => None,
                        })
                    };
                    let Some((span, list)) = list_in(word, false).map(|span| (span, None)).or_else(by_variable) else {
                        continue;
                    };
                    let diagnostic = found
                        .add(span, format!("this can be several lines, and `{file}` takes one line as `name=value`"));
                    if !mentions_git(script, list.unwrap_or(span)) {
                        diagnostic.confidence(Confidence::Low).severity(Severity::Warning);
                    }
                    if let Some(list) = list {
                        diagnostic.label(list, "the list comes from here");
                    }
                    diagnostic.help(format!(
                        "write `name<<END`, the lines and `END` with `{{ …; }} >> \"${file}\"`, or make it one line with `tr '\\n' ' '`"
                    ));
                }
            }
        }
    }
}

/// Whether the list at a place comes from git.
fn mentions_git(script: &Script, list: Span) -> bool {
    let mut commands = script.commands().into_iter();
    commands.any(|command| list.contains(command.span) && command.simple.name() == Some("git"))
}

/// The file of GitHub's that a redirection appends to.
fn file(redirect: &shell::Redirect) -> Option<&str> {
    let (name, _) = *redirect.target.variables().first()?;
    matches!(name, "GITHUB_OUTPUT" | "GITHUB_ENV").then_some(name)
}

/// Where a word holds the output of a command that lists things. In an assignment it counts without quotes too.
fn list_in(word: &Word, assigned: bool) -> Option<Span> {
    word.parts.iter().find_map(|part| match part {
        shell::Part::Command { list, quoted, span } if *quoted || assigned => {
            let [entry] = list.entries.as_slice() else { return None };
            entry.rest.is_empty().then_some(())?;
            let mut commands = entry.first.commands.iter().map(|command| match &command.kind {
                shell::CommandKind::Simple(simple) => Some(simple.as_ref()),
                _ => None,
            });
            let first = commands.next()??;
            let keeps = |simple: &shell::Simple| match simple.name() {
                Some("sort" | "uniq") => true,
                Some("grep") => !simple.arguments().iter().any(|word| {
                    let text = word.prefix();
                    text.starts_with('-') && (text.contains(['c', 'q', 'm']) || text.starts_with("--"))
                }),
                _ => false,
            };
            (lists(first) && commands.all(|command| command.is_some_and(keeps))).then_some(*span)
        }
        _ => None,
    })
}

/// Whether a command prints a line for each of many things.
fn lists(simple: &shell::Simple) -> bool {
    let words: Vec<String> = simple.arguments().iter().map(Word::prefix).collect();
    let has = |names: &[&str]| words.iter().any(|word| names.contains(&word.as_str()));
    match simple.name() {
        Some("git") => match words.first().map(String::as_str) {
            Some("diff" | "diff-tree" | "show") => has(&["--name-only", "--name-status"]),
            Some("ls-files") => true,
            _ => false,
        },
        Some("find") => !has(&["-quit", "-printf", "-print0", "-exec", "-maxdepth"]),
        Some("ls") => !has(&["-d", "-m"]) && words.iter().all(|word| word.starts_with('-') || word.is_empty()),
        _ => false,
    }
}
