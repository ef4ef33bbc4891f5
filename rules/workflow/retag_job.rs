//! A job only gives other tags to images that another job has built.
//!
//! A job is queued, boots a runner, sets up buildx and logs in, before it makes a few registry calls. The builder can push all
//! tags at once; where a tag must wait for tests, the last step of the test job can promote the image by its digest. A
//! promotion by digest also keeps the tag from naming something else that was pushed meanwhile.
//!
//! The rule looks at what the job's scripts run: `docker buildx imagetools create`, `crane tag`, `crane copy`, `skopeo copy`,
//! `regctl image copy`, `docker tag`, `pull` and `push`, and nothing else that does work.
//!
//! Not flagged: jobs with an `environment`, where somebody approves the tag, and jobs that join the platforms of one image.
//!
//! ## Examples
//!
//! ### A job of its own
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
//!           tags: ghcr.io/shop/web:build-${{ github.run_id }}
//!   tag:
//!     needs: build
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/setup-buildx-action@v3
//!       - run: |
//!           docker buildx imagetools create --tag ghcr.io/shop/web:${{ github.sha }} ghcr.io/shop/web:build-${{ github.run_id }}
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:10:3: warning[retag-job] job `tag` only tags what other jobs have built
//! ```
//!
//! ### All tags at once
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
//!             ghcr.io/shop/web:build-${{ github.run_id }}
//!             ghcr.io/shop/web:${{ github.sha }}
//! ```
//!
//! ## Also tested
//!
//! ### Platforms joined
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
//!           tags: ghcr.io/shop/web:amd64
//!   join:
//!     needs: build
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: docker buildx imagetools create -t ghcr.io/shop/web:1 ghcr.io/shop/web:amd64 ghcr.io/shop/web:arm64
//! ```
//!
//! ### A job that also tests
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
//!           tags: ghcr.io/shop/web:edge
//!   test:
//!     needs: build
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: |
//!           docker run --rm ghcr.io/shop/web:edge make test
//!           docker buildx imagetools create -t ghcr.io/shop/web:1 ghcr.io/shop/web:edge
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

/// Actions that prepare a job and do no work of their own.
const SETUP: &[&str] = &[
    "actions/checkout",
    "docker/setup-buildx-action",
    "docker/login-action",
    "docker/metadata-action",
    "imjasonh/setup-crane",
    "aws-actions/configure-aws-credentials",
    "aws-actions/amazon-ecr-login",
    "google-github-actions/auth",
    "google-github-actions/setup-gcloud",
    "azure/login",
];

impl Check for Rule {
    const META: Meta = Meta { id: "retag-job", ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for (at, workflow) in project.workflows.iter().enumerate() {
            for (job_at, job) in workflow.jobs.iter().enumerate() {
                if job.environment.is_some() || job.steps.is_empty() {
                    continue;
                }
                let Some(tagging) = tagging(job) else { continue };
                let needs = workflow.needs_closure(job_at);
                let builders = project.builds.iter().filter(|build| {
                    build.caller.as_ref().is_some_and(|c| c.step.workflow == at && needs.contains(&c.step.job))
                });
                let builders: Vec<&Build> = builders.filter(|build| build.push.known() != Some(&false)).collect();
                let Some(first) = builders.first() else { continue };
                let diagnostic =
                    found.add(job.id.span, format!("job `{}` only tags what other jobs have built", job.id.node));
                diagnostic.label(tagging, "a few registry calls");
                let names: Vec<String> = builders.iter().map(|build| format!("`{}`", build.name)).collect();
                let caller = first.caller.as_ref().map(|caller| caller.span);
                diagnostic
                    .label(caller.unwrap_or(first.span), format!("builds and pushes {}", unique(names).join(", ")));
                diagnostic.help("push all tags when the image is built; a tag that must wait for tests can be set by digest in the last step of the test job");
            }
        }
    }
}

fn unique(mut names: Vec<String>) -> Vec<String> {
    names.sort_unstable();
    names.dedup();
    names
}

/// The first command that tags, when the job's steps do nothing else.
fn tagging(job: &Job) -> Option<Span> {
    let mut first = None;
    for step in &job.steps {
        if step.uses.is_some() && !SETUP.iter().any(|action| step.uses_action(action)) {
            return None;
        }
        let Some(run) = &step.run else { continue };
        let script = shell::parse(&run.value.text, shell::Options { templates: true });
        if script.fault.is_some() {
            return None;
        }
        for command in script.commands() {
            let words: Vec<&str> = command.simple.arguments().iter().filter_map(Word::as_plain).collect();
            let verbs: Vec<&str> = words.iter().copied().filter(|word| !word.starts_with('-')).take(3).collect();
            match (command.simple.system_program(), verbs.as_slice()) {
                (Some("docker"), ["buildx", "imagetools", ..]) if words.contains(&"create") => {
                    // Several sources make one image of several platforms: that is work.
                    if sources(command.simple.arguments()) > 1 {
                        return None;
                    }
                    first = first.or(Some(command.span));
                }
                (Some("docker"), ["tag", ..])
                | (Some("crane"), ["tag" | "copy" | "cp", ..])
                | (Some("skopeo"), ["copy", ..])
                | (Some("regctl"), ["image", "copy", ..]) => {
                    first = first.or(Some(command.span));
                }
                (Some("docker"), ["pull" | "push" | "login" | "logout", ..])
                | (Some("crane"), ["auth" | "digest", ..])
                | (Some("skopeo"), ["inspect" | "login", ..]) => {}
                (Some("docker"), ["buildx", "imagetools", "inspect"]) => {}
                (
                    Some(
                        "echo" | "printf" | "wait" | "set" | "true" | ":" | "export" | "exit" | "test" | "[" | "sleep"
                        | "read" | "tr" | "sed" | "cut" | "grep" | "jq" | "cat",
                    ),
                    _,
                )
                | (None, _) => {}
                _ => return None,
            }
        }
    }
    first
}

/// How many images an `imagetools create` reads.
fn sources(words: &[Word]) -> usize {
    let mut count = 0;
    let mut words = words.iter().skip_while(|word| !word.is("create")).skip(1);
    while let Some(word) = words.next() {
        match word.as_plain() {
            Some(
                "-t" | "--tag" | "-f" | "--file" | "--annotation" | "--builder" | "--platform" | "--progress" | "-p",
            ) => {
                words.next();
            }
            Some(flag) if flag.starts_with('-') => {}
            _ if word.prefix().starts_with("--") => {}
            _ => count += 1,
        }
    }
    count
}
