//! Comparison, choice and the functions that work on expressions (go-cty `stdlib/bool.go`, `stdlib/general.go`,
//! hcl `ext/tryfunc`, `ext/typeexpr`).

use super::{Function, FunctionError, Outcome, parameter};
use crate::bake::convert::unify_unsafe;
use crate::bake::types::Type;
use crate::bake::value::Value;

pub(super) fn functions() -> Vec<Function> {
    let either = || [parameter("a", Type::Bool), parameter("b", Type::Bool)];
    let anything = |name| parameter(name, Type::Any).or_null().or_unknown();
    vec![
        Function::new("and", either(), |args| Ok(both(args, |a, b| a && b))),
        Function::new("or", either(), |args| Ok(both(args, |a, b| a || b))),
        Function::new(
            "not",
            [parameter("val", Type::Bool)],
            |args| Ok((!args[0].as_bool().unwrap_or_default()).into()),
        ),
        Function::new("equal", [anything("a"), anything("b")], |args| Ok(equality(args, true))),
        Function::new("notequal", [anything("a"), anything("b")], |args| Ok(equality(args, false))),
        Function::new("coalesce", [], coalesce).and_more(anything("vals")),
        Function::lazy("can", [parameter("expression", Type::Any)]),
        Function::lazy("try", []).and_more(parameter("expressions", Type::Any)),
        Function::lazy("convert", [parameter("value", Type::Any).or_null(), parameter("type", Type::Any)]),
    ]
}

fn both(args: &[Value], operator: fn(bool, bool) -> bool) -> Value {
    let bool_at = |index: usize| args[index].as_bool().unwrap_or_default();
    operator(bool_at(0), bool_at(1)).into()
}

fn equality(args: &[Value], wanted: bool) -> Value {
    match args[0].equals(&args[1]) {
        Some(equal) => (equal == wanted).into(),
        None => Value::unknown(Type::Bool),
    }
}

fn coalesce(args: &[Value]) -> Outcome {
    let types: Vec<Type> = args.iter().map(Value::ty).collect();
    let common = unify_unsafe(&types).ok_or_else(|| FunctionError::new("all arguments must have the same type"))?;
    match args.iter().find(|arg| !arg.is_null()) {
        Some(first) if !first.is_known() => Ok(Value::unknown(common.ty)),
        Some(first) => Ok(super::convert(first, &common.ty)?),
        None => Err(FunctionError::new("no non-null arguments")),
    }
}
