//! What a node keeps when its process is gone.

use std::sync::Arc;

use kv_statemachine::KvStateMachine;
use raft_core::{NodeId, SnapshotMeta};
use raft_storage::StorageError;
use raft_storage::files::{Failure, Files, Outage, SimFiles};
use raft_storage::memory::{MemoryDisk, MemoryState};
use raft_storage::segments::{SegmentLog, SegmentsConfig};
use raft_storage::snapshots::FileSnapshots;

use crate::rng::Rng;

/// Segments are this long, in bytes: short enough that a run fills many.
const SEGMENT_BYTES: u64 = 8 * 1024;
/// The cluster that all nodes of a run belong to.
pub const CLUSTER: u64 = 1;

/// A node's disks: one with files, for the log and the snapshots, and one that
/// the state machine's store lives on.
pub struct Disks {
    node: NodeId,
    rng: Rng,
    files: SimFiles,
    state: MemoryDisk,
    /// The number of the operation that is planned to fail.
    planned: Option<u64>,
    /// Writes fail for want of room.
    is_full: bool,
    /// Something that was durable is not as it was written.
    is_damaged: bool,
    #[cfg(feature = "planted-bugs")]
    planted: Option<raft_storage::Bug>,
}

/// What an error of a disk stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doom {
    /// The machine loses its power at that moment.
    PowerLoss,
    /// The disk refuses.
    DiskError,
}

impl Disks {
    /// Empty disks.
    pub fn new(node: NodeId, rng: &Rng) -> Disks {
        let mut rng = rng.fork("disks").fork_number(node.0);
        let files = SimFiles::new(rng.bits());
        let state = MemoryDisk::with_seed(rng.bits());
        Disks {
            node,
            rng,
            files,
            state,
            planned: None,
            is_full: false,
            is_damaged: false,
            #[cfg(feature = "planted-bugs")]
            planted: None,
        }
    }

    /// Commits a bug from now on.
    #[cfg(feature = "planted-bugs")]
    pub fn plant(&mut self, bug: Option<raft_storage::Bug>) {
        self.planted = bug;
        self.state.plant(bug);
    }

    /// Opens the log.
    ///
    /// # Errors
    ///
    /// Those of [`SegmentLog::open`].
    pub fn open_log(&mut self, bootstrap: &SnapshotMeta) -> Result<SegmentLog, StorageError> {
        let mut config =
            SegmentsConfig::new(self.node, CLUSTER, self.rng.bits(), bootstrap.clone());
        config.segment_bytes = SEGMENT_BYTES;
        #[cfg(feature = "planted-bugs")]
        {
            config.planted = self.planted;
        }
        SegmentLog::open(self.folder("log")?, config)
    }

    /// Opens the state machine.
    ///
    /// # Errors
    ///
    /// Those of [`KvStateMachine::open`].
    pub fn open_machine(&self, bootstrap: &SnapshotMeta) -> Result<KvStateMachine, StorageError> {
        let store = MemoryState::open(&self.state, &KvStateMachine::SPACES)?;
        KvStateMachine::open(Arc::new(store), bootstrap.clone())
    }

    /// Opens the snapshots.
    ///
    /// # Errors
    ///
    /// Those of [`FileSnapshots::open`].
    pub fn open_snapshots(&self) -> Result<FileSnapshots, StorageError> {
        FileSnapshots::open(self.folder("snapshots")?)
    }

    fn folder(&self, name: &str) -> Result<Arc<dyn Files>, StorageError> {
        self.files.folder(name).map_err(|error| StorageError::io("open", name, error))
    }

    /// The process ends; what it wrote to files is there, synced or not.
    pub fn kill(&mut self) {
        self.restart(Outage::Kill);
    }

    /// The machine loses its power; what was not synced may be lost or torn.
    pub fn lose_power(&mut self) {
        self.restart(Outage::PowerLoss);
    }

    fn restart(&mut self, outage: Outage) {
        self.files = self.files.restart(outage);
        self.planned = None;
        self.state.restart();
    }

    /// Plans an error for after so many more operations on the files.
    pub fn fail_after(&mut self, doom: Doom, operations: u64) {
        let at = self.files.counters().operations + operations;
        match doom {
            Doom::PowerLoss => self.files.crash_at(Some(at)),
            Doom::DiskError => self.files.fail_at(at, Failure::Device),
        }
        self.planned = Some(at);
    }

    /// Whether the planned error has come.
    pub fn has_failed(&self) -> bool {
        self.planned.is_some_and(|at| self.files.counters().operations >= at)
    }

    /// Whether what fails on this disk fails because of what was done to it.
    pub fn may_fail(&self) -> bool {
        self.has_failed() || self.is_full || self.is_damaged
    }

    /// Leaves room for only so many more bytes on the disk with the files.
    pub fn fill(&mut self, bytes: u64) {
        self.is_full = true;
        self.files.limit_space(Some(self.files.used_bytes() + bytes));
    }

    /// Makes room again.
    pub fn make_room(&mut self) {
        self.is_full = false;
        self.files.limit_space(None);
    }

    /// Whether there is little room or none.
    pub fn is_full(&self) -> bool {
        self.is_full
    }

    /// Whether something on it was damaged.
    pub fn is_damaged(&self) -> bool {
        self.is_damaged
    }

    /// Whatever was damaged on it turned out to be nothing that counts.
    pub fn trust(&mut self) {
        self.is_damaged = false;
    }

    /// Changes some bytes of a file of the log, behind everybody's back; `false` if
    /// there is none.
    pub fn damage(&mut self, rng: &mut Rng) -> bool {
        let names = self.files.list("log").unwrap_or_default();
        let path = |name: &String| format!("log/{name}");
        let filled =
            |name: &&String| self.files.contents(&path(name)).is_ok_and(|bytes| !bytes.is_empty());
        let filled: Vec<&String> = names.iter().filter(filled).collect();
        let Some(name) = rng.pick(&filled).map(|name| path(name)) else { return false };
        let Ok(bytes) = self.files.contents(&name) else { return false };
        // What was written stands at the beginning; behind it lie zeros.
        let used = bytes.iter().rposition(|byte| *byte != 0).map_or(1, |last| last + 1);
        let at = rng.below(used as u64);
        let flipped = bytes[at as usize] ^ (1 << rng.below(8));
        self.is_damaged = self.files.damage(&name, at, &[flipped]).is_ok();
        self.is_damaged
    }

    /// What power losses took so far of files that were not synced: all, or parts.
    pub fn losses(&self) -> (u64, u64) {
        let counters = self.files.counters();
        (counters.lost, counters.torn)
    }
}
