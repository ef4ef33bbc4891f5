//! The files that compose files lead to: those they include, and those that have the services they extend.

use std::cell::RefCell;
use std::sync::Arc;

use super::definition::Definition;
use super::evaluation::Evaluation;
use super::host::Host;
use crate::source::{FileId, LineIndex, Source, Span};

/// A file that was read because a compose file names it.
#[derive(Debug, Clone)]
pub struct IncludedFile {
    /// What its spans say: the host's id for it, else one behind those of the definition's files.
    pub file: FileId,
    /// Its path from the working directory, and its text.
    pub source: Arc<Source>,
}

/// Reads each file once.
pub(super) struct Reader<'h> {
    pub host: &'h dyn Host,
    /// The first id that no file of the definition has.
    first: u32,
    read: RefCell<Vec<IncludedFile>>,
}

impl<'h> Reader<'h> {
    pub(super) fn new(host: &'h dyn Host, definition: &Definition) -> Self {
        let last = definition.files.iter().map(|file| file.file.0).max();
        Reader { host, first: last.map_or(0, |last| last.saturating_add(1)), read: RefCell::default() }
    }

    /// The file at a path.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn open(&self, path: &str) -> Result<IncludedFile, String> {
        let mut read = self.read.borrow_mut();
        if let Some(known) = read.iter().find(|file| file.source.path == path) {
            return Ok(known.clone());
        }
        let bytes = self.host.read(path).map_err(|why| format!("open {path}: {why}"))?;
        let next = FileId(self.first.saturating_add(read.len() as u32));
        let file =
            IncludedFile { file: self.host.file(path).unwrap_or(next), source: Arc::new(Source::new(path, bytes)) };
        read.push(file.clone());
        Ok(file)
    }

    pub(super) fn into_read(self) -> Vec<IncludedFile> {
        self.read.into_inner()
    }
}

impl Evaluation {
    /// Name, text and lines of the file that a span points into: one of the definition, or one that its compose files
    /// lead to.
    pub fn source<'e>(&'e self, definition: &'e Definition, span: Span) -> Option<(&'e str, &'e str, &'e LineIndex)> {
        definition.source(span).or_else(|| {
            let file = self.included.iter().find(|included| included.file == span.file)?;
            Some((&file.source.path, file.source.text(), file.source.lines()))
        })
    }
}
