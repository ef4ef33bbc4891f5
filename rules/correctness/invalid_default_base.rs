//! Without build arguments, a FROM names no valid image.
//!
//! An ARG without default, or with an empty one, leaves `FROM debian:$TAG` with `debian:`. Whoever builds without the right
//! `--build-arg` gets an error that does not say what is missing; editors, scanners and update bots cannot read the base at all.
//! See <https://docs.docker.com/reference/build-checks/invalid-default-arg-in-from/>.
//!
//! An ARG that has to be passed may be meant, and the build that forgets it fails at once: that is only noted.
//!
//! Give the ARG a default, or use a form with one: `${TAG:-12}`.
//!
//! ## Examples
//!
//! ### No default
//!
//! ```dockerfile
//! ARG TAG
//! FROM debian:${TAG}
//! ```
//!
//! ```text
//! Dockerfile:2:6: info[invalid-default-base] the base is `debian:` unless the build passes arguments: this is no valid tag
//! ```
//!
//! ### A default
//!
//! ```dockerfile
//! ARG TAG=12
//! ARG VARIANT
//! FROM debian:${TAG}${VARIANT:+-$VARIANT}
//! FROM node:${NODE:-22}
//! ```
//!
//! ## Also tested
//!
//! ### Capital letters
//!
//! ```dockerfile
//! FROM Registry.Example.com/base:1 AS base
//! FROM Base
//! ```
//!
//! ```text
//! Dockerfile:2:6: warning[invalid-default-base] `Base` is no image: the name of an image has no capital letters
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta =
        Meta { id: "invalid-default-base", also: &["buildkit:InvalidDefaultArgInFrom"], ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for evaluation in project.evaluations() {
            let file = &project.dockerfiles[evaluation.dockerfile];
            let standalone = matches!(project.builds[evaluation.build].maker, Maker::Standalone(_));
            let refused = evaluation.lacks_base_argument(file).filter(|_| standalone);
            for (at, stage) in evaluation.stages.iter().enumerate() {
                let (Some(base), Some(from)) = (&stage.default_base, file.from(at)) else { continue };
                let Some(name) = base.value.known() else { continue };
                let Err(error) = ImageRef::parse(name) else { continue };
                let message = match (name, base.uses.as_slice()) {
                    ("", _) => "the base is empty unless the build passes arguments".to_owned(),
                    (_, []) => format!("`{name}` is no image: {error}"),
                    _ => format!("the base is `{name}` unless the build passes arguments: {error}"),
                };
                let empty = base.uses.iter().find(|used| used.definition == Definition::Declared);
                let diagnostic = found.add(file.on_first_line(from, base.span), message).heeds(Heeds::Nothing);
                if refused == Some(at) {
                    diagnostic.known_as("buildkit:InvalidDefaultArgInFrom").known_as("buildkit:error");
                }
                if let Some(used) = empty {
                    diagnostic.severity(Severity::Info);
                    diagnostic.help(format!("give `{}` a default", used.name));
                    let declared = evaluation.global(&used.name).and_then(|global| global.span);
                    if let Some(span) = declared {
                        diagnostic.label(span, "declared without a value");
                    }
                }
            }
        }
    }
}
