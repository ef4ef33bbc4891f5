//! An artifact is uploaded when all went well, kept for days only, and read by nothing.
//!
//! An upload takes its ten to thirty seconds on the way of every run. A report is wanted when something has failed, and without
//! `if: always()` or `if: failure()` it is not uploaded just then: GitHub skips the step.
//!
//! The rule looks at uploads without a condition that keep the artifact for no more than `max-days`, in workflows of the repository
//! whose jobs download no artifact of that name. Who keeps something for a day does not keep it for people.
//!
//! Not flagged: uploads with a condition, artifacts that are kept longer, and repositories in which a workflow downloads artifacts of others or
//! runs behind them (`workflow_run`).
//!
//! ## Examples
//!
//! ### A report of the tests that passed
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   test:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: make test
//!       - uses: actions/upload-artifact@v4
//!         with:
//!           name: test-results
//!           path: report.xml
//!           retention-days: 1
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:7:15: info[unread-artifact] artifact `test-results` is uploaded when all went well, and nothing reads it
//! ```
//!
//! ```diff
//! --- a/.github/workflows/ci.yml
//! +++ b/.github/workflows/ci.yml
//! @@ -4,7 +4,8 @@
//!      runs-on: ubuntu-latest
//!      steps:
//!        - run: make test
//! -      - uses: actions/upload-artifact@v4
//! +      - if: failure()
//! +        uses: actions/upload-artifact@v4
//!          with:
//!            name: test-results
//!            path: report.xml
//! ```
//!
//! ### A report of the tests that failed
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   test:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: make test
//!       - if: failure()
//!         uses: actions/upload-artifact@v4
//!         with:
//!           name: test-results
//!           path: report.xml
//!           retention-days: 1
//! ```
//!
//! ## Also tested
//!
//! ### Downloaded by name, by pattern, kept long
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   test:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: actions/upload-artifact@v4
//!         with: {name: coverage, path: coverage.xml, retention-days: 1}
//!       - uses: actions/upload-artifact@v4
//!         with: {name: digests-amd64, path: /tmp/digests, retention-days: 1}
//!       - uses: actions/upload-artifact@v4
//!         with: {name: site, path: public, retention-days: 30}
//!       - uses: actions/upload-artifact@v4
//!         with: {name: dist, path: dist}
//!   use:
//!     needs: test
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: actions/download-artifact@v4
//!         with: {name: coverage}
//!       - uses: actions/download-artifact@v4
//!         with: {pattern: digests-*}
//! ```

use bakelint_core::prelude::*;

/// Options.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Rule {
    /// The longest time that an artifact is kept for to be reported, in days.
    pub max_days: u32,
}

impl Default for Rule {
    fn default() -> Self {
        Rule { max_days: 3 }
    }
}

impl Check for Rule {
    const META: Meta =
        Meta { id: "unread-artifact", severity: Severity::Info, fix: Some(Safety::Unsafe), ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        let foreign = project.steps().any(|step| {
            let name = step.uses.as_ref().and_then(|uses| uses.reference.name()).unwrap_or_default();
            name.contains("download-artifact")
                && (name != "actions/download-artifact" || step.input("run-id").is_some())
        });
        // Scripts may download artifacts too.
        let by_script = project
            .step_commands()
            .iter()
            .any(|command| command.name == "gh" && command.verbs().starts_with(&["run", "download"]));
        if foreign || by_script {
            return;
        }
        // A workflow that runs behind another one reads its artifacts, perhaps by an action that does not say so.
        if project.workflows.iter().any(|workflow| workflow.runs_on("workflow_run")) {
            return;
        }
        for workflow in &project.workflows {
            let steps = || workflow.jobs.iter().flat_map(|job| &job.steps);
            let downloads: Vec<&workflow::Step> =
                steps().filter(|step| step.uses_action("actions/download-artifact")).collect();
            // What another workflow or action does is not seen here.
            let open = workflow.is_reusable()
                || workflow.jobs.iter().any(|job| job.uses.is_some())
                || steps()
                    .any(|step| matches!(step.uses.as_ref().map(|uses| &uses.reference), Some(ActionRef::Local(_))));
            if open {
                continue;
            }
            for step in steps().filter(|step| step.uses_action("actions/upload-artifact") && step.condition.is_none()) {
                let days = step.input("retention-days").and_then(|field| field.value.as_number());
                if days.is_none_or(|days| days > f64::from(self.max_days)) {
                    continue;
                }
                let Some(name) = step
                    .input("name")
                    .and_then(|field| field.known())
                    .or(step.input("name").is_none().then_some("artifact"))
                else {
                    continue;
                };
                if downloads.iter().any(|download| reads(download, name)) {
                    continue;
                }
                let span = step.uses.as_ref().map_or(step.span, |uses| uses.value.span);
                let diagnostic =
                    found.add(span, format!("artifact `{name}` is uploaded when all went well, and nothing reads it"));
                if let Some(days) = step.input("retention-days") {
                    diagnostic.label(days.entry, "it is gone soon");
                }
                diagnostic
                    .help("upload it when it is wanted, with `if: failure()`; with `if: always()` if people read it");
                if let Some(edits) = workflow.insert_in_step(project.text(workflow.file), step, "if: failure()") {
                    diagnostic.fix(Fix::unsafe_("Upload it after a failure only", edits));
                }
            }
        }
    }
}

/// Whether a download fetches the artifact.
fn reads(download: &workflow::Step, name: &str) -> bool {
    if let Some(own) = download.input("name") {
        return own.known().is_none_or(|own| own == name);
    }
    match download.input("pattern") {
        Some(pattern) => match pattern.known() {
            Some(pattern) => {
                let start = pattern.split(['*', '?', '[', '{']).next().unwrap_or_default();
                name.starts_with(start)
            }
            None => true,
        },
        None => true,
    }
}
