//! A variable, function or target of a bake file that nothing uses.
//!
//! It reaches no build. Who sets the variable on the command line changes nothing, and is not told so.
//!
//! A target counts when its name begins with `_`, so that it is there to be inherited, and nobody inherits it. Other targets may be built
//! by their name. What another bake file of the repository mentions is not flagged: both may be read together.
//!
//! ## Examples
//!
//! ### Left over
//!
//! ```hcl
//! variable "VERSION" {
//!   default = "1"
//! }
//!
//! function "tag" {
//!   params = [name]
//!   result = ["shop/${name}"]
//! }
//!
//! target "_common" {
//!   context = "."
//! }
//!
//! target "web" {
//!   tags = ["shop/web"]
//! }
//! ```
//!
//! ```text
//! docker-bake.hcl:1:10: info[unused-definition] nothing uses the variable `VERSION`
//! docker-bake.hcl:5:10: info[unused-definition] nothing uses the function `tag`
//! docker-bake.hcl:10:8: info[unused-definition] nothing uses the target `_common`
//! ```
//!
//! ### In use
//!
//! ```hcl
//! variable "VERSION" {
//!   default = "1"
//! }
//!
//! function "tag" {
//!   params = [name]
//!   result = ["shop/${name}:${VERSION}"]
//! }
//!
//! target "_common" {
//!   context = "."
//! }
//!
//! target "web" {
//!   inherits = ["_common"]
//!   tags     = tag("web")
//! }
//! ```
//!
//! ## Also tested
//!
//! ### Used by another file
//!
//! ```hcl common.bake.hcl
//! variable "VERSION" {
//!   default = "1"
//! }
//! ```
//!
//! ```hcl web.bake.hcl
//! target "web" {
//!   tags = ["shop:${VERSION}"]
//! }
//! ```

use std::collections::BTreeMap;

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "unused-definition", severity: Severity::Info, ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        // A file may be part of several definitions; what one of them uses is used.
        let mut unused: BTreeMap<Span, (&'static str, String, usize)> = BTreeMap::new();
        let mut read: BTreeMap<FileId, usize> = BTreeMap::new();
        for bake in &project.bakes {
            let definition = &bake.definition;
            for file in &bake.files {
                *read.entry(*file).or_default() += 1;
            }
            if definition.files.iter().any(|file| file.hcl().is_some_and(|hcl| !hcl.errors.is_empty())) {
                continue;
            }
            let private =
                bake.evaluation.unused_targets(definition).into_iter().filter(|target| target.name.starts_with('_'));
            let targets =
                private.filter_map(|target| Some(("target", bake.target_span(&target.name)?, target.name.clone())));
            let names = |kind, declared: Vec<Declared<'_>>| {
                let declared = declared.into_iter().map(move |it| (kind, it.name_span(), it.name().to_owned()));
                declared.collect::<Vec<_>>()
            };
            let variables = names("variable", definition.unused_variables());
            let functions = names("function", definition.unused_functions());
            for (kind, span, name) in variables.into_iter().chain(functions).chain(targets) {
                unused.entry(span).or_insert((kind, name, 0)).2 += 1;
            }
        }
        for (span, (kind, name, times)) in unused {
            let elsewhere = project.snapshot.files().any(|(file, source)| {
                let bake = matches!(FileKind::of(&source.path), FileKind::BakeHcl | FileKind::BakeJson);
                bake && file != span.file && source.text().contains(&name)
            });
            if !elsewhere && read.get(&span.file) == Some(&times) {
                let diagnostic = found.add(span, format!("nothing uses the {kind} `{name}`"));
                diagnostic.help(match kind {
                    "target" => "nobody inherits it: leave it out, or inherit it where it was meant to be",
                    _ => "setting it changes no build: leave it out, or use it where it was meant to be",
                });
            }
        }
    }
}
