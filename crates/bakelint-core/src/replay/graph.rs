//! The graph of operations that BuildKit makes of Dockerfiles.

use super::content::{Digest, Selector};
use super::effects::Effect;
use std::collections::HashMap;

/// Index of a vertex in its [`Graph`].
pub type VertexId = usize;

/// Index of a context in its [`Graph`].
pub type ContextId = usize;

/// Index of a selection in its [`Graph`].
pub type SelectionId = usize;

/// Files that a build gets from the repository: a folder with the ignore file that is in force for it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ContextRef {
    /// The folder, relative to the root of the project; `""` is the root. May lead out of it with `..`.
    pub folder: String,
    /// Paths of ignore files in order of precedence, relative to the root of the project.
    pub ignore_files: Vec<String>,
}

/// What a vertex gets from another one, or from a context.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Input {
    /// The whole result; counts by what made it.
    Chain(VertexId),
    /// Selected files of a result; count by their content, where that is known.
    Files(VertexId, Vec<Selector>),
    /// Selected files of a context; count by their content.
    Context(SelectionId),
    /// A whole context as root file system, which counts as new each time.
    ContextRoot(ContextId),
}

/// An operation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Vertex {
    /// Everything about it that is fixed by definitions.
    pub operation: Digest,
    /// What it works on.
    pub inputs: Vec<Input>,
    /// Whether it is executed in any case (`no-cache`).
    pub ignore_cache: bool,
    /// Whether it is a source that is always there: a base image, a download, an inline file.
    pub source: bool,
}

impl Vertex {
    /// The other vertices whose results it works on.
    pub fn results(&self) -> impl Iterator<Item = VertexId> {
        self.inputs.iter().filter_map(|input| match input {
            Input::Chain(id) | Input::Files(id, _) => Some(*id),
            Input::Context(_) | Input::ContextRoot(_) => None,
        })
    }
}

/// A numbered step of a build.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Name of its stage; `stage-N` if it has none.
    pub stage: String,
    /// Its number, as BuildKit prints it.
    pub index: u32,
    /// How many steps BuildKit says the stage has.
    pub total: u32,
    /// The keyword in capitals.
    pub keyword: &'static str,
    /// Line of the Dockerfile where the instruction starts, from 1.
    pub line: u32,
    /// The instruction as BuildKit prints it.
    pub text: String,
    /// The platform, when the build is for several.
    pub platform: Option<String>,
    /// Its vertices; a `COPY --link` has two.
    pub vertices: Vec<VertexId>,
    /// The variables that are in its key: those that a RUN sees.
    pub variables: Vec<(String, String)>,
}

/// A build's steps and results.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BuildGraph {
    /// Name of the build.
    pub name: String,
    /// Its own steps, those of linked targets left out.
    pub steps: Vec<Step>,
    /// What it results in, one per platform.
    pub results: Vec<VertexId>,
    /// All vertices that the results are made of.
    pub needs: Vec<VertexId>,
    /// Of these, the ones whose layers are part of the results.
    pub layers: Vec<VertexId>,
}

/// The vertices of several builds; equal operations on equal inputs are one vertex.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Graph {
    vertices: Vec<Vertex>,
    effects: Vec<Effect>,
    interned: HashMap<Vertex, VertexId>,
    contexts: Vec<ContextRef>,
    selections: Vec<(ContextId, Vec<Selector>)>,
    /// The builds, in the order in which they were added.
    pub builds: Vec<BuildGraph>,
}

impl Graph {
    /// All vertices; inputs come before what uses them.
    pub fn vertices(&self) -> &[Vertex] {
        &self.vertices
    }

    /// All contexts.
    pub fn contexts(&self) -> &[ContextRef] {
        &self.contexts
    }

    /// Adds a vertex, or finds the equal one; equal ones have equal effects.
    pub fn add(&mut self, vertex: Vertex, effect: Effect) -> VertexId {
        if let Some(id) = self.interned.get(&vertex) {
            return *id;
        }
        let id = self.vertices.len();
        self.vertices.push(vertex.clone());
        self.effects.push(effect);
        self.interned.insert(vertex, id);
        id
    }

    /// What instructions take of contexts; without selectors all of it.
    pub fn selections(&self) -> &[(ContextId, Vec<Selector>)] {
        &self.selections
    }

    /// Adds a selection of files, or finds the equal one.
    pub fn selection(&mut self, context: ContextRef, selectors: Vec<Selector>) -> SelectionId {
        let selection = (self.context(context), selectors);
        let known = self.selections.iter().position(|other| *other == selection);
        known.unwrap_or_else(|| {
            self.selections.push(selection);
            self.selections.len() - 1
        })
    }

    /// Adds a context, or finds the equal one.
    pub fn context(&mut self, context: ContextRef) -> ContextId {
        let known = self.contexts.iter().position(|other| *other == context);
        known.unwrap_or_else(|| {
            self.contexts.push(context);
            self.contexts.len() - 1
        })
    }

    /// What a vertex does to the file system that it works on.
    pub fn effect(&self, id: VertexId) -> &Effect {
        self.effects.get(id).unwrap_or(&Effect::Unknown)
    }

    /// Per vertex whether its files must be known to tell what others take of it.
    pub fn observed(&self) -> Vec<bool> {
        let mut observed = vec![false; self.vertices.len()];
        for (id, vertex) in self.vertices.iter().enumerate().rev() {
            let is_followed = observed[id] && *self.effect(id) != Effect::Unknown;
            for input in &vertex.inputs {
                match input {
                    Input::Chain(id) => observed[*id] |= is_followed,
                    Input::Files(id, _) => observed[*id] = true,
                    Input::Context(_) | Input::ContextRoot(_) => {}
                }
            }
        }
        observed
    }

    /// Whether there is anything whose key is another one each time.
    pub fn has_fresh(&self) -> bool {
        let is_root = |input: &Input| matches!(input, Input::ContextRoot(_));
        self.vertices.iter().any(|vertex| vertex.ignore_cache || vertex.inputs.iter().any(is_root))
    }
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
