//! Taskfiles, as far as it takes to know which commands a task runs.
//!
//! See the schema of Task, version 3. Of templates only `{{.NAME}}` is filled in; what commands, functions and pipes give stays unknown.

use std::collections::BTreeMap;

use crate::source::{FileId, Spanned};
use crate::syntax::mapped::MappedText;
use crate::syntax::yaml::{self, Node};

/// A Taskfile.
#[derive(Debug, Clone, Default)]
pub struct Taskfile {
    /// Variables of templates, where they are plain texts.
    pub variables: Variables,
    /// Variables of the environment.
    pub environment: Variables,
    /// Further Taskfiles.
    pub includes: Vec<Include>,
    /// The tasks in order.
    pub tasks: Vec<Task>,
}

/// Variables with their values, where these are plain texts.
pub type Variables = BTreeMap<String, Option<String>>;

/// A Taskfile within another one.
#[derive(Debug, Clone)]
pub struct Include {
    /// What stands before the names of its tasks.
    pub name: String,
    /// The file, or the folder that it lies in.
    pub path: String,
    /// The folder that its tasks run in, if not that of the outer Taskfile.
    pub folder: Option<String>,
}

/// A task.
#[derive(Debug, Clone)]
pub struct Task {
    /// Its name.
    pub name: Spanned<String>,
    /// Other names.
    pub aliases: Vec<String>,
    /// The folder it runs in, relative to that of its Taskfile.
    pub folder: Option<String>,
    /// Its own variables of templates.
    pub variables: Variables,
    /// Its own variables of the environment.
    pub environment: Variables,
    /// The tasks that run before it.
    pub dependencies: Vec<Call>,
    /// What it runs.
    pub commands: Vec<Line>,
}

/// A line of a task.
#[derive(Debug, Clone)]
pub enum Line {
    /// For a shell; the words that the line is run for, one after another, or none where it runs once.
    Shell(MappedText, Vec<String>),
    /// Another task.
    Task(Call),
}

/// A task that another one calls.
#[derive(Debug, Clone)]
pub struct Call {
    /// Its name.
    pub name: String,
    /// The variables it is given.
    pub variables: Variables,
}

/// Reads a Taskfile.
pub fn parse(file: FileId, text: &str) -> Taskfile {
    let (tree, _) = yaml::parse(file, text);
    let Some(root) = tree.root() else { return Taskfile::default() };
    let mut taskfile = Taskfile {
        variables: variables(root.get("vars")),
        environment: variables(root.get("env")),
        ..Taskfile::default()
    };
    for entry in root.get("includes").into_iter().flat_map(Node::entries) {
        let Some(name) = entry.name() else { continue };
        let text = |key: &str| entry.value.get(key).and_then(Node::text).map(str::to_owned);
        let Some(path) = entry.value.text().map(str::to_owned).or_else(|| text("taskfile")) else { continue };
        taskfile.includes.push(Include { name: name.to_owned(), path, folder: text("dir") });
    }
    for entry in root.get("tasks").into_iter().flat_map(Node::entries) {
        let Some(name) = entry.key.spanned_text() else { continue };
        let value = entry.value;
        let mut task = Task {
            name: Spanned { node: name.node.to_owned(), span: name.span },
            aliases: value.get("aliases").into_iter().flat_map(Node::items).filter_map(text_of).collect(),
            folder: value.get("dir").and_then(text_of),
            variables: variables(value.get("vars")),
            environment: variables(value.get("env")),
            dependencies: value.get("deps").into_iter().flat_map(Node::items).filter_map(call).collect(),
            commands: Vec::new(),
        };
        // A task may be its only command, or a list of them.
        let commands = value.get("cmds").or_else(|| value.get("cmd")).unwrap_or(value);
        match commands.is_sequence() {
            true => task.commands.extend(commands.items().filter_map(|item| line(item, text))),
            false => task.commands.extend(line(commands, text)),
        }
        taskfile.tasks.push(task);
    }
    taskfile
}

fn text_of(node: Node<'_>) -> Option<String> {
    node.text().map(str::to_owned)
}

fn variables(node: Option<Node<'_>>) -> Variables {
    let entries = node.into_iter().flat_map(Node::entries);
    entries.filter_map(|entry| Some((entry.name()?.to_owned(), text_of(entry.value)))).collect()
}

fn call(node: Node<'_>) -> Option<Call> {
    match node.text() {
        Some(name) => Some(Call { name: name.to_owned(), variables: Variables::new() }),
        None => Some(Call { name: node.get("task").and_then(text_of)?, variables: variables(node.get("vars")) }),
    }
}

fn line(node: Node<'_>, text: &str) -> Option<Line> {
    if node.is_mapping() {
        let words = node.get("for").into_iter().flat_map(Node::items).filter_map(text_of).collect();
        return match node.get("cmd") {
            Some(command) => Some(Line::Shell(command.mapped_text(text)?, words)),
            None => call(node).map(Line::Task),
        };
    }
    Some(Line::Shell(node.mapped_text(text)?, Vec::new()))
}

impl Taskfile {
    /// The task of that name.
    pub fn task(&self, name: &str) -> Option<&Task> {
        let own = self.tasks.iter().find(|task| task.name.node == name);
        own.or_else(|| self.tasks.iter().find(|task| task.aliases.iter().any(|alias| alias == name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
version: '3'
vars: {IMAGE: shop/web, SHA: {sh: git rev-parse HEAD}}
includes:
  docs: ./docs
  api: {taskfile: ./api/Taskfile.yml, dir: ./api}
tasks:
  build:
    aliases: [b]
    deps: [lint, {task: base, vars: {TAG: x}}]
    dir: web
    cmds:
      - docker build -t {{.IMAGE}} .
      - for: [a, b]
        cmd: |
          docker build \\
            {{.ITEM}}
      - task: push
  short: docker build .
  many:
    - one
    - two
";

    #[test]
    fn tasks_are_what_the_shell_gets() {
        let taskfile = parse(FileId(0), TEXT);
        let build = taskfile.task("b").expect("by its alias");
        assert_eq!(&TEXT[build.name.span.range()], "build");
        let needs: Vec<&str> = build.dependencies.iter().map(|call| call.name.as_str()).collect();
        assert_eq!((needs, build.folder.as_deref()), (vec!["lint", "base"], Some("web")));
        let show = |line: &Line| match line {
            Line::Shell(text, words) => format!("{} {words:?}", text.as_str()),
            Line::Task(call) => format!("task {}", call.name),
        };
        let lines = |name: &str| taskfile.task(name).expect("is there").commands.iter().map(show).collect::<Vec<_>>();
        assert_eq!(
            lines("build"),
            ["docker build -t {{.IMAGE}} . []", "docker build \\\n  {{.ITEM}}\n [\"a\", \"b\"]", "task push"]
        );
        assert_eq!(
            (lines("short"), lines("many")),
            (vec!["docker build . []".into()], vec!["one []".into(), "two []".into()])
        );
        assert_eq!(taskfile.variables["SHA"], None);
        let includes: Vec<_> = taskfile.includes.iter().map(|other| (&*other.path, other.folder.as_deref())).collect();
        assert_eq!(includes, [("./docs", None), ("./api/Taskfile.yml", Some("./api"))]);
        for end in (0..TEXT.len()).filter(|end| TEXT.is_char_boundary(*end)) {
            parse(FileId(0), &TEXT[..end]);
        }
    }
}
