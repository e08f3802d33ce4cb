//! Takes in a snapshot that comes from another node.

use std::sync::Arc;

use raft_core::{NodeId, SnapshotMeta, TransferId};

use super::build::Building;
use super::registry::Registry;
use crate::error::StorageError;
use crate::snapshot_store::{Chunk, ChunkSink};

pub(super) struct FileChunkSink {
    registry: Arc<Registry>,
    building: Building,
    from: NodeId,
    id: TransferId,
    meta: SnapshotMeta,
    ended: bool,
}

impl FileChunkSink {
    pub(super) fn new(
        registry: Arc<Registry>,
        from: NodeId,
        id: TransferId,
        meta: SnapshotMeta,
    ) -> Result<FileChunkSink, StorageError> {
        let building = Building::new(registry.clone())?;
        Ok(FileChunkSink { registry, building, from, id, meta, ended: false })
    }

    /// What is wrong with the stream if this chunk is the next.
    fn why_not(&self, chunk: &Chunk) -> Option<&'static str> {
        if self.ended {
            return Some("a chunk follows the last one");
        }
        if chunk.checksum != chunk.checksum_of() {
            return Some("a chunk does not match its checksum");
        }
        if chunk.ends_snapshot && !chunk.ends_file {
            return Some("the stream ends within a file");
        }
        match self.building.current() {
            None if chunk.offset != 0 => Some("a file's start is missing"),
            Some((name, _)) if name != chunk.file => Some("a file's end is missing"),
            Some((_, length)) if length != chunk.offset => Some("a chunk is missing or repeated"),
            _ => None,
        }
    }

    fn corrupt(&self, file: &str, offset: u64, what: &str) -> StorageError {
        StorageError::Corrupt {
            file: format!("{file} in snapshot {} of {}", self.id, self.from),
            offset,
            index: None,
            what: what.to_owned(),
            way_out: "it has to be sent again",
        }
    }
}

impl ChunkSink for FileChunkSink {
    fn write(&mut self, chunk: &Chunk) -> Result<(), StorageError> {
        if let Some(what) = self.why_not(chunk) {
            return Err(self.corrupt(&chunk.file, chunk.offset, what));
        }
        if self.building.current().is_none() {
            self.building.begin(&chunk.file)?;
        }
        self.building.write(&chunk.bytes)?;
        if chunk.ends_file {
            self.building.end_file()?;
        }
        self.ended = chunk.ends_snapshot;
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(), StorageError> {
        if !self.ended {
            let (file, length) = self.building.current().unwrap_or(("the end", 0));
            return Err(self.corrupt(file, length, "the stream ended too early"));
        }
        let FileChunkSink { registry, building, from, id, meta, .. } = *self;
        let (folder, manifest) = building.close(meta)?;
        registry.add_received(from, id, &folder, manifest)
    }
}
