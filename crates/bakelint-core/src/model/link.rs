//! Joins definitions with what they build: bake target, compose service, workflow step, Dockerfile, stage.

use std::collections::{BTreeMap, BTreeSet};

use crate::bake::DEFAULT_FILES;
use crate::model::Project;
use crate::model::bake::Bake;
use crate::model::build::{Build, BuildArg, Context, Maker, NamedContext};
use crate::model::callers::{self, BakeRequest, Call};
use crate::model::checkout::Checkout;
use crate::model::dockerfile::Dockerfile;
use crate::model::paths;
use crate::model::services::Services;
use crate::model::value::{Text, Value};
use crate::model::workflow;
use crate::snapshot::FileKind;
use crate::source::{FileId, Span};

/// Fills in [`Project::bakes`], [`Project::bake_calls`] and [`Project::builds`], and reads the Dockerfiles that builds name.
pub(super) fn link(project: &mut Project) {
    let mut services = Services::new(project);
    calls(project, &mut services);
    default_bakes(project);
    uncalled_targets(project);
    let builds = services.uncalled(project);
    project.builds.extend(builds);
    find_dockerfiles(project);
    standalone(project);
}

/// The builds that the steps of workflows make.
fn calls(project: &mut Project, services: &mut Services) {
    let (found, missing) = callers::calls(project);
    project.missing.extend(missing);
    for call in found {
        match call {
            Call::Build(build) => project.builds.push(*build),
            Call::Bake(request) => bake_request(project, *request),
            Call::Compose(request) => {
                let builds = services.call(project, &request);
                project.builds.extend(builds);
            }
        }
    }
}

/// The target that docker/metadata-action writes by default.
const METADATA_TARGET: &str = "docker-metadata-action";

/// Resolves a bake command and adds its builds.
fn bake_request(project: &mut Project, request: BakeRequest) {
    let BakeRequest { folder, files, finds_files, mut call, tags_open, environment } = request;
    let mut found: Vec<FileId> = Vec::new();
    let names: Vec<String> =
        if finds_files { DEFAULT_FILES.iter().filter_map(|name| paths::join(&folder, name)).collect() } else { files };
    for name in names {
        match project.snapshot.find(&name) {
            Some(file) => found.push(file),
            None if project.snapshot.has_path(&name) => project.missing.push(name),
            // A file that is not there by itself is there by the time of the call, written by another step.
            None => call.open |= !finds_files,
        }
    }
    if found.is_empty() {
        return;
    }
    let at = bake_of(project, &folder, found);
    call.bake = at;
    let job =
        call.caller.as_ref().and_then(|caller| project.workflows.get(caller.step.workflow)?.jobs.get(caller.step.job));
    let bake = &mut project.bakes[at];
    bake.called = true;
    // Only that file has the target that others inherit, unless a placeholder stands in for it.
    call.open |= tags_open && bake.definition.targets().all(|target| target.name() != METADATA_TARGET);
    for declared in bake.definition.variables() {
        let name = declared.name();
        let written = || job.filter(|job| workflow::may_set(job, name)).map(|_| Text::unknown(format!("env.{name}")));
        let given = environment.get(name).cloned().or_else(|| callers::github_variable(name)).or_else(written);
        if let Some(value) = given {
            call.variables.entry(name.to_owned()).or_insert(value);
        }
    }
    // Compose files see the environment as it is.
    if bake.definition.files.iter().any(|file| file.yaml().is_some()) {
        for (name, value) in environment {
            call.variables.entry(name).or_insert(value);
        }
    }
    let host = Checkout::new(&project.snapshot, &folder);
    let (call, mut builds) = bake.call(call, &host);
    project.missing.extend(host.into_unread());
    for build in &mut builds {
        if let Maker::Target { bake, .. } = &mut build.maker {
            *bake = at;
        }
        build.tags_known &= !tags_open;
        // A file that is not known gives anything.
        if call.open {
            build.tags_known = false;
            build.cache_known = false;
            build.platforms_known = false;
        }
    }
    project.bake_calls.push(call);
    project.builds.extend(builds);
}

/// The definitions that bake finds by itself in a folder, and bake files of other names, each alone.
fn default_bakes(project: &mut Project) {
    let mut folders: BTreeMap<String, Vec<FileId>> = BTreeMap::new();
    let mut others: Vec<FileId> = Vec::new();
    let named: BTreeSet<FileId> = project.bakes.iter().flat_map(|bake| bake.files.iter().copied()).collect();
    for (file, source) in project.snapshot.files() {
        if !matches!(FileKind::of(&source.path), FileKind::BakeHcl | FileKind::BakeJson) {
            continue;
        }
        let (folder, name) = source.path.rsplit_once('/').unwrap_or(("", &source.path));
        if DEFAULT_FILES.contains(&name) {
            folders.entry(folder.to_owned()).or_default().push(file);
        } else if !named.contains(&file) {
            others.push(file);
        }
    }
    for (folder, mut files) in folders {
        let place = |file: &FileId| {
            let name = project.path(*file).rsplit('/').next().unwrap_or_default();
            DEFAULT_FILES.iter().position(|other| *other == name)
        };
        files.sort_by_key(place);
        // A command may have read compose files of the folder as well.
        let is_read = |bake: &Bake| bake.folder == folder && files.iter().all(|file| bake.files.contains(file));
        if !project.bakes.iter().any(is_read) {
            bake_of(project, &folder, files);
        }
    }
    for file in others {
        let folder = paths::folder(project.path(file)).to_owned();
        // A file below the root is most often called from the root, and its contexts tell from where.
        bake_of(project, &folder, vec![file]);
    }
}

/// The index of the definition of these files in this folder, which is parsed and evaluated when it is new.
fn bake_of(project: &mut Project, folder: &str, files: Vec<FileId>) -> usize {
    let known = project.bakes.iter().position(|bake| bake.folder == folder && bake.files == files);
    known.unwrap_or_else(|| {
        let host = Checkout::new(&project.snapshot, folder);
        project.bakes.push(Bake::new(&project.snapshot, folder, files, &host));
        project.missing.extend(host.into_unread());
        project.bakes.len() - 1
    })
}

/// Builds of the targets that no step calls.
fn uncalled_targets(project: &mut Project) {
    for (at, bake) in project.bakes.iter().enumerate() {
        let calls = project.bake_calls.iter().filter(|call| call.bake == at);
        let called: BTreeSet<String> = calls.flat_map(|call| call.resolved.iter().cloned()).collect();
        let mut builds = bake.uncalled(&called);
        for build in &mut builds {
            if let Maker::Target { bake, .. } = &mut build.maker {
                *bake = at;
            }
        }
        project.builds.extend(builds);
    }
}

/// Finds the Dockerfile of each build; one that no name told is read as a Dockerfile because a build says so.
fn find_dockerfiles(project: &mut Project) {
    let mut by_path: BTreeMap<String, usize> =
        project.dockerfiles.iter().enumerate().map(|(at, dockerfile)| (dockerfile.path.clone(), at)).collect();
    let mut inlines: BTreeMap<(Span, String), usize> = BTreeMap::new();
    for at in 0..project.builds.len() {
        if let Some(inline) = project.builds[at].inline.clone() {
            let key = (inline.text.span(), inline.text.to_string());
            let known = inlines.entry(key).or_insert_with(|| {
                let path = project.path(inline.text.file()).to_owned();
                let file = project.snapshot.add_fragment(path, &inline.text);
                project.inlines.insert(file, inline);
                let source = project.snapshot.get(file).cloned();
                project.dockerfiles.extend(source.map(|source| Dockerfile::parse(file, source)));
                project.dockerfiles.len() - 1
            });
            project.builds[at].dockerfile = Some(*known);
            continue;
        }
        let path = project.builds[at].dockerfile_path.as_ref().and_then(|path| path.eval.known()).cloned();
        let Some(path) = path else { continue };
        let lower = paths::lower_case_dockerfile(&path);
        for path in [Some(path), lower].into_iter().flatten() {
            if let Some(file) = project.snapshot.find(&path)
                && !by_path.contains_key(&path)
                && let Some(source) = project.snapshot.get(file)
            {
                let known = project.dockerfiles.iter().position(|dockerfile| dockerfile.file == file);
                by_path.insert(path.clone(), known.unwrap_or(project.dockerfiles.len()));
                if known.is_none() {
                    project.dockerfiles.push(Dockerfile::parse(file, source.clone()));
                }
            } else if project.snapshot.find(&path).is_none() && project.snapshot.has_path(&path) {
                project.missing.push(path.clone());
            }
            if let Some(dockerfile) = by_path.get(&path) {
                project.builds[at].dockerfile = Some(*dockerfile);
                break;
            }
        }
    }
}

/// Builds of the Dockerfiles that nothing in the repository builds, as the command line describes them.
fn standalone(project: &mut Project) {
    let settings = &project.settings.build;
    for (at, dockerfile) in project.dockerfiles.iter().enumerate() {
        if project.builds.iter().any(|build| build.dockerfile == Some(at)) {
            continue;
        }
        let span = dockerfile.tree.instructions.first().map_or(Span::at(dockerfile.file, 0), |first| first.span);
        let mut build = Build::new(Maker::Standalone(dockerfile.file), dockerfile.path.clone(), span);
        build.dockerfile = Some(at);
        build.dockerfile_path = Some(Value::known(dockerfile.path.clone(), span));
        let folder = dockerfile.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        build.context = Context::Folder(folder.to_owned());
        build.target = settings.target.clone().map(|target| Value::known(target, span));
        build.args = settings
            .args
            .iter()
            .map(|(name, value)| BuildArg {
                name: name.clone(),
                value: Text::known(value.clone()),
                name_span: span,
                span,
            })
            .collect();
        build.contexts = settings
            .contexts
            .iter()
            .map(|(name, context)| NamedContext { name: name.clone(), context: context_of(context), span })
            .collect();
        build.platforms = settings.platform.iter().map(|platform| Value::known(platform.clone(), span)).collect();
        project.builds.push(build);
    }
}

/// A named context as the command line writes it.
pub(super) fn context_of(text: &str) -> Context {
    if let Some(target) = text.strip_prefix("target:") {
        return Context::Target(target.to_owned());
    }
    if let Some(image) = text.strip_prefix("docker-image://") {
        return Context::Image(Text::known(image));
    }
    let remote = ["oci-layout://", "https://", "http://", "git@", "ssh://", "git://"];
    if remote.iter().any(|scheme| text.starts_with(scheme)) {
        return Context::Remote(Text::known(text));
    }
    Context::Folder(text.trim_start_matches("./").trim_end_matches('/').to_owned())
}
