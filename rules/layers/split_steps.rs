//! Two stages do the same, but an early difference keeps the builder from sharing it.
//!
//! The cache key of a RUN holds every ENV and declared ARG, the USER, the SHELL and the working directory that it sees,
//! needed or not. One variable that is set a line too early makes an otherwise equal installation a different one: it
//! is downloaded, run, pushed and stored twice.
//!
//! Set what differs behind the steps that are the same. Values that only the program at the end reads can always go
//! down; a value that the steps themselves read cannot. In files that nothing of the repository builds it is only noted.
//!
//! Not flagged: steps that neither install nor download nor compile, differences in the text of the steps themselves,
//! and variables that the steps may read: those that they name and those that package managers and compilers heed by
//! themselves, such as `NODE_ENV` or `PIP_INDEX_URL`.
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
//! worker.Dockerfile:3:1: info[split-steps] this step is that of flower.Dockerfile, yet it is built for itself because of `ENV FLOWER_PORT`
//! ```
//!
//! ```diff
//! --- a/flower.Dockerfile
//! +++ b/flower.Dockerfile
//! @@ -1,5 +1,5 @@
//!  FROM python:3.13-slim
//! -ENV PYTHONUNBUFFERED=1 \
//! -    FLOWER_PORT=5555
//! +ENV PYTHONUNBUFFERED=1
//!  RUN apt-get update && apt-get install -y libpq-dev
//! +ENV FLOWER_PORT=5555
//!  CMD ["celery", "flower"]
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
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,7 +1,7 @@
//!  FROM debian:12 AS a
//! +RUN apt-get update && apt-get install -y curl
//!  ARG MODE=dev
//! -RUN apt-get update && apt-get install -y curl
//!
//!  FROM debian:12 AS b
//! +RUN apt-get update && apt-get install -y curl
//!  ARG MODE=prod
//! -RUN apt-get update && apt-get install -y curl
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
    const META: Meta = Meta { id: "split-steps", fix: Some(Safety::Unsafe), ..Meta::DEFAULT };

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
            // Files that nothing here builds may never be built by one builder.
            let alone = |chain: &Chain| matches!(project.builds[chain.build].maker, Maker::Standalone(_));
            if original.file != dockerfile.file && (alone(first) || alone(second)) {
                diagnostic.severity(Severity::Info);
            }
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
            if let Some(fix) = fix(project, first, second, &split) {
                diagnostic.fix(fix);
            }
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

/// Moves what differs down behind the last step that is the same, in each stage that sets it.
fn fix(project: &Project, first: &Chain, second: &Chain, split: &SplitPrefix) -> Option<Fix> {
    let mut edits = Vec::new();
    let there = split.differences.iter().filter(|(_, there, _)| there.is_some()).map(|(name, _, _)| name.as_str());
    let here = split.differences.iter().filter(|(_, _, here)| here.is_some()).map(|(name, _, _)| name.as_str());
    for (chain, names) in [(first, there.collect::<Vec<_>>()), (second, here.collect())] {
        if !names.is_empty() {
            edits.extend(move_down(project, chain, split, &names)?);
        }
    }
    let names: Vec<&str> = split.differences.iter().map(|(name, _, _)| name.as_str()).collect();
    let title = format!("Set `{}` behind the steps that are the same", names.join("`, `"));
    Some(Fix::unsafe_(title, edits).rebuilds_once())
}

fn move_down(project: &Project, chain: &Chain, split: &SplitPrefix, names: &[&str]) -> Option<Vec<Edit>> {
    let dockerfile = &project.dockerfiles[chain.dockerfile];
    let (tree, text) = (&dockerfile.tree, dockerfile.source.text());
    let last = chain.steps.get(split.equal.checked_sub(1)?)?.instruction;
    let stage = tree.instructions.get(last)?.stage?;
    let mut edits = Vec::new();
    let mut lines = Vec::new();
    for name in names {
        let (keyword, variable) = name.split_once(' ')?;
        let mut setters = Vec::new();
        for (at, instruction) in dockerfile.stage_instructions(stage).take_while(|(at, _)| *at < last) {
            let pairs: Vec<(&str, Span)> = match &instruction.body {
                Body::Env(pairs) if !pairs.legacy => pairs.pairs.iter().map(|pair| (&*pair.key, pair.span)).collect(),
                Body::Arg(pairs) => pairs.iter().map(|pair| (&*pair.name, pair.span)).collect(),
                _ => Vec::new(),
            };
            let own = pairs.iter().find(|(key, _)| *key == variable && instruction.keyword.name() == keyword);
            setters.extend(own.map(|(_, span)| (at, *span, pairs.len())));
        }
        // Set once, in this very stage, and named by nothing on the way down but itself.
        let [(at, span, pairs)] = setters.as_slice() else { return None };
        let instruction = tree.instructions.get(*at)?;
        let words = dockerfile.source.slice(*span).trim_end();
        let mentions = |instruction: &Instruction| {
            instruction.text.matches(variable).count()
                + instruction.heredocs.iter().map(|doc| doc.body.matches(variable).count()).sum::<usize>()
        };
        let others: usize = tree.instructions.get(*at..=last)?.iter().map(mentions).sum();
        // A value that refers to others would see them as they are further down.
        if others != words.matches(variable).count() || words.contains(['$', '\n']) {
            return None;
        }
        edits.push(if *pairs == 1 { instruction.remove() } else { tree.remove_word(text, *span) });
        lines.push(format!("{} {words}", &*instruction.word));
    }
    let line = lines.join(tree.line_ending(text));
    edits.push(tree.insert_after(text, last, &line)?);
    Some(edits)
}
