//! Where results of steps survive from one build to the next.

use super::content::Digest;
use std::collections::{HashMap, HashSet};

/// What an exported cache holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// `mode=min`: the layers of the result only.
    Min,
    /// `mode=max`: all steps.
    Max,
}

/// A kind of store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StoreKind {
    /// One builder that keeps everything it ever built.
    Persistent,
    /// A fresh builder for each commit, which imports what the commit before exported for the same build: a registry
    /// reference, a local directory, or a GitHub Actions cache scope of the default branch.
    RefLast(Mode),
    /// A fresh builder for each commit, and nothing else.
    None,
}

/// A store in use.
#[derive(Debug, Clone)]
pub struct Store {
    kind: StoreKind,
    /// Results on the builder of now.
    local: HashSet<Digest>,
    /// Of these, the ones whose layers were packed for an export; `mode=min` adds them wherever it meets them.
    packed: HashSet<Digest>,
    /// Exported caches by build.
    exports: HashMap<String, HashSet<Digest>>,
}

/// What a build did, as far as an export needs to know.
#[derive(Debug, Clone, Copy)]
pub struct Exported<'a> {
    /// Keys of all vertices of the build.
    pub all: &'a [Digest],
    /// Keys of those whose layers are in the result.
    pub result: &'a [Digest],
}

impl Store {
    /// An empty store.
    pub fn new(kind: StoreKind) -> Self {
        Store { kind, local: HashSet::new(), packed: HashSet::new(), exports: HashMap::new() }
    }

    /// A new commit is built: on the same builder or on a fresh one.
    pub fn start_commit(&mut self) {
        if self.kind != StoreKind::Persistent {
            self.local.clear();
            self.packed.clear();
        }
    }

    /// Whether the result of this key is there for one of these builds.
    pub fn has(&self, key: Digest, builds: &[String]) -> bool {
        let imported = |build: &String| self.exports.get(build).is_some_and(|export| export.contains(&key));
        self.local.contains(&key) || builds.iter().any(imported)
    }

    /// A step was executed.
    pub fn add(&mut self, key: Digest) {
        self.local.insert(key);
    }

    /// A build is done and exports its cache.
    pub fn export(&mut self, build: &str, exported: Exported<'_>) {
        let StoreKind::RefLast(mode) = self.kind else { return };
        let before = self.exports.remove(build).unwrap_or_default();
        let export: HashSet<Digest> = match mode {
            Mode::Max => {
                exported.all.iter().copied().filter(|key| self.local.contains(key) || before.contains(key)).collect()
            }
            Mode::Min => {
                let there = |key: &Digest| self.local.contains(key) || before.contains(key);
                let layers = exported.result.iter().copied().filter(there);
                let others = exported.all.iter().copied();
                layers.chain(others.filter(|key| before.contains(key) || self.packed.contains(key))).collect()
            }
        };
        self.packed.extend(&export);
        self.exports.insert(build.to_owned(), export);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u8) -> Digest {
        Digest([n; 16])
    }

    fn build(store: &mut Store, executed: &[u8], all: &[u8], result: &[u8]) {
        executed.iter().for_each(|n| store.add(key(*n)));
        let keys = |numbers: &[u8]| numbers.iter().map(|n| key(*n)).collect::<Vec<_>>();
        store.export("web", Exported { all: &keys(all), result: &keys(result) });
        store.start_commit();
    }

    #[test]
    fn each_kind_keeps_what_it_should() {
        let web = ["web".to_owned()];
        let kinds =
            [StoreKind::Persistent, StoreKind::RefLast(Mode::Max), StoreKind::RefLast(Mode::Min), StoreKind::None];
        let kept = [[true, true], [true, true], [false, true], [false, false]];
        for (kind, expected) in kinds.into_iter().zip(kept) {
            let mut store = Store::new(kind);
            // 1 is a step of a build stage, 2 a layer of the result.
            build(&mut store, &[1, 2], &[1, 2], &[2]);
            assert_eq!([1, 2].map(|n| store.has(key(n), &web)), expected, "{kind:?}");
        }
    }

    #[test]
    fn only_the_last_export_counts() {
        let web = ["web".to_owned()];
        let mut store = Store::new(StoreKind::RefLast(Mode::Max));
        build(&mut store, &[1], &[1], &[1]);
        build(&mut store, &[2], &[2], &[2]);
        assert!(!store.has(key(1), &web) && store.has(key(2), &web));
        // A hit that was never loaded stays in the export.
        build(&mut store, &[], &[2], &[2]);
        assert!(store.has(key(2), &web));
        assert!(!store.has(key(2), &["worker".to_owned()]));
    }
}
