//! The names that an expression mentions, before anything is evaluated.
//!
//! Bake resolves every variable, function and target that an expression mentions before it evaluates the expression, in
//! branches not taken too.

use crate::source::{Span, Spanned};
use crate::syntax::hcl::*;

/// What an expression mentions, in order and as often as it does.
#[derive(Debug, Default)]
pub(super) struct Mentions<'d> {
    /// Functions.
    pub functions: Vec<&'d Spanned<String>>,
    /// Variables with the steps behind them; names of a `for` excepted.
    pub names: Vec<&'d Traversal>,
    /// Functions in JSON strings that read as an expression, with the string's place. Bake takes them for calls.
    pub json_functions: Vec<(String, Span)>,
}

/// Collects what `expr` mentions.
pub(super) fn mentions(expr: &Expr) -> Mentions<'_> {
    let mut found = Mentions::default();
    let mut walk = Walk { found: &mut found, locals: Vec::new() };
    walk.expr(expr);
    found.json_functions.sort();
    found.json_functions.dedup_by(|a, b| a.0 == b.0);
    found
}

struct Walk<'m, 'd> {
    found: &'m mut Mentions<'d>,
    locals: Vec<&'d str>,
}

impl<'d> Walk<'_, 'd> {
    fn expr(&mut self, expr: &'d Expr) {
        match &expr.kind {
            ExprKind::Null
            | ExprKind::Bool(_)
            | ExprKind::Number(_)
            | ExprKind::Text(_)
            | ExprKind::Each
            | ExprKind::Invalid => {}
            ExprKind::Traversal(traversal) => {
                if !self.locals.contains(&traversal.root.node.as_str()) {
                    self.found.names.push(traversal);
                }
            }
            ExprKind::Access(access) => self.expr(&access.source),
            ExprKind::Index(index) => {
                self.expr(&index.collection);
                self.expr(&index.key);
            }
            ExprKind::Splat(splat) => {
                self.expr(&splat.source);
                self.expr(&splat.each);
            }
            ExprKind::Call(call) => {
                self.found.functions.push(&call.name);
                for argument in &call.arguments {
                    self.expr(&argument.value);
                }
            }
            ExprKind::Conditional(conditional) => {
                self.expr(&conditional.condition);
                self.expr(&conditional.yes);
                self.expr(&conditional.no);
            }
            ExprKind::Unary(unary) => self.expr(&unary.operand),
            ExprKind::Binary(binary) => {
                self.expr(&binary.first);
                for (_, operand) in &binary.rest {
                    self.expr(operand);
                }
            }
            ExprKind::Tuple(tuple) => {
                for element in &tuple.elements {
                    self.expr(&element.value);
                }
            }
            ExprKind::Object(object) => {
                for entry in &object.entries {
                    if entry.key.keyword().is_none() {
                        self.expr(&entry.key);
                    }
                    self.expr(&entry.value);
                }
            }
            ExprKind::For(of) => {
                self.expr(&of.collection);
                let outer = self.locals.len();
                self.locals.extend(of.key_name.as_ref().map(|name| name.node.as_str()));
                self.locals.push(&of.value_name.node);
                for inner in [of.key.as_ref(), Some(&of.value), of.condition.as_ref()].into_iter().flatten() {
                    self.expr(inner);
                }
                self.locals.truncate(outer);
            }
            ExprKind::Parens(inner) | ExprKind::Wrap(inner) | ExprKind::Join(inner) => self.expr(inner),
            ExprKind::Template(template) => {
                for part in &template.parts {
                    self.expr(part);
                }
            }
            ExprKind::Json(json) => self.json(json, expr.span),
        }
    }

    fn json(&mut self, json: &'d JsonString, span: Span) {
        if json.text.value.contains('(') {
            let (inner, errors) = parse_expression(&json.text, span);
            if errors.is_empty() {
                let inner = mentions(&inner);
                let functions = inner.functions.iter().map(|name| (name.node.clone(), span));
                self.found.json_functions.extend(functions);
            }
        }
        if let Ok(template) = &json.template {
            // Calls inside of interpolations are not seen here by Bake, names are.
            let functions = self.found.functions.len();
            self.expr(template);
            self.found.functions.truncate(functions);
        }
    }
}
