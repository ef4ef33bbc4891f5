//! The passes over a file, up to the evaluation of its instructions.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::environment::{Binding, Global, Origin, Scopes, bounded, to_lookup};
use super::graph::{self, Node};
use super::values::join_workdir;
use super::{
    BuildError, Definition, Evaluation, ForeignImage, Pass, Shell, StageBase, StageEvaluation, State, Step, StepOrigin,
    Use, Word, use_of,
};
use crate::facts::known_images::{is_image_variable, known_image, only_platform};
use crate::model::Project;
use crate::model::build::{Build, Context};
use crate::model::dockerfile::Dockerfile;
use crate::model::value::{Text, TextPart};
use crate::source::{FileId, Span};
use crate::suggest::nearest;
use crate::syntax::SyntaxError;
use crate::syntax::dockerfile::{self as syntax, Body, Expanded, Instruction, Lexer, Lookup, Part};
use crate::syntax::image::ImageRef;
use crate::syntax::mapped::MappedText;
use crate::syntax::platform::Platform;

/// What BuildKit sets PATH to where an image does not.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The name of the empty base.
pub(super) const SCRATCH: &str = "scratch";

/// What is known about the configuration of an image.
#[derive(Debug, Clone, Default)]
pub(super) struct ImageConfig {
    env: Vec<(String, Expanded)>,
    workdir: Option<String>,
    user: Option<String>,
    sets_shell: bool,
    triggers: Vec<String>,
    platform: Option<Platform>,
    /// Whether the environment is all there is.
    complete: bool,
}

/// Arguments by name, in the order in which they were first declared.
type Globals = Vec<(String, Global)>;

/// An error, and the argument that is to blame because it has no value.
type Unset = (SyntaxError, Option<String>);

/// An evaluation in the making.
pub(super) struct Run<'p> {
    pub project: &'p Project,
    pub file: &'p Dockerfile,
    pub tree: &'p syntax::Dockerfile,
    pub build: &'p Build,
    pub lexer: Lexer,
    pub evaluation: Evaluation,
    /// Whether BuildKit has stopped: what is found from here on, it does not find.
    pub stopped: bool,
    /// The platform of the machine that builds.
    worker: Platform,
    pub nodes: Vec<Node>,
    /// Whether a node can be copied from: it was evaluated, or is an image.
    pub dispatched: Vec<bool>,
    /// Stages of which a named context of the same name takes the place.
    replaced: Vec<bool>,
    /// The nodes that an instruction needs, in the order of its mounts; a COPY needs at most one. By index of the file's
    /// instructions.
    pub needs: HashMap<usize, Vec<usize>>,
    /// The last stage of each name.
    stage_names: HashMap<String, usize>,
    /// Stages of whose variables nothing is known, because too many stages stand on each other.
    unknown: Vec<bool>,
    /// The names that any ARG or ENV of the file sets.
    file_names: HashSet<String>,
    /// The triggers of each stage.
    triggers: Vec<Vec<(usize, StepOrigin)>>,
    configs: Vec<ImageConfig>,
}

/// Evaluates a build; `None` if its Dockerfile is not known.
pub(super) fn evaluate(project: &Project, build: usize) -> Option<Evaluation> {
    let at = build;
    let build = project.builds.get(at)?;
    let dockerfile = build.dockerfile?;
    let file = project.dockerfiles.get(dockerfile)?;
    let tree = &file.tree;
    let settings = &project.settings;
    let usual = Platform::new("linux", "amd64", "");
    let worker = settings.build.build_platform.as_deref().and_then(|text| read_platform(text, &usual));
    let worker = worker.unwrap_or(usual);
    let platform = match build.platforms.as_slice() {
        _ if !build.platforms_known => None,
        [] => {
            let default = settings.default_platform.as_deref().and_then(|text| read_platform(text, &worker));
            Some(default.unwrap_or_else(|| worker.clone()))
        }
        [only] => only.eval.known().and_then(|text| read_platform(text, &worker)),
        _ => None,
    };
    let stages = tree.stages.len();
    let mut run = Run {
        project,
        file,
        tree,
        build,
        lexer: Lexer::new(tree.escape),
        evaluation: Evaluation {
            dockerfile,
            build: at,
            platform,
            stages: Vec::with_capacity(stages),
            target: None,
            error: None,
            starts: false,
            foreign_images: Vec::new(),
            globals: Vec::new(),
            scopes: Scopes::new(stages),
        },
        stopped: !tree.errors.is_empty(),
        worker,
        nodes: (0..stages).map(|_| Node::default()).collect(),
        dispatched: vec![false; stages],
        replaced: vec![false; stages],
        needs: HashMap::new(),
        stage_names: (0..).zip(&tree.stages).filter_map(|(at, stage)| Some((stage.name.clone()?, at))).collect(),
        unknown: vec![false; stages],
        file_names: names_set_in(tree),
        triggers: vec![Vec::new(); stages],
        configs: vec![ImageConfig::default(); stages],
    };
    run.passes();
    Some(run.evaluation)
}

impl Run<'_> {
    fn passes(&mut self) {
        if let Err(error) = self.project.check_options(self.evaluation.dockerfile) {
            // BuildKit reads the options before the file.
            self.stopped = false;
            self.fail(Pass::Options, None, error);
        }
        self.evaluation.starts = !self.stopped;
        self.add_stages();
        self.default_bases();
        self.globals();
        self.froms();
        self.target();
        self.graph();
        self.images();
        for stage in 0..self.tree.stages.len() {
            self.instructions(stage);
        }
    }

    /// Notes what BuildKit refuses, unless it has stopped before.
    pub fn fail(&mut self, pass: Pass, stage: Option<usize>, error: SyntaxError) {
        self.fail_for(pass, stage, error, None);
    }

    /// As [`fail`](Self::fail), with the argument whose missing value is to blame.
    pub fn fail_for(&mut self, pass: Pass, stage: Option<usize>, error: SyntaxError, unset: Option<String>) {
        if !std::mem::replace(&mut self.stopped, true) {
            self.evaluation.error = Some(BuildError { pass, error, stage, unset });
        }
    }

    /// A span to report at: the token, if it stands on the first line of the instruction, where BuildKit reports; else
    /// what stands on that line.
    pub fn on_first_line(&self, instruction: usize, token: Span) -> Span {
        self.tree.instructions.get(instruction).map_or(token, |node| self.file.on_first_line(node, token))
    }

    fn add_stages(&mut self) {
        for stage in 0..self.tree.stages.len() {
            self.evaluation.stages.push(StageEvaluation {
                base: StageBase::Image(None),
                base_name: None,
                default_base: None,
                platform_flag: None,
                platform: None,
                reachable: false,
                evaluated: false,
                complete: false,
                steps: Vec::new(),
                end: State {
                    moment: self.evaluation.scopes.now(stage),
                    workdir: None,
                    first_workdir: None,
                    user: None,
                    shell: Shell::Default,
                },
            });
        }
    }

    /// The value that the build passes for an argument.
    pub fn passed(&self, name: &str) -> Option<Expanded> {
        self.build.arg(name).map(|arg| to_expanded(&arg.value))
    }

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
                match globals.iter_mut().find(|(other, _)| *other == name) {
                    // Without a value, the ARG leaves alone what was there.
                    Some((_, global)) => {
                        global.span = Some(pair.span);
                        global.passed |= is_passed;
                        if value.is_some() {
                            global.value = value;
                        }
                    }
                    None => globals.push((name, Global { value, span: Some(pair.span), passed: is_passed })),
                }
            }
        }
        Ok(globals)
    }

    fn first_line(&self, instruction: &Instruction, token: Span) -> Span {
        self.file.on_first_line(instruction, token)
    }

    /// Expands the bases as if the build passed nothing, which BuildKit does to find defaults that lead nowhere.
    fn default_bases(&mut self) {
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

    fn globals(&mut self) {
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

    /// Expands a text of a FROM. Says what is known about each variable, and whether it went well.
    fn expand_from(&self, text: &MappedText) -> (Word, Option<SyntaxError>) {
        let globals = &self.evaluation.globals;
        match self.lexer.expand(text, &|name: &str| look_up(globals, name)) {
            Ok(expansion) => {
                let uses = from_uses(globals, &expansion.uses);
                (Word { span: text.span(), value: expansion.value, uses }, None)
            }
            Err(error) => {
                let uses = from_uses(globals, &error.uses);
                let word = Word { span: text.span(), value: Expanded::dynamic(), uses };
                (word, Some(SyntaxError::new(error.message, error.span)))
            }
        }
    }

    fn froms(&mut self) {
        let tree = self.tree;
        // Only stages before count, and the case of the base matters: names of stages are in lower case.
        let mut before: HashMap<&str, usize> = HashMap::new();
        for (at, stage) in tree.stages.iter().enumerate() {
            let (base, error) = self.expand_from(&stage.base);
            let mut name = base.value.known().map(str::to_owned);
            let unset = unset_of(&base);
            if !self.stopped {
                self.evaluation.stages[at].base_name = Some(base);
            }
            if let Some(error) = error {
                let span = self.on_first_line(stage.from, error.span);
                self.fail_for(Pass::From, Some(at), SyntaxError { span, ..error }, unset);
                name = None;
            } else if name.as_deref() == Some("") {
                let span = self.on_first_line(stage.from, stage.base.span());
                let mut error = SyntaxError::new(format!("the base `{}` is empty", stage.base), span);
                error.help = unset.as_ref().map(|name| format!("`{name}` has no value"));
                self.fail_for(Pass::From, Some(at), error, unset);
                name = None;
            }
            let platform = self.platform_of(at, stage);
            self.evaluation.stages[at].platform = platform;
            let own = stage.name.as_deref().filter(|name| !is_reserved(name));
            if let Some(name) = own
                && ImageRef::parse(name).is_err()
            {
                let span = self.tree.instructions.get(stage.from).map_or(stage.base.span(), |from| from.span);
                let span = match self.tree.instructions.get(stage.from).map(|from| &from.body) {
                    Some(Body::From(syntax::From { name: Some(name), .. })) => name.span(),
                    _ => span,
                };
                let mut error = SyntaxError::new(
                    format!("`{name}` cannot be the name of a stage"),
                    self.on_first_line(stage.from, span),
                );
                error.help = Some("BuildKit also takes it for the name of an image, which ends with a letter or a digit and has no two separators in a row".to_owned());
                self.fail(Pass::From, Some(at), error);
            }
            let replaced = own.and_then(|name| self.context_named(name));
            self.replaced[at] = replaced.is_some();
            self.evaluation.stages[at].base = match (replaced, &name) {
                (Some(context), _) => StageBase::Context(context),
                (None, None) => StageBase::Image(None),
                (None, Some(name)) => match before.get(name.as_str()).copied() {
                    Some(parent) => {
                        self.nodes[at].base = Some(parent);
                        StageBase::Stage(parent)
                    }
                    None if name == SCRATCH => StageBase::Scratch,
                    None => match ImageRef::parse(name) {
                        Ok(image) => match self.context_for(&image) {
                            Some(context) => StageBase::Context(context),
                            None => StageBase::Image(Some(image)),
                        },
                        Err(_) => StageBase::Image(None),
                    },
                },
            };
            before.extend(stage.name.as_deref().map(|name| (name, at)));
        }
    }

    /// The platform that a FROM asks for.
    fn platform_of(&mut self, at: usize, stage: &syntax::Stage) -> Option<Platform> {
        let Some(flag) = &stage.platform else { return self.evaluation.platform.clone() };
        let (word, error) = self.expand_from(flag);
        let value = word.value.known().map(str::to_owned);
        let unset = unset_of(&word);
        let span = self.on_first_line(stage.from, flag.span());
        if !self.stopped {
            self.evaluation.stages[at].platform_flag = Some(word);
        }
        if let Some(error) = error {
            self.fail_for(Pass::From, Some(at), SyntaxError { span, ..error }, unset);
            return None;
        }
        let value = value?;
        let platform = Platform::parse(&value, (&self.worker.os, &self.worker.architecture));
        if platform.is_none() {
            let message = match value.as_str() {
                "" => format!("the platform `{flag}` is empty"),
                _ => format!("`{value}` is no platform"),
            };
            let mut error = SyntaxError::new(message, span);
            error.help = Some("write system and processor, such as `linux/arm64`".to_owned());
            self.fail_for(Pass::From, Some(at), error, unset);
        }
        platform
    }

    /// The build's named context of that name, as BuildKit compares them: both are read as names of images.
    fn context_named(&self, name: &str) -> Option<usize> {
        ImageRef::parse(name).ok().and_then(|image| self.context_for(&image))
    }

    fn context_for(&self, image: &ImageRef) -> Option<usize> {
        let name = context_key(image);
        let matches = |context: &str| ImageRef::parse(context).is_ok_and(|image| context_key(&image) == name);
        self.build.contexts.iter().position(|context| matches(&context.name))
    }

    fn target(&mut self) {
        let asked = self.build.target.as_ref();
        let last = self.tree.stages.len().checked_sub(1);
        let name = asked.and_then(|target| target.eval.known()).filter(|name| !name.is_empty());
        let Some(name) = name else {
            self.evaluation.target = last;
            return;
        };
        self.evaluation.target = self.stage_named(name);
        if self.evaluation.target.is_none() {
            let names: Vec<&str> = self.tree.stages.iter().filter_map(|stage| stage.name.as_deref()).collect();
            let span = asked.map_or(self.build.span, |target| target.span);
            let mut error = SyntaxError::new(format!("there is no stage `{name}`"), span);
            error.help = match nearest(name, names.iter().copied()) {
                Some(near) => Some(format!("did you mean `{near}`?")),
                None if names.is_empty() => Some("no stage of the file has a name".to_owned()),
                None => Some(format!("the stages are {}", names.join(", "))),
            };
            self.fail(Pass::Target, None, error);
        }
    }

    /// Whether every stage is evaluated, because none is asked for.
    fn is_for_all_stages(&self) -> bool {
        let named =
            self.build.target.as_ref().is_some_and(|target| target.eval.known().is_some_and(|name| !name.is_empty()));
        !named || self.evaluation.target.is_none()
    }

    fn graph(&mut self) {
        for stage in 0..self.tree.stages.len() {
            for instruction in self.tree.stages[stage].instructions.clone() {
                let Some(node) = self.tree.instructions.get(instruction) else { continue };
                if let Err(error) = self.connect(stage, instruction, &node.body) {
                    self.fail(Pass::Graph, Some(stage), error);
                }
            }
        }
        let Some(circle) = graph::circle(&self.nodes) else { return };
        let spans = circle.instructions.iter().filter_map(|at| self.tree.instructions.get(*at));
        let Some(first) = spans.min_by_key(|instruction| instruction.lines.0) else { return };
        let name = self.file.stage_name(circle.start);
        let mut error = SyntaxError::new(format!("stage `{name}` needs itself"), self.first_line(first, first.span));
        if circle.instructions.len() > 1 {
            let lines = circle.instructions.iter().filter_map(|at| self.tree.instructions.get(*at));
            let lines: Vec<String> = lines.map(|instruction| instruction.lines.0.to_string()).collect();
            error.help = Some(format!("the circle goes through the lines {}", lines.join(", ")));
        }
        self.fail(Pass::Graph, Some(circle.start), error);
    }

    /// Joins a stage with what one of its instructions copies or mounts from. Says whether it needs anything.
    pub(super) fn connect(&mut self, stage: usize, instruction: usize, body: &Body) -> Result<bool, SyntaxError> {
        let mut needed = Vec::new();
        match body {
            Body::Copy(copy) => {
                let Some(from) = &copy.from else { return Ok(false) };
                // Quotes and variables make it another text, which BuildKit refuses.
                let plain = self.lexer.expand(from, &|_: &str| Lookup::Unset);
                if !plain.is_ok_and(|expansion| expansion.value.known() == Some(from.as_str())) {
                    let span = self.on_first_line(instruction, from.span());
                    let mut error = SyntaxError::new("`--from` takes no variables", span);
                    error.help = Some("name a stage with `FROM ... AS name` that uses the variable".to_owned());
                    return Err(error);
                }
                let by_number = |index: i64| {
                    let at = usize::try_from(index).ok()?;
                    Some((at, self.nodes.get(at)?.image.as_ref().map(|(name, _)| name.clone())))
                };
                needed.push(match from.parse::<i64>() {
                    Err(_) => self.stage_named(from).unwrap_or_else(|| self.external(from, instruction)),
                    Ok(index) => match by_number(index) {
                        Some((stage, None)) => stage,
                        // The images that instructions copy from are counted as well, once each time.
                        Some((_, Some(image))) => self.external(&image, instruction),
                        None => {
                            let span = self.on_first_line(instruction, from.span());
                            return Err(SyntaxError::new(format!("there is no stage {index}"), span));
                        }
                    },
                });
            }
            Body::Run(run) => {
                for mount in &run.mounts {
                    // A mount without `from` needs the empty image, unless a stage has taken its name.
                    let from = mount.from().map_or(SCRATCH, |from| from.as_str());
                    needed.push(self.stage_named(from).unwrap_or_else(|| self.external(from, instruction)));
                }
            }
            _ => return Ok(false),
        }
        let any = !needed.is_empty();
        for node in &needed {
            self.nodes[stage].needs.insert(*node, instruction);
        }
        self.needs.insert(instruction, needed);
        Ok(any)
    }

    /// The last stage with a name, whatever its case.
    fn stage_named(&self, name: &str) -> Option<usize> {
        self.stage_names.get(&name.to_lowercase()).copied()
    }

    fn external(&mut self, name: &str, instruction: usize) -> usize {
        self.nodes.push(Node { image: Some((name.to_owned(), instruction)), ..Node::default() });
        self.dispatched.push(true);
        self.nodes.len() - 1
    }

    /// Looks up what stages stand on, and joins the triggers of parent stages until nothing new is needed.
    fn images(&mut self) {
        let all = self.is_for_all_stages();
        let target = self.evaluation.target.unwrap_or(usize::MAX);
        let mut looked_up = 0;
        let mut triggered = vec![false; self.tree.stages.len()];
        loop {
            let reachable = graph::reachable(&self.nodes, target);
            if looked_up == 0 {
                self.stage_images();
            }
            self.external_images(looked_up.max(self.tree.stages.len()));
            looked_up = self.nodes.len();
            let mut more = false;
            for stage in 0..self.tree.stages.len() {
                self.evaluation.stages[stage].reachable = reachable[stage];
                if reachable[stage] && !std::mem::replace(&mut triggered[stage], true) {
                    more |= self.trigger(stage);
                }
            }
            if !more {
                break;
            }
        }
        for (at, stage) in self.evaluation.stages.iter_mut().enumerate() {
            // A context that takes the place of a stage can be copied from at once.
            self.dispatched[at] = self.replaced[at] && (all || stage.reachable);
            stage.evaluated = all || stage.reachable && !self.replaced[at];
        }
    }

    /// Finds out about the bases of all stages. A reference that is none is an error even in a stage that is not needed.
    fn stage_images(&mut self) {
        let all = self.is_for_all_stages();
        let reachable = graph::reachable(&self.nodes, self.evaluation.target.unwrap_or(usize::MAX));
        let tree = self.tree;
        for (at, stage) in tree.stages.iter().enumerate() {
            let evaluation = &self.evaluation.stages[at];
            let name = evaluation.base_name.as_ref().and_then(|word| word.value.known()).map(str::to_owned);
            if let (StageBase::Image(None) | StageBase::Context(_), Some(name)) = (&evaluation.base, &name)
                && let Err(error) = ImageRef::parse(name)
            {
                let unset = evaluation.base_name.as_ref().and_then(unset_of);
                let span = self.on_first_line(stage.from, stage.base.span());
                let mut fault = SyntaxError::new(format!("`{name}` is no image: {error}"), span);
                fault.help = unset.as_ref().map(|name| format!("`{name}` has no value"));
                self.fail_for(Pass::Images, Some(at), fault, unset);
            }
            self.configs[at] = match &self.evaluation.stages[at].base {
                StageBase::Stage(_) => continue,
                StageBase::Scratch => {
                    ImageConfig { workdir: Some("/".into()), complete: true, ..ImageConfig::default() }
                }
                StageBase::Image(None) => ImageConfig::default(),
                StageBase::Image(Some(image)) => self.image_config(image),
                StageBase::Context(context) => self.context_config(*context),
            };
            let is_asked = stage.platform.is_some() || !self.build.platforms.is_empty();
            let wanted = self.evaluation.stages[at].platform.clone();
            if let (true, StageBase::Image(Some(image)), Some(wanted)) =
                (all || reachable[at], &self.evaluation.stages[at].base, wanted)
                && let Some(actual) = self.foreign(image, &wanted, is_asked)
            {
                self.evaluation.foreign_images.push(ForeignImage {
                    image: name.unwrap_or_default(),
                    wanted,
                    actual,
                    instruction: stage.from,
                    span: stage.base.span(),
                });
            }
        }
    }

    /// The platform of an image, if it is not the wanted one. What the name alone tells counts only if the platform is
    /// asked for.
    fn foreign(&self, image: &ImageRef, wanted: &Platform, is_asked: bool) -> Option<Platform> {
        let known = || only_platform(image).filter(|_| is_asked);
        let actual = self.image_config(image).platform.or_else(known)?;
        let differs = wanted.os != actual.os || wanted.architecture != actual.architecture;
        (differs && !self.stopped).then_some(actual)
    }

    /// Images that instructions copy or mount from, beginning with the node `from`.
    fn external_images(&mut self, from: usize) {
        for at in from..self.nodes.len() {
            let Some((name, instruction)) = self.nodes[at].image.clone() else { continue };
            if name == SCRATCH {
                continue;
            }
            let Some(node) = self.tree.instructions.get(instruction) else { continue };
            let body = match &node.body {
                Body::Onbuild(onbuild) => &onbuild.body,
                body => body,
            };
            let written = match body {
                Body::Copy(copy) => copy.from.as_ref().map(MappedText::span),
                Body::Run(run) => {
                    let mut named = run.mounts.iter().filter_map(|mount| mount.from()).filter(|from| **from == *name);
                    named.next().map(MappedText::span)
                }
                _ => None,
            };
            let span = written.unwrap_or(node.span);
            match (ImageRef::parse(&name), self.evaluation.platform.clone()) {
                (Err(error), _) => {
                    let span = self.first_line(node, span);
                    self.fail(
                        Pass::Images,
                        node.stage,
                        SyntaxError::new(format!("`{name}` is no image: {error}"), span),
                    );
                }
                (Ok(image), Some(wanted)) => {
                    let is_asked = !self.build.platforms.is_empty();
                    if let Some(actual) = self.foreign(&image, &wanted, is_asked) {
                        self.evaluation.foreign_images.push(ForeignImage {
                            image: name,
                            wanted,
                            actual,
                            instruction,
                            span,
                        });
                    }
                }
                (Ok(_), None) => {}
            }
        }
    }

    /// Lets a stage begin with the triggers of what it stands on. Says whether they need anything.
    fn trigger(&mut self, stage: usize) -> bool {
        let mut more = false;
        let from = self.tree.stages[stage].from;
        let mut triggers: Vec<(usize, StepOrigin)> = Vec::new();
        for text in std::mem::take(&mut self.configs[stage].triggers) {
            match parse_trigger(self.file.file, &text) {
                Ok(instruction) => triggers.push((from, StepOrigin::Image(Arc::new(instruction)))),
                Err(message) => {
                    let span = self.on_first_line(from, self.tree.stages[stage].base.span());
                    self.fail(Pass::Images, Some(stage), SyntaxError::new(message, span));
                }
            }
        }
        if let StageBase::Stage(parent) = self.evaluation.stages[stage].base {
            let own = self.tree.stages[parent].instructions.clone();
            triggers.extend(own.filter(|at| self.is_onbuild(*at)).map(|at| (at, StepOrigin::Trigger)));
        }
        let tree = self.tree;
        for (at, origin) in &triggers {
            let body = match (origin, tree.instructions.get(*at).map(|instruction| &instruction.body)) {
                (StepOrigin::Image(instruction), _) => &instruction.body,
                (_, Some(Body::Onbuild(onbuild))) => {
                    if let Some(error) = &onbuild.error {
                        let span = self.on_first_line(from, tree.stages[stage].base.span());
                        let mut fault =
                            SyntaxError::new(format!("a trigger of the base fails: {}", error.message), span);
                        fault.help = error.help.clone();
                        self.fail(Pass::Images, Some(stage), fault);
                    }
                    &onbuild.body
                }
                _ => continue,
            };
            match self.connect(stage, *at, body) {
                Ok(needs) => more |= needs,
                Err(error) => {
                    let span = self.on_first_line(from, tree.stages[stage].base.span());
                    self.fail(Pass::Images, Some(stage), SyntaxError { span, ..error });
                }
            }
        }
        self.triggers[stage] = triggers;
        more
    }

    fn is_onbuild(&self, instruction: usize) -> bool {
        self.tree.instructions.get(instruction).is_some_and(|node| matches!(node.body, Body::Onbuild(_)))
    }

    fn image_config(&self, image: &ImageRef) -> ImageConfig {
        let settings = &self.project.settings.build;
        let mut config = match lookup_image(&settings.image_configs, image) {
            Some(json) => read_config(json),
            None => match known_image(image) {
                Some(known) => {
                    let value = |value: Option<&str>| value.map_or_else(Expanded::dynamic, Expanded::text);
                    ImageConfig {
                        env: known.env().map(|(name, text)| (name.to_owned(), value(text))).collect(),
                        workdir: known.workdir.map(str::to_owned),
                        user: None,
                        sets_shell: known.sets_shell,
                        complete: known.complete,
                        ..ImageConfig::default()
                    }
                }
                None => ImageConfig::default(),
            },
        };
        if let Some(platform) =
            lookup_image(&settings.image_platforms, image).and_then(|text| read_platform(text, &self.worker))
        {
            config.platform.get_or_insert(platform);
        }
        config
    }

    fn context_config(&self, context: usize) -> ImageConfig {
        let empty = ImageConfig { workdir: Some("/".into()), complete: true, ..ImageConfig::default() };
        match self.build.contexts.get(context).map(|context| &context.context) {
            Some(Context::Image(text)) => match text.as_known().and_then(|text| ImageRef::parse(text).ok()) {
                Some(image) => ImageConfig { platform: None, ..self.image_config(&image) },
                None => ImageConfig::default(),
            },
            Some(Context::Folder(_) | Context::Remote(_)) => empty,
            Some(Context::Target(_) | Context::Dynamic) | None => ImageConfig::default(),
        }
    }

    /// Evaluates the instructions of a stage.
    fn instructions(&mut self, stage: usize) {
        if !self.evaluation.stages[stage].evaluated {
            return;
        }
        self.dispatched[stage] = true;
        let mut state = self.begin(stage);
        let own = self.tree.stages[stage].instructions.clone().map(|at| (at, StepOrigin::Own));
        let triggers = std::mem::take(&mut self.triggers[stage]);
        let mut last = super::instructions::Last::default();
        for (instruction, origin) in triggers.into_iter().chain(own) {
            let step = Step {
                instruction,
                origin,
                before: state.clone(),
                words: Vec::new(),
                effect: super::Effect::None,
                overrides: None,
                seen: !self.stopped,
            };
            let step = self.step(stage, step, &mut state, &mut last);
            self.evaluation.stages[stage].steps.push(step);
        }
        state.moment = self.evaluation.scopes.now(stage);
        self.evaluation.stages[stage].end = state;
    }

    /// What the first instruction of a stage finds.
    fn begin(&mut self, stage: usize) -> State {
        if let StageBase::Stage(parent) = self.evaluation.stages[stage].base {
            self.unknown[stage] = self.unknown[parent] || !self.evaluation.scopes.inherit(stage, parent);
            let below = &self.evaluation.stages[parent];
            let complete = below.complete && !self.unknown[stage];
            let (platform, end) = (below.platform.clone(), below.end.clone());
            self.evaluation.stages[stage].complete = complete;
            self.evaluation.stages[stage].platform = platform;
            return State { moment: self.evaluation.scopes.now(stage), ..end };
        }
        if self.evaluation.stages[stage].base == StageBase::Scratch {
            self.evaluation.stages[stage].platform = self.evaluation.platform.clone();
        }
        let os = self.os(stage);
        let config = std::mem::take(&mut self.configs[stage]);
        let has_path = config.env.iter().any(|(name, _)| name == "PATH");
        for (name, value) in config.env {
            self.evaluation.scopes.set(stage, Binding { name, value, origin: Origin::Image });
        }
        if !has_path && os != "windows" {
            let value = if config.complete { Expanded::text(PATH) } else { Expanded::dynamic() };
            self.evaluation.scopes.set(stage, Binding { name: "PATH".into(), value, origin: Origin::BuildKit });
        }
        self.evaluation.stages[stage].complete = config.complete;
        let workdir = config.workdir.and_then(|workdir| join_workdir("/", &workdir, &os).ok());
        State {
            moment: self.evaluation.scopes.now(stage),
            workdir: workdir.map(Arc::from),
            first_workdir: None,
            user: config.user.or_else(|| config.complete.then(String::new)).map(Arc::from),
            shell: if config.sets_shell { Shell::Image } else { Shell::Default },
        }
    }

    /// The operating system that a stage is for.
    pub fn os(&self, stage: usize) -> String {
        let all = || {
            let mut systems = self.build.platforms.iter().map(|platform| {
                platform.eval.known().and_then(|text| read_platform(text, &self.worker)).map(|platform| platform.os)
            });
            let first = systems.next().flatten();
            if systems.all(|os| os == first) { first } else { None }
        };
        let own = self.evaluation.stages[stage].platform.as_ref().map(|platform| platform.os.clone());
        own.or_else(all).unwrap_or_else(|| "linux".to_owned())
    }

    /// What is known about a variable now, in an instruction that sets `own`.
    pub fn look_up(&self, stage: usize, name: &str, own: &[String]) -> Lookup {
        let now = self.evaluation.scopes.now(stage);
        match self.evaluation.scopes.get(now, name) {
            Some(binding) => to_lookup(&binding.value),
            None if self.may_be_set_by_image(stage, name, own) => Lookup::Dynamic,
            None => Lookup::Unset,
        }
    }

    /// Whether an image that is not known may well set a variable: images are known to set it, or an instruction extends it, or
    /// the file sets no such variable anywhere, not even under a name that is nearly the same.
    fn may_be_set_by_image(&self, stage: usize, name: &str, own: &[String]) -> bool {
        if self.evaluation.stages[stage].complete {
            return false;
        }
        let is_like_one = || self.evaluation.scopes.nearest(self.evaluation.scopes.now(stage), name).is_some();
        self.unknown[stage]
            || is_image_variable(name)
            || own.iter().any(|own| own == name)
            || !self.file_names.contains(name) && !is_predefined(name) && !is_like_one()
    }

    /// What is known about a variable of a stage now.
    pub fn define(&self, stage: usize, name: &str, own: &[String]) -> Definition {
        let now = self.evaluation.scopes.now(stage);
        if self.evaluation.scopes.get(now, name).is_some() {
            Definition::Set
        } else if self.evaluation.scopes.is_declared(now, name) || name.starts_with("BUILDKIT_SBOM_SCAN_") {
            Definition::Declared
        } else if self.may_be_set_by_image(stage, name, own) {
            Definition::MaybeImage
        } else {
            Definition::Missing { certain: self.evaluation.stages[stage].complete }
        }
    }

    /// Sets a variable of a stage.
    pub fn set(&mut self, stage: usize, name: &str, value: Expanded, origin: Origin) {
        self.evaluation.scopes.set(stage, Binding { name: name.to_owned(), value: bounded(value), origin });
    }

    /// Notes an ARG of a stage.
    pub fn declare(&mut self, stage: usize, name: &str) {
        self.evaluation.scopes.declare(stage, name);
    }

    /// The present of a stage.
    pub fn now(&self, stage: usize) -> super::Moment {
        self.evaluation.scopes.now(stage)
    }
}

/// A platform that the build asks for, in its usual spelling.
fn read_platform(text: &str, worker: &Platform) -> Option<Platform> {
    Platform::parse(text, (&worker.os, &worker.architecture)).map(|platform| platform.normalized())
}

/// The names that instructions of a file set, as they are written.
fn names_set_in(tree: &syntax::Dockerfile) -> HashSet<String> {
    let names = |body: &Body| -> Vec<String> {
        match body {
            Body::Arg(pairs) => pairs.iter().map(|pair| pair.name.to_string()).collect(),
            Body::Env(set) => set.pairs.iter().map(|pair| pair.key.to_string()).collect(),
            _ => Vec::new(),
        }
    };
    tree.instructions.iter().flat_map(|instruction| names(&instruction.body)).collect()
}

/// Whether BuildKit gives FROM lines an argument of that name.
fn is_predefined(name: &str) -> bool {
    let part = name.strip_prefix("BUILD").or_else(|| name.strip_prefix("TARGET"));
    part.is_some_and(|part| ["PLATFORM", "OS", "OSVERSION", "ARCH", "VARIANT", "STAGE"].contains(&part))
}

/// Names that are no stages, whatever a stage is called.
fn is_reserved(name: &str) -> bool {
    name == SCRATCH || name == "context"
}

/// The name of a context as BuildKit asks for it.
fn context_key(image: &ImageRef) -> String {
    let mut key = image.familiar_name();
    if let Some(tag) = image.tag.as_deref().filter(|tag| *tag != "latest" || image.digest.is_some()) {
        key.push(':');
        key.push_str(tag);
    }
    if let Some(digest) = &image.digest {
        key.push('@');
        key.push_str(digest);
    }
    key
}

fn look_up(globals: &[(String, Global)], name: &str) -> Lookup {
    let found = globals.iter().find(|(other, _)| other == name);
    found.and_then(|(_, global)| global.value.as_ref()).map_or(Lookup::Unset, to_lookup)
}

fn from_uses(globals: &[(String, Global)], uses: &[syntax::VariableUse]) -> Vec<Use> {
    let define = |name: &str| match globals.iter().find(|(other, _)| other == name) {
        Some((_, Global { value: Some(_), .. })) => Definition::Set,
        Some(_) => Definition::Declared,
        None => Definition::Missing { certain: true },
    };
    uses.iter().map(|used| use_of(used, define(&used.name))).collect()
}

/// The first argument of a text that is declared and has no value.
pub(super) fn unset_of(word: &Word) -> Option<String> {
    word.uses.iter().find(|used| used.definition == Definition::Declared).map(|used| used.name.clone())
}

/// The value of a build argument as the lexer takes it.
fn to_expanded(text: &Text) -> Expanded {
    Expanded::from_parts(text.parts().iter().map(|part| match part {
        TextPart::Known(text) => Part::Text(text.clone()),
        TextPart::Unknown(_) => Part::Dynamic,
    }))
}

/// A trigger of an image is a Dockerfile of one instruction.
fn parse_trigger(file: FileId, text: &str) -> Result<Instruction, String> {
    let mut tree = syntax::parse(file, &format!("FROM {SCRATCH}\n{text}"));
    match tree.errors.first() {
        Some(error) => Err(format!("a trigger of the base image fails: {}", error.error.message)),
        None if tree.instructions.len() == 2 => Ok(tree.instructions.remove(1)),
        None => Err("a trigger of the base image is no single instruction".to_owned()),
    }
}

/// What the command line says about an image, by any of its names.
fn lookup_image<'s>(map: &'s BTreeMap<String, String>, image: &ImageRef) -> Option<&'s String> {
    let tag = image.effective_tag().map(|tag| format!(":{tag}")).unwrap_or_default();
    let digest = image.digest.as_ref().map(|digest| format!("@{digest}")).unwrap_or_default();
    let (name, familiar) = (image.name(), image.familiar_name());
    let names = [format!("{name}{tag}{digest}"), format!("{familiar}{tag}{digest}"), name, familiar];
    names.iter().find_map(|name| map.get(name))
}

/// The configuration of an image, in the form of its JSON document. What cannot be read is taken for nothing.
fn read_config(json: &str) -> ImageConfig {
    #[derive(serde::Deserialize, Default)]
    #[serde(default)]
    struct Document {
        os: String,
        architecture: String,
        variant: String,
        config: Inner,
    }
    #[derive(serde::Deserialize, Default)]
    #[serde(default, rename_all = "PascalCase")]
    struct Inner {
        env: Option<Vec<String>>,
        on_build: Option<Vec<String>>,
        shell: Option<Vec<String>>,
        working_dir: String,
        user: String,
    }
    let document: Document = serde_json::from_str(json).unwrap_or_default();
    let inner = document.config;
    let pair = |entry: &String| {
        let (name, value) = entry.split_once('=').unwrap_or((entry, ""));
        (name.to_owned(), Expanded::text(value))
    };
    ImageConfig {
        env: inner.env.unwrap_or_default().iter().map(pair).collect(),
        workdir: Some(if inner.working_dir.is_empty() { "/".to_owned() } else { inner.working_dir }),
        user: Some(inner.user),
        sets_shell: inner.shell.is_some_and(|shell| !shell.is_empty()),
        triggers: inner.on_build.unwrap_or_default(),
        platform: (!document.os.is_empty() && !document.architecture.is_empty())
            .then(|| Platform::new(&document.os, &document.architecture, &document.variant)),
        complete: true,
    }
}
