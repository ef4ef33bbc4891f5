//! Values of attributes to the fields of targets and groups, and back for references.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::blocks::Output;
use super::convert::convert;
use super::entry::{FromElement, Resources, Secret, Ssh, read_list};
use super::target::{Group, List, Origin, Set, Source, Target};
use super::trace::Trace;
use super::types::Type;
use super::value::Value;
use crate::source::Span;
use crate::syntax::hcl::Attribute;

/// The attributes that become fields of a target.
pub(super) const TARGET_FIELDS: &[&str] = &[
    "description",
    "inherits",
    "annotations",
    "attest",
    "context",
    "contexts",
    "dockerfile",
    "dockerfile-inline",
    "args",
    "labels",
    "tags",
    "cache-from",
    "cache-to",
    "target",
    "secret",
    "ssh",
    "platforms",
    "output",
    "pull",
    "no-cache",
    "network",
    "no-cache-filter",
    "shm-size",
    "ulimits",
    "resources",
    "call",
    "entitlements",
    "extra-hosts",
    "policy",
];

/// An evaluated attribute.
pub(super) struct Given<'d> {
    /// The target or group.
    pub name: Arc<str>,
    pub attribute: &'d Attribute,
    pub value: Value,
    pub trace: Option<Arc<Trace>>,
    /// Whether the value is unknown because of a mistake that is told already.
    pub failed: bool,
}

/// Why a value does not fit its attribute.
pub(super) struct Problem {
    pub message: String,
    /// The part at fault, if it is known.
    pub span: Option<Span>,
}

impl From<String> for Problem {
    fn from(message: String) -> Self {
        Problem { message, span: None }
    }
}

impl Given<'_> {
    fn origin(&self, trace: Option<Arc<Trace>>, dynamic: bool) -> Origin {
        let source = Source::Block { name: self.name.clone(), attribute: self.attribute.span };
        Origin { source, trace, dynamic }
    }

    fn whole(&self) -> Origin {
        self.origin(self.trace.clone(), self.failed || self.value.is_volatile() || !self.value.is_wholly_known())
    }

    fn element(&self, index: usize, dynamic: bool) -> Origin {
        self.origin(self.trace.as_ref().map(|trace| trace.element(index)), dynamic)
    }

    fn entry(&self, key: &str, dynamic: bool) -> Origin {
        self.origin(self.trace.as_ref().map(|trace| trace.entry(key)), dynamic)
    }

    fn convert(&self, ty: &Type) -> Result<Value, Problem> {
        convert(&self.value, ty).map_err(|error| {
            let mut trace = self.trace.clone();
            for step in &error.path {
                trace = trace.map(|trace| match step {
                    super::convert::PathStep::Index(index) => trace.element(*index),
                    super::convert::PathStep::Key(key) => trace.entry(key),
                });
            }
            Problem { message: error.to_string(), span: trace.map(|trace| trace.span) }
        })
    }

    fn null(&self, origin: &Origin) -> Problem {
        Problem { message: "null value is not allowed".to_owned(), span: origin.span() }
    }

    fn text(&self) -> Result<Option<Set<String>>, Problem> {
        let value = self.convert(&Type::String)?;
        Ok(value.as_str().map(|text| Set::new(text.to_owned(), self.whole())))
    }

    fn bool(&self) -> Result<Option<Set<bool>>, Problem> {
        let value = self.convert(&Type::Bool)?;
        Ok(value.as_bool().map(|value| Set::new(value, self.whole())))
    }

    fn texts(&self) -> Result<List<String>, Problem> {
        let value = self.convert(&Type::list(Type::String))?;
        let Some(items) = value.items() else { return Ok(None) };
        let mut texts = Vec::with_capacity(items.len());
        for (index, item) in items.enumerate() {
            let origin = self.element(index, !item.is_known() || item.is_volatile());
            if item.is_null() {
                return Err(self.null(&origin));
            }
            texts.push(Set::new(item.as_str().unwrap_or_default().to_owned(), origin));
        }
        Ok(Some(texts))
    }

    fn map(&self) -> Result<BTreeMap<String, Set<Option<String>>>, Problem> {
        let value = self.convert(&Type::map(Type::String))?;
        let Some(entries) = value.entries() else { return Ok(BTreeMap::new()) };
        let entries = entries.map(|(key, item)| {
            let origin = self.entry(key, !item.is_known() || item.is_volatile());
            (key.to_string(), Set::new(item.as_str().map(str::to_owned), origin))
        });
        Ok(entries.collect())
    }

    fn entries<T: FromElement>(&self) -> Result<List<T>, Problem> {
        if self.value.is_null() {
            return Ok(None);
        }
        let volatile = |index: usize| {
            let mut items = self.value.items();
            items
                .as_mut()
                .and_then(|items| items.nth(index))
                .is_none_or(|item| item.is_volatile() || !item.is_wholly_known())
        };
        let entries = read_list::<T>(&self.value)?;
        Ok(Some(
            entries.into_iter().map(|(index, entry)| Set::new(entry, self.element(index, volatile(index)))).collect(),
        ))
    }

    fn resources(&self) -> Result<Option<Resources>, Problem> {
        let value = self.convert(&Resources::ty())?;
        let Some(entries) = value.entries() else { return Ok(None) };
        let mut resources = Resources::default();
        for (key, item) in entries {
            let origin = self.entry(key, item.is_volatile());
            if let (Some(text), Some(slot)) = (item.as_str(), resources.text_mut(key)) {
                *slot = Some(Set::new(text.to_owned(), origin));
            } else if let (Some(number), Some(slot)) = (item.as_number(), resources.number_mut(key)) {
                let whole = if number.is_integer() { number.to_i64() } else { None };
                let value = whole.ok_or_else(|| Problem {
                    message: "value must be a whole number".to_owned(),
                    span: origin.span(),
                })?;
                *slot = Some(Set::new(value, origin));
            }
        }
        Ok(Some(resources))
    }
}

/// Sets a field of a target.
///
/// # Errors
/// When the value does not fit.
pub(super) fn target_attribute(target: &mut Target, given: &Given<'_>) -> Result<(), Problem> {
    let name = given.attribute.name.node.as_str();
    target.traced |= given.trace.is_some();
    if given.failed || !given.value.is_known() {
        target.unknown.insert(name.to_owned(), Origin { dynamic: true, ..given.whole() });
        return Ok(());
    }
    match name {
        "description" => {
            let text = given.text()?.ok_or_else(|| given.null(&given.whole()))?;
            target.description = Some(text);
        }
        "inherits" => target.inherits = given.texts()?.unwrap_or_default(),
        "annotations" => target.annotations = given.texts()?,
        "attest" => target.attest = given.entries()?,
        "context" => target.context = given.text()?,
        "contexts" => {
            let mut contexts = BTreeMap::new();
            for (key, context) in given.map()? {
                let value = match context.value {
                    Some(value) => value,
                    None if context.origin.dynamic => String::new(),
                    None => return Err(given.null(&context.origin)),
                };
                contexts.insert(key, Set::new(value, context.origin));
            }
            target.contexts = contexts;
        }
        "dockerfile" => target.dockerfile = given.text()?,
        "dockerfile-inline" => target.dockerfile_inline = given.text()?,
        "args" => target.args = given.map()?,
        "labels" => target.labels = given.map()?,
        "tags" => target.tags = given.texts()?,
        "cache-from" => target.cache_from = given.entries()?,
        "cache-to" => target.cache_to = given.entries()?,
        "target" => target.target = given.text()?,
        "secret" => target.secret = given.entries()?,
        "ssh" => target.ssh = given.entries()?,
        "platforms" => target.platforms = given.texts()?,
        "output" => target.output = given.entries()?,
        "pull" => target.pull = given.bool()?,
        "no-cache" => target.no_cache = given.bool()?,
        "network" => target.network = given.text()?,
        "no-cache-filter" => target.no_cache_filter = given.texts()?,
        "shm-size" => target.shm_size = given.text()?,
        "ulimits" => target.ulimits = given.texts()?,
        "resources" => target.resources = given.resources()?,
        "call" => target.call = given.text()?,
        "entitlements" => target.entitlements = given.texts()?,
        "extra-hosts" => target.extra_hosts = given.map()?,
        "policy" => target.policy = given.entries()?,
        _ => {}
    }
    let empty = match name {
        "tags" => target.tags.as_ref().is_some_and(Vec::is_empty),
        "platforms" => target.platforms.as_ref().is_some_and(Vec::is_empty),
        "cache-to" => target.cache_to.as_ref().is_some_and(Vec::is_empty),
        "output" => target.output.as_ref().is_some_and(Vec::is_empty),
        _ => false,
    };
    if empty && given.trace.is_some() {
        target.emptied.insert(name.to_owned(), given.whole());
    }
    Ok(())
}

/// Sets a field of a group.
///
/// # Errors
/// When the value does not fit.
pub(super) fn group_attribute(group: &mut Group, given: &Given<'_>) -> Result<(), Problem> {
    if given.failed || !given.value.is_known() {
        return Ok(());
    }
    match given.attribute.name.node.as_str() {
        "description" => group.description = Some(given.text()?.ok_or_else(|| given.null(&given.whole()))?),
        "targets" => group.targets = given.texts()?,
        _ => {}
    }
    Ok(())
}

fn text_value(text: &Option<Set<String>>) -> Value {
    match text {
        Some(set) if set.origin.dynamic && set.value.is_empty() => Value::unknown(Type::String).or_volatile(true),
        Some(set) => Value::from(set.value.as_str()).or_volatile(set.origin.dynamic),
        None => Value::null(Type::String),
    }
}

fn bool_value(value: &Option<Set<bool>>) -> Value {
    value.as_ref().map_or(Value::null(Type::Bool), |set| Value::from(set.value).or_volatile(set.origin.dynamic))
}

fn texts_value(texts: &List<String>) -> Value {
    let ty = Type::list(Type::String);
    let Some(texts) = texts else { return Value::null(ty) };
    let items = texts.iter().map(|set| Value::from(set.value.as_str()).or_volatile(set.origin.dynamic)).collect();
    Value::list(&Type::String, items).unwrap_or(Value::unknown(ty))
}

fn map_value<'m>(entries: impl ExactSizeIterator<Item = (&'m String, Option<&'m str>, bool)>) -> Value {
    let ty = Type::map(Type::String);
    if entries.len() == 0 {
        return Value::null(ty);
    }
    let entries = entries
        .map(|(key, text, dynamic)| (key, text.map_or(Value::null(Type::String), Value::from).or_volatile(dynamic)));
    Value::map(&Type::String, entries).unwrap_or(Value::unknown(ty))
}

fn optional_map(entries: &BTreeMap<String, Set<Option<String>>>) -> Value {
    map_value(entries.iter().map(|(key, set)| (key, set.value.as_deref(), set.origin.dynamic)))
}

fn entries_value<T: FromElement>(entries: &List<T>, element: Type) -> Value {
    let items = entries.iter().flatten().map(|set| set.value.to_value().or_volatile(set.origin.dynamic)).collect();
    Value::list(&element, items).unwrap_or(Value::unknown(Type::list(element)))
}

/// The value that a reference to an attribute sees; none for names that mean nothing.
pub(super) fn attribute_value(output: &Output, name: &str) -> Option<Value> {
    let target = match output {
        Output::Target(target) => target,
        Output::Group(group) => {
            return Some(match name {
                "name" => Value::from(group.name.as_str()),
                "description" => Value::from(group.description.as_ref().map_or("", |set| &set.value)),
                "targets" => texts_value(&group.targets),
                _ => return None,
            });
        }
    };
    if target.unknown.contains_key(name) {
        let volatile = target.unknown[name].trace.is_some();
        return Some(Value::DYNAMIC.or_volatile(volatile));
    }
    let map = || Type::map(Type::String);
    Some(match name {
        "name" => Value::from(target.name.as_str()),
        "description" => Value::from(target.description.as_ref().map_or("", |set| &set.value)),
        "inherits" if target.inherits.is_empty() => Value::null(Type::list(Type::String)),
        "inherits" => Value::list_of_strings(target.inherits.iter().map(|set| &set.value)),
        "annotations" => texts_value(&target.annotations),
        "attest" => entries_value(&target.attest, map()),
        "context" => text_value(&target.context),
        "contexts" => {
            let entries = target.contexts.iter();
            map_value(entries.map(|(key, set)| (key, Some(set.value.as_str()), set.origin.dynamic)))
        }
        "dockerfile" => text_value(&target.dockerfile),
        "dockerfile-inline" => text_value(&target.dockerfile_inline),
        "args" => optional_map(&target.args),
        "labels" => optional_map(&target.labels),
        "tags" => texts_value(&target.tags),
        "cache-from" => entries_value(&target.cache_from, map()),
        "cache-to" => entries_value(&target.cache_to, map()),
        "target" => text_value(&target.target),
        "secret" => {
            let ty = Type::object(Secret::KEYS.map(|name| (name, Type::String)));
            entries_value(&target.secret, ty)
        }
        "ssh" => {
            let [id, paths] = Ssh::KEYS;
            let ty = Type::object([(id, Type::String), (paths, Type::list(Type::String))]);
            entries_value(&target.ssh, ty)
        }
        "platforms" => texts_value(&target.platforms),
        "output" => entries_value(&target.output, map()),
        "pull" => bool_value(&target.pull),
        "no-cache" => bool_value(&target.no_cache),
        "network" => text_value(&target.network),
        "no-cache-filter" => texts_value(&target.no_cache_filter),
        "shm-size" => text_value(&target.shm_size),
        "ulimits" => texts_value(&target.ulimits),
        "resources" => target.resources.as_ref().map_or_else(|| Value::null(Resources::ty()), Resources::to_value),
        "call" => text_value(&target.call),
        "entitlements" => texts_value(&target.entitlements),
        "extra-hosts" => optional_map(&target.extra_hosts),
        "policy" => entries_value(&target.policy, map()),
        _ => return None,
    })
}

/// The value that a reference to a whole target or group sees.
pub(super) fn whole_value(output: &Output) -> Value {
    let names: &[&str] = match output {
        Output::Target(_) => TARGET_FIELDS,
        Output::Group(_) => super::definition::GROUP_ATTRIBUTES,
    };
    let names = names.iter().copied().chain(["name"]);
    Value::object(names.filter_map(|name| Some((name, attribute_value(output, name)?))))
}
