//! An evaluation in the making: its passes, and the variables of each stage.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::config::ImageConfig;
use super::environment::{Binding, Origin, Scopes, bounded, to_lookup};
use super::graph::Node;
use super::instructions::Last;
use super::values::join_workdir;
use super::{
    BuildError, Definition, Effect, Evaluation, Moment, Pass, Shell, StageBase, StageEvaluation, State, Step,
    StepOrigin, Word,
};
use crate::facts::known_images::is_image_variable;
use crate::model::Project;
use crate::model::build::Build;
use crate::model::dockerfile::Dockerfile;
use crate::model::value::{Text, TextPart};
use crate::source::Span;
use crate::suggest::nearest;
use crate::syntax::SyntaxError;
use crate::syntax::dockerfile::{self as syntax, Body, Expanded, Instruction, Lexer, Lookup, Part};
use crate::syntax::platform::Platform;

/// What BuildKit sets PATH to where an image does not.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The name of the empty base.
pub(super) const SCRATCH: &str = "scratch";

/// An evaluation in the making.
pub(super) struct Run<'p> {
    pub project: &'p Project,
    pub file: &'p Dockerfile,
    pub tree: &'p syntax::Dockerfile,
    pub build: &'p Build,
    /// Whether the stage that the build asks for plays no part.
    pub targetless: bool,
    pub lexer: Lexer,
    pub evaluation: Evaluation,
    /// Whether BuildKit has stopped: what is found from here on, it does not find.
    pub stopped: bool,
    /// Whether BuildKit comes to look images up. It does so for all of them at once, so an error hides none of the others.
    pub resolves_images: bool,
    /// The platform of the machine that builds.
    pub worker: Platform,
    pub nodes: Vec<Node>,
    /// Whether a node can be copied from: it was evaluated, or is an image.
    pub dispatched: Vec<bool>,
    /// Stages of which a named context of the same name takes the place.
    pub replaced: Vec<bool>,
    /// The nodes that an instruction needs, in the order of its mounts; a COPY needs at most one. By index of the file's
    /// instructions.
    pub needs: HashMap<usize, Vec<usize>>,
    /// The last stage of each name.
    pub stage_names: HashMap<String, usize>,
    /// Stages of whose variables nothing is known, because too many stages stand on each other.
    pub unknown: Vec<bool>,
    /// The names that any ARG or ENV of the file sets.
    pub file_names: HashSet<String>,
    /// The triggers of each stage.
    pub triggers: Vec<Vec<(usize, StepOrigin)>>,
    pub configs: Vec<ImageConfig>,
}

/// Evaluates a build, with or without its target; `None` if its Dockerfile is not known.
pub(super) fn evaluate(project: &Project, build: usize, targetless: bool) -> Option<Evaluation> {
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
        targetless,
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
            globals: BTreeMap::new(),
            scopes: Scopes::new(stages),
        },
        stopped: !tree.errors.is_empty(),
        resolves_images: false,
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

    pub fn first_line(&self, instruction: &Instruction, token: Span) -> Span {
        self.file.on_first_line(instruction, token)
    }

    fn target(&mut self) {
        let asked = self.build.target.as_ref().filter(|_| !self.targetless);
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
    pub fn is_for_all_stages(&self) -> bool {
        let named =
            self.build.target.as_ref().is_some_and(|target| target.eval.known().is_some_and(|name| !name.is_empty()));
        self.targetless || !named || self.evaluation.target.is_none()
    }

    /// The last stage with a name, whatever its case.
    pub fn stage_named(&self, name: &str) -> Option<usize> {
        self.stage_names.get(&name.to_lowercase()).copied()
    }

    /// Evaluates the instructions of a stage.
    fn instructions(&mut self, stage: usize) {
        if !self.evaluation.stages[stage].evaluated && !self.dispatched[stage] {
            return;
        }
        let mut state = self.begin(stage);
        if !self.evaluation.stages[stage].evaluated {
            // A context has taken the place of the stage; what stands on it begins with the context.
            self.evaluation.stages[stage].end = state;
            return;
        }
        self.dispatched[stage] = true;
        let own = self.tree.stages[stage].instructions.clone().map(|at| (at, StepOrigin::Own));
        let triggers = std::mem::take(&mut self.triggers[stage]);
        let mut last = Last::default();
        for (instruction, origin) in triggers.into_iter().chain(own) {
            let step = Step {
                instruction,
                origin,
                before: state.clone(),
                words: Vec::new(),
                effect: Effect::None,
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
    pub fn now(&self, stage: usize) -> Moment {
        self.evaluation.scopes.now(stage)
    }
}

/// A platform that the build asks for, in its usual spelling.
pub(super) fn read_platform(text: &str, worker: &Platform) -> Option<Platform> {
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
