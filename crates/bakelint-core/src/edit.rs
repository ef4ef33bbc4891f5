//! Edits and fixes: changes of bytes, proven to fit together before anything is written.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::diagnostic::words;
use crate::snapshot::Snapshot;
use crate::source::{FileId, Span};

/// Replaces the bytes of a span. An empty span inserts, an empty text deletes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// What is replaced.
    pub span: Span,
    /// What stands there afterwards.
    pub text: String,
}

impl Edit {
    /// Replaces `span` by `text`.
    pub fn replace(span: Span, text: impl Into<String>) -> Self {
        Edit { span, text: text.into() }
    }

    /// Inserts `text` before the byte at the start of `span`.
    pub fn insert(span: Span, text: impl Into<String>) -> Self {
        Edit::replace(span.before(), text)
    }

    /// Removes `span`.
    pub fn delete(span: Span) -> Self {
        Edit::replace(span, "")
    }
}

/// How far a fix may be trusted without a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Safety {
    /// Only shown: a sketch that needs a decision.
    Display,
    /// Right in most cases, but it changes something that the files alone cannot vouch for.
    Unsafe,
    /// Changes nothing but what the rule is about.
    Safe,
}

words!(Safety { Display = "display", Unsafe = "unsafe", Safe = "safe" });

/// What the patch itself does to the layer cache on the first build after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CacheEffect {
    /// No cache key changes.
    Neutral,
    /// The touched step and all that stands on it are built once more.
    RebuildOnce,
}

words!(CacheEffect { Neutral = "neutral", RebuildOnce = "rebuild-once" });

/// A change of the set of files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileChange {
    /// Writes a new file; refused when the path is taken.
    Create {
        /// Path relative to the root.
        path: String,
        /// Its whole text.
        text: String,
    },
    /// Removes a file.
    Delete(FileId),
}

/// A patch over any number of files: applied whole or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// What it does, as an order: "Name the stage in lower case".
    pub title: String,
    /// How far it may be trusted.
    pub safety: Safety,
    /// What it costs the cache once.
    pub cache: CacheEffect,
    /// Changes of bytes.
    pub edits: Vec<Edit>,
    /// Files that come or go.
    pub files: Vec<FileChange>,
}

impl Fix {
    /// A fix that changes only what its rule is about and no cache key.
    pub fn safe(title: impl Into<String>, edits: Vec<Edit>) -> Self {
        Fix { title: title.into(), safety: Safety::Safe, cache: CacheEffect::Neutral, edits, files: Vec::new() }
    }

    /// A fix that is right in most cases; applied only when unsafe fixes are asked for.
    pub fn unsafe_(title: impl Into<String>, edits: Vec<Edit>) -> Self {
        Fix { safety: Safety::Unsafe, ..Fix::safe(title, edits) }
    }

    /// A sketch that is shown and never applied.
    pub fn display(title: impl Into<String>, edits: Vec<Edit>) -> Self {
        Fix { safety: Safety::Display, ..Fix::safe(title, edits) }
    }

    /// Says that the patch changes cache keys.
    pub fn rebuilds_once(mut self) -> Self {
        self.cache = CacheEffect::RebuildOnce;
        self
    }

    /// Adds a file that comes or goes.
    pub fn file(mut self, change: FileChange) -> Self {
        self.files.push(change);
        self
    }
}

/// Whether two edits of one fix set would meet: overlapping spans, or spans that touch at a point where one inserts.
fn meets(a: Span, b: Span) -> bool {
    a.file == b.file
        && if a.is_empty() || b.is_empty() {
            a.start <= b.end && b.start <= a.end
        } else {
            a.start < b.end && b.start < a.end
        }
}

/// The accepted edits of one file, kept sorted so that a new one is held against its neighbours only.
#[derive(Default)]
struct Accepted {
    edits: BTreeMap<(u32, u32), Edit>,
}

impl Accepted {
    fn collides(&self, edit: &Edit) -> bool {
        let key = (edit.span.start, edit.span.end);
        let before = self.edits.range(..=key).next_back();
        let after = self.edits.range(key..).next();
        before.into_iter().chain(after).any(|(_, other)| meets(other.span, edit.span) && other != edit)
    }
}

/// The snapshot after all of `fixes` that fit together, in their order, and how many did.
///
/// A fix is taken whole or not at all. One whose edits meet an earlier fix's edits waits for the next round; the same
/// edit asked for twice counts once. Edits outside of the text or of files that are not UTF-8 or read-only, and creations of paths that are
/// taken, are refused.
pub fn apply<'f>(snapshot: &Snapshot, fixes: impl IntoIterator<Item = &'f Fix>) -> (Snapshot, usize) {
    let mut accepted: BTreeMap<FileId, Accepted> = BTreeMap::new();
    let mut created: BTreeMap<&str, &str> = BTreeMap::new();
    let mut deleted: BTreeSet<FileId> = BTreeSet::new();
    let mut taken = 0;
    for fix in fixes {
        let fits = fix.edits.iter().enumerate().all(|(at, edit)| {
            let file = snapshot.get(edit.span.file);
            let inside = file.is_some_and(|file| file.is_editable() && file.text().get(edit.span.range()).is_some());
            let apart = fix.edits[..at].iter().all(|other| !meets(other.span, edit.span) || other == edit);
            let free = accepted.get(&edit.span.file).is_none_or(|file| !file.collides(edit));
            inside && apart && free && !deleted.contains(&edit.span.file)
        }) && fix.files.iter().all(|change| match change {
            FileChange::Create { path, text } => {
                created.get(path.as_str()).map_or(!snapshot.has_path(path), |other| other == text)
            }
            FileChange::Delete(file) => !accepted.contains_key(file),
        });
        if !fits || (fix.edits.is_empty() && fix.files.is_empty()) {
            continue;
        }
        taken += 1;
        for edit in &fix.edits {
            let edits = &mut accepted.entry(edit.span.file).or_default().edits;
            edits.insert((edit.span.start, edit.span.end), edit.clone());
        }
        for change in &fix.files {
            match change {
                FileChange::Create { path, text } => {
                    created.insert(path, text);
                }
                FileChange::Delete(file) => {
                    deleted.insert(*file);
                }
            }
        }
    }
    let mut after = snapshot.clone();
    for (file, accepted) in &accepted {
        if let Some(source) = snapshot.get(*file) {
            after.replace(*file, splice(source.bytes(), accepted.edits.values()));
        }
    }
    for file in deleted {
        after.remove(file);
    }
    for (path, text) in created {
        after.insert(path, text.as_bytes().to_vec());
    }
    (after, taken)
}

/// The bytes after edits that are sorted and do not meet.
fn splice<'e>(bytes: &[u8], edits: impl Iterator<Item = &'e Edit>) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes.len());
    let mut done = 0;
    for edit in edits {
        text.extend_from_slice(&bytes[done..edit.span.start as usize]);
        text.extend_from_slice(edit.text.as_bytes());
        done = edit.span.end as usize;
    }
    text.extend_from_slice(&bytes[done..]);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(range: std::ops::Range<usize>, text: &str) -> Edit {
        Edit::replace(Span::new(FileId(0), range), text)
    }

    fn applied(text: &str, fixes: &[Fix]) -> (String, usize) {
        let (after, taken) = apply(&Snapshot::from_texts([("a", text)]), fixes);
        (after.get(FileId(0)).map(|file| file.text().to_owned()).unwrap_or_default(), taken)
    }

    #[test]
    fn edits_of_different_places_join_and_those_that_meet_wait() {
        let first = Fix::safe("one", vec![edit(0..1, "A"), edit(3..4, "D")]);
        let meets = Fix::safe("two", vec![edit(3..5, "x")]);
        let apart = Fix::safe("three", vec![edit(1..2, "")]);
        assert_eq!(applied("abcdef", &[first, meets, apart]), ("AcDef".into(), 2));
    }

    #[test]
    fn two_insertions_at_one_point_wait_unless_they_are_the_same() {
        let insert = |text: &str| Fix::safe("insert", vec![edit(2..2, text)]);
        assert_eq!(applied("abc", &[insert("1"), insert("2")]), ("ab1c".into(), 1));
        assert_eq!(applied("abc", &[insert("1"), insert("1")]), ("ab1c".into(), 2));
    }

    #[test]
    fn edits_outside_of_the_text_or_inside_a_character_are_refused() {
        assert_eq!(applied("é", &[Fix::safe("beyond", vec![edit(1..9, "")])]), ("é".into(), 0));
        assert_eq!(applied("é", &[Fix::safe("inside", vec![edit(1..2, "")])]), ("é".into(), 0));
    }

    #[test]
    fn files_come_and_go_and_no_path_is_taken_twice() {
        let create =
            |path: &str| Fix::safe("new", vec![]).file(FileChange::Create { path: path.into(), text: "x".into() });
        let (after, taken) = apply(&Snapshot::from_texts([("a", "1")]), &[create("b"), create("a")]);
        assert_eq!(taken, 1);
        assert!(after.find("b").is_some());
        let gone = Fix::safe("old", vec![]).file(FileChange::Delete(FileId(0)));
        let (after, _) = apply(&after, &[gone]);
        assert!(after.find("a").is_none());
    }
}
