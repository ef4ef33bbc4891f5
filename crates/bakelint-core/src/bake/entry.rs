//! The entries of list attributes: caches, outputs, secrets, ssh agents, attestations, policies; and resource limits.
//!
//! Each can be written as text (comma-separated `key=value`) or as an object; see `util/buildflags` of buildx.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::convert::convert;
use super::csv;
use super::target::{Set, Unique};
use super::types::Type;
use super::value::Value;
use crate::source::Span;

/// The text that an entry was written as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The whole element of the list.
    pub text: Arc<str>,
    /// The bytes of it that are this entry.
    pub range: Range<usize>,
}

/// An entry with named options.
pub trait Entry {
    /// The text that it was written as; none if it was written as an object.
    fn written(&self) -> Option<&Written>;
}

impl<T: Entry> Set<T> {
    /// The place of an option's value. Of the whole entry if the option is not written by name, as in a bare image
    /// reference; none if the entry is in no file.
    pub fn option(&self, key: &str) -> Option<Span> {
        let trace = self.origin.trace.as_ref()?;
        let Some(written) = self.value.written() else { return Some(trace.entry(key).span) };
        let text = written.text.get(written.range.clone()).unwrap_or_default();
        for field in csv::fields(text, ',').unwrap_or_default() {
            if let Some((name, _)) = field.text.split_once('=')
                && name.trim().eq_ignore_ascii_case(key)
            {
                let start =
                    text[field.range.clone()].find('=').map_or(field.range.start, |at| field.range.start + at + 1);
                let offset = written.range.start;
                return Some(trace.text(offset + start..offset + field.range.end));
            }
        }
        Some(trace.text(written.range.clone()))
    }
}

/// Why an entry cannot be read.
pub(super) type Problem = String;

/// Reads a Go bool.
pub(super) fn parse_bool(text: &str) -> Result<bool, Problem> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(format!("\"{text}\" is no bool")),
    }
}

fn fields(text: &str) -> Result<Vec<csv::Field>, Problem> {
    csv::fields(text, ',')
}

fn whole(text: &str) -> Option<Written> {
    Some(Written { text: text.into(), range: 0..text.len() })
}

/// The entries of an object with text values.
fn text_map(value: &Value) -> Result<BTreeMap<String, String>, Problem> {
    let map = convert(value, &Type::map(Type::String)).map_err(|error| error.to_string())?;
    let entries = map.entries().ok_or("an entry must not be null: buildx crashes here")?;
    let mut texts = BTreeMap::new();
    for (key, value) in entries {
        if !value.is_known() {
            continue;
        }
        let text = value.as_str().ok_or_else(|| format!("\"{key}\" must not be null: buildx crashes here"))?;
        texts.insert(key.to_string(), text.to_owned());
    }
    Ok(texts)
}

/// Reads the elements of a list attribute.
///
/// # Errors
/// When it is no list or an element cannot be read.
pub(super) fn read_list<T: FromElement>(value: &Value) -> Result<Vec<(usize, T)>, Problem> {
    let items = match value.ty() {
        Type::Tuple(_) | Type::List(_) => value.items(),
        other => return Err(format!("list of {} required, but have {}", T::ELEMENT, other.friendly_name())),
    };
    let mut entries = Vec::new();
    for (index, item) in items.into_iter().flatten().enumerate() {
        if !item.is_known() || item.as_str() == Some("") {
            continue;
        }
        if item.is_null() {
            return Err("null value is not allowed".to_owned());
        }
        let read = match item.as_str() {
            Some(text) => T::from_text(text)?,
            None => vec![T::from_object(&item)?],
        };
        entries.extend(read.into_iter().map(|entry| (index, entry)));
    }
    Ok(entries)
}

/// Reads the texts given to an override.
pub(super) fn read_texts<T: FromElement>(texts: &[String]) -> Result<Vec<T>, Problem> {
    let mut entries = Vec::new();
    for text in texts.iter().filter(|text| !text.is_empty()) {
        entries.extend(T::from_text(text)?);
    }
    Ok(entries)
}

/// What an element of a list attribute can be read as.
pub(super) trait FromElement: Sized {
    /// How messages call the type of an element.
    const ELEMENT: &'static str = "map of string";

    /// Reads text; one text may hold several image references.
    fn from_text(text: &str) -> Result<Vec<Self>, Problem>;

    /// Reads an object.
    fn from_object(value: &Value) -> Result<Self, Problem>;

    /// The value that a reference to the attribute sees.
    fn to_value(&self) -> Value;
}

/// An element of `cache-from` or `cache-to`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheOption {
    /// The backend: `registry`, `gha`, `local`, …
    pub kind: String,
    /// Its options, `type` excepted.
    pub attributes: BTreeMap<String, String>,
    pub(super) written: Option<Written>,
}

impl CacheOption {
    fn same(&self, other: &CacheOption) -> bool {
        self.kind == other.kind && self.attributes == other.attributes
    }
}

impl Entry for CacheOption {
    fn written(&self) -> Option<&Written> {
        self.written.as_ref()
    }
}

impl FromElement for CacheOption {
    fn from_text(text: &str) -> Result<Vec<Self>, Problem> {
        let fields = fields(text)?;
        if !text.contains('=') {
            if fields.iter().any(|field| field.text.is_empty()) {
                return Err("an image reference is empty".to_owned());
            }
            return Ok(fields
                .into_iter()
                .map(|field| CacheOption {
                    kind: "registry".to_owned(),
                    attributes: [("ref".to_owned(), field.text)].into(),
                    written: Some(Written { text: text.into(), range: field.range }),
                })
                .collect());
        }
        if let [field] = &fields[..]
            && !field.text.contains('=')
        {
            let attributes = [("ref".to_owned(), field.text.clone())].into();
            return Ok(vec![CacheOption { kind: "registry".to_owned(), attributes, written: whole(text) }]);
        }
        let mut entry = CacheOption { kind: String::new(), attributes: BTreeMap::new(), written: whole(text) };
        for field in fields {
            let (key, value) = field.text.split_once('=').ok_or_else(|| format!("invalid value {}", field.text))?;
            match key.to_lowercase().as_str() {
                "type" => entry.kind = value.to_owned(),
                key => _ = entry.attributes.insert(key.to_owned(), value.to_owned()),
            }
        }
        match entry.kind.is_empty() {
            true => Err(format!("type required for \"{text}\"")),
            false => Ok(vec![entry]),
        }
    }

    fn from_object(value: &Value) -> Result<Self, Problem> {
        let mut attributes = text_map(value)?;
        let kind = attributes.remove("type").unwrap_or_default();
        if kind.is_empty() {
            let given: Vec<String> = attributes.iter().map(|(key, value)| format!("{key}={value}")).collect();
            return Err(format!("type required for {{{}}}", given.join(",")));
        }
        Ok(CacheOption { kind, attributes, written: None })
    }

    fn to_value(&self) -> Value {
        options_value(&self.attributes, &[("type", &self.kind)])
    }
}

fn options_value(attributes: &BTreeMap<String, String>, more: &[(&str, &str)]) -> Value {
    let own = attributes.iter().map(|(key, value)| (key.as_str(), Value::from(value.as_str())));
    let more = more.iter().map(|(key, value)| (*key, Value::from(*value)));
    Value::map(&Type::String, own.chain(more)).unwrap_or(Value::DYNAMIC)
}

/// Drops entries that equal one before them. As in buildx, the last entry takes the place of a dropped one, so that
/// the order may change.
fn swap_out_equal<T>(list: &mut Vec<Set<T>>, same: impl Fn(&T, &T) -> bool) {
    let Some(last) = list.len().checked_sub(1) else { return };
    for first in (0..last).rev() {
        let equal = (first + 1..list.len()).find(|later| same(&list[first].value, &list[*later].value));
        if let Some(later) = equal {
            list.swap_remove(later);
        }
    }
}

/// Lets a later entry take the place of an earlier one with the same key.
fn later_replaces<T>(list: &mut Vec<Set<T>>, key: impl Fn(&T) -> String) {
    let mut places = BTreeMap::new();
    let mut kept: Vec<Set<T>> = Vec::with_capacity(list.len());
    for entry in list.drain(..) {
        match places.get(&key(&entry.value)) {
            Some(place) => kept[*place] = entry,
            None => {
                places.insert(key(&entry.value), kept.len());
                kept.push(entry);
            }
        }
    }
    *list = kept;
}

impl Unique for CacheOption {
    fn unique(list: &mut Vec<Set<Self>>) {
        swap_out_equal(list, CacheOption::same);
    }
}

/// An element of `output`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    /// The exporter: `image`, `registry`, `docker`, `local`, …
    pub kind: String,
    /// Where to; empty if not given.
    pub destination: String,
    /// Its other options.
    pub attributes: BTreeMap<String, String>,
    pub(super) written: Option<Written>,
}

impl Export {
    /// An exporter without options.
    pub(super) fn new(kind: &str) -> Self {
        Export { kind: kind.to_owned(), destination: String::new(), attributes: BTreeMap::new(), written: None }
    }

    fn same(&self, other: &Export) -> bool {
        self.kind == other.kind && self.destination == other.destination && self.attributes == other.attributes
    }
}

impl Entry for Export {
    fn written(&self) -> Option<&Written> {
        self.written.as_ref()
    }
}

impl FromElement for Export {
    fn from_text(text: &str) -> Result<Vec<Self>, Problem> {
        let fields = fields(text)?;
        let mut entry = Export { written: whole(text), ..Export::new("") };
        if let [field] = &fields[..]
            && field.text == text
            && !text.starts_with("type=")
        {
            entry.kind = if text == "-" { "tar" } else { "local" }.to_owned();
            entry.destination = text.to_owned();
            return Ok(vec![entry]);
        }
        for field in fields {
            let (key, value) = field.text.split_once('=').ok_or_else(|| format!("invalid value {}", field.text))?;
            match key.to_lowercase().trim() {
                "type" => entry.kind = value.to_owned(),
                "dest" => entry.destination = value.to_owned(),
                key => _ = entry.attributes.insert(key.to_owned(), value.to_owned()),
            }
        }
        match entry.kind.is_empty() {
            true => Err("type is required for output".to_owned()),
            false => Ok(vec![entry]),
        }
    }

    fn from_object(value: &Value) -> Result<Self, Problem> {
        let mut attributes = text_map(value)?;
        let kind = attributes.remove("type").unwrap_or_default();
        let destination = attributes.remove("dest").unwrap_or_default();
        match kind.is_empty() {
            true => Err("type is required for output".to_owned()),
            false => Ok(Export { kind, destination, attributes, written: None }),
        }
    }

    fn to_value(&self) -> Value {
        options_value(&self.attributes, &[("type", &self.kind), ("dest", &self.destination)])
    }
}

impl Unique for Export {
    fn unique(list: &mut Vec<Set<Self>>) {
        swap_out_equal(list, Export::same);
    }
}

/// An element of `attest`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attestation {
    /// `provenance`, `sbom`.
    pub kind: String,
    /// Whether it is switched off.
    pub disabled: bool,
    /// Its other options.
    pub attributes: BTreeMap<String, String>,
    pub(super) written: Option<Written>,
}

impl Entry for Attestation {
    fn written(&self) -> Option<&Written> {
        self.written.as_ref()
    }
}

impl FromElement for Attestation {
    fn from_text(text: &str) -> Result<Vec<Self>, Problem> {
        let attributes = BTreeMap::new();
        let mut entry = Attestation { kind: String::new(), disabled: false, attributes, written: whole(text) };
        for field in fields(text)? {
            let (key, value) = field.text.split_once('=').ok_or_else(|| format!("invalid value {}", field.text))?;
            match key.to_lowercase().trim() {
                "type" => entry.kind = value.to_owned(),
                "disabled" => {
                    entry.disabled = parse_bool(value).map_err(|why| format!("invalid value {}: {why}", field.text))?;
                }
                _ => _ = entry.attributes.insert(key.to_owned(), value.to_owned()),
            }
        }
        match entry.kind.is_empty() {
            true => Err("attestation type not specified".to_owned()),
            false => Ok(vec![entry]),
        }
    }

    fn from_object(value: &Value) -> Result<Self, Problem> {
        let mut attributes = text_map(value)?;
        let kind = attributes.remove("type").unwrap_or_default();
        let disabled = match attributes.remove("disabled") {
            Some(text) => parse_bool(&text)?,
            None => false,
        };
        Ok(Attestation { kind, disabled, attributes, written: None })
    }

    fn to_value(&self) -> Value {
        let disabled = [("type", self.kind.as_str()), ("disabled", "true")];
        options_value(&self.attributes, if self.disabled { &disabled } else { &disabled[..1] })
    }
}

impl Unique for Attestation {
    fn unique(list: &mut Vec<Set<Self>>) {
        later_replaces(list, |entry| entry.kind.clone());
    }

    fn key(&self) -> Option<&str> {
        Some(&self.kind)
    }
}

/// An element of `secret`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Secret {
    /// The id that `RUN --mount=type=secret` names.
    pub id: String,
    /// The file it comes from; empty if not given.
    pub source: String,
    /// The environment variable it comes from; empty if not given.
    pub variable: String,
    pub(super) written: Option<Written>,
}

impl Entry for Secret {
    fn written(&self) -> Option<&Written> {
        self.written.as_ref()
    }
}

impl Secret {
    /// The keys of the object form; others are dropped.
    pub(super) const KEYS: [&'static str; 3] = ["id", "src", "env"];
}

impl FromElement for Secret {
    const ELEMENT: &'static str = "object";

    fn from_text(text: &str) -> Result<Vec<Self>, Problem> {
        let mut secret = Secret { written: whole(text), ..Secret::default() };
        let mut kind = "";
        let fields = fields(text).map_err(|why| format!("failed to parse csv secret: {why}"))?;
        for field in &fields {
            let field = &field.text;
            let (key, value) =
                field.split_once('=').ok_or_else(|| format!("invalid field '{field}' must be a key=value pair"))?;
            match key.to_lowercase().as_str() {
                "type" if value == "file" || value == "env" => kind = value,
                "type" => return Err(format!("unsupported secret type \"{value}\"")),
                "id" => secret.id = value.to_owned(),
                "source" | "src" => secret.source = value.to_owned(),
                "env" => secret.variable = value.to_owned(),
                key => return Err(format!("unexpected key '{key}' in '{field}'")),
            }
        }
        if kind == "env" && secret.variable.is_empty() {
            secret.variable = std::mem::take(&mut secret.source);
        }
        Ok(vec![secret])
    }

    fn from_object(value: &Value) -> Result<Self, Problem> {
        let wanted = Type::object_with_optional(Secret::KEYS.map(|name| (name, Type::String, true)));
        let object = convert(value, &wanted).map_err(|error| error.to_string())?;
        let text = |name| object.get(name).and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default();
        Ok(Secret { id: text("id"), source: text("src"), variable: text("env"), written: None })
    }

    fn to_value(&self) -> Value {
        Value::object([
            ("id", Value::from(self.id.as_str())),
            ("src", Value::from(self.source.as_str())),
            ("env", Value::from(self.variable.as_str())),
        ])
    }
}

impl Unique for Secret {
    fn unique(list: &mut Vec<Set<Self>>) {
        later_replaces(list, |entry| entry.id.clone());
    }

    fn key(&self) -> Option<&str> {
        Some(&self.id)
    }
}

/// An element of `ssh`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ssh {
    /// The id that `RUN --mount=type=ssh` names; empty means `default`.
    pub id: String,
    /// Sockets or keys; the agent of the environment if there are none.
    pub paths: Vec<String>,
    pub(super) written: Option<Written>,
}

impl Entry for Ssh {
    fn written(&self) -> Option<&Written> {
        self.written.as_ref()
    }
}

impl Ssh {
    /// The keys of the object form; others are dropped.
    pub(super) const KEYS: [&'static str; 2] = ["id", "paths"];
}

impl FromElement for Ssh {
    const ELEMENT: &'static str = "object";

    fn from_text(text: &str) -> Result<Vec<Self>, Problem> {
        let (id, paths) = match text.split_once('=') {
            Some((id, paths)) => (id, paths.split(',').map(str::to_owned).collect()),
            None => (text, Vec::new()),
        };
        Ok(vec![Ssh { id: id.to_owned(), paths, written: whole(text) }])
    }

    fn from_object(value: &Value) -> Result<Self, Problem> {
        let [id, paths] = Ssh::KEYS;
        let wanted = Type::object_with_optional([(id, Type::String, true), (paths, Type::list(Type::String), true)]);
        let object = convert(value, &wanted).map_err(|error| error.to_string())?;
        let id = object.get("id").and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default();
        let mut paths = Vec::new();
        for path in object.get("paths").iter().filter_map(Value::items).flatten() {
            paths.push(path.as_str().ok_or("null value is not allowed")?.to_owned());
        }
        Ok(Ssh { id, paths, written: None })
    }

    fn to_value(&self) -> Value {
        Value::object([("id", Value::from(self.id.as_str())), ("paths", Value::list_of_strings(&self.paths))])
    }
}

impl Unique for Ssh {
    fn unique(list: &mut Vec<Set<Self>>) {
        later_replaces(list, |entry| entry.id.clone());
    }

    fn key(&self) -> Option<&str> {
        Some(&self.id)
    }
}

/// An element of `policy`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// Rego files.
    pub files: Vec<String>,
    /// Whether the policies before it are dropped.
    pub reset: bool,
    /// Whether policies are switched off.
    pub disabled: bool,
    /// Whether a policy that cannot be applied is an error.
    pub strict: Option<bool>,
    /// How much is logged.
    pub log_level: Option<String>,
    pub(super) written: Option<Written>,
}

impl Policy {
    fn set(&mut self, field: &str) -> Result<(), Problem> {
        let invalid = || format!("invalid value {field}");
        let (key, value) = field.split_once('=').ok_or_else(invalid)?;
        let bool = || parse_bool(value).map_err(|why| format!("{}: {why}", invalid()));
        match key.to_lowercase().trim() {
            "filename" if !value.is_empty() => self.files.push(value.to_owned()),
            "reset" => self.reset = bool()?,
            "disabled" => self.disabled = bool()?,
            "strict" => self.strict = Some(bool()?),
            "log-level" => {
                let level = match value.to_lowercase().as_str() {
                    "warn" => "warning".to_owned(),
                    level @ ("panic" | "fatal" | "error" | "warning" | "info" | "debug" | "trace") => level.to_owned(),
                    _ => return Err(format!("{}: not a valid log level: \"{value}\"", invalid())),
                };
                self.log_level = Some(level);
            }
            _ => return Err(invalid()),
        }
        Ok(())
    }
}

impl Entry for Policy {
    fn written(&self) -> Option<&Written> {
        self.written.as_ref()
    }
}

impl FromElement for Policy {
    fn from_text(text: &str) -> Result<Vec<Self>, Problem> {
        let mut policy = Policy { written: whole(text), ..Policy::default() };
        for field in fields(text)? {
            policy.set(&field.text)?;
        }
        Ok(vec![policy])
    }

    fn from_object(value: &Value) -> Result<Self, Problem> {
        let required = |ty: &Type| format!("map of string required, but have {}", ty.friendly_name());
        let Some(entries) = value.entries() else { return Err(required(&value.ty())) };
        let mut policy = Policy::default();
        for (key, value) in entries {
            if value.is_null() || !value.is_known() || value.as_str() == Some("") {
                continue;
            }
            if !value.ty().is_primitive() {
                return Err(format!("string required, but have {}", value.ty().friendly_name()));
            }
            let text = convert(&value, &Type::String).map_err(|error| error.to_string())?;
            policy.set(&format!("{key}={}", text.as_str().unwrap_or_default()))?;
        }
        Ok(policy)
    }

    fn to_value(&self) -> Value {
        let mut attributes = BTreeMap::new();
        if let Some(file) = self.files.first() {
            attributes.insert("filename".to_owned(), file.clone());
        }
        let mut flag = |name: &str, value: Option<bool>| {
            if let Some(value) = value {
                attributes.insert(name.to_owned(), value.to_string());
            }
        };
        flag("reset", self.reset.then_some(true));
        flag("disabled", self.disabled.then_some(true));
        flag("strict", self.strict);
        if let Some(level) = &self.log_level {
            attributes.insert("log-level".to_owned(), level.clone());
        }
        options_value(&attributes, &[])
    }
}

/// The attribute `resources`: limits of build steps.
#[derive(Debug, Clone, Default, PartialEq)]
#[allow(missing_docs, reason = "the fields are the keys of Bake's resources, under their names")]
pub struct Resources {
    pub memory: Option<Set<String>>,
    pub memory_swap: Option<Set<String>>,
    pub cpu_shares: Option<Set<i64>>,
    pub cpu_period: Option<Set<i64>>,
    pub cpu_quota: Option<Set<i64>>,
    pub cpuset_cpus: Option<Set<String>>,
    pub cpuset_mems: Option<Set<String>>,
}

impl Resources {
    /// The keys of the object, texts before numbers; others are dropped.
    pub(super) const KEYS: [&'static str; 7] =
        ["memory", "memory-swap", "cpuset-cpus", "cpuset-mems", "cpu-shares", "cpu-period", "cpu-quota"];

    /// The object type that the attribute is converted to.
    pub(super) fn ty() -> Type {
        let ty = |at: usize| if at < 4 { Type::String } else { Type::Number };
        Type::object_with_optional(Self::KEYS.iter().enumerate().map(|(at, name)| (*name, ty(at), true)))
    }

    /// The text limits by name.
    pub(super) fn texts(&self) -> [(&'static str, &Option<Set<String>>); 4] {
        [
            ("memory", &self.memory),
            ("memory-swap", &self.memory_swap),
            ("cpuset-cpus", &self.cpuset_cpus),
            ("cpuset-mems", &self.cpuset_mems),
        ]
    }

    /// The number limits by name.
    pub(super) fn numbers(&self) -> [(&'static str, &Option<Set<i64>>); 3] {
        [("cpu-shares", &self.cpu_shares), ("cpu-period", &self.cpu_period), ("cpu-quota", &self.cpu_quota)]
    }

    /// A text limit by name.
    pub(super) fn text_mut(&mut self, name: &str) -> Option<&mut Option<Set<String>>> {
        match name {
            "memory" => Some(&mut self.memory),
            "memory-swap" => Some(&mut self.memory_swap),
            "cpuset-cpus" => Some(&mut self.cpuset_cpus),
            "cpuset-mems" => Some(&mut self.cpuset_mems),
            _ => None,
        }
    }

    /// A number limit by name.
    pub(super) fn number_mut(&mut self, name: &str) -> Option<&mut Option<Set<i64>>> {
        match name {
            "cpu-shares" => Some(&mut self.cpu_shares),
            "cpu-period" => Some(&mut self.cpu_period),
            "cpu-quota" => Some(&mut self.cpu_quota),
            _ => None,
        }
    }

    /// Takes over what `other` sets.
    pub(super) fn merge(&mut self, other: &Resources) {
        for (name, value) in other.texts() {
            if let (Some(own), Some(value)) = (self.text_mut(name), value) {
                *own = Some(value.clone());
            }
        }
        for (name, value) in other.numbers() {
            if let (Some(own), Some(value)) = (self.number_mut(name), value) {
                *own = Some(value.clone());
            }
        }
    }

    pub(super) fn to_value(&self) -> Value {
        let texts = self.texts().map(|(name, value)| {
            (name, value.as_ref().map_or(Value::null(Type::String), |set| Value::from(set.value.as_str())))
        });
        let numbers = self.numbers().map(|(name, value)| {
            (name, value.as_ref().map_or(Value::null(Type::Number), |set| Value::from(set.value)))
        });
        Value::object(texts.into_iter().chain(numbers))
    }
}

#[cfg(test)]
mod tests {
    use super::super::target::Origin;
    use super::*;

    #[test]
    fn a_later_equal_entry_is_replaced_by_the_last_one() {
        let mut list: Vec<Set<CacheOption>> = ["a", "b", "c", "a", "d", "b"]
            .iter()
            .flat_map(|text| CacheOption::from_text(text).expect("a reference"))
            .map(|entry| Set::new(entry, Origin::DEFAULT))
            .collect();
        CacheOption::unique(&mut list);
        let names: Vec<&str> = list.iter().map(|set| set.value.attributes["ref"].as_str()).collect();
        assert_eq!(names, ["a", "b", "c", "d"]);
    }

    #[test]
    fn texts_are_read_as_buildx_reads_them() {
        let cache = |text| CacheOption::from_text(text).map(|entries| entries.len());
        assert_eq!(cache("inline"), Ok(1));
        assert_eq!(cache("a,b"), Ok(2));
        assert_eq!(cache("type=gha,max"), Err("invalid value max".to_owned()));
        assert_eq!(cache("ref=a"), Err("type required for \"ref=a\"".to_owned()));
        let export =
            |text| Export::from_text(text).map(|entries| (entries[0].kind.clone(), entries[0].destination.clone()));
        assert_eq!(export("-"), Ok(("tar".to_owned(), "-".to_owned())));
        assert_eq!(export("dest=x"), Ok(("local".to_owned(), "dest=x".to_owned())));
        assert_eq!(export("type=local,dest=x"), Ok(("local".to_owned(), "x".to_owned())));
        let secret = Secret::from_text("type=env,id=a,src=B").expect("a secret");
        assert_eq!((secret[0].variable.as_str(), secret[0].source.as_str()), ("B", ""));
        assert!(Secret::from_text("path=a").is_err_and(|why| why.contains("unexpected key 'path'")));
        assert_eq!(Ssh::from_text("a=b,c").expect("ssh")[0].paths, ["b", "c"]);
    }
}
