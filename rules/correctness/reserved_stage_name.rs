//! A stage is called `scratch` or `context`.
//!
//! `FROM scratch` means the empty base, and `context` the build context; a stage of that name can be reached from some
//! places and not from others. See <https://docs.docker.com/reference/build-checks/reserved-stage-name/>.
//!
//! hadolint calls it DL3063 when the name is in small letters. Its ignore comments do not silence this, because BuildKit warns all the same;
//! `# check=skip=ReservedStageName` at the top of the file does.
//!
//! ## Examples
//!
//! ### A stage called scratch
//!
//! ```dockerfile
//! FROM alpine:3.21 AS scratch
//! RUN make
//! ```
//!
//! ```text
//! Dockerfile:1:21: warning[reserved-stage-name] `scratch` cannot be trusted as a stage's name
//! ```
//!
//! ### Another name
//!
//! ```dockerfile
//! FROM alpine:3.21 AS from-scratch
//! FROM scratch
//! COPY --from=from-scratch /out /
//! ```
//!
//! ## Also tested
//!
//! ### In capital letters
//!
//! ```dockerfile
//! FROM alpine:3.21 AS Context
//! RUN make
//! ```
//!
//! ```text
//! Dockerfile:1:21: warning[reserved-stage-name] `context` cannot be trusted as a stage's name
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta =
        Meta { id: "reserved-stage-name", also: &["buildkit:ReservedStageName", "hadolint:DL3063"], ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for (at, file) in project.dockerfiles.iter().enumerate() {
            if project.reading(at) != Reading::Whole {
                continue;
            }
            for (stage, node) in file.tree.stages.iter().enumerate() {
                let (Some(name @ ("scratch" | "context")), Some(from)) = (node.name.as_deref(), file.from(stage))
                else {
                    continue;
                };
                let Body::From(dockerfile::From { name: Some(word), .. }) = &from.body else { continue };
                let meaning = if name == "scratch" { "the empty base" } else { "the build context" };
                let diagnostic = found
                    .add(file.on_first_line(from, word.span()), format!("`{name}` cannot be trusted as a stage's name"))
                    .help(format!("elsewhere `{name}` means {meaning}; choose another name"))
                    .heeds(Heeds::Nothing)
                    .known_as("buildkit:ReservedStageName");
                if word.as_str() == name {
                    diagnostic.known_as("hadolint:DL3063");
                }
            }
        }
    }
}
