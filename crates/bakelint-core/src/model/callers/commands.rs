//! Builds on the command lines of scripts.

use std::collections::BTreeMap;
use std::ops::Range;

use super::convert::{arg, context_of, label, named_context, request, set_dockerfile, value};
use super::flow::{BlockKind, Flow, State};
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
use crate::syntax::shell::{self, CommandRef, Part, RedirectOperator, Word};

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

/// How many commands of a script may run besides those that are written, because loops and functions run them again.
const MAX_REPEATED: usize = 2_000;

/// How many turns of a loop are told apart.
const MAX_TURNS: usize = 100;

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
        let flow = Flow::new(script);
        let mut state = State::new(place.folder.clone());
        let mut left = flow.commands.len() + MAX_REPEATED;
        self.block(&flow, 0..flow.commands.len(), 0, &mut state, place, &mut left);
    }

    /// Runs the commands of a part of a script; of the blocks that begin with its first command, `inside` are already entered. `left` is
    /// how many commands may still run.
    fn block(
        &mut self,
        flow: &Flow<'_>,
        range: Range<usize>,
        inside: usize,
        state: &mut State,
        place: &Place<'_>,
        left: &mut usize,
    ) {
        let mut at = range.start;
        let mut inside = inside;
        while at < range.end && *left > 0 {
            state.come_to(flow.commands[at].span.start);
            let Some(block) = flow.blocks_at(at).nth(inside) else {
                *left -= 1;
                self.command(flow, at, state, place, left);
                at += 1;
                inside = 0;
                continue;
            };
            let body = at..block.until;
            match block.kind {
                BlockKind::Subshell | BlockKind::Branch => {
                    state.enter(block);
                    inside += 1;
                    continue;
                }
                BlockKind::Function { name } if flow.calls(name, at, block) => {}
                BlockKind::Repeated | BlockKind::Function { .. } => {
                    // What an earlier turn set is not known.
                    for command in &flow.commands[body.clone()] {
                        for assignment in command.simple.assignments.iter().filter(|_| command.simple.words.is_empty())
                        {
                            state.set(assignment.name.clone(), Text::unknown(&assignment.name));
                        }
                    }
                    state.enter(block);
                    inside += 1;
                    continue;
                }
                BlockKind::For { variable, words } => {
                    let turns = turns(words, &scope_of(&flow.commands[at], state, place));
                    for value in turns.unwrap_or_else(|| vec![Text::unknown(variable)]) {
                        state.set(variable.to_owned(), value);
                        state.enter(block);
                        self.block(flow, body.clone(), inside + 1, state, place, left);
                        state.come_to(block.end);
                    }
                }
            }
            at = body.end;
            inside = 0;
        }
    }

    fn command(&mut self, flow: &Flow<'_>, at: usize, state: &mut State, place: &Place<'_>, left: &mut usize) {
        let command = &flow.commands[at];
        let simple = command.simple;
        let texts = {
            let lookup = scope_of(command, state, place);
            let scope = lookup.scope();
            let words: Vec<Placed> =
                simple.words.iter().map(|word| (command_line::text(word, scope), word.span)).collect();
            let before = simple.assignments.iter();
            let before: Vec<(String, Text)> =
                before.map(|set| (set.name.clone(), command_line::text(&set.value, scope))).collect();
            (words, before, command_line::read(simple, scope))
        };
        let (words, before, call) = texts;
        let arguments = words.get(simple.command + 1..).unwrap_or_default();
        match simple.name() {
            Some(verb) if state.go(verb, arguments.iter().map(|(text, _)| text).find(|text| is_operand(text))) => {
                return;
            }
            Some("shift") => state.shift(),
            Some(name) if state.depth() < MAX_DEPTH as usize => {
                if let Some((start, block)) = flow.function(name) {
                    state.call(arguments.iter().map(|(text, _)| text.clone()).collect());
                    let inside = flow.blocks_at(start).position(|other| std::ptr::eq(other, block)).unwrap_or_default();
                    self.block(flow, start..block.until, inside + 1, state, place, left);
                    state.leave();
                    return;
                }
            }
            _ => {}
        }
        let span = simple.invocation_span().unwrap_or(command.span);
        let is_local = matches!(simple.name(), Some("local" | "declare" | "typeset" | "readonly"));
        if simple.words.is_empty() {
            before.iter().for_each(|(name, value)| state.set(name.clone(), value.clone()));
        } else if is_local || simple.name() == Some("export") {
            for (text, _) in arguments {
                let Some((name, value)) = text.split_once('=') else { continue };
                let Some(name) = name.as_known() else { continue };
                match is_local {
                    true => state.set_local(name.to_owned(), value),
                    false => state.set(name.to_owned(), value),
                }
            }
        }
        let environment = || {
            let mut environment = place.environment.clone();
            environment.extend(state.own.clone());
            environment.extend(before.clone());
            environment
        };
        let start = match &call {
            None if self.depth < MAX_DEPTH => scripts::read(simple, &words),
            _ => None,
        };
        if let Some(start) = start {
            let environment = environment();
            let units = self.scripts.start(&start, state.folder.as_deref(), &environment);
            let before = (self.outermost, self.depth);
            self.outermost.get_or_insert(span);
            self.depth += 1;
            let called = self.caller.is_some().then_some(place.name.as_str());
            self.run(&units, &environment, called);
            (self.outermost, self.depth) = before;
        }
        match call {
            Some(BuildCall::Build(words)) => {
                let mut build = self.build(&words, state.folder.as_deref(), place, span);
                if [&words.file, &words.context].into_iter().flatten().any(|(text, _)| text.as_known() == Some("-")) {
                    build.dockerfile_path = None;
                    match self.input(command) {
                        Some(inline) => build.inline = Some(inline),
                        None => build.dockerfile_path = piped(flow, at, state, place),
                    }
                }
                self.found.push(Call::Build(Box::new(build)));
            }
            Some(BuildCall::Bake(words)) if !words.prints => {
                let request = self.bake(words, state.folder.as_deref(), place, environment(), span);
                self.found.push(Call::Bake(Box::new(request)));
            }
            Some(BuildCall::Compose(words)) => {
                let request = ComposeRequest {
                    folder: state.folder.clone(),
                    words,
                    caller: self.caller(span),
                    script: place.script.clone(),
                    environment: environment(),
                };
                self.found.push(Call::Compose(Box::new(request)));
            }
            Some(BuildCall::Bake(_)) | None => {}
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
            (None, _) => {
                set_dockerfile(&mut build, None, "", span);
                let path = match &build.context {
                    Context::Folder(folder) if words.containerfile => paths::join(folder, "Containerfile"),
                    _ => None,
                };
                if let Some(path) = path.filter(|path| self.scripts.has_path(path)) {
                    build.dockerfile_path = Some(Value::known(path, span));
                }
            }
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
        let mut request = request(folder.unwrap_or_default().to_owned(), words.files, call, environment);
        // Unknown words may name files, but seldom do.
        request.finds_files &= folder.is_some();
        request
    }
}

/// The value of a shell variable.
type Variable<'a> = dyn Fn(&str) -> Option<Text> + 'a;

/// What words stand for at a place of a script.
struct Lookup<'a> {
    variable: Box<Variable<'a>>,
    template: &'a dyn Fn(Span) -> Text,
}

impl Lookup<'_> {
    fn scope(&self) -> command_line::Scope<'_> {
        command_line::Scope { variable: &*self.variable, template: self.template }
    }
}

fn scope_of<'a>(command: &CommandRef<'_>, state: &'a State, place: &'a Place<'_>) -> Lookup<'a> {
    let function = command.context.function;
    let variable = move |name: &str| {
        if let Some(number) = name.parse::<usize>().ok().filter(|number| *number > 0) {
            // The words that a function is called with are not those of its script.
            return match state.word(number) {
                None if function => None,
                None => place.environment.get(name).cloned(),
                word => word,
            };
        }
        let set = state.own.get(name).or_else(|| place.environment.get(name)).cloned();
        set.or_else(|| github_variable(name))
    };
    Lookup { variable: Box::new(variable), template: place.template }
}

/// The values that a loop's variable takes, if all are known.
fn turns(words: &[Word], lookup: &Lookup<'_>) -> Option<Vec<Text>> {
    let mut values = Vec::new();
    for word in words {
        // What the shell makes of patterns depends on the files, and several words come of an array.
        let open = |part: &Part| match part {
            Part::Text { text, quoted } => !quoted && text.contains(['*', '?', '[', '{', '~']),
            Part::Variable { name, operator, .. } => name == "@" || name == "*" || operator.starts_with('['),
            _ => false,
        };
        if word.parts.iter().any(open) {
            return None;
        }
        let text = command_line::text(word, lookup.scope());
        let taken_apart = |part: &Part| matches!(part, Part::Variable { quoted: false, .. } | Part::Template { .. });
        match text.as_known() {
            Some(known) if word.parts.iter().any(taken_apart) => {
                values.extend(known.split_whitespace().map(Text::known))
            }
            Some(known) => values.push(Text::known(known)),
            None => return None,
        }
    }
    (values.len() <= MAX_TURNS).then_some(values)
}

/// Whether a word is none of a program's flags.
fn is_operand(text: &Text) -> bool {
    text.as_known() == Some("-") || !text.prefix().starts_with('-')
}

/// The file that a command reads from its input: `< file`, `cat file |`.
fn piped(flow: &Flow<'_>, at: usize, state: &State, place: &Place<'_>) -> Option<Value<String>> {
    let command = &flow.commands[at];
    let lookup = scope_of(command, state, place);
    let input = command.redirects.iter().rev().find(|redirect| redirect.operator.node == RedirectOperator::Input);
    let word = match input {
        Some(redirect) => &redirect.target,
        None => {
            let before = flow.commands.get(at.checked_sub(1)?)?;
            let (index, own) = (before.context.pipe_index, command.context.pipe_index);
            let [word] = before.simple.arguments() else { return None };
            (index + 1 == own && before.simple.name() == Some("cat")).then_some(word)?
        }
    };
    let path = paths::enter(state.folder.as_deref()?, &command_line::text(word, lookup.scope()))?;
    // What is packed is a whole context.
    let packed = [".tar", ".tgz", ".gz", ".xz", ".zst", ".bz2"].iter().any(|ending| path.ends_with(ending));
    (!packed).then(|| Value::known(path, word.span))
}
