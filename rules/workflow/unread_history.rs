//! A checkout fetches the whole history, and nothing in the job reads it.
//!
//! `fetch-depth: 0` fetches every commit of every branch and all tags: seconds in a small repository, a minute and more in one that has
//! grown for years, in every run. One commit is enough to build.
//!
//! The rule looks at jobs of which every step is known: Docker's and GitHub's own actions, and scripts of everyday programs.
//!
//! Not flagged: jobs with a script of the repository, make, or any other program that may ask git; images whose build takes `.git` in.
//!
//! ## Examples
//!
//! ### All commits for a build
//!
//! ```dockerfile
//! FROM alpine:3.22
//! COPY web /usr/bin/web
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: actions/checkout@v5
//!         with:
//!           fetch-depth: 0
//!       - uses: docker/build-push-action@v6
//!         with:
//!           context: .
//!           push: true
//!           tags: ghcr.io/shop/web:${{ github.sha }}
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:8:11: info[unread-history] nothing in this job reads the history that this fetches
//! ```
//!
//! ```diff
//! --- a/.github/workflows/ci.yml
//! +++ b/.github/workflows/ci.yml
//! @@ -5,7 +5,7 @@
//!      steps:
//!        - uses: actions/checkout@v5
//!          with:
//! -          fetch-depth: 0
//! +          fetch-depth: 1
//!        - uses: docker/build-push-action@v6
//!          with:
//!            context: .
//! ```
//!
//! ### All commits for a version
//!
//! ```dockerfile
//! FROM alpine:3.22
//! COPY web /usr/bin/web
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: actions/checkout@v5
//!         with:
//!           fetch-depth: 0
//!       - run: git describe --tags
//!       - uses: docker/build-push-action@v6
//!         with:
//!           context: .
//! ```
//!
//! ## Also tested
//!
//! ### Unknown programs, a copied repository, another checkout
//!
//! ```dockerfile web.Dockerfile
//! FROM golang:1.25
//! COPY . .
//! RUN go build ./...
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   make:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: actions/checkout@v5
//!         with: {fetch-depth: 0}
//!       - run: make build
//!   copied:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: actions/checkout@v5
//!         with: {fetch-depth: 0}
//!       - uses: docker/build-push-action@v6
//!         with: {context: ., file: web.Dockerfile}
//!   meta:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: actions/checkout@v5
//!         with: {fetch-depth: 0}
//!       - uses: docker/metadata-action@v5
//!         with: {images: shop/web, context: git}
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

/// Actions that do not ask git.
const ACTIONS: &[&str] = &[
    "actions/cache",
    "actions/checkout",
    "actions/download-artifact",
    "actions/upload-artifact",
    "docker/bake-action",
    "docker/build-push-action",
    "docker/login-action",
    "docker/metadata-action",
    "docker/setup-buildx-action",
    "docker/setup-qemu-action",
];

/// Programs that do not ask git.
const PROGRAMS: &[&str] = &[
    ":", "[", "cat", "cd", "cp", "curl", "cut", "date", "df", "docker", "echo", "exit", "export", "find", "grep",
    "head", "jq", "ls", "mkdir", "mv", "printf", "rm", "sed", "set", "sleep", "sort", "sudo", "tail", "tee", "test",
    "tr", "true", "wc",
];

impl Check for Rule {
    const META: Meta =
        Meta { id: "unread-history", severity: Severity::Info, fix: Some(Safety::Unsafe), ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for (at, workflow) in project.workflows.iter().enumerate() {
            for (job_at, job) in workflow.jobs.iter().enumerate() {
                let checkout = job.steps.iter().find(|step| step.uses_action("actions/checkout"));
                let Some(depth) = checkout.and_then(|step| step.input("fetch-depth")) else { continue };
                if depth.known().map(str::trim) != Some("0") || !is_blind(project, at, job_at, job) {
                    continue;
                }
                let diagnostic = found.add(depth.entry, "nothing in this job reads the history that this fetches");
                diagnostic.help("one commit is fetched by default, and is enough to build");
                if let Some(step) = checkout
                    && let Some(edits) = workflow.set_input(project.text(workflow.file), step, "fetch-depth", "1")
                {
                    diagnostic.fix(Fix::unsafe_("Fetch one commit", edits));
                }
            }
        }
    }
}

/// Whether all that the job does is known, and nothing of it reads the history.
fn is_blind(project: &Project, at: usize, job_at: usize, job: &Job) -> bool {
    let steps = job.steps.iter().enumerate().all(|(step_at, step)| {
        let known = step.uses.is_none() || ACTIONS.iter().any(|action| step.uses_action(action));
        let git = step.uses_action("docker/metadata-action") && step.input("context").is_some();
        let place = StepRef { workflow: at, job: job_at, step: step_at };
        let script = step.run.is_none()
            || project.step_script(place).is_some_and(|script| {
                script.commands().iter().all(|command| match command.simple.system_program() {
                    Some(name) => PROGRAMS.contains(&name),
                    None => command.simple.words.is_empty(),
                })
            });
        known && !git && script
    });
    // Containers that are run may have the checkout mounted.
    let containers = project.job_containers(at, job_at).iter().all(|command| match &command.action {
        ContainerAction::Run { .. } | ContainerAction::Up { .. } | ContainerAction::InService { .. } => false,
        ContainerAction::Other(verb) => !verb.starts_with("compose"),
        _ => true,
    });
    let mut builds = project.job_builds(at, job_at).peekable();
    let open = project.bake_calls.iter().any(|call| {
        call.open && call.caller.as_ref().is_some_and(|caller| caller.step.workflow == at && caller.step.job == job_at)
    });
    steps && containers && !open && builds.peek().is_some() && builds.all(|build| leaves_git_out(project, build))
}

/// Whether the build can be seen not to look at `.git`: it copies named paths only.
fn leaves_git_out(project: &Project, build: &Build) -> bool {
    let Some(dockerfile) = build.dockerfile.and_then(|at| project.dockerfiles.get(at)) else { return false };
    if build.contexts.iter().any(|context| !matches!(context.context, Context::Image(_) | Context::Target(_))) {
        return false;
    }
    let text = project.text(dockerfile.file);
    // Binds may show the whole context.
    let binds = text.contains("type=bind") || text.contains("ONBUILD") || text.contains(".git");
    let named = dockerfile.instructions().all(|(_, instruction)| match &instruction.body {
        Body::Copy(copy) if copy.from.is_none() => copy.sources.iter().all(|source| {
            let path = source.word.as_str().trim_start_matches("./").trim_start_matches('/').trim_end_matches('/');
            source.inline || path.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        }),
        Body::Add(_) => false,
        _ => true,
    });
    !binds && named
}
