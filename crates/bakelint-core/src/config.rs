//! `bakelint.toml`: which findings are wanted, the options of rules, and facts about the project that its files do not tell.

use std::collections::BTreeMap;
use std::ops::Range;

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use serde::Deserialize;
use toml::Spanned;

use crate::diagnostic::{Confidence, Diagnostic, Severity};
use crate::model::settings::{Runner, Settings};
use crate::rule::{Rule, RunCheck};
use crate::suggest::nearest;

/// A mistake in the configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ConfigError {
    /// What is wrong, as a sentence without a full stop.
    pub message: String,
    /// The bytes of the configuration's text that are wrong.
    pub span: Option<Range<usize>>,
    /// What was probably meant.
    pub help: Option<String>,
}

impl ConfigError {
    fn new(message: impl Into<String>, span: Range<usize>) -> Self {
        ConfigError { message: message.into(), span: Some(span), help: None }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    check: CheckTable,
    #[serde(rename = "override")]
    overrides: Vec<OverrideTable>,
    rules: BTreeMap<Spanned<String>, Spanned<toml::Table>>,
    files: FilesTable,
    project: ProjectTable,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct CheckTable {
    select: Vec<Spanned<String>>,
    ignore: Vec<Spanned<String>>,
    enable: Vec<Spanned<String>>,
    min_severity: Option<Severity>,
    min_confidence: Option<Confidence>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct OverrideTable {
    paths: Vec<Spanned<String>>,
    #[serde(default)]
    select: Vec<Spanned<String>>,
    #[serde(default)]
    ignore: Vec<Spanned<String>>,
    min_severity: Option<Severity>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct FilesTable {
    exclude: Vec<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct ProjectTable {
    registries: Vec<String>,
    default_platform: Option<String>,
    runner: Runner,
    labels: BTreeMap<String, Spanned<String>>,
    strict_labels: bool,
}

/// The forms that values of labels may have.
pub const LABEL_FORMS: &[&str] = &["text", "url", "rfc3339", "spdx", "hash", "semver", "email"];

/// Which findings are wanted.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// When not empty, only these rules run, whatever `ignore` of the same source says less specifically.
    pub select: Vec<String>,
    /// Rules whose findings are dropped.
    pub ignore: Vec<String>,
    /// Rules that run beside the usual ones although they are opt-in.
    pub enable: Vec<String>,
    /// Findings below this are dropped.
    pub min_severity: Option<Severity>,
    /// Findings below this are dropped; [`Confidence::Medium`] when not set.
    pub min_confidence: Option<Confidence>,
}

impl Selection {
    /// Whether the rule has to run: it may make findings that are wanted.
    pub fn wants(&self, rule: &Rule) -> bool {
        let named = |names: &[String]| names.iter().any(|name| rule.answers_to(name) || rule.theme == name);
        let usual = named(&self.enable) || if self.select.is_empty() { !rule.meta.opt_in } else { named(&self.select) };
        usual && !self.ignore.iter().any(|name| name == rule.meta.id || name == rule.theme)
    }

    /// Whether a finding of the rule is wanted. An alias names only those findings of a rule that stand for it.
    pub fn wants_finding(&self, rule: &Rule, finding: &Diagnostic) -> bool {
        let also = finding.also(rule.meta.also);
        let answers = |name: &String| {
            let bare = |also: &&str| also == name || also.split_once(':').is_some_and(|(_, bare)| bare == name);
            name == rule.meta.id || name == rule.theme || also.iter().any(bare)
        };
        let named = |names: &[String]| names.iter().any(answers);
        let usual = named(&self.enable) || if self.select.is_empty() { !rule.meta.opt_in } else { named(&self.select) };
        usual && !named(&self.ignore)
    }

    /// The same with the entries of `over`, which win, laid over it.
    pub fn overlaid(&self, over: &Selection) -> Selection {
        let select = if over.select.is_empty() { &self.select } else { &over.select };
        // Naming a rule on the command line brings back what the file ignores.
        let kept = self.ignore.iter().filter(|name| !over.select.contains(name));
        Selection {
            select: select.clone(),
            ignore: kept.chain(&over.ignore).cloned().collect(),
            enable: self.enable.iter().chain(&over.enable).cloned().collect(),
            min_severity: over.min_severity.or(self.min_severity),
            min_confidence: over.min_confidence.or(self.min_confidence),
        }
    }
}

/// Other wishes for some paths.
#[derive(Debug, Clone)]
pub struct Override {
    paths: Gitignore,
    /// The wishes.
    pub selection: Selection,
}

impl Override {
    /// Whether the wishes are for the file at `path`.
    pub fn covers(&self, path: &str) -> bool {
        self.paths.matched_path_or_any_parents(path, false).is_ignore()
    }
}

/// A configuration file that was read and held against the catalogue.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// The wishes for all paths.
    pub selection: Selection,
    /// Wishes for some paths; later ones win.
    pub overrides: Vec<Override>,
    /// Severity by rule id, or by the alias of some of a rule's findings; `None` switches them off.
    pub levels: BTreeMap<String, Option<Severity>>,
    /// Options by rule id.
    pub options: BTreeMap<&'static str, toml::Table>,
    /// Path patterns that are not read.
    pub exclude: Vec<String>,
    /// Facts about the project.
    pub settings: Settings,
}

impl Config {
    /// Reads the text of a `bakelint.toml`.
    ///
    /// `left_out` are checks of other tools that have no rule, with the reason: they may be named, to no effect.
    ///
    /// # Errors
    /// The first mistake: bad TOML, an unknown key, rule or level, a bad pattern, a wrong option of a rule.
    pub fn parse(text: &str, catalogue: &[Rule], left_out: &[(&str, &str)]) -> Result<Self, ConfigError> {
        let file: File = toml::from_str(text).map_err(|error| explain(&error, None))?;
        let check = |names: &[Spanned<String>]| {
            names
                .iter()
                .map(|name| known_rule(name.get_ref(), name.span(), catalogue, left_out))
                .collect::<Result<Vec<_>, _>>()
        };
        for form in file.project.labels.values() {
            if !LABEL_FORMS.contains(&form.get_ref().as_str()) {
                let message =
                    format!("`{}` is no form of a label: expected {}", form.get_ref(), LABEL_FORMS.join(", "));
                return Err(ConfigError::new(message, form.span()));
            }
        }
        let labels = file.project.labels.into_iter().map(|(key, form)| (key, form.into_inner())).collect();
        let mut config = Config {
            selection: Selection {
                select: check(&file.check.select)?,
                ignore: check(&file.check.ignore)?,
                enable: check(&file.check.enable)?,
                min_severity: file.check.min_severity,
                min_confidence: file.check.min_confidence,
            },
            settings: Settings {
                registries: file.project.registries,
                default_platform: file.project.default_platform,
                runner: file.project.runner,
                labels,
                strict_labels: file.project.strict_labels,
                ..Settings::default()
            },
            ..Config::default()
        };
        for table in &file.overrides {
            let selection = Selection {
                select: check(&table.select)?,
                ignore: check(&table.ignore)?,
                min_severity: table.min_severity,
                ..Selection::default()
            };
            config.overrides.push(Override { paths: patterns(&table.paths)?, selection });
        }
        patterns(&file.files.exclude)?;
        config.exclude = file.files.exclude.into_iter().map(Spanned::into_inner).collect();
        for (name, table) in file.rules {
            let known = known_rule(name.get_ref(), name.span(), catalogue, left_out)?;
            let rule = catalogue.iter().find(|rule| rule.answers_to(&known));
            let span = table.span();
            let mut table = table.into_inner();
            if let Some(level) = table.remove("level") {
                let level = level.as_str().map(str::to_owned).unwrap_or_default();
                let parsed = if level == "off" { Some(None) } else { level.parse().ok().map(Some) };
                let Some(parsed) = parsed else {
                    return Err(ConfigError::new(
                        format!("`{level}` is no level: expected off, info, warning or error"),
                        word_in(text, &span, "level"),
                    ));
                };
                if parsed.is_some() && rule.is_some() {
                    config.selection.enable.push(known.clone());
                }
                config.levels.insert(known.clone(), parsed);
            }
            match rule {
                Some(rule) => {
                    let tried = rule.configure(table.clone());
                    let _works = tried.map_err(|error| explain(&error, Some((text, &span))))?;
                    if !table.is_empty() || rule.meta.id == known {
                        config.options.insert(rule.meta.id, table);
                    }
                }
                None if table.is_empty() => {}
                None => return Err(ConfigError::new(format!("`{known}` has no options"), name.span())),
            }
        }
        Ok(config)
    }

    /// The rules that run, with their options.
    pub fn checks(&self, catalogue: &[Rule]) -> Vec<(Rule, RunCheck)> {
        let wanted = catalogue.iter().filter(|rule| {
            let selected = self.selection.wants(rule) || self.overrides.iter().any(|over| over.selection.wants(rule));
            selected && self.levels.get(rule.meta.id) != Some(&None)
        });
        wanted
            .filter_map(|rule| {
                let options = self.options.get(rule.meta.id).cloned().unwrap_or_default();
                // The options were tried when the configuration was read.
                Some((*rule, rule.configure(options).ok()?))
            })
            .collect()
    }

    /// The severity that is asked for a finding, by its rule or by another tool's name for it; `Some(None)` when it is off.
    pub fn level(&self, finding: &Diagnostic, of_rule: &[&'static str]) -> Option<Option<Severity>> {
        let names = finding.also(of_rule).iter().chain([&finding.rule]);
        names.filter_map(|name| self.levels.get(*name)).next().copied()
    }

    /// The wishes that hold for the file at `path`.
    pub fn selection_for(&self, path: &str) -> Selection {
        let covering = self.overrides.iter().filter(|over| over.covers(path));
        covering.fold(self.selection.clone(), |selection, over| selection.overlaid(&over.selection))
    }
}

/// The findings that the engine itself makes: they can be ignored and selected, but have no page of their own.
pub const BUILT_IN: &[&str] = &["failing-check", "syntax-error", "unreadable-file", "unused-ignore", SHELLCHECK];

/// The rule of findings that ShellCheck makes; each carries its code as an alias.
pub const SHELLCHECK: &str = "shellcheck";

/// Checks a rule's name: an id, an alias with or without its tool, a theme, a built-in finding, a check that is left out, or a
/// code of ShellCheck. An alias gets its tool.
///
/// # Errors
/// When nothing has that name; with the nearest name as help.
pub fn known_rule(
    name: &str,
    span: Range<usize>,
    catalogue: &[Rule],
    left_out: &[(&str, &str)],
) -> Result<String, ConfigError> {
    let bare = |also: &&str| also.split_once(':').is_some_and(|(_, bare)| bare == name);
    if let Some(rule) = catalogue.iter().find(|rule| rule.answers_to(name)) {
        return Ok(rule.meta.also.iter().copied().find(bare).unwrap_or(name).to_owned());
    }
    if BUILT_IN.contains(&name) || catalogue.iter().any(|rule| rule.theme == name) {
        return Ok(name.to_owned());
    }
    if let Some((full, _)) = left_out.iter().find(|(full, _)| *full == name || bare(full)) {
        return Ok((*full).to_owned());
    }
    let code = name.strip_prefix("shellcheck:").unwrap_or(name);
    if code.strip_prefix("SC").is_some_and(|digits| digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_digit())) {
        return Ok(format!("shellcheck:{code}"));
    }
    let names = catalogue.iter().flat_map(|rule| {
        let bare = rule.meta.also.iter().map(|also| also.split_once(':').map_or(*also, |(_, bare)| bare));
        [rule.meta.id, rule.theme].into_iter().chain(rule.meta.also.iter().copied()).chain(bare)
    });
    let mut error = ConfigError::new(format!("no rule is called `{name}`"), span);
    let near = nearest(name, names.chain(BUILT_IN.iter().copied()));
    error.help = Some(near.map_or("`bakelint rules` lists them".into(), |near| format!("did you mean `{near}`?")));
    Err(error)
}

fn patterns(paths: &[Spanned<String>]) -> Result<Gitignore, ConfigError> {
    let mut builder = GitignoreBuilder::new("");
    let bad =
        |path: &Spanned<String>| ConfigError::new(format!("`{}` is no path pattern", path.get_ref()), path.span());
    for path in paths {
        builder.add_line(None, path.get_ref()).map_err(|_| bad(path))?;
    }
    builder.build().map_err(|error| ConfigError { message: error.to_string(), span: None, help: None })
}

/// Where `word` stands inside of `span`, else the span.
fn word_in(text: &str, span: &Range<usize>, word: &str) -> Range<usize> {
    let found = text.get(span.clone()).and_then(|part| part.find(word));
    found.map_or(span.clone(), |at| span.start + at..span.start + at + word.len())
}

/// A TOML error in our words. `table` is the text and the place of the rule's table that was read on its own.
fn explain(error: &toml::de::Error, table: Option<(&str, &Range<usize>)>) -> ConfigError {
    let message = error.message().lines().next().unwrap_or_default().to_owned();
    // serde's "unknown field `x`, expected one of `a`, `b`" is the only place that knows the names.
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let unknown = quoted.first().filter(|_| message.starts_with("unknown "));
    let help = unknown
        .and_then(|name| nearest(name, quoted[1..].iter().copied()))
        .map(|near| format!("did you mean `{near}`?"));
    let span = match table {
        Some((text, span)) => Some(unknown.map_or(span.clone(), |name| word_in(text, span, name))),
        None => error.span(),
    };
    ConfigError { message, span, help }
}
