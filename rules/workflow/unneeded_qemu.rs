//! A job sets up emulation, and builds for its runner's own platform only.
//!
//! `docker/setup-qemu-action` pulls an image and registers emulators, some five to ten seconds in every run. It is needed for
//! RUN instructions of other platforms than the runner's, and for nothing else.
//!
//! Not flagged: jobs with a build whose platforms are not all known, with a script that may start containers, and jobs on
//! runners whose own platform is not known from their label.
//!
//! ## Examples
//!
//! ### One platform, the runner's own
//!
//! ```dockerfile
//! FROM alpine:3.22
//! RUN apk add curl
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: actions/checkout@v5
//!       - uses: docker/setup-qemu-action@v3
//!       - uses: docker/setup-buildx-action@v3
//!       - uses: docker/build-push-action@v6
//!         with:
//!           platforms: linux/amd64
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:7:15: info[unneeded-qemu] no build of this job needs emulation: all are for linux/amd64
//! ```
//!
//! ```diff
//! --- a/.github/workflows/ci.yml
//! +++ b/.github/workflows/ci.yml
//! @@ -4,7 +4,6 @@
//!      runs-on: ubuntu-latest
//!      steps:
//!        - uses: actions/checkout@v5
//! -      - uses: docker/setup-qemu-action@v3
//!        - uses: docker/setup-buildx-action@v3
//!        - uses: docker/build-push-action@v6
//!          with:
//! ```
//!
//! ### Another platform
//!
//! ```dockerfile
//! FROM alpine:3.22
//! RUN apk add curl
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: actions/checkout@v5
//!       - uses: docker/setup-qemu-action@v3
//!       - uses: docker/setup-buildx-action@v3
//!       - uses: docker/build-push-action@v6
//!         with:
//!           platforms: linux/amd64,linux/arm64
//! ```
//!
//! ## Also tested
//!
//! ### A script of the repository that is called as a program of the system
//!
//! ```dockerfile
//! FROM alpine:3.22
//! RUN apk add curl
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   test:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/setup-qemu-action@v3
//!       - uses: docker/build-push-action@v6
//!       - run: ./hack/test
//! ```
//!
//! ### An emulated container
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   test:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/setup-qemu-action@v3
//!       - uses: docker/build-push-action@v6
//!       - run: docker run --platform linux/arm64 alpine uname -m
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "unneeded-qemu", severity: Severity::Info, fix: Some(Safety::Safe), ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for (workflow_at, workflow) in project.workflows.iter().enumerate() {
            for (job_at, job) in workflow.jobs.iter().enumerate() {
                let setup = job.steps.iter().position(|step| step.uses_action("docker/setup-qemu-action"));
                let (Some(setup), Some(own)) = (setup, runner_platform(job)) else { continue };
                let of_job = |build: &&Build| {
                    build.caller.as_ref().is_some_and(|c| c.step.workflow == workflow_at && c.step.job == job_at)
                };
                let builds: Vec<&Build> = project.builds.iter().filter(of_job).collect();
                let native = |build: &&Build| {
                    let own = |platform: &Value<String>| {
                        platform.eval.known().is_some_and(|name| name == own || name == "local")
                    };
                    build.platforms_known && build.platforms.iter().all(own)
                };
                let scripts = job.steps.iter().filter_map(|step| step.run.as_ref());
                let mut unknown = scripts.filter(|run| !is_harmless(run));
                // Local actions and open bake calls may build what is not seen here.
                let open = project.bake_calls.iter().any(|call| {
                    call.open
                        && call.caller.as_ref().is_some_and(|c| c.step.workflow == workflow_at && c.step.job == job_at)
                });
                if builds.is_empty() || open || !builds.iter().all(native) || unknown.next().is_some() {
                    continue;
                }
                let step = &job.steps[setup];
                let Some(uses) = &step.uses else { continue };
                let diagnostic =
                    found.add(uses.value.span, format!("no build of this job needs emulation: all are for {own}"));
                diagnostic.help("the step pulls an image and registers emulators in every run");
                if let Some(edits) = workflow.remove_step(project.text(workflow.file), job_at, setup) {
                    diagnostic.fix(Fix::safe("Leave emulation out", edits));
                }
            }
        }
    }
}

/// Whether a script runs only programs that cannot need another platform: an own script may start containers of any.
fn is_harmless(run: &workflow::Field) -> bool {
    const PLAIN: &[&str] = &[
        "echo", "printf", "cd", "set", "export", "cat", "tee", "tr", "sed", "cut", "grep", "jq", "git", "test", "[",
        "mkdir", "ls", "rm", "cp", "mv", "true", "exit", "head", "tail", "date", "wc", "sort",
    ];
    const DOCKER: &[&str] = &["login", "logout", "push", "tag", "inspect", "images", "info", "version"];
    let script = shell::parse(&run.value.text, shell::Options { templates: true });
    script.fault.is_none()
        && script.commands().iter().all(|command| match command.simple.system_program() {
            Some("docker") => {
                command.simple.arguments().first().and_then(Word::as_plain).is_some_and(|verb| DOCKER.contains(&verb))
            }
            Some(name) => PLAIN.contains(&name),
            None => command.simple.words.is_empty(),
        })
}
