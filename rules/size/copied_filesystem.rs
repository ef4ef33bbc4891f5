//! A whole filesystem is copied from another stage.
//!
//! `COPY --from=build / /` takes everything, build tools and caches included, into one layer that changes as soon as anything does, and the configuration of the image is lost: environment, user, entrypoint. It is also the usual
//! way to flatten an image on purpose, so the rule runs only when it is asked for.
//!
//! ## Examples
//!
//! ### Everything
//!
//! ```dockerfile
//! FROM debian:12 AS build
//! RUN make
//! FROM scratch
//! COPY --from=build / /
//! ```
//!
//! ```text
//! Dockerfile:4:19: warning[copied-filesystem] the whole filesystem of `build` is copied
//! ```
//!
//! ### What is needed
//!
//! ```dockerfile
//! FROM debian:12 AS build
//! RUN make
//! FROM scratch
//! COPY --from=build /out /
//! COPY . /
//! ```
//!
//! ## Also tested
//!
//! ### Quoted
//!
//! ```dockerfile
//! FROM debian:12 AS build
//! FROM scratch
//! COPY --from=build "/" '/'
//! ```
//!
//! ```text
//! Dockerfile:3:19: warning[copied-filesystem] the whole filesystem of `build` is copied
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "copied-filesystem", also: &["hadolint:DL3067"], opt_in: true, ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        let is_root = |word: &MappedText| word.trim_matches(['"', '\'']) == "/";
        for dockerfile in &project.dockerfiles {
            for (index, instruction) in dockerfile.instructions() {
                let Body::Copy(copy) = &instruction.body else { continue };
                let Some(from) = copy.from.as_ref().filter(|_| is_root(&copy.destination)) else { continue };
                let Some(root) = copy.sources.iter().find(|source| is_root(&source.word)) else { continue };
                let message = format!("the whole filesystem of `{}` is copied", from.as_str());
                found
                    .add_at(dockerfile, index, root.word.span(), "everything", message)
                    .help("copy the folders that are needed, or build the stage on the other one");
            }
        }
    }
}
