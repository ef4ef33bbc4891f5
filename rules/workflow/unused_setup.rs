//! A job sets up buildx or logs in to a registry, and then does nothing that needs it.
//!
//! `docker/setup-buildx-action` pulls BuildKit's image and boots it in a container, ten to thirty seconds in every run. GitHub's
//! runners have buildx; without the action there is only no builder of its own, and `docker buildx imagetools`, pulls, pushes and tags
//! need none. A login takes some seconds, and gives a token to a job that has no use for it.
//!
//! Not flagged: jobs with scripts or actions that may build, pull or push unseen, and steps whose outputs are read.
//!
//! ## Examples
//!
//! ### A builder for tags
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   tag:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/setup-buildx-action@v3
//!       - uses: docker/login-action@v3
//!         with:
//!           username: shop
//!           password: ${{ secrets.TOKEN }}
//!       - run: docker buildx imagetools create --tag shop/web:stable shop/web:edge
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:6:15: info[unused-setup] nothing in this job needs a builder
//! ```
//!
//! ```diff
//! --- a/.github/workflows/ci.yml
//! +++ b/.github/workflows/ci.yml
//! @@ -3,7 +3,6 @@
//!    tag:
//!      runs-on: ubuntu-latest
//!      steps:
//! -      - uses: docker/setup-buildx-action@v3
//!        - uses: docker/login-action@v3
//!          with:
//!            username: shop
//! ```
//!
//! ### A builder for builds
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
//!       - uses: docker/setup-buildx-action@v3
//!       - uses: docker/login-action@v3
//!         with:
//!           username: shop
//!           password: ${{ secrets.TOKEN }}
//!       - uses: docker/build-push-action@v6
//!         with:
//!           push: true
//!           tags: shop/web:edge
//! ```
//!
//! ## Also tested
//!
//! ### A login for nothing, and jobs of which not all is known
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   lint:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: actions/checkout@v5
//!       - uses: docker/login-action@v3
//!         with:
//!           username: shop
//!           password: ${{ secrets.TOKEN }}
//!       - run: echo "nothing to do" && git status
//!   make:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/setup-buildx-action@v3
//!       - uses: docker/login-action@v3
//!       - run: make push
//!   action:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/setup-buildx-action@v3
//!       - uses: someone/build@v1
//!   output:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/setup-buildx-action@v3
//!         id: buildx
//!       - run: echo "${{ steps.buildx.outputs.name }}"
//!   up:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/setup-buildx-action@v3
//!       - uses: docker/login-action@v3
//!       - run: docker compose up -d
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:7:15: info[unused-setup] nothing in this job pulls or pushes
//! ```
//!
//! ```diff
//! --- a/.github/workflows/ci.yml
//! +++ b/.github/workflows/ci.yml
//! @@ -4,10 +4,6 @@
//!      runs-on: ubuntu-latest
//!      steps:
//!        - uses: actions/checkout@v5
//! -      - uses: docker/login-action@v3
//! -        with:
//! -          username: shop
//! -          password: ${{ secrets.TOKEN }}
//!        - run: echo "nothing to do" && git status
//!    make:
//!      runs-on: ubuntu-latest
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

/// Actions that neither build nor pull nor push images.
const HARMLESS: &[&str] = &[
    "actions/cache",
    "actions/cache/restore",
    "actions/cache/save",
    "actions/checkout",
    "actions/download-artifact",
    "actions/setup-go",
    "actions/setup-java",
    "actions/setup-node",
    "actions/setup-python",
    "actions/upload-artifact",
    "codecov/codecov-action",
    "docker/login-action",
    "docker/metadata-action",
    "docker/setup-buildx-action",
    "docker/setup-qemu-action",
    "imjasonh/setup-crane",
];

/// Programs that have nothing to do with images.
const PLAIN: &[&str] = &[
    ":", "[", "awk", "cat", "cd", "cp", "curl", "cut", "date", "echo", "env", "exit", "export", "false", "find", "gh",
    "git", "grep", "gzip", "head", "jq", "ls", "mkdir", "mv", "printf", "pwd", "read", "rm", "sed", "set", "sleep",
    "sort", "tail", "tar", "tee", "test", "touch", "tr", "true", "uniq", "unzip", "wait", "wc", "wget",
];

/// What a job does with images.
#[derive(Default)]
struct Needs {
    builder: bool,
    registry: bool,
}

impl Check for Rule {
    const META: Meta =
        Meta { id: "unused-setup", severity: Severity::Info, fix: Some(Safety::Unsafe), ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for (at, workflow) in project.workflows.iter().enumerate() {
            for (job_at, job) in workflow.jobs.iter().enumerate() {
                let sets_up = |step: &workflow::Step| {
                    step.uses_action("docker/setup-buildx-action") || step.uses_action("docker/login-action")
                };
                if !job.steps.iter().any(sets_up) {
                    continue;
                }
                let Some(needs) = needs(project, at, job_at, job) else { continue };
                for (step_at, step) in job.steps.iter().enumerate() {
                    let Some(uses) = step.uses.as_ref().filter(|_| step.id.is_none()) else { continue };
                    let (message, help) = if step.uses_action("docker/setup-buildx-action") && !needs.builder {
                        (
                            "nothing in this job needs a builder",
                            "pulls, pushes, tags and `docker buildx imagetools` work without one",
                        )
                    } else if step.uses_action("docker/login-action") && !needs.registry {
                        (
                            "nothing in this job pulls or pushes",
                            "the login gives the job a token that it has no use for",
                        )
                    } else {
                        continue;
                    };
                    let diagnostic = found.add(uses.value.span, message);
                    diagnostic.help(help);
                    if let Some(edits) = workflow.remove_step(project.text(workflow.file), job_at, step_at) {
                        diagnostic.fix(Fix::unsafe_("Leave the step out", edits));
                    }
                }
            }
        }
    }
}

/// What the job needs; nothing if that is not known.
fn needs(project: &Project, at: usize, job_at: usize, job: &Job) -> Option<Needs> {
    let mut needs = Needs::default();
    if project.job_builds(at, job_at).next().is_some()
        || project.bake_calls.iter().any(|call| {
            call.caller.as_ref().is_some_and(|caller| caller.step.workflow == at && caller.step.job == job_at)
        })
    {
        return None;
    }
    for (step_at, step) in job.steps.iter().enumerate() {
        let place = StepRef { workflow: at, job: job_at, step: step_at };
        if step.uses.is_some() && !HARMLESS.iter().any(|action| step.uses_action(action)) {
            return None;
        }
        if step.run.is_none() {
            continue;
        }
        let script = project.step_script(place)?;
        for command in script.commands() {
            match command.simple.system_program() {
                None if command.simple.words.is_empty() => {}
                Some("docker") => {}
                Some("crane" | "skopeo" | "regctl" | "oras" | "cosign") => needs.registry = true,
                Some(name) if PLAIN.contains(&name) => {}
                _ => return None,
            }
        }
    }
    for command in project.job_containers(at, job_at) {
        match &command.action {
            ContainerAction::Tag(..) | ContainerAction::Save(_) | ContainerAction::Load => {}
            ContainerAction::Pull(_) | ContainerAction::Push(_) | ContainerAction::Run { .. } => needs.registry = true,
            ContainerAction::Other(verb) => match verb.as_str() {
                "buildx imagetools" | "manifest" => needs.registry = true,
                "login" | "logout" | "images" | "ps" | "info" | "version" | "inspect" | "rm" | "rmi" | "logs"
                | "exec" | "cp" | "stop" => {}
                _ => return None,
            },
            // Compose may build what it starts.
            ContainerAction::Up { .. } | ContainerAction::InService { .. } => return None,
        }
    }
    // A command of docker that could not be read.
    let docker = project.job_commands(at, job_at).iter().filter(|command| command.name == "docker").count();
    (docker == project.job_containers(at, job_at).len()).then_some(needs)
}
