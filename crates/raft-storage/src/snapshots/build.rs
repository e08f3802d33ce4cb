//! A snapshot's folder in the making, whoever fills it.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use raft_core::SnapshotMeta;

use super::manifest::{FileRecord, MANIFEST, Manifest};
use super::registry::{Registry, Stored};
use crate::error::StorageError;
use crate::files::File;

/// The longest name of a file, in bytes: what common file systems allow.
const NAME_BYTES: usize = 255;

/// How much of an adopted file is read at a time, in bytes.
const PIECE: usize = 256 * 1024;

/// A folder that is being filled. Dropped before it is closed, it is removed.
pub(super) struct Building {
    registry: Arc<Registry>,
    pub(super) folder: String,
    done: Vec<FileRecord>,
    current: Option<Current>,
    closed: bool,
}

/// The file that is being written.
struct Current {
    name: String,
    file: Arc<dyn File>,
    length: u64,
    checksum: u32,
}

impl Building {
    pub(super) fn new(registry: Arc<Registry>) -> Result<Building, StorageError> {
        let folder = registry.new_folder()?;
        Ok(Building { registry, folder, done: Vec::new(), current: None, closed: false })
    }

    /// Begins a file; the one before it is ended.
    pub(super) fn begin(&mut self, name: &str) -> Result<(), StorageError> {
        self.end_file()?;
        if let Some(why) = why_not(name) {
            return Err(self.refused(name, why));
        }
        if self.done.iter().any(|file| file.name == name) {
            return Err(self.refused(name, "the snapshot has a file of this name"));
        }
        let file = self
            .registry
            .files
            .create(&self.path(name))
            .map_err(|error| self.failed("create", name, error))?;
        self.current = Some(Current { name: name.to_owned(), file, length: 0, checksum: 0 });
        Ok(())
    }

    /// Appends to the file begun last.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), StorageError> {
        let Some(current) = &mut self.current else {
            return Err(self.refused("", "no file was begun"));
        };
        if let Err(error) = current.file.write_at(current.length, bytes) {
            let name = current.name.clone();
            return Err(self.failed("write", &name, error));
        }
        current.length += bytes.len() as u64;
        current.checksum = crc32c::crc32c_append(current.checksum, bytes);
        Ok(())
    }

    /// The file being written and its length.
    pub(super) fn current(&self) -> Option<(&str, u64)> {
        self.current.as_ref().map(|current| (current.name.as_str(), current.length))
    }

    /// Ends the file begun last; durable on return.
    pub(super) fn end_file(&mut self) -> Result<(), StorageError> {
        let Some(Current { name, file, length, checksum }) = self.current.take() else {
            return Ok(());
        };
        file.sync().map_err(|error| self.failed("sync", &name, error))?;
        self.done.push(FileRecord { name, length, checksum });
        Ok(())
    }

    /// Takes in the files that somebody else put into the folder. Those that the
    /// snapshot before links too are known from there: a large state is not read
    /// through for the little that changed in it, and what went bad on the disk
    /// since does not get a checksum of its own.
    pub(super) fn adopt(&mut self, before: Option<&Stored>) -> Result<(), StorageError> {
        let folder = before.map(Stored::folder).unwrap_or_default();
        let records = before.iter().flat_map(|before| &before.manifest.files);
        let known: BTreeMap<_, _> = records.map(|file| (file.name.as_str(), file)).collect();
        let listed = self.registry.files.list(&self.folder);
        for name in listed.map_err(|error| self.failed("list", "", error))? {
            if self.done.iter().any(|file| file.name == name) {
                continue;
            }
            if let Some(why) = why_not(&name) {
                return Err(self.refused(&name, why));
            }
            let is_linked = |_: &&&FileRecord| {
                let link = format!("{folder}/{name}");
                self.registry.files.is_same_file(&link, &self.path(&name)).unwrap_or(false)
            };
            let record = match known.get(name.as_str()).filter(is_linked) {
                Some(record) => (*record).clone(),
                None => self.summed(&name).map_err(|error| self.failed("read", &name, error))?,
            };
            self.done.push(record);
        }
        Ok(())
    }

    /// Writes the manifest. All is durable on return but the folder's name,
    /// which the caller gives it.
    pub(super) fn close(mut self, meta: SnapshotMeta) -> Result<(String, Manifest), StorageError> {
        self.end_file()?;
        if self.done.is_empty() {
            return Err(self.refused("", "a snapshot has a file at least"));
        }
        let manifest = Manifest { meta, files: std::mem::take(&mut self.done) };
        self.write_manifest(&manifest).map_err(|error| self.failed("write", MANIFEST, error))?;
        self.closed = true;
        Ok((self.folder.clone(), manifest))
    }

    fn write_manifest(&self, manifest: &Manifest) -> io::Result<()> {
        let files = &self.registry.files;
        let file = files.create(&self.path(MANIFEST))?;
        file.write_at(0, &manifest.encode())?;
        file.sync()?;
        files.sync_folder(&self.folder)
    }

    /// Reads a file through, and syncs it.
    fn summed(&self, name: &str) -> io::Result<FileRecord> {
        let file = self.registry.files.open(&self.path(name))?;
        let length = file.length()?;
        let mut checksum = 0;
        let mut piece = vec![0; PIECE];
        let mut offset = 0;
        while offset < length {
            let some = &mut piece[..(length - offset).min(PIECE as u64) as usize];
            file.read_at(offset, some)?;
            checksum = crc32c::crc32c_append(checksum, some);
            offset += some.len() as u64;
        }
        file.sync()?;
        Ok(FileRecord { name: name.to_owned(), length, checksum })
    }

    fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.folder)
    }

    fn failed(&self, operation: &'static str, name: &str, error: io::Error) -> StorageError {
        StorageError::io(operation, self.registry.files.describe(&self.path(name)), error)
    }

    fn refused(&self, name: &str, why: &str) -> StorageError {
        let source = io::Error::new(io::ErrorKind::InvalidInput, format!("{name:?}: {why}"));
        self.failed("write", name, source)
    }
}

impl Drop for Building {
    fn drop(&mut self) {
        if !self.closed {
            // What cannot be removed now is removed at the next start.
            let _ = self.registry.remove(&self.folder);
        }
    }
}

/// Why a file may not have this name.
fn why_not(name: &str) -> Option<&'static str> {
    if name.is_empty() || name.len() > NAME_BYTES {
        Some("a name has 1 to 255 bytes")
    } else if name.contains(['/', '\\', '\0']) || name == "." || name == ".." {
        Some("a name holds no path")
    } else if name == MANIFEST {
        Some("this name is taken")
    } else {
        None
    }
}
