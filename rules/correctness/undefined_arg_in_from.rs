//! A FROM uses an argument that no ARG before the first FROM declares.
//!
//! FROM lines see only the arguments that stand before the first FROM, and the platform arguments of BuildKit. An ARG inside of a
//! stage does not count, and `--build-arg` without an ARG does nothing. The variable is empty, so the build uses another base
//! than it seems to, or none. A default in the form `${X:-x}` hides that, but nobody can ever give `X` a value.
//! See <https://docs.docker.com/reference/build-checks/undefined-arg-in-from/>.
//!
//! ## Examples
//!
//! ### A slip in the name
//!
//! ```dockerfile
//! ARG NODE_VERSION=22
//! FROM node:${NODE_VERSON}-slim
//! ```
//!
//! ```text
//! Dockerfile:2:11: warning[undefined-arg-in-from] no ARG before the first FROM declares `NODE_VERSON`
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,2 +1,2 @@
//!  ARG NODE_VERSION=22
//! -FROM node:${NODE_VERSON}-slim
//! +FROM node:${NODE_VERSION}-slim
//! ```
//!
//! ### Declared inside of a stage
//!
//! ```dockerfile
//! FROM alpine:3.21
//! ARG TAG=12
//! FROM debian:$TAG-slim
//! ```
//!
//! ```text
//! Dockerfile:3:13: warning[undefined-arg-in-from] no ARG before the first FROM declares `TAG`
//! ```
//!
//! ### Declared
//!
//! ```dockerfile
//! ARG TAG=12 ARCH
//! FROM --platform=$BUILDPLATFORM debian:${TAG}-slim AS build
//! FROM debian:${TAG}${ARCH:+-$ARCH}
//! ```
//!
//! ## Also tested
//!
//! ### A default does not declare
//!
//! ```dockerfile
//! FROM --platform=${PLATFORM:-linux/amd64} alpine:3.21
//! ```
//!
//! ```text
//! Dockerfile:1:17: warning[undefined-arg-in-from] no ARG before the first FROM declares `PLATFORM`
//! ```
//!
//! ### Silenced for BuildKit
//!
//! ```dockerfile
//! # check=skip=UndefinedArgInFrom
//!
//! FROM debian:12${SUFFIX}
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta {
        id: "undefined-arg-in-from",
        fix: Some(Safety::Unsafe),
        also: &["buildkit:UndefinedArgInFrom"],
        ..Meta::DEFAULT
    };

    fn check(&self, project: &Project, found: &mut Findings) {
        for evaluation in project.evaluations() {
            let file = &project.dockerfiles[evaluation.dockerfile];
            for (at, stage) in evaluation.stages.iter().enumerate() {
                let Some(from) = file.from(at) else { continue };
                for word in [&stage.base_name, &stage.platform_flag].into_iter().flatten() {
                    let mut names = Vec::new();
                    for used in word.uses.iter().filter(|used| used.is_missing()) {
                        if names.contains(&used.name) {
                            continue;
                        }
                        names.push(used.name.clone());
                        report(file, evaluation, from, used, found);
                    }
                }
            }
        }
    }
}

fn report(file: &Dockerfile, evaluation: &Evaluation, from: &Instruction, used: &Use, found: &mut Findings) {
    let name = &used.name;
    let span = file.on_first_line(from, used.span);
    let diagnostic = found.add(span, format!("no ARG before the first FROM declares `{name}`"));
    match nearest_variable(name, evaluation.global_names()) {
        Some(near) => {
            diagnostic.help(format!("did you mean `{near}`?"));
            if let Some(place) = used.name_span(&file.source) {
                diagnostic.fix(Fix::unsafe_(format!("Use `{near}`"), vec![Edit::replace(place, near)]));
            }
        }
        None => {
            diagnostic.help(format!("write `ARG {name}` before the first FROM"));
        }
    }
}
