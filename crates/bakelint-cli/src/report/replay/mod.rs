//! A replay on paper: one file a format.

pub mod html;
pub mod json;
pub mod text;

use std::collections::BTreeSet;

use bakelint_core::replay::History;
use bakelint_core::replay::durations::{Durations, StepKey, StepTime};
use bakelint_core::replay::outcome::{BuildHistory, Cause, StepHistory};
use bakelint_core::replay::stats::{Estimate, share};
use bakelint_core::replay::store::{Mode, StoreKind};

/// What was replayed.
pub struct Subject {
    /// The branch or revision.
    pub branch: String,
    /// Where results survive.
    pub store: StoreKind,
    /// Whether all targets are built by one call.
    pub together: bool,
    /// Whether workflows say which targets are built by one call.
    pub workflows: bool,
    /// Whether all commits are built with the newest definitions.
    pub fixed_definitions: bool,
    /// How many logs the times come from.
    pub logs: usize,
}

impl Subject {
    /// How the builder is called, in a few words.
    pub fn calls(&self) -> &'static str {
        match (self.workflows, self.together) {
            (_, true) => "all targets in one call",
            (true, false) => "called as the workflows do",
            (false, false) => "one call a target",
        }
    }

    /// The store's name, as the command line has it.
    pub fn store_name(&self) -> &'static str {
        match self.store {
            StoreKind::Persistent => "persistent",
            StoreKind::RefLast(Mode::Max) => "ref-last-max",
            StoreKind::RefLast(Mode::Min) => "ref-last-min",
            StoreKind::Gha(Mode::Max) => "gha",
            StoreKind::Gha(Mode::Min) => "gha-min",
            StoreKind::Declared => "declared",
            StoreKind::None => "none",
        }
    }
}

/// How many commits are of the branch itself, how many of merged branches, and how many of those there are.
pub fn counts(history: &History) -> (usize, usize, usize) {
    let of_branches = history.commits.iter().filter_map(|commit| commit.branch);
    let branches: BTreeSet<u32> = of_branches.clone().collect();
    let of_branches = of_branches.count();
    (history.commits.len() - of_branches, of_branches, branches.len())
}

/// The share of commits that rebuild a step, with its 95 % interval.
pub fn rebuild_share(step: &StepHistory) -> Estimate {
    let (hits, trials) = step.rebuilds();
    share(hits, trials)
}

/// The time of a step, if it is known.
pub fn time_of(durations: &Durations, build: &BuildHistory, step: &StepHistory) -> Option<StepTime> {
    let step = &step.step;
    durations.of(StepKey { build: &build.name, stage: &step.stage, index: step.index, text: &step.text })
}

/// A cause in a few words.
pub fn words(cause: &Cause) -> String {
    match cause {
        Cause::Files { path } => path.clone(),
        Cause::Variable { name } => format!("${name}"),
        Cause::Definition => "instruction edited".into(),
        Cause::New => "new step".into(),
        Cause::Inherited => "a step before".into(),
        Cause::CacheLost => "not in the cache".into(),
        Cause::NoCache => "no-cache".into(),
    }
}
