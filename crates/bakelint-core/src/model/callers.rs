//! Who calls builds: the steps of workflows and composite actions that build by an action or on a command line.

use std::collections::BTreeMap;

use crate::model::Project;
use crate::model::bake::BakeCall;
use crate::model::build::{Build, BuildArg, Caller, Context, Entry, Maker, NamedContext, StepRef};
use crate::model::command_line::{self, BakeCommand, BuildCall, BuildCommand, Placed};
use crate::model::link;
use crate::model::paths;
use crate::model::value::{Eval, Text, TextPart, Value};
use crate::model::workflow::{Action, ActionRef, Field, Job, Leg, Scope, Step, Workflow};
use crate::source::Span;
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
}

impl Call {
    fn caller_mut(&mut self) -> &mut Option<Caller> {
        match self {
            Call::Build(build) => &mut build.caller,
            Call::Bake(request) => &mut request.call.caller,
        }
    }
}

/// A bake command: which files, and what is asked of them.
#[derive(Debug, Clone)]
pub(super) struct BakeRequest {
    /// The folder it runs in.
    pub folder: String,
    /// The files relative to the root; none for those that bake finds by itself.
    pub files: Vec<String>,
    /// Targets, overrides and so on; its index of the definition is not yet set.
    pub call: BakeCall,
    /// What the caller's environment gives for variables of a definition.
    pub environment: BTreeMap<String, Text>,
}

/// All calls of the project's workflows, in order. Legs of a matrix that call the same are one call.
pub(super) fn calls(project: &Project) -> Vec<Call> {
    let mut found = Vec::new();
    for (at, workflow) in project.workflows.iter().enumerate() {
        let callers = callers_of(project, workflow);
        if callers.is_empty() {
            workflow_calls(project, at, workflow, &Scope::new(workflow), &mut found);
        }
        for (other, job) in callers {
            let scope = Scope::new(other).in_job(job, None);
            let mut inner = Scope::new(workflow);
            for field in &job.with.fields {
                inner = inner.assume(&["inputs", &field.name.node], scope.evaluate(&field.value));
            }
            workflow_calls(project, at, workflow, &inner, &mut found);
        }
    }
    found
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

fn workflow_calls(project: &Project, at: usize, workflow: &Workflow, scope: &Scope, found: &mut Vec<Call>) {
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
                let mut reader = Reader { project, workflow, job: Some(job), caller, found: Vec::new() };
                reader.step(step, &scope.clone().in_step(step), 0);
                for call in reader.found {
                    add(&mut of_step, found, call);
                }
            }
        }
    }
}

/// Adds a call, or counts one more leg for one that is equal but for its leg.
fn add(calls: &mut BTreeMap<String, usize>, found: &mut Vec<Call>, mut call: Call) {
    let caller = call.caller_mut().take();
    let shown = format!("{call:?}");
    *call.caller_mut() = caller;
    match calls.get(&shown) {
        Some(at) => {
            if let Some(caller) = found[*at].caller_mut() {
                caller.legs += 1;
                caller.leg.clear();
            }
        }
        None => {
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
    caller: Caller,
    found: Vec<Call>,
}

impl<'p> Reader<'p> {
    fn step(&mut self, step: &Step, scope: &Scope, depth: u32) {
        if scope.holds(step.condition.as_ref()) == Some(false) {
            return;
        }
        if let Some(uses) = &step.uses {
            let span = uses.value.span;
            if BUILD_ACTIONS.iter().any(|action| step.uses_action(action)) {
                let build = self.build_action(step, scope, span);
                self.found.push(Call::Build(Box::new(build)));
            } else if BAKE_ACTIONS.iter().any(|action| step.uses_action(action)) {
                let request = self.bake_action(step, scope, span);
                self.found.push(Call::Bake(Box::new(request)));
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

    fn caller(&self, span: Span) -> Option<Caller> {
        let call = self.found.len();
        Some(Caller { call, span, ..self.caller.clone() })
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

    fn build_action(&self, step: &Step, scope: &Scope, span: Span) -> Build {
        let mut build = Build::new(Maker::Step, step.title(), span);
        build.caller = self.caller(span);
        let context = self.text(step, scope, "context");
        build.context_span = context.as_ref().map(|(_, span)| *span);
        let git = "{{defaultContext}}";
        let (context, from_git) = match &context {
            None => (Context::Folder(String::new()), true),
            Some((text, _)) => match text.as_known() {
                Some(known) if known.trim().starts_with(git) => {
                    let folder = known.trim().trim_start_matches(git).trim_start_matches(':');
                    (paths::join("", folder).map_or(Context::Dynamic, Context::Folder), true)
                }
                _ => (context_of(text, ""), false),
            },
        };
        let file = self.text(step, scope, "file");
        // A file is relative to a Git context, but to the working directory when the context is a path.
        let base = match &context {
            Context::Folder(folder) if from_git => folder.clone(),
            _ => String::new(),
        };
        build.context = context;
        set_dockerfile(&mut build, file, &base, span);
        build.target = self.text(step, scope, "target").map(value);
        build.args = self.lines(step, scope, "build-args").into_iter().filter_map(arg).collect();
        let contexts = self.lines(step, scope, "build-contexts").into_iter();
        build.contexts = contexts.filter_map(|placed| named_context(placed, "")).collect();
        let platforms = self.list(step, scope, "platforms");
        build.platforms_known = platforms.iter().all(|(text, _)| text.as_known().is_some());
        build.platforms = platforms.into_iter().map(value).collect();
        build.tags = self.list(step, scope, "tags");
        build.tags_known = build.tags.iter().all(|(text, _)| !matches!(text.parts(), [TextPart::Unknown(_)]));
        let entries = |name: &str| -> Vec<Entry> {
            self.lines(step, scope, name).into_iter().map(|(text, span)| Entry::parse(&text, span)).collect()
        };
        build.cache_from = entries("cache-from");
        build.cache_to = entries("cache-to");
        build.outputs = entries("outputs");
        build.push = self.switch(step, scope, "push");
        build.load = self.switch(step, scope, "load");
        build.no_cache = self.switch(step, scope, "no-cache");
        build.pull = self.switch(step, scope, "pull");
        build.labels = self.lines(step, scope, "labels").into_iter().filter_map(label).collect();
        let secrets = self.lines(step, scope, "secrets").into_iter();
        build.secrets = secrets
            .map(|(text, span)| (text.prefix().split('=').next().unwrap_or_default().to_owned(), span))
            .collect();
        build
    }

    fn bake_action(&self, step: &Step, scope: &Scope, span: Span) -> BakeRequest {
        let workdir = self.text(step, scope, "workdir");
        let source = self.text(step, scope, "source");
        let known = |placed: &Option<Placed>| placed.as_ref().and_then(|(text, _)| text.as_known().map(str::to_owned));
        let mut open = [&workdir, &source].iter().any(|placed| placed.is_some() && known(placed).is_none());
        let source = known(&source).unwrap_or_default();
        let source = source.trim_start_matches("{{defaultContext}}").trim_start_matches(':');
        let base = paths::join("", source).unwrap_or_else(|| {
            open = true;
            String::new()
        });
        let folder = paths::join(&base, &known(&workdir).unwrap_or_default()).unwrap_or_default();
        let files = self.list(step, scope, "files");
        let mut implied = Vec::new();
        for (input, key) in [("push", "push"), ("load", "load"), ("no-cache", "no-cache"), ("pull", "pull")] {
            let Some(field) = self.input(step, input) else { continue };
            if scope.switch(field) == Some(true) {
                implied.push((Text::known(format!("*.{key}=true")), field.value.span));
            }
        }
        let mut variables = BTreeMap::new();
        for (text, _) in self.lines(step, scope, "vars") {
            if let Some((name, value)) = text.split_once('=') {
                variables.insert(name.to_string(), value);
            }
        }
        let call = BakeCall {
            bake: 0,
            caller: self.caller(span),
            targets: self.list(step, scope, "targets"),
            set: self.lines(step, scope, "set"),
            implied,
            variables,
            resolved: Vec::new(),
            error: None,
            open,
        };
        self.request(folder, files, call, step, scope)
    }

    /// A request with the files that are known; those that are not make it open.
    fn request(
        &self,
        folder: String,
        files: Vec<Placed>,
        mut call: BakeCall,
        step: &Step,
        scope: &Scope,
    ) -> BakeRequest {
        let mut known = Vec::new();
        for (text, _) in &files {
            let path = text.as_known().map(|path| path.trim_start_matches("cwd://"));
            match path.and_then(|path| paths::join(&folder, path)) {
                Some(path) => known.push(path),
                None => call.open = true,
            }
        }
        BakeRequest { folder, files: known, call, environment: self.environment(step, scope) }
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

    /// Builds on the command lines of a script.
    fn script(&mut self, step: &Step, run: &Field, scope: &Scope) {
        let text = &run.value.text;
        if !text.contains("build") && !text.contains("bake") && !text.contains("up") {
            return;
        }
        let script = shell::parse(text, shell::Options { templates: true });
        let default = self.job.and_then(|job| job.defaults.working_directory.as_ref());
        let default = default.or(self.workflow.defaults.working_directory.as_ref());
        let folder = step.working_directory.as_ref().or(default).map(|field| scope.text(&field.value));
        let mut folder: Option<String> = match &folder {
            None => Some(String::new()),
            Some(text) => text.as_known().and_then(|known| paths::join("", known)),
        };
        let environment = self.environment(step, scope);
        let mut own: BTreeMap<String, Text> = BTreeMap::new();
        let template = |span: Span| {
            let source =
                self.project.snapshot.get(span.file).map(|source| source.slice(span).to_owned()).unwrap_or_default();
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
        for command in script.commands() {
            let variable = |name: &str| {
                let set = own.get(name).or_else(|| environment.get(name)).cloned();
                set.or_else(|| github_variable(name))
            };
            let scope_of_words = command_line::Scope { variable: &variable, template: &template };
            let simple = command.simple;
            if simple.name() == Some("cd") {
                let to = simple.arguments().first().map(|word| command_line::text(word, scope_of_words));
                let to = to.as_ref().and_then(Text::as_known);
                folder = folder.as_deref().zip(to).and_then(|(folder, to)| paths::join(folder, to));
                continue;
            }
            let call = command_line::read(simple, scope_of_words);
            if simple.words.is_empty() || matches!(simple.name(), Some("export")) {
                let values: Vec<(String, Text)> = simple
                    .assignments
                    .iter()
                    .map(|assignment| {
                        let value = command_line::text(&assignment.value, scope_of_words);
                        // What may or may not be set is not known.
                        let value = if command.context.conditional { Text::unknown(&assignment.name) } else { value };
                        (assignment.name.clone(), value)
                    })
                    .collect();
                own.extend(values);
            }
            let Some(call) = call else { continue };
            let span = simple.invocation_span().unwrap_or(command.span);
            match call {
                BuildCall::Build(words) => {
                    let build = self.build_command(&words, folder.as_deref(), step, span);
                    self.found.push(Call::Build(Box::new(build)));
                }
                BuildCall::Bake(words) if !words.prints => {
                    let mut request = self.bake_command(words, folder.as_deref(), step, scope, span);
                    request.environment.extend(own.clone());
                    self.found.push(Call::Bake(Box::new(request)));
                }
                BuildCall::Bake(_) | BuildCall::Compose(_) => {}
            }
        }
    }

    fn build_command(&self, words: &BuildCommand, folder: Option<&str>, step: &Step, span: Span) -> Build {
        let mut build = Build::new(Maker::Step, step.title(), span);
        build.caller = self.caller(span);
        build.context_span = words.context.as_ref().map(|(_, span)| *span);
        build.context = match (&words.context, folder) {
            (Some((text, _)), Some(folder)) => context_of(text, folder),
            _ => Context::Dynamic,
        };
        match (&words.file, folder) {
            // A file is relative to the working directory, not to the context.
            (Some(_), Some(folder)) => set_dockerfile(&mut build, words.file.clone(), folder, span),
            (Some((_, span)), None) => build.dockerfile_path = Some(Value::dynamic(*span)),
            (None, _) => set_dockerfile(&mut build, None, "", span),
        }
        build.target = words.target.clone().map(value);
        build.args = words.args.iter().cloned().filter_map(arg).collect();
        let contexts = words.contexts.iter().cloned();
        build.contexts = contexts.filter_map(|placed| named_context(placed, folder.unwrap_or_default())).collect();
        build.platforms = words.platforms.iter().cloned().map(value).collect();
        build.platforms_known = !words.open && words.platforms.iter().all(|(text, _)| text.as_known().is_some());
        build.tags = words.tags.clone();
        build.tags_known = !words.open;
        let entries = |list: &[Placed]| list.iter().map(|(text, span)| Entry::parse(text, *span)).collect();
        build.cache_from = entries(&words.cache_from);
        build.cache_to = entries(&words.cache_to);
        build.cache_known = !words.open;
        build.outputs = entries(&words.outputs);
        let flag = |placed: &Option<Placed>| match placed {
            None if words.open => Eval::Dynamic,
            None => Eval::Known(false),
            Some((text, _)) => text.as_known().map(|known| known == "true").into(),
        };
        build.push = flag(&words.push);
        build.load = if words.buildx { flag(&words.load) } else { Eval::Known(true) };
        build.no_cache = flag(&words.no_cache);
        build.pull = flag(&words.pull);
        build.labels = words.labels.iter().cloned().filter_map(label).collect();
        build
    }

    fn bake_command(
        &self,
        words: BakeCommand,
        folder: Option<&str>,
        step: &Step,
        scope: &Scope,
        span: Span,
    ) -> BakeRequest {
        let mut implied = Vec::new();
        for (flag, span) in &words.flags {
            let Some(flag) = flag.as_known() else { continue };
            let (name, on) = flag.split_once('=').unwrap_or((flag, "true"));
            let key = name.trim_start_matches('-');
            if matches!(key, "push" | "load" | "no-cache" | "pull") {
                implied.push((Text::known(format!("*.{key}={on}")), *span));
            }
        }
        let vars = words.vars.iter().filter_map(|(text, _)| text.split_once('='));
        let call = BakeCall {
            bake: 0,
            caller: self.caller(span),
            targets: words.targets,
            set: words.set,
            implied,
            variables: vars.map(|(name, value)| (name.to_string(), value)).collect(),
            resolved: Vec::new(),
            error: None,
            open: words.open || folder.is_none(),
        };
        self.request(folder.unwrap_or_default().to_owned(), words.files, call, step, scope)
    }
}

/// What GitHub's own variables stand for.
pub(super) fn github_variable(name: &str) -> Option<Text> {
    let context = name.strip_prefix("GITHUB_")?;
    Some(Text::unknown(format!("github.{}", context.to_lowercase())))
}

/// The items of a text with commas.
fn items(text: Text) -> Vec<Text> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((item, tail)) = rest.split_once(',') {
        found.push(trimmed(item));
        rest = tail;
    }
    found.push(trimmed(rest));
    found
}

fn trimmed(text: Text) -> Text {
    match text.as_known() {
        Some(known) => Text::known(known.trim()),
        None => text,
    }
}

fn value((text, span): Placed) -> Value<String> {
    Value { eval: text.as_known().map(str::to_owned).into(), span }
}

fn arg((text, span): Placed) -> Option<BuildArg> {
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name.as_known()?.trim().to_owned(), value),
        // The value comes from the environment.
        None => {
            let name = text.as_known()?.trim().to_owned();
            (name.clone(), Text::unknown(name))
        }
    };
    (!name.is_empty()).then_some(BuildArg { name, value, name_span: span, span })
}

fn label((text, span): Placed) -> Option<(String, Text, Span)> {
    let (name, value) = text.split_once('=')?;
    Some((name.as_known()?.trim().to_owned(), value, span))
}

fn named_context((text, span): Placed, folder: &str) -> Option<NamedContext> {
    let (name, context) = text.split_once('=')?;
    Some(NamedContext { name: name.as_known()?.trim().to_owned(), context: context_of(&context, folder), span })
}

/// A context as a command in `folder` writes it.
fn context_of(text: &Text, folder: &str) -> Context {
    match text.as_known() {
        Some(known) => match link::context_of(known) {
            Context::Folder(_) => paths::join(folder, known).map_or(Context::Remote(text.clone()), Context::Folder),
            context => context,
        },
        None => Context::Dynamic,
    }
}

/// The Dockerfile: the file that is given, relative to `base`, else that of the context.
fn set_dockerfile(build: &mut Build, file: Option<Placed>, base: &str, span: Span) {
    let path = match (file, &build.context) {
        (Some((text, span)), Context::Folder(_) | Context::Dynamic) => {
            Value { eval: text.as_known().and_then(|path| paths::join(base, path)).into(), span }
        }
        (None, Context::Folder(folder)) => Value { eval: paths::join(folder, "Dockerfile").into(), span },
        _ => Value::dynamic(span),
    };
    build.dockerfile_path = Some(path);
}
