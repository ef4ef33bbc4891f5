//! What a build sees of a commit's files, and what BuildKit's content hashes say about it.
//!
//! The digests here are not BuildKit's, but they are equal exactly where BuildKit's are equal (cache/contenthash): file
//! bytes, execute bits, names, symbolic links and empty directories count, times and owners do not. A directory's digest
//! is the id that git would give its tree, so what no pattern touches needs no reading, and what did not change between
//! two commits is not looked at again.

use super::glob;
use super::history::HistoryError;
use super::tree::{Entry, Kind, ObjectFormat, Oid, Tree};
use crate::source::FileId;
use crate::syntax::dockerignore::{self, Folder, Ignore};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::sync::Arc;

/// A digest: of content, of an operation, of a cache key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 16]);

/// Builds a [`Digest`] out of parts, each with its length, so that no two lists of parts read the same.
#[derive(Default)]
pub(super) struct Hasher(Sha256);

impl Hasher {
    pub fn new(domain: &str) -> Self {
        Hasher::default().part(domain)
    }

    pub fn part(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.add(bytes);
        self
    }

    pub fn add(&mut self, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    pub fn finish(self) -> Digest {
        let mut digest = [0; 16];
        digest.copy_from_slice(&self.0.finalize()[..16]);
        Digest(digest)
    }
}

/// Where objects come from: a repository, or memory.
pub trait ObjectSource {
    /// The hash that names objects.
    fn format(&self) -> ObjectFormat;
    /// Reads a tree.
    ///
    /// # Errors
    ///
    /// It is missing or damaged.
    fn tree(&mut self, oid: Oid) -> Result<Tree, HistoryError>;
    /// Reads a file's bytes or a link's target.
    ///
    /// # Errors
    ///
    /// It is missing or damaged.
    fn blob(&mut self, oid: Oid) -> Result<Vec<u8>, HistoryError>;
}

impl ObjectSource for super::history::Objects {
    fn format(&self) -> ObjectFormat {
        super::history::Objects::format(self)
    }

    fn tree(&mut self, oid: Oid) -> Result<Tree, HistoryError> {
        let object = self.read(oid, "tree")?;
        let damaged = || HistoryError::Damaged { oid, message: "it is no tree".to_owned() };
        Tree::parse(&object, self.format()).ok_or_else(damaged)
    }

    fn blob(&mut self, oid: Oid) -> Result<Vec<u8>, HistoryError> {
        self.read(oid, "blob")
    }
}

/// Which part of a file tree an instruction uses.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Selector {
    /// Absolute path in the tree, cleaned; may hold wildcards if [`Selector::wildcard`].
    pub path: String,
    /// Whether wildcards in the path are expanded.
    pub wildcard: bool,
    /// Patterns of which one must match (`COPY --parents`); none means all.
    pub include: Vec<String>,
    /// Patterns of which none may match (`--exclude`).
    pub exclude: Vec<String>,
    /// Paths that must be among the selected ones.
    pub required: Vec<String>,
}

impl Selector {
    /// A plain path.
    pub fn path(path: impl Into<String>) -> Self {
        let path = path.into();
        Selector { path, wildcard: false, include: Vec::new(), exclude: Vec::new(), required: Vec::new() }
    }

    /// Whether a change of the file at `path` (relative to the tree) can change what is taken. Links are not followed.
    pub fn touches(&self, path: &str) -> bool {
        let own: Vec<&str> = self.path.split('/').filter(|part| !part.is_empty()).collect();
        let parts: Vec<&str> = path.split('/').collect();
        let matches = |(own, part): (&&str, &&str)| own == part || self.wildcard && glob::matches(own, part);
        if parts.len() < own.len() || !own.iter().zip(&parts).all(matches) {
            return false;
        }
        let rest = parts[own.len()..].join("/");
        let all = |texts: &[String], default: bool| match patterns(texts) {
            Ok(Some(patterns)) => patterns.is_ignored(&rest),
            _ => default,
        };
        all(&self.include, true) && !all(&self.exclude, false)
    }

    /// Whether it is a path and nothing more.
    pub fn is_plain(&self) -> bool {
        !self.wildcard && self.include.is_empty() && self.exclude.is_empty()
    }
}

/// What keeps content from being hashed.
#[derive(Debug)]
pub enum ContentError {
    /// BuildKit would fail with "not found" for this path.
    NotFound(String),
    /// A pattern that BuildKit refuses.
    BadPattern(String),
    /// The object store failed.
    History(HistoryError),
}

impl From<HistoryError> for ContentError {
    fn from(error: HistoryError) -> Self {
        ContentError::History(error)
    }
}

/// Names a set of ignore patterns in a [`Content`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FilterId(usize);

/// Trees of many commits with what was computed about them.
pub struct Content<S> {
    source: S,
    /// Trees that were read or made, and how many entries they have together.
    trees: HashMap<Oid, Arc<Tree>>,
    entries: usize,
    filters: Vec<Arc<Ignore>>,
    filter_ids: HashMap<String, FilterId>,
    /// What a filter leaves of a directory, by the directory's path.
    filtered: HashMap<(FilterId, Oid, String), Option<Oid>>,
    selectors: HashMap<Selector, usize>,
    /// What a selector takes of a directory, by the directory's path below the selector's.
    selected: HashMap<(usize, Oid, String), Part>,
    /// The same as a tree.
    picked: HashMap<(usize, Oid, String), Option<Oid>>,
    checksums: HashMap<(usize, Oid), Digest>,
    links: HashMap<Oid, Arc<str>>,
    /// Bytes of files that were made, not read.
    made: HashMap<Oid, Vec<u8>>,
    generation: usize,
}

/// Files by path that stand in for those of a commit; `None` where a file is taken away.
pub type Overlay = std::collections::BTreeMap<String, Option<Vec<u8>>>;

/// How many tree entries are kept before all is forgotten and read again: some 100 bytes each.
const MAX_ENTRIES: usize = 4_000_000;

/// Most links that are followed for one path, as in BuildKit.
const MAX_LINKS: usize = 255;

/// The deepest directory that is walked; git itself does not come near it.
const MAX_DEPTH: usize = 2000;

/// Selected paths of a directory.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Part {
    digest: Digest,
    count: u64,
    /// Digest of the last one and of its base name: all that counts when it is the only one.
    last: Option<(Digest, Digest)>,
}

impl<S: ObjectSource> Content<S> {
    /// Content of this source, nothing read yet.
    pub fn new(source: S) -> Self {
        Content {
            source,
            trees: HashMap::new(),
            entries: 0,
            filters: Vec::new(),
            filter_ids: HashMap::new(),
            filtered: HashMap::new(),
            selectors: HashMap::new(),
            selected: HashMap::new(),
            picked: HashMap::new(),
            checksums: HashMap::new(),
            links: HashMap::new(),
            made: HashMap::new(),
            generation: 0,
        }
    }

    /// The hash that names objects.
    pub fn format(&self) -> ObjectFormat {
        self.source.format()
    }

    /// Forgets what can be read again if it has become too much. To be called between commits: ids of trees that were
    /// made, not read, are void in the next [generation](Content::generation).
    pub fn trim(&mut self) {
        let derived = self.filtered.len() + self.selected.len() + self.picked.len() + self.checksums.len();
        if self.entries > MAX_ENTRIES || derived > MAX_ENTRIES / 2 {
            self.trees.clear();
            self.entries = 0;
            self.filtered.clear();
            self.selected.clear();
            self.picked.clear();
            self.checksums.clear();
            self.links.clear();
            self.generation += 1;
        }
    }

    /// How often all was forgotten.
    pub fn generation(&self) -> usize {
        self.generation
    }

    /// Calls `take` with the path of each file below `root`, but does not enter the folders that `enter` refuses.
    ///
    /// # Errors
    ///
    /// The object store fails.
    pub fn walk(
        &mut self,
        root: Oid,
        enter: impl Fn(&str) -> bool,
        mut take: impl FnMut(&str, &Entry),
    ) -> Result<(), HistoryError> {
        let mut todo = vec![(String::new(), root, 0)];
        while let Some((folder, oid, depth)) = todo.pop() {
            for entry in self.tree(oid)?.entries() {
                let path = format!("{folder}{}", String::from_utf8_lossy(&entry.name));
                if entry.kind() != Kind::Directory {
                    take(&path, entry);
                } else if depth < MAX_DEPTH && enter(&path) {
                    todo.push((format!("{path}/"), entry.oid, depth + 1));
                }
            }
        }
        Ok(())
    }

    /// A tree, read once.
    ///
    /// # Errors
    ///
    /// It is missing or damaged.
    pub fn tree(&mut self, oid: Oid) -> Result<Arc<Tree>, HistoryError> {
        if let Some(tree) = self.trees.get(&oid) {
            return Ok(Arc::clone(tree));
        }
        let tree = Arc::new(self.source.tree(oid)?);
        self.keep(oid, &tree);
        Ok(tree)
    }

    /// Keeps a tree that was made, under the id that git would give it.
    pub fn insert(&mut self, tree: Tree) -> Oid {
        let oid = tree.id(self.source.format());
        self.keep(oid, &Arc::new(tree));
        oid
    }

    fn keep(&mut self, oid: Oid, tree: &Arc<Tree>) {
        if self.trees.insert(oid, Arc::clone(tree)).is_none() {
            self.entries += tree.entries().len() + 1;
        }
    }

    /// Bytes of a file below `root`, links followed; `None` if there is no such file.
    ///
    /// # Errors
    ///
    /// The object store fails.
    pub fn file(&mut self, root: Oid, path: &str) -> Result<Option<Vec<u8>>, HistoryError> {
        match self.resolve(root, path, true)? {
            Some(entry) if matches!(entry.kind(), Kind::File | Kind::Executable) => self.blob(entry.oid).map(Some),
            _ => Ok(None),
        }
    }

    /// The id of a file's bytes below `root`, links followed.
    ///
    /// # Errors
    ///
    /// The object store fails.
    pub fn file_id(&mut self, root: Oid, path: &str) -> Result<Option<Oid>, HistoryError> {
        let entry = self.resolve(root, path, true)?;
        Ok(entry.filter(|entry| matches!(entry.kind(), Kind::File | Kind::Executable)).map(|entry| entry.oid))
    }

    /// The directory at `path` below `root`; `None` if there is none.
    ///
    /// # Errors
    ///
    /// The object store fails.
    pub fn directory(&mut self, root: Oid, path: &str) -> Result<Option<Oid>, HistoryError> {
        let entry = self.resolve(root, path, true)?;
        Ok(entry.filter(|entry| entry.kind() == Kind::Directory).map(|entry| entry.oid))
    }

    /// Paths of files that differ between two trees, at most `limit`.
    ///
    /// # Errors
    ///
    /// The object store fails.
    pub fn diff(&mut self, before: Oid, after: Oid, limit: usize) -> Result<Vec<String>, HistoryError> {
        let mut paths = Vec::new();
        let mut todo = vec![(String::new(), Some(before), Some(after))];
        while let Some((path, before, after)) = todo.pop() {
            if before == after || paths.len() >= limit {
                continue;
            }
            let [before, after] = [before, after].map(|oid| oid.map(|oid| self.tree(oid)).transpose());
            let (before, after) = (before?.unwrap_or_default(), after?.unwrap_or_default());
            let gone =
                before.entries().iter().filter(|entry| after.get(&entry.name).is_none()).map(|e| (Some(e), None));
            let others = after.entries().iter().map(|entry| (before.get(&entry.name), Some(entry)));
            for (old, new) in gone.chain(others) {
                let Some(entry) = new.or(old).filter(|_| old != new) else { continue };
                let name = String::from_utf8_lossy(&entry.name);
                let below = if path.is_empty() { name.into_owned() } else { format!("{path}/{name}") };
                let folder = |entry: Option<&Entry>| entry.filter(|e| e.kind() == Kind::Directory).map(|e| e.oid);
                let is_file = |entry: Option<&Entry>| entry.is_some_and(|e| e.kind() != Kind::Directory);
                if is_file(old) || is_file(new) {
                    paths.push(below.clone());
                }
                if folder(old).is_some() || folder(new).is_some() {
                    todo.push((below, folder(old), folder(new)));
                }
            }
        }
        paths.sort();
        Ok(paths)
    }

    /// Puts files into a tree, over what is there, or takes them out (`None`). The id of the new tree.
    ///
    /// # Errors
    ///
    /// The object store fails.
    pub fn overlay(&mut self, root: Oid, files: &Overlay) -> Result<Oid, HistoryError> {
        let mut root = root;
        for (path, bytes) in files {
            let oid = bytes.as_ref().map(|bytes| {
                let oid = self.source.format().id("blob", bytes);
                self.made.insert(oid, bytes.clone());
                oid
            });
            let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
            root = self.put(root, &parts, oid)?;
        }
        Ok(root)
    }

    fn put(&mut self, folder: Oid, path: &[&str], file: Option<Oid>) -> Result<Oid, HistoryError> {
        let Some((name, rest)) = path.split_first() else { return Ok(folder) };
        let tree = self.tree(folder)?;
        let old = tree.get(name.as_bytes());
        let new = if rest.is_empty() {
            let mode = old.filter(|entry| entry.kind() != Kind::Directory).map_or(0o100_644, |entry| entry.mode);
            file.map(|oid| Entry { name: name.as_bytes().into(), mode, oid })
        } else {
            let below = match old.filter(|entry| entry.kind() == Kind::Directory) {
                Some(entry) => entry.oid,
                None if file.is_none() => return Ok(folder),
                None => self.insert(Tree::default()),
            };
            let below = self.put(below, rest, file)?;
            let empty = self.tree(below)?.entries().is_empty();
            (!empty).then(|| Entry::directory(name.as_bytes(), below))
        };
        let mut entries: Vec<Entry> = tree.entries().iter().filter(|e| *e.name != *name.as_bytes()).cloned().collect();
        entries.extend(new);
        Ok(self.insert(Tree::new(entries)))
    }

    /// Bytes of a blob.
    ///
    /// # Errors
    ///
    /// It is missing or damaged.
    pub fn blob(&mut self, oid: Oid) -> Result<Vec<u8>, HistoryError> {
        match self.made.get(&oid) {
            Some(bytes) => Ok(bytes.clone()),
            None => self.source.blob(oid),
        }
    }

    /// Registers the text of an ignore file. `None` when it has no pattern and leaves everything as it is.
    ///
    /// # Errors
    ///
    /// BuildKit refuses a pattern.
    pub fn filter(&mut self, text: &str) -> Result<Option<FilterId>, ContentError> {
        if let Some(id) = self.filter_ids.get(text) {
            return Ok(Some(*id));
        }
        let (ignore, errors) = dockerignore::parse(FileId(0), text);
        if let Some(error) = errors.first() {
            return Err(ContentError::BadPattern(error.message.clone()));
        }
        if ignore.patterns().is_empty() {
            return Ok(None);
        }
        self.filters.push(Arc::new(ignore));
        let id = FilterId(self.filters.len() - 1);
        self.filter_ids.insert(text.to_owned(), id);
        Ok(Some(id))
    }

    /// What a filter leaves of the tree `root`. A directory that is not ignored itself stays, even if all in it goes; one
    /// that is ignored stays if something in it is not (fsutil's filter.go).
    ///
    /// # Errors
    ///
    /// The object store fails.
    pub fn apply(&mut self, filter: FilterId, root: Oid) -> Result<Oid, HistoryError> {
        let ignore = Arc::clone(&self.filters[filter.0]);
        match self.apply_below(filter, &ignore, root, "", &ignore.root(), 0)? {
            Some(oid) => Ok(oid),
            None => Ok(self.insert(Tree::default())),
        }
    }

    fn apply_below(
        &mut self,
        filter: FilterId,
        ignore: &Ignore,
        oid: Oid,
        path: &str,
        folder: &Folder,
        depth: usize,
    ) -> Result<Option<Oid>, HistoryError> {
        // What matched the directory and those above it follows from its path, so path and id say it all.
        let key = (filter, oid, path.to_owned());
        if let Some(found) = self.filtered.get(&key) {
            return Ok(*found);
        }
        if depth > MAX_DEPTH {
            return Err(HistoryError::Damaged { oid, message: "directories are nested too deeply".to_owned() });
        }
        let tree = self.tree(oid)?;
        let mut kept = Vec::with_capacity(tree.entries().len());
        let mut changed = false;
        for entry in tree.entries() {
            let name = String::from_utf8_lossy(&entry.name);
            let below = if path.is_empty() { name.into_owned() } else { format!("{path}/{name}") };
            if entry.kind() != Kind::Directory {
                let ignored = ignore.is_ignored_in(folder, &below);
                if !ignored {
                    kept.push(entry.clone());
                }
                changed |= ignored;
                continue;
            }
            let inner = ignore.enter(folder, &below);
            if ignore.can_skip(&inner, &below) {
                changed = true;
                continue;
            }
            if !inner.ignored && !may_match_below(ignore, &below) {
                kept.push(entry.clone());
                continue;
            }
            let left = self.apply_below(filter, ignore, entry.oid, &below, &inner, depth + 1)?;
            changed |= left != Some(entry.oid);
            kept.extend(left.map(|oid| Entry { oid, ..entry.clone() }));
        }
        let left = match (kept.is_empty() && folder.ignored, changed) {
            (true, _) => None,
            (false, false) => Some(oid),
            (false, true) => Some(self.insert(Tree::new(kept))),
        };
        self.filtered.insert(key, left);
        Ok(left)
    }

    /// The digest of what several selectors take together, as for one input of an instruction.
    ///
    /// # Errors
    ///
    /// A path is not there, a pattern is refused, or the object store fails.
    pub fn select(&mut self, root: Oid, selectors: &[Selector]) -> Result<Digest, ContentError> {
        let mut hasher = Hasher::new("selectors");
        for selector in dedupe(selectors) {
            hasher.add(self.checksum(root, &selector)?.0);
        }
        Ok(hasher.finish())
    }

    fn id_of(&mut self, selector: &Selector) -> usize {
        match self.selectors.get(selector) {
            Some(id) => *id,
            None => {
                let id = self.selectors.len();
                self.selectors.insert(selector.clone(), id);
                id
            }
        }
    }

    fn checksum(&mut self, root: Oid, selector: &Selector) -> Result<Digest, ContentError> {
        let id = self.id_of(selector);
        if let Some(found) = self.checksums.get(&(id, root)) {
            return Ok(*found);
        }
        let digest = if selector.is_plain() {
            let entry = self.resolve(root, &selector.path, true)?;
            entry_digest(&entry.ok_or_else(|| ContentError::NotFound(selector.path.clone()))?)
        } else {
            self.filtered_checksum(root, selector, id)?
        };
        self.checksums.insert((id, root), digest);
        Ok(digest)
    }

    /// The checksum of a selector with wildcards or patterns (`includedPaths` in cache/contenthash/checksum.go).
    fn filtered_checksum(&mut self, root: Oid, selector: &Selector, id: usize) -> Result<Digest, ContentError> {
        let walk = Walk { id, include: patterns(&selector.include)?, exclude: patterns(&selector.exclude)? };
        let mut tops: Vec<(String, Entry)> = Vec::new();
        if selector.wildcard {
            self.expand(root, &selector.path, &mut tops)?;
        } else if let Some(entry) = self.resolve(root, &selector.path, false)? {
            tops.push((selector.path.clone(), entry));
        }
        for required in &selector.required {
            if self.resolve(root, required, true)?.is_none() {
                return Err(ContentError::NotFound(required.clone()));
            }
        }
        let prefix_len = if selector.wildcard { literal_prefix(&selector.path).len() } else { selector.path.len() };
        let mut list = Hasher::new("selected");
        let (mut count, mut last) = (0, None);
        for (path, entry) in tops {
            let name = Hasher::new("name").part(glob::base(&path)).finish();
            let part = match entry.kind() {
                Kind::Directory => {
                    let (header, folders) = walk.enter("", &walk.top());
                    let part = self.select_below(&walk, entry.oid, "", header, &folders, name, 0)?;
                    // Alone, the directory has the name that it has here, wherever else it was seen.
                    let last = if part.count == 1 { part.last.map(|(digest, _)| (digest, name)) } else { part.last };
                    Part { last, ..part }
                }
                _ => {
                    if !walk.enter("", &walk.top()).0 {
                        continue;
                    }
                    // What is named is followed; what is found inside a directory is not.
                    let followed = match entry.kind() {
                        Kind::Symlink => self.resolve(root, &path, true)?,
                        _ => Some(entry),
                    };
                    let digest = entry_digest(&followed.ok_or_else(|| ContentError::NotFound(path.clone()))?);
                    Part { digest, count: 1, last: Some((digest, name)) }
                }
            };
            if part.count > 0 {
                list.add(path.get(prefix_len..).unwrap_or_default());
                list.add(part.digest.0);
                count += part.count;
                last = part.last;
            }
        }
        // One path with the name that was asked for is hashed as if it had been named without wildcards.
        let wanted = Hasher::new("name").part(glob::base(&selector.path)).finish();
        match last {
            Some((digest, name)) if count == 1 && name == wanted => Ok(digest),
            _ => Ok(list.finish()),
        }
    }

    /// What patterns take of a directory.
    #[allow(clippy::too_many_arguments, reason = "the state of a recursive walk")]
    fn select_below(
        &mut self,
        walk: &Walk,
        oid: Oid,
        path: &str,
        header: bool,
        folders: &Folders,
        name: Digest,
        depth: usize,
    ) -> Result<Part, HistoryError> {
        let key = (walk.id, oid, path.to_owned());
        if let Some(found) = self.selected.get(&key) {
            return Ok(*found);
        }
        if depth > MAX_DEPTH {
            return Err(HistoryError::Damaged { oid, message: "directories are nested too deeply".to_owned() });
        }
        let tree = self.tree(oid)?;
        let mut list = Hasher::new("directory");
        let (mut count, mut last) = (0, None);
        for entry in tree.entries() {
            let file = String::from_utf8_lossy(&entry.name);
            let below = if path.is_empty() { file.to_string() } else { format!("{path}/{file}") };
            let (wanted, inner) = walk.enter(&below, folders);
            let name = Hasher::new("name").part(file.as_bytes()).finish();
            let part = if entry.kind() == Kind::Directory {
                self.select_below(walk, entry.oid, &below, wanted, &inner, name, depth + 1)?
            } else if wanted {
                let digest = entry_digest(entry);
                Part { digest, count: 1, last: Some((digest, name)) }
            } else {
                continue;
            };
            if part.count > 0 {
                list.add(&entry.name);
                list.add(part.digest.0);
                count += part.count;
                last = part.last;
            }
        }
        // A directory itself counts if it is wanted, or for the sake of what is wanted in it.
        if header || count > 0 {
            count += 1;
            last = last.or(Some((Hasher::new("empty directory").finish(), name)));
        }
        let part = Part { digest: list.finish(), count, last };
        self.selected.insert(key, part);
        Ok(part)
    }

    /// The tree of what the patterns of a selector take of a directory; `None` if a pattern is refused.
    ///
    /// # Errors
    ///
    /// The object store fails.
    pub fn filtered(&mut self, root: Oid, selector: &Selector) -> Result<Option<Oid>, HistoryError> {
        let (Ok(include), Ok(exclude)) = (patterns(&selector.include), patterns(&selector.exclude)) else {
            return Ok(None);
        };
        let walk = Walk { id: self.id_of(selector), include, exclude };
        let left = self.filtered_below(&walk, root, "", &walk.top(), 0)?;
        Ok(Some(match left {
            Some(oid) => oid,
            None => self.insert(Tree::default()),
        }))
    }

    fn filtered_below(
        &mut self,
        walk: &Walk,
        oid: Oid,
        path: &str,
        folders: &Folders,
        depth: usize,
    ) -> Result<Option<Oid>, HistoryError> {
        let key = (walk.id, oid, path.to_owned());
        if let Some(found) = self.picked.get(&key) {
            return Ok(*found);
        }
        if depth > MAX_DEPTH {
            return Err(HistoryError::Damaged { oid, message: "directories are nested too deeply".to_owned() });
        }
        let mut kept = Vec::new();
        for entry in self.tree(oid)?.entries() {
            let name = String::from_utf8_lossy(&entry.name);
            let below = if path.is_empty() { name.into_owned() } else { format!("{path}/{name}") };
            let (wanted, inner) = walk.enter(&below, folders);
            if entry.kind() != Kind::Directory {
                kept.extend(wanted.then(|| entry.clone()));
                continue;
            }
            // A directory is made if it is wanted, or for the sake of what is wanted in it.
            let left = match self.filtered_below(walk, entry.oid, &below, &inner, depth + 1)? {
                None if wanted => Some(self.insert(Tree::default())),
                left => left,
            };
            kept.extend(left.map(|oid| Entry { oid, ..entry.clone() }));
        }
        let left = (!kept.is_empty()).then(|| self.insert(Tree::new(kept)));
        self.picked.insert(key, left);
        Ok(left)
    }

    /// The paths that an absolute path with wildcards stands for.
    ///
    /// # Errors
    ///
    /// The object store fails.
    pub fn matches(&mut self, root: Oid, pattern: &str) -> Result<Vec<String>, HistoryError> {
        let mut found = Vec::new();
        self.expand(root, pattern, &mut found)?;
        Ok(found.into_iter().map(|(path, _)| path).collect())
    }

    /// The digest of the paths that patterns take of a directory; `None` if a pattern is refused.
    ///
    /// # Errors
    ///
    /// The object store fails.
    pub fn names(&mut self, root: Oid, patterns: &[String]) -> Result<Option<Digest>, HistoryError> {
        if patterns.is_empty() {
            return Ok(Some(Hasher::new("names").finish()));
        }
        let Ok(include) = self::patterns(patterns) else { return Ok(None) };
        // No instruction selects without a path, so these are told from what instructions select.
        let id = self.id_of(&Selector { include: patterns.to_vec(), ..Selector::path("") });
        let walk = Walk { id, include, exclude: None };
        let part = self.names_below(&walk, root, "", &walk.top(), 0)?;
        Ok(part.map(|part| part.digest))
    }

    fn names_below(
        &mut self,
        walk: &Walk,
        oid: Oid,
        path: &str,
        folders: &Folders,
        depth: usize,
    ) -> Result<Option<Part>, HistoryError> {
        let key = (walk.id, oid, path.to_owned());
        if let Some(part) = self.selected.get(&key) {
            return Ok(Some(*part));
        }
        if depth > MAX_DEPTH {
            return Ok(None);
        }
        let tree = self.tree(oid)?;
        let mut list = Hasher::new("names");
        let mut count = 0;
        for entry in tree.entries() {
            let file = String::from_utf8_lossy(&entry.name);
            let below = if path.is_empty() { file.into_owned() } else { format!("{path}/{file}") };
            let (wanted, inner) = walk.enter(&below, folders);
            if entry.kind() == Kind::Directory {
                let Some(part) = self.names_below(walk, entry.oid, &below, &inner, depth + 1)? else { return Ok(None) };
                if wanted || part.count > 0 {
                    list.add(&entry.name);
                    list.add(part.digest.0);
                    count += part.count + u64::from(wanted);
                }
            } else if wanted {
                list.add(&entry.name);
                count += 1;
            }
        }
        let part = Part { digest: list.finish(), count, last: None };
        self.selected.insert(key, part);
        Ok(Some(part))
    }

    /// Expands the wildcards of an absolute path; links before the first wildcard are followed.
    fn expand(&mut self, root: Oid, pattern: &str, found: &mut Vec<(String, Entry)>) -> Result<(), HistoryError> {
        let prefix = literal_prefix(pattern);
        let Some(entry) = self.resolve(root, prefix, true)? else { return Ok(()) };
        let rest: Vec<&str> = pattern[prefix.len()..].split('/').filter(|part| !part.is_empty()).collect();
        self.expand_below(&entry, prefix.trim_end_matches('/'), &rest, found)
    }

    fn expand_below(
        &mut self,
        entry: &Entry,
        path: &str,
        rest: &[&str],
        found: &mut Vec<(String, Entry)>,
    ) -> Result<(), HistoryError> {
        let Some((pattern, rest)) = rest.split_first() else {
            found.push((path.to_owned(), entry.clone()));
            return Ok(());
        };
        if entry.kind() != Kind::Directory {
            return Ok(());
        }
        for entry in self.tree(entry.oid)?.entries() {
            let name = String::from_utf8_lossy(&entry.name);
            if glob::matches(pattern, &name) {
                self.expand_below(entry, &format!("{path}/{name}"), rest, found)?;
            }
        }
        Ok(())
    }

    /// The entry at a path; links on the way are followed inside of the tree, the last one if `follow`.
    ///
    /// # Errors
    ///
    /// The object store fails.
    pub fn resolve(&mut self, root: Oid, path: &str, follow: bool) -> Result<Option<Entry>, HistoryError> {
        // Parts still to go, the next one last; directories on the way here.
        let mut todo: Vec<String> = path.split('/').rev().map(str::to_owned).collect();
        let mut stack = vec![Entry::directory(b"", root)];
        let mut links = 0;
        while let Some(part) = todo.pop() {
            match part.as_str() {
                "" | "." => continue,
                ".." => {
                    if stack.len() > 1 {
                        stack.pop();
                    }
                    continue;
                }
                _ => {}
            }
            let Some(last) = stack.last().filter(|last| last.kind() == Kind::Directory).cloned() else {
                return Ok(None);
            };
            let Some(entry) = self.tree(last.oid)?.get(part.as_bytes()).cloned() else { return Ok(None) };
            let on_the_way = todo.iter().any(|part| !matches!(part.as_str(), "" | "."));
            if entry.kind() == Kind::Symlink && (follow || on_the_way) {
                links += 1;
                if links > MAX_LINKS {
                    return Ok(None);
                }
                let target = self.link(entry.oid)?;
                if target.starts_with('/') {
                    stack.truncate(1);
                }
                todo.extend(target.split('/').rev().map(str::to_owned));
                continue;
            }
            stack.push(entry);
        }
        Ok(stack.pop())
    }

    fn link(&mut self, oid: Oid) -> Result<Arc<str>, HistoryError> {
        if let Some(target) = self.links.get(&oid) {
            return Ok(Arc::clone(target));
        }
        let target: Arc<str> = String::from_utf8_lossy(&self.blob(oid)?).into();
        self.links.insert(oid, Arc::clone(&target));
        Ok(target)
    }
}

/// Whether a pattern may match a folder or something in it. Where none can, nothing needs to be read.
fn may_match_below(ignore: &Ignore, folder: &str) -> bool {
    let may_match = |pattern: &str| {
        let mut parts = folder.split('/');
        for own in pattern.split('/') {
            // Sets and escapes are rare, and not worth a second reading.
            if own.contains("**") || own.contains(['[', '\\']) {
                return true;
            }
            match parts.next() {
                Some(part) if glob::matches(own, part) => {}
                Some(_) => return false,
                None => return true,
            }
        }
        true
    };
    ignore.patterns().iter().any(|pattern| may_match(&pattern.text))
}

/// The patterns of a selector.
struct Walk {
    id: usize,
    include: Option<Ignore>,
    exclude: Option<Ignore>,
}

/// What the patterns of a selector say about a directory.
struct Folders {
    include: Option<Folder>,
    exclude: Option<Folder>,
}

impl Walk {
    fn top(&self) -> Folders {
        Folders { include: self.include.as_ref().map(Ignore::root), exclude: self.exclude.as_ref().map(Ignore::root) }
    }

    /// Whether a path is taken, with what there is to know for the paths below it. BuildKit does not try the exclusions
    /// of what is not included.
    fn enter(&self, path: &str, folders: &Folders) -> (bool, Folders) {
        let step =
            |patterns: &Option<Ignore>, folder: &Option<Folder>| Some(patterns.as_ref()?.enter(folder.as_ref()?, path));
        let include = step(&self.include, &folders.include);
        let included = include.as_ref().is_none_or(|folder| folder.ignored);
        let exclude =
            if included { step(&self.exclude, &folders.exclude) } else { self.exclude.as_ref().map(Ignore::root) };
        let excluded = included && exclude.as_ref().is_some_and(|folder| folder.ignored);
        (included && !excluded, Folders { include, exclude })
    }
}

/// The patterns of `--exclude` or `--parents`. Unlike the lines of an ignore file they are no comments, and one that
/// begins with a slash matches nothing.
fn patterns(patterns: &[String]) -> Result<Option<Ignore>, ContentError> {
    if patterns.is_empty() {
        return Ok(None);
    }
    let usable: Vec<&str> = patterns
        .iter()
        .map(String::as_str)
        .filter(|text| !text.starts_with(['/', '#']) && !text.contains('\n'))
        .collect();
    let (ignore, errors) = dockerignore::parse(FileId(0), &usable.join("\n"));
    match errors.first() {
        Some(error) => Err(ContentError::BadPattern(error.message.clone())),
        None => Ok(Some(ignore)),
    }
}

/// The digest of one entry; its name plays no part.
pub(super) fn entry_digest(entry: &Entry) -> Digest {
    let kind: &[u8] = match entry.kind() {
        Kind::Directory => b"directory",
        Kind::File => b"file",
        Kind::Executable => b"executable",
        Kind::Symlink => b"link",
        Kind::Submodule => b"submodule",
    };
    Hasher::new("entry").part(kind).part(entry.oid.as_bytes()).finish()
}

/// The directory part of a path up to its first part with a wildcard.
pub(super) fn literal_prefix(pattern: &str) -> &str {
    let mut end = 0;
    for part in pattern.split_inclusive('/') {
        if glob::has_wildcard(part) {
            break;
        }
        end += part.len();
    }
    let prefix = &pattern[..end];
    if prefix.len() > 1 { prefix.trim_end_matches('/') } else { prefix }
}

/// Selectors in the order in which BuildKit hashes them, plain paths inside of other plain paths left out
/// (`dedupeSelectors` in solver/llbsolver/ops/file.go).
fn dedupe(selectors: &[Selector]) -> Vec<Selector> {
    let plain = |selector: &&Selector| selector.is_plain();
    let below =
        |path: &str, other: &str| path != other && path.starts_with(&format!("{}/", other.trim_end_matches('/')));
    let mut paths: Vec<&Selector> = selectors.iter().filter(plain).collect();
    paths.sort_by(|a, b| a.path.cmp(&b.path));
    paths.dedup();
    let mut out: Vec<Selector> =
        paths.iter().filter(|s| !paths.iter().any(|other| below(&s.path, &other.path))).map(|s| (*s).clone()).collect();
    out.extend(selectors.iter().filter(|selector| !selector.is_plain()).cloned());
    out.sort_by(|a, b| a.path.cmp(&b.path));
    out
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Trees and blobs in memory, written as `path = content`; `+x` at the end of a path makes it executable, `->` in
    /// place of `=` a link.
    #[derive(Default)]
    pub(in super::super) struct Memory {
        objects: HashMap<Oid, Vec<u8>>,
        trees: HashMap<Oid, Tree>,
    }

    impl Memory {
        pub fn commit(&mut self, files: &[&str]) -> Oid {
            let mut entries = Vec::new();
            let mut folders: std::collections::BTreeMap<String, Vec<String>> = Default::default();
            for file in files {
                let (path, kind, content) = match file.split_once(" -> ") {
                    Some((path, target)) => (path, 0o120_000, target),
                    None => {
                        let (path, content) = file.split_once(" = ").unwrap_or((file, ""));
                        (path.trim_end_matches("+x"), if path.ends_with("+x") { 0o100_755 } else { 0o100_644 }, content)
                    }
                };
                match path.split_once('/') {
                    Some((folder, _)) => {
                        folders.entry(folder.into()).or_default().push(file[folder.len() + 1..].into())
                    }
                    None => {
                        let oid = ObjectFormat::Sha1.id("blob", content.as_bytes());
                        self.objects.insert(oid, content.into());
                        entries.push(Entry { name: path.as_bytes().into(), mode: kind, oid });
                    }
                }
            }
            for (folder, files) in folders {
                let files: Vec<&str> = files.iter().map(String::as_str).collect();
                entries.push(Entry::directory(folder.as_bytes(), self.commit(&files)));
            }
            let tree = Tree::new(entries);
            let oid = tree.id(ObjectFormat::Sha1);
            self.trees.insert(oid, tree);
            oid
        }
    }

    impl ObjectSource for Memory {
        fn format(&self) -> ObjectFormat {
            ObjectFormat::Sha1
        }

        fn tree(&mut self, oid: Oid) -> Result<Tree, HistoryError> {
            self.trees.get(&oid).cloned().ok_or(HistoryError::Missing { oid, hint: "not in memory" })
        }

        fn blob(&mut self, oid: Oid) -> Result<Vec<u8>, HistoryError> {
            self.objects.get(&oid).cloned().ok_or(HistoryError::Missing { oid, hint: "not in memory" })
        }
    }

    const BASE: [&str; 7] = [
        "app/main.py = 1",
        "app/run.sh+x = 2",
        "app/sub/a.ts = 3",
        "docs/a.md = 4",
        "latest -> app/main.py",
        "ui/package.json = 5",
        "api/package.json = 6",
    ];

    /// Whether what `selector` takes is another thing after replacing the line `from` by `to` (`""`: none).
    fn differs(ignore: &str, selector: &Selector, from: &str, to: &str) -> bool {
        let mut memory = Memory::default();
        let mut changed: Vec<&str> = BASE.iter().copied().filter(|line| *line != from).collect();
        changed.extend((!to.is_empty()).then_some(to));
        let roots = [memory.commit(&BASE), memory.commit(&changed)];
        let mut content = Content::new(memory);
        let [before, after] = roots.map(|root| {
            let filter = content.filter(ignore).expect("good patterns");
            let root = filter.map_or(root, |filter| content.apply(filter, root).expect("in memory"));
            content.select(root, std::slice::from_ref(selector)).expect("it is there")
        });
        before != after
    }

    fn selector(path: &str, include: &[&str], exclude: &[&str]) -> Selector {
        let own = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let wildcard = glob::has_wildcard(path);
        Selector { path: path.into(), wildcard, include: own(include), exclude: own(exclude), required: Vec::new() }
    }

    #[test]
    fn what_a_copy_takes_decides_what_it_notices() {
        let cases: &[(&str, Selector, &str, &str, bool)] = &[
            ("", selector("/", &[], &[]), "docs/a.md = 4", "docs/a.md = 5", true),
            ("docs", selector("/", &[], &[]), "docs/a.md = 4", "docs/a.md = 5", false),
            ("**/*.md", selector("/", &[], &[]), "docs/a.md = 4", "docs/b.md = 5", false),
            ("**/*.md", selector("/", &[], &[]), "", "docs/new/b.md = 5", true),
            ("*\n!app", selector("/", &[], &[]), "docs/a.md = 4", "docs/a.md = 5", false),
            ("*\n!app", selector("/", &[], &[]), "app/main.py = 1", "app/main.py = 2", true),
            ("", selector("/app", &[], &[]), "docs/a.md = 4", "docs/a.md = 5", false),
            ("", selector("/app", &[], &[]), "app/run.sh+x = 2", "app/run.sh = 2", true),
            ("", selector("/app", &[], &[]), "app/main.py = 1", "app/main2.py = 1", true),
            ("", selector("/latest", &[], &[]), "latest -> app/main.py", "latest = 1", false),
            ("", selector("/", &[], &[]), "latest -> app/main.py", "latest = 1", true),
            ("", selector("/app", &[], &["sub"]), "app/sub/a.ts = 3", "app/sub/a.ts = 4", false),
            ("", selector("/app", &[], &["**/*.ts"]), "", "app/sub/deep/x = 1", true),
            ("", selector("/app", &[], &["**/*.ts"]), "app/sub/a.ts = 3", "app/sub/b.ts = 4", false),
            ("", selector("/*/package.json", &[], &[]), "ui/package.json = 5", "ui/package.json = 7", true),
            ("", selector("/*/package.json", &[], &[]), "", "ui/deep/package.json = 7", false),
            ("", selector("/*/package.json", &[], &[]), "", "new/package.json = 7", true),
            ("", selector("/", &["**/*.ts"], &[]), "app/main.py = 1", "app/main.py = 2", false),
            ("", selector("/", &["**/*.ts"], &[]), "", "docs/x.ts = 2", true),
        ];
        for (ignore, selector, from, to, expected) in cases {
            assert_eq!(differs(ignore, selector, from, to), *expected, "{ignore:?} {selector:?} {from} {to}");
        }
    }

    #[test]
    fn what_is_left_has_the_id_of_the_same_tree_without_the_rest() {
        let mut memory = Memory::default();
        let whole = memory.commit(&["a = 1", "b/c = 2", "b/d.md = 3", "e/f.md = 4"]);
        let less = memory.commit(&["a = 1", "b/c = 2"]);
        let mut content = Content::new(memory);
        let filter = content.filter("**/*.md\ne").expect("good patterns").expect("some");
        assert_eq!(content.apply(filter, whole).expect("in memory"), less);
    }

    #[test]
    fn links_are_followed_inside_of_the_tree() {
        let mut memory = Memory::default();
        let root = memory.commit(&["a/b -> ../../c", "c/d = x", "loop -> loop", "out -> /../../c", "gone -> nowhere"]);
        let mut content = Content::new(memory);
        for path in ["a/b/d", "c/d", "out/d", "./a/../c//d"] {
            assert_eq!(content.file(root, path).expect("in memory"), Some(b"x".to_vec()), "{path}");
        }
        for path in ["loop", "gone", "c/d/e", "c"] {
            assert_eq!(content.file(root, path).expect("in memory"), None, "{path}");
        }
        let missing = content.select(root, &[Selector::path("/gone")]);
        assert!(matches!(missing, Err(ContentError::NotFound(path)) if path == "/gone"));
    }
}
