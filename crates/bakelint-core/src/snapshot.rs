//! The repository as the linter sees it: the text of every file that matters and the paths of all files.
//!
//! This is the only module that reads the work tree; everything behind it is a pure function of a [`Snapshot`]. Tests make
//! one from strings, an editor from its buffers, the command line from a directory.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ignore::WalkBuilder;

use crate::source::{FileId, Source};

/// What a file is to us, told by its path alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileKind {
    /// `Dockerfile`, `Containerfile`, `web.Dockerfile`, `Dockerfile.web`, …
    Dockerfile,
    /// A bake file in HCL.
    BakeHcl,
    /// A bake file in JSON.
    BakeJson,
    /// A compose file.
    Compose,
    /// A workflow below `.github/workflows`.
    Workflow,
    /// A composite or other action (`action.yml`).
    Action,
    /// `.dockerignore` or `<Dockerfile>.dockerignore`.
    Dockerignore,
    /// A package manager's manifest or lock file, which tells what an install step downloads.
    Manifest,
    /// A Makefile, justfile, Taskfile, shell script or `devcontainer.json`, which may call builds.
    Script,
    /// `bakelint.toml`.
    Config,
    /// Environment defaults of compose (`.env`).
    Env,
    /// Seconds by test, as pytest-split stores them (`.test_durations`).
    Durations,
    /// hadolint's configuration, whose ignore list is honoured by `init --from hadolint`.
    Hadolint,
    /// Anything else; read only when another file names it.
    Other,
}

impl FileKind {
    /// The kind of the file at `path`.
    pub fn of(path: &str) -> Self {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let lower = name.to_ascii_lowercase();
        let yaml = lower.ends_with(".yml") || lower.ends_with(".yaml");
        if lower == ".dockerignore" || lower.ends_with(".dockerignore") || lower == ".containerignore" {
            FileKind::Dockerignore
        } else if is_dockerfile_name(&lower) {
            FileKind::Dockerfile
        } else if lower.ends_with(".hcl") {
            if lower.contains("bake") { FileKind::BakeHcl } else { FileKind::Other }
        } else if lower.ends_with(".json") && lower.contains("bake") && !lower.contains("package") {
            FileKind::BakeJson
        } else if yaml && (folder == ".github/workflows" || folder.ends_with("/.github/workflows")) {
            FileKind::Workflow
        } else if yaml && (lower == "action.yml" || lower == "action.yaml") {
            FileKind::Action
        } else if yaml && is_compose_name(&lower) {
            FileKind::Compose
        } else if lower == ".hadolint.yaml" || lower == ".hadolint.yml" {
            FileKind::Hadolint
        } else if lower == ".test_durations" {
            FileKind::Durations
        } else if lower == "bakelint.toml" {
            FileKind::Config
        } else if lower == ".env" {
            FileKind::Env
        } else if is_manifest_name(&lower)
            || (lower.ends_with(".txt") && path.to_ascii_lowercase().contains("requirements"))
        {
            FileKind::Manifest
        } else if lower.ends_with(".sh")
            || matches!(lower.as_str(), "makefile" | "gnumakefile" | "justfile" | ".justfile")
            || (yaml && TASKFILES.iter().any(|name| name.eq_ignore_ascii_case(&lower)))
            || matches!(lower.as_str(), "devcontainer.json" | ".devcontainer.json")
            || lower.ends_with(".mk")
        {
            FileKind::Script
        } else {
            FileKind::Other
        }
    }
}

/// The names of Taskfiles, in the order in which Task looks for them.
pub const TASKFILES: &[&str] = &[
    "Taskfile.yml",
    "taskfile.yml",
    "Taskfile.yaml",
    "taskfile.yaml",
    "Taskfile.dist.yml",
    "taskfile.dist.yml",
    "Taskfile.dist.yaml",
    "taskfile.dist.yaml",
];

fn is_dockerfile_name(lower: &str) -> bool {
    const OTHER_FORMATS: &[&str] = &[
        ".md",
        ".go",
        ".py",
        ".js",
        ".ts",
        ".json",
        ".yml",
        ".yaml",
        ".txt",
        ".toml",
        ".rs",
        ".html",
        ".lock",
        ".tmpl",
        ".j2",
        ".erb",
        ".tpl",
        ".template",
        ".sh",
        ".orig",
        ".rej",
        ".rego",
        ".bak",
        ".patch",
        ".svg",
        ".png",
        ".snap",
    ];
    if OTHER_FORMATS.iter().any(|ending| lower.ends_with(ending)) {
        return false;
    }
    ["dockerfile", "containerfile"].iter().any(|word| {
        lower == *word
            || lower.strip_prefix(word).is_some_and(|rest| rest.starts_with(['.', '-', '_']))
            || lower.strip_suffix(word).is_some_and(|rest| rest.ends_with(['.', '-', '_']))
    })
}

fn is_compose_name(lower: &str) -> bool {
    let stem = lower.rsplit_once('.').map_or(lower, |(stem, _)| stem);
    ["compose", "docker-compose"].iter().any(|word| {
        stem == *word
            || stem.strip_prefix(word).is_some_and(|rest| rest.starts_with(['.', '-', '_']))
            || stem.strip_suffix(word).is_some_and(|rest| rest.ends_with(['.', '-', '_']))
    })
}

fn is_manifest_name(lower: &str) -> bool {
    const NAMES: &[&str] = &[
        "package.json",
        "package-lock.json",
        "npm-shrinkwrap.json",
        "yarn.lock",
        "pnpm-lock.yaml",
        "pnpm-workspace.yaml",
        "pyproject.toml",
        "pipfile",
        "pipfile.lock",
        "poetry.lock",
        "uv.lock",
        "setup.py",
        "setup.cfg",
        "go.mod",
        "go.sum",
        "cargo.toml",
        "cargo.lock",
        "gemfile",
        "gemfile.lock",
        "composer.json",
        "composer.lock",
        ".npmrc",
        ".yarnrc.yml",
    ];
    NAMES.contains(&lower)
}

/// Folders that hold other people's files, generated ones, or what tests feed on: they are listed but not entered, unless a
/// path names them.
const PRUNED: &[&str] = &[
    ".git",
    ".hg",
    ".svn",
    "node_modules",
    "bower_components",
    "vendor",
    "third_party",
    ".venv",
    "venv",
    "site-packages",
    "testdata",
    "testfiles",
    "fixtures",
    "__fixtures__",
    "__pycache__",
    ".tox",
    ".nox",
    ".mypy_cache",
    ".terraform",
    ".gradle",
    ".yarn",
    ".cache",
];

/// Files larger than this are not read: nothing that people write by hand comes near.
pub const MAX_FILE_BYTES: u64 = 8 * 1024 * 1024;

/// A file that should have been read and was not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// The file; its text in the snapshot is empty.
    pub file: FileId,
    /// Why, as a sentence without a full stop.
    pub reason: String,
}

/// Why a directory could not be made into a snapshot.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {path}: {source}")]
pub struct ReadError {
    /// The root as it was given.
    pub path: PathBuf,
    /// What the operating system said.
    pub source: std::io::Error,
}

/// What to read.
#[derive(Debug, Clone, Default)]
pub struct ReadOptions {
    /// Paths relative to the root that are entered and read whatever their name, even when ignored.
    pub named: Vec<String>,
    /// Path patterns, in `.gitignore` syntax, that are left out.
    pub exclude: Vec<String>,
    /// Enter no folders but those that are named or hold what is named; nothing is said about the others.
    pub shallow: bool,
}

/// The files of a repository. Cloning is cheap: texts are shared.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    files: Vec<Option<Arc<Source>>>,
    by_path: BTreeMap<String, FileId>,
    /// Symbolic links to files that were read, by path.
    links: BTreeMap<String, FileId>,
    paths: Arc<Paths>,
    unreadable: Vec<Unreadable>,
    fragments: Vec<Arc<Source>>,
}

/// Marks the ids of fragments.
const FRAGMENT: u32 = 1 << 31;

#[derive(Debug, Clone, Default)]
struct Paths {
    /// All files, sorted.
    files: Vec<String>,
    /// Folders that were not entered, sorted.
    pruned: Vec<String>,
}

impl Snapshot {
    /// A snapshot of texts by path; no other path exists.
    pub fn from_texts<P: Into<String>, T: AsRef<[u8]>>(texts: impl IntoIterator<Item = (P, T)>) -> Self {
        let mut snapshot = Snapshot::default();
        for (path, text) in texts {
            snapshot.insert(path, text.as_ref().to_vec());
        }
        snapshot
    }

    /// Reads the directory `root`.
    ///
    /// `.gitignore` files are respected, vendored folders are not entered, symbolic links are read only when they stay
    /// inside of the root, and a file that cannot be read is remembered in [`Snapshot::unreadable`].
    ///
    /// # Errors
    /// When `root` itself cannot be listed.
    pub fn read(root: &Path, options: &ReadOptions) -> Result<Self, ReadError> {
        let fail = |source| ReadError { path: root.to_owned(), source };
        fs::read_dir(root).map_err(fail)?;
        let inside = root.canonicalize().map_err(fail)?;
        let exclude = patterns(&options.exclude);
        let mut walk = WalkBuilder::new(root);
        walk.hidden(false).ignore(false).git_global(false).require_git(false).follow_links(false);
        let (sender, pruned) = std::sync::mpsc::channel();
        let named = options.named.clone();
        let shallow = options.shallow;
        let base = root.to_owned();
        walk.filter_entry(move |entry| {
            let is_dir = entry.file_type().is_some_and(|kind| kind.is_dir());
            if !is_dir || entry.depth() == 0 {
                return true;
            }
            let path = relative(entry.path(), &base);
            let aside = shallow && path.as_ref().is_none_or(|path| !named.iter().any(|named| is_on_way(path, named)));
            if !aside && !is_pruned(entry.path(), &base, &named) {
                return true;
            }
            // The receiver lives as long as the walk; were it gone, the folder would only be forgotten.
            let _ = sender.send(path);
            false
        });
        let mut paths = Paths::default();
        let mut wanted = options.named.clone();
        for entry in walk.build().flatten() {
            let Some(path) = relative(entry.path(), root) else { continue };
            if entry.file_type().is_none_or(|kind| kind.is_dir())
                || exclude.matched_path_or_any_parents(&path, false).is_ignore()
            {
                continue;
            }
            // What a link leads to is read under its own path; the link itself only when another file names it.
            if FileKind::of(&path) != FileKind::Other && !entry.path_is_symlink() {
                wanted.push(path.clone());
            }
            paths.files.push(path);
        }
        drop(walk);
        paths.pruned.extend(pruned.into_iter().flatten().filter(|path| path != ".git"));
        paths.files.sort_unstable();
        paths.pruned.sort_unstable();
        wanted.sort_unstable();
        wanted.dedup();
        let mut snapshot = Snapshot { paths: Arc::new(paths), ..Snapshot::default() };
        for path in wanted {
            snapshot.load(root, &inside, &path);
        }
        Ok(snapshot)
    }

    /// A snapshot of a listing instead of a directory: `paths` are all files, `read` gives a file's bytes and says by `None`
    /// that it is not to be read. Vendored folders and patterns are treated as [`Snapshot::read`] treats them.
    pub fn of_listing(
        listing: impl IntoIterator<Item = String>,
        options: &ReadOptions,
        mut read: impl FnMut(&str) -> Option<Vec<u8>>,
    ) -> Self {
        let exclude = patterns(&options.exclude);
        let mut paths = Paths::default();
        for path in listing {
            let mut folders = path.match_indices('/').map(|(at, _)| &path[..at]);
            if let Some(folder) = folders.find(|folder| is_pruned_folder(folder, &options.named)) {
                paths.pruned.push(folder.to_owned());
            } else if !exclude.matched_path_or_any_parents(&path, false).is_ignore() {
                paths.files.push(path);
            }
        }
        paths.files.sort_unstable();
        paths.pruned.sort_unstable();
        paths.pruned.dedup();
        let named = |path: &String| options.named.contains(path) || FileKind::of(path) != FileKind::Other;
        let wanted: Vec<String> = paths.files.iter().filter(|path| named(path)).cloned().collect();
        let mut snapshot = Snapshot { paths: Arc::new(paths), ..Snapshot::default() };
        for path in wanted {
            if let Some(bytes) = read(&path) {
                snapshot.insert(path, bytes);
            }
        }
        snapshot
    }

    /// Reads further files of `root` that other files named; those that are read already or do not exist are left out.
    /// Says whether anything was added.
    pub fn read_more(&mut self, root: &Path, paths: impl IntoIterator<Item = String>) -> bool {
        let Ok(inside) = root.canonicalize() else { return false };
        let before = self.files.len() + self.links.len();
        for path in paths {
            if self.find(&path).is_none() && self.has_path(&path) {
                self.load(root, &inside, &path);
            }
        }
        self.files.len() + self.links.len() > before
    }

    fn load(&mut self, root: &Path, inside: &Path, path: &str) {
        let full = root.join(path);
        let real = full.canonicalize().ok();
        // A link to a file that was read is that file: what is found there is found once.
        if let Some(file) = real.as_deref().and_then(|real| relative(real, inside)).and_then(|real| self.find(&real)) {
            self.links.insert(path.to_owned(), file);
            return;
        }
        let result = read_inside(&full, inside);
        if let Ok(None) = result {
            return;
        }
        let (bytes, reason) = match result {
            Ok(bytes) => (bytes.unwrap_or_default(), None),
            Err(reason) => (Vec::new(), Some(reason)),
        };
        let mut source = Source::new(path, bytes);
        source.read_only = real.is_some_and(|real| inside.join(path) != real);
        let file = self.insert_source(source);
        if let Some(reason) = reason {
            self.unreadable.push(Unreadable { file, reason });
        }
    }

    /// Adds or replaces a file.
    pub fn insert(&mut self, path: impl Into<String>, bytes: Vec<u8>) -> FileId {
        self.insert_source(Source::new(path, bytes))
    }

    fn insert_source(&mut self, source: Source) -> FileId {
        let path = source.path.clone();
        if let Some(file) = self.by_path.get(&path) {
            let file = *file;
            self.replace(file, source.bytes().to_vec());
            return file;
        }
        let file = FileId(self.files.len() as u32);
        if let Err(at) = self.paths.files.binary_search(&path) {
            Arc::make_mut(&mut self.paths).files.insert(at, path.clone());
        }
        self.by_path.insert(path.clone(), file);
        self.files.push(Some(Arc::new(source)));
        file
    }

    /// Gives a file other bytes.
    pub fn replace(&mut self, file: FileId, bytes: Vec<u8>) {
        if let Some(Some(slot)) = self.files.get_mut(file.0 as usize) {
            *slot = Arc::new(Source::new(slot.path.clone(), bytes));
            self.unreadable.retain(|entry| entry.file != file);
        }
    }

    /// Takes a file out.
    pub fn remove(&mut self, file: FileId) {
        let Some(source) = self.files.get_mut(file.0 as usize).and_then(Option::take) else { return };
        self.by_path.remove(&source.path);
        self.links.retain(|_, linked| *linked != file);
        if let Ok(at) = self.paths.files.binary_search(&source.path) {
            Arc::make_mut(&mut self.paths).files.remove(at);
        }
    }

    /// Adds a text that is part of a file, such as a Dockerfile in a bake file. It has an id of its own, and is no file: nothing lists
    /// or edits it.
    pub(crate) fn add_fragment(&mut self, path: impl Into<String>, text: &str) -> FileId {
        self.fragments.push(Arc::new(Source::new(path, text.as_bytes())));
        FileId(FRAGMENT | (self.fragments.len() - 1) as u32)
    }

    /// Forgets all fragments.
    pub(crate) fn clear_fragments(&mut self) {
        self.fragments.clear();
    }

    /// The file, unless it was removed, or the fragment.
    pub fn get(&self, file: FileId) -> Option<&Arc<Source>> {
        if file.0 & FRAGMENT != 0 {
            return self.fragments.get((file.0 & !FRAGMENT) as usize);
        }
        self.files.get(file.0 as usize)?.as_ref()
    }

    /// The file that was read from `path`, or that a link at `path` leads to.
    pub fn find(&self, path: &str) -> Option<FileId> {
        self.by_path.get(path).or_else(|| self.links.get(path)).copied()
    }

    /// All files that were read, by path.
    pub fn files(&self) -> impl Iterator<Item = (FileId, &Arc<Source>)> {
        self.by_path.values().filter_map(|file| Some((*file, self.get(*file)?)))
    }

    /// All paths of the repository, read or not, sorted; those below vendored folders are not listed.
    pub fn paths(&self) -> &[String] {
        &self.paths.files
    }

    /// Whether a file of that path exists, read or not.
    pub fn has_path(&self, path: &str) -> bool {
        self.paths.files.binary_search_by(|other| other.as_str().cmp(path)).is_ok()
    }

    /// Whether `path` is a folder with at least one known file, or one that was not entered. The root is `""`.
    pub fn is_folder(&self, path: &str) -> bool {
        path.is_empty()
            || self.below(path).next().is_some()
            || self.paths.pruned.binary_search_by(|other| other.as_str().cmp(path)).is_ok()
    }

    /// Whether nothing can be said about the files below `path`, because it lies in a folder that was not entered.
    pub fn is_unknown(&self, path: &str) -> bool {
        let ancestors = path.match_indices('/').map(|(at, _)| &path[..at]).chain([path]);
        ancestors
            .into_iter()
            .any(|folder| self.paths.pruned.binary_search_by(|other| other.as_str().cmp(folder)).is_ok())
    }

    /// The paths of the known files below the folder `path` (`""` for all), sorted.
    pub fn below<'s>(&'s self, path: &str) -> impl Iterator<Item = &'s str> + use<'s> {
        let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
        let from = self.paths.files.partition_point(|other| other.as_str() < prefix.as_str());
        self.paths.files[from..].iter().map(String::as_str).take_while(move |other| other.starts_with(&prefix))
    }

    /// Files that should have been read and were not.
    pub fn unreadable(&self) -> &[Unreadable] {
        &self.unreadable
    }
}

/// The `/`-separated path below `root`; none for the root itself and for names that are not UTF-8.
fn relative(path: &Path, root: &Path) -> Option<String> {
    let path = path.strip_prefix(root).ok()?.to_str()?;
    (!path.is_empty()).then(|| path.replace(std::path::MAIN_SEPARATOR, "/"))
}

/// Whether a folder holds what is named, or lies in it.
fn is_on_way(folder: &str, named: &str) -> bool {
    let (long, short) = if folder.len() > named.len() { (folder, named) } else { (named, folder) };
    long.strip_prefix(short).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Path patterns in `.gitignore` syntax.
fn patterns(lines: &[String]) -> ignore::gitignore::Gitignore {
    let mut patterns = ignore::gitignore::GitignoreBuilder::new("");
    for line in lines {
        // The configuration has checked the patterns; one that does not compile excludes nothing.
        let _ = patterns.add_line(None, line);
    }
    patterns.build().unwrap_or_else(|_| ignore::gitignore::Gitignore::empty())
}

fn is_pruned(path: &Path, root: &Path, named: &[String]) -> bool {
    match relative(path, root) {
        Some(path) => is_pruned_folder(&path, named),
        None => path.file_name().and_then(|name| name.to_str()).is_some_and(is_pruned_name),
    }
}

/// Whether the folder at `path`, relative to the root, is not entered.
fn is_pruned_folder(path: &str, named: &[String]) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let is_named =
        |named: &String| named.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    is_pruned_name(name) && (name == ".git" || !named.iter().any(is_named))
}

fn is_pruned_name(name: &str) -> bool {
    PRUNED.contains(&name) || name.starts_with("testdata") || name.starts_with("testfiles")
}

/// The bytes of a file below `inside`, or why there are none; `None` when the link leads out of the root or nowhere.
fn read_inside(path: &Path, inside: &Path) -> Result<Option<Vec<u8>>, String> {
    let say = |error: std::io::Error| format!("cannot be read: {error}");
    let entry = fs::symlink_metadata(path).map_err(say)?;
    if entry.is_symlink() && !path.canonicalize().is_ok_and(|target| target.starts_with(inside)) {
        return Ok(None);
    }
    let meta = fs::metadata(path).map_err(say)?;
    if !meta.is_file() {
        return Ok(None);
    }
    if meta.len() > MAX_FILE_BYTES {
        let mib = 1024 * 1024;
        return Err(format!("is not read: it has {} MiB, the limit is {} MiB", meta.len() / mib, MAX_FILE_BYTES / mib));
    }
    let mut bytes = Vec::with_capacity(meta.len() as usize);
    fs::File::open(path).and_then(|file| file.take(MAX_FILE_BYTES).read_to_end(&mut bytes)).map_err(say)?;
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_tells_the_kind() {
        let cases = [
            ("Dockerfile", FileKind::Dockerfile),
            ("docker/web.Dockerfile", FileKind::Dockerfile),
            ("Dockerfile.celery", FileKind::Dockerfile),
            ("Dockerfile.md", FileKind::Other),
            ("dockerfile.go", FileKind::Other),
            ("Dockerfile.dockerignore", FileKind::Dockerignore),
            ("docker-bake.override.hcl", FileKind::BakeHcl),
            ("infra/main.hcl", FileKind::Other),
            ("docker-compose.prod.yml", FileKind::Compose),
            ("compose.yaml", FileKind::Compose),
            (".github/workflows/ci.yml", FileKind::Workflow),
            (".github/actions/setup/action.yml", FileKind::Action),
            ("requirements/base.txt", FileKind::Manifest),
            ("requirements-dev.txt", FileKind::Manifest),
            ("Makefile", FileKind::Script),
        ];
        for (path, kind) in cases {
            assert_eq!(FileKind::of(path), kind, "{path}");
        }
    }

    #[test]
    fn folders_follow_from_the_files() {
        let snapshot = Snapshot::from_texts([("a/b/c", ""), ("a.txt", ""), ("ab/x", "")]);
        assert!(snapshot.is_folder("a/b") && snapshot.is_folder("") && !snapshot.is_folder("a/b/c"));
        assert_eq!(snapshot.below("a").collect::<Vec<_>>(), ["a/b/c"]);
        assert!(snapshot.has_path("a.txt") && !snapshot.has_path("a"));
    }
}
