//! A whole filesystem is copied from another stage.
//!
//! `COPY --from=build / /` takes everything, build tools and caches included, into one layer that changes as soon as anything does, and the configuration of the image is lost: environment, user, entrypoint. It is also the usual
//! way to flatten an image on purpose, so the rule runs only when it is asked for.
//!
//! Not flagged: stages that stand on `scratch`, which hold nothing but what was put there, and `tonistiigi/xx`, a few scripts that are meant to be
//! taken so (<https://github.com/tonistiigi/xx>).
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
//! ### Stages made to be copied
//!
//! ```dockerfile
//! FROM tonistiigi/xx:1.6 AS xx
//! FROM scratch AS files
//! COPY etc /etc
//! FROM files AS more
//! FROM debian:12
//! COPY --from=xx / /
//! COPY --from=more / /
//! COPY --from=tonistiigi/xx:1.6 / /
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
        for (at, dockerfile) in project.dockerfiles.iter().enumerate() {
            for (index, instruction) in dockerfile.instructions() {
                let Body::Copy(copy) = &instruction.body else { continue };
                let Some(from) = copy.from.as_ref().filter(|_| is_root(&copy.destination)) else { continue };
                let Some(root) = copy.sources.iter().find(|source| is_root(&source.word)) else { continue };
                if is_made_for_it(project, at, from) {
                    continue;
                }
                let message = format!("the whole filesystem of `{}` is copied", from.as_str());
                found
                    .add_at(dockerfile, index, root.word.span(), "everything", message)
                    .help("copy the folders that are needed, or build the stage on the other one");
            }
        }
    }
}

/// Whether what is copied holds nothing but files that were put there to be copied.
fn is_made_for_it(project: &Project, at: usize, from: &MappedText) -> bool {
    let dockerfile = &project.dockerfiles[at];
    let image = match dockerfile.tree.copy_from(from) {
        dockerfile::StageRef::Stage(mut stage) => {
            // A stage stands on an earlier one, so that this comes to an end.
            while let Base::Stage(base) = dockerfile.base(stage, project.builds_of(at).next())
                && base < stage
            {
                stage = base;
            }
            if dockerfile.base(stage, project.builds_of(at).next()) == Base::Scratch {
                return true;
            }
            project.root_image(at, stage)
        }
        _ => ImageRef::parse(from).ok(),
    };
    image.is_some_and(|image| image.path == "tonistiigi/xx")
}
