//! The replay itself: commit by commit, which steps are executed, and why.

use super::content::{Content, ContentError, Digest, Hasher, ObjectSource, Overlay, Selector};
use super::convert::{ConvertError, convert};
use super::definitions::{AtCommit, Defined, Definitions, Request};
use super::durations::{Durations, StepKey};
use super::graph::{ContextRef, Graph, Input, Step, VertexId};
use super::history::{Commit, HistoryError};
use super::run::{Call, Executed, reachable, run};
use super::store::{Store, StoreKind};
use super::tree::{Entry, Kind, Oid, Tree};
use crate::syntax::dockerignore::clean;
use std::collections::hash_map::Entry::Vacant;
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
    /// Build every commit with the definitions of the last one, not with its own.
    pub fixed_definitions: bool,
    /// Path of the project inside the repository; empty for its top.
    pub prefix: String,
    /// Whether contexts with the top of the repository hold a `.git` directory, as a checkout has.
    pub git_directory: bool,
    /// Files to put over those of every commit: a change whose effect is asked for.
    pub overlay: Overlay,
}

/// Why a step was executed at a commit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Cause {
    /// Selected files changed; the folder or file, `src/app/**` for instance.
    Files {
        /// What changed.
        path: String,
    },
    /// Variables in its key have other values.
    Variable {
        /// The variable.
        name: String,
    },
    /// The instruction, or an option of the build, is another one.
    Definition,
    /// It is new in the build.
    New,
    /// An executed step that it is built on, or copies from.
    Inherited,
    /// Nothing changed, but no cache has its result.
    CacheLost,
    /// The build says that the cache is not to be used.
    NoCache,
}

/// A step over all commits.
#[derive(Debug, Clone)]
pub struct StepHistory {
    /// The step as of the last commit that has it.
    pub step: Step,
    /// Per commit: whether it was executed; `None` where it is not part of the build.
    pub rebuilt: Vec<Option<bool>>,
    /// At how many commits after the first it is executed if imports lose hits as BuildKit is known to: a fresh builder
    /// that bakes several targets at once, or imports several caches, misses steps that a cache holds
    /// (moby/buildkit#4674, moby/buildkit#6418). Without such builds the same as the flags say.
    pub rebuilt_at_worst: usize,
    /// Per commit at which it was executed: why.
    pub causes: BTreeMap<usize, BTreeSet<Cause>>,
    /// Seconds of execution that follow from causes of this very step, here and in the steps built on it.
    pub blamed_seconds: f64,
    /// Commits at which an executed step goes back to this one.
    pub roots: usize,
}

/// A build over all commits.
#[derive(Debug, Clone)]
pub struct BuildHistory {
    /// Its name.
    pub name: String,
    /// Whether it is asked for, or only linked to.
    pub requested: bool,
    /// Its steps, in the order of the stages.
    pub steps: Vec<StepHistory>,
}

/// The time that the calls of one commit take, as far as the times of steps are known.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct CommitTime {
    /// Executed steps one after the other where they depend on one another, all others at the same time.
    pub longest_path: f64,
    /// All executed steps one after the other.
    pub total: f64,
    /// Executed steps whose time is not known.
    pub unknown: usize,
    /// Executed steps.
    pub executed: usize,
}

/// A build that fails at a commit, or cannot be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Number of the commit.
    pub commit: usize,
    /// The build; empty for all.
    pub build: String,
    /// Why.
    pub reason: String,
}

/// What a replay found.
#[derive(Debug, Clone, Default)]
pub struct Replay {
    /// The builds.
    pub builds: Vec<BuildHistory>,
    /// Per commit.
    pub times: Vec<CommitTime>,
    /// Builds that fail.
    pub failures: Vec<Failure>,
    /// What a reader of the numbers should know.
    pub notes: Vec<String>,
}

impl Replay {
    /// How many steps were executed at the commits after the first, which is cold by nature.
    pub fn executed_after_first(&self) -> usize {
        self.times.iter().skip(1).map(|time| time.executed).sum()
    }
}

/// Replays the builds of commits, one after the other.
pub struct Simulator<S> {
    content: Content<S>,
    options: Options,
    durations: Durations,
    definitions: Definitions,
    store: Store,
    graph: Option<Prepared>,
    rows: Vec<Rows>,
    replay: Replay,
    /// What each step consisted of when it was last part of the build.
    before: HashMap<RowKey, Snapshot>,
    /// Context trees of the commit before.
    trees_before: HashMap<ContextRef, Oid>,
    fixed: Option<Oid>,
    commits: usize,
}

type RowKey = (String, String, u32, Option<String>);

struct Rows {
    name: String,
    requested: bool,
    by_key: HashMap<RowKey, usize>,
    steps: Vec<StepHistory>,
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
    /// Vertices whose imported results may be lost.
    may_be_lost: HashSet<VertexId>,
}

/// What the calls of one commit did.
struct Runs<'r> {
    calls: &'r [Call],
    executed: &'r Executed,
    at_worst: &'r Executed,
}

struct Snapshot {
    text: String,
    operations: Vec<Digest>,
    contexts: Vec<Digest>,
    variables: Vec<(String, String)>,
}

impl<S: ObjectSource> Simulator<S> {
    /// A replay of nothing yet. The durations may be empty; then no seconds are told.
    pub fn new(source: S, options: Options, durations: Durations) -> Self {
        Simulator {
            content: Content::new(source),
            definitions: Definitions::new(options.request.clone()),
            store: Store::new(options.store),
            options,
            durations,
            graph: None,
            rows: Vec::new(),
            replay: Replay::default(),
            before: HashMap::new(),
            trees_before: HashMap::new(),
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
    pub fn commit(&mut self, commit: &Commit) -> Result<(), HistoryError> {
        if self.content.trim() {
            self.trees_before.clear();
        }
        let number = self.commits;
        self.commits += 1;
        self.replay.times.push(CommitTime::default());
        let tree = self.content.overlay(commit.tree, &self.options.overlay)?;
        let id = commit.id.to_string();
        let Some(root) = self.project(tree)? else {
            let reason = format!("there is no folder {}", self.options.prefix);
            self.replay.failures.push(Failure { commit: number, build: String::new(), reason });
            return Ok(());
        };
        let defining = match self.fixed {
            Some(fixed) => {
                let fixed = self.content.overlay(fixed, &self.options.overlay)?;
                self.project(fixed)?.unwrap_or(root)
            }
            None => root,
        };
        let defined = self.definitions.at(&mut self.content, AtCommit { root: defining, id: &id, number })?;
        let prepared = match self.graph.take() {
            Some(prepared) if Arc::ptr_eq(&prepared.defined, &defined) => prepared,
            _ => self.prepare(defined),
        };
        let result = self.build(number, &id, tree, &prepared);
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

    /// A simulator that reads from `source` and starts with what this one's store holds now.
    pub fn clone_store<T: ObjectSource>(&self, source: T) -> Simulator<T> {
        let mut other = Simulator::new(source, self.options.clone(), self.durations.clone());
        other.store = self.store.clone();
        other.fixed = self.fixed;
        other
    }

    /// Builds the last commit again as if these files had been changed in it: the one-off cost of the change.
    ///
    /// # Errors
    ///
    /// The object store fails.
    pub fn first_run_after(&mut self, commit: &Commit, overlay: Overlay) -> Result<CommitTime, HistoryError> {
        self.options.overlay = overlay;
        self.definitions = Definitions::new(self.options.request.clone());
        self.graph = None;
        self.commit(commit)?;
        Ok(self.replay.times.last().copied().unwrap_or_default())
    }

    /// The project's folder in a commit's tree.
    fn project(&mut self, tree: Oid) -> Result<Option<Oid>, HistoryError> {
        if self.options.prefix.is_empty() {
            return Ok(Some(tree));
        }
        self.content.directory(tree, &self.options.prefix.clone())
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
        let has_fresh = graph.has_fresh();
        let may_be_lost = self.may_be_lost(&graph, &defined);
        Prepared { defined, graph, errors, times, is_step, has_fresh, may_be_lost }
    }

    /// The vertices that a fresh builder may miss although an import has them: all of a build with several imports, and
    /// what is not shared of all but one of the targets that are baked at once and share steps.
    fn may_be_lost(&self, graph: &Graph, defined: &Defined) -> HashSet<VertexId> {
        let mut lost = HashSet::new();
        if !matches!(self.options.store, StoreKind::RefLast(_)) {
            return lost;
        }
        let requested = |name: &String| defined.requested.iter().position(|other| other == name);
        let mut builds: Vec<(usize, &String, HashSet<VertexId>)> = graph
            .builds
            .iter()
            .filter_map(|build| {
                let all = reachable(graph, &build.results, true).into_iter();
                let own = all.filter(|id| !graph.vertices()[*id].source).collect();
                Some((requested(&build.name)?, &build.name, own))
            })
            .collect();
        builds.sort_by_key(|(place, ..)| *place);
        for (at, (_, name, own)) in builds.iter().enumerate() {
            if defined.exports.iter().any(|(build, export)| build == *name && export.imports > 1) {
                lost.extend(own);
            }
            let others = || builds.iter().enumerate().filter(|(other, _)| *other != at);
            let shares = others().any(|(_, (.., theirs))| !theirs.is_disjoint(own));
            if self.options.together && at > 0 && shares {
                lost.extend(own.iter().filter(|id| !others().any(|(_, (.., theirs))| theirs.contains(id))));
            }
        }
        lost
    }

    fn build(&mut self, number: usize, id: &str, tree: Oid, prepared: &Prepared) -> Result<(), HistoryError> {
        let graph = &prepared.graph;
        let roots = self.context_roots(graph, tree, id)?;
        let mut missing: Vec<Option<String>> = vec![None; graph.contexts().len()];
        let calls = self.calls(prepared);
        let mut keys: Vec<Vec<Option<Digest>>> = Vec::new();
        for call in 0..if prepared.has_fresh { calls.len().max(1) } else { 1 } {
            let fresh = format!("{id} {call}");
            let content = &mut self.content;
            keys.push(graph.keys(fresh.as_bytes(), |context, selectors: &[Selector]| {
                let Some(root) = roots[context] else {
                    missing[context] = Some(format!("the context {} is not there", graph.contexts()[context].folder));
                    return Ok(None);
                };
                match content.select(root, selectors) {
                    Ok(digest) => Ok(Some(digest)),
                    Err(ContentError::History(error)) => Err(error),
                    Err(ContentError::NotFound(path)) => {
                        missing[context] = Some(format!("{path} is not in the context"));
                        Ok(None)
                    }
                    Err(ContentError::BadPattern(why)) => {
                        missing[context] = Some(why);
                        Ok(None)
                    }
                }
            })?);
        }
        let lacks = |build: usize| {
            let all = reachable(graph, &graph.builds[build].results, true);
            all.into_iter().find(|id| keys.iter().any(|keys| keys[*id].is_none()))
        };
        let mut broken: HashSet<usize> = HashSet::new();
        for build in 0..graph.builds.len() {
            if lacks(build).is_some() {
                broken.insert(build);
                let reason = missing.iter().flatten().next().cloned().unwrap_or_default();
                let build = graph.builds[build].name.clone();
                self.replay.failures.push(Failure { commit: number, build, reason });
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
        let calls: Vec<Call> =
            calls.into_iter().map(|call| call.into_iter().filter(|build| !broken.contains(build)).collect()).collect();
        // Vertices of failing builds have no key; nothing asks for them any more.
        let unused = Digest([0; 16]);
        let keys: Vec<Vec<Digest>> =
            keys.into_iter().map(|keys| keys.into_iter().map(|key| key.unwrap_or(unused)).collect()).collect();
        self.store.start_commit();
        let nothing = HashSet::new();
        let at_worst = match prepared.may_be_lost.is_empty() {
            true => None,
            false => Some(run(graph, &keys, &calls, &mut self.store.clone(), &prepared.may_be_lost)),
        };
        let executed = run(graph, &keys, &calls, &mut self.store, &nothing);
        let runs = Runs { calls: &calls, at_worst: at_worst.as_ref().unwrap_or(&executed), executed: &executed };
        self.tell(number, prepared, &roots, &runs, &broken)?;
        self.trees_before =
            graph.contexts().iter().cloned().zip(roots).filter_map(|(context, root)| Some((context, root?))).collect();
        Ok(())
    }

    /// Which builds are made by which call.
    fn calls(&self, prepared: &Prepared) -> Vec<Call> {
        let place = |name: &String| prepared.graph.builds.iter().position(|build| build.name == *name);
        let requested: Vec<usize> = prepared.defined.requested.iter().filter_map(place).collect();
        if self.options.together { vec![requested] } else { requested.into_iter().map(|build| vec![build]).collect() }
    }

    /// What is left of each context after its ignore file; `None` where there is no such folder.
    fn context_roots(&mut self, graph: &Graph, tree: Oid, id: &str) -> Result<Vec<Option<Oid>>, HistoryError> {
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
            let Some(mut root) = self.content.directory(tree, &folder)? else {
                roots.push(None);
                continue;
            };
            let mut ignore = None;
            for path in ignore_files {
                if ignore.is_none() {
                    ignore = self.content.file(tree, &path)?;
                }
            }
            if folder.is_empty() && self.options.git_directory {
                root = self.with_git_directory(root, id)?;
            }
            let text = String::from_utf8_lossy(&ignore.unwrap_or_default()).into_owned();
            match self.content.filter(&text) {
                Ok(Some(filter)) => root = self.content.apply(filter, root)?,
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

    /// Adds what a checkout's `.git` looks like: some of it stays, the index, logs and references are new each time.
    fn with_git_directory(&mut self, root: Oid, id: &str) -> Result<Oid, HistoryError> {
        let format = self.content.format();
        let file = |name: &str, content: &str| {
            let oid = format.id("blob", content.as_bytes());
            Entry { name: name.as_bytes().into(), mode: 0o100_644, oid }
        };
        let heads = self.content.insert(Tree::new(vec![file("main", id)]));
        let refs = self.content.insert(Tree::new(vec![Entry::directory(b"heads", heads)]));
        let objects = self.content.insert(Tree::new(vec![file("pack", id)]));
        let logs = self.content.insert(Tree::new(vec![file("HEAD", id)]));
        let git = self.content.insert(Tree::new(vec![
            file("HEAD", "ref: refs/heads/main\n"),
            file("config", "[core]\n"),
            file("index", id),
            Entry::directory(b"logs", logs),
            Entry::directory(b"objects", objects),
            Entry::directory(b"refs", refs),
        ]));
        let mut entries = self.content.tree(root)?.entries().to_vec();
        entries.retain(|entry| *entry.name != *b".git");
        entries.push(Entry::directory(b".git", git));
        Ok(self.content.insert(Tree::new(entries)))
    }

    /// Writes down what was executed, why, and what it cost.
    fn tell(
        &mut self,
        number: usize,
        prepared: &Prepared,
        roots: &[Option<Oid>],
        runs: &Runs<'_>,
        broken: &HashSet<usize>,
    ) -> Result<(), HistoryError> {
        let Runs { calls, executed, at_worst } = *runs;
        let graph = &prepared.graph;
        let all_calls: Vec<usize> = (0..calls.len()).collect();
        self.replay.times[number] = time(prepared, calls, executed);
        let mut blame = Blame::new(prepared, executed, calls.len());
        let mut changed_paths: HashMap<usize, Vec<String>> = HashMap::new();
        let mut counted: HashSet<VertexId> = HashSet::new();
        for (place, build) in graph.builds.iter().enumerate() {
            let own: Vec<usize> = (0..calls.len()).filter(|call| calls[*call].contains(&place)).collect();
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
            for step in &build.steps {
                let key: RowKey = (build.name.clone(), step.stage.clone(), step.index, step.platform.clone());
                let ran = step.vertices.iter().any(|vertex| executed.any(by, *vertex));
                let ran_at_worst = step.vertices.iter().any(|vertex| at_worst.any(by, *vertex));
                let snapshot = self.snapshot(graph, step, roots)?;
                let causes = if ran && number > 0 {
                    let before = self.before.get(&key);
                    let mut causes = causes(graph, step, &snapshot, before, executed, by);
                    for (context, selectors) in changed_contexts(graph, step, &snapshot, before) {
                        if let Vacant(slot) = changed_paths.entry(context) {
                            let before = self.trees_before.get(&graph.contexts()[context]).copied();
                            let paths = match (before, roots[context]) {
                                (Some(before), Some(after)) => self.content.diff(before, after, 2000)?,
                                _ => Vec::new(),
                            };
                            slot.insert(paths);
                        }
                        let touched = changed_paths[&context].iter();
                        let touched =
                            touched.filter(|path| selectors.iter().any(|s| s.touches(path)) || selectors.is_empty());
                        let groups: BTreeSet<String> = touched.map(|path| group(path)).collect();
                        if groups.is_empty() {
                            causes.extend(selectors.iter().map(|s| Cause::Files { path: s.path.clone() }));
                        }
                        causes.extend(groups.into_iter().map(|path| Cause::Files { path }));
                    }
                    if causes.is_empty() {
                        causes.insert(Cause::CacheLost);
                    }
                    causes
                } else {
                    BTreeSet::new()
                };
                self.before.insert(key.clone(), snapshot);
                let rows = &mut self.rows[rows];
                rows.requested |= requested;
                let at = *rows.by_key.entry(key).or_insert_with(|| {
                    rows.steps.push(StepHistory {
                        step: step.clone(),
                        rebuilt: Vec::new(),
                        rebuilt_at_worst: 0,
                        causes: BTreeMap::new(),
                        blamed_seconds: 0.0,
                        roots: 0,
                    });
                    rows.steps.len() - 1
                });
                let row = &mut rows.steps[at];
                if row.step != *step {
                    row.step = step.clone();
                }
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
                if !causes.is_empty() {
                    row.causes.insert(number, causes);
                }
            }
        }
        Ok(())
    }

    fn snapshot(&mut self, graph: &Graph, step: &Step, roots: &[Option<Oid>]) -> Result<Snapshot, HistoryError> {
        let mut contexts = Vec::new();
        for (context, selectors) in context_inputs(graph, step) {
            let digest = match roots[context].map(|root| self.content.select(root, selectors)) {
                Some(Ok(digest)) => digest,
                Some(Err(ContentError::History(error))) => return Err(error),
                _ => Hasher::new("missing").finish(),
            };
            contexts.push(digest);
        }
        let mut operations = Vec::new();
        for vertex in step.vertices.iter().map(|vertex| &graph.vertices()[*vertex]) {
            operations.push(vertex.operation);
            // A base image, a download or an inline file has no step of its own to be blamed.
            for input in &vertex.inputs {
                if let Input::Chain(id) | Input::Files(id, _) = input
                    && graph.vertices()[*id].source
                {
                    operations.push(graph.vertices()[*id].operation);
                }
            }
        }
        Ok(Snapshot { text: step.text.clone(), operations, contexts, variables: step.variables.clone() })
    }
}

/// The contexts that a step reads itself, with what it takes of them.
fn context_inputs<'g>(graph: &'g Graph, step: &'g Step) -> impl Iterator<Item = (usize, &'g [Selector])> {
    let inputs = step.vertices.iter().flat_map(|vertex| &graph.vertices()[*vertex].inputs);
    inputs.filter_map(|input| match input {
        Input::Context(context, selectors) => Some((*context, selectors.as_slice())),
        _ => None,
    })
}

fn changed_contexts<'g>(
    graph: &'g Graph,
    step: &'g Step,
    now: &Snapshot,
    before: Option<&Snapshot>,
) -> Vec<(usize, &'g [Selector])> {
    let Some(before) = before.filter(|before| before.contexts.len() == now.contexts.len()) else { return Vec::new() };
    let inputs = context_inputs(graph, step).zip(now.contexts.iter().zip(&before.contexts));
    inputs.filter(|(_, (now, before))| now != before).map(|(input, _)| input).collect()
}

/// All causes but changed files.
fn causes(
    graph: &Graph,
    step: &Step,
    now: &Snapshot,
    before: Option<&Snapshot>,
    executed: &Executed,
    calls: &[usize],
) -> BTreeSet<Cause> {
    let mut causes = BTreeSet::new();
    for vertex in &step.vertices {
        let vertex = &graph.vertices()[*vertex];
        if vertex.ignore_cache {
            causes.insert(Cause::NoCache);
        }
        for input in &vertex.inputs {
            if let Input::Chain(id) | Input::Files(id, _) = input
                && !step.vertices.contains(id)
                && executed.any(calls, *id)
            {
                causes.insert(Cause::Inherited);
            }
        }
    }
    let Some(before) = before else {
        causes.insert(Cause::New);
        return causes;
    };
    if now.operations != before.operations {
        let changed = |(name, value): &&(String, String)| !before.variables.contains(&(name.clone(), value.clone()));
        let gone = before.variables.iter().filter(|(name, _)| !now.variables.iter().any(|(other, _)| other == name));
        let names: BTreeSet<&String> = now.variables.iter().filter(changed).chain(gone).map(|(name, _)| name).collect();
        if names.is_empty() || now.text != before.text && names.iter().all(|name| !now.text.contains(name.as_str())) {
            causes.insert(Cause::Definition);
        }
        causes.extend(names.into_iter().map(|name| Cause::Variable { name: name.clone() }));
    }
    causes
}

/// The folder that a changed path is told under: at most two parts of it.
fn group(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').collect();
    match parts.len() {
        0 | 1 => path.to_owned(),
        _ if parts[0] == ".git" => ".git/**".to_owned(),
        2 => format!("{}/**", parts[0]),
        _ => format!("{}/{}/**", parts[0], parts[1]),
    }
}

/// How long the calls of one commit take.
fn time(prepared: &Prepared, calls: &[Call], executed: &Executed) -> CommitTime {
    let mut sum = CommitTime::default();
    let vertices = prepared.graph.vertices();
    for call in 0..calls.len() {
        let Some(ran) = executed.call(call) else { continue };
        let mut finish = vec![0.0_f64; vertices.len()];
        for (id, vertex) in vertices.iter().enumerate() {
            let inputs = vertex.inputs.iter().filter_map(|input| match input {
                Input::Chain(id) | Input::Files(id, _) => Some(finish[*id]),
                _ => None,
            });
            finish[id] = inputs.fold(0.0, f64::max);
            if ran.contains(&id) && prepared.is_step[id] {
                let seconds = prepared.times[id];
                finish[id] += seconds.unwrap_or(0.0);
                sum.total += seconds.unwrap_or(0.0);
                sum.unknown += usize::from(seconds.is_none());
                sum.executed += 1;
            }
        }
        sum.longest_path += finish.into_iter().fold(0.0, f64::max);
    }
    sum
}

/// Where the seconds of executed vertices go back to: the executed ones that none they need was executed for. With
/// several of them each gets an equal part.
struct Blame {
    roots: Vec<bool>,
    seconds: Vec<f64>,
}

impl Blame {
    fn new(prepared: &Prepared, executed: &Executed, calls: usize) -> Blame {
        let vertices = prepared.graph.vertices();
        let all: Vec<usize> = (0..calls).collect();
        let mut roots = vec![false; vertices.len()];
        let mut seconds = vec![0.0; vertices.len()];
        let mut behind: Vec<Vec<VertexId>> = vec![Vec::new(); vertices.len()];
        for (id, vertex) in vertices.iter().enumerate() {
            if !executed.any(&all, id) {
                continue;
            }
            let mut from: Vec<VertexId> = Vec::new();
            for input in &vertex.inputs {
                if let Input::Chain(input) | Input::Files(input, _) = input {
                    from.extend(&behind[*input]);
                }
            }
            from.sort_unstable();
            from.dedup();
            if from.is_empty() {
                roots[id] = true;
                from.push(id);
            }
            let part = prepared.times[id].unwrap_or(0.0) / from.len() as f64;
            from.iter().for_each(|root| seconds[*root] += part);
            behind[id] = from;
        }
        Blame { roots, seconds }
    }

    fn of(&mut self, vertex: VertexId) -> (bool, f64) {
        (self.roots[vertex], std::mem::take(&mut self.seconds[vertex]))
    }
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
        }
    }

    fn replay(options: Options, commits: &[Vec<&str>]) -> Replay {
        let mut memory = Memory::default();
        let trees: Vec<Oid> = commits.iter().map(|files| memory.commit(files)).collect();
        let mut simulator = Simulator::new(memory, options, Durations::default());
        for (number, tree) in trees.into_iter().enumerate() {
            let id = ObjectFormat::Sha1.id("commit", number.to_string().as_bytes());
            let commit = Commit { id, tree, time: 0, subject: String::new() };
            simulator.commit(&commit).expect("all is in memory");
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
