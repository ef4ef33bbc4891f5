//! The index of packages is brought up to date in another step than the one that installs from it.
//!
//! `RUN apt-get update` is cached by its text, and its text never changes. When a package is added to the install step
//! months later, only that one runs anew, with the old index: it installs old versions, or fails because the archive
//! does not have them any more. See <https://docs.docker.com/build/building/best-practices/#apt-get>.
//!
//! Do both in one step. The patch joins two steps that follow each other; it is not a safe one, because it makes one
//! layer of two.
//!
//! Not flagged: indexes that are mounted as a cache, and steps that install nothing by name.
//!
//! ## Examples
//!
//! ### Two steps
//!
//! ```dockerfile
//! FROM debian:12
//! RUN apt-get update
//! RUN apt-get install -y curl
//! ```
//!
//! ```text
//! Dockerfile:2:5: warning[stale-package-index] `apt-get update` stays as it was when this step was first built, while what is installed from it changes
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,3 +1,3 @@
//!  FROM debian:12
//! -RUN apt-get update
//! -RUN apt-get install -y curl
//! +RUN apt-get update \
//! +    && apt-get install -y curl
//! ```
//!
//! ### One step
//!
//! ```dockerfile
//! FROM debian:12
//! RUN apt-get update && apt-get install -y curl
//! RUN apt-get install -y git
//! ```
//!
//! ## Also tested
//!
//! ### With something in between, and in a stage above
//!
//! ```dockerfile
//! FROM debian:12 AS base
//! RUN apt-get -qq update
//! COPY a /a
//! RUN apt-get install -y \
//!     curl
//!
//! FROM alpine:3.22
//! RUN apk update
//! RUN --mount=type=cache,target=/var/cache/apk apk add curl
//! ```
//!
//! ```text
//! Dockerfile:2:5: warning[stale-package-index] `apt-get update` stays as it was when this step was first built, while what is installed from it changes
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "stale-package-index", fix: Some(Safety::Unsafe), ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for at in 0..project.dockerfiles.len() {
            // The refresh that nothing has been installed behind yet, in its own step.
            let mut waiting: Option<(&Run, &PackageCommand)> = None;
            for run in project.runs(at).iter().filter(|run| !run.trigger) {
                if waiting.is_some_and(|(refresh, _)| refresh.stage != run.stage) {
                    waiting = None;
                }
                let acts = |action| {
                    run.packages
                        .iter()
                        .find(|command| command.manager.is_system() && command.action == action && !command.conditional)
                };
                let (refresh, install) = (acts(Action::Refresh), acts(Action::Install));
                match (refresh, install, waiting) {
                    (Some(refresh), None, _) if run.packages.iter().all(|one| one.action == Action::Refresh) => {
                        waiting = run.cache_mount(refresh.manager).is_none().then_some((run, refresh));
                    }
                    (None, Some(install), Some((before, refresh))) => {
                        waiting = None;
                        let same = install.manager == refresh.manager && run.mounts.is_empty();
                        if same && !install.packages.is_empty() {
                            report(project, before, refresh, run, install, found);
                        }
                    }
                    (Some(_), _, _) => waiting = None,
                    _ => {}
                }
            }
        }
    }
}

fn report(
    project: &Project,
    before: &Run,
    refresh: &PackageCommand,
    run: &Run,
    install: &PackageCommand,
    found: &mut Findings,
) {
    let dockerfile = &project.dockerfiles[run.dockerfile];
    let message = format!(
        "`{}` stays as it was when this step was first built, while what is installed from it changes",
        refresh.title()
    );
    let diagnostic = found.add_at(dockerfile, before.instruction, refresh.title_span(), "here", message);
    diagnostic.label(install.title_span(), "installs from the old index");
    diagnostic.help(format!("do both in one step: `{} && {}`", refresh.title(), install.title()));
    let tree = &dockerfile.tree;
    let (Some(first), Some(second)) =
        (tree.instructions.get(before.instruction), tree.instructions.get(run.instruction))
    else {
        return;
    };
    let simple = |run: &Run, instruction: &Instruction| {
        !run.exec && run.mounts.is_empty() && instruction.heredocs.is_empty() && instruction.flags.is_empty()
    };
    let next_to = run.instruction == before.instruction + 1 && first.full_span.end == second.full_span.start;
    // Commands joined by `;` or `|` would take the second step with them only in part.
    let plain = |instruction: &Instruction| {
        !instruction.arguments.contains([';', '|', '#'])
            && !instruction.arguments.contains('&') | instruction.arguments.contains("&&")
    };
    if next_to && simple(before, first) && simple(run, second) && plain(first) {
        let eol = tree.line_ending(dockerfile.source.text());
        let gap = first.arguments.span().after().cover(second.arguments.span().before());
        let edits = vec![Edit::replace(gap, format!(" {}{eol}    && ", tree.escape))];
        diagnostic.fix(Fix::unsafe_("Do both in one step", edits).rebuilds_once());
    }
}
