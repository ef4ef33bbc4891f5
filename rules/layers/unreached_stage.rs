//! No build of the repository reaches a stage.
//!
//! A stage that nobody asks for costs nothing when images are built, because BuildKit leaves it out. It costs whoever
//! reads the file: it may be broken, and is still kept up to date, scanned and reviewed. Often the target that needed
//! it was renamed or removed.
//!
//! Remove it, or let a target build it.
//!
//! Not flagged: files that only people build, files with a build whose target is not known, stages that a variable may
//! choose (`FROM build-${VARIANT}`), and stages that are named as something that people build by hand (`dev`, `debug`,
//! `shell`, `test`, `lint`, …).
//!
//! ## Examples
//!
//! ### A stage without a target
//!
//! ```dockerfile
//! FROM debian:12 AS base
//! RUN apt-get update && apt-get install -y curl
//!
//! FROM base AS worker
//! CMD ["worker"]
//!
//! FROM base AS web
//! CMD ["web"]
//! ```
//!
//! ```hcl
//! target "web" {
//!   target = "web"
//! }
//! ```
//!
//! ```text
//! Dockerfile:4:1: info[unreached-stage] no build of the repository reaches stage `worker`
//! ```
//!
//! ### All stages are built
//!
//! ```dockerfile
//! FROM debian:12 AS base
//!
//! FROM base AS dev
//! CMD ["bash"]
//!
//! FROM base AS worker
//! CMD ["worker"]
//!
//! FROM base AS web
//! CMD ["web"]
//! ```
//!
//! ```hcl
//! target "web" {
//!   target = "web"
//! }
//!
//! target "worker" {
//!   target = "worker"
//! }
//! ```
//!
//! ## Also tested
//!
//! ### Nobody builds the file
//!
//! ```dockerfile
//! FROM debian:12 AS a
//! FROM debian:12 AS b
//! ```
//!
//! ### A variable chooses
//!
//! ```dockerfile
//! ARG VARIANT=alpine
//! FROM alpine:3.22 AS build-alpine
//! FROM debian:12 AS build-debian
//! FROM build-${VARIANT} AS web
//! ```
//!
//! ```hcl
//! target "web" {}
//! ```
//!
//! ### A stage for another one that nobody needs
//!
//! ```dockerfile
//! FROM debian:12 AS tools
//! RUN apt-get update && apt-get install -y gcc
//! FROM tools AS worker
//! FROM debian:12 AS web
//! ```
//!
//! ```hcl
//! target "web" {}
//! ```
//!
//! ```text
//! Dockerfile:3:1: info[unreached-stage] no build of the repository reaches stage `worker`
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

/// Parts of names of stages that people build by hand.
const BY_HAND: &[&str] = &[
    "dev",
    "devel",
    "development",
    "debug",
    "shell",
    "test",
    "tests",
    "testing",
    "lint",
    "fmt",
    "format",
    "local",
    "bench",
    "docs",
    "vendor",
    "update",
    "validate",
    "ci",
    "binary",
    "binaries",
    "artifacts",
    "artifact",
    "release",
    "cross",
    "generate",
    "generated",
    "devcontainer",
    "export",
];

impl Check for Rule {
    const META: Meta =
        Meta { id: "unreached-stage", severity: Severity::Info, confidence: Confidence::Medium, ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for (at, dockerfile) in project.dockerfiles.iter().enumerate() {
            let open = |build: &Build| {
                let target = build.target.as_ref().is_some_and(|target| {
                    target.eval.known().is_none_or(|name| dockerfile.target_stage(Some(name)).is_none())
                });
                matches!(build.maker, Maker::Standalone(_)) || target
            };
            // A call whose targets are not known may ask for any of them.
            if project.builds_of(at).any(open) || project.bake_calls.iter().any(|call| call.open) {
                continue;
            }
            let unreached: Vec<bool> = (0..dockerfile.tree.stages.len())
                .map(|stage| project.stage_use(at, stage) == StageUse::Unreached)
                .collect();
            for (stage, node) in dockerfile.tree.stages.iter().enumerate() {
                let by_hand = |stage: usize| {
                    let name = dockerfile.stage_name(stage).to_lowercase();
                    name.split(['-', '_', '.']).any(|part| BY_HAND.contains(&part))
                };
                // One that another unreached one stands on goes with it.
                let needed =
                    (stage + 1..unreached.len()).any(|other| unreached[other] && needs(dockerfile, other, stage));
                if !unreached[stage]
                    || is_chosen(dockerfile, &dockerfile.stage_name(stage))
                    || by_hand(stage)
                    || needed
                    || stage + 1 == unreached.len()
                {
                    continue;
                }
                let Some(name) = &node.name else { continue };
                let Some(from) = dockerfile.from(stage) else { continue };
                let diagnostic = found.add(from.span, format!("no build of the repository reaches stage `{name}`"));
                diagnostic
                    .help("remove it, or let a target build it; a stage that is not reached costs a build nothing");
            }
        }
    }
}

/// Whether a `FROM build-${VARIANT}` may choose a stage of that name.
fn is_chosen(dockerfile: &Dockerfile, name: &str) -> bool {
    dockerfile.tree.stages.iter().any(|stage| {
        let base = &*stage.base;
        let start = base.split('$').next().unwrap_or_default();
        let end = base
            .rsplit('}')
            .next()
            .filter(|_| base.ends_with(|last: char| last != '}') && base.contains('}'))
            .unwrap_or_default();
        base.contains('$') && !base.contains('/') && name.starts_with(start) && name.ends_with(end)
    })
}

/// Whether a stage stands on another one, or takes files from it.
fn needs(dockerfile: &Dockerfile, stage: usize, other: usize) -> bool {
    let tree = &dockerfile.tree;
    let is_other = |found: StageRef| found == StageRef::Stage(other);
    dockerfile.base(stage, None) == Base::Stage(other)
        || dockerfile.stage_instructions(stage).any(|(_, instruction)| match &instruction.body {
            Body::Copy(copy) => copy.from.as_ref().is_some_and(|from| is_other(tree.copy_from(from))),
            Body::Run(run) => {
                run.mounts.iter().filter_map(|mount| mount.from()).any(|from| is_other(tree.mount_from(from)))
            }
            _ => false,
        })
}
