//! The outline of a Dockerfile, for other tools.

use serde::Serialize;

use super::{Body, Dockerfile};

/// Instructions and stages of a file, as `bakelint inspect` prints them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outline {
    /// All instructions in order.
    pub instructions: Vec<OutlineInstruction>,
    /// All stages in order.
    pub stages: Vec<OutlineStage>,
}

/// An instruction of an [`Outline`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OutlineInstruction {
    /// The keyword as written.
    pub keyword: String,
    /// First physical line, from 1.
    pub start: u32,
    /// Last physical line, from 1, here-documents included.
    pub end: u32,
    /// Here-documents in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub heredocs: Vec<OutlineHeredoc>,
}

/// A here-document of an [`OutlineInstruction`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OutlineHeredoc {
    /// The name without quotes.
    pub name: String,
    /// Whether no part of the name is quoted.
    pub expand: bool,
    /// Whether leading tabs are dropped.
    pub chomp: bool,
}

/// A stage of an [`Outline`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OutlineStage {
    /// The name in lower case; empty without one.
    pub name: String,
    /// The base as written.
    pub base: String,
    /// The line of its FROM, from 1.
    pub start: u32,
}

impl Dockerfile {
    /// The outline of the file.
    pub fn outline(&self) -> Outline {
        let instructions = self.instructions.iter().map(|instruction| OutlineInstruction {
            keyword: instruction.word.to_string(),
            start: instruction.lines.0,
            end: instruction.lines.1,
            heredocs: instruction.heredocs.iter().map(OutlineHeredoc::from).collect(),
        });
        let stages = self.instructions.iter().filter_map(|instruction| {
            let Body::From(_) = &instruction.body else { return None };
            let stage = self.stages.get(instruction.stage?)?;
            let name = stage.name.clone().unwrap_or_default();
            Some(OutlineStage { name, base: stage.base.to_string(), start: instruction.lines.0 })
        });
        Outline { instructions: instructions.collect(), stages: stages.collect() }
    }
}

impl From<&super::Heredoc> for OutlineHeredoc {
    fn from(heredoc: &super::Heredoc) -> Self {
        OutlineHeredoc { name: heredoc.name.clone(), expand: heredoc.expand, chomp: heredoc.chomp }
    }
}
