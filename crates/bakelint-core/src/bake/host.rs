//! What surrounds a definition: files, environment, clock.

use std::collections::BTreeMap;

use super::functions::FunctionEnv;
use crate::source::FileId;

/// What an evaluation may ask about its surroundings. Paths are as written: absolute, or relative to the working
/// directory.
pub trait Host: FunctionEnv {
    /// The bytes of a file.
    ///
    /// # Errors
    /// In the words of the operating system, `no such file or directory` for instance.
    fn read(&self, path: &str) -> Result<Vec<u8>, String>;

    /// What is at a path.
    fn kind(&self, path: &str) -> PathKind;

    /// An environment variable.
    fn variable(&self, name: &str) -> Option<String>;

    /// All environment variables, for compose files.
    fn variables(&self) -> Vec<(String, String)>;

    /// All of standard input.
    ///
    /// # Errors
    /// In the words of the operating system.
    fn standard_input(&self) -> Result<Vec<u8>, String>;

    /// What spans into the file at a path shall say, if the caller has an id for it.
    fn file(&self, path: &str) -> Option<FileId> {
        _ = path;
        None
    }

    /// The platform of the client as `os/arch[/variant]`.
    fn platform(&self) -> String;
}

/// What is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathKind {
    /// Nothing, or nothing that can be looked at.
    Missing,
    /// A regular file of this many bytes.
    File(u64),
    /// A directory.
    Directory,
    /// A socket.
    Socket,
}

/// Surroundings without files: an environment of given variables, and nothing else. What the linter uses.
#[derive(Debug, Clone, Default)]
pub struct Sealed {
    /// The environment.
    pub environment: BTreeMap<String, String>,
    /// Files that may be read, by path.
    pub files: BTreeMap<String, Vec<u8>>,
}

impl FunctionEnv for Sealed {
    fn now(&self) -> i64 {
        0
    }

    fn home_dir(&self) -> String {
        "/root".to_owned()
    }

    fn random(&self, buffer: &mut [u8]) {
        buffer.fill(0);
    }
}

impl Host for Sealed {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        self.files.get(path).cloned().ok_or_else(|| "no such file or directory".to_owned())
    }

    fn kind(&self, path: &str) -> PathKind {
        match self.files.get(path) {
            Some(bytes) => PathKind::File(bytes.len() as u64),
            None => PathKind::Missing,
        }
    }

    fn variable(&self, name: &str) -> Option<String> {
        self.environment.get(name).cloned()
    }

    fn variables(&self) -> Vec<(String, String)> {
        self.environment.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    fn standard_input(&self) -> Result<Vec<u8>, String> {
        Ok(Vec::new())
    }

    fn platform(&self) -> String {
        "linux/amd64".to_owned()
    }
}
