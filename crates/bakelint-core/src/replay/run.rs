//! One commit's builds against a store: which vertices are executed.

use super::content::Digest;
use super::graph::{Graph, Input, VertexId};
use super::store::{Exported, Store};
use std::collections::HashSet;

/// Builds that are made by one call of the builder, by their index in [`Graph::builds`].
pub type Call = Vec<usize>;

/// Which vertices each call executed.
#[derive(Debug, Default)]
pub struct Executed {
    by_call: Vec<HashSet<VertexId>>,
}

impl Executed {
    /// The vertices that one call executed.
    pub fn call(&self, call: usize) -> Option<&HashSet<VertexId>> {
        self.by_call.get(call)
    }

    /// Whether a vertex was executed by one of these calls.
    pub fn any(&self, calls: &[usize], vertex: VertexId) -> bool {
        calls.iter().any(|call| self.by_call.get(*call).is_some_and(|executed| executed.contains(&vertex)))
    }
}

/// Runs the calls one after the other.
///
/// BuildKit works backwards from the results: what has a result in the store is taken, and what it was made of is not
/// looked at. Only what has none is executed, and first what it needs.
///
/// Imported results of the vertices in `lost` are not found, as if the import had lost them.
pub fn run(
    graph: &Graph,
    keys: &[Vec<Digest>],
    calls: &[Call],
    store: &mut Store,
    lost: &HashSet<VertexId>,
) -> Executed {
    let mut by_call = Vec::with_capacity(calls.len());
    for (number, call) in calls.iter().enumerate() {
        // Keys differ from call to call only where something is never the same twice.
        let Some(keys) = keys.get(number).or(keys.first()) else { break };
        let names: Vec<String> = call.iter().map(|build| graph.builds[*build].name.clone()).collect();
        let mut executed = HashSet::new();
        let mut seen = vec![false; graph.vertices().len()];
        let mut todo: Vec<VertexId> = call.iter().flat_map(|build| graph.builds[*build].results.clone()).collect();
        // Whether something is executed does not depend on the order, except that equal keys of the same call are
        // executed once: the later one is a hit.
        while let Some(id) = todo.pop() {
            let vertex = &graph.vertices()[id];
            let imports = if lost.contains(&id) { &[][..] } else { &names[..] };
            if std::mem::replace(&mut seen[id], true) || vertex.source || store.has(keys[id], imports) {
                continue;
            }
            executed.insert(id);
            store.add(keys[id]);
            todo.extend(vertex.inputs.iter().filter_map(|input| match input {
                Input::Chain(id) | Input::Files(id, _) => Some(*id),
                Input::Context(..) | Input::ContextRoot(_) => None,
            }));
        }
        for build in call {
            let results = &graph.builds[*build].results;
            let take = |ids: Vec<VertexId>| ids.into_iter().map(|id| keys[id]).collect::<Vec<_>>();
            let (all, result) = (take(reachable(graph, results, true)), take(reachable(graph, results, false)));
            store.export(&graph.builds[*build].name, Exported { all: &all, result: &result });
        }
        by_call.push(executed);
    }
    Executed { by_call }
}

/// All vertices that results are made of; without `files` only those whose layers are part of them.
pub fn reachable(graph: &Graph, results: &[VertexId], files: bool) -> Vec<VertexId> {
    let mut seen = vec![false; graph.vertices().len()];
    let mut todo = results.to_vec();
    let mut found = Vec::new();
    while let Some(id) = todo.pop() {
        if std::mem::replace(&mut seen[id], true) {
            continue;
        }
        found.push(id);
        todo.extend(graph.vertices()[id].inputs.iter().filter_map(|input| match input {
            Input::Chain(id) => Some(*id),
            Input::Files(id, _) if files => Some(*id),
            _ => None,
        }));
    }
    found
}
