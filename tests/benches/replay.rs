//! What a replay costs: `cargo bench -p bakelint-tests --bench replay`.
//!
//! The cost must grow with commits times changed files, and hardly with the size of the repository. Each line doubles or
//! quadruples one of them; the ratio to the line before is what counts, so the speed of the machine does not matter.

use bakelint_core::replay::content::{Content, ObjectSource, Overlay};
use bakelint_core::replay::definitions::Request;
use bakelint_core::replay::durations::Durations;
use bakelint_core::replay::history::{Commit, HistoryError};
use bakelint_core::replay::simulate::{Options, Simulator};
use bakelint_core::replay::store::{Mode, StoreKind};
use bakelint_core::replay::tree::{Entry, Kind, ObjectFormat, Oid, Tree};
use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

const DOCKERFILE: &str = "FROM node:22 AS base\nWORKDIR /app\nCOPY package.json ./\nRUN npm ci\n\
    FROM base AS build\nCOPY src ./src\nRUN npm run build\nCOPY --exclude=*.md docs ./docs\nRUN npm run docs\n\
    FROM nginx AS web\nCOPY --from=build /app/dist /usr/share/nginx/html\nCOPY nginx*.conf /etc/nginx/\n";

const BAKE: &str = "target \"web\" {\n  target = \"web\"\n}\ntarget \"test\" {\n  target = \"build\"\n}\n\
    group \"default\" {\n  targets = [\"web\", \"test\"]\n}\n";

/// How many files a folder of the repository has.
const FOLDER: usize = 20;

/// A repository in memory, its trees as git stores them.
#[derive(Default, Clone)]
struct Memory {
    trees: HashMap<Oid, Tree>,
    blobs: HashMap<Oid, Vec<u8>>,
}

impl ObjectSource for Memory {
    fn format(&self) -> ObjectFormat {
        ObjectFormat::Sha1
    }

    fn tree(&mut self, oid: Oid) -> Result<Tree, HistoryError> {
        self.trees.get(&oid).cloned().ok_or(HistoryError::NoCommits)
    }

    fn blob(&mut self, oid: Oid) -> Result<Vec<u8>, HistoryError> {
        Ok(self.blobs.get(&oid).cloned().unwrap_or_default())
    }
}

impl Memory {
    fn put(&mut self, tree: Tree) -> Oid {
        let oid = tree.id(ObjectFormat::Sha1);
        self.trees.insert(oid, tree);
        oid
    }

    /// The tree of these files.
    fn folder(&mut self, files: Vec<(Vec<String>, &str)>) -> Oid {
        let mut entries = Vec::new();
        let mut below: BTreeMap<String, Vec<(Vec<String>, &str)>> = BTreeMap::new();
        for (mut path, text) in files {
            let name = path.remove(0);
            if path.is_empty() {
                entries.push(self.file(&name, text));
            } else {
                below.entry(name).or_default().push((path, text));
            }
        }
        entries.extend(below.into_iter().map(|(name, files)| Entry::directory(name.as_bytes(), self.folder(files))));
        self.put(Tree::new(entries))
    }

    fn file(&mut self, name: &str, text: &str) -> Entry {
        let oid = ObjectFormat::Sha1.id("blob", text.as_bytes());
        self.blobs.insert(oid, text.into());
        Entry { name: name.as_bytes().into(), mode: 0o100_644, oid }
    }

    /// The tree with one file written, with all that is on the way to it.
    fn write(&mut self, root: Oid, path: &[&str], text: &str) -> Oid {
        let Some((name, rest)) = path.split_first() else { return root };
        let tree = self.trees.get(&root).cloned().unwrap_or_default();
        let entry = if rest.is_empty() {
            self.file(name, text)
        } else {
            let below =
                tree.get(name.as_bytes()).filter(|entry| entry.kind() == Kind::Directory).map(|entry| entry.oid);
            let below = below.unwrap_or_else(|| self.put(Tree::default()));
            Entry::directory(name.as_bytes(), self.write(below, rest, text))
        };
        let others = tree.entries().iter().filter(|other| *other.name != *name.as_bytes()).cloned();
        self.put(Tree::new(others.chain([entry]).collect()))
    }
}

/// A file of the repository by its number: `src/17/4/3.ts`, a quarter of them below `docs`.
fn path(number: usize) -> [String; 4] {
    let top = if number % 4 == 3 { "docs" } else { "src" };
    let folder = number / FOLDER;
    [top.to_owned(), (folder / FOLDER).to_string(), (folder % FOLDER).to_string(), format!("{}.ts", number % FOLDER)]
}

/// A history of `commits`, each of which changes so many of the repository's files.
fn history(files: usize, commits: usize, changed: usize) -> (Memory, Vec<Commit>) {
    let mut memory = Memory::default();
    let fixed = [
        ("Dockerfile", DOCKERFILE),
        ("docker-bake.hcl", BAKE),
        (".dockerignore", ".git\n*.log\n"),
        ("nginx.conf", "a"),
        ("package.json", "{}"),
    ];
    let sources = (0..files).map(|number| (path(number).to_vec(), "0"));
    let all = fixed.into_iter().map(|(name, text)| (vec![name.to_owned()], text)).chain(sources);
    let mut root = memory.folder(all.collect());
    let mut next = 0;
    let history = (0..commits).map(|number| {
        for _ in 0..changed {
            // A step that meets all files, one after the other, in no order.
            next = (next + 7919) % files;
            root = memory.write(root, &path(next).each_ref().map(String::as_str), &format!("{number}"));
        }
        let id = ObjectFormat::Sha1.id("commit", number.to_string().as_bytes());
        Commit { id, tree: root, time: number as i64, subject: String::new(), branch: None }
    });
    let history = history.collect();
    (memory, history)
}

/// The time of a replay, the shortest of three.
fn replay(memory: &Memory, commits: &[Commit]) -> Duration {
    let run = || {
        let options = Options {
            request: Request::default(),
            store: StoreKind::RefLast(Mode::Max),
            together: false,
            calls: Vec::new(),
            fixed_definitions: false,
            prefix: String::new(),
            git_directory: true,
            overlay: Overlay::new(),
            branch: "main".into(),
        };
        let (mut content, mut simulator) =
            (Content::new(memory.clone()), Simulator::new(options, Durations::default()));
        let start = Instant::now();
        for commit in commits {
            content.trim();
            simulator.commit(&mut content, commit).expect("all objects are in memory");
        }
        let took = start.elapsed();
        let replay = simulator.finish();
        assert!(replay.failures.is_empty() && replay.executed_after_first() > 0, "{:?}", replay.failures);
        took
    };
    (0..3).map(|_| run()).min().unwrap_or_default()
}

fn main() {
    println!(
        "{:>8} {:>8} {:>8} {:>10} {:>8} {:>16}",
        "files", "commits", "changed", "time", "ratio", "per changed file"
    );
    let series = [
        ("twice the commits, twice the time", [(5_000, 250, 8), (5_000, 500, 8), (5_000, 1_000, 8), (5_000, 2_000, 8)]),
        ("twice the changed files", [(5_000, 500, 8), (5_000, 500, 16), (5_000, 500, 32), (5_000, 500, 64)]),
        ("four times the repository", [(2_500, 500, 16), (10_000, 500, 16), (40_000, 500, 16), (160_000, 500, 16)]),
    ];
    for (title, cases) in series {
        println!("{title}");
        let mut before: Option<Duration> = None;
        for (files, commits, changed) in cases {
            let (memory, history) = history(files, commits, changed);
            let took = replay(&memory, &history);
            let ratio = before.map_or("".into(), |before| format!("{:.2}", took.as_secs_f64() / before.as_secs_f64()));
            let each = took.as_secs_f64() * 1e6 / (commits * changed) as f64;
            println!(
                "{files:>8} {commits:>8} {changed:>8} {:>7.0} ms {ratio:>8} {each:>13.1} µs",
                took.as_secs_f64() * 1e3
            );
            before = Some(took);
        }
    }
}
