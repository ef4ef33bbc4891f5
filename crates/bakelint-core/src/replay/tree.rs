//! Git trees as values: parsing, looking up, and the id that a changed tree would have.

use sha1::{Digest as _, Sha1};
use sha2::Sha256;
use std::cmp::Ordering;
use std::fmt;

/// The id of a git object, SHA-1 or SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Oid {
    len: u8,
    bytes: [u8; 32],
}

impl Oid {
    /// The id with these bytes; `None` unless there are 20 or 32.
    pub fn from_bytes(raw: &[u8]) -> Option<Oid> {
        let mut bytes = [0; 32];
        bytes.get_mut(..raw.len())?.copy_from_slice(raw);
        matches!(raw.len(), 20 | 32).then_some(Oid { len: raw.len() as u8, bytes })
    }

    /// The id that is written as these hexadecimal digits.
    pub fn from_hex(hex: &str) -> Option<Oid> {
        let digit = |byte: u8| (byte as char).to_digit(16).map(|digit| digit as u8);
        let pairs = hex.as_bytes().chunks(2).map(|pair| Some(digit(pair[0])? << 4 | digit(*pair.get(1)?)?));
        Oid::from_bytes(&pairs.collect::<Option<Vec<u8>>>()?)
    }

    /// The raw bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The hash that names a repository's objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectFormat {
    /// 20 bytes.
    Sha1,
    /// 32 bytes.
    Sha256,
}

impl ObjectFormat {
    /// Length of an id in bytes.
    pub fn id_len(self) -> usize {
        match self {
            ObjectFormat::Sha1 => 20,
            ObjectFormat::Sha256 => 32,
        }
    }

    /// The id of an object of this kind (`tree`, `blob`) and content.
    pub fn id(self, kind: &str, content: &[u8]) -> Oid {
        let header = format!("{kind} {}\0", content.len());
        let hash = match self {
            ObjectFormat::Sha1 => Sha1::new().chain_update(header).chain_update(content).finalize().to_vec(),
            ObjectFormat::Sha256 => Sha256::new().chain_update(header).chain_update(content).finalize().to_vec(),
        };
        Oid::from_bytes(&hash).expect("both hashes have a length that an id can have")
    }
}

/// What an entry of a tree is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A directory.
    Directory,
    /// A file without execute permission.
    File,
    /// A file with it.
    Executable,
    /// A symbolic link; the blob is its target.
    Symlink,
    /// A submodule; the id is the commit it stands at.
    Submodule,
}

/// One entry of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name, as bytes.
    pub name: Box<[u8]>,
    /// The mode as git stores it.
    pub mode: u32,
    /// The object.
    pub oid: Oid,
}

impl Entry {
    /// What the mode says.
    pub fn kind(&self) -> Kind {
        match self.mode & 0o170_000 {
            0o040_000 => Kind::Directory,
            0o120_000 => Kind::Symlink,
            0o160_000 => Kind::Submodule,
            _ if self.mode & 0o100 != 0 => Kind::Executable,
            _ => Kind::File,
        }
    }

    /// A directory's entry.
    pub fn directory(name: &[u8], oid: Oid) -> Entry {
        Entry { name: name.into(), mode: 0o040_000, oid }
    }
}

/// A directory, its entries ordered by the bytes of their names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    entries: Vec<Entry>,
}

impl Tree {
    /// A tree of these entries.
    pub fn new(mut entries: Vec<Entry>) -> Tree {
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Tree { entries }
    }

    /// Reads a tree object; `None` if it is damaged.
    pub fn parse(mut object: &[u8], format: ObjectFormat) -> Option<Tree> {
        let mut entries = Vec::new();
        while !object.is_empty() {
            let blank = memchr::memchr(b' ', object)?;
            let mode = std::str::from_utf8(&object[..blank]).ok().and_then(|m| u32::from_str_radix(m, 8).ok())?;
            let end = memchr::memchr(0, object)?;
            let name = object.get(blank + 1..end).filter(|name| !name.is_empty())?;
            let id = object.get(end + 1..end + 1 + format.id_len())?;
            entries.push(Entry { name: name.into(), mode, oid: Oid::from_bytes(id)? });
            object = &object[end + 1 + format.id_len()..];
        }
        Some(Tree::new(entries))
    }

    /// The entries, ordered by the bytes of their names.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry of that name.
    pub fn get(&self, name: &[u8]) -> Option<&Entry> {
        self.entries.binary_search_by(|entry| (*entry.name).cmp(name)).ok().map(|at| &self.entries[at])
    }

    /// The tree with another entry of a name, or without one.
    pub fn with(&self, name: &[u8], entry: Option<Entry>) -> Tree {
        let others = self.entries.iter().filter(|other| *other.name != *name).cloned();
        Tree::new(others.chain(entry.map(|entry| Entry { name: name.into(), ..entry })).collect())
    }

    /// The id that git would give the tree. Unlike git, it may hold empty directories.
    pub fn id(&self, format: ObjectFormat) -> Oid {
        let mut ordered: Vec<&Entry> = self.entries.iter().collect();
        ordered.sort_by(|a, b| git_order(a, b));
        let mut object = Vec::new();
        for entry in ordered {
            object.extend_from_slice(format!("{:o} ", entry.mode).as_bytes());
            object.extend_from_slice(&entry.name);
            object.push(0);
            object.extend_from_slice(entry.oid.as_bytes());
        }
        format.id("tree", &object)
    }
}

/// Git orders entries as if the names of directories ended with a slash.
fn git_order(a: &Entry, b: &Entry) -> Ordering {
    let key = |entry: &Entry| {
        entry.name.iter().copied().chain((entry.kind() == Kind::Directory).then_some(b'/')).collect::<Vec<_>>()
    };
    key(a).cmp(&key(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_empty_tree_has_its_well_known_id() {
        let id = Tree::default().id(ObjectFormat::Sha1);
        assert_eq!(id.to_string(), "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
        assert_eq!(Oid::from_hex(&id.to_string()), Some(id));
        assert_eq!(Oid::from_hex("4b825"), None);
    }

    #[test]
    fn a_tree_that_was_read_has_the_id_it_was_read_from() {
        let id = ObjectFormat::Sha1.id("blob", b"x");
        let mut object = Vec::new();
        for (mode, name) in [("100644", "a.b"), ("40000", "a"), ("120000", "a0")] {
            object.extend_from_slice(format!("{mode} {name}\0").as_bytes());
            object.extend_from_slice(id.as_bytes());
        }
        let tree = Tree::parse(&object, ObjectFormat::Sha1).expect("three entries");
        assert_eq!(tree.id(ObjectFormat::Sha1), ObjectFormat::Sha1.id("tree", &object));
        assert_eq!(tree.get(b"a").map(Entry::kind), Some(Kind::Directory));
        assert_eq!(tree.get(b"b"), None);
        for end in 1..object.len() {
            if let Some(part) = Tree::parse(&object[..end], ObjectFormat::Sha1) {
                assert!(part.entries().len() < 3);
            }
        }
    }
}
