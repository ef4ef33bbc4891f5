//! Files are taken from an image without a version.
//!
//! `COPY --from=NAME` and `RUN --mount=from=NAME` take a stage of that name, a named context of the build, or else an image. An image without a tag is `latest`, so that the same commit gets
//! other files next month; and a stage whose name is misspelt becomes an image of Docker Hub that a stranger may own.
//!
//! Not flagged: stages and their numbers, named contexts, digests, tags, and images that another build of the repository makes.
//!
//! ## Examples
//!
//! ### A misspelt stage
//!
//! ```dockerfile
//! FROM golang:1.24 AS builder
//! RUN go build -o /app .
//!
//! FROM scratch
//! COPY --from=bulider /app /app
//! ```
//!
//! ```text
//! Dockerfile:5:13: warning[untagged-copy-source] no stage is called `bulider`, so the newest image of that name is pulled
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -2,4 +2,4 @@
//!  RUN go build -o /app .
//!
//!  FROM scratch
//! -COPY --from=bulider /app /app
//! +COPY --from=builder /app /app
//! ```
//!
//! ### An image without a tag
//!
//! ```dockerfile
//! FROM php:8.4-cli
//! COPY --from=composer /usr/bin/composer /usr/bin/composer
//! COPY --from=ghcr.io/astral-sh/uv:latest /uv /bin/
//! ```
//!
//! ```text
//! Dockerfile:2:13: warning[untagged-copy-source] files are taken from the newest image `composer`
//! Dockerfile:3:13: warning[untagged-copy-source] files are taken from the newest image `ghcr.io/astral-sh/uv`
//! ```
//!
//! ### Stages and versions
//!
//! ```dockerfile
//! FROM golang:1.24 AS Build
//! RUN go build -o /app .
//!
//! FROM php:8.4-cli
//! COPY --from=build /app /app
//! COPY --from=0 /app /other
//! COPY --from=composer:2.8 /usr/bin/composer /usr/bin/composer
//! COPY --from=ghcr.io/acme/tool@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa /t /t
//! ```
//!
//! ## Also tested
//!
//! ### Mounts, triggers and values that nobody knows
//!
//! ```dockerfile
//! FROM alpine:3.21 AS files
//! FROM alpine:3.21
//! RUN --mount=type=bind,from=files,target=/x true
//! RUN --mount=from=file,target=/x \
//!     true
//! ONBUILD COPY --from=composer /a /b
//! COPY --from=$STAGE /a /b
//! COPY --link \
//!   --from=tools /a /b
//! ```
//!
//! ```text
//! Dockerfile:4:18: warning[untagged-copy-source] no stage is called `file`, so the newest image of that name is pulled
//! Dockerfile:6:21: warning[untagged-copy-source] files are taken from the newest image `composer`
//! Dockerfile:8:1: warning[untagged-copy-source] files are taken from the newest image `tools`
//! ```
//!
//! ```diff
//! --- a/Dockerfile
//! +++ b/Dockerfile
//! @@ -1,7 +1,7 @@
//!  FROM alpine:3.21 AS files
//!  FROM alpine:3.21
//!  RUN --mount=type=bind,from=files,target=/x true
//! -RUN --mount=from=file,target=/x \
//! +RUN --mount=from=files,target=/x \
//!      true
//!  ONBUILD COPY --from=composer /a /b
//!  COPY --from=$STAGE /a /b
//! ```
//!
//! ### A stage that would copy from itself, and a trigger
//!
//! ```dockerfile
//! FROM alpine:3.21 AS pack
//! FROM alpine:3.21 AS pack
//! COPY --from=packer /pack out
//! ONBUILD COPY --from=packs /a /b
//! ```
//!
//! ```text
//! Dockerfile:3:13: warning[untagged-copy-source] files are taken from the newest image `packer`
//! Dockerfile:4:21: warning[untagged-copy-source] files are taken from the newest image `packs`
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta =
        Meta { id: "untagged-copy-source", fix: Some(Safety::Unsafe), also: &["hadolint:DL3022"], ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        for (at, dockerfile) in project.dockerfiles.iter().enumerate() {
            for (index, instruction) in dockerfile.instructions() {
                let (body, is_trigger) = match &instruction.body {
                    Body::Onbuild(onbuild) => (&onbuild.body, true),
                    body => (body, false),
                };
                // A stage stands on earlier ones, never on one of its own name, and a trigger runs in another file.
                let here = instruction.stage.unwrap_or_default();
                let here_name = dockerfile.tree.stages.get(here).and_then(|stage| stage.name.as_deref());
                let earlier = || {
                    let stages = dockerfile.tree.stages.iter().take(if is_trigger { 0 } else { here });
                    stages.filter_map(|stage| stage.name.as_deref()).filter(|name| Some(*name) != here_name)
                };
                let names: Vec<(&MappedText, bool)> = match body {
                    Body::Copy(copy) => copy.from.iter().map(|from| (from, true)).collect(),
                    Body::Run(run) => run.mounts.iter().filter_map(|mount| Some((mount.from()?, false))).collect(),
                    _ => Vec::new(),
                };
                for (name, is_copy) in names {
                    let stage =
                        if is_copy { dockerfile.tree.copy_from(name) } else { dockerfile.tree.mount_from(name) };
                    let is_context = project.is_named_context(at, name);
                    if stage != StageRef::External || is_context || name.contains('$') || name.as_str() == "scratch" {
                        continue;
                    }
                    let Ok(image) = ImageRef::parse(name) else { continue };
                    let latest = image.tag.as_deref() == Some("latest");
                    if image.digest.is_some() || image.tag.is_some() && !latest || project.makes_image(&image) {
                        continue;
                    }
                    let near = nearest(name, earlier()).filter(|_| !name.contains(['/', ':']));
                    let message = match near {
                        Some(_) => format!("no stage is called `{name}`, so the newest image of that name is pulled"),
                        None => format!("files are taken from the newest image `{}`", image.familiar_name()),
                    };
                    let diagnostic = found.add_at(dockerfile, index, name.span(), "the source", message);
                    if is_copy && !latest {
                        diagnostic.known_as("hadolint:DL3022");
                    } else {
                        diagnostic.unknown_elsewhere();
                    }
                    match near {
                        Some(near) => {
                            let edit = Edit::replace(name.span(), near);
                            diagnostic.help(format!("did you mean the stage `{near}`?")).fix(
                                Fix::unsafe_(format!("Take the files from the stage `{near}`"), vec![edit])
                                    .rebuilds_once(),
                            );
                        }
                        None => {
                            diagnostic.help("name the version that is meant, or a stage of this file");
                        }
                    }
                }
            }
        }
    }
}
