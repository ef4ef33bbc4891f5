//! What is known of the files that a vertex results in, without running it.
//!
//! The known files are a tree in a [`Content`], as those of a commit are, over a file system of which nothing is known but
//! what it was made by. Where something is written whose bytes are not known, the tree has a stand-in: a submodule, in
//! git's terms, whose id names all that the bytes follow from. So two digests are equal only if the files are; the files
//! may be equal although the digests are not.
//!
//! One thing is taken for granted: that no link in a base image leads from one folder to another, but for those that are
//! well known ([`SAME`]).

use super::content::{Content, ContentError, Digest, Hasher, ObjectSource, Selector, entry_digest, literal_prefix};
use super::effects::{Commands, Extent, Read, Taken};
use super::glob;
use super::history::HistoryError;
use super::tree::{Entry, Kind, Oid, Tree};
use std::collections::HashMap;

/// What is known of a file system.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rootfs {
    /// What the files below the known ones follow from; `None` if there are no others.
    below: Option<Digest>,
    /// What else counts for the known ones: owners and modes that were asked for, commands.
    marks: Option<Digest>,
    /// The known ones.
    tree: Oid,
    /// Whether there are stand-ins among them.
    has_stand_ins: bool,
}

/// Folders that are one and the same in many base images: links lead from one to another. Links from other folders to
/// one another are not expected.
const SAME: [&[&str]; 3] = [
    &["bin", "sbin", "usr/bin", "usr/sbin"],
    &["lib", "lib32", "lib64", "libx32", "usr/lib", "usr/lib32", "usr/lib64", "usr/libx32"],
    &["run", "var/lock", "var/run"],
];

/// Folders at the top of a file system that programs, and what they need, are in.
const SYSTEM: [&str; 10] = ["bin", "etc", "lib", "lib32", "lib64", "libx32", "opt", "run", "sbin", "usr"];

/// Folders in `/usr` that people put their own files into.
const OWN_IN_USR: [&str; 2] = ["src", "app"];

/// The deepest path that is written to.
const MAX_PARTS: usize = 200;

/// What a path leads to in a known tree.
enum Found {
    Entry(Entry),
    /// Something that is, or is in, what a stand-in stands for.
    Hidden(Digest),
    Nothing,
}

impl Found {
    fn digest(&self) -> Digest {
        match self {
            Found::Entry(entry) => entry_digest(entry),
            Found::Hidden(digest) => *digest,
            Found::Nothing => Hasher::new("nothing").finish(),
        }
    }
}

/// Something that is put into a file system.
enum Node {
    /// A file with the name that it had.
    File(String, Entry),
    /// A directory, or something of which nobody knows whether it is a file.
    Other(Entry),
}

/// What becomes of what is where something is put.
#[derive(Clone, Copy, PartialEq)]
enum Old {
    /// Directories become one.
    Combined,
    /// It is out of sight.
    Hidden,
}

impl Rootfs {
    /// Nothing is known but what it was made by.
    pub fn unknown<S: ObjectSource>(content: &mut Content<S>, made_by: Digest) -> Rootfs {
        Rootfs { below: Some(made_by), ..Rootfs::known(content.insert(Tree::default())) }
    }

    /// Exactly these files.
    pub fn known(tree: Oid) -> Rootfs {
        Rootfs { below: None, marks: None, tree, has_stand_ins: false }
    }

    /// The digest of a selection, as [`Content::select`] gives it where all is known; `None` if nothing is known of it.
    ///
    /// # Errors
    ///
    /// The object store fails.
    pub fn select<S: ObjectSource>(
        &self,
        content: &mut Content<S>,
        selectors: &[Selector],
    ) -> Result<Option<Digest>, HistoryError> {
        if self.below.is_some() && content.tree(self.tree)?.entries().is_empty() {
            return Ok(None);
        }
        let mut known = Vec::with_capacity(selectors.len());
        let mut hasher = Hasher::new("files");
        // A file that is known hides what is below.
        let mut below = None;
        for selector in selectors {
            let path = if selector.wildcard { literal_prefix(&selector.path) } else { &selector.path };
            if self.below.is_some() && self.may_be_elsewhere(content, path)? {
                return Ok(None);
            }
            let found = self.find(content, path)?;
            match &found {
                Found::Entry(entry) if selector.is_plain() && is_file(entry) => {}
                _ => below = self.below,
            }
            match found {
                // Patterns see no further than a stand-in, so all counts that they may see.
                Found::Entry(entry) if self.has_stand_ins && !selector.is_plain() => {
                    hasher.add(&selector.path);
                    hasher.add(entry_digest(&entry).0);
                }
                // What must be there may be below.
                Found::Entry(_) if self.below.is_some() => {
                    for path in &selector.required {
                        if self.may_be_elsewhere(content, path)? {
                            return Ok(None);
                        }
                    }
                    known.push(Selector { required: Vec::new(), ..selector.clone() });
                }
                Found::Entry(_) => known.push(selector.clone()),
                Found::Hidden(digest) => {
                    hasher.add(&selector.path);
                    hasher.add(digest.0);
                }
                // It is there, or not, in what is below.
                Found::Nothing if self.below.is_some() => hasher.add(&selector.path),
                Found::Nothing => return Ok(None),
            }
        }
        let digest = match content.select(self.tree, &known) {
            Ok(digest) => digest,
            Err(ContentError::History(error)) => return Err(error),
            Err(_) => return Ok(None),
        };
        if below.is_none() && self.marks.is_none() && known.len() == selectors.len() {
            return Ok(Some(digest));
        }
        hasher.add(digest.0);
        hasher.add_option(below);
        hasher.add_option(self.marks);
        Ok(Some(hasher.finish()))
    }

    /// Something that counts for the known files besides their content.
    pub fn mark(&mut self, mark: Digest) {
        let mut hasher = Hasher::new("marks");
        hasher.add_option(self.marks);
        self.marks = Some(hasher.part(mark.0).finish());
    }

    /// What counts for files besides their content goes with them.
    fn take_over(&mut self, from: &Rootfs) {
        if let Some(marks) = from.marks {
            self.mark(marks);
        }
        self.has_stand_ins |= from.has_stand_ins;
    }

    /// Makes a directory where there is none. Says whether that is known to work.
    ///
    /// # Errors
    ///
    /// The object store fails.
    pub fn make_directory<S: ObjectSource>(
        &mut self,
        content: &mut Content<S>,
        path: &str,
    ) -> Result<bool, HistoryError> {
        let empty = content.insert(Tree::default());
        self.put(content, path, Entry::directory(b"", empty), Old::Combined)
    }

    /// Puts files into it that are taken from another file system, or a context; `stands_for` names what the taken ones
    /// follow from. Says whether the result is known.
    ///
    /// # Errors
    ///
    /// The object store fails.
    pub fn copy<S: ObjectSource>(
        &mut self,
        content: &mut Content<S>,
        taken: &Taken,
        from: &Rootfs,
        stands_for: Digest,
    ) -> Result<bool, HistoryError> {
        self.take_over(from);
        let path = taken.destination.strip_suffix("/.").unwrap_or(&taken.destination);
        let is_directory = taken.destination.ends_with('/') || taken.destination.ends_with("/.") || path.is_empty();
        for node in from.nodes(content, taken, stands_for)? {
            let inside;
            let (path, entry) = match node {
                Node::File(name, entry) if is_directory || self.is_directory(content, path)? => {
                    inside = format!("{path}/{name}");
                    (inside.as_str(), entry)
                }
                // Who knows whether there is a directory of that name.
                Node::File(name, entry) if self.below.is_some() => {
                    let either = Hasher::new("file").part(&name).part(entry_digest(&entry).0).finish();
                    (path, stand_in(content, either))
                }
                Node::File(_, entry) | Node::Other(entry) => (path, entry),
            };
            if !self.put(content, path, entry, Old::Combined)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What commands see of it with a folder or file mounted over it; see [`copy`](Self::copy).
    ///
    /// # Errors
    ///
    /// The object store fails.
    pub fn mount<S: ObjectSource>(
        &mut self,
        content: &mut Content<S>,
        taken: &Taken,
        from: &Rootfs,
        stands_for: Digest,
    ) -> Result<bool, HistoryError> {
        self.take_over(from);
        for node in from.nodes(content, taken, stands_for)? {
            let (Node::File(_, entry) | Node::Other(entry)) = node;
            if !self.put(content, &taken.destination, entry, Old::Hidden)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What is taken from it.
    fn nodes<S: ObjectSource>(
        &self,
        content: &mut Content<S>,
        taken: &Taken,
        stands_for: Digest,
    ) -> Result<Vec<Node>, HistoryError> {
        let selector = &taken.selector;
        let selected = self.select(content, std::slice::from_ref(selector))?;
        let unknown = vec![Node::Other(stand_in(content, selected.unwrap_or(stands_for)))];
        if taken.unpacked || selected.is_none() || self.below.is_some() && selector.wildcard {
            return Ok(unknown);
        }
        let filtered = !selector.include.is_empty() || !selector.exclude.is_empty();
        if filtered && (selector.wildcard || self.has_stand_ins) {
            return Ok(unknown);
        }
        let matches = match selector.wildcard {
            true => content.matches(self.tree, &selector.path)?,
            false => vec![selector.path.clone()],
        };
        let mut nodes = Vec::with_capacity(matches.len());
        for path in matches {
            let Found::Entry(entry) = self.find(content, &path)? else { return Ok(unknown) };
            nodes.push(match entry.kind() {
                Kind::Directory if self.below.is_some() => return Ok(unknown),
                Kind::Directory if filtered => match content.filtered(entry.oid, selector)? {
                    Some(oid) => Node::Other(Entry::directory(b"", oid)),
                    None => return Ok(unknown),
                },
                Kind::File | Kind::Executable => Node::File(glob::base(&path).to_owned(), entry),
                Kind::Directory | Kind::Submodule => Node::Other(entry),
                Kind::Symlink => return Ok(unknown),
            });
        }
        Ok(nodes)
    }

    /// Lays the files of another file system over it. Says whether the result is known.
    ///
    /// # Errors
    ///
    /// The object store fails.
    pub fn lay_over<S: ObjectSource>(
        &mut self,
        content: &mut Content<S>,
        upper: &Rootfs,
    ) -> Result<bool, HistoryError> {
        if upper.below.is_some() {
            return Ok(false);
        }
        self.take_over(upper);
        self.put(content, "/", Entry::directory(b"", upper.tree), Old::Combined)
    }

    /// Runs commands on it, which see `view`: the same with mounts over it. All that they could see is in the key. Says
    /// whether the result is known.
    ///
    /// # Errors
    ///
    /// The object store fails.
    pub fn run<S: ObjectSource>(
        &mut self,
        content: &mut Content<S>,
        commands: &Commands,
        view: &Rootfs,
        key: Digest,
    ) -> Result<bool, HistoryError> {
        let mut around = Hasher::new("programs").part(commands.said.0).part(view.programs(content, &commands.tools)?.0);
        around.add_option(view.below);
        around.add_option(view.marks);
        let around = around.finish();
        let mut seen: HashMap<&Read, Digest> = HashMap::new();
        for write in &commands.writes {
            if write.directory && self.is_directory(content, &write.path)? {
                continue;
            }
            let mut made = Hasher::new("written").part(around.0).part(&write.path);
            for read in &write.reads {
                let digest = match (seen.get(read), &read.part) {
                    (Some(digest), _) => *digest,
                    (None, Extent::Everything) => key,
                    (None, _) => view.read(content, read)?,
                };
                seen.insert(read, digest);
                made.add(digest.0);
            }
            let made = stand_in(content, made.finish());
            if !self.put(content, &write.path, made, Old::Combined)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What programs may be of that are among the known files.
    fn programs<S: ObjectSource>(&self, content: &mut Content<S>, folders: &[String]) -> Result<Digest, HistoryError> {
        let mut hasher = Hasher::new("programs");
        for entry in content.tree(self.tree)?.entries() {
            if *entry.name == *b"usr" && entry.kind() == Kind::Directory {
                for entry in content.tree(entry.oid)?.entries() {
                    if !OWN_IN_USR.iter().any(|name| name.as_bytes() == &*entry.name) {
                        hasher.add(&entry.name);
                        hasher.add(entry_digest(entry).0);
                    }
                }
            } else if SYSTEM.iter().any(|name| name.as_bytes() == &*entry.name) {
                hasher.add(&entry.name);
                hasher.add(entry_digest(entry).0);
            }
        }
        for folder in folders {
            hasher.add(folder);
            hasher.add(self.find(content, folder)?.digest().0);
        }
        Ok(hasher.finish())
    }

    /// What a command sees of what it reads.
    fn read<S: ObjectSource>(&self, content: &mut Content<S>, read: &Read) -> Result<Digest, HistoryError> {
        let folder = read.path.rsplit_once('/').map_or("/", |(folder, _)| folder);
        if let Extent::Tree { content: patterns, names, needs } = &read.part {
            return match self.find(content, &read.path)? {
                Found::Entry(entry) if entry.kind() == Kind::Directory => {
                    let required = needs.iter().map(|path| format!("/{path}")).collect();
                    let include = Selector { include: patterns.clone(), required, ..Selector::path("/") };
                    // No pattern at all would take everything.
                    let include = if patterns.is_empty() { Vec::new() } else { vec![include] };
                    let files = match content.select(entry.oid, &include) {
                        Ok(digest) => digest,
                        Err(ContentError::History(error)) => return Err(error),
                        Err(_) => entry_digest(&entry),
                    };
                    let names = content.names(entry.oid, names)?.unwrap_or_else(|| entry_digest(&entry));
                    Ok(Hasher::new("tree").part(files.0).part(names.0).finish())
                }
                found => Ok(found.digest()),
            };
        }
        let mut hasher = Hasher::new("read");
        let paths = match read.is_pattern {
            false => vec![read.path.clone()],
            true => match self.find(content, if folder.is_empty() { "/" } else { folder })? {
                Found::Entry(entry) if entry.kind() == Kind::Directory => content.matches(self.tree, &read.path)?,
                _ => vec![folder.to_owned()],
            },
        };
        for path in paths {
            hasher.add(&path);
            let found = self.find(content, &path)?;
            let bytes = match (&found, &read.part) {
                (Found::Entry(entry), Extent::Lines(_) | Extent::Matching(_)) if is_file(entry) => {
                    // Without its bytes, a file still counts by its id.
                    content.blob(entry.oid).ok()
                }
                _ => None,
            };
            // What a program says of a file that is no text is another thing.
            let is_text = |bytes: &Vec<u8>| std::str::from_utf8(bytes).is_ok_and(|text| !text.contains('\0'));
            match bytes.filter(is_text) {
                Some(bytes) => {
                    let lines = bytes.split_inclusive(|byte| *byte == b'\n').enumerate();
                    for (_, line) in lines.filter(|(number, line)| counts(&read.part, *number, line)) {
                        hasher.add(line);
                    }
                }
                None => hasher.add(found.digest().0),
            }
        }
        Ok(hasher.finish())
    }

    /// Whether a base image may have a link that leads from a path to another place that is written to.
    fn may_be_elsewhere<S: ObjectSource>(&self, content: &mut Content<S>, path: &str) -> Result<bool, HistoryError> {
        let path = path.trim_matches('/');
        if glob::has_wildcard(path.split('/').next().unwrap_or_default()) {
            return Ok(true);
        }
        let is_in = |path: &str, folder: &str| {
            folder.is_empty() || path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        for same in SAME {
            if !same.iter().any(|folder| is_in(path, folder) || is_in(folder, path)) {
                continue;
            }
            for folder in same.iter().filter(|folder| !is_in(path, folder) && !is_in(folder, path)) {
                if !matches!(self.find(content, folder)?, Found::Nothing) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    fn is_directory<S: ObjectSource>(&self, content: &mut Content<S>, path: &str) -> Result<bool, HistoryError> {
        Ok(matches!(self.find(content, path)?, Found::Entry(entry) if entry.kind() == Kind::Directory))
    }

    /// What an absolute path leads to, links followed.
    fn find<S: ObjectSource>(&self, content: &mut Content<S>, path: &str) -> Result<Found, HistoryError> {
        if let Some(entry) = content.resolve(self.tree, path, true)? {
            return Ok(Found::Entry(entry));
        }
        // What is in the way? A link counts as a whole: who knows what it leads to.
        let mut folder = self.tree;
        for part in path.split('/').filter(|part| !part.is_empty()) {
            match content.tree(folder)?.get(part.as_bytes()) {
                Some(entry) if entry.kind() == Kind::Directory => folder = entry.oid,
                Some(entry) if matches!(entry.kind(), Kind::Symlink) => {
                    return Ok(Found::Hidden(Hasher::new("link").part(self.tree.as_bytes()).finish()));
                }
                Some(entry) => return Ok(Found::Hidden(entry_digest(entry))),
                None => return Ok(Found::Nothing),
            }
        }
        Ok(Found::Nothing)
    }

    /// Puts something at a path. Says whether the result is known.
    fn put<S: ObjectSource>(
        &mut self,
        content: &mut Content<S>,
        path: &str,
        new: Entry,
        old: Old,
    ) -> Result<bool, HistoryError> {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
        if parts.len() > MAX_PARTS || parts.contains(&"..") {
            return Ok(false);
        }
        let mut made = new.kind() == Kind::Submodule;
        let put = match (parts.as_slice(), new.kind(), old) {
            ([], Kind::Directory, Old::Combined) => merge(content, self.tree, new.oid, 0, &mut made)?,
            ([], ..) => None,
            (parts, ..) => put_below(content, self.tree, parts, new, old, &mut made)?,
        };
        self.has_stand_ins |= made;
        if let Some(tree) = put {
            self.tree = tree;
        }
        Ok(put.is_some())
    }
}

/// Whether a line is among those that count.
fn counts(part: &Extent, number: usize, line: &[u8]) -> bool {
    match part {
        Extent::Lines(lines) => number < *lines,
        Extent::Matching(text) => text.is_in(line.strip_suffix(b"\n").unwrap_or(line)),
        Extent::Everything | Extent::Whole | Extent::Tree { .. } => true,
    }
}

/// An entry that stands for what follows from a digest.
fn stand_in<S: ObjectSource>(content: &Content<S>, digest: Digest) -> Entry {
    Entry { name: Box::default(), mode: 0o160_000, oid: content.format().id("blob", &digest.0) }
}

/// A folder's tree with something put at a path in it; `None` if nobody knows what that is: a link or a file is in the way.
/// `made` becomes true if something gets a stand-in.
fn put_below<S: ObjectSource>(
    content: &mut Content<S>,
    folder: Oid,
    path: &[&str],
    new: Entry,
    how: Old,
    made: &mut bool,
) -> Result<Option<Oid>, HistoryError> {
    let Some((name, rest)) = path.split_first() else { return Ok(None) };
    let tree = content.tree(folder)?;
    let old = tree.get(name.as_bytes()).cloned();
    let new = match (old, rest.is_empty()) {
        (None, true) => Some(new),
        (Some(_), true) if how == Old::Hidden => Some(new),
        (Some(old), true) => combine(content, &old, new, 0, made)?,
        (Some(old), false) if old.kind() == Kind::Submodule => {
            let both = Hasher::new("in").part(old.oid.as_bytes()).part(rest.join("/")).part(entry_digest(&new).0);
            *made = true;
            Some(stand_in(content, both.finish()))
        }
        (old, false) => {
            let below = match old {
                Some(old) if old.kind() == Kind::Directory => old.oid,
                Some(_) => return Ok(None),
                None => content.insert(Tree::default()),
            };
            put_below(content, below, rest, new, how, made)?.map(|oid| Entry::directory(b"", oid))
        }
    };
    let Some(new) = new else { return Ok(None) };
    Ok(Some(content.insert(tree.with(name.as_bytes(), Some(new)))))
}

fn is_file(entry: &Entry) -> bool {
    matches!(entry.kind(), Kind::File | Kind::Executable)
}

/// What is at a path after something is put where something else is: directories become one, a file takes the place of a
/// file, and what else happens follows from both. `None` where a link leads elsewhere; one that is found inside of a
/// directory (`depth` over 0) is not followed.
fn combine<S: ObjectSource>(
    content: &mut Content<S>,
    old: &Entry,
    new: Entry,
    depth: usize,
    made: &mut bool,
) -> Result<Option<Entry>, HistoryError> {
    match (old.kind(), new.kind()) {
        (Kind::Directory, Kind::Directory) => {
            let merged = merge(content, old.oid, new.oid, depth + 1, made)?;
            Ok(merged.map(|oid| Entry::directory(&new.name, oid)))
        }
        (_, Kind::Symlink) if is_file(old) => Ok(Some(new)),
        (Kind::Symlink, Kind::File | Kind::Executable | Kind::Symlink) if depth > 0 => Ok(Some(new)),
        (Kind::Symlink, _) => Ok(None),
        _ if is_file(old) && is_file(&new) => Ok(Some(new)),
        _ => {
            let both = Hasher::new("both").part(entry_digest(old).0).part(entry_digest(&new).0).finish();
            *made = true;
            Ok(Some(Entry { name: new.name, ..stand_in(content, both) }))
        }
    }
}

/// Two directories as one; `None` where that is not known.
fn merge<S: ObjectSource>(
    content: &mut Content<S>,
    lower: Oid,
    upper: Oid,
    depth: usize,
    made: &mut bool,
) -> Result<Option<Oid>, HistoryError> {
    let (below, above) = (content.tree(lower)?, content.tree(upper)?);
    if below.entries().is_empty() || lower == upper {
        return Ok(Some(upper));
    }
    if depth > MAX_PARTS {
        return Ok(None);
    }
    let mut entries: Vec<Entry> = Vec::with_capacity(below.entries().len() + above.entries().len());
    entries.extend(below.entries().iter().filter(|entry| above.get(&entry.name).is_none()).cloned());
    for entry in above.entries() {
        let entry = match below.get(&entry.name) {
            Some(old) => combine(content, old, entry.clone(), depth + 1, made)?,
            None => Some(entry.clone()),
        };
        match entry {
            Some(entry) => entries.push(entry),
            None => return Ok(None),
        }
    }
    Ok(Some(content.insert(Tree::new(entries))))
}
