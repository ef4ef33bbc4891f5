//! Expressions to values.
//!
//! Follows hclsyntax of hashicorp/hcl (expression.go, expression_ops.go, expression_template.go, and ops.go of the parent
//! package): both sides of a choice are evaluated and the errors of the side not taken are forgotten, an error
//! makes the result unknown and the evaluation goes on, so that independent mistakes are all found.

use std::fmt::Display;

use super::convert::{convert, unify_unsafe};
use super::error::{BakeError, MAX_SUGGESTIONS};
use super::functions;
use super::interpreter::{Interpreter, UserFunction};
use super::number::Number;
use super::type_expr;
use super::types::Type;
use super::value::Value;
use crate::source::Span;
use crate::suggest::nearest;
use crate::syntax::hcl::*;

/// How deeply evaluations may be nested: expressions within expressions and function bodies.
const MAX_DEPTH: u32 = 600;

/// How many expressions one run evaluates at most. A definition of ten thousand targets needs a few million.
pub(super) const MAX_STEPS: u64 = 50_000_000;

/// Names that an expression sees besides the global ones.
#[derive(Clone, Copy)]
pub(super) struct Scope<'s> {
    pub parent: Option<&'s Scope<'s>>,
    pub names: &'s [(&'s str, Value)],
    /// Tells the scopes of matrix cells apart; 0 is the global scope. Inherited by inner scopes.
    pub id: u32,
    /// Whether neither names nor functions are allowed.
    pub constant: bool,
}

impl Scope<'_> {
    /// The scope that sees global names only.
    pub const GLOBAL: Scope<'static> = Scope { parent: None, names: &[], id: 0, constant: false };
    /// The scope where only constants may stand.
    pub const CONSTANT: Scope<'static> = Scope { parent: None, names: &[], id: 0, constant: true };

    fn get(&self, name: &str) -> Option<&Value> {
        let mut scope = Some(self);
        while let Some(current) = scope {
            if let Some((_, value)) = current.names.iter().rev().find(|(own, _)| *own == name) {
                return Some(value);
            }
            scope = current.parent;
        }
        None
    }
}

/// An argument of a call: an expression, or a value that `...` brought.
#[derive(Clone)]
enum Argument<'e> {
    Expr(&'e Expr),
    Value(Value, Span),
}

impl Argument<'_> {
    fn start(&self) -> Span {
        match self {
            Argument::Expr(expr) => expr.start(),
            Argument::Value(_, span) => *span,
        }
    }
}

impl<'d> Interpreter<'d> {
    pub(super) fn fail(&mut self, span: Span, summary: &str, detail: impl Into<String>) {
        self.errors.push(BakeError::at(span, summary, detail));
    }

    /// Evaluates an expression. What goes wrong is added to the errors, the result is unknown then.
    pub(super) fn eval(&mut self, expr: &'d Expr, scope: &Scope<'_>) -> Value {
        if self.depth >= MAX_DEPTH || self.steps >= MAX_STEPS {
            if !self.exhausted {
                self.exhausted = true;
                let detail = match self.steps >= MAX_STEPS {
                    true => "The definition takes too many steps to evaluate.",
                    false => "Expressions and functions are nested too deeply to evaluate.",
                };
                self.fail(expr.span, "Evaluation too complex", detail);
            } else {
                // Later errors of this kind must still keep their expressions from having a value.
                self.errors.push(BakeError::at(expr.span, "Evaluation too complex", ""));
            }
            return Value::DYNAMIC;
        }
        self.depth += 1;
        self.steps += 1;
        let value = self.eval_kind(expr, scope);
        self.depth -= 1;
        match value.check_size() {
            Ok(()) => value,
            Err(error) => {
                self.fail(expr.span, "Value too large", format!("Evaluation stops here: {error}."));
                Value::DYNAMIC
            }
        }
    }

    fn eval_kind(&mut self, expr: &'d Expr, scope: &Scope<'_>) -> Value {
        match &expr.kind {
            ExprKind::Null => Value::NULL,
            ExprKind::Bool(value) => Value::from(*value),
            ExprKind::Number(text) => Number::parse(text).map_or(Value::DYNAMIC, Value::from),
            ExprKind::Text(text) => Value::from(text.value.as_str()),
            ExprKind::Parens(inner) | ExprKind::Wrap(inner) => self.eval(inner, scope),
            ExprKind::Traversal(traversal) => self.eval_traversal(traversal, scope),
            ExprKind::Access(access) => {
                let source = self.eval(&access.source, scope);
                self.follow(source, &access.steps)
            }
            ExprKind::Index(index) => {
                let collection = self.eval(&index.collection, scope);
                let key = self.eval(&index.key, scope);
                self.index(&collection, &key, index.brackets)
            }
            ExprKind::Splat(splat) => self.eval_splat(splat, scope),
            ExprKind::Each => self.each.last().cloned().unwrap_or(Value::DYNAMIC),
            ExprKind::Call(call) => self.eval_call(expr, call, scope),
            ExprKind::Conditional(conditional) => self.eval_conditional(conditional, scope),
            ExprKind::Unary(unary) => self.eval_unary(expr, unary, scope),
            ExprKind::Binary(binary) => self.eval_binary(binary, scope),
            ExprKind::Tuple(tuple) => {
                Value::tuple(tuple.elements.iter().map(|element| self.eval(&element.value, scope)).collect())
            }
            ExprKind::Object(object) => self.eval_object(object, scope),
            ExprKind::For(of) => self.eval_for(of, scope),
            ExprKind::Template(template) => self.eval_template(template, scope),
            ExprKind::Join(inner) => self.eval_join(inner, scope),
            ExprKind::Json(json) => match &json.template {
                _ if scope.constant => Value::from(json.text.value.as_str()),
                Ok(template) => self.eval(template, scope),
                Err(errors) => {
                    self.errors.extend(errors.iter().cloned().map(BakeError::from));
                    Value::DYNAMIC
                }
            },
            ExprKind::Invalid => Value::DYNAMIC,
        }
    }

    // Names and steps.

    fn eval_traversal(&mut self, traversal: &'d Traversal, scope: &Scope<'_>) -> Value {
        let name = traversal.root.node.as_str();
        if scope.constant {
            let detail = "Only constants may stand here, no variables.";
            self.fail(traversal.root.span, "Variables not allowed", detail);
            return Value::DYNAMIC;
        }
        if let Some(value) = scope.get(name) {
            let value = value.clone();
            return self.follow(value, &traversal.steps);
        }
        if let Some((value, steps)) = self.block_value(traversal) {
            return match value {
                Some(value) => self.follow(value, steps),
                None => Value::DYNAMIC,
            };
        }
        if let Some(value) = self.variable(name) {
            return self.follow(value, &traversal.steps);
        }
        let mut known: Vec<&str> = self.known_names();
        let mut inner = Some(scope);
        while let Some(current) = inner {
            known.extend(current.names.iter().map(|(name, _)| *name));
            inner = current.parent;
        }
        known.sort_unstable();
        let help = self.suggestion(name, known);
        self.fail(traversal.root.span, "Unknown variable", format!("There is no variable named \"{name}\".{help}"));
        Value::DYNAMIC
    }

    pub(super) fn follow(&mut self, value: Value, steps: &'d [Step]) -> Value {
        let mut value = value;
        for step in steps {
            let errors = self.errors.len();
            value = match &step.kind {
                StepKind::Attribute(name) => self.attribute(&value, name, step.span),
                StepKind::Key(key) => {
                    let key = self.eval(key, &Scope::CONSTANT);
                    self.index(&value, &key, step.span)
                }
            };
            if self.errors.len() > errors {
                return Value::DYNAMIC;
            }
        }
        value
    }

    fn attribute(&mut self, of: &Value, name: &str, span: Span) -> Value {
        const SUMMARY: &str = "Unsupported attribute";
        if of.is_null() {
            let detail = "The value is null, so it has no attributes.";
            self.fail(span, "Attempt to get attribute from null value", detail);
            return Value::DYNAMIC;
        }
        let ty = of.ty();
        let detail = match &ty {
            Type::Any => return Value::DYNAMIC.or_volatile(of.is_volatile()),
            Type::Object(object) => match object.get(name) {
                Some(ty) => return of.get(name).unwrap_or_else(|| Value::unknown(ty.clone())),
                None => {
                    let help = self.suggestion(name, object.attributes().map(|(name, _)| &**name));
                    format!("This object does not have an attribute named \"{name}\".{help}")
                }
            },
            Type::Map(element) => {
                if !of.is_known() {
                    return Value::unknown((**element).clone());
                }
                return of.get(name).unwrap_or_else(|| {
                    let detail = format!("This map does not have an element with the key \"{name}\".");
                    self.fail(span, "Missing map element", detail);
                    Value::DYNAMIC
                });
            }
            Type::List(element) | Type::Set(element) if matches!(**element, Type::Object(_)) => {
                format!("A {} has no attributes, its elements do. Use [*] or a for expression.", ty.friendly_name())
            }
            _ if ty.is_primitive() => format!("A {} has no attributes.", ty.friendly_name()),
            _ => "This value has no attributes.".to_owned(),
        };
        self.fail(span, SUMMARY, detail);
        Value::DYNAMIC
    }

    fn index(&mut self, of: &Value, key: &Value, span: Span) -> Value {
        const SUMMARY: &str = "Invalid index";
        const NONE: &str = "The given key does not identify an element in this collection value";
        if of.is_null() {
            self.fail(span, "Attempt to index null value", "The value is null, so it has no elements.");
            return Value::DYNAMIC;
        }
        if key.is_null() {
            self.fail(span, SUMMARY, "A null value is no index.");
            return Value::DYNAMIC;
        }
        let (ty, volatile) = (of.ty(), of.is_volatile() || key.is_volatile());
        if ty == Type::Any || key.ty() == Type::Any {
            return Value::DYNAMIC.or_volatile(volatile);
        }
        let wanted = match &ty {
            Type::List(_) | Type::Tuple(_) => Type::Number,
            Type::Map(_) | Type::Object(_) => Type::String,
            Type::Set(_) => {
                self.fail(span, SUMMARY, "Elements of a set have no index.");
                return Value::DYNAMIC;
            }
            _ => {
                self.fail(span, SUMMARY, "This value has no elements.");
                return Value::DYNAMIC;
            }
        };
        let was_number = key.ty() == Type::Number;
        let key = match convert(key, &wanted) {
            Ok(key) => key,
            Err(error) => {
                self.fail(span, SUMMARY, format!("{NONE}: {error}."));
                return Value::DYNAMIC;
            }
        };
        if !key.is_known() || !of.is_known() {
            return Value::unknown(ty.element().cloned().unwrap_or(Type::Any)).or_volatile(volatile);
        }
        if let Type::Object(_) = ty {
            return match of.get(key.as_str().unwrap_or_default()) {
                Some(value) => value.or_volatile(volatile),
                None => {
                    let help = if was_number { " An object has names, not numbers." } else { "" };
                    self.fail(span, SUMMARY, format!("{NONE}.{help}"));
                    Value::DYNAMIC
                }
            };
        }
        if let Some(found) = of.index(&key) {
            return found;
        }
        let why = match key.as_number() {
            Some(number) if !number.is_integer() => ": the index must be a whole number",
            Some(number) if number.signum() < 0 => ": the index must not be negative",
            Some(_) if of.items().is_some_and(|items| items.len() == 0) => ": the collection has no elements",
            Some(_) => ": the index is greater than or equal to the length of the collection",
            None => "",
        };
        self.fail(span, SUMMARY, format!("{NONE}{why}."));
        Value::DYNAMIC
    }

    fn eval_splat(&mut self, splat: &'d Splat, scope: &Scope<'_>) -> Value {
        let errors = self.errors.len();
        let source = self.eval(&splat.source, scope);
        if self.errors.len() > errors {
            return Value::DYNAMIC;
        }
        let ty = source.ty();
        let sequence = matches!(ty, Type::Tuple(_) | Type::List(_) | Type::Set(_));
        if source.is_null() {
            if !sequence {
                return Value::tuple(Vec::new()).or_volatile(source.is_volatile());
            }
            self.fail(splat.source.span, "Splat of null value", "A null list has no elements that * could go through.");
            return Value::DYNAMIC;
        }
        if ty == Type::Any || !source.is_known() {
            return Value::DYNAMIC.or_volatile(source.is_volatile());
        }
        let items: Vec<Value> = match source.items() {
            Some(items) => items.collect(),
            None => vec![source.clone()],
        };
        let of_one_type = matches!(ty, Type::List(_) | Type::Set(_));
        if of_one_type && items.is_empty() {
            // The element type of the result still matters, to whoever unifies it.
            let element = ty.element().cloned().unwrap_or(Type::Any);
            self.each.push(Value::unknown(element));
            let each = self.eval(&splat.each, scope);
            self.each.pop();
            return Value::list(&each.ty(), Vec::new()).unwrap_or(Value::DYNAMIC);
        }
        let mut results = Vec::with_capacity(items.len());
        for item in items {
            self.each.push(item);
            results.push(self.eval(&splat.each, scope));
            self.each.pop();
        }
        if self.errors.len() > errors {
            return Value::DYNAMIC;
        }
        let volatile = source.is_volatile();
        if !of_one_type {
            return Value::tuple(results).or_volatile(volatile);
        }
        match Value::list(&Type::Any, results) {
            Some(list) => list.or_volatile(volatile),
            None => {
                let detail = "The elements of the result are of different types. Use a for expression instead.";
                self.fail(splat.each.span, "Invalid nested splat expressions", detail);
                Value::DYNAMIC
            }
        }
    }

    // Operators.

    /// Calls a built-in function for an operator.
    fn operate(&mut self, name: &str, arguments: &[Value], span: Span) -> Value {
        let Some(function) = functions::lookup(name) else { return Value::DYNAMIC };
        match functions::call(function, arguments.to_vec(), self.host) {
            Ok(value) => value,
            Err(error) => {
                self.fail(span, "Operation failed", format!("Error during operation: {}.", error.message));
                Value::DYNAMIC
            }
        }
    }

    /// Converts an operand; an error if that is not possible.
    fn operand(&mut self, value: Value, wanted: &Type, side: &str, span: Span) -> Value {
        match convert(&value, wanted) {
            Ok(value) => value,
            Err(error) => {
                self.fail(span, "Invalid operand", format!("Unsuitable value for {side} operand: {error}."));
                Value::unknown(wanted.clone())
            }
        }
    }

    fn eval_unary(&mut self, expr: &'d Expr, unary: &'d Unary, scope: &Scope<'_>) -> Value {
        let (name, wanted) = match unary.operator.node {
            UnaryOperator::Not => ("not", Type::Bool),
            UnaryOperator::Negate => ("negate", Type::Number),
        };
        let errors = self.errors.len();
        let value = self.eval(&unary.operand, scope);
        let value = self.operand(value, &wanted, "unary", unary.operand.span);
        if self.errors.len() > errors {
            return Value::unknown(wanted);
        }
        self.operate(name, &[value], expr.span)
    }

    fn eval_binary(&mut self, binary: &'d Binary, scope: &Scope<'_>) -> Value {
        let mut mark = self.errors.len();
        let mut left = self.eval(&binary.first, scope);
        let mut span = binary.first.span;
        for (operator, right) in &binary.rest {
            let left_errors = self.errors.split_off(mark);
            let whole = span.cover(right.span);
            left = self.eval_operation(left, left_errors, span, operator.node, right, whole, scope);
            span = whole;
            mark = mark.min(self.errors.len());
        }
        left
    }

    #[allow(clippy::too_many_arguments, reason = "the parts of one operation")]
    fn eval_operation(
        &mut self,
        left: Value,
        left_errors: Vec<BakeError>,
        left_span: Span,
        operator: BinaryOperator,
        right: &'d Expr,
        whole: Span,
        scope: &Scope<'_>,
    ) -> Value {
        let (name, wanted, result) = match operator {
            BinaryOperator::Or => ("or", Type::Bool, Type::Bool),
            BinaryOperator::And => ("and", Type::Bool, Type::Bool),
            BinaryOperator::Equal => ("equal", Type::Any, Type::Bool),
            BinaryOperator::NotEqual => ("notequal", Type::Any, Type::Bool),
            BinaryOperator::Greater => ("greaterthan", Type::Number, Type::Bool),
            BinaryOperator::GreaterOrEqual => ("greaterthanorequalto", Type::Number, Type::Bool),
            BinaryOperator::Less => ("lessthan", Type::Number, Type::Bool),
            BinaryOperator::LessOrEqual => ("lessthanorequalto", Type::Number, Type::Bool),
            BinaryOperator::Add => ("add", Type::Number, Type::Number),
            BinaryOperator::Subtract => ("subtract", Type::Number, Type::Number),
            BinaryOperator::Multiply => ("multiply", Type::Number, Type::Number),
            BinaryOperator::Divide => ("divide", Type::Number, Type::Number),
            BinaryOperator::Modulo => ("modulo", Type::Number, Type::Number),
        };
        let mark = self.errors.len();
        let left = self.operand(left, &wanted, "left", left_span);
        let conversion_errors = self.errors.len();
        let right_value = self.eval(right, scope);
        let right_errors = self.errors.split_off(conversion_errors);
        let right = self.operand(right_value, &wanted, "right", right.span);
        if self.errors.len() > mark {
            self.errors.extend(left_errors);
            self.errors.extend(right_errors);
            return Value::unknown(result);
        }
        // Either side may decide; the errors of the other side are forgotten then.
        let decides = match operator {
            BinaryOperator::Or => Some(true),
            BinaryOperator::And => Some(false),
            _ => None,
        };
        if let Some(decisive) = decides {
            let volatile = left.is_volatile() || right.is_volatile();
            let unknown = || Value::unknown(Type::Bool).or_volatile(volatile);
            // Null counts as false until the operator itself has to work with it.
            let truth = |value: &Value| if value.is_null() { Some(false) } else { value.as_bool() };
            let (value, errors) = match (truth(&left), truth(&right)) {
                _ if !left.is_known() && !right.is_known() => {
                    if left_errors.is_empty() {
                        (Some(unknown()), left_errors)
                    } else {
                        (None, left_errors.into_iter().chain(right_errors).collect())
                    }
                }
                (Some(value), _) if value == decisive => (Some(Value::from(value).or_volatile(volatile)), left_errors),
                (_, Some(value)) if value == decisive => (Some(Value::from(value).or_volatile(volatile)), right_errors),
                (_, Some(_)) if !left.is_known() => (Some(unknown()), left_errors),
                (Some(_), _) if !right.is_known() => (Some(unknown()), right_errors),
                _ => (None, left_errors.into_iter().chain(right_errors).collect()),
            };
            self.errors.extend(errors);
            if let Some(value) = value {
                return value;
            }
        } else {
            self.errors.extend(left_errors);
            self.errors.extend(right_errors);
        }
        if self.errors.len() > mark {
            return Value::unknown(result);
        }
        self.operate(name, &[left, right], whole)
    }

    fn eval_conditional(&mut self, conditional: &'d Conditional, scope: &Scope<'_>) -> Value {
        let mark = self.errors.len();
        let yes = self.eval(&conditional.yes, scope);
        let yes_errors = self.errors.split_off(mark);
        let no = self.eval(&conditional.no, scope);
        let no_errors = self.errors.split_off(mark);
        const INCONSISTENT: &str = "Inconsistent conditional result types";
        let (yes_type, no_type) = (yes.ty(), no.ty());
        let mut unified = None;
        let result = if yes.raw_equals(&Value::NULL) {
            Some(no_type.clone())
        } else if no.raw_equals(&Value::NULL) {
            Some(yes_type.clone())
        } else if yes_type == Type::Any || no_type == Type::Any {
            Some(Type::Any)
        } else if yes_type == no_type {
            Some(yes_type.clone())
        } else {
            unified = unify_unsafe(&[yes_type.clone(), no_type.clone()]);
            unified.as_ref().map(|unified| unified.ty.clone())
        };
        let Some(result) = result else {
            let detail = format!("Both results must be of one type: {}.", describe_mismatch(&yes_type, &no_type));
            self.fail(conditional.yes.span.cover(conditional.no.span), INCONSISTENT, detail);
            return Value::DYNAMIC;
        };
        let condition = self.eval(&conditional.condition, scope);
        let volatile = condition.is_volatile();
        if condition.is_null() {
            let detail = "The condition is null; it must be true or false.";
            self.fail(conditional.condition.span, "Null condition", detail);
            return Value::unknown(result);
        }
        if !condition.is_known() {
            return Value::unknown(result).or_volatile(volatile);
        }
        let Some(condition) = convert(&condition, &Type::Bool).ok().and_then(|value| value.as_bool()) else {
            let detail = "The condition must be a bool.";
            self.fail(conditional.condition.span, "Incorrect condition type", detail);
            return Value::unknown(result);
        };
        let (value, errors, side, name) = match condition {
            true => (yes, yes_errors, &conditional.yes, "true"),
            false => (no, no_errors, &conditional.no, "false"),
        };
        self.errors.extend(errors);
        let converted = match unified {
            Some(unified) => unified.convert(&value),
            None if result == Type::Any => Ok(value),
            None => convert(&value, &result),
        };
        match converted {
            Ok(value) => value.or_volatile(volatile),
            Err(error) => {
                self.fail(side.span, INCONSISTENT, format!("The {name} result has the wrong type: {error}."));
                Value::unknown(result)
            }
        }
    }

    // Collections.

    fn eval_object(&mut self, object: &'d Object, scope: &Scope<'_>) -> Value {
        let mut known = true;
        let mut entries: Vec<(std::sync::Arc<str>, Value)> = Vec::with_capacity(object.entries.len());
        let mut seen = std::collections::HashSet::new();
        for entry in &object.entries {
            let errors = self.errors.len();
            let key = self.eval_key(entry, scope);
            let failed = self.errors.len() > errors;
            let value = self.eval(&entry.value, scope);
            if failed {
                known = false;
                continue;
            }
            let at = if object.json { entry.key.span } else { entry.value.span };
            let summary = if object.json { "Invalid object key expression" } else { "Null value as key" };
            if key.is_null() {
                self.fail(at, summary, "A null value is no key.");
                known = false;
                continue;
            }
            let key = match convert(&key, &Type::String) {
                Ok(key) => key,
                Err(error) => {
                    let summary = if object.json { summary } else { "Incorrect key type" };
                    self.fail(entry.key.span, summary, format!("This value is no key: {error}."));
                    known = false;
                    continue;
                }
            };
            let Some(key) = key.as_shared_str().cloned() else {
                known = false;
                continue;
            };
            if object.json && !seen.insert(key.clone()) {
                let detail = format!("The key \"{key}\" is defined twice.");
                self.fail(entry.key.span, "Duplicate object attribute", detail);
                continue;
            }
            entries.push((key, value));
        }
        if known { Value::object(entries) } else { Value::DYNAMIC }
    }

    /// The key of an object's entry: a bare word stands for itself.
    fn eval_key(&mut self, entry: &'d Entry, scope: &Scope<'_>) -> Value {
        if !entry.parens {
            if let ExprKind::Traversal(traversal) = &entry.key.kind
                && !traversal.steps.is_empty()
            {
                let detail = "Put a reference in parentheses, or a name with dots in quotes.";
                self.fail(entry.key.span, "Ambiguous attribute key", detail);
                return Value::DYNAMIC;
            }
            if let Some(word) = entry.key.keyword() {
                return Value::from(word);
            }
        }
        self.eval(&entry.key, scope)
    }

    fn eval_for(&mut self, of: &'d For, scope: &Scope<'_>) -> Value {
        let collection = self.eval(&of.collection, scope);
        if collection.is_null() {
            let detail = "A null value cannot be gone through by \"for\".";
            self.fail(of.collection.span, "Iteration over null value", detail);
            return Value::DYNAMIC;
        }
        if collection.ty() == Type::Any {
            return Value::DYNAMIC.or_volatile(collection.is_volatile());
        }
        let iterable = collection.elements();
        if iterable.is_none() && (collection.is_known() || collection.ty().is_primitive()) {
            let detail = format!("A {} cannot be gone through by \"for\".", collection.ty().friendly_name());
            self.fail(of.collection.span, "Iteration over non-iterable value", detail);
            return Value::DYNAMIC;
        }
        let key_name = of.key_name.as_ref().map(|name| name.node.as_str());
        let value_name = of.value_name.node.as_str();
        let names = |key: Value, value: Value| {
            let mut names = Vec::with_capacity(2);
            names.extend(key_name.map(|name| (name, key)));
            names.push((value_name, value));
            names
        };
        if let Some(condition) = &of.condition {
            // A condition that cannot hold for any element is told once, before the first one.
            let names = names(Value::DYNAMIC, Value::DYNAMIC);
            let inner = Scope { parent: Some(scope), names: &names, ..*scope };
            let errors = self.errors.len();
            let result = self.eval(condition, &inner);
            if self.condition_holds(&result, condition.span).is_err() || self.errors.len() > errors {
                return Value::DYNAMIC;
            }
        }
        let Some(elements) = iterable else { return Value::DYNAMIC.or_volatile(collection.is_volatile()) };
        let mut volatile = collection.is_volatile();
        let mut known = true;
        let mut list = Vec::new();
        let mut groups: std::collections::BTreeMap<std::sync::Arc<str>, Vec<Value>> = Default::default();
        for (key, value) in elements {
            if self.exhausted {
                return Value::DYNAMIC;
            }
            let names = names(key, value);
            let inner = Scope { parent: Some(scope), names: &names, ..*scope };
            if let Some(condition) = &of.condition {
                let result = self.eval(condition, &inner);
                volatile |= result.is_volatile();
                match if known { self.condition_holds(&result, condition.span) } else { Err(()) } {
                    Ok(Some(true)) => {}
                    Ok(Some(false)) => continue,
                    Ok(None) | Err(()) => {
                        known = false;
                        continue;
                    }
                }
            }
            let Some(key_expr) = &of.key else {
                list.push(self.eval(&of.value, &inner));
                continue;
            };
            let key = self.eval(key_expr, &inner);
            volatile |= key.is_volatile();
            if key.is_null() {
                if known {
                    self.fail(key_expr.span, "Invalid object key", "The key of a \"for\" must not be null.");
                }
                known = false;
                continue;
            }
            let key = match convert(&key, &Type::String) {
                Ok(key) => key,
                Err(error) => {
                    if known {
                        self.fail(key_expr.span, "Invalid object key", format!("The value is no key: {error}."));
                    }
                    known = false;
                    continue;
                }
            };
            let Some(key) = key.as_shared_str().cloned() else {
                known = false;
                continue;
            };
            let value = self.eval(&of.value, &inner);
            let group = groups.entry(key.clone()).or_default();
            if of.group.is_none() && !group.is_empty() {
                let detail = format!(
                    "Two different items have the key \"{key}\". Write ... behind the value to gather the values of a key."
                );
                self.fail(key_expr.span, "Duplicate object key", detail);
            } else {
                group.push(value);
            }
        }
        if !known {
            return Value::DYNAMIC.or_volatile(volatile);
        }
        let value = match (&of.key, of.group) {
            (None, _) => Value::tuple(list),
            (Some(_), Some(_)) => Value::object(groups.into_iter().map(|(key, values)| (key, Value::tuple(values)))),
            (Some(_), None) => {
                Value::object(groups.into_iter().filter_map(|(key, values)| Some((key, values.into_iter().next()?))))
            }
        };
        value.or_volatile(volatile)
    }

    /// Whether the condition of a `for` holds; none if that is not known.
    fn condition_holds(&mut self, result: &Value, span: Span) -> Result<Option<bool>, ()> {
        const SUMMARY: &str = "Invalid 'for' condition";
        if result.is_null() {
            self.fail(span, SUMMARY, "The condition after \"if\" must not be null.");
            return Err(());
        }
        match convert(result, &Type::Bool) {
            Ok(value) => Ok(value.as_bool()),
            Err(error) => {
                self.fail(span, SUMMARY, format!("The condition after \"if\" is unsuitable: {error}."));
                Err(())
            }
        }
    }

    // Templates.

    fn eval_template(&mut self, template: &'d Template, scope: &Scope<'_>) -> Value {
        if let [Expr { kind: ExprKind::Text(text), .. }] = &template.parts[..] {
            return Value::from(text.value.as_str());
        }
        const SUMMARY: &str = "Invalid template interpolation value";
        let mut text = String::new();
        let (mut known, mut volatile) = (true, false);
        for part in &template.parts {
            let value = self.eval(part, scope);
            volatile |= value.is_volatile();
            if value.is_null() {
                let detail = "The value is null, which has no place in a string.";
                self.fail(part.span, SUMMARY, detail);
                continue;
            }
            match convert(&value, &Type::String) {
                Ok(value) => match value.as_str() {
                    Some(value) => text.push_str(value),
                    None => known = false,
                },
                Err(error) => {
                    self.fail(part.span, SUMMARY, format!("The value has no place in a string: {error}."));
                }
            }
        }
        match known {
            true => Value::from(text).or_volatile(volatile),
            false => Value::unknown(Type::String).or_volatile(volatile),
        }
    }

    fn eval_join(&mut self, inner: &'d Expr, scope: &Scope<'_>) -> Value {
        const SUMMARY: &str = "Invalid template interpolation value";
        let tuple = self.eval(inner, scope);
        let volatile = tuple.is_volatile();
        let Some(items) = tuple.items() else { return Value::unknown(Type::String).or_volatile(volatile) };
        let mut text = String::new();
        for item in items {
            if item.is_null() {
                self.fail(inner.span, SUMMARY, "One of the values is null, which has no place in a string.");
                continue;
            }
            match convert(&item, &Type::String) {
                Ok(item) => match item.as_str() {
                    Some(item) => text.push_str(item),
                    None => return Value::unknown(Type::String).or_volatile(volatile),
                },
                Err(error) => {
                    self.fail(inner.span, SUMMARY, format!("One of the values has no place in a string: {error}."));
                }
            }
        }
        Value::from(text).or_volatile(volatile)
    }

    // Calls.

    fn eval_call(&mut self, expr: &'d Expr, call: &'d Call, scope: &Scope<'_>) -> Value {
        let name = call.name.node.as_str();
        if scope.constant {
            self.fail(expr.span, "Function calls not allowed", "Only constants may stand here, no function calls.");
            return Value::DYNAMIC;
        }
        let special = matches!(name, "try" | "can" | "convert");
        let user = self.user_function(name);
        if !special && user.is_none() && functions::lookup(name).is_none() {
            self.unknown_function(call);
            return Value::DYNAMIC;
        }
        let mut arguments: Vec<Argument<'d>> =
            call.arguments.iter().map(|argument| Argument::Expr(&argument.value)).collect();
        if call.expand.is_some()
            && let Some(Argument::Expr(last)) = arguments.pop()
        {
            match self.expand(last, scope) {
                Some(values) => arguments.extend(values.into_iter().map(|value| Argument::Value(value, last.span))),
                None => return Value::DYNAMIC,
            }
        }
        match name {
            "try" => self.call_try(call, &arguments, scope),
            "can" => self.call_can(call, &arguments, scope),
            "convert" => self.call_convert(call, &arguments, scope),
            _ => match user {
                Some(function) => self.call_user(call, &function, &arguments, scope),
                None => self.call_builtin(call, &arguments, scope),
            },
        }
    }

    fn unknown_function(&mut self, call: &'d Call) {
        const SUMMARY: &str = "Call to unknown function";
        let name = call.name.node.as_str();
        let detail = match name.rsplit_once("::") {
            Some((namespace, _)) => format!("There are no functions in namespace \"{namespace}::\"."),
            None => {
                let user = self.user_function_names();
                let help = self.suggestion(name, functions::names().map(|name| -> &str { name }).chain(user));
                format!("There is no function named \"{name}\".{help}")
            }
        };
        self.fail(call.name.span, SUMMARY, detail);
    }

    /// The elements that `...` spreads; none after an error or if they are not known.
    fn expand(&mut self, expr: &'d Expr, scope: &Scope<'_>) -> Option<Vec<Value>> {
        const SUMMARY: &str = "Invalid expanding argument value";
        let errors = self.errors.len();
        let value = self.eval(expr, scope);
        if self.errors.len() > errors {
            return None;
        }
        if value.is_null() {
            self.fail(expr.span, SUMMARY, "The argument before ... must not be null.");
            return None;
        }
        match value.ty() {
            Type::Any => None,
            Type::Tuple(_) | Type::List(_) | Type::Set(_) => Some(value.items()?.collect()),
            _ => {
                self.fail(expr.span, SUMMARY, "The argument before ... must be a list, a set or a tuple.");
                None
            }
        }
    }

    fn argument_value(&mut self, argument: &Argument<'d>, scope: &Scope<'_>) -> Value {
        match argument {
            Argument::Expr(expr) => self.eval(expr, scope),
            Argument::Value(value, _) => value.clone(),
        }
    }

    /// Checks the number of arguments against the named parameters.
    fn check_count(&mut self, call: &'d Call, given: &[Argument<'d>], names: &[&str], variadic: bool) -> bool {
        let name = &call.name.node;
        if let Some(missing) = names.get(given.len()) {
            let qualifier = if variadic { " at least" } else { "" };
            let detail = format!(
                "Function \"{name}\" expects{qualifier} {} argument(s). There is no value for \"{missing}\".",
                names.len()
            );
            self.fail(call.close, "Not enough function arguments", detail);
            return false;
        }
        if let (false, Some(extra)) = (variadic, given.get(names.len())) {
            let detail = format!("Function \"{name}\" expects only {} argument(s).", names.len());
            self.fail(extra.start(), "Too many function arguments", detail);
            return false;
        }
        true
    }

    fn bad_argument(&mut self, parameter: &str, at: Span, why: impl Display) {
        let detail = format!("Invalid value for \"{parameter}\" parameter: {why}.");
        self.fail(at, "Invalid function argument", detail);
    }

    /// A sentence with the known name that may be meant. Left out once there are many mistakes.
    pub(super) fn suggestion<'c>(&self, name: &str, known: impl IntoIterator<Item = &'c str>) -> String {
        if self.errors.len() > MAX_SUGGESTIONS {
            return String::new();
        }
        nearest(name, known).map(|near| format!(" Did you mean \"{near}\"?")).unwrap_or_default()
    }

    fn bad_call(&mut self, call: &'d Call, why: impl Display) {
        let why = why.to_string();
        let detail = format!("Call to function \"{}\" failed: {}.", call.name.node, why.trim_end_matches('.'));
        self.fail(call.name.span.cover(call.open), "Error in function call", detail);
    }

    fn call_try(&mut self, call: &'d Call, arguments: &[Argument<'d>], scope: &Scope<'_>) -> Value {
        if arguments.is_empty() {
            self.bad_call(call, "at least one argument is required");
            return Value::DYNAMIC;
        }
        let mark = self.errors.len();
        for argument in arguments {
            let errors = self.errors.len();
            let value = self.argument_value(argument, scope);
            if self.errors.len() == errors {
                self.errors.truncate(mark);
                return match value.is_wholly_known() {
                    true => value,
                    false => Value::DYNAMIC.or_volatile(value.is_volatile()),
                };
            }
        }
        let tried = self.errors.split_off(mark);
        let reasons: Vec<String> = tried.iter().map(BakeError::message).collect();
        self.bad_call(call, format!("no expression succeeded: {}", reasons.join(" - ")));
        if let Some(error) = self.errors.last_mut() {
            error.labels = tried.iter().filter_map(|error| Some((error.span?, error.message()))).collect();
        }
        Value::DYNAMIC
    }

    fn call_can(&mut self, call: &'d Call, arguments: &[Argument<'d>], scope: &Scope<'_>) -> Value {
        if !self.check_count(call, arguments, &["expression"], false) {
            return Value::DYNAMIC;
        }
        let mark = self.errors.len();
        let Some(argument) = arguments.first() else { return Value::DYNAMIC };
        let value = self.argument_value(argument, scope);
        let failed = self.errors.len() > mark;
        self.errors.truncate(mark);
        match failed || value.is_wholly_known() {
            true => Value::from(!failed).or_volatile(value.is_volatile()),
            false => Value::unknown(Type::Bool).or_volatile(value.is_volatile()),
        }
    }

    fn call_convert(&mut self, call: &'d Call, arguments: &[Argument<'d>], scope: &Scope<'_>) -> Value {
        if !self.check_count(call, arguments, &["value", "type"], false) {
            return Value::DYNAMIC;
        }
        let [value, ty] = arguments else { return Value::DYNAMIC };
        let mark = self.errors.len();
        let given = self.argument_value(value, scope);
        let ty = match ty {
            Argument::Expr(expr) => match type_expr::constraint(expr) {
                Ok(ty) => ty,
                Err(errors) => {
                    self.errors.extend(errors);
                    return Value::DYNAMIC;
                }
            },
            Argument::Value(_, span) => {
                self.fail(*span, "Invalid type specification", "A type must be written here, not computed.");
                return Value::DYNAMIC;
            }
        };
        if self.errors.len() > mark {
            return Value::DYNAMIC;
        }
        // The second conversion, to the type that the first one gave, refuses attributes that are left out: here
        // `optional()` is of no use.
        match convert(&given, &ty).and_then(|converted| convert(&given, &converted.ty())) {
            Ok(value) => value,
            Err(error) => {
                self.bad_argument("value", value.start(), error);
                Value::DYNAMIC
            }
        }
    }

    fn call_user(
        &mut self,
        call: &'d Call,
        function: &UserFunction<'d>,
        arguments: &[Argument<'d>],
        scope: &Scope<'_>,
    ) -> Value {
        if !self.check_count(call, arguments, &function.parameters, function.variadic.is_some()) {
            return Value::DYNAMIC;
        }
        let mark = self.errors.len();
        let values: Vec<Value> = arguments.iter().map(|argument| self.argument_value(argument, scope)).collect();
        if self.errors.len() > mark {
            return Value::DYNAMIC;
        }
        if let Some(index) = values.iter().position(Value::is_null) {
            let parameter = function.parameters.get(index).copied().or(function.variadic).unwrap_or_default();
            let at = arguments.get(index).map_or(call.close, Argument::start);
            self.bad_argument(parameter, at, "argument must not be null");
            return Value::DYNAMIC;
        }
        if values.iter().any(|value| !value.is_known()) {
            return Value::DYNAMIC.or_volatile(values.iter().any(Value::is_volatile));
        }
        let mut names: Vec<(&str, Value)> = Vec::with_capacity(values.len());
        let mut values = values.into_iter();
        names.extend(function.parameters.iter().copied().zip(values.by_ref()));
        names.extend(function.variadic.map(|rest| (rest, Value::tuple(values.collect()))));
        let inner = Scope { parent: None, names: &names, id: 0, constant: false };
        let result = self.eval(function.result, &inner);
        if self.errors.len() > mark {
            let inner = self.errors.split_off(mark);
            let reason = inner.first().map(BakeError::message).unwrap_or_default();
            self.bad_call(call, reason.trim_end_matches('.'));
            if let Some(error) = self.errors.last_mut() {
                error.labels = inner.iter().filter_map(|error| Some((error.span?, error.message()))).collect();
            }
            return Value::DYNAMIC;
        }
        result
    }

    fn call_builtin(&mut self, call: &'d Call, arguments: &[Argument<'d>], scope: &Scope<'_>) -> Value {
        let name = call.name.node.as_str();
        let Some(function) = functions::lookup(name) else { return Value::DYNAMIC };
        let names: Vec<&str> = function.parameters.iter().map(|parameter| parameter.name).collect();
        if !self.check_count(call, arguments, &names, function.variadic.is_some()) {
            return Value::DYNAMIC;
        }
        let parameter = |index: usize| function.parameter(index);
        let mark = self.errors.len();
        let mut values = Vec::with_capacity(arguments.len());
        for (index, argument) in arguments.iter().enumerate() {
            let value = self.argument_value(argument, scope);
            let Some(parameter) = parameter(index) else { continue };
            match convert(&value, &parameter.ty) {
                Ok(value) => values.push(value),
                Err(error) => self.bad_argument(parameter.name, argument.start(), error),
            }
        }
        if self.errors.len() > mark {
            return Value::DYNAMIC;
        }
        match functions::call(function, values, self.host) {
            Ok(value) => value,
            Err(error) => {
                match error.argument.and_then(|index| Some((parameter(index)?, arguments.get(index)?))) {
                    Some((parameter, argument)) => self.bad_argument(parameter.name, argument.start(), error.message),
                    None => self.bad_call(call, error.message),
                }
                Value::DYNAMIC
            }
        }
    }
}

/// How two types differ that do not unify.
fn describe_mismatch(yes: &Type, no: &Type) -> String {
    match (yes, no) {
        (Type::Object(yes), Type::Object(no)) => {
            for (name, ty) in yes.attributes() {
                match no.get(name) {
                    None => return format!("only the 'true' value has an attribute \"{name}\""),
                    Some(other) if other != ty => {
                        return format!("type mismatch for attribute \"{name}\": {}", describe_mismatch(ty, other));
                    }
                    Some(_) => {}
                }
            }
            if let Some((name, _)) = no.attributes().find(|(name, _)| yes.get(name).is_none()) {
                return format!("only the 'false' value has an attribute \"{name}\"");
            }
        }
        (Type::Tuple(yes), Type::Tuple(no)) => {
            if yes.len() != no.len() {
                return format!(
                    "the 'true' tuple has length {}, but the 'false' tuple has length {}",
                    yes.len(),
                    no.len()
                );
            }
            if let Some((index, (yes, no))) = yes.iter().zip(no.iter()).enumerate().find(|(_, (yes, no))| yes != no) {
                return format!("type mismatch for element {index}: {}", describe_mismatch(yes, no));
            }
        }
        _ => {}
    }
    let (yes, no) = (yes.friendly_name(), no.friendly_name());
    match yes == no {
        true => "something nested deeply in them differs".to_owned(),
        false => format!("the 'true' value is {yes}, but the 'false' value is {no}"),
    }
}
