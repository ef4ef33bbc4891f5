//! Writing fixed files: whole or not at all, nowhere but below the root.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use bakelint_core::prelude::*;

use crate::Failure;

/// Makes the files below `root` those of `after`, where they differ from `before`.
///
/// Every new text is first written to a temporary file beside its target; only when all are, they are renamed. A target that
/// is reached through a symbolic link, that changed since it was read, or that is new and already there is refused, and
/// then nothing is written. File modes are kept.
pub fn write(root: &Path, before: &Snapshot, after: &Snapshot) -> Result<usize, Failure> {
    let mut staged: Vec<(PathBuf, PathBuf)> = Vec::new();
    let result = stage(root, before, after, &mut staged);
    if let Err(failure) = result {
        for (temporary, _) in &staged {
            // What is left behind is only a temporary file; the failure itself matters more.
            let _ = fs::remove_file(temporary);
        }
        return Err(failure);
    }
    let gone: Vec<PathBuf> = deleted(before, after).map(|path| root.join(path)).collect();
    for path in &gone {
        check_path(root, path)?;
    }
    let changed = staged.len() + gone.len();
    for (temporary, path) in staged {
        fs::rename(&temporary, &path).map_err(|source| Failure::File { path, source })?;
    }
    for path in gone {
        fs::remove_file(&path).map_err(|source| Failure::File { path, source })?;
    }
    Ok(changed)
}

fn deleted<'s>(before: &'s Snapshot, after: &'s Snapshot) -> impl Iterator<Item = &'s str> {
    before.files().map(|(_, file)| file.path.as_str()).filter(|path| after.find(path).is_none())
}

fn stage(
    root: &Path,
    before: &Snapshot,
    after: &Snapshot,
    staged: &mut Vec<(PathBuf, PathBuf)>,
) -> Result<(), Failure> {
    for (_, file) in after.files() {
        let old = before.find(&file.path).and_then(|old| before.get(old));
        if old.is_some_and(|old| old.bytes() == file.bytes()) {
            continue;
        }
        let path = root.join(&file.path);
        check_path(root, &path)?;
        let on_disk = match fs::read(&path) {
            Ok(bytes) => Some(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(source) => return Err(Failure::File { path, source }),
        };
        if on_disk.as_deref() != old.map(|old| old.bytes()) {
            return Err(Failure::Content { path, message: "changed while it was checked; nothing was written".into() });
        }
        let fail = |source| Failure::File { path: path.clone(), source };
        let folder = path.parent().unwrap_or(root);
        fs::create_dir_all(folder).map_err(fail)?;
        let temporary = folder.join(format!(".bakelint-{}-{}", std::process::id(), staged.len()));
        let mut handle = fs::OpenOptions::new().write(true).create_new(true).open(&temporary).map_err(fail)?;
        staged.push((temporary.clone(), path.clone()));
        handle.write_all(file.bytes()).and_then(|()| handle.sync_all()).map_err(fail)?;
        if let Ok(meta) = fs::metadata(&path) {
            fs::set_permissions(&temporary, meta.permissions()).map_err(fail)?;
        }
    }
    Ok(())
}

/// Refuses a path that leaves the root or goes through a symbolic link.
fn check_path(root: &Path, path: &Path) -> Result<(), Failure> {
    let refuse = |message: &str| Failure::Content { path: path.to_owned(), message: message.into() };
    let inside = path.strip_prefix(root).map_err(|_| refuse("lies outside of the root; nothing was written"))?;
    let mut at = root.to_owned();
    for part in inside.components() {
        if !matches!(part, std::path::Component::Normal(_)) {
            return Err(refuse("lies outside of the root; nothing was written"));
        }
        at.push(part);
        if fs::symlink_metadata(&at).is_ok_and(|meta| meta.is_symlink()) {
            return Err(refuse("is reached through a symbolic link; nothing was written"));
        }
    }
    Ok(())
}
