//! A definition to targets and groups: variables, functions, blocks, in the order in which Bake evaluates them.
//!
//! Follows bake/hclparser/hclparser.go of buildx. Unlike there, a mistake does not end the evaluation: the value in
//! question is unknown then, and the rest is still evaluated.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use super::convert::convert;
use super::csv;
use super::definition::DefinitionFile;
use super::error::{BakeError, MAX_SUGGESTIONS};
use super::eval::Scope;
use super::functions::{self, json};
use super::host::Host;
use super::inputs::Inputs;
use super::mentions::{Mentions, mentions};
use super::number::Number;
use super::target::Eval;
use super::trace::{Giver, NameKind, Named, Parts, Trace};
use super::type_expr;
use super::types::Type;
use super::value::Value;
use crate::source::Span;
use crate::suggest::nearest;
use crate::syntax::hcl::*;
use crate::syntax::text::Piece;

/// How deeply the resolution of names may be nested. Every level is a variable, function or attribute whose value
/// needs the next one.
const MAX_RESOLUTION: u32 = 200;

/// A value that names refer to.
#[derive(Clone)]
pub(super) struct Global {
    pub value: Value,
    pub trace: Arc<Trace>,
}

/// A function of the definition.
#[derive(Clone)]
pub(super) struct UserFunction<'d> {
    pub parameters: Vec<&'d str>,
    pub variadic: Option<&'d str>,
    pub result: &'d Expr,
    pub uses: Arc<[Arc<str>]>,
}

/// A variable block.
pub(super) struct VariableBlock<'d> {
    pub block: &'d Block,
    pub ty: Option<&'d Expr>,
    pub default: Option<&'d Expr>,
    pub description: String,
    pub validations: Vec<(Option<&'d Expr>, Option<&'d Expr>, Span)>,
    /// The type, once resolved, if one is given.
    pub constraint: Option<Type>,
}

struct FunctionBlock<'d> {
    block: &'d Block,
    params: Option<&'d Attribute>,
    variadic: Option<&'d Attribute>,
    result: Option<&'d Attribute>,
}

/// Why a name has no value.
pub(super) enum Trouble {
    /// Nothing declares it.
    Undefined(String),
    /// The reason, to be told where the name is mentioned.
    Message(String),
    /// Nothing declares it, and it was asked for before: buildx takes that for a cycle.
    Again(String),
    /// Its value needs itself; the names on the way, the first and last the same.
    Cycle(String, Vec<String>),
    /// The reason is told already.
    Reported,
}

impl Trouble {
    /// As a mistake at a place.
    pub(super) fn at(self, span: Span, summary: &str) -> Option<BakeError> {
        match self {
            Trouble::Undefined(message) | Trouble::Message(message) => Some(BakeError::at(span, summary, message)),
            Trouble::Again(name) => {
                let error = BakeError::at(span, summary, format!("variable cycle not allowed for {name}"));
                Some(error.with_help(format!(
                    "buildx trips here: there is no cycle, nothing declares `{name}`, and buildx takes the second mention of \
                     an undeclared name for one (docker/buildx#3158)"
                )))
            }
            Trouble::Cycle(message, round) => {
                let error = BakeError::at(span, summary, message);
                Some(error.with_help(format!("the values go round: {}", round.join(" → "))))
            }
            Trouble::Reported => None,
        }
    }
}

pub(super) struct Interpreter<'d> {
    pub host: &'d dyn Host,
    pub inputs: &'d Inputs,
    bodies: Vec<(&'d DefinitionFile, &'d File)>,
    pub errors: Vec<BakeError>,
    /// Where buildx does something else than is written, without a word.
    pub warnings: Vec<BakeError>,
    // Evaluation.
    pub depth: u32,
    pub steps: u64,
    pub exhausted: bool,
    pub each: Vec<Value>,
    /// The names whose values are being resolved.
    resolving: Vec<String>,
    resolution: u32,
    // Declarations.
    built_in: BTreeMap<&'static str, String>,
    pub variables: BTreeMap<&'d str, VariableBlock<'d>>,
    pub constants: BTreeMap<&'d str, &'d Attribute>,
    functions: BTreeMap<&'d str, FunctionBlock<'d>>,
    // Results.
    values: HashMap<String, Global>,
    user_functions: BTreeMap<&'d str, Rc<UserFunction<'d>>>,
    variables_in_progress: HashSet<(u32, String)>,
    functions_in_progress: HashSet<&'d str>,
    broken_functions: HashSet<String>,
    mentions: HashMap<usize, Rc<Mentions<'d>>>,
    pub blocks: super::blocks::Blocks<'d>,
}

impl<'d> Interpreter<'d> {
    pub(super) fn new(bodies: Vec<(&'d DefinitionFile, &'d File)>, inputs: &'d Inputs, host: &'d dyn Host) -> Self {
        let built_in = BTreeMap::from([
            ("BAKE_CMD_CONTEXT", inputs.command_context.clone()),
            ("BAKE_LOCAL_PLATFORM", host.platform()),
        ]);
        Interpreter {
            host,
            inputs,
            bodies,
            errors: Vec::new(),
            warnings: Vec::new(),
            depth: 0,
            steps: 0,
            exhausted: false,
            each: Vec::new(),
            resolving: Vec::new(),
            resolution: 0,
            built_in,
            variables: BTreeMap::new(),
            constants: BTreeMap::new(),
            functions: BTreeMap::new(),
            values: HashMap::new(),
            user_functions: BTreeMap::new(),
            variables_in_progress: HashSet::new(),
            functions_in_progress: HashSet::new(),
            broken_functions: HashSet::new(),
            mentions: HashMap::new(),
            blocks: Default::default(),
        }
    }

    /// Evaluates everything.
    pub(super) fn run(&mut self) {
        for (_, file) in &self.bodies {
            self.errors.extend(file.errors.iter().cloned().map(BakeError::from));
        }
        let order = self.declare();
        for name in ["BAKE_CMD_CONTEXT", "BAKE_LOCAL_PLATFORM"] {
            // Resolving a built-in name cannot fail.
            _ = self.resolve_value(&Scope::GLOBAL, name);
        }
        for name in order {
            self.settle_value(name);
        }
        self.validate_variables();
        self.resolve_functions();
        self.run_blocks();
        let constants: Vec<&str> = self.constants.keys().copied().collect();
        for name in constants {
            self.settle_value(name);
        }
    }

    // Declarations.

    /// Gathers variables, functions and constants. The names of the variables in order of their first block.
    fn declare(&mut self) -> Vec<&'d str> {
        let mut order = Vec::new();
        for (file, body) in self.bodies.clone() {
            for block in body.body.blocks() {
                match block.kind.node.as_str() {
                    "variable" if self.check_labels(block) => {
                        let name = block.labels[0].node.as_str();
                        let variable = self.declare_variable(block);
                        if !self.is_reserved(name) {
                            if !self.variables.contains_key(name) {
                                order.push(name);
                            }
                            self.variables.insert(name, variable);
                        }
                    }
                    "function" if self.check_labels(block) => {
                        let function = self.declare_function(block);
                        self.functions.insert(&block.labels[0].node, function);
                    }
                    "target" | "group" if self.check_labels(block) => self.blocks.declare(block, &file.name),
                    _ => {}
                }
            }
            self.declare_constants(&body.body);
        }
        self.warn_of_wiped_types();
        order
    }

    fn declare_constants(&mut self, body: &'d Body) {
        let mut seen = HashSet::new();
        for attribute in body.attributes() {
            let name = attribute.name.node.as_str();
            if body.json && !seen.insert(name) {
                let detail = format!("The argument \"{name}\" was already set in this file.");
                self.fail(attribute.name.span, "Duplicate attribute definition", detail);
                continue;
            }
            if self.is_reserved(name) || name == "function" || (!body.json && !seen.insert(name)) {
                continue;
            }
            self.constants.insert(name, attribute);
        }
    }

    /// An attribute at the top level hides the default of a variable of its name, and what few expect: its type too.
    fn warn_of_wiped_types(&mut self) {
        for (name, attribute) in &self.constants {
            let Some(ty) = self.variables.get(name).and_then(|variable| variable.ty) else { continue };
            let message = format!("the attribute `{name}` takes the type of the variable `{name}` away");
            let mut warning = BakeError { span: Some(attribute.name.span), ..BakeError::new(message) };
            warning.labels.push((ty.span, "this type is forgotten".to_owned()));
            self.warnings.push(warning.with_help(
                "buildx trips here: what overrides the variable is read as the type that the attribute's value has",
            ));
        }
    }

    fn is_reserved(&self, name: &str) -> bool {
        matches!(name, "target" | "group") || self.built_in.contains_key(name)
    }

    /// Whether the block has exactly one label.
    fn check_labels(&mut self, block: &'d Block) -> bool {
        let kind = &block.kind.node;
        match &block.labels[..] {
            [_] => return true,
            [] => {
                let detail = format!("A {kind} block has one label, its name.");
                self.fail(block.open, &format!("Missing name for {kind}"), detail);
            }
            [_, extra, ..] => {
                let detail = format!("A {kind} block has only one label, its name.");
                self.fail(extra.span, &format!("Extraneous label for {kind}"), detail);
            }
        }
        false
    }

    /// Finds the attribute of that name; in JSON, that it is given twice is a mistake.
    pub(super) fn pick(&mut self, body: &'d Body, name: &str) -> Option<&'d Attribute> {
        let mut found = body.attributes().filter(|attribute| attribute.name.node == name);
        let first = found.next()?;
        if body.json
            && let Some(again) = found.next()
        {
            let detail = format!("The argument \"{name}\" was already set in this block.");
            self.fail(again.name.span, "Duplicate argument", detail);
        }
        Some(first)
    }

    /// Reports what a body holds besides the known names.
    fn refuse_others(&mut self, body: &'d Body, known: &[&str]) {
        for item in &body.items {
            let (name, span, summary, what) = match item {
                Item::Attribute(attribute) => {
                    (&attribute.name.node, attribute.name.span, "Unsupported argument", "An argument")
                }
                Item::Block(block) => (&block.kind.node, block.kind.span, "Unsupported block type", "A block"),
            };
            if known.contains(&name.as_str()) && matches!(item, Item::Attribute(_)) {
                continue;
            }
            let help = nearest(name, known.iter().copied());
            let help = help.map(|near| format!(" Did you mean \"{near}\"?")).unwrap_or_default();
            self.fail(span, summary, format!("{what} named \"{name}\" is not expected here.{help}"));
        }
    }

    fn declare_variable(&mut self, block: &'d Block) -> VariableBlock<'d> {
        let body = &block.body;
        let expr = |attribute: Option<&'d Attribute>| attribute.map(|attribute| &attribute.value);
        let ty = expr(self.pick(body, "type"));
        let default = expr(self.pick(body, "default"));
        let mut description = String::new();
        if let Some(value) = expr(self.pick(body, "description")) {
            let errors = self.errors.len();
            let evaluated = self.eval(value, &Scope::CONSTANT);
            if self.errors.len() == errors {
                match convert(&evaluated, &Type::String).map(|value| value.as_str().map(str::to_owned)) {
                    Ok(Some(text)) => description = text,
                    Ok(None) => self.unsuitable(value, "null value is not allowed"),
                    Err(error) => self.unsuitable(value, &error.to_string()),
                }
            }
        }
        let mut validations = Vec::new();
        for inner in body.blocks().filter(|inner| inner.kind.node == "validation") {
            if let Some(label) = inner.labels.first() {
                self.fail(label.span, "Extraneous label for validation", "A validation block has no label.");
                continue;
            }
            let condition = expr(self.pick(&inner.body, "condition"));
            let message = expr(self.pick(&inner.body, "error_message"));
            self.refuse_others(&inner.body, &["condition", "error_message"]);
            validations.push((condition, message, inner.body.missing));
        }
        VariableBlock { block, ty, default, description, validations, constraint: None }
    }

    fn declare_function(&mut self, block: &'d Block) -> FunctionBlock<'d> {
        let body = &block.body;
        let params = self.pick(body, "params");
        let variadic = self.pick(body, "variadic_params");
        let result = self.pick(body, "result");
        self.refuse_others(body, &["params", "result", "variadic_params"]);
        FunctionBlock { block, params, variadic, result }
    }

    pub(super) fn unsuitable(&mut self, expr: &'d Expr, why: &str) {
        self.fail(expr.start(), "Unsuitable value type", format!("Unsuitable value: {why}"));
    }

    // Names.

    /// The value of a global name, if it is resolved.
    pub(super) fn variable(&self, name: &str) -> Option<Value> {
        self.values.get(name).map(|global| global.value.clone())
    }

    pub(super) fn global(&self, name: &str) -> Option<&Global> {
        self.values.get(name)
    }

    pub(super) fn known_names(&self) -> Vec<&str> {
        let kinds = self.blocks.touched_kinds().map(|kind| -> &str { kind });
        self.values.keys().map(String::as_str).chain(kinds).collect()
    }

    pub(super) fn user_function(&self, name: &str) -> Option<Rc<UserFunction<'d>>> {
        self.user_functions.get(name).cloned()
    }

    pub(super) fn user_function_names(&self) -> Vec<&'d str> {
        self.user_functions.keys().copied().collect()
    }

    pub(super) fn mentions_of(&mut self, expr: &'d Expr) -> Rc<Mentions<'d>> {
        let key = std::ptr::from_ref(expr) as usize;
        self.mentions.entry(key).or_insert_with(|| Rc::new(mentions(expr))).clone()
    }

    /// Resolves all that the expression mentions. With `allow_missing`, names that nothing declares are left to the
    /// evaluation, which may not need them.
    ///
    /// # Errors
    /// After a mistake that is told already; the expression is not to be evaluated then.
    pub(super) fn load(
        &mut self,
        expr: &'d Expr,
        scope: &Scope<'_>,
        exclude: &[&str],
        allow_missing: bool,
    ) -> Result<(), ()> {
        let mentions = self.mentions_of(expr);
        for name in &mentions.functions {
            let result = self.resolve_function(&name.node);
            self.tell(name.span, result, allow_missing)?;
        }
        for (name, span) in &mentions.json_functions {
            let result = self.resolve_function(name);
            self.tell(*span, result, allow_missing)?;
        }
        for traversal in &mentions.names {
            let name = traversal.root.node.as_str();
            if exclude.contains(&name) {
                continue;
            }
            let result = match self.blocks.kind(name) {
                Some(kind) => self.resolve_reference(kind, traversal),
                None => self.resolve_value(scope, name),
            };
            let span = match self.blocks.kind(name) {
                Some(_) => traversal.steps.iter().take(2).fold(traversal.root.span, |span, step| span.cover(step.span)),
                None => traversal.root.span,
            };
            self.tell(span, result, allow_missing)?;
        }
        Ok(())
    }

    fn tell(&mut self, span: Span, result: Result<(), Trouble>, allow_missing: bool) -> Result<(), ()> {
        match result {
            Ok(()) => Ok(()),
            Err(Trouble::Undefined(_)) if allow_missing => Ok(()),
            Err(Trouble::Again(name)) => {
                let advice = self.advice_for_undeclared(&name);
                let error = Trouble::Again(name).at(span, "Invalid expression");
                self.errors.extend(error.map(|error| match advice {
                    Some(advice) => error.and_help(&advice),
                    None => error,
                }));
                Err(())
            }
            Err(trouble) => {
                self.errors.extend(trouble.at(span, "Invalid expression"));
                Err(())
            }
        }
    }

    /// What may be meant by a name that nothing declares.
    fn advice_for_undeclared(&mut self, name: &str) -> Option<String> {
        if matches!(name, "string" | "number" | "bool" | "any" | "list" | "set" | "map" | "tuple" | "object") {
            return Some(format!(
                "`{name}` is a type here: let a function call `convert` once, and call that function instead"
            ));
        }
        if self.errors.len() >= MAX_SUGGESTIONS {
            return None;
        }
        let known = self.variables.keys().chain(self.constants.keys()).copied();
        nearest(name, known).map(|near| format!("did you mean `{near}`?"))
    }

    /// Counts a level of resolution while `resolve` runs.
    pub(super) fn nested<T>(&mut self, resolve: impl FnOnce(&mut Self) -> Result<T, Trouble>) -> Result<T, Trouble> {
        if self.resolution >= MAX_RESOLUTION {
            return Err(Trouble::Message(format!("more than {MAX_RESOLUTION} values depend on each other in a row")));
        }
        self.resolution += 1;
        let result = resolve(self);
        self.resolution -= 1;
        result
    }

    // Functions.

    fn resolve_functions(&mut self) {
        let names: Vec<&'d str> = self.functions.keys().copied().collect();
        for name in names {
            if let Err(trouble) = self.resolve_function(name) {
                let Some(function) = self.functions.get(name) else { continue };
                let label = function.block.labels.first().map_or(function.block.kind.span, |label| label.span);
                let span = function.params.map_or(label, |params| params.span);
                self.errors.extend(trouble.at(span, "Invalid function"));
            }
        }
    }

    fn resolve_function(&mut self, name: &str) -> Result<(), Trouble> {
        if functions::lookup(name).is_some() || self.user_functions.contains_key(name) {
            return Ok(());
        }
        if self.broken_functions.contains(name) {
            return Err(Trouble::Reported);
        }
        let Some((name, function)) = self.functions.get_key_value(name) else {
            return Err(Trouble::Undefined(format!("function \"{name}\" does not exist")));
        };
        let (name, params, variadic, result) = (*name, function.params, function.variadic, function.result);
        if !self.functions_in_progress.insert(name) {
            return Err(Trouble::Message(format!("function cycle not allowed for {name}")));
        }
        let resolved = self.user_function_of(name, params, variadic, result);
        match resolved {
            Ok(function) => _ = self.user_functions.insert(name, Rc::new(function)),
            Err(trouble) => {
                // Calls of it shall not fail once more.
                self.broken_functions.insert(name.to_owned());
                return Err(trouble);
            }
        }
        Ok(())
    }

    fn user_function_of(
        &mut self,
        name: &str,
        params: Option<&'d Attribute>,
        variadic: Option<&'d Attribute>,
        result: Option<&'d Attribute>,
    ) -> Result<UserFunction<'d>, Trouble> {
        let result = result.ok_or_else(|| Trouble::Message(format!("empty result not allowed for {name}")))?;
        let params = params.ok_or_else(|| Trouble::Message(format!("empty params not allowed for {name}")))?;
        let errors = self.errors.len();
        let parameters = self.parameters(&params.value);
        let variadic = variadic.and_then(|attribute| self.parameter(&attribute.value));
        if self.errors.len() > errors {
            return Err(Trouble::Reported);
        }
        let exclude: Vec<&str> = parameters.iter().copied().chain(variadic).collect();
        self.nested(|this| this.load(&result.value, &Scope::GLOBAL, &exclude, false).map_err(|()| Trouble::Reported))?;
        let uses = self.uses(&result.value, &exclude);
        Ok(UserFunction { parameters, variadic, result: &result.value, uses })
    }

    fn parameters(&mut self, expr: &'d Expr) -> Vec<&'d str> {
        match &expr.kind {
            ExprKind::Tuple(tuple) => {
                tuple.elements.iter().filter_map(|element| self.parameter(&element.value)).collect()
            }
            _ => {
                self.fail(expr.span, "Invalid expression", "A list of parameter names is required here.");
                Vec::new()
            }
        }
    }

    fn parameter(&mut self, expr: &'d Expr) -> Option<&'d str> {
        let name = match &expr.kind {
            ExprKind::Json(json) => {
                let text = json.text.value.as_str();
                let (inner, errors) = parse_expression(&json.text, expr.span);
                (errors.is_empty() && inner.keyword() == Some(text)).then_some(text)
            }
            _ => expr.keyword(),
        };
        if name.is_none() {
            self.fail(expr.span, "Invalid param element", "A parameter's name is a bare word.");
        }
        name
    }

    // Variables.

    /// Resolves a declared name; a mistake is told at the declaration, the value is unknown then.
    fn settle_value(&mut self, name: &'d str) {
        if let Err(trouble) = self.resolve_value(&Scope::GLOBAL, name) {
            let span = match (self.constants.get(name), self.variables.get(name)) {
                (Some(attribute), _) => attribute.span,
                (None, Some(variable)) => variable.default.map_or(variable.block.body.missing, |expr| expr.span),
                (None, None) => return,
            };
            self.errors.extend(trouble.at(span, "Invalid value"));
        }
    }

    pub(super) fn resolve_value(&mut self, scope: &Scope<'_>, name: &str) -> Result<(), Trouble> {
        if self.values.contains_key(name) || scope.names.iter().any(|(own, _)| *own == name) {
            return Ok(());
        }
        if !self.variables_in_progress.insert((scope.id, name.to_owned())) {
            let message = format!("variable cycle not allowed for {name}");
            return Err(match self.resolving.iter().position(|own| own == name) {
                Some(at) => {
                    let round = self.resolving[at..].iter().cloned().chain([name.to_owned()]);
                    Trouble::Cycle(message, round.collect())
                }
                None if self.constants.contains_key(name) || self.variables.contains_key(name) => {
                    Trouble::Message(message)
                }
                None => Trouble::Again(name.to_owned()),
            });
        }
        if let Some(text) = self.built_in.get(name) {
            let span = Span::at(crate::source::FileId(u32::MAX), 0);
            let global = Global { value: Value::from(text.as_str()), trace: Trace::whole(span) };
            self.values.insert(name.to_owned(), global);
            return Ok(());
        }
        let errors = self.errors.len();
        self.resolving.push(name.to_owned());
        let global = self.nested(|this| match this.constants.get(name) {
            Some(attribute) => {
                let attribute = *attribute;
                Ok(this.constant(scope, attribute))
            }
            None => this.variable_block(name),
        });
        self.resolving.pop();
        let global = match global {
            Ok(global) => global,
            Err(trouble @ Trouble::Undefined(_)) => return Err(trouble),
            Err(trouble) => {
                // Nothing else shall fail only because this did.
                self.values.insert(name.to_owned(), self.unknown_global(name));
                return Err(trouble);
            }
        };
        self.values.insert(name.to_owned(), global);
        if self.errors.len() > errors { Err(Trouble::Reported) } else { Ok(()) }
    }

    fn unknown_global(&self, name: &str) -> Global {
        let span = match (self.constants.get(name), self.variables.get(name)) {
            (Some(attribute), _) => attribute.value.span,
            (None, Some(variable)) => variable.block.header(),
            (None, None) => Span::at(crate::source::FileId(u32::MAX), 0),
        };
        Global { value: Value::DYNAMIC, trace: Trace::whole(span) }
    }

    /// The value of a top-level attribute. An override applies only if a variable of that name exists too.
    fn constant(&mut self, scope: &Scope<'_>, attribute: &'d Attribute) -> Global {
        let name = attribute.name.node.as_str();
        let value = match self.load(&attribute.value, scope, &[], true) {
            Ok(()) => self.eval(&attribute.value, scope),
            Err(()) => Value::DYNAMIC,
        };
        let trace = self.named_trace(name, &attribute.value, scope);
        if !self.variables.contains_key(name) {
            return Global { value, trace };
        }
        match self.find_override(name, false) {
            None => Global { value, trace },
            Some(found) => {
                let value = self.overridden(name, found.text, &value, attribute.value.span);
                Global { value, trace: given_trace(name, attribute.name.span, found.by, Some(trace)) }
            }
        }
    }

    /// The value of a variable block.
    fn variable_block(&mut self, name: &str) -> Result<Global, Trouble> {
        let Some((name, variable)) = self.variables.get_key_value(name) else {
            return Err(Trouble::Undefined(format!("variable \"{name}\" does not exist")));
        };
        let (name, default, header) = (*name, variable.default, variable.block.header());
        let blame = default.map_or(variable.block.body.missing, |expr| expr.start());
        let ty = match variable.ty {
            None => None,
            Some(expr) => match type_expr::constraint(expr) {
                Ok(ty) => Some(ty),
                // `type = null` counts as no type.
                Err(_) if matches!(expr.kind, ExprKind::Null) => None,
                Err(errors) => {
                    self.errors.extend(errors);
                    return Err(Trouble::Reported);
                }
            },
        };
        // `any` is a type that was given, unlike none.
        if let Some(variable) = self.variables.get_mut(name) {
            variable.constraint.clone_from(&ty);
        }
        let wanted = ty.clone().unwrap_or(Type::Any);
        let found = self.find_override(name, ty.is_some());
        if default.is_none() && self.find_override(name, false).is_none() {
            let value = if ty.is_some() { Value::null(wanted) } else { Value::from("") };
            return Ok(Global { value, trace: self.label_trace(name, header) });
        }
        let mut value = Value::DYNAMIC;
        let mut trace = self.label_trace(name, header);
        if let Some(expr) = default {
            self.load(expr, &Scope::GLOBAL, &[], true).map_err(|()| Trouble::Reported)?;
            let errors = self.errors.len();
            value = self.eval(expr, &Scope::GLOBAL);
            if self.errors.len() > errors {
                return Err(Trouble::Reported);
            }
            value = match convert(&value, &wanted) {
                Ok(value) => value,
                Err(error) => {
                    let detail =
                        format!("invalid type {} for variable {name} default value: {error}", wanted.friendly_name());
                    self.fail(blame, "Invalid value", detail);
                    return Err(Trouble::Reported);
                }
            };
            trace = self.named_trace(name, expr, &Scope::GLOBAL);
        }
        let Some(Override { text, json, by }) = found else { return Ok(Global { value, trace }) };
        let trace = given_trace(name, header, by, default.map(|_| trace));
        let Eval::Known(text) = text else {
            let ty = ty.unwrap_or_else(|| if value.ty() == Type::Any { Type::String } else { value.ty() });
            return Ok(Global { value: Value::unknown(ty).or_volatile(true), trace });
        };
        let result =
            match &ty {
                Some(ty) if json => json::decode_as(&text, ty)
                    .map_err(|why| format!("failed to convert variable {name} from JSON: {why}")),
                Some(ty @ (Type::List(_) | Type::Set(_) | Type::Tuple(_) | Type::Map(_))) => from_csv(name, &text, ty)
                    .map_err(|why| format!("failed to convert variable {name} from CSV: {why}")),
                Some(ty) if ty.is_primitive() => from_text(name, &text, ty),
                Some(ty) => Err(format!("unsupported type {} for variable {name}", ty.friendly_name())),
                None => {
                    let value = self.overridden(name, Eval::Known(text), &value, blame);
                    return Ok(Global { value, trace });
                }
            };
        match result {
            Ok(value) => Ok(Global { value, trace }),
            Err(detail) => {
                self.fail(blame, "Invalid value", detail);
                Err(Trouble::Reported)
            }
        }
    }

    /// An override of an untyped name, read as the type of the value that it replaces.
    fn overridden(&mut self, name: &str, text: Eval<String>, value: &Value, span: Span) -> Value {
        let ty = value.ty();
        let Eval::Known(text) = text else {
            return Value::unknown(if ty.is_primitive() { ty } else { Type::String }).or_volatile(true);
        };
        let result = match &ty {
            Type::Any => Ok(Value::from(text)),
            ty if ty.is_primitive() => from_text(name, &text, ty),
            ty => Err(format!("unsupported type {} for variable {name}", ty.friendly_name())),
        };
        result.unwrap_or_else(|detail| {
            self.fail(span, "Invalid value", detail);
            Value::DYNAMIC
        })
    }

    /// The text that overrides a variable.
    fn find_override(&self, name: &str, prefer_json: bool) -> Option<Override> {
        let plain = self.inputs.lookup(name, self.host);
        if plain.is_none() || prefer_json {
            let json = format!("{name}_JSON");
            if !self.variables.contains_key(json.as_str())
                && !self.built_in.contains_key(json.as_str())
                && let Some((text, by)) = self.inputs.lookup(&json, self.host)
            {
                return Some(Override { text, json: true, by });
            }
        }
        plain.map(|(text, by)| Override { text, json: false, by })
    }

    fn validate_variables(&mut self) {
        let rules: Vec<_> = self.variables.values().flat_map(|variable| variable.validations.iter().copied()).collect();
        for (condition, message, missing) in rules {
            const SUMMARY: &str = "Invalid condition result";
            const NULL: &str = "The condition must be true or false, not null.";
            let Some(condition) = condition else {
                self.fail(missing, SUMMARY, "The condition is missing or null; it must be true or false.");
                continue;
            };
            let errors = self.errors.len();
            let result = self.eval(condition, &Scope::GLOBAL);
            if self.errors.len() > errors {
                self.explain_early_condition(condition, errors);
                continue;
            }
            if result.is_null() {
                self.fail(condition.span, SUMMARY, NULL);
                continue;
            }
            match convert(&result, &Type::Bool).map(|value| value.as_bool()) {
                Ok(Some(true) | None) => {}
                Ok(Some(false)) => {
                    let text = match message {
                        Some(message) => {
                            let value = self.eval(message, &Scope::GLOBAL);
                            if self.errors.len() > errors {
                                continue;
                            }
                            convert(&value, &Type::String).ok().and_then(|value| value.as_str().map(str::to_owned))
                        }
                        None => None,
                    };
                    let stock = || "This check failed, but it has no valid error message.".to_owned();
                    self.fail(condition.span, "Validation failed", text.unwrap_or_else(stock));
                }
                Err(error) => {
                    self.fail(condition.span, SUMMARY, format!("Invalid condition result value: {error}"));
                }
            }
        }
    }

    /// Adds to the mistakes from `first` on that the condition asks for what does not exist yet.
    fn explain_early_condition(&mut self, condition: &'d Expr, first: usize) {
        let mentions = self.mentions_of(condition);
        let names = mentions.names.iter().map(|traversal| traversal.root.node.as_str());
        let constant =
            names.into_iter().find(|name| self.constants.contains_key(name) && !self.values.contains_key(*name));
        let mut functions = mentions.functions.iter().map(|name| name.node.as_str());
        let function =
            functions.find(|name| self.functions.contains_key(name) && !self.user_functions.contains_key(name));
        let what = match (constant, function) {
            (Some(name), _) => format!("the attribute `{name}`"),
            (None, Some(name)) => format!("the function `{name}`"),
            (None, None) => return,
        };
        let help = format!("buildx trips here: conditions are checked before {what} exists; they see variables only");
        for error in &mut self.errors[first..] {
            *error = error.clone().and_help(&help);
        }
    }

    // Traces.

    /// The variables, constants and functions that an expression depends on.
    fn uses(&mut self, expr: &'d Expr, exclude: &[&str]) -> Arc<[Arc<str>]> {
        let mentions = self.mentions_of(expr);
        let mut uses: Vec<Arc<str>> = Vec::new();
        for traversal in &mentions.names {
            let name = traversal.root.node.as_str();
            if exclude.contains(&name) {
                continue;
            }
            if let Some(global) = self.values.get(name) {
                uses.extend(global.trace.uses.iter().cloned());
            }
            if self.variables.contains_key(name) || self.constants.contains_key(name) {
                uses.push(name.into());
            }
        }
        let json = mentions.json_functions.iter().map(|(name, _)| name.as_str());
        for name in mentions.functions.iter().map(|name| name.node.as_str()).chain(json) {
            if let Some(function) = self.user_functions.get(name) {
                uses.extend(function.uses.iter().cloned());
                uses.push(name.into());
            }
        }
        if uses.is_empty() {
            return Arc::default();
        }
        uses.sort();
        uses.dedup();
        uses.into()
    }

    fn label_trace(&self, name: &str, span: Span) -> Arc<Trace> {
        Arc::new(Trace { uses: Arc::from([Arc::from(name)]), ..Trace::clone(&Trace::whole(span)) })
    }

    /// The trace of a named value, which depends on the name too.
    fn named_trace(&mut self, name: &str, expr: &'d Expr, scope: &Scope<'_>) -> Arc<Trace> {
        let trace = self.trace(expr, scope, &[]);
        let mut uses: Vec<Arc<str>> = trace.uses.to_vec();
        uses.push(name.into());
        uses.sort();
        uses.dedup();
        Arc::new(Trace { uses: uses.into(), ..Trace::clone(&trace) })
    }

    /// Where the parts of the expression's value are written. Evaluates parts of templates again; what goes wrong
    /// there was told the first time. `locals` are the traces of the scope's own names.
    pub(super) fn trace(
        &mut self,
        expr: &'d Expr,
        scope: &Scope<'_>,
        locals: &[(Arc<str>, Option<Arc<Trace>>)],
    ) -> Arc<Trace> {
        if !self.inputs.trace {
            return Trace::whole(expr.span);
        }
        let errors = self.errors.len();
        let uses = self.uses(expr, &[]);
        let parts = self.trace_parts(expr, scope, locals);
        let names = self.named(expr, locals);
        self.errors.truncate(errors);
        Arc::new(Trace { span: expr.span, parts, uses, names })
    }

    /// The names in an expression with where their values come from, each once.
    fn named(&mut self, expr: &'d Expr, locals: &[(Arc<str>, Option<Arc<Trace>>)]) -> Arc<[Named]> {
        let mentions = self.mentions_of(expr);
        let mut names: Vec<Named> = Vec::new();
        let mut seen: HashSet<(Arc<str>, NameKind)> = HashSet::new();
        for traversal in &mentions.names {
            let root = traversal.root.node.as_str();
            let found = match locals.iter().find(|(own, _)| &**own == root) {
                Some((name, trace)) => trace.clone().map(|trace| (name.clone(), NameKind::Axis, trace)),
                None => match self.blocks.reference_trace(traversal) {
                    Some((name, trace)) => Some((name, NameKind::Attribute, trace)),
                    None => self.values.get(root).and_then(|global| {
                        let kind =
                            if self.constants.contains_key(root) { NameKind::Constant } else { NameKind::Variable };
                        let declared = kind == NameKind::Constant || self.variables.contains_key(root);
                        declared.then(|| (Arc::from(root), kind, global.trace.clone()))
                    }),
                },
            };
            if let Some((name, kind, trace)) = found
                && seen.insert((name.clone(), kind))
            {
                names.push(Named { name, kind, trace });
            }
        }
        names.into()
    }

    fn trace_parts(&mut self, expr: &'d Expr, scope: &Scope<'_>, locals: &[(Arc<str>, Option<Arc<Trace>>)]) -> Parts {
        match &expr.kind {
            ExprKind::Tuple(tuple) => {
                Parts::List(tuple.elements.iter().map(|element| self.trace(&element.value, scope, locals)).collect())
            }
            ExprKind::Object(object) => {
                let mut entries = Vec::with_capacity(object.entries.len());
                for entry in &object.entries {
                    let key: Option<Arc<str>> = match entry.name() {
                        Some(name) => Some(name.into()),
                        None => {
                            let key = self.eval(&entry.key, scope);
                            convert(&key, &Type::String).ok().and_then(|key| key.as_shared_str().cloned())
                        }
                    };
                    if let Some(key) = key {
                        entries.push((key, entry.key.span, self.trace(&entry.value, scope, locals)));
                    }
                }
                Parts::Map(entries)
            }
            ExprKind::Parens(inner) | ExprKind::Wrap(inner) => self.trace_parts(inner, scope, locals),
            ExprKind::Json(json) => match &json.template {
                Ok(template) => self.trace_parts(template, scope, locals),
                Err(_) => Parts::Whole,
            },
            ExprKind::Conditional(conditional) => {
                let condition = self.eval(&conditional.condition, scope);
                match convert(&condition, &Type::Bool).ok().and_then(|condition| condition.as_bool()) {
                    Some(true) => Parts::Reference(self.trace(&conditional.yes, scope, locals)),
                    Some(false) => Parts::Reference(self.trace(&conditional.no, scope, locals)),
                    None => Parts::Whole,
                }
            }
            ExprKind::Traversal(traversal) => {
                let name = traversal.root.node.as_str();
                let local = locals.iter().find(|(own, _)| &**own == name);
                let mut trace = match local {
                    Some((_, Some(trace))) => trace.clone(),
                    Some((_, None)) => return Parts::Whole,
                    None => match (self.blocks.reference_trace(traversal), self.values.get(name)) {
                        (Some((_, trace)), _) => return Parts::Reference(trace),
                        (None, Some(global)) => global.trace.clone(),
                        (None, None) => return Parts::Whole,
                    },
                };
                for step in &traversal.steps {
                    trace = match &step.kind {
                        StepKind::Attribute(name) => trace.entry(name),
                        StepKind::Key(key) => match &key.kind {
                            ExprKind::Number(text) => trace.element(text.parse().unwrap_or(usize::MAX)),
                            _ => match key.literal() {
                                Some(text) => trace.entry(&text.value),
                                None => return Parts::Whole,
                            },
                        },
                    };
                }
                Parts::Reference(trace)
            }
            ExprKind::Template(template) => self.trace_template(template, scope),
            _ => Parts::Whole,
        }
    }

    fn trace_template(&mut self, template: &'d Template, scope: &Scope<'_>) -> Parts {
        let mut text = String::new();
        let mut pieces = Vec::new();
        for part in &template.parts {
            let at = text.len() as u32;
            if let ExprKind::Text(literal) = &part.kind {
                pieces.extend(literal.pieces.iter().map(|piece| Piece { at: at + piece.at, ..*piece }));
                text.push_str(&literal.value);
                continue;
            }
            let value = self.eval(part, scope);
            let value = convert(&value, &Type::String).ok();
            if let Some(value) = value.as_ref().and_then(Value::as_str)
                && !value.is_empty()
            {
                pieces.push(Piece { at, span: part.span, verbatim: false });
                text.push_str(value);
            }
        }
        // Composing characters moves offsets; then only the whole is known.
        match super::value::normalize(&text).len() == text.len() {
            true => Parts::Text(pieces),
            false => Parts::Whole,
        }
    }
}

/// A text that overrides a variable.
struct Override {
    text: Eval<String>,
    /// Whether it is JSON.
    json: bool,
    by: Giver,
}

/// The trace of a value that was given in place of another.
fn given_trace(name: &str, span: Span, by: Giver, instead: Option<Arc<Trace>>) -> Arc<Trace> {
    let parts = Parts::Given(by, instead);
    Arc::new(Trace { span, parts, uses: Arc::from([Arc::from(name)]), names: Arc::default() })
}

/// Reads a text as a primitive type, in the forms that Go's strconv accepts.
fn from_text(name: &str, text: &str, ty: &Type) -> Result<Value, String> {
    match ty {
        Type::String => Ok(Value::from(text)),
        Type::Bool => super::entry::parse_bool(text)
            .map(Value::from)
            .map_err(|_| format!("failed to parse {name} as bool: \"{text}\" is none of true, false, 1, 0, t, f")),
        Type::Number => Number::parse_double(text)
            .map(Value::from)
            .ok_or_else(|| format!("failed to parse {name} as number: \"{text}\" is no number")),
        _ => Err(format!("{name} of type {} is not a primitive", ty.friendly_name())),
    }
}

/// Reads one CSV record as a collection of primitives.
fn from_csv(name: &str, text: &str, ty: &Type) -> Result<Value, String> {
    let fields = csv::fields(text, ',').map_err(|why| format!("failed to parse {text} as CSV: {why}"))?;
    let primitive = |element: &Type| match element.is_primitive() {
        true => Ok(()),
        false => Err(format!("unsupported type {} for CSV specification", ty.friendly_name())),
    };
    let element_error = |why: String| format!("failed to parse element of type {}: {why}", ty.friendly_name());
    let read_all = |element: &Type| {
        primitive(element)?;
        let items = fields.iter().map(|field| from_text(name, &field.text, element).map_err(element_error));
        items.collect::<Result<Vec<_>, _>>()
    };
    let value = match ty {
        Type::List(element) => Value::list(element, read_all(element)?),
        Type::Set(element) => Value::set(element, read_all(element)?),
        Type::Tuple(elements) => {
            if elements.len() != fields.len() {
                return Err(format!("tuple expects {} elements but {} are provided", elements.len(), fields.len()));
            }
            let items = fields.iter().zip(elements.iter()).map(|(field, element)| {
                primitive(element)?;
                from_text(name, &field.text, element).map_err(element_error)
            });
            Some(Value::tuple(items.collect::<Result<_, _>>()?))
        }
        Type::Map(element) => {
            primitive(element)?;
            let mut entries = Vec::new();
            for field in &fields {
                let field = &field.text;
                let pair = csv::fields(field, ':')
                    .map_err(|why| format!("failed to parse {field} as k/v for variable {name}: {why}"))?;
                let [key, value] = &pair[..] else {
                    return Err(format!("expected one k/v pair but got {} pieces from {field}", pair.len()));
                };
                entries.push((key.text.clone(), from_text(name, &value.text, element).map_err(element_error)?));
            }
            Value::map(element, entries)
        }
        _ => None,
    };
    value.ok_or_else(|| format!("unsupported type {} for CSV specification", ty.friendly_name()))
}
