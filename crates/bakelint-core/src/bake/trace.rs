//! Where the parts of a value are written.

use std::ops::Range;
use std::sync::Arc;

use crate::source::Span;
use crate::syntax::text::{Piece, locate};

/// Where a value is written, part by part as far as the source shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    /// The expression that gives the value.
    pub span: Span,
    /// What is known about its parts.
    pub parts: Parts,
    /// The declared variables, top-level attributes and functions that the value depends on, transitively and sorted.
    pub uses: Arc<[Arc<str>]>,
    /// The names that the expression itself mentions, each with where its value comes from.
    pub names: Arc<[Named]>,
}

/// A name that an expression mentions.
#[derive(Debug, Clone)]
pub struct Named {
    /// The name.
    pub name: Arc<str>,
    /// What has it.
    pub kind: NameKind,
    /// Where its value is written.
    pub trace: Arc<Trace>,
}

/// Compares places only: values share what they are computed from, so that a comparison of it all would never end.
impl PartialEq for Named {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.kind == other.kind && self.trace.span == other.trace.span
    }
}

/// What a name in an expression stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NameKind {
    /// A variable.
    Variable,
    /// An attribute at the top level.
    Constant,
    /// An axis of the matrix; the value is that of the cell.
    Axis,
    /// The attribute of a target, as `target.NAME.ATTRIBUTE`.
    Attribute,
}

/// Who gave the value of a variable in place of its default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Giver {
    /// `--var`, or what stands for it.
    Flag,
    /// The environment variable of that name.
    Environment(Arc<str>),
}

/// The parts of a traced value.
#[derive(Debug, Clone, PartialEq)]
pub enum Parts {
    /// Computed as a whole.
    Whole,
    /// Text whose pieces stand at these places.
    Text(Vec<Piece>),
    /// A list written element by element.
    List(Vec<Arc<Trace>>),
    /// An object written entry by entry: key, its place, and its value. Later entries win over earlier ones.
    Map(Vec<(Arc<str>, Span, Arc<Trace>)>),
    /// A reference to a value that is written elsewhere.
    Reference(Arc<Trace>),
    /// Given from outside of the definition, and what that replaced: the default, if there is one.
    Given(Giver, Option<Arc<Trace>>),
}

impl Trace {
    /// A value that is known as a whole only.
    pub fn whole(span: Span) -> Arc<Trace> {
        Arc::new(Trace { span, parts: Parts::Whole, uses: Arc::default(), names: Arc::default() })
    }

    /// The element of a list, or this itself where the elements are not apart.
    pub fn element(self: &Arc<Self>, index: usize) -> Arc<Trace> {
        match &self.parts {
            Parts::List(elements) => elements.get(index).unwrap_or(self).clone(),
            Parts::Reference(to) => to.element(index),
            _ => self.clone(),
        }
    }

    /// The value under a key of an object, or this itself where the entries are not apart.
    pub fn entry(self: &Arc<Self>, key: &str) -> Arc<Trace> {
        match &self.parts {
            Parts::Map(entries) => match entries.iter().rev().find(|(own, ..)| &**own == key) {
                Some((_, _, value)) => value.clone(),
                None => self.clone(),
            },
            Parts::Reference(to) => to.entry(key),
            _ => self.clone(),
        }
    }

    /// The place of a key of an object.
    pub fn key(&self, key: &str) -> Option<Span> {
        match &self.parts {
            Parts::Map(entries) => entries.iter().rev().find(|(own, ..)| &**own == key).map(|(_, span, _)| *span),
            Parts::Reference(to) => to.key(key),
            _ => None,
        }
    }

    /// The expression that the value is written in, behind all references.
    pub fn definition(&self) -> Span {
        match &self.parts {
            Parts::Reference(to) => to.definition(),
            _ => self.span,
        }
    }

    /// The place of the bytes `range` of a text; the whole expression where that is not known.
    pub fn text(&self, range: Range<usize>) -> Span {
        match &self.parts {
            Parts::Text(pieces) => locate(pieces, range).unwrap_or(self.span),
            Parts::Reference(to) => to.text(range),
            _ => self.span,
        }
    }
}
