//! An image comes from a registry that is not trusted.
//!
//! Runs when the configuration names registries: `registries = ["ghcr.io/acme", "*.example.com"]` in the `[project]` table, or `--trusted-registry`. A `*` stands for anything; `docker.io` is Docker Hub, which
//! references without a registry mean. An entry with a path is for images below it.
//!
//! Looked at are base images and the images that COPY and mounts take files from. Not flagged: stages, named contexts, `scratch`, and references whose registry depends on values nobody knows here.
//!
//! ## Examples
//!
//! ### Only the company's own
//!
//! ```toml bakelint.toml
//! [project]
//! registries = ["*.example.com"]
//! ```
//!
//! ```dockerfile
//! FROM mirror.example.com/base:1 AS a
//! FROM example.com/base:1
//! FROM debian:12
//! COPY --from=a /x /x
//! COPY --from=ghcr.io/acme/tool:1 /x /x
//! ```
//!
//! ```text
//! Dockerfile:2:6: error[foreign-registry] `example.com` is not among the trusted registries
//! Dockerfile:3:6: error[foreign-registry] `docker.io` is not among the trusted registries
//! Dockerfile:5:13: error[foreign-registry] `ghcr.io` is not among the trusted registries
//! ```
//!
//! ### Nothing is asked for
//!
//! ```dockerfile
//! FROM ghcr.io/anybody/anything:1
//! ```
//!
//! ## Also tested
//!
//! ### Docker Hub, paths, mounts and unknown values
//!
//! ```toml bakelint.toml
//! [project]
//! registries = ["docker.io", "ghcr.io/acme"]
//! ```
//!
//! ```dockerfile
//! ARG REGISTRY
//! FROM debian:12 AS build
//! FROM ghcr.io/acme/base:1
//! FROM $REGISTRY/base:1
//! FROM scratch
//! FROM ghcr.io/acmeter/base:1
//! RUN --mount=from=quay.io/x/y:1,target=/x true
//! COPY --from=build /x /x
//! ```
//!
//! ```text
//! Dockerfile:6:6: error[foreign-registry] `ghcr.io` is not among the trusted registries
//! Dockerfile:7:18: error[foreign-registry] `quay.io` is not among the trusted registries
//! ```

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta =
        Meta { id: "foreign-registry", severity: Severity::Error, also: &["hadolint:DL3026"], ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        let trusted = &project.settings.registries;
        if trusted.is_empty() {
            return;
        }
        let mut judge = |dockerfile: &Dockerfile, index: usize, image: &ImageRef, span: Span| {
            if !trusted.iter().any(|entry| covers(entry, image)) {
                let message = format!("`{}` is not among the trusted registries", image.domain);
                found
                    .add_at(dockerfile, index, span, "the image", message)
                    .help(format!("trusted are {}", trusted.join(", ")));
            }
        };
        for base in project.base_images() {
            let dockerfile = &project.dockerfiles[base.dockerfile];
            let Some(stage) = dockerfile.tree.stages.get(base.stage) else { continue };
            if let Some(image) = &base.image {
                judge(dockerfile, stage.from, image, base.span);
            }
        }
        for (at, dockerfile) in project.dockerfiles.iter().enumerate() {
            for (index, instruction) in dockerfile.instructions() {
                let names: Vec<&MappedText> = match &instruction.body {
                    Body::Copy(copy) => {
                        let external = |from: &&MappedText| dockerfile.tree.copy_from(from) == StageRef::External;
                        copy.from.iter().filter(external).collect()
                    }
                    Body::Run(run) => {
                        let external = |from: &&MappedText| dockerfile.tree.mount_from(from) == StageRef::External;
                        run.mounts.iter().filter_map(|mount| mount.from()).filter(external).collect()
                    }
                    _ => Vec::new(),
                };
                for name in names {
                    let is_context = project.builds_of(at).any(|build| build.named_context(name).is_some());
                    if is_context || name.as_str() == "scratch" {
                        continue;
                    }
                    if let Ok(image) = ImageRef::parse(name) {
                        judge(dockerfile, index, &image, name.span());
                    }
                }
            }
        }
    }
}

/// Whether an entry of the list is for an image.
fn covers(entry: &str, image: &ImageRef) -> bool {
    let entry = entry.trim_end_matches('/');
    let (domain, path) = entry.split_once('/').map_or((entry, None), |(domain, path)| (domain, Some(path)));
    let domain = match domain {
        "index.docker.io" | "registry-1.docker.io" | "hub.docker.com" => "docker.io",
        domain => domain,
    };
    let below = |path: &str| image.path.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    matches(domain, &image.domain) && path.is_none_or(|path| below(path) || matches(path, &image.path))
}

/// Whether a pattern with `*` for any text fits all of a text.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern.eq_ignore_ascii_case(text) };
    let Some(mut text) = text.strip_prefix(start) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let end = parts.pop().unwrap_or_default();
    for part in parts {
        match text.find(part) {
            Some(at) => text = &text[at + part.len()..],
            None => return false,
        }
    }
    text.ends_with(end)
}
