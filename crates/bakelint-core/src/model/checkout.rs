//! The repository as bake sees it from one of its folders.

use std::cell::RefCell;

use crate::bake::functions::FunctionEnv;
use crate::bake::{Host, PathKind, Sealed};
use crate::model::paths;
use crate::snapshot::Snapshot;
use crate::source::FileId;

/// The files of a snapshot, with neither environment nor clock: what an evaluation for nobody in particular may look at.
#[derive(Debug)]
pub(super) struct Checkout<'s> {
    snapshot: &'s Snapshot,
    folder: &'s str,
    unread: RefCell<Vec<String>>,
}

impl<'s> Checkout<'s> {
    /// What a command in a folder sees.
    pub(super) fn new(snapshot: &'s Snapshot, folder: &'s str) -> Self {
        Checkout { snapshot, folder, unread: RefCell::default() }
    }

    /// The paths that were asked for, that exist and that the snapshot has not read.
    pub(super) fn into_unread(self) -> Vec<String> {
        self.unread.into_inner()
    }

    fn path(&self, path: &str) -> Option<String> {
        paths::join(self.folder, path)
    }
}

impl FunctionEnv for Checkout<'_> {
    fn now(&self) -> i64 {
        Sealed::default().now()
    }

    fn home_dir(&self) -> String {
        Sealed::default().home_dir()
    }

    fn random(&self, buffer: &mut [u8]) {
        Sealed::default().random(buffer);
    }
}

impl Host for Checkout<'_> {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        let inside = self.path(path).filter(|inside| self.snapshot.has_path(inside));
        let inside = inside.ok_or("no such file or directory")?;
        match self.snapshot.find(&inside).and_then(|file| self.snapshot.get(file)) {
            Some(source) => Ok(source.bytes().to_vec()),
            None => {
                self.unread.borrow_mut().push(inside);
                Err("it has not been read yet".to_owned())
            }
        }
    }

    fn kind(&self, path: &str) -> PathKind {
        match self.path(path) {
            Some(inside) if self.snapshot.is_folder(&inside) => PathKind::Directory,
            Some(inside) if self.snapshot.has_path(&inside) => {
                let source = self.snapshot.find(&inside).and_then(|file| self.snapshot.get(file));
                PathKind::File(source.map_or(0, |source| source.bytes().len() as u64))
            }
            _ => PathKind::Missing,
        }
    }

    fn variable(&self, _: &str) -> Option<String> {
        None
    }

    fn variables(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    fn standard_input(&self) -> Result<Vec<u8>, String> {
        Ok(Vec::new())
    }

    fn file(&self, path: &str) -> Option<FileId> {
        self.snapshot.find(&self.path(path)?)
    }

    fn platform(&self) -> String {
        Sealed::default().platform()
    }
}
