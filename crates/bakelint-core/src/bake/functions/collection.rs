//! Functions on lists, tuples, maps and objects (go-cty `stdlib/collection.go`, `stdlib/sequence.go`).

use std::collections::HashMap;

use super::{Function, FunctionError, Outcome, number, parameter, text, whole};
use crate::bake::convert::{convert, unify_unsafe};
use crate::bake::number::Number;
use crate::bake::types::Type;
use crate::bake::value::{MAX_WEIGHT, Value, quoted};

pub(super) fn functions() -> Vec<Function> {
    let any = |name| parameter(name, Type::Any);
    let number = |name| parameter(name, Type::Number);
    let list = || parameter("list", Type::list(Type::Any));
    let strings = |name| parameter(name, Type::list(Type::String));
    vec![
        Function::new("hasindex", [any("collection"), any("key")], |args| {
            indexable(&args[0])?;
            Ok(args[0].index(&args[1]).is_some().into())
        }),
        Function::new("index", [any("collection"), any("key")], index).moving(),
        Function::new("indexof", [any("list"), any("value")], index_of),
        Function::new("length", [any("collection")], length).moving(),
        Function::new("element", [any("list"), number("index")], element).moving(),
        Function::new("coalescelist", [], coalesce_list).and_more(any("vals").or_null()).moving(),
        Function::new("compact", [strings("list")], |args| {
            let full =
                args[0].items().into_iter().flatten().filter(|item| item.as_str().is_some_and(|s| !s.is_empty()));
            list_of(&Type::String, full.collect())
        }),
        Function::new("contains", [any("list"), any("value")], contains),
        Function::new("distinct", [list()], distinct),
        Function::new("chunklist", [list(), number("size")], chunk_list).moving(),
        Function::new("flatten", [any("list")], flatten).moving(),
        Function::new("keys", [any("inputMap")], keys).moving(),
        Function::new("values", [any("mapping")], values).moving(),
        Function::new("lookup", [any("inputMap"), parameter("key", Type::String), any("default")], lookup).moving(),
        Function::new("merge", [], merge).and_more(any("maps").or_null()).moving(),
        Function::new("reverselist", [any("list")], reverse_list).moving(),
        Function::new("setproduct", [], product).and_more(any("sets")).moving(),
        Function::new("slice", [any("list"), number("start_index"), number("end_index")], slice).moving(),
        Function::new("zipmap", [strings("keys"), any("values")], zip_map),
        Function::new("concat", [], concat).and_more(any("seqs")).moving(),
        Function::new("range", [], range).and_more(number("params")),
    ]
}

fn items(value: &Value) -> Vec<Value> {
    value.items().into_iter().flatten().collect()
}

/// A list of elements that are known to be of one type.
fn list_of(element: &Type, items: Vec<Value>) -> Outcome {
    Value::list(element, items).ok_or_else(|| FunctionError::new("element types must all match"))
}

fn is_sequence(value: &Value) -> bool {
    value.is_list() || value.is_tuple()
}

fn indexable(collection: &Value) -> Result<(), FunctionError> {
    match is_sequence(collection) || collection.is_map() {
        true => Ok(()),
        false => Err(FunctionError::new("collection must be a list, a map or a tuple")),
    }
}

fn index(args: &[Value]) -> Outcome {
    let (collection, key) = (&args[0], &args[1]);
    indexable(collection)?;
    let wrong_key = |kind: &str, ty: &str| Err(FunctionError::new(format!("key for {kind} must be {ty}")));
    if collection.is_tuple() {
        if key.as_number().is_none() {
            return wrong_key("tuple", "number");
        }
        let index = whole(args, 1).map_err(|error| FunctionError::new(format!("invalid key for tuple: {error}")))?;
        let length = collection.length().unwrap_or(0);
        if usize::try_from(index).ok().is_none_or(|index| index >= length) {
            return Err(FunctionError::new(format!("key must be between 0 and {length} inclusive")));
        }
    } else if collection.is_list() && key.as_number().is_none() {
        return wrong_key("list", "number");
    } else if collection.is_map() && key.as_str().is_none() {
        return wrong_key("map", "string");
    }
    collection.index(key).ok_or_else(|| FunctionError::new("invalid index"))
}

fn index_of(args: &[Value]) -> Outcome {
    if !is_sequence(&args[0]) {
        return Err(FunctionError::new("argument must be a list or tuple"));
    }
    if args[0].length() == Some(0) {
        return Err(FunctionError::new("cannot search an empty list"));
    }
    match items(&args[0]).iter().position(|item| item.equals(&args[1]) == Some(true)) {
        Some(index) => Ok(index.into()),
        None => Err(FunctionError::new("item not found")),
    }
}

fn length(args: &[Value]) -> Outcome {
    match args[0].length() {
        // Unknown elements may turn out to be equal to others.
        Some(_) if args[0].is_set() && !args[0].is_wholly_known() => Ok(Value::unknown(Type::Number)),
        Some(length) if !args[0].is_object() => Ok(length.into()),
        _ => Err(FunctionError::new("collection must be a list, a map or a tuple")),
    }
}

fn element(args: &[Value]) -> Outcome {
    if !is_sequence(&args[0]) {
        return Err(FunctionError::new(format!("cannot read elements from {}", args[0].ty().friendly_name())));
    }
    let index = whole(args, 1).map_err(|error| FunctionError::new(format!("invalid index: {error}")))?;
    let length = args[0].length().unwrap_or(0) as i64;
    if length == 0 {
        return Err(FunctionError::new("cannot use element function with an empty list"));
    }
    // Between 0 and a length, so it fits; i64::MIN with a length of -1 cannot occur.
    Ok(args[0].at(index.rem_euclid(length) as usize).unwrap_or(Value::DYNAMIC))
}

fn coalesce_list(args: &[Value]) -> Outcome {
    if args.is_empty() {
        return Err(FunctionError::new("at least one argument is required"));
    }
    if !args.iter().all(|arg| matches!(arg.ty(), Type::List(_) | Type::Tuple(_))) {
        return Err(FunctionError::new("coalescelist arguments must be lists or tuples"));
    }
    let first = args.iter().find(|arg| arg.length().is_some_and(|length| length > 0));
    first.cloned().ok_or_else(|| FunctionError::new("no non-null arguments"))
}

fn contains(args: &[Value]) -> Outcome {
    if !is_sequence(&args[0]) && !args[0].is_set() {
        return Err(FunctionError::new("argument must be list, tuple, or set"));
    }
    Ok(items(&args[0]).iter().any(|item| args[1].equals(item) == Some(true)).into())
}

fn distinct(args: &[Value]) -> Outcome {
    let mut kept: Vec<Value> = Vec::new();
    // Equal values have equal keys, so only those with the same key need to be compared.
    let mut by_key: HashMap<String, Vec<usize>> = HashMap::new();
    for item in items(&args[0]) {
        let same_key = by_key.entry(item.set_key()).or_default();
        if !same_key.iter().any(|index| kept[*index].equals(&item) == Some(true)) {
            same_key.push(kept.len());
            kept.push(item);
        }
    }
    list_of(args[0].element_type().unwrap_or(&Type::Any), kept)
}

fn chunk_list(args: &[Value]) -> Outcome {
    let size = whole(args, 1).map_err(|error| FunctionError::new(format!("invalid size: {error}")))?;
    let size = usize::try_from(size).map_err(|_| FunctionError::new("the size argument must be positive"))?;
    let items = items(&args[0]);
    let element = args[0].element_type().unwrap_or(&Type::Any);
    if items.is_empty() {
        return list_of(&args[0].ty(), Vec::new());
    }
    if size == 0 {
        return list_of(&args[0].ty(), vec![args[0].clone()]);
    }
    let chunks = items.chunks(size).map(|chunk| list_of(element, chunk.to_vec())).collect::<Result<_, _>>()?;
    list_of(&args[0].ty(), chunks)
}

fn flatten(args: &[Value]) -> Outcome {
    if !is_sequence(&args[0]) && !args[0].is_set() {
        return Err(FunctionError::new("can only flatten lists, sets and tuples"));
    }
    // The depth of values is limited, and with it the depth of this recursion.
    fn collect(value: &Value, flat: &mut Vec<Value>) -> bool {
        value.items().into_iter().flatten().all(|item| {
            if item.items().is_some() {
                return collect(&item, flat);
            }
            // A sequence of which nothing is known leaves the length open.
            let open =
                !item.is_known() && matches!(item.ty(), Type::Any | Type::List(_) | Type::Set(_) | Type::Tuple(_));
            flat.push(item);
            !open
        })
    }
    let mut flat = Vec::new();
    let known = collect(&args[0], &mut flat);
    Ok(if known { Value::tuple(flat) } else { Value::DYNAMIC.or_volatile(args[0].is_volatile()) })
}

fn keys(args: &[Value]) -> Outcome {
    let Some(entries) = args[0].entries() else {
        return Err(FunctionError::argument(0, "must have map or object type"));
    };
    let keys = entries.map(|(key, _)| Value::from(&**key)).collect();
    if args[0].is_object() { Ok(Value::tuple(keys)) } else { list_of(&Type::String, keys) }
}

fn values(args: &[Value]) -> Outcome {
    let Some(entries) = args[0].entries() else {
        return Err(FunctionError::new("values() requires a map as the first argument"));
    };
    let values = entries.map(|(_, value)| value).collect();
    match args[0].element_type() {
        Some(element) => list_of(element, values),
        None => Ok(Value::tuple(values)),
    }
}

fn lookup(args: &[Value]) -> Outcome {
    let key = text(args, 1);
    if args[0].is_object() {
        return Ok(args[0].get(key).unwrap_or_else(|| args[2].clone()));
    }
    let Some(element) = args[0].element_type().filter(|_| args[0].is_map()) else {
        return Err(FunctionError::argument(0, "lookup() requires a map as the first argument"));
    };
    let default = convert(&args[2], element)
        .map_err(|_| FunctionError::argument(2, "the default value must have the same type as the map elements"))?;
    Ok(args[0].get(key).unwrap_or(default))
}

fn merge(args: &[Value]) -> Outcome {
    let types: Vec<Type> = args.iter().map(Value::ty).collect();
    for ty in types.iter().take_while(|ty| **ty != Type::Any) {
        if !matches!(ty, Type::Map(_) | Type::Object(_)) {
            let name = quoted(&ty.friendly_name());
            return Err(FunctionError::new(format!("arguments must be maps or objects, got {name}")));
        }
    }
    let mut merged = Vec::new();
    for (arg, ty) in args.iter().zip(&types).filter(|(arg, _)| !arg.is_null()) {
        // Behind an untyped null the types are not looked at beforehand.
        let Some(elements) = arg.elements() else {
            return Err(FunctionError::new(format!("arguments must be maps or objects, got {}", ty.friendly_name())));
        };
        for (key, value) in elements {
            let Some(key) = key.as_shared_str() else {
                let name = quoted(&ty.friendly_name());
                return Err(FunctionError::new(format!("arguments must be maps or objects, got {name}")));
            };
            merged.push((key.clone(), value));
        }
    }
    match types.first() {
        Some(Type::Map(element)) if types.iter().all(|ty| *ty == types[0]) => {
            Value::map(element, merged).ok_or_else(|| FunctionError::new("element types must all match"))
        }
        _ => Ok(Value::object(merged)),
    }
}

fn reverse_list(args: &[Value]) -> Outcome {
    let Some(items) = args[0].items() else {
        let message = format!("can only reverse list or tuple values, not {}", args[0].ty().friendly_name());
        return Err(FunctionError::argument(0, message));
    };
    let reversed = items.rev().collect();
    match args[0].element_type() {
        Some(element) => list_of(element, reversed),
        None => Ok(Value::tuple(reversed)),
    }
}

fn product(args: &[Value]) -> Outcome {
    if args.len() < 2 {
        return Err(FunctionError::new("at least two arguments are required"));
    }
    let mut axes = Vec::with_capacity(args.len());
    let mut types = Vec::with_capacity(args.len());
    let mut total = 1usize;
    for (index, arg) in args.iter().enumerate() {
        let element = match arg.ty() {
            Type::Set(element) | Type::List(element) => (*element).clone(),
            Type::Tuple(elements) if elements.is_empty() => Type::Any,
            Type::Tuple(elements) => match unify_unsafe(&elements) {
                Some(common) => common.ty,
                None => return Err(FunctionError::argument(index, "all elements must be of the same type")),
            },
            _ => return Err(FunctionError::argument(index, "a set or a list is required")),
        };
        let axis = items(arg).iter().map(|item| convert(item, &element)).collect::<Result<Vec<_>, _>>()?;
        total = total.saturating_mul(axis.len());
        axes.push(axis);
        types.push(element);
    }
    if args.iter().any(|arg| arg.is_set() && !arg.is_wholly_known()) {
        let volatile = args.iter().any(Value::is_volatile);
        return Ok(Value::DYNAMIC.or_volatile(volatile));
    }
    if total.saturating_mul(args.len()) as u64 > MAX_WEIGHT / 16 {
        return Err(FunctionError::new("the product is too large"));
    }
    let mut tuples = vec![Vec::new(); total.min(1)];
    for axis in &axes {
        let extended = |tuple: &Vec<Value>| {
            let tuple = tuple.clone();
            axis.iter().map(move |value| [&tuple[..], std::slice::from_ref(value)].concat())
        };
        tuples = tuples.iter().flat_map(extended).collect();
    }
    let element = Type::tuple(types);
    let tuples = tuples.into_iter().map(Value::tuple).collect();
    let ordered = args.iter().all(is_sequence);
    let result = if ordered { Value::list(&element, tuples) } else { Value::set(&element, tuples) };
    result.ok_or_else(|| FunctionError::new("element types must all match"))
}

fn slice(args: &[Value]) -> Outcome {
    if args[0].is_set() {
        return Err(FunctionError::argument(
            0,
            "cannot slice a set, because its elements do not have indices; \
             explicitly convert to a list if the ordering of the result is not important",
        ));
    }
    if !is_sequence(&args[0]) {
        return Err(FunctionError::argument(0, "must be a list or tuple value"));
    }
    let items = items(&args[0]);
    let bound = |index: usize, name: &str| {
        let fail = |cause: String| FunctionError::argument(index, cause);
        let value = whole(args, index).map_err(|error| fail(format!("invalid {name} index: {error}")))?;
        let value = usize::try_from(value).map_err(|_| fail(format!("{name} index must not be less than zero")))?;
        match value > items.len() {
            true => Err(fail(format!("{name} index must not be greater than the length of the list"))),
            false => Ok(value),
        }
    };
    let (start, end) = (bound(1, "start")?, bound(2, "end")?);
    if start > end {
        return Err(FunctionError::argument(1, "start index must not be greater than end index"));
    }
    let part = items[start..end].to_vec();
    match args[0].element_type() {
        Some(element) => list_of(element, part),
        None => Ok(Value::tuple(part)),
    }
}

fn zip_map(args: &[Value]) -> Outcome {
    let (keys, values) = (items(&args[0]), items(&args[1]));
    if !is_sequence(&args[1]) {
        return Err(FunctionError::new("values argument must be a list or tuple value"));
    }
    if keys.len() != values.len() {
        let (keys, values) = (keys.len(), values.len());
        let message = format!("number of keys ({keys}) does not match number of values ({values})");
        return Err(FunctionError::new(message));
    }
    let mut entries = Vec::with_capacity(keys.len());
    for (index, (key, value)) in keys.iter().zip(values).enumerate() {
        let Some(key) = key.as_shared_str() else {
            return Err(FunctionError::new(format!("keys list has null value at index {index}")));
        };
        entries.push((key.clone(), value));
    }
    match args[1].element_type() {
        Some(element) => Value::map(element, entries).ok_or_else(|| FunctionError::new("element types must all match")),
        None => Ok(Value::object(entries)),
    }
}

fn concat(args: &[Value]) -> Outcome {
    if args.is_empty() {
        return Err(FunctionError::new("at least one argument is required"));
    }
    if args.iter().all(Value::is_list) {
        let types: Vec<Type> = args.iter().map(Value::ty).collect();
        if let Some(Type::List(element)) = unify_unsafe(&types).map(|common| common.ty) {
            let mut joined = Vec::new();
            for (index, arg) in args.iter().enumerate() {
                let list = convert(arg, &Type::List(element.clone()));
                let list = list.map_err(|error| FunctionError::argument(index, error.message))?;
                joined.extend(items(&list));
            }
            return list_of(&element, joined);
        }
    }
    if let Some(index) = args.iter().position(|arg| !is_sequence(arg)) {
        let name = args[index].ty().friendly_name();
        return Err(FunctionError::argument(index, format!("all arguments must be lists or tuples; got {name}")));
    }
    Ok(Value::tuple(args.iter().flat_map(items).collect()))
}

/// The most values that `range` gives.
const MAX_RANGE: usize = 1024;

fn range(args: &[Value]) -> Outcome {
    let zero = Number::from(0i64);
    let towards = |from: &Number, to: &Number| Number::from(if to.compare(from).is_lt() { -1i64 } else { 1 });
    let (start, end, step) = match args.len() {
        1 => {
            let end = number(args, 0);
            (zero.clone(), end.clone(), towards(&zero, &end))
        }
        2 => (number(args, 0), number(args, 1), towards(&number(args, 0), &number(args, 1))),
        3 => (number(args, 0), number(args, 1), number(args, 2)),
        _ => return Err(FunctionError::new("must have one, two, or three arguments")),
    };
    let down = step.compare(&zero).is_lt();
    if down && end.compare(&start).is_gt() {
        return Err(FunctionError::argument(1, "end must be less than start when step is negative"));
    }
    if !down && end.compare(&start).is_lt() {
        return Err(FunctionError::argument(1, "end must be greater than start when step is positive"));
    }
    let mut values = Vec::new();
    let mut next = start;
    loop {
        let order = next.compare(&end);
        if next.equals(&end) || if down { order.is_lt() } else { order.is_gt() } {
            return list_of(&Type::Number, values);
        }
        if values.len() >= MAX_RANGE {
            return Err(FunctionError::new(
                "more than 1024 values were generated; \
                 either decrease the difference between start and end or use a smaller step",
            ));
        }
        values.push(next.clone().into());
        next = next.add(&step).ok_or_else(|| FunctionError::new("can't compute sum of opposing infinities"))?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bake::functions::{call, lookup};
    use crate::bake::host::Sealed;

    fn called(name: &str, args: Vec<Value>) -> String {
        let function = lookup(name).unwrap_or_else(|| panic!("there is a function {name}"));
        match call(function, args, &Sealed::default()) {
            Ok(value) => format!("{value:?}"),
            Err(error) => format!("error: {error}"),
        }
    }

    #[test]
    fn elements_that_are_moved_stay_unknown_or_volatile_by_themselves() {
        let unknown = || Value::unknown(Type::String);
        let volatile = || Value::from("x").or_volatile(true);
        let tuple = |items: &[Value]| Value::tuple(items.to_vec());
        let object = Value::object([("a", volatile()), ("b", "y".into())]);
        let cases = [
            ("concat", vec![tuple(&[unknown()]), tuple(&["a".into()])], "[unknown(string), \"a\"]"),
            ("length", vec![tuple(&[unknown(), volatile()])], "2"),
            ("length", vec![unknown()], "unknown(any)"),
            ("keys", vec![object.clone()], "[\"a\", \"b\"]"),
            ("values", vec![object.clone()], "[volatile \"x\", \"y\"]"),
            ("lookup", vec![object.clone(), "b".into(), "z".into()], "\"y\""),
            (
                "merge",
                vec![object.clone(), Value::object([("a", unknown())])],
                "{\"a\": unknown(string), \"b\": \"y\"}",
            ),
            ("element", vec![tuple(&["a".into(), volatile()]), 1i64.into()], "volatile \"x\""),
            ("element", vec![tuple(&["a".into()]), Value::from(1i64).or_volatile(true)], "volatile \"a\""),
            ("flatten", vec![tuple(&[tuple(&[volatile()]), "a".into()])], "[volatile \"x\", \"a\"]"),
            ("flatten", vec![tuple(&[Value::DYNAMIC, "a".into()])], "unknown(any)"),
            ("jsonencode", vec![object], "volatile \"{\\\"a\\\":\\\"x\\\",\\\"b\\\":\\\"y\\\"}\""),
            ("upper", vec![unknown()], "unknown(any)"),
            ("timestamp", vec![], "volatile \"1970-01-01T00:00:00Z\""),
        ];
        for (name, args, expected) in cases {
            assert_eq!(called(name, args.clone()), expected, "{name}({args:?})");
        }
    }

    #[test]
    fn large_lists_take_no_more_than_linear_time() {
        let items = |count: i64| Value::tuple((0..count).map(Value::from).collect());
        assert_eq!(called("setproduct", vec![items(2000), items(2000)]), "error: the product is too large");
        assert!(called("distinct", vec![items(50_000)]).ends_with("49999]"));
    }
}
