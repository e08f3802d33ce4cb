//! A log store that tells what becomes durable.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use raft_core::Index;
use raft_storage::{LogReader, LogStore, LogWrite, RecoveredLog, SnapshotStore, StorageError};

use super::sightings::{Sighting, Sightings};

/// Wraps a node's log store. What passes through is not changed.
pub struct WatchedLog {
    inner: Box<dyn LogStore>,
    recovered: RecoveredLog,
    sightings: Sightings,
    /// What the state machine's durable state has applied, as its own watcher
    /// found last.
    durable: DurableIndex,
    snapshots: Arc<dyn SnapshotStore>,
}

/// An index that one worker's watcher tells another's.
#[derive(Clone, Debug, Default)]
pub struct DurableIndex(Arc<AtomicU64>);

impl DurableIndex {
    /// Notes it down.
    pub fn set(&self, index: Index) {
        self.0.store(index.0, Ordering::SeqCst);
    }

    /// As noted down last.
    pub fn get(&self) -> Index {
        Index(self.0.load(Ordering::SeqCst))
    }
}

impl WatchedLog {
    /// Watches a log store.
    pub fn new(
        inner: Box<dyn LogStore>,
        sightings: Sightings,
        durable: DurableIndex,
        snapshots: Arc<dyn SnapshotStore>,
    ) -> WatchedLog {
        let recovered = inner.recovered().clone();
        WatchedLog { inner, recovered, sightings, durable, snapshots }
    }

    fn write_now(&mut self, group: &[LogWrite]) -> Result<(), StorageError> {
        for write in group {
            if let LogWrite::Purge(meta) = write {
                let newest = self.snapshots.newest();
                self.sightings.put(Sighting::Purging {
                    upto: meta.position.index,
                    durable: self.durable.get(),
                    snapshot: newest.map_or(Index::ZERO, |meta| meta.position.index),
                });
            }
        }
        let seen: Arc<[LogWrite]> = group.into();
        self.sightings.put(Sighting::Writing(Arc::clone(&seen)));
        self.inner.write(group)?;
        self.sightings.put(Sighting::Synced(seen));
        Ok(())
    }
}

impl LogStore for WatchedLog {
    fn recovered(&self) -> &RecoveredLog {
        &self.recovered
    }

    fn write(&mut self, group: &[LogWrite]) -> Result<(), StorageError> {
        self.write_now(group)
    }

    fn idle(&mut self) -> Result<(), StorageError> {
        self.inner.idle()
    }

    fn note_committed(&mut self, index: Index) -> Result<(), StorageError> {
        self.inner.note_committed(index)
    }

    fn reader(&self) -> Arc<dyn LogReader> {
        self.inner.reader()
    }

    fn size_bytes(&self) -> u64 {
        self.inner.size_bytes()
    }
}
