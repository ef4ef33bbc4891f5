//! What instructions take of a tree: paths, wildcards and patterns, and the digests of what they find.

use super::super::glob;
use super::super::history::HistoryError;
use super::super::tree::{Entry, Kind, Oid, Tree};
use super::{Content, ContentError, Digest, Hasher, MAX_DEPTH, ObjectSource, entry_digest};
use crate::source::FileId;
use crate::syntax::dockerignore::{self, Folder, Ignore};

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

/// Selected paths of a directory.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Part {
    digest: Digest,
    count: u64,
    /// Digest of the last one and of its base name: all that counts when it is the only one.
    last: Option<(Digest, Digest)>,
}

impl<S: ObjectSource> Content<S> {
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

/// The directory part of a path up to its first part with a wildcard.
pub fn literal_prefix(pattern: &str) -> &str {
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
