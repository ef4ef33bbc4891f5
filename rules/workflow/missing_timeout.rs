//! Jobs that build images have no `timeout-minutes`.
//!
//! A build that hangs, on a mirror that does not answer or a test that waits for itself, holds its runner until GitHub ends it after
//! six hours: 360 billed minutes, and a place in the queue for as long
//! (<https://docs.github.com/en/actions/reference/limits>). Two or three times what the job usually takes is enough.
//!
//! Reported once for a workflow.
//!
//! Not flagged: jobs whose steps that run long have a `timeout-minutes` of their own, and calls of reusable workflows, which cannot
//! have one.
//!
//! ## Examples
//!
//! ### No limit
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:3:3: info[missing-timeout] job `build` may run for six hours
//! ```
//!
//! ```diff
//! --- a/.github/workflows/ci.yml
//! +++ b/.github/workflows/ci.yml
//! @@ -2,5 +2,6 @@
//!  jobs:
//!    build:
//!      runs-on: ubuntu-latest
//! +    timeout-minutes: 60
//!      steps:
//!        - uses: docker/build-push-action@v6
//! ```
//!
//! ### A limit
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     timeout-minutes: 30
//!     steps:
//!       - uses: docker/build-push-action@v6
//! ```
//!
//! ## Also tested
//!
//! ### Several jobs, limits of steps, jobs that build nothing
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   lint:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: make lint
//!   one:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//!         timeout-minutes: 20
//!   two:
//!     steps:
//!       - run: docker build .
//!     runs-on: ubuntu-latest
//!   three: {runs-on: ubuntu-latest, steps: [{run: docker build .}]}
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:12:3: info[missing-timeout] job `two` and another one may run for six hours
//! ```
//!
//! ```diff
//! --- a/.github/workflows/ci.yml
//! +++ b/.github/workflows/ci.yml
//! @@ -13,4 +13,5 @@
//!      steps:
//!        - run: docker build .
//!      runs-on: ubuntu-latest
//! -  three: {runs-on: ubuntu-latest, steps: [{run: docker build .}]}
//! +    timeout-minutes: 60
//! +  three: {runs-on: ubuntu-latest, timeout-minutes: 60, steps: [{run: docker build .}]}
//! ```

use bakelint_core::prelude::*;

/// Options.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Rule {
    /// The limit that the fix sets, in minutes.
    pub minutes: u32,
}

impl Default for Rule {
    fn default() -> Self {
        Rule { minutes: 60 }
    }
}

impl Check for Rule {
    const META: Meta =
        Meta { id: "missing-timeout", severity: Severity::Info, fix: Some(Safety::Unsafe), ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for (at, workflow) in project.workflows.iter().enumerate() {
            let unlimited = |(job_at, job): &(usize, &Job)| {
                job.timeout_minutes.is_none()
                    && project.job_builds(at, *job_at).any(|build| {
                        let step = build.caller.as_ref().and_then(|caller| job.steps.get(caller.step.step));
                        step.is_some_and(|step| step.timeout_minutes.is_none())
                    })
            };
            let jobs: Vec<&Job> = workflow.jobs.iter().enumerate().filter(unlimited).map(|(_, job)| job).collect();
            let Some((first, others)) = jobs.split_first() else { continue };
            let message = match others.len() {
                0 => format!("job `{}` may run for six hours", first.id.node),
                1 => format!("job `{}` and another one may run for six hours", first.id.node),
                count => format!("job `{}` and {count} others may run for six hours", first.id.node),
            };
            let diagnostic = found.add(first.id.span, message);
            for other in others {
                diagnostic.label(other.id.span, "so may this one");
            }
            diagnostic
                .help("a build that hangs is only ended then; set `timeout-minutes` to a few times what the job takes");
            let text = project.text(workflow.file);
            let entry = format!("timeout-minutes: {}", self.minutes);
            let edits: Option<Vec<Vec<Edit>>> =
                jobs.iter().map(|job| workflow.insert_in_job(text, job, &entry)).collect();
            if let Some(edits) = edits {
                diagnostic.fix(Fix::unsafe_("Set a limit", edits.concat()));
            }
        }
    }
}
