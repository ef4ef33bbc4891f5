//! What keeps the program from doing what it was asked to.

use std::io;
use std::ops::Range;
use std::path::PathBuf;

use bakelint_core::prelude::ConfigError;

/// Why the program stops with status 2.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The configuration is wrong.
    #[error("{error}")]
    Config {
        /// The file.
        path: String,
        /// Its text.
        text: String,
        /// The mistake.
        error: ConfigError,
    },
    /// A word of the command line is wrong.
    #[error("{message}")]
    Usage {
        /// What is wrong.
        message: String,
        /// What was probably meant.
        help: Option<String>,
    },
    /// A file or folder cannot be read or written.
    #[error("{path}: {source}", path = path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A file holds something else than it should.
    #[error("{path}: {message}", path = path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// The reader of our output went away.
    #[error("the output was closed")]
    Closed,
}

impl Failure {
    /// A wrong word on the command line.
    pub fn usage(message: impl Into<String>) -> Self {
        Failure::Usage { message: message.into(), help: None }
    }

    /// What may help.
    pub fn help(&self) -> Option<&str> {
        match self {
            Failure::Config { error, .. } => error.help.as_deref(),
            Failure::Usage { help, .. } => help.as_deref(),
            _ => None,
        }
    }

    /// The text, its name and the bytes in it that are wrong.
    pub fn place(&self) -> Option<(&str, &str, Range<usize>)> {
        match self {
            Failure::Config { path, text, error } => Some((path, text, error.span.clone()?)),
            _ => None,
        }
    }
}

/// Errors of writing to standard output: a closed pipe ends the program quietly.
impl From<io::Error> for Failure {
    fn from(source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::BrokenPipe => Failure::Closed,
            _ => Failure::File { path: PathBuf::from("standard output"), source },
        }
    }
}
