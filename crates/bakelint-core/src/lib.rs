//! The library behind bakelint: reads a repository's Dockerfiles, Bake files, compose files and workflows as one
//! build graph, and offers rules a place to stand on.
//!
//! ```
//! use bakelint_core::prelude::*;
//!
//! let snapshot = Snapshot::from_texts([("Dockerfile", "FROM debian:12\n")]);
//! let linter = Linter::new(&[], Config::default());
//! assert!(linter.lint(snapshot).diagnostics.is_empty());
//! ```

pub mod bake;
pub mod baseline;
pub mod config;
pub mod diagnostic;
pub mod edit;
pub mod engine;
pub mod facts;
pub mod ignore;
pub mod model;
pub mod patch;
pub mod replay;
pub mod rule;
pub mod snapshot;
pub mod source;
pub mod suggest;
pub mod syntax;

pub mod prelude {
    //! All that a rule may use, and what a program that embeds the library begins with.

    pub use crate::bake::{Declared, IgnoredKey, LinkKind, OVERRIDE_KEYS, Target};
    pub use crate::config::{Config, ConfigError, Selection};
    pub use crate::diagnostic::{Confidence, Diagnostic, Heeds, Label, Severity};
    pub use crate::edit::{CacheEffect, Edit, FileChange, Fix, Safety};
    pub use crate::engine::{Fixed, Linter, Report};
    pub use crate::facts::arguments::UnreadArgument;
    pub use crate::facts::caches::{CacheLocation, CacheTraffic, CacheUse, may_equal};
    pub use crate::facts::ci::{
        ContainerAction, ContainerCommand, StepCommand, StepScript, image_key, is_commit, runner_platform,
    };
    pub use crate::facts::commands::{
        Argument, CommandOption, Operand, OptionStyle, ShellFamily, ShellProgram, ShellVariables, arguments,
    };
    pub use crate::facts::consumers::{Artifact, HandedImage, ImageUse, ImageUseKind};
    pub use crate::facts::downloads::{Download, Unpack};
    pub use crate::facts::events::Event;
    pub use crate::facts::known_images::known_image;
    pub use crate::facts::packages::{Action, Manager, Manifest, Package, PackageCommand, PackageSource};
    pub use crate::facts::packages_api::{PackageCall, is_no_number};
    pub use crate::facts::prefix::{
        Chain, SharedPrefix, SplitPrefix, Step, same_text, shared_prefixes, split_prefixes,
    };
    pub use crate::facts::purpose::is_for_people;
    pub use crate::facts::reach::{Reached, StageUse};
    pub use crate::facts::reads::names_variable;
    pub use crate::facts::runs::{MountedDirectory, Removal, Run};
    pub use crate::facts::stages::{
        BuildError, Definition, Effect, Evaluation, ExposedPort, Moment, Origin, Pass, Reading, Shell, StageBase,
        StageEvaluation, State, Step as EvaluatedStep, StepOrigin, Use, Word as ExpandedWord, values,
    };
    pub use crate::facts::test_times::TestTimes;
    pub use crate::facts::together::{SharedStages, Together};
    pub use crate::model::Project;
    pub use crate::model::bake::{Bake, BakeCall};
    pub use crate::model::build::{
        Build, BuildArg, Caller, Context, Entry as OptionList, Maker, NamedContext, ScriptCall, StepRef,
    };
    pub use crate::model::compose::{self as compose, Compose};
    pub use crate::model::dockerfile::{Base, Dockerfile};
    pub use crate::model::paths;
    pub use crate::model::settings::{Runner, Settings};
    pub use crate::model::value::{Eval, Text, TextPart, Value};
    pub use crate::model::workflow::{self as workflow, ActionRef, Job, Workflow};
    pub use crate::patch::patch;
    pub use crate::rule::{Check, Findings, Meta, Rule as Entry};
    pub use crate::snapshot::{FileKind, ReadOptions, Snapshot};
    pub use crate::source::{FileId, Source, Span, Spanned};
    pub use crate::suggest::{nearest, nearest_variable};
    pub use crate::syntax::dockerfile::{self as dockerfile, Body, Instruction, Keyword, Stage, StageRef};
    pub use crate::syntax::dockerignore;
    pub use crate::syntax::hcl;
    pub use crate::syntax::image::ImageRef;
    pub use crate::syntax::mapped::MappedText;
    pub use crate::syntax::platform::Platform;
    pub use crate::syntax::shell::{self as shell, CommandRef, Script, Word};
    pub use crate::syntax::spdx::is_expression as is_license_expression;
    pub use serde::Deserialize;
}
