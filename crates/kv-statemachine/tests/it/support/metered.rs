//! A state store that counts what it is asked for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use raft_storage::memory::MemoryState;
use raft_storage::{
    Checkpoint, Mutation, Order, Scan, SnapshotSource, Space, StateStore, StateView, StorageError,
};

/// A store in memory with a meter at its views.
pub struct MeteredStore {
    inner: MemoryState,
    reads: Arc<AtomicU64>,
}

impl MeteredStore {
    pub fn new(inner: MemoryState) -> MeteredStore {
        MeteredStore { inner, reads: Arc::default() }
    }

    /// How many rows all views have given so far; a look-up counts as one.
    pub fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }
}

impl StateStore for MeteredStore {
    fn view(&self) -> Arc<dyn StateView> {
        Arc::new(MeteredView { inner: self.inner.view(), reads: self.reads.clone() })
    }

    fn commit(&self, batch: Vec<Mutation>) -> Result<(), StorageError> {
        self.inner.commit(batch)
    }

    fn flush(&self) -> Result<(), StorageError> {
        self.inner.flush()
    }

    fn durable_get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StorageError> {
        self.inner.durable_get(space, key)
    }

    fn checkpoint(&self) -> Result<Box<dyn Checkpoint>, StorageError> {
        self.inner.checkpoint()
    }

    fn install(&self, snapshot: &mut dyn SnapshotSource) -> Result<(), StorageError> {
        self.inner.install(snapshot)
    }

    fn install_unfinished(&self) -> bool {
        self.inner.install_unfinished()
    }

    fn finish_install(&self) -> Result<(), StorageError> {
        self.inner.finish_install()
    }

    fn reclaim(&self, has_room: &mut dyn FnMut(u64) -> bool) -> Result<bool, StorageError> {
        self.inner.reclaim(has_room)
    }

    fn size_bytes(&self) -> u64 {
        self.inner.size_bytes()
    }
}

struct MeteredView {
    inner: Arc<dyn StateView>,
    reads: Arc<AtomicU64>,
}

impl StateView for MeteredView {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StorageError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.inner.get(space, key)
    }

    fn scan<'a>(
        &'a self,
        space: Space,
        start: &[u8],
        end: Option<&[u8]>,
        order: Order,
    ) -> Scan<'a> {
        Box::new(self.inner.scan(space, start, end, order).inspect(|_| {
            self.reads.fetch_add(1, Ordering::Relaxed);
        }))
    }
}
