//! Jobs that may hang have no `timeout-minutes`.
//!
//! A test that waits for its container, or an emulated build that gets stuck, holds its runner until GitHub ends it after six
//! hours: 360 billed minutes, and a place in the queue for as long
//! (<https://docs.github.com/en/actions/reference/limits>). Two or three times what the job usually takes is enough.
//!
//! Looked at are jobs that run containers in the foreground, of images that the repository builds or services of its compose files, and jobs
//! that build for platforms that they emulate. Jobs that only build natively seldom hang: they are reported with low confidence. Reported
//! once for a workflow.
//!
//! Not flagged: jobs whose steps that run long have a `timeout-minutes` of their own, and calls of reusable workflows, which cannot
//! have one.
//!
//! ## Examples
//!
//! ### Tests in a container
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//!         with: {load: true, tags: "web:test"}
//!       - run: docker run --rm web:test make test
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:3:3: info[missing-timeout] job `build` may run for six hours
//! ```
//!
//! ```diff
//! --- a/.github/workflows/ci.yml
//! +++ b/.github/workflows/ci.yml
//! @@ -2,6 +2,7 @@
//!  jobs:
//!    build:
//!      runs-on: ubuntu-latest
//! +    timeout-minutes: 60
//!      steps:
//!        - uses: docker/build-push-action@v6
//!          with: {load: true, tags: "web:test"}
//! ```
//!
//! ### Emulation
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/setup-qemu-action@v3
//!       - uses: docker/build-push-action@v6
//!         with: {platforms: "linux/amd64,linux/arm64"}
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:3:3: info[missing-timeout] job `build` may run for six hours
//! ```
//!
//! ```diff
//! --- a/.github/workflows/ci.yml
//! +++ b/.github/workflows/ci.yml
//! @@ -2,6 +2,7 @@
//!  jobs:
//!    build:
//!      runs-on: ubuntu-latest
//! +    timeout-minutes: 60
//!      steps:
//!        - uses: docker/setup-qemu-action@v3
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
//!         with: {load: true, tags: "web:test"}
//!       - run: docker run --rm web:test make test
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
//!       - run: docker run --rm web
//!         timeout-minutes: 20
//!   two:
//!     steps:
//!       - run: docker build -t web . && docker run web
//!     runs-on: ubuntu-latest
//!   three: {runs-on: ubuntu-latest, steps: [{run: docker build -t web . && docker run web}]}
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:14:3: info[missing-timeout] job `two` and another one may run for six hours
//! ```
//!
//! ```diff
//! --- a/.github/workflows/ci.yml
//! +++ b/.github/workflows/ci.yml
//! @@ -15,4 +15,5 @@
//!      steps:
//!        - run: docker build -t web . && docker run web
//!      runs-on: ubuntu-latest
//! -  three: {runs-on: ubuntu-latest, steps: [{run: docker build -t web . && docker run web}]}
//! +    timeout-minutes: 60
//! +  three: {runs-on: ubuntu-latest, timeout-minutes: 60, steps: [{run: docker build -t web . && docker run web}]}
//! ```
//!
//! ### A job that builds nothing
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   test:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: docker compose run --rm web make test
//!   lint:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: docker run --rm hadolint/hadolint < Dockerfile
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:3:3: info[missing-timeout] job `test` may run for six hours
//! ```
//!
//! ```diff
//! --- a/.github/workflows/ci.yml
//! +++ b/.github/workflows/ci.yml
//! @@ -2,6 +2,7 @@
//!  jobs:
//!    test:
//!      runs-on: ubuntu-latest
//! +    timeout-minutes: 60
//!      steps:
//!        - run: docker compose run --rm web make test
//!    lint:
//! ```
//!
//! ### A native build
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//!       - run: docker run -d web
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:3:3: info[missing-timeout] job `build` may run for six hours
//! ```
//!
//! ```diff
//! --- a/.github/workflows/ci.yml
//! +++ b/.github/workflows/ci.yml
//! @@ -2,6 +2,7 @@
//!  jobs:
//!    build:
//!      runs-on: ubuntu-latest
//! +    timeout-minutes: 60
//!      steps:
//!        - uses: docker/build-push-action@v6
//!        - run: docker run -d web
//! ```

use bakelint_core::prelude::*;

/// What the fix writes.
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
            let jobs: Vec<(&Job, bool)> = workflow
                .jobs
                .iter()
                .enumerate()
                .filter(|(_, job)| job.timeout_minutes.is_none())
                .filter_map(|(job_at, job)| Some((job, may_hang(project, at, job_at, job)?)))
                .collect();
            let risky = jobs.iter().any(|(_, risky)| *risky);
            let jobs: Vec<&Job> = jobs.iter().filter(|(_, own)| *own == risky).map(|(job, _)| *job).collect();
            let Some((first, others)) = jobs.split_first() else { continue };
            let message = match others.len() {
                0 => format!("job `{}` may run for six hours", first.id.node),
                1 => format!("job `{}` and another one may run for six hours", first.id.node),
                count => format!("job `{}` and {count} others may run for six hours", first.id.node),
            };
            let diagnostic = found.add(first.id.span, message);
            if !risky {
                diagnostic.confidence(Confidence::Low);
            }
            for other in others {
                diagnostic.label(other.id.span, "so may this one");
            }
            diagnostic.help("what hangs is only ended then; set `timeout-minutes` to a few times what the job takes");
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

/// Whether a step without a limit of its own may hang: it waits for a container, or builds under emulation. `None` for a job that does
/// neither and has no build without a limit.
fn may_hang(project: &Project, workflow: usize, at: usize, job: &Job) -> Option<bool> {
    let unlimited = |place: StepRef| job.steps.get(place.step).is_some_and(|step| step.timeout_minutes.is_none());
    let mut builds = project
        .job_builds(workflow, at)
        .filter(|build| build.caller.as_ref().is_some_and(|caller| unlimited(caller.step)))
        .peekable();
    let has_builds = builds.peek().is_some();
    let waits = |command: &ContainerCommand| match &command.action {
        ContainerAction::Run { image, .. } => {
            let own = has_builds || !project.makers_of(image).is_empty();
            own && !command.options.iter().any(|option| is_detached(option))
        }
        ContainerAction::Up { detached, .. } => !detached,
        ContainerAction::InService { .. } => true,
        _ => false,
    };
    let mut commands = project.job_containers(workflow, at).iter();
    let waits = commands.any(|command| unlimited(command.place) && waits(command));
    let emulates = builds.any(|build| !project.emulated_platforms(build).is_empty());
    (has_builds || waits).then_some(waits || emulates)
}

/// Whether an option of `docker run` leaves the container in the background.
fn is_detached(option: &str) -> bool {
    option == "--detach"
        || option.strip_prefix('-').is_some_and(|letters| !letters.starts_with('-') && letters.contains('d'))
}
