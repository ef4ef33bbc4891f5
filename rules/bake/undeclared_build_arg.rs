//! A build argument that no stage of the Dockerfile declares.
//!
//! BuildKit takes it and says nothing: the value reaches no instruction. Mostly the name is mistyped on one side, or the ARG
//! went away and the bake file was forgotten, and what the argument should switch is not switched.
//!
//! An argument that several targets inherit is flagged only when none of their Dockerfiles declares it. Not flagged:
//! arguments that BuildKit knows by itself (proxies, `SOURCE_DATE_EPOCH`, `BUILDKIT_…`, platforms), and Dockerfiles that are not
//! in the repository.
//!
//! ## Examples
//!
//! ### A switch that nothing reads
//!
//! ```dockerfile
//! FROM python:3.13
//! ARG SKIP_BROWSER=0
//! RUN test "$SKIP_BROWSER" = 1 || pyppeteer-install
//! ```
//!
//! ```hcl
//! target "test" {
//!   args = {
//!     SKIP_BROWSERS = "1"
//!   }
//! }
//! ```
//!
//! ```text
//! docker-bake.hcl:3:5: warning[undeclared-build-arg] build argument `SKIP_BROWSERS` is declared by no ARG of Dockerfile
//! ```
//!
//! ### Declared
//!
//! ```dockerfile
//! FROM python:3.13
//! ARG SKIP_BROWSER=0
//! RUN test "$SKIP_BROWSER" = 1 || pyppeteer-install
//! ```
//!
//! ```hcl
//! target "test" {
//!   args = {
//!     SKIP_BROWSER = "1"
//!     BUILDKIT_INLINE_CACHE = "1"
//!   }
//! }
//! ```
//!
//! ## Also tested
//!
//! ### Declared by one of two that inherit it
//!
//! ```dockerfile a.Dockerfile
//! FROM scratch
//! ARG VERSION
//! ```
//!
//! ```dockerfile b.Dockerfile
//! FROM scratch
//! ```
//!
//! ```hcl
//! target "_common" {
//!   args = { VERSION = "1" }
//! }
//!
//! target "a" {
//!   inherits   = ["_common"]
//!   dockerfile = "a.Dockerfile"
//! }
//!
//! target "b" {
//!   inherits   = ["_common"]
//!   dockerfile = "b.Dockerfile"
//! }
//! ```

use std::collections::BTreeMap;

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

/// What is known of one argument at its place.
struct Passed<'p> {
    name: &'p str,
    builds: Vec<&'p str>,
    declared: bool,
    dockerfile: &'p Dockerfile,
}

impl Check for Rule {
    const META: Meta = Meta { id: "undeclared-build-arg", ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        let mut passed: BTreeMap<Span, Passed> = BTreeMap::new();
        let mut unknown: Vec<Span> = Vec::new();
        for build in project.builds.iter().filter(|build| !matches!(build.maker, Maker::Standalone(_))) {
            let dockerfile = build.dockerfile.and_then(|at| project.dockerfiles.get(at));
            for arg in build.args.iter().filter(|arg| !is_predefined(&arg.name)) {
                let Some(dockerfile) = dockerfile else {
                    unknown.push(arg.name_span);
                    continue;
                };
                let entry = passed.entry(arg.name_span).or_insert_with(|| Passed {
                    name: &arg.name,
                    builds: Vec::new(),
                    declared: false,
                    dockerfile,
                });
                entry.declared |= declares(dockerfile, &arg.name);
                if !entry.builds.contains(&build.name.as_str()) {
                    entry.builds.push(&build.name);
                }
            }
        }
        for (span, arg) in passed {
            if arg.declared || unknown.contains(&span) {
                continue;
            }
            let whose = match arg.builds.as_slice() {
                [_] => arg.dockerfile.path.clone(),
                builds => format!("the Dockerfile of any of {} builds", builds.len()),
            };
            let diagnostic = found.add(span, format!("build argument `{}` is declared by no ARG of {whose}", arg.name));
            let names = arg.dockerfile.instructions().filter_map(|(_, instruction)| match &instruction.body {
                Body::Arg(pairs) => Some(pairs.iter().map(|pair| &*pair.name)),
                _ => None,
            });
            match nearest(arg.name, names.flatten()) {
                Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
                None => {
                    diagnostic.help("its value reaches nothing: declare it where it is to be read, or leave it out")
                }
            };
        }
    }
}

fn declares(dockerfile: &Dockerfile, name: &str) -> bool {
    // A frontend of one's own reads arguments that the text does not declare.
    let own_frontend = dockerfile.tree.directives.iter().any(|directive| {
        directive.name == "syntax"
            && !["docker/dockerfile", "docker.io/docker/dockerfile"]
                .iter()
                .any(|usual| directive.value.starts_with(usual))
    });
    let declares = |instruction: &Instruction| match &instruction.body {
        Body::Arg(pairs) => pairs.iter().any(|pair| *pair.name == *name),
        Body::Onbuild(trigger) => {
            trigger.word.is_empty()
                || matches!(&trigger.body, Body::Arg(pairs) if pairs.iter().any(|pair| *pair.name == *name))
        }
        _ => false,
    };
    own_frontend || dockerfile.instructions().any(|(_, instruction)| declares(instruction))
}

/// Whether BuildKit takes the argument without a declaration (docs.docker.com, Dockerfile reference, predefined ARGs).
fn is_predefined(name: &str) -> bool {
    const NAMES: &[&str] = &["HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY", "SOURCE_DATE_EPOCH"];
    NAMES.contains(&name.to_ascii_uppercase().as_str())
        || name.starts_with("BUILDKIT_")
        || name.starts_with("TARGET")
        || name.starts_with("BUILDPLATFORM")
}
