//! Variables: what they are worth at each point of each stage.

use std::collections::{BTreeSet, HashMap};

use crate::model::dockerfile::MAX_VALUE;
use crate::source::Span;
use crate::suggest::nearest_variable;
use crate::syntax::dockerfile::{Expanded, Lookup, Part};

/// A variable with the value that an instruction, the base image or BuildKit gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// The name.
    pub name: String,
    /// The value; parts of it may be unknown.
    pub value: Expanded,
    /// Who set it.
    pub origin: Origin,
}

/// Who gave a variable its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The base image.
    Image,
    /// BuildKit: PATH where the image has none, and the platform arguments.
    BuildKit,
    /// An ENV.
    Env {
        /// Index of the instruction.
        instruction: usize,
        /// The pair.
        span: Span,
    },
    /// An ARG, by its default, the build or the ARG of the same name before the first FROM.
    Arg {
        /// Index of the instruction.
        instruction: usize,
        /// The word.
        span: Span,
    },
}

impl Origin {
    /// Where it was set, when that is in the file.
    pub fn span(self) -> Option<Span> {
        match self {
            Origin::Env { span, .. } | Origin::Arg { span, .. } => Some(span),
            Origin::Image | Origin::BuildKit => None,
        }
    }
}

/// A point in a stage's history of variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    pub(super) scope: usize,
    pub(super) at: u32,
}

/// How many stages a lookup walks down, so that a long chain of stages does not cost the square of its length.
const MAX_DEPTH: u32 = 256;

/// Among more variables than this, no similar name is looked for: that would cost the square of their number.
const MAX_CANDIDATES: usize = 1_000;

/// The variables of one stage in the order in which they were set.
#[derive(Debug, Clone, Default)]
struct Scope {
    bindings: Vec<Binding>,
    /// Indices into `bindings`, ascending.
    by_name: HashMap<String, Vec<u32>>,
    /// Names of ARGs, with the number of bindings that were made before the first.
    declared: HashMap<String, u32>,
    /// Variables of the image's configuration that an ARG hides in this stage, and their values there.
    hidden: HashMap<String, Binding>,
    parent: Option<usize>,
    depth: u32,
    /// Whether it does not know what stages further down set, because there are too many of them.
    cut: bool,
}

/// The variables of all stages.
#[derive(Debug, Clone, Default)]
pub(super) struct Scopes(Vec<Scope>);

impl Scopes {
    /// One empty scope for each stage.
    pub fn new(stages: usize) -> Self {
        Scopes(vec![Scope::default(); stages])
    }

    /// The present of a stage.
    pub fn now(&self, scope: usize) -> Moment {
        Moment { scope, at: self.0.get(scope).map_or(0, |scope| scope.bindings.len() as u32) }
    }

    /// Lets a stage begin with what its parent stage ends with. Says whether it does: where too many stages stand on each
    /// other, nothing is known any more.
    pub fn inherit(&mut self, scope: usize, parent: usize) -> bool {
        let depth = self.0[parent].depth + 1;
        if depth >= MAX_DEPTH {
            self.0[scope].cut = true;
            return false;
        }
        self.0[scope].cut = self.0[parent].cut;
        self.0[scope].parent = Some(parent);
        self.0[scope].depth = depth;
        // A stage starts with the image's ENV, whatever an ARG of the parent stage made of it meanwhile.
        let mut hidden: Vec<Binding> = self.0[parent].hidden.values().cloned().collect();
        hidden.sort_by(|a, b| a.name.cmp(&b.name));
        hidden.into_iter().for_each(|binding| self.push(scope, binding));
        true
    }

    fn push(&mut self, scope: usize, binding: Binding) {
        let scope = &mut self.0[scope];
        scope.by_name.entry(binding.name.clone()).or_default().push(scope.bindings.len() as u32);
        scope.bindings.push(binding);
    }

    /// Sets a variable for what follows in the stage.
    pub fn set(&mut self, scope: usize, binding: Binding) {
        match binding.origin {
            Origin::Arg { .. } => {
                let before = self.get(self.now(scope), &binding.name);
                if let Some(before) = before.filter(|before| !matches!(before.origin, Origin::Arg { .. })).cloned() {
                    self.0[scope].hidden.insert(before.name.clone(), before);
                }
            }
            _ => {
                self.0[scope].hidden.remove(&binding.name);
            }
        }
        self.push(scope, binding);
    }

    /// Notes an ARG, with or without a value.
    pub fn declare(&mut self, scope: usize, name: &str) {
        let scope = &mut self.0[scope];
        let at = scope.bindings.len() as u32;
        scope.declared.entry(name.to_owned()).or_insert(at);
    }

    /// Whether stages further down may have set anything at all, because there are too many of them.
    pub fn is_cut(&self, moment: Moment) -> bool {
        self.0.get(moment.scope).is_some_and(|scope| scope.cut)
    }

    fn chain(&self, scope: usize) -> impl Iterator<Item = &Scope> {
        std::iter::successors(self.0.get(scope), |scope| self.0.get(scope.parent?))
    }

    /// What a variable is at a moment.
    pub fn get(&self, moment: Moment, name: &str) -> Option<&Binding> {
        let own = self.0.get(moment.scope)?;
        let in_own = own.by_name.get(name).and_then(|all| {
            let before = all.partition_point(|index| *index < moment.at);
            own.bindings.get(*all.get(before.checked_sub(1)?)? as usize)
        });
        in_own.or_else(|| {
            let mut above = self.chain(own.parent?);
            above.find_map(|scope| scope.bindings.get(*scope.by_name.get(name)?.last()? as usize))
        })
    }

    /// Whether an ARG declares the name before a moment, be it without a value.
    pub fn is_declared(&self, moment: Moment, name: &str) -> bool {
        let Some(own) = self.0.get(moment.scope) else { return false };
        own.declared.get(name).is_some_and(|at| *at <= moment.at)
            || own.parent.is_some_and(|parent| self.chain(parent).any(|scope| scope.declared.contains_key(name)))
    }

    /// The variable with a value at a moment whose name is nearly `name`.
    pub fn nearest(&self, moment: Moment, name: &str) -> Option<String> {
        let own = self.0.get(moment.scope)?;
        let above = own.parent.into_iter().flat_map(|parent| self.chain(parent));
        let count: usize = above.map(|scope| scope.bindings.len()).sum();
        if count + moment.at as usize > MAX_CANDIDATES {
            return None;
        }
        let names = self.names(moment);
        nearest_variable(name, names.iter().map(String::as_str)).map(str::to_owned)
    }

    /// The names of all variables that have a value at a moment, in order.
    pub fn names(&self, moment: Moment) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        let Some(own) = self.0.get(moment.scope) else { return names };
        names.extend(own.bindings.iter().take(moment.at as usize).map(|binding| binding.name.clone()));
        if let Some(parent) = own.parent {
            names.extend(self.chain(parent).flat_map(|scope| scope.by_name.keys().cloned()));
        }
        names
    }

    /// The same with those of ARGs that have no value, and without what BuildKit sets by itself.
    pub fn names_with_arguments(&self, moment: Moment) -> BTreeSet<String> {
        let Some(own) = self.0.get(moment.scope) else { return BTreeSet::new() };
        let own_bindings = own.bindings.iter().take(moment.at as usize);
        let above = || own.parent.into_iter().flat_map(|parent| self.chain(parent));
        let bindings = own_bindings.chain(above().flat_map(|scope| &scope.bindings));
        let set = bindings.filter(|binding| binding.origin != Origin::BuildKit).map(|binding| &binding.name);
        let declared = own.declared.iter().filter(|(_, at)| **at <= moment.at).map(|(name, _)| name);
        set.chain(declared).chain(above().flat_map(|scope| scope.declared.keys())).cloned().collect()
    }
}

/// An argument before the first FROM, or one that BuildKit gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Global {
    /// The value; `None` for an ARG that gets none.
    pub value: Option<Expanded>,
    /// The word of the last ARG that declares it; `None` for one that BuildKit gives.
    pub span: Option<Span>,
    /// Whether the build passes the value.
    pub passed: bool,
}

/// What a lookup makes of a value: all of it or nothing.
pub(super) fn to_lookup(value: &Expanded) -> Lookup {
    value.known().map_or(Lookup::Dynamic, |text| Lookup::Set(text.to_owned()))
}

/// The value, unless it is too long.
pub(super) fn bounded(value: Expanded) -> Expanded {
    let is_long = |part: &Part| matches!(part, Part::Text(text) if text.len() > MAX_VALUE);
    if value.parts().iter().any(is_long) { Expanded::dynamic() } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    fn env(name: &str, value: &str) -> Binding {
        let span = Span::at(FileId(0), 0);
        let origin = Origin::Env { instruction: 0, span };
        Binding { name: name.to_owned(), value: Expanded::text(value), origin }
    }

    fn arg(name: &str, value: &str) -> Binding {
        let span = Span::at(FileId(0), 0);
        Binding { origin: Origin::Arg { instruction: 0, span }, ..env(name, value) }
    }

    fn value<'s>(scopes: &'s Scopes, moment: Moment, name: &str) -> Option<&'s str> {
        scopes.get(moment, name).and_then(|binding| binding.value.known())
    }

    #[test]
    fn a_lookup_sees_what_was_set_before() {
        let mut scopes = Scopes::new(1);
        scopes.set(0, env("A", "1"));
        let then = scopes.now(0);
        scopes.set(0, env("A", "2"));
        assert_eq!(value(&scopes, then, "A"), Some("1"));
        assert_eq!(value(&scopes, scopes.now(0), "A"), Some("2"));
        assert_eq!(value(&scopes, then, "B"), None);
    }

    #[test]
    fn a_child_stage_gets_the_env_back_that_an_arg_hid() {
        let mut scopes = Scopes::new(2);
        scopes.set(0, env("A", "1"));
        scopes.set(0, arg("A", "2"));
        scopes.set(0, arg("B", "3"));
        assert_eq!(value(&scopes, scopes.now(0), "A"), Some("2"));
        scopes.inherit(1, 0);
        assert_eq!(value(&scopes, scopes.now(1), "A"), Some("1"));
        assert_eq!(value(&scopes, scopes.now(1), "B"), Some("3"));
    }

    #[test]
    fn chains_of_stages_are_followed_up_to_a_length() {
        let mut scopes = Scopes::new(300);
        scopes.set(0, env("A", "1"));
        scopes.declare(0, "D");
        let followed = (1..300).filter(|stage| scopes.inherit(*stage, stage - 1)).count();
        assert_eq!(value(&scopes, scopes.now(99), "A"), Some("1"));
        assert!(scopes.is_declared(scopes.now(99), "D"));
        assert_eq!(followed, 298);
        assert_eq!(value(&scopes, scopes.now(299), "A"), None);
    }
}
