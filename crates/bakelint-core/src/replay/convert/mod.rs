//! From a Dockerfile and what is passed to it to vertices, as BuildKit's frontend/dockerfile/dockerfile2llb does.
//!
//! What is put into [`Vertex::operation`] is what BuildKit puts into the cache key of the operation
//! (solver/llbsolver/ops/exec.go and file.go): the same spellings are equal, the same ones differ.

mod copy;
mod run;

use super::content::{Digest, Hasher, Selector};
use super::effects::{Effect, Source};
use super::graph::{BuildGraph, ContextRef, Graph, Input, Step, Vertex, VertexId, reachable};
use crate::source::Span;
use crate::syntax::dockerfile::{Body, Dockerfile, Instruction, Keyword, Lexer, Lookup, StageRef};
use crate::syntax::dockerignore::{self, clean};
use crate::syntax::image::ImageRef;
use crate::syntax::mapped::MappedText;
use std::collections::HashMap;
use std::sync::Arc;

/// What a build builds, and with what: a resolved bake target, a compose service, or a step of a workflow.
#[derive(Debug, Clone)]
pub struct BuildInput {
    /// Its name.
    pub name: String,
    /// The Dockerfile, parsed.
    pub dockerfile: Arc<Dockerfile>,
    /// Path of the Dockerfile relative to the root of the project, by which its own ignore file is found; `None` for an
    /// inline one.
    pub dockerfile_path: Option<String>,
    /// The stage to build; the last one if `None`.
    pub target: Option<String>,
    /// Build arguments.
    pub args: Vec<(String, String)>,
    /// The main context.
    pub context: BuildContext,
    /// Named contexts.
    pub contexts: Vec<(String, BuildContext)>,
    /// Platforms, such as `linux/amd64`; empty means the builder's own.
    pub platforms: Vec<String>,
    /// Whether nothing is taken from the cache.
    pub no_cache: bool,
    /// Stages of which nothing is taken from the cache.
    pub no_cache_filter: Vec<String>,
    /// Size of `/dev/shm` in bytes, when it is set.
    pub shm_size: Option<String>,
    /// Limits, as `name=soft:hard`.
    pub ulimits: Vec<String>,
    /// Additional hosts, as `name=address`.
    pub extra_hosts: Vec<String>,
    /// Network of `RUN`: `none`, `host`, or the default.
    pub network: Option<String>,
}

impl BuildInput {
    /// A build of the last stage with the project's root as its context.
    pub fn new(name: impl Into<String>, dockerfile: Arc<Dockerfile>) -> Self {
        BuildInput {
            name: name.into(),
            dockerfile,
            dockerfile_path: None,
            target: None,
            args: Vec::new(),
            context: BuildContext::Folder(String::new()),
            contexts: Vec::new(),
            platforms: Vec::new(),
            no_cache: false,
            no_cache_filter: Vec::new(),
            shm_size: None,
            ulimits: Vec::new(),
            extra_hosts: Vec::new(),
            network: None,
        }
    }
}

/// Where files of a build come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildContext {
    /// A folder, relative to the root of the project.
    Folder(String),
    /// The result of another build.
    Target(String),
    /// An image.
    Image(String),
    /// Something else that does not depend on the commit: a URL, an OCI layout.
    Remote(String),
}

/// Why a build cannot be turned into a graph. BuildKit fails there as well.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ConvertError {
    /// What is wrong.
    pub message: String,
    /// Where in the Dockerfile.
    pub span: Option<Span>,
}

impl ConvertError {
    fn new(message: impl Into<String>, span: impl Into<Option<Span>>) -> Self {
        ConvertError { message: message.into(), span: span.into() }
    }
}

/// The search path that a root file system without one gets.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The platform of builds and of what they are built on when nothing is said.
const DEFAULT_PLATFORM: &str = "linux/amd64";

/// Turns builds into one graph. Targets that a build links to are added as builds of their own, before it.
///
/// # Errors
///
/// The first build that BuildKit would refuse, with its name. Everything but the files of contexts is checked.
pub fn convert(inputs: &[BuildInput]) -> (Graph, Vec<(String, ConvertError)>) {
    let mut converter =
        Converter { inputs, graph: Graph::default(), done: HashMap::new(), errors: Vec::new(), depth: 0 };
    for input in inputs {
        if let Err(error) = converter.build(input)
            && !converter.errors.iter().any(|(name, _)| *name == input.name)
        {
            converter.errors.push((input.name.clone(), error));
        }
    }
    (converter.graph, converter.errors)
}

struct Converter<'a> {
    inputs: &'a [BuildInput],
    graph: Graph,
    /// Results by build, per platform; `None` while the build is being converted.
    done: HashMap<&'a str, Option<Vec<(String, State)>>>,
    errors: Vec<(String, ConvertError)>,
    depth: usize,
}

/// How many targets may link to one another in a row.
const MAX_LINKS: usize = 100;

/// What a stage stands on at one point: its file system and the configuration that goes with it.
#[derive(Debug, Clone)]
struct State {
    output: Output,
    /// Variables in the order in which they were last set, arguments among them.
    env: Vec<(String, String)>,
    dir: String,
    user: String,
    platform: String,
    config: ImageConfig,
}

/// The part of an image's configuration that later instructions use.
#[derive(Debug, Clone, Default)]
struct ImageConfig {
    env: Vec<(String, String)>,
    dir: String,
    user: String,
    shell: Option<Vec<String>>,
}

#[derive(Debug, Clone, PartialEq)]
enum Output {
    Scratch,
    Vertex(VertexId),
    Context(ContextRef),
}

impl State {
    fn new(output: Output, platform: &str) -> State {
        let config = ImageConfig { env: vec![("PATH".into(), DEFAULT_PATH.into())], ..ImageConfig::default() };
        State { output, env: Vec::new(), dir: "/".into(), user: String::new(), platform: platform.into(), config }
    }

    fn set(&mut self, name: &str, value: &str) {
        self.env.retain(|(other, _)| other != name);
        self.env.push((name.to_owned(), value.to_owned()));
    }

    fn get(&self, name: &str) -> Lookup {
        let found = self.env.iter().find(|(other, _)| other == name);
        found.map_or(Lookup::Unset, |(_, value)| Lookup::Set(value.clone()))
    }

    /// What a stage starts with when it is built on this state: variables of the image are set once more, arguments stay.
    fn enter(&mut self) {
        for (name, value) in self.config.env.clone() {
            self.set(&name, &value);
        }
        if !self.config.dir.is_empty() {
            self.dir = self.config.dir.clone();
        }
        if !self.config.user.is_empty() {
            self.user = self.config.user.clone();
        }
    }

    /// What another build sees of a result: arguments do not leave a build.
    fn linked(mut self) -> State {
        self.env.clear();
        self.dir = "/".into();
        self.user = String::new();
        self
    }
}

impl<'a> Converter<'a> {
    fn build(&mut self, input: &'a BuildInput) -> Result<Vec<(String, State)>, ConvertError> {
        match self.done.get(input.name.as_str()) {
            Some(Some(states)) => return Ok(states.clone()),
            Some(None) => {
                let known = self.errors.iter().find(|(name, _)| *name == input.name);
                let cycle = || ConvertError::new(format!("target `{}` links to itself", input.name), None);
                return Err(known.map_or_else(cycle, |(_, error)| error.clone()));
            }
            None => {}
        }
        self.done.insert(&input.name, None);
        if let Some(error) = input.dockerfile.errors.first() {
            let error = ConvertError::new(error.error.message.clone(), error.error.span);
            self.errors.push((input.name.clone(), error.clone()));
            return Err(error);
        }
        let mut platforms: Vec<String> = input.platforms.iter().map(|text| normal_platform(text)).collect();
        platforms.dedup();
        if platforms.is_empty() {
            platforms.push(DEFAULT_PLATFORM.to_owned());
        }
        let mut steps = Vec::new();
        let mut states = Vec::new();
        for platform in &platforms {
            let mut build = StageBuilder::new(self, input, platform, platforms.len() > 1);
            match build.target() {
                Ok(state) => {
                    steps.append(&mut build.steps);
                    states.push((platform.clone(), state));
                }
                Err(error) => {
                    self.errors.push((input.name.clone(), error.clone()));
                    return Err(error);
                }
            }
        }
        let result = |(_, state): &(String, State)| match state.output {
            Output::Vertex(id) => Some(id),
            _ => None,
        };
        let results: Vec<VertexId> = states.iter().filter_map(result).collect();
        let (needs, layers) = (reachable(&self.graph, &results, true), reachable(&self.graph, &results, false));
        self.graph.builds.push(BuildGraph { name: input.name.clone(), steps, results, needs, layers });
        self.done.insert(&input.name, Some(states.clone()));
        Ok(states)
    }
}

/// Converts the stages of one build for one platform.
struct StageBuilder<'c, 'a> {
    converter: &'c mut Converter<'a>,
    input: &'a BuildInput,
    file: &'a Dockerfile,
    lexer: Lexer,
    platform: String,
    several_platforms: bool,
    /// Arguments from before the first FROM and those that BuildKit sets.
    globals: Vec<(String, String)>,
    epoch: Option<i64>,
    stages: Vec<Option<State>>,
    steps: Vec<Step>,
    main_context: Option<Output>,
}

/// An instruction, or the one inside of an ONBUILD.
#[derive(Clone, Copy)]
struct Operation<'a> {
    keyword: Keyword,
    body: &'a Body,
    instruction: &'a Instruction,
    trigger: bool,
}

/// The numbering of a stage's steps.
struct Numbers {
    stage: String,
    index: u32,
    total: u32,
}

impl<'c, 'a> StageBuilder<'c, 'a> {
    fn new(converter: &'c mut Converter<'a>, input: &'a BuildInput, platform: &str, several_platforms: bool) -> Self {
        let file: &Dockerfile = &input.dockerfile;
        StageBuilder {
            converter,
            input,
            file,
            lexer: Lexer::new(file.escape),
            platform: platform.to_owned(),
            several_platforms,
            globals: Vec::new(),
            epoch: None,
            stages: vec![None; file.stages.len()],
            steps: Vec::new(),
            main_context: None,
        }
    }

    fn target(&mut self) -> Result<State, ConvertError> {
        let wanted = self.input.target.as_deref().filter(|target| !target.is_empty());
        let target = match wanted {
            None => self.file.stages.len().checked_sub(1),
            Some(name) => self.file.stage_named(name),
        };
        let Some(target) = target else {
            let message = match wanted {
                Some(name) => format!("there is no stage `{name}`"),
                None => "the Dockerfile has no stage".to_owned(),
            };
            return Err(ConvertError::new(message, None));
        };
        self.read_globals(wanted)?;
        // A stage can only use those before it, so in the order of the file all that one needs is there.
        for at in self.needed(target)? {
            let state = self.stage(at)?;
            self.stages[at] = Some(state);
        }
        self.stages[target].clone().ok_or_else(|| ConvertError::new("the stage has no result", None))
    }

    /// The stages that a stage needs, itself included, in the order of the file.
    fn needed(&self, target: usize) -> Result<Vec<usize>, ConvertError> {
        let mut needed = vec![false; self.file.stages.len()];
        let mut todo = vec![target];
        while let Some(at) = todo.pop() {
            if std::mem::replace(&mut needed[at], true) {
                continue;
            }
            let stage = &self.file.stages[at];
            if stage.name.as_deref().is_some_and(|name| self.has_context(name)) {
                continue;
            }
            let base = self.file.base_stage(at, &self.expand_global(&stage.base)?);
            todo.extend(base);
            let triggers = base.map(|base| self.triggers(base)).unwrap_or_default();
            let own = self.file.stage_instructions(at).iter().map(|instruction| &instruction.body);
            for body in triggers.iter().map(|trigger| trigger.body).chain(own) {
                let refs: Vec<StageRef> = match body {
                    Body::Copy(copy) => copy.from.iter().map(|from| self.file.copy_from(from.as_str())).collect(),
                    Body::Run(run) => {
                        let names = run.mounts.iter().filter_map(|mount| mount.from());
                        names.map(|name| self.file.mount_from(name.as_str())).collect()
                    }
                    _ => continue,
                };
                // What stands behind is an error, which is told where the instruction is converted.
                let earlier = |found: StageRef| match found {
                    StageRef::Stage(other) if other < at => Some(other),
                    _ => None,
                };
                todo.extend(refs.into_iter().filter_map(earlier));
            }
        }
        Ok((0..needed.len()).filter(|at| needed[*at]).collect())
    }

    fn has_context(&self, name: &str) -> bool {
        let wanted = context_name(name);
        self.input.contexts.iter().any(|(name, _)| context_name(name) == wanted)
    }

    /// The arguments that FROM lines can use (`defaultArgs` and `buildMetaArgs`).
    fn read_globals(&mut self, target: Option<&str>) -> Result<(), ConvertError> {
        let build_platform = DEFAULT_PLATFORM;
        for (prefix, platform) in [("BUILD", build_platform), ("TARGET", &self.platform)] {
            let mut parts = platform.split('/');
            let values = [
                ("PLATFORM", platform),
                ("OS", parts.next().unwrap_or_default()),
                ("OSVERSION", ""),
                ("ARCH", parts.next().unwrap_or_default()),
                ("VARIANT", parts.next().unwrap_or_default()),
            ];
            for (name, value) in values {
                self.globals.push((format!("{prefix}{name}"), value.to_owned()));
            }
        }
        let last = self.file.stages.last().and_then(|stage| stage.name.clone());
        let stage = target.map(str::to_owned).or(last).filter(|name| !name.is_empty());
        self.globals.push(("TARGETSTAGE".into(), stage.unwrap_or_else(|| "default".into())));
        for (name, value) in &mut self.globals {
            if let Some(passed) = passed(self.input, name) {
                passed.clone_into(value);
            }
        }
        for instruction in self.file.meta_args() {
            let Body::Arg(pairs) = &instruction.body else { continue };
            for pair in pairs {
                let name = pair.name.to_string();
                let value = match (passed(self.input, &name), &pair.value) {
                    (Some(value), _) => value.to_owned(),
                    (None, Some(value)) => self.expand_global(value)?,
                    (None, None) => continue,
                };
                self.globals.retain(|(other, _)| *other != name);
                self.globals.push((name, value));
            }
        }
        let epoch = passed(self.input, "SOURCE_DATE_EPOCH").or_else(|| self.global("SOURCE_DATE_EPOCH"));
        self.epoch = epoch.and_then(|value| value.parse().ok());
        Ok(())
    }

    fn global(&self, name: &str) -> Option<&str> {
        self.globals.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    fn expand_global(&self, text: &MappedText) -> Result<String, ConvertError> {
        let env = |name: &str| self.global(name).map_or(Lookup::Unset, |value| Lookup::Set(value.to_owned()));
        expand(&self.lexer, text, &env)
    }

    /// Converts a stage; those that it needs are there.
    fn stage(&mut self, at: usize) -> Result<State, ConvertError> {
        let stage = &self.file.stages[at];
        let from = &self.file.instructions[stage.from];
        let base = self.expand_global(&stage.base)?;
        let platform = match &stage.platform {
            Some(text) => normal_platform(&self.expand_global(text)?),
            None => self.platform.clone(),
        };
        if let Some(name) = &stage.name
            && let Some(state) = self.named_context(name, &platform)?
        {
            return Ok(state);
        }
        let base_stage = self.file.base_stage(at, &base);
        let mut numbers = Numbers { stage: String::new(), index: 0, total: 0 };
        let mut state = match base_stage {
            Some(base) => self.converted(base, from.span)?.clone(),
            None if base == "scratch" => State::new(Output::Scratch, &platform),
            None => {
                numbers.total = 1;
                let (state, is_image) = self.image_or_context(&base, &platform, from.span)?;
                // Only an image is printed as a step; a context still counts.
                numbers.index = u32::from(is_image);
                state
            }
        };
        let triggers: Vec<Operation<'a>> = base_stage.map(|base| self.triggers(base)).unwrap_or_default();
        let own = self.file.stage_instructions(at).iter().map(|instruction| Operation {
            keyword: instruction.keyword,
            body: &instruction.body,
            instruction,
            trigger: false,
        });
        let counted = |keyword| matches!(keyword, Keyword::Add | Keyword::Copy | Keyword::Run | Keyword::Workdir);
        numbers.total += triggers.len() as u32 + own.clone().filter(|own| counted(own.keyword)).count() as u32;
        numbers.stage = stage.name.clone().unwrap_or_else(|| format!("stage-{at}"));
        state.enter();
        let no_cache = self.input.no_cache
            || self.input.no_cache_filter.iter().any(|name| {
                let own = stage.name.as_deref().unwrap_or_default();
                name.eq_ignore_ascii_case(own)
            });
        let operations: Vec<Operation<'a>> = triggers.into_iter().chain(own).collect();
        for operation in operations {
            self.dispatch(operation, at, &mut state, &mut numbers, no_cache)?;
        }
        Ok(state)
    }

    fn converted(&self, stage: usize, span: Span) -> Result<&State, ConvertError> {
        let state = self.stages.get(stage).and_then(Option::as_ref);
        state.ok_or_else(|| ConvertError::new("the stage is used before it is built", span))
    }

    /// The ONBUILD triggers that a stage leaves to those built on it.
    fn triggers(&self, stage: usize) -> Vec<Operation<'a>> {
        let mut triggers = Vec::new();
        for instruction in self.file.stage_instructions(stage) {
            if let Body::Onbuild(onbuild) = &instruction.body {
                let (keyword, body) = (onbuild.keyword, &onbuild.body);
                triggers.push(Operation { keyword, body, instruction, trigger: true });
            }
        }
        triggers
    }

    /// What a name means that is no stage: a named context of the build, or an image. Says whether it is an image.
    fn image_or_context(&mut self, name: &str, platform: &str, span: Span) -> Result<(State, bool), ConvertError> {
        if let Some(state) = self.named_context(name, platform)? {
            return Ok((state, false));
        }
        let Ok(image) = ImageRef::parse(name) else {
            return Err(ConvertError::new(format!("`{name}` is no stage and no image"), span));
        };
        Ok((self.image(&image, platform), true))
    }

    fn image(&mut self, image: &ImageRef, platform: &str) -> State {
        let operation = Hasher::new("image")
            .part(image.name())
            .part(image.effective_tag().unwrap_or_default())
            .part(image.digest.as_deref().unwrap_or_default())
            .part(platform)
            .finish();
        let id = self.source(operation);
        State::new(Output::Vertex(id), platform)
    }

    fn source(&mut self, operation: Digest) -> VertexId {
        let vertex = Vertex { operation, inputs: Vec::new(), ignore_cache: false, source: true };
        self.converter.graph.add(vertex, Effect::Unknown)
    }

    fn named_context(&mut self, name: &str, platform: &str) -> Result<Option<State>, ConvertError> {
        let wanted = context_name(name);
        let found = self.input.contexts.iter().find(|(name, _)| context_name(name) == wanted);
        let Some((name, context)) = found else { return Ok(None) };
        let state = match context {
            BuildContext::Folder(folder) => {
                let ignore_files = vec![dockerignore::candidates("", folder)[1].clone()];
                State::new(Output::Context(ContextRef { folder: folder.clone(), ignore_files }), platform)
            }
            BuildContext::Image(image) if image == "scratch" => State::new(Output::Scratch, platform),
            BuildContext::Image(image) => match ImageRef::parse(image) {
                Ok(image) => self.image(&image, platform),
                Err(_) => return Err(ConvertError::new(format!("context `{name}`: `{image}` is no image"), None)),
            },
            BuildContext::Remote(url) => {
                let id = self.source(Hasher::new("remote").part(url).finish());
                State::new(Output::Vertex(id), platform)
            }
            BuildContext::Target(target) => {
                let inputs = self.converter.inputs;
                let Some(linked) = inputs.iter().find(|input| input.name == *target) else {
                    return Err(ConvertError::new(format!("context `{name}` links to no target: `{target}`"), None));
                };
                self.converter.depth += 1;
                if self.converter.depth > MAX_LINKS {
                    return Err(ConvertError::new("too many targets link to one another", None));
                }
                let states = self.converter.build(linked)?;
                self.converter.depth -= 1;
                let same = states.iter().find(|(other, _)| other == platform).or_else(|| states.first());
                let state = same.map(|(_, state)| state.clone().linked());
                state.unwrap_or_else(|| State::new(Output::Scratch, platform))
            }
        };
        Ok(Some(state))
    }

    /// The main context.
    fn main(&mut self) -> Result<Output, ConvertError> {
        if let Some(output) = &self.main_context {
            return Ok(output.clone());
        }
        let output = match &self.input.context {
            BuildContext::Folder(folder) => {
                let path = self.input.dockerfile_path.as_deref();
                let [own, at_root] = dockerignore::candidates(path.unwrap_or_default(), folder);
                let ignore_files = path.map(|_| own).into_iter().chain([at_root]).collect();
                Output::Context(ContextRef { folder: folder.clone(), ignore_files })
            }
            BuildContext::Remote(url) | BuildContext::Image(url) | BuildContext::Target(url) => {
                Output::Vertex(self.source(Hasher::new("remote").part(url).finish()))
            }
        };
        self.main_context = Some(output.clone());
        Ok(output)
    }

    fn dispatch(
        &mut self,
        operation: Operation<'a>,
        stage: usize,
        state: &mut State,
        numbers: &mut Numbers,
        no_cache: bool,
    ) -> Result<(), ConvertError> {
        let span = operation.instruction.span;
        match operation.body {
            Body::Arg(pairs) => {
                for pair in pairs {
                    let name = pair.name.to_string();
                    let value = match (passed(self.input, &name), &pair.value) {
                        (Some(value), _) => Some(value.to_owned()),
                        (None, Some(value)) => Some(self.expand(value, state)?),
                        (None, None) => self.global(&name).map(str::to_owned),
                    };
                    let hidden = matches!(name.as_str(), "BUILDKIT_SBOM_SCAN_CONTEXT" | "BUILDKIT_SBOM_SCAN_STAGE");
                    if let Some(value) = value.filter(|_| !hidden) {
                        let is_epoch = name == "SOURCE_DATE_EPOCH" && self.epoch.is_some();
                        let normal = self.epoch.filter(|_| is_epoch).map(|epoch| epoch.to_string());
                        state.set(&name, &normal.unwrap_or(value));
                    }
                }
            }
            Body::Env(pairs) => {
                // All values see the variables as they were before the instruction.
                let mut expanded = Vec::new();
                for pair in &pairs.pairs {
                    expanded.push((self.expand(&pair.key, state)?, self.expand(&pair.value, state)?));
                }
                for (name, value) in expanded {
                    state.set(&name, &value);
                    match state.config.env.iter_mut().find(|(other, _)| *other == name) {
                        Some((_, old)) => *old = value,
                        None => state.config.env.push((name, value)),
                    }
                }
            }
            Body::Shell(words) => state.config.shell = Some(words.iter().map(ToString::to_string).collect()),
            Body::User(user) => {
                let user = self.expand(user, state)?;
                state.user.clone_from(&user);
                state.config.user = user;
            }
            Body::Workdir(dir) => {
                let dir = self.expand(dir, state)?;
                self.workdir(operation, &dir, state, numbers);
            }
            Body::Copy(copy) | Body::Add(copy) => {
                let from = match &copy.from {
                    Some(from) => Some(self.from(from.as_str(), true, stage, &state.platform, span)?),
                    None => None,
                };
                self.copy(operation, copy, from, state, numbers, no_cache)?;
            }
            Body::Run(run) => self.run(operation, run, stage, state, numbers, no_cache)?,
            _ => {}
        }
        Ok(())
    }

    fn expand(&self, text: &MappedText, state: &State) -> Result<String, ConvertError> {
        expand(&self.lexer, text, &|name: &str| state.get(name))
    }

    /// What `COPY --from` or a mount's `from` names.
    fn from(
        &mut self,
        name: &str,
        numbers: bool,
        stage: usize,
        platform: &str,
        span: Span,
    ) -> Result<Output, ConvertError> {
        let found = if numbers { self.file.copy_from(name) } else { self.file.mount_from(name) };
        match found {
            StageRef::Stage(other) if other >= stage => {
                Err(ConvertError::new(format!("stage `{name}` does not stand before this one"), span))
            }
            StageRef::Stage(other) => Ok(self.converted(other, span)?.output.clone()),
            StageRef::OutOfRange(index) => Err(ConvertError::new(format!("there is no stage {index}"), span)),
            StageRef::External if name == "scratch" => Ok(Output::Scratch),
            StageRef::External => Ok(self.image_or_context(name, platform, span)?.0.output),
        }
    }

    /// Records a step and gives it the next number.
    fn step(&mut self, operation: Operation<'a>, state: &State, numbers: &mut Numbers, vertices: Vec<VertexId>) {
        numbers.index += 1;
        self.steps.push(Step {
            stage: numbers.stage.clone(),
            index: numbers.index,
            total: numbers.total,
            keyword: operation.keyword.name(),
            line: operation.instruction.lines.0,
            text: self.printed(operation, state),
            platform: self.several_platforms.then(|| self.platform.clone()),
            vertices,
            variables: if operation.keyword == Keyword::Run { state.env.clone() } else { Vec::new() },
        });
    }

    /// The instruction as BuildKit prints it: keyword in capitals, set variables expanded.
    fn printed(&self, operation: Operation<'a>, state: &State) -> String {
        let lexer = Lexer { raw_quotes: true, keep_unset: true, ..self.lexer };
        let text = &operation.instruction.text;
        let expanded = expand(&lexer, text, &|name: &str| state.get(name)).unwrap_or_else(|_| text.to_string());
        let mut words = expanded.trim_start().splitn(2, char::is_whitespace);
        let mut rest = words.next().map(|_| words.next().unwrap_or_default().trim_start()).unwrap_or_default();
        if operation.trigger {
            rest = rest.split_once(char::is_whitespace).map_or("", |(_, rest)| rest.trim_start());
        }
        let mut text = format!("{} {rest}", operation.keyword.name());
        if let (Keyword::Run, Some(heredoc)) = (operation.keyword, operation.instruction.heredocs.first()) {
            let body = heredoc.body.trim();
            let first = body.lines().next().unwrap_or_default();
            let more = if body.lines().nth(1).is_some() { "..." } else { "" };
            text.push_str(&format!(" ({first}{more})"));
        }
        text
    }

    fn workdir(&mut self, operation: Operation<'a>, dir: &str, state: &mut State, numbers: &mut Numbers) {
        // An absolute path is kept as it is spelled, slashes at its end included: it is what later commands start in.
        let wd = match dir {
            "" => or_root(&state.config.dir).to_owned(),
            _ if dir.starts_with('/') => dir.to_owned(),
            _ => clean(&format!("{}/{dir}", or_root(&state.config.dir))),
        };
        state.config.dir.clone_from(&wd);
        state.dir.clone_from(&wd);
        if wd == "/" {
            return;
        }
        let mut hasher = Hasher::new("mkdir").part(clean(&wd)).part(owner(&state.config.user));
        if let Some(epoch) = self.epoch {
            hasher.add(epoch.to_le_bytes());
        }
        let inputs = chain(&state.output, &mut self.converter.graph);
        let effect = Effect::Directory { path: clean(&wd), owned: !state.config.user.is_empty() };
        let id = self.vertex(hasher.finish(), inputs, false, effect);
        state.output = Output::Vertex(id);
        self.step(operation, state, numbers, vec![id]);
    }

    /// Where files are from that go into a file system, or are mounted over it.
    fn taken_from(&mut self, output: &Output, base: &Output) -> Source {
        match output {
            output if output == base => Source::Base,
            Output::Scratch => Source::Nothing,
            Output::Vertex(id) => Source::Vertex(*id),
            Output::Context(context) => Source::Context(self.converter.graph.context(context.clone())),
        }
    }

    fn vertex(&mut self, operation: Digest, inputs: Vec<Input>, ignore_cache: bool, effect: Effect) -> VertexId {
        self.converter.graph.add(Vertex { operation, inputs, ignore_cache, source: false }, effect)
    }
}

/// The inputs of an operation: the file system that it changes, and others that it reads.
struct Inputs {
    base: Output,
    from: Vec<(Output, Vec<Selector>)>,
}

impl Inputs {
    /// Adds a selection; the number of the input that it is from. All selections of one input go together.
    fn add(&mut self, output: Output, selector: Selector) -> u64 {
        if output == self.base {
            // What it changes counts as a whole already.
            return 0;
        }
        let at = match self.from.iter().position(|(other, _)| *other == output) {
            Some(at) => at,
            None => {
                self.from.push((output, Vec::new()));
                self.from.len() - 1
            }
        };
        self.from[at].1.push(selector);
        at as u64 + 1
    }

    fn finish(self, graph: &mut Graph) -> Vec<Input> {
        let mut inputs = chain(&self.base, graph);
        for (output, selectors) in self.from {
            inputs.push(match output {
                Output::Scratch => continue,
                Output::Vertex(id) => Input::Files(id, selectors),
                Output::Context(context) => Input::Context(graph.selection(context, selectors)),
            });
        }
        inputs
    }
}

fn chain(output: &Output, graph: &mut Graph) -> Vec<Input> {
    match output {
        Output::Scratch => Vec::new(),
        Output::Vertex(id) => vec![Input::Chain(*id)],
        Output::Context(context) => vec![Input::ContextRoot(graph.context(context.clone()))],
    }
}

fn expand(lexer: &Lexer, text: &MappedText, env: &dyn Fn(&str) -> Lookup) -> Result<String, ConvertError> {
    let env = |name: &str| env(name);
    let expansion = lexer.expand(text, &env).map_err(|error| ConvertError::new(error.message, error.span))?;
    Ok(expansion.value.known().unwrap_or_default().to_owned())
}

fn passed<'i>(input: &'i BuildInput, name: &str) -> Option<&'i str> {
    input.args.iter().rev().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
}

fn or_root(dir: &str) -> &str {
    if dir.is_empty() { "/" } else { dir }
}

/// An owner as it counts: numbers by value, `root` as 0, other names as they are; the group only if it is given.
fn owner(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let part = |part: &str| match part {
        "root" => "#0".to_owned(),
        _ => part.parse::<i32>().map_or_else(|_| part.to_owned(), |id| format!("#{id}")),
    };
    text.splitn(2, ':').map(part).collect::<Vec<_>>().join(":")
}

/// A context's name as BuildKit compares them: the short form of an image reference, without `:latest`.
fn context_name(name: &str) -> String {
    match ImageRef::parse(name) {
        Ok(image) => {
            let tag = image.tag.as_deref().filter(|tag| *tag != "latest" || image.digest.is_some());
            let tag = tag.map(|tag| format!(":{tag}")).unwrap_or_default();
            let digest = image.digest.as_deref().map(|digest| format!("@{digest}")).unwrap_or_default();
            format!("{}{tag}{digest}", image.familiar_name())
        }
        Err(_) => name.to_lowercase(),
    }
}

/// A platform in its usual spelling: `amd64` is `linux/amd64`, `linux/x86_64` as well, and `local` is the builder's own.
fn normal_platform(text: &str) -> String {
    if text == "local" {
        return DEFAULT_PLATFORM.to_owned();
    }
    let mut parts: Vec<&str> = text.split('/').collect();
    if parts.len() == 1 && !matches!(parts[0], "linux" | "windows" | "darwin" | "freebsd") {
        parts.insert(0, "linux");
    }
    if parts.len() == 1 {
        parts.push("amd64");
    }
    parts[1] = match parts[1] {
        "x86_64" | "x86-64" => "amd64",
        "aarch64" => "arm64",
        "i386" => "386",
        arch => arch,
    };
    if (parts[1], parts.get(2)) == ("arm64", Some(&"v8")) {
        parts.truncate(2);
    }
    parts.join("/").to_lowercase()
}
