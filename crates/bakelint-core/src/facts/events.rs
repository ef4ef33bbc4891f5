//! Which events a step runs for.

use crate::model::Project;
use crate::model::build::StepRef;
use crate::model::workflow::{Scope, Workflow};
use crate::syntax::expression::Value;

/// How an event starts a workflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event<'e> {
    /// `pull_request`; the ref is that of the merge, `refs/pull/1/merge`.
    PullRequest,
    /// `push` of this branch.
    Push(&'e str),
}

impl Event<'_> {
    fn name(self) -> &'static str {
        match self {
            Event::PullRequest => "pull_request",
            Event::Push(_) => "push",
        }
    }

    fn starts(self, workflow: &Workflow) -> bool {
        workflow.trigger(self.name()).is_some_and(|trigger| match self {
            Event::PullRequest => true,
            Event::Push(branch) => trigger.admits_branch(branch),
        })
    }

    fn scope(self, workflow: &Workflow) -> Scope<'_> {
        let (reference, name) = match self {
            Event::PullRequest => ("refs/pull/1/merge".to_owned(), "1/merge"),
            Event::Push(branch) => (format!("refs/heads/{branch}"), branch),
        };
        let text = |text: &str| Value::Text(text.to_owned());
        Scope::new(workflow)
            .assume(&["github", "event_name"], text(self.name()))
            .assume(&["github", "ref"], Value::Text(reference))
            .assume(&["github", "ref_name"], text(name))
            .assume(&["github", "ref_type"], text("branch"))
            .assume(&["success()"], Value::Bool(true))
    }
}

impl Project {
    /// Whether commits may start a step, pushed to a branch or to a pull request, rather than tags, times and people only.
    pub fn runs_for_commits(&self, place: StepRef) -> bool {
        let Some(workflow) = self.workflows.get(place.workflow) else { return false };
        let pushes = workflow.trigger("push").is_some_and(|push| push.branches.is_some() || push.tags.is_none());
        pushes && self.may_run_on(place, "push")
            || workflow.runs_on_pull_request() && self.may_run_on(place, "pull_request")
    }

    /// Whether a step runs when the event starts its workflow; `None` where conditions or a calling workflow decide.
    pub fn step_runs_on(&self, place: StepRef, event: Event<'_>) -> Option<bool> {
        let (workflow, job, step) = self.step(place)?;
        if workflow.is_reusable() && !event.starts(workflow) {
            return None;
        }
        let scope = event.scope(workflow);
        let needed = workflow.needs_closure(place.job).into_iter().filter_map(|at| workflow.jobs.get(at));
        let conditions = needed.chain([job]).map(|job| scope.holds(job.condition.as_ref()));
        let own = scope.clone().in_job(job, None).in_step(step).holds(step.condition.as_ref());
        let all: Vec<Option<bool>> = conditions.chain([own, Some(event.starts(workflow))]).collect();
        match all.contains(&Some(false)) {
            true => Some(false),
            false => all.into_iter().all(|holds| holds.is_some()).then_some(true),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::settings::Settings;
    use crate::snapshot::Snapshot;

    #[test]
    fn filters_and_conditions_decide() {
        let text = "on:\n  pull_request:\n  push:\n    branches: [main]\njobs:\n  a:\n    runs-on: x\n    steps:\n      - run: a\n      \
            - run: b\n        if: github.event_name != 'pull_request'\n      - run: c\n        if: github.actor == 'me'\n  b:\n    \
            if: github.ref == 'refs/heads/main'\n    runs-on: x\n    steps:\n      - run: d\n  c:\n    needs: b\n    runs-on: x\n    \
            steps:\n      - run: e\n";
        let snapshot = Snapshot::from_texts([(".github/workflows/ci.yml", text)]);
        let project = Project::new(snapshot, Settings::default());
        let runs = |job, step, event| project.step_runs_on(StepRef { workflow: 0, job, step }, event);
        let (main, other) = (Event::Push("main"), Event::Push("feature/x"));
        let pull = Event::PullRequest;
        assert_eq!([runs(0, 0, pull), runs(0, 0, main), runs(0, 0, other)], [Some(true), Some(true), Some(false)]);
        assert_eq!([runs(0, 1, pull), runs(0, 1, main)], [Some(false), Some(true)]);
        assert_eq!([runs(0, 2, pull), runs(0, 2, main)], [None, None]);
        assert_eq!([runs(1, 0, pull), runs(1, 0, main)], [Some(false), Some(true)]);
        assert_eq!(runs(2, 0, pull), Some(false));
    }
}
