//! The legs of a matrix.
//!
//! <https://docs.github.com/en/actions/how-tos/write-workflows/choose-what-workflows-do/run-job-variations>

use crate::source::{Span, Spanned};
use crate::syntax::expression::Value;
use crate::syntax::yaml::NodeId;

/// How many legs GitHub allows for a matrix.
const LEG_LIMIT: usize = 256;

/// `strategy.matrix`
#[derive(Debug, Clone)]
pub struct Matrix {
    /// From the key to the end.
    pub entry: Span,
    /// The node of the value, for edits.
    pub node: NodeId,
    /// The axes, in order.
    pub axes: Vec<Axis>,
    /// `include`
    pub include: Vec<MatrixItem>,
    /// `exclude`
    pub exclude: Vec<MatrixItem>,
    /// Whether an expression makes the number of legs or their values unknown.
    pub dynamic: bool,
    /// The legs, as far as they are known: an axis that is an expression as a whole counts as one unknown value.
    pub legs: Vec<Leg>,
}

/// One key of a matrix with its values.
#[derive(Debug, Clone)]
pub struct Axis {
    /// The key.
    pub name: Spanned<String>,
    /// From the key to the end.
    pub entry: Span,
    /// The values with their places.
    pub values: Vec<Spanned<Value>>,
    /// Whether the whole list is an expression.
    pub dynamic: bool,
}

/// An entry of `include` or `exclude`.
#[derive(Debug, Clone)]
pub struct MatrixItem {
    /// Its place.
    pub span: Span,
    /// Keys with values.
    pub values: Vec<(Spanned<String>, Spanned<Value>)>,
}

/// One combination of a matrix: a job of its own.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Leg {
    /// Keys with values and the places where these are written, in order.
    pub values: Vec<(String, Spanned<Value>)>,
}

impl Leg {
    /// The value of a key, in any case.
    pub fn get(&self, name: &str) -> Option<&Spanned<Value>> {
        self.values.iter().rfind(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The leg as the `matrix` context.
    pub fn context(&self) -> Value {
        Value::Object(self.values.iter().map(|(key, value)| (key.clone(), value.node.clone())).collect())
    }
}

/// Makes the legs: all combinations of the axes without those excluded, then `include`, which adds to every combination
/// whose own values it agrees with, or else is a leg of its own.
pub(super) fn legs(axes: &[Axis], include: &[MatrixItem], exclude: &[MatrixItem]) -> Vec<Leg> {
    let mut legs = vec![Leg::default()];
    for axis in axes {
        let unknown = [Spanned::new(Value::Unknown, axis.entry)];
        let values = if axis.dynamic { &unknown } else { axis.values.as_slice() };
        let combined = legs.iter().flat_map(|leg| {
            values.iter().map(|value| {
                let mut leg = leg.clone();
                leg.values.push((axis.name.node.clone(), value.clone()));
                leg
            })
        });
        legs = combined.take(LEG_LIMIT).collect();
    }
    if axes.is_empty() {
        legs.clear();
    }
    legs.retain(|leg| {
        !exclude.iter().any(|item| {
            let agrees = |name: &str, value: &Value| leg.get(name).is_some_and(|own| contains(&own.node, value));
            !item.values.is_empty() && item.values.iter().all(|(name, value)| agrees(&name.node, &value.node))
        })
    });
    let original = legs.clone();
    for item in include {
        let mut added = false;
        for (leg, original) in legs.iter_mut().zip(&original) {
            let agrees = |name: &str, value: &Value| original.get(name).is_none_or(|own| contains(&own.node, value));
            if !item.values.iter().all(|(name, value)| agrees(&name.node, &value.node)) {
                continue;
            }
            added = true;
            for (name, value) in item.values.iter().filter(|(name, _)| original.get(&name.node).is_none()) {
                leg.values.retain(|(key, _)| !key.eq_ignore_ascii_case(&name.node));
                leg.values.push((name.node.clone(), value.clone()));
            }
        }
        if !added && legs.len() < LEG_LIMIT {
            let values = item.values.iter().map(|(name, value)| (name.node.clone(), value.clone()));
            legs.push(Leg { values: values.collect() });
        }
    }
    legs
}

/// Whether a value has everything that a pattern asks for: objects may have more keys than that.
fn contains(value: &Value, pattern: &Value) -> bool {
    match (value, pattern) {
        (Value::Object(_), Value::Object(entries)) => {
            entries.iter().all(|(key, pattern)| contains(&value.get(key), pattern))
        }
        (Value::Array(items), Value::Array(patterns)) => {
            items.len() == patterns.len() && items.iter().zip(patterns).all(|(item, pattern)| contains(item, pattern))
        }
        (Value::Text(text), Value::Text(pattern)) => text.eq_ignore_ascii_case(pattern),
        (value, pattern) => value == pattern && *value != Value::Unknown,
    }
}
