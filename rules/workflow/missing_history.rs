//! A script asks git for commits that the checkout did not fetch.
//!
//! `actions/checkout` fetches one commit unless `fetch-depth` says otherwise. `HEAD^`, `origin/main...HEAD` or the commit of
//! `github.event.before` are then not there: git fails with «unknown revision», and where its output is only put into a text, the
//! job goes on with an empty list of files and skips what it should test or build.
//!
//! Not flagged: scripts behind a `git fetch`, behind an action of the repository itself, and commands whose failure is provided for with
//! `||`.
//!
//! ## Examples
//!
//! ### The commit before
//!
//! ```yaml .github/workflows/ci.yml
//! on: pull_request
//! jobs:
//!   test:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: actions/checkout@v5
//!       - id: changed
//!         run: echo "count=$(git diff --name-only HEAD^ | wc -l)" >> "$GITHUB_OUTPUT"
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:8:49: error[missing-history] `HEAD^` is not there: the checkout fetches only one commit
//! ```
//!
//! ```diff
//! --- a/.github/workflows/ci.yml
//! +++ b/.github/workflows/ci.yml
//! @@ -4,5 +4,7 @@
//!      runs-on: ubuntu-latest
//!      steps:
//!        - uses: actions/checkout@v5
//! +        with:
//! +          fetch-depth: 2
//!        - id: changed
//!          run: echo "count=$(git diff --name-only HEAD^ | wc -l)" >> "$GITHUB_OUTPUT"
//! ```
//!
//! ### The commit before, fetched
//!
//! ```yaml .github/workflows/ci.yml
//! on: pull_request
//! jobs:
//!   test:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: actions/checkout@v5
//!         with:
//!           fetch-depth: 2
//!       - id: changed
//!         run: echo "count=$(git diff --name-only HEAD^ | wc -l)" >> "$GITHUB_OUTPUT"
//! ```
//!
//! ## Also tested
//!
//! ### Branches and events
//!
//! ```yaml .github/workflows/ci.yml
//! on: [push, pull_request]
//! jobs:
//!   a:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: actions/checkout@v5
//!         with: {persist-credentials: false}
//!       - run: git diff --quiet origin/main...HEAD -- docs
//!   b:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: actions/checkout@v5
//!         with:
//!           fetch-depth: 2
//!       - run: |
//!           git log --oneline HEAD~3..HEAD
//!           git diff --name-only ${{ github.event.before }} ${{ github.sha }}
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:8:31: error[missing-history] `origin/main...HEAD` is not there: the checkout fetches only one commit
//! .github/workflows/ci.yml:16:29: error[missing-history] `HEAD~3..HEAD` is not there: the checkout fetches only 2 commits
//! ```
//!
//! ```diff
//! --- a/.github/workflows/ci.yml
//! +++ b/.github/workflows/ci.yml
//! @@ -4,14 +4,14 @@
//!      runs-on: ubuntu-latest
//!      steps:
//!        - uses: actions/checkout@v5
//! -        with: {persist-credentials: false}
//! +        with: {persist-credentials: false, fetch-depth: 0}
//!        - run: git diff --quiet origin/main...HEAD -- docs
//!    b:
//!      runs-on: ubuntu-latest
//!      steps:
//!        - uses: actions/checkout@v5
//!          with:
//! -          fetch-depth: 2
//! +          fetch-depth: 4
//!        - run: |
//!            git log --oneline HEAD~3..HEAD
//!            git diff --name-only ${{ github.event.before }} ${{ github.sha }}
//! ```
//!
//! ### Provided for, or fetched by hand
//!
//! ```yaml .github/workflows/ci.yml
//! on: pull_request
//! jobs:
//!   a:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: actions/checkout@v5
//!       - run: |
//!           git diff --quiet HEAD^ || true
//!           git fetch --depth=1 origin main
//!           git diff --name-only origin/main...HEAD
//!   b:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: actions/checkout@v5
//!       - uses: ./.github/actions/fetch
//!       - run: git show HEAD~1
//!   c:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: actions/checkout@v5
//!         with: {fetch-depth: 0}
//!       - run: git diff HEAD~5 && git log -1 HEAD
//!   d:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: actions/checkout@v5
//!       - run: |
//!           git commit -am change
//!           git diff HEAD^
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta =
        Meta { id: "missing-history", severity: Severity::Error, fix: Some(Safety::Unsafe), ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for (at, workflow) in project.workflows.iter().enumerate() {
            for (job_at, job) in workflow.jobs.iter().enumerate() {
                self.job(project, workflow, job, project.job_commands(at, job_at), found);
            }
        }
    }
}

/// A checkout of which it is known how many commits it fetches.
struct Checkout<'w> {
    step: usize,
    depth: u64,
    at: &'w workflow::Step,
}

impl Rule {
    fn job(&self, project: &Project, workflow: &Workflow, job: &Job, commands: &[StepCommand], found: &mut Findings) {
        let Some(checkout) = checkout(job) else { return };
        // An action of the repository itself, or one that looks for changes, may fetch more.
        let fetches = |step: &workflow::Step| match step.uses.as_ref().map(|uses| &uses.reference) {
            Some(ActionRef::Local(_)) => true,
            Some(reference) => reference.name().is_some_and(|name| name.contains("chang") || name.contains("git")),
            None => false,
        };
        let end = (checkout.step + 1..job.steps.len()).find(|at| fetches(&job.steps[*at])).unwrap_or(job.steps.len());
        for command in commands.iter().filter(|command| command.name == "git") {
            if command.place.step < checkout.step || command.place.step >= end {
                continue;
            }
            let verbs = command.verbs();
            // Commits of the job's own, and other working trees, are there.
            if matches!(
                verbs.first(),
                Some(
                    &("fetch"
                        | "pull"
                        | "clone"
                        | "commit"
                        | "merge"
                        | "rebase"
                        | "remote"
                        | "checkout"
                        | "am"
                        | "cherry-pick"
                        | "init"
                        | "switch")
                )
            ) || command.words.iter().any(|(word, _)| word.as_known() == Some("-C"))
            {
                return;
            }
            if !matches!(
                verbs.first(),
                Some(&("diff" | "log" | "show" | "rev-list" | "rev-parse" | "merge-base" | "diff-tree"))
            ) {
                continue;
            }
            let Some((needed, word, span)) = needed(command, workflow, checkout.depth) else { continue };
            if needed.is_some_and(|depth| depth <= checkout.depth) || is_guarded(project, command) {
                continue;
            }
            let name = command.words.get(word).map(|(text, _)| text.to_string()).unwrap_or_default();
            let commits = if checkout.depth == 1 {
                "only one commit".to_owned()
            } else {
                format!("only {} commits", checkout.depth)
            };
            let diagnostic = found.add(span, format!("`{name}` is not there: the checkout fetches {commits}"));
            diagnostic
                .label(checkout.at.uses.as_ref().map_or(checkout.at.span, |uses| uses.value.span), "checks out here");
            let depth = needed.unwrap_or(0);
            diagnostic.help(match needed {
                Some(depth) => format!("fetch {depth} commits with `fetch-depth: {depth}`"),
                None => "fetch the history with `fetch-depth: 0`, or the commit with `git fetch`".to_owned(),
            });
            let text = project.text(workflow.file);
            if let Some(edits) = workflow.set_input(text, checkout.at, "fetch-depth", &depth.to_string()) {
                diagnostic.fix(Fix::unsafe_("Fetch what the script reads", edits));
            }
            return;
        }
    }
}

/// The job's only checkout, if it is of the repository itself and its depth is known and not all.
fn checkout(job: &Job) -> Option<Checkout<'_>> {
    let mut checkouts = job.steps.iter().enumerate().filter(|(_, step)| step.uses_action("actions/checkout"));
    let (step, at) = checkouts.next()?;
    if checkouts.next().is_some()
        || ["repository", "path"].iter().any(|name| at.input(name).is_some())
        || at.with.dynamic
    {
        return None;
    }
    let depth = match at.input("fetch-depth") {
        None => 1,
        Some(field) => field.known()?.trim().parse().ok().filter(|depth| *depth > 0)?,
    };
    Some(Checkout { step, depth, at })
}

/// How many commits a word of the command asks for, nothing if that cannot be said; with its index and place.
fn needed(command: &StepCommand, workflow: &Workflow, depth: u64) -> Option<(Option<u64>, usize, Span)> {
    // A push to a branch fetches `origin/BRANCH`.
    let only_push = workflow.runs_only_on(&["push", "workflow_dispatch", "schedule", "release"]);
    let words = command.words.iter().enumerate().skip(1);
    for (at, (text, span)) in words {
        if text.as_known() == Some("--") {
            return None;
        }
        let elsewhere = text.unknowns().any(|words| {
            matches!(words, "github.event.before" | "github.event.pull_request.base.sha" | "github.base_ref")
        });
        let known = text.prefix();
        let first = known.split("..").next().unwrap_or_default();
        let branch = first.starts_with("origin/") && known.contains("..") && !only_push;
        // The base of a pull request is the first parent of the commit that is checked out.
        if depth == 1 && elsewhere || branch {
            return Some((None, at, *span));
        }
        let Some(rest) = first.strip_prefix("HEAD") else { continue };
        let rest = rest.split(':').next().unwrap_or_default();
        let steps = if !rest.is_empty() && rest.chars().all(|c| c == '^') {
            rest.len() as u64
        } else if rest == "~" {
            1
        } else if let Some(Ok(count)) = rest.strip_prefix('~').map(str::parse::<u64>) {
            count
        } else {
            continue;
        };
        if steps > 0 {
            return Some((Some(steps + 1), at, *span));
        }
    }
    None
}

/// Whether the command's failure is provided for: it is a condition, or a `||` stands behind it.
fn is_guarded(project: &Project, command: &StepCommand) -> bool {
    let Some(script) = project.step_script(command.place) else { return true };
    let commands = script.commands();
    let Some(own) = commands.get(command.index) else { return true };
    let behind = commands.iter().skip(command.index + 1).find(|other| other.span.start >= own.span.end);
    behind.is_some_and(|next| next.context.joiner == Some(shell::Joiner::Or))
        || own.redirects.iter().any(|redirect| redirect.descriptor == Some(2) && redirect.target.is("/dev/null"))
}
