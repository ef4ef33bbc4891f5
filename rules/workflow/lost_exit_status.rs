//! A command may fail without failing its step: it runs in the background, or into a pipe.
//!
//! `wait` without the number of a process waits for all of them and returns 0, whatever became of them
//! (<https://www.gnu.org/software/bash/manual/bash.html#index-wait>). A push, a tag or a build in the background that fails leaves the
//! step green. Keep the number of each (`pids+=($!)`) and wait for each of them, or use `xargs -P`, which returns an error if one
//! command fails.
//!
//! A pipe ends as its last command does. GitHub's shell has `pipefail` only where `shell: bash` is written: by default it is `bash -e`
//! (<https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstepsshell>), and a build whose log goes
//! through `tee` is green whatever becomes of it.
//!
//! Not flagged: scripts that wait for numbers, that end their background processes themselves, and those that wait for nothing, as
//! for a server.
//!
//! ## Examples
//!
//! ### Waiting for all at once
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   tag:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: |
//!           for name in web worker; do
//!             docker buildx imagetools create --tag "ghcr.io/shop/$name:stable" "ghcr.io/shop/$name:edge" &
//!           done
//!           wait
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:8:13: warning[lost-exit-status] this may fail, and the step goes on as if it had not
//! ```
//!
//! ### Waiting for each
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   tag:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: |
//!           pids=()
//!           for name in web worker; do
//!             docker buildx imagetools create --tag "ghcr.io/shop/$name:stable" "ghcr.io/shop/$name:edge" &
//!             pids+=($!)
//!           done
//!           for pid in "${pids[@]}"; do wait "$pid"; done
//! ```
//!
//! ### A log by tee
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
//!       - run: docker build --progress=plain . 2>&1 | tee build.log
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:6:14: warning[lost-exit-status] this may fail, and the step goes on as if it had not
//! ```
//!
//! ```diff
//! --- a/.github/workflows/ci.yml
//! +++ b/.github/workflows/ci.yml
//! @@ -4,3 +4,4 @@
//!      runs-on: ubuntu-latest
//!      steps:
//!        - run: docker build --progress=plain . 2>&1 | tee build.log
//! +        shell: bash
//! ```
//!
//! ## Also tested
//!
//! ### Pipes that fail with the command, and commands that do not matter
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   test:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: make test | tee log
//!         shell: bash
//!       - run: |
//!           set -o pipefail
//!           make test | tee log
//!       - run: |
//!           make test | tee log
//!           exit ${PIPESTATUS[0]}
//!       - run: echo "$(date)" | tee stamp
//!       - run: |
//!           make test | tee log || exit 1
//!           time npm run build 2>&1 | tee log
//!   defaults:
//!     runs-on: ubuntu-latest
//!     defaults: {run: {shell: bash}}
//!     steps:
//!       - run: make test | tee log
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:16:11: warning[lost-exit-status] this may fail, and the step goes on as if it had not
//! ```
//!
//! ```diff
//! --- a/.github/workflows/ci.yml
//! +++ b/.github/workflows/ci.yml
//! @@ -15,6 +15,7 @@
//!        - run: |
//!            make test | tee log || exit 1
//!            time npm run build 2>&1 | tee log
//! +        shell: bash
//!    defaults:
//!      runs-on: ubuntu-latest
//!      defaults: {run: {shell: bash}}
//! ```
//!
//! ### Two commands, a server, a process that is ended
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   test:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: |
//!           docker push ghcr.io/shop/web &
//!           (docker pull redis; docker pull postgres) &
//!           wait
//!       - run: |
//!           python -m http.server &
//!           make test
//!       - run: |
//!           make serve &
//!           make test
//!           kill %1
//!           wait
//!       - run: |
//!           make a & make b
//!           wait -n && wait -n
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:7:11: warning[lost-exit-status] this may fail, and the step goes on as if it had not
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "lost-exit-status", fix: Some(Safety::Unsafe), ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for StepScript { place, script } in project.step_scripts() {
            let commands = script.commands();
            piped(project, *place, script, &commands, found);
            let named = |name: &'static str| commands.iter().filter(move |command| command.simple.name() == Some(name));
            let mut waits = named("wait");
            let Some(wait) = waits.next().filter(|wait| wait.simple.arguments().is_empty()) else { continue };
            if waits.any(|wait| !wait.simple.arguments().is_empty())
                || ["kill", "pkill", "trap"].iter().any(|name| named(name).next().is_some())
            {
                continue;
            }
            let work = commands.iter().filter(|command| {
                command.context.background
                    && !command.context.substitution
                    && command.span.end <= wait.span.start
                    && !matches!(command.simple.name(), None | Some("sleep" | "echo" | "tail" | "printf"))
            });
            let Some(first) = work.clone().next() else { continue };
            let span = first.simple.invocation_span().unwrap_or(first.span);
            let diagnostic = found.add(span, "this may fail, and the step goes on as if it had not");
            diagnostic.label(wait.span, "returns 0 whatever became of the processes it waits for");
            diagnostic.help("keep the numbers, `pids+=($!)`, and `wait` for each of them");
        }
    }
}

/// Programs whose failure ought to fail the step.
const WORK: &[&str] = &[
    "cargo",
    "docker",
    "docker-compose",
    "dotnet",
    "go",
    "gradle",
    "gradlew",
    "make",
    "mvn",
    "mvnw",
    "npm",
    "npx",
    "pnpm",
    "podman",
    "pytest",
    "python",
    "python3",
    "tox",
    "uv",
    "yarn",
];

/// Reports a command whose output goes through `tee`, where the shell does not look at its exit status.
fn piped(project: &Project, place: StepRef, script: &Script, commands: &[CommandRef], found: &mut Findings) {
    let Some((workflow, job, step)) = project.step(place) else { return };
    let shells = [&step.shell, &job.defaults.shell, &workflow.defaults.shell];
    let text = step.run.as_ref().map_or("", |run| run.value.text.as_str());
    // Whoever names a shell has thought of it, and the default one of a container is `sh`, which may not have it.
    if shells.into_iter().any(Option::is_some) || text.contains("pipefail") || text.contains("PIPESTATUS") {
        return;
    }
    for line in script.pipelines() {
        let [first, .., last] = line.as_slice() else { continue };
        let (Some(first), Some(last)) = (commands.get(*first), commands.get(*last)) else { continue };
        let works = first.simple.name().is_some_and(|name| WORK.contains(&name));
        let quiet = first.context.substitution || first.context.nested > 0 || first.context.conditional;
        if !works || quiet || last.simple.name() != Some("tee") || prints(first) {
            continue;
        }
        let span = first.simple.invocation_span().unwrap_or(first.span);
        let diagnostic = found.add(span, "this may fail, and the step goes on as if it had not");
        diagnostic.label(last.span, "the pipe ends as `tee` does");
        diagnostic.help("with `shell: bash` GitHub sets `pipefail`");
        if let Some(edits) = workflow.insert_behind_run(project.text(workflow.file), step, "shell: bash") {
            diagnostic.fix(Fix::unsafe_("Let the pipe fail with the command", edits));
        }
        return;
    }
}

/// Whether a command only shows something.
fn prints(command: &CommandRef) -> bool {
    // What `docker exec` prints is usually looked at afterwards.
    const WORKS: &[&str] = &["bake", "build", "buildx", "compose", "pull", "push", "run"];
    let verb = command.simple.arguments().iter().find(|word| !word.prefix().starts_with('-'));
    if command.simple.name() == Some("docker") && !verb.is_some_and(|verb| WORKS.iter().any(|works| verb.is(works))) {
        return true;
    }
    const SHOWS: &[&str] = &[
        "--help",
        "--version",
        "config",
        "env",
        "history",
        "images",
        "info",
        "inspect",
        "logs",
        "ls",
        "ps",
        "version",
        "-c",
    ];
    command.simple.arguments().iter().any(|word| SHOWS.iter().any(|shows| word.is(shows)))
}
