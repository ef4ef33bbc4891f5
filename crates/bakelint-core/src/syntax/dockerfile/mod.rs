//! Dockerfiles as BuildKit reads them.
//!
//! BuildKit works in two steps: it joins the physical lines of an instruction, then reads words out of the joined text.
//! So does [`parse`], but every byte of the joined text keeps its place in the file ([`MappedText`]), so that each
//! keyword, flag and argument has a span that can be underlined and edited. Nothing of the file is lost:
//! [`Dockerfile::lines`] covers all of it.
//!
//! BuildKit stops at its first error. This parser notes what BuildKit refuses ([`Error`]) and goes on, so that the rest
//! of the file can be looked at.

mod arguments;
mod chars;
mod check;
mod edit;
mod error;
mod expand;
mod heredoc;
mod inspect;
mod instruction;
mod json;
mod lines;
mod mount;
mod pattern;
mod remote;
mod stage;
#[cfg(test)]
mod tests;
mod values;
mod words;

pub use check::CheckOptions;
pub use error::{Error, Phase};
pub use expand::{
    Environment, ExpandError, Expanded, ExpandedWord, Expansion, Lexer, Lookup, Operator, Part, VariableUse,
};
pub use heredoc::Heredoc;
pub use inspect::{Outline, OutlineHeredoc, OutlineInstruction, OutlineStage};
pub use instruction::{
    ArgPair, Body, Command, Copy, CopySource, Flag, From, Healthcheck, Instruction, KeyValue, KeyValues, Keyword,
    Onbuild, Run, Script,
};
pub use lines::{Comment, Directive, Line, LineKind, MAX_LINE, search_directive};
pub use mount::{Device, Mount, MountOption, MountSpec, MountType, Sharing};
pub use remote::Origin;
pub use stage::{Stage, StageRef};
pub use values::{Port, is_file_mode, is_signal};

use std::collections::BTreeMap;
use std::ops::Range;

use arguments::{Node, is_stage_name, read_body, read_flags};
use lines::{Continued, Directives, Found, Lines, comment_text, cut_continuation, is_comment};

use crate::source::{FileId, Span};
use crate::syntax::SyntaxError;
use crate::syntax::mapped::MappedText;

/// A parsed Dockerfile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dockerfile {
    /// The file that spans belong to.
    pub file: FileId,
    /// The escape character: a backslash, or a backtick if a directive says so.
    pub escape: char,
    /// All physical lines; their spans cover the file without a gap.
    pub lines: Vec<Line>,
    /// Parser directives at the top of the file. For `check` and `syntax`, BuildKit looks with a reader of its own:
    /// [`search_directive`].
    pub directives: Vec<Directive>,
    /// Comments between instructions, in order; directives are not among them.
    pub comments: Vec<Comment>,
    /// All instructions, also those that BuildKit refuses.
    pub instructions: Vec<Instruction>,
    /// The stages.
    pub stages: Vec<Stage>,
    /// The indices of the stages of each name, ascending.
    stages_by_name: BTreeMap<String, Vec<usize>>,
    /// What BuildKit refuses, in the order in which BuildKit would come to it. The first one is what BuildKit reports;
    /// it hides all others.
    pub errors: Vec<Error>,
}

impl Dockerfile {
    /// How far BuildKit gets before it stops: the number of instructions that it reads without fault. None if the
    /// parser refuses the file, all if only later passes can refuse it. Warnings that BuildKit gives while it reads
    /// instructions are reported for these only.
    pub fn instructions_read(&self) -> usize {
        match self.errors.first() {
            Some(Error { phase: Phase::Parser, .. }) => 0,
            Some(Error { phase: Phase::Instruction, instruction, .. }) => instruction.unwrap_or(0),
            _ => self.instructions.len(),
        }
    }

    /// The index of the instruction whose lines hold the byte at `offset`.
    pub fn instruction_at(&self, offset: usize) -> Option<usize> {
        let index = self.instructions.partition_point(|instruction| instruction.full_span.end as usize <= offset);
        let found = self.instructions.get(index)?;
        (found.full_span.start as usize <= offset).then_some(index)
    }
}

/// Parses a Dockerfile. Never fails: what BuildKit would refuse stands in [`Dockerfile::errors`].
///
/// The text may hold [`SUBSTITUTE`](crate::source::SUBSTITUTE) for bytes that are no UTF-8, which BuildKit takes. Which
/// byte stood there is not known any more; it would matter for 0x85 and 0xA0 within flags, where BuildKit sees a blank.
pub fn parse(file: FileId, text: &str) -> Dockerfile {
    let mut parser = Parser {
        whole: MappedText::verbatim(file, 0, text),
        lines: Lines::new(file, text),
        directives: Directives::new(),
        kept_comments: 0,
        parser_errors: Vec::new(),
        instruction_errors: Vec::new(),
        tree: Dockerfile {
            file,
            escape: '\\',
            lines: Vec::new(),
            directives: Vec::new(),
            comments: Vec::new(),
            instructions: Vec::new(),
            stages: Vec::new(),
            stages_by_name: BTreeMap::new(),
            errors: Vec::new(),
        },
    };
    while parser.next_item() {}
    parser.finish()
}

struct Parser<'t> {
    /// All of the file, which the texts of instructions on one line are parts of.
    whole: MappedText,
    lines: Lines<'t>,
    directives: Directives,
    /// Index of the first comment that counts for the next instruction.
    kept_comments: usize,
    parser_errors: Vec<Error>,
    instruction_errors: Vec<Error>,
    tree: Dockerfile,
}

impl<'t> Parser<'t> {
    /// Reads a blank line, a comment, a directive or an instruction.
    fn next_item(&mut self) -> bool {
        let Some(line) = self.lines.next() else { return false };
        let mut start = line.start;
        let mut content = self.lines.content(&line);
        if self.lines.number == 1
            && let Some(rest) = content.strip_prefix('\u{feff}')
        {
            start += content.len() - rest.len();
            content = rest;
        }
        let trimmed = chars::trim_start(content);
        let indent = content.len() - trimmed.len();
        if !self.directives.is_done() {
            match self.directives.read(self.lines.file, start + indent, trimmed, self.lines.number, indent > 0) {
                Found::Directive(directive) => {
                    self.lines.note(&line, LineKind::Directive);
                    self.take_directive(directive);
                    return true;
                }
                Found::Refused(error) => self.refuse_directive(error),
                Found::Nothing => {}
            }
        }
        if trimmed.starts_with('#') {
            self.lines.note(&line, LineKind::Comment);
            let kept = comment_text(content);
            if kept.is_empty() {
                self.kept_comments = self.tree.comments.len() + 1;
            }
            let at = start + indent;
            let span = Span::new(self.lines.file, at..at + trimmed.len());
            self.tree.comments.push(Comment { span, text: kept });
            return true;
        }
        let Continued { text: head, goes_on } = cut_continuation(trimmed, self.tree.escape);
        if head.is_empty() && !goes_on {
            self.lines.note(&line, LineKind::Blank);
            return true;
        }
        let start = start + indent;
        let joined = self.whole.slice(start..start + head.len());
        self.instruction(line, start, trimmed.len(), goes_on, joined);
        true
    }

    fn take_directive(&mut self, directive: Directive) {
        if directive.name == "escape" {
            match directive.value.as_str() {
                "\\" => self.tree.escape = '\\',
                "`" => self.tree.escape = '`',
                other => {
                    let message = format!("`{other}` cannot be the escape character");
                    let mut error = SyntaxError::new(message, directive.value.span());
                    error.help = Some("use a backslash or a backtick".to_owned());
                    self.refuse_directive(error);
                }
            }
        }
        self.tree.directives.push(directive);
    }

    /// BuildKit counts the line after it has read the directive, so it names the one before.
    fn refuse_directive(&mut self, error: SyntaxError) {
        let buildkit_line = self.lines.number - 1;
        self.parser_errors.push(Error { phase: Phase::Parser, error, instruction: None, buildkit_line });
    }

    /// Reads the rest of an instruction whose first line is `first`; its text begins at `start`.
    fn instruction(&mut self, first: Range<usize>, start: usize, len: usize, goes_on: bool, joined: MappedText) {
        let file = self.lines.file;
        let index = self.tree.instructions.len();
        let number = u32::try_from(index).unwrap_or(u32::MAX);
        let first_line = self.lines.number;
        self.lines.note(&first, LineKind::First(number));
        let mut full_end = first.end;
        let mut end = start + len;
        let mut blank_continuation = None;
        let mut goes_on = goes_on;
        let mut joined = joined;
        while goes_on {
            let Some(line) = self.lines.next() else { break };
            let content = self.lines.content(&line);
            full_end = line.end;
            end = line.start + content.len();
            if is_comment(content) {
                self.lines.note(&line, LineKind::ContinuedComment(number));
            } else if content.trim_start().is_empty() {
                self.lines.note(&line, LineKind::ContinuedBlank(number));
                blank_continuation.get_or_insert(Span::new(file, line.start..line.start + content.len()));
            } else {
                self.lines.note(&line, LineKind::Continued(number));
                let cut = cut_continuation(content, self.tree.escape);
                joined.push(line.start, cut.text);
                goes_on = cut.goes_on;
            }
        }
        let head_end = self.lines.number;
        let (node, mut error) = Node::read(&joined, self.tree.escape, 0);
        let mut heredocs = Vec::new();
        if error.is_none() && joined.contains("<<") && node.takes_heredocs() {
            match heredoc::marks(&joined) {
                Ok(marks) => {
                    for mark in marks {
                        let heredoc = self.heredoc(mark, number);
                        if let Some(last) = self.lines.out.last().filter(|last| last.span.end as usize > full_end) {
                            full_end = last.span.range().end;
                            end = last.span.start as usize + self.lines.content(&last.span.range()).len();
                        }
                        if heredoc.end.is_none() && error.is_none() {
                            let message = format!("no line ends the here-document `{}`", heredoc.name);
                            let mut fault = SyntaxError::new(message, heredoc.mark);
                            fault.help = Some(format!("the end mark `{}` must stand alone on a line", heredoc.name));
                            error = Some(fault);
                        }
                        heredocs.push(heredoc);
                    }
                }
                Err(fault) => error = Some(SyntaxError::new(fault.message, fault.span)),
            }
        }
        let refused_by_parser = error.is_some();
        if let Some(error) = error {
            let phase = Phase::Parser;
            self.parser_errors.push(Error { phase, error, instruction: Some(index), buildkit_line: first_line });
        }

        let flags = read_flags(node.flags);
        let (body, checked) = read_body(node.keyword, &node.word, node.shape, &flags, &heredocs);
        let stage = self.stage_of(index, &body, &flags);
        let checked = checked.and_then(|()| match body {
            Body::Arg(_) => Ok(()),
            _ if stage.is_none() => {
                let message = format!("{} stands before the first FROM", node.keyword.name());
                let mut error = SyntaxError::new(message, node.word.span());
                error.help = Some("only ARG can stand there".to_owned());
                Err(error)
            }
            _ => Ok(()),
        });
        if let Some(error) = checked.err().filter(|_| !refused_by_parser) {
            let phase = Phase::Instruction;
            self.instruction_errors.push(Error { phase, error, instruction: Some(index), buildkit_line: first_line });
        }

        let comments = self.kept_comments..self.tree.comments.len();
        self.kept_comments = comments.end;
        self.tree.instructions.push(Instruction {
            keyword: node.keyword,
            word: node.word,
            span: Span::new(file, start..end),
            full_span: Span::new(file, first.start..full_end),
            lines: (first_line, self.lines.number),
            head_end,
            text: joined,
            flags,
            arguments: node.arguments,
            body,
            heredocs,
            comments,
            blank_continuation,
            stage,
        });
    }

    /// Reads the body of a here-document, up to its end mark or the end of the file.
    fn heredoc(&mut self, mark: heredoc::Mark, number: u32) -> Heredoc {
        let file = self.lines.file;
        let body_start = self.lines.at;
        let mut body_end = body_start;
        let mut end = None;
        while let Some(line) = self.lines.next() {
            let content = self.lines.content(&line);
            let name = if mark.chomp { content.trim_start_matches('\t') } else { content };
            if name == mark.name {
                self.lines.note(&line, LineKind::HeredocEnd(number));
                let at = line.start + content.len() - name.len();
                end = Some(Span::new(file, at..at + name.len()));
                break;
            }
            self.lines.note(&line, LineKind::Heredoc(number));
            body_end = line.end;
        }
        let body = self.whole.slice(body_start..body_end);
        let heredoc::Mark { name, descriptor, expand, chomp, span } = mark;
        Heredoc { name, descriptor, expand, chomp, mark: span, body, end }
    }

    /// The stage that an instruction belongs to; a FROM opens a new one.
    fn stage_of(&mut self, index: usize, body: &Body, flags: &[Flag]) -> Option<usize> {
        if let Body::From(from) = body {
            let name = from.name.as_ref().map(|name| chars::lower(name));
            let name = name.filter(|name| is_stage_name(name));
            if let Some(name) = &name {
                self.tree.stages_by_name.entry(name.clone()).or_default().push(self.tree.stages.len());
            }
            let platform = flags.iter().find(|flag| flag.name == "platform").and_then(|flag| flag.value.clone());
            self.tree.stages.push(Stage {
                name,
                from: index,
                instructions: index + 1..index + 1,
                base: from.base.clone(),
                platform: platform.filter(|platform| !platform.is_empty()),
            });
        } else if let Some(stage) = self.tree.stages.last_mut() {
            stage.instructions.end = index + 1;
        }
        self.tree.stages.len().checked_sub(1)
    }

    fn finish(mut self) -> Dockerfile {
        // On the last line that has a number for BuildKit, not on the empty one behind its line end.
        let text = self.lines.text;
        let text = text.strip_suffix('\n').unwrap_or(text);
        let end = Span::at(self.lines.file, text.strip_suffix('\r').unwrap_or(text).len());
        let mut errors = self.parser_errors;
        if let Some((span, before)) = self.lines.too_long {
            let message = format!("a line is longer than {MAX_LINE} bytes");
            let error = SyntaxError::new(message, span);
            let error = Error { phase: Phase::Parser, error, instruction: None, buildkit_line: before };
            let at = errors.partition_point(|other| other.error.span.start < span.start);
            errors.insert(at, error);
        }
        if self.tree.instructions.is_empty() {
            let error = SyntaxError::new("the file has no instruction", end);
            let buildkit_line = self.lines.number;
            errors.push(Error { phase: Phase::Parser, error, instruction: None, buildkit_line });
        }
        errors.append(&mut self.instruction_errors);
        if self.tree.stages.is_empty() && !self.tree.instructions.is_empty() {
            let mut error = SyntaxError::new("the file has no FROM, so there is nothing to build", end);
            error.help = Some("begin a stage with `FROM image`".to_owned());
            errors.push(Error { phase: Phase::Stages, error, instruction: None, buildkit_line: 0 });
        }
        self.tree.errors = errors;
        self.tree.lines = self.lines.out;
        self.tree
    }
}
