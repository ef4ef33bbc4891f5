//! What vertices do to the file system that they work on, as far as that follows from definitions.
//!
//! It is told so that a replay can know what a stage holds without running it: a `COPY --from`, or a bind mount, of files
//! whose content stays the same is a hit, although the stage they are from was executed again.

use super::content::{Digest, Selector};
use super::graph::{ContextId, VertexId};

/// What a vertex does to the file system that its first input is, or to an empty one.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Effect {
    /// Anything.
    #[default]
    Unknown,
    /// A directory is made where there is none.
    Directory {
        /// Absolute, cleaned path.
        path: String,
        /// Whether it gets an owner that is asked for.
        owned: bool,
    },
    /// Files are put into it.
    Copy(Vec<Taken>),
    /// The second input is laid over the first one.
    Merge,
    /// Commands write files, and nothing else.
    Commands(Commands),
}

/// Files that are put into a file system.
#[derive(Debug, Clone, PartialEq)]
pub struct Taken {
    /// Where they are from.
    pub source: Source,
    /// Which ones.
    pub selector: Selector,
    /// Absolute path of the destination. With a slash or `/.` at its end it is a directory.
    pub destination: String,
    /// Whether archives are unpacked.
    pub unpacked: bool,
    /// Whether they get an owner or a mode that is asked for.
    pub marked: bool,
}

/// Where files are from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The file system that they are put into.
    Base,
    /// A result.
    Vertex(VertexId),
    /// A context.
    Context(ContextId),
    /// An empty file system.
    Nothing,
}

/// What commands write, and what that follows from.
#[derive(Debug, Clone, PartialEq)]
pub struct Commands {
    /// The commands as the shell understands them, with what else may make a difference for them.
    pub said: Digest,
    /// What is mounted while they run, the outer ones first. They write nothing in there.
    pub mounts: Vec<Taken>,
    /// The paths that are written.
    pub writes: Vec<Write>,
    /// Folders that programs are looked for in, besides those of the system.
    pub tools: Vec<String>,
}

impl Commands {
    /// Whether they read anything in a folder, or a folder that it is in.
    pub fn read_in(&self, folder: &str) -> bool {
        self.writes.iter().flat_map(|write| &write.reads).any(|read| overlap(&read.path, folder))
    }

    /// Whether they write anything in a folder, or a folder that it is in.
    pub fn write_in(&self, folder: &str) -> bool {
        self.writes.iter().any(|write| overlap(&write.path, folder))
    }
}

/// Whether one of two absolute paths is the other one, or in it.
fn overlap(path: &str, other: &str) -> bool {
    let starts = |path: &str, other: &str| {
        let rest = path.strip_prefix(other.trim_end_matches('/'));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    starts(path, other) || starts(other, path)
}

/// A path that commands write.
#[derive(Debug, Clone, PartialEq)]
pub struct Write {
    /// Absolute, cleaned path.
    pub path: String,
    /// Whether it is a directory that is made where there is none.
    pub directory: bool,
    /// What decides about what is there afterwards, besides the commands, the programs and what was there before.
    pub reads: Vec<Read>,
}

/// Something that commands read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Read {
    /// Absolute, cleaned path.
    pub path: String,
    /// Whether its last part is a pattern.
    pub is_pattern: bool,
    /// How much of what is there counts.
    pub part: Extent,
}

/// The part of files that the output of a command depends on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Extent {
    /// All that there is, and who knows what else.
    Everything,
    /// All of it.
    Whole,
    /// The first lines of a file.
    Lines(usize),
    /// The lines that hold a text.
    Matching(Match),
    /// Of a directory: the content of files that match one pattern list, and the names of those that match another; or all
    /// of it, without a file that is needed.
    Tree {
        /// Patterns as in an ignore file.
        content: Vec<String>,
        /// Patterns as in an ignore file.
        names: Vec<String>,
        /// The file that is needed, relative to the directory.
        needs: Option<String>,
    },
}

/// A text that lines are searched for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Match {
    /// The text.
    pub text: String,
    /// Whether the line starts with it.
    pub at_start: bool,
    /// Whether the line ends with it.
    pub at_end: bool,
}

impl Match {
    /// Whether a line, without its end, holds the text.
    pub fn is_in(&self, line: &[u8]) -> bool {
        let text = self.text.as_bytes();
        match (self.at_start, self.at_end) {
            (true, true) => line == text,
            (true, false) => line.starts_with(text),
            (false, true) => line.ends_with(text),
            (false, false) => text.is_empty() || memchr::memmem::find(line, text).is_some(),
        }
    }
}
