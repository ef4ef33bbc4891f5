//! From the words of the command line to a linter and a snapshot.

use std::fs;
use std::path::{Component, Path, PathBuf};

use bakelint_core::config::known_rule;
use bakelint_core::prelude::*;
use bakelint_core::replay::history::{HistoryError, Repository};
use bakelint_core::replay::tree::Kind;

use crate::args::Scope;
use crate::{Failure, Surroundings};

/// The name of the configuration file.
const CONFIG: &str = "bakelint.toml";

/// What a verb works on.
pub struct Loaded {
    /// The folder that all paths are relative to.
    pub root: PathBuf,
    /// The paths that were asked for, relative to the root; empty when the root itself was.
    pub asked: Vec<String>,
    /// The rules.
    pub linter: Linter,
    /// The files.
    pub snapshot: Snapshot,
}

impl Loaded {
    /// Whether findings in the file at `path` are asked for.
    pub fn wants(&self, path: &str) -> bool {
        let below = |asked: &String| {
            path.strip_prefix(asked.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.asked.is_empty() || self.asked.iter().any(below)
    }
}

/// Reads configuration and files.
pub fn load(scope: &Scope, around: &Surroundings) -> Result<Loaded, Failure> {
    let paths: Vec<PathBuf> = scope.paths.iter().map(|path| clean(&around.directory.join(path))).collect();
    for (typed, path) in scope.paths.iter().zip(&paths) {
        fs::metadata(path).map_err(|source| Failure::File { path: typed.clone(), source })?;
    }
    let (root, is_whole) = root_of(&paths);
    let asked: Vec<String> =
        paths.iter().filter(|path| **path != root).filter_map(|path| relative(path, &root)).collect();
    let asked = if paths.contains(&root) { Vec::new() } else { asked };
    let config = config(scope, &root, around)?;
    let options = ReadOptions { shallow: !is_whole, ..options(&asked, &config) };
    let snapshot = Snapshot::read(&root, &options)
        .map_err(|error| Failure::File { path: scope.paths[0].clone(), source: error.source })?;
    let linter = Linter::new(bakelint_rules::all(), config);
    Ok(Loaded { snapshot: complete(snapshot, &root, &linter), root, asked, linter })
}

fn options(asked: &[String], config: &Config) -> ReadOptions {
    ReadOptions { named: asked.to_vec(), exclude: config.exclude.clone(), shallow: false }
}

/// The same files as they were where the current commit and `revision` part.
pub fn as_of(revision: &str, loaded: &Loaded) -> Result<Snapshot, Failure> {
    let usage = |error: HistoryError| Failure::usage(format!("--since: {error}"));
    let repository = Repository::open(&loaded.root).map_err(usage)?;
    let files = repository.common_commit(revision).and_then(|commit| repository.files(&commit)).map_err(usage)?;
    let mut objects = repository.objects().map_err(usage)?;
    let mut failed = None;
    let mut read = |path: &str| {
        let entry = files.get(path).filter(|entry| entry.kind() != Kind::Symlink)?;
        objects.read(entry.oid, "blob").map_err(|error| failed = failed.take().or(Some(error))).ok()
    };
    let listing = files.keys().cloned();
    let mut snapshot = Snapshot::of_listing(listing, &options(&loaded.asked, loaded.linter.config()), &mut read);
    for _ in 0..ROUNDS {
        let missing = Project::new(snapshot.clone(), loaded.linter.config().settings.clone()).missing;
        let missing = missing.into_iter().filter(|path| snapshot.has_path(path) && snapshot.find(path).is_none());
        let found: Vec<(String, Vec<u8>)> = missing.filter_map(|path| Some((path.clone(), read(&path)?))).collect();
        if found.is_empty() {
            break;
        }
        for (path, bytes) in found {
            snapshot.insert(path, bytes);
        }
    }
    failed.map_or(Ok(snapshot), |error| Err(usage(error)))
}

/// The linked project at or around a path, and the file that was asked for, relative to its root.
pub fn inspect(path: &Path, around: &Surroundings) -> Result<(Project, Option<String>), Failure> {
    let full = clean(&around.directory.join(path));
    let fail = |source| Failure::File { path: path.to_owned(), source };
    let is_file = fs::metadata(&full).map_err(fail)?.is_file();
    // One file is looked at by itself: what surrounds it does not change what it says.
    let root = if is_file { full.parent().unwrap_or(&full).to_owned() } else { full.clone() };
    let asked = relative(&full, &root).filter(|_| is_file);
    let linter = Linter::new(bakelint_rules::all(), Config::default());
    if let Some(name) = &asked {
        let bytes = fs::read(&full).map_err(fail)?;
        let mut project = Project::new(Snapshot::from_texts([(name.clone(), bytes)]), Settings::default());
        if project.dockerfiles.is_empty() && project.bakes.is_empty() && project.workflows.is_empty() {
            project.read_as_dockerfile(name);
        }
        return Ok((project, asked));
    }
    let snapshot = Snapshot::read(&root, &ReadOptions::default()).map_err(|error| fail(error.source))?;
    let snapshot = complete(snapshot, &root, &linter);
    Ok((Project::new(snapshot, Settings::default()), None))
}

/// How often files are looked through for the names of further files.
const ROUNDS: usize = 4;

/// Reads the files that other files name, until none is missing.
fn complete(mut snapshot: Snapshot, root: &Path, linter: &Linter) -> Snapshot {
    for _ in 0..ROUNDS {
        let project = Project::new(snapshot.clone(), linter.config().settings.clone());
        if project.missing.is_empty() || !snapshot.read_more(root, project.missing) {
            break;
        }
    }
    snapshot
}

/// One folder is its own root. For files, and for several paths, the root is the repository around them, so that findings
/// that need other files are the same as for the whole. Without one nothing says that what lies around belongs to them:
/// then the answer's second half is false.
fn root_of(paths: &[PathBuf]) -> (PathBuf, bool) {
    if let [path] = paths
        && path.is_dir()
    {
        return (path.clone(), true);
    }
    let first = paths.first().cloned().unwrap_or_default();
    let folder = |path: &Path| if path.is_dir() { path.to_owned() } else { path.parent().unwrap_or(path).to_owned() };
    let common = paths.iter().skip(1).fold(folder(&first), |common, path| {
        let holds = |ancestor: &&Path| path.starts_with(ancestor);
        common.ancestors().find(holds).unwrap_or(&common).to_owned()
    });
    let repository = common.ancestors().find(|ancestor| ancestor.join(".git").exists());
    (repository.unwrap_or(&common).to_owned(), repository.is_some())
}

/// The configuration with the wishes of the command line laid over it.
fn config(scope: &Scope, root: &Path, around: &Surroundings) -> Result<Config, Failure> {
    let file = match &scope.config {
        Some(file) => Some(around.directory.join(file)),
        None if scope.isolated => None,
        None => root.ancestors().map(|folder| folder.join(CONFIG)).find(|file| file.is_file()),
    };
    let mut config = match &file {
        None => Config::default(),
        Some(file) => {
            let text = fs::read_to_string(file).map_err(|source| Failure::File { path: file.clone(), source })?;
            let path = relative(file, &around.directory).unwrap_or_else(|| file.display().to_string());
            let parsed = Config::parse(&text, bakelint_rules::all(), bakelint_rules::LEFT_OUT);
            parsed.map_err(|error| Failure::Config { path, text, error })?
        }
    };
    let names = |names: &[String]| {
        let known = |name: &String| known_rule(name, 0..0, bakelint_rules::all(), bakelint_rules::LEFT_OUT);
        let usage = |error: ConfigError| Failure::Usage { message: error.message, help: error.help };
        names.iter().map(|name| known(name).map_err(usage)).collect::<Result<Vec<_>, _>>()
    };
    let typed = Selection {
        select: names(&scope.select)?,
        ignore: names(&scope.ignore)?,
        enable: names(&scope.enable)?,
        min_severity: scope.min_severity,
        min_confidence: if scope.pedantic { Some(Confidence::Low) } else { scope.min_confidence },
    };
    config.selection = config.selection.overlaid(&typed);
    let facts = &scope.build;
    let settings = &mut config.settings;
    settings.registries.extend(facts.trusted_registry.iter().cloned());
    settings.labels.extend(facts.require_label.iter().cloned());
    settings.strict_labels |= facts.strict_labels;
    let build = &mut settings.build;
    build.target = facts.target.clone();
    build.args.extend(facts.build_arg.iter().cloned());
    build.contexts.extend(facts.build_context.iter().cloned());
    build.platform = facts.platform.clone();
    build.build_platform = facts.build_platform.clone();
    build.experimental = facts.experimental;
    build.check = facts.check.clone();
    build.image_platforms.extend(facts.image_platform.iter().cloned());
    for (image, config) in &facts.image_config {
        build.image_configs.insert(image.clone(), image_config(config, around)?);
    }
    Ok(config)
}

/// The configuration of an image: the JSON itself, or the text of a file.
fn image_config(config: &str, around: &Surroundings) -> Result<String, Failure> {
    if config.trim_start().starts_with('{') {
        return Ok(config.to_owned());
    }
    let path = around.directory.join(config);
    fs::read_to_string(&path).map_err(|source| Failure::File { path, source })
}

/// The path without `.` and `..`, which are taken by their letters.
pub fn clean(path: &Path) -> PathBuf {
    let mut cleaned = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                cleaned.pop();
            }
            part => cleaned.push(part),
        }
    }
    cleaned
}

/// The `/`-separated path below `root`.
pub fn relative(path: &Path, root: &Path) -> Option<String> {
    Some(path.strip_prefix(root).ok()?.to_str()?.replace(std::path::MAIN_SEPARATOR, "/"))
}
