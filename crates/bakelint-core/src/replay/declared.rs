//! What a project says about its own builds: which job makes them, on which builder, and where their caches lie.

use super::run::Call;
use super::store::{Builder, Caches, Location, Mode};
use crate::bake::{CacheOption, Target};
use crate::facts::caches::CacheLocation;
use crate::model::Project;
use crate::model::build::{Build, Entry, Maker};
use crate::model::settings::Runner;
use crate::model::value::{Text, TextPart};
use crate::model::workflow::Workflow;
use crate::source::{FileId, Span};
use crate::syntax::dockerignore::clean;
use std::collections::BTreeMap;

/// Builds that one step of a workflow makes by one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredCall {
    /// Names of the builds with where their caches come from and go to.
    pub builds: Vec<(String, Caches)>,
    /// The builder: one for each job, unless the runner stays.
    pub builder: Builder,
    /// Whether the caches are not all known: another action or the environment gives some of them.
    pub open: bool,
}

impl DeclaredCall {
    /// The call with the builds by their place in a graph; those that are not in it are left out.
    pub(super) fn of(&self, place: impl Fn(&String) -> Option<usize>) -> Call {
        let builds = self.builds.iter().filter_map(|(name, caches)| Some((place(name)?, caches.clone())));
        Call { builds: builds.collect(), builder: self.builder }
    }
}

/// Which of a project's builds are meant.
#[derive(Debug, Clone, Copy)]
pub enum Wanted<'w> {
    /// The targets of the bake definitions of a folder.
    Targets {
        /// The folder, relative to the root of the project.
        folder: &'w str,
    },
    /// One Dockerfile.
    Dockerfile {
        /// Its path, relative to the root of the project.
        path: &'w str,
        /// The name that its build has.
        name: &'w str,
    },
}

/// A job of a workflow in one leg of its matrix: the workflow, the job, the values of the matrix.
type JobLeg = (usize, usize, BTreeMap<String, String>);

/// The calls of workflows that run for each push or pull request.
pub fn calls(project: &Project, wanted: Wanted<'_>) -> Vec<DeclaredCall> {
    let mut calls: BTreeMap<(JobLeg, usize, usize), DeclaredCall> = BTreeMap::new();
    let mut builders: Vec<JobLeg> = Vec::new();
    for build in &project.builds {
        let (Some(caller), Some(name)) = (&build.caller, name(project, build, wanted)) else { continue };
        let Some((workflow, job, _)) = project.step(caller.step) else { continue };
        if !runs_often(workflow) {
            continue;
        }
        let label = |label: &str| label.eq_ignore_ascii_case("self-hosted");
        let labels = job.runs_on.iter().flat_map(|runs_on| &runs_on.labels);
        let persistent =
            project.settings.runner == Runner::Persistent || labels.filter_map(|text| text.known()).any(label);
        // Each leg of a matrix has a runner of its own.
        let place = (caller.step.workflow, caller.step.job, caller.leg.clone());
        let number = match builders.iter().position(|other| *other == place) {
            Some(at) => at,
            None => {
                builders.push(place.clone());
                builders.len() - 1
            }
        };
        // All jobs of a runner that stays are taken to find the same builder.
        let builder = Builder { number: if persistent { 0 } else { number + 1 }, persistent };
        let key = (place, caller.step.step, caller.call);
        let call = calls.entry(key).or_insert(DeclaredCall { builds: Vec::new(), builder, open: false });
        call.open |= !build.cache_known;
        if !call.builds.iter().any(|(other, _)| *other == name) {
            call.builds.push((name, caches_of_build(build)));
        }
    }
    calls.into_values().collect()
}

/// Whether the workflow starts on pushes to branches or on pull requests, or by what other workflows do.
fn runs_often(workflow: &Workflow) -> bool {
    workflow.triggers.iter().any(|trigger| match trigger.event.node.as_str() {
        "push" => trigger.branches.is_some() || trigger.branches_ignore.is_some() || trigger.tags.is_none(),
        "pull_request" | "pull_request_target" | "merge_group" | "workflow_call" | "workflow_run" => true,
        _ => false,
    })
}

/// The name that a replay has for a build, if it is one of those that are wanted.
fn name(project: &Project, build: &Build, wanted: Wanted<'_>) -> Option<String> {
    match wanted {
        Wanted::Targets { folder } => match &build.maker {
            Maker::Target { bake, name } if project.bakes.get(*bake)?.folder == folder => Some(name.clone()),
            _ => None,
        },
        Wanted::Dockerfile { path, name } => {
            let found = build.dockerfile_path.as_ref()?.eval.known()?;
            (found == path).then(|| name.to_owned())
        }
    }
}

/// Where the caches of a build come from and go to.
pub fn caches_of_build(build: &Build) -> Caches {
    let mode = |entry: &Entry| mode(entry.get("mode").and_then(|mode| mode.as_known()));
    let mut caches = Caches::default();
    for entry in &build.cache_from {
        caches.imports.extend(entry.cache_location().as_ref().and_then(location));
    }
    for entry in &build.cache_to {
        if entry.is("inline") {
            let tags = build.tags.iter().filter_map(|(tag, _)| name_of(tag));
            caches.exports.extend(tags.map(|tag| (registry(&tag), Mode::Min)));
        } else {
            let found = entry.cache_location().as_ref().and_then(location);
            caches.exports.extend(found.map(|location| (location, mode(entry))));
        }
    }
    caches
}

/// Where the caches of a resolved bake target come from and go to.
pub fn caches_of_target(target: &Target) -> Caches {
    let nowhere = Span::at(FileId(0), 0);
    let entry = |option: &CacheOption| {
        let mut entry = Entry::parse(&Text::known(format!("type={}", option.kind)), nowhere);
        let options = option.attributes.iter().map(|(name, value)| (name.clone(), Text::known(value.clone())));
        entry.options.extend(options);
        entry
    };
    let mut build = Build::new(Maker::Step, "", nowhere);
    build.cache_from = target.cache_from.iter().flatten().map(|set| entry(&set.value)).collect();
    build.cache_to = target.cache_to.iter().flatten().map(|set| entry(&set.value)).collect();
    build.tags = target.tags.iter().flatten().map(|set| (Text::known(set.value.clone()), nowhere)).collect();
    caches_of_build(&build)
}

fn mode(word: Option<&str>) -> Mode {
    if word == Some("max") { Mode::Max } else { Mode::Min }
}

fn registry(reference: &str) -> Location {
    Location::shared(format!("registry {reference}"))
}

/// A cache location as a store knows it; `None` for one that no other run can name.
fn location(location: &CacheLocation) -> Option<Location> {
    Some(match location {
        CacheLocation::Gha(scope) => Location::restricted(format!("gha {}", name_of(scope)?)),
        CacheLocation::Registry(reference) => registry(&name_of(reference)?),
        CacheLocation::Local(folder, tag) => {
            let folder = clean(&name_of(folder)?);
            // The folder is written under another name and moved to where it is read, so that it does not grow:
            // https://docs.docker.com/build/ci/github-actions/cache/#local-cache
            let folder = folder.strip_suffix("-new").unwrap_or(&folder).to_owned();
            Location::shared(format!("local {folder} {}", name_of(tag)?))
        }
        CacheLocation::S3(bucket, prefix, name) => {
            Location::shared(format!("s3 {} {} {}", name_of(bucket)?, name_of(prefix)?, name_of(name)?))
        }
        CacheLocation::Azblob(container, name) => {
            Location::shared(format!("azblob {} {}", name_of(container)?, name_of(name)?))
        }
    })
}

/// A name with what depends on the branch left open; `None` if it is another one at each run.
fn name_of(text: &Text) -> Option<String> {
    let mut name = String::new();
    for part in text.parts() {
        match part {
            TextPart::Known(text) => name.push_str(text),
            TextPart::Unknown(words) => {
                let says = |word: &&str| words.contains(*word);
                if ["github.sha", "github.run_", "GITHUB_SHA", "GITHUB_RUN_", "head.sha"].iter().any(says) {
                    return None;
                }
                let branch = ["github.ref", "github.head_ref", "GITHUB_REF", "GITHUB_HEAD_REF", "head.ref"];
                match branch.iter().any(says) {
                    true => name.push(Location::BRANCH),
                    false => name.push_str(&format!("${{{words}}}")),
                }
            }
        }
    }
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::settings::Settings;
    use crate::snapshot::Snapshot;

    fn project(workflow: &str) -> Project {
        let bake = "target \"web\" {\n  tags = [\"shop/web\"]\n}\ntarget \"worker\" {}\n";
        let files =
            [("docker-bake.hcl", bake), ("Dockerfile", "FROM alpine\n"), (".github/workflows/ci.yml", workflow)];
        Project::new(Snapshot::from_texts(files), Settings::default())
    }

    fn steps(on: &str, runner: &str, steps: &str) -> String {
        let steps: String = steps.lines().map(|line| format!("      {line}\n")).collect();
        format!("on: {on}\njobs:\n  images:\n    runs-on: {runner}\n    steps:\n{steps}")
    }

    const BAKE: &str = "- uses: docker/bake-action@v6\n  with:\n    targets: web,worker\n    set: |\n      *.cache-from=type=gha\n      *.cache-to=type=gha,mode=max\n";

    #[test]
    fn a_bake_step_is_one_call_with_the_caches_of_its_overrides() {
        let project = project(&steps("push", "ubuntu-latest", BAKE));
        let found = calls(&project, Wanted::Targets { folder: "" });
        let gha = Caches::both(Location::restricted("gha buildkit"), Mode::Max);
        let builds = vec![("web".to_owned(), gha.clone()), ("worker".to_owned(), gha)];
        let builder = Builder { number: 1, persistent: false };
        assert_eq!(found, [DeclaredCall { builds, builder, open: false }]);
        assert_eq!(calls(&project, Wanted::Dockerfile { path: "other/Dockerfile", name: "x" }), []);
    }

    #[test]
    fn what_runs_seldom_does_not_count_and_own_runners_stay() {
        for on in ["schedule", "workflow_dispatch", "{push: {tags: ['v*']}}"] {
            let project = project(&steps(on, "ubuntu-latest", BAKE));
            assert_eq!(calls(&project, Wanted::Targets { folder: "" }), [], "{on}");
        }
        let project = project(&steps("pull_request", "[self-hosted, linux]", BAKE));
        let found = calls(&project, Wanted::Targets { folder: "" });
        assert_eq!(found.iter().map(|call| call.builder.persistent).collect::<Vec<_>>(), [true]);
    }

    #[test]
    fn entries_name_places_of_one_branch_or_of_all() {
        let branch = format!("registry shop:{}", Location::BRANCH);
        let cases = [
            ("type=registry,ref=shop:cache", Some((Location::shared("registry shop:cache"), Mode::Min))),
            ("type=registry,ref=shop:${{ github.ref_name }},mode=max", Some((Location::shared(branch), Mode::Max))),
            ("type=registry,ref=shop:${{ github.sha }}", None),
            ("type=gha,scope=web", Some((Location::restricted("gha web"), Mode::Min))),
            ("type=local,dest=/tmp/cache-new,mode=max", Some((Location::shared("local /tmp/cache latest"), Mode::Max))),
            ("type=inline", Some((Location::shared("registry shop/app"), Mode::Min))),
        ];
        for (entry, expected) in cases {
            let step = format!(
                "- uses: docker/build-push-action@v6\n  with:\n    tags: shop/app\n    cache-to: {entry}\n    push: true"
            );
            let project = project(&steps("push", "ubuntu-latest", &step));
            let found = calls(&project, Wanted::Dockerfile { path: "Dockerfile", name: "Dockerfile" });
            let exports: Vec<_> = found.iter().flat_map(|call| &call.builds).flat_map(|(_, c)| &c.exports).collect();
            assert_eq!(exports, expected.iter().collect::<Vec<_>>(), "{entry}");
        }
    }
}
