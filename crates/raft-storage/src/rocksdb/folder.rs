//! Folders within a store's folder, and what is done with files between them.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::StorageError;

/// A folder that may be told to go when it is no longer used.
pub(super) struct Folder {
    path: PathBuf,
    doomed: AtomicBool,
}

impl Folder {
    /// A folder that stays.
    pub(super) fn new(path: PathBuf) -> Folder {
        Folder { path, doomed: AtomicBool::new(false) }
    }

    /// A folder that goes with this value.
    pub(super) fn temporary(path: PathBuf) -> Folder {
        Folder { path, doomed: AtomicBool::new(true) }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Lets the folder go with this value.
    pub(super) fn doom(&self) {
        self.doomed.store(true, Ordering::Release);
    }

    /// Lets the folder stay: somebody else looks after it now.
    pub(super) fn keep(self) {
        self.doomed.store(false, Ordering::Release);
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.doomed.load(Ordering::Acquire) {
            // What cannot be removed now is removed at the next start.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// The names of the files in a folder, in order.
pub(super) fn list(folder: &Path) -> Result<Vec<String>, StorageError> {
    let read = || -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(folder)? {
            let name = entry?.file_name().into_string();
            names.push(name.map_err(|name| {
                io::Error::new(ErrorKind::InvalidData, format!("the name {name:?} is not UTF-8"))
            })?);
        }
        names.sort();
        Ok(names)
    };
    read().map_err(|error| failed("list", folder, error))
}

/// Moves a file into another folder, on the same file system or not.
pub(super) fn relocate(from: &Path, to: &Path) -> Result<(), StorageError> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == ErrorKind::CrossesDevices => copy(from, to),
        other => other.map_err(|error| failed("move", from, error)),
    }
}

/// Gives a file a second name; where the file system cannot, a copy.
pub(super) fn link(from: &Path, to: &Path) -> Result<(), StorageError> {
    match fs::hard_link(from, to) {
        Err(error) if cannot_link(error.kind()) => copy(from, to),
        other => other.map_err(|error| failed("link", from, error)),
    }
}

/// Makes the names in a folder durable.
pub(super) fn sync(folder: &Path) -> Result<(), StorageError> {
    let synced = fs::File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|error| failed("sync", folder, error))
}

/// An error of the operating system about a path.
pub(super) fn failed(operation: &'static str, path: &Path, error: io::Error) -> StorageError {
    StorageError::io(operation, path.display().to_string(), error)
}

fn copy(from: &Path, to: &Path) -> Result<(), StorageError> {
    let copied = fs::copy(from, to).and_then(|_| fs::File::open(to)?.sync_all());
    copied.map_err(|error| failed("copy", from, error))
}

fn cannot_link(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::CrossesDevices
            | ErrorKind::Unsupported
            | ErrorKind::PermissionDenied
            | ErrorKind::TooManyLinks
    )
}
