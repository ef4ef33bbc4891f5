//! Instructions with typed arguments.

use std::ops::Range;

use super::chars::lower;
use super::heredoc::{Heredoc, mark_name};
use super::mount::{Device, Mount};
use super::words;
use crate::source::Span;
use crate::syntax::SyntaxError;
use crate::syntax::mapped::MappedText;

macro_rules! keywords {
    ($($variant:ident = $name:literal,)*) => {
        /// The name of an instruction.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Keyword {
            $(#[doc = concat!("`", $name, "`")] $variant,)*
            /// No instruction that BuildKit knows.
            Unknown,
        }

        const KEYWORDS: &[(&str, Keyword)] = &[$(($name, Keyword::$variant),)*];
        pub(super) const KEYWORD_NAMES: &[&str] = &[$($name,)*];
    };
}

keywords! {
    Add = "ADD",
    Arg = "ARG",
    Cmd = "CMD",
    Copy = "COPY",
    Entrypoint = "ENTRYPOINT",
    Env = "ENV",
    Expose = "EXPOSE",
    From = "FROM",
    Healthcheck = "HEALTHCHECK",
    Label = "LABEL",
    Maintainer = "MAINTAINER",
    Onbuild = "ONBUILD",
    Run = "RUN",
    Shell = "SHELL",
    Stopsignal = "STOPSIGNAL",
    User = "USER",
    Volume = "VOLUME",
    Workdir = "WORKDIR",
}

impl Keyword {
    /// Reads a keyword; case plays no part.
    pub fn parse(word: &str) -> Keyword {
        let ascii = |name: &str| name.eq_ignore_ascii_case(word);
        let found = if word.is_ascii() {
            KEYWORDS.iter().find(|(name, _)| ascii(name))
        } else {
            let word = lower(word);
            KEYWORDS.iter().find(|(name, _)| name.eq_ignore_ascii_case(&word))
        };
        found.map_or(Keyword::Unknown, |(_, keyword)| *keyword)
    }

    /// The name in upper case; empty for an unknown one.
    pub fn name(self) -> &'static str {
        KEYWORDS.iter().find(|(_, keyword)| *keyword == self).map_or("", |(name, _)| name)
    }
}

/// A word that begins with `--`, before the other arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// Everything from the dashes to the end of the value, quotes included. To take the flag away, see
    /// [`Dockerfile::remove_word`](super::Dockerfile::remove_word).
    pub span: Span,
    /// The name without dashes.
    pub name: MappedText,
    /// The value behind the `=`, without quotes and escapes. `None` without a `=`.
    pub value: Option<MappedText>,
}

/// The arguments of an instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// `FROM`
    From(From),
    /// `ARG`
    Arg(Vec<ArgPair>),
    /// `ENV`
    Env(KeyValues),
    /// `LABEL`
    Label(KeyValues),
    /// `RUN`
    Run(Run),
    /// `COPY`
    Copy(Copy),
    /// `ADD`
    Add(Copy),
    /// `CMD`
    Cmd(Command),
    /// `ENTRYPOINT`
    Entrypoint(Command),
    /// `SHELL`; the words of the JSON array.
    Shell(Vec<MappedText>),
    /// `HEALTHCHECK`
    Healthcheck(Healthcheck),
    /// `EXPOSE`; ports in the order of the file.
    Expose(Vec<MappedText>),
    /// `VOLUME`
    Volume(Vec<MappedText>),
    /// `USER`
    User(MappedText),
    /// `WORKDIR`
    Workdir(MappedText),
    /// `STOPSIGNAL`
    Stopsignal(MappedText),
    /// `MAINTAINER`
    Maintainer(MappedText),
    /// `ONBUILD`
    Onbuild(Box<Onbuild>),
    /// An unknown instruction, or arguments that cannot be read; see [`Dockerfile::errors`](super::Dockerfile::errors).
    Invalid,
}

/// `FROM [--platform=P] base [AS name]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct From {
    /// The base before expansion. Empty if it is missing.
    pub base: MappedText,
    /// The word `AS`.
    pub as_word: Option<MappedText>,
    /// The stage's name as written.
    pub name: Option<MappedText>,
}

/// One word of an `ARG`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArgPair {
    /// The whole word.
    pub span: Span,
    /// The name, before expansion.
    pub name: MappedText,
    /// The default, before expansion. `None` without a `=`.
    pub value: Option<MappedText>,
}

/// The pairs of an `ENV` or `LABEL`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyValues {
    /// The pairs in order; one in the old form.
    pub pairs: Vec<KeyValue>,
    /// Whether this is the old form `ENV name value`.
    pub legacy: bool,
}

/// One pair of an `ENV` or `LABEL`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyValue {
    /// The whole pair.
    pub span: Span,
    /// The name before expansion, quotes kept.
    pub key: MappedText,
    /// The value before expansion, quotes kept.
    pub value: MappedText,
}

/// A command line: for a shell, or word by word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// The shell form: the rest of the line, continued lines joined.
    Shell(MappedText),
    /// The exec form, a JSON array of strings.
    Exec {
        /// The array with its brackets.
        span: Span,
        /// The strings, escapes resolved. The span of each is that inside of its quotes.
        words: Vec<MappedText>,
    },
    /// Nothing.
    Empty,
}

/// `RUN`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The command line without flags.
    pub command: Command,
    /// `--mount`
    pub mounts: Vec<Mount>,
    /// `--device`
    pub devices: Vec<Device>,
    /// `--network`: `default`, `none` or `host`.
    pub network: Option<MappedText>,
    /// `--security`: `sandbox` or `insecure`.
    pub security: Option<MappedText>,
}

/// `COPY` or `ADD`; each has some fields that the other has not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    /// What is copied.
    pub sources: Vec<CopySource>,
    /// The destination, before expansion.
    pub destination: MappedText,
    /// The array with its brackets, if this is the JSON form.
    pub json: Option<Span>,
    /// `--from`; never expanded. COPY only.
    pub from: Option<MappedText>,
    /// `--chown`, before expansion.
    pub chown: Option<MappedText>,
    /// `--chmod`, before expansion.
    pub chmod: Option<MappedText>,
    /// `--link`
    pub link: bool,
    /// `--parents`. COPY only.
    pub parents: bool,
    /// `--exclude`; never expanded.
    pub exclude: Vec<MappedText>,
    /// `--keep-git-dir`. ADD only.
    pub keep_git_dir: Option<bool>,
    /// `--checksum`, before expansion. ADD only.
    pub checksum: Option<MappedText>,
    /// `--unpack`. ADD only.
    pub unpack: Option<bool>,
}

/// A source of a `COPY` or `ADD`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopySource {
    /// The word before expansion.
    pub word: MappedText,
    /// For a here-document's mark: its index in [`Instruction::heredocs`].
    pub heredoc: Option<usize>,
    /// Whether the word is a mark, which makes it a file's name even if its body was not found.
    pub inline: bool,
}

/// `HEALTHCHECK`
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Healthcheck {
    /// `HEALTHCHECK NONE`
    None,
    /// `HEALTHCHECK CMD`; times are in nanoseconds, 0 stands for the default.
    Cmd {
        /// The command.
        command: Command,
        /// `--interval`
        interval: i64,
        /// `--timeout`
        timeout: i64,
        /// `--start-period`
        start_period: i64,
        /// `--start-interval`
        start_interval: i64,
        /// `--retries`
        retries: i32,
    },
}

/// `ONBUILD` and the instruction that runs in stages built on this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Onbuild {
    /// The keyword of the trigger.
    pub keyword: Keyword,
    /// The keyword as written.
    pub word: MappedText,
    /// The trigger's flags.
    pub flags: Vec<Flag>,
    /// The trigger's arguments. Here-documents belong to the `ONBUILD` itself.
    pub body: Body,
    /// What BuildKit refuses about the trigger's arguments. It notices only where a stage is built on this one.
    pub error: Option<SyntaxError>,
}

/// An instruction with the place of all of its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instruction {
    /// What it is.
    pub keyword: Keyword,
    /// The keyword as written.
    pub word: MappedText,
    /// From the keyword to the end of the last line, indentation and line end excluded, here-documents included.
    pub span: Span,
    /// All bytes of its lines, the last line end included.
    pub full_span: Span,
    /// First and last physical line, from 1.
    pub lines: (u32, u32),
    /// The last physical line, from 1, before here-documents.
    pub head_end: u32,
    /// The whole text: continuations joined without anything between, comment lines left out.
    pub text: MappedText,
    /// Words before the arguments that begin with `--`.
    pub flags: Vec<Flag>,
    /// The arguments as one text, behind keyword and flags, without blanks at both ends.
    pub arguments: MappedText,
    /// The arguments.
    pub body: Body,
    /// Here-documents in the order of their marks.
    pub heredocs: Vec<Heredoc>,
    /// Index range in [`Dockerfile::comments`](super::Dockerfile::comments): the comments that BuildKit keeps for it.
    /// These are the ones above, up to an empty comment (`#`); blank lines between do not count.
    pub comments: Range<usize>,
    /// The first blank line inside its continuation.
    pub blank_continuation: Option<Span>,
    /// The stage that it belongs to; the stage that it begins for FROM. `None` before the first FROM.
    pub stage: Option<usize>,
}

impl Instruction {
    /// The arguments split at blanks, whatever quotes say. So are FROM and EXPOSE read.
    pub fn plain_words(&self) -> Vec<MappedText> {
        words::split_plain(&self.arguments, 0..self.arguments.len())
    }

    /// The last flag with this name.
    pub fn flag(&self, name: &str) -> Option<&Flag> {
        self.flags.iter().rev().find(|flag| flag.name == *name)
    }

    /// The command line of a RUN, CMD, ENTRYPOINT or HEALTHCHECK, or of the RUN, CMD or ENTRYPOINT that an ONBUILD triggers.
    pub fn command(&self) -> Option<&Command> {
        match &self.body {
            Body::Run(run) => Some(&run.command),
            Body::Cmd(command) | Body::Entrypoint(command) | Body::Healthcheck(Healthcheck::Cmd { command, .. }) => {
                Some(command)
            }
            Body::Onbuild(onbuild) => match &onbuild.body {
                Body::Run(run) => Some(&run.command),
                Body::Cmd(command) | Body::Entrypoint(command) => Some(command),
                _ => None,
            },
            _ => None,
        }
    }

    /// The RUN that the instruction is, or that an ONBUILD triggers.
    pub fn run(&self) -> Option<&Run> {
        match &self.body {
            Body::Run(run) => Some(run),
            Body::Onbuild(onbuild) => match &onbuild.body {
                Body::Run(run) => Some(run),
                _ => None,
            },
            _ => None,
        }
    }

    /// What a shell is given to run for a RUN, CMD, ENTRYPOINT or HEALTHCHECK in shell form; `None` in exec form and for
    /// other instructions.
    ///
    /// Here-documents are put in as BuildKit does (`dispatchRun` in `frontend/dockerfile/dockerfile2llb/convert.go`): a
    /// RUN that is nothing but one mark runs the body, anything else gets the bodies behind its text.
    pub fn script(&self) -> Option<Script> {
        let command = self.command()?;
        let Command::Shell(text) = command else { return None };
        let Some(first) = self.heredocs.first() else {
            return Some(Script { text: text.clone(), interpreter: None });
        };
        if mark_name(text).is_some() {
            let text = first.content();
            let line = text.find('\n').unwrap_or(text.len());
            let interpreter = text.starts_with("#!").then(|| text.slice(2..line).trimmed());
            return Some(Script { text, interpreter });
        }
        let mut script = text.clone();
        for heredoc in &self.heredocs {
            let end = script.span_of(script.len()..script.len()).range().start;
            script.push_for(end..end, "\n");
            script.push_mapped(&heredoc.body);
            match heredoc.end {
                Some(span) => script.push_for(span.range(), &heredoc.name),
                None => return None,
            }
        }
        Some(Script { text: script, interpreter: None })
    }
}

/// The text that a shell or another interpreter runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// The text.
    pub text: MappedText,
    /// What stands behind the `#!` of a here-document that is run as a program. `None` if the stage's shell runs it.
    pub interpreter: Option<MappedText>,
}
