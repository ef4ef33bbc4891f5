//! A replay on paper: one file a format.

pub mod html;
pub mod json;
pub mod text;

use std::collections::BTreeMap;

use bakelint_core::replay::durations::{Durations, StepKey, StepTime};
use bakelint_core::replay::simulate::{BuildHistory, Cause, StepHistory};
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
    /// Whether all commits are built with the newest definitions.
    pub fixed_definitions: bool,
    /// How many logs the times come from.
    pub logs: usize,
}

impl Subject {
    /// The store's name, as the command line has it.
    pub fn store_name(&self) -> &'static str {
        match self.store {
            StoreKind::Persistent => "persistent",
            StoreKind::RefLast(Mode::Max) => "ref-last-max",
            StoreKind::RefLast(Mode::Min) => "ref-last-min",
            StoreKind::None => "none",
        }
    }
}

/// How often a step is rebuilt. The first commit does not count: it is cold by nature.
pub fn rebuilds(step: &StepHistory) -> (usize, usize) {
    let flags = step.rebuilt.iter().skip(1).flatten();
    (flags.clone().filter(|rebuilt| **rebuilt).count(), flags.count())
}

/// The share of commits that rebuild a step, with its 95 % interval.
pub fn rebuild_share(step: &StepHistory) -> Estimate {
    let (hits, trials) = rebuilds(step);
    share(hits, trials)
}

/// The time of a step, if it is known.
pub fn time_of(durations: &Durations, build: &BuildHistory, step: &StepHistory) -> Option<StepTime> {
    let step = &step.step;
    durations.of(StepKey { build: &build.name, stage: &step.stage, index: step.index, text: &step.text })
}

/// At how many commits a cause had a part in the rebuild of a step, and at how many it was the only one; the most
/// frequent first.
pub fn ranked_causes(step: &StepHistory) -> Vec<(Cause, usize, usize)> {
    let mut counts: BTreeMap<&Cause, (usize, usize)> = BTreeMap::new();
    for causes in step.causes.values() {
        for cause in causes {
            let count = counts.entry(cause).or_default();
            count.0 += 1;
            count.1 += usize::from(causes.len() == 1);
        }
    }
    let mut ranked: Vec<_> = counts.into_iter().map(|(cause, (all, alone))| (cause.clone(), all, alone)).collect();
    ranked.sort_by(|a, b| b.1.cmp(&a.1).then(b.2.cmp(&a.2)).then(a.0.cmp(&b.0)));
    ranked
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
