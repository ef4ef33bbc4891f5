//! A Dockerfile of the project: its tree, with what the tree alone does not say about stages.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use crate::model::build::Build;
use crate::model::outline::{Comment, Outline};
use crate::model::paths;
use crate::model::value::{Text, TextPart};
use crate::source::{FileId, Source, Span};
use crate::syntax::dockerfile::{self as syntax, Body, Instruction, Keyword, Lexer, LineKind, Lookup, Part};
use crate::syntax::mapped::MappedText;
use crate::syntax::shell;

/// A longer value of a variable counts as unknown. Variables that are made of each other could grow without bound otherwise.
pub(crate) const MAX_VALUE: usize = 4_096;

/// A Dockerfile.
#[derive(Debug)]
pub struct Dockerfile {
    /// The file.
    pub file: FileId,
    /// Its path relative to the root.
    pub path: String,
    /// Path and text.
    pub source: Arc<Source>,
    /// Its tree.
    pub tree: syntax::Dockerfile,
    /// The scripts of instructions, read when first asked for, by index of the instruction.
    scripts: Vec<OnceLock<Option<shell::Script>>>,
    /// The ARGs before the first FROM by their defaults, put together when first asked for.
    defaults: OnceLock<HashMap<String, Lookup>>,
}

/// What a stage stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Base {
    /// Another stage of the same file, by index.
    Stage(usize),
    /// A named context of the build.
    Context(String),
    /// An image; parts of the reference may be unknown.
    Image(Text),
    /// Nothing: `FROM scratch`.
    Scratch,
}

impl Dockerfile {
    /// Parses the file.
    pub fn parse(file: FileId, source: Arc<Source>) -> Self {
        let tree = syntax::parse(file, source.text());
        let scripts = tree.instructions.iter().map(|_| OnceLock::new()).collect();
        Dockerfile { file, path: source.path.clone(), source, tree, scripts, defaults: OnceLock::new() }
    }

    /// Whether a file that only its name makes a Dockerfile is one: some other format's file may be called
    /// `Dockerfile.whatever`, and then begins with something that is no instruction. Nor is a file one that a preprocessor
    /// makes a Dockerfile of: one with an `INCLUDE` of a path that `exists`, or a piece without a FROM that others include.
    pub fn looks_like_one(&self, exists: impl Fn(&str) -> bool) -> bool {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        let plain = matches!(name, "Dockerfile" | "Containerfile");
        let instructions = &self.tree.instructions;
        let unknown = |instruction: &Instruction| instruction.keyword == Keyword::Unknown;
        let folder = self.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let includes = |instruction: &Instruction| {
            let named = instruction.text.split_whitespace().nth(1).unwrap_or_default();
            let is_include = matches!(instruction.word.to_ascii_uppercase().as_str(), "INCLUDE" | "INCLUDE+");
            let paths = ["", folder].into_iter().filter_map(|folder| paths::join(folder, named));
            is_include && paths.into_iter().any(|path| exists(&path) || exists(&format!("{path}.dockerfile")))
        };
        let is_piece = self.tree.stages.is_empty() && !instructions.is_empty() && !instructions.iter().any(unknown);
        !instructions.iter().any(|instruction| unknown(instruction) && includes(instruction))
            && (plain || !is_piece && !instructions.first().is_some_and(unknown))
    }

    /// Whether a comment above the first instruction says that a program writes the file and people should not.
    pub fn is_generated(&self) -> bool {
        let end = self.tree.instructions.first().map_or(0, |first| first.span.start as usize);
        let head = self.source.text().get(..end).unwrap_or_default().to_ascii_lowercase();
        head.contains("do not edit") && ["generated", "template"].iter().any(|word| head.contains(word))
    }

    /// All instructions with their indices.
    pub fn instructions(&self) -> impl Iterator<Item = (usize, &Instruction)> {
        self.tree.instructions.iter().enumerate()
    }

    /// The instructions of a stage, its FROM left out, with their indices.
    pub fn stage_instructions(&self, stage: usize) -> impl Iterator<Item = (usize, &Instruction)> {
        let start = self.tree.stages.get(stage).map_or(0, |stage| stage.instructions.start);
        self.tree.stage_instructions(stage).iter().enumerate().map(move |(at, instruction)| (start + at, instruction))
    }

    /// What people call a stage: its name, or its number.
    pub fn stage_name(&self, stage: usize) -> String {
        let name = self.tree.stages.get(stage).and_then(|stage| stage.name.clone());
        name.unwrap_or_else(|| format!("{stage}"))
    }

    /// The FROM of a stage.
    pub fn from(&self, stage: usize) -> Option<&Instruction> {
        self.tree.instructions.get(self.tree.stages.get(stage)?.from)
    }

    /// What a RUN, CMD, ENTRYPOINT or HEALTHCHECK runs, as a shell script: in exec form one command. `None` for everything
    /// else and for here-documents that another interpreter runs. That the stage's shell is a POSIX one is taken for
    /// granted; `Project::commands` looks.
    pub fn script(&self, instruction: usize) -> Option<&shell::Script> {
        let cell = self.scripts.get(instruction)?;
        cell.get_or_init(|| {
            let instruction = self.tree.instructions.get(instruction)?;
            if let Some(syntax::Command::Exec { span, words }) = instruction.command() {
                return Some(shell::from_words(words, *span));
            }
            let script = instruction.script()?;
            let interpreter = script.interpreter.as_ref().map(|interpreter| interpreter.to_string());
            let is_shell = |path: &String| {
                let program = path.split_whitespace().find(|word| !word.ends_with("/env") && !word.starts_with('-'));
                let name = program.unwrap_or_default().rsplit('/').next().unwrap_or_default();
                matches!(name, "sh" | "bash" | "dash" | "ash" | "ksh" | "zsh")
            };
            if interpreter.as_ref().is_some_and(|path| !is_shell(path)) {
                return None;
            }
            Some(shell::parse(&script.text, shell::Options::default()))
        })
        .as_ref()
    }

    /// Where a finding about a token of an instruction stands: see [`on_first_line`](Self::on_first_line).
    pub fn anchor(&self, instruction: usize, token: Span) -> Span {
        self.tree.instructions.get(instruction).map_or(token, |node| self.on_first_line(node, token))
    }

    /// A span for what is to be reported about an instruction: the token, if it stands on the instruction's first line,
    /// else what stands on that line. BuildKit names the first line.
    pub fn on_first_line(&self, instruction: &Instruction, token: Span) -> Span {
        let first = self.source.lines().range(instruction.lines.0.saturating_sub(1) as usize);
        if token.file == self.file && first.contains(&(token.start as usize)) {
            return token;
        }
        let end = first.end.min(instruction.span.end as usize);
        let start = instruction.span.start as usize;
        let text = self.source.text().get(start..end).unwrap_or_default();
        Span::new(self.file, start..start + text.trim_end().len())
    }

    /// The text with the ARGs before the first FROM put in: as the build passes them, else by their defaults.
    pub fn expand_global(&self, text: &MappedText, build: Option<&Build>) -> Text {
        let lexer = Lexer::new(self.tree.escape);
        let given;
        let variables = match build {
            // Most bases name no variable.
            _ if !text.contains('$') => &HashMap::new(),
            Some(build) if !build.args.is_empty() => {
                given = self.globals(Some(build));
                &given
            }
            _ => self.defaults.get_or_init(|| self.globals(None)),
        };
        let known = |name: &str| look_up(variables, name);
        let Ok(expansion) = lexer.expand(text, &known) else { return Text::unknown(text.as_str()) };
        let mut result = Text::default();
        let mut unknown = expansion.uses.iter().filter(|used| used.lookup == Lookup::Dynamic);
        for part in expansion.value.parts() {
            result.push(match part {
                Part::Text(text) => TextPart::Known(text.clone()),
                Part::Dynamic => TextPart::Unknown(unknown.next().map(|used| used.name.clone()).unwrap_or_default()),
            });
        }
        result
    }

    /// The ARGs before the first FROM: as the build passes them, else by their defaults.
    fn globals(&self, build: Option<&Build>) -> HashMap<String, Lookup> {
        let mut variables: HashMap<String, Lookup> = HashMap::new();
        let lexer = Lexer::new(self.tree.escape);
        for instruction in self.tree.meta_args() {
            let Body::Arg(pairs) = &instruction.body else { continue };
            for pair in pairs {
                let name = pair.name.to_string();
                let passed = build.and_then(|build| build.arg(&name)).map(|arg| match arg.value.as_known() {
                    Some(value) => Lookup::Set(value.to_owned()),
                    None => Lookup::Dynamic,
                });
                let value = passed.unwrap_or_else(|| match &pair.value {
                    Some(value) => {
                        let known = |name: &str| look_up(&variables, name);
                        let expanded = lexer.expand(value, &known).ok();
                        let text = expanded.as_ref().and_then(|expansion| expansion.value.known());
                        let text = text.filter(|text| text.len() <= MAX_VALUE);
                        text.map_or(Lookup::Dynamic, |text| Lookup::Set(text.to_owned()))
                    }
                    None => Lookup::Unset,
                });
                variables.insert(name, value);
            }
        }
        variables
    }

    /// What a stage stands on, for a build or for the defaults.
    pub fn base(&self, stage: usize, build: Option<&Build>) -> Base {
        let Some(node) = self.tree.stages.get(stage) else { return Base::Scratch };
        // A context that is named like the stage stands in its place (BuildKit, frontend/dockerfile/dockerfile2llb/convert.go).
        let in_place = node.name.as_deref().and_then(|name| build?.named_context(name));
        if let Some(context) = in_place {
            return Base::Context(context.name.clone());
        }
        let text = self.expand_global(&node.base, build);
        let Some(name) = text.as_known() else { return Base::Image(text) };
        if let Some(context) = build.and_then(|build| build.named_context(name)) {
            return Base::Context(context.name.clone());
        }
        match self.tree.base_stage(stage, name) {
            Some(base) => Base::Stage(base),
            None if name == "scratch" => Base::Scratch,
            None => Base::Image(text),
        }
    }

    /// The index of the stage that a build asks for: by name or by number, the last one when it names none. `None` when
    /// there is no such stage.
    pub fn target_stage(&self, target: Option<&str>) -> Option<usize> {
        match target {
            None | Some("") => self.tree.stages.len().checked_sub(1),
            Some(name) => self
                .tree
                .stage_named(name)
                .or_else(|| name.parse().ok().filter(|index: &usize| *index < self.tree.stages.len())),
        }
    }

    /// The nodes that a person could name: stages and instructions.
    pub(super) fn outline(&self) -> Outline {
        let mut nodes: Vec<(Span, String)> = Vec::new();
        for (at, stage) in self.tree.stages.iter().enumerate() {
            let Some(from) = self.tree.instructions.get(stage.from) else { continue };
            let last = self.tree.stage_instructions(at).last().unwrap_or(from);
            let name = match &stage.name {
                Some(name) => format!("stage {name}"),
                None => format!("stage from {}", stage.base.as_str()),
            };
            nodes.push((from.span.cover(last.span), name));
        }
        for instruction in &self.tree.instructions {
            let words: Vec<&str> = instruction.arguments.split_whitespace().collect();
            let name = match instruction.keyword {
                Keyword::From => "FROM".to_owned(),
                keyword => format!("{} {}", keyword.name(), words.join(" ")),
            };
            nodes.push((instruction.span, name));
        }
        let is_comment = |line: &&syntax::Line| {
            matches!(line.kind, LineKind::Comment | LineKind::Directive | LineKind::ContinuedComment(_))
        };
        let comments = self.tree.lines.iter().filter(is_comment).map(|line| {
            let text = self.source.slice(line.span);
            let start = line.span.start as usize + (text.len() - text.trim_start().len());
            let span = Span::new(self.file, start..start + text.trim().len());
            Comment { span, text: text.trim().trim_start_matches('#').trim().to_owned(), trailing: false }
        });
        Outline::new(nodes, comments.collect())
    }
}

fn look_up(variables: &HashMap<String, Lookup>, name: &str) -> Lookup {
    variables.get(name).cloned().unwrap_or_else(|| {
        // The platform arguments are always there; which values they have is the builder's matter.
        let platform = name.strip_prefix("BUILD").or_else(|| name.strip_prefix("TARGET"));
        match platform {
            Some("PLATFORM" | "OS" | "ARCH" | "VARIANT" | "OSVERSION" | "STAGE") => Lookup::Dynamic,
            _ => Lookup::Unset,
        }
    })
}
