//! All simple commands of a script in one sequence.

use super::{AndOr, Command, CommandKind, Joiner, List, Part, Pipeline, Redirect, Script, Separator, Simple, Word};

/// A simple command and the circumstances under which it runs.
#[derive(Debug, Clone, Copy)]
pub struct CommandRef<'s> {
    /// Assignments and words.
    pub simple: &'s Simple,
    /// Its own redirections.
    pub redirects: &'s [Redirect],
    /// The script whose text it stands in: an inner one for `sh -c '…'`. Here-documents of the redirections are there.
    pub script: &'s Script,
    /// All of the command.
    pub span: crate::source::Span,
    /// Where it stands in its surroundings.
    pub context: Context,
}

/// The circumstances under which a command runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Context {
    /// The operator between it and the pipeline before it.
    pub joiner: Option<Joiner>,
    /// Place in its pipeline, from 0.
    pub pipe_index: usize,
    /// Number of commands in its pipeline.
    pub pipe_len: usize,
    /// Whether it runs only if something else says so: the body of `if`, `case`, a loop or a function, or behind `||`.
    pub conditional: bool,
    /// Whether it may run more than once: in a loop or by `xargs`.
    pub repeated: bool,
    /// Whether changes of variables and folder end with it: in `( … )`, a pipe of several commands, `$( … )`, `sh -c`,
    /// or in the background.
    pub subshell: bool,
    /// Whether nobody waits for it.
    pub background: bool,
    /// Whether its output becomes part of a word.
    pub substitution: bool,
    /// Whether it is the body of a function, which runs only where that is called.
    pub function: bool,
    /// Number of `sh -c` and the like around it.
    pub nested: u32,
}

impl Script {
    /// All simple commands, in the order in which they begin in the text, but those inside of a command's words behind
    /// the command. The scripts of `sh -c` and the like are gone into.
    pub fn commands(&self) -> Vec<CommandRef<'_>> {
        let mut found = Vec::new();
        list(self, &self.list, Context::default(), &mut found);
        found
    }
}

fn list<'s>(script: &'s Script, commands: &'s List, context: Context, found: &mut Vec<CommandRef<'s>>) {
    for AndOr { first, rest, end } in &commands.entries {
        let background = end.is_some_and(|end| end.node == Separator::Background);
        let context = Context {
            joiner: None,
            background: context.background || background,
            subshell: context.subshell || background,
            ..context
        };
        pipeline(script, first, context, found);
        for (joiner, next) in rest {
            let conditional = context.conditional || joiner.node == Joiner::Or;
            pipeline(script, next, Context { joiner: Some(joiner.node), conditional, ..context }, found);
        }
    }
}

fn pipeline<'s>(script: &'s Script, pipeline: &'s Pipeline, context: Context, found: &mut Vec<CommandRef<'s>>) {
    let pipe_len = pipeline.commands.len();
    for (pipe_index, next) in pipeline.commands.iter().enumerate() {
        let subshell = context.subshell || pipe_len > 1;
        command(script, next, Context { pipe_index, pipe_len, subshell, ..context }, found);
    }
}

fn command<'s>(script: &'s Script, command: &'s Command, context: Context, found: &mut Vec<CommandRef<'s>>) {
    let guarded = Context { conditional: true, ..context };
    let repeated = Context { conditional: true, repeated: true, ..context };
    match &command.kind {
        CommandKind::Simple(simple) => {
            let redirects = command.redirects.as_slice();
            found.push(CommandRef { simple, redirects, script, span: command.span, context });
            simple.assignments.iter().for_each(|assignment| word(script, &assignment.value, context, found));
            simple.words.iter().for_each(|next| word(script, next, context, found));
            if let Some(inner) = &simple.script {
                let again = context.repeated || simple.has_wrapper("xargs");
                let context = Context { subshell: true, nested: context.nested + 1, repeated: again, ..context };
                list(inner, &inner.list, context, found);
            }
        }
        CommandKind::Subshell(body) => list(script, body, Context { subshell: true, ..context }, found),
        CommandKind::Group(body) => list(script, body, context, found),
        CommandKind::If { branches, otherwise } => {
            for (index, (condition, body)) in branches.iter().enumerate() {
                list(script, condition, if index == 0 { context } else { guarded }, found);
                list(script, body, guarded, found);
            }
            otherwise.iter().for_each(|body| list(script, body, guarded, found));
        }
        CommandKind::While { condition, body } => {
            list(script, condition, Context { repeated: true, ..context }, found);
            list(script, body, repeated, found);
        }
        CommandKind::For { words, body, .. } => {
            words.iter().flatten().for_each(|next| word(script, next, context, found));
            list(script, body, repeated, found);
        }
        CommandKind::Case { subject, arms } => {
            word(script, subject, context, found);
            arms.iter().for_each(|(_, body)| list(script, body, guarded, found));
        }
        CommandKind::Function { body, .. } => {
            self::command(script, body, Context { function: true, ..repeated }, found);
        }
        CommandKind::Test(words) => words.iter().for_each(|next| word(script, next, context, found)),
        CommandKind::Arithmetic => {}
    }
    command.redirects.iter().for_each(|redirect| word(script, &redirect.target, context, found));
}

fn word<'s>(script: &'s Script, word: &'s Word, context: Context, found: &mut Vec<CommandRef<'s>>) {
    parts(script, &word.parts, context, found);
}

fn parts<'s>(script: &'s Script, word: &'s [Part], context: Context, found: &mut Vec<CommandRef<'s>>) {
    for part in word {
        match part {
            Part::Command { list: inner, .. } => {
                list(script, inner, Context { subshell: true, substitution: true, ..context }, found);
            }
            Part::Process { list: inner, .. } => list(script, inner, Context { subshell: true, ..context }, found),
            Part::Variable { inner, .. } | Part::Arithmetic { inner, .. } => parts(script, inner, context, found),
            Part::Text { .. } | Part::Template { .. } => {}
        }
    }
}
