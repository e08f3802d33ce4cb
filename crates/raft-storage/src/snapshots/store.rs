//! The snapshot store on files.

use std::sync::Arc;

use raft_core::{NodeId, SnapshotMeta, TransferId};

use super::create::FileSink;
use super::receive::FileChunkSink;
use super::registry::{Registry, missing};
use super::source::FileSource;
use crate::error::StorageError;
use crate::files::Files;
use crate::folder;
use crate::snapshot_store::{ChunkSink, SnapshotSink, SnapshotSource, SnapshotStore};

/// A [`SnapshotStore`] in a folder of its own; see the [module](super).
pub struct FileSnapshots {
    registry: Arc<Registry>,
}

impl FileSnapshots {
    /// Opens the snapshots in a folder. What a crash left unfinished there, and
    /// what was received but not promoted, is removed.
    ///
    /// # Errors
    ///
    /// [`StorageError::Refused`] if the folder is in use or a snapshot is of a
    /// newer format, [`StorageError::Corrupt`] if a complete snapshot is
    /// damaged, otherwise if the disk refuses.
    pub fn open(files: Arc<dyn Files>) -> Result<FileSnapshots, StorageError> {
        let lock = folder::lock(&*files)?;
        Ok(FileSnapshots { registry: Arc::new(Registry::open(files, lock)?) })
    }
}

impl SnapshotStore for FileSnapshots {
    fn newest(&self) -> Option<SnapshotMeta> {
        self.registry.newest().map(|stored| stored.manifest.meta.clone())
    }

    fn create(&self) -> Result<Box<dyn SnapshotSink>, StorageError> {
        Ok(Box::new(FileSink::new(self.registry.clone())?))
    }

    fn open_newest(&self) -> Result<Box<dyn SnapshotSource>, StorageError> {
        let newest = self.registry.newest();
        let newest =
            newest.ok_or_else(|| StorageError::Missing { what: "a snapshot".to_owned() })?;
        Ok(Box::new(FileSource::new(self.registry.clone(), newest)?))
    }

    fn receive(
        &self,
        from: NodeId,
        id: TransferId,
        meta: SnapshotMeta,
    ) -> Result<Box<dyn ChunkSink>, StorageError> {
        self.registry.drop_received(|sender, _| sender == from)?;
        Ok(Box::new(FileChunkSink::new(self.registry.clone(), from, id, meta)?))
    }

    fn open_received(
        &self,
        from: NodeId,
        id: TransferId,
    ) -> Result<Box<dyn SnapshotSource>, StorageError> {
        let stored = self.registry.received(from, id).ok_or_else(|| missing(from, id))?;
        Ok(Box::new(FileSource::new(self.registry.clone(), stored)?))
    }

    fn promote(&self, from: NodeId, id: TransferId) -> Result<(), StorageError> {
        self.registry.promote(from, id)
    }

    fn discard(&self, from: NodeId, id: TransferId) -> Result<(), StorageError> {
        self.registry.drop_received(|sender, transfer| (sender, transfer) == (from, id))
    }
}
