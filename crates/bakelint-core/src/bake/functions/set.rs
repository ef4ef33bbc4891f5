//! Functions on sets (go-cty `stdlib/set.go`).

use super::{Function, FunctionError, Outcome, parameter};
use crate::bake::convert::{convert, unify_unsafe};
use crate::bake::types::Type;
use crate::bake::value::Value;

pub(super) fn functions() -> Vec<Function> {
    let set = |name| parameter(name, Type::set(Type::Any));
    vec![
        Function::new("sethaselement", [set("set"), parameter("elem", Type::Any)], |args| {
            let same_type = args[0].element_type() == Some(&args[1].ty());
            Ok((same_type && args[0].contains(&args[1])).into())
        }),
        Function::new("setunion", [set("first_set")], |args| combine(args, |_, _| true, |_, _| true))
            .and_more(set("other_sets")),
        Function::new("setintersection", [set("first_set")], |args| combine(args, Value::contains, |_, _| false))
            .and_more(set("other_sets")),
        Function::new("setsubtract", [set("a"), set("b")], |args| {
            combine(args, |other, item| !other.contains(item), |_, _| false)
        }),
        Function::new("setsymmetricdifference", [set("first_set")], |args| {
            combine(args, |other, item| !other.contains(item), |other, item| !other.contains(item))
        })
        .and_more(set("other_sets")),
    ]
}

/// Combines the sets from left to right: an element of the left one stays if `keep(right, element)` holds, an
/// element of the right one is added if `add(left, element)` does.
fn combine(args: &[Value], keep: fn(&Value, &Value) -> bool, add: fn(&Value, &Value) -> bool) -> Outcome {
    let of_no_type = |set: &Value| set.length() == Some(0) && set.element_type() == Some(&Type::Any);
    let incompatible = || FunctionError::new("given sets must all have compatible element types");
    let typed = args.iter().filter(|set| !of_no_type(set));
    let types: Vec<Type> = typed.filter_map(|set| set.element_type().cloned()).collect();
    let element = match (types.is_empty(), unify_unsafe(&types)) {
        (true, _) => Type::Any,
        (false, Some(common)) => common.ty,
        (false, None) => return Err(incompatible()),
    };
    if element == Type::Any && types.iter().any(|ty| *ty != Type::Any) {
        // Untyped nulls among typed collections leave the sets as they are.
        return Err(incompatible());
    }
    let ty = Type::set(element.clone());
    let converted = |(index, set): (usize, &Value)| {
        convert(set, &ty).map_err(|error| FunctionError::argument(index, error.message))
    };
    let mut sets = args.iter().enumerate().map(converted).collect::<Result<Vec<_>, _>>()?.into_iter();
    let Some(mut result) = sets.next() else {
        return Err(FunctionError::new("at least one set is required"));
    };
    for other in sets {
        let kept = result.items().into_iter().flatten().filter(|item| keep(&other, item));
        let added = other.items().into_iter().flatten().filter(|item| add(&result, item));
        let items = kept.chain(added).collect();
        result = Value::set(&element, items).ok_or_else(|| FunctionError::new("element types must all match"))?;
    }
    Ok(result)
}
