//! Several builds write one cache location.
//!
//! A cache location holds one index of layers. Each export writes a new one, so of several builds that export to one place only
//! the last is found by the next run: the others start cold, and which one wins changes from run to run. Docker's documentation
//! says of cache backends that no location can be written to twice (<https://docs.docker.com/build/cache/backends/>). A `gha`
//! entry without `scope` writes the scope `buildkit`, whichever target it is for.
//!
//! The location that counts is the `scope` of gha, the `ref` of registry, the `dest` of local and the `name` of s3 and azblob. Give
//! each build its own, in `cache-to` and in the `cache-from` that reads it.
//!
//! Found are targets of one bake command, of one definition's default group, and builds of one workflow. Builds that are equal in
//! Dockerfile, stage, context, arguments and platforms write the same layers and are not told apart, and neither is a smoke test from
//! the build for more platforms that follows it in the job. Less sure, and marked so, are
//! builds that no single command makes together, whose fix is then not applied unasked; steps and jobs under an `if:` may exclude each other and are shown with
//! `--pedantic` only. Locations that depend on unknown values are left alone.
//!
//! ## Examples
//!
//! ### An export that all targets inherit
//!
//! ```hcl
//! group "default" {
//!   targets = ["web", "worker"]
//! }
//!
//! target "_common" {
//!   context    = "."
//!   cache-from = ["type=gha,scope=shop"]
//!   cache-to   = ["type=gha,scope=shop,mode=max"]
//! }
//!
//! target "web" {
//!   inherits = ["_common"]
//!   target   = "web"
//! }
//!
//! target "worker" {
//!   inherits = ["_common"]
//!   target   = "worker"
//! }
//! ```
//!
//! ```text
//! docker-bake.hcl:8:17: error[cache-location-collision] 2 targets write the gha cache scope `shop`: `web`, `worker`
//! ```
//!
//! ```diff
//! --- a/docker-bake.hcl
//! +++ b/docker-bake.hcl
//! @@ -4,16 +4,18 @@
//!
//!  target "_common" {
//!    context    = "."
//! -  cache-from = ["type=gha,scope=shop"]
//! -  cache-to   = ["type=gha,scope=shop,mode=max"]
//!  }
//!
//!  target "web" {
//!    inherits = ["_common"]
//! +  cache-from = ["type=gha,scope=shop-web"]
//! +  cache-to = ["type=gha,scope=shop-web,mode=max"]
//!    target   = "web"
//!  }
//!
//!  target "worker" {
//!    inherits = ["_common"]
//! +  cache-from = ["type=gha,scope=shop-worker"]
//! +  cache-to = ["type=gha,scope=shop-worker,mode=max"]
//!    target   = "worker"
//!  }
//! ```
//!
//! ### One scope for each target
//!
//! ```hcl
//! group "default" {
//!   targets = ["web", "worker"]
//! }
//!
//! target "web" {
//!   target     = "web"
//!   cache-from = ["type=gha,scope=web"]
//!   cache-to   = ["type=gha,scope=web,mode=max"]
//! }
//!
//! target "worker" {
//!   target     = "worker"
//!   cache-from = ["type=gha,scope=worker"]
//!   cache-to   = ["type=gha,scope=worker,mode=max"]
//! }
//! ```
//!
//! ## Also tested
//!
//! ### Each target with its own entry
//!
//! ```hcl
//! variable "REGISTRY" {
//!   default = "ghcr.io/shop"
//! }
//!
//! group "default" {
//!   targets = ["web", "worker"]
//! }
//!
//! target "web" {
//!   target     = "web"
//!   cache-from = ["type=registry,ref=${REGISTRY}/app:cache", "type=gha"]
//!   cache-to   = ["type=registry,ref=${REGISTRY}/app:cache,mode=max", "type=gha"]
//! }
//!
//! target "worker" {
//!   target     = "worker"
//!   cache-from = ["type=registry,ref=${REGISTRY}/app:cache"]
//!   cache-to   = ["type=registry,ref=${REGISTRY}/app:cache,mode=max"]
//! }
//! ```
//!
//! ```text
//! docker-bake.hcl:12:17: error[cache-location-collision] 2 targets write the registry cache `ghcr.io/shop/app:cache`: `web`, `worker`
//! ```
//!
//! ```diff
//! --- a/docker-bake.hcl
//! +++ b/docker-bake.hcl
//! @@ -8,12 +8,12 @@
//!
//!  target "web" {
//!    target     = "web"
//! -  cache-from = ["type=registry,ref=${REGISTRY}/app:cache", "type=gha"]
//! -  cache-to   = ["type=registry,ref=${REGISTRY}/app:cache,mode=max", "type=gha"]
//! +  cache-from = ["type=registry,ref=${REGISTRY}/app:cache-web", "type=gha"]
//! +  cache-to   = ["type=registry,ref=${REGISTRY}/app:cache-web,mode=max", "type=gha"]
//!  }
//!
//!  target "worker" {
//!    target     = "worker"
//! -  cache-from = ["type=registry,ref=${REGISTRY}/app:cache"]
//! -  cache-to   = ["type=registry,ref=${REGISTRY}/app:cache,mode=max"]
//! +  cache-from = ["type=registry,ref=${REGISTRY}/app:cache-worker"]
//! +  cache-to   = ["type=registry,ref=${REGISTRY}/app:cache-worker,mode=max"]
//!  }
//! ```
//!
//! ### The members of a matrix
//!
//! ```hcl
//! target "default" {
//!   name     = "app-${stage}"
//!   matrix   = { stage = ["web", "worker"] }
//!   target   = stage
//!   cache-to = [{ type = "gha", mode = "max" }]
//! }
//! ```
//!
//! ```text
//! docker-bake.hcl:5:15: error[cache-location-collision] 2 targets write the gha cache scope `buildkit`: `app-web`, `app-worker`
//! ```
//!
//! ```diff
//! --- a/docker-bake.hcl
//! +++ b/docker-bake.hcl
//! @@ -2,5 +2,5 @@
//!    name     = "app-${stage}"
//!    matrix   = { stage = ["web", "worker"] }
//!    target   = stage
//! -  cache-to = [{ type = "gha", mode = "max" }]
//! +  cache-to = [{ type = "gha", mode = "max", scope = "${stage}" }]
//!  }
//! ```
//!
//! ### Two names for one build
//!
//! ```hcl
//! group "default" {
//!   targets = ["web", "web-again"]
//! }
//!
//! target "web" {
//!   cache-to = ["type=gha"]
//! }
//!
//! target "web-again" {
//!   inherits = ["web"]
//!   tags     = ["shop:again"]
//! }
//! ```
//!
//! ### A smoke test before the build for all platforms, and two jobs for two platforms
//!
//! ```dockerfile
//! FROM scratch
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on: push
//! jobs:
//!   image:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//!         with:
//!           platforms: linux/amd64
//!           load: true
//!           cache-to: type=gha,scope=image
//!       - uses: docker/build-push-action@v6
//!         with:
//!           platforms: linux/amd64,linux/arm64
//!           push: true
//!           cache-to: type=gha,scope=image
//!   one:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - name: Build for amd64
//!         uses: docker/build-push-action@v6
//!         with:
//!           platforms: linux/amd64
//!           cache-to: type=gha
//!   other:
//!     runs-on: ubuntu-24.04-arm
//!     steps:
//!       - name: Build for arm64
//!         uses: docker/build-push-action@v6
//!         with:
//!           platforms: linux/arm64
//!           cache-to: type=gha
//! ```
//!
//! ```text
//! .github/workflows/ci.yml:23:21: error[cache-location-collision] 2 builds write the gha cache scope `buildkit`: `Build for amd64`, `Build for arm64`
//! ```
//!
//! ### A smoke test before the build for platforms that are an input
//!
//! ```dockerfile
//! FROM scratch
//! ```
//!
//! ```yaml .github/workflows/ci.yml
//! on:
//!   workflow_dispatch:
//!     inputs:
//!       platforms:
//!         default: linux/amd64,linux/arm64
//! jobs:
//!   image:
//!     runs-on: ubuntu-latest
//!     steps:
//!       - uses: docker/build-push-action@v6
//!         with:
//!           platforms: linux/amd64
//!           load: true
//!           cache-to: type=gha,scope=image
//!       - uses: docker/build-push-action@v6
//!         with:
//!           platforms: ${{ inputs.platforms }}
//!           push: true
//!           cache-to: type=gha,scope=image
//! ```
//!
//! ### Targets that are built one at a time
//!
//! ```hcl
//! target "web" {
//!   target   = "web"
//!   cache-to = ["type=local,dest=/tmp/cache"]
//! }
//!
//! target "worker" {
//!   target   = "worker"
//!   cache-to = ["type=local,dest=/tmp/cache"]
//! }
//! ```
//!
//! ```text
//! docker-bake.hcl:3:15: error[cache-location-collision] 2 targets write the cache folder `/tmp/cache`: `web`, `worker`
//! ```
//!
//! ```diff
//! --- a/docker-bake.hcl
//! +++ b/docker-bake.hcl
//! @@ -1,9 +1,9 @@
//!  target "web" {
//!    target   = "web"
//! -  cache-to = ["type=local,dest=/tmp/cache"]
//! +  cache-to = ["type=local,dest=/tmp/cache-web"]
//!  }
//!
//!  target "worker" {
//!    target   = "worker"
//! -  cache-to = ["type=local,dest=/tmp/cache"]
//! +  cache-to = ["type=local,dest=/tmp/cache-worker"]
//!  }
//! ```

use std::collections::{BTreeMap, BTreeSet};

use bakelint_core::prelude::*;

/// No options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {}

impl Check for Rule {
    const META: Meta =
        Meta { id: "cache-location-collision", severity: Severity::Error, fix: Some(Safety::Safe), ..Meta::DEFAULT };

    fn check(&self, project: &Project, found: &mut Findings) {
        let mut groups: BTreeMap<(Run, String), Vec<Writer<'_>>> = BTreeMap::new();
        for build in &project.builds {
            let run = match (&build.caller, &build.maker) {
                (Some(caller), _) => Run::Workflow(caller.step.workflow),
                (None, Maker::Target { bake, .. }) => Run::Definition(*bake),
                _ => continue,
            };
            for entry in build.cache_to.iter().filter(|entry| !project.is_gha_hidden(build, entry)) {
                let Some(location) = entry.cache_location().filter(CacheLocation::is_fixed_in_run) else { continue };
                let writer = Writer { build, entry, location };
                groups.entry((run, writer.location.to_string())).or_default().push(writer);
            }
        }
        let mut reported: BTreeSet<(String, Vec<Span>)> = BTreeSet::new();
        for ((run, location), writers) in &groups {
            let mut distinct = distinct(writers);
            if matches!(run, Run::Definition(_)) {
                // Commands that people type build one target after the other.
                let mut names = BTreeSet::new();
                distinct.retain(|writer| names.insert(&writer.build.name));
            }
            if distinct.len() < 2 {
                continue;
            }
            let spans: BTreeSet<Span> = distinct.iter().map(|writer| writer.entry.span).collect();
            let spans: Vec<Span> = spans.into_iter().collect();
            let Some((first, others)) = spans.split_first() else { continue };
            if !reported.insert((location.clone(), spans.clone())) {
                continue;
            }
            let noun = match distinct.iter().all(|writer| matches!(writer.build.maker, Maker::Target { .. })) {
                true => "targets",
                false => "builds",
            };
            let mut names: Vec<String> = distinct.iter().map(|writer| format!("`{}`", writer.build.name)).collect();
            names.dedup();
            let count = distinct.len();
            let message = match names.as_slice() {
                // The legs of a matrix, or a target that is called twice.
                [name] => format!("{count} different builds of {name} write {location}"),
                names if names.len() > 6 => format!("{count} {noun} write {location}: {}, …", names[..5].join(", ")),
                names => format!("{count} {noun} write {location}: {}", names.join(", ")),
            };
            let diagnostic = found.add(*first, message);
            let confidence = confidence(project, *run, &distinct);
            diagnostic.confidence(confidence);
            diagnostic.help("each export replaces the others, so the next run finds the cache of one of them only");
            for span in others {
                diagnostic.label(*span, "written here too");
            }
            let mut places = BTreeSet::new();
            for writer in distinct.iter().filter(|writer| others.is_empty() && places.insert(writer.build.span)).take(4)
            {
                diagnostic.label(writer.build.span, format!("`{}` writes it", writer.build.name));
            }
            if let Some(mut fix) = fix(project, writers, &distinct) {
                // Whether builds that no one command makes are wanted in one place is for a person to say.
                fix.safety = if confidence == Confidence::High { Safety::Safe } else { Safety::Unsafe };
                diagnostic.fix(fix);
            }
        }
    }
}

/// What may be built together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Run {
    Workflow(usize),
    Definition(usize),
}

/// A build that exports to a location.
#[derive(Debug, Clone)]
struct Writer<'p> {
    build: &'p Build,
    entry: &'p OptionList,
    location: CacheLocation,
}

impl Writer<'_> {
    /// What it builds: writers that are equal in this write the same layers.
    fn what(&self) -> String {
        format!("{} {:?}", self.build.recipe(), self.platforms())
    }

    fn platforms(&self) -> BTreeSet<&String> {
        self.build.platforms.iter().filter_map(|platform| platform.eval.known()).collect()
    }

    /// Whether this is a later step of the same job that builds the same for more platforms, as after a smoke test: its
    /// export has all that the other one's had.
    fn covers(&self, other: &Writer<'_>) -> bool {
        let (Some(own), Some(before)) = (&self.build.caller, &other.build.caller) else { return false };
        let later = own.step.workflow == before.step.workflow
            && own.step.job == before.step.job
            && own.leg == before.leg
            && own.step.step > before.step.step;
        let known = |build: &Build| build.platforms.iter().all(|platform| platform.eval.known().is_some());
        // Platforms that an input gives may well be those of the smoke test and more.
        let more = !known(self.build) || other.platforms().is_subset(&self.platforms());
        later && self.build.recipe() == other.build.recipe() && more
    }
}

/// One writer for each thing that is built.
fn distinct<'p>(writers: &[Writer<'p>]) -> Vec<Writer<'p>> {
    let mut seen = BTreeSet::new();
    let mut names = BTreeSet::new();
    let covered = |writer: &Writer<'_>| writers.iter().any(|later| later.covers(writer));
    let first = writers.iter().filter(|writer| !covered(writer) && seen.insert(writer.what()));
    let mut kept: Vec<Writer<'p>> = first.cloned().collect();
    // Two calls of one target with different values are two builds, but one name says it.
    let several_names = kept.iter().map(|writer| &writer.build.name).collect::<BTreeSet<_>>().len() > 1;
    if several_names {
        kept.retain(|writer| names.insert(writer.build.name.clone()));
    }
    kept
}

/// High when one command makes several of the writers, Low when conditions may keep them apart.
fn confidence(project: &Project, run: Run, distinct: &[Writer<'_>]) -> Confidence {
    match run {
        Run::Definition(bake) => {
            let Some(bake) = project.bakes.get(bake) else { return Confidence::Low };
            let (members, _) = bake.evaluation.members("default");
            match distinct.iter().filter(|writer| members.contains(&writer.build.name)).count() {
                0 | 1 => Confidence::Medium,
                _ => Confidence::High,
            }
        }
        Run::Workflow(_) => {
            let callers: Vec<&Caller> = distinct.iter().filter_map(|writer| writer.build.caller.as_ref()).collect();
            let calls: BTreeSet<_> = callers.iter().map(|caller| (caller.step, caller.call, &caller.leg)).collect();
            if calls.len() < callers.len() {
                return Confidence::High;
            }
            let conditional = callers.iter().any(|caller| {
                project
                    .step(caller.step)
                    .is_none_or(|(_, job, step)| job.condition.is_some() || step.condition.is_some())
            });
            if conditional { Confidence::Low } else { Confidence::Medium }
        }
    }
}

/// Gives each writer a location of its own, where all of it is written as literal text in one HCL definition.
fn fix(project: &Project, writers: &[Writer<'_>], distinct: &[Writer<'_>]) -> Option<Fix> {
    let Maker::Target { bake, .. } = &distinct.first()?.build.maker else { return None };
    let same = |writer: &Writer<'_>| matches!(&writer.build.maker, Maker::Target { bake: other, .. } if other == bake);
    if !writers.iter().all(same) {
        return None;
    }
    let bake = project.bakes.get(*bake)?;
    let spans: BTreeSet<Span> = distinct.iter().map(|writer| writer.entry.span).collect();
    let mut edits = BTreeMap::new();
    for span in &spans {
        let here: Vec<&Writer<'_>> = distinct.iter().filter(|writer| writer.entry.span == *span).collect();
        let owner = bake.definition.targets().find(|target| {
            target.block.body.attribute("cache-to").is_some_and(|attribute| attribute.value.span.contains(*span))
        })?;
        if owner.block.body.json {
            return None;
        }
        let own = here.iter().find(|writer| writer.build.name == owner.name());
        if let Some(suffix) = matrix_suffix(&owner) {
            if here.iter().any(|writer| bake.target_span(&writer.build.name).is_some()) {
                return None;
            }
            rename_in_place(project, bake, &owner, here.first()?, &suffix, &mut edits)?;
        } else if let Some(own) = own {
            if spans.len() > 1 {
                rename_in_place(project, bake, &owner, own, owner.name(), &mut edits)?;
            }
            for writer in here.iter().filter(|writer| writer.build.name != owner.name()) {
                give_own(project, bake, &owner, writer, &mut edits)?;
            }
        } else {
            let all: BTreeSet<&str> =
                project.builds.iter().filter(|build| uses(build, &owner)).map(|b| &*b.name).collect();
            let handled: BTreeSet<&str> = here.iter().map(|writer| &*writer.build.name).collect();
            if all != handled {
                return None;
            }
            for writer in &here {
                give_own(project, bake, &owner, writer, &mut edits)?;
            }
            for name in ["cache-from", "cache-to"] {
                if let Some(attribute) = owner.block.body.attribute(name) {
                    let line = project.whole_lines(attribute.span)?;
                    edits.insert(line, Edit::delete(line));
                }
            }
        }
    }
    if edits.is_empty() {
        return None;
    }
    let title = "Give each target a cache location of its own";
    Some(Fix::safe(title, edits.into_values().collect()).rebuilds_once())
}

/// Whether a build takes cache entries from this block.
fn uses(build: &Build, owner: &Declared<'_>) -> bool {
    build.cache_from.iter().chain(&build.cache_to).any(|entry| owner.block.span.contains(entry.span))
}

/// What tells the members of a matrix apart, as a template: `${stage}-${version}`.
fn matrix_suffix(owner: &Declared<'_>) -> Option<String> {
    let hcl::ExprKind::Object(object) = &owner.attribute("matrix")?.kind else { return None };
    let mut parts = Vec::new();
    for entry in &object.entries {
        let hcl::ExprKind::Tuple(values) = &entry.value.kind else { return None };
        let plain = |element: &hcl::Element| {
            let text = element.value.literal();
            text.is_some_and(|text| text.value.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)))
        };
        if !values.elements.iter().all(plain) {
            return None;
        }
        parts.push(format!("${{{}}}", entry.name()?));
    }
    Some(parts.join("-"))
}

type Edits = BTreeMap<Span, Edit>;

/// Changes the entries of the owner itself.
fn rename_in_place(
    project: &Project,
    bake: &Bake,
    owner: &Declared<'_>,
    writer: &Writer<'_>,
    suffix: &str,
    edits: &mut Edits,
) -> Option<()> {
    for entry in writer.build.cache_from.iter().chain(&writer.build.cache_to) {
        let here = owner.block.span.contains(entry.span);
        if here && entry.cache_location().as_ref() == Some(&writer.location) {
            let text = renamed(project, bake, entry.span, &writer.location, suffix)?;
            edits.insert(entry.span, Edit::replace(entry.span, text));
        }
    }
    Some(())
}

/// Writes the owner's cache entries, renamed, into the block of a target that inherits them.
fn give_own(
    project: &Project,
    bake: &Bake,
    owner: &Declared<'_>,
    writer: &Writer<'_>,
    edits: &mut Edits,
) -> Option<()> {
    let name = writer.build.name.as_str();
    let mut blocks = bake.definition.targets().filter(|target| target.name() == name);
    let block = blocks.next()?;
    if blocks.next().is_some() || block.block.body.json {
        return None;
    }
    let inherits = block.block.body.attribute("inherits")?;
    let line = project.whole_lines(inherits.span)?;
    let source = project.snapshot.get(line.file)?;
    let indent = &source.text()[line.start as usize..inherits.span.start as usize];
    let ending = if source.slice(line).ends_with("\r\n") { "\r\n" } else { "\n" };
    let width = inherits.equals.start.saturating_sub(inherits.name.span.start + 1) as usize;
    let mut text = String::new();
    for attribute in ["cache-from", "cache-to"] {
        let Some(from) = owner.block.body.attribute(attribute) else { continue };
        if block.block.body.attribute(attribute).is_some() {
            return None;
        }
        let list = from.value.span;
        let mut value = project.snapshot.get(list.file)?.slice(list).to_owned();
        let entries = if attribute == "cache-to" { &writer.build.cache_to } else { &writer.build.cache_from };
        let mut shared: Vec<Span> = Vec::new();
        for entry in entries.iter().filter(|entry| list.contains(entry.span)) {
            if entry.cache_location().as_ref() == Some(&writer.location) {
                shared.push(entry.span);
            }
        }
        shared.sort_unstable();
        for span in shared.into_iter().rev() {
            let new = renamed(project, bake, span, &writer.location, name)?;
            let start = (span.start - list.start) as usize;
            value.replace_range(start..start + span.len(), &new);
        }
        text.push_str(&format!("{indent}{attribute:width$} = {value}{ending}"));
    }
    let place = line.after();
    edits.insert(block.block.span.before(), Edit::insert(place, text));
    Some(())
}

/// The text of an entry with another location; none unless it is literal.
fn renamed(project: &Project, bake: &Bake, span: Span, location: &CacheLocation, suffix: &str) -> Option<String> {
    let raw = project.snapshot.get(span.file)?.slice(span);
    if raw.starts_with('{') {
        return renamed_object(project, bake, span, location, suffix);
    }
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains(['"', '\\', '\n', '%']) {
        return None;
    }
    let fields: Vec<&str> = inner.split(',').collect();
    let whole = |field: &str| field.matches('{').count() == field.matches('}').count();
    if !fields.iter().all(|field| whole(field)) {
        return None;
    }
    let bare = !inner.contains('=') && fields.len() == 1;
    let mut written = false;
    let mut new: Vec<String> = Vec::new();
    for field in fields {
        let key = field.split_once('=').map(|(key, _)| key.trim());
        if bare || key.is_some_and(|key| location.options().contains(&key)) {
            written = true;
            new.push(with_suffix(field, location, suffix)?);
        } else {
            new.push(field.to_owned());
        }
    }
    match (written, location) {
        (true, _) => {}
        (false, CacheLocation::Gha(_)) => new.push(format!("scope={suffix}")),
        (false, _) => return None,
    }
    Some(format!("\"{}\"", new.join(",")))
}

fn with_suffix(text: &str, location: &CacheLocation, suffix: &str) -> Option<String> {
    let last = text.rsplit('/').next().unwrap_or(text);
    match location {
        CacheLocation::Registry(_) if text.contains('@') => None,
        CacheLocation::Registry(_) if !last.contains(':') => match last.contains("${") {
            true => None,
            false => Some(format!("{text}:{suffix}")),
        },
        _ => Some(format!("{text}-{suffix}")),
    }
}

fn renamed_object(
    project: &Project,
    bake: &Bake,
    span: Span,
    location: &CacheLocation,
    suffix: &str,
) -> Option<String> {
    let source = project.snapshot.get(span.file)?;
    let attributes = bake.definition.targets().flat_map(|target| target.attributes());
    let elements = attributes.filter_map(|attribute| match &attribute.value.kind {
        hcl::ExprKind::Tuple(tuple) => Some(&tuple.elements),
        _ => None,
    });
    let object = elements.flatten().find_map(|element| match &element.value.kind {
        hcl::ExprKind::Object(object) if element.value.span == span => Some(object),
        _ => None,
    })?;
    let mut text = source.slice(span).to_owned();
    let named = object.entries.iter().find(|entry| entry.name().is_some_and(|name| location.options().contains(&name)));
    match (named, location) {
        (Some(entry), _) => {
            entry.value.literal()?;
            let old = source.slice(entry.value.span).strip_prefix('"')?.strip_suffix('"')?;
            let new = with_suffix(old, location, suffix)?;
            let start = (entry.value.span.start - span.start) as usize;
            text.replace_range(start..start + entry.value.span.len(), &format!("\"{new}\""));
        }
        (None, CacheLocation::Gha(_)) => {
            let last = object.entries.last()?;
            let at = (last.value.span.end - span.start) as usize;
            text.insert_str(at, &format!(", scope = \"{suffix}\""));
        }
        (None, _) => return None,
    }
    Some(text)
}
