//! Where results of steps survive from one build to the next.

use super::content::Digest;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// What an exported cache holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
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
    /// A fresh builder for each commit, which imports what the commit before exported for the same build, on whatever
    /// branch that was: a registry reference or a local directory.
    RefLast(Mode),
    /// A fresh builder for each commit and a scope of GitHub's cache for each build, with GitHub's rules of access.
    Gha(Mode),
    /// What bake files and workflows say: where each build's cache goes and comes from, and which job has which builder.
    Declared,
    /// A fresh builder for each commit, and nothing else.
    None,
}

/// The branch that a run is for; `None` is the one whose history is replayed, which is taken for the default branch.
pub type Branch = Option<u32>;

/// A place that caches are exported to and imported from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location {
    /// The backend and the name in it, `gha buildkit` for instance. [`Location::BRANCH`] stands for the branch's name.
    pub name: String,
    /// Whether GitHub's rules of access hold: a run writes for its own branch, and reads what was written for that branch
    /// and for the default one
    /// (<https://docs.github.com/en/actions/reference/workflows-and-actions/dependency-caching#restrictions-for-accessing-a-cache>).
    pub restricted: bool,
}

impl Location {
    /// Stands for the name of the branch in [`Location::name`].
    pub const BRANCH: char = '\u{1}';

    /// A place that is the same for all branches.
    pub fn shared(name: impl Into<String>) -> Self {
        Location { name: name.into(), restricted: false }
    }

    /// A scope of GitHub's cache.
    pub fn restricted(name: impl Into<String>) -> Self {
        Location { name: name.into(), restricted: true }
    }
}

/// A place with the branch that it belongs to, where that counts.
type Export = (String, Branch);

/// Where a build's cache comes from and goes to.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Caches {
    /// What it imports.
    pub imports: Vec<Location>,
    /// What it exports.
    pub exports: Vec<(Location, Mode)>,
}

impl Caches {
    /// The same place for both.
    pub fn both(location: Location, mode: Mode) -> Self {
        Caches { imports: vec![location.clone()], exports: vec![(location, mode)] }
    }

    /// Whether it neither imports nor exports anything.
    pub fn is_empty(&self) -> bool {
        self.imports.is_empty() && self.exports.is_empty()
    }
}

/// One of the builders of a commit's runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Builder {
    /// Its number; calls with the same number use the same builder.
    pub number: usize,
    /// Whether it is the same one at the next commit.
    pub persistent: bool,
}

/// A cache that is imported.
pub type Imported = Arc<Known>;

/// What a cache knows.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// The keys whose results it has.
    results: HashSet<Digest>,
    /// By key, what else it is known by: names of [links](super::keys::Link).
    links: HashMap<Digest, HashSet<Digest>>,
}

impl Known {
    /// Whether it has the result of a key.
    pub fn has(&self, key: &Digest) -> bool {
        self.results.contains(key)
    }

    /// Whether it knows that a link leads to a key.
    pub fn leads(&self, link: &Digest, key: &Digest) -> bool {
        self.links.get(key).is_some_and(|links| links.contains(link))
    }
}

/// A store in use.
#[derive(Debug, Clone, Default)]
pub struct Store {
    default_branch: String,
    builders: BTreeMap<Builder, Local>,
    exports: HashMap<Export, Imported>,
}

#[derive(Debug, Clone, Default)]
struct Local {
    known: Known,
    /// Of its results, the ones whose layers were packed for an export; `mode=min` adds them wherever it meets them.
    packed: HashSet<Digest>,
}

/// What a build did, as far as an export needs to know.
#[derive(Debug, Clone, Copy)]
pub struct Exported<'a> {
    /// Keys of all vertices of the build.
    pub all: &'a [Digest],
    /// Keys of those whose layers are in the result.
    pub result: &'a [Digest],
    /// The caches that the build imported.
    pub imported: &'a [Imported],
}

impl Store {
    /// An empty store; the name of the branch whose history is replayed is what some places are named after.
    pub fn new(default_branch: impl Into<String>) -> Self {
        Store { default_branch: default_branch.into(), ..Store::default() }
    }

    /// What a run for a branch writes.
    fn written(&self, location: &Location, branch: Branch) -> Export {
        let of_branch = branch.filter(|_| location.restricted || location.name.contains(Location::BRANCH));
        let name = match branch {
            None => location.name.replace(Location::BRANCH, &self.default_branch),
            Some(_) => location.name.clone(),
        };
        (name, of_branch)
    }

    /// What a run for a branch reads.
    fn read(&self, location: &Location, branch: Branch) -> impl Iterator<Item = Export> + use<> {
        let own = self.written(location, branch);
        let of_default = (location.restricted && own.1.is_some()).then(|| (own.0.clone(), None));
        [own].into_iter().chain(of_default)
    }

    /// A new commit is built: on builders that stayed, or on fresh ones.
    pub fn start_commit(&mut self) {
        self.builders.retain(|builder, _| builder.persistent);
    }

    /// No more runs are for this branch, so what only they can read is of no use.
    pub fn close(&mut self, branch: u32) {
        self.exports.retain(|(_, of), _| *of != Some(branch));
    }

    /// The caches that a build imports now.
    pub fn imports(&self, caches: &Caches, branch: Branch) -> Vec<Imported> {
        let mut places: Vec<Export> = Vec::new();
        for place in caches.imports.iter().flat_map(|location| self.read(location, branch)) {
            if !places.contains(&place) {
                places.push(place);
            }
        }
        places.iter().filter_map(|place| self.exports.get(place).cloned()).collect()
    }

    /// Whether a builder has the result of this key.
    pub fn has(&self, builder: Builder, key: Digest) -> bool {
        self.builders.get(&builder).is_some_and(|local| local.known.has(&key))
    }

    /// Whether a builder knows that a link leads to a key.
    pub fn leads(&self, builder: Builder, link: Digest, key: Digest) -> bool {
        self.builders.get(&builder).is_some_and(|local| local.known.leads(&link, &key))
    }

    /// A builder learns that a link leads to a key.
    pub fn learn(&mut self, builder: Builder, link: Digest, key: Digest) {
        self.builders.entry(builder).or_default().known.links.entry(key).or_default().insert(link);
    }

    /// A step was executed.
    pub fn add(&mut self, builder: Builder, key: Digest) {
        self.builders.entry(builder).or_default().known.results.insert(key);
    }

    /// A build is done and exports its cache. The index of a place is written anew each time: what the build did not meet
    /// is gone from it (cache/remotecache/gha/gha.go and v1/cachestorage.go). Of what it met, everything is in it that is
    /// known to lead there (`addBacklinks` in solver/exporter.go), with or without results.
    pub fn export(&mut self, caches: &Caches, branch: Branch, builder: Builder, exported: Exported<'_>) {
        for (location, mode) in &caches.exports {
            let place = self.written(location, branch);
            let local = self.builders.entry(builder).or_default();
            let before = |key: &Digest| exported.imported.iter().any(|import| import.has(key));
            let there = |key: &Digest| local.known.has(key) || before(key);
            let results: HashSet<Digest> = match mode {
                Mode::Max => exported.all.iter().copied().filter(there).collect(),
                Mode::Min => {
                    let layers = exported.result.iter().copied().filter(there);
                    let others = exported.all.iter().copied();
                    layers.chain(others.filter(|key| before(key) || local.packed.contains(key))).collect()
                }
            };
            local.packed.extend(&results);
            let mut links: HashMap<Digest, HashSet<Digest>> = HashMap::new();
            for known in exported.imported.iter().map(Arc::as_ref).chain([&local.known]) {
                for (key, names) in exported.all.iter().filter_map(|key| known.links.get_key_value(key)) {
                    links.entry(*key).or_default().extend(names);
                }
            }
            self.exports.insert(place, Arc::new(Known { results, links }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u8) -> Digest {
        Digest([n; 16])
    }

    /// One commit's build on a fresh builder: what it executes, meets and has in its result. The keys that it finds.
    fn build(store: &mut Store, caches: &Caches, branch: Branch, all: &[u8], result: &[u8]) -> Vec<u8> {
        let builder = Builder::default();
        store.start_commit();
        let imported = store.imports(caches, branch);
        let hit = |n: &u8| imported.iter().any(|import| import.has(&key(*n)));
        let found: Vec<u8> = all.iter().copied().filter(hit).collect();
        all.iter().filter(|n| !found.contains(n)).for_each(|n| store.add(builder, key(*n)));
        let keys = |numbers: &[u8]| numbers.iter().map(|n| key(*n)).collect::<Vec<_>>();
        let exported = Exported { all: &keys(all), result: &keys(result), imported: &imported };
        store.export(caches, branch, builder, exported);
        found
    }

    #[test]
    fn each_mode_keeps_what_it_should() {
        for (mode, expected) in [(Mode::Max, vec![1, 2]), (Mode::Min, vec![2])] {
            let (mut store, web) = (Store::default(), Caches::both(Location::shared("web"), mode));
            // 1 is a step of a build stage, 2 a layer of the result.
            build(&mut store, &web, None, &[1, 2], &[2]);
            assert_eq!(build(&mut store, &web, None, &[1, 2], &[2]), expected, "{mode:?}");
        }
    }

    #[test]
    fn only_the_last_export_counts() {
        let (mut store, web) = (Store::default(), Caches::both(Location::shared("web"), Mode::Max));
        build(&mut store, &web, None, &[1], &[1]);
        assert!(build(&mut store, &web, None, &[2], &[2]).is_empty());
        assert!(build(&mut store, &web, None, &[1], &[1]).is_empty());
        // A hit that was never loaded stays in the export.
        assert_eq!(build(&mut store, &web, None, &[1], &[1]), [1]);
        assert_eq!(build(&mut store, &web, None, &[1], &[1]), [1]);
        let worker = Caches::both(Location::shared("worker"), Mode::Max);
        assert!(build(&mut store, &worker, None, &[1], &[1]).is_empty());
        // A second writer of the same place leaves nothing of the first one's.
        build(&mut store, &web, None, &[7], &[7]);
        assert!(build(&mut store, &web, None, &[1], &[1]).is_empty());
    }

    #[test]
    fn branches_see_what_github_lets_them() {
        let (mut store, web) = (Store::default(), Caches::both(Location::restricted("web"), Mode::Max));
        build(&mut store, &web, None, &[1], &[1]);
        assert_eq!(build(&mut store, &web, Some(7), &[1, 2], &[2]), [1], "the default branch is seen");
        assert_eq!(build(&mut store, &web, Some(7), &[1, 2], &[2]), [1, 2], "a branch sees itself");
        assert_eq!(build(&mut store, &web, Some(8), &[1, 2], &[2]), [1], "another branch is not seen");
        assert_eq!(build(&mut store, &web, None, &[1, 2], &[2]), [1], "nor from the default branch");
        store.close(7);
        assert_eq!(build(&mut store, &web, None, &[1, 2], &[2]), [1, 2], "which keeps its own");
        // A reference of a registry is one for all.
        let (mut store, web) = (Store::default(), Caches::both(Location::shared("web"), Mode::Max));
        build(&mut store, &web, Some(7), &[1, 2], &[2]);
        assert_eq!(build(&mut store, &web, None, &[1, 2], &[2]), [1, 2]);
        // Unless it has the branch's name in it.
        let mut store = Store::new("main");
        let of_branch = Caches::both(Location::shared(format!("web-{}", Location::BRANCH)), Mode::Max);
        build(&mut store, &of_branch, Some(7), &[1, 2], &[2]);
        assert!(build(&mut store, &of_branch, None, &[1, 2], &[2]).is_empty());
        assert_eq!(build(&mut store, &of_branch, Some(7), &[1, 2], &[2]), [1, 2]);
        let main = Caches::both(Location::shared("web-main"), Mode::Max);
        assert_eq!(build(&mut store, &main, Some(7), &[1, 2], &[2]), [1, 2]);
    }

    #[test]
    fn builders_stay_or_go() {
        let mut store = Store::default();
        let (stays, goes) = (Builder { number: 0, persistent: true }, Builder { number: 1, persistent: false });
        for builder in [stays, goes] {
            store.add(builder, key(1));
            assert!(store.has(builder, key(1)));
        }
        store.start_commit();
        assert_eq!([stays, goes].map(|builder| store.has(builder, key(1))), [true, false]);
    }
}
