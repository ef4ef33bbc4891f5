//! Two stages do the same, but an early difference keeps the builder from sharing it.
//!
//! The cache key of a RUN holds every ENV and declared ARG, the USER, the SHELL and the working directory that it sees, needed or
//! not. One variable that is set a line too early makes an otherwise equal installation a different one: it is downloaded,
//! run, pushed and stored twice.
//!
//! Set what differs behind the steps that are the same. Values that only the program at the end reads can always go down; a value
//! that the steps themselves read cannot.
//!
//! Not flagged: steps that neither install nor download nor compile, differences in the text of the steps themselves, and
//! variables that the steps may read: those that they name and those that package managers and compilers heed by themselves,
//! such as `NODE_ENV` or `PIP_INDEX_URL`.
//!
//! ## Examples
//!
//! ### One variable too early
//!
//! ```dockerfile worker.Dockerfile
//! FROM python:3.13-slim
//! ENV PYTHONUNBUFFERED=1
//! RUN apt-get update && apt-get install -y libpq-dev
//! CMD ["celery", "worker"]
//! ```
//!
//! ```dockerfile flower.Dockerfile
//! FROM python:3.13-slim
//! ENV PYTHONUNBUFFERED=1 \
//!     FLOWER_PORT=5555
//! RUN apt-get update && apt-get install -y libpq-dev
//! CMD ["celery", "flower"]
//! ```
//!
//! ```text
//! worker.Dockerfile:3:1: warning[split-steps] this step is that of flower.Dockerfile, yet it is built for itself because of `ENV FLOWER_PORT`
//! ```
//!
//! ### Set where it is needed
//!
//! ```dockerfile worker.Dockerfile
//! FROM python:3.13-slim AS base
//! ENV PYTHONUNBUFFERED=1
//! RUN apt-get update && apt-get install -y libpq-dev
//!
//! FROM base AS worker
//! CMD ["celery", "worker"]
//!
//! FROM base AS flower
//! ENV FLOWER_PORT=5555
//! CMD ["celery", "flower"]
//! ```
//!
//! ## Also tested
//!
//! ### An argument that a target gives another value
//!
//! ```dockerfile
//! FROM debian:12 AS a
//! ARG MODE=dev
//! RUN apt-get update && apt-get install -y curl
//!
//! FROM debian:12 AS b
//! ARG MODE=prod
//! RUN apt-get update && apt-get install -y curl
//! ```
//!
//! ```text
//! Dockerfile:7:1: warning[split-steps] this step is that of stage `a`, yet it is built for itself because of `ARG MODE`
//! ```
//!
//! ### A variable that the step reads
//!
//! ```dockerfile
//! FROM node:24 AS a
//! ENV NODE_ENV=development
//! RUN npm install --global pino
//!
//! FROM node:24 AS b
//! ENV NODE_ENV=production
//! RUN npm install --global pino
//! ```
//!
//! ### Steps that do different things
//!
//! ```dockerfile
//! FROM debian:12 AS a
//! RUN apt-get update && apt-get install -y curl
//!
//! FROM debian:12 AS b
//! RUN apt-get update && apt-get install -y wget
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "split-steps", ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        let chains = project.chains();
        for split in split_prefixes(&chains) {
            let (first, second) = (&chains[split.first], &chains[split.second]);
            let heavy = (split.shared..split.equal).find(|at| second.steps[*at].heavy).unwrap_or(split.shared);
            let place = |chain: &Chain| {
                let dockerfile = &project.dockerfiles[chain.dockerfile];
                (dockerfile, dockerfile.tree.instructions[chain.steps[heavy].instruction].span)
            };
            let ((original, original_span), (dockerfile, span)) = (place(first), place(second));
            let whose = if original.file == dockerfile.file {
                format!("stage `{}`", original.stage_name(first.stage))
            } else {
                original.path.clone()
            };
            let names: Vec<String> = split.differences.iter().map(|(name, _, _)| format!("`{name}`")).collect();
            let diagnostic = found.add(
                span,
                format!("this step is that of {whose}, yet it is built for itself because of {}", names.join(", ")),
            );
            diagnostic.label(original_span, "the same step");
            for (name, there, here) in &split.differences {
                let (dockerfile, value) = if here.is_some() { (dockerfile, here) } else { (original, there) };
                let stage = if here.is_some() { second } else { first };
                if let Some(place) = setter(dockerfile, stage, name) {
                    let says = if value.is_some() && there.is_some() && here.is_some() {
                        "another value here"
                    } else {
                        "only here"
                    };
                    diagnostic.label(place, says);
                }
            }
            diagnostic.help("set it behind the steps that are the same; what a step does not read can go down");
        }
    }
}

/// The instruction that sets `ENV A`, `ARG B`, `USER` and so on before the first step that is not shared.
fn setter(dockerfile: &Dockerfile, chain: &Chain, name: &str) -> Option<Span> {
    let last = chain.steps.last()?.instruction;
    let (keyword, variable) = name.split_once(' ').unwrap_or((name, ""));
    let sets = |instruction: &Instruction| match &instruction.body {
        Body::Env(pairs) => pairs.pairs.iter().find(|pair| &*pair.key == variable).map(|pair| pair.span),
        Body::Arg(pairs) => pairs.iter().find(|pair| &*pair.name == variable).map(|pair| pair.span),
        _ => Some(instruction.span),
    };
    let before = dockerfile.instructions().take(last).map(|(_, instruction)| instruction);
    let setters = before.filter(|instruction| instruction.keyword.name() == keyword);
    let found: Vec<(bool, Span)> =
        setters.filter_map(|instruction| Some((instruction.stage == Some(chain.stage), sets(instruction)?))).collect();
    found.iter().find(|(own, _)| *own).or(found.first()).map(|(_, span)| *span)
}
