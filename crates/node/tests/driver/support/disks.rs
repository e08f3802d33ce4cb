//! What a node keeps from life to life.

use std::sync::{Arc, Mutex};

use balsa::driver::recovery::Stores;
use raft_core::{Index, SnapshotMeta};
use raft_storage::files::{Outage, SimFiles};
use raft_storage::memory::{MemoryDisk, MemoryLog, MemoryLogDisk, MemoryState};
use raft_storage::snapshots::FileSnapshots;
use raft_storage::{LogReader, LogStore, LogWrite, RecoveredLog, SnapshotStore, StorageError};

use super::journal::{Journal, SPACES};

/// The disks of one node.
pub struct Disks {
    pub log: MemoryLogDisk,
    pub state: MemoryDisk,
    pub snapshots: SimFiles,
    /// The size of each group written, in all lives.
    pub groups: Groups,
    bootstrap: SnapshotMeta,
}

/// The size of each group that a log was given.
pub type Groups = Arc<Mutex<Vec<usize>>>;

impl Disks {
    pub fn new(seed: u64, bootstrap: SnapshotMeta) -> Disks {
        Disks {
            log: MemoryLogDisk::new(),
            state: MemoryDisk::with_seed(seed),
            snapshots: SimFiles::new(seed),
            groups: Groups::default(),
            bootstrap,
        }
    }

    /// Opens all stores.
    pub fn open(&self) -> Stores<Journal> {
        let log = self.open_log();
        let state = MemoryState::open(&self.state, &SPACES).expect("the state opens");
        let machine = Journal::open(Arc::new(state), self.bootstrap.clone());
        Stores { log, machine, snapshots: self.open_snapshots() }
    }

    pub fn open_log(&self) -> Box<dyn LogStore> {
        let inner = MemoryLog::open(&self.log, self.bootstrap.clone());
        Box::new(CountedLog { inner, groups: self.groups.clone() })
    }

    pub fn open_snapshots(&self) -> Arc<dyn SnapshotStore> {
        let files = Arc::new(self.snapshots.clone());
        Arc::new(FileSnapshots::open(files).expect("the snapshots open"))
    }

    /// The machine loses power and comes back: what was not synced is gone.
    pub fn restart(&mut self) {
        self.log.restart();
        self.state.restart();
        self.snapshots = self.snapshots.restart(Outage::PowerLoss);
    }
}

/// A log that counts.
struct CountedLog {
    inner: MemoryLog,
    groups: Groups,
}

impl LogStore for CountedLog {
    fn recovered(&self) -> &RecoveredLog {
        self.inner.recovered()
    }

    fn write(&mut self, group: &[LogWrite]) -> Result<(), StorageError> {
        self.groups.lock().expect("nobody panicked").push(group.len());
        self.inner.write(group)
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
