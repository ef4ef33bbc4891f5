//! Builds on the command lines of scripts.

use std::collections::BTreeMap;

use super::convert::{arg, context_of, label, named_context, request, set_dockerfile, value};
use super::{BakeRequest, Call, github_variable};
use crate::model::bake::BakeCall;
use crate::model::build::{Build, Caller, Context, Entry, Maker, ScriptCall};
use crate::model::command_line::{self, BakeCommand, BuildCall, BuildCommand, Placed};
use crate::model::inline::{Inline, Writing};
use crate::model::paths;
use crate::model::scripts::{self, Scripts, Unit};
use crate::model::services::ComposeRequest;
use crate::model::value::{Eval, Text, Value};
use crate::source::Span;
use crate::syntax::shell::{self, CommandKind, CommandRef, List};

/// Where a script runs, and what is known there.
pub(super) struct Place<'s> {
    /// The folder it starts in, if that is known.
    pub folder: Option<String>,
    /// What its environment holds.
    pub environment: BTreeMap<String, Text>,
    /// What its builds are called.
    pub name: String,
    /// The script itself, unless it is that of a step.
    pub script: Option<ScriptCall>,
    /// What `${{ … }}` at a place stands for.
    pub template: &'s dyn Fn(Span) -> Text,
}

/// Collects the calls on the command lines of scripts.
pub(super) struct Commands<'p> {
    /// The step that runs them all.
    pub caller: Option<Caller>,
    /// The calls found so far.
    pub found: Vec<Call>,
    scripts: &'p Scripts<'p>,
    /// The command that runs the outermost script, while its scripts are read.
    outermost: Option<Span>,
    /// How many scripts run each other.
    depth: u32,
    /// How many more may run.
    budget: u32,
}

/// How many scripts may run each other.
const MAX_DEPTH: u32 = 6;

/// How many scripts a step may run.
const MAX_SCRIPTS: u32 = 100;

/// The folder in which the next command runs.
struct Folder {
    now: Option<String>,
    /// The ends of the surrounding `( … )` with the folders that come back behind them.
    left: Vec<(u32, Option<String>)>,
    /// What `popd` goes back to.
    pushed: Vec<Option<String>>,
}

impl<'p> Commands<'p> {
    pub fn new(scripts: &'p Scripts<'p>, caller: Option<Caller>) -> Self {
        Commands { caller, found: Vec::new(), scripts, outermost: None, depth: 0, budget: MAX_SCRIPTS }
    }

    /// The token that makes the next call.
    pub fn caller(&self, span: Span) -> Option<Caller> {
        let call = self.found.len();
        let span = self.outermost.unwrap_or(span);
        self.caller.clone().map(|caller| Caller { call, span, ..caller })
    }

    /// Runs scripts, each in the given environment.
    pub fn run(&mut self, units: &[Unit], environment: &BTreeMap<String, Text>, called: Option<&str>) {
        for unit in units {
            let Some(budget) = self.budget.checked_sub(1) else { return };
            self.budget = budget;
            let mut environment = environment.clone();
            // The words of the command that runs a script are its own.
            environment.retain(|name, _| name.bytes().any(|byte| !byte.is_ascii_digit()));
            environment.extend(unit.variables.clone());
            let scripts = self.scripts;
            let template = |span: Span| {
                let inner = scripts.slice(span).trim_start_matches(['$', '(', '{']).trim_end_matches([')', '}']);
                Text::unknown(inner.trim())
            };
            let place = Place {
                folder: unit.folder.clone(),
                environment,
                name: called.unwrap_or(&unit.script.name).to_owned(),
                script: Some(unit.script.clone()),
                template: &template,
            };
            for line in &unit.lines {
                self.script(&scripts::parse(unit, line), &place);
            }
        }
    }

    /// Builds on the command lines of a script.
    pub fn script(&mut self, script: &shell::Script, place: &Place<'_>) {
        let mut subshells = Vec::new();
        collect_subshells(&script.list, &mut subshells);
        let mut subshells = subshells.into_iter().peekable();
        let mut folder = Folder { now: place.folder.clone(), left: Vec::new(), pushed: Vec::new() };
        let mut own: BTreeMap<String, Text> = BTreeMap::new();
        for command in script.commands() {
            while let Some(span) = subshells.next_if(|span| span.start <= command.span.start) {
                folder.left.push((span.end, folder.now.clone()));
            }
            while let Some((_, before)) = folder.left.pop_if(|(end, _)| *end <= command.span.start) {
                folder.now = before;
            }
            let function = command.context.function;
            let variable = |name: &str| {
                // The words that a function is called with are not those of its script.
                if function && name.bytes().all(|byte| matches!(byte, b'1'..=b'9')) {
                    return None;
                }
                let set = own.get(name).or_else(|| place.environment.get(name)).cloned();
                set.or_else(|| github_variable(name))
            };
            let scope = command_line::Scope { variable: &variable, template: place.template };
            let simple = command.simple;
            match simple.name() {
                Some(verb @ ("cd" | "pushd")) => {
                    let to = simple.arguments().iter().find(|word| !word.prefix().starts_with('-'));
                    let to = to.map(|word| command_line::text(word, scope));
                    let now = folder.now.as_deref().zip(to.as_ref()).and_then(|(now, to)| paths::enter(now, to));
                    let before = std::mem::replace(&mut folder.now, now);
                    if verb == "pushd" {
                        folder.pushed.push(before);
                    }
                    continue;
                }
                Some("popd") => {
                    folder.now = folder.pushed.pop().flatten();
                    continue;
                }
                _ => {}
            }
            let call = command_line::read(simple, scope);
            let before = simple.assignments.iter();
            let before: Vec<(String, Text)> =
                before.map(|set| (set.name.clone(), command_line::text(&set.value, scope))).collect();
            let span = simple.invocation_span().unwrap_or(command.span);
            let start = match &call {
                None if self.depth < MAX_DEPTH => {
                    let words: Vec<Placed> =
                        simple.words.iter().map(|word| (command_line::text(word, scope), word.span)).collect();
                    scripts::read(simple, &words)
                }
                _ => None,
            };
            if simple.words.is_empty() || matches!(simple.name(), Some("export")) {
                let exported = simple.arguments().iter().filter_map(|word| {
                    let (name, value) = command_line::text(word, scope).split_once('=')?;
                    Some((name.as_known()?.to_owned(), value))
                });
                let values: Vec<(String, Text)> = before.iter().cloned().chain(exported).collect();
                // What may or may not be set is not known.
                let known = |(name, value): (String, Text)| {
                    let value = if command.context.conditional { Text::unknown(&name) } else { value };
                    (name, value)
                };
                own.extend(values.into_iter().map(known));
            }
            let environment = || {
                let mut environment = place.environment.clone();
                environment.extend(own.clone());
                environment.extend(before.clone());
                environment
            };
            if let Some(start) = start {
                let environment = environment();
                let units = self.scripts.start(&start, folder.now.as_deref(), &environment);
                let before = (self.outermost, self.depth);
                self.outermost.get_or_insert(span);
                self.depth += 1;
                let called = self.caller.is_some().then_some(place.name.as_str());
                self.run(&units, &environment, called);
                (self.outermost, self.depth) = before;
            }
            let Some(call) = call else { continue };
            match call {
                BuildCall::Build(words) => {
                    let mut build = self.build(&words, folder.now.as_deref(), place, span);
                    if [&words.file, &words.context].into_iter().flatten().any(|(text, _)| text.as_known() == Some("-"))
                    {
                        build.dockerfile_path = None;
                        build.inline = self.input(&command);
                    }
                    self.found.push(Call::Build(Box::new(build)));
                }
                BuildCall::Bake(words) if !words.prints => {
                    let request = self.bake(words, folder.now.as_deref(), place, environment(), span);
                    self.found.push(Call::Bake(Box::new(request)));
                }
                BuildCall::Bake(_) => {}
                BuildCall::Compose(words) => {
                    let request = ComposeRequest {
                        folder: folder.now.clone(),
                        words,
                        caller: self.caller(span),
                        script: place.script.clone(),
                        environment: environment(),
                    };
                    self.found.push(Call::Compose(Box::new(request)));
                }
            }
        }
    }

    /// The here-document on the input of a command, if the shell hands it on as it is.
    fn input(&self, command: &CommandRef<'_>) -> Option<Inline> {
        let at = command.redirects.iter().rev().find_map(|redirect| redirect.heredoc)?;
        let body = command.script.heredocs.get(at)?;
        let changed = body.expand && body.text.contains(['$', '`', '\\']);
        let writing = if body.expand { Writing::Shell } else { Writing::Lines };
        let file = self.scripts.source(body.text.file()).map(|file| (file.text(), file.lines()));
        (!changed).then(|| Inline::new(body.text.clone(), writing, file))
    }

    fn build(&self, words: &BuildCommand, folder: Option<&str>, place: &Place<'_>, span: Span) -> Build {
        let maker = place.script.as_ref().map_or(Maker::Step, |script| Maker::Script(script.file));
        let mut build = Build::new(maker, &*place.name, span);
        build.caller = self.caller(span);
        build.script = place.script.clone();
        build.context_span = words.context.as_ref().map(|(_, span)| *span);
        build.context = match (&words.context, folder) {
            // The Dockerfile is all there is.
            (Some((text, _)), _) if text.as_known() == Some("-") => Context::Dynamic,
            (Some((text, _)), Some(folder)) => context_of(text, folder),
            _ => Context::Dynamic,
        };
        match (&words.file, folder) {
            // A file is relative to the working directory, not to the context.
            (Some(_), Some(folder)) => set_dockerfile(&mut build, words.file.clone(), folder, span),
            (Some((_, span)), None) => build.dockerfile_path = Some(Value::dynamic(*span)),
            (None, _) => set_dockerfile(&mut build, None, "", span),
        }
        build.target = words.target.clone().map(value).or(words.open.then(|| Value::dynamic(span)));
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

    fn bake(
        &self,
        words: BakeCommand,
        folder: Option<&str>,
        place: &Place<'_>,
        environment: BTreeMap<String, Text>,
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
            script: place.script.clone(),
            targets: words.targets,
            set: words.set,
            implied,
            variables: vars.map(|(name, value)| (name.to_string(), value)).collect(),
            resolved: Vec::new(),
            errors: Vec::new(),
            open: words.open || folder.is_none(),
        };
        request(folder.unwrap_or_default().to_owned(), words.files, call, environment)
    }
}

/// The places of all `( … )`, in order of their start.
fn collect_subshells(list: &List, found: &mut Vec<Span>) {
    let pipelines = list
        .entries
        .iter()
        .flat_map(|entry| std::iter::once(&entry.first).chain(entry.rest.iter().map(|(_, pipeline)| pipeline)));
    for command in pipelines.flat_map(|pipeline| &pipeline.commands) {
        collect_of(command, found);
    }
}

fn collect_of(command: &shell::Command, found: &mut Vec<Span>) {
    match &command.kind {
        CommandKind::Subshell(list) => {
            found.push(command.span);
            collect_subshells(list, found);
        }
        CommandKind::Group(list) => collect_subshells(list, found),
        CommandKind::If { branches, otherwise } => {
            for (condition, body) in branches {
                collect_subshells(condition, found);
                collect_subshells(body, found);
            }
            otherwise.iter().for_each(|body| collect_subshells(body, found));
        }
        CommandKind::While { condition, body } => {
            collect_subshells(condition, found);
            collect_subshells(body, found);
        }
        CommandKind::For { body, .. } => collect_subshells(body, found),
        CommandKind::Case { arms, .. } => arms.iter().for_each(|(_, body)| collect_subshells(body, found)),
        CommandKind::Function { body, .. } => collect_of(body, found),
        CommandKind::Simple(_) | CommandKind::Test(_) | CommandKind::Arithmetic => {}
    }
}
