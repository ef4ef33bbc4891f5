//! Conversion between types, and the search for a common one (go-cty `cty/convert`).
//!
//! A safe conversion succeeds for every value of a type; an unsafe one may fail for some, as from string to number.

use std::cell::Cell;
use std::sync::Arc;

use super::number::Number;
use super::types::{ObjectType, Type};
use super::value::{Value, quoted};

/// How many steps one conversion may take. Types nested within each other a hundred deep could otherwise make the
/// search for a common type last for years.
const BUDGET: u32 = 200_000;

/// Why a value cannot be converted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ConvertError {
    /// The cause as cty words it, without a full stop.
    pub message: String,
    /// The way from the value to the part at fault; empty if the types alone tell that it cannot work.
    pub path: Vec<PathStep>,
}

/// One step into a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathStep {
    /// To the element of a list, set or tuple.
    Index(usize),
    /// To the attribute of an object or the entry of a map.
    Key(Arc<str>),
}

/// Converts a value to a type, by an unsafe conversion if there is no safe one.
///
/// Null stays null and unknown stays unknown, of the new type. An error says what is wrong in cty's words.
pub fn convert(value: &Value, want: &Type) -> Result<Value, ConvertError> {
    let given = value.ty();
    if given == want.without_optional() {
        return Ok(value.clone());
    }
    let cost = Cost::default();
    if !convertible(&given, want, Mode::Unsafe, &cost) {
        let mut path = Vec::new();
        mismatch_path(&given, want, &Cost::default(), &mut path);
        return Err(ConvertError { message: mismatch(&given, want, &cost), path });
    }
    apply(value, want, Mode::Unsafe, &mut Vec::new(), &cost)
}

/// Whether there is a conversion that succeeds for every value of the type `from`.
pub fn is_safe(from: &Type, to: &Type) -> bool {
    convertible(from, to, Mode::Safe, &Cost::default())
}

/// Why a value of the type `given` is not one of the type `want`, in cty's words.
pub fn mismatch_message(given: &Type, want: &Type) -> String {
    mismatch(given, want, &Cost::default())
}

/// The type that several types have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unified {
    /// The common type.
    pub ty: Type,
    /// Whether the outcome hangs on untyped values among the others, so that converted values are not known.
    unknown: bool,
}

impl Unified {
    /// Converts a value of one of the types to the common type.
    pub fn convert(&self, value: &Value) -> Result<Value, ConvertError> {
        match self.unknown {
            true => Ok(Value::DYNAMIC.or_volatile(value.is_volatile())),
            false if value.ty() == self.ty => Ok(value.clone()),
            false => apply(value, &self.ty, Mode::Unsafe, &mut Vec::new(), &Cost::default()),
        }
    }
}

/// The most general type that safe conversions lead to from all of the types; none if they have nothing in common or
/// there are no types at all.
pub fn unify(types: &[Type]) -> Option<Unified> {
    unify_by(types, Mode::Safe, &Cost::default())
}

/// Like [`unify`], with unsafe conversions too.
pub fn unify_unsafe(types: &[Type]) -> Option<Unified> {
    unify_by(types, Mode::Unsafe, &Cost::default())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Safe,
    Unsafe,
}

/// The steps left of a [`BUDGET`].
struct Cost(Cell<u32>);

impl Default for Cost {
    fn default() -> Self {
        Cost(Cell::new(BUDGET))
    }
}

impl Cost {
    /// Takes a step; false if there is none left.
    fn step(&self) -> bool {
        self.0.set(self.0.get().saturating_sub(1));
        self.0.get() > 0
    }
}

/// Whether there is a conversion between two types.
fn convertible(from: &Type, to: &Type, mode: Mode, cost: &Cost) -> bool {
    if !cost.step() {
        return false;
    }
    let equal_or = |from: &Type, to: &Type| from == to || convertible(from, to, mode, cost);
    match (from, to) {
        (_, Type::Any) => true,
        (Type::Any, _) => mode == Mode::Unsafe,
        (Type::Number | Type::Bool, Type::String) => true,
        (Type::String, Type::Number | Type::Bool) => mode == Mode::Unsafe,
        (Type::Object(from), Type::Object(to)) => to.attributes().all(|(name, want)| match from.get(name) {
            Some(given) => equal_or(given, want),
            None => to.is_optional(name),
        }),
        (Type::Tuple(from), Type::Tuple(to)) => {
            from.len() == to.len() && from.iter().zip(to.iter()).all(|(from, to)| equal_or(from, to))
        }
        (Type::List(from) | Type::Set(from), Type::List(to)) => equal_or(from, to),
        (Type::List(from), Type::Set(to)) => mode == Mode::Unsafe && equal_or(from, to),
        (Type::Set(from), Type::Set(to)) => equal_or(from, to),
        // The element type is asked for even if it is the same: there is no conversion from a primitive type to itself.
        (Type::Map(from), Type::Map(to)) => convertible(from, to, mode, cost),
        (Type::Tuple(from), Type::List(to) | Type::Set(to)) => match common_element(from, to, mode, cost) {
            Some(to) => from.iter().all(|from| equal_or(from, &to)),
            None => false,
        },
        (Type::Object(from), Type::Map(to)) => match common_attribute(from, to, mode, cost) {
            Some(to) => from.attributes().all(|(_, from)| equal_or(from, &to)),
            None => false,
        },
        (Type::Map(from), Type::Object(to)) => {
            mode == Mode::Unsafe && to.attributes().all(|(name, want)| equal_or(from, want) || to.is_optional(name))
        }
        _ => false,
    }
}

/// The element type that a tuple gets when it becomes a list or set of `want`.
fn common_element(given: &[Type], want: &Type, mode: Mode, cost: &Cost) -> Option<Type> {
    if *want != Type::Any || given.is_empty() {
        return Some(want.clone());
    }
    let common = unify_by(given, mode, cost)?.ty;
    match common == Type::Any && given.iter().any(|ty| *ty != Type::Any) {
        true => None,
        false => Some(common),
    }
}

/// The element type that an object gets when it becomes a map of `want`.
fn common_attribute(given: &ObjectType, want: &Type, mode: Mode, cost: &Cost) -> Option<Type> {
    if *want != Type::Any || given.is_empty() {
        return Some(want.clone());
    }
    let types: Vec<Type> = given.attributes().map(|(_, ty)| ty.clone()).collect();
    Some(unify_by(&types, mode, cost)?.ty)
}

/// Carries out a conversion that [`convertible`] has found possible.
fn apply(value: &Value, want: &Type, mode: Mode, path: &mut Vec<PathStep>, cost: &Cost) -> Result<Value, ConvertError> {
    if *want == Type::Any {
        return Ok(value.clone());
    }
    let volatile = value.is_volatile_itself();
    if value.is_null() || !value.is_known() {
        let ty = fill_any(&value.ty(), &want.without_optional(), cost);
        let result = if value.is_null() { Value::null(ty) } else { Value::unknown(ty) };
        return Ok(result.or_volatile(volatile));
    }
    let given = value.ty();
    let fail = |path: &[PathStep], message: &str| ConvertError { message: message.into(), path: path.to_vec() };
    let result = match (&given, want) {
        (Type::Number, Type::String) => value.as_number().map(|number| number.to_string().into()),
        (Type::Bool, Type::String) => value.as_bool().map(|value| if value { "true" } else { "false" }.into()),
        (Type::String, Type::Number) => {
            let number = value.as_str().and_then(Number::parse);
            Some(number.ok_or_else(|| fail(path, "a number is required"))?.into())
        }
        (Type::String, Type::Bool) => Some(match value.as_str().unwrap_or_default() {
            "true" | "1" => true.into(),
            "false" | "0" => false.into(),
            text => {
                let hint = |word| format!("a bool is required; to convert from string, use lowercase \"{word}\"");
                let message = match text.to_lowercase().as_str() {
                    word @ ("true" | "false") => hint(word),
                    _ => "a bool is required".into(),
                };
                return Err(fail(path, &message));
            }
        }),
        (Type::Object(_), Type::Object(object)) => {
            let mut attributes = Vec::with_capacity(object.len());
            for (name, want) in object.attributes() {
                let attribute = match value.get(name) {
                    Some(attribute) => apply_inside(&attribute, want, mode, PathStep::Key(name.clone()), path, cost)?,
                    None => Value::null(want.clone()),
                };
                attributes.push((name, attribute));
            }
            Some(Value::object(attributes))
        }
        (Type::Tuple(_), Type::Tuple(elements)) => {
            let mut items = Vec::with_capacity(elements.len());
            for (index, (item, want)) in value.items().into_iter().flatten().zip(elements.iter()).enumerate() {
                items.push(apply_inside(&item, want, mode, PathStep::Index(index), path, cost)?);
            }
            Some(Value::tuple(items))
        }
        (Type::List(_) | Type::Set(_), Type::List(element) | Type::Set(element)) => {
            let items = convert_items(value, element, mode, path, cost)?;
            // An empty collection keeps its element type if any other would do.
            let empty = if **element == Type::Any { given.element().unwrap_or(element) } else { element };
            Some(collect(want, empty, items).ok_or_else(|| fail(path, unequal_elements(want)))?)
        }
        (Type::Tuple(elements), Type::List(element) | Type::Set(element)) => {
            let common = common_element(elements, element, mode, cost).unwrap_or(Type::Any);
            let mut items = convert_items(value, &common, mode, path, cost)?;
            if matches!(want, Type::List(_)) && !items.is_empty() {
                items = unify_items(items, mode, path, cost)?;
            }
            Some(collect(want, &common, items).ok_or_else(|| fail(path, unequal_elements(want)))?)
        }
        (Type::Map(_), Type::Map(element)) => {
            let entries = convert_entries(value, element, mode, path, cost)?;
            let empty = if **element == Type::Any { given.element().unwrap_or(element) } else { element };
            let entries = unify_entries(entries, element, Mode::Safe, path, cost)?;
            let message = "element types must all match for conversion to map";
            Some(Value::map(empty, entries).ok_or_else(|| fail(path, message))?)
        }
        (Type::Object(object), Type::Map(element)) => {
            let common = common_attribute(object, element, mode, cost).unwrap_or(Type::Any);
            let entries = convert_entries(value, &common, mode, path, cost)?;
            let entries = unify_entries(entries, &common, mode, path, cost)?;
            let message = "attribute types must all match for conversion to map";
            Some(Value::map(&common, entries).ok_or_else(|| fail(path, message))?)
        }
        (Type::Map(element), Type::Object(object)) => {
            let mut attributes = Vec::with_capacity(object.len());
            for (name, want) in object.attributes() {
                let attribute = match value.get(name) {
                    Some(attribute) if **element == *want || convertible(element, want, mode, cost) => {
                        apply_inside(&attribute, want, mode, PathStep::Key(name.clone()), path, cost)?
                    }
                    Some(attribute) => {
                        let cause = mismatch(&attribute.ty(), want, cost);
                        let name = quoted(name);
                        return Err(fail(
                            path,
                            &format!("map element type is incompatible with attribute {name}: {cause}"),
                        ));
                    }
                    None if object.is_optional(name) => Value::null(want.clone()),
                    None => {
                        let name = quoted(name);
                        return Err(fail(path, &format!("map has no element for required attribute {name}")));
                    }
                };
                attributes.push((name, attribute));
            }
            Some(Value::object(attributes))
        }
        _ => None,
    };
    match result {
        Some(result) => Ok(result.or_volatile(volatile)),
        // The budget ran out: between any other two types there is no conversion to begin with.
        None => Err(fail(path, &mismatch(&given, want, cost))),
    }
}

/// Converts one element of a collection if its type asks for it.
fn apply_inside(
    value: &Value,
    want: &Type,
    mode: Mode,
    step: PathStep,
    path: &mut Vec<PathStep>,
    cost: &Cost,
) -> Result<Value, ConvertError> {
    if value.ty() == *want {
        return Ok(value.clone());
    }
    path.push(step);
    let converted = apply(value, want, mode, path, cost)?;
    path.pop();
    Ok(converted)
}

fn convert_items(
    value: &Value,
    want: &Type,
    mode: Mode,
    path: &mut Vec<PathStep>,
    cost: &Cost,
) -> Result<Vec<Value>, ConvertError> {
    let items = value.items().into_iter().flatten().enumerate();
    items.map(|(index, item)| apply_inside(&item, want, mode, PathStep::Index(index), path, cost)).collect()
}

fn convert_entries(
    value: &Value,
    want: &Type,
    mode: Mode,
    path: &mut Vec<PathStep>,
    cost: &Cost,
) -> Result<Vec<(Arc<str>, Value)>, ConvertError> {
    let mut converted = Vec::new();
    for (key, item) in value.entries().into_iter().flatten() {
        let item = apply_inside(&item, want, mode, PathStep::Key(key.clone()), path, cost)?;
        converted.push((key.clone(), item));
    }
    Ok(converted)
}

fn collect(want: &Type, element: &Type, items: Vec<Value>) -> Option<Value> {
    match want {
        Type::Set(_) => Value::set(element, items),
        _ => Value::list(element, items),
    }
}

fn unequal_elements(want: &Type) -> &'static str {
    match want {
        Type::Set(_) => "element types must all match for conversion to set",
        _ => "element types must all match for conversion to list",
    }
}

/// Brings elements that were converted one by one to one type, where the wanted type left some of it open.
fn unify_items(
    items: Vec<Value>,
    mode: Mode,
    path: &mut Vec<PathStep>,
    cost: &Cost,
) -> Result<Vec<Value>, ConvertError> {
    let types: Vec<Type> = items.iter().map(Value::ty).collect();
    let Some(unified) = unify_by(&types, mode, cost) else {
        let message = "cannot find a common base type for all elements".into();
        return Err(ConvertError { message, path: path.clone() });
    };
    let step =
        |(index, item): (usize, &Value)| apply_inside(item, &unified.ty, mode, PathStep::Index(index), path, cost);
    items.iter().enumerate().map(step).collect()
}

fn unify_entries(
    entries: Vec<(Arc<str>, Value)>,
    element: &Type,
    mode: Mode,
    path: &mut Vec<PathStep>,
    cost: &Cost,
) -> Result<Vec<(Arc<str>, Value)>, ConvertError> {
    if entries.is_empty() || !(element.is_collection() || element.attributes().is_some()) {
        return Ok(entries);
    }
    let (keys, items): (Vec<_>, Vec<_>) = entries.into_iter().unzip();
    let types: Vec<Type> = items.iter().map(Value::ty).collect();
    let Some(unified) = unify_by(&types, mode, cost) else {
        let message = "cannot find a common base type for all elements".into();
        return Err(ConvertError { message, path: path.clone() });
    };
    let mut converted = Vec::with_capacity(keys.len());
    for (key, item) in keys.into_iter().zip(items) {
        let item = apply_inside(&item, &unified.ty, mode, PathStep::Key(key.clone()), path, cost)?;
        converted.push((key, item));
    }
    Ok(converted)
}

/// The type `want` with every [`Type::Any`] in it replaced by what stands there in `given`.
fn fill_any(given: &Type, want: &Type, cost: &Cost) -> Type {
    if *given == Type::Any || !want.has_any() {
        return want.clone();
    }
    let element_of = |given: &Type| match given {
        Type::List(element) | Type::Set(element) | Type::Map(element) => (**element).clone(),
        Type::Tuple(elements) => unify_by(elements, Mode::Unsafe, cost).map_or(Type::Any, |unified| unified.ty),
        Type::Object(object) => {
            let types: Vec<Type> = object.attributes().map(|(_, ty)| ty.clone()).collect();
            unify_by(&types, Mode::Unsafe, cost).map_or(Type::Any, |unified| unified.ty)
        }
        _ => Type::Any,
    };
    match (given, want) {
        (_, Type::Any) => given.clone(),
        (Type::Map(_) | Type::Object(_), Type::Map(element)) => Type::map(fill_any(&element_of(given), element, cost)),
        (Type::List(_) | Type::Set(_) | Type::Tuple(_), Type::Set(element)) => {
            Type::set(fill_any(&element_of(given), element, cost))
        }
        (Type::List(_) | Type::Set(_) | Type::Tuple(_), Type::List(element)) => {
            Type::list(fill_any(&element_of(given), element, cost))
        }
        (Type::Map(given), Type::Object(object)) => {
            Type::object(object.attributes().map(|(name, want)| (name.clone(), fill_any(given, want, cost))))
        }
        (Type::Object(given), Type::Object(object)) => Type::object(object.attributes().map(|(name, want)| {
            let filled = given.get(name).map(|given| fill_any(given, want, cost));
            (name.clone(), filled.unwrap_or_else(|| want.clone()))
        })),
        (Type::Tuple(given), Type::Tuple(want)) => {
            Type::tuple(given.iter().zip(want.iter()).map(|(given, want)| fill_any(given, want, cost)))
        }
        _ => want.clone(),
    }
}

/// The search for a common type (go-cty `convert/unify.go`).
fn unify_by(types: &[Type], mode: Mode, cost: &Cost) -> Option<Unified> {
    let first = types.first()?;
    if !cost.step() {
        return None;
    }
    let count = |kind: fn(&Type) -> bool| types.iter().filter(|ty| kind(ty)).count();
    let maps = count(|ty| matches!(ty, Type::Map(_)));
    let lists = count(|ty| matches!(ty, Type::List(_)));
    let sets = count(|ty| matches!(ty, Type::Set(_)));
    let objects = count(|ty| matches!(ty, Type::Object(_)));
    let tuples = count(|ty| matches!(ty, Type::Tuple(_)));
    let untyped = count(|ty| *ty == Type::Any);
    let all = |some: usize, others: usize| some > 0 && some + others + untyped == types.len();
    if all(maps, 0) {
        return unify_collections(types, Type::map, mode, cost);
    } else if all(maps, objects) {
        if let Some(unified) = unify_as(types, |ty| matches!(ty, Type::Object(_)), objects_to_map, mode, cost) {
            return Some(unified);
        }
    } else if all(lists, 0) {
        return unify_collections(types, Type::list, mode, cost);
    } else if all(lists, tuples) {
        if let Some(unified) = unify_as(types, |ty| matches!(ty, Type::Tuple(_)), tuples_to_list, mode, cost) {
            return Some(unified);
        }
    } else if all(sets, 0) {
        return unify_collections(types, Type::set, mode, cost);
    } else if all(objects, 0) || all(tuples, 0) {
        if untyped > 0 {
            return Some(Unified { ty: Type::Any, unknown: true });
        }
        return match first {
            Type::Object(_) => unify_objects(types, mode, cost),
            _ => unify_tuples(types, mode, cost),
        };
    } else if objects > 0 && tuples > 0 {
        return None;
    }
    let distinct = distinct(types);
    let suits = |want: &Type| distinct.iter().all(|ty| *ty == want || convertible(ty, want, mode, cost));
    let want = by_generality(&distinct, cost).into_iter().find(|want| suits(want))?;
    Some(Unified { ty: want.clone(), unknown: false })
}

fn distinct(types: &[Type]) -> Vec<&Type> {
    let mut distinct: Vec<&Type> = Vec::new();
    for ty in types {
        if !distinct.contains(&ty) {
            distinct.push(ty);
        }
    }
    distinct
}

/// Lists, sets or maps among themselves: unifies the element types.
fn unify_collections(types: &[Type], collection: fn(Type) -> Type, mode: Mode, cost: &Cost) -> Option<Unified> {
    if types.contains(&Type::Any) {
        return Some(Unified { ty: Type::Any, unknown: true });
    }
    let elements: Vec<Type> = types.iter().filter_map(|ty| ty.element().cloned()).collect();
    let ty = collection(unify_by(&elements, mode, cost)?.ty);
    reached(types, ty, mode, cost)
}

/// The type as the common one, if all types can be converted to it.
fn reached(types: &[Type], ty: Type, mode: Mode, cost: &Cost) -> Option<Unified> {
    let reached = distinct(types).into_iter().all(|from| *from == ty || convertible(from, &ty, mode, cost));
    reached.then_some(Unified { ty, unknown: false })
}

/// Maps and objects, or lists and tuples: takes the structural ones for the collection that they unify to.
fn unify_as(
    types: &[Type],
    structural: fn(&Type) -> bool,
    to_collection: fn(&[Type], Mode, &Cost) -> Option<Unified>,
    mode: Mode,
    cost: &Cost,
) -> Option<Unified> {
    let those: Vec<Type> = types.iter().filter(|ty| structural(ty)).cloned().collect();
    let collection = to_collection(&those, mode, cost)?.ty;
    let replaced = |ty: &Type| if structural(ty) { collection.clone() } else { ty.clone() };
    let types: Vec<Type> = types.iter().map(replaced).collect();
    let unified = unify_by(&types, mode, cost)?;
    unified.ty.is_collection().then_some(unified)
}

/// Objects with the same attributes become an object, others a map.
fn unify_objects(types: &[Type], mode: Mode, cost: &Cost) -> Option<Unified> {
    let objects: Vec<&ObjectType> = types.iter().filter_map(Type::attributes).collect();
    let (first, others) = objects.split_first()?;
    let same = |a: &ObjectType, b: &ObjectType| {
        a.len() == b.len() && a.attributes().zip(b.attributes()).all(|(a, b)| a.0 == b.0)
    };
    if !others.iter().all(|other| same(first, other)) {
        return objects_to_map(types, mode, cost);
    }
    let mut attributes = Vec::with_capacity(first.len());
    for (name, _) in first.attributes() {
        let across: Vec<Type> = objects.iter().filter_map(|object| object.get(name).cloned()).collect();
        attributes.push((name.clone(), unify_by(&across, mode, cost)?.ty));
    }
    let ty = Type::object(attributes);
    reached(types, ty, mode, cost).or_else(|| objects_to_map(types, mode, cost))
}

fn objects_to_map(types: &[Type], mode: Mode, cost: &Cost) -> Option<Unified> {
    let attributes = types.iter().filter_map(Type::attributes).flat_map(|object| object.attributes());
    let attributes: Vec<Type> = attributes.map(|(_, ty)| ty.clone()).collect();
    reached(types, Type::map(unify_by(&attributes, mode, cost)?.ty), mode, cost)
}

/// Tuples of the same length become a tuple, others a list.
fn unify_tuples(types: &[Type], mode: Mode, cost: &Cost) -> Option<Unified> {
    let tuples: Vec<&[Type]> = types.iter().filter_map(Type::elements).collect();
    let (first, others) = tuples.split_first()?;
    if others.iter().any(|other| other.len() != first.len()) {
        return tuples_to_list(types, mode, cost);
    }
    let mut elements = Vec::with_capacity(first.len());
    for index in 0..first.len() {
        let across: Vec<Type> = tuples.iter().filter_map(|tuple| tuple.get(index).cloned()).collect();
        elements.push(unify_by(&across, mode, cost)?.ty);
    }
    let ty = Type::tuple(elements);
    reached(types, ty, mode, cost).or_else(|| tuples_to_list(types, mode, cost))
}

fn tuples_to_list(types: &[Type], mode: Mode, cost: &Cost) -> Option<Unified> {
    let elements: Vec<Type> = types.iter().filter_map(Type::elements).flatten().cloned().collect();
    reached(types, Type::list(unify_by(&elements, mode, cost)?.ty), mode, cost)
}

/// The types with the more general ones first, otherwise in their order.
fn by_generality<'t>(types: &[&'t Type], cost: &Cost) -> Vec<&'t Type> {
    let mut less_general = vec![Vec::new(); types.len()];
    let mut waiting_for = vec![0usize; types.len()];
    for i in 0..types.len() {
        for j in i + 1..types.len() {
            let (general, special) = match compare(types[i], types[j], cost) {
                order if order < 0 => (i, j),
                order if order > 0 => (j, i),
                _ => continue,
            };
            less_general[general].push(special);
            waiting_for[special] += 1;
        }
    }
    let mut order: Vec<usize> = (0..types.len()).filter(|index| waiting_for[*index] == 0).collect();
    let mut next = 0;
    while let Some(general) = order.get(next).copied() {
        next += 1;
        for special in &less_general[general] {
            waiting_for[*special] -= 1;
            if waiting_for[*special] == 0 {
                order.push(*special);
            }
        }
    }
    order.into_iter().map(|index| types[index]).collect()
}

/// Below zero if `a` is the more general type, above if `b` is, zero if that cannot be told.
fn compare(a: &Type, b: &Type, cost: &Cost) -> i32 {
    if !cost.step() {
        return 0;
    }
    match (a, b) {
        (Type::Any, Type::Any) => 0,
        (_, Type::Any) => -1,
        (Type::Any, _) => 1,
        (Type::String, Type::Number | Type::Bool) => -1,
        (Type::Number | Type::Bool, Type::String) => 1,
        (Type::List(a), Type::List(b)) | (Type::Set(a), Type::Set(b)) | (Type::Map(a), Type::Map(b)) => {
            compare(a, b, cost)
        }
        (Type::List(_) | Type::Tuple(_), Type::Set(_)) => -1,
        (Type::Set(_), Type::List(_) | Type::Tuple(_)) => 1,
        (Type::List(_), Type::Tuple(_)) | (Type::Map(_), Type::Object(_)) => -1,
        (Type::Tuple(_), Type::List(_)) | (Type::Object(_), Type::Map(_)) => 1,
        (Type::Object(a), Type::Object(b)) => {
            if a.len() != b.len() || a.attributes().zip(b.attributes()).any(|(a, b)| a.0 != b.0) {
                return 0;
            }
            united(a.attributes().zip(b.attributes()).map(|(a, b)| compare(a.1, b.1, cost)))
        }
        (Type::Tuple(a), Type::Tuple(b)) if a.len() == b.len() => {
            united(a.iter().zip(b.iter()).map(|(a, b)| compare(a, b, cost)))
        }
        _ => 0,
    }
}

/// The order of two structural types from that of their parts: undecided if parts differ in both directions.
fn united(parts: impl Iterator<Item = i32>) -> i32 {
    let (mut first, mut second) = (false, false);
    for part in parts {
        first |= part < 0;
        second |= part > 0;
    }
    match (first, second) {
        (true, false) => -1,
        (false, true) => 1,
        _ => 0,
    }
}

/// Why `given` cannot be converted to `want`, in cty's words.
fn mismatch(given: &Type, want: &Type, cost: &Cost) -> String {
    match (given, want) {
        (Type::Object(given), Type::Object(want)) => mismatch_of_objects(given, want, cost),
        (Type::Tuple(_), Type::List(element)) if **element == Type::Any => {
            "all list elements must have the same type".into()
        }
        (Type::Tuple(_), Type::Set(element)) if **element == Type::Any => {
            "all set elements must have the same type".into()
        }
        (Type::Object(_), Type::Map(element)) if **element == Type::Any => {
            "all map elements must have the same type".into()
        }
        (Type::Tuple(elements), Type::List(want) | Type::Set(want)) => {
            let unfit = |ty: &Type| ty != &**want && !convertible(ty, want, Mode::Unsafe, cost);
            match elements.iter().position(unfit) {
                Some(index) => format!("element {index}: {}", mismatch(&elements[index], want, cost)),
                None => format!("all elements must be {}", want.constraint_name()),
            }
        }
        (Type::Object(object), Type::Map(want)) => {
            let unfit = |ty: &Type| ty != &**want && !convertible(ty, want, Mode::Unsafe, cost);
            match object.attributes().find(|(_, ty)| unfit(ty)) {
                Some((name, ty)) => format!("element {}: {}", quoted(name), mismatch(ty, want, cost)),
                None => format!("all elements must be {}", want.constraint_name()),
            }
        }
        (Type::List(given) | Type::Set(given), Type::List(want)) => {
            format!("incorrect list element type: {}", mismatch(given, want, cost))
        }
        (Type::List(given) | Type::Set(given), Type::Set(want)) => {
            format!("incorrect set element type: {}", mismatch(given, want, cost))
        }
        (Type::Map(given), Type::Map(want)) => {
            format!("incorrect map element type: {}", mismatch(given, want, cost))
        }
        _ if !want.is_collection() && is_telling(given, want) => {
            format!("{} required, but have {}", want.friendly_name(), given.friendly_name())
        }
        _ if want.is_collection() && given.is_primitive() => {
            format!("{} required, but have {}", want.friendly_name(), given.friendly_name())
        }
        _ => format!("{} required", want.constraint_name()),
    }
}

/// Where the part is that [`mismatch`] tells of.
fn mismatch_path(given: &Type, want: &Type, cost: &Cost, path: &mut Vec<PathStep>) {
    let unfit = |given: &Type, want: &Type| given != want && !convertible(given, want, Mode::Unsafe, cost);
    let step = match (given, want) {
        (Type::Tuple(elements), Type::List(want) | Type::Set(want)) if **want != Type::Any => {
            let index = elements.iter().position(|given| unfit(given, want));
            index.map(|index| (PathStep::Index(index), &elements[index], &**want))
        }
        (Type::Object(object), Type::Map(want)) if **want != Type::Any => {
            let found = object.attributes().find(|(_, given)| unfit(given, want));
            found.map(|(name, given)| (PathStep::Key(name.clone()), given, &**want))
        }
        (Type::Object(object), Type::Object(wanted)) => {
            let mut pairs = wanted.attributes().filter_map(|(name, want)| Some((name, object.get(name)?, want)));
            let found = pairs.find(|(_, given, want)| unfit(given, want));
            let is_complete =
                wanted.attributes().all(|(name, _)| object.get(name).is_some() || wanted.is_optional(name));
            let found = found.filter(|_| is_complete);
            found.map(|(name, given, want)| (PathStep::Key(name.clone()), given, want))
        }
        _ => None,
    };
    if let Some((step, given, want)) = step {
        path.push(step);
        mismatch_path(given, want, cost, path);
    }
}

/// Whether naming both types helps rather than confuses.
fn is_telling(given: &Type, want: &Type) -> bool {
    given.is_primitive() != want.is_primitive()
        || *want == Type::String
        || matches!((given, want), (Type::Number, Type::Bool) | (Type::Bool, Type::Number))
        || matches!((given, want), (Type::Tuple(_), Type::Object(_)))
}

fn mismatch_of_objects(given: &ObjectType, want: &ObjectType, cost: &Cost) -> String {
    let mut missing = Vec::new();
    let mut unfit = None;
    for (name, want_ty) in want.attributes() {
        match given.get(name) {
            None if want.is_optional(name) => {}
            None => missing.push(quoted(name)),
            Some(ty) if ty == want_ty || unfit.is_some() => {}
            Some(ty) if convertible(ty, want_ty, Mode::Unsafe, cost) => {}
            Some(ty) => unfit = Some((name, ty, want_ty)),
        }
    }
    match (missing.as_slice(), unfit) {
        ([], Some((name, ty, want))) => format!("attribute {}: {}", quoted(name), mismatch(ty, want, cost)),
        ([], None) => "incorrect object attributes".into(),
        ([name], _) => format!("attribute {name} is required"),
        ([first, second], _) => format!("attributes {first} and {second} are required"),
        ([names @ .., last], _) => format!("attributes {}, and {last} are required", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_lead_to_the_part_at_fault() {
        let value = Value::object([("a", Value::tuple(vec!["1".into(), "x".into()]))]);
        let error = convert(&value, &Type::map(Type::list(Type::Number))).expect_err("x is no number");
        assert_eq!(error.message, "a number is required");
        assert_eq!(error.path, [PathStep::Key("a".into()), PathStep::Index(1)]);
    }

    #[test]
    fn a_type_that_does_not_fit_is_found_where_it_stands() {
        let value = Value::object([("a", "x".into()), ("b", Value::tuple(vec!["1".into(), Value::tuple(vec![])]))]);
        let error = convert(&value, &Type::map(Type::list(Type::String))).expect_err("a is no list");
        assert_eq!(error.path, [PathStep::Key("a".into())]);
        let wanted = Type::object([("b", Type::list(Type::String))]);
        let error = convert(&value, &wanted).expect_err("the last is no text");
        assert_eq!(error.path, [PathStep::Key("b".into()), PathStep::Index(1)]);
    }

    #[test]
    fn null_and_unknown_take_the_new_type() {
        let cases = [
            (Value::NULL, Type::String, Value::null(Type::String)),
            (Value::null(Type::tuple([Type::Number])), Type::list(Type::Any), Value::null(Type::list(Type::Number))),
            (Value::unknown(Type::Bool), Type::String, Value::unknown(Type::String)),
            (Value::NULL, Type::Any, Value::NULL),
        ];
        for (value, ty, expected) in cases {
            assert_eq!(convert(&value, &ty), Ok(expected), "{value:?} to {ty}");
        }
    }

    #[test]
    fn optional_attributes_become_null_and_others_are_needed() {
        let object = |optional| {
            Type::object_with_optional([("a", Type::String, false), ("b", Type::list(Type::Number), optional)])
        };
        let value = Value::object([("a", Value::from(true)), ("c", 1i64.into())]);
        let expected = Value::object([("a", "true".into()), ("b", Value::null(Type::list(Type::Number)))]);
        assert_eq!(convert(&value, &object(true)), Ok(expected));
        let error = convert(&value, &object(false)).expect_err("b is missing");
        assert_eq!(error.message, "attribute \"b\" is required");
    }

    #[test]
    fn types_unify_to_the_most_general_one() {
        let (list, tuple) = (Type::list(Type::Number), Type::tuple([Type::String]));
        let a = |ty| Type::object([("a", ty)]);
        let b = Type::object([("b", Type::Bool)]);
        let cases = [
            (vec![Type::Number, Type::String, Type::Bool], Some("string")),
            (vec![Type::Number, Type::Bool], None),
            (vec![Type::Any, Type::Number], Some("number")),
            (vec![list.clone(), tuple.clone()], Some("list(string)")),
            (vec![tuple.clone(), Type::tuple([Type::Number])], Some("tuple([string])")),
            (vec![tuple.clone(), Type::tuple([])], Some("list(string)")),
            (vec![Type::set(Type::Number), list.clone()], Some("list(number)")),
            (vec![a(Type::Number), a(Type::String)], Some("object({a = string})")),
            (vec![a(Type::String), b.clone()], Some("map(string)")),
            (vec![a(list), b], None),
            (vec![a(Type::String), tuple], None),
            (vec![], None),
        ];
        for (types, expected) in cases {
            let unified = unify_unsafe(&types).map(|unified| unified.ty.to_string());
            assert_eq!(unified.as_deref(), expected, "{types:?}");
        }
    }

    #[test]
    fn types_nested_within_each_other_end_in_time() {
        let nested = |leaf: Type| {
            let wrap = |ty: Type, n: u32| match n % 2 {
                0 => Type::tuple([ty.clone(), Type::list(ty)]),
                _ => Type::object([("a", ty.clone()), ("b", Type::map(ty))]),
            };
            (0..100).fold(leaf, wrap)
        };
        assert_eq!(unify_unsafe(&[nested(Type::Number), nested(Type::Bool)]), None);
        let value = (0..100).fold(Value::from("x"), |value, _| Value::tuple(vec![value.clone(), value]));
        let ty = (0..100).fold(Type::Number, |ty, _| Type::list(ty));
        assert!(convert(&value, &ty).is_err());
    }
}
