//! Targets and groups as they are resolved: every value with its origin.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::entry::{Attestation, CacheOption, Export, Policy, Resources, Secret, Ssh};
use super::trace::Trace;
use crate::source::Span;

/// A value with where it was set.
#[derive(Debug, Clone, PartialEq)]
pub struct Set<T> {
    /// The value. What depends on something unknown is left out of it.
    pub value: T,
    /// Where it was set.
    pub origin: Origin,
}

impl<T> Set<T> {
    /// Pairs a value with its origin.
    pub fn new(value: T, origin: Origin) -> Self {
        Set { value, origin }
    }

    /// The value, unless it depends on something that only a build knows.
    pub fn eval(&self) -> Eval<&T> {
        match self.origin.dynamic {
            true => Eval::Dynamic,
            false => Eval::Known(&self.value),
        }
    }

    /// The expression that gives the value; none if no file does.
    pub fn span(&self) -> Option<Span> {
        self.origin.span()
    }
}

/// A value, or the fact that it is only known when the build runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Eval<T> {
    /// The value.
    Known(T),
    /// It depends on the clock, on chance, on an expression of the CI, or on a mistake.
    Dynamic,
}

impl<T> Eval<T> {
    /// The value if it is known.
    pub fn known(self) -> Option<T> {
        match self {
            Eval::Known(value) => Some(value),
            Eval::Dynamic => None,
        }
    }
}

/// Where a value was set.
#[derive(Debug, Clone, PartialEq)]
pub struct Origin {
    /// By whom.
    pub source: Source,
    /// The expression, with its parts.
    pub trace: Option<Arc<Trace>>,
    /// Whether the value depends on something that only a build knows.
    pub dynamic: bool,
}

/// Who set a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A block in a bake file; its name, which is that of a parent if the value is inherited, and the attribute.
    Block {
        /// The target or group.
        name: Arc<str>,
        /// The attribute, name to value.
        attribute: Span,
    },
    /// A service of a compose file.
    Service {
        /// The service as the file names it.
        name: Arc<str>,
        /// How the service comes by the value if it does not say it itself.
        via: Option<Arc<Via>>,
    },
    /// An override, as given to `--set` or implied by another flag.
    Override(Arc<str>),
    /// The environment of the command.
    Environment(Arc<str>),
    /// Nobody: what Bake assumes.
    Default,
}

/// How a service comes by a value that another service or file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Via {
    /// The service extends another.
    Extends {
        /// The value of `extends`.
        span: Span,
        /// How that other service comes by it.
        inner: Option<Arc<Via>>,
    },
    /// The file includes another.
    Include {
        /// The entry of `include`.
        span: Span,
        /// How it comes into that other file.
        inner: Option<Arc<Via>>,
    },
}

impl Via {
    /// The step before.
    pub fn inner(&self) -> Option<&Via> {
        match self {
            Via::Extends { inner, .. } | Via::Include { inner, .. } => inner.as_deref(),
        }
    }
}

impl Origin {
    /// What Bake assumes.
    pub const DEFAULT: Origin = Origin { source: Source::Default, trace: None, dynamic: false };

    /// The expression that gives the value; none if no file does.
    pub fn span(&self) -> Option<Span> {
        match (&self.trace, &self.source) {
            (Some(trace), _) => Some(trace.span),
            (None, Source::Block { attribute, .. }) => Some(*attribute),
            _ => None,
        }
    }

    /// The place of the bytes `range` of a text; the whole expression where that is not known.
    pub fn text(&self, range: Range<usize>) -> Option<Span> {
        match &self.trace {
            Some(trace) => Some(trace.text(range)),
            None => self.span(),
        }
    }

    /// The variables that the value depends on.
    pub fn uses(&self) -> &[Arc<str>] {
        self.trace.as_ref().map_or(&[], |trace| &trace.uses)
    }
}

/// A list that may be unset; an empty list is set.
pub type List<T> = Option<Vec<Set<T>>>;

/// A group of targets.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// The name.
    pub name: String,
    /// What the listing shows.
    pub description: Option<Set<String>>,
    /// The members in order, without duplicates. Unset if written as null.
    pub targets: List<String>,
    /// The label in the file; none for groups that a matrix or compose files make.
    pub span: Option<Span>,
}

impl Group {
    /// An empty group.
    pub fn new(name: impl Into<String>) -> Self {
        Group { name: name.into(), description: None, targets: None, span: None }
    }

    /// The names of the members.
    pub fn members(&self) -> impl Iterator<Item = &str> {
        self.targets.iter().flatten().map(|member| member.value.as_str())
    }
}

/// A target: as a block declares it, or resolved with parents and overrides.
#[derive(Debug, Clone, Default, PartialEq)]
#[allow(missing_docs, reason = "the fields are the attributes of Bake's target, under their names")]
pub struct Target {
    pub name: String,
    pub description: Option<Set<String>>,
    pub inherits: Vec<Set<String>>,
    pub annotations: List<String>,
    pub attest: List<Attestation>,
    pub context: Option<Set<String>>,
    pub contexts: BTreeMap<String, Set<String>>,
    pub dockerfile: Option<Set<String>>,
    pub dockerfile_inline: Option<Set<String>>,
    pub args: BTreeMap<String, Set<Option<String>>>,
    pub labels: BTreeMap<String, Set<Option<String>>>,
    pub tags: List<String>,
    pub cache_from: List<CacheOption>,
    pub cache_to: List<CacheOption>,
    pub target: Option<Set<String>>,
    pub secret: List<Secret>,
    pub ssh: List<Ssh>,
    pub platforms: List<String>,
    pub output: List<Export>,
    pub pull: Option<Set<bool>>,
    pub no_cache: Option<Set<bool>>,
    pub network: Option<Set<String>>,
    pub no_cache_filter: List<String>,
    pub shm_size: Option<Set<String>>,
    pub ulimits: List<String>,
    pub resources: Option<Resources>,
    pub call: Option<Set<String>>,
    pub entitlements: List<String>,
    pub extra_hosts: BTreeMap<String, Set<Option<String>>>,
    pub policy: List<Policy>,
    /// Attributes whose value is not known at all, by name: it depends on the build, or on a mistake.
    pub unknown: BTreeMap<String, Origin>,
    /// Whether it is resolved only because another target links to it.
    pub linked: bool,
    /// Lists that are set to nothing, by name, and by whom.
    pub(super) emptied: BTreeMap<String, Origin>,
    pub(super) replaced: BTreeMap<String, Vec<Origin>>,
    /// Whether the places of its values are recorded.
    pub(super) traced: bool,
    pub(super) base: Base,
}

/// Which folder relative paths start from, if that is not the working directory.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Base {
    /// The folder of the file that last defined the target.
    pub default: Option<String>,
    /// Whether a missing context means that folder.
    pub use_default: bool,
    /// The folder of the file that set the context.
    pub context: Option<String>,
    /// The target whose context is referred to as a whole.
    pub context_of: Option<String>,
    /// The folders of the files that set the named contexts.
    pub contexts: BTreeMap<String, String>,
}

impl Target {
    /// Takes over what `other` sets: a later block of the same name, or a child over its parents.
    pub(super) fn merge(&mut self, other: &Target) {
        match self.traced {
            true => self.remember_replaced(other),
            false => self.replaced.clone_from(&other.replaced),
        }
        self.traced |= other.traced;
        for (name, set) in [
            ("tags", other.tags.is_some()),
            ("platforms", other.platforms.is_some()),
            ("cache-to", other.cache_to.is_some()),
            ("output", other.output.is_some()),
        ] {
            match other.emptied.get(name) {
                Some(origin) => _ = self.emptied.insert(name.to_owned(), origin.clone()),
                None if set => _ = self.emptied.remove(name),
                None => {}
            }
        }
        if let Some(default) = &other.base.default {
            self.base.default = Some(default.clone());
            self.base.use_default = other.base.use_default;
        }
        if other.context.is_some() {
            self.context.clone_from(&other.context);
            self.base.context.clone_from(&other.base.context);
            self.base.context_of.clone_from(&other.base.context_of);
        }
        replace(&mut self.dockerfile, &other.dockerfile);
        replace(&mut self.dockerfile_inline, &other.dockerfile_inline);
        merge_map(&mut self.args, &other.args);
        merge_map(&mut self.labels, &other.labels);
        merge_map(&mut self.extra_hosts, &other.extra_hosts);
        for (name, context) in &other.contexts {
            self.contexts.insert(name.clone(), context.clone());
            match other.base.contexts.get(name) {
                Some(base) => _ = self.base.contexts.insert(name.clone(), base.clone()),
                None => _ = self.base.contexts.remove(name),
            }
        }
        replace(&mut self.tags, &other.tags);
        replace(&mut self.target, &other.target);
        replace(&mut self.call, &other.call);
        append(&mut self.annotations, &other.annotations);
        append_unique(&mut self.attest, &other.attest);
        append(&mut self.policy, &other.policy);
        append_unique(&mut self.secret, &other.secret);
        append_unique(&mut self.ssh, &other.ssh);
        replace(&mut self.platforms, &other.platforms);
        append_unique(&mut self.cache_from, &other.cache_from);
        replace(&mut self.cache_to, &other.cache_to);
        replace(&mut self.output, &other.output);
        replace(&mut self.pull, &other.pull);
        replace(&mut self.no_cache, &other.no_cache);
        replace(&mut self.network, &other.network);
        append(&mut self.no_cache_filter, &other.no_cache_filter);
        replace(&mut self.shm_size, &other.shm_size);
        append(&mut self.ulimits, &other.ulimits);
        if let Some(resources) = &other.resources {
            self.resources.get_or_insert_default().merge(resources);
        }
        if other.description.as_ref().is_some_and(|description| !description.value.is_empty()) {
            self.description.clone_from(&other.description);
        }
        append(&mut self.entitlements, &other.entitlements);
        self.inherits.extend(other.inherits.iter().cloned());
        for (name, origin) in &other.unknown {
            self.unknown.insert(name.clone(), origin.clone());
        }
    }

    /// Drops duplicates and what is empty, once parents and overrides are applied.
    pub(super) fn normalize(&mut self) {
        for list in
            [&mut self.annotations, &mut self.tags, &mut self.platforms, &mut self.no_cache_filter, &mut self.ulimits]
        {
            drop_duplicates(list);
        }
        unique(&mut self.attest);
        unique(&mut self.secret);
        unique(&mut self.ssh);
        unique(&mut self.cache_from);
        unique(&mut self.cache_to);
        unique(&mut self.output);
        if let Some(network) = &self.network
            && network.value == "host"
        {
            let entitlement = Set::new("network.host".to_owned(), network.origin.clone());
            self.entitlements.get_or_insert_default().push(entitlement);
        }
        drop_duplicates(&mut self.entitlements);
        self.contexts.retain(|_, context| !context.value.is_empty());
    }
}

fn replace<T: Clone>(to: &mut Option<T>, from: &Option<T>) {
    if from.is_some() {
        to.clone_from(from);
    }
}

fn append<T: Clone>(to: &mut List<T>, from: &List<T>) {
    if let Some(from) = from {
        to.get_or_insert_default().extend(from.iter().cloned());
    }
}

/// Null entries never overwrite anything.
fn merge_map(to: &mut BTreeMap<String, Set<Option<String>>>, from: &BTreeMap<String, Set<Option<String>>>) {
    for (key, value) in from {
        if value.value.is_some() || value.origin.dynamic {
            to.insert(key.clone(), value.clone());
        }
    }
}

/// Entries of which some replace others.
pub(super) trait Unique: Sized {
    /// Drops what is replaced.
    fn unique(list: &mut Vec<Set<Self>>);

    /// What an entry has in common with the one that it replaces; none if only equal entries replace each other.
    fn key(&self) -> Option<&str> {
        None
    }
}

pub(super) fn append_unique<T: Clone + Unique>(to: &mut List<T>, from: &List<T>) {
    append(to, from);
    unique(to);
}

/// An empty list counts as unset afterwards.
pub(super) fn unique<T: Unique>(list: &mut List<T>) {
    if let Some(entries) = list {
        T::unique(entries);
        if entries.is_empty() {
            *list = None;
        }
    }
}

/// Keeps the first of equal texts and drops empty ones.
fn drop_duplicates(list: &mut List<String>) {
    if let Some(entries) = list {
        let mut seen = std::collections::HashSet::new();
        entries.retain(|entry| entry.origin.dynamic || (!entry.value.is_empty() && seen.insert(entry.value.clone())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(values: &[&str]) -> List<String> {
        Some(values.iter().map(|value| Set::new(value.to_string(), Origin::DEFAULT)).collect())
    }

    #[test]
    fn a_child_replaces_tags_and_extends_annotations() {
        let mut target = Target { tags: texts(&["a"]), annotations: texts(&["x=1"]), ..Target::default() };
        let child = Target { tags: texts(&[]), annotations: texts(&["y=2", "x=1"]), ..Target::default() };
        target.merge(&child);
        target.normalize();
        assert_eq!(target.tags, texts(&[]));
        assert_eq!(target.annotations, texts(&["x=1", "y=2"]));
    }
}
