//! The straight line: link, check, filter, fix.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::{Config, SHELLCHECK, Selection};
use crate::diagnostic::{Confidence, Diagnostic, Severity};
use crate::edit::{self, Edit, Safety};
use crate::facts::stages::Reading;
use crate::ignore::{Ignore, Tool, ignores};
use crate::model::Project;
use crate::rule::{Findings, Meta, Rule, RunCheck};
use crate::snapshot::Snapshot;
use crate::source::{FileId, Span};
use crate::suggest::nearest;
use crate::syntax::dockerfile::search_directive;

/// More rounds of fixing than this are never needed by rules that are sound.
const MAX_ROUNDS: usize = 10;

const SYNTAX_ERROR: Meta = Meta { id: "syntax-error", severity: Severity::Error, ..Meta::DEFAULT };

const UNREADABLE: Meta = Meta { id: "unreadable-file", ..SYNTAX_ERROR };

/// BuildKit refuses a build if one of its checks has something to say and the file asks for that.
const FAILING_CHECK: Meta = Meta { id: "failing-check", also: &["buildkit:error"], ..SYNTAX_ERROR };

const UNUSED_IGNORE: Meta = Meta { id: "unused-ignore", severity: Severity::Info, ..SYNTAX_ERROR };

/// The findings of a run, with what they are about.
#[derive(Debug)]
pub struct Report {
    /// The project that was looked at.
    pub project: Project,
    /// Findings that were not dropped, sorted by path, place and rule.
    pub diagnostics: Vec<Diagnostic>,
}

/// What fixing led to.
#[derive(Debug)]
pub struct Fixed {
    /// The findings that are left, over the files as fixed.
    pub report: Report,
    /// How many fixes were applied in all rounds.
    pub applied: usize,
}

/// Rules with their options, ready to run on any number of snapshots.
pub struct Linter {
    catalogue: Vec<Rule>,
    checks: Vec<(Rule, RunCheck)>,
    config: Config,
}

impl Linter {
    /// A linter for the rules of `catalogue` that `config` wants.
    pub fn new(catalogue: &[Rule], config: Config) -> Self {
        Linter { catalogue: catalogue.to_vec(), checks: config.checks(catalogue), config }
    }

    /// The configuration it was made with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// All rules it knows, whether they run or not.
    pub fn catalogue(&self) -> &[Rule] {
        &self.catalogue
    }

    /// The rule that is called `id`.
    pub fn rule(&self, id: &str) -> Option<&Rule> {
        self.catalogue.iter().find(|rule| rule.meta.id == id)
    }

    /// Links the files and runs every wanted rule over them.
    pub fn lint(&self, snapshot: Snapshot) -> Report {
        self.lint_with(snapshot, |_| Vec::new())
    }

    /// As [`lint`](Self::lint), with what another program finds about the project among the findings.
    pub fn lint_with(&self, snapshot: Snapshot, others: impl FnOnce(&Project) -> Vec<Diagnostic>) -> Report {
        let project = Project::new(snapshot, self.config.settings.clone());
        let mut diagnostics = built_in(&project);
        for (rule, check) in &self.checks {
            let mut found = Findings::new(rule.meta);
            check(&project, &mut found);
            diagnostics.extend(found.into_diagnostics());
        }
        diagnostics.extend(others(&project));
        let diagnostics = self.filter(&project, diagnostics);
        Report { project, diagnostics }
    }

    /// Applies fixes of at least the asked safety, looks again, and so on until nothing more can be fixed.
    ///
    /// `wanted` tells which findings' fixes may be applied.
    pub fn fix(&self, snapshot: Snapshot, safety: Safety, wanted: impl Fn(&Project, &Diagnostic) -> bool) -> Fixed {
        let mut report = self.lint(snapshot);
        let mut applied = 0;
        for _ in 0..MAX_ROUNDS {
            let project = &report.project;
            let fixable = report.diagnostics.iter().filter(|diagnostic| wanted(project, diagnostic));
            let fixes = fixable.filter_map(|diagnostic| diagnostic.fix.as_ref()).filter(|fix| fix.safety >= safety);
            let (after, taken) = edit::apply(&project.snapshot, fixes);
            if taken == 0 {
                break;
            }
            applied += taken;
            report = self.lint(after);
        }
        Fixed { report, applied }
    }

    /// Drops what is ignored, off or below what is asked for, adds ignores that silence nothing, and sorts. This is the only
    /// place that knows of any of it.
    fn filter(&self, project: &Project, mut diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
        let mut files: BTreeMap<FileId, Silence> = BTreeMap::new();
        let mut paths =
            project.snapshot.files().map(|(file, source)| (file, source.path.clone())).collect::<BTreeMap<_, _>>();
        // A Dockerfile that stands in another file has comments of its own.
        paths.extend(project.inlines.keys().map(|file| (*file, project.path(*file).to_owned())));
        for file in paths.keys() {
            let ignores = ignores(project, *file);
            let fails = project.dockerfile_of(*file).is_some_and(|at| fails_on_findings(project, at));
            if !ignores.is_empty() || !self.config.overrides.is_empty() || fails {
                let selection = self.config.selection_for(&paths[file]);
                let used = vec![0; ignores.len()];
                files.insert(*file, Silence { used, ignores, selection, fails, checks: BTreeSet::new() });
            }
        }
        let definitions = project.bakes.iter().flat_map(|bake| &bake.definition.files);
        let broken = definitions.filter(|file| file.hcl().is_some_and(|hcl| !hcl.errors.is_empty()));
        let broken: BTreeSet<FileId> = broken.map(|file| file.file).collect();
        let mut kept = Vec::with_capacity(diagnostics.len());
        for mut diagnostic in diagnostics.drain(..) {
            let rule = self.rule(diagnostic.rule).copied();
            if let Some(silence) = files.get_mut(&diagnostic.span.file) {
                silence.note_check(&diagnostic, rule.as_ref());
            }
            match self.config.level(&diagnostic, rule.as_ref().map_or(&[], |rule| rule.meta.also)) {
                Some(None) => continue,
                Some(Some(level)) => diagnostic.severity = level,
                None => {}
            }
            let silence = files.get_mut(&diagnostic.span.file);
            let selection = silence.as_ref().map_or(&self.config.selection, |silence| &silence.selection);
            if !wants(selection, &diagnostic, rule.as_ref()) {
                continue;
            }
            if let Some(silence) = silence {
                if silence.drops(&diagnostic, rule.as_ref()) {
                    continue;
                }
                // What is left when hadolint is to be silent may not be what was asked for.
                if silence.takes_names(&mut diagnostic, rule.as_ref())
                    && !wants(&silence.selection, &diagnostic, rule.as_ref())
                {
                    continue;
                }
            }
            let inner = diagnostic.span.file;
            let mut diagnostic = project.in_files(diagnostic);
            // What cannot be applied is not offered, nor what rests on HCL that is guessed in part.
            let is_editable = |edit: &Edit| {
                let file = edit.span.file;
                project.snapshot.get(file).is_none_or(|source| source.is_editable()) && !broken.contains(&file)
            };
            diagnostic.fix = diagnostic.fix.filter(|fix| fix.edits.iter().all(is_editable));
            let outer = files.get_mut(&diagnostic.span.file).filter(|_| diagnostic.span.file != inner);
            if outer.is_some_and(|silence| silence.drops(&diagnostic, rule.as_ref())) {
                continue;
            }
            kept.push(diagnostic);
        }
        for (file, silence) in files.iter().filter(|(_, silence)| !silence.checks.is_empty()) {
            let found = failing_check(project, *file, &silence.checks);
            kept.extend(found.into_iter().filter(|found| wants(&silence.selection, found, None)));
        }
        // Only a run of all rules can tell that an ignore comment is of no use.
        let complete = self.config.selection.select.is_empty();
        for silence in files.values().filter(|_| complete) {
            kept.extend(self.unused(silence).into_iter().filter(|found| {
                wants(&silence.selection, found, None) && self.config.levels.get(found.rule) != Some(&None)
            }));
        }
        let mut kept: Vec<Diagnostic> = kept.into_iter().map(|diagnostic| project.in_files(diagnostic)).collect();
        kept.sort_by(|a, b| {
            let key = |d: &Diagnostic| (paths.get(&d.span.file).cloned(), d.span.start, d.span.end, d.rule);
            key(a).cmp(&key(b)).then_with(|| a.message.cmp(&b.message))
        });
        kept.dedup();
        kept
    }

    /// Findings about bakelint's own ignore comments that silence nothing.
    fn unused(&self, silence: &Silence) -> Vec<Diagnostic> {
        let mut found = Findings::new(&UNUSED_IGNORE);
        for (ignore, used) in silence.ignores.iter().zip(&silence.used) {
            if ignore.tool != Tool::Bakelint {
                continue;
            }
            let known = |name: &String| {
                crate::config::BUILT_IN.contains(&name.as_str())
                    || self.catalogue.iter().any(|rule| rule.answers_to(name) || rule.theme == name)
            };
            if let Some(name) = ignore.rules.iter().find(|name| !known(name)) {
                let near = nearest(name, self.catalogue.iter().map(|rule| rule.meta.id));
                let diagnostic =
                    found.add(ignore.span, format!("no rule is called `{name}`, so this comment ignores nothing"));
                if let Some(near) = near {
                    diagnostic.help(format!("did you mean `{near}`?"));
                }
            } else if *used == 0 {
                found.add(ignore.span, "nothing here needs to be ignored");
            }
        }
        found.into_diagnostics()
    }
}

/// What is asked for in one file, and which of its ignore comments were of use.
struct Silence {
    ignores: Vec<Ignore>,
    used: Vec<usize>,
    selection: Selection,
    /// Whether the file asks BuildKit to fail if a check has something to say.
    fails: bool,
    /// The checks of BuildKit that do.
    checks: BTreeSet<&'static str>,
}

impl Silence {
    /// Remembers a finding of one of BuildKit's checks that nothing keeps BuildKit from reporting.
    fn note_check(&mut self, diagnostic: &Diagnostic, rule: Option<&Rule>) {
        let also = diagnostic.also(rule.map_or(&[], |rule| rule.meta.also));
        let mut checks = also.iter().filter_map(|name| name.strip_prefix("buildkit:")).filter(|name| *name != "error");
        let own = |ignore: &&Ignore| matches!(ignore.tool, Tool::BuildKit | Tool::BuildKitComment);
        if let Some(check) = checks.next().filter(|_| self.fails && diagnostic.confidence > Confidence::Low)
            && !self.ignores.iter().filter(own).any(|ignore| ignore.silences(diagnostic, rule))
        {
            self.checks.insert(check);
        }
    }

    /// Takes hadolint's names away from a finding that stands for a check of BuildKit too, if a comment keeps hadolint from
    /// reporting it: BuildKit does not know that comment and reports it all the same. Says whether there was something to take.
    fn takes_names(&self, diagnostic: &mut Diagnostic, rule: Option<&Rule>) -> bool {
        let also = diagnostic.also(rule.map_or(&[], |rule| rule.meta.also));
        let is_ignored = |name: &&str| self.ignores.iter().any(|ignore| ignore.names_for_hadolint(diagnostic, name));
        let left: Vec<&'static str> = also.iter().copied().filter(|name| !is_ignored(name)).collect();
        let some = left.len() < also.len();
        if some {
            diagnostic.aliases = Some(left);
        }
        some
    }

    fn drops(&mut self, diagnostic: &Diagnostic, rule: Option<&Rule>) -> bool {
        let mut dropped = false;
        for (ignore, used) in self.ignores.iter().zip(&mut self.used) {
            if ignore.silences(diagnostic, rule) {
                *used += 1;
                dropped = true;
            }
        }
        dropped
    }
}

fn wants(selection: &Selection, diagnostic: &Diagnostic, rule: Option<&Rule>) -> bool {
    let answers = |name: &String| name == diagnostic.rule || diagnostic.also(&[]).contains(&name.as_str());
    let named = |names: &[String]| names.iter().any(answers);
    let selected = match rule {
        Some(rule) => selection.wants_finding(rule, diagnostic),
        // A file that cannot be read hides every other finding in it, so it is shown whatever is selected.
        None => {
            let always = diagnostic.rule != UNUSED_IGNORE.id && diagnostic.rule != SHELLCHECK;
            !named(&selection.ignore) && (named(&selection.select) || always || selection.select.is_empty())
        }
    };
    selected
        && selection.min_severity.is_none_or(|least| diagnostic.severity >= least)
        && diagnostic.confidence >= selection.min_confidence.unwrap_or(Confidence::Medium)
}

/// Whether a Dockerfile asks BuildKit to fail if a check has something to say, and nothing else makes it fail before.
fn fails_on_findings(project: &Project, dockerfile: usize) -> bool {
    project.check_options(dockerfile).is_ok_and(|options| options.error)
        && project.reading(dockerfile) == Reading::Whole
        && project.evaluations().any(|evaluation| evaluation.dockerfile == dockerfile && evaluation.error.is_none())
}

fn failing_check(project: &Project, file: FileId, checks: &BTreeSet<&'static str>) -> Vec<Diagnostic> {
    let mut found = Findings::new(&FAILING_CHECK);
    let source = project.snapshot.get(file);
    let directive = source.and_then(|source| search_directive(file, source.text(), "check"));
    let span = directive.map_or(Span::at(file, 0), |directive| directive.span);
    let names: Vec<&str> = checks.iter().copied().collect();
    found
        .add(span, "`error=true` makes the build fail, because BuildKit's checks have something to say")
        .known_as("buildkit:error")
        .help(format!("mend or skip {}", names.join(", ")));
    found.into_diagnostics()
}

/// Errors of the parsers and files that could not be read.
fn built_in(project: &Project) -> Vec<Diagnostic> {
    let mut unreadable = Findings::new(&UNREADABLE);
    for entry in project.snapshot.unreadable() {
        unreadable.add(crate::source::Span::at(entry.file, 0), format!("this file {}", entry.reason));
    }
    let mut diagnostics = unreadable.into_diagnostics();
    let mut errors = Findings::new(&SYNTAX_ERROR);
    for error in &project.errors {
        let diagnostic = errors.add(error.span, error.message.clone());
        diagnostic.help = error.help.clone();
        if project.is_dockerfile(error.span.file) {
            diagnostic.known_as("buildkit:error");
        }
    }
    diagnostics.extend(errors.into_diagnostics());
    diagnostics
}
