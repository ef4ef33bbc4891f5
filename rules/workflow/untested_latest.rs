//! A tag that people deploy is pushed before the tests have passed.
//!
//! `latest` and its like are what others pull. A job that pushes them without waiting for the tests publishes what may fail them, and
//! to delete it afterwards is a race: between push and deletion somebody has pulled, and a cancelled run does not delete at all. Push
//! under a tag of the commit or the run, test that, and set the moving tag by its digest as the last step:
//! `docker buildx imagetools create --tag web:latest web@sha256:…`.
//!
//! The rule looks at builds that push `latest`, `stable`, `prod`, `production` or `release`, in workflows with a job that is called after
//! tests and that the pushing job does not wait for.
//!
//! Not flagged: jobs whose conditions exclude each other, and workflows without tests.
//!
//! ## Examples
//!
//! ### Pushed side by side with the tests
//!
//! ```dockerfile
//! FROM alpine:3.22
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//!         with:
//!           push: true
//!           tags: |
//!             ghcr.io/shop/web:${{ github.sha }}
//!             ghcr.io/shop/web:latest
//!   test:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: make test
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:11:13: warning[untested-latest] `ghcr.io/shop/web:latest` is pushed whether or not job `test` passes
//! ```
//!
//! ### Pushed behind the tests
//!
//! ```dockerfile
//! FROM alpine:3.22
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   build:
//!     needs: test
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//!         with:
//!           push: true
//!           tags: ghcr.io/shop/web:latest
//!   test:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: make test
//! ```
//!
//! ## Also tested
//!
//! ### Tested when it is public already
//!
//! ```dockerfile
//! FROM alpine:3.22
//! ```
//!
//! ```hcl
//! target "web" {
//!   tags = ["ghcr.io/shop/web:stable"]
//! }
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/bake-action@v6
//!         with:
//!           targets: web
//!           push: true
//!   smoke-test:
//!     needs: build
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: docker run --rm ghcr.io/shop/web:stable --version
//! ```
//!
//! ```text
//! docker-bake.hcl:2:11: warning[untested-latest] `ghcr.io/shop/web:stable` is pushed before job `smoke-test` has tested it
//! ```
//!
//! ### Tests of pull requests, images of releases
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
//!         with:
//!           push: true
//!           tags: ghcr.io/shop/web:latest
//!   test:
//!     if: github.event_name == 'pull_request'
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: make test
//! ```

use bakelint_core::prelude::*;

/// Options.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Rule {
    /// Tags that people deploy.
    pub tags: Vec<String>,
}

impl Default for Rule {
    fn default() -> Self {
        Rule { tags: ["latest", "stable", "prod", "production", "release"].map(str::to_owned).into() }
    }
}

impl Check for Rule {
    const META: Meta = Meta { id: "untested-latest", confidence: Confidence::Medium, ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for (at, workflow) in project.workflows.iter().enumerate() {
            for job_at in 0..workflow.jobs.len() {
                self.job(project, at, workflow, job_at, found);
            }
        }
    }
}

impl Rule {
    fn job(&self, project: &Project, at: usize, workflow: &Workflow, job_at: usize, found: &mut Findings) {
        let waits = workflow.needs_closure(job_at);
        let is_test = |other: usize| {
            let job = &workflow.jobs[other];
            let mut words = job.id.node.split(|c: char| !c.is_ascii_alphanumeric());
            other != job_at
                && words.any(|word| {
                    matches!(word.to_ascii_lowercase().as_str(), "test" | "tests" | "e2e" | "smoke" | "integration")
                })
                && !job.id.node.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| {
                    matches!(
                        word.to_ascii_lowercase().as_str(),
                        "report" | "reports" | "publish" | "upload" | "results" | "image" | "build"
                    )
                })
                && job.steps.iter().any(|step| step.run.is_some())
        };
        // Where it waits for some tests, which ones count is a decision that somebody has made.
        if waits.iter().any(|other| is_test(*other)) {
            return;
        }
        let tests =
            (0..workflow.jobs.len()).filter(|other| is_test(*other) && !workflow.exclude_each_other(job_at, *other));
        let Some(test) = tests.min_by_key(|test| !workflow.needs_closure(*test).contains(&job_at)) else { return };
        let behind = workflow.needs_closure(test).contains(&job_at);
        let mut tags: Vec<(String, Span, &Build)> = Vec::new();
        for build in project.job_builds(at, job_at).filter(|build| build.push.known() == Some(&true)) {
            for (tag, span) in &build.tags {
                let Some((_, name)) = tag.rsplit_once(':') else { continue };
                let deployed = name.as_known().is_some_and(|name| self.tags.iter().any(|own| own == name));
                if deployed && !tags.iter().any(|(_, other, _)| other == span) {
                    tags.push((tag.to_string(), *span, build));
                }
            }
        }
        let Some((tag, span, build)) = tags.first() else { return };
        let id = &workflow.jobs[test].id;
        let how = if behind { "only then runs" } else { "does not wait for" };
        let message = match behind {
            true => format!("`{tag}` is pushed before job `{}` has tested it", id.node),
            false => format!("`{tag}` is pushed whether or not job `{}` passes", id.node),
        };
        let diagnostic = found.add(*span, message);
        diagnostic.label(id.span, if behind { "runs behind the push" } else { "runs side by side with the push" });
        diagnostic.label(
            build.caller.as_ref().map_or(build.span, |caller| caller.span),
            format!("pushes, and {how} the tests"),
        );
        for (_, other, _) in tags.iter().skip(1) {
            diagnostic.label(*other, "so is this one");
        }
        diagnostic.help("push a tag of the commit, and set this one by digest when the tests have passed");
    }
}
