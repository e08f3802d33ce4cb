//! A state machine that tells what it is given.

use kv_statemachine::{KvReader, KvStateMachine, Reply};
use raft_core::{Entry, Index, SnapshotMeta};
use raft_storage::{SnapshotJob, SnapshotSink, SnapshotSource, StateMachine, StorageError};

use super::sightings::{Sighting, Sightings};
use super::watched_log::DurableIndex;

/// Wraps a node's store. What passes through is not changed.
pub struct WatchedMachine {
    inner: KvStateMachine,
    sightings: Sightings,
    durable: DurableIndex,
}

/// A hash is taken after each batch that ends at a multiple of this: nodes that
/// apply other batches meet at some of them, and what differs once goes on to differ.
const HASHED_INDEXES: u64 = 16;

impl WatchedMachine {
    /// Watches a state machine.
    ///
    /// # Errors
    ///
    /// If its durable state cannot be read.
    pub fn new(
        inner: KvStateMachine,
        sightings: Sightings,
        durable: DurableIndex,
    ) -> Result<WatchedMachine, StorageError> {
        durable.set(inner.durable()?);
        Ok(WatchedMachine { inner, sightings, durable })
    }

    /// A reader of the store.
    pub fn reader(&self) -> KvReader {
        self.inner.reader()
    }

    fn hash(&self) -> Result<(), StorageError> {
        let view = self.inner.reader().view();
        let hash = view.state_hash()?;
        self.sightings.put(Sighting::Hashed(view.applied().index, hash));
        Ok(())
    }
}

impl StateMachine for WatchedMachine {
    type Reply = Reply;

    fn applied(&self) -> SnapshotMeta {
        self.inner.applied()
    }

    fn durable(&self) -> Result<Index, StorageError> {
        self.inner.durable()
    }

    fn apply(
        &mut self,
        entries: &[Entry],
        replies: &mut Vec<Option<Reply>>,
    ) -> Result<(), StorageError> {
        self.sightings.put(Sighting::Applying(entries.to_vec()));
        self.inner.apply(entries, replies)?;
        self.durable.set(self.inner.durable()?);
        match entries.last() {
            Some(last) if last.index.0 % HASHED_INDEXES == 0 => self.hash(),
            _ => Ok(()),
        }
    }

    fn flush(&mut self) -> Result<(), StorageError> {
        self.inner.flush()?;
        self.durable.set(self.inner.durable()?);
        Ok(())
    }

    fn idle(&mut self) -> Result<bool, StorageError> {
        let has_more = self.inner.idle()?;
        self.durable.set(self.inner.durable()?);
        Ok(has_more)
    }

    fn prepare_snapshot(&mut self) -> Result<Box<dyn SnapshotJob>, StorageError> {
        let inner = self.inner.prepare_snapshot()?;
        let (sightings, durable) = (self.sightings.clone(), self.durable.clone());
        Ok(Box::new(WatchedJob { inner, sightings, durable }))
    }

    fn install(&mut self, snapshot: &mut dyn SnapshotSource) -> Result<(), StorageError> {
        self.inner.install(snapshot)?;
        self.durable.set(self.inner.durable()?);
        self.sightings.put(Sighting::Installed(self.inner.applied()));
        self.hash()
    }

    fn install_unfinished(&self) -> bool {
        self.inner.install_unfinished()
    }

    fn finish_install(&mut self) -> Result<(), StorageError> {
        self.inner.finish_install()
    }
}

/// Notes when a snapshot is written, and with it the state durable.
struct WatchedJob {
    inner: Box<dyn SnapshotJob>,
    sightings: Sightings,
    durable: DurableIndex,
}

impl SnapshotJob for WatchedJob {
    fn run(self: Box<Self>, sink: &mut dyn SnapshotSink) -> Result<SnapshotMeta, StorageError> {
        let meta = self.inner.run(sink)?;
        self.durable.set(self.durable.get().max(meta.position.index));
        self.sightings.put(Sighting::SnapshotTaken);
        Ok(meta)
    }
}
