//! Files of commands: Makefiles, justfiles, `package.json`, shell scripts, and the commands that run them.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::model::build::ScriptCall;
use crate::model::command_line::Placed;
use crate::model::paths;
use crate::model::value::Text;
use crate::snapshot::{Snapshot, TASKFILES};
use crate::source::{FileId, Source, Span, Spanned};
use crate::syntax::json;
use crate::syntax::justfile::{self, Justfile};
use crate::syntax::makefile::{self, Makefile, Variables};
use crate::syntax::mapped::MappedText;
use crate::syntax::shell::{self, Simple};
use crate::syntax::taskfile::{self, Taskfile};

/// A command that runs scripts of the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Start {
    /// `make -C folder -f file NAME=value target…`
    Make { folder: Option<Text>, file: Option<Text>, variables: Vec<(String, Text)>, targets: Vec<Text> },
    /// `just -f file recipe argument…`
    Just { file: Option<Text>, words: Vec<Text> },
    /// `task -d folder -t file task… NAME=value`
    Task { folder: Option<Text>, file: Option<Text>, variables: Vec<(String, Text)>, tasks: Vec<Text> },
    /// `npm run script`
    Package { folder: Option<Text>, script: Text },
    /// `bash file argument…`, `./file argument…`
    Shell { file: Text, arguments: Vec<Text> },
}

/// Reads a command that runs scripts; `words` are the texts of all its words. `None` for any other.
pub(super) fn read(command: &Simple, words: &[Placed]) -> Option<Start> {
    let program = words.get(command.command)?.0.clone();
    let arguments = words.get(command.command + 1..)?.iter().map(|(text, _)| text);
    let arguments: Vec<&Text> = match command.name() {
        // What stands behind `--` is for the tasks themselves.
        Some("task" | "go-task") => arguments.take_while(|text| text.as_known() != Some("--")).collect(),
        _ => arguments.collect(),
    };
    let plain = |at: usize| arguments.get(at).and_then(|text| text.as_known());
    let operands = |from: usize, valued: &[&str]| {
        let mut found = Vec::new();
        let mut at = from;
        while let Some(text) = arguments.get(at) {
            match text.as_known() {
                Some(flag) if valued.contains(&flag) => at += 1,
                Some(flag) if flag.starts_with('-') => {}
                _ => found.push((*text).clone()),
            }
            at += 1;
        }
        found
    };
    let value = |names: &[&str]| {
        arguments.iter().enumerate().find_map(|(at, text)| {
            let own = text.as_known()?;
            if names.contains(&own) {
                return arguments.get(at + 1).map(|text| (*text).clone());
            }
            let attached = names.iter().find_map(|name| own.strip_prefix(name)?.strip_prefix('='));
            let short = names.iter().find_map(|name| own.strip_prefix(name).filter(|_| name.len() == 2));
            attached.or(short).filter(|rest| !rest.is_empty()).map(Text::known)
        })
    };
    match command.name() {
        Some("make" | "gmake") => {
            let words = operands(0, &["-C", "--directory", "-f", "--file", "--makefile", "-I", "-o", "-W", "-j", "-l"]);
            // The number behind `-j` may be left out.
            let words =
                words.into_iter().filter(|word| word.as_known().is_none_or(|word| word.parse::<u32>().is_err()));
            let (variables, targets) = parted(words);
            Some(Start::Make {
                folder: value(&["-C", "--directory"]),
                file: value(&["-f", "--file", "--makefile"]),
                variables,
                targets,
            })
        }
        Some("just") => {
            let valued = ["-f", "--justfile", "-d", "--working-directory", "--dotenv-path", "--set", "--shell"];
            Some(Start::Just { file: value(&["-f", "--justfile"]), words: operands(0, &valued) })
        }
        Some("task" | "go-task") => {
            let valued =
                ["-d", "--dir", "-t", "--taskfile", "-C", "--concurrency", "-o", "--output", "-I", "--interval"];
            let (variables, tasks) = parted(operands(0, &valued).into_iter());
            Some(Start::Task { folder: value(&["-d", "--dir"]), file: value(&["-t", "--taskfile"]), variables, tasks })
        }
        Some("npm" | "pnpm" | "yarn" | "bun") => {
            let valued = ["--prefix", "-C", "--dir", "--cwd", "-w", "--workspace", "--filter", "-F"];
            // A package of a workspace has its own scripts.
            if value(&["-w", "--workspace", "--filter", "-F"]).is_some() {
                return None;
            }
            let folder = value(&["--prefix", "-C", "--dir", "--cwd"]);
            let words = operands(0, &valued);
            let verb = words.first()?.as_known()?;
            let script = match (command.name(), verb) {
                (_, "run" | "run-script") => words.get(1)?.clone(),
                (Some("yarn" | "pnpm" | "bun"), _) | (_, "test" | "start" | "stop") => words.first()?.clone(),
                _ => return None,
            };
            Some(Start::Package { folder, script })
        }
        Some("sh" | "bash" | "dash" | "zsh" | "ksh") => {
            if arguments.iter().any(|text| text.as_known() == Some("-c")) {
                return None;
            }
            let at = (0..arguments.len()).find(|at| plain(*at).is_none_or(|word| !word.starts_with(['-', '+'])))?;
            Some(Start::Shell { file: arguments[at].clone(), arguments: rest(&arguments, at + 1) })
        }
        Some("source" | ".") => {
            Some(Start::Shell { file: (*arguments.first()?).clone(), arguments: rest(&arguments, 1) })
        }
        _ => {
            // A program that is named by a path, of which only the beginning may be unknown.
            let text = program.to_string();
            let (_, name) = text.rsplit_once('/')?;
            may_be_shell(name).then(|| Start::Shell { file: program.clone(), arguments: rest(&arguments, 0) })
        }
    }
}

fn rest(arguments: &[&Text], from: usize) -> Vec<Text> {
    arguments.get(from..).unwrap_or_default().iter().map(|text| (*text).clone()).collect()
}

/// The variables that words set, and the other words.
fn parted(words: impl Iterator<Item = Text>) -> (Vec<(String, Text)>, Vec<Text>) {
    let (variables, others): (Vec<Text>, Vec<Text>) = words.partition(|word| word.prefix().contains('='));
    let split = |text: Text| text.split_once('=').and_then(|(name, value)| Some((name.as_known()?.to_owned(), value)));
    (variables.into_iter().filter_map(split).collect(), others)
}

/// Whether a file of that name may be a shell script: by its ending, or without one.
fn may_be_shell(name: &str) -> bool {
    name.ends_with(".sh") || name.ends_with(".bash") || !name.contains('.')
}

/// Whether the first line says that a shell reads the text. Without such a line the name has to.
fn is_shell(source: &Source) -> bool {
    match source.text().lines().next().and_then(|line| line.strip_prefix("#!")) {
        Some(line) => {
            line.split([' ', '/', '\t']).any(|word| matches!(word, "sh" | "bash" | "dash" | "ash" | "ksh" | "zsh"))
        }
        None => source.path.ends_with(".sh") || source.path.ends_with(".bash"),
    }
}

/// Lines that a script runs, each in a shell of its own.
#[derive(Debug, Clone)]
pub(super) struct Unit {
    /// What it is called.
    pub script: ScriptCall,
    /// The folder it runs in.
    pub folder: Option<String>,
    /// What is run.
    pub lines: Vec<MappedText>,
    /// Whether `${{ … }}` in the lines stands for what is not known.
    pub templates: bool,
    /// Values that its variables have besides those of the environment.
    pub variables: BTreeMap<String, Text>,
}

/// The scripts of a `package.json` by name.
type Package = Vec<(Spanned<String>, MappedText)>;

/// The scripts of the repository, read on demand.
pub(super) struct Scripts<'p> {
    snapshot: &'p Snapshot,
    makefiles: RefCell<BTreeMap<FileId, Rc<Makefile>>>,
    justfiles: RefCell<BTreeMap<FileId, Rc<Justfile>>>,
    taskfiles: RefCell<BTreeMap<FileId, Rc<Taskfile>>>,
    packages: RefCell<BTreeMap<FileId, Rc<Package>>>,
    /// Paths of scripts that were not read.
    missing: RefCell<BTreeSet<String>>,
    /// Units that ran, by file and name.
    visited: RefCell<BTreeSet<(FileId, String)>>,
}

/// Where and how tasks of a Taskfile run.
#[derive(Clone, Copy)]
struct TaskPlace<'a> {
    file: FileId,
    /// The folder that the Taskfile's tasks run in.
    folder: &'a str,
    /// What stands before their names.
    prefix: &'a str,
    /// The variables of the command line, which stand over those of all Taskfiles.
    given: &'a taskfile::Variables,
    /// Whether what a task needs runs before it.
    dependencies: bool,
}

/// How many files may include each other, and how many targets need each other.
const MAX_DEPTH: u32 = 16;

/// More targets than this are not made by one command.
const MAX_TARGETS: usize = 1000;

/// What is to be done for a target of a Makefile.
enum Step {
    /// Make what it needs, then it.
    Visit(String),
    /// Run a recipe.
    Run(Box<Unit>),
}

impl<'p> Scripts<'p> {
    pub fn new(snapshot: &'p Snapshot) -> Self {
        Scripts {
            snapshot,
            makefiles: RefCell::default(),
            justfiles: RefCell::default(),
            taskfiles: RefCell::default(),
            packages: RefCell::default(),
            missing: RefCell::default(),
            visited: RefCell::default(),
        }
    }

    /// What a place is in its file.
    pub fn slice(&self, span: Span) -> &'p str {
        self.snapshot.get(span.file).map(|source| source.slice(span)).unwrap_or_default()
    }

    /// A file.
    pub fn source(&self, file: FileId) -> Option<&'p Source> {
        self.snapshot.get(file).map(AsRef::as_ref)
    }

    /// Whether a file of that path is there.
    pub fn has_path(&self, path: &str) -> bool {
        self.snapshot.has_path(path)
    }

    fn visit(&self, file: FileId, name: &str) {
        self.visited.borrow_mut().insert((file, name.to_owned()));
    }

    /// The first of the names that is a file in the folder.
    fn find(&self, folder: &str, names: &[&str]) -> Option<FileId> {
        names.iter().find_map(|name| self.snapshot.find(&paths::join(folder, name)?))
    }

    fn makefile(&self, file: FileId) -> Option<Rc<Makefile>> {
        if let Some(known) = self.makefiles.borrow().get(&file) {
            return Some(Rc::clone(known));
        }
        let parsed = Rc::new(makefile::parse(file, self.snapshot.get(file)?.text()));
        self.makefiles.borrow_mut().insert(file, Rc::clone(&parsed));
        Some(parsed)
    }

    /// A Makefile with those that it includes, in the order in which they are read.
    fn makefiles(&self, file: FileId, folder: &str) -> Vec<Rc<Makefile>> {
        let mut found = Vec::new();
        let mut seen = BTreeSet::new();
        let mut open = vec![file];
        while let Some(file) = open.pop() {
            if !seen.insert(file) {
                continue;
            }
            let Some(makefile) = self.makefile(file) else { continue };
            let included = makefile.includes.iter().filter_map(|path| self.snapshot.find(&paths::join(folder, path)?));
            open.extend(included);
            found.push(makefile);
        }
        found
    }

    fn justfile(&self, file: FileId) -> Option<Rc<Justfile>> {
        if let Some(known) = self.justfiles.borrow().get(&file) {
            return Some(Rc::clone(known));
        }
        let parsed = Rc::new(justfile::parse(file, self.snapshot.get(file)?.text()));
        self.justfiles.borrow_mut().insert(file, Rc::clone(&parsed));
        Some(parsed)
    }

    fn taskfile(&self, file: FileId) -> Option<Rc<Taskfile>> {
        if let Some(known) = self.taskfiles.borrow().get(&file) {
            return Some(Rc::clone(known));
        }
        let parsed = Rc::new(taskfile::parse(file, self.snapshot.get(file)?.text()));
        self.taskfiles.borrow_mut().insert(file, Rc::clone(&parsed));
        Some(parsed)
    }

    /// The paths of scripts that commands run, that are there and were not read.
    pub fn missing(&self) -> Vec<String> {
        self.missing.borrow().iter().cloned().collect()
    }

    /// The scripts of a `package.json`.
    fn package(&self, file: FileId) -> Option<Rc<Package>> {
        if let Some(known) = self.packages.borrow().get(&file) {
            return Some(Rc::clone(known));
        }
        let root = json::parse(file, self.snapshot.get(file)?.text()).ok();
        let scripts = root.as_ref().and_then(|root| root.get("scripts")).map(json::Node::members).unwrap_or_default();
        let scripts = scripts.iter().filter_map(|member| {
            let json::Value::String(text) = &member.value.value else { return None };
            Some((member.key.as_ref().map(|key| key.value.clone()), text.mapped(member.value.span)))
        });
        let scripts = Rc::new(scripts.collect::<Package>());
        self.packages.borrow_mut().insert(file, Rc::clone(&scripts));
        Some(scripts)
    }

    /// What a command runs, in order, and in which environment; nothing where that is not known.
    pub fn start(&self, start: &Start, folder: Option<&str>, environment: &BTreeMap<String, Text>) -> Vec<Unit> {
        let Some(folder) = folder else { return Vec::new() };
        match start {
            Start::Make { folder: into, file, variables, targets } => {
                let into = match into {
                    Some(into) => paths::enter(folder, into),
                    None => Some(folder.to_owned()),
                };
                let Some(folder) = into else { return Vec::new() };
                let file = match file {
                    Some(file) => paths::enter(&folder, file).and_then(|path| self.snapshot.find(&path)),
                    None => self.find(&folder, &["GNUmakefile", "makefile", "Makefile"]),
                };
                let Some(file) = file else { return Vec::new() };
                self.make(file, &folder, variables, targets, environment, false)
            }
            Start::Just { file, words } => {
                let (file, folder) = match file {
                    Some(file) => match paths::enter(folder, file) {
                        Some(path) => (self.snapshot.find(&path), paths::folder(&path).to_owned()),
                        None => return Vec::new(),
                    },
                    None => {
                        let mut folder = folder.to_owned();
                        loop {
                            let found = self.find(&folder, &["justfile", "Justfile", ".justfile"]);
                            if found.is_some() || folder.is_empty() {
                                break (found, folder);
                            }
                            folder = paths::folder(&folder).to_owned();
                        }
                    }
                };
                let Some(file) = file else { return Vec::new() };
                self.just(file, &folder, words, true)
            }
            Start::Task { folder: into, file, variables, tasks } => {
                let given: BTreeMap<String, Option<String>> =
                    variables.iter().map(|(name, text)| (name.clone(), text.as_known().map(str::to_owned))).collect();
                let into = match (into, file) {
                    (Some(into), _) => paths::enter(folder, into),
                    (None, Some(file)) => paths::enter(folder, file).map(|path| paths::folder(&path).to_owned()),
                    (None, None) => Some(folder.to_owned()),
                };
                let Some(mut folder) = into else { return Vec::new() };
                let found = match file {
                    Some(file) => paths::enter(&folder, file).and_then(|path| self.snapshot.find(&path)),
                    None => loop {
                        let found = self.find(&folder, TASKFILES);
                        if found.is_some() || folder.is_empty() {
                            break found;
                        }
                        folder = paths::folder(&folder).to_owned();
                    },
                };
                let Some(file) = found else { return Vec::new() };
                let mut units = Vec::new();
                let default = [Text::known("default")];
                let tasks = if tasks.is_empty() { default.as_slice() } else { tasks };
                for task in tasks.iter().filter_map(Text::as_known) {
                    let call = taskfile::Call { name: task.to_owned(), variables: BTreeMap::new() };
                    let place = TaskPlace { file, folder: &folder, prefix: "", given: &given, dependencies: true };
                    self.task(place, &call, 0, &mut units);
                }
                units
            }
            Start::Package { folder: into, script } => {
                let folder = match into {
                    Some(into) => paths::enter(folder, into),
                    None => Some(folder.to_owned()),
                };
                let (Some(folder), Some(script)) = (folder, script.as_known()) else { return Vec::new() };
                let Some(file) = self.find(&folder, &["package.json"]) else { return Vec::new() };
                let names = [format!("pre{script}"), script.to_owned(), format!("post{script}")];
                names.iter().filter_map(|name| self.package_script(file, &folder, name)).collect()
            }
            Start::Shell { file, arguments } => {
                let Some(path) = paths::enter(folder, file) else { return Vec::new() };
                let found = self.snapshot.find(&path);
                if found.is_none() && self.snapshot.has_path(&path) && may_be_shell(paths::name(&path)) {
                    self.missing.borrow_mut().insert(path);
                }
                let is_shell = |file: &FileId| self.snapshot.get(*file).is_some_and(|source| is_shell(source));
                let Some(unit) = found.filter(is_shell).and_then(|file| self.shell(file, Some(folder))) else {
                    return Vec::new();
                };
                let numbered = arguments.iter().enumerate();
                let variables = numbered.map(|(at, text)| ((at + 1).to_string(), text.clone()));
                vec![Unit { variables: unit.variables.into_iter().chain(variables).collect(), ..unit }]
            }
        }
    }

    fn package_script(&self, file: FileId, folder: &str, name: &str) -> Option<Unit> {
        let scripts = self.package(file)?;
        let (key, text) = scripts.iter().rev().find(|(key, _)| key.node == name)?;
        Some(self.package_unit(file, folder, key, text))
    }

    fn package_unit(&self, file: FileId, folder: &str, key: &Spanned<String>, text: &MappedText) -> Unit {
        self.visit(file, &key.node);
        let script = ScriptCall { file, name: format!("npm run {}", key.node), span: key.span };
        let (folder, lines) = (Some(folder.to_owned()), vec![text.clone()]);
        Unit { script, folder, lines, templates: false, variables: BTreeMap::new() }
    }

    /// A shell script that runs in a folder.
    fn shell(&self, file: FileId, folder: Option<&str>) -> Option<Unit> {
        let source = self.snapshot.get(file)?;
        self.visit(file, "");
        let script = ScriptCall { file, name: source.path.clone(), span: Span::at(file, 0) };
        let text = MappedText::verbatim(file, 0, source.text());
        let mut own = Text::unknown("root");
        own.push(crate::model::value::TextPart::Known(format!("/{}", source.path)));
        let variables = ["0", "BASH_SOURCE"].map(|name| (name.to_owned(), own.clone()));
        let folder = folder.map(str::to_owned);
        Some(Unit { script, folder, lines: vec![text], templates: false, variables: BTreeMap::from(variables) })
    }

    /// The units of a task.
    fn task(&self, place: TaskPlace<'_>, call: &taskfile::Call, depth: u32, units: &mut Vec<Unit>) {
        let TaskPlace { file, folder, prefix, given, dependencies } = place;
        let Some(taskfile) = self.taskfile(file) else { return };
        if depth > MAX_DEPTH || units.len() > MAX_TARGETS {
            return;
        }
        let name = call.name.trim_start_matches(':');
        let Some(task) = taskfile.task(name) else {
            // A task of a Taskfile within this one.
            let Some((space, rest)) = name.split_once(':') else { return };
            let Some(include) = taskfile.includes.iter().find(|include| include.name == space) else { return };
            let own = paths::folder(self.snapshot.get(file).map(|source| source.path.as_str()).unwrap_or_default());
            let Some(path) = paths::join(own, &include.path) else { return };
            let Some(inner) = self.snapshot.find(&path).or_else(|| self.find(&path, TASKFILES)) else { return };
            let into = include.folder.as_deref().map_or(Some(folder.to_owned()), |into| paths::join(folder, into));
            let call = taskfile::Call { name: rest.to_owned(), variables: call.variables.clone() };
            let prefix = format!("{prefix}{space}:");
            if let Some(into) = into {
                let place = TaskPlace { file: inner, folder: &into, prefix: &prefix, ..place };
                self.task(place, &call, depth + 1, units);
            }
            return;
        };
        if dependencies {
            for dependency in &task.dependencies {
                self.task(place, dependency, depth + 1, units);
            }
        }
        self.visit(file, &task.name.node);
        let known = |name: &str| {
            lookup(&[&task.variables, &call.variables, given, &taskfile.variables], name.trim_start_matches('.'), 0)
        };
        let folder = match &task.folder {
            None => Some(folder.to_owned()),
            Some(into) => filled(into, &known).and_then(|into| paths::join(folder, &into)),
        };
        let script = ScriptCall { file, name: format!("task {prefix}{}", task.name.node), span: task.name.span };
        let set = taskfile.environment.iter().chain(&task.environment);
        let variables: BTreeMap<String, Text> = set
            .map(|(name, value)| {
                let value = value.as_ref().and_then(|value| filled(value, &known));
                (name.clone(), value.map_or_else(|| Text::unknown(name), Text::known))
            })
            .collect();
        for line in &task.commands {
            match line {
                taskfile::Line::Task(call) => self.task(place, call, depth + 1, units),
                taskfile::Line::Shell(line, words) => {
                    let items: Vec<Option<&str>> = if words.is_empty() {
                        vec![None]
                    } else {
                        words.iter().map(|word| Some(word.as_str())).collect()
                    };
                    let fill = |item: &Option<&str>| {
                        justfile::expand(line, &|name| match item {
                            Some(item) if name == ".ITEM" => Some((*item).to_owned()),
                            _ => known(name),
                        })
                    };
                    units.push(Unit {
                        script: script.clone(),
                        folder: folder.clone(),
                        lines: items.iter().map(fill).collect(),
                        templates: true,
                        variables: variables.clone(),
                    });
                }
            }
        }
    }

    fn just(&self, file: FileId, folder: &str, words: &[Text], dependencies: bool) -> Vec<Unit> {
        let Some(justfile) = self.justfile(file) else { return Vec::new() };
        let first = justfile.recipes.first().map(|recipe| recipe.name.node.as_str());
        let Some(name) = words.first().map_or(first, |word| word.as_known()) else { return Vec::new() };
        let mut units = Vec::new();
        let mut seen = BTreeSet::new();
        self.recipe(
            &justfile,
            (file, folder),
            name,
            words.get(1..).unwrap_or_default(),
            dependencies,
            &mut seen,
            &mut units,
        );
        units
    }

    #[allow(clippy::too_many_arguments)]
    fn recipe(
        &self,
        justfile: &Justfile,
        place: (FileId, &str),
        name: &str,
        arguments: &[Text],
        dependencies: bool,
        seen: &mut BTreeSet<String>,
        units: &mut Vec<Unit>,
    ) {
        let Some(recipe) = justfile.recipe(name) else { return };
        let name = recipe.name.node.as_str();
        if !seen.insert(name.to_owned()) || seen.len() > MAX_DEPTH as usize {
            return;
        }
        if dependencies {
            for dependency in &recipe.dependencies {
                self.recipe(justfile, place, dependency, &[], true, seen, units);
            }
        }
        let (file, folder) = place;
        self.visit(file, name);
        let mut variables = BTreeMap::new();
        let mut known: BTreeMap<&str, Option<String>> = BTreeMap::new();
        for (at, (parameter, default)) in recipe.parameters.iter().enumerate() {
            let value = match arguments.get(at) {
                Some(text) => {
                    variables.insert(parameter.clone(), text.clone());
                    text.as_known().map(str::to_owned)
                }
                None => default.as_ref().and_then(|default| justfile.value(default)),
            };
            known.insert(parameter, value);
        }
        let look_up = |name: &str| known.get(name).cloned().unwrap_or_else(|| justfile.value(name));
        let lines = recipe.lines.iter().map(|line| justfile::expand(line, &look_up));
        let script = ScriptCall { file, name: format!("just {name}"), span: recipe.name.span };
        let folder = Some(folder.to_owned());
        units.push(Unit { script, folder, lines: lines.collect(), templates: true, variables });
    }

    /// The units of a Makefile's targets with those that they need; `by_hand` those of all targets that have not run, each alone.
    fn make(
        &self,
        file: FileId,
        folder: &str,
        given: &[(String, Text)],
        targets: &[Text],
        environment: &BTreeMap<String, Text>,
        by_hand: bool,
    ) -> Vec<Unit> {
        let files = self.makefiles(file, folder);
        let mut variables = Variables::new(files.iter().map(Rc::as_ref), &|name| environment.contains_key(name));
        variables.set("MAKE", Some("make".to_owned()));
        let mut own = BTreeMap::new();
        for (name, text) in given {
            variables.set(name, text.as_known().map(str::to_owned));
            own.insert(name.clone(), text.clone());
        }
        for (name, text) in environment {
            if !variables.is_set(name) {
                variables.set(name, text.as_known().map(str::to_owned));
            }
        }
        let mut rules: BTreeMap<String, Vec<(FileId, usize, usize)>> = BTreeMap::new();
        let mut patterns = Vec::new();
        let mut first = None;
        for (at, makefile) in files.iter().enumerate() {
            for (rule_at, rule) in makefile.rules.iter().enumerate() {
                for target in &rule.targets {
                    let name = match target.node.contains('$') {
                        true => variables.expand_text(&target.node),
                        false => target.node.clone(),
                    };
                    for name in name.split_whitespace() {
                        if first.is_none() && !name.starts_with('.') && !name.contains('%') {
                            first = Some(name.to_owned());
                        }
                        let place = (target.span.file, at, rule_at);
                        if name.contains('%') && name.len() > 1 {
                            patterns.push((name.to_owned(), place));
                        }
                        rules.entry(name.to_owned()).or_default().push(place);
                    }
                }
            }
        }
        let mut open: Vec<Step> = match targets {
            [] if by_hand => {
                let visited = self.visited.borrow();
                let all = rules.iter().rev().filter(|(name, places)| {
                    let has_run = places.iter().any(|(file, ..)| visited.contains(&(*file, (*name).clone())));
                    !name.contains('%') && !has_run
                });
                all.map(|(name, _)| Step::Visit(name.clone())).collect()
            }
            [] => first.into_iter().map(Step::Visit).collect(),
            targets => {
                let known = targets.iter().rev().filter_map(|target| target.as_known());
                known.map(|target| Step::Visit(target.to_owned())).collect()
            }
        };
        let mut seen = BTreeSet::new();
        let mut units = Vec::new();
        while let Some(step) = open.pop() {
            let name = match step {
                Step::Visit(name) => name,
                Step::Run(unit) => {
                    units.push(*unit);
                    continue;
                }
            };
            if !seen.insert(name.clone()) || seen.len() > MAX_TARGETS {
                continue;
            }
            let stem = |pattern: &String| {
                let (before, after) = pattern.split_once('%')?;
                name.strip_prefix(before)?.strip_suffix(after).filter(|stem| !stem.is_empty())
            };
            let exact = rules.get(&name).cloned();
            let found = exact
                .map(|places| (places, None))
                .or_else(|| patterns.iter().find_map(|(pattern, place)| Some((vec![*place], Some(stem(pattern)?)))));
            let Some((places, stem)) = found else { continue };
            let (mut before, mut own_units) = (Vec::new(), Vec::new());
            for (file, at, rule_at) in places {
                let (Some(makefile), mut variables) = (files.get(at), variables.clone()) else { continue };
                let Some(rule) = makefile.rules.get(rule_at) else { continue };
                variables.set("@", Some(name.clone()));
                if let Some(stem) = stem {
                    variables.set("*", Some(stem.to_owned()));
                }
                let needed = variables.expand_text(&rule.prerequisites);
                before.extend(needed.split_whitespace().map(|word| match stem {
                    Some(stem) => word.replace('%', stem),
                    None => word.to_owned(),
                }));
                if rule.recipe.is_empty() {
                    continue;
                }
                if let Some(word) = needed.split_whitespace().next() {
                    variables.set("<", Some(word.to_owned()));
                }
                self.visit(file, &name);
                let span = rule.targets.iter().find(|target| target.node == name).or(rule.targets.first());
                let Some(span) = span.map(|target| target.span) else { continue };
                let script = ScriptCall { file, name: format!("make {name}"), span };
                let mut lines: Vec<MappedText> = rule.recipe.iter().map(|line| variables.expand(line)).collect();
                if makefile.one_shell {
                    lines = lines.into_iter().reduce(joined).into_iter().collect();
                }
                let folder = Some(folder.to_owned());
                own_units.push(Unit { script, folder, lines, templates: true, variables: own.clone() });
            }
            open.extend(own_units.into_iter().rev().map(|unit| Step::Run(Box::new(unit))));
            if !by_hand {
                open.extend(before.into_iter().rev().map(Step::Visit));
            }
        }
        units
    }

    /// Whether something has run the shell script in a file.
    pub fn has_run(&self, file: FileId) -> bool {
        self.visited.borrow().contains(&(file, String::new()))
    }

    /// The units of a file that nothing has run so far, each as somebody would run it by hand. A shell script is taken to run in
    /// `folder`, whether it has run or not.
    pub fn rest(&self, file: FileId, folder: Option<&str>) -> Vec<Unit> {
        let Some(source) = self.snapshot.get(file) else { return Vec::new() };
        let path = source.path.as_str();
        let own = paths::folder(path);
        let name = path.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
        let is_new = |name: &str| !self.visited.borrow().contains(&(file, name.to_owned()));
        match name.as_str() {
            "makefile" | "gnumakefile" => self.make(file, own, &[], &[], &BTreeMap::new(), true),
            "justfile" | ".justfile" => {
                let Some(justfile) = self.justfile(file) else { return Vec::new() };
                let names = justfile.recipes.iter().map(|recipe| recipe.name.node.as_str()).filter(|name| is_new(name));
                names.flat_map(|name| self.just(file, own, &[Text::known(name)], false)).collect()
            }
            _ if TASKFILES.iter().any(|known| known.eq_ignore_ascii_case(&name)) => {
                let Some(taskfile) = self.taskfile(file) else { return Vec::new() };
                let mut units = Vec::new();
                for task in taskfile.tasks.iter().filter(|task| is_new(&task.name.node)) {
                    let call = taskfile::Call { name: task.name.node.clone(), variables: BTreeMap::new() };
                    let given = BTreeMap::new();
                    let place = TaskPlace { file, folder: own, prefix: "", given: &given, dependencies: false };
                    self.task(place, &call, 0, &mut units);
                }
                units
            }
            "package.json" => {
                let Some(scripts) = self.package(file) else { return Vec::new() };
                let new = scripts.iter().filter(|(key, _)| is_new(&key.node));
                new.map(|(key, text)| self.package_unit(file, own, key, text)).collect()
            }
            _ if name.ends_with(".sh") => self.shell(file, folder).into_iter().collect(),
            _ => Vec::new(),
        }
    }
}

/// The value of a variable in the first of the lists that has it, itself filled in.
fn lookup(lists: &[&taskfile::Variables], name: &str, depth: u32) -> Option<String> {
    let value = lists.iter().find_map(|list| list.get(name))?.clone()?;
    if depth > MAX_DEPTH {
        return None;
    }
    filled(&value, &|name| lookup(lists, name.trim_start_matches('.'), depth + 1))
}

/// A text with its templates filled in, if all of them are known.
fn filled(text: &str, known: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("{{") {
        let (inner, after) = behind.split_once("}}")?;
        out.push_str(before);
        out.push_str(&known(inner.trim())?);
        rest = after;
    }
    Some(out + rest)
}

fn joined(mut text: MappedText, line: MappedText) -> MappedText {
    text.push_for(line.span().before().range(), "\n");
    text.push_mapped(&line);
    text
}

/// Reads a line.
pub(super) fn parse(unit: &Unit, line: &MappedText) -> shell::Script {
    shell::parse(line, shell::Options { templates: unit.templates })
}
