//! What a build sees of a commit's files, and what BuildKit's content hashes say about it.
//!
//! The digests here are not BuildKit's, but they are equal exactly where BuildKit's are equal (cache/contenthash): file
//! bytes, execute bits, names, symbolic links and empty directories count, times and owners do not. A directory's digest
//! is the id that git would give its tree, so what no pattern touches needs no reading, and what did not change between
//! two commits is not looked at again.

mod selection;

pub use selection::Selector;
pub(super) use selection::literal_prefix;

use super::glob;
use super::history::HistoryError;
use super::tree::{Entry, Kind, ObjectFormat, Oid, Tree};
use crate::source::FileId;
use crate::syntax::dockerignore::{self, Folder, Ignore};
use selection::Part;
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

    /// Adds a digest, or that there is none.
    pub fn add_option(&mut self, digest: Option<Digest>) {
        match digest {
            Some(digest) => self.add(digest.0),
            None => self.add([]),
        }
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
        Ok(self.insert(tree.with(name.as_bytes(), new)))
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
