//! What a replay finds.

use super::graph::Step;
use std::collections::{BTreeMap, BTreeSet};

/// Why a step was executed at a commit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Cause {
    /// Selected files changed; the folder or file, `src/app/**` for instance.
    Files {
        /// What changed.
        path: String,
    },
    /// Variables in its key have other values.
    Variable {
        /// The variable.
        name: String,
    },
    /// The instruction, or an option of the build, is another one.
    Definition,
    /// It is new in the build.
    New,
    /// An executed step that it is built on, or copies from.
    Inherited,
    /// Nothing changed, but no cache has its result.
    CacheLost,
    /// The build says that the cache is not to be used.
    NoCache,
}

/// A step over all commits.
#[derive(Debug, Clone)]
pub struct StepHistory {
    /// The step as of the last commit that has it.
    pub step: Step,
    /// Per commit: whether it was executed; `None` where it is not part of the build.
    pub rebuilt: Vec<Option<bool>>,
    /// At how many commits after the first it is executed if imports lose hits as BuildKit is known to: a fresh builder
    /// that bakes several targets at once, or imports several caches, misses steps that a cache holds
    /// (moby/buildkit#4674, moby/buildkit#6418). Without such builds the same as the flags say.
    pub rebuilt_at_worst: usize,
    /// Per commit at which it was executed: why.
    pub causes: BTreeMap<usize, BTreeSet<Cause>>,
    /// Seconds of execution that follow from causes of this very step, here and in the steps built on it.
    pub blamed_seconds: f64,
    /// Commits at which an executed step goes back to this one.
    pub roots: usize,
}

impl StepHistory {
    /// At how many commits it was executed, of how many at which it is part of the build. The first commit does not count:
    /// it is cold by nature.
    pub fn rebuilds(&self) -> (usize, usize) {
        let flags = self.rebuilt.iter().skip(1).flatten();
        (flags.clone().filter(|rebuilt| **rebuilt).count(), flags.count())
    }

    /// At how many commits a cause had a part in the execution, and at how many it was the only one; the most frequent
    /// first.
    pub fn ranked_causes(&self) -> Vec<(Cause, usize, usize)> {
        let mut counts: BTreeMap<&Cause, (usize, usize)> = BTreeMap::new();
        for causes in self.causes.values() {
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
}

/// A build over all commits.
#[derive(Debug, Clone)]
pub struct BuildHistory {
    /// Its name.
    pub name: String,
    /// Whether it is asked for, or only linked to.
    pub requested: bool,
    /// Its steps, in the order of the stages.
    pub steps: Vec<StepHistory>,
}

/// The time that the calls of one commit take, as far as the times of steps are known.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct CommitTime {
    /// Executed steps one after the other where they depend on one another, all others at the same time.
    pub longest_path: f64,
    /// All executed steps one after the other.
    pub total: f64,
    /// Executed steps whose time is not known.
    pub unknown: usize,
    /// Executed steps.
    pub executed: usize,
}

/// A build that fails at a commit, or cannot be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Number of the commit.
    pub commit: usize,
    /// The build; empty for all.
    pub build: String,
    /// Why.
    pub reason: String,
}

/// What a replay found.
#[derive(Debug, Clone, Default)]
pub struct Replay {
    /// The builds.
    pub builds: Vec<BuildHistory>,
    /// Per commit.
    pub times: Vec<CommitTime>,
    /// Builds that fail.
    pub failures: Vec<Failure>,
    /// What a reader of the numbers should know.
    pub notes: Vec<String>,
}

impl Replay {
    /// How many steps were executed at the commits after the first, which is cold by nature.
    pub fn executed_after_first(&self) -> usize {
        self.times.iter().skip(1).map(|time| time.executed).sum()
    }
}
