//! In which order the commands of a script run, and what is known of its variables and its folder on the way.
//!
//! A loop over words that are known is one turn for each; a function runs where it is called, with the words of the call. What only may
//! have happened, in a branch or a loop over something else, is not known behind it.

use std::collections::BTreeMap;

use crate::model::paths;
use crate::model::value::Text;
use crate::source::Span;
use crate::syntax::shell::{self, AndOr, CommandKind, CommandRef, Joiner, List, Word};

/// A script, taken apart.
pub(super) struct Flow<'s> {
    /// All commands, in the order of their start.
    pub commands: Vec<CommandRef<'s>>,
    /// The compound commands, those around others first.
    blocks: Vec<Block<'s>>,
    /// The index in `blocks` of those that begin with a command, by the command's index.
    starts: BTreeMap<usize, Vec<usize>>,
    /// The functions: the index of the first command and that of the block, by name; the first of several.
    functions: BTreeMap<&'s str, (usize, usize)>,
    /// The indices of the commands that call one of them, by its name, in order.
    calls: BTreeMap<&'s str, Vec<usize>>,
}

/// A compound command, or a part of one.
pub(super) struct Block<'s> {
    /// What it does with its commands.
    pub kind: BlockKind<'s>,
    /// The byte behind it.
    pub end: u32,
    /// The index of the command behind its last one.
    pub until: usize,
}

/// What a part of a script does with its commands.
pub(super) enum BlockKind<'s> {
    /// `( … )`: changes of the folder end with it.
    Subshell,
    /// It may run or not.
    Branch,
    /// It runs any number of times.
    Repeated,
    /// It runs once for each word.
    For { variable: &'s str, words: &'s [Word] },
    /// It runs where its name is called.
    Function { name: &'s str },
}

impl<'s> Flow<'s> {
    pub fn new(script: &'s shell::Script) -> Self {
        let mut found = Vec::new();
        list(&script.list, &mut found);
        found.sort_by_key(|(span, _): &(Span, _)| (span.start, std::cmp::Reverse(span.end)));
        let commands = script.commands();
        let index = |at: u32| commands.partition_point(|command| command.span.start < at);
        let mut starts: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        let mut blocks = Vec::new();
        let mut functions = BTreeMap::new();
        for (span, kind) in found {
            let (from, until) = (index(span.start), index(span.end));
            if from < until {
                starts.entry(from).or_default().push(blocks.len());
                if let BlockKind::Function { name } = kind {
                    functions.entry(name).or_insert((from, blocks.len()));
                }
                blocks.push(Block { kind, end: span.end, until });
            }
        }
        let mut calls: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        if !functions.is_empty() {
            for (at, command) in commands.iter().enumerate() {
                let name = command.simple.name().filter(|name| functions.contains_key(name));
                if let Some(name) = name {
                    calls.entry(name).or_default().push(at);
                }
            }
        }
        Flow { commands, blocks, starts, functions, calls }
    }

    /// The blocks that begin with a command, the outermost first.
    pub fn blocks_at(&self, command: usize) -> impl Iterator<Item = &Block<'s>> {
        self.starts.get(&command).into_iter().flatten().map(|at| &self.blocks[*at])
    }

    /// The index of the first command of the function of that name, and its block.
    pub fn function(&self, name: &str) -> Option<(usize, &Block<'s>)> {
        let (start, block) = self.functions.get(name)?;
        Some((*start, self.blocks.get(*block)?))
    }

    /// Whether a command outside of the block, which begins at an index, calls a function of that name.
    pub fn calls(&self, name: &str, start: usize, block: &Block<'_>) -> bool {
        self.calls.get(name).is_some_and(|calls| calls.iter().any(|at| *at < start || *at >= block.until))
    }
}

fn list<'s>(commands: &'s List, found: &mut Vec<(Span, BlockKind<'s>)>) {
    for AndOr { first, rest, .. } in &commands.entries {
        first.commands.iter().for_each(|next| command(next, found));
        for (joiner, pipeline) in rest {
            if joiner.node == Joiner::Or
                && let (Some(first), Some(last)) = (pipeline.commands.first(), pipeline.commands.last())
            {
                found.push((first.span.cover(last.span), BlockKind::Branch));
            }
            pipeline.commands.iter().for_each(|next| command(next, found));
        }
    }
}

/// The place of all commands of a list.
fn span_of(commands: &List) -> Option<Span> {
    let first = commands.entries.first()?.first.commands.first()?;
    let last = commands.entries.last()?;
    let last = last.rest.last().map_or(&last.first, |(_, pipeline)| pipeline).commands.last()?;
    Some(first.span.cover(last.span))
}

fn body<'s>(commands: &'s List, kind: BlockKind<'s>, found: &mut Vec<(Span, BlockKind<'s>)>) {
    if let Some(span) = span_of(commands) {
        found.push((span, kind));
    }
    list(commands, found);
}

fn command<'s>(next: &'s shell::Command, found: &mut Vec<(Span, BlockKind<'s>)>) {
    match &next.kind {
        CommandKind::Subshell(commands) => {
            found.push((next.span, BlockKind::Subshell));
            list(commands, found);
        }
        CommandKind::Group(commands) => list(commands, found),
        CommandKind::If { branches, otherwise } => {
            for (condition, then) in branches {
                list(condition, found);
                body(then, BlockKind::Branch, found);
            }
            otherwise.iter().for_each(|then| body(then, BlockKind::Branch, found));
        }
        CommandKind::While { condition, body: commands } => {
            list(condition, found);
            body(commands, BlockKind::Repeated, found);
        }
        CommandKind::For { variable, words, body: commands } => {
            let kind = match words {
                Some(words) => BlockKind::For { variable, words },
                None => BlockKind::Repeated,
            };
            body(commands, kind, found);
        }
        CommandKind::Case { arms, .. } => arms.iter().for_each(|(_, then)| body(then, BlockKind::Branch, found)),
        CommandKind::Function { name, body } => {
            found.push((body.span, BlockKind::Function { name }));
            command(body, found);
        }
        CommandKind::Simple(simple) => simple.script.iter().for_each(|inner| list(&inner.list, found)),
        CommandKind::Test(_) | CommandKind::Arithmetic => {}
    }
}

/// What is known while a script runs.
pub(super) struct State {
    /// The folder in which the next command runs.
    pub folder: Option<String>,
    /// What the script has set.
    pub own: BTreeMap<String, Text>,
    /// The words that the function that runs was called with, and the values that its local variables had before.
    frames: Vec<Frame>,
    /// What happens where a block ends.
    ends: Vec<(u32, AtEnd)>,
    /// How many of the `ends` belong to what called the function that runs.
    floor: usize,
    /// What `popd` goes back to.
    pushed: Vec<Option<String>>,
    /// What `cd -` goes back to.
    before: Option<String>,
}

struct Frame {
    words: Vec<Text>,
    locals: Vec<(String, Option<Text>)>,
    floor: usize,
}

enum AtEnd {
    /// The folder is the same again.
    Folder(Option<String>),
    /// What was set, or where one went, is no longer known.
    Forget { set: Vec<String>, folder: Option<String> },
}

impl State {
    pub fn new(folder: Option<String>) -> Self {
        State {
            folder,
            own: BTreeMap::new(),
            frames: Vec::new(),
            ends: Vec::new(),
            floor: 0,
            pushed: Vec::new(),
            before: None,
        }
    }

    /// The script comes to a place: blocks that end before it end.
    pub fn come_to(&mut self, at: u32) {
        while self.ends.len() > self.floor
            && let Some((_, end)) = self.ends.pop_if(|(end, _)| *end <= at)
        {
            match end {
                AtEnd::Folder(folder) => self.folder = folder,
                AtEnd::Forget { set, folder } => {
                    for name in set {
                        let unknown = Text::unknown(&name);
                        self.own.insert(name, unknown);
                    }
                    if self.folder != folder {
                        self.folder = None;
                    }
                }
            }
        }
    }

    /// A block begins.
    pub fn enter(&mut self, block: &Block<'_>) {
        let folder = self.folder.clone();
        let end = match block.kind {
            BlockKind::Subshell => AtEnd::Folder(folder),
            _ => AtEnd::Forget { set: Vec::new(), folder },
        };
        self.ends.push((block.end, end));
    }

    /// A variable is set.
    pub fn set(&mut self, name: String, value: Text) {
        for (_, end) in &mut self.ends {
            if let AtEnd::Forget { set, .. } = end {
                set.push(name.clone());
            }
        }
        self.own.insert(name, value);
    }

    /// A variable of the function that runs is set.
    pub fn set_local(&mut self, name: String, value: Text) {
        if let Some(frame) = self.frames.last_mut() {
            frame.locals.push((name.clone(), self.own.get(&name).cloned()));
        }
        self.set(name, value);
    }

    /// A function is called.
    pub fn call(&mut self, words: Vec<Text>) {
        self.frames.push(Frame { words, locals: Vec::new(), floor: self.floor });
        self.floor = self.ends.len();
    }

    /// The function that runs comes to its end.
    pub fn leave(&mut self) {
        self.come_to(u32::MAX);
        let Some(frame) = self.frames.pop() else { return };
        self.floor = frame.floor;
        for (name, value) in frame.locals.into_iter().rev() {
            match value {
                Some(value) => self.own.insert(name, value),
                None => self.own.remove(&name),
            };
        }
    }

    /// How many functions run.
    pub fn depth(&self) -> usize {
        self.frames.len()
    }

    /// A word that the function that runs was called with: outside of one `None`, an empty one where there is no such word.
    pub fn word(&self, number: usize) -> Option<Text> {
        let frame = self.frames.last()?;
        Some(number.checked_sub(1).and_then(|at| frame.words.get(at)).cloned().unwrap_or_default())
    }

    /// `shift` in a function.
    pub fn shift(&mut self) {
        if let Some(frame) = self.frames.last_mut().filter(|frame| !frame.words.is_empty()) {
            frame.words.remove(0);
        }
    }

    /// `cd`, `pushd` and `popd`, with the folder where it is named: whether it was one of them.
    pub fn go(&mut self, verb: &str, to: Option<&Text>) -> bool {
        let back = to.is_some_and(|to| to.as_known() == Some("-"));
        let now = match verb {
            "popd" => self.pushed.pop().flatten(),
            "cd" | "pushd" if back => self.before.clone(),
            "cd" | "pushd" => self.folder.as_deref().zip(to).and_then(|(now, to)| paths::enter(now, to)),
            _ => return false,
        };
        self.before = std::mem::replace(&mut self.folder, now);
        if verb == "pushd" {
            self.pushed.push(self.before.clone());
        }
        true
    }
}
