//! What the history says about findings: how often the step that one is about was rebuilt, and what its fix would have
//! saved on the same commits.

use super::content::{Content, ObjectSource, Overlay};
use super::convert::convert;
use super::declared::{self, DeclaredCall, Wanted};
use super::definitions::{AtCommit, Defined, Definitions, Request};
use super::durations::Durations;
use super::history::{Commit, HistoryError, Range, Repository};
use super::outcome::{Cause, Replay, StepHistory};
use super::simulate::Options;
use super::stats::Estimate;
use super::store::StoreKind;
use super::{Change, Commits, Declared, WhatIf, requested_of, what_if};
use crate::diagnostic::Diagnostic;
use crate::edit;
use crate::model::Project;
use crate::model::build::{Build, Context, Maker};
use crate::snapshot::{FileKind, Snapshot};
use crate::source::FileId;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What the history says about one finding.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Numbers {
    /// The step that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<StepNumbers>,
    /// Its fix, if that changes what is built.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<FixNumbers>,
}

/// How often a step was rebuilt. With several builds of the same instruction, the one that rebuilds it most.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepNumbers {
    /// The build.
    pub build: String,
    /// The stage.
    pub stage: String,
    /// The step's number in it.
    pub index: u32,
    /// Commits that count: all but the first, which is cold by nature.
    pub commits: usize,
    /// At how many of them the step was executed.
    pub rebuilt: usize,
    /// The files that most often were the only reason, and how often.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub only_because_of: Option<(String, usize)>,
}

/// What a fix would have saved.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FixNumbers {
    /// Executed steps per commit that are saved.
    pub steps_saved_per_commit: Estimate,
    /// Seconds per commit that are saved, if the times of steps are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds_saved_per_commit: Option<Estimate>,
    /// Steps that the first run after the fix executes.
    pub first_run_executed: usize,
    /// How long that run takes, if the times of steps are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_run_seconds: Option<f64>,
    /// After how many further runs the first one is paid for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pays_back_after_runs: Option<f64>,
}

/// Replays the builds that findings are about, with the definitions that the project has now, and once more with each fix
/// that changes what is built. One value a finding, in the same order.
///
/// # Errors
///
/// The history cannot be read.
pub fn numbers(
    repository: &Repository,
    project: &Project,
    diagnostics: &[Diagnostic],
    commits: Commits<'_>,
    durations: &Durations,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Vec<Numbers>, HistoryError> {
    let mut numbers = vec![Numbers::default(); diagnostics.len()];
    let newest = repository.commits(commits.tip, Range::Last(1))?;
    let Some(newest) = newest.last() else { return Err(HistoryError::NoCommits) };
    let mut content = Content::new(repository.objects()?);
    let from_top = |path: &str| join(repository.prefix(), path);
    // What is not committed yet is built as it is now.
    let mut uncommitted = Overlay::new();
    for (_, source) in project.snapshot.files().filter(|(_, source)| describes_builds(&source.path)) {
        let path = from_top(&source.path);
        let id = content.format().id("blob", source.bytes());
        if content.file_id(newest.tree, &path)? != Some(id) {
            uncommitted.insert(path, Some(source.bytes().to_vec()));
        }
    }
    for group in groups(project, diagnostics) {
        let mut options = Options {
            request: group.request.clone(),
            store: StoreKind::Declared,
            together: false,
            calls: Vec::new(),
            fixed_definitions: true,
            prefix: from_top(&group.folder),
            git_directory: true,
            overlay: uncommitted.clone(),
            branch: repository.branch().unwrap_or_default().to_owned(),
        };
        let before = defined(&mut content, newest, &options)?;
        let calls = requested_of(group.calls(project), &before.requested);
        let (caches, requested) = (before.caches.clone(), before.requested.clone());
        Declared { calls: calls.clone(), caches, requested }.apply(&mut options);
        let graph = convert(&before.inputs).0;
        let mut changes: Vec<Change> = Vec::new();
        // Findings with the same fix are asked for once.
        let mut asked: Vec<(usize, usize)> = Vec::new();
        for (at, diagnostic) in diagnostics.iter().enumerate() {
            if numbers[at].fix.is_some() {
                continue;
            }
            let Some((after, files)) = changed_files(project, diagnostic, &from_top) else { continue };
            let touches = |kinds: &[FileKind]| files.keys().any(|path| kinds.contains(&FileKind::of(path)));
            let change = match touches(&[FileKind::Dockerfile, FileKind::Dockerignore]) {
                true => Change { files: files.clone(), calls: None },
                false => {
                    let after = Project::new(after, project.settings.clone());
                    let calls = requested_of(group.calls(&after), &before.requested);
                    Change { files: files.clone(), calls: Some(calls) }
                }
            };
            let now = defined(&mut content, newest, &change.apply(&options))?;
            let same_calls = change.calls.as_ref().is_none_or(|other| *other == calls);
            let same = same_calls && now.caches == before.caches && convert(&now.inputs).0 == graph;
            if same && !touches(&[FileKind::Dockerignore]) {
                continue;
            }
            let number = changes.iter().position(|other| *other == change).unwrap_or_else(|| {
                changes.push(change);
                changes.len() - 1
            });
            asked.push((at, number));
        }
        let (history, answers) = what_if(repository, commits, options, durations.clone(), &changes, progress)?;
        for (at, number) in asked {
            numbers[at].fix = fix_numbers(&answers[number]);
        }
        for (diagnostic, numbers) in diagnostics.iter().zip(&mut numbers) {
            let found = step_numbers(project, diagnostic, &history.replay, &group);
            let rebuilt = |numbers: &Option<StepNumbers>| numbers.as_ref().map(|numbers| numbers.rebuilt);
            if rebuilt(&found) > rebuilt(&numbers.step) {
                numbers.step = found;
            }
        }
    }
    Ok(numbers)
}

/// Builds that are replayed together.
struct Group {
    /// The folder that bake runs in, or the root.
    folder: String,
    request: Request,
    /// The Dockerfile of each build, by its name.
    dockerfiles: BTreeMap<String, FileId>,
}

impl Group {
    /// The calls that workflows make for its builds.
    fn calls(&self, project: &Project) -> Vec<DeclaredCall> {
        match &self.request.dockerfile {
            Some(path) => declared::calls(project, Wanted::Dockerfile { path, name: path }),
            None => declared::calls(project, Wanted::Targets { folder: &self.folder }),
        }
    }
}

/// The builds of the files that findings are about: those of each bake definition, and of each Dockerfile without one.
fn groups(project: &Project, diagnostics: &[Diagnostic]) -> Vec<Group> {
    let mut files: BTreeSet<FileId> = BTreeSet::new();
    for diagnostic in diagnostics {
        files.insert(diagnostic.span.file);
        files.extend(diagnostic.fix.iter().flat_map(|fix| &fix.edits).map(|edit| edit.span.file));
    }
    let ignores = files.iter().any(|file| FileKind::of(project.path(*file)) == FileKind::Dockerignore);
    let file_of = |build: &Build| build.dockerfile.map(|at| project.dockerfiles[at].file);
    let mut groups = Vec::new();
    let mut baked: BTreeSet<FileId> = BTreeSet::new();
    for (at, bake) in project.bakes.iter().enumerate() {
        let mut dockerfiles = BTreeMap::new();
        let mut targets: Vec<String> = Vec::new();
        for build in &project.builds {
            let Maker::Target { bake, name } = &build.maker else { continue };
            if *bake == at && !targets.contains(name) {
                targets.push(name.clone());
                dockerfiles.extend(file_of(build).map(|file| (name.clone(), file)));
            }
        }
        baked.extend(dockerfiles.values());
        let concerned = |file: &FileId| files.contains(file);
        if targets.is_empty() || !(ignores || bake.files.iter().chain(dockerfiles.values()).any(concerned)) {
            continue;
        }
        let below = |file: &FileId| relative(project.path(*file), &bake.folder);
        let request = Request { files: bake.files.iter().map(below).collect(), targets, ..Request::default() };
        groups.push(Group { folder: bake.folder.clone(), request, dockerfiles });
    }
    let mut seen = BTreeSet::new();
    for build in &project.builds {
        let (Some(file), Context::Folder(context)) = (file_of(build), &build.context) else { continue };
        let target = build.target.as_ref().and_then(|target| target.eval.known()).cloned();
        let other = matches!(build.maker, Maker::Target { .. }) || baked.contains(&file);
        if other || !(ignores || files.contains(&file)) || !seen.insert((file, context, target.clone())) {
            continue;
        }
        let path = project.path(file).to_owned();
        let known = build.args.iter().filter_map(|arg| Some((arg.name.clone(), arg.value.as_known()?.to_owned())));
        let request = Request {
            dockerfile: Some(path.clone()),
            context: context.clone(),
            targets: target.into_iter().collect(),
            variables: known.collect(),
            ..Request::default()
        };
        groups.push(Group { folder: String::new(), request, dockerfiles: [(path, file)].into() });
    }
    groups
}

/// The project's files with a finding's fix, and those that it changes by their paths in the repository; `None` if it
/// changes nothing that describes builds.
fn changed_files(
    project: &Project,
    diagnostic: &Diagnostic,
    from_top: &dyn Fn(&str) -> String,
) -> Option<(Snapshot, Overlay)> {
    let (after, taken) = edit::apply(&project.snapshot, [diagnostic.fix.as_ref()?]);
    let mut changed = Overlay::new();
    for (file, source) in project.snapshot.files().filter(|_| taken > 0) {
        let bytes = after.get(file).map(|source| source.bytes());
        if bytes != Some(source.bytes()) {
            changed.insert(from_top(&source.path), bytes.map(<[u8]>::to_vec));
        }
    }
    for (_, source) in after.files().filter(|(_, source)| project.snapshot.find(&source.path).is_none()) {
        changed.insert(from_top(&source.path), Some(source.bytes().to_vec()));
    }
    changed.keys().any(|path| describes_builds(path)).then_some((after, changed))
}

/// What would be built of the newest commit.
fn defined<S: ObjectSource>(
    content: &mut Content<S>,
    newest: &Commit,
    options: &Options,
) -> Result<Arc<Defined>, HistoryError> {
    let root = content.overlay(newest.tree, &options.overlay)?;
    let root = match options.prefix.as_str() {
        "" => Some(root),
        prefix => content.directory(root, prefix)?,
    };
    let Some(root) = root else { return Ok(Arc::default()) };
    let id = newest.id.to_string();
    Definitions::new(options.request.clone()).at(content, AtCommit { root, id: &id, number: 0 })
}

fn fix_numbers(answer: &WhatIf) -> Option<FixNumbers> {
    Some(FixNumbers {
        steps_saved_per_commit: answer.steps?,
        seconds_saved_per_commit: answer.seconds,
        first_run_executed: answer.first_run.executed,
        first_run_seconds: answer.seconds.map(|_| answer.first_run.longest_path),
        pays_back_after_runs: answer.pays_back_after,
    })
}

/// The numbers of the step whose instruction holds the finding.
fn step_numbers(project: &Project, diagnostic: &Diagnostic, replay: &Replay, group: &Group) -> Option<StepNumbers> {
    let file = diagnostic.span.file;
    let tree = &project.dockerfiles[project.dockerfile_of(file)?].tree;
    let at = diagnostic.span.start;
    let instruction =
        tree.instructions.iter().find(|instruction| (instruction.span.start..instruction.span.end).contains(&at))?;
    let of_file = |name: &String| group.dockerfiles.get(name) == Some(&file);
    let builds = replay.builds.iter().filter(|build| of_file(&build.name));
    let steps = builds.flat_map(|build| build.steps.iter().map(move |step| (build, step)));
    let here = steps.filter(|(_, step)| (instruction.lines.0..=instruction.lines.1).contains(&step.step.line));
    let (build, step) = here.max_by_key(|(_, step)| step.rebuilds().0)?;
    let (rebuilt, commits) = step.rebuilds();
    let only_because_of = sole_files(step);
    let StepHistory { step, .. } = step;
    (commits > 0).then(|| StepNumbers {
        build: build.name.clone(),
        stage: step.stage.clone(),
        index: step.index,
        commits,
        rebuilt,
        only_because_of,
    })
}

/// The files that most often were the only reason to rebuild a step, and how often.
fn sole_files(step: &StepHistory) -> Option<(String, usize)> {
    let ranked = step.ranked_causes().into_iter().filter(|(_, _, alone)| *alone > 0);
    let files = ranked.filter_map(|(cause, _, alone)| match cause {
        Cause::Files { path } => Some((path, alone)),
        _ => None,
    });
    files.max_by(|a, b| a.1.cmp(&b.1).then_with(|| b.0.cmp(&a.0)))
}

/// Whether what a file says can change what is built.
fn describes_builds(path: &str) -> bool {
    use FileKind::{Action, BakeHcl, BakeJson, Compose, Dockerfile, Dockerignore, Workflow};
    let kind = FileKind::of(path);
    matches!(kind, Action | BakeHcl | BakeJson | Compose | Dockerfile | Dockerignore | Workflow)
        || path.ends_with(".hcl")
}

fn join(folder: &str, path: &str) -> String {
    match (folder, path) {
        ("", path) => path.to_owned(),
        (folder, "") => folder.to_owned(),
        (folder, path) => format!("{folder}/{path}"),
    }
}

/// A path as seen from a folder.
fn relative(path: &str, folder: &str) -> String {
    if folder.is_empty() {
        return path.to_owned();
    }
    match path.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/')) {
        Some(rest) => rest.to_owned(),
        None => format!("{}{path}", "../".repeat(folder.split('/').count())),
    }
}
