//! Bake refuses the definition.
//!
//! An expression cannot be evaluated, a block is not what it should be, a function is unknown. `docker buildx bake` then fails whatever target
//! is asked for, for it evaluates all of them.
//!
//! The definition is evaluated with the variables' defaults. Where a value of the environment may make the difference, because the
//! expression uses a variable, the finding is less sure; validations are left to the call that gives the values. Not flagged: errors that
//! a value for a variable without one ends, names that another bake file of the repository declares where no command names the files, and
//! what compose files lack, which is mostly a file or value of the machine that they are used on.
//!
//! ## Examples
//!
//! ### A function that does not exist
//!
//! ```hcl
//! variable "TAGS" {
//!   default = "a,b"
//! }
//!
//! target "web" {
//!   tags   = tolist(["shop:a"])
//!   labels = { a = VERSION }
//! }
//! ```
//!
//! ```text
//! docker-bake.hcl:6:12: error[bake-error] Call to unknown function; There is no function named "tolist"
//! docker-bake.hcl:7:18: error[bake-error] Unknown variable; There is no variable named "VERSION"
//! ```
//!
//! ### A validation that calls a function of the file
//!
//! ```hcl
//! function "is_long" {
//!   params = [text]
//!   result = strlen(text) > 2
//! }
//!
//! variable "TAG" {
//!   default = "edge"
//!   validation {
//!     condition     = is_long(TAG)
//!     error_message = "too short"
//!   }
//! }
//! ```
//!
//! ```text
//! docker-bake.hcl:9:21: error[bake-error] Call to unknown function; There is no function named "is_long"
//! ```
//!
//! ### Evaluated
//!
//! ```hcl
//! variable "TAGS" {
//!   default = "a,b"
//! }
//!
//! target "web" {
//!   tags = [for tag in split(",", TAGS) : "shop:${tag}"]
//! }
//! ```
//!
//! ## Also tested
//!
//! ### A value that only the environment has
//!
//! ```hcl
//! variable "COMMIT" {
//!   default = null
//! }
//!
//! function "labels" {
//!   params = []
//!   result = { "org.opencontainers.image.revision" = "${COMMIT}" }
//! }
//!
//! target "web" {
//!   labels = labels()
//! }
//! ```
//!
//! ### A file that is read after another one
//!
//! ```hcl
//! function "tag" {
//!   params = [name]
//!   result = ["shop/${name}"]
//! }
//! ```
//!
//! ```hcl web/docker-bake.hcl
//! target "web" {
//!   tags = tag("web")
//! }
//! ```
//!
//! ### A validation, which the caller may satisfy
//!
//! ```hcl
//! variable "VERSION" {
//!   default = ""
//!   validation {
//!     condition     = VERSION != ""
//!     error_message = "VERSION is needed"
//!   }
//! }
//!
//! target "web" {
//!   tags = ["shop:${VERSION}"]
//! }
//! ```

use std::collections::BTreeSet;

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "bake-error", severity: Severity::Error, ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        let mut seen = BTreeSet::new();
        for bake in &project.bakes {
            let syntax = bake.definition.files.iter().any(|file| file.hcl().is_some_and(|hcl| !hcl.errors.is_empty()));
            // A file of several that are read together may lack what the others have.
            let alone = !bake.called && bake.files.len() == 1 && !is_default(project, bake);
            if syntax || alone {
                continue;
            }
            for error in bake.certain_errors() {
                // What compose files lack is mostly a file or value of the machine that they are used on.
                let own = |span: &Span| {
                    matches!(FileKind::of(project.path(span.file)), FileKind::BakeHcl | FileKind::BakeJson)
                };
                let Some(span) = error.span.filter(own) else { continue };
                let validated = bake
                    .definition
                    .variables()
                    .any(|variable| variable.block.body.blocks().any(|validation| validation.span.contains(span)));
                let message = error.message();
                // Neither functions nor attributes of the file are there when variables are validated, whatever their values.
                let never = ["Call to unknown function", "Unknown variable"].contains(&error.summary.as_str());
                let left = validated && !never || is_declared_elsewhere(project, bake, &message);
                if left || !seen.insert(span) {
                    continue;
                }
                let diagnostic = found.add(span, message.trim_end_matches('.').to_owned());
                let text = project.snapshot.get(span.file).map_or("", |file| file.slice(span));
                let open = bake.definition.variables().any(|variable| text.contains(variable.name()));
                diagnostic.confidence(if open { Confidence::Medium } else { Confidence::High });
                for (place, note) in &error.labels {
                    diagnostic.label(*place, note.clone());
                }
                diagnostic
                    .help(error.help.clone().unwrap_or_else(|| "bake fails, whatever target is asked for".to_owned()));
            }
        }
    }
}

/// Whether the function or variable that the message misses is declared by a file that is not read here: some files are there to be
/// read together with others, which the command names.
fn is_declared_elsewhere(project: &Project, bake: &Bake, message: &str) -> bool {
    let Some(name) = message.split('"').nth(1).filter(|_| !bake.called && message.contains("There is no ")) else {
        return false;
    };
    project.bakes.iter().filter(|other| other.files != bake.files).any(|other| {
        let blocks = other.definition.functions().chain(other.definition.variables());
        blocks.into_iter().any(|declared| declared.name() == name)
    })
}

/// Whether bake finds the file by itself.
fn is_default(project: &Project, bake: &Bake) -> bool {
    bake.files.iter().all(|file| {
        let name = project.path(*file).rsplit('/').next().unwrap_or_default();
        ["docker-bake.hcl", "docker-bake.json"].contains(&name)
    })
}
