//! The arguments of FROM lines: those before the first FROM and those that BuildKit gives.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::environment::{Global, bounded, to_lookup};
use super::run::Run;
use super::{Definition, Pass, Use, Word, use_of};
use crate::syntax::SyntaxError;
use crate::syntax::dockerfile::{self as syntax, Body, Expanded, Lookup};
use crate::syntax::platform::Platform;

/// Arguments by name.
pub(super) type Globals = BTreeMap<String, Global>;

/// An error, and the argument that is to blame because it has no value.
type Unset = (SyntaxError, Option<String>);

impl Run<'_> {
    /// The arguments that BuildKit gives to FROM lines.
    fn predefined(&self) -> Globals {
        let target = self.build.target.as_ref().map(|target| target.eval.known().cloned());
        let last = self.tree.stages.last().and_then(|stage| stage.name.clone());
        let stage = match target {
            Some(target) => target.filter(|name| !name.is_empty()),
            None => Some(last.unwrap_or_else(|| "default".to_owned())),
        };
        let known = |value: &str| Expanded::text(value);
        let of = |platform: Option<&Platform>, part: fn(&Platform) -> String| {
            platform.map_or_else(Expanded::dynamic, |platform| known(&part(platform)))
        };
        let (worker, target) = (Some(&self.worker), self.evaluation.platform.as_ref());
        let values = [
            ("BUILDPLATFORM", of(worker, |platform| platform.plain().to_string())),
            ("BUILDOS", of(worker, |platform| platform.os.clone())),
            ("BUILDOSVERSION", of(worker, |platform| platform.os_version.clone())),
            ("BUILDARCH", of(worker, |platform| platform.architecture.clone())),
            ("BUILDVARIANT", of(worker, |platform| platform.variant.clone())),
            ("TARGETPLATFORM", of(target, Platform::to_string)),
            ("TARGETOS", of(target, |platform| platform.os.clone())),
            ("TARGETOSVERSION", of(target, |platform| platform.os_version.clone())),
            ("TARGETARCH", of(target, |platform| platform.architecture.clone())),
            ("TARGETVARIANT", of(target, |platform| platform.variant.clone())),
            ("TARGETSTAGE", stage.map_or_else(Expanded::dynamic, Expanded::text)),
        ];
        let global = |(name, value): (&str, Expanded)| {
            let passed = self.passed(name);
            let is_passed = passed.is_some();
            let value = Some(passed.unwrap_or(value));
            (name.to_owned(), Global { value, span: None, passed: is_passed })
        };
        values.into_iter().map(global).collect()
    }

    /// Gives the arguments before the first FROM their values, with or without those that the build passes.
    fn meta_args(&self, with_build: bool) -> Result<Globals, Unset> {
        let mut globals = self.predefined();
        for instruction in self.tree.meta_args() {
            let Body::Arg(pairs) = &instruction.body else { continue };
            for pair in pairs {
                let name = pair.name.to_string();
                let passed = if with_build { self.passed(&name) } else { None };
                let is_passed = passed.is_some();
                let value = match (passed, &pair.value) {
                    (Some(value), _) => Some(value),
                    (None, Some(default)) => {
                        let expansion = self.lexer.expand(default, &|name: &str| look_up(&globals, name));
                        let expansion = expansion.map_err(|error| {
                            let unset = error.uses.last().map(|used| used.name.clone());
                            (SyntaxError::new(error.message, self.first_line(instruction, error.span)), unset)
                        })?;
                        Some(bounded(expansion.value))
                    }
                    (None, None) => None,
                };
                match globals.entry(name) {
                    // Without a value, the ARG leaves alone what was there.
                    Entry::Occupied(found) => {
                        let global = found.into_mut();
                        global.span = Some(pair.span);
                        global.passed |= is_passed;
                        if value.is_some() {
                            global.value = value;
                        }
                    }
                    Entry::Vacant(free) => {
                        free.insert(Global { value, span: Some(pair.span), passed: is_passed });
                    }
                }
            }
        }
        Ok(globals)
    }

    /// Expands the bases as if the build passed nothing, which BuildKit does to find defaults that lead nowhere.
    pub fn default_bases(&mut self) {
        if self.stopped {
            return;
        }
        let Ok(globals) = self.meta_args(false) else { return };
        for (at, stage) in self.tree.stages.iter().enumerate() {
            let Ok(expansion) = self.lexer.expand(&stage.base, &|name: &str| look_up(&globals, name)) else { return };
            let uses = from_uses(&globals, &expansion.uses);
            self.evaluation.stages[at].default_base =
                Some(Word { span: stage.base.span(), value: expansion.value, uses });
        }
    }

    pub fn globals(&mut self) {
        match self.meta_args(true) {
            Ok(globals) => self.evaluation.globals = globals,
            Err((error, unset)) => {
                self.evaluation.globals = self.predefined();
                self.fail_for(Pass::Arguments, None, error, unset);
            }
        }
        self.source_date_epoch();
    }

    /// `SOURCE_DATE_EPOCH` is a number of seconds, or names where to take it from.
    fn source_date_epoch(&mut self) {
        const NAME: &str = "SOURCE_DATE_EPOCH";
        let Some(global) = self.evaluation.global(NAME) else { return };
        let Some(value) = global.value.as_ref().and_then(Expanded::known) else { return };
        let fine = value.is_empty()
            || value == "context"
            || value.parse::<i64>().is_ok()
            || self.stage_named(value).is_some()
            || self.build.named_context(value).is_some();
        if !fine {
            let span = global.span.unwrap_or(self.build.span);
            let error = SyntaxError::new(format!("`{value}` is no value of {NAME}"), span);
            self.fail(Pass::Arguments, None, error);
        }
    }
}

pub(super) fn look_up(globals: &Globals, name: &str) -> Lookup {
    globals.get(name).and_then(|global| global.value.as_ref()).map_or(Lookup::Unset, to_lookup)
}

pub(super) fn from_uses(globals: &Globals, uses: &[syntax::VariableUse]) -> Vec<Use> {
    let define = |name: &str| match globals.get(name) {
        Some(Global { value: Some(_), .. }) => Definition::Set,
        Some(_) => Definition::Declared,
        None => Definition::Missing { certain: true },
    };
    uses.iter().map(|used| use_of(used, define(&used.name))).collect()
}
