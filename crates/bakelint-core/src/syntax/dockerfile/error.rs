//! What BuildKit refuses, and in which of its passes.

use crate::syntax::SyntaxError;

/// The pass of BuildKit's front end that refuses a file.
///
/// BuildKit stops at its first error, and each pass runs over the whole file before the next one begins. So an error of
/// the parser hides everything else, wherever it stands, and an error in an instruction hides those behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Lines are joined and split into words (`frontend/dockerfile/parser`).
    Parser,
    /// Words are read as instructions, in file order (`frontend/dockerfile/instructions`).
    Instruction,
    /// The file as a whole has nothing to build (`frontend/dockerfile/dockerfile2llb`).
    Stages,
}

/// Something that BuildKit refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// The pass that finds it.
    pub phase: Phase,
    /// What is wrong, with the guilty token.
    pub error: SyntaxError,
    /// Index in [`Dockerfile::instructions`](super::Dockerfile::instructions), where it is about one.
    pub instruction: Option<usize>,
    /// The line, from 1, that BuildKit names. It is 0 where BuildKit names none, and one too small for a faulty
    /// directive, so it can differ from the line of the span.
    pub buildkit_line: u32,
}
