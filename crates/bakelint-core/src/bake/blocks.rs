//! Blocks to targets and groups.
//!
//! Attributes are evaluated one by one as other blocks refer to them, the rest when the turn of the block comes. A
//! matrix makes one target per combination. See resolveBlock in bake/hclparser/hclparser.go of buildx.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use super::convert::convert;
use super::decode;
use super::error::BakeError;
use super::eval::Scope;
use super::interpreter::{Interpreter, Trouble};
use super::target::{Group, Source, Target};
use super::trace::Trace;
use super::types::Type;
use super::value::Value;
use crate::source::Span;
use crate::syntax::hcl::*;

/// How many targets a matrix may make.
pub(super) const MAX_CELLS: usize = 100_000;

/// After how many places that buildx treats oddly no more are told.
const MAX_WARNINGS: usize = 100;

/// The kinds of block that are evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Group,
    Target,
}

impl Kind {
    fn attributes(self) -> &'static [&'static str] {
        match self {
            Kind::Group => super::definition::GROUP_ATTRIBUTES,
            Kind::Target => decode::TARGET_FIELDS,
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            Kind::Group => "group",
            Kind::Target => "target",
        }
    }
}

/// All blocks, with how far each is evaluated.
#[derive(Default)]
pub(super) struct Blocks<'d> {
    pub all: Vec<BlockState<'d>>,
    /// The blocks of a name, once all names are known.
    by_name: HashMap<(Kind, Arc<str>), Vec<usize>>,
    /// The block and cell that a reference to the name sees: the one evaluated last.
    seen: HashMap<(Kind, Arc<str>), (usize, usize)>,
    touched: HashSet<Kind>,
    /// Whether references are possible at all.
    active: bool,
    cells: u32,
}

pub(super) struct BlockState<'d> {
    pub block: &'d Block,
    pub kind: Kind,
    /// The file's name as given.
    pub file: &'d str,
    pub cells: Option<Rc<Vec<Cell>>>,
    pub names: Vec<Arc<str>>,
    pub outputs: Vec<Output>,
    done: Vec<u64>,
    progress: Vec<u64>,
    /// Whether the label, the matrix or a name is wrong.
    broken: bool,
}

/// One combination of a matrix; the only one of a block without matrix.
pub(super) struct Cell {
    /// Of the scope; 0 for the global one.
    id: u32,
    names: Vec<(Arc<str>, Value)>,
    traces: Vec<(Arc<str>, Option<Arc<Trace>>)>,
}

/// What a block has given so far.
#[derive(Clone)]
pub(super) enum Output {
    Group(Group),
    Target(Box<Target>),
}

impl<'d> Blocks<'d> {
    pub(super) fn declare(&mut self, block: &'d Block, file: &'d str) {
        let kind = if block.kind.node == "group" { Kind::Group } else { Kind::Target };
        self.all.push(BlockState {
            block,
            kind,
            file,
            cells: None,
            names: Vec::new(),
            outputs: Vec::new(),
            done: Vec::new(),
            progress: Vec::new(),
            broken: false,
        });
    }

    /// The kind of block that a root name refers to.
    pub(super) fn kind(&self, name: &str) -> Option<Kind> {
        match name {
            _ if !self.active => None,
            "group" => Some(Kind::Group),
            "target" => Some(Kind::Target),
            _ => None,
        }
    }

    /// Where the value that `target.NAME.ATTRIBUTE` refers to was set, and the reference in words.
    pub(super) fn reference_trace(&self, traversal: &Traversal) -> Option<(Arc<str>, Arc<Trace>)> {
        let kind = self.kind(&traversal.root.node)?;
        let mut names = traversal.steps.iter().map_while(|step| match &step.kind {
            StepKind::Attribute(name) => Some(name.as_str()),
            StepKind::Key(_) => None,
        });
        let (name, attribute) = (names.next()?, names.next()?);
        let (index, cell) = *self.seen.get(&(kind, Arc::from(name)))?;
        let Output::Target(target) = self.all.get(index)?.outputs.get(cell)? else { return None };
        let entry = names.next().map(|key| format!("{attribute}.{key}"));
        let path = entry.filter(|path| !target.origins(path).is_empty()).unwrap_or_else(|| attribute.to_owned());
        let trace = match target.origins(&path)[..] {
            [] => return None,
            [only] => only.trace.clone()?,
            [first, ..] => match first.source {
                Source::Block { attribute, .. } => Trace::whole(attribute),
                _ => return None,
            },
        };
        Some((format!("target.{name}.{path}").into(), trace))
    }

    pub(super) fn touched_kinds(&self) -> impl Iterator<Item = &'static str> {
        [Kind::Group, Kind::Target].into_iter().filter(|kind| self.touched.contains(kind)).map(Kind::word)
    }
}

/// The bit of an attribute in a set of attributes; 0 for names that mean nothing.
fn bit(kind: Kind, name: &str) -> u64 {
    kind.attributes().iter().position(|known| *known == name).map_or(0, |index| 1 << index)
}

impl<'d> Interpreter<'d> {
    /// Evaluates all blocks.
    pub(super) fn run_blocks(&mut self) {
        self.blocks.active = true;
        for index in 0..self.blocks.all.len() {
            if self.name_block(index).is_err() {
                self.blocks.all[index].broken = true;
            }
        }
        let mut by_name: HashMap<(Kind, Arc<str>), Vec<usize>> = HashMap::new();
        for (index, state) in self.blocks.all.iter().enumerate().filter(|(_, state)| !state.broken) {
            for name in &state.names {
                by_name.entry((state.kind, name.clone())).or_default().push(index);
            }
        }
        self.blocks.by_name = by_name;
        for index in 0..self.blocks.all.len() {
            if self.blocks.all[index].broken {
                continue;
            }
            let label = self.label(index);
            if let Err(trouble) = self.resolve_block(index, None) {
                self.errors.extend(trouble.at(label, "Invalid block"));
            }
        }
    }

    fn label(&self, index: usize) -> Span {
        let block = self.blocks.all[index].block;
        block.labels.first().map_or(block.kind.span, |label| label.span)
    }

    // Names and matrices.

    /// Finds the combinations of the matrix and the names that they give.
    fn name_block(&mut self, index: usize) -> Result<(), ()> {
        let label = self.label(index);
        let (block, kind) = (self.blocks.all[index].block, self.blocks.all[index].kind);
        let blame = |this: &mut Self, span: Span, message: String| {
            this.fail(span, "Invalid name", message);
            Err(())
        };
        self.blocks.touched.insert(kind);
        let matrix = self.pick(&block.body, "matrix");
        let name = self.pick(&block.body, "name");
        if kind == Kind::Group
            && let Some(attribute) = matrix.or(name)
        {
            let message = format!("{} is not supported for groups", attribute.name.node);
            return blame(self, attribute.name.span, message);
        }
        let cells = Rc::new(self.cells(matrix)?);
        let own = block.labels.first().map_or("", |label| label.node.as_str());
        let empty = match kind {
            Kind::Group => Output::Group(Group { span: Some(label), ..Group::new(own) }),
            Kind::Target => Output::Target(Box::default()),
        };
        let state = &mut self.blocks.all[index];
        state.outputs = vec![empty; cells.len()];
        state.done = vec![0; cells.len()];
        state.progress = vec![0; cells.len()];
        state.cells = Some(cells.clone());
        let mut names: Vec<Arc<str>> = Vec::with_capacity(cells.len());
        let mut seen = HashSet::new();
        for cell in cells.iter() {
            if !is_valid_name(own) {
                return blame(self, label, "only \"[a-zA-Z0-9_-]+\" are allowed".to_owned());
            }
            let found: Arc<str> = match name {
                None => own.into(),
                Some(attribute) => {
                    if matrix.is_none() {
                        return blame(self, attribute.name.span, "name requires matrix".to_owned());
                    }
                    let found = self.cell_name(&attribute.value, cell)?;
                    if !is_valid_name(&found) {
                        let message = format!("\"{found}\": only \"[a-zA-Z0-9_-]+\" are allowed");
                        return blame(self, attribute.value.span, message);
                    }
                    found
                }
            };
            if !seen.insert(found.clone()) {
                let span = name.map_or(label, |attribute| attribute.value.span);
                let span = if span.file == label.file { label } else { span };
                return blame(self, span, format!("duplicate name \"{found}\""));
            }
            names.push(found);
        }
        let state = &mut self.blocks.all[index];
        for (output, name) in state.outputs.iter_mut().zip(&names) {
            if let Output::Target(target) = output {
                target.name = name.to_string();
            }
        }
        state.names = names;
        Ok(())
    }

    fn cell_name(&mut self, expr: &'d Expr, cell: &Cell) -> Result<Arc<str>, ()> {
        let names = cell.scope_names();
        let scope = cell.scope(&names);
        self.load(expr, &scope, &[], true)?;
        let errors = self.errors.len();
        let value = self.eval(expr, &scope);
        if self.errors.len() > errors {
            return Err(());
        }
        match convert(&value, &Type::String).map(|value| value.as_shared_str().cloned()) {
            Ok(Some(name)) => Ok(name),
            Ok(None) => {
                self.fail(expr.span, "Invalid name", "the name must not be null and must be known before the build");
                if let (true, Some(error)) = (value.is_null(), self.errors.last_mut()) {
                    error.help = Some("buildx crashes here".to_owned());
                }
                Err(())
            }
            Err(error) => {
                self.fail(expr.span, "Invalid name", error.to_string());
                Err(())
            }
        }
    }

    /// The combinations of a matrix: the last axis, by name, varies slowest.
    fn cells(&mut self, matrix: Option<&'d Attribute>) -> Result<Vec<Cell>, ()> {
        let Some(attribute) = matrix else { return Ok(vec![Cell::global()]) };
        let expr = &attribute.value;
        self.load(expr, &Scope::GLOBAL, &[], true)?;
        let errors = self.errors.len();
        let value = self.eval(expr, &Scope::GLOBAL);
        if self.errors.len() > errors {
            return Err(());
        }
        let trace = self.trace(expr, &Scope::GLOBAL, &[]);
        let Some(axes) = value.entries() else {
            self.fail(expr.span, "Invalid name", "matrix must be a map");
            return Err(());
        };
        let mut cells = vec![Cell::global()];
        for (axis, values) in axes {
            let axis_trace = trace.entry(axis);
            let Some(values) = values.elements() else {
                self.fail(axis_trace.span, "Invalid name", "matrix values must be a list");
                return Err(());
            };
            if values.len().saturating_mul(cells.len()) > MAX_CELLS {
                let message = format!("a matrix may not make more than {MAX_CELLS} targets");
                self.fail(expr.span, "Matrix too large", message);
                return Err(());
            }
            let mut product = Vec::with_capacity(values.len() * cells.len());
            for (place, (key, value)) in values.into_iter().enumerate() {
                let value_trace = match key.as_str() {
                    Some(key) if axis_trace.key(key).is_some() => axis_trace.entry(key),
                    _ => axis_trace.element(place),
                };
                for cell in &cells {
                    let mut names = cell.names.clone();
                    names.push((axis.clone(), value.clone()));
                    let mut traces = cell.traces.clone();
                    traces.push((axis.clone(), Some(value_trace.clone())));
                    self.blocks.cells += 1;
                    product.push(Cell { id: self.blocks.cells, names, traces });
                }
            }
            cells = product;
        }
        Ok(cells)
    }

    // References.

    /// Evaluates what `target.NAME.ATTRIBUTE` refers to.
    pub(super) fn resolve_reference(&mut self, kind: Kind, traversal: &'d Traversal) -> Result<(), Trouble> {
        let word = kind.word();
        let name = match traversal.steps.first().map(|step| &step.kind) {
            None => return Err(Trouble::Message(format!("cannot access {word} as a variable"))),
            Some(StepKind::Key(_)) => {
                return Err(Trouble::Message(format!("cannot traverse {word} without attribute")));
            }
            Some(StepKind::Attribute(name)) => name.as_str(),
        };
        let attribute = match traversal.steps.get(1).map(|step| &step.kind) {
            Some(StepKind::Attribute(attribute)) => Some(attribute.as_str()),
            _ => None,
        };
        let blocks = self.blocks.by_name.get(&(kind, Arc::from(name))).cloned().unwrap_or_default();
        for index in blocks {
            self.nested(|this| this.resolve_block(index, attribute))?;
        }
        Ok(())
    }

    /// The value that a traversal into a block starts from, with the steps left. None if the traversal's root names
    /// no kind of block; an inner none after an error.
    pub(super) fn block_value(&mut self, traversal: &'d Traversal) -> Option<(Option<Value>, &'d [Step])> {
        let kind = self.blocks.kind(&traversal.root.node)?;
        if !self.blocks.touched.contains(&kind) {
            return None;
        }
        let [first, rest @ ..] = &traversal.steps[..] else { return Some((None, &[])) };
        let StepKind::Attribute(name) = &first.kind else { return Some((None, &[])) };
        let Some((index, cell)) = self.blocks.seen.get(&(kind, Arc::from(name.as_str()))).copied() else {
            let names = self.blocks.by_name.keys().filter(|(own, _)| *own == kind).map(|(_, name)| &**name);
            let mut names: Vec<&str> = names.collect();
            names.sort_unstable();
            let help = self.suggestion(name, names);
            let detail = format!(
                "This object does not have an attribute named \"{name}\": there is no {} of that name.{}",
                kind.word(),
                help
            );
            self.fail(first.span, "Unsupported attribute", detail);
            return Some((None, rest));
        };
        self.warn_of_hidden_block(traversal, kind, name, index);
        let output = &self.blocks.all[index].outputs[cell];
        if let Some(Step { kind: StepKind::Attribute(attribute), .. }) = rest.first()
            && let Some(value) = decode::attribute_value(output, attribute)
        {
            return Some((Some(value), &rest[1..]));
        }
        Some((Some(decode::whole_value(output)), rest))
    }

    /// A reference sees the last block of a name alone, even if an earlier one sets the attribute.
    fn warn_of_hidden_block(&mut self, traversal: &'d Traversal, kind: Kind, name: &str, seen: usize) {
        let Some(Step { kind: StepKind::Attribute(attribute), span }) = traversal.steps.get(1) else { return };
        let Some(blocks) = self.blocks.by_name.get(&(kind, Arc::from(name))).filter(|blocks| blocks.len() > 1) else {
            return;
        };
        let own = |index: usize| self.blocks.all[index].block.body.attribute(attribute);
        if own(seen).is_some() || self.warnings.len() >= MAX_WARNINGS {
            return;
        }
        let Some(hidden) = blocks.iter().rev().find_map(|index| own(*index)) else { return };
        let message = format!("`{}.{name}.{attribute}` is null here", kind.word());
        let mut warning = BakeError { span: Some(traversal.root.span.cover(*span)), ..BakeError::new(message) };
        warning.labels.push((hidden.name.span, "set here, in a block that the reference does not see".to_owned()));
        self.warnings.push(
            warning.with_help("buildx trips here: of several blocks of one name a reference sees the last one alone"),
        );
    }

    // Evaluation.

    /// Evaluates one attribute of a block in all its cells, or all that is left.
    fn resolve_block(&mut self, index: usize, only: Option<&str>) -> Result<(), Trouble> {
        let (block, kind) = (self.blocks.all[index].block, self.blocks.all[index].kind);
        self.blocks.touched.insert(kind);
        let Some(cells) = self.blocks.all[index].cells.clone() else { return Ok(()) };
        let mut result = Ok(());
        for (place, cell) in cells.iter().enumerate() {
            let state = &self.blocks.all[index];
            let Some(name) = state.names.get(place).cloned() else { return Ok(()) };
            let done = state.done[place];
            if let Some(only) = only {
                let bit = bit(kind, only);
                if bit != 0 && done & bit != 0 {
                    return result;
                }
                if state.progress[place] & bit != 0 {
                    let message = format!("reference cycle not allowed for {}.{name}.{only}", kind.word());
                    return Err(Trouble::Message(message));
                }
                self.blocks.all[index].progress[place] |= bit;
            }
            // All that the attributes depend on comes first, then their values.
            let mut loaded = Vec::new();
            let names = cell.scope_names();
            for attribute in block.body.attributes() {
                let word = attribute.name.node.as_str();
                let first = || block.body.attribute(word).is_some_and(|first| std::ptr::eq(first, attribute));
                let is_done = self.blocks.all[index].done[place] & bit(kind, word) != 0;
                if bit(kind, word) == 0 || only.is_some_and(|only| only != word) || is_done || !first() {
                    continue;
                }
                let found = self.load(&attribute.value, &cell.scope(&names), &[], true);
                loaded.push((attribute, found));
            }
            for (attribute, found) in loaded {
                let word = attribute.name.node.as_str();
                if self.blocks.all[index].done[place] & bit(kind, word) != 0 {
                    continue;
                }
                _ = self.pick(&block.body, word);
                if self.resolve_attribute(index, place, cell, &name, attribute, found).is_err() {
                    result = Err(Trouble::Reported);
                }
                self.blocks.all[index].done[place] |= bit(kind, word);
            }
            let targets = bit(kind, "targets");
            if kind == Kind::Group
                && only.is_none_or(|only| only == "targets")
                && block.body.attribute("targets").is_none()
                && self.blocks.all[index].done[place] & targets == 0
            {
                let detail = "The argument \"targets\" is required, but there is none.";
                self.fail(block.body.missing, "Missing required argument", detail);
                self.blocks.all[index].done[place] |= targets;
            }
            if let Some(only) = only {
                self.blocks.all[index].done[place] |= bit(kind, only);
            }
            self.blocks.seen.insert((kind, name), (index, place));
        }
        result
    }

    fn resolve_attribute(
        &mut self,
        index: usize,
        place: usize,
        cell: &Cell,
        name: &Arc<str>,
        attribute: &'d Attribute,
        loaded: Result<(), ()>,
    ) -> Result<(), ()> {
        let names = cell.scope_names();
        let scope = cell.scope(&names);
        let expr = &attribute.value;
        let errors = self.errors.len();
        let value = match loaded {
            Ok(()) => self.eval(expr, &scope),
            Err(()) => Value::DYNAMIC,
        };
        let failed = self.errors.len() > errors || (!value.is_known() && !value.is_volatile());
        let trace = self.inputs.trace.then(|| self.trace(expr, &scope, &cell.traces));
        let source = decode::Given { name: name.clone(), attribute, value, trace, failed };
        let decoded = match &mut self.blocks.all[index].outputs[place] {
            Output::Target(target) => decode::target_attribute(target, &source),
            Output::Group(group) => decode::group_attribute(group, &source),
        };
        if let Err(problem) = decoded
            && !failed
        {
            self.unsuitable(expr, &problem.message);
            // buildx tells where the expression begins.
            if let (Some(span), Some(error)) = (problem.span, self.errors.last_mut())
                && span != expr.span
            {
                error.labels.push((span, "this value".to_owned()));
            }
            return Err(());
        }
        if failed { Err(()) } else { Ok(()) }
    }
}

impl Cell {
    fn global() -> Cell {
        Cell { id: 0, names: Vec::new(), traces: Vec::new() }
    }

    fn scope_names(&self) -> Vec<(&str, Value)> {
        self.names.iter().map(|(name, value)| (&**name, value.clone())).collect()
    }

    fn scope<'s>(&self, names: &'s [(&'s str, Value)]) -> Scope<'s> {
        Scope { parent: None, names, id: self.id, constant: false }
    }
}

/// Whether a target or group may have this name.
pub(super) fn is_valid_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}
