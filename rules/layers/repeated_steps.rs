//! Several Dockerfiles or stages begin with the same steps, word for word.
//!
//! Copies of a base drift: the first edit that reaches only one of them makes the builder run everything behind it twice, and
//! nobody notices. As long as they are equal, one builder runs them once (BuildKit merges vertices with equal keys, whatever
//! file they come from), but jobs on different machines without a common cache run them once each.
//!
//! Put the steps into one stage and let the others begin with it: `FROM base` in one file, or a bake target `base` and
//! `contexts = { base = "target:base" }` in the targets of the other files.
//!
//! The finding is a warning when different jobs build the copies, and a hint about upkeep otherwise. Not flagged: steps that
//! neither install nor download nor compile anything, one short step alone, and what stages have in common because they stand
//! on one stage.
//!
//! ## Examples
//!
//! ### Two files with one beginning
//!
//! ```dockerfile web.Dockerfile
//! FROM python:3.13-slim
//! RUN apt-get update && apt-get install -y libpq-dev
//! WORKDIR /code
//! CMD ["gunicorn", "shop"]
//! ```
//!
//! ```dockerfile worker.Dockerfile
//! FROM python:3.13-slim
//! RUN apt-get update && apt-get install -y libpq-dev
//! WORKDIR /code
//! CMD ["celery", "worker"]
//! ```
//!
//! ```text
//! worker.Dockerfile:1:1: info[repeated-steps] the first 2 steps repeat those of web.Dockerfile
//! ```
//!
//! ### One stage for both
//!
//! ```dockerfile
//! FROM python:3.13-slim AS base
//! RUN apt-get update && apt-get install -y libpq-dev
//! WORKDIR /code
//!
//! FROM base AS web
//! CMD ["gunicorn", "shop"]
//!
//! FROM base AS worker
//! CMD ["celery", "worker"]
//! ```
//!
//! ## Also tested
//!
//! ### Nothing worth sharing
//!
//! ```dockerfile a.Dockerfile
//! FROM alpine:3.22
//! RUN mkdir /data
//! ```
//!
//! ```dockerfile b.Dockerfile
//! FROM alpine:3.22
//! RUN mkdir /data
//! ```
//!
//! ### Two stages of one file
//!
//! ```dockerfile
//! FROM debian:12 AS a
//! RUN apt-get update && apt-get install -y curl
//! WORKDIR /src
//! RUN make a
//!
//! FROM debian:12 AS b
//! RUN apt-get update && apt-get install -y curl
//! WORKDIR /src
//! RUN make b
//!
//! FROM scratch
//! COPY --from=a /a /a
//! COPY --from=b /b /b
//! ```
//!
//! ```text
//! Dockerfile:6:1: info[repeated-steps] the first 2 steps repeat those of stage `a`
//! ```

use bakelint_core::prelude::*;

/// A single step is worth a stage of its own when its text is this long, in bytes.
const LONG: usize = 100;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "repeated-steps", severity: Severity::Info, ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        let chains = project.chains();
        for group in shared_prefixes(&chains) {
            let first = &chains[group.original];
            let repeated = &first.steps[group.common..group.steps];
            if repeated.len() < 2 && repeated.iter().all(|step| step.text.len() < LONG) {
                continue;
            }
            let copies: Vec<&Chain> = group.copies.iter().map(|at| &chains[*at]).collect();
            let Some((last, others)) = copies.split_last() else { continue };
            let place = |chain: &Chain| {
                let dockerfile = &project.dockerfiles[chain.dockerfile];
                let end = &dockerfile.tree.instructions[chain.steps[group.steps - 1].instruction];
                (dockerfile, dockerfile.from(chain.stage).map_or(end.span, |from| from.span), end.span)
            };
            let (dockerfile, from, end) = place(last);
            let (original, original_from, _) = place(first);
            let whose = if original.file == dockerfile.file {
                format!("stage `{}`", original.stage_name(first.stage))
            } else {
                original.path.clone()
            };
            let steps = if group.steps == 1 {
                "the first step repeats that".into()
            } else {
                format!("the first {} steps repeat those", group.steps)
            };
            let diagnostic = found.add(from, format!("{steps} of {whose}"));
            if end != from {
                diagnostic.label(end, "the last step that is the same");
            }
            diagnostic.label(original_from, "the same beginning");
            for chain in others {
                diagnostic.label(place(chain).1, "and here");
            }
            let jobs = project.jobs_of(copies.iter().map(|chain| chain.build).chain([first.build]));
            if jobs > 1 {
                diagnostic.severity(Severity::Warning);
                diagnostic.help(format!("{jobs} jobs build these steps, each for itself; build them once, in a stage that the others begin with"));
            } else {
                diagnostic.help("put them into one stage that the others begin with: copies drift, and the first difference is built twice");
            }
        }
    }
}
