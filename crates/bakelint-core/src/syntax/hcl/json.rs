//! The JSON form of HCL.
//!
//! What a JSON property is depends on the schema: a block type's value holds the labels and then the body, anything
//! else is an argument. Strings are templates where expressions are allowed. See json/spec.md of hashicorp/hcl.

use super::ast::*;
use super::parse::{Place, parse_template};
use crate::source::{FileId, Span, Spanned};
use crate::syntax::json::{self, Node, Value};
use crate::syntax::text::Text;

/// Which properties of a body are blocks.
#[derive(Debug, Clone, Copy)]
pub struct Schema {
    /// Type, number of labels and body of each kind of block.
    pub blocks: &'static [(&'static str, usize, &'static Schema)],
}

/// Reads a file in JSON form.
pub fn parse_json(file: FileId, text: &str, schema: &Schema) -> File {
    let at = |offset| Span::at(file, offset);
    let mut errors = Vec::new();
    let mut body = Body { items: Vec::new(), span: Span::new(file, 0..text.len()), missing: at(0), json: true };
    match json::parse(file, text) {
        Ok(root) => {
            body.missing = missing(&root);
            match root.value {
                Value::Object(_) => lower_body(&root, schema, &mut body, &mut errors),
                _ => {
                    let detail = "The definition must be a JSON object.";
                    errors.push(Error::new("Incorrect JSON value type", detail, root.open()));
                }
            }
        }
        Err(error) => errors.push(Error::new("Invalid JSON", format!("{}.", error.message), error.span)),
    }
    File { body, errors, comments: Vec::new() }
}

fn missing(node: &Node) -> Span {
    match node.value {
        Value::Object(_) => node.close(),
        _ => node.open(),
    }
}

/// The members of an object, or of all objects in an array: both forms stand for one body.
fn deep_members<'n>(node: &'n Node, wanted: &str, errors: &mut Vec<Error>) -> Vec<&'n json::Member> {
    const SUMMARY: &str = "Incorrect JSON value type";
    let mut members = Vec::new();
    match &node.value {
        Value::Null => {}
        Value::Object(own) => members.extend(own),
        Value::Array(elements) => {
            for element in elements {
                match &element.value {
                    Value::Object(own) => members.extend(own),
                    _ => {
                        errors.push(Error::new(
                            SUMMARY,
                            format!("A JSON object is required here, for {wanted}."),
                            element.open(),
                        ));
                    }
                }
            }
        }
        _ => {
            let detail = format!("A JSON object or an array of objects is required here, for {wanted}.");
            errors.push(Error::new(SUMMARY, detail, node.span));
        }
    }
    members
}

fn lower_body(node: &Node, schema: &Schema, body: &mut Body, errors: &mut Vec<Error>) {
    for member in deep_members(node, "arguments and blocks", errors) {
        let name = &member.key.node.value;
        if name == "//" {
            continue;
        }
        match schema.blocks.iter().find(|(kind, ..)| kind == name) {
            Some((_, labels, inner)) => {
                let kind = Spanned::new(name.clone(), member.key.span);
                lower_block(&member.value, &kind, *labels, inner, &mut Vec::new(), body, errors);
            }
            None => {
                let equals = Span { start: member.key.span.end, end: member.value.span.start, ..member.key.span };
                body.items.push(Item::Attribute(Attribute {
                    name: Spanned::new(name.clone(), member.key.span),
                    equals,
                    value: lower(&member.value),
                    span: member.key.span.cover(member.value.span),
                }));
            }
        }
    }
}

fn lower_block(
    node: &Node,
    kind: &Spanned<String>,
    labels_left: usize,
    schema: &Schema,
    labels: &mut Vec<Spanned<String>>,
    body: &mut Body,
    errors: &mut Vec<Error>,
) {
    if labels_left > 0 {
        let members = deep_members(node, &format!("the labels of \"{}\" blocks", kind.node), errors);
        if members.is_empty() {
            let detail =
                format!("At least one property is required, whose name is the label of a \"{}\" block.", kind.node);
            errors.push(Error::new("Missing block label", detail, node.open()));
        }
        for member in members {
            labels.push(Spanned::new(member.key.node.value.clone(), member.key.span));
            lower_block(&member.value, kind, labels_left - 1, schema, labels, body, errors);
            labels.pop();
        }
        return;
    }
    let bodies = match &node.value {
        Value::Null => return,
        Value::Object(_) => std::slice::from_ref(node),
        Value::Array(elements) => elements,
        _ => {
            let detail =
                format!("A JSON object or an array of objects is required here, for \"{}\" blocks.", kind.node);
            errors.push(Error::new("Incorrect JSON value type", detail, node.span));
            return;
        }
    };
    for node in bodies {
        let mut inner = Body { items: Vec::new(), span: node.span, missing: missing(node), json: true };
        lower_body(node, schema, &mut inner, errors);
        let start = labels.last().map_or(kind.span, |label| label.span);
        body.items.push(Item::Block(Block {
            kind: kind.clone(),
            labels: labels.clone(),
            open: node.open(),
            body: inner,
            close: node.close(),
            span: if start.end <= node.span.start { start.cover(node.span) } else { node.span },
        }));
    }
}

fn lower(node: &Node) -> Expr {
    let kind = match &node.value {
        Value::Null => ExprKind::Null,
        Value::Bool(value) => ExprKind::Bool(*value),
        Value::Number(text) => ExprKind::Number(text.clone()),
        Value::String(text) => string(text, node.span),
        Value::Array(elements) => ExprKind::Tuple(Box::new(Tuple {
            open: node.open(),
            elements: elements.iter().map(|element| Element { value: lower(element), comma: None }).collect(),
            close: node.close(),
        })),
        Value::Object(members) => ExprKind::Object(Box::new(Object {
            open: node.open(),
            entries: members.iter().map(entry).collect(),
            close: node.close(),
            json: true,
        })),
    };
    Expr::new(kind, node.span)
}

fn entry(member: &json::Member) -> Entry {
    let key = Expr::new(string(&member.key.node, member.key.span), member.key.span);
    let separator = Span { start: member.key.span.end, end: member.value.span.start, ..member.key.span };
    Entry { key, parens: false, separator, value: lower(&member.value), comma: None }
}

fn string(text: &Text, span: Span) -> ExprKind {
    // Most strings hold no sequence; sparing them the scanner halves the time for large files.
    let (template, errors) = match text.value.contains(['$', '%', '\r']) {
        true => parse_template(&text.value, Place::Text(&text.pieces, span)),
        false => {
            let part = Expr::new(ExprKind::Text(text.clone()), span);
            let form = TemplateForm::Bare;
            let template = Template { form, open: span.before(), parts: vec![part], close: span.after() };
            (Expr::new(ExprKind::Template(Box::new(template)), span), Vec::new())
        }
    };
    let template = if errors.is_empty() { Ok(template) } else { Err(errors) };
    ExprKind::Json(Box::new(JsonString { text: text.clone(), template }))
}
