//! How often each step of each build is rebuilt, and why, from the git history alone.
//!
//! BuildKit decides about a cache hit by a key: a digest of the operation, of the keys of what it works on, and of the
//! content of the files that it selects. All but what commands write is in the repository. So the keys of past commits can
//! be computed without building anything, and held against a model of where results survive:
//!
//! ```text
//! history -> definitions -> convert -> graph   what would be built at a commit
//!         -> tree, content                     the files that it selects
//!                    -> run, store             what is executed, and what is kept
//!                           -> simulate        why, how often, how long
//! logs -> durations
//! ```
//!
//! One thing cannot be known without building: a command that is executed again may write the same bytes, and then a
//! `COPY --from` of them is a hit. Such steps are told as rebuilt.

pub mod content;
pub mod convert;
pub mod definitions;
pub mod durations;
mod glob;
pub mod graph;
pub mod history;
pub mod logs;
pub mod run;
pub mod simulate;
pub mod stats;
pub mod store;
pub mod tree;

use content::{Content, Overlay};
use durations::Durations;
use history::{Commit, HistoryError, Range, Repository};
use simulate::{CommitTime, Options, Replay, Simulator, uncertain_content};
use stats::{Estimate, mean_difference};

/// A replay with the commits that it is about.
#[derive(Debug, Clone)]
pub struct History {
    /// The commits, oldest first.
    pub commits: Vec<Commit>,
    /// What was found.
    pub replay: Replay,
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
    tip: &str,
    range: Range,
    options: Options,
    durations: Durations,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<History, HistoryError> {
    let commits = repository.commits(tip, range)?;
    let (mut simulator, last) = simulator(repository, &commits, options, durations)?;
    for (number, commit) in commits.iter().enumerate() {
        simulator.commit(commit)?;
        progress(number + 1, commits.len());
    }
    let mut replay = simulator.finish();
    if repository.is_shallow() {
        let text =
            "the clone is shallow: only the commits that are there count (`git fetch --unshallow` gets the others)";
        replay.notes.push(text.to_owned());
    }
    replay.notes.extend(uncertain_content(&mut Content::new(repository.objects()?), last)?);
    Ok(History { commits, replay })
}

/// A simulator over a repository, and the newest tree.
fn simulator(
    repository: &Repository,
    commits: &[Commit],
    options: Options,
    durations: Durations,
) -> Result<(Simulator<history::Objects>, tree::Oid), HistoryError> {
    let last = commits.last().ok_or(HistoryError::NoCommits)?;
    let mut simulator = Simulator::new(repository.objects()?, options, durations);
    simulator.fix_definitions(last);
    Ok((simulator, last.tree))
}

/// What a change of files would have saved on the same commits.
#[derive(Debug, Clone)]
pub struct WhatIf {
    /// Without the change.
    pub before: History,
    /// With it.
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

/// Replays the same commits without and with a change, both with the definitions of the newest commit.
///
/// # Errors
///
/// The history cannot be read.
pub fn what_if(
    repository: &Repository,
    tip: &str,
    range: Range,
    options: Options,
    durations: Durations,
    change: &Overlay,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<WhatIf, HistoryError> {
    let commits = repository.commits(tip, range)?;
    let options = Options { fixed_definitions: true, ..options };
    let changed = Options { overlay: change.clone(), ..options.clone() };
    let (mut before, _) = simulator(repository, &commits, options, durations.clone())?;
    let (mut after, _) = simulator(repository, &commits, changed, durations.clone())?;
    for (number, commit) in commits.iter().enumerate() {
        before.commit(commit)?;
        after.commit(commit)?;
        progress(number + 1, commits.len());
    }
    let last = commits.last().ok_or(HistoryError::NoCommits)?;
    let mut merged = before.clone_store(repository.objects()?);
    let first_run = merged.first_run_after(last, change.clone())?;
    let (before, after) = (before.finish(), after.finish());
    // The first commit is cold with and without the change.
    let pairs = || before.times.iter().zip(&after.times).skip(1);
    let steps: Vec<f64> = pairs().map(|(b, a)| b.executed as f64 - a.executed as f64).collect();
    let seconds: Vec<f64> = pairs().map(|(b, a)| b.longest_path - a.longest_path).collect();
    let seconds = if durations.is_empty() { None } else { mean_difference(&seconds) };
    let pays_back_after = seconds.filter(|saved| saved.value > 0.0).map(|saved| first_run.longest_path / saved.value);
    Ok(WhatIf {
        before: History { commits, replay: before },
        after,
        steps: mean_difference(&steps),
        seconds,
        first_run,
        pays_back_after,
    })
}

/// The caches that the builds of the newest commit import and export, by build.
///
/// # Errors
///
/// The history cannot be read.
pub fn exports(
    repository: &Repository,
    tip: &str,
    options: &Options,
) -> Result<Vec<(String, definitions::Export)>, HistoryError> {
    let commits = repository.commits(tip, Range::Last(1))?;
    let last = commits.last().ok_or(HistoryError::NoCommits)?;
    let mut content = Content::new(repository.objects()?);
    let root = match options.prefix.as_str() {
        "" => Some(last.tree),
        prefix => content.directory(last.tree, prefix)?,
    };
    let Some(root) = root else { return Ok(Vec::new()) };
    let mut definitions = definitions::Definitions::new(options.request.clone());
    let id = last.id.to_string();
    let defined = definitions.at(&mut content, definitions::AtCommit { root, id: &id, number: 0 })?;
    Ok(defined.exports.clone())
}
