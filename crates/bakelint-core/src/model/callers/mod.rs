//! Who calls builds: the steps of workflows and composite actions that build by an action or on a command line.

mod actions;
mod commands;
pub(super) mod convert;
mod devcontainer;
mod flow;

use std::collections::BTreeMap;

use commands::{Commands, Place};
use convert::items;

use crate::bake::DEFAULT_FILES;
use crate::model::Project;
use crate::model::bake::BakeCall;
use crate::model::build::{Build, Caller, Context, StepRef};
use crate::model::command_line::Placed;
use crate::model::paths;
use crate::model::scripts::Scripts;
use crate::model::services::ComposeRequest;
use crate::model::value::{Eval, Text};
use crate::model::workflow::{Action, ActionRef, Field, Job, Leg, Scope, Step, Workflow};
use crate::snapshot::FileKind;
use crate::source::{FileId, Span};
use crate::syntax::expression;
use crate::syntax::shell;

/// How deep composite actions may call each other.
const MAX_DEPTH: u32 = 4;

/// More legs of a matrix than this are not told apart.
const MAX_LEGS: usize = 256;

/// A call before it is known which bake definition it means.
#[derive(Debug, Clone)]
pub(super) enum Call {
    /// One image.
    Build(Box<Build>),
    /// Targets of a bake definition.
    Bake(Box<BakeRequest>),
    /// Services of compose files.
    Compose(Box<ComposeRequest>),
}

impl Call {
    fn caller_mut(&mut self) -> &mut Option<Caller> {
        match self {
            Call::Build(build) => &mut build.caller,
            Call::Bake(request) => &mut request.call.caller,
            Call::Compose(request) => &mut request.caller,
        }
    }
}

/// A bake command: which files, and what is asked of them.
#[derive(Debug, Clone)]
pub(super) struct BakeRequest {
    /// The folder it runs in.
    pub folder: String,
    /// The files relative to the root.
    pub files: Vec<String>,
    /// Whether no file is named, so that bake takes those that it finds by itself.
    pub finds_files: bool,
    /// Targets, overrides and so on; its index of the definition is not yet set.
    pub call: BakeCall,
    /// Whether a further file, which docker/metadata-action writes, gives tags.
    pub tags_open: bool,
    /// What the caller's environment gives for variables of a definition.
    pub environment: BTreeMap<String, Text>,
}

/// All calls of the project's workflows, in order, then those of scripts, and the paths of scripts that are there and were not read.
/// Legs of a matrix that call the same are one call.
pub(super) fn calls(project: &Project) -> (Vec<Call>, Vec<String>) {
    let mut found = Vec::new();
    let scripts = &Scripts::new(&project.snapshot);
    for (at, workflow) in project.workflows.iter().enumerate() {
        let callers = callers_of(project, workflow);
        if callers.is_empty() {
            workflow_calls(project, scripts, at, &Scope::new(workflow), &mut found);
        }
        for (other, job) in callers {
            let scope = Scope::new(other).in_job(job, None);
            let mut inner = Scope::new(workflow);
            for field in &job.with.fields {
                inner = inner.assume(&["inputs", &field.name.node], scope.evaluate(&field.value));
            }
            workflow_calls(project, scripts, at, &inner, &mut found);
        }
    }
    by_hand(project, scripts, &mut found);
    (found, scripts.missing())
}

/// The calls of scripts that no workflow runs: people do.
fn by_hand(project: &Project, scripts: &Scripts<'_>, found: &mut Vec<Call>) {
    let is_shell = |path: &str| path.to_ascii_lowercase().ends_with(".sh");
    let files = project.snapshot.files().filter(|(_, source)| {
        let kind = FileKind::of(&source.path);
        kind == FileKind::Script || source.path.rsplit('/').next() == Some("package.json")
    });
    // A shell script that another script runs is known by then.
    let (shells, others): (Vec<_>, Vec<_>) = files.partition(|(_, source)| is_shell(&source.path));
    let mut seen = BTreeMap::new();
    let run = |file: FileId, folder: Option<&str>| {
        let mut calls = Vec::new();
        for unit in scripts.rest(file, folder) {
            let mut commands = Commands::new(scripts, None);
            commands.run(std::slice::from_ref(&unit), &BTreeMap::new(), None);
            calls.extend(commands.found);
        }
        calls
    };
    for (file, source) in others.into_iter().chain(shells) {
        let calls = if source.path.ends_with("devcontainer.json") {
            devcontainer::call(file, source).into_iter().collect()
        } else if is_shell(&source.path) {
            if scripts.has_run(file)
                || !["docker", "podman", "buildah", "depot", "nerdctl"].iter().any(|word| source.text().contains(word))
            {
                continue;
            }
            // Nothing says where it is run; what it builds does.
            let folders = [Some(""), Some(paths::folder(&source.path)), None];
            let mut tries = folders.iter().map(|folder| run(file, *folder));
            let first = tries.next().unwrap_or_default();
            if fits(project, &first) { first } else { tries.find(|calls| fits(project, calls)).unwrap_or_default() }
        } else {
            run(file, None)
        };
        calls.into_iter().for_each(|call| add(&mut seen, found, call));
    }
}

/// Whether what calls name is there.
fn fits(project: &Project, calls: &[Call]) -> bool {
    let exists = |path: &str| {
        let lower = paths::lower_case_dockerfile(path);
        project.snapshot.has_path(path) || lower.is_some_and(|path| project.snapshot.has_path(&path))
    };
    calls.iter().all(|call| match call {
        Call::Build(build) => {
            let path = build.dockerfile_path.as_ref().and_then(|path| path.eval.known());
            let outside = matches!(&build.context, Context::Remote(text) if text.prefix().starts_with(".."));
            !outside && path.is_none_or(|path| exists(path))
        }
        Call::Bake(request) => {
            let found = |name: &str| paths::join(&request.folder, name).is_some_and(|path| exists(&path));
            match request.finds_files {
                true => DEFAULT_FILES.iter().any(|name| found(name)),
                false => request.files.iter().all(|file| exists(file)),
            }
        }
        Call::Compose(request) => {
            let path = |file: &Placed| paths::join(request.folder.as_deref()?, file.0.as_known()?);
            request.words.files.iter().all(|file| path(file).is_none_or(|path| exists(&path)))
        }
    })
}

/// The jobs of the repository that call a workflow which nothing else starts.
fn callers_of<'p>(project: &'p Project, workflow: &Workflow) -> Vec<(&'p Workflow, &'p Job)> {
    if !workflow.runs_only_on(&["workflow_call"]) {
        return Vec::new();
    }
    let path = project.path(workflow.file);
    let calls = |job: &Job| match job.uses.as_ref().map(|uses| &uses.reference) {
        Some(ActionRef::Local(local)) => local.trim_start_matches("./") == path,
        _ => false,
    };
    let jobs = project.workflows.iter().flat_map(|other| other.jobs.iter().map(move |job| (other, job)));
    jobs.filter(|(_, job)| calls(job)).collect()
}

fn workflow_calls(project: &Project, scripts: &Scripts<'_>, at: usize, scope: &Scope, found: &mut Vec<Call>) {
    let Some(workflow) = project.workflows.get(at) else { return };
    for (job_at, job) in workflow.jobs.iter().enumerate() {
        if scope.holds(job.condition.as_ref()) == Some(false) {
            continue;
        }
        let legs: Vec<Leg> = job.legs();
        let none = [None];
        let legs: Vec<Option<&Leg>> =
            if legs.is_empty() || legs.len() > MAX_LEGS { none.to_vec() } else { legs.iter().map(Some).collect() };
        for (step_at, step) in job.steps.iter().enumerate() {
            let place = StepRef { workflow: at, job: job_at, step: step_at };
            let mut of_step = BTreeMap::new();
            for leg in &legs {
                let scope = scope.clone().in_job(job, *leg);
                let known = leg.iter().flat_map(|leg| &leg.values);
                let known = known.filter_map(|(name, value)| Some((name.clone(), value.node.to_text()?)));
                let caller = Caller { step: place, legs: 1, leg: known.collect(), call: 0, span: step.span };
                let commands = Commands::new(scripts, Some(caller));
                let mut reader = Reader { project, workflow, job: Some(job), commands };
                reader.step(step, &scope.clone().in_step(step), 0);
                for call in reader.commands.found {
                    add(&mut of_step, found, call);
                }
            }
        }
    }
}

/// Adds a call, or counts one more leg for one that is equal but for its leg: what the legs have in common is kept.
fn add(calls: &mut BTreeMap<String, usize>, found: &mut Vec<Call>, mut call: Call) {
    let other = call.caller_mut().take();
    let shown = format!("{call:?}");
    match calls.get(&shown) {
        Some(at) => {
            if let Some(caller) = found[*at].caller_mut() {
                caller.legs += 1;
                let leg = other.map(|other| other.leg).unwrap_or_default();
                caller.leg.retain(|name, value| leg.get(name) == Some(value));
            }
        }
        None => {
            *call.caller_mut() = other;
            calls.insert(shown, found.len());
            found.push(call);
        }
    }
}

/// Actions that take the inputs of docker/build-push-action.
const BUILD_ACTIONS: &[&str] =
    &["docker/build-push-action", "depot/build-push-action", "useblacksmith/build-push-action"];

/// Actions that take the inputs of docker/bake-action.
const BAKE_ACTIONS: &[&str] = &["docker/bake-action", "depot/bake-action", "useblacksmith/bake-action"];

struct Reader<'p> {
    project: &'p Project,
    workflow: &'p Workflow,
    job: Option<&'p Job>,
    commands: Commands<'p>,
}

impl<'p> Reader<'p> {
    fn step(&mut self, step: &Step, scope: &Scope, depth: u32) {
        if scope.holds(step.condition.as_ref()) == Some(false) {
            return;
        }
        if let Some(uses) = &step.uses {
            let span = uses.value.span;
            // An action that only sets a builder up leaves the building to another step.
            let sets_up = step.input("setup-only").is_some_and(|field| scope.switch(field) != Some(false));
            let is_one_of = |actions: &[&str]| !sets_up && actions.iter().any(|action| step.uses_action(action));
            if is_one_of(BUILD_ACTIONS) {
                let build = self.build_action(step, scope, span);
                self.commands.found.push(Call::Build(Box::new(build)));
            } else if is_one_of(BAKE_ACTIONS) {
                let request = self.bake_action(step, scope, span);
                self.commands.found.push(Call::Bake(Box::new(request)));
            } else if let ActionRef::Local(path) = &uses.reference
                && depth < MAX_DEPTH
                && let Some(action) = self.local_action(path)
            {
                self.composite(action, step, scope, depth);
            }
        }
        if let Some(run) = &step.run {
            self.script(step, run, scope);
        }
    }

    fn local_action(&self, path: &str) -> Option<&'p Action> {
        let folder = paths::join("", path)?;
        let names = ["action.yml", "action.yaml"].map(|name| format!("{folder}/{name}"));
        self.project.actions.iter().find(|action| names.iter().any(|name| name == self.project.path(action.file)))
    }

    /// The steps of a composite action, with the inputs that the step gives.
    fn composite(&mut self, action: &'p Action, step: &Step, scope: &Scope, depth: u32) {
        let mut inner = Scope::unknown();
        for input in &action.inputs {
            let given = step.input(&input.name.node).map(|field| scope.evaluate(&field.value));
            let default = || input.default.as_ref().map(|field| Scope::unknown().evaluate(&field.value));
            let value = given.or_else(default).unwrap_or(expression::Value::Text(String::new()));
            inner = inner.assume(&["inputs", &input.name.node], value);
        }
        for step in &action.steps {
            self.step(step, &inner.clone().in_step(step), depth + 1);
        }
    }

    /// An input's value where it is given and not empty.
    fn input<'s>(&self, step: &'s Step, name: &str) -> Option<&'s Field> {
        step.input(name).filter(|field| !field.value.text.trim().is_empty())
    }

    fn text(&self, step: &Step, scope: &Scope, name: &str) -> Option<Placed> {
        let field = self.input(step, name)?;
        let text = scope.text(&field.value);
        Some((text, field.value.span))
    }

    fn lines(&self, step: &Step, scope: &Scope, name: &str) -> Vec<Placed> {
        self.input(step, name).map(|field| scope.lines(&field.value)).unwrap_or_default()
    }

    /// The items of an input that takes lines and commas.
    fn list(&self, step: &Step, scope: &Scope, name: &str) -> Vec<Placed> {
        let lines = self.lines(step, scope, name).into_iter();
        let split = |(text, span): Placed| items(text).into_iter().map(move |item| (item, span));
        lines.flat_map(split).filter(|(text, _)| !text.is_empty()).collect()
    }

    fn switch(&self, step: &Step, scope: &Scope, name: &str) -> Eval<bool> {
        match self.input(step, name) {
            None => Eval::Known(false),
            Some(field) => scope.switch(field).into(),
        }
    }

    /// Builds on the command lines of a step.
    fn script(&mut self, step: &Step, run: &Field, scope: &Scope) {
        let script = shell::parse(&run.value.text, shell::Options { templates: true });
        let default = self.job.and_then(|job| job.defaults.working_directory.as_ref());
        let default = default.or(self.workflow.defaults.working_directory.as_ref());
        let folder = step.working_directory.as_ref().or(default).map(|field| scope.text(&field.value));
        let folder = match &folder {
            None => Some(String::new()),
            Some(text) => paths::enter("", text),
        };
        let snapshot = &self.project.snapshot;
        let template = |span: Span| {
            let source = snapshot.get(span.file).map(|source| source.slice(span).to_owned()).unwrap_or_default();
            let inner = source.trim_start_matches("${{").trim_end_matches("}}").trim();
            let parts = run.value.template.parts.iter();
            let mut expr = parts.filter_map(|part| match part {
                expression::Part::Expression { expr, span: whole } if whole.contains(span) => Some(expr),
                _ => None,
            });
            expr.next()
                .and_then(|expr| expression::evaluate(expr, &|path| scope.value(path)).to_text())
                .map_or_else(|| Text::unknown(inner), Text::known)
        };
        let environment = self.environment(step, scope);
        let place = Place { folder, environment, name: step.title(), script: None, template: &template };
        self.commands.script(&script, &place);
    }

    /// The environment of a step: what the files set, and what GitHub sets by itself.
    fn environment(&self, step: &Step, scope: &Scope) -> BTreeMap<String, Text> {
        let maps = [Some(&self.workflow.env), self.job.map(|job| &job.env), Some(&step.env)];
        let fields = maps.into_iter().flatten().flat_map(|map| &map.fields);
        let names = fields.map(|field| field.name.node.as_str());
        let known = names.map(|name| {
            let text =
                scope.env(name).map_or_else(|| Text::unknown(format!("env.{name}")), |scalar| scope.text(scalar));
            (name.to_owned(), text)
        });
        known.collect()
    }
}

/// What GitHub's own variables stand for.
pub(super) fn github_variable(name: &str) -> Option<Text> {
    let context = name.strip_prefix("GITHUB_")?;
    Some(Text::unknown(format!("github.{}", context.to_lowercase())))
}

#[cfg(test)]
mod tests;
