//! Steps that several stages begin with: which of them a builder shares, and which it cannot because of an early difference.
//!
//! A step's cache key is made of its own text, the state that it sees (ENV, ARG, WORKDIR, USER, SHELL) and the keys before
//! it. Two steps with equal keys are one vertex for BuildKit, whatever stage or file they come from
//! (`solver/edge.go` merges them); two steps with equal text and unequal state are two.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use crate::model::Project;
use crate::model::build::{Build, Context};
use crate::model::dockerfile::{Base, Dockerfile};
use crate::syntax::dockerfile::{Body, Instruction, StageRef};

/// A step of a stage, counted as BuildKit counts them: RUN, COPY, ADD, WORKDIR.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Index of the instruction.
    pub instruction: usize,
    /// A digest of its cache key: equal for steps that a builder with one cache runs once.
    pub key: u64,
    /// Its text without layout; equal for steps that do the same in the same state.
    pub text: String,
    /// Whether it takes noticeable time: it installs, downloads or compiles.
    pub heavy: bool,
    /// Names and values of what is set where it runs: `ENV A`, `ARG B`, `WORKDIR`, `USER`, `SHELL`.
    pub state: Arc<BTreeMap<String, String>>,
}

/// More steps than this of a stage are not held against others'. No file that people write has as many, and a bound keeps
/// long chains of stages, of which each has all steps of those below it, from costing a square.
const MAX_STEPS: usize = 200;

/// More names than this are not kept of the state. Stages copy it, so that a bound keeps long chains from costing a square.
const MAX_NAMES: usize = 200;

/// The steps of a stage from its base image on, those of the stages below it in the same file included; at most 200.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// Index of the Dockerfile.
    pub dockerfile: usize,
    /// Index of the stage.
    pub stage: usize,
    /// Index of a build that reaches the stage.
    pub build: usize,
    /// The base image or context that it begins with.
    pub base: String,
    /// The steps in order.
    pub steps: Vec<Arc<Step>>,
}

/// Programs that take noticeable time.
const HEAVY: &[&str] = &[
    "apt",
    "apt-get",
    "aptitude",
    "apk",
    "yum",
    "dnf",
    "microdnf",
    "zypper",
    "pacman",
    "pip",
    "pip3",
    "pipx",
    "uv",
    "poetry",
    "pipenv",
    "conda",
    "mamba",
    "npm",
    "npx",
    "yarn",
    "pnpm",
    "bun",
    "bundle",
    "gem",
    "composer",
    "cargo",
    "rustup",
    "go",
    "mvn",
    "gradle",
    "gradlew",
    "dotnet",
    "nuget",
    "make",
    "cmake",
    "ninja",
    "curl",
    "wget",
    "git",
    "playwright",
];

impl Project {
    /// The chains of all stages that a build reaches and of all Dockerfiles' stages that none does, in order of the files.
    pub fn chains(&self) -> Vec<Chain> {
        let mut chains = Vec::new();
        for (at, dockerfile) in self.dockerfiles.iter().enumerate() {
            let builds: Vec<usize> =
                (0..self.builds.len()).filter(|build| self.builds[*build].dockerfile == Some(at)).collect();
            let Some(first) = builds.first() else { continue };
            let mut made: Vec<Option<Made>> = Vec::new();
            for stage in 0..dockerfile.tree.stages.len() {
                let own = builds.iter().find(|build| self.asks_for(&self.builds[**build], dockerfile, stage));
                let build = *own.unwrap_or(first);
                made.push(make(dockerfile, stage, &self.builds[build], &made));
                if let Some(made) = &made[stage] {
                    let steps = made.steps.clone();
                    chains.push(Chain { dockerfile: at, stage, build, base: made.base.clone(), steps });
                }
            }
        }
        chains
    }

    fn asks_for(&self, build: &Build, dockerfile: &Dockerfile, stage: usize) -> bool {
        let target = match &build.target {
            None => None,
            Some(value) => match value.eval.known() {
                Some(name) => Some(name.as_str()),
                None => return false,
            },
        };
        dockerfile.target_stage(target) == Some(stage)
    }
}

/// A stage's steps with the state behind them.
#[derive(Clone)]
struct Made {
    base: String,
    steps: Vec<Arc<Step>>,
    state: Arc<BTreeMap<String, String>>,
    /// The sum of the digests of all names with their values, so that setting one does not need a look at all others.
    sum: u64,
    /// A digest of what was set when the state had become too large.
    rest: u64,
    key: u64,
}

fn digest(parts: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    parts.hash(&mut hasher);
    hasher.finish()
}

/// The steps of a stage; `None` when its base is not known. `before` has the stages above it.
fn make(dockerfile: &Dockerfile, stage: usize, build: &Build, before: &[Option<Made>]) -> Option<Made> {
    let mut made = match dockerfile.base(stage, Some(build)) {
        Base::Stage(base) => before.get(base)?.clone()?,
        Base::Image(image) if image.as_known().is_none() => return None,
        Base::Image(image) => begin(image.to_string(), build),
        Base::Context(name) => begin(format!("context {name} of {:?}", build.named_context(&name)?.context), build),
        Base::Scratch => begin("scratch".to_owned(), build),
    };
    for (at, instruction) in dockerfile.stage_instructions(stage) {
        step(&mut made, dockerfile, at, instruction, build, before);
    }
    Some(made)
}

fn begin(base: String, build: &Build) -> Made {
    let platforms: Vec<String> = build.platforms.iter().map(|value| format!("{:?}", value.eval)).collect();
    let key = digest((&base, platforms));
    Made { base, steps: Vec::new(), state: Arc::default(), sum: 0, rest: 0, key }
}

fn step(
    made: &mut Made,
    dockerfile: &Dockerfile,
    at: usize,
    instruction: &Instruction,
    build: &Build,
    before: &[Option<Made>],
) {
    match &instruction.body {
        Body::Env(pairs) => {
            for pair in &pairs.pairs {
                set(made, format!("ENV {}", &*pair.key), pair.value.to_string());
            }
        }
        Body::Arg(pairs) => {
            for pair in pairs {
                let passed = build.arg(&pair.name).map(|arg| arg.value.to_string());
                let value = passed.or_else(|| pair.value.as_ref().map(ToString::to_string)).unwrap_or_default();
                set(made, format!("ARG {}", &*pair.name), value);
            }
        }
        Body::User(user) => {
            set(made, "USER".into(), user.to_string());
        }
        Body::Shell(words) => {
            set(made, "SHELL".into(), words.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "));
        }
        Body::Workdir(path) => {
            set(made, "WORKDIR".into(), path.trim_end_matches('/').to_owned());
            push(made, at, format!("WORKDIR {}", &**path), false, None);
        }
        Body::Run(_) => {
            let heavy = is_heavy(dockerfile, at);
            let state = digest((made.sum, made.rest));
            push(made, at, normal(instruction), heavy, Some(state));
        }
        Body::Copy(copy) | Body::Add(copy) => {
            let source = match copy.from.as_deref().map(|from| (from, dockerfile.tree.copy_from(from))) {
                Some((_, StageRef::Stage(stage))) => {
                    let other = before.get(stage).and_then(Option::as_ref);
                    format!("stage {}", other.map_or_else(|| digest(instruction.span), |made| made.key))
                }
                Some((from, _)) => format!("from {from} {:?}", build.named_context(from).map(|named| &named.context)),
                None => match &build.context {
                    Context::Dynamic => format!("unknown context of {}", build.name),
                    context => format!("context {context:?}"),
                },
            };
            push(made, at, format!("{} of {source}", normal(instruction)), false, None);
        }
        _ => {}
    }
}

/// Sets a name for what follows.
fn set(made: &mut Made, name: String, value: String) {
    if let Some(before) = made.state.get(&name) {
        made.sum = made.sum.wrapping_sub(digest((&name, before)));
    } else if made.state.len() >= MAX_NAMES {
        made.rest = digest((made.rest, name, value));
        return;
    }
    made.sum = made.sum.wrapping_add(digest((&name, &value)));
    Arc::make_mut(&mut made.state).insert(name, value);
}

/// Whether what a RUN does takes noticeable time; so it may if what it does is not known.
pub(super) fn is_heavy(dockerfile: &Dockerfile, instruction: usize) -> bool {
    dockerfile.script(instruction).is_none_or(|script| {
        let commands = script.commands();
        commands.iter().filter_map(|command| command.simple.name()).any(|name| HEAVY.contains(&name))
    })
}

fn push(made: &mut Made, instruction: usize, text: String, heavy: bool, state: Option<u64>) {
    let exact = digest((made.key, &text, state));
    made.key = exact;
    if made.steps.len() < MAX_STEPS {
        made.steps.push(Arc::new(Step { instruction, key: exact, text, heavy, state: made.state.clone() }));
    }
}

/// An instruction's text without its layout.
fn normal(instruction: &Instruction) -> String {
    let words: Vec<&str> = instruction.text.split_whitespace().collect();
    let mut text = words.join(" ");
    for heredoc in &instruction.heredocs {
        text.push('\n');
        text.push_str(&heredoc.body);
    }
    text
}

/// Whether two instructions are the same but for their layout.
pub fn same_text(one: &Instruction, two: &Instruction) -> bool {
    one.keyword == two.keyword && normal(one) == normal(two)
}

/// Stages that begin with the same steps, as far as a builder shares them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedPrefix {
    /// The chain that the others could begin with, by index.
    pub original: usize,
    /// The chains that repeat it, by index, in order.
    pub copies: Vec<usize>,
    /// Number of steps that are shared.
    pub steps: usize,
    /// Number of those at the beginning that are not repeated, because they are the same instructions: the stages stand on
    /// one stage.
    pub common: usize,
}

/// The longest prefixes that two or more stages repeat word for word. A stage that is built on another one repeats nothing of
/// it. Each group is as long as all of its chains agree; a chain is a copy in one group only.
pub fn shared_prefixes(chains: &[Chain]) -> Vec<SharedPrefix> {
    // By the key of its last step a prefix is known; who has it under instructions of its own?
    let mut by_key: HashMap<u64, BTreeMap<(usize, usize), usize>> = HashMap::new();
    for (at, chain) in chains.iter().enumerate() {
        for step in &chain.steps {
            by_key.entry(step.key).or_default().entry((chain.dockerfile, step.instruction)).or_insert(at);
        }
    }
    let mut taken: BTreeSet<usize> = BTreeSet::new();
    let mut found = Vec::new();
    let ends = |chain: &Chain| {
        let first = chain.steps.iter().position(|step| step.heavy);
        first.map_or(1..1, |first| first + 1..chain.steps.len() + 1)
    };
    let mut order: Vec<(usize, usize)> =
        chains.iter().enumerate().flat_map(|(at, chain)| ends(chain).map(move |steps| (steps, at))).collect();
    order.sort_by_key(|(steps, at)| (std::cmp::Reverse(*steps), *at));
    for (steps, at) in order {
        if taken.contains(&at) {
            continue;
        }
        let holders = by_key.get(&chains[at].steps[steps - 1].key).into_iter().flat_map(BTreeMap::values);
        let group: BTreeSet<usize> = holders.copied().collect();
        // The original may already be a copy, or the original of a longer group.
        let original = group.iter().find(|other| taken.contains(other)).or(group.first()).copied().unwrap_or(at);
        let copies: Vec<usize> =
            group.iter().copied().filter(|other| *other != original && !taken.contains(other)).collect();
        if !copies.is_empty() {
            let (a, b) = (&chains[original], &chains[copies[0]]);
            let same =
                |(x, y): &(&Arc<Step>, &Arc<Step>)| a.dockerfile == b.dockerfile && x.instruction == y.instruction;
            let common = a.steps.iter().zip(&b.steps).take_while(same).count();
            if a.steps[common.min(steps)..steps].iter().any(|step| step.heavy) {
                taken.extend(&group);
                found.push(SharedPrefix { original, copies, steps, common });
            }
        }
    }
    found.sort_by_key(|group| (group.original, group.copies.clone()));
    found
}

/// Two stages that do the same at their beginning, but in another state, so that a builder does it twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SplitPrefix {
    /// The chain that another one could share with.
    pub first: usize,
    /// The other chain.
    pub second: usize,
    /// Number of steps that are shared.
    pub shared: usize,
    /// Number of steps with equal text.
    pub equal: usize,
    /// What is set differently where the first step that is not shared runs: name, value there, value here.
    pub differences: Vec<(String, Option<String>, Option<String>)>,
}

/// Pairs of stages with equal steps that are not shared because of an early difference in ENV or ARG. Each stage is paired
/// with the one that it could share the most with. A difference that the steps may read is none: one that they name, one that
/// the programs they run are known to heed, and any in WORKDIR, USER or SHELL.
pub fn split_prefixes(chains: &[Chain]) -> Vec<SplitPrefix> {
    let mut by_start: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
    for (at, chain) in chains.iter().enumerate() {
        if let Some(first) = chain.steps.first() {
            by_start.entry((&chain.base, &first.text)).or_default().push(at);
        }
    }
    let mut found: Vec<SplitPrefix> = Vec::new();
    for group in by_start.values() {
        for (nth, second) in group.iter().enumerate().skip(1) {
            // Groups are small in any real repository; a bound keeps a generated one from costing a square.
            let candidates = group[..nth].iter().rev().take(64);
            let splits = candidates.filter_map(|first| split(chains, *first, *second));
            // A stage that shares everything with some other one loses nothing.
            let best = splits.max_by_key(|split| (split.equal, split.shared, std::cmp::Reverse(split.first)));
            found.extend(best.filter(|best| best.shared < best.equal));
        }
    }
    found.sort_by_key(|split| (split.first, split.second));
    found
}

fn split(chains: &[Chain], first: usize, second: usize) -> Option<SplitPrefix> {
    let (a, b) = (&chains[first], &chains[second]);
    let pairs = || a.steps.iter().zip(&b.steps);
    let equal = pairs().take_while(|(a, b)| Arc::ptr_eq(a, b) || a.text == b.text).count();
    let shared = pairs().take_while(|(a, b)| a.key == b.key).count();
    let lost = pairs().take(equal).skip(shared);
    let same_instruction =
        |(x, y): (&Arc<Step>, &Arc<Step>)| a.dockerfile == b.dockerfile && x.instruction == y.instruction;
    if equal == shared {
        return (equal > 0).then_some(SplitPrefix { first, second, shared, equal, differences: Vec::new() });
    }
    if lost.clone().any(same_instruction) || !lost.clone().any(|(a, _)| a.heavy) {
        return None;
    }
    let (x, y) = lost.clone().next()?;
    let names: BTreeSet<&String> = x.state.keys().chain(y.state.keys()).collect();
    let differences = names.into_iter().filter(|name| x.state.get(*name) != y.state.get(*name));
    let differences: Vec<_> =
        differences.map(|name| (name.clone(), x.state.get(name).cloned(), y.state.get(name).cloned())).collect();
    let reads = |name: &str| match name.split_once(' ') {
        Some((_, variable)) => is_heeded(variable) || lost.clone().any(|(step, _)| step.text.contains(variable)),
        None => true,
    };
    let needless = !differences.is_empty() && !differences.iter().any(|(name, _, _)| reads(name));
    needless.then_some(SplitPrefix { first, second, shared, equal, differences })
}

/// Whether programs that install, download or compile are known to read a variable of that name without being told to.
fn is_heeded(name: &str) -> bool {
    const NAMES: &[&str] = &[
        "PATH",
        "HOME",
        "SHELL",
        "LANG",
        "LANGUAGE",
        "TZ",
        "TERM",
        "CI",
        "DEBUG",
        "NODE_ENV",
        "APP_ENV",
        "RAILS_ENV",
        "RACK_ENV",
        "CC",
        "CXX",
        "LD",
        "AR",
        "MAKEFLAGS",
        "DEBIAN_FRONTEND",
        "VIRTUAL_ENV",
        "CPATH",
        "SOURCE_DATE_EPOCH",
    ];
    const PREFIXES: &[&str] = &[
        "LC_",
        "PIP_",
        "UV_",
        "POETRY_",
        "PYTHON",
        "NPM_",
        "npm_",
        "YARN_",
        "PNPM_",
        "COREPACK_",
        "NODE_",
        "GO",
        "CGO_",
        "CARGO_",
        "RUST",
        "COMPOSER_",
        "BUNDLE_",
        "GEM_",
        "JAVA_",
        "MAVEN_",
        "GRADLE_",
        "DOTNET_",
        "NUGET_",
        "CONDA_",
        "CMAKE_",
        "LD_",
        "PKG_",
        "APT_",
        "DEB_",
        "GIT_",
        "CURL_",
        "SSL_",
        "PUPPETEER_",
        "PLAYWRIGHT_",
        "CYPRESS_",
        "ELECTRON_",
        "HF_",
        "TORCH_",
        "CUDA_",
        "TARGET",
        "BUILD",
        "XDG_",
        "XX_",
    ];
    const SUFFIXES: &[&str] =
        &["FLAGS", "_proxy", "_PROXY", "_HOME", "_CACHE_DIR", "_MIRROR", "_INDEX_URL", "_REGISTRY"];
    NAMES.contains(&name)
        || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || SUFFIXES.iter().any(|suffix| name.ends_with(suffix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::settings::Settings;
    use crate::snapshot::Snapshot;

    fn chains(files: &[(&str, &str)]) -> Vec<Chain> {
        Project::new(Snapshot::from_texts(files.iter().copied()), Settings::default()).chains()
    }

    #[test]
    fn equal_steps_of_two_files_are_shared_up_to_the_first_difference() {
        let chains = chains(&[
            ("a.Dockerfile", "FROM debian:12\nENV A=1\nRUN apt-get install  curl\nRUN echo a\n"),
            ("b.Dockerfile", "FROM debian:12\nENV A=1\nRUN apt-get \\\n install curl\nRUN echo b\n"),
        ]);
        assert_eq!(shared_prefixes(&chains), [SharedPrefix { original: 0, copies: vec![1], steps: 1, common: 0 }]);
    }

    #[test]
    fn stages_on_one_stage_repeat_nothing() {
        let chains = chains(&[(
            "Dockerfile",
            "FROM debian:12 AS base\nRUN apt-get install curl\nFROM base AS a\nFROM base AS b\n",
        )]);
        assert_eq!(chains.len(), 3);
        assert_eq!(shared_prefixes(&chains), []);
        assert_eq!(split_prefixes(&chains), []);
    }

    #[test]
    fn a_long_chain_of_stages_is_cut_off() {
        let stages = (1..2000).map(|at| format!("FROM s{} AS s{at}\nENV A{at}=1\nRUN apt-get install x{at}\n", at - 1));
        let file = "FROM debian:12 AS s0\n".to_owned() + &stages.collect::<String>();
        let chains = chains(&[("Dockerfile", &file)]);
        assert!(chains.iter().all(|chain| chain.steps.len() <= MAX_STEPS));
        assert_eq!((shared_prefixes(&chains), split_prefixes(&chains)), (Vec::new(), Vec::new()));
    }

    #[test]
    fn an_early_difference_splits_what_could_be_shared() {
        let chains = chains(&[
            ("a.Dockerfile", "FROM debian:12\nENV A=1\nRUN apt-get install curl\n"),
            ("b.Dockerfile", "FROM debian:12\nENV A=1 B=2\nRUN apt-get install curl\n"),
        ]);
        let split = &split_prefixes(&chains)[0];
        assert_eq!((split.shared, split.equal), (0, 1));
        assert_eq!(split.differences, [("ENV B".to_owned(), None, Some("2".to_owned()))]);
    }
}
