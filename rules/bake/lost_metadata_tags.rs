//! Tags that docker/metadata-action computes reach no build.
//!
//! The action writes a bake file with a target, `docker-metadata-action` unless it is told another name, whose tags and labels a target gets
//! by inheriting it. They are lost where nobody inherits it, and where the target that does has `tags` of its own, or inherits others
//! from a later parent: `tags` replace each other and do not add up (netresearch/timetracker#309, docker/metadata-action#380).
//!
//! A target may want the labels alone, so tags of its own are a finding of medium confidence. Not flagged: tags that are computed from
//! the other target's, and metadata targets that another bake file of the repository inherits.
//!
//! ## Examples
//!
//! ### Nobody inherits it
//!
//! ```hcl
//! target "docker-metadata-action" {}
//!
//! target "web" {
//!   tags = ["shop:local"]
//! }
//! ```
//!
//! ```text
//! docker-bake.hcl:1:8: warning[lost-metadata-tags] no target inherits `docker-metadata-action`
//! ```
//!
//! ### Inherited
//!
//! ```hcl
//! target "docker-metadata-action" {
//!   tags = ["shop:local"]
//! }
//!
//! target "web" {
//!   inherits = ["docker-metadata-action"]
//! }
//! ```
//!
//! ## Also tested
//!
//! ### Own tags, and tags of a later parent
//!
//! ```hcl
//! target "docker-metadata-action" {}
//!
//! target "_common" {
//!   tags = ["shop:common"]
//! }
//!
//! target "web" {
//!   inherits = ["docker-metadata-action"]
//!   tags     = ["shop:web"]
//! }
//!
//! target "worker" {
//!   inherits = ["docker-metadata-action", "_common"]
//! }
//!
//! target "fine" {
//!   inherits = ["_common", "docker-metadata-action"]
//! }
//! ```
//!
//! ```text
//! docker-bake.hcl:4:11: warning[lost-metadata-tags] `worker` gets these tags, and loses those of `docker-metadata-action`
//! docker-bake.hcl:9:15: warning[lost-metadata-tags] these tags of `web` replace those of `docker-metadata-action`
//! ```

use std::collections::BTreeSet;

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "lost-metadata-tags", confidence: Confidence::Medium, ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        let mut seen = BTreeSet::new();
        for (at, bake) in project.bakes.iter().enumerate() {
            let evaluation = &bake.evaluation;
            let stubs: Vec<&Target> = evaluation.targets.iter().filter(|target| is_metadata(&target.name)).collect();
            for stub in stubs {
                let children: Vec<&Target> = evaluation
                    .targets
                    .iter()
                    .filter(|target| target.inherits.iter().any(|parent| parent.value == stub.name))
                    .collect();
                let Some(place) = bake.target_span(&stub.name) else { continue };
                let elsewhere = project.bakes.iter().enumerate().any(|(other, bake)| {
                    let inherits = |target: &Target| target.inherits.iter().any(|parent| parent.value == stub.name);
                    other != at && bake.evaluation.targets.iter().any(inherits)
                });
                let grouped = evaluation.groups.iter().any(|group| group.members().any(|member| member == stub.name));
                if children.is_empty() {
                    let builds = stub.context.is_some() || stub.dockerfile.is_some() || stub.target.is_some();
                    if !elsewhere && !grouped && !builds && seen.insert(place) {
                        let diagnostic = found.add(place, format!("no target inherits `{}`", stub.name));
                        diagnostic.confidence(Confidence::High);
                        diagnostic.help("the tags and labels that docker/metadata-action computes reach no image");
                    }
                    continue;
                }
                for child in children {
                    let behind = child.inherits.iter().skip_while(|parent| parent.value != stub.name).skip(1);
                    let later =
                        behind.filter_map(|parent| evaluation.target(&parent.value)).find(|it| it.tags.is_some());
                    let own = child.tags.as_ref().map(|tags| (tags.first(), child));
                    let Some((Some(tag), owner)) =
                        own.or(later.map(|it| (it.tags.as_ref().and_then(|tags| tags.first()), it)))
                    else {
                        continue;
                    };
                    let Some(inherits) = child.inherits.iter().find(|parent| parent.value == stub.name) else {
                        continue;
                    };
                    let (Some(span), Some(tags)) = (inherits.span(), tag.span()) else { continue };
                    let block = bake.definition.targets().find(|target| target.name() == owner.name);
                    let written = block.and_then(|block| block.attribute("tags")).map(|tags| tags.span);
                    let computed = written.is_some_and(|span| {
                        project.snapshot.get(span.file).is_some_and(|file| file.slice(span).contains("target."))
                    });
                    if computed || !seen.insert(tags) {
                        continue;
                    }
                    let message = match own {
                        Some(_) => format!("these tags of `{}` replace those of `{}`", child.name, stub.name),
                        None => format!("`{}` gets these tags, and loses those of `{}`", child.name, stub.name),
                    };
                    let diagnostic = found.add(tags, message);
                    diagnostic.label(span, "inherited for its tags");
                    diagnostic.help(match own {
                        Some(_) => "write them as defaults into the metadata target, and let the action replace them",
                        None => "later parents win: name the metadata target last",
                    });
                }
            }
        }
    }
}

/// The names that docker/metadata-action gives its target.
fn is_metadata(name: &str) -> bool {
    name == "ghaction-docker-meta" || name.starts_with("docker-metadata-action")
}
