//! What a rule is, and the list that tells which ones there are.
//!
//! A rule is one file: its `//!` page is its documentation, the examples on the page are its tests, its options are its
//! struct, its check is a method of that struct.

use serde::de::DeserializeOwned;

use crate::diagnostic::{Confidence, Diagnostic, Heeds, Severity};
use crate::edit::Safety;
use crate::model::Project;
use crate::model::dockerfile::Dockerfile;
use crate::source::Span;

/// The facts about a rule that its page does not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meta {
    /// Kebab-case name of the bad thing; also the file's name.
    pub id: &'static str,
    /// How much its findings matter unless a finding or the configuration says otherwise.
    pub severity: Severity,
    /// How sure its findings are unless a finding says otherwise.
    pub confidence: Confidence,
    /// The best fix its findings may carry; `None` when there is never one.
    pub fix: Option<Safety>,
    /// The version that first had it.
    pub since: &'static str,
    /// Other tools' names for the same thing: `hadolint:DL3006`, `buildkit:StageNameCasing`.
    pub also: &'static [&'static str],
    /// Whether it runs only when it is asked for by name: a matter of policy, not of right or wrong.
    pub opt_in: bool,
}

impl Meta {
    /// What most rules have in common; a rule names what is different.
    pub const DEFAULT: Meta = Meta {
        id: "",
        severity: Severity::Warning,
        confidence: Confidence::High,
        fix: None,
        since: "0.1.0",
        also: &[],
        opt_in: false,
    };
}

/// A rule's options and what it does with them.
///
/// The implementor is deserialized from `[rules.<id>]` of the configuration; unknown keys should be denied.
pub trait Check: Default + DeserializeOwned + Send + Sync + 'static {
    /// The rule's facts.
    const META: Meta;

    /// Looks at the whole project and reports what is wrong.
    fn check(&self, project: &Project, found: &mut Findings);
}

/// Collects what one rule reports.
#[derive(Debug)]
pub struct Findings {
    meta: &'static Meta,
    diagnostics: Vec<Diagnostic>,
}

impl Findings {
    /// An empty collection for the rule of `meta`.
    pub fn new(meta: &'static Meta) -> Self {
        Findings { meta, diagnostics: Vec::new() }
    }

    /// Reports one finding with the rule's usual severity and confidence.
    pub fn add(&mut self, span: Span, message: impl Into<String>) -> &mut Diagnostic {
        self.diagnostics.push(Diagnostic {
            rule: self.meta.id,
            severity: self.meta.severity,
            confidence: self.meta.confidence,
            message: message.into(),
            span,
            labels: Vec::new(),
            help: None,
            fix: None,
            aliases: None,
            heeds: Heeds::Here,
        });
        let last = self.diagnostics.len() - 1;
        &mut self.diagnostics[last]
    }

    /// Reports one finding about a token of a Dockerfile's instruction.
    ///
    /// The finding stands at the token if that is on the instruction's first line, where people and other tools look for it. For a token
    /// further down it stands at the keyword, and the token gets `label`.
    pub fn add_at(
        &mut self,
        dockerfile: &Dockerfile,
        instruction: usize,
        token: Span,
        label: &str,
        message: impl Into<String>,
    ) -> &mut Diagnostic {
        let anchor = dockerfile.anchor(instruction, token);
        let diagnostic = self.add(anchor, message);
        if anchor != token {
            diagnostic.label(token, label);
        }
        diagnostic
    }

    /// The findings in the order in which they were reported.
    pub fn into_diagnostics(self) -> Vec<Diagnostic> {
        self.diagnostics
    }
}

/// A check with its options read, ready to run.
pub type RunCheck = Box<dyn Fn(&Project, &mut Findings) + Send + Sync>;

/// One row of the catalogue.
#[derive(Clone, Copy)]
pub struct Rule {
    /// The rule's facts.
    pub meta: &'static Meta,
    /// The theme it is listed under: what the user gains.
    pub theme: &'static str,
    /// Text of the rule's source file, whose head is the page.
    pub source: &'static str,
    configure: fn(toml::Table) -> Result<RunCheck, toml::de::Error>,
}

impl Rule {
    /// The row for the rule `C`, whose source file reads `source`. Called by [`rules!`](crate::rules).
    pub const fn of<C: Check>(theme: &'static str, source: &'static str) -> Self {
        Rule { meta: &C::META, theme, source, configure: configure::<C> }
    }

    /// The check with the options of `table`.
    ///
    /// # Errors
    /// When an option is unknown or of the wrong type.
    pub fn configure(&self, table: toml::Table) -> Result<RunCheck, toml::de::Error> {
        (self.configure)(table)
    }

    /// The page: the `//!` lines of the source file, without the comment marks.
    pub fn page(&self) -> String {
        let lines = self.source.lines().map_while(|line| line.strip_prefix("//!"));
        lines.map(|line| line.strip_prefix(' ').unwrap_or(line).to_owned() + "\n").collect()
    }

    /// The page's first sentence.
    pub fn summary(&self) -> &'static str {
        let line = self.source.lines().next().unwrap_or_default();
        line.trim_start_matches("//!").trim()
    }

    /// Whether `name` is the rule's id, one of its aliases, or an alias without its tool (`DL3006`).
    pub fn answers_to(&self, name: &str) -> bool {
        self.meta.id == name
            || self
                .meta
                .also
                .iter()
                .any(|also| *also == name || also.split_once(':').is_some_and(|(_, bare)| bare == name))
    }
}

impl std::fmt::Debug for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rule").field("theme", &self.theme).field("meta", self.meta).finish_non_exhaustive()
    }
}

fn configure<C: Check>(table: toml::Table) -> Result<RunCheck, toml::de::Error> {
    let check: C = if table.is_empty() { C::default() } else { table.try_into()? };
    Ok(Box::new(move |project, found| check.check(project, found)))
}

/// Lists the rules of a theme: `rules!["cache": cache_collision, cache_unscoped]`, where each name is a module of the
/// calling file with a struct `Rule` in it.
#[macro_export]
macro_rules! rules {
    [$theme:literal: $($name:ident),* $(,)?] => {
        &[$($crate::rule::Rule::of::<$name::Rule>($theme, include_str!(concat!(stringify!($name), ".rs")))),*]
    };
}
