//! An inline cache that nobody can read, or that adds nothing.
//!
//! The inline cache is some metadata in the image's configuration. It is asked for by the build argument `BUILDKIT_INLINE_CACHE=1` or by
//! `cache-to = ["type=inline"]`; a variable of that name in the environment of a job does nothing. It is read by
//! `cache-from` of the image's reference, from a registry, and knows the layers of the image alone, as `mode=min` does.
//!
//! So it is of no use in an image that is neither pushed nor loaded, and adds nothing where the same build also exports a cache with
//! `mode=max` and no build of the repository imports the image.
//!
//! ## Examples
//!
//! ### In the environment
//!
//! ```dockerfile
//! FROM scratch
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! env:
//!   REGISTRY: ghcr.io
//!   BUILDKIT_INLINE_CACHE: 1
//! jobs:
//!   build:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - run: docker build -t ghcr.io/shop/app .
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:4:3: warning[useless-inline-cache] `BUILDKIT_INLINE_CACHE` is a build argument: in the environment it does nothing
//! ```
//!
//! ```diff
//! --- a/.github/workflows/ci.yml
//! +++ b/.github/workflows/ci.yml
//! @@ -1,7 +1,6 @@
//!  on: push
//!  env:
//!    REGISTRY: ghcr.io
//! -  BUILDKIT_INLINE_CACHE: 1
//!  jobs:
//!    build:
//!      runs-on: ubuntu-latest
//! ```
//!
//! ### An argument, and somebody who reads it
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
//!           push: true
//!           tags: ghcr.io/shop/app:latest
//!           build-args: BUILDKIT_INLINE_CACHE=1
//!           cache-from: ghcr.io/shop/app
//! ```
//!
//! ## Also tested
//!
//! ### Beside all layers
//!
//! ```hcl
//! target "web" {
//!   tags       = ["ghcr.io/shop/web"]
//!   args       = { BUILDKIT_INLINE_CACHE = "1" }
//!   cache-from = ["type=registry,ref=ghcr.io/shop/web:cache"]
//!   cache-to   = ["type=registry,ref=ghcr.io/shop/web:cache,mode=max"]
//! }
//! ```
//!
//! ```text
//! docker-bake.hcl:3:18: info[useless-inline-cache] the inline cache is of no use: all layers are exported elsewhere, and no build imports the image
//! ```
//!
//! ### In an image that goes nowhere
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
//!           cache-to: type=inline
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:8:21: info[useless-inline-cache] the inline cache is of no use: the image is neither pushed nor loaded
//! ```
//!
//! ### The environment gives the argument its value
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
//!     env:
//!       BUILDKIT_INLINE_CACHE: 1
//!     steps:
//!       - run: docker build --build-arg BUILDKIT_INLINE_CACHE --push -t ghcr.io/shop/app .
//! ```

use std::collections::BTreeMap;

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

/// The build argument that asks for it.
const NAME: &str = "BUILDKIT_INLINE_CACHE";

impl Check for Rule {
    const META: Meta = Meta { id: "useless-inline-cache", fix: Some(Safety::Safe), ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        environment(project, found);
        let traffic = project.cache_traffic();
        let mut exports: BTreeMap<Span, Vec<(&Build, Option<&'static str>)>> = BTreeMap::new();
        for build in &project.builds {
            let inline = build.cache_to.iter().find(|entry| entry.is("inline")).map(|entry| entry.span);
            let arg = build.arg(NAME).filter(|arg| matches!(arg.value.as_known(), Some("1" | "true")));
            if let Some(span) = inline.or(arg.map(|arg| arg.name_span)) {
                exports.entry(span).or_default().push((build, reason(&traffic, build, span)));
            }
        }
        for (span, builds) in exports {
            // It is of use when one of the builds that share it makes use of it.
            let [(_, Some(reason)), ..] = builds[..] else { continue };
            if builds.iter().any(|(_, reason)| reason.is_none()) {
                continue;
            }
            let diagnostic = found.add(span, format!("the inline cache is of no use: {reason}"));
            diagnostic.severity(Severity::Info).confidence(Confidence::Medium);
            diagnostic.help("it is read by `cache-from` of the pushed image, and holds the layers of the image alone");
        }
    }
}

/// Why nobody gains from the inline cache of a build.
fn reason(traffic: &CacheTraffic<'_>, build: &Build, span: Span) -> Option<&'static str> {
    // What a bake file asks for may be meant for a call that pushes.
    let goes_nowhere = build.caller.as_ref().is_some_and(|caller| caller.span.file == span.file)
        && build.push == Eval::Known(false)
        && build.load == Eval::Known(false)
        && build.outputs.is_empty()
        && build.cache_known;
    if goes_nowhere {
        return Some("the image is neither pushed nor loaded");
    }
    let is_read = |tag: &Text| {
        let location = CacheLocation::Registry(tag.clone());
        traffic.reads.iter().any(|read| read.location.may_be(&location))
    };
    let unread = traffic.reads_known && build.tags_known && !build.tags.iter().any(|(tag, _)| is_read(tag));
    let max = build.cache_to.iter().any(|entry| entry.is_max() && entry.cache_location().is_some());
    (max && unread).then_some("all layers are exported elsewhere, and no build imports the image")
}

/// The variable in the environment of workflows, jobs and steps, where nothing passes it on.
fn environment(project: &Project, found: &mut Findings) {
    let is_env = |text: &str, at: usize| {
        let line = text[..at].rfind('\n').map_or(0, |line| line + 1);
        text[line..at].trim().is_empty() && text[at + NAME.len()..].trim_start().starts_with(':')
    };
    // What is given a value of its own has none from the environment.
    let is_given = |behind: &str| {
        let value = behind.trim_start_matches('"').trim_start().strip_prefix(['=', ':']);
        value.is_some_and(|value| value.trim_start().trim_start_matches(['"', '\'']).starts_with(['0', '1', 't', 'f']))
    };
    let passed = project.snapshot.files().filter(|(_, source)| FileKind::of(&source.path) != FileKind::Other).any(
        |(_, source)| {
            let text = source.text();
            text.match_indices(NAME).any(|(at, _)| !is_env(text, at) && !is_given(&text[at + NAME.len()..]))
        },
    );
    if passed {
        return;
    }
    for workflow in &project.workflows {
        let of_jobs = workflow.jobs.iter().map(|job| &job.env);
        let of_steps = workflow.jobs.iter().flat_map(|job| &job.steps).map(|step| &step.env);
        for map in std::iter::once(&workflow.env).chain(of_jobs).chain(of_steps) {
            let Some(field) = map.get(NAME) else { continue };
            let diagnostic =
                found.add(field.name.span, format!("`{NAME}` is a build argument: in the environment it does nothing"));
            diagnostic.help("pass it by `build-args`, or leave it out");
            if map.fields.len() > 1
                && let Some(lines) = project.whole_lines(field.entry)
            {
                diagnostic.fix(Fix::safe("Leave it out", vec![Edit::delete(lines)]));
            }
        }
    }
}
