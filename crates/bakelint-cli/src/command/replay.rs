//! `bakelint replay`: how often each step of each build is rebuilt, and why.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::Path;

use bakelint_core::model::settings::Settings;
use bakelint_core::replay::content::Overlay;
use bakelint_core::replay::definitions::Request;
use bakelint_core::replay::durations::{Durations, DurationsError};
use bakelint_core::replay::history::{HistoryError, Range, Repository};
use bakelint_core::replay::logs::BuildLog;
use bakelint_core::replay::simulate::Options;
use bakelint_core::replay::store::{Mode, StoreKind};
use bakelint_core::replay::{self as core, Change, Commits, History, WhatIf};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::args::{DefinitionsOf, Replay, ReplayFormat, StoreName, Times};
use crate::report::Look;
use crate::report::replay::{self as report, Subject};
use crate::{CLEAN, Failure, Surroundings};

/// Runs the verb.
pub fn run(args: &Replay, around: &mut Surroundings) -> Result<u8, Failure> {
    let directory = around.directory.join(&args.path);
    let durations = durations(&args.times, around)?;
    let repository = Repository::open(&directory).map_err(failure)?;
    let range = args.commits.0.map_or(Range::All, Range::Last);
    let commits = Commits { tip: &args.branch, range, branches: args.branches };
    let mut options = options(args, &repository);
    let mut notes = Vec::new();
    if args.store == StoreName::Auto {
        let declared = core::declared(&repository, &args.branch, &options, &Settings::default()).map_err(failure)?;
        notes = declared.apply(&mut options);
    }
    let subject = Subject {
        branch: options.branch.clone(),
        store: options.store,
        together: args.together,
        workflows: !options.calls.is_empty(),
        fixed_definitions: options.fixed_definitions || !args.replace.is_empty(),
        logs: durations.logs(),
    };
    let changes =
        if args.replace.is_empty() { Vec::new() } else { vec![Change { files: overlay(args, around)?, calls: None }] };
    let bar = progress_bar();
    let mut progress = |done: usize, all: usize| {
        bar.set_length(all as u64);
        bar.set_position(done as u64);
    };
    let found = core::what_if(&repository, commits, options, durations.clone(), &changes, &mut progress);
    bar.finish_and_clear();
    let (mut history, answers) = found.map_err(failure)?;
    history.replay.notes.append(&mut notes);
    let text = print(args, around, &subject, &history, &durations, answers.first())?;
    around.out.write_all(text.as_bytes())?;
    Ok(CLEAN)
}

fn print(
    args: &Replay,
    around: &Surroundings,
    subject: &Subject,
    history: &History,
    durations: &Durations,
    answer: Option<&WhatIf>,
) -> Result<String, Failure> {
    if let (true, Some(first)) = (history.replay.builds.is_empty(), history.replay.failures.last()) {
        let help = "name the bake file with --file, or a Dockerfile with --dockerfile".to_owned();
        return Err(Failure::Usage { message: first.reason.clone(), help: Some(help) });
    }
    Ok(match args.format {
        ReplayFormat::Json => report::json::print(subject, history, durations, answer),
        ReplayFormat::Text => report::text::print(subject, history, durations, answer, Look::of(around)),
        ReplayFormat::Html => report::html::print(subject, history, durations, answer),
    })
}

fn options(args: &Replay, repository: &Repository) -> Options {
    Options {
        request: Request {
            files: args.file.clone(),
            dockerfile: args.dockerfile.clone(),
            context: String::new(),
            targets: args.target.clone(),
            overrides: args.set.clone(),
            variables: args.var.iter().cloned().collect::<BTreeMap<_, _>>(),
            per_commit: args.per_commit_arg.clone(),
        },
        store: match args.store {
            StoreName::Auto | StoreName::Persistent => StoreKind::Persistent,
            StoreName::RefLastMax => StoreKind::RefLast(Mode::Max),
            StoreName::RefLastMin => StoreKind::RefLast(Mode::Min),
            StoreName::Gha => StoreKind::Gha(Mode::Max),
            StoreName::GhaMin => StoreKind::Gha(Mode::Min),
            StoreName::None => StoreKind::None,
        },
        together: args.together,
        fixed_definitions: args.definitions == DefinitionsOf::Today,
        prefix: repository.prefix().to_owned(),
        git_directory: true,
        overlay: Overlay::new(),
        calls: Vec::new(),
        branch: repository.branch().filter(|_| args.branch == "HEAD").unwrap_or(&args.branch).to_owned(),
    }
}

/// The times of steps that logs and the user's file tell.
pub fn durations(args: &Times, around: &Surroundings) -> Result<Durations, Failure> {
    let mut durations = Durations::default();
    for path in &args.log {
        let content = |message: String| Failure::Content { path: path.clone(), message };
        let log = BuildLog::parse(&read(&around.directory, path)?).map_err(|error| content(error.to_string()))?;
        if log.vertices.is_empty() {
            return Err(content("this is no log of a build".into()));
        }
        durations.add_log(&log);
    }
    if let Some(path) = &args.durations {
        let text = String::from_utf8_lossy(&read(&around.directory, path)?).into_owned();
        let content = |error: DurationsError| Failure::Content { path: path.clone(), message: error.to_string() };
        durations.add_file(&text).map_err(content)?;
    }
    Ok(durations)
}

fn overlay(args: &Replay, around: &Surroundings) -> Result<Overlay, Failure> {
    let files = args.replace.iter().map(|(path, file)| {
        Ok((path.trim_start_matches("./").to_owned(), Some(read(&around.directory, Path::new(file))?)))
    });
    files.collect()
}

fn read(directory: &Path, path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(directory.join(path)).map_err(|source| Failure::File { path: path.to_path_buf(), source })
}

/// A history that cannot be read, as a failure of the program.
pub fn failure(error: HistoryError) -> Failure {
    Failure::usage(error.to_string())
}

/// A bar on standard error, if that is a terminal; long histories take seconds.
pub fn progress_bar() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr_with_hz(10));
    let style = ProgressStyle::with_template("{bar:40.cyan/dim} {pos} of {len} commits");
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar
}
