//! GitHub Actions expressions: `${{ github.sha }}`, and the conditions of `if:`.
//!
//! Text becomes a [`Template`] of literal text and parsed [`Expr`]s, each with its place. What an expression is worth is
//! found by [`evaluate`] as far as it follows from what the caller knows, and [`excludes`] tells whether two conditions
//! can never hold together. The language is described in
//! <https://docs.github.com/en/actions/reference/workflows-and-actions/expressions>; its corners follow
//! `actions/runner`, `src/Sdk/DTExpressions2`.

mod condition;
mod evaluate;
mod parse;

pub use condition::excludes;
pub use evaluate::{Lookup, Value, evaluate, truth};
pub use parse::{parse_condition, parse_expression, parse_template};

use std::fmt;

use crate::source::{Span, Spanned};
use crate::syntax::mapped::MappedText;

/// Text with expressions in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    /// The parts in order. No two texts follow each other, and no text is empty.
    pub parts: Vec<Part>,
    /// The whole text, between its quotes.
    pub span: Span,
}

/// A part of a [`Template`].
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// Text that stands for itself.
    Text(MappedText),
    /// `${{ … }}`.
    Expression {
        /// What stands between the braces.
        expr: Expr,
        /// The whole with its braces.
        span: Span,
    },
    /// `${{ … }}` that GitHub cannot read.
    Broken(Span),
}

/// An expression with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where it stands, parentheses around it left out.
    pub span: Span,
}

/// The kinds of expression.
#[derive(Debug, Clone, PartialEq)]
pub enum ExprKind {
    /// `null`, `true`, `12`, `'text'`.
    Literal(Literal),
    /// The name of a context: `github`, `matrix`.
    Context(String),
    /// `object.name`, also written `object['name']`.
    Property(Box<Expr>, Spanned<String>),
    /// `array[index]`, where the index is no text literal.
    Index(Box<Expr>, Box<Expr>),
    /// `array.*`: every element.
    Every(Box<Expr>),
    /// A function's result; the name in lower case.
    Call(Spanned<String>, Vec<Expr>),
    /// `!operand`.
    Not(Box<Expr>),
    /// `left operator right`.
    Binary(Operator, Box<Expr>, Box<Expr>),
}

/// A literal.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(f64),
    /// Text in single quotes.
    Text(String),
}

/// An operator with two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operator {
    /// `||`
    Or,
    /// `&&`
    And,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

impl Operator {
    /// How it is written.
    pub fn symbol(self) -> &'static str {
        match self {
            Operator::Or => "||",
            Operator::And => "&&",
            Operator::Equal => "==",
            Operator::NotEqual => "!=",
            Operator::Less => "<",
            Operator::LessOrEqual => "<=",
            Operator::Greater => ">",
            Operator::GreaterOrEqual => ">=",
        }
    }

    fn strength(self) -> u8 {
        match self {
            Operator::Or => 0,
            Operator::And => 1,
            Operator::Equal | Operator::NotEqual => 2,
            _ => 3,
        }
    }
}

impl Template {
    /// The text, if there is no expression in it.
    pub fn as_text(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Text(text)] => Some(text.as_str()),
            _ => None,
        }
    }

    /// The only expression, if there is nothing else: then its value keeps its type.
    pub fn as_expression(&self) -> Option<&Expr> {
        match self.parts.as_slice() {
            [Part::Expression { expr, .. }] => Some(expr),
            _ => None,
        }
    }

    /// All expressions, in order.
    pub fn expressions(&self) -> impl Iterator<Item = &Expr> {
        self.parts.iter().filter_map(|part| match part {
            Part::Expression { expr, .. } => Some(expr),
            Part::Text(_) | Part::Broken(_) => None,
        })
    }
}

impl Expr {
    /// The direct parts of the expression, in order.
    pub fn children(&self) -> Vec<&Expr> {
        match &self.kind {
            ExprKind::Literal(_) | ExprKind::Context(_) => Vec::new(),
            ExprKind::Property(inner, _) | ExprKind::Every(inner) | ExprKind::Not(inner) => vec![inner],
            ExprKind::Index(left, right) | ExprKind::Binary(_, left, right) => vec![left, right],
            ExprKind::Call(_, arguments) => arguments.iter().collect(),
        }
    }

    /// The expression and all its parts, each before what it is made of.
    pub fn walk(&self) -> impl Iterator<Item = &Expr> {
        let mut open = vec![self];
        std::iter::from_fn(move || {
            let next = open.pop()?;
            open.extend(next.children().into_iter().rev());
            Some(next)
        })
    }

    /// The context and the names that lead from it to this value, as in `steps.meta.outputs.tags`; nothing if it is not
    /// such a path. The first name is in lower case.
    pub fn path(&self) -> Option<Vec<&str>> {
        let mut names = Vec::new();
        let mut at = self;
        loop {
            match &at.kind {
                ExprKind::Property(inner, name) => {
                    names.push(name.node.as_str());
                    at = inner;
                }
                ExprKind::Context(name) => {
                    names.push(name);
                    names.reverse();
                    return Some(names);
                }
                _ => return None,
            }
        }
    }

    /// Every path that the expression reads, such as `matrix.os`; of `needs.a.outputs.b` only this longest one.
    pub fn paths(&self) -> Vec<(Vec<&str>, Span)> {
        let mut found = Vec::new();
        let mut open = vec![self];
        while let Some(expr) = open.pop() {
            match expr.path() {
                Some(path) => found.push((path, expr.span)),
                None => open.extend(expr.children().into_iter().rev()),
            }
        }
        found
    }

    /// Whether the expression calls the function of this name (in lower case) anywhere.
    pub fn calls(&self, function: &str) -> bool {
        self.walk().any(|expr| matches!(&expr.kind, ExprKind::Call(name, _) if name.node == function))
    }

    /// Whether a condition asks how the steps or jobs before it went: without such a call GitHub puts `success() &&` in
    /// front of it.
    pub fn has_status_check(&self) -> bool {
        ["success", "always", "cancelled", "failure"].iter().any(|function| self.calls(function))
    }
}

/// One spelling for all ways to write the same expression.
impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nested = |f: &mut fmt::Formatter<'_>, inner: &Expr, strength: u8| match &inner.kind {
            ExprKind::Binary(operator, ..) if operator.strength() < strength => write!(f, "({inner})"),
            _ => write!(f, "{inner}"),
        };
        match &self.kind {
            ExprKind::Literal(literal) => write!(f, "{literal}"),
            ExprKind::Context(name) => f.write_str(name),
            ExprKind::Property(inner, name) => {
                nested(f, inner, 4)?;
                let plain = !name.node.is_empty()
                    && name.node.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
                    && !name.node.starts_with(|c: char| c.is_ascii_digit() || c == '-');
                if plain { write!(f, ".{}", name.node) } else { write!(f, "['{}']", name.node.replace('\'', "''")) }
            }
            ExprKind::Index(inner, index) => {
                nested(f, inner, 4)?;
                write!(f, "[{index}]")
            }
            ExprKind::Every(inner) => {
                nested(f, inner, 4)?;
                f.write_str(".*")
            }
            ExprKind::Call(name, arguments) => {
                write!(f, "{}(", name.node)?;
                for (at, argument) in arguments.iter().enumerate() {
                    write!(f, "{}{argument}", if at > 0 { ", " } else { "" })?;
                }
                f.write_str(")")
            }
            ExprKind::Not(inner) => {
                f.write_str("!")?;
                nested(f, inner, 4)
            }
            ExprKind::Binary(operator, left, right) => {
                nested(f, left, operator.strength())?;
                write!(f, " {} ", operator.symbol())?;
                nested(f, right, operator.strength() + 1)
            }
        }
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Literal::Null => f.write_str("null"),
            Literal::Bool(value) => write!(f, "{value}"),
            Literal::Number(value) => f.write_str(&evaluate::number_text(*value)),
            Literal::Text(text) => write!(f, "'{}'", text.replace('\'', "''")),
        }
    }
}

#[cfg(test)]
mod tests;
