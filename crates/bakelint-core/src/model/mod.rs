//! What the project is: Dockerfiles, bake files, compose files, workflows, and the builds that join them.

pub mod outline;
pub mod settings;

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
    /// What the parsers could not read.
    pub errors: Vec<SyntaxError>,
}

impl Project {
    /// Parses and links all files.
    pub fn new(snapshot: Snapshot, settings: Settings) -> Self {
        Project { snapshot, settings, errors: Vec::new() }
    }

    /// The nodes of a file that a person could name.
    pub fn outline(&self, _file: FileId) -> &Outline {
        static EMPTY: std::sync::OnceLock<Outline> = std::sync::OnceLock::new();
        EMPTY.get_or_init(Outline::default)
    }

    /// Whether the file is read as a Dockerfile.
    pub fn is_dockerfile(&self, _file: FileId) -> bool {
        false
    }
}
