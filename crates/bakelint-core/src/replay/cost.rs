//! What executed steps cost, and which of them the cost goes back to.

use super::graph::{Vertex, VertexId};
use super::outcome::CommitTime;
use super::run::Executed;
use std::collections::{BTreeSet, HashMap, HashSet};

/// The vertices of a graph with the times of those that are steps.
#[derive(Clone, Copy)]
pub(super) struct Priced<'p> {
    /// The vertices; inputs come before what uses them.
    pub vertices: &'p [Vertex],
    /// Whether a vertex is (part of) a step.
    pub is_step: &'p [bool],
    /// The time of each, where it is known.
    pub times: &'p [Option<f64>],
}

/// How long the calls of one commit take.
pub(super) fn time(priced: Priced<'_>, executed: &Executed) -> CommitTime {
    let mut sum = CommitTime::default();
    for ran in executed.calls() {
        let ran: BTreeSet<VertexId> = ran.iter().copied().collect();
        let mut finish: HashMap<VertexId, f64> = HashMap::with_capacity(ran.len());
        for id in ran {
            let inputs = priced.vertices[id].results().filter_map(|id| finish.get(&id).copied());
            let mut end = inputs.fold(0.0, f64::max);
            if priced.is_step[id] {
                let seconds = priced.times[id];
                end += seconds.unwrap_or(0.0);
                sum.total += seconds.unwrap_or(0.0);
                sum.unknown += usize::from(seconds.is_none());
                sum.executed += 1;
            }
            finish.insert(id, end);
        }
        sum.longest_path += finish.into_values().fold(0.0, f64::max);
    }
    sum
}

/// Where the seconds of executed vertices go back to: the executed ones that none they need was executed for. With
/// several of them each gets an equal part.
pub(super) struct Blame {
    roots: HashSet<VertexId>,
    seconds: HashMap<VertexId, f64>,
}

impl Blame {
    pub fn new(priced: Priced<'_>, executed: &Executed) -> Blame {
        let ran: BTreeSet<VertexId> = executed.all().into_iter().collect();
        let mut blame = Blame { roots: HashSet::new(), seconds: HashMap::new() };
        let mut behind: HashMap<VertexId, Vec<VertexId>> = HashMap::with_capacity(ran.len());
        for id in ran {
            let inputs = priced.vertices[id].results().filter_map(|id| behind.get(&id));
            let mut from: Vec<VertexId> = inputs.flatten().copied().collect();
            from.sort_unstable();
            from.dedup();
            if from.is_empty() {
                blame.roots.insert(id);
                from.push(id);
            }
            let part = priced.times[id].unwrap_or(0.0) / from.len() as f64;
            from.iter().for_each(|root| *blame.seconds.entry(*root).or_default() += part);
            behind.insert(id, from);
        }
        blame
    }

    /// Whether a vertex is such a root, and the seconds that go back to it; they are given out once.
    pub fn of(&mut self, vertex: VertexId) -> (bool, f64) {
        (self.roots.contains(&vertex), self.seconds.remove(&vertex).unwrap_or_default())
    }
}
