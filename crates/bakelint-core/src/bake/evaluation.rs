//! A definition with its variables and references resolved: targets and groups before a request selects among them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use super::blocks::{Kind, Output};
use super::compose::{self, ComposeFile};
use super::convert::convert;
use super::definition::{Definition, DefinitionFile, Format, Yaml};
use super::error::{BakeError, Mistakes};
use super::functions::json;
use super::host::Host;
use super::included::{IncludedFile, Reader};
use super::inputs::Inputs;
use super::interpreter::Interpreter;
use super::overrides::Overrides;
use super::remote::{clean_path, folder, is_remote};
use super::target::{Group, Origin, Set, Target};
use super::trace::Trace;
use super::types::Type;
use super::value::Value;
use crate::source::Span;
use crate::suggest::nearest;
use crate::syntax::hcl::{self, Block, Expr, ExprKind, StepKind};

/// How many parents or links may follow each other.
const MAX_CHAIN: usize = 500;

/// From how many steps on an evaluation takes the better part of a second.
const COSTLY: u64 = 2_000_000;

/// What a definition evaluates to for given inputs.
///
/// [`Evaluation::errors`] is what makes `docker buildx bake` fail whatever is requested; targets that are not
/// concerned are complete all the same.
#[derive(Debug, Clone, Default)]
pub struct Evaluation {
    /// The targets, blocks of one name merged, in the order of their first block. Parents are not merged in.
    pub targets: Vec<Target>,
    /// The groups, in order; those that a matrix makes come last.
    pub groups: Vec<Group>,
    /// The declared variables by name.
    pub variables: BTreeMap<String, Variable>,
    /// What is wrong in the definition.
    pub errors: Vec<BakeError>,
    /// Whether the evaluation took so many steps that another one should be thought over.
    pub costly: bool,
    /// Where buildx does something else than is written and says nothing. It is copied here.
    pub warnings: Vec<BakeError>,
    /// The files besides the definition's that compose files lead to, once each.
    pub included: Vec<IncludedFile>,
    by_name: HashMap<String, usize>,
    /// Whether there are only compose files.
    pub(super) compose_only: bool,
}

/// The value of a declared variable.
#[derive(Debug, Clone)]
pub struct Variable {
    /// The type, if one is given.
    pub ty: Option<Type>,
    /// The value; [unknown](Value::is_known) after a mistake, or if only a build knows it.
    pub value: Value,
    /// The description; empty if there is none.
    pub description: String,
    /// Where the value is written.
    pub trace: Arc<Trace>,
}

/// Evaluates a definition.
pub fn evaluate(definition: &Definition, inputs: &Inputs, host: &dyn Host) -> Evaluation {
    let reader = Reader::new(host, definition);
    let (compose, bodies, mut errors) = classify(definition, inputs, &reader);
    let mut evaluation = Evaluation::default();
    if !compose.is_empty() {
        let compose::Loaded { targets, groups, problems, warnings } = compose::targets(&compose, inputs, &reader);
        (evaluation.targets, evaluation.groups) = (targets, groups);
        evaluation.warnings = warnings.into_iter().map(BakeError::from).collect();
        // A file that cannot be loaded by itself is no better among others: the mistake is told already.
        if errors.is_empty() {
            errors.extend(problems.into_iter().map(BakeError::from));
        }
        for target in &mut evaluation.targets {
            set_compose_base(target, compose.first().map_or("", |file| file.name));
        }
    }
    evaluation.compose_only = bodies.is_empty();
    let mut interpreter = Interpreter::new(bodies.clone(), inputs, host);
    interpreter.errors = errors;
    let broken: Vec<Span> = bodies.iter().flat_map(|(_, body)| broken_items(body)).collect();
    let before = interpreter.errors.len() + bodies.iter().map(|(_, body)| body.errors.len()).sum::<usize>();
    interpreter.run();
    for (name, variable) in &interpreter.variables {
        let Some(global) = interpreter.global(name) else { continue };
        let variable = Variable {
            ty: variable.constraint.clone(),
            value: global.value.clone(),
            description: variable.description.clone(),
            trace: global.trace.clone(),
        };
        evaluation.variables.insert((*name).to_owned(), variable);
    }
    evaluation.add_blocks(&mut interpreter);
    evaluation.index();
    if inputs.relative_to_files {
        evaluation.rebase_contexts();
    }
    // What follows from a syntax error is not worth telling.
    let mut at = 0;
    interpreter.errors.retain(|error| {
        at += 1;
        at <= before || !error.span.is_some_and(|span| broken.iter().any(|broken| broken.contains(span)))
    });
    let mut seen = HashSet::new();
    interpreter.errors.retain(|error| seen.insert((error.span, error.message())));
    // An exhausted evaluation fails everywhere after its first error.
    interpreter.errors.retain(|error| !(error.summary == "Evaluation too complex" && error.detail.is_empty()));
    evaluation.errors = interpreter.errors;
    evaluation.costly = interpreter.exhausted || interpreter.steps >= COSTLY;
    let mut seen = HashSet::new();
    interpreter.warnings.retain(|warning| seen.insert((warning.span, warning.message())));
    evaluation.warnings.append(&mut interpreter.warnings);
    evaluation.included = reader.into_read();
    evaluation
}

impl Evaluation {
    fn add_blocks(&mut self, interpreter: &mut Interpreter<'_>) {
        let mut places: HashMap<String, usize> =
            self.targets.iter().enumerate().map(|(at, target)| (target.name.clone(), at)).collect();
        let mut matrices: Vec<(&str, Vec<Arc<str>>, Span)> = Vec::new();
        for state in &mut interpreter.blocks.all {
            let Some(label) = state.block.labels.first() else { continue };
            let outputs = std::mem::take(&mut state.outputs);
            for (output, name) in outputs.into_iter().zip(&state.names) {
                match output {
                    Output::Group(group) => match self.groups.iter_mut().find(|own| own.name == group.name) {
                        Some(own) => *own = group,
                        None => self.groups.push(group),
                    },
                    Output::Target(mut target) => {
                        set_base(&mut target, state.block, state.file);
                        match places.get(&**name) {
                            Some(at) => self.targets[*at].merge(&target),
                            None => {
                                places.insert(name.to_string(), self.targets.len());
                                self.targets.push(*target);
                            }
                        }
                    }
                }
            }
            if state.kind == Kind::Target {
                match matrices.iter_mut().find(|(own, ..)| *own == label.node) {
                    Some((_, names, _)) => names.extend(state.names.iter().cloned()),
                    None => matrices.push((&label.node, state.names.clone(), label.span)),
                }
            }
        }
        for (label, names, span) in matrices {
            let mut seen = HashSet::new();
            let names: Vec<Arc<str>> = names.into_iter().filter(|name| seen.insert(name.clone())).collect();
            if names.is_empty() || matches!(&names[..], [only] if **only == *label) {
                continue;
            }
            let members = names.iter().map(|name| Set::new(name.to_string(), Origin::DEFAULT)).collect();
            self.groups.push(Group {
                name: label.to_owned(),
                description: None,
                targets: Some(members),
                span: Some(span),
            });
        }
        for group in &mut self.groups {
            let mut seen = HashSet::new();
            if let Some(members) = &mut group.targets {
                members.retain(|member| seen.insert(member.value.clone()));
            }
        }
    }

    fn index(&mut self) {
        let places = self.targets.iter().enumerate().map(|(at, target)| (target.name.clone(), at));
        self.by_name = places.collect();
    }

    /// The target of that name, without its parents.
    pub fn target(&self, name: &str) -> Option<&Target> {
        self.by_name.get(name).and_then(|at| self.targets.get(*at))
    }

    /// The group of that name; of several the first counts.
    pub fn group(&self, name: &str) -> Option<&Group> {
        self.groups.iter().find(|group| group.name == name)
    }

    fn rebase_contexts(&mut self) {
        let mut bases: Vec<Option<String>> = Vec::with_capacity(self.targets.len());
        for target in &self.targets {
            let of = target.base.context_of.as_deref().and_then(|name| self.target(name));
            let base = match of {
                Some(of) => of.base.context.clone().or_else(|| of.base.default.clone()),
                None => None,
            };
            bases.push(base.or_else(|| target.base.context.clone()));
        }
        for (target, base) in self.targets.iter_mut().zip(bases) {
            match &mut target.context {
                Some(context) => {
                    if let Some(base) = base {
                        context.value = rebase(&base, &context.value);
                    }
                }
                None => target.base.use_default = target.base.default.is_some(),
            }
            for (name, context) in &mut target.contexts {
                if let Some(base) = target.base.contexts.get(name) {
                    context.value = rebase(base, &context.value);
                }
            }
        }
    }

    /// Resolves a target: parents, own attributes, the overrides of the inputs.
    ///
    /// # Errors
    /// When a parent is missing or an override does not fit.
    pub fn resolve(&self, name: &str, inputs: &Inputs, host: &dyn Host) -> Result<Target, BakeError> {
        let (target, mistakes) = self.partially_resolve(name, inputs, host);
        mistakes.into_iter().next().map_or(Ok(target), Err)
    }

    /// As [`Evaluation::resolve`], with all mistakes, and with all that they leave of the target.
    pub fn partially_resolve(&self, name: &str, inputs: &Inputs, host: &dyn Host) -> (Target, Vec<BakeError>) {
        let mut mistakes = Mistakes::default();
        let overrides = Overrides::new(inputs, host, &self.targets, &mut mistakes);
        let target = self.resolve_with(name, &overrides, &mut mistakes);
        (target, mistakes.told)
    }

    /// The target without the parents that are not there and the overrides that do not fit.
    pub(super) fn resolve_with(&self, name: &str, overrides: &Overrides, mistakes: &mut Mistakes) -> Target {
        let mut visited = HashMap::new();
        let resolved = self.with_parents(name, None, overrides, &mut visited, mistakes, 0);
        let mut target = match resolved {
            Some(target) => Rc::unwrap_or_clone(target),
            None => Target::default(),
        };
        target.name = name.to_owned();
        if target.context.is_none() {
            let default = match &target.base.default {
                Some(base) if target.base.use_default => rebase(base, "."),
                _ => ".".to_owned(),
            };
            target.context = Some(Set::new(default, Origin::DEFAULT));
        }
        if target.dockerfile.as_ref().is_none_or(|dockerfile| dockerfile.value.is_empty() && !dockerfile.origin.dynamic)
        {
            target.dockerfile = Some(Set::new("Dockerfile".to_owned(), Origin::DEFAULT));
        }
        target
    }

    /// A target over its parents. None for one that is not there, or is being resolved: cycles are silent.
    fn with_parents(
        &self,
        name: &str,
        mention: Option<Span>,
        overrides: &Overrides,
        visited: &mut HashMap<String, Option<Rc<Target>>>,
        mistakes: &mut Mistakes,
        depth: usize,
    ) -> Option<Rc<Target>> {
        if let Some(target) = visited.get(name) {
            return target.clone();
        }
        if depth > MAX_CHAIN {
            let message = format!("more than {MAX_CHAIN} targets inherit from each other in a row");
            mistakes.add(BakeError { span: mention, ..BakeError::new(message) });
            return None;
        }
        visited.insert(name.to_owned(), None);
        let Some(own) = self.target(name) else {
            mistakes.add(self.unknown_target(name, mention, mistakes.are_few()));
            return None;
        };
        let mut target = Box::<Target>::default();
        for parent in &own.inherits {
            let parent = self.with_parents(&parent.value, parent.span(), overrides, visited, mistakes, depth + 1);
            if let Some(parent) = parent {
                target.merge(&parent);
                // Else the list doubles with each parent that is named twice.
                target.inherits.clear();
            }
        }
        target.merge(own);
        target.inherits.clear();
        overrides.apply(&mut target, name, mistakes);
        target.normalize();
        let target = Rc::new(*target);
        visited.insert(name.to_owned(), Some(target.clone()));
        Some(target)
    }

    pub(super) fn unknown_target(&self, name: &str, mention: Option<Span>, suggest: bool) -> BakeError {
        let mut error = BakeError::new(format!("failed to find target {name}"));
        error.span = mention.filter(|span| span.file.0 != u32::MAX);
        let names = self.targets.iter().map(|target| target.name.as_str());
        let names = names.chain(self.groups.iter().map(|group| group.name.as_str()));
        // Parents and links see the members of a matrix, never its label.
        if let Some(group) = self.group(name).filter(|_| mention.is_some()) {
            let members: Vec<&str> = group.members().take(5).collect();
            let dots = if group.members().nth(5).is_some() { ", …" } else { "" };
            return error.with_help(format!("`{name}` is a group of targets: {}{dots}", members.join(", ")));
        }
        match if suggest { nearest(name, names) } else { None } {
            Some(near) => error.with_help(format!("did you mean `{near}`?")),
            None if name == "default" && mention.is_none() && !self.targets.is_empty() => {
                let names: Vec<&str> = self.targets.iter().take(5).map(|target| target.name.as_str()).collect();
                let dots = if self.targets.len() > names.len() { ", …" } else { "" };
                let names = names.join(", ");
                error.with_help(format!("nothing is called `default`; the definition has the targets {names}{dots}"))
            }
            None => error,
        }
    }

    /// The targets and groups behind a name, without duplicates: what a request of that name builds.
    pub fn members(&self, name: &str) -> (Vec<String>, Vec<String>) {
        struct Frame<'g> {
            name: &'g str,
            members: Vec<&'g str>,
            next: usize,
            targets: Vec<&'g str>,
        }
        fn open<'g>(evaluation: &'g Evaluation, name: &'g str) -> Option<Frame<'g>> {
            let members = evaluation.group(name)?.members().collect();
            Some(Frame { name, members, next: 0, targets: Vec::new() })
        }
        let Some(first) = open(self, name) else { return (vec![name.to_owned()], Vec::new()) };
        let mut groups = vec![name.to_owned()];
        let mut visited: HashMap<&str, Rc<[&str]>> = HashMap::from([(name, Rc::from([]))]);
        let mut frames = vec![first];
        while let Some(frame) = frames.last_mut() {
            if let Some(member) = frame.members.get(frame.next).copied() {
                let targets = match visited.get(member) {
                    Some(targets) => targets.clone(),
                    None => match open(self, member) {
                        Some(inner) => {
                            groups.push(member.to_owned());
                            visited.insert(member, Rc::from([]));
                            frames.push(inner);
                            continue;
                        }
                        None => Rc::from([member]),
                    },
                };
                frame.next += 1;
                // A group that is being resolved gives its own name, which may be that of a target.
                match targets.is_empty() {
                    true => frame.targets.push(member),
                    false => frame.targets.extend(targets.iter()),
                }
                continue;
            }
            let mut seen = HashSet::new();
            frame.targets.retain(|target| seen.insert(*target));
            visited.insert(frame.name, Rc::from(std::mem::take(&mut frame.targets)));
            frames.pop();
        }
        let targets = visited.get(name).map(|targets| targets.iter().map(|target| (*target).to_owned()).collect());
        (targets.unwrap_or_default(), groups)
    }
}

pub(super) fn dedup(names: &mut Vec<String>) {
    let mut seen = HashSet::new();
    names.retain(|name| seen.insert(name.clone()));
}

impl Variable {
    /// The value as `--list=variables` prints it: text as it is, collections as JSON; none for null.
    pub fn text(&self) -> Option<String> {
        if self.value.is_null() {
            return None;
        }
        // A text is shown as it is; what JSON cannot express is shown as nothing, as buildx does.
        Some(match &self.ty {
            Some(Type::String) => {
                json::encode_as(&self.value, &Type::String).unwrap_or_default().trim_matches('"').into()
            }
            Some(ty) => json::encode_as(&self.value, ty).unwrap_or_default(),
            None => match convert(&self.value, &Type::String) {
                Ok(text) => text.as_str().unwrap_or_default().to_owned(),
                Err(_) => json::encode(&self.value).unwrap_or_default(),
            },
        })
    }
}

/// Tells compose files from HCL and JSON ones. What keeps a compose file from being loaded by itself is a mistake, and it
/// is loaded among the others all the same, for the services that are not concerned.
fn classify<'d>(
    definition: &'d Definition,
    inputs: &Inputs,
    reader: &Reader<'_>,
) -> (Vec<ComposeFile<'d>>, Vec<(&'d DefinitionFile, &'d hcl::File)>, Vec<BakeError>) {
    let (mut composes, mut bodies, mut errors) = (Vec::new(), Vec::new(), Vec::new());
    for file in &definition.files {
        let compose =
            |yaml: &'d Yaml| ComposeFile { name: &file.name, text: &file.text, tree: &yaml.tree, errors: &yaml.errors };
        match &file.format {
            Format::Hcl(body) => bodies.push((file, body)),
            Format::Compose(yaml) => {
                errors.extend(compose::validate(&compose(yaml), inputs, reader).into_iter().map(BakeError::from));
                composes.push(compose(yaml));
            }
            Format::Unclear(yaml, body) => match compose::validate(&compose(yaml), inputs, reader).first() {
                None => composes.push(compose(yaml)),
                Some(_) if body.errors.is_empty() => bodies.push((file, body)),
                Some(problem) => {
                    let message =
                        format!("failed to parse {}: parsing yaml: {}, parsing hcl", file.name, problem.message);
                    errors.push(BakeError::new(message));
                    bodies.push((file, body));
                }
            },
        }
    }
    (composes, bodies, errors)
}

/// The attributes and blocks at the top level of a file that have syntax errors.
fn broken_items(file: &hcl::File) -> impl Iterator<Item = Span> {
    let spans = file.body.items.iter().map(|item| match item {
        hcl::Item::Attribute(attribute) => attribute.span,
        hcl::Item::Block(block) => block.span,
    });
    spans.filter(|span| {
        let first = file.errors.partition_point(|error| error.span.start < span.start);
        file.errors.get(first).is_some_and(|error| error.span.start <= span.end)
    })
}

/// Remembers which folder the paths of a service start from: that of the first compose file.
fn set_compose_base(target: &mut Target, file: &str) {
    if file.is_empty() || file == "-" || is_remote(file) {
        return;
    }
    let base = folder(file);
    target.base.context = target.context.is_some().then(|| base.clone());
    target.base.contexts = target.contexts.keys().map(|name| (name.clone(), base.clone())).collect();
    target.base.default = Some(base);
}

/// Remembers which folder the paths of a block start from.
fn set_base(target: &mut Target, block: &Block, file: &str) {
    let base = if file.is_empty() || file == "-" || is_remote(file) { String::new() } else { folder(file) };
    if let Some(context) = block.body.attribute("context") {
        target.base.context = Some(base.clone());
        target.base.context_of = referred_context(&context.value);
    }
    if block.body.attribute("contexts").is_some() {
        target.base.contexts = target.contexts.keys().map(|name| (name.clone(), base.clone())).collect();
    }
    target.base.default = Some(base);
}

/// X, if the expression is `target.X.context`.
fn referred_context(expr: &Expr) -> Option<String> {
    let ExprKind::Traversal(traversal) = &expr.kind else { return None };
    let [first, last] = &traversal.steps[..] else { return None };
    let name = match &first.kind {
        StepKind::Attribute(name) => name.clone(),
        StepKind::Key(key) => key.literal()?.value.clone(),
    };
    let is_context = matches!(&last.kind, StepKind::Attribute(name) if name == "context");
    (traversal.root.node == "target" && is_context).then_some(name)
}

/// Makes a path relative to a folder, unless it is absolute or no path.
fn rebase(base: &str, path: &str) -> String {
    let special = ["cwd://", "target:", "docker-image:", "oci-layout://", "/"];
    if base.is_empty() || path.is_empty() || special.iter().any(|prefix| path.starts_with(prefix)) || is_remote(path) {
        return path.to_owned();
    }
    clean_path(&format!("{base}/{path}"))
}
