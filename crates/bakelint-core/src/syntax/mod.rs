//! One module per format: text in, tree with spans and errors out.
//!
//! A parser here never fails and never panics: what it cannot read becomes a [`SyntaxError`] beside the tree.
//! Third-party parsers are named in their one module only.

pub mod dockerfile;
pub mod dockerignore;
pub mod expression;
pub mod hcl;
pub mod image;
pub mod interpolation;
pub mod json;
pub mod justfile;
pub mod makefile;
pub mod mapped;
pub mod platform;
pub mod shell;
pub mod spdx;
pub mod taskfile;
pub mod text;
pub mod yaml;

use crate::source::Span;

/// Something that the format's own tool would refuse to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// The token that must change; empty at the end of the text.
    pub span: Span,
    /// What to do about it.
    pub help: Option<String>,
}

impl SyntaxError {
    /// An error without advice.
    pub fn new(message: impl Into<String>, span: Span) -> Self {
        SyntaxError { message: message.into(), span, help: None }
    }
}
