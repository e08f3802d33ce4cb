//! Takes in a snapshot of one's own.

use std::path::PathBuf;
use std::sync::Arc;

use raft_core::SnapshotMeta;

use super::build::Building;
use super::registry::Registry;
use crate::error::StorageError;
use crate::snapshot_store::SnapshotSink;

pub(super) struct FileSink {
    registry: Arc<Registry>,
    building: Building,
}

impl FileSink {
    pub(super) fn new(registry: Arc<Registry>) -> Result<FileSink, StorageError> {
        let building = Building::new(registry.clone())?;
        Ok(FileSink { registry, building })
    }
}

impl SnapshotSink for FileSink {
    fn begin_file(&mut self, name: &str) -> Result<(), StorageError> {
        self.building.begin(name)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), StorageError> {
        self.building.write(bytes)
    }

    fn folder(&self) -> Option<PathBuf> {
        self.registry.real_path(&self.building.folder)
    }

    fn finish(mut self: Box<Self>, meta: SnapshotMeta) -> Result<(), StorageError> {
        self.building.end_file()?;
        self.building.adopt(self.registry.newest().as_deref())?;
        let (folder, manifest) = self.building.close(meta)?;
        self.registry.add_own(&folder, manifest)
    }
}
