//! One commit's builds against a store: which vertices are executed.

use super::content::Digest;
use super::graph::{Graph, Input, VertexId};
use super::store::{Branch, Builder, Caches, Exported, Imported, Store};
use std::collections::HashSet;

/// Builds that are made by one call of a builder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Call {
    /// The builds, by their index in [`Graph::builds`], each with where its cache comes from and goes to.
    pub builds: Vec<(usize, Caches)>,
    /// The builder.
    pub builder: Builder,
}

impl Call {
    /// Whether it makes this build.
    pub fn makes(&self, build: usize) -> bool {
        self.builds.iter().any(|(other, _)| *other == build)
    }
}

/// Which vertices each call executed.
#[derive(Debug, Default)]
pub struct Executed {
    by_call: Vec<HashSet<VertexId>>,
}

impl Executed {
    /// The vertices that each call executed.
    pub fn calls(&self) -> impl Iterator<Item = &HashSet<VertexId>> {
        self.by_call.iter()
    }

    /// All vertices that any call executed.
    pub fn all(&self) -> HashSet<VertexId> {
        self.by_call.iter().flatten().copied().collect()
    }

    /// Whether a vertex was executed by one of these calls.
    pub fn any(&self, calls: &[usize], vertex: VertexId) -> bool {
        calls.iter().any(|call| self.by_call.get(*call).is_some_and(|executed| executed.contains(&vertex)))
    }
}

/// How imports work.
#[derive(Debug, Clone, Copy)]
pub enum Imports {
    /// What an imported cache has is found.
    Whole,
    /// They lose what BuildKit is known to lose: of a build that imports several caches everything (moby/buildkit#6418),
    /// and of targets that are baked at once and share steps what is not shared, but for the first
    /// (moby/buildkit#4674).
    Lossy,
}

/// Runs the calls one after the other.
///
/// BuildKit works backwards from the results: what has a result in the store is taken, and what it was made of is not
/// looked at. Only what has none is executed, and first what it needs.
pub fn run(
    graph: &Graph,
    keys: &[Vec<Digest>],
    calls: &[Call],
    branch: Branch,
    store: &mut Store,
    imports: Imports,
) -> Executed {
    let mut by_call = Vec::with_capacity(calls.len());
    for (number, call) in calls.iter().enumerate() {
        // Keys differ from call to call only where something is never the same twice.
        let Some(keys) = keys.get(number).or(keys.first()) else { break };
        let imported: Vec<Vec<Imported>> =
            call.builds.iter().map(|(_, caches)| store.imports(caches, branch)).collect();
        let lost = match imports {
            Imports::Whole => HashSet::new(),
            Imports::Lossy => lost(graph, call, &imported),
        };
        let mut executed = HashSet::new();
        let mut seen = vec![false; graph.vertices().len()];
        let mut todo: Vec<VertexId> =
            call.builds.iter().flat_map(|(build, _)| graph.builds[*build].results.iter().copied()).collect();
        // Whether something is executed does not depend on the order, except that equal keys of the same call are
        // executed once: the later one is a hit.
        while let Some(id) = todo.pop() {
            let vertex = &graph.vertices()[id];
            if std::mem::replace(&mut seen[id], true) || vertex.source || store.has(call.builder, keys[id]) {
                continue;
            }
            if !lost.contains(&id) && imported.iter().flatten().any(|import| import.contains(&keys[id])) {
                continue;
            }
            executed.insert(id);
            store.add(call.builder, keys[id]);
            todo.extend(vertex.inputs.iter().filter_map(|input| match input {
                Input::Chain(id) | Input::Files(id, _) => Some(*id),
                Input::Context(..) | Input::ContextRoot(_) => None,
            }));
        }
        for ((build, caches), imported) in call.builds.iter().zip(&imported) {
            if caches.exports.is_empty() {
                continue;
            }
            let build = &graph.builds[*build];
            let take = |ids: &[VertexId]| ids.iter().map(|id| keys[*id]).collect::<Vec<_>>();
            let (all, result) = (take(&build.needs), take(&build.layers));
            store.export(caches, branch, call.builder, Exported { all: &all, result: &result, imported });
        }
        by_call.push(executed);
    }
    Executed { by_call }
}

/// The vertices of a call that may not be found although an import has them; see [`Imports::Lossy`].
fn lost(graph: &Graph, call: &Call, imported: &[Vec<Imported>]) -> HashSet<VertexId> {
    let mut lost = HashSet::new();
    if imported.iter().all(Vec::is_empty) {
        return lost;
    }
    let own = |build: usize| -> HashSet<VertexId> {
        let all = graph.builds[build].needs.iter().copied();
        all.filter(|id| !graph.vertices()[*id].source).collect()
    };
    let builds: Vec<HashSet<VertexId>> = call.builds.iter().map(|(build, _)| own(*build)).collect();
    for (at, own) in builds.iter().enumerate() {
        if imported[at].len() > 1 || call.builds[at].1.imports.len() > 1 {
            lost.extend(own);
        }
        let others = || builds.iter().enumerate().filter(|(other, _)| *other != at);
        if at > 0 && others().any(|(_, theirs)| !theirs.is_disjoint(own)) {
            lost.extend(own.iter().filter(|id| !others().any(|(_, theirs)| theirs.contains(id))));
        }
    }
    lost
}
