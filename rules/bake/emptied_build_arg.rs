//! A variable without a value empties an ARG that has a default.
//!
//! A bake variable without `default` is an empty text, not nothing. Passed on in `args`, it is a value like any other and beats the
//! default in the Dockerfile: `ARG VERSION=22` becomes empty (docker/buildx#1449, docker/buildx#2530). `default = null` is nothing: then
//! the argument is passed only if somebody gives the variable a value.
//!
//! Not flagged: arguments that are written as an empty text, and those that one of the builds gives a value.
//!
//! ## Examples
//!
//! ### Empty instead of 22
//!
//! ```dockerfile
//! ARG NODE_VERSION=22
//! FROM node:${NODE_VERSION}
//! ```
//!
//! ```hcl
//! variable "NODE_VERSION" {}
//!
//! target "web" {
//!   args = {
//!     NODE_VERSION = NODE_VERSION
//!   }
//! }
//! ```
//!
//! ```text
//! docker-bake.hcl:5:5: warning[emptied-build-arg] without a value for `NODE_VERSION` this empties `ARG NODE_VERSION`
//! ```
//!
//! ```diff
//! --- a/docker-bake.hcl
//! +++ b/docker-bake.hcl
//! @@ -1,4 +1,6 @@
//! -variable "NODE_VERSION" {}
//! +variable "NODE_VERSION" {
//! +  default = null
//! +}
//!
//!  target "web" {
//!    args = {
//! ```
//!
//! ### Nothing unless it is set
//!
//! ```dockerfile
//! ARG NODE_VERSION=22
//! FROM node:${NODE_VERSION}
//! ```
//!
//! ```hcl
//! variable "NODE_VERSION" {
//!   default = null
//! }
//!
//! target "web" {
//!   args = {
//!     NODE_VERSION = NODE_VERSION
//!   }
//! }
//! ```
//!
//! ## Also tested
//!
//! ### An empty default, in a text, and no default to lose
//!
//! ```dockerfile
//! FROM scratch
//! ARG VERSION=dev
//! ARG REVISION
//! ARG FLAGS=-O2
//! ```
//!
//! ```hcl
//! variable "VERSION" {
//!   default = ""
//! }
//!
//! variable "REVISION" {
//!   default = ""
//! }
//!
//! target "web" {
//!   args = {
//!     VERSION  = "${VERSION}"
//!     REVISION = REVISION
//!     FLAGS    = ""
//!   }
//! }
//! ```
//!
//! ```text
//! docker-bake.hcl:11:5: warning[emptied-build-arg] without a value for `VERSION` this empties `ARG VERSION`
//! ```
//!
//! ```diff
//! --- a/docker-bake.hcl
//! +++ b/docker-bake.hcl
//! @@ -1,5 +1,5 @@
//!  variable "VERSION" {
//! -  default = ""
//! +  default = null
//!  }
//!
//!  variable "REVISION" {
//! ```

use std::collections::{BTreeMap, HashMap};

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "emptied-build-arg", fix: Some(Safety::Unsafe), ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        // An argument may be passed by several builds; of each, the variable and the default that it empties.
        let mut passed: BTreeMap<Span, Option<(&BuildArg, Declared<'_>, Span)>> = BTreeMap::new();
        let values: Vec<_> = project.bakes.iter().map(Bake::object_values).collect();
        for build in &project.builds {
            let Maker::Target { bake: at, .. } = &build.maker else { continue };
            let Some(bake) = project.bakes.get(*at) else { continue };
            for arg in &build.args {
                let emptied = arg.value.is_empty().then(|| emptied(project, bake, &values[*at], build, arg)).flatten();
                let known = passed.entry(arg.name_span).or_insert(emptied);
                if emptied.is_none() {
                    *known = None;
                }
            }
        }
        for (span, (arg, variable, default)) in passed.into_iter().filter_map(|(span, found)| Some((span, found?))) {
            let diagnostic =
                found.add(span, format!("without a value for `{}` this empties `ARG {}`", variable.name(), arg.name));
            diagnostic.label(default, "the default that is lost");
            diagnostic.help("`default = null` passes the argument only if the variable has a value");
            if let Some(edit) = null_default(project, &variable) {
                diagnostic.fix(Fix::unsafe_("Pass it only if the variable has a value", vec![edit]));
            }
        }
    }
}

/// The variable that is the whole value of the argument, and the ARG with a default that it empties.
fn emptied<'p>(
    project: &'p Project,
    bake: &'p Bake,
    values: &HashMap<Span, &'p hcl::Expr>,
    build: &'p Build,
    arg: &'p BuildArg,
) -> Option<(&'p BuildArg, Declared<'p>, Span)> {
    let value = values.get(&arg.name_span)?;
    let name = match &value.kind {
        hcl::ExprKind::Wrap(inner) => inner.keyword()?,
        _ => value.keyword()?,
    };
    let variable = bake.definition.variables().find(|variable| variable.name() == name)?;
    let dockerfile = project.dockerfiles.get(build.dockerfile?)?;
    let args = dockerfile.instructions().filter_map(|(_, instruction)| match &instruction.body {
        Body::Arg(pairs) => Some(pairs.iter()),
        _ => None,
    });
    let mut own = args.flatten().filter(|pair| *pair.name == *arg.name && pair.value.is_some());
    let pair = own.find(|pair| pair.value.as_ref().is_some_and(|value| !value.trim_matches(['"', '\'']).is_empty()))?;
    Some((arg, variable, pair.span))
}

fn null_default(project: &Project, variable: &Declared<'_>) -> Option<Edit> {
    if variable.block.body.json {
        return None;
    }
    if let Some(default) = variable.attribute("default") {
        return Some(Edit::replace(default.span, "null"));
    }
    let source = project.snapshot.get(variable.block.span.file)?;
    let text = source.slice(variable.block.span);
    let inner = text.split_once('{')?.1.trim_end().strip_suffix('}')?;
    let ending = if source.text().contains("\r\n") { "\r\n" } else { "\n" };
    inner.trim().is_empty().then(|| {
        let start = variable.block.span.start as usize + text.find('{').unwrap_or_default();
        let place = Span::new(variable.block.span.file, start..variable.block.span.end as usize);
        Edit::replace(place, format!("{{{ending}  default = null{ending}}}"))
    })
}
