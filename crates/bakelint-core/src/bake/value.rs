//! HCL values: cty's value model as Bake uses it.
//!
//! A value is cheap to clone and can be shared between threads. Strings are in Unicode normalisation form C, which
//! makes comparison by bytes right. Maps and objects iterate in byte order of their keys, sets in the order of their
//! elements.

use std::cmp::Ordering;
use std::fmt::{self, Write};
use std::sync::{Arc, LazyLock, OnceLock};

use regex::Regex;
use unicode_normalization::{UnicodeNormalization, is_nfc_quick};

use super::number::{Notation, Number};
use super::types::Type;

/// How deep values may be nested. Deeper ones are refused by whoever builds them, see [`Value::check_size`].
pub const MAX_DEPTH: u32 = 200;

/// How much a value may weigh: bytes of text plus a constant per element, counted as if nothing were shared.
pub const MAX_WEIGHT: u64 = 8 << 20;

/// The weight of one element besides its text.
const NODE_WEIGHT: u64 = 16;

/// A value, typed null or placeholder for a value that is not known.
#[derive(Clone)]
pub struct Value {
    data: Data,
    volatile: bool,
}

#[derive(Clone)]
enum Data {
    Unknown(Type),
    Null(Type),
    Bool(bool),
    Number(Number),
    String(Arc<str>),
    List(Arc<Sequence>),
    Set(Arc<Sequence>),
    Tuple(Arc<Tuple>),
    Map(Arc<Map>),
    Object(Arc<Object>),
}

/// Elements of one type.
struct Sequence {
    element: Type,
    items: Vec<Value>,
    content: Content,
}

struct Tuple {
    ty: OnceLock<Type>,
    items: Vec<Value>,
    content: Content,
}

/// Entries sorted by key, without duplicates.
type Entries = Vec<(Arc<str>, Value)>;

struct Map {
    element: Type,
    entries: Entries,
    content: Content,
}

struct Object {
    ty: OnceLock<Type>,
    entries: Entries,
    content: Content,
}

/// What holds for anything inside a collection.
#[derive(Clone, Copy)]
struct Content {
    weight: u64,
    depth: u32,
    volatile: bool,
    unknown: bool,
}

impl Content {
    fn of<'v>(keys: u64, items: impl Iterator<Item = &'v Value>) -> Content {
        let empty = Content { weight: NODE_WEIGHT + keys, depth: 1, volatile: false, unknown: false };
        items.fold(empty, |content, item| Content {
            weight: content.weight.saturating_add(item.weight()),
            depth: content.depth.max(item.depth().saturating_add(1)),
            volatile: content.volatile || item.is_volatile(),
            unknown: content.unknown || !item.is_wholly_known(),
        })
    }

    fn of_entries(entries: &Entries) -> Content {
        let keys = entries.iter().map(|(key, _)| key.len() as u64).sum();
        Content::of(keys, entries.iter().map(|(_, value)| value))
    }
}

impl From<Data> for Value {
    fn from(data: Data) -> Value {
        Value { data, volatile: false }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Value {
        Data::Bool(value).into()
    }
}

impl From<Number> for Value {
    fn from(value: Number) -> Value {
        Data::Number(value).into()
    }
}

/// A number of 64 bits.
impl From<i64> for Value {
    fn from(value: i64) -> Value {
        Number::from(value).into()
    }
}

/// A number of 64 bits.
impl From<usize> for Value {
    fn from(value: usize) -> Value {
        Number::from(value).into()
    }
}

/// A string, normalised.
impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Data::String(normalize(text)).into()
    }
}

/// A string, normalised.
impl From<String> for Value {
    fn from(text: String) -> Value {
        text.as_str().into()
    }
}

/// Brings text into Unicode normalisation form C, as cty does with every string and key.
pub fn normalize(text: &str) -> Arc<str> {
    match text.is_ascii() || is_nfc_quick(text.chars()) == unicode_normalization::IsNormalized::Yes {
        true => text.into(),
        false => text.nfc().collect::<String>().into(),
    }
}

impl Value {
    /// The placeholder for a value of which nothing is known.
    pub const DYNAMIC: Value = Value { data: Data::Unknown(Type::Any), volatile: false };

    /// The `null` literal: null of no particular type.
    pub const NULL: Value = Value { data: Data::Null(Type::Any), volatile: false };

    /// The placeholder for an unknown value of a known type.
    pub fn unknown(ty: Type) -> Value {
        Data::Unknown(ty.without_optional()).into()
    }

    /// Null of a type.
    pub fn null(ty: Type) -> Value {
        Data::Null(ty.without_optional()).into()
    }

    /// A tuple, as list literals give.
    pub fn tuple(items: Vec<Value>) -> Value {
        let content = Content::of(0, items.iter());
        Data::Tuple(Arc::new(Tuple { ty: OnceLock::new(), items, content })).into()
    }

    /// An object, as object literals give. Keys are normalised; of equal ones the last counts.
    pub fn object<K: AsRef<str>>(entries: impl IntoIterator<Item = (K, Value)>) -> Value {
        let entries = sorted(entries);
        let content = Content::of_entries(&entries);
        Data::Object(Arc::new(Object { ty: OnceLock::new(), entries, content })).into()
    }

    /// A list. The element type is that of the items, or `element` where they say nothing (no items, untyped nulls).
    /// None if the items are of different types.
    pub fn list(element: &Type, items: Vec<Value>) -> Option<Value> {
        let (element, items) = unite(element, items)?;
        let content = Content::of(0, items.iter());
        Some(Data::List(Arc::new(Sequence { element, items, content })).into())
    }

    /// A set: sorted, equal items dropped. See [`list`](Value::list) for the element type.
    pub fn set(element: &Type, items: Vec<Value>) -> Option<Value> {
        let (element, items) = unite(element, items)?;
        let items = distinct_in_order(items);
        let content = Content::of(0, items.iter());
        Some(Data::Set(Arc::new(Sequence { element, items, content })).into())
    }

    /// A map. Keys are normalised; of equal ones the last counts. See [`list`](Value::list) for the element type.
    pub fn map<K: AsRef<str>>(element: &Type, entries: impl IntoIterator<Item = (K, Value)>) -> Option<Value> {
        let (keys, items) = sorted(entries).into_iter().unzip::<_, _, Vec<_>, Vec<_>>();
        let (element, items) = unite(element, items)?;
        let entries = keys.into_iter().zip(items).collect();
        let content = Content::of_entries(&entries);
        Some(Data::Map(Arc::new(Map { element, entries, content })).into())
    }

    /// A list of strings.
    pub fn list_of_strings<S: AsRef<str>>(items: impl IntoIterator<Item = S>) -> Value {
        let items: Vec<Value> = items.into_iter().map(|item| item.as_ref().into()).collect();
        let content = Content::of(0, items.iter());
        Data::List(Arc::new(Sequence { element: Type::String, items, content })).into()
    }

    /// The type.
    pub fn ty(&self) -> Type {
        match &self.data {
            Data::Unknown(ty) | Data::Null(ty) => ty.clone(),
            Data::Bool(_) => Type::Bool,
            Data::Number(_) => Type::Number,
            Data::String(_) => Type::String,
            Data::List(list) => Type::list(list.element.clone()),
            Data::Set(set) => Type::set(set.element.clone()),
            Data::Map(map) => Type::map(map.element.clone()),
            Data::Tuple(tuple) => tuple.ty.get_or_init(|| Type::tuple(tuple.items.iter().map(Value::ty))).clone(),
            Data::Object(object) => {
                let attributes = || object.entries.iter().map(|(name, value)| (name.clone(), value.ty()));
                object.ty.get_or_init(|| Type::object(attributes())).clone()
            }
        }
    }

    /// Whether it is null of any type.
    pub fn is_null(&self) -> bool {
        matches!(self.data, Data::Null(_))
    }

    /// Whether the value itself is known; elements of a known collection may be unknown.
    pub fn is_known(&self) -> bool {
        !matches!(self.data, Data::Unknown(_))
    }

    /// Whether the value and everything inside it is known.
    pub fn is_wholly_known(&self) -> bool {
        self.is_known() && !self.content().is_some_and(|content| content.unknown)
    }

    /// Whether the value or anything inside it may differ from one run to the next: it depends on the clock, on
    /// chance, on the home directory or on an environment variable.
    pub fn is_volatile(&self) -> bool {
        self.volatile || self.content().is_some_and(|content| content.volatile)
    }

    /// The same value, volatile as a whole if `volatile` holds; it never stops being volatile.
    pub fn or_volatile(mut self, volatile: bool) -> Value {
        self.volatile |= volatile;
        self
    }

    /// Whether the value as a whole is volatile, rather than something inside it.
    pub(crate) fn is_volatile_itself(&self) -> bool {
        self.volatile
    }

    /// How deep collections are nested in it; 0 for anything else.
    pub fn depth(&self) -> u32 {
        self.content().map_or(0, |content| content.depth)
    }

    /// Roughly the memory that it would take if nothing were shared, in bytes.
    pub fn weight(&self) -> u64 {
        match &self.data {
            Data::String(text) => NODE_WEIGHT + text.len() as u64,
            Data::Number(number) => NODE_WEIGHT + number.text_len() as u64,
            _ => self.content().map_or(NODE_WEIGHT, |content| content.weight),
        }
    }

    /// Whether it is small enough to be worked with. Whoever combines values checks the result, because a dozen
    /// lines of HCL that each double the one before need more memory than there is.
    pub fn check_size(&self) -> Result<(), TooLarge> {
        match self.depth() > MAX_DEPTH || self.weight() > MAX_WEIGHT {
            true => Err(TooLarge),
            false => Ok(()),
        }
    }

    fn content(&self) -> Option<Content> {
        match &self.data {
            Data::List(sequence) | Data::Set(sequence) => Some(sequence.content),
            Data::Tuple(tuple) => Some(tuple.content),
            Data::Map(map) => Some(map.content),
            Data::Object(object) => Some(object.content),
            _ => None,
        }
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match &self.data {
            Data::String(text) => Some(text),
            _ => None,
        }
    }

    /// The text of a string, shared.
    pub fn as_shared_str(&self) -> Option<&Arc<str>> {
        match &self.data {
            Data::String(text) => Some(text),
            _ => None,
        }
    }

    /// The number.
    pub fn as_number(&self) -> Option<&Number> {
        match &self.data {
            Data::Number(number) => Some(number),
            _ => None,
        }
    }

    /// The bool.
    pub fn as_bool(&self) -> Option<bool> {
        match &self.data {
            Data::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// Whether it is a known list.
    pub fn is_list(&self) -> bool {
        matches!(self.data, Data::List(_))
    }

    /// Whether it is a known set.
    pub fn is_set(&self) -> bool {
        matches!(self.data, Data::Set(_))
    }

    /// Whether it is a known map.
    pub fn is_map(&self) -> bool {
        matches!(self.data, Data::Map(_))
    }

    /// Whether it is a known tuple.
    pub fn is_tuple(&self) -> bool {
        matches!(self.data, Data::Tuple(_))
    }

    /// Whether it is a known object.
    pub fn is_object(&self) -> bool {
        matches!(self.data, Data::Object(_))
    }

    /// The element type of a known list, set or map.
    pub fn element_type(&self) -> Option<&Type> {
        match &self.data {
            Data::List(sequence) | Data::Set(sequence) => Some(&sequence.element),
            Data::Map(map) => Some(&map.element),
            _ => None,
        }
    }

    /// The elements of a known list, set or tuple in order.
    pub fn items(&self) -> Option<impl ExactSizeIterator<Item = Value> + DoubleEndedIterator + '_> {
        Some(self.raw_items()?.iter().map(|item| item.clone().or_volatile(self.volatile)))
    }

    /// The entries of a known map or object in byte order of their keys.
    pub fn entries(&self) -> Option<impl ExactSizeIterator<Item = (&Arc<str>, Value)> + DoubleEndedIterator + '_> {
        Some(self.raw_entries()?.iter().map(|(key, value)| (key, value.clone().or_volatile(self.volatile))))
    }

    /// What a `for` expression or a function walks over: (index, element) of lists and tuples, (element, element) of
    /// sets, (key, value) of maps and objects. None if it is null, not known or no collection.
    pub fn elements(&self) -> Option<Vec<(Value, Value)>> {
        if let Some(entries) = self.entries() {
            return Some(entries.map(|(key, value)| (Data::String(key.clone()).into(), value)).collect());
        }
        let key = |index: usize, item: &Value| if self.is_set() { item.clone() } else { index.into() };
        Some(self.items()?.enumerate().map(|(index, item)| (key(index, &item), item)).collect())
    }

    fn raw_items(&self) -> Option<&[Value]> {
        match &self.data {
            Data::List(sequence) | Data::Set(sequence) => Some(&sequence.items),
            Data::Tuple(tuple) => Some(&tuple.items),
            _ => None,
        }
    }

    fn raw_entries(&self) -> Option<&Entries> {
        match &self.data {
            Data::Map(map) => Some(&map.entries),
            Data::Object(object) => Some(&object.entries),
            _ => None,
        }
    }

    /// Number of elements of a known list, set, tuple, map or object.
    pub fn length(&self) -> Option<usize> {
        self.raw_items().map(<[Value]>::len).or_else(|| self.raw_entries().map(Vec::len))
    }

    /// The attribute of a known object or the entry of a known map.
    pub fn get(&self, key: &str) -> Option<Value> {
        let entries = self.raw_entries()?;
        let at = entries.binary_search_by(|(name, _)| (**name).cmp(key)).ok()?;
        Some(entries[at].1.clone().or_volatile(self.volatile))
    }

    /// The element of a known list or tuple.
    pub fn at(&self, index: usize) -> Option<Value> {
        match self.data {
            Data::List(_) | Data::Tuple(_) => Some(self.raw_items()?.get(index)?.clone().or_volatile(self.volatile)),
            _ => None,
        }
    }

    /// The element of a known list or tuple under a whole number, or that of a known map under a string. The key is
    /// not converted. The result is volatile if the key is.
    pub fn index(&self, key: &Value) -> Option<Value> {
        let found = match &self.data {
            Data::List(_) | Data::Tuple(_) => self.at(usize::try_from(key.as_number()?.to_i64()?).ok()?)?,
            Data::Map(_) => self.get(key.as_str()?)?,
            _ => return None,
        };
        Some(found.or_volatile(key.is_volatile()))
    }

    /// Whether `==` holds: of one type and equal in value, or both null. None if that depends on something unknown.
    pub fn equals(&self, other: &Value) -> Option<bool> {
        match (&self.data, &other.data) {
            (Data::Unknown(_), Data::Unknown(_) | Data::Null(_)) | (Data::Null(_), Data::Unknown(_)) => None,
            (Data::Unknown(a), _) => differ_for_sure(a, &other.ty()),
            (_, Data::Unknown(b)) => differ_for_sure(&self.ty(), b),
            (Data::Null(_), Data::Null(_)) => Some(true),
            (Data::Null(_), _) | (_, Data::Null(_)) => Some(false),
            (Data::Bool(a), Data::Bool(b)) => Some(a == b),
            (Data::Number(a), Data::Number(b)) => Some(a.equals(b)),
            (Data::String(a), Data::String(b)) => Some(a == b),
            _ => self.equal_collections(other),
        }
    }

    fn equal_collections(&self, other: &Value) -> Option<bool> {
        let (a, b) = (self.ty(), other.ty());
        if !(self.is_wholly_known() && other.is_wholly_known()) && (a.has_any() || b.has_any()) {
            // The unknown inside may turn out to be of any type: only a clear difference in type can be told.
            return if conforms(&a, &b) || conforms(&b, &a) { None } else { Some(false) };
        }
        if a != b {
            return Some(false);
        }
        let pairwise = |pairs: &mut dyn Iterator<Item = (&Value, &Value)>| {
            for (a, b) in pairs {
                match a.equals(b) {
                    Some(true) => {}
                    other => return other,
                }
            }
            Some(true)
        };
        if let (Some(a), Some(b)) = (self.raw_items(), other.raw_items()) {
            if a.len() != b.len() {
                return Some(false);
            }
            return pairwise(&mut a.iter().zip(b));
        }
        let (a, b) = (self.raw_entries()?, other.raw_entries()?);
        if a.len() != b.len() || a.iter().zip(b).any(|(a, b)| a.0 != b.0) {
            return Some(false);
        }
        pairwise(&mut a.iter().zip(b).map(|(a, b)| (&a.1, &b.1)))
    }

    /// Whether both are of one type and equal in value; unlike with [`equals`](Value::equals), nulls of different
    /// types differ and an unknown value equals another of its type.
    pub fn raw_equals(&self, other: &Value) -> bool {
        match (&self.data, &other.data) {
            (Data::Unknown(a), Data::Unknown(b)) | (Data::Null(a), Data::Null(b)) => a == b,
            (Data::Bool(a), Data::Bool(b)) => a == b,
            (Data::Number(a), Data::Number(b)) => a.equals(b),
            (Data::String(a), Data::String(b)) => a == b,
            (Data::List(a), Data::List(b)) | (Data::Set(a), Data::Set(b)) => {
                a.element == b.element && raw_equal_items(&a.items, &b.items)
            }
            (Data::Tuple(a), Data::Tuple(b)) => raw_equal_items(&a.items, &b.items),
            (Data::Map(a), Data::Map(b)) => a.element == b.element && raw_equal_entries(&a.entries, &b.entries),
            (Data::Object(a), Data::Object(b)) => raw_equal_entries(&a.entries, &b.entries),
            _ => false,
        }
    }

    /// Whether a known set has an element that equals the value.
    pub fn contains(&self, wanted: &Value) -> bool {
        let Data::Set(set) = &self.data else { return false };
        let key = wanted.order_key();
        // Elements are in order, except that numbers equal by their decimal form may stand next to the right place.
        let order = |item: &Value| item.set_order(wanted).then_with(|| item.order_key().cmp(&key));
        let at = set.items.partition_point(|item| order(item).is_lt());
        let around = &set.items[at.saturating_sub(1)..set.items.len().min(at + 2)];
        around.iter().any(|item| item.equals(wanted) == Some(true))
            || set.items[at..]
                .iter()
                .take_while(|item| order(item).is_eq())
                .any(|item| item.equals(wanted) == Some(true))
    }

    /// The order of two set elements as far as their kind alone tells it.
    fn set_order(&self, other: &Value) -> Ordering {
        let class = |value: &Value| (!value.is_known(), value.is_null());
        class(self).cmp(&class(other)).then_with(|| match (&self.data, &other.data) {
            (Data::String(a), Data::String(b)) => a.cmp(b),
            (Data::Bool(a), Data::Bool(b)) => a.cmp(b),
            (Data::Number(a), Data::Number(b)) => a.compare(b),
            _ => Ordering::Equal,
        })
    }

    /// The text that cty hashes the value by; equal values have the same.
    pub(crate) fn set_key(&self) -> String {
        let mut key = String::new();
        self.write_hash_text(&mut key);
        key
    }

    /// What orders set elements that are collections themselves; empty for others.
    fn order_key(&self) -> String {
        if self.content().is_some() { self.set_key() } else { String::new() }
    }

    /// Writes the bytes that cty hashes set elements by.
    fn write_hash_text(&self, text: &mut String) {
        let brackets = match &self.data {
            Data::Unknown(_) => return text.push('?'),
            Data::Null(_) => return text.push('~'),
            Data::Bool(value) => return text.push(if *value { 'T' } else { 'F' }),
            Data::Number(number) => return text.push_str(&number.format(Notation::General, Some(10))),
            Data::String(string) => return quote(string, text),
            Data::List(_) | Data::Set(_) => ('[', ']'),
            Data::Tuple(_) | Data::Object(_) => ('<', '>'),
            Data::Map(_) => ('{', '}'),
        };
        text.push(brackets.0);
        for item in self.raw_items().unwrap_or_default() {
            item.write_hash_text(text);
            text.push(';');
        }
        for (key, value) in self.raw_entries().into_iter().flatten() {
            if self.is_map() {
                quote(key, text);
                text.push(':');
            }
            value.write_hash_text(text);
            text.push(';');
        }
        text.push(brackets.1);
    }
}

/// A value that is nested too deep or has grown too large to go on with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the value is too large")]
pub struct TooLarge;

/// Entries in byte order of their normalised keys; of equal keys the last counts.
fn sorted<K: AsRef<str>>(entries: impl IntoIterator<Item = (K, Value)>) -> Entries {
    let mut entries: Entries = entries.into_iter().map(|(key, value)| (normalize(key.as_ref()), value)).collect();
    entries.reverse();
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    entries.dedup_by(|b, a| a.0 == b.0);
    entries
}

/// The items of a set: known before null before unknown; strings by bytes, numbers by value, false before true,
/// anything else by the bytes that cty hashes. Of equal items only the first is kept.
fn distinct_in_order(items: Vec<Value>) -> Vec<Value> {
    let mut keyed: Vec<(String, Value)> = items.into_iter().map(|item| (item.order_key(), item)).collect();
    keyed.sort_by(|(a_key, a), (b_key, b)| a.set_order(b).then_with(|| a_key.cmp(b_key)));
    let mut distinct: Vec<Value> = Vec::with_capacity(keyed.len());
    // Collections that differ only far behind the point of a number share a key, so equal ones need not be neighbours.
    let mut start = 0;
    for (index, (key, item)) in keyed.iter().enumerate() {
        if index > 0 && *key != keyed[index - 1].0 {
            start = distinct.len();
        }
        let from = if key.is_empty() { distinct.len().saturating_sub(1) } else { start };
        if !distinct[from..].iter().any(|kept| kept.equals(item) == Some(true)) {
            distinct.push(item.clone());
        }
    }
    distinct
}

/// Brings items to one element type: untyped nulls and unknowns take the type of the others.
fn unite(element: &Type, mut items: Vec<Value>) -> Option<(Type, Vec<Value>)> {
    let mut found = Type::Any;
    for item in &items {
        let ty = item.ty();
        match (&found, &ty) {
            (_, Type::Any) => {}
            (Type::Any, _) => found = ty,
            _ if found == ty => {}
            _ => return None,
        }
    }
    if found == Type::Any {
        found = element.without_optional();
    }
    for item in &mut items {
        match &mut item.data {
            Data::Null(ty) | Data::Unknown(ty) => *ty = found.clone(),
            _ => {}
        }
    }
    Some((found, items))
}

fn raw_equal_items(a: &[Value], b: &[Value]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.raw_equals(b))
}

fn raw_equal_entries(a: &Entries, b: &Entries) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.0 == b.0 && a.1.raw_equals(&b.1))
}

/// Whether values of the two types, at least one of them unknown, are unequal whatever they are.
fn differ_for_sure(a: &Type, b: &Type) -> Option<bool> {
    if a.has_any() || b.has_any() || a == b { None } else { Some(false) }
}

/// Whether a value of the type `given` fits `wanted` without conversion: equal but for [`Type::Any`] in `wanted`.
pub(crate) fn conforms(given: &Type, wanted: &Type) -> bool {
    match (given, wanted) {
        (_, Type::Any) => true,
        (Type::List(given), Type::List(wanted))
        | (Type::Set(given), Type::Set(wanted))
        | (Type::Map(given), Type::Map(wanted)) => conforms(given, wanted),
        (Type::Tuple(given), Type::Tuple(wanted)) => {
            given.len() == wanted.len()
                && given.iter().zip(wanted.iter()).all(|(given, wanted)| conforms(given, wanted))
        }
        (Type::Object(given), Type::Object(wanted)) => {
            given.len() == wanted.len()
                && given
                    .attributes()
                    .zip(wanted.attributes())
                    .all(|((a, given), (b, wanted))| a == b && conforms(given, wanted))
        }
        _ => given == wanted,
    }
}

/// Writes text in double quotes as Go's `%q` does.
pub(crate) fn quote(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\x07' => out.push_str("\\a"),
            '\x08' => out.push_str("\\b"),
            '\x0c' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\x0b' => out.push_str("\\v"),
            c if is_printable(c) => out.push(c),
            // Writing to a string cannot fail.
            c if (c as u32) < 0x80 => _ = write!(out, "\\x{:02x}", c as u32),
            c if (c as u32) < 0x10000 => _ = write!(out, "\\u{:04x}", c as u32),
            c => _ = write!(out, "\\U{:08x}", c as u32),
        }
    }
    out.push('"');
}

/// Text in double quotes as Go's `%q` writes it.
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quote(text, &mut quoted);
    quoted
}

/// Whether Go's `strconv.IsPrint` holds: letters, marks, numbers, punctuation, symbols and the ASCII space.
fn is_printable(c: char) -> bool {
    static PRINTABLE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"[\pL\pM\pN\pP\pS ]").ok());
    match c.is_ascii() {
        true => c == ' ' || c.is_ascii_graphic(),
        false => PRINTABLE.as_ref().is_some_and(|printable| printable.is_match(c.encode_utf8(&mut [0; 4]))),
    }
}

/// Writes the value as an HCL-like expression, for tests and debugging.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.volatile {
            f.write_str("volatile ")?;
        }
        match &self.data {
            Data::Unknown(ty) => write!(f, "unknown({ty})"),
            Data::Null(Type::Any) => f.write_str("null"),
            Data::Null(ty) => write!(f, "null({ty})"),
            Data::Bool(value) => write!(f, "{value}"),
            Data::Number(number) => write!(f, "{number}"),
            Data::String(text) => write!(f, "{text:?}"),
            Data::Tuple(tuple) => f.debug_list().entries(&tuple.items).finish(),
            Data::List(list) => {
                write!(f, "list({})", list.element)?;
                f.debug_list().entries(&list.items).finish()
            }
            Data::Set(set) => {
                write!(f, "set({})", set.element)?;
                f.debug_list().entries(&set.items).finish()
            }
            Data::Map(map) => {
                write!(f, "map({})", map.element)?;
                f.debug_map().entries(map.entries.iter().map(|(k, v)| (k, v))).finish()
            }
            Data::Object(object) => f.debug_map().entries(object.entries.iter().map(|(k, v)| (k, v))).finish(),
        }
    }
}

/// Equality as [`Value::raw_equals`] has it.
impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        self.raw_equals(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(element: Type, items: impl IntoIterator<Item = Value>) -> String {
        format!("{:?}", Value::set(&element, items.into_iter().collect()).expect("items are of one type"))
    }

    #[test]
    fn sets_are_sorted_and_distinct() {
        let numbers = ["10", "9", "0.5", "9.0"].map(|text| Number::parse(text).expect("a number").into());
        assert_eq!(set(Type::Number, numbers), "set(number)[0.5, 9, 10]");
        assert_eq!(set(Type::Bool, [true.into(), false.into(), true.into()]), "set(bool)[false, true]");
        let texts = ["b", "é", "a", "e\u{301}", "B"].map(Value::from);
        assert_eq!(set(Type::String, texts), "set(string)[\"B\", \"a\", \"b\", \"é\"]");
        let nulls = [Value::NULL, "a".into(), Value::null(Type::String)];
        assert_eq!(set(Type::Any, nulls), "set(string)[\"a\", null(string)]");
        let pairs = [(2i64, "x"), (1, "y"), (2, "x")].map(|(n, s)| Value::tuple(vec![n.into(), s.into()]));
        assert_eq!(set(Type::Any, pairs), "set(tuple([number, string]))[[1, \"y\"], [2, \"x\"]]");
    }

    #[test]
    fn membership_is_found_in_any_set() {
        let tuples: Vec<Value> = (0..50i64).map(|n| Value::tuple(vec![(n % 25).into()])).collect();
        for items in [tuples, (0..50i64).map(Value::from).collect(), vec!["a".into(), Value::null(Type::String)]] {
            let set = Value::set(&Type::Any, items.clone()).expect("items are of one type");
            assert!(items.iter().all(|item| set.contains(item)), "{set:?}");
            assert!(!set.contains(&Value::tuple(vec![99i64.into()])) && !set.contains(&"z".into()), "{set:?}");
        }
    }

    #[test]
    fn collections_are_of_one_type_and_give_it_to_nulls() {
        let list = Value::list(&Type::Any, vec![Value::NULL, "a".into()]).expect("null fits anything");
        assert_eq!(list.at(0), Some(Value::null(Type::String)));
        assert!(Value::list(&Type::Any, vec!["a".into(), 1i64.into()]).is_none());
        assert_eq!(Value::list(&Type::Bool, vec![]).map(|list| list.ty()), Some(Type::list(Type::Bool)));
    }

    #[test]
    fn equality_wants_equal_types_and_tells_when_it_cannot_be_known() {
        let tuple = |items: &[Value]| Value::tuple(items.to_vec());
        let list = |items: &[Value]| Value::list(&Type::String, items.to_vec()).expect("items are strings");
        let unknown = Value::unknown(Type::Number);
        let cases = [
            (1i64.into(), "1".into(), Some(false)),
            ("e\u{301}".into(), "é".into(), Some(true)),
            (tuple(&["a".into()]), list(&["a".into()]), Some(false)),
            (Value::NULL, Value::null(Type::Bool), Some(true)),
            (Value::NULL, 1i64.into(), Some(false)),
            (tuple(&[Value::NULL]), tuple(&[Value::NULL]), Some(true)),
            (unknown.clone(), 1i64.into(), None),
            (unknown.clone(), "a".into(), Some(false)),
            (tuple(&[unknown.clone(), true.into()]), tuple(&[1i64.into(), false.into()]), None),
            (tuple(&[false.into(), unknown.clone()]), tuple(&[true.into(), unknown.clone()]), Some(false)),
            (Value::DYNAMIC, "a".into(), None),
            (tuple(&[Value::DYNAMIC]), tuple(&[]), Some(false)),
        ];
        for (a, b, expected) in cases {
            assert_eq!(a.equals(&b), expected, "{a:?} == {b:?}");
            assert_eq!(b.equals(&a), expected, "{b:?} == {a:?}");
        }
    }

    #[test]
    fn elements_are_volatile_by_themselves_or_as_part_of_a_whole() {
        let object = Value::object([("a", Value::from("x").or_volatile(true)), ("b", "y".into())]);
        let volatile = |value: Option<Value>| value.is_some_and(|value| value.is_volatile());
        assert!(object.is_volatile() && volatile(object.get("a")) && !volatile(object.get("b")));
        let whole = Value::tuple(vec!["y".into()]).or_volatile(true);
        assert!(volatile(whole.at(0)) && volatile(whole.items().and_then(|mut items| items.next())));
    }

    #[test]
    fn what_doubles_at_each_step_is_refused_before_it_takes_memory() {
        let mut value = Value::from("x".repeat(1000));
        let mut steps = 0;
        while value.check_size().is_ok() {
            value = Value::tuple(vec![value.clone(), value]);
            steps += 1;
        }
        assert!((10..20).contains(&steps), "{steps}");
        let nested = (0..=MAX_DEPTH).fold(Value::NULL, |value, _| Value::tuple(vec![value]));
        assert!(nested.check_size().is_err());
    }

    #[test]
    fn text_is_quoted_as_in_go() {
        assert_eq!(quoted("a\"\\\n\u{7}\u{7f}é\u{200b}\u{a0}"), r#""a\"\\\n\a\x7fé\u200b\u00a0""#);
    }
}
