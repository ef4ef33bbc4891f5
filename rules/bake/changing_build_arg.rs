//! A build argument has another value in every run.
//!
//! `timestamp()`, `uuidv4()` and `bcrypt()` never give the same value twice. A declared ARG is part of the cache key of every RUN behind it in
//! its stage, whether that reads it or not, so none of these steps is ever found in the cache.
//!
//! A creation time belongs into a label, which changes no step. Where the program itself needs it, declare the ARG right before the
//! one RUN that reads it.
//!
//! Not flagged: labels, and arguments that no Dockerfile declares before a RUN.
//!
//! ## Examples
//!
//! ### The time of the build
//!
//! ```dockerfile
//! FROM golang:1.25
//! ARG BUILT_AT
//! RUN go build -ldflags "-X main.builtAt=$BUILT_AT" ./...
//! ```
//!
//! ```hcl
//! target "web" {
//!   args = {
//!     BUILT_AT = timestamp()
//!   }
//! }
//! ```
//!
//! ```text
//! docker-bake.hcl:3:5: warning[changing-build-arg] `timestamp()` gives `BUILT_AT` another value in every run
//! ```
//!
//! ### In a label
//!
//! ```dockerfile
//! FROM golang:1.25
//! RUN go build ./...
//! ```
//!
//! ```hcl
//! target "web" {
//!   labels = {
//!     "org.opencontainers.image.created" = timestamp()
//!   }
//! }
//! ```
//!
//! ## Also tested
//!
//! ### By a variable, and behind all steps
//!
//! ```dockerfile
//! FROM alpine:3.22
//! ARG DATE
//! RUN apk add curl
//! ARG ID
//! LABEL id=$ID
//! ```
//!
//! ```hcl
//! variable "NOW" {
//!   default = formattimestamp("YYYY", timestamp())
//! }
//!
//! target "web" {
//!   args = {
//!     DATE = "at ${NOW}"
//!     ID   = uuidv4()
//!   }
//! }
//! ```
//!
//! ```text
//! docker-bake.hcl:7:5: warning[changing-build-arg] `timestamp()` gives `DATE` another value in every run
//! ```

use std::collections::BTreeSet;

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

/// The functions of bake whose result is never the same.
const CHANGING: &[&str] = &["bcrypt", "timestamp", "uuidv4"];

impl Check for Rule {
    const META: Meta = Meta { id: "changing-build-arg", ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        let mut seen = BTreeSet::new();
        let values: Vec<_> = project.bakes.iter().map(Bake::object_values).collect();
        for build in &project.builds {
            let Maker::Target { bake: at, .. } = build.maker else { continue };
            let (Some(bake), Some(dockerfile)) = (project.bakes.get(at), build.dockerfile) else { continue };
            for arg in &build.args {
                let value = values.get(at).and_then(|values| values.get(&arg.name_span));
                let Some(function) = value.and_then(|value| changing(bake, value)) else { continue };
                let Some(declared) = declared_before_run(&project.dockerfiles[dockerfile], &arg.name) else { continue };
                if seen.insert(arg.name_span) {
                    let message = format!("`{function}()` gives `{}` another value in every run", arg.name);
                    let diagnostic = found.add(arg.name_span, message);
                    diagnostic.label(declared, "no RUN behind this is ever cached");
                    diagnostic
                        .help("write it into a label, or declare the ARG right before the one step that reads it");
                }
            }
        }
    }
}

/// The function that makes the argument change, in its expression or in that of a variable or function it uses.
fn changing(bake: &Bake, value: &hcl::Expr) -> Option<&'static str> {
    let mut open = vec![value];
    let mut names: BTreeSet<&str> = BTreeSet::new();
    while let Some(expr) = open.pop() {
        for part in expr.descendants() {
            match &part.kind {
                hcl::ExprKind::Call(call) => {
                    if let Some(known) = CHANGING.iter().find(|known| **known == call.name.node) {
                        return Some(known);
                    }
                    if names.insert(&call.name.node) {
                        let own = bake.definition.functions().find(|function| function.name() == call.name.node);
                        open.extend(own.and_then(|function| function.attribute("result")));
                    }
                }
                hcl::ExprKind::Traversal(traversal) if names.insert(&traversal.root.node) => {
                    let own = bake.definition.variables().find(|variable| variable.name() == traversal.root.node);
                    open.extend(own.and_then(|variable| variable.attribute("default")));
                }
                _ => {}
            }
        }
    }
    None
}

/// The ARG with a RUN behind it in its stage.
fn declared_before_run(dockerfile: &Dockerfile, name: &str) -> Option<Span> {
    (0..dockerfile.tree.stages.len()).find_map(|stage| {
        let mut declared = None;
        for (_, instruction) in dockerfile.stage_instructions(stage) {
            match (&instruction.body, declared) {
                (Body::Arg(pairs), None) => {
                    declared = pairs.iter().find(|pair| *pair.name == *name).map(|pair| pair.span);
                }
                (Body::Run(_), Some(span)) => return Some(span),
                _ => {}
            }
        }
        None
    })
}
