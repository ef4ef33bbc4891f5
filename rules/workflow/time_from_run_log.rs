//! The log of a run is searched for times that it does not hold.
//!
//! `gh run view --log` downloads what the steps have printed, each line with the names of job and step and a timestamp. When a job or a
//! step began and ended is not part of that, so `grep "completed at"` finds what some program happens to print, or nothing.
//!
//! `gh run view --json jobs` has `startedAt` and `completedAt` of every job and step, in a few kilobytes.
//!
//! Found is `gh run view --log` whose output goes through `grep`, `awk` or `sed` with words such as `completed at`, `started at` or
//! `duration`. Not flagged: searches for anything else, which may well be printed by a step.
//!
//! ## Examples
//!
//! ### Searched
//!
//! ```yaml .github/workflows/times.yml
//! on: workflow_dispatch
//! jobs:
//!   times:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: gh run view "$RUN" --log | grep "completed at"
//! ```
//!
//! ```text
//! .github/workflows/times.yml:6:46: warning[time-from-run-log] the log of a run does not say when its jobs and steps began and ended
//! ```
//!
//! ### Asked for
//!
//! ```yaml .github/workflows/times.yml
//! on: workflow_dispatch
//! jobs:
//!   times:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: gh run view "$RUN" --json jobs --jq '.jobs[] | [.name, .startedAt, .completedAt]'
//!       - run: gh run view "$RUN" --log | grep "FAILED"
//!       - run: gh run view "$RUN" | grep "completed at"
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

/// What people look for.
const TIMES: &[&str] = &[
    "completed at",
    "completedat",
    "completed_at",
    "started at",
    "startedat",
    "started_at",
    "finished at",
    "duration",
];

impl Check for Rule {
    const META: Meta = Meta { id: "time-from-run-log", ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for StepScript { script, .. } in project.step_scripts() {
            let commands = script.commands();
            for pair in commands.windows(2) {
                let [view, search] = pair else { continue };
                let words: Vec<&str> = view.simple.arguments().iter().filter_map(Word::as_plain).collect();
                let fetches = view.simple.name() == Some("gh")
                    && words.starts_with(&["run", "view"])
                    && words.iter().any(|word| matches!(*word, "--log" | "--log-failed"));
                let piped = search.context.pipe_index == view.context.pipe_index + 1
                    && search.context.pipe_len == view.context.pipe_len
                    && matches!(search.simple.name(), Some("grep" | "egrep" | "rg" | "awk" | "sed"));
                if !fetches || !piped {
                    continue;
                }
                let wanted = search.simple.arguments().iter().find(|word| {
                    let text = word.text().unwrap_or_default().to_lowercase();
                    TIMES.iter().any(|time| text.contains(time))
                });
                let Some(wanted) = wanted else { continue };
                let message = "the log of a run does not say when its jobs and steps began and ended";
                let diagnostic = found.add(wanted.span, message);
                diagnostic.label(view.simple.invocation_span().unwrap_or(view.span), "what the steps have printed");
                diagnostic.help("`gh run view --json jobs` has `startedAt` and `completedAt` of each of them");
            }
        }
    }
}
