//! The replay itself: commit by commit, which steps are executed, and why.

use super::causes::{Changes, Fixed, StepBefore, causes, fixed, selections};
use super::content::{Content, ContentError, Digest, ObjectSource, Overlay};
use super::convert::{ConvertError, convert};
use super::cost::{Blame, Priced, time};
use super::declared::DeclaredCall;
use super::definitions::{AtCommit, Defined, Definitions, Request};
use super::durations::{Durations, StepKey};
use super::graph::{ContextRef, Graph, Input, SelectionId, Step, VertexId};
use super::history::{Commit, HistoryError};
use super::keys::{Files, Keys};
use super::outcome::{BuildHistory, Cause, CommitTime, Failure, Replay, StepHistory};
use super::run::{Call, Executed, Imports, run};
use super::store::{Branch, Builder, Caches, Location, Store, StoreKind};
use super::tree::{Entry, Kind, Oid, Tree};
use crate::syntax::dockerignore::clean;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

/// How to replay.
#[derive(Debug, Clone)]
pub struct Options {
    /// What to build.
    pub request: Request,
    /// Where results survive.
    pub store: StoreKind,
    /// Whether all targets are built by one call; else each by its own, one after the other on the same builder.
    pub together: bool,
    /// For [`StoreKind::Declared`]: the calls that workflows make, if they make any; these go before `together`.
    pub calls: Vec<DeclaredCall>,
    /// Build every commit with the definitions of the last one, not with its own.
    pub fixed_definitions: bool,
    /// Path of the project inside the repository; empty for its top.
    pub prefix: String,
    /// Whether contexts with the top of the repository hold a `.git` directory, as a checkout has.
    pub git_directory: bool,
    /// Files to put over those of every commit: a change whose effect is asked for.
    pub overlay: Overlay,
    /// Name of the branch whose history is replayed, after which caches may be named.
    pub branch: String,
}

/// Replays the builds of commits, one after the other. The files of the commits are in a [`Content`], which several
/// replays of the same commits share.
pub struct Simulator {
    options: Options,
    durations: Durations,
    definitions: Definitions,
    store: Store,
    graph: Option<Prepared>,
    rows: Vec<Rows>,
    replay: Replay,
    /// The run before, by branch.
    before: HashMap<Branch, Before>,
    fixed: Option<Oid>,
    commits: usize,
}

/// What causes are told against: the run before on the same branch, or else on the default branch.
#[derive(Debug, Clone, Default)]
struct Before {
    /// What each step consisted of when it was last part of the build.
    steps: HashMap<RowId, StepBefore>,
    /// The trees of its contexts, and the generation of the content that has them.
    trees: HashMap<ContextRef, Oid>,
    generation: usize,
}

/// Stage, number and platform of a step.
type RowKey = (String, u32, Option<String>);

struct Rows {
    name: String,
    requested: bool,
    by_key: HashMap<RowKey, usize>,
    steps: Vec<StepHistory>,
}

impl Rows {
    /// The row of a step, which is added if there is none yet.
    fn row(&mut self, build: usize, step: &Step, commits: usize) -> RowId {
        let key = (step.stage.clone(), step.index, step.platform.clone());
        let at = *self.by_key.entry(key).or_insert_with(|| {
            self.steps.push(StepHistory {
                step: step.clone(),
                rebuilt: vec![None; commits],
                rebuilt_at_worst: 0,
                causes: BTreeMap::new(),
                blamed_seconds: 0.0,
                roots: 0,
            });
            self.steps.len() - 1
        });
        self.steps[at].step.clone_from(step);
        (build, at)
    }
}

/// A graph with what is computed once for it.
struct Prepared {
    defined: Arc<Defined>,
    graph: Graph,
    errors: Vec<(String, ConvertError)>,
    times: Vec<Option<f64>>,
    /// Vertices that are (part of) steps.
    is_step: Vec<bool>,
    has_fresh: bool,
    /// Vertices whose files others take some of.
    observed: Vec<bool>,
    calls: Vec<Call>,
    /// Per build and step: what definitions say of it, and its row, once it has one.
    steps: Vec<Vec<PreparedStep>>,
    /// The keys of the commit before.
    before: Option<Keys>,
}

struct PreparedStep {
    fixed: Arc<Fixed>,
    selections: Vec<SelectionId>,
    row: Option<RowId>,
}

/// A row's build and its place there.
type RowId = (usize, usize);

/// The run that is replayed.
struct Now<'n> {
    number: usize,
    id: &'n str,
    tree: Oid,
    branch: Branch,
}

/// Whether a call imports in a way in which BuildKit is known to lose hits.
fn may_lose(call: &Call, branch: Branch) -> bool {
    let several = |caches: &Caches| {
        caches.imports.len() > 1 || branch.is_some() && caches.imports.iter().any(|location| location.restricted)
    };
    let imports = call.builds.iter().any(|(_, caches)| !caches.imports.is_empty());
    imports && (call.builds.len() > 1 || call.builds.iter().any(|(_, caches)| several(caches)))
}

/// What the calls of one commit did.
struct Runs<'r> {
    calls: &'r [Call],
    executed: &'r Executed,
    at_worst: &'r Executed,
}

/// What instructions take of the contexts of a commit.
struct Selected {
    digests: Vec<Option<Digest>>,
    /// Why something cannot be taken.
    missing: HashMap<SelectionId, String>,
}

impl Simulator {
    /// A replay of nothing yet. The durations may be empty; then no seconds are told.
    pub fn new(options: Options, durations: Durations) -> Self {
        Simulator {
            definitions: Definitions::new(options.request.clone()),
            store: Store::new(options.branch.clone()),
            options,
            durations,
            graph: None,
            rows: Vec::new(),
            replay: Replay::default(),
            before: HashMap::new(),
            fixed: None,
            commits: 0,
        }
    }

    /// Uses the definitions of this commit for all others, if that is what the options ask for.
    pub fn fix_definitions(&mut self, commit: &Commit) {
        if self.options.fixed_definitions {
            self.fixed = Some(commit.tree);
        }
    }

    /// Builds one more commit.
    ///
    /// # Errors
    ///
    /// The object store fails.
    pub fn commit<S: ObjectSource>(&mut self, content: &mut Content<S>, commit: &Commit) -> Result<(), HistoryError> {
        let number = self.commits;
        self.commits += 1;
        self.replay.times.push(CommitTime::default());
        let tree = content.overlay(commit.tree, &self.options.overlay)?;
        let id = commit.id.to_string();
        let Some(root) = self.project(content, tree)? else {
            let reason = format!("there is no folder {}", self.options.prefix);
            self.replay.failures.push(Failure { commit: number, build: String::new(), reason });
            return Ok(());
        };
        let defining = match self.fixed {
            Some(fixed) => {
                let fixed = content.overlay(fixed, &self.options.overlay)?;
                self.project(content, fixed)?.unwrap_or(root)
            }
            None => root,
        };
        let defined = self.definitions.at(content, AtCommit { root: defining, id: &id, number })?;
        let mut prepared = match self.graph.take() {
            Some(prepared) if Arc::ptr_eq(&prepared.defined, &defined) => prepared,
            _ => self.prepare(defined),
        };
        let now = Now { number, id: &id, tree, branch: commit.branch };
        let result = self.build(content, &now, &mut prepared);
        self.graph = Some(prepared);
        result
    }

    /// What the replay found; `None` for the commits that were never built.
    pub fn finish(mut self) -> Replay {
        for rows in self.rows {
            let mut steps = rows.steps;
            for step in &mut steps {
                step.rebuilt.resize(self.commits, None);
            }
            self.replay.builds.push(BuildHistory { name: rows.name, requested: rows.requested, steps });
        }
        self.replay
    }

    /// No more runs are for this branch.
    pub fn close(&mut self, branch: u32) {
        self.store.close(branch);
        self.before.remove(&Some(branch));
    }

    /// What the first run after a change costs: the commit is built with what the store holds now, and with `options`.
    ///
    /// # Errors
    ///
    /// The object store fails.
    pub fn first_run_with<S: ObjectSource>(
        &self,
        content: &mut Content<S>,
        commit: &Commit,
        options: Options,
    ) -> Result<CommitTime, HistoryError> {
        let mut other = Simulator::new(options, self.durations.clone());
        other.store = self.store.clone();
        other.fixed = self.fixed;
        other.commit(content, commit)?;
        Ok(other.replay.times.last().copied().unwrap_or_default())
    }

    /// The project's folder in a commit's tree.
    fn project<S: ObjectSource>(&self, content: &mut Content<S>, tree: Oid) -> Result<Option<Oid>, HistoryError> {
        if self.options.prefix.is_empty() {
            return Ok(Some(tree));
        }
        content.directory(tree, &self.options.prefix)
    }

    fn prepare(&self, defined: Arc<Defined>) -> Prepared {
        let (graph, errors) = convert(&defined.inputs);
        let mut times = vec![None; graph.vertices().len()];
        let mut is_step = vec![false; graph.vertices().len()];
        for build in &graph.builds {
            for step in &build.steps {
                let key = StepKey { build: &build.name, stage: &step.stage, index: step.index, text: &step.text };
                let time = self.durations.of(key).map(|time| time.seconds);
                for (at, vertex) in step.vertices.iter().enumerate() {
                    is_step[*vertex] = true;
                    // The time of a linked copy is told for both of its vertices together.
                    times[*vertex] = times[*vertex].or(if at == 0 { time } else { time.map(|_| 0.0) });
                }
            }
        }
        let (has_fresh, observed) = (graph.has_fresh(), graph.observed());
        let calls = self.calls(&graph, &defined);
        let prepare = |step: &Step| PreparedStep {
            fixed: Arc::new(fixed(&graph, step)),
            selections: selections(&graph, step).collect(),
            row: None,
        };
        let steps = graph.builds.iter().map(|build| build.steps.iter().map(prepare).collect()).collect();
        Prepared { defined, graph, errors, times, is_step, has_fresh, observed, calls, steps, before: None }
    }

    /// Which builds are made by which call, on which builder, with which caches.
    fn calls(&self, graph: &Graph, defined: &Defined) -> Vec<Call> {
        let place = |name: &String| graph.builds.iter().position(|build| build.name == *name);
        let declared: Vec<Call> = match self.options.store {
            StoreKind::Declared => self.options.calls.iter().map(|call| call.of(place)).collect(),
            _ => Vec::new(),
        };
        let requested = |name: &String| defined.requested.contains(name);
        let of_workflows: Vec<Call> = declared
            .into_iter()
            .map(|mut call| {
                call.builds.retain(|(build, _)| requested(&graph.builds[*build].name));
                call
            })
            .filter(|call| !call.builds.is_empty())
            .collect();
        // What no workflow builds is built by itself; without a cache of its own, people build it where they work.
        let number = of_workflows.iter().map(|call| call.builder.number + 1).max().unwrap_or(0);
        let persistent = |builds: &[(usize, Caches)]| match self.options.store {
            StoreKind::Declared => builds.iter().all(|(_, caches)| caches.is_empty()),
            kind => kind == StoreKind::Persistent,
        };
        let call = |builds: Vec<(usize, Caches)>| {
            let builder = Builder { number, persistent: persistent(&builds) };
            Call { builds, builder }
        };
        let others = defined.requested.iter().filter_map(|name| Some((place(name)?, self.caches(defined, name))));
        let others = others.filter(|(build, _)| !of_workflows.iter().any(|call| call.makes(*build)));
        let others: Vec<Call> = match self.options.together {
            true => vec![call(others.collect())],
            false => others.map(|build| call(vec![build])).collect(),
        };
        of_workflows.iter().cloned().chain(others).filter(|call| !call.builds.is_empty()).collect()
    }

    /// Where a build's cache comes from and goes to, if no workflow says.
    fn caches(&self, defined: &Defined, name: &str) -> Caches {
        match self.options.store {
            StoreKind::Persistent | StoreKind::None => Caches::default(),
            StoreKind::RefLast(mode) => Caches::both(Location::shared(name), mode),
            StoreKind::Gha(mode) => Caches::both(Location::restricted(name), mode),
            StoreKind::Declared => {
                defined.caches.iter().find(|(other, _)| other == name).map(|(_, c)| c.clone()).unwrap_or_default()
            }
        }
    }

    fn build<S: ObjectSource>(
        &mut self,
        content: &mut Content<S>,
        now: &Now<'_>,
        prepared: &mut Prepared,
    ) -> Result<(), HistoryError> {
        let number = now.number;
        let roots = self.context_roots(content, &prepared.graph, now)?;
        let selected = select(content, &prepared.graph, &roots)?;
        let graph = &prepared.graph;
        let before = prepared.before.take();
        let files = Files { roots: &roots, selected: &selected.digests };
        let mut keys = |call: usize, before: Option<&Keys>| {
            let fresh = format!("{} {call}", now.id);
            Keys::compute(content, graph, &prepared.observed, files, fresh.as_bytes(), before)
        };
        let first = keys(0, before.as_ref())?;
        let others = if prepared.has_fresh { prepared.calls.len().max(1) } else { 1 };
        let others = (1..others).map(|call| keys(call, Some(&first))).collect::<Result<Vec<Keys>, HistoryError>>()?;
        let keys: Vec<&Keys> = [&first].into_iter().chain(&others).collect();
        let mut broken: HashSet<usize> = HashSet::new();
        if first.is_partial() {
            for (at, build) in graph.builds.iter().enumerate() {
                if build.needs.iter().any(|id| first.get(*id).is_none()) {
                    broken.insert(at);
                    let inputs = build.needs.iter().flat_map(|id| &graph.vertices()[*id].inputs);
                    let reason = inputs.into_iter().find_map(|input| match input {
                        Input::Context(id) => selected.missing.get(id).cloned(),
                        _ => None,
                    });
                    let (build, reason) = (build.name.clone(), reason.unwrap_or_default());
                    self.replay.failures.push(Failure { commit: number, build, reason });
                }
            }
        }
        for (build, reason) in &prepared.defined.failed {
            let (build, reason) = (build.clone(), reason.clone());
            self.replay.failures.push(Failure { commit: number, build, reason });
        }
        for (build, error) in &prepared.errors {
            let (build, reason) = (build.clone(), error.message.clone());
            self.replay.failures.push(Failure { commit: number, build, reason });
        }
        let mut calls = prepared.calls.clone();
        calls.iter_mut().for_each(|call| call.builds.retain(|(build, _)| !broken.contains(build)));
        self.store.start_commit();
        let at_worst = calls.iter().any(|call| may_lose(call, now.branch)).then(|| {
            let store = &mut self.store.clone();
            run(graph, &keys, &calls, now.branch, store, Imports::Lossy)
        });
        let executed = run(graph, &keys, &calls, now.branch, &mut self.store, Imports::Whole);
        let runs = Runs { calls: &calls, at_worst: at_worst.as_ref().unwrap_or(&executed), executed: &executed };
        self.tell(content, now, prepared, &files, &runs, &broken)?;
        prepared.before = Some(first);
        Ok(())
    }

    /// What is left of each context after its ignore file; `None` where there is no such folder.
    fn context_roots<S: ObjectSource>(
        &self,
        content: &mut Content<S>,
        graph: &Graph,
        now: &Now<'_>,
    ) -> Result<Vec<Option<Oid>>, HistoryError> {
        let tree = now.tree;
        let mut roots = Vec::new();
        for context in graph.contexts() {
            let from_top = |path: &str| {
                let path = clean(&format!("{}/{path}", self.options.prefix));
                let path = path.trim_start_matches('/').to_owned();
                if path == "." { String::new() } else { path }
            };
            let folder = from_top(&context.folder);
            let ignore_files: Vec<String> = context.ignore_files.iter().map(|path| from_top(path)).collect();
            if folder.starts_with("..") {
                roots.push(None);
                continue;
            }
            let Some(mut root) = content.directory(tree, &folder)? else {
                roots.push(None);
                continue;
            };
            let mut ignore = None;
            for path in ignore_files {
                if ignore.is_none() {
                    ignore = content.file(tree, &path)?;
                }
            }
            if folder.is_empty() && self.options.git_directory {
                root = with_git_directory(content, root, now.id)?;
            }
            let text = String::from_utf8_lossy(&ignore.unwrap_or_default()).into_owned();
            match content.filter(&text) {
                Ok(Some(filter)) => root = content.apply(filter, root)?,
                Ok(None) => {}
                Err(_) => {
                    roots.push(None);
                    continue;
                }
            }
            roots.push(Some(root));
        }
        Ok(roots)
    }

    /// Writes down what was executed, why, and what it cost.
    fn tell<S: ObjectSource>(
        &mut self,
        content: &mut Content<S>,
        now: &Now<'_>,
        prepared: &mut Prepared,
        files: &Files<'_>,
        runs: &Runs<'_>,
        broken: &HashSet<usize>,
    ) -> Result<(), HistoryError> {
        let Runs { calls, executed, at_worst } = *runs;
        let number = now.number;
        let generation = content.generation();
        let mut before = match self.before.remove(&now.branch) {
            Some(before) => before,
            None => self.before.get(&None).cloned().unwrap_or_default(),
        };
        if before.generation != generation {
            before.trees.clear();
        }
        let all_calls: Vec<usize> = (0..calls.len()).collect();
        let priced = Priced { vertices: prepared.graph.vertices(), is_step: &prepared.is_step, times: &prepared.times };
        self.replay.times[number] = time(priced, executed);
        let mut blame = Blame::new(priced, executed);
        let graph = &prepared.graph;
        let mut changes = Changes::new(&before.trees, files.roots);
        let mut counted: HashSet<VertexId> = HashSet::new();
        for (place, build) in graph.builds.iter().enumerate() {
            let own: Vec<usize> = (0..calls.len()).filter(|call| calls[*call].makes(place)).collect();
            // A build that is only linked to is made by the calls of those that need it.
            let by = if own.is_empty() { &all_calls } else { &own };
            let requested = !own.is_empty() || prepared.defined.requested.contains(&build.name);
            let rows = match self.rows.iter().position(|rows| rows.name == build.name) {
                Some(at) => at,
                None => {
                    let name = build.name.clone();
                    self.rows.push(Rows { name, requested, by_key: HashMap::new(), steps: Vec::new() });
                    self.rows.len() - 1
                }
            };
            if broken.contains(&place) {
                continue;
            }
            for (step, prepared) in build.steps.iter().zip(&mut prepared.steps[place]) {
                let id = *prepared.row.get_or_insert_with(|| self.rows[rows].row(rows, step, number));
                let ran = step.vertices.iter().any(|vertex| executed.any(by, *vertex));
                let ran_at_worst = step.vertices.iter().any(|vertex| at_worst.any(by, *vertex));
                let contexts: Vec<Option<Digest>> = prepared.selections.iter().map(|id| files.selected[*id]).collect();
                let mut why = BTreeSet::new();
                if ran && number > 0 {
                    let step_before = before.steps.get(&id);
                    why = causes(graph, step, &prepared.fixed, step_before, executed, by);
                    let changed = step_before.filter(|before| before.contexts.len() == contexts.len()).into_iter();
                    let changed =
                        changed.flat_map(|before| prepared.selections.iter().zip(&before.contexts).zip(&contexts));
                    for ((selection, _), _) in changed.filter(|((_, before), now)| before != now) {
                        why.extend(changes.of(content, graph, *selection)?.iter().cloned());
                    }
                    if why.is_empty() {
                        why.insert(Cause::CacheLost);
                    }
                }
                before.steps.insert(id, StepBefore { fixed: Arc::clone(&prepared.fixed), contexts });
                let rows = &mut self.rows[rows];
                rows.requested |= requested;
                let row = &mut rows.steps[id.1];
                row.rebuilt.resize(number, None);
                row.rebuilt.push(Some(ran));
                row.rebuilt_at_worst += usize::from(number > 0 && ran_at_worst);
                if number > 0 && ran {
                    // A shared vertex is blamed once, where it is told first.
                    for vertex in step.vertices.iter().filter(|vertex| counted.insert(**vertex)) {
                        let (is_root, seconds) = blame.of(*vertex);
                        row.blamed_seconds += seconds;
                        row.roots += usize::from(is_root);
                    }
                }
                if !why.is_empty() {
                    row.causes.insert(number, why);
                }
            }
        }
        before.trees = graph
            .contexts()
            .iter()
            .cloned()
            .zip(files.roots)
            .filter_map(|(context, root)| Some((context, (*root)?)))
            .collect();
        before.generation = generation;
        self.before.insert(now.branch, before);
        Ok(())
    }
}

/// Adds what a checkout's `.git` looks like: some of it stays, the index, logs and references are new each time.
fn with_git_directory<S: ObjectSource>(content: &mut Content<S>, root: Oid, id: &str) -> Result<Oid, HistoryError> {
    let format = content.format();
    let file = |name: &str, text: &str| {
        let oid = format.id("blob", text.as_bytes());
        Entry { name: name.as_bytes().into(), mode: 0o100_644, oid }
    };
    let heads = content.insert(Tree::new(vec![file("main", id)]));
    let refs = content.insert(Tree::new(vec![Entry::directory(b"heads", heads)]));
    let objects = content.insert(Tree::new(vec![file("pack", id)]));
    let logs = content.insert(Tree::new(vec![file("HEAD", id)]));
    let git = content.insert(Tree::new(vec![
        file("HEAD", "ref: refs/heads/main\n"),
        file("config", "[core]\n"),
        file("index", id),
        Entry::directory(b"logs", logs),
        Entry::directory(b"objects", objects),
        Entry::directory(b"refs", refs),
    ]));
    let with_git = content.tree(root)?.with(b".git", Some(Entry::directory(b".git", git)));
    Ok(content.insert(with_git))
}

/// What each selection takes.
fn select<S: ObjectSource>(
    content: &mut Content<S>,
    graph: &Graph,
    roots: &[Option<Oid>],
) -> Result<Selected, HistoryError> {
    let mut selected = Selected { digests: Vec::with_capacity(graph.selections().len()), missing: HashMap::new() };
    for (id, (context, selectors)) in graph.selections().iter().enumerate() {
        let reason = match roots[*context].map(|root| content.select(root, selectors)) {
            Some(Ok(digest)) => {
                selected.digests.push(Some(digest));
                continue;
            }
            Some(Err(ContentError::History(error))) => return Err(error),
            Some(Err(ContentError::NotFound(path))) => format!("{path} is not in the context"),
            Some(Err(ContentError::BadPattern(why))) => why,
            None => format!("the context {} is not there", graph.contexts()[*context].folder),
        };
        selected.digests.push(None);
        selected.missing.insert(id, reason);
    }
    Ok(selected)
}

/// Whether a tree has submodules, or files that are pointers of Git LFS: things that a checkout may or may not hold.
///
/// # Errors
///
/// The object store fails.
pub fn uncertain_content<S: ObjectSource>(content: &mut Content<S>, root: Oid) -> Result<Vec<String>, HistoryError> {
    let mut notes = Vec::new();
    let mut submodules = Vec::new();
    let mut todo = vec![(String::new(), root, 0)];
    while let Some((path, oid, depth)) = todo.pop() {
        for entry in content.tree(oid)?.entries() {
            let below = format!("{path}{}", String::from_utf8_lossy(&entry.name));
            match entry.kind() {
                Kind::Submodule => submodules.push(below),
                // Submodules further down are rare, and looking for them would mean to read everything.
                Kind::Directory if depth < 2 => todo.push((format!("{below}/"), entry.oid, depth + 1)),
                _ => {}
            }
        }
    }
    if let Some(first) = submodules.first() {
        let n = submodules.len();
        notes.push(format!("{n} submodule(s) such as {first}: taken to change when the commit they stand at does"));
    }
    let attributes = content.file(root, ".gitattributes")?.unwrap_or_default();
    if String::from_utf8_lossy(&attributes).contains("filter=lfs") {
        notes.push("files of Git LFS are taken to change when their pointers do".to_owned());
    }
    Ok(notes)
}

#[cfg(test)]
mod tests {
    use super::super::content::tests::Memory;
    use super::super::store::Mode;
    use super::super::tree::ObjectFormat;
    use super::*;

    const CONTEXT: [&str; 5] = [
        ".dockerignore = .git\n.dockerignore\nDockerfile\ndocker-bake.hcl",
        "package.json = {}",
        "src/a.ts = a",
        "src/b.ts = b",
        "bin/run.sh+x = run",
    ];

    fn options() -> Options {
        Options {
            request: Request { dockerfile: Some("Dockerfile".into()), ..Request::default() },
            store: StoreKind::Persistent,
            together: false,
            fixed_definitions: false,
            prefix: String::new(),
            git_directory: true,
            overlay: Overlay::new(),
            calls: Vec::new(),
            branch: "main".into(),
        }
    }

    fn replay(options: Options, commits: &[Vec<&str>]) -> Replay {
        let mut memory = Memory::default();
        let trees: Vec<Oid> = commits.iter().map(|files| memory.commit(files)).collect();
        let (mut content, mut simulator) = (Content::new(memory), Simulator::new(options, Durations::default()));
        for (number, tree) in trees.into_iter().enumerate() {
            let id = ObjectFormat::Sha1.id("commit", number.to_string().as_bytes());
            let commit = Commit { id, tree, time: 0, subject: String::new(), branch: None };
            simulator.commit(&mut content, &commit).expect("all is in memory");
        }
        simulator.finish()
    }

    /// The flags of each step of the only build, `stage index` first.
    fn rows(replay: &Replay) -> Vec<String> {
        let flag = |flag: &Option<bool>| flag.map_or(".", |flag| if flag { "1" } else { "0" });
        let row = |step: &StepHistory| {
            let flags: String = step.rebuilt.iter().map(flag).collect();
            format!("{} {} {flags}", step.step.stage, step.step.index)
        };
        replay.builds.iter().flat_map(|build| build.steps.iter().map(row)).collect()
    }

    /// Which steps a second build executes after the Dockerfile was edited: their numbers.
    fn rebuilt_by_edit(before: &str, after: &str, request: Request) -> Vec<u32> {
        let with = |text: &str| format!("Dockerfile = {text}");
        let (before, after) = (with(before), with(after));
        let commit = |file| CONTEXT.iter().copied().chain([file]).collect::<Vec<&str>>();
        let replay = replay(Options { request, ..options() }, &[commit(&before), commit(&after)]);
        assert_eq!(replay.failures, [], "{before} -> {after}");
        let steps = replay.builds.iter().flat_map(|build| &build.steps);
        steps.filter(|step| step.rebuilt[1] == Some(true)).map(|step| step.step.index).collect()
    }

    /// The base of all edits: step 2 is the WORKDIR, 3 a COPY, 4 a RUN, 5 a COPY, 6 a RUN.
    const BASE: &str =
        "FROM alpine\nWORKDIR /app\nCOPY package.json ./\nRUN one \\\n && two\nCOPY src ./src\nRUN three\n";

    #[test]
    fn an_edit_rebuilds_what_has_it_in_its_key() {
        let cases: &[(&str, &str, &[u32])] = &[
            ("RUN three", "# comment\nrun three", &[]),
            ("RUN one \\\n && two", "RUN one \\\n# why\n && two", &[]),
            ("RUN one \\\n && two", "RUN one  && two", &[]),
            ("RUN one \\\n && two", "RUN one && two", &[4, 5, 6]),
            ("RUN one \\\n && two", "RUN one \\\n  && two", &[4, 5, 6]),
            ("RUN three", "RUN [\"three\"]", &[6]),
            ("COPY src ./src", "COPY [\"src\", \"./src\"]", &[]),
            ("COPY src ./src", "COPY ./src/ /app/src", &[]),
            ("COPY src ./src", "COPY src ./src/", &[5, 6]),
            ("COPY src ./src", "COPY --exclude=nothing src ./src", &[5, 6]),
            ("COPY src ./src", "COPY --chmod=755 src ./src", &[5, 6]),
            ("COPY src ./src", "COPY --chown=root:0 src ./src", &[5, 6]),
            ("COPY package.json ./", "COPY package.json .", &[]),
            ("COPY package.json ./", "ADD package.json ./", &[3, 4, 5, 6]),
            ("WORKDIR /app", "WORKDIR /app/", &[4, 5, 6]),
            ("WORKDIR /app", "WORKDIR app", &[]),
            ("WORKDIR /app", "WORKDIR /srv", &[2, 3, 4, 5, 6]),
            ("WORKDIR /app", "USER node\nWORKDIR /app", &[2, 3, 4, 5, 6]),
            ("RUN three", "USER node\nRUN three", &[6]),
            ("RUN three", "SHELL [\"/bin/bash\", \"-c\"]\nRUN three", &[6]),
            ("RUN three", "ENV A=1\nRUN three", &[6]),
            ("RUN three", "ARG A\nRUN three", &[]),
            ("RUN three", "ARG A=\nRUN three", &[6]),
            ("RUN three", "RUN three\nARG A=1", &[]),
            ("FROM alpine", "ARG A=1\nFROM alpine", &[]),
            ("FROM alpine", "FROM alpine AS base\nFROM base", &[]),
            ("FROM alpine", "FROM docker.io/library/alpine:latest", &[]),
            ("FROM alpine", "FROM alpine:3", &[2, 3, 4, 5, 6]),
            ("FROM alpine", "FROM alpine\nLABEL a=b\nEXPOSE 80\nVOLUME /x\nCMD x\nHEALTHCHECK NONE\nSTOPSIGNAL 9", &[]),
            ("RUN three", "RUN --network=none three", &[6]),
            ("RUN three", "RUN --network=default three", &[]),
            ("RUN three", "RUN --security=sandbox three", &[]),
            ("RUN three", "RUN --mount=type=cache,target=/c three", &[6]),
            ("RUN three", "RUN --mount=type=bind,target=/c,source=src three", &[6]),
            ("RUN three", "RUN --mount=type=secret,id=x three", &[6]),
        ];
        for (from, to, expected) in cases {
            let after = BASE.replacen(from, to, 1);
            assert_ne!(after, BASE, "{from}");
            let found = rebuilt_by_edit(BASE, &after, options().request);
            assert_eq!(found, *expected, "{from} -> {to}");
        }
    }

    #[test]
    fn spellings_that_are_one_key() {
        let run = |flags: &str| format!("FROM alpine\nRUN {flags} make\n");
        let copy = |flags: &str| format!("FROM alpine\nCOPY {flags} src /src\n");
        let cases = [
            (run("--mount=type=cache,target=/c,id=a"), run("--mount=type=cache,target=/c,id=b"), true),
            (run("--mount=type=cache,target=/c"), run("--mount=type=cache,target=/c,id=/c"), true),
            (run("--mount=type=cache,target=/c"), run("--mount=type=cache,target=/c,sharing=shared"), true),
            (run("--mount=type=cache,target=/c"), run("--mount=type=cache,target=/c,sharing=locked"), false),
            (run("--mount=type=cache,target=/c,id=a"), run("--mount=type=cache,target=/c,id=a,sharing=locked"), true),
            (run("--mount=type=cache,target=/c"), run("--mount=type=cache,target=/c,id=a"), false),
            (run("--mount=type=cache,target=/c"), run("--mount=type=cache,target=/d"), false),
            (run("--mount=type=secret,id=a"), run("--mount=type=secret,id=a,mode=0400"), true),
            (run("--mount=type=secret,id=a"), run("--mount=type=secret,id=a,required"), false),
            (run("--mount=src=src,target=/c"), run("--mount=type=bind,source=/src,dst=/c,ro"), true),
            (run("--mount=src=src,target=/c"), run("--mount=src=src,target=/c,rw"), false),
            (
                run("--mount=target=/b --mount=type=tmpfs,target=/a"),
                run("--mount=type=tmpfs,target=/a --mount=target=/b"),
                true,
            ),
            (copy("--chmod=755"), copy("--chmod=0755"), true),
            (copy("--chmod=755"), copy("--chmod=u=rwx,go=rx"), false),
            (copy("--chown=0:0"), copy("--chown=root:root"), true),
            (copy("--chown=1000"), copy("--chown=1000:1000"), false),
            (copy("--chmod=755 --chown=1:1"), copy("--chown=1:1 --chmod=755"), true),
            ("FROM alpine\nCOPY <<A /x\nhi\nA\n".into(), "FROM alpine\nCOPY <<B /x\nhi\nB\n".into(), false),
            ("FROM alpine\nRUN <<A\nhi\nA\n".into(), "FROM alpine\nRUN <<B\nhi\nB\n".into(), true),
            ("FROM alpine\nRUN <<A\nhi\nA\n".into(), "FROM alpine\nRUN <<-A\n\thi\nA\n".into(), true),
            ("FROM alpine\nRUN <<-A cat\nhi\nA\n".into(), "FROM alpine\nRUN <<-A cat\n\thi\nA\n".into(), false),
        ];
        for (before, after, same) in cases {
            let found = rebuilt_by_edit(&before, &after, options().request);
            assert_eq!(found.is_empty(), same, "{before} {after} {found:?}");
        }
    }

    #[test]
    fn arguments_that_change_reach_the_commands_behind_them() {
        let request = Request { per_commit: vec!["SHA".into()], ..options().request };
        let flags = |text: &str| rebuilt_by_edit(text, text, request.clone());
        assert_eq!(flags("FROM alpine\nARG SHA\nWORKDIR /a\nCOPY src .\nRUN x\nCOPY bin .\n"), [4, 5]);
        assert!(flags("FROM alpine\nCOPY src .\nRUN x\nARG SHA\n").is_empty());
        assert!(flags("FROM alpine\nRUN x\nLABEL sha=$SHA\n").is_empty());
        assert!(flags("FROM alpine\nARG SHA\nENV SHA=fixed\nRUN x\n").is_empty());
        assert_eq!(flags("FROM alpine AS a\nARG SHA\nFROM a\nRUN x\n"), [1]);
        assert!(flags("FROM alpine AS a\nARG SHA\nFROM alpine\nRUN x\n").is_empty());
        assert!(flags("ARG SHA\nFROM alpine\nRUN x\n").is_empty());
        assert_eq!(flags("FROM alpine\nARG SHA\nWORKDIR /$SHA\nCOPY src .\n"), [2, 3]);
        let request = Request { per_commit: vec!["SOURCE_DATE_EPOCH".into()], ..options().request };
        let flags = |text: &str| rebuilt_by_edit(text, text, request.clone());
        assert!(flags("FROM alpine\nCOPY src /src\nRUN x\n").is_empty());
        assert_eq!(flags("FROM alpine\nCOPY src /src\nWORKDIR /a\nRUN x\n"), [3, 4]);
        assert_eq!(flags("FROM alpine\nARG SOURCE_DATE_EPOCH\nCOPY src /src\nRUN x\n"), [3]);
    }

    #[test]
    fn stores_remember_what_they_should() {
        let dockerfile = "Dockerfile = FROM alpine AS build\nCOPY src /src\nRUN make\nFROM alpine\nCOPY --from=build /out /out\nCOPY bin /bin";
        let with = |src: &'static str, bin: &'static str| vec![CONTEXT[0], src, bin, dockerfile];
        let commits = [
            with("src/a = 1", "bin/x = 1"),
            with("src/a = 1", "bin/x = 2"),
            with("src/a = 2", "bin/x = 2"),
            with("src/a = 1", "bin/x = 1"),
        ];
        let cases = [
            (StoreKind::Persistent, ["build 2 1010", "build 3 1010", "stage-1 2 1010", "stage-1 3 1110"]),
            (StoreKind::RefLast(Mode::Max), ["build 2 1011", "build 3 1011", "stage-1 2 1011", "stage-1 3 1111"]),
            (StoreKind::RefLast(Mode::Min), ["build 2 1011", "build 3 1011", "stage-1 2 1011", "stage-1 3 1111"]),
            (StoreKind::None, ["build 2 1111", "build 3 1111", "stage-1 2 1111", "stage-1 3 1111"]),
        ];
        for (store, expected) in cases {
            let found = rows(&replay(Options { store, ..options() }, &commits));
            // Everything before is known to a builder that keeps all.
            let expected: Vec<String> = expected.iter().map(|row| (*row).to_owned()).collect();
            assert_eq!(found, expected, "{store:?}");
        }
    }

    #[test]
    fn targets_baked_at_once_on_fresh_builders_may_lose_hits() {
        let bake = "docker-bake.hcl = target \"web\" { target = \"web\" }\ntarget \"worker\" { target = \"worker\" }\n";
        let dockerfile =
            "Dockerfile = FROM alpine AS base\nRUN shared\nFROM base AS web\nRUN web\nFROM base AS worker\nRUN worker";
        let commits = [vec![bake, dockerfile], vec![bake, dockerfile]];
        let targets = vec!["web".into(), "worker".into()];
        for (store, together, expected) in [
            (StoreKind::RefLast(Mode::Max), true, [0, 0, 0, 1]),
            (StoreKind::RefLast(Mode::Max), false, [0, 0, 0, 0]),
            (StoreKind::Persistent, true, [0, 0, 0, 0]),
        ] {
            let request = Request { targets: Vec::clone(&targets), ..Request::default() };
            let replay = replay(Options { request, store, together, ..options() }, &commits);
            let steps = replay.builds.iter().flat_map(|build| &build.steps);
            let found: Vec<usize> = steps.map(|step| step.rebuilt_at_worst).collect();
            assert_eq!(found, expected, "{store:?} {together}");
        }
    }

    #[test]
    fn a_stage_without_cache_is_executed_each_time() {
        let bake = "docker-bake.hcl = target \"web\" { no-cache-filter = [\"build\"] }\n";
        let dockerfile = "Dockerfile = FROM alpine AS build\nWORKDIR /a\nCOPY src /src\nRUN make\nWORKDIR /b\n\
            FROM alpine\nWORKDIR /a\nRUN first\nCOPY --from=build /out /out\nRUN last";
        let commits = [vec![bake, dockerfile, "src/a = 1"], vec![bake, dockerfile, "src/a = 1"]];
        let request = Request { targets: vec!["web".into()], ..Request::default() };
        let replay = replay(Options { request, ..options() }, &commits);
        let expected = [
            "build 2 10",
            "build 3 11",
            "build 4 11",
            "build 5 11",
            "stage-1 2 10",
            "stage-1 3 10",
            "stage-1 4 11",
            "stage-1 5 11",
        ];
        assert_eq!(rows(&replay), expected);
        assert!(replay.builds[0].steps[1].causes[&1].contains(&Cause::NoCache));
    }

    #[test]
    fn a_named_folder_has_its_own_ignore_file() {
        let bake = "docker-bake.hcl = target \"web\" { contexts = { docs = \"docs\" } }\n";
        let dockerfile =
            "Dockerfile = FROM alpine\nCOPY --from=docs . /docs\nRUN --mount=from=docs,target=/d x\nCOPY docs /all";
        let with = |file: &'static str| {
            vec![bake, dockerfile, ".dockerignore = .git\ndocs/keep", "docs/.dockerignore = *.tmp", "docs/a = 1", file]
        };
        let commits = [with("docs/keep = 1"), with("docs/keep = 2"), with("docs/x.tmp = 1"), with("docs/y.tmp = 1")];
        let request = Request { targets: vec!["web".into()], ..Request::default() };
        let replay = replay(Options { request, ..options() }, &commits);
        // The main context ignores `keep` and takes `x.tmp`; the folder as a context of its own does the opposite.
        let causes =
            |step: usize, commit: usize| replay.builds[0].steps[step].causes.get(&commit).cloned().unwrap_or_default();
        assert_eq!(rows(&replay), ["stage-0 2 1110", "stage-0 3 1110", "stage-0 4 1111"]);
        assert_eq!(causes(0, 1).into_iter().collect::<Vec<_>>(), [Cause::Files { path: "keep".into() }]);
        assert_eq!(causes(2, 3).into_iter().collect::<Vec<_>>(), [Cause::Files { path: "docs/**".into() }]);
    }

    #[test]
    fn causes_name_files_variables_and_edits() {
        let dockerfile =
            |sha: &str| format!("Dockerfile = FROM alpine\nARG SHA={sha}\nCOPY . /app\nRUN make\nRUN {sha}");
        let [one, two] = [dockerfile("1"), dockerfile("2")];
        let with = |file: &'static str, docker| vec![CONTEXT[0], "package.json = {}", file, docker];
        let commits = [
            with("docs/guide/a.md = 1", one.as_str()),
            with("docs/guide/a.md = 2", one.as_str()),
            with("docs/guide/a.md = 2", two.as_str()),
        ];
        let replay = replay(options(), &commits);
        let steps = &replay.builds[0].steps;
        let causes = |step: usize, commit: usize| steps[step].causes[&commit].iter().cloned().collect::<Vec<_>>();
        assert_eq!(causes(0, 1), [Cause::Files { path: "docs/guide/**".into() }]);
        assert_eq!(causes(1, 1), [Cause::Inherited]);
        assert_eq!(causes(1, 2), [Cause::Variable { name: "SHA".into() }]);
        assert!(causes(2, 2).contains(&Cause::Inherited));
        assert_eq!((steps[0].roots, steps[1].roots, steps[2].roots), (1, 1, 0));
    }

    #[test]
    fn what_fails_is_told_and_left_out() {
        let commits = [
            vec!["Dockerfile = FROM alpine\nCOPY gone /x"],
            vec!["Dockerfile = FROM alpine\nNOPE"],
            vec!["package.json = {}"],
            vec!["Dockerfile = FROM a\nCOPY --from=b /x /y\nFROM a AS b\nRUN z"],
            vec!["Dockerfile = FROM alpine AS a\nFROM alpine\nCOPY --from=1 x y"],
        ];
        let replay = replay(options(), &commits);
        let failing: Vec<usize> = replay.failures.iter().map(|failure| failure.commit).collect();
        assert_eq!(failing, [0, 1, 2, 4]);
        assert!(replay.failures[0].reason.contains("/gone"), "{:?}", replay.failures);
    }

    /// The flags of the last stage's first step, which takes something of another one.
    fn taken_flags(dockerfile: &str, commits: &[&[&str]]) -> String {
        let dockerfile = format!("Dockerfile = {dockerfile}");
        let commits: Vec<Vec<&str>> =
            commits.iter().map(|files| files.iter().copied().chain([CONTEXT[0], &dockerfile]).collect()).collect();
        let replay = replay(options(), &commits);
        assert_eq!(replay.failures, [], "{dockerfile}");
        let last = replay.builds[0].steps.iter().find(|step| step.step.stage == "last").expect("the stage has a step");
        last.rebuilt.iter().map(|flag| if *flag == Some(true) { '1' } else { '0' }).collect()
    }

    #[test]
    fn what_is_taken_of_a_stage_counts_by_its_content() {
        // Other bytes, another file beside it, back again.
        let commits: [&[&str]; 4] = [
            &["src/a = 1", "src/in/b = 1", "lib/c = 1", "run+x = 1"],
            &["src/a = 2", "src/in/b = 1", "lib/c = 1", "run+x = 1"],
            &["src/a = 2", "src/in/b = 2", "lib/c = 1", "run = 1"],
            &["src/a = 1", "src/in/b = 1", "lib/c = 1", "run+x = 1"],
        ];
        let cases = [
            ("scratch", "COPY . .", "COPY --from=s /src/in /x", "1010"),
            ("scratch", "COPY . .", "COPY --from=s /src /x", "1110"),
            ("scratch", "COPY . .", "COPY --from=s /lib /x", "1000"),
            ("scratch", "COPY . .", "COPY --from=s /run /x", "1010"),
            ("scratch", "COPY . .", "COPY --from=s /src/*/b /x", "1010"),
            ("scratch", "COPY . .", "COPY --from=s --exclude=in /src /x", "1100"),
            ("scratch", "COPY . .", "COPY --from=s / /x", "1110"),
            ("scratch", "COPY src /to", "COPY --from=s /to/in /x", "1010"),
            ("scratch", "COPY src/a /to", "COPY --from=s /to /x", "1100"),
            ("scratch", "COPY src/a src/in/b /to/", "COPY --from=s /to/b /x", "1010"),
            ("scratch", "COPY src/? lib /to/", "COPY --from=s /to/c /x", "1000"),
            ("scratch", "COPY --link src /to", "COPY --from=s /to/in /x", "1010"),
            ("scratch", "COPY lib /to\nCOPY --link src /to", "COPY --from=s /to/c /x", "1000"),
            ("alpine", "COPY . /w", "COPY --from=s /w/src/in /x", "1010"),
            ("alpine", "WORKDIR /w\nCOPY . .", "COPY --from=s /w/src/in /x", "1010"),
            ("alpine", "COPY . /w\nWORKDIR /w/src", "COPY --from=s /w/lib /x", "1000"),
            ("alpine", "COPY lib /w\nCOPY --link src /w", "COPY --from=s /w/c /x", "1000"),
            ("alpine", "COPY --chmod=755 . /w", "COPY --from=s /w/lib /x", "1000"),
            ("alpine", "COPY . /etc/w", "COPY --from=s /etc/w/lib /x", "1000"),
            // The base image may have other files there, but always the same ones.
            ("alpine", "COPY src/in lib /w/", "COPY --from=s /w /x", "1010"),
            ("alpine", "COPY . /w", "COPY --from=s /home /x", "1000"),
            ("alpine", "COPY --parents src/a lib /w/", "COPY --from=s /w/lib /x", "1000"),
            ("alpine", "COPY --parents src/a lib /w/", "COPY --from=s /w/src /x", "1100"),
            ("alpine", "COPY --exclude=in src /w", "COPY --from=s /w /x", "1100"),
            ("alpine", "COPY --exclude=in src /w", "COPY --from=s /w/in /x", "1000"),
            ("alpine", "ADD src lib /w/", "COPY --from=s /w /x", "1110"),
            // A bind mount is no other thing.
            ("alpine", "COPY . /w", "RUN --mount=from=s,source=/w/lib,target=/x make", "1000"),
            ("alpine", "COPY . /w", "RUN --mount=from=s,source=/w,target=/x make", "1110"),
            // What is not known follows from everything that the stage was made of. It was that once before.
            ("alpine", "COPY . /w\nRUN make", "COPY --from=s /w/lib /x", "1110"),
            ("alpine", "COPY src/a /w", "COPY --from=s /w/a /x", "1100"),
            // Of two names that may be one folder, nobody knows what is in either.
            ("alpine", "COPY lib /usr/bin\nCOPY src /bin", "COPY --from=s /usr/bin/c /x", "1110"),
            ("scratch", "COPY lib /usr/bin\nCOPY src /bin", "COPY --from=s /usr/bin/c /x", "1000"),
        ];
        for (base, stage, taken, expected) in cases {
            let dockerfile = format!("FROM {base} AS s\n{stage}\nFROM alpine AS last\n{taken}\n");
            assert_eq!(taken_flags(&dockerfile, &commits), expected, "{dockerfile}");
        }
    }

    #[test]
    fn what_well_known_commands_write_follows_from_what_they_read() {
        let commits: [&[&str]; 4] = [
            &["in/a.txt = field a\nrest\n", "Cargo.toml = 1", "Cargo.lock = 1", "src/main.rs = 1"],
            &["in/a.txt = field a\nother\n", "Cargo.toml = 1", "Cargo.lock = 1", "src/main.rs = 2"],
            &["in/a.txt = field b\nother\n", "Cargo.toml = 2", "Cargo.lock = 1", "src/main.rs = 2"],
            &["in/b.txt = field b\nother\n", "Cargo.toml = 1", "Cargo.lock = 1", "src/lib.rs = 1"],
        ];
        let cases = [
            ("RUN mkdir out && grep -h ^field in/*.txt > out/x; echo ok > out/y", "/w/out", "1011"),
            ("RUN head -n 1 in/* > /x", "/x", "1011"),
            ("RUN cat in/*.txt > /x", "/x", "1111"),
            ("RUN ls in > /x", "/x", "1001"),
            ("RUN cargo chef prepare --recipe-path recipe.json", "/w/recipe.json", "1011"),
            ("RUN [\"cargo\", \"chef\", \"prepare\"]", "/w/recipe.json", "1011"),
            // A folder that is there stays as it is.
            ("RUN mkdir -p src && echo x > y", "/w/Cargo.lock", "1000"),
            // What is written may be a folder, and what is in it unknown.
            ("RUN cp -r in out", "/w/out/a.txt", "1111"),
            ("RUN make", "/w/Cargo.lock", "1111"),
        ];
        for (run, path, expected) in cases {
            let stage = format!("FROM alpine AS s\nWORKDIR /w\nCOPY . .\n{run}\n");
            let dockerfile = format!("{stage}FROM alpine AS last\nCOPY --from=s {path} /x\n");
            assert_eq!(taken_flags(&dockerfile, &commits), expected, "{dockerfile}");
        }
        // The files of `.git` are known by name alone.
        let git = "Dockerfile = FROM alpine AS s\nCOPY . /w\nRUN head -n 1 /w/.git/index > /x\nFROM alpine\nCOPY --from=s /x /x\n";
        let found = replay(options(), &[vec![git], vec![git]]);
        assert_eq!(rows(&found), ["s 2 11", "s 3 11", "stage-1 2 11"]);
        // What is mounted is read as well, and hides what is there.
        let mounted = "FROM alpine AS s\nWORKDIR /w\nRUN --mount=target=. head -n 1 in/* > /x\nFROM alpine AS last\nCOPY --from=s /x /x\n";
        assert_eq!(taken_flags(mounted, &commits), "1011");
    }

    #[test]
    fn a_file_is_the_same_on_another_base() {
        let on = |base: &str, taken: &str| {
            format!("Dockerfile = FROM {base} AS s\nCOPY src /w/\nFROM alpine AS last\nCOPY --from=s {taken} /x\n")
        };
        for (taken, expected) in [("/w/a", "last 2 10"), ("/w", "last 2 11"), ("/home", "last 2 11")] {
            let [before, after] = ["alpine", "debian"].map(|base| on(base, taken));
            let commit = |file| vec![CONTEXT[0], "src/a = 1", "src/b = 1", file];
            let found = replay(options(), &[commit(&before), commit(&after)]);
            assert_eq!(rows(&found), ["s 2 11", expected], "{taken}");
        }
    }

    #[test]
    fn a_stage_runs_to_tell_what_it_holds_once() {
        let dockerfile = "Dockerfile = FROM alpine AS s\nCOPY src /src\nRUN make\nCOPY bin /bin\nFROM alpine AS last\nCOPY --from=s /bin/run.sh /x\nRUN last\n";
        let with = |bin: &'static str| vec![CONTEXT[0], "src/a = 1", bin, "bin/run.sh = 1", dockerfile];
        let commits = [with("bin/a = 1"), with("bin/a = 2"), with("bin/a = 1"), with("bin/a = 2")];
        let rows_with = |store| rows(&replay(Options { store, ..options() }, &commits));
        let expected = |last_of_s: &str| {
            ["s 2 1000", "s 3 1000", last_of_s, "last 2 1000", "last 3 1000"].map(str::to_owned).to_vec()
        };
        // A builder remembers what each result of the stage holds, and an export tells it on.
        assert_eq!(rows_with(StoreKind::Persistent), expected("s 4 1100"));
        assert_eq!(rows_with(StoreKind::RefLast(Mode::Max)), expected("s 4 1100"));
        // With the layers of the result alone, the stage runs as a whole to tell.
        let min = ["s 2 1100", "s 3 1100", "s 4 1100", "last 2 1000", "last 3 1000"];
        assert_eq!(rows_with(StoreKind::RefLast(Mode::Min)), min);
    }

    #[test]
    fn what_works_on_nothing_is_not_exported() {
        let dockerfile = "Dockerfile = FROM scratch AS s\nWORKDIR /w\nCOPY src .\nFROM alpine\nCOPY --from=s /w /x\n";
        let commits = [1, 2].map(|n| format!("src/a = {n}"));
        let commits: Vec<Vec<&str>> = commits.iter().map(|file| vec![CONTEXT[0], file.as_str(), dockerfile]).collect();
        for (store, workdir) in [(StoreKind::Persistent, "s 1 10"), (StoreKind::RefLast(Mode::Max), "s 1 11")] {
            let found = replay(Options { store, ..options() }, &commits);
            assert_eq!(rows(&found), [workdir, "s 2 11", "stage-1 2 11"]);
        }
    }

    #[test]
    fn targets_that_link_to_others_share_their_steps() {
        let bake = "docker-bake.hcl = target \"base\" {\n dockerfile-inline = \"FROM alpine\\nCOPY package.json /p\\n\"\n}\n\
            target \"web\" {\n contexts = { base = \"target:base\" }\n dockerfile-inline = \"FROM base\\nCOPY src /src\\n\"\n}\n";
        let with = |package: &'static str| vec![CONTEXT[0], package, "src/a = 1", bake];
        let request = Request { targets: vec!["web".into()], ..Request::default() };
        let commits = [with("package.json = 1"), with("package.json = 1"), with("package.json = 2")];
        let replay = replay(Options { request, ..options() }, &commits);
        let named: Vec<(&str, bool)> = replay.builds.iter().map(|b| (b.name.as_str(), b.requested)).collect();
        assert_eq!(named, [("base", false), ("web", true)]);
        // The linked base counts as a step of the stage that is built on it, but is not printed as one.
        assert_eq!(rows(&replay), ["stage-0 2 101", "stage-0 1 101"]);
        assert_eq!(replay.builds[1].steps[0].step.total, 2);
    }
}
