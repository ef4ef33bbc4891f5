//! The evaluation of one instruction.

use super::environment::Origin as SetBy;
use super::run::{Run, SCRATCH};
use super::values::{check_git_source, is_absolute, is_digest, join_workdir, without_drive};
use super::{
    ContextPath, Definition, Effect, ExposedPort, Pass, Setting, Shell, State, Step, StepOrigin, Word, use_of,
};
use crate::source::Span;
use crate::syntax::SyntaxError;
use crate::syntax::dockerfile::{
    Body, Command, Copy, Expanded, Heredoc, KeyValues, Keyword, Lexer, MountSpec, MountType, Origin, Port, VariableUse,
    is_file_mode, is_signal,
};
use crate::syntax::dockerignore::clean;
use crate::syntax::mapped::MappedText;
use std::sync::Arc;

/// The last instruction of each kind of which only the last one counts, as an index of the stage's steps.
#[derive(Debug, Default)]
pub(super) struct Last {
    cmd: Option<usize>,
    entrypoint: Option<usize>,
    healthcheck: Option<usize>,
}

/// The evaluation of an instruction ends at its first error.
struct Refused;

/// One instruction while it is evaluated.
struct Current<'s> {
    stage: usize,
    step: &'s mut Step,
    /// The names that the instruction gives more than their own value.
    own: Vec<String>,
    /// Where everything is reported that does not stand in the stage: at its FROM.
    elsewhere: Option<Span>,
}

impl Run<'_> {
    /// Evaluates one instruction of a stage, whose state it changes.
    pub fn step(&mut self, stage: usize, mut step: Step, state: &mut State, last: &mut Last) -> Step {
        let tree = self.tree;
        let from = tree.stages[stage].from;
        let elsewhere = match step.origin {
            StepOrigin::Own => None,
            _ => Some(self.on_first_line(from, tree.stages[stage].base.span())),
        };
        let image = match &step.origin {
            StepOrigin::Image(instruction) => Some(Arc::clone(instruction)),
            _ => None,
        };
        let (body, heredocs): (&Body, &[Heredoc]) = match (&image, tree.instructions.get(step.instruction)) {
            (Some(instruction), _) => (&instruction.body, &instruction.heredocs),
            (None, Some(node)) => match &node.body {
                Body::Onbuild(onbuild) if matches!(step.origin, StepOrigin::Trigger) => (&onbuild.body, &node.heredocs),
                body => (body, &node.heredocs),
            },
            (None, None) => return step,
        };
        let number = self.evaluation.stages[stage].steps.len();
        let mut current = Current { stage, step: &mut step, own: Vec::new(), elsewhere };
        // An error was noted where it was found.
        let _ = self.evaluate(&mut current, body, heredocs, state, last, number);
        state.moment = self.now(stage);
        step
    }

    fn evaluate(
        &mut self,
        current: &mut Current,
        body: &Body,
        heredocs: &[Heredoc],
        state: &mut State,
        last: &mut Last,
        number: usize,
    ) -> Result<(), Refused> {
        let mut override_last = |slot: &mut Option<usize>| current.step.overrides = slot.replace(number);
        match body {
            Body::Cmd(_) => override_last(&mut last.cmd),
            Body::Entrypoint(_) => override_last(&mut last.entrypoint),
            Body::Healthcheck(_) => override_last(&mut last.healthcheck),
            Body::Env(set) => self.env(current, set)?,
            Body::Label(set) => {
                let settings = self.expand_pairs(current, set)?;
                current.step.effect = Effect::Set(settings.into_iter().map(|(setting, _, _)| setting).collect());
            }
            Body::Arg(pairs) => {
                current.step.effect = Effect::Set(Vec::new());
                for pair in pairs {
                    self.arg(current, pair)?;
                }
            }
            Body::Workdir(path) => self.workdir(current, path, state)?,
            Body::User(user) => {
                let user = self.expand(current, user)?;
                state.user = user.known().map(Arc::from);
            }
            Body::Shell(_) => {
                state.shell = Shell::Instruction(current.step.instruction);
            }
            Body::Volume(paths) => {
                let values = paths.iter().map(|path| self.expand(current, path)).collect::<Result<Vec<_>, _>>()?;
                if let Some(at) = values.iter().position(|value| value.known() == Some("")) {
                    return self.refuse(current, paths[at].span(), "a volume cannot be an empty text", None);
                }
            }
            Body::Stopsignal(signal) => {
                let value = self.expand(current, signal)?;
                if let Some(name) = value.known().filter(|name| !is_signal(name)) {
                    let message = format!("`{name}` is no signal");
                    return self.refuse(current, signal.span(), message, None);
                }
            }
            Body::Expose(ports) => self.expose(current, ports)?,
            Body::Copy(copy) => self.copy(current, copy, heredocs, state, false)?,
            Body::Add(copy) => self.copy(current, copy, heredocs, state, true)?,
            Body::Run(run) => {
                let mut specs = Vec::with_capacity(run.mounts.len());
                for mount in &run.mounts {
                    let resolved = mount.resolve(|value| self.expand_word(current, &self.lexer.clone(), value));
                    match resolved {
                        Ok(spec) => specs.push(spec),
                        Err(error) => {
                            let SyntaxError { message, span, help } = error;
                            return self.refuse(current, span, message, help);
                        }
                    }
                }
                for (at, spec) in specs.iter().enumerate() {
                    self.mount(current, &run.mounts[at], at, spec, state)?;
                }
                current.step.effect = Effect::Run(specs);
            }
            Body::Onbuild(_) | Body::Maintainer(_) | Body::From(_) | Body::Invalid => {}
        }
        Ok(())
    }

    /// Notes an error at a token of the instruction.
    fn refuse<T>(
        &mut self,
        current: &Current,
        token: Span,
        message: impl Into<String>,
        help: Option<String>,
    ) -> Result<T, Refused> {
        self.refuse_for(current, token, message, help, None)
    }

    fn refuse_for<T>(
        &mut self,
        current: &Current,
        token: Span,
        message: impl Into<String>,
        help: Option<String>,
        unset: Option<String>,
    ) -> Result<T, Refused> {
        let span = current.elsewhere.unwrap_or_else(|| self.on_first_line(current.step.instruction, token));
        let error = SyntaxError { message: message.into(), span, help };
        self.fail_for(Pass::Instructions, Some(current.stage), error, unset);
        Err(Refused)
    }

    fn note_word(&self, current: &mut Current, span: Span, value: Expanded, uses: &[VariableUse]) {
        let place = |span: Span| match current.step.origin {
            // The text of an image's trigger stands nowhere.
            StepOrigin::Image(_) => current.elsewhere.unwrap_or(span),
            _ => span,
        };
        let uses = uses.iter().map(|used| {
            let definition = self.define(current.stage, &used.name, &current.own);
            let mut used = use_of(used, definition);
            used.span = place(used.span);
            used
        });
        let word = Word { span: place(span), value, uses: uses.collect() };
        current.step.words.push(word);
    }

    fn expand_word(
        &self,
        current: &mut Current,
        lexer: &Lexer,
        text: &MappedText,
    ) -> Result<Expanded, crate::syntax::dockerfile::ExpandError> {
        let env = |name: &str| self.look_up(current.stage, name, &current.own);
        match lexer.expand(text, &env) {
            Ok(expansion) => {
                self.note_word(current, text.span(), expansion.value.clone(), &expansion.uses);
                Ok(expansion.value)
            }
            Err(error) => {
                self.note_word(current, text.span(), Expanded::dynamic(), &error.uses);
                Err(error)
            }
        }
    }

    fn expand(&mut self, current: &mut Current, text: &MappedText) -> Result<Expanded, Refused> {
        self.expand_with(current, self.lexer, text)
    }

    fn expand_with(&mut self, current: &mut Current, lexer: Lexer, text: &MappedText) -> Result<Expanded, Refused> {
        self.expand_word(current, &lexer, text).or_else(|error| {
            let used = current.step.words.last().and_then(|word| word.uses.last());
            let unset = used.filter(|used| used.definition == Definition::Declared).map(|used| used.name.clone());
            self.refuse_for(current, error.span, error.message, None, unset)
        })
    }

    fn expand_pairs(
        &mut self,
        current: &mut Current,
        set: &KeyValues,
    ) -> Result<Vec<(Setting, Option<String>, Expanded)>, Refused> {
        let mut settings = Vec::with_capacity(set.pairs.len());
        for pair in &set.pairs {
            let key = self.expand(current, &pair.key)?;
            let value = self.expand(current, &pair.value)?;
            let name = key.known().map(str::to_owned);
            let setting = Setting { name: name.clone().unwrap_or_else(|| pair.key.to_string()), span: pair.key.span() };
            settings.push((setting, name, value));
        }
        Ok(settings)
    }

    fn env(&mut self, current: &mut Current, set: &KeyValues) -> Result<(), Refused> {
        current.own = set.pairs.iter().filter_map(|pair| extended(&pair.key, &pair.value)).collect();
        let settings = self.expand_pairs(current, set)?;
        // All values see what was there before the instruction.
        for ((_, name, value), pair) in settings.iter().zip(&set.pairs) {
            let origin = SetBy::Env { instruction: current.step.instruction, span: pair.span };
            if let Some(name) = name {
                self.set(current.stage, name, value.clone(), origin);
            }
        }
        current.step.effect = Effect::Set(settings.into_iter().map(|(setting, _, _)| setting).collect());
        Ok(())
    }

    fn arg(&mut self, current: &mut Current, pair: &crate::syntax::dockerfile::ArgPair) -> Result<(), Refused> {
        let name = pair.name.to_string();
        if let Effect::Set(settings) = &mut current.step.effect {
            settings.push(Setting { name: name.clone(), span: pair.name.span() });
        }
        current.own = pair.value.iter().filter_map(|value| extended(&pair.name, value)).collect();
        let inherited = || self.evaluation.global(&name).and_then(|global| global.value.clone());
        let value = match (self.passed(&name), &pair.value) {
            (Some(value), _) => Some(value),
            (None, Some(default)) => Some(self.expand(current, default)?),
            (None, None) => inherited(),
        };
        if let Some(value) = value.filter(|_| !name.starts_with("BUILDKIT_SBOM_SCAN_")) {
            let origin = SetBy::Arg { instruction: current.step.instruction, span: pair.span };
            self.set(current.stage, &name, value, origin);
        }
        self.declare(current.stage, &name);
        Ok(())
    }

    fn workdir(&mut self, current: &mut Current, path: &MappedText, state: &mut State) -> Result<(), Refused> {
        let value = self.expand(current, path)?;
        current.step.effect = Effect::Workdir(value.clone());
        state.first_workdir.get_or_insert(current.step.instruction);
        let os = self.os(current.stage);
        let Some(text) = value.known() else {
            state.workdir = None;
            return Ok(());
        };
        let base = match &state.workdir {
            Some(base) => base.to_string(),
            None if is_absolute(text, &os) => "/".to_owned(),
            None => return Ok(()),
        };
        match join_workdir(&base, text, &os) {
            Ok(joined) => state.workdir = Some(Arc::from(joined)),
            Err(message) => return self.refuse(current, path.span(), message, None),
        }
        Ok(())
    }

    fn expose(&mut self, current: &mut Current, ports: &[MappedText]) -> Result<(), Refused> {
        let mut words = Vec::new();
        // BuildKit's parser sorts them.
        let mut ports: Vec<&MappedText> = ports.iter().collect();
        ports.sort_by_key(|port| port.as_str());
        for port in ports {
            let env = |name: &str| self.look_up(current.stage, name, &[]);
            match self.lexer.split(port, &env) {
                Ok(split) => words.extend(split.into_iter().map(|word| (port, word))),
                Err(error) => return self.refuse(current, error.span, error.message, None),
            }
        }
        let mut exposed = Vec::new();
        for (text, word) in words {
            let span = text.span_of(word.range.clone());
            current.step.words.push(Word::fixed(current.elsewhere.unwrap_or(span), word.value.clone()));
            let Some(raw) = word.value.known() else { continue };
            let literal = text.as_str() == raw && text.is_verbatim() && current.elsewhere.is_none();
            let place = current.elsewhere.unwrap_or(span);
            exposed.extend(exposed_port(raw, place, literal));
            if let Err(message) = Port::parse(raw) {
                current.step.effect = Effect::Expose(exposed);
                return self.refuse(current, span, message, None);
            }
        }
        current.step.effect = Effect::Expose(exposed);
        Ok(())
    }

    fn copy(
        &mut self,
        current: &mut Current,
        copy: &Copy,
        heredocs: &[Heredoc],
        state: &State,
        is_add: bool,
    ) -> Result<(), Refused> {
        let os = self.os(current.stage);
        for flag in [&copy.chown, &copy.chmod, &copy.checksum].into_iter().flatten() {
            self.expand(current, flag)?;
        }
        let chmod = copy.chmod.as_ref().and_then(|_| {
            let at = usize::from(copy.chown.is_some());
            current.step.words.get(at).map(|word| word.value.clone())
        });
        let checksum = copy.checksum.as_ref().and_then(|_| current.step.words.last().map(|word| word.value.clone()));
        let mut sources = Vec::new();
        for source in copy.sources.iter().filter(|source| !source.inline) {
            sources.push((self.expand(current, &source.word)?, source.word.span()));
        }
        let destination = self.expand(current, &copy.destination)?;
        for source in &copy.sources {
            let body = source.heredoc.and_then(|at| heredocs.get(at)).filter(|heredoc| heredoc.expand);
            if let Some(heredoc) = body {
                self.expand_with(current, Lexer::heredoc_body(), &heredoc.content())?;
            }
        }
        if let Some(from) = &copy.from
            && let Some(node) = self.needs.get(&current.step.instruction).and_then(|needs| needs.first())
            && !self.dispatched[*node]
        {
            let message = format!("`{from}` is built only behind this stage");
            return self.refuse(current, from.span(), message, Some("move the stage up".to_owned()));
        }
        let destination_fault = destination.known().and_then(|path| without_drive(path, &os).err());
        if let Some(message) = destination_fault {
            return self.refuse(current, copy.destination.span(), message, None);
        }
        let _ = state;
        if let (Some(flag), Some(mode)) = (&copy.chmod, chmod.as_ref().and_then(Expanded::known))
            && !mode.is_empty()
            && !is_file_mode(mode)
        {
            let help = "write octal digits such as `755`, or letters such as `u+x`".to_owned();
            return self.refuse(current, flag.span(), format!("`{mode}` is no mode of a file"), Some(help));
        }
        let checksum = checksum.as_ref().and_then(Expanded::known).filter(|checksum| !checksum.is_empty());
        if let (Some(flag), Some(_)) = (&copy.checksum, checksum) {
            let only = match sources.as_slice() {
                [(source, _)] => source.known().map(Origin::of),
                _ => return self.refuse(current, flag.span(), "`--checksum` needs exactly one source", None),
            };
            if only == Some(Origin::Local) {
                let help = "only what comes by HTTP or Git has a checksum".to_owned();
                return self.refuse(current, flag.span(), "`--checksum` has no meaning for local files", Some(help));
            }
        }
        let mut paths = Vec::new();
        for (source, span) in sources {
            let Some(text) = source.known() else { continue };
            let kind = Origin::of(text);
            if kind == Origin::Git
                && let Err(message) = check_git_source(text)
            {
                current.step.effect = Effect::Copy(paths);
                return self.refuse(current, span, message, None);
            }
            let fault = match kind {
                Origin::Git | Origin::Http if !is_add => {
                    let what = if kind == Origin::Git { "a Git repository" } else { "a URL" };
                    Some((format!("COPY cannot fetch {what}"), Some("use ADD".to_owned()), span))
                }
                Origin::Http => match (&copy.checksum, checksum) {
                    (Some(flag), Some(digest)) if !is_digest(digest) => {
                        Some((format!("`{digest}` is no digest"), None, flag.span()))
                    }
                    _ => None,
                },
                Origin::Git => None,
                Origin::Local => {
                    if copy.from.is_none() {
                        let span = current.elsewhere.unwrap_or(span);
                        paths.push(ContextPath { path: text.to_owned(), span });
                    }
                    without_drive(text, &os).err().map(|message| (message, None, span))
                }
            };
            if let Some((message, help, span)) = fault {
                current.step.effect = Effect::Copy(paths);
                return self.refuse(current, span, message, help);
            }
        }
        current.step.effect = Effect::Copy(paths);
        Ok(())
    }

    fn mount(
        &mut self,
        current: &mut Current,
        mount: &crate::syntax::dockerfile::Mount,
        at: usize,
        spec: &MountSpec,
        state: &State,
    ) -> Result<(), Refused> {
        let from = spec.from.as_deref().filter(|from| !from.is_empty());
        let from = if from.is_none() && spec.kind == Some(MountType::Cache) { Some(SCRATCH) } else { from };
        if let Some(from) = from
            && let Some(node) = self.needs.get(&current.step.instruction).and_then(|needs| needs.get(at))
            && !self.dispatched[*node]
        {
            let span = mount.from().map_or(mount.span, MappedText::span);
            let message = format!("`{from}` is built only behind this stage");
            return self.refuse(current, span, message, Some("move the stage up".to_owned()));
        }
        let text = |value: &Option<Expanded>| match value {
            Some(value) => value.known().map(str::to_owned),
            None => Some(String::new()),
        };
        match spec.kind {
            None | Some(MountType::Secret) => return Ok(()),
            Some(MountType::Ssh) => {
                if text(&spec.source).is_some_and(|source| !source.is_empty()) {
                    let span = mount.option(&["source", "src"]).map_or(mount.span, |option| option.text.span());
                    return self.refuse(current, span, "an ssh mount has no option `source`", None);
                }
                return Ok(());
            }
            Some(_) => {}
        }
        let Some(target) = text(&spec.target) else { return Ok(()) };
        let target = if target.is_empty() { ".".to_owned() } else { clean(&target) };
        let whole = if target.starts_with('/') {
            target
        } else {
            let Some(workdir) = &state.workdir else { return Ok(()) };
            clean(&format!("/{workdir}/{target}"))
        };
        if whole == "/" {
            let option = mount.option(&["target", "dst", "destination"]);
            let span = option.map_or(mount.span, |option| option.text.span());
            return self.refuse(current, span, "a mount cannot take the place of `/`", None);
        }
        Ok(())
    }
}

/// The name, if its value is more than the variable of that name: `LIBS=$LIBS:/opt` wants to extend what is there, while
/// `TOKEN=$TOKEN` wants to hand on what is not.
fn extended(name: &MappedText, value: &MappedText) -> Option<String> {
    let value = value.trim_matches(['"', '\'']);
    let alone = [format!("${name}"), format!("${{{name}}}")];
    (!alone.iter().any(|alone| alone == value)).then(|| name.to_string())
}

/// A port as far as BuildKit's checks look at it; `None` if it has no number or no protocol that is known.
fn exposed_port(raw: &str, span: Span, literal: bool) -> Option<ExposedPort> {
    let (mapping, container) = raw.rsplit_once(':').unwrap_or(("", raw));
    let (ip, host) = mapping.rsplit_once(':').unwrap_or(("", mapping));
    let (number, protocol) = container.split_once('/').unwrap_or((container, ""));
    let protocol = match protocol.to_lowercase().as_str() {
        "" => "tcp",
        "tcp" | "udp" | "sctp" => protocol,
        _ => return None,
    };
    let is_mapping = !ip.is_empty() || !host.is_empty();
    (!number.is_empty()).then(|| ExposedPort {
        raw: raw.to_owned(),
        protocol: protocol.to_owned(),
        is_mapping,
        span,
        literal,
    })
}

impl Step {
    /// The keyword of what is run: that of the trigger behind ONBUILD.
    pub fn keyword(&self, tree: &crate::syntax::dockerfile::Dockerfile) -> Keyword {
        if let StepOrigin::Image(instruction) = &self.origin {
            return instruction.keyword;
        }
        match tree.instructions.get(self.instruction) {
            Some(node) => match &node.body {
                Body::Onbuild(onbuild) if matches!(self.origin, StepOrigin::Trigger) => onbuild.keyword,
                _ => node.keyword,
            },
            None => Keyword::Unknown,
        }
    }

    /// The command, for RUN, CMD and ENTRYPOINT.
    pub fn command<'t>(&'t self, tree: &'t crate::syntax::dockerfile::Dockerfile) -> Option<&'t Command> {
        match self.body(tree) {
            Body::Run(run) => Some(&run.command),
            Body::Cmd(command) | Body::Entrypoint(command) => Some(command),
            _ => None,
        }
    }
}
