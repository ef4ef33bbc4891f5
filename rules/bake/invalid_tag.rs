//! A tag is no valid image reference.
//!
//! The build fails with «invalid reference format» before its first step. Mostly a variable that is part of the tag has no value, which
//! leaves `app:` or `/app`.
//!
//! A variable that nothing in the repository mentions besides the bake file is likely to have none in any build; where others
//! mention it, they may well set it, and the finding is only a hint that the bake file does not work without them. The same goes for a
//! variable without a default, which says that whoever calls has to give it, and nothing is found where a step writes the variable to
//! `$GITHUB_ENV`.
//!
//! ## Examples
//!
//! ### Nothing behind the colon
//!
//! ```hcl
//! variable "VERSION" {
//!   default = ""
//! }
//!
//! target "web" {
//!   tags = ["ghcr.io/shop/web:${VERSION}"]
//! }
//! ```
//!
//! ```text
//! docker-bake.hcl:6:11: error[invalid-tag] `ghcr.io/shop/web:` is no valid tag
//! ```
//!
//! ### A default
//!
//! ```hcl
//! variable "VERSION" {
//!   default = "latest"
//! }
//!
//! target "web" {
//!   tags = ["ghcr.io/shop/web:${VERSION}"]
//! }
//! ```
//!
//! ## Also tested
//!
//! ### Written so
//!
//! ```dockerfile
//! FROM scratch
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//!         with:
//!           tags: |
//!             ghcr.io/Shop/app
//!             ghcr.io/shop/app:${{ github.sha }}
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:9:13: error[invalid-tag] `ghcr.io/Shop/app` is no valid tag
//! ```
//!
//! ### A workflow sets it
//!
//! ```hcl
//! variable "VERSION" {
//!   default = ""
//! }
//!
//! target "web" {
//!   tags = ["ghcr.io/shop/web:${VERSION}"]
//! }
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: echo "VERSION=$(git describe)" >> "$GITHUB_ENV"
//!       - run: docker buildx bake
//! ```
//!
//! ```text
//! docker-bake.hcl:6:11: error[invalid-tag] `ghcr.io/shop/web:` is no valid tag
//! ```

use std::collections::BTreeSet;

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "invalid-tag", severity: Severity::Error, ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        let mut seen = BTreeSet::new();
        for build in &project.builds {
            for (tag, span) in &build.tags {
                let Some(text) = tag.as_known().filter(|text| !text.is_empty()) else { continue };
                if ImageRef::parse(text).is_ok() || !seen.insert(*span) {
                    continue;
                }
                let written = project.snapshot.get(span.file).map_or("", |file| file.slice(*span));
                let Maker::Target { bake, .. } = &build.maker else {
                    let literal = written.contains(text);
                    if literal {
                        found.add(*span, format!("`{text}` is no valid tag")).help(advice(text));
                    }
                    continue;
                };
                let Some(bake) = project.bakes.get(*bake) else { continue };
                let empty = bake.evaluation.variables.iter().filter(|(name, variable)| {
                    (variable.value.is_null() || variable.value.as_str() == Some("")) && mentions(written, name)
                });
                let empty: Vec<&str> = empty.map(|(name, _)| name.as_str()).collect();
                let diagnostic = found.add(*span, format!("`{text}` is no valid tag"));
                match empty.as_slice() {
                    [] => {
                        let literal = written.contains(text);
                        diagnostic.confidence(if literal { Confidence::High } else { Confidence::Low });
                        diagnostic.help(advice(text));
                    }
                    [first, ..] => {
                        let elsewhere = project
                            .snapshot
                            .files()
                            .any(|(file, source)| !bake.files.contains(&file) && mentions(source.text(), first));
                        // A variable without a default is there to be given by who calls.
                        let declared = bake.definition.variables().find(|variable| variable.name() == *first);
                        let given = declared.as_ref().is_some_and(|variable| variable.attribute("default").is_none());
                        let open = elsewhere || given;
                        diagnostic.confidence(if open { Confidence::Low } else { Confidence::Medium });
                        diagnostic.help(format!("`{first}` has no value: give the variable a default"));
                        if let Some(variable) = declared {
                            diagnostic.label(variable.name_span(), "declared without a value");
                        }
                    }
                }
            }
        }
    }
}

fn advice(text: &str) -> &'static str {
    match text.chars().any(char::is_uppercase) {
        true => "the name of an image is in lower case",
        false => "the build fails with \"invalid reference format\"",
    }
}

/// Whether a text has the name as a whole word.
fn mentions(text: &str, name: &str) -> bool {
    let part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.match_indices(name).any(|(at, _)| !text[..at].ends_with(part) && !text[at + name.len()..].starts_with(part))
}
