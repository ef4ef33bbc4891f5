//! Builds of a pull request go on when a newer commit has made them useless.
//!
//! Every push to the branch of a pull request starts the workflow again, and without `concurrency` the runs before it build
//! to the end: minutes that are paid, runners that others wait for, and cache entries that push useful ones out. With a
//! group of its own for each pull request, and `cancel-in-progress`, only the newest commit is built
//! ([concurrency](https://docs.github.com/en/actions/how-tos/write-workflows/choose-when-workflows-run/control-workflow-concurrency)).
//! The fix names the group so that runs for other events, such as pushes to the default branch, stay as they are.
//!
//! Not flagged: workflows that new commits do not start again, those that deploy or release, which must not end half-way, builds under a condition that asks for the event or the
//! branch, jobs with an `environment`, and jobs that have `concurrency` of their own.
//!
//! ## Examples
//!
//! ### Every commit is built to the end
//!
//! ```dockerfile
//! FROM alpine:3.22
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on:
//!   pull_request:
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:2:3: info[superseded-runs] a new commit of a pull request does not end the builds of the one before it
//! ```
//!
//! ```diff
//! --- a/.github/workflows/ci.yml
//! +++ b/.github/workflows/ci.yml
//! @@ -1,5 +1,8 @@
//!  on:
//!    pull_request:
//! +concurrency:
//! +  group: ${{ github.workflow }}-${{ github.event.pull_request.number || github.run_id }}
//! +  cancel-in-progress: true
//!  jobs:
//!    build:
//!      runs-on: ubuntu-latest
//! ```
//!
//! ### The newest commit is built
//!
//! ```dockerfile
//! FROM alpine:3.22
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on:
//!   pull_request:
//! concurrency:
//!   group: ${{ github.workflow }}-${{ github.ref }}
//!   cancel-in-progress: true
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//! ```
//!
//! ## Also tested
//!
//! ### Previews that are deployed, and a workflow that others call
//!
//! ```dockerfile
//! FROM alpine:3.22
//! ```
//!
//! ```yaml .github/workflows/preview.yml
//! on: pull_request
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//!   deploy-preview:
//!     needs: build
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: make deploy
//! ```
//!
//! ```yaml .github/workflows/build.yml
//! on:
//!   pull_request:
//!   workflow_call:
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//! ```
//!
//! ```text
//! .github/workflows/build.yml:2:3: info[superseded-runs] a new commit of a pull request does not end the builds of the one before it
//! ```
//!
//! ### Only when it is closed
//!
//! ```dockerfile
//! FROM alpine:3.22
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on:
//!   pull_request:
//!     types: [closed]
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//! ```
//!
//! ### Not for pull requests
//!
//! ```dockerfile
//! FROM alpine:3.22
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: [push, pull_request]
//! jobs:
//!   build:
//!     if: github.event_name == 'push'
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

/// The settings that end superseded runs of a pull request and touch no others.
const CONCURRENCY: &str = "concurrency:\n  group: ${{ github.workflow }}-${{ github.event.pull_request.number || github.run_id }}\n  cancel-in-progress: true";

impl Check for Rule {
    const META: Meta =
        Meta { id: "superseded-runs", severity: Severity::Info, fix: Some(Safety::Unsafe), ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for (at, workflow) in project.workflows.iter().enumerate() {
            let Some(trigger) = workflow.trigger("pull_request") else { continue };
            // A commit is the event's type `synchronize`, which is among the default ones.
            let commits = trigger.types.is_empty()
                || trigger.types.iter().any(|kind| kind.known().is_none_or(|kind| kind == "synchronize"));
            if !commits || workflow.concurrency.is_some() || workflow.jobs.iter().any(deploys) {
                continue;
            }
            let callers = project.builds.iter().filter_map(|build| build.caller.as_ref());
            let build = callers.filter(|caller| caller.step.workflow == at).find(|caller| {
                let Some((_, job, step)) = project.step(caller.step) else { return false };
                let conditions = [&job.condition, &step.condition];
                let asks = |text: &str| ["github", "event", "pull_request"].iter().any(|word| text.contains(word));
                job.concurrency.is_none()
                    && job.environment.is_none()
                    && !conditions.into_iter().flatten().any(|condition| asks(condition.text.as_str()))
            });
            let Some(build) = build else { continue };
            let diagnostic = found
                .add(trigger.event.span, "a new commit of a pull request does not end the builds of the one before it");
            diagnostic.label(build.span, "builds to the end");
            diagnostic.help("set `concurrency` with a group for each pull request and `cancel-in-progress: true`");
            // Called by another workflow it would have that one's name, and the two would end each other.
            if workflow.is_reusable() {
                continue;
            }
            let Some(root) = workflow.tree.root() else { continue };
            let Some(jobs) = root.entries().find(|entry| entry.name() == Some("jobs")) else { continue };
            let text = project.text(workflow.file);
            let before = text.get(..jobs.span().start as usize).unwrap_or_default();
            // Between lines of their own the settings can stand before `jobs`; in braces they cannot.
            if before.ends_with('\n') {
                let line_end = if before.ends_with("\r\n") { "\r\n" } else { "\n" };
                let settings: String = CONCURRENCY.lines().flat_map(|line| [line, line_end]).collect();
                diagnostic.fix(Fix::unsafe_(
                    "End runs that a newer commit supersedes",
                    vec![Edit::insert(jobs.span(), settings)],
                ));
            }
        }
    }
}

/// Whether a job writes somewhere, so that it must not end half-way.
fn deploys(job: &Job) -> bool {
    let mut words = job.id.node.split(|c: char| !c.is_ascii_alphanumeric());
    let named = words.any(|word| {
        matches!(word.to_ascii_lowercase().as_str(), "deploy" | "preview" | "release" | "publish" | "rollout")
    });
    named || job.environment.is_some()
}
