//! The record of builds is switched off, and with it what tells where their time goes.
//!
//! Docker's build actions upload a `.dockerbuild` file with the time and the cache use of every step
//! (<https://docs.docker.com/build/ci/github-actions/build-summary/>). Without it, why a build is slow can only be guessed; with a few of
//! them, `bakelint replay` weighs each step by what it has taken.
//!
//! A hint: the upload takes a few seconds, and who does not look at the records is right to switch it off.
//!
//! ## Examples
//!
//! ### Switched off
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! env:
//!   DOCKER_BUILD_RECORD_UPLOAD: false
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:3:3: info[disabled-build-record] no record is kept of what the steps of builds took
//! ```
//!
//! ### Kept for a week
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! env:
//!   DOCKER_BUILD_RECORD_RETENTION_DAYS: 7
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//! ```
//!
//! ## Also tested
//!
//! ### For one step
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/bake-action@v6
//!         env:
//!           DOCKER_BUILD_SUMMARY: "false"
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:8:11: info[disabled-build-record] no record is kept of what the steps of builds took
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta =
        Meta { id: "disabled-build-record", severity: Severity::Info, confidence: Confidence::Low, ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for workflow in &project.workflows {
            let jobs = workflow.jobs.iter();
            let inner = jobs.flat_map(|job| std::iter::once(&job.env).chain(job.steps.iter().map(|step| &step.env)));
            for map in std::iter::once(&workflow.env).chain(inner) {
                for name in ["DOCKER_BUILD_RECORD_UPLOAD", "DOCKER_BUILD_SUMMARY"] {
                    let Some(field) = map.get(name).filter(|field| field.value.as_bool() == Eval::Known(Some(false)))
                    else {
                        continue;
                    };
                    found
                        .add(field.name.span, "no record is kept of what the steps of builds took")
                        .help("with a few `.dockerbuild` files the time of each step is known, not guessed");
                }
            }
        }
    }
}
