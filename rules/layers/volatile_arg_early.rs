//! A build argument that changes with every commit stands above steps that do not read it.
//!
//! A declared `ARG` is part of the environment of each RUN behind it, and with that of its cache key, read or not. With
//! the commit, the run number or the time as its value no such step is ever taken from the cache, in this stage and in
//! those that stand on it. COPY and WORKDIR are not touched by it, `LABEL` and `CMD` are no steps. See
//! <https://docs.docker.com/build/building/variables/#arg-usage-example>.
//!
//! Declare it right before the first step that reads it; what only a label needs can go to the very end. The patch
//! moves the `ARG`, with the `ENV` and `LABEL` that are made of it, down behind the last step that has no use for it.
//! It is a safe one where nothing but `ARG` and `LABEL` moves and the steps only install packages of the distribution.
//!
//! Flagged are arguments that a bake target, a workflow or a script gives a commit, a run number or the time, and, with
//! medium confidence, those that are named so (`GIT_SHA`, `BUILD_DATE`, `VCS_REF`) where nobody in the repository says
//! what they hold.
//!
//! Not flagged: arguments that are there to end the cache (`CACHE_BUST`), steps behind the first one that reads the
//! argument or that may read it (`make`, `npm run build` and whatever else may look at the environment by itself), and
//! steps that neither install nor download nor compile anything.
//!
//! ## Examples
//!
//! ### The commit, for a label
//!
//! ```dockerfile
//! FROM debian:12
//! ARG GIT_SHA
//! LABEL org.opencontainers.image.revision=$GIT_SHA
//! RUN apt-get update && apt-get install -y curl
//! RUN apt-get install -y gettext
//! COPY . /app
//! CMD ["/app/run"]
//! ```
//!
//! ```yaml .github/workflows/build.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-24.04
//!     steps:
//!       - uses: actions/checkout@v5
//!       - uses: docker/build-push-action@v6
//!         with:
//!           context: .
//!           build-args: GIT_SHA=${{ github.sha }}
//! ```
//!
//! ```text
//! Dockerfile:2:5: warning[volatile-arg-early] `GIT_SHA` holds `github.sha`: 2 steps behind it, which do not read it, run anew for each value
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,7 +1,7 @@
//!  FROM debian:12
//! +RUN apt-get update && apt-get install -y curl
//! +RUN apt-get install -y gettext
//!  ARG GIT_SHA
//!  LABEL org.opencontainers.image.revision=$GIT_SHA
//! -RUN apt-get update && apt-get install -y curl
//! -RUN apt-get install -y gettext
//!  COPY . /app
//!  CMD ["/app/run"]
//! ```
//!
//! ### Where it is needed
//!
//! ```dockerfile
//! FROM debian:12
//! RUN apt-get update && apt-get install -y curl
//! COPY . /app
//! ARG GIT_SHA
//! LABEL org.opencontainers.image.revision=$GIT_SHA
//! CMD ["/app/run"]
//! ```
//!
//! ```yaml .github/workflows/build.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-24.04
//!     steps:
//!       - uses: docker/build-push-action@v6
//!         with:
//!           context: .
//!           build-args: GIT_SHA=${{ github.sha }}
//! ```
//!
//! ## Also tested
//!
//! ### An environment variable made of it, by a bake file
//!
//! ```dockerfile
//! FROM node:24
//! ARG BUILD_ID NODE_OPTIONS
//! ENV SENTRY_RELEASE=shop@$BUILD_ID
//! WORKDIR /app
//! COPY package.json package-lock.json ./
//! RUN npm ci
//! COPY . .
//! RUN npm run build
//! ```
//!
//! ```hcl
//! variable "GITHUB_RUN_ID" {
//!   default = ""
//! }
//!
//! target "default" {
//!   args = {
//!     BUILD_ID = GITHUB_RUN_ID
//!   }
//! }
//! ```
//!
//! ```yaml .github/workflows/build.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-24.04
//!     steps:
//!       - uses: actions/checkout@v5
//!       - run: docker buildx bake
//! ```
//!
//! ```text
//! Dockerfile:2:5: warning[volatile-arg-early] `BUILD_ID` holds `github.run_id`: the step behind it, which does not read it, runs anew for each value
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,8 +1,9 @@
//!  FROM node:24
//! -ARG BUILD_ID NODE_OPTIONS
//! -ENV SENTRY_RELEASE=shop@$BUILD_ID
//! +ARG NODE_OPTIONS
//!  WORKDIR /app
//!  COPY package.json package-lock.json ./
//!  RUN npm ci
//! +ARG BUILD_ID
//! +ENV SENTRY_RELEASE=shop@$BUILD_ID
//!  COPY . .
//!  RUN npm run build
//! ```
//!
//! ### Among other variables
//!
//! ```dockerfile
//! FROM python:3.13-slim
//! ARG GIT_SHA
//! ENV PYTHONUNBUFFERED=1 \
//!     GIT_SHA=$GIT_SHA
//! WORKDIR /code
//! COPY requirements.txt .
//! RUN pip install -r requirements.txt
//! COPY . .
//! RUN python manage.py collectstatic
//! ```
//!
//! ```hcl
//! variable "GITHUB_SHA" {
//!   default = ""
//! }
//!
//! target "default" {
//!   args = { GIT_SHA = GITHUB_SHA }
//! }
//! ```
//!
//! ```yaml .github/workflows/build.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-24.04
//!     steps:
//!       - uses: docker/bake-action@v6
//! ```
//!
//! ```text
//! Dockerfile:2:5: warning[volatile-arg-early] `GIT_SHA` holds `github.sha`: the step behind it, which does not read it, runs anew for each value
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,9 +1,9 @@
//!  FROM python:3.13-slim
//! -ARG GIT_SHA
//! -ENV PYTHONUNBUFFERED=1 \
//! -    GIT_SHA=$GIT_SHA
//! +ENV PYTHONUNBUFFERED=1
//!  WORKDIR /code
//!  COPY requirements.txt .
//!  RUN pip install -r requirements.txt
//! +ARG GIT_SHA
//! +ENV GIT_SHA=$GIT_SHA
//!  COPY . .
//!  RUN python manage.py collectstatic
//! ```
//!
//! ### By its name alone
//!
//! ```dockerfile
//! FROM alpine:3.22
//! ARG BUILD_DATE=unknown
//! RUN apk add --no-cache curl
//! LABEL created=$BUILD_DATE
//! ```
//!
//! ```text
//! Dockerfile:2:5: warning[volatile-arg-early] `BUILD_DATE`, by its name, is another one each time: the step behind it, which does not read it, runs anew for each value
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,4 +1,4 @@
//!  FROM alpine:3.22
//! +RUN apk add --no-cache curl
//!  ARG BUILD_DATE=unknown
//! -RUN apk add --no-cache curl
//!  LABEL created=$BUILD_DATE
//! ```
//!
//! ### A value that stays, a reader right behind, a cache buster
//!
//! ```dockerfile a.Dockerfile
//! FROM alpine:3.22
//! ARG VERSION
//! RUN apk add --no-cache curl
//! ```
//!
//! ```dockerfile b.Dockerfile
//! FROM alpine:3.22
//! ARG GIT_SHA
//! RUN echo $GIT_SHA > /version && apk add --no-cache curl
//! RUN apk add --no-cache git
//! ```
//!
//! ```dockerfile c.Dockerfile
//! FROM alpine:3.22
//! ARG CACHE_BUST_DATE
//! RUN apk add --no-cache curl
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

/// Names that say that the value is another one each time.
const NAMES: &[&str] = &[
    "GIT_SHA",
    "GIT_COMMIT",
    "GIT_HASH",
    "GIT_REVISION",
    "GIT_REV",
    "GITHUB_SHA",
    "GITHUB_RUN_ID",
    "COMMIT",
    "COMMIT_SHA",
    "COMMIT_HASH",
    "COMMIT_ID",
    "SOURCE_COMMIT",
    "VCS_REF",
    "BUILD_ID",
    "BUILD_NUMBER",
    "BUILD_DATE",
    "BUILD_TIME",
    "BUILD_TIMESTAMP",
    "BUILDTIME",
];

impl Check for Rule {
    const META: Meta = Meta { id: "volatile-arg-early", fix: Some(Safety::Safe), ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for (at, dockerfile) in project.dockerfiles.iter().enumerate() {
            for stage in 0..dockerfile.tree.stages.len() {
                for (index, instruction) in dockerfile.stage_instructions(stage) {
                    let Body::Arg(pairs) = &instruction.body else { continue };
                    for pair in pairs {
                        check_argument(project, at, stage, index, pair, found);
                    }
                }
            }
        }
    }
}

/// Why an argument is another one each time.
enum Change<'p> {
    /// A caller says so: the words, and where.
    Passed(&'p str, Span),
    /// Its name says so, and nobody else says anything.
    Named,
}

fn change<'p>(project: &'p Project, at: usize, name: &str) -> Option<Change<'p>> {
    let mut passed = project.builds_of(at).filter_map(|build| build.arg(name));
    if let Some(found) = passed.find_map(|arg| Some(Change::Passed(arg.value.volatile()?, arg.span))) {
        return Some(found);
    }
    let mut builds = project.builds_of(at);
    let unsaid = builds.all(|build| match build.arg(name) {
        Some(arg) => arg.value.as_known().is_none(),
        None => matches!(build.maker, Maker::Standalone(_)),
    });
    (unsaid && NAMES.contains(&name)).then_some(Change::Named)
}

fn check_argument(
    project: &Project,
    at: usize,
    stage: usize,
    index: usize,
    pair: &dockerfile::ArgPair,
    found: &mut Findings,
) {
    let name = &*pair.name;
    let upper = name.to_uppercase();
    if ["CACHE", "BUST", "REFRESH"].iter().any(|word| upper.contains(word)) {
        return;
    }
    let Some(change) = change(project, at, name) else { return };
    let dockerfile = &project.dockerfiles[at];
    let unread = project.steps_before_use(at, stage, index, name);
    let Some(first) = unread.heavy.first() else { return };
    let message = match change {
        Change::Passed(words, _) => format!("`{name}` holds `{words}`"),
        Change::Named => format!("`{name}`, by its name, is another one each time"),
    };
    let steps = match unread.heavy.len() {
        1 => "the step behind it, which does not read it, runs".to_owned(),
        count => format!("{count} steps behind it, which do not read it, run"),
    };
    let diagnostic = found.add(pair.span, format!("{message}: {steps} anew for each value"));
    if let Some(instruction) = dockerfile.tree.instructions.get(first.instruction) {
        diagnostic.label(dockerfile.on_first_line(instruction, instruction.span), "run anew each time");
    }
    match change {
        Change::Passed(_, span) => _ = diagnostic.label(span, "the value"),
        Change::Named => diagnostic.confidence = Confidence::Medium,
    }
    diagnostic.help("declare it right before the first step that reads it; what only labels need can go to the end");
    if let Some(fix) = project.sink_argument(at, index, pair, &unread) {
        diagnostic.fix(fix);
    }
}
