//! Why a step is executed: what is another one than at the run before.

use super::content::{Content, Digest, ObjectSource};
use super::graph::{ContextId, ContextRef, Graph, Input, SelectionId, Step};
use super::history::HistoryError;
use super::outcome::Cause;
use super::run::Executed;
use super::tree::Oid;
use std::collections::hash_map::Entry::{Occupied, Vacant};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// What definitions say of a step.
#[derive(Debug, PartialEq)]
pub(super) struct Fixed {
    text: String,
    operations: Vec<Digest>,
    variables: Vec<(String, String)>,
}

/// What a step consisted of.
#[derive(Debug, Clone)]
pub(super) struct StepBefore {
    pub(super) fixed: Arc<Fixed>,
    pub(super) contexts: Vec<Option<Digest>>,
}

/// What definitions say of a step.
pub(super) fn fixed(graph: &Graph, step: &Step) -> Fixed {
    let mut operations = Vec::new();
    for vertex in step.vertices.iter().map(|vertex| &graph.vertices()[*vertex]) {
        operations.push(vertex.operation);
        // A base image, a download or an inline file has no step of its own to be blamed.
        let sources = vertex.results().map(|id| &graph.vertices()[id]).filter(|vertex| vertex.source);
        operations.extend(sources.map(|vertex| vertex.operation));
    }
    Fixed { text: step.text.clone(), operations, variables: step.variables.clone() }
}

/// What a step takes of contexts itself.
pub(super) fn selections<'g>(graph: &'g Graph, step: &'g Step) -> impl Iterator<Item = SelectionId> {
    let inputs = step.vertices.iter().flat_map(|vertex| &graph.vertices()[*vertex].inputs);
    inputs.filter_map(|input| match input {
        Input::Context(id) => Some(*id),
        _ => None,
    })
}

/// The changed files of a commit, told once for all steps that take them.
pub(super) struct Changes<'c> {
    before: &'c HashMap<ContextRef, Oid>,
    roots: &'c [Option<Oid>],
    paths: HashMap<ContextId, Vec<String>>,
    groups: HashMap<SelectionId, BTreeSet<Cause>>,
}

impl<'c> Changes<'c> {
    /// The changes between the trees of contexts before and now.
    pub fn new(before: &'c HashMap<ContextRef, Oid>, roots: &'c [Option<Oid>]) -> Self {
        Changes { before, roots, paths: HashMap::new(), groups: HashMap::new() }
    }

    /// The causes that a selection has another content.
    pub fn of<S: ObjectSource>(
        &mut self,
        content: &mut Content<S>,
        graph: &Graph,
        selection: SelectionId,
    ) -> Result<&BTreeSet<Cause>, HistoryError> {
        let slot = match self.groups.entry(selection) {
            Occupied(known) => return Ok(known.into_mut()),
            Vacant(slot) => slot,
        };
        let (context, selectors) = &graph.selections()[selection];
        let paths = match self.paths.entry(*context) {
            Occupied(known) => known.into_mut(),
            Vacant(slot) => {
                let before = self.before.get(&graph.contexts()[*context]).copied();
                slot.insert(match (before, self.roots[*context]) {
                    (Some(before), Some(after)) => content.diff(before, after, 2000)?,
                    _ => Vec::new(),
                })
            }
        };
        let taken = |path: &&String| selectors.is_empty() || selectors.iter().any(|selector| selector.touches(path));
        let groups: BTreeSet<String> = paths.iter().filter(taken).map(|path| group(path)).collect();
        let causes: BTreeSet<Cause> = match groups.is_empty() {
            true => selectors.iter().map(|selector| Cause::Files { path: selector.path.clone() }).collect(),
            false => groups.into_iter().map(|path| Cause::Files { path }).collect(),
        };
        Ok(slot.insert(causes))
    }
}

/// All causes but changed files.
pub(super) fn causes(
    graph: &Graph,
    step: &Step,
    now: &Fixed,
    before: Option<&StepBefore>,
    executed: &Executed,
    calls: &[usize],
) -> BTreeSet<Cause> {
    let mut causes = BTreeSet::new();
    for vertex in &step.vertices {
        let vertex = &graph.vertices()[*vertex];
        if vertex.ignore_cache {
            causes.insert(Cause::NoCache);
        }
        if vertex.results().any(|id| !step.vertices.contains(&id) && executed.any(calls, id)) {
            causes.insert(Cause::Inherited);
        }
    }
    let Some(before) = before.map(|before| &before.fixed) else {
        causes.insert(Cause::New);
        return causes;
    };
    if now.operations != before.operations {
        let changed = |(name, value): &&(String, String)| !before.variables.contains(&(name.clone(), value.clone()));
        let gone = before.variables.iter().filter(|(name, _)| !now.variables.iter().any(|(other, _)| other == name));
        let names: BTreeSet<&String> = now.variables.iter().filter(changed).chain(gone).map(|(name, _)| name).collect();
        if names.is_empty() || now.text != before.text && names.iter().all(|name| !now.text.contains(name.as_str())) {
            causes.insert(Cause::Definition);
        }
        causes.extend(names.into_iter().map(|name| Cause::Variable { name: name.clone() }));
    }
    causes
}

/// The folder that a changed path is told under: at most two parts of it.
fn group(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').collect();
    match parts.len() {
        0 | 1 => path.to_owned(),
        _ if parts[0] == ".git" => ".git/**".to_owned(),
        2 => format!("{}/**", parts[0]),
        _ => format!("{}/{}/**", parts[0], parts[1]),
    }
}
