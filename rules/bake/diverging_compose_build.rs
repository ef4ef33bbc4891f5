//! A compose file and a bake file build one image, each in its own way.
//!
//! Which image `shop/web:latest` is then depends on who built it last: `docker compose build` and `docker buildx bake` take another stage,
//! Dockerfile or context, or pass other arguments, to one tag. What is tested with Compose is not what bake publishes.
//!
//! Bake reads compose files: let it build the services (`docker buildx bake -f compose.yaml -f docker-bake.hcl`), with what only bake needs in
//! `x-bake` or in a target of the service's name
//! (<https://docs.docker.com/build/bake/compose-file/>). Or say in one place only how the image is built.
//!
//! Compared are images whose name and tag are the same. Images that share the name alone are compared by the versions that both pass
//! as arguments, where they are built from one stage: 3.12 in one file and 3.13 in the other one is mostly an update that was forgotten.
//!
//! Not flagged: values that are not known, compose files and stages that are for development or tests by their name, and files that lie
//! over others.
//!
//! ## Examples
//!
//! ### Another stage
//!
//! ```dockerfile
//! FROM alpine:3.22 AS base
//! RUN apk add --no-cache nginx
//!
//! FROM base AS web
//! RUN apk add --no-cache curl
//! ```
//!
//! ```hcl
//! target "web" {
//!   target = "base"
//!   tags   = ["shop/web:latest"]
//! }
//! ```
//!
//! ```yaml compose.yaml
//! services:
//!   web:
//!     image: shop/web
//!     build:
//!       context: .
//!       target: web
//! ```
//!
//! ```text
//! compose.yaml:2:3: warning[diverging-compose-build] `shop/web:latest` is not what bake builds under that name: stage `web` here, `base` there
//! ```
//!
//! ### Another version
//!
//! ```dockerfile
//! ARG PYTHON=3.12
//! FROM python:${PYTHON}-slim
//! ```
//!
//! ```hcl
//! target "web" {
//!   args = { PYTHON = "3.13" }
//!   tags = ["shop/web:1.2"]
//! }
//! ```
//!
//! ```yaml compose.yaml
//! services:
//!   web:
//!     image: shop/web:local
//!     build:
//!       context: .
//!       args:
//!         PYTHON: "3.12"
//! ```
//!
//! ```text
//! compose.yaml:2:3: info[diverging-compose-build] `shop/web` is not what bake builds under that name: `PYTHON=3.12` here, `PYTHON=3.13` there
//! ```
//!
//! ### The same
//!
//! ```dockerfile
//! ARG PYTHON=3.12
//! FROM python:${PYTHON}-slim
//! ```
//!
//! ```hcl
//! target "web" {
//!   args = { PYTHON = "3.13" }
//!   tags = ["shop/web:latest"]
//! }
//! ```
//!
//! ```yaml compose.yaml
//! services:
//!   web:
//!     image: shop/web:latest
//!     build:
//!       context: .
//!       args:
//!         PYTHON: "3.13"
//! ```
//!
//! ## Also tested
//!
//! ### For development, under another tag, unknown, or no difference
//!
//! ```dockerfile
//! ARG PYTHON=3.12
//! FROM python:${PYTHON}-slim AS base
//!
//! FROM base AS dev
//! ARG DEBUG
//! RUN make
//!
//! FROM base AS web
//! RUN make
//! ```
//!
//! ```hcl
//! target "web" {
//!   args = { PYTHON = "3.12" }
//!   tags = ["shop/web:latest"]
//! }
//!
//! target "worker" {
//!   target = "web"
//!   tags = ["shop/worker:latest"]
//! }
//! ```
//!
//! ```yaml compose.yaml
//! services:
//!   dev:
//!     image: shop/web:latest
//!     build: {context: ., target: dev, args: {DEBUG: "1"}}
//!   debug:
//!     image: shop/web:mine
//!     build: {context: ., args: {DEBUG: "1"}}
//!   default:
//!     image: shop/web:latest
//!     build: .
//!   open:
//!     image: shop/web:latest
//!     build: {context: ., args: {PYTHON: "$PYTHON"}}
//!   same:
//!     image: shop/worker:latest
//!     build: .
//! ```

use std::collections::{BTreeMap, BTreeSet};

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta = Meta { id: "diverging-compose-build", confidence: Confidence::Medium, ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        let mut targets: BTreeMap<String, Vec<(&Build, ImageRef)>> = BTreeMap::new();
        for build in project.builds.iter().filter(|build| matches!(build.maker, Maker::Target { .. })) {
            for image in build.tags.iter().filter_map(|(tag, _)| image(tag)) {
                targets.entry(image.name()).or_default().push((build, image));
            }
        }
        let mut seen = BTreeSet::new();
        for service in project.builds.iter().filter(|build| matches!(build.maker, Maker::Service { .. })) {
            let path = project.path(service.span.file);
            let stages = project.asked_stages(service);
            let of_people = |stage: &usize| service.dockerfile.is_some_and(|at| project.is_for_people(at, *stage));
            if is_for_people(path) || path.contains("override") || stages.iter().any(of_people) {
                continue;
            }
            let images: Vec<ImageRef> = service.tags.iter().filter_map(|(tag, _)| image(tag)).collect();
            let twins = images.iter().flat_map(|image| {
                let targets = targets.get(&image.name()).into_iter().flatten();
                targets.map(move |(target, other)| (image, *target, image.effective_tag() == other.effective_tag()))
            });
            for (image, target, same) in twins {
                let differences = match same {
                    true => differences(project, service, target),
                    false => versions(project, service, target),
                };
                if differences.is_empty() || !seen.insert(service.span) {
                    continue;
                }
                let tag = image.effective_tag().filter(|_| same).map(|tag| format!(":{tag}")).unwrap_or_default();
                let whole = format!("{}{tag}", image.familiar_name());
                let parts: Vec<&str> = differences.iter().map(|difference| &*difference.words).collect();
                let message = format!("`{whole}` is not what bake builds under that name: {}", parts.join("; "));
                let diagnostic = found.add(service.span, message);
                diagnostic.label(target.span, format!("target `{}`", target.name));
                for span in differences.iter().flat_map(|difference| difference.spans) {
                    if span != service.span && span != target.span {
                        diagnostic.label(span, "this");
                    }
                }
                diagnostic.help("say it once: bake can read the compose file too");
                if !same {
                    diagnostic.severity(Severity::Info);
                }
            }
        }
    }
}

/// In what two builds differ, and where each one says so.
struct Difference {
    words: String,
    spans: [Span; 2],
}

fn image(tag: &Text) -> Option<ImageRef> {
    tag.as_known().and_then(|tag| ImageRef::parse(tag).ok())
}

fn differences(project: &Project, service: &Build, target: &Build) -> Vec<Difference> {
    let mut found = Vec::new();
    let path =
        |build: &Build| build.dockerfile_path.as_ref().and_then(|path| Some((path.eval.known()?.clone(), path.span)));
    if let (Some((one, here)), Some((two, there))) = (path(service), path(target))
        && one != two
    {
        found.push(Difference { words: format!("Dockerfile `{one}` here, `{two}` there"), spans: [here, there] });
        return found;
    }
    if let (Context::Folder(one), Context::Folder(two)) = (&service.context, &target.context)
        && one != two
    {
        let name = |folder: &str| if folder.is_empty() { ".".to_owned() } else { folder.to_owned() };
        let words = format!("context `{}` here, `{}` there", name(one), name(two));
        let span = |build: &Build| build.context_span.unwrap_or(build.span);
        found.push(Difference { words, spans: [span(service), span(target)] });
    }
    let known = |build: &Build| build.target.as_ref().is_none_or(|target| target.eval.known().is_some());
    if let Some(file) = service.dockerfile.filter(|at| target.dockerfile == Some(*at))
        && known(service)
        && known(target)
        && let ([one], [two]) = (&*project.asked_stages(service), &*project.asked_stages(target))
        && one != two
    {
        let file = &project.dockerfiles[file];
        let words = format!("stage `{}` here, `{}` there", file.stage_name(*one), file.stage_name(*two));
        let span = |build: &Build| build.target.as_ref().map_or(build.span, |target| target.span);
        found.push(Difference { words, spans: [span(service), span(target)] });
    }
    found.extend(arguments(project, service, target, false));
    found
}

/// Versions that two builds of one stage pass.
fn versions(project: &Project, service: &Build, target: &Build) -> Vec<Difference> {
    let same = service.dockerfile.is_some()
        && service.dockerfile == target.dockerfile
        && project.asked_stages(service) == project.asked_stages(target);
    if same { arguments(project, service, target, true) } else { Vec::new() }
}

/// Arguments that the Dockerfile declares, and for which both builds have known values.
fn arguments(project: &Project, service: &Build, target: &Build, versions: bool) -> Vec<Difference> {
    let Some(file) = service.dockerfile.and_then(|at| project.dockerfiles.get(at)) else { return Vec::new() };
    let declared = file.tree.instructions.iter().filter_map(|instruction| match &instruction.body {
        Body::Arg(pairs) => Some(pairs),
        _ => None,
    });
    let mut names = BTreeSet::new();
    let mut found = Vec::new();
    for pair in declared.flatten().filter(|pair| !pair.name.contains('$')) {
        let name: &str = &pair.name;
        let default = pair.value.as_ref().map(|value| value.as_str()).filter(|value| !value.contains('$'));
        let value = |build: &Build| match build.arg(name) {
            Some(arg) => Some((arg.value.as_known()?.to_owned(), arg.span, true)),
            None => Some((default?.trim_matches(['"', '\'']).to_owned(), build.span, false)),
        };
        let (Some((one, here, given)), Some((two, there, other_given))) = (value(service), value(target)) else {
            continue;
        };
        let is_version =
            |value: &str| value.trim_start_matches('v').starts_with(|letter: char| letter.is_ascii_digit());
        let counts = match versions {
            true => given && other_given && [&one, &two].iter().all(|value| is_version(value) && value.contains('.')),
            false => given || other_given,
        };
        if one != two && counts && names.insert(name) {
            found
                .push(Difference { words: format!("`{name}={one}` here, `{name}={two}` there"), spans: [here, there] });
        }
    }
    found
}
