//! An expression reads outputs of a step that the job does not have.
//!
//! `steps.cache.outputs.cache-hit` is empty when no step of the job has `id: cache`: nothing fails, the condition is never true and
//! the text says nothing. Steps of other jobs are not there either; their outputs come by `needs`.
//!
//! Not flagged: ids that an expression computes.
//!
//! ## Examples
//!
//! ### A step without that id
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: actions/cache@v4
//!         with:
//!           path: /tmp/cache
//!           key: layers
//!       - run: echo "${{ steps.cache.outputs.cache-hit }}"
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:10:24: error[unknown-step-id] no step of this job has the id `cache`, so this is always empty
//! ```
//!
//! ### A step with that id
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: actions/cache@v4
//!         id: cache
//!         with:
//!           path: /tmp/cache
//!           key: layers
//!       - run: echo "${{ steps.cache.outputs.cache-hit }}"
//! ```
//!
//! ## Also tested
//!
//! ### Conditions, inputs, outputs of jobs, another job's step, composite actions
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     outputs:
//!       digest: ${{ steps.built.outputs.digest }}
//!     steps:
//!       - id: Build
//!         uses: docker/build-push-action@v6
//!         with:
//!           tags: ${{ steps.meta.outputs.tags }}
//!       - if: steps.build.outcome == 'success'
//!         run: echo "${{ steps['build'].outputs.digest }} ${{ toJSON(steps) }}"
//!   test:
//!     needs: build
//!     runs-on: ubuntu-latest
//!     steps:
//!       - if: ${{ steps.build.outputs.digest }}
//!         env:
//!           DIGEST: ${{ steps.build.outputs.digest }}
//!         run: make test
//! ```
//!
//! ```yaml action.yml
//! name: a
//! outputs:
//!   x: {value: "${{ steps.two.outputs.x }}"}
//! runs:
//!   using: composite
//!   steps:
//!     - id: one
//!       run: echo ${{ steps.one.outputs.x }} ${{ steps.three.outputs.x }}
//!       shell: bash
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:6:19: error[unknown-step-id] no step of this job has the id `built`, so this is always empty
//! .github/workflows/ci.yml:11:21: error[unknown-step-id] no step of this job has the id `meta`, so this is always empty
//! .github/workflows/ci.yml:18:17: error[unknown-step-id] no step of this job has the id `build`, so this is always empty
//! action.yml:3:19: error[unknown-step-id] no step of this action has the id `two`, so this is always empty
//! action.yml:8:48: error[unknown-step-id] no step of this action has the id `three`, so this is always empty
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "unknown-step-id", severity: Severity::Error, ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for job in project.workflows.iter().flat_map(|workflow| &workflow.jobs) {
            check(&job.steps, &job.outputs, "this job", found);
        }
        for action in project.actions.iter().filter(|action| action.is_composite()) {
            check(&action.steps, &action.outputs, "this action", found);
        }
    }
}

fn check(steps: &[workflow::Step], outputs: &workflow::Map, owner: &str, found: &mut Findings) {
    let ids: Vec<&str> = steps.iter().filter_map(|step| step.id.as_ref()?.known()).collect();
    let has = |id: &str| ids.iter().any(|known| known.eq_ignore_ascii_case(id));
    let mut seen: Vec<&str> = Vec::new();
    let mut paths: Vec<(Vec<&str>, Span)> = Vec::new();
    for step in steps {
        let maps = step.with.fields.iter().chain(&step.env.fields);
        let own = [&step.run, &step.name, &step.working_directory, &step.continue_on_error, &step.timeout_minutes];
        let scalars = maps.chain(own.into_iter().flatten());
        let expressions = scalars.flat_map(|field| field.value.template.expressions());
        let conditions = step.condition.iter().filter_map(|condition| condition.expr.as_ref());
        paths.extend(conditions.chain(expressions).flat_map(|expr| expr.paths()));
    }
    let expressions = outputs.fields.iter().flat_map(|field| field.value.template.expressions());
    paths.extend(expressions.flat_map(|expr| expr.paths()));
    for (path, span) in paths {
        let ["steps", id, ..] = path.as_slice() else { continue };
        if has(id) || seen.contains(id) {
            continue;
        }
        seen.push(id);
        let diagnostic = found.add(span, format!("no step of {owner} has the id `{id}`, so this is always empty"));
        match nearest(id, ids.iter().copied()) {
            Some(near) => {
                diagnostic.help(format!("did you mean `{near}`?"));
            }
            None => {
                diagnostic.help("give the step that is meant this `id`; outputs of other jobs come by `needs`");
            }
        }
    }
}
