//! What BuildKit makes of a Dockerfile for one build: which stages it comes to, what each stands on, what every variable
//! is worth at every instruction, and where it stops.
//!
//! Follows `toDispatchState` of BuildKit's `frontend/dockerfile/dockerfile2llb/convert.go`, pass by pass. The evaluation
//! goes on behind an error, so that the rest can be looked at, but remembers what BuildKit never comes to. Nothing is
//! fetched: a base image's configuration comes from the command line, from the table of well-known images, or is unknown.

mod arguments;
mod config;
mod environment;
mod from;
mod graph;
mod images;
mod instructions;
mod run;
pub mod values;

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

pub use environment::{Binding, Global, Moment, Origin};
use environment::{Scopes, to_lookup};

use crate::diagnostic::Heeds;
use crate::model::Project;
use crate::model::build::{Build, Context};
use crate::model::dockerfile::Dockerfile;
use crate::source::{FileId, Source, Span};
use crate::syntax::SyntaxError;
use crate::syntax::dockerfile::{
    self as syntax, Body, CheckOptions, Expanded, Instruction, Lookup, MountSpec, Operator, Phase, VariableUse,
};
use crate::syntax::dockerignore::FILE_NAME;
use crate::syntax::image::ImageRef;
use crate::syntax::mapped::MappedText;
use crate::syntax::platform::Platform;

/// The evaluation of one build's Dockerfile.
#[derive(Debug)]
pub struct Evaluation {
    /// Index of the Dockerfile.
    pub dockerfile: usize,
    /// Index of the build.
    pub build: usize,
    /// The platform that is built for; `None` if it is not known or there are several.
    pub platform: Option<Platform>,
    /// The stages, in the order of the file.
    pub stages: Vec<StageEvaluation>,
    /// The stage that is asked for; `None` if there is no such stage.
    pub target: Option<usize>,
    /// What BuildKit refuses. A file that its parser refuses has no error here, and nothing of it is
    /// [seen](Step::seen).
    pub error: Option<BuildError>,
    /// Whether BuildKit comes to any stage at all.
    pub starts: bool,
    /// Images that are for another platform than they are used for, if BuildKit comes to them.
    pub foreign_images: Vec<ForeignImage>,
    globals: arguments::Globals,
    scopes: Scopes,
}

/// What is known about one stage.
#[derive(Debug)]
pub struct StageEvaluation {
    /// What it stands on.
    pub base: StageBase,
    /// The base after expansion, if BuildKit comes to it.
    pub base_name: Option<Word>,
    /// The base after expansion with the defaults of all arguments, if BuildKit looks at it.
    pub default_base: Option<Word>,
    /// The value of `--platform` after expansion, if there is one and BuildKit comes to it.
    pub platform_flag: Option<Word>,
    /// The platform; `None` if it is not known.
    pub platform: Option<Platform>,
    /// Whether the stage that is asked for needs it.
    pub reachable: bool,
    /// Whether its instructions are evaluated: it is needed, or no stage is asked for.
    pub evaluated: bool,
    /// Whether the environment is wholly known: that of the base image is, or there is none.
    pub complete: bool,
    /// Triggers of the parent stage and of the base image, then the stage's own instructions behind the FROM. Empty if
    /// the stage is not evaluated.
    pub steps: Vec<Step>,
    /// What the last instruction leaves behind.
    pub end: State,
}

/// An image that is for another platform than it is used for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignImage {
    /// Its name as the file has it, after expansion.
    pub image: String,
    /// The platform that is wanted.
    pub wanted: Platform,
    /// The platform that it is for.
    pub actual: Platform,
    /// Index of the instruction that names it.
    pub instruction: usize,
    /// Where it stands.
    pub span: Span,
}

/// What a stage stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StageBase {
    /// Another stage, by index.
    Stage(usize),
    /// A named context of the build, by index: in place of the stage itself, or of the image that it names.
    Context(usize),
    /// An image; `None` if the reference is not known or invalid.
    Image(Option<ImageRef>),
    /// Nothing.
    Scratch,
}

/// What an instruction finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// The moment to ask [`Evaluation::variable`] about.
    pub moment: Moment,
    /// The working directory, with slashes; `None` if it is not known.
    pub workdir: Option<Arc<str>>,
    /// The first WORKDIR of the stage and the stages below it, as an index of the file's instructions.
    pub first_workdir: Option<usize>,
    /// The user; empty if none is set, `None` if it is not known.
    pub user: Option<Arc<str>>,
    /// The shell of RUN, CMD and ENTRYPOINT.
    pub shell: Shell,
}

/// Who says which shell runs commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shell {
    /// Nobody, as far as is known: `/bin/sh -c`, or `cmd /S /C` on Windows.
    Default,
    /// The base image.
    Image,
    /// A SHELL, by index of the file's instructions.
    Instruction(usize),
}

/// One instruction in one stage.
#[derive(Debug)]
pub struct Step {
    /// Index of the file's instruction: the ONBUILD for a trigger, the FROM for a trigger of the base image.
    pub instruction: usize,
    /// What it is.
    pub origin: StepOrigin,
    /// What it finds.
    pub before: State,
    /// The words that BuildKit expanded, in its order. Those behind the first faulty one are missing.
    pub words: Vec<Word>,
    /// What it does.
    pub effect: Effect,
    /// The step whose effect it undoes: an earlier CMD, ENTRYPOINT or HEALTHCHECK of the stage.
    pub overrides: Option<usize>,
    /// Whether BuildKit comes to it.
    pub seen: bool,
}

/// Where an instruction of a stage comes from.
#[derive(Debug, Clone)]
pub enum StepOrigin {
    /// It stands in the stage.
    Own,
    /// It stands behind ONBUILD in the parent stage.
    Trigger,
    /// It is a trigger of the base image; its body, whose spans mean nothing.
    Image(Arc<Instruction>),
}

/// What an instruction does, as far as BuildKit comes with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Nothing that is told here.
    None,
    /// ENV, ARG and LABEL: the names that are set, in order.
    Set(Vec<Setting>),
    /// WORKDIR: the value after expansion.
    Workdir(Expanded),
    /// COPY and ADD: the sources in the context.
    Copy(Vec<ContextPath>),
    /// RUN: its mounts.
    Run(Vec<MountSpec>),
    /// EXPOSE: its ports that are wholly known.
    Expose(Vec<ExposedPort>),
}

/// A name that an ENV, ARG or LABEL sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The name after expansion.
    pub name: String,
    /// Where it stands.
    pub span: Span,
}

/// A source of a COPY or ADD in the context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextPath {
    /// The path after expansion.
    pub path: String,
    /// Where it stands.
    pub span: Span,
}

/// A port of an EXPOSE, of which BuildKit has read the protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExposedPort {
    /// The word after expansion.
    pub raw: String,
    /// The protocol as written; `tcp` where none is.
    pub protocol: String,
    /// Whether an address or a port of the host stands before the port.
    pub is_mapping: bool,
    /// Where it stands.
    pub span: Span,
    /// Whether the word stands in the file as it is, so that a part of it can be edited in place.
    pub literal: bool,
}

/// A text that BuildKit expanded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// Where it stands.
    pub span: Span,
    /// The text with its variables replaced; unknown if that failed.
    pub value: Expanded,
    /// The variables in it. For EXPOSE and defaults of ARGs before the first FROM, BuildKit does not tell.
    pub uses: Vec<Use>,
}

/// A use of a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// The variable.
    pub name: String,
    /// The whole expression.
    pub span: Span,
    /// The operator of the form.
    pub operator: Operator,
    /// What is known about the variable.
    pub definition: Definition,
}

/// What is known about a variable where it is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Definition {
    /// It has a value.
    Set,
    /// An ARG declares it, without a value.
    Declared,
    /// The base image is not known, and images are known to set such a variable.
    MaybeImage,
    /// Nothing sets it.
    Missing {
        /// Whether that is certain; not if the base image is unknown.
        certain: bool,
    },
}

/// The pass of BuildKit that refuses a build, in the order in which they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pass {
    /// The `# check=` options are read.
    Options,
    /// Arguments before the first FROM get their values.
    Arguments,
    /// The FROM of each stage is expanded.
    From,
    /// The stage that is asked for is looked up.
    Target,
    /// Stages are joined with what they copy from.
    Graph,
    /// Base images are looked up.
    Images,
    /// Instructions are evaluated, stage by stage.
    Instructions,
}

/// What BuildKit refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildError {
    /// The pass that finds it.
    pub pass: Pass,
    /// What is wrong, with the guilty token. It lies on the line that BuildKit names, where it names one.
    pub error: SyntaxError,
    /// The stage that it is about.
    pub stage: Option<usize>,
    /// The argument that is to blame because it has no value: declared without default, and not passed by the build.
    pub unset: Option<String>,
}

impl Word {
    pub(super) fn fixed(span: Span, value: Expanded) -> Self {
        Word { span, value, uses: Vec::new() }
    }
}

impl Use {
    /// Whether BuildKit says that the variable is not defined.
    pub fn is_missing(&self) -> bool {
        matches!(self.definition, Definition::Missing { .. } | Definition::MaybeImage)
    }

    /// Where the name stands in the expression, if it stands there in one piece.
    pub fn name_span(&self, source: &Source) -> Option<Span> {
        let text = source.slice(self.span);
        let at = text.strip_prefix("${").or_else(|| text.strip_prefix('$'))?;
        let start = self.span.start as usize + text.len() - at.len();
        at.starts_with(&self.name).then(|| Span::new(self.span.file, start..start + self.name.len()))
    }
}

impl Step {
    /// The arguments.
    pub fn body<'t>(&'t self, tree: &'t syntax::Dockerfile) -> &'t Body {
        if let StepOrigin::Image(instruction) = &self.origin {
            return &instruction.body;
        }
        match tree.instructions.get(self.instruction).map(|instruction| &instruction.body) {
            Some(Body::Onbuild(onbuild)) if matches!(self.origin, StepOrigin::Trigger) => &onbuild.body,
            Some(body) => body,
            None => &Body::Invalid,
        }
    }

    /// Whether it stands in the stage itself.
    pub fn is_own(&self) -> bool {
        matches!(self.origin, StepOrigin::Own)
    }
}

impl Evaluation {
    /// What a variable is at a moment; `None` if nothing is known to set it.
    pub fn variable(&self, moment: Moment, name: &str) -> Option<&Binding> {
        self.scopes.get(moment, name)
    }

    /// The stage whose base BuildKit refuses for want of an argument, which its check of default bases tells as well.
    pub fn lacks_base_argument(&self, file: &Dockerfile) -> Option<usize> {
        let BuildError { error, stage, unset, .. } = self.error.as_ref()?;
        let at = (*stage).filter(|_| unset.is_some())?;
        let (base, from) = (self.stages.get(at)?.default_base.as_ref()?, file.from(at)?);
        let invalid = base.value.known().is_some_and(|name| ImageRef::parse(name).is_err());
        (invalid && file.on_first_line(from, base.span) == error.span).then_some(at)
    }

    /// Whether an ARG of the stage or the stages below it declares the name, be it without a value.
    pub fn is_declared(&self, moment: Moment, name: &str) -> bool {
        self.scopes.is_declared(moment, name)
    }

    /// The variable that has a value at a moment and is called nearly `name`. None is looked for among a great many.
    pub fn nearest_variable(&self, moment: Moment, name: &str) -> Option<String> {
        self.scopes.nearest(moment, name)
    }

    /// The names of all variables that have a value at a moment, in order.
    pub fn names(&self, moment: Moment) -> BTreeSet<String> {
        self.scopes.names(moment)
    }

    /// The same with those of ARGs that have no value, and without what BuildKit sets by itself.
    pub fn names_with_arguments(&self, moment: Moment) -> BTreeSet<String> {
        self.scopes.names_with_arguments(moment)
    }

    /// What is known about a variable at a moment. An ARG without a value may still get one from the caller of the build.
    pub fn look_up(&self, moment: Moment, name: &str) -> Lookup {
        match self.scopes.get(moment, name) {
            Some(binding) => to_lookup(&binding.value),
            None if self.scopes.is_cut(moment) || self.scopes.is_declared(moment, name) => Lookup::Dynamic,
            None => Lookup::Unset,
        }
    }

    /// An argument that FROM lines may use.
    pub fn global(&self, name: &str) -> Option<&Global> {
        self.globals.get(name)
    }

    /// The names of all arguments that FROM lines may use.
    pub fn global_names(&self) -> impl Iterator<Item = &str> {
        self.globals.keys().map(String::as_str)
    }

    /// Where to report something about a step: at a token of it, if it stands on the line that BuildKit names, else at
    /// what stands there. Triggers are reported at the FROM of the stage that they run in, and no comment silences them.
    pub fn place(&self, file: &Dockerfile, stage: usize, step: &Step, token: Span) -> (Span, Heeds) {
        let from = file.tree.stages.get(stage);
        let (node, token, heeds) = match (step.is_own(), from) {
            (false, Some(from)) => (from.from, from.base.span(), Heeds::Nothing),
            _ => (step.instruction, token, Heeds::Here),
        };
        (file.tree.instructions.get(node).map_or(token, |node| file.on_first_line(node, token)), heeds)
    }

    /// All steps that BuildKit comes to, with the index of their stage.
    pub fn steps(&self) -> impl Iterator<Item = (usize, &Step)> {
        self.stages
            .iter()
            .enumerate()
            .flat_map(|(at, stage)| stage.steps.iter().filter(|step| step.seen).map(move |step| (at, step)))
    }
}

/// How far BuildKit comes with a file before it evaluates anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// Not even the first instruction is read.
    Nothing,
    /// This many instructions are read, then one is refused.
    Instructions(usize),
    /// All of it is read.
    Whole,
}

/// The evaluation of a build as if it asked for no stage, so that all of them are evaluated; `None` if its Dockerfile is not known.
pub(super) fn evaluate_all_stages(project: &Project, build: usize) -> Option<Evaluation> {
    run::evaluate(project, build, true)
}

impl Project {
    /// The evaluation of a build; `None` if its Dockerfile is not known.
    pub fn evaluation(&self, build: usize) -> Option<&Evaluation> {
        struct Evaluations(Vec<OnceLock<Option<Evaluation>>>);
        let all = self.derived.get(|| Evaluations(self.builds.iter().map(|_| OnceLock::new()).collect()));
        all.0.get(build)?.get_or_init(|| run::evaluate(self, build, false)).as_ref()
    }

    /// The evaluations of all builds.
    pub fn evaluations(&self) -> impl Iterator<Item = &Evaluation> {
        (0..self.builds.len()).filter_map(|build| self.evaluation(build))
    }

    /// What is asked of BuildKit's checks for a whole file: on the command line, by the build argument
    /// `BUILDKIT_DOCKERFILE_CHECK`, or by the `# check=` directive, the first of these that is there.
    ///
    /// # Errors
    ///
    /// When BuildKit cannot read the options. It then refuses the build before it reads the file.
    pub fn check_options(&self, dockerfile: usize) -> Result<CheckOptions, SyntaxError> {
        let Some(file) = self.dockerfiles.get(dockerfile) else { return Ok(CheckOptions::default()) };
        let settings = &self.settings.build;
        let passed = || {
            let build = self.builds_of(dockerfile).next()?;
            let arg = build.arg("BUILDKIT_DOCKERFILE_CHECK")?;
            Some((arg.value.as_known()?.to_owned(), arg.span))
        };
        let typed = settings.check.clone().or_else(|| settings.experimental.then(|| "experimental=all".to_owned()));
        let typed = typed.map(|value| (value, Span::at(file.file, 0)));
        match typed.or_else(passed) {
            Some((value, span)) => {
                let value = MappedText::verbatim(span.file, span.start as usize, &value);
                CheckOptions::parse(&value).map_err(|error| SyntaxError { span, ..error })
            }
            None => file.tree.check_directive(file.source.text()),
        }
    }

    /// The ignore file of a build: the one beside the Dockerfile that bears its name, else that of the context. `None` if there
    /// is none or the context is no folder of the repository.
    pub fn ignore_file(&self, build: &Build, dockerfile: &Dockerfile) -> Option<FileId> {
        let Context::Folder(folder) = &build.context else { return None };
        let own = self.snapshot.find(&format!("{}{FILE_NAME}", dockerfile.path));
        let folder = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        own.or_else(|| self.snapshot.find(&format!("{folder}{FILE_NAME}")))
    }

    /// The instructions that BuildKit looks at one by one, in the order of the file; the last one may be refused.
    pub fn instructions_read(&self, dockerfile: usize) -> &[Instruction] {
        let Some(file) = self.dockerfiles.get(dockerfile) else { return &[] };
        let count = match self.reading(dockerfile) {
            Reading::Nothing => 0,
            Reading::Instructions(read) => read + 1,
            Reading::Whole => file.tree.instructions.len(),
        };
        file.tree.instructions.get(..count).unwrap_or(&file.tree.instructions)
    }

    /// How far BuildKit comes with a file before it evaluates anything.
    pub fn reading(&self, dockerfile: usize) -> Reading {
        let Some(file) = self.dockerfiles.get(dockerfile) else { return Reading::Nothing };
        if self.check_options(dockerfile).is_err() {
            return Reading::Nothing;
        }
        match file.tree.errors.first().map(|error| error.phase) {
            Some(Phase::Parser) => Reading::Nothing,
            Some(Phase::Instruction) => Reading::Instructions(file.tree.instructions_read()),
            Some(Phase::Stages) | None => Reading::Whole,
        }
    }
}

/// A use as the lexer found it.
fn use_of(found: &VariableUse, definition: Definition) -> Use {
    Use { name: found.name.clone(), span: found.span, operator: found.operator, definition }
}
