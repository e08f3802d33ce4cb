//! Reads a complete snapshot.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use raft_core::SnapshotMeta;

use super::registry::{Registry, Stored};
use crate::error::StorageError;
use crate::files::File;
use crate::snapshot_store::{Chunk, SnapshotSource};

/// A snapshot that is being read. All its files are open from the start: the
/// folder may get another name meanwhile.
pub(super) struct FileSource {
    registry: Arc<Registry>,
    stored: Arc<Stored>,
    files: Vec<Arc<dyn File>>,
    /// Which file comes next, how far it is read, and its checksum so far.
    at: usize,
    offset: u64,
    checksum: u32,
}

impl FileSource {
    pub(super) fn new(
        registry: Arc<Registry>,
        stored: Arc<Stored>,
    ) -> Result<FileSource, StorageError> {
        let folder = stored.folder();
        let open = |name: &str| {
            let path = format!("{folder}/{name}");
            let failed = |error| StorageError::io("open", registry.files.describe(&path), error);
            registry.files.open(&path).map_err(failed)
        };
        let files: Result<_, _> =
            stored.manifest.files.iter().map(|record| open(&record.name)).collect();
        let files = files?;
        Ok(FileSource { registry, stored, files, at: 0, offset: 0, checksum: 0 })
    }

    fn path(&self, name: &str) -> String {
        self.registry.files.describe(&format!("{}/{name}", self.stored.folder()))
    }
}

impl SnapshotSource for FileSource {
    fn meta(&self) -> &SnapshotMeta {
        &self.stored.manifest.meta
    }

    fn next_chunk(&mut self, max_bytes: usize) -> Result<Option<Chunk>, StorageError> {
        let records = &self.stored.manifest.files;
        let Some(record) = records.get(self.at) else { return Ok(None) };
        let length = (record.length - self.offset).min(max_bytes.max(1) as u64);
        let mut bytes = vec![0; length as usize];
        self.files[self.at]
            .read_at(self.offset, &mut bytes)
            .map_err(|error| StorageError::io("read", self.path(&record.name), error))?;
        self.checksum = crc32c::crc32c_append(self.checksum, &bytes);
        let offset = self.offset;
        self.offset += length;
        let ends_file = self.offset == record.length;
        let ends_snapshot = ends_file && self.at + 1 == records.len();
        if ends_file && self.checksum != record.checksum {
            return Err(StorageError::Corrupt {
                file: self.path(&record.name),
                offset: 0,
                index: None,
                what: "the file does not match its checksum".to_owned(),
                way_out: StorageError::REPLACE_MEMBER,
            });
        }
        let chunk = Chunk::new(&record.name, offset, Bytes::from(bytes), ends_file, ends_snapshot);
        if ends_file {
            self.at += 1;
            self.offset = 0;
            self.checksum = 0;
        }
        Ok(Some(chunk))
    }

    fn folder(&self) -> Option<PathBuf> {
        self.registry.real_path(&self.stored.folder())
    }
}
