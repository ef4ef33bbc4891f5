//! One commit's builds against a store: which vertices are executed.

use super::graph::{Graph, VertexId};
use super::keys::Keys;
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
/// looked at. Only what has none is executed, and first what it needs. But a key must be known before a result can be
/// found by it: where files of a result are in a key and nobody knows yet what that result holds, it is needed for the key
/// alone.
pub fn run(
    graph: &Graph,
    keys: &[&Keys],
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
        let mut asked = Asked::new(graph, keys);
        call.builds.iter().flat_map(|(build, _)| &graph.builds[*build].results).for_each(|id| asked.result(*id));
        // Whether something is executed does not depend on the order, except that equal keys of the same call are
        // executed once: the later one is a hit.
        while let Some(asked_for) = asked.next() {
            let id = match asked_for {
                Ask::Key(id) => {
                    for link in keys.links(id) {
                        let key = keys.of(id);
                        let mut imports = imported.iter().flatten();
                        if !store.leads(call.builder, link.name, key) && !imports.any(|i| i.leads(&link.name, &key)) {
                            asked.result(link.result);
                        }
                        store.learn(call.builder, link.name, key);
                    }
                    continue;
                }
                Ask::Result(id) => id,
            };
            let key = keys.of(id);
            if graph.vertices()[id].source || store.has(call.builder, key) {
                continue;
            }
            if !lost.contains(&id) && imported.iter().flatten().any(|import| import.has(&key)) {
                continue;
            }
            executed.insert(id);
            store.add(call.builder, key);
            graph.vertices()[id].results().for_each(|result| asked.result(result));
        }
        for ((build, caches), imported) in call.builds.iter().zip(&imported) {
            if caches.exports.is_empty() {
                continue;
            }
            let build = &graph.builds[*build];
            // What works on nothing, a WORKDIR of an empty stage for instance, is not exported (`ExportRoots` in
            // solver/exporter.go).
            let has_inputs = |id: &&VertexId| !graph.vertices()[**id].inputs.is_empty();
            let take = |ids: &[VertexId]| ids.iter().filter(has_inputs).map(|id| keys.of(*id)).collect::<Vec<_>>();
            let (all, result) = (take(&build.needs), take(&build.layers));
            store.export(caches, branch, call.builder, Exported { all: &all, result: &result, imported });
        }
        by_call.push(executed);
    }
    Executed { by_call }
}

/// What a call is asked for: a key, or a result.
enum Ask {
    Key(VertexId),
    Result(VertexId),
}

/// What a call was asked for, each once, and what of it is still to be looked at.
struct Asked<'a> {
    graph: &'a Graph,
    keys: &'a Keys,
    results: Vec<bool>,
    known: Vec<bool>,
    todo: Vec<Ask>,
}

impl<'a> Asked<'a> {
    fn new(graph: &'a Graph, keys: &'a Keys) -> Self {
        let none = || vec![false; graph.vertices().len()];
        Asked { graph, keys, results: none(), known: none(), todo: Vec::new() }
    }

    fn result(&mut self, id: VertexId) {
        if !std::mem::replace(&mut self.results[id], true) {
            self.todo.push(Ask::Result(id));
            self.key(id);
        }
    }

    fn key(&mut self, id: VertexId) {
        if self.keys.has_links() && !std::mem::replace(&mut self.known[id], true) {
            self.todo.push(Ask::Key(id));
        }
    }

    /// The next one. A key needs those of the inputs.
    fn next(&mut self) -> Option<Ask> {
        let next = self.todo.pop()?;
        if let Ask::Key(id) = next {
            self.graph.vertices()[id].results().for_each(|result| self.key(result));
        }
        Some(next)
    }
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
