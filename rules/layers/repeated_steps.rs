//! Several Dockerfiles or stages begin with the same steps, word for word.
//!
//! Copies of a base drift: the first edit that reaches only one of them makes the builder run everything behind it
//! twice, and nobody notices. As long as they are equal, one builder runs them once (BuildKit merges vertices with
//! equal keys, whatever file they come from), but jobs on different machines without a common cache run them once each.
//!
//! Put the steps into one stage and let the others begin with it: `FROM base` in one file, or a bake target `base` and
//! `contexts = { base = "target:base" }` in the targets of the other files. The patch does either: the first for stages
//! of one file, the second, with a Dockerfile of its own for the base, where bake alone builds the files and all of
//! them in the same way. A stage that is nothing but the common beginning becomes the base itself.
//!
//! There is no patch where it would have to guess: for files that compose, a workflow step or a person builds (they
//! would not find the base), for targets that differ in platforms, network or anything else that the base would need
//! too, and for a beginning that declares an `ARG`, which does not reach beyond the target that declares it. It also
//! ends before the first `CMD`, `ENTRYPOINT` or `ONBUILD`, which mean something else in a base.
//!
//! The finding is a warning when different jobs build the copies, and a hint about upkeep otherwise. Not flagged: steps
//! that neither install nor download nor compile anything, one short step alone, and what stages have in common because
//! they stand on one stage, files whose head says that a program writes them and people should not edit them, and bases of which
//! nobody here knows the name.
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
//! ### Two files that bake builds
//!
//! ```dockerfile docker/web.Dockerfile
//! # syntax=docker/dockerfile:1
//! FROM python:3.13-slim
//! ENV PYTHONUNBUFFERED=1
//! RUN apt-get update && apt-get install -y libpq-dev
//! WORKDIR /code
//! COPY requirements.txt .
//! RUN pip install -r requirements.txt
//! CMD ["gunicorn", "shop"]
//! ```
//!
//! ```dockerfile docker/worker.Dockerfile
//! # syntax=docker/dockerfile:1
//! FROM python:3.13-slim
//! ENV PYTHONUNBUFFERED=1
//! RUN apt-get update && apt-get install -y libpq-dev
//! WORKDIR /code
//! COPY requirements.txt .
//! RUN pip install -r requirements.txt
//! CMD ["celery", "worker"]
//! ```
//!
//! ```text requirements.txt
//! django==5.2.8
//! ```
//!
//! ```hcl
//! group "default" {
//!   targets = ["web", "worker"]
//! }
//!
//! target "_common" {
//!   context   = "."
//!   platforms = ["linux/amd64", "linux/arm64"]
//! }
//!
//! target "web" {
//!   inherits   = ["_common"]
//!   dockerfile = "docker/web.Dockerfile"
//!   tags       = ["shop/web"]
//! }
//!
//! target "worker" {
//!   inherits   = ["_common"]
//!   dockerfile = "docker/worker.Dockerfile"
//!   tags       = ["shop/worker"]
//! }
//! ```
//!
//! ```text
//! docker/worker.Dockerfile:2:1: info[repeated-steps] the first 4 steps repeat those of docker/web.Dockerfile
//! ```
//!
//! ```diff
//! --- a/docker-bake.hcl
//! +++ b/docker-bake.hcl
//! @@ -7,14 +7,22 @@
//!    platforms = ["linux/amd64", "linux/arm64"]
//!  }
//!
//! +target "base" {
//! +  context    = "."
//! +  dockerfile = "docker/base.Dockerfile"
//! +  platforms  = ["linux/amd64", "linux/arm64"]
//! +}
//! +
//!  target "web" {
//!    inherits   = ["_common"]
//!    dockerfile = "docker/web.Dockerfile"
//! +  contexts   = { base = "target:base" }
//!    tags       = ["shop/web"]
//!  }
//!
//!  target "worker" {
//!    inherits   = ["_common"]
//!    dockerfile = "docker/worker.Dockerfile"
//! +  contexts   = { base = "target:base" }
//!    tags       = ["shop/worker"]
//!  }
//! diff --git a/docker/base.Dockerfile b/docker/base.Dockerfile
//! new file mode 100644
//! --- /dev/null
//! +++ b/docker/base.Dockerfile
//! @@ -0,0 +1,7 @@
//! +# syntax=docker/dockerfile:1
//! +FROM python:3.13-slim
//! +ENV PYTHONUNBUFFERED=1
//! +RUN apt-get update && apt-get install -y libpq-dev
//! +WORKDIR /code
//! +COPY requirements.txt .
//! +RUN pip install -r requirements.txt
//! --- a/docker/web.Dockerfile
//! +++ b/docker/web.Dockerfile
//! @@ -1,8 +1,3 @@
//!  # syntax=docker/dockerfile:1
//! -FROM python:3.13-slim
//! -ENV PYTHONUNBUFFERED=1
//! -RUN apt-get update && apt-get install -y libpq-dev
//! -WORKDIR /code
//! -COPY requirements.txt .
//! -RUN pip install -r requirements.txt
//! +FROM base
//!  CMD ["gunicorn", "shop"]
//! --- a/docker/worker.Dockerfile
//! +++ b/docker/worker.Dockerfile
//! @@ -1,8 +1,3 @@
//!  # syntax=docker/dockerfile:1
//! -FROM python:3.13-slim
//! -ENV PYTHONUNBUFFERED=1
//! -RUN apt-get update && apt-get install -y libpq-dev
//! -WORKDIR /code
//! -COPY requirements.txt .
//! -RUN pip install -r requirements.txt
//! +FROM base
//!  CMD ["celery", "worker"]
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
//! ### Written by a program
//!
//! ```dockerfile 1/Dockerfile
//! # Generated from Dockerfile.template. DO NOT EDIT.
//! FROM debian:12
//! RUN apt-get update && apt-get install -y --no-install-recommends build-essential libssl-dev libpq-dev zlib1g-dev curl
//! ENV VERSION=1
//! ```
//!
//! ```dockerfile 2/Dockerfile
//! # Generated from Dockerfile.template. DO NOT EDIT.
//! FROM debian:12
//! RUN apt-get update && apt-get install -y --no-install-recommends build-essential libssl-dev libpq-dev zlib1g-dev curl
//! ENV VERSION=2
//! ```
//!
//! ### A base that the build passes
//!
//! ```dockerfile deb.Dockerfile
//! ARG BASE
//! FROM ${BASE}
//! RUN apt-get update && apt-get install -y --no-install-recommends build-essential libssl-dev libpq-dev zlib1g-dev curl
//! ```
//!
//! ```dockerfile ubuntu.Dockerfile
//! ARG BASE
//! FROM ${BASE}
//! RUN apt-get update && apt-get install -y --no-install-recommends build-essential libssl-dev libpq-dev zlib1g-dev curl
//! ```
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
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,11 +1,11 @@
//! -FROM debian:12 AS a
//! +FROM debian:12 AS base
//!  RUN apt-get update && apt-get install -y curl
//!  WORKDIR /src
//! +
//! +FROM base AS a
//!  RUN make a
//!
//! -FROM debian:12 AS b
//! -RUN apt-get update && apt-get install -y curl
//! -WORKDIR /src
//! +FROM base AS b
//!  RUN make b
//!
//!  FROM scratch
//! ```
//!
//! ### A file that is nothing but the beginning
//!
//! ```dockerfile base.Dockerfile
//! FROM python:3.13-slim
//! RUN apt-get update && apt-get install -y libpq-dev
//! RUN pip install gunicorn==23.0.0
//! ```
//!
//! ```dockerfile web.Dockerfile
//! FROM node:24 AS assets
//! RUN npm install --global esbuild@0.25.9
//!
//! FROM python:3.13-slim AS web
//! RUN apt-get update && apt-get install -y libpq-dev
//! # The server.
//! RUN pip install gunicorn==23.0.0
//! CMD ["gunicorn", "shop"]
//! ```
//!
//! ```hcl
//! target "base" {
//!   dockerfile = "base.Dockerfile"
//! }
//!
//! target "web" {
//!   dockerfile = "web.Dockerfile"
//!   contexts = {
//!     assets-of = "assets"
//!   }
//! }
//! ```
//!
//! ```text
//! web.Dockerfile:4:1: info[repeated-steps] the first 2 steps repeat those of base.Dockerfile
//! ```
//!
//! ```diff
//! --- a/docker-bake.hcl
//! +++ b/docker-bake.hcl
//! @@ -6,5 +6,6 @@
//!    dockerfile = "web.Dockerfile"
//!    contexts = {
//!      assets-of = "assets"
//! +    base = "target:base"
//!    }
//!  }
//! --- a/web.Dockerfile
//! +++ b/web.Dockerfile
//! @@ -1,8 +1,5 @@
//!  FROM node:24 AS assets
//!  RUN npm install --global esbuild@0.25.9
//!
//! -FROM python:3.13-slim AS web
//! -RUN apt-get update && apt-get install -y libpq-dev
//! -# The server.
//! -RUN pip install gunicorn==23.0.0
//! +FROM base AS web
//!  CMD ["gunicorn", "shop"]
//! ```
//!
//! ### Files of targets that are built in different ways
//!
//! ```dockerfile web/Dockerfile
//! FROM python:3.13-slim
//! RUN apt-get update && apt-get install -y libpq-dev
//! WORKDIR /code
//! CMD ["gunicorn", "shop"]
//! ```
//!
//! ```dockerfile worker/Dockerfile
//! FROM python:3.13-slim
//! RUN apt-get update && apt-get install -y libpq-dev
//! WORKDIR /code
//! CMD ["celery", "worker"]
//! ```
//!
//! ```hcl
//! target "web" {
//!   context   = "web"
//! }
//!
//! target "worker" {
//!   context = "worker"
//!   network = "host"
//! }
//! ```
//!
//! ```text
//! worker/Dockerfile:1:1: info[repeated-steps] the first 2 steps repeat those of web/Dockerfile
//! ```
//!
//! ### Folders with a context each
//!
//! ```dockerfile web/Dockerfile
//! FROM python:3.13-slim
//! RUN apt-get update && apt-get install -y libpq-dev
//! WORKDIR /code
//! CMD ["gunicorn", "shop"]
//! ```
//!
//! ```dockerfile worker/Dockerfile
//! FROM python:3.13-slim
//! RUN apt-get update && apt-get install -y libpq-dev
//! WORKDIR /code
//! CMD ["celery", "worker"]
//! ```
//!
//! ```hcl
//! target "web" {
//!   context    = "web"
//!   cache-from = ["type=registry,ref=shop/web:cache"]
//!   cache-to   = ["type=registry,ref=shop/web:cache"]
//! }
//!
//! target "worker" {
//!   context    = "worker"
//!   cache-from = ["type=registry,ref=shop/worker:cache"]
//!   cache-to   = ["type=registry,ref=shop/worker:cache"]
//! }
//! ```
//!
//! ```text
//! worker/Dockerfile:1:1: info[repeated-steps] the first 2 steps repeat those of web/Dockerfile
//! ```
//!
//! ```diff
//! diff --git a/base.Dockerfile b/base.Dockerfile
//! new file mode 100644
//! --- /dev/null
//! +++ b/base.Dockerfile
//! @@ -0,0 +1,3 @@
//! +FROM python:3.13-slim
//! +RUN apt-get update && apt-get install -y libpq-dev
//! +WORKDIR /code
//! --- a/docker-bake.hcl
//! +++ b/docker-bake.hcl
//! @@ -1,11 +1,19 @@
//! +target "base" {
//! +  context    = "."
//! +  dockerfile = "base.Dockerfile"
//! +  cache-from = ["type=registry,ref=shop/web:cache"]
//! +}
//! +
//!  target "web" {
//!    context    = "web"
//! +  contexts   = { base = "target:base" }
//!    cache-from = ["type=registry,ref=shop/web:cache"]
//!    cache-to   = ["type=registry,ref=shop/web:cache"]
//!  }
//!
//!  target "worker" {
//!    context    = "worker"
//! +  contexts   = { base = "target:base" }
//!    cache-from = ["type=registry,ref=shop/worker:cache"]
//!    cache-to   = ["type=registry,ref=shop/worker:cache"]
//!  }
//! --- a/web/Dockerfile
//! +++ b/web/Dockerfile
//! @@ -1,4 +1,2 @@
//! -FROM python:3.13-slim
//! -RUN apt-get update && apt-get install -y libpq-dev
//! -WORKDIR /code
//! +FROM base
//!  CMD ["gunicorn", "shop"]
//! --- a/worker/Dockerfile
//! +++ b/worker/Dockerfile
//! @@ -1,4 +1,2 @@
//! -FROM python:3.13-slim
//! -RUN apt-get update && apt-get install -y libpq-dev
//! -WORKDIR /code
//! +FROM base
//!  CMD ["celery", "worker"]
//! ```
//!
//! ### Stages on a stage that go on in the same way
//!
//! ```dockerfile
//! FROM debian:12 AS base
//! RUN apt-get update
//!
//! FROM base AS a
//! RUN apt-get install -y curl
//! WORKDIR /src
//! COPY a /a
//!
//! FROM base AS b
//! RUN apt-get install -y curl
//! WORKDIR /src
//! COPY b /b
//!
//! FROM scratch
//! COPY --from=a /a /a
//! COPY --from=b /b /b
//! ```
//!
//! ```text
//! Dockerfile:9:1: info[repeated-steps] the first 3 steps repeat those of stage `a`
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,14 +1,14 @@
//!  FROM debian:12 AS base
//!  RUN apt-get update
//!
//! -FROM base AS a
//! +FROM base AS common
//!  RUN apt-get install -y curl
//!  WORKDIR /src
//! +
//! +FROM common AS a
//!  COPY a /a
//!
//! -FROM base AS b
//! -RUN apt-get install -y curl
//! -WORKDIR /src
//! +FROM common AS b
//!  COPY b /b
//!
//!  FROM scratch
//! ```
//!
//! ### One more file that a step builds
//!
//! ```dockerfile docker/base.Dockerfile
//! FROM python:3.13-slim
//! RUN apt-get update && apt-get install -y libpq-dev
//! WORKDIR /code
//! ```
//!
//! ```dockerfile docker/web.Dockerfile
//! FROM python:3.13-slim
//! RUN apt-get update && apt-get install -y libpq-dev
//! WORKDIR /code
//! CMD ["gunicorn", "shop"]
//! ```
//!
//! ```dockerfile docker/worker.Dockerfile
//! FROM python:3.13-slim
//! RUN apt-get update && apt-get install -y libpq-dev
//! WORKDIR /code
//! CMD ["celery", "worker"]
//! ```
//!
//! ```hcl
//! target "web" {
//!   dockerfile = "docker/web.Dockerfile"
//! }
//!
//! target "worker" {
//!   dockerfile = "docker/worker.Dockerfile"
//! }
//! ```
//!
//! ```yaml .github/workflows/base.yml
//! on: push
//! jobs:
//!   base:
//!     runs-on: ubuntu-24.04
//!     steps:
//!       - run: docker buildx build --push --file docker/base.Dockerfile --tag shop/base .
//! ```
//!
//! ```text
//! docker/worker.Dockerfile:1:1: info[repeated-steps] the first 2 steps repeat those of docker/base.Dockerfile
//! ```
//!
//! ```diff
//! --- a/docker-bake.hcl
//! +++ b/docker-bake.hcl
//! @@ -1,7 +1,14 @@
//! +target "common" {
//! +  context    = "."
//! +  dockerfile = "docker/common.Dockerfile"
//! +}
//! +
//!  target "web" {
//!    dockerfile = "docker/web.Dockerfile"
//! +  contexts   = { common = "target:common" }
//!  }
//!
//!  target "worker" {
//!    dockerfile = "docker/worker.Dockerfile"
//! +  contexts   = { common = "target:common" }
//!  }
//! diff --git a/docker/common.Dockerfile b/docker/common.Dockerfile
//! new file mode 100644
//! --- /dev/null
//! +++ b/docker/common.Dockerfile
//! @@ -0,0 +1,3 @@
//! +FROM python:3.13-slim
//! +RUN apt-get update && apt-get install -y libpq-dev
//! +WORKDIR /code
//! --- a/docker/web.Dockerfile
//! +++ b/docker/web.Dockerfile
//! @@ -1,4 +1,2 @@
//! -FROM python:3.13-slim
//! -RUN apt-get update && apt-get install -y libpq-dev
//! -WORKDIR /code
//! +FROM common
//!  CMD ["gunicorn", "shop"]
//! --- a/docker/worker.Dockerfile
//! +++ b/docker/worker.Dockerfile
//! @@ -1,4 +1,2 @@
//! -FROM python:3.13-slim
//! -RUN apt-get update && apt-get install -y libpq-dev
//! -WORKDIR /code
//! +FROM common
//!  CMD ["celery", "worker"]
//! ```
//!
//! ### What means something else in a base
//!
//! ```dockerfile
//! FROM debian:12 AS a
//! CMD ["a"]
//! RUN apt-get update && apt-get install -y curl
//! WORKDIR /src
//!
//! FROM debian:12 AS b
//! CMD ["a"]
//! RUN apt-get update && apt-get install -y curl
//! WORKDIR /src
//! ENTRYPOINT ["b"]
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
    const META: Meta =
        Meta { id: "repeated-steps", severity: Severity::Info, fix: Some(Safety::Unsafe), ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        let chains = project.chains();
        for group in shared_prefixes(&chains) {
            let first = &chains[group.original];
            let repeated = &first.steps[group.common..group.steps];
            if !is_worth_a_stage(repeated.iter().map(|step| &**step)) {
                continue;
            }
            let copies: Vec<&Chain> = group.copies.iter().map(|at| &chains[*at]).collect();
            let Some((last, others)) = copies.split_last() else { continue };
            // Whoever writes the file by a program has the steps once, and an empty base is whatever the build passes.
            let generated = |chain: &&Chain| project.dockerfiles[chain.dockerfile].is_generated();
            if first.base.is_empty() || copies.iter().all(generated) {
                continue;
            }
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
            let all: Vec<&Chain> = [first].into_iter().chain(copies.iter().copied()).collect();
            if let Some(fix) = fix(project, &all, group.steps) {
                diagnostic.fix(fix);
            }
        }
    }
}

fn is_worth_a_stage<'s>(steps: impl Iterator<Item = &'s Step>) -> bool {
    let steps: Vec<&Step> = steps.collect();
    steps.iter().any(|step| step.heavy) && (steps.len() > 1 || steps.iter().any(|step| step.text.len() >= LONG))
}

/// The beginning of a stage that others have too: its FROM and what follows up to an instruction.
struct Beginning<'p> {
    /// Index of the Dockerfile.
    at: usize,
    dockerfile: &'p Dockerfile,
    stage: &'p Stage,
    from: &'p Instruction,
    /// What stands behind FROM, to the last instruction that is the same in all.
    instructions: &'p [Instruction],
    /// Whether the stage has nothing else.
    whole: bool,
}

impl Beginning<'_> {
    fn last(&self) -> &Instruction {
        self.instructions.last().unwrap_or(self.from)
    }

    /// The lines of all of it.
    fn span(&self) -> Span {
        self.from.full_span.cover(self.last().full_span)
    }

    fn line_end(&self) -> &'static str {
        self.dockerfile.tree.line_ending(self.dockerfile.source.text())
    }

    /// `FROM base AS web`, in the file's own spelling.
    fn rebased(&self, base: &str) -> String {
        let keyword = &*self.from.word;
        match &self.from.body {
            Body::From(dockerfile::From { as_word: Some(word), name: Some(name), .. }) => {
                format!("{keyword} {base} {} {}", &**word, &**name)
            }
            _ => format!("{keyword} {base}"),
        }
    }

    fn begin_with(&self, base: &str) -> Edit {
        let end = if self.dockerfile.source.slice(self.span()).ends_with('\n') { self.line_end() } else { "" };
        Edit::replace(self.span(), self.rebased(base) + end)
    }

    /// Whether a part of it reads what the build context holds.
    fn reads_context(&self) -> bool {
        self.instructions.iter().any(|instruction| match &instruction.body {
            Body::Copy(copy) | Body::Add(copy) => copy.from.is_none(),
            Body::Run(run) => run.mounts.iter().any(|mount| mount.from().is_none()),
            _ => false,
        })
    }

    /// Whether it can be built as a target of its own: it needs no other stage, no argument, and nothing else of its caller.
    fn stands_alone(&self) -> bool {
        let tree = &self.dockerfile.tree;
        let is_stage = |found: StageRef| matches!(found, StageRef::Stage(_));
        let own = |instruction: &Instruction| match &instruction.body {
            Body::Arg(_) => false,
            Body::Copy(copy) | Body::Add(copy) => copy.from.as_ref().is_none_or(|from| !is_stage(tree.copy_from(from))),
            Body::Run(run) => {
                let plain = run.network.is_none() && run.security.is_none() && run.devices.is_empty();
                let asks = |mount: &dockerfile::Mount| {
                    let kind = mount.option(&["type"]).and_then(|option| option.value.as_deref());
                    !matches!(kind, None | Some("bind" | "cache" | "tmpfs"))
                        || mount.from().is_some_and(|from| is_stage(tree.mount_from(from)))
                };
                plain && !run.mounts.iter().any(asks)
            }
            _ => true,
        };
        self.stage.platform.is_none() && !self.stage.base.contains('$') && self.instructions.iter().all(own)
    }
}

/// What the chains have in common from their FROM on, instruction for instruction.
fn beginnings<'p>(project: &'p Project, chains: &[&Chain], steps: usize) -> Option<Vec<Beginning<'p>>> {
    let mut found = Vec::new();
    for chain in chains {
        let dockerfile = &project.dockerfiles[chain.dockerfile];
        let tree = &dockerfile.tree;
        let last = chain.steps.get(steps.checked_sub(1)?)?.instruction;
        let index = tree.instructions.get(last)?.stage?;
        let stage = tree.stages.get(index)?;
        let base = dockerfile.base(index, project.builds.get(chain.build));
        // A stage of another file is another stage, whatever its name.
        let on_stage =
            matches!(base, Base::Stage(_)) && chains.iter().all(|other| other.dockerfile == chain.dockerfile);
        if !on_stage && !matches!(base, Base::Image(_)) {
            return None;
        }
        let instructions = tree.instructions.get(stage.instructions.start..=last)?;
        found.push(Beginning {
            at: chain.dockerfile,
            dockerfile,
            stage,
            from: dockerfile.from(index)?,
            instructions,
            whole: false,
        });
    }
    let (first, others) = found.split_first()?;
    let same_base = |other: &Beginning| {
        let platform = |stage: &Stage| stage.platform.as_ref().map(ToString::to_string);
        *other.stage.base == *first.stage.base && platform(other.stage) == platform(first.stage)
    };
    if !others.iter().all(same_base) {
        return None;
    }
    let changes_in_base =
        |instruction: &Instruction| matches!(instruction.body, Body::Cmd(_) | Body::Entrypoint(_) | Body::Onbuild(_));
    let same = |(nth, instruction): &(usize, &Instruction)| {
        let in_all =
            others.iter().all(|other| other.instructions.get(*nth).is_some_and(|other| same_text(instruction, other)));
        in_all && !changes_in_base(instruction)
    };
    let length = first.instructions.iter().enumerate().take_while(same).count();
    let chain = chains.first()?;
    let start = first.stage.instructions.start;
    let own = chain.steps[..steps].iter().map(|step| &**step);
    if !is_worth_a_stage(own.filter(|step| (start..start + length).contains(&step.instruction))) {
        return None;
    }
    for beginning in &mut found {
        beginning.instructions = beginning.instructions.get(..length)?;
        beginning.whole = beginning.stage.instructions.len() == length;
    }
    Some(found)
}

fn fix(project: &Project, chains: &[&Chain], steps: usize) -> Option<Fix> {
    let in_one_file = |chains: &[&Chain]| chains.iter().all(|chain| chain.dockerfile == chains[0].dockerfile);
    // What something else than bake builds stays as it is.
    let by_bake =
        |chain: &&Chain| project.builds_of(chain.dockerfile).all(|build| matches!(build.maker, Maker::Target { .. }));
    let chains: Vec<&Chain> = match in_one_file(chains) {
        true => chains.to_vec(),
        false => chains.iter().copied().filter(by_bake).collect(),
    };
    if chains.len() < 2 {
        return None;
    }
    let beginnings = beginnings(project, &chains, steps)?;
    if in_one_file(&chains) { stage_for(project, &beginnings) } else { target_for(project, &beginnings) }
}

/// Whether something is called so that a stage or context of that name could be taken for it.
fn is_taken(project: &Project, name: &str) -> bool {
    let is_named = |stage: &Stage| {
        stage.name.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(name)) || stage.base.eq_ignore_ascii_case(name)
    };
    let from = |instruction: &Instruction| match &instruction.body {
        Body::Copy(copy) => copy.from.as_ref().is_some_and(|from| from.eq_ignore_ascii_case(name)),
        Body::Run(run) => {
            run.mounts.iter().filter_map(|mount| mount.from()).any(|from| from.eq_ignore_ascii_case(name))
        }
        _ => false,
    };
    let targets = |bake: &Bake| bake.evaluation.target(name).is_some() || bake.evaluation.group(name).is_some();
    project
        .dockerfiles
        .iter()
        .any(|dockerfile| dockerfile.tree.stages.iter().any(is_named) || dockerfile.tree.instructions.iter().any(from))
        || project.builds.iter().any(|build| build.named_context(name).is_some())
        || project.bakes.iter().any(targets)
}

/// A name that nothing has, and for which a path that goes with it is free.
fn free_name(project: &Project, path: impl Fn(&str) -> Option<String>) -> Option<&'static str> {
    let is_free = |name: &&str| {
        let path = path(name);
        let exists = path.is_some_and(|path| project.snapshot.has_path(&path) || project.snapshot.is_unknown(&path));
        !exists && !is_taken(project, name)
    };
    ["base", "common", "shared", "foundation"].into_iter().find(is_free)
}

/// A stage in the same file: the first one that has the steps gives them to a stage above it.
fn stage_for(project: &Project, beginnings: &[Beginning]) -> Option<Fix> {
    let (first, others) = beginnings.split_first()?;
    let tree = &first.dockerfile.tree;
    let text = first.dockerfile.source.text();
    let named = |beginning: &Beginning| beginning.stage.name.clone().filter(|_| beginning.whole);
    if let Some(base) = named(first) {
        let edits = others.iter().map(|other| other.begin_with(&base)).collect();
        return Some(Fix::unsafe_(format!("Begin with stage `{base}`"), edits));
    }
    // Stages that are named by their number would move.
    let number = |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
    let by_number = |instruction: &Instruction| match &instruction.body {
        Body::Copy(copy) => copy.from.as_ref().is_some_and(|from| number(from)),
        Body::Run(run) => run.mounts.iter().filter_map(|mount| mount.from()).any(|from| number(from)),
        _ => false,
    };
    let asked =
        |build: &Build| build.target.as_ref().is_some_and(|target| target.eval.known().is_none_or(|name| number(name)));
    if tree.instructions.iter().any(by_number) || project.builds_of(first.at).any(asked) {
        return None;
    }
    let base = free_name(project, |_| None)?;
    let last = tree.instructions.iter().position(|instruction| instruction.span == first.last().span)?;
    let eol = first.line_end();
    let name = match &first.from.body {
        Body::From(dockerfile::From { name: Some(name), .. }) => Edit::replace(name.span(), base),
        Body::From(from) => Edit::insert(from.base.span().after(), format!(" AS {base}")),
        _ => return None,
    };
    let mut edits = vec![name, tree.insert_after(text, last, &format!("{eol}{}", first.rebased(base)))?];
    edits.extend(others.iter().map(|other| other.begin_with(base)));
    Some(Fix::unsafe_(format!("Put the steps into a stage `{base}`"), edits))
}

/// A bake target that builds the steps, for files that bake builds.
fn target_for(project: &Project, beginnings: &[Beginning]) -> Option<Fix> {
    let first = beginnings.first()?;
    if !first.stands_alone() || beginnings.iter().any(|beginning| beginning.dockerfile.tree.escape != '\\') {
        return None;
    }
    let reads_context = first.reads_context();
    let mut at = None;
    let mut builds: Vec<&Build> = Vec::new();
    for beginning in beginnings {
        for build in project.builds_of(beginning.at) {
            let Maker::Target { bake, .. } = &build.maker else { return None };
            if *at.get_or_insert(*bake) != *bake {
                return None;
            }
            builds.push(build);
        }
    }
    let bake = project.bakes.get(at?)?;
    let ignores = |build: &Build| {
        let file = build.dockerfile.and_then(|at| project.dockerfiles.get(at))?;
        Some((build.context.clone(), project.ignore_file(build, file)))
    };
    let one_context = builds.iter().all(|build| ignores(build) == ignores(builds[0]));
    if reads_context && !one_context {
        return None;
    }
    let shared = shared_attributes(project, bake, &builds)?;
    let is_base = |beginning: &&Beginning| {
        let mut own = project.builds_of(beginning.at);
        let only = own.next().filter(|_| own.next().is_none());
        let last = beginning.dockerfile.tree.stages.last().is_some_and(|stage| stage.from == beginning.stage.from);
        only.is_some_and(|build| build.target.is_none()) && beginning.whole && last
    };
    let base = beginnings.iter().find(is_base);
    let folder = common_folder(beginnings);
    let path_of = |name: &str| {
        let original = first.dockerfile.path.rsplit('/').next().unwrap_or_default();
        let file = match original.starts_with("Dockerfile.") {
            true => format!("Dockerfile.{name}"),
            false => format!("{name}.Dockerfile"),
        };
        if folder.is_empty() { file } else { format!("{folder}/{file}") }
    };
    let name = match base {
        Some(base) => project.builds_of(base.at).next()?.name.clone(),
        None => free_name(project, |name| Some(path_of(name)))?.to_owned(),
    };
    let rest: Vec<&Beginning> =
        beginnings.iter().filter(|beginning| base.is_none_or(|base| base.at != beginning.at)).collect();
    if base.is_some() {
        let uses = |beginning: &&Beginning| {
            beginning
                .dockerfile
                .tree
                .stages
                .iter()
                .any(|stage| *stage.base == *name || stage.name.as_deref() == Some(&name))
        };
        let linked = builds.iter().any(|build| build.named_context(&name).is_some());
        if rest.iter().any(uses) || linked {
            return None;
        }
    }
    let mut edits: Vec<Edit> = rest.iter().map(|beginning| beginning.begin_with(&name)).collect();
    let mut users: Vec<&str> = Vec::new();
    for build in rest.iter().flat_map(|beginning| project.builds_of(beginning.at)) {
        if !users.contains(&&*build.name) {
            users.push(&build.name);
            edits.push(project.add_map_entry(bake, &build.name, "contexts", &format!("{name} = \"target:{name}\""))?);
        }
    }
    if base.is_some() {
        return Some(Fix::unsafe_(format!("Begin with what target `{name}` builds"), edits).rebuilds_once());
    }
    let path = path_of(&name);
    let folder = paths::folder(&path).to_owned();
    let context = match &builds[0].context {
        Context::Folder(context) if one_context || reads_context => context.clone(),
        _ => folder,
    };
    edits.push(declare(project, bake, &builds[0].name, &name, &context, &path, &shared)?);
    // What is copied must not change at the same time: a fix that does has to come first.
    edits.extend(shared.into_iter().map(|(_, value, span)| Edit::replace(span, value)));
    let text = new_file(first);
    let fix = Fix::unsafe_(format!("Put the steps into a target `{name}` with a Dockerfile of its own"), edits);
    Some(fix.rebuilds_once().file(FileChange::Create { path, text }))
}

/// The folder that all of the files lie in.
fn common_folder(beginnings: &[Beginning]) -> String {
    let mut folder = paths::folder(&beginnings[0].dockerfile.path).to_owned();
    let holds = |folder: &str, path: &str| {
        folder.is_empty() || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
    };
    while !beginnings.iter().all(|beginning| holds(&folder, &beginning.dockerfile.path)) {
        folder = paths::folder(&folder).to_owned();
    }
    folder
}

/// The Dockerfile that has the steps alone.
fn new_file(first: &Beginning) -> String {
    let source = &first.dockerfile.source;
    let tree = &first.dockerfile.tree;
    let directives = tree.lines.iter().filter(|line| line.kind == dockerfile::LineKind::Directive);
    let mut text: String =
        directives.map(|line| source.slice(line.span)).filter(|line| line.contains("syntax")).collect();
    text.push_str(&format!("{} {}{}", &*first.from.word, &*first.stage.base, first.line_end()));
    text.push_str(source.slice(first.from.full_span.after().cover(first.last().full_span)));
    if !text.ends_with('\n') {
        text.push_str(first.line_end());
    }
    text
}

/// The block of the base, above the block of the first target that begins with it.
fn declare(
    project: &Project,
    bake: &Bake,
    user: &str,
    name: &str,
    context: &str,
    path: &str,
    shared: &[(&'static str, String, Span)],
) -> Option<Edit> {
    let block = bake.definition.targets().find(|declared| declared.name() == user)?.block;
    let source = project.snapshot.get(block.span.file)?;
    let start = source.text()[..block.span.start as usize].rfind('\n').map_or(0, |at| at + 1);
    if start != block.span.start as usize {
        return None;
    }
    let eol = if source.text().contains("\r\n") { "\r\n" } else { "\n" };
    let folder = if context == bake.folder { ".".to_owned() } else { paths::relative_to(context, &bake.folder) };
    let folder = if folder.len() > 1 { folder.trim_end_matches('/') } else { &folder };
    let mut attributes = vec![
        ("context", format!("\"{folder}\"")),
        ("dockerfile", format!("\"{}\"", paths::relative_to(path, context))),
    ];
    attributes.extend(shared.iter().map(|(name, value, _)| (*name, value.clone())));
    let lines = attributes.iter().map(|(name, value)| format!("  {name:10} = {value}{eol}"));
    let text = format!("target \"{name}\" {{{eol}{}}}{eol}{eol}", lines.collect::<String>());
    Some(Edit::insert(block.span, text))
}

/// What has to be known of a target before something is split off from it.
const NEEDED: &[&str] =
    &["context", "contexts", "dockerfile", "platforms", "args", "cache-from", "cache-to", "network"];

/// The attributes that the base needs as its users have them: name, value as written, and where. `None` if they differ, or if a
/// target has something else that the base would need.
///
/// Any cache that one of the users exports has the layers of the base too, so that the first one's import serves.
fn shared_attributes(project: &Project, bake: &Bake, builds: &[&Build]) -> Option<Vec<(&'static str, String, Span)>> {
    let slice = |expression: &hcl::Expr| {
        let text = project.snapshot.get(expression.span.file)?.slice(expression.span);
        Some((text.to_owned(), expression.span))
    };
    let mut platforms: Option<Option<(String, Span)>> = None;
    let mut cache_from: Option<(String, Span)> = None;
    for build in builds {
        let target = bake.resolved(&build.name)?;
        let plain = target.network.is_none()
            && target.no_cache_filter.is_none()
            && target.shm_size.is_none()
            && target.ulimits.is_none()
            && target.resources.is_none()
            && target.entitlements.is_none()
            && target.extra_hosts.is_empty()
            && target.policy.is_none()
            && target.dockerfile_inline.is_none()
            && !NEEDED.iter().any(|name| target.unknown.contains_key(*name));
        let heeded = |name: &String| {
            name.to_ascii_lowercase().ends_with("_proxy")
                || matches!(name.as_str(), "BUILDKIT_SYNTAX" | "SOURCE_DATE_EPOCH")
        };
        if !plain || target.args.keys().any(heeded) {
            return None;
        }
        let own = match &target.platforms {
            Some(_) => Some(slice(bake.written(&build.name, "platforms")?)?),
            None => None,
        };
        let text = |value: &Option<(String, Span)>| value.as_ref().map(|(text, _)| text.clone());
        if text(platforms.get_or_insert_with(|| own.clone())) != text(&own) {
            return None;
        }
        if cache_from.is_none() && target.cache_from.is_some() {
            cache_from = Some(slice(bake.written(&build.name, "cache-from")?)?);
        }
    }
    let platforms = platforms?.map(|(text, span)| ("platforms", text, span));
    Some(platforms.into_iter().chain(cache_from.map(|(text, span)| ("cache-from", text, span))).collect())
}
