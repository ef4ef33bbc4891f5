//! How often each step of each build is rebuilt, and why, from the git history alone.
//!
//! BuildKit decides about a cache hit by a key: a digest of the operation, of the keys of what it works on, and of the
//! content of the files that it selects. All but what commands write is in the repository. So the keys of past commits can
//! be computed without building anything, and held against a model of where results survive:
//!
//! ```text
//! history -> definitions -> convert -> graph   what would be built at a commit
//!         -> tree, content, keys               the files that it selects, and what follows from them
//!      declared      -> run, store             what is executed, where, and what is kept
//!                           -> simulate        commit by commit, with causes and cost
//! logs -> durations
//! ```
//!
//! One thing cannot be known without building: a command that is executed again may write the same bytes, and then a
//! `COPY --from` of them is a hit. Where `effects` tell what a stage holds, it is known all the same: of files that were
//! copied into it, and of what a few well-known programs make of them. All other such steps are told as rebuilt.

mod causes;
mod commands;
pub mod content;
pub mod convert;
mod cost;
pub mod declared;
pub mod definitions;
pub mod durations;
pub mod effects;
pub mod findings;
mod glob;
pub mod graph;
pub mod history;
pub mod keys;
pub mod logs;
pub mod outcome;
mod rootfs;
pub mod run;
pub mod simulate;
pub mod stats;
pub mod store;
pub mod tree;

use content::{Content, Overlay};
use declared::{DeclaredCall, Wanted};
use durations::Durations;
use history::{Commit, HistoryError, Range, Repository};
use outcome::{CommitTime, Replay};
use simulate::{Options, Simulator, uncertain_content};
use stats::{Estimate, mean_difference};
use std::collections::HashMap;
use store::{Caches, StoreKind};

use crate::model::Project;
use crate::model::settings::Settings;
use crate::snapshot::{FileKind, Snapshot};

/// A replay with the commits that it is about.
#[derive(Debug, Clone)]
pub struct History {
    /// The commits in the order in which they are built.
    pub commits: Vec<Commit>,
    /// What was found.
    pub replay: Replay,
}

/// Which commits are built.
#[derive(Debug, Clone, Copy)]
pub struct Commits<'c> {
    /// Where the history ends.
    pub tip: &'c str,
    /// How far it goes back.
    pub range: Range,
    /// Whether the commits of branches that were merged are built too, as pull requests do.
    pub branches: bool,
}

impl Commits<'_> {
    fn of(&self, repository: &Repository) -> Result<Vec<Commit>, HistoryError> {
        match self.branches {
            true => repository.commits_of_branches(self.tip, self.range),
            false => repository.commits(self.tip, self.range),
        }
    }
}

/// Replays the builds of a branch's commits.
///
/// `progress` is told after each commit how many of how many are done.
///
/// # Errors
///
/// The history cannot be read. What is wrong with a commit's definitions is told in [`Replay::failures`].
pub fn replay(
    repository: &Repository,
    commits: Commits<'_>,
    options: Options,
    durations: Durations,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<History, HistoryError> {
    let (history, _) = what_if(repository, commits, options, durations, &[], progress)?;
    Ok(history)
}

/// What a change of files would have saved on the same commits.
#[derive(Debug, Clone)]
pub struct WhatIf {
    /// The replay with the change.
    pub after: Replay,
    /// Executed steps per commit that are saved.
    pub steps: Option<Estimate>,
    /// Seconds per commit that are saved on the longest path; `None` without the times of steps.
    pub seconds: Option<Estimate>,
    /// The first run after the change is merged, which rebuilds what the change touches.
    pub first_run: CommitTime,
    /// After how many further runs the first one is paid for; `None` if it never is, or without times.
    pub pays_back_after: Option<f64>,
}

/// A change whose effect is asked for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Change {
    /// Files that stand in for those of the commits.
    pub files: Overlay,
    /// The calls that workflows make with the change, where those are others.
    pub calls: Option<Vec<DeclaredCall>>,
}

impl Change {
    fn apply(&self, options: &Options) -> Options {
        let mut options = options.clone();
        options.overlay.extend(self.files.clone());
        options.calls = self.calls.clone().unwrap_or(options.calls);
        options
    }
}

/// Replays the same commits without and with each of several changes. With any change, all builds have the definitions
/// of the newest commit. The files of a commit are read once for all.
///
/// # Errors
///
/// The history cannot be read.
pub fn what_if(
    repository: &Repository,
    commits: Commits<'_>,
    options: Options,
    durations: Durations,
    changes: &[Change],
    progress: &mut dyn FnMut(usize, usize),
) -> Result<(History, Vec<WhatIf>), HistoryError> {
    let commits = commits.of(repository)?;
    let newest = commits.last().ok_or(HistoryError::NoCommits)?;
    let fixed_definitions = options.fixed_definitions || !changes.is_empty();
    let options = Options { fixed_definitions, ..options };
    let mut content = Content::new(repository.objects()?);
    let changed = changes.iter().map(|change| change.apply(&options));
    let mut simulators: Vec<Simulator> = [options.clone()]
        .into_iter()
        .chain(changed)
        .map(|options| {
            let mut simulator = Simulator::new(options, durations.clone());
            simulator.fix_definitions(newest);
            simulator
        })
        .collect();
    let last_of: HashMap<u32, usize> =
        commits.iter().enumerate().filter_map(|(at, commit)| Some((commit.branch?, at))).collect();
    for (number, commit) in commits.iter().enumerate() {
        content.trim();
        for simulator in &mut simulators {
            simulator.commit(&mut content, commit)?;
            if let Some(branch) = commit.branch.filter(|branch| last_of.get(branch) == Some(&number)) {
                simulator.close(branch);
            }
        }
        progress(number + 1, commits.len());
    }
    let mut simulators = simulators.into_iter();
    let Some(before) = simulators.next() else { return Err(HistoryError::NoCommits) };
    let mut first_runs = Vec::with_capacity(changes.len());
    for change in changes {
        first_runs.push(before.first_run_with(&mut content, newest, change.apply(&options))?);
    }
    let notes = uncertain_content(&mut content, newest.tree)?;
    let mut replay = before.finish();
    let answers = simulators.zip(first_runs).map(|(simulator, first_run)| {
        let after = simulator.finish();
        compare(&replay, after, first_run, !durations.is_empty())
    });
    let answers = answers.collect();
    if repository.is_shallow() {
        let text =
            "the clone is shallow: only the commits that are there count (`git fetch --unshallow` gets the others)";
        replay.notes.push(text.to_owned());
    }
    replay.notes.extend(notes);
    Ok((History { commits, replay }, answers))
}

/// What a change saves, by what each commit costs without and with it.
fn compare(before: &Replay, after: Replay, first_run: CommitTime, timed: bool) -> WhatIf {
    // The first commit is cold with and without the change.
    let pairs = || before.times.iter().zip(&after.times).skip(1);
    let steps: Vec<f64> = pairs().map(|(b, a)| b.executed as f64 - a.executed as f64).collect();
    let seconds: Vec<f64> = pairs().map(|(b, a)| b.longest_path - a.longest_path).collect();
    let seconds = if timed { mean_difference(&seconds) } else { None };
    let pays_back_after = seconds.filter(|saved| saved.value > 0.0).map(|saved| first_run.longest_path / saved.value);
    WhatIf { steps: mean_difference(&steps), after, seconds, first_run, pays_back_after }
}

/// What the newest commit says about its own builds.
#[derive(Debug, Clone, Default)]
pub struct Declared {
    /// The calls that workflows make for the builds.
    pub calls: Vec<DeclaredCall>,
    /// Where the caches of the builds come from and go to, as the bake files alone say it.
    pub caches: Vec<(String, Caches)>,
    /// The builds that are asked for.
    pub requested: Vec<String>,
}

impl Declared {
    /// Lets what the project says decide where builds run and what survives. What a reader should know about it, in
    /// sentences.
    pub fn apply(self, options: &mut Options) -> Vec<String> {
        let Declared { calls, caches, requested } = self;
        let mut notes = Vec::new();
        let calls = requested_of(calls, &requested);
        options.store = StoreKind::Declared;
        let called = |name: &String| calls.iter().flat_map(|call| &call.builds).any(|(other, _)| other == name);
        let cached = |name: &String| caches.iter().any(|(other, caches)| other == name && !caches.is_empty());
        match requested.iter().filter(|name| !called(name) && !cached(name)).count() {
            0 => {}
            all if all == requested.len() => notes.push(
                "no workflow makes the builds and none has a cache, so one builder that keeps everything is assumed (--store says \
                 otherwise)"
                    .to_owned(),
            ),
            some => notes.push(format!(
                "{some} of {} builds are made by no workflow and have no cache: one builder that keeps everything is assumed for \
                 them",
                requested.len()
            )),
        }
        if calls.iter().any(|call| call.open) {
            notes.push("some cache options of the workflows do not follow from the files and are left out".to_owned());
        }
        let cold =
            |call: &DeclaredCall| !call.builder.persistent && call.builds.iter().all(|(_, caches)| caches.is_empty());
        if !calls.is_empty() && calls.iter().all(cold) {
            let text = "the workflows build on fresh runners without a cache, so every run executes everything";
            notes.push(text.to_owned());
        }
        options.calls = calls;
        if options.together && !options.calls.is_empty() {
            let mut all = options.calls.swap_remove(0);
            for (name, caches) in std::mem::take(&mut options.calls).into_iter().flat_map(|call| call.builds) {
                if !all.builds.iter().any(|(other, _)| *other == name) {
                    all.builds.push((name, caches));
                }
            }
            options.calls = vec![all];
        }
        notes
    }
}

/// What bake files and workflows of the newest commit say about where builds run and where their caches lie.
///
/// # Errors
///
/// The history cannot be read.
pub fn declared(
    repository: &Repository,
    tip: &str,
    options: &Options,
    settings: &Settings,
) -> Result<Declared, HistoryError> {
    let commits = repository.commits(tip, Range::Last(1))?;
    let newest = commits.last().ok_or(HistoryError::NoCommits)?;
    let mut content = Content::new(repository.objects()?);
    let root = match options.prefix.as_str() {
        "" => Some(newest.tree),
        prefix => content.directory(newest.tree, prefix)?,
    };
    let Some(root) = root else { return Ok(Declared::default()) };
    let id = newest.id.to_string();
    let mut definitions = definitions::Definitions::new(options.request.clone());
    let defined = definitions.at(&mut content, definitions::AtCommit { root, id: &id, number: 0 })?;
    let (caches, requested) = (defined.caches.clone(), defined.requested.clone());
    let project = Project::new(definition_files(&mut content, newest.tree)?, settings.clone());
    let dockerfile = options.request.dockerfile.clone().or_else(|| caches.is_empty().then(|| "Dockerfile".to_owned()));
    let calls = match dockerfile {
        Some(name) => {
            let path = if options.prefix.is_empty() { name.clone() } else { format!("{}/{name}", options.prefix) };
            declared::calls(&project, Wanted::Dockerfile { path: &path, name: &name })
        }
        None => declared::calls(&project, Wanted::Targets { folder: &options.prefix }),
    };
    Ok(Declared { calls, caches, requested })
}

/// The calls for what is asked for.
fn requested_of(mut calls: Vec<DeclaredCall>, requested: &[String]) -> Vec<DeclaredCall> {
    for call in &mut calls {
        call.builds.retain(|(name, _)| requested.contains(name));
    }
    calls.retain(|call| !call.builds.is_empty());
    calls
}

/// The workflows of a commit and the files that tell what they build.
fn definition_files<S: content::ObjectSource>(
    content: &mut Content<S>,
    tree: tree::Oid,
) -> Result<Snapshot, HistoryError> {
    let mut wanted = Vec::new();
    let own = |folder: &str| !["vendor", "node_modules"].contains(&folder.rsplit('/').next().unwrap_or_default());
    content.walk(tree, own, |path, entry| {
        use FileKind::{Action, BakeHcl, BakeJson, Compose, Workflow};
        let describes = matches!(FileKind::of(path), Action | BakeHcl | BakeJson | Compose | Workflow);
        let is_file = matches!(entry.kind(), tree::Kind::File | tree::Kind::Executable);
        if is_file && (describes || path.ends_with(".hcl")) {
            wanted.push((path.to_owned(), entry.oid));
        }
    })?;
    let mut snapshot = Snapshot::default();
    for (path, oid) in wanted {
        snapshot.insert(path, content.blob(oid)?);
    }
    Ok(snapshot)
}
