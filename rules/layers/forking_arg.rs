//! Targets that are built together differ in an argument that stands above steps that do not read it.
//!
//! The value of an ARG is part of the cache key of every RUN behind it, whether the RUN reads it or not
//! (<https://docs.docker.com/build/cache/invalidation/>). Two targets with different values then share nothing behind the declaration: the
//! builder runs equal steps once for each of them, and stores equal layers twice.
//!
//! Declare the argument right before the first step that reads it.
//!
//! Looked at are the targets of each bake command and of each group. Not flagged: targets that share nothing there anyway, since a base image
//! or an earlier step differs; steps that may read the environment.
//!
//! ## Examples
//!
//! ### Declared too early
//!
//! ```dockerfile
//! FROM debian:13-slim
//! ARG EDITION
//! RUN apt-get update && apt-get install -y --no-install-recommends build-essential && rm -rf /var/lib/apt/lists/*
//! RUN ./configure --with-edition=$EDITION
//! ```
//!
//! ```hcl
//! group "default" {
//!   targets = ["free", "full"]
//! }
//!
//! target "free" {
//!   args = { EDITION = "free" }
//!   tags = ["shop/free:1.2"]
//! }
//!
//! target "full" {
//!   args = { EDITION = "full" }
//!   tags = ["shop/full:1.2"]
//! }
//! ```
//!
//! ```text
//! Dockerfile:2:5: warning[forking-arg] `EDITION` differs between `free` and `full`: the step behind it, which does not read it, runs for each of them
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,4 +1,4 @@
//!  FROM debian:13-slim
//! +RUN apt-get update && apt-get install -y --no-install-recommends build-essential && rm -rf /var/lib/apt/lists/*
//!  ARG EDITION
//! -RUN apt-get update && apt-get install -y --no-install-recommends build-essential && rm -rf /var/lib/apt/lists/*
//!  RUN ./configure --with-edition=$EDITION
//! ```
//!
//! ### Declared where it is read
//!
//! ```dockerfile
//! FROM debian:13-slim
//! RUN apt-get update && apt-get install -y --no-install-recommends build-essential && rm -rf /var/lib/apt/lists/*
//! ARG EDITION
//! RUN ./configure --with-edition=$EDITION
//! ```
//!
//! ```hcl
//! group "default" {
//!   targets = ["free", "full"]
//! }
//!
//! target "free" {
//!   args = { EDITION = "free" }
//!   tags = ["shop/free:1.2"]
//! }
//!
//! target "full" {
//!   args = { EDITION = "full" }
//!   tags = ["shop/full:1.2"]
//! }
//! ```
//!
//! ## Also tested
//!
//! ### Another base, an earlier difference, equal values, one that is not passed
//!
//! ```dockerfile base.Dockerfile
//! ARG DISTRO=13
//! FROM debian:${DISTRO}-slim
//! ARG DISTRO
//! RUN apt-get update && apt-get install -y --no-install-recommends build-essential && rm -rf /var/lib/apt/lists/*
//! RUN ./configure $DISTRO
//! ```
//!
//! ```dockerfile step.Dockerfile
//! FROM debian:13-slim
//! ARG EDITION=free
//! RUN echo "$EDITION" > /etc/edition
//! ARG MODE
//! RUN apt-get update && apt-get install -y --no-install-recommends build-essential && rm -rf /var/lib/apt/lists/*
//! RUN ./configure $MODE
//! ```
//!
//! ```dockerfile equal.Dockerfile
//! FROM debian:13-slim
//! ARG EDITION=free
//! RUN apt-get update && apt-get install -y --no-install-recommends build-essential && rm -rf /var/lib/apt/lists/*
//! ```
//!
//! ```hcl
//! group "default" {
//!   targets = ["old", "new", "free", "full", "equal", "same"]
//! }
//!
//! target "old" {
//!   dockerfile = "base.Dockerfile"
//!   args       = { DISTRO = "12" }
//! }
//!
//! target "new" {
//!   dockerfile = "base.Dockerfile"
//! }
//!
//! target "free" {
//!   dockerfile = "step.Dockerfile"
//!   args       = { MODE = "a" }
//! }
//!
//! target "full" {
//!   dockerfile = "step.Dockerfile"
//!   args       = { EDITION = "full", MODE = "b" }
//! }
//!
//! target "equal" {
//!   dockerfile = "equal.Dockerfile"
//!   args       = { EDITION = "free" }
//! }
//!
//! target "same" {
//!   dockerfile = "equal.Dockerfile"
//!   tags       = ["shop/same:1.2"]
//! }
//! ```

use std::collections::{BTreeMap, BTreeSet};

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

/// More builds of one file and command are not held against the first ones.
const MAX_BUILDS: usize = 16;

impl Check for Rule {
    const META: Meta = Meta { id: "forking-arg", fix: Some(Safety::Safe), ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        let mut seen = BTreeSet::new();
        for together in project.built_together() {
            let mut files: BTreeMap<usize, Vec<&Build>> = BTreeMap::new();
            for build in together.builds {
                if let Some(at) = build.dockerfile {
                    files.entry(at).or_default().push(build);
                }
            }
            for (at, builds) in files {
                let builds = &builds[..builds.len().min(MAX_BUILDS)];
                for (nth, one) in builds.iter().enumerate() {
                    for two in &builds[nth + 1..] {
                        check_pair(project, at, one, two, &mut seen, found);
                    }
                }
            }
        }
    }
}

fn check_pair(project: &Project, at: usize, one: &Build, two: &Build, seen: &mut BTreeSet<Span>, found: &mut Findings) {
    let file = &project.dockerfiles[at];
    let differing = differing(one, two);
    let (Some(first), Some(second)) = (project.reach(one), project.reach(two)) else { return };
    let platforms = |build: &Build| build.platforms.iter().map(|platform| platform.eval.clone()).collect::<Vec<_>>();
    if differing.is_empty() || one.context != two.context || platforms(one) != platforms(two) {
        return;
    }
    let needed = |stage: usize| {
        [&first, &second].iter().all(|uses| uses.get(stage).is_some_and(|used| *used != StageUse::Unreached))
    };
    for stage in (0..file.tree.stages.len()).filter(|stage| needed(*stage)) {
        for (index, instruction) in file.stage_instructions(stage) {
            let Body::Arg(pairs) = &instruction.body else { continue };
            for pair in pairs.iter().filter(|pair| differing.contains(&*pair.name)) {
                let default = pair.value.as_ref().map(|value| value.trim_matches(['"', '\'']));
                let value = |build: &Build| match build.arg(&pair.name) {
                    Some(arg) => arg.value.as_known().map(str::to_owned),
                    None => default.filter(|value| !value.contains('$')).map(str::to_owned),
                };
                let (Some(here), Some(there)) = (value(one), value(two)) else { continue };
                let unread = project.steps_before_use(at, stage, index, &pair.name);
                let Some(heavy) = unread.heavy.first().filter(|_| here != there) else { continue };
                // What is copied from another stage may differ as well.
                let copies = |(at, one): (usize, &Instruction)| {
                    (index..heavy.instruction).contains(&at)
                        && matches!(&one.body, Body::Copy(copy) if copy.from.is_some())
                };
                if file.stage_instructions(stage).any(copies) || differ_before(file, stage, index, &differing, one, two)
                {
                    continue;
                }
                if !seen.insert(pair.span) {
                    continue;
                }
                let steps = match unread.heavy.len() {
                    1 => "the step behind it, which does not read it, runs".to_owned(),
                    count => format!("{count} steps behind it, which do not read it, run"),
                };
                let message = format!(
                    "`{}` differs between `{}` and `{}`: {steps} for each of them",
                    &*pair.name, one.name, two.name
                );
                let diagnostic = found.add(pair.span, message);
                if let Some(step) = file.tree.instructions.get(heavy.instruction) {
                    diagnostic.label(file.on_first_line(step, step.span), "could be shared");
                }
                for build in [one, two] {
                    if let Some(arg) = build.arg(&pair.name) {
                        diagnostic.label(arg.span, format!("for `{}`", build.name));
                    }
                }
                diagnostic.help("declare it right before the first step that reads it");
                if let Some(fix) = project.sink_argument(at, index, pair, &unread) {
                    diagnostic.fix(fix);
                }
            }
        }
    }
}

/// The names of the arguments that two builds do not pass alike.
fn differing<'b>(one: &'b Build, two: &'b Build) -> BTreeSet<&'b str> {
    let names = one.args.iter().chain(&two.args).map(|arg| arg.name.as_str());
    let value = |build: &'b Build, name: &str| build.arg(name).map(|arg| &arg.value);
    names.filter(|name| value(one, name) != value(two, name)).collect()
}

/// Whether the builds differ before an instruction of a stage already: in the base image, or in what a step reads or stands behind.
fn differ_before(
    file: &Dockerfile,
    stage: usize,
    index: usize,
    differing: &BTreeSet<&str>,
    one: &Build,
    two: &Build,
) -> bool {
    let mut stage = stage;
    loop {
        let touches = |(at, instruction): (usize, &Instruction)| {
            at < index && differing.iter().any(|name| names_variable(instruction, name))
        };
        let (base, other) = (file.base(stage, Some(one)), file.base(stage, Some(two)));
        if base != other || file.stage_instructions(stage).any(touches) {
            return true;
        }
        // A stage stands on an earlier one, so that this comes to an end.
        match base {
            Base::Stage(base) if base < stage => stage = base,
            _ => return false,
        }
    }
}
