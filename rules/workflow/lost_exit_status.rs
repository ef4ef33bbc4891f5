//! Commands in the background may fail without failing the step.
//!
//! `wait` without the number of a process waits for all of them and returns 0, whatever became of them
//! (<https://www.gnu.org/software/bash/manual/bash.html#index-wait>). A push, a tag or a build in the background that fails leaves the
//! step green. Keep the number of each (`pids+=($!)`) and wait for each of them, or use `xargs -P`, which returns an error if one
//! command fails.
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
//! ## Also tested
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
    const META: Meta = Meta { id: "lost-exit-status", ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for StepScript { script, .. } in project.step_scripts() {
            let commands = script.commands();
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
