//! Jobs wait for a job that only looks at the results of others.
//!
//! A job «all checks passed» is good as the one required check of a branch. As a link in a chain it costs its place in the queue and
//! the start of a runner, and is billed as a minute, before the next job may begin. The jobs behind it can name in `needs` what the
//! gate names; by default they run only if all of those have succeeded.
//!
//! Not flagged: gates that nothing waits for but jobs that run in any case (`if: always()`), jobs with outputs or an `environment`,
//! and jobs that use actions.
//!
//! ## Examples
//!
//! ### A gate in the chain
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   test:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: make test
//!   all-checks:
//!     needs: test
//!     if: always()
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: |
//!           if [ "${{ needs.test.result }}" != success ]; then
//!             echo "the tests failed"
//!             exit 1
//!           fi
//!   deploy:
//!     needs: all-checks
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: make deploy
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:7:3: info[gate-job] `deploy` cannot begin before `all-checks` has had a runner only to look at results
//! ```
//!
//! ### A gate beside it
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   test:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: make test
//!   all-checks:
//!     needs: test
//!     if: always()
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: test "${{ needs.test.result }}" = success
//!   deploy:
//!     needs: test
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: make deploy
//! ```
//!
//! ## Also tested
//!
//! ### A report that runs in any case
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   test:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: make test
//!   success:
//!     needs: test
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: echo done
//!   report:
//!     needs: success
//!     if: failure()
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: ./report.sh
//! ```
//!
//! ### Jobs that do something, or ask somebody
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   test:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: make test
//!   approve:
//!     needs: test
//!     environment: production
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: echo approved
//!   report:
//!     needs: test
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: echo done && ./report.sh
//!   deploy:
//!     needs: [approve, report]
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: make deploy
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

/// Programs that look and speak, and change nothing.
const LOOKS: &[&str] =
    &["echo", "printf", "test", "[", "exit", "true", "false", ":", "set", "jq", "grep", "cat", "tee"];

impl Check for Rule {
    const META: Meta = Meta { id: "gate-job", severity: Severity::Info, ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for (at, workflow) in project.workflows.iter().enumerate() {
            for (job_at, job) in workflow.jobs.iter().enumerate() {
                // What runs in any case, to report or as another gate, does not wait to do work.
                let works = |other: &usize| {
                    let condition = workflow.jobs[*other].condition.as_ref();
                    !condition
                        .is_some_and(|condition| condition.expr.as_ref().is_none_or(|expr| expr.has_status_check()))
                };
                let dependents: Vec<usize> = workflow.dependents(job_at).into_iter().filter(works).collect();
                let idle = job.outputs.fields.is_empty() && !job.outputs.dynamic && job.environment.is_none();
                if job.needs.is_empty() || dependents.is_empty() || job.steps.is_empty() || !idle {
                    continue;
                }
                let only_looks = job.steps.iter().enumerate().all(|(step_at, _)| {
                    let place = StepRef { workflow: at, job: job_at, step: step_at };
                    project.step_script(place).is_some_and(|script| {
                        script.commands().iter().all(|command| match command.simple.system_program() {
                            Some(name) => LOOKS.contains(&name) && !sets_something(command),
                            None => command.simple.words.is_empty(),
                        })
                    })
                });
                if !only_looks {
                    continue;
                }
                let names: Vec<String> =
                    dependents.iter().map(|other| format!("`{}`", workflow.jobs[*other].id.node)).collect();
                let diagnostic = found.add(
                    job.id.span,
                    format!(
                        "{} cannot begin before `{}` has had a runner only to look at results",
                        names.join(", "),
                        job.id.node
                    ),
                );
                for other in &dependents {
                    let other = &workflow.jobs[*other];
                    let need = other.needs.iter().find(|need| need.node.eq_ignore_ascii_case(&job.id.node));
                    diagnostic.label(need.map_or(other.id.span, |need| need.span), "waits for it");
                }
                diagnostic
                    .help("let them need the same jobs themselves; the gate can stay as a required check beside them");
            }
        }
    }
}

/// Whether a command writes to GitHub's files for other steps.
fn sets_something(command: &CommandRef) -> bool {
    command.redirects.iter().any(|redirect| {
        redirect.target.variables().iter().any(|(name, _)| matches!(*name, "GITHUB_OUTPUT" | "GITHUB_ENV"))
    })
}
