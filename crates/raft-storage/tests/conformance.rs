//! The adapters of this crate do what every adapter must do.

use std::sync::Arc;

use raft_core::{NodeId, SnapshotMeta};
use raft_storage::conformance::{
    LogFixture, SnapshotFixture, StateFixture, log_store, snapshot_store, state_store,
};
use raft_storage::files::{Failure, Files, OsFiles, Outage, SimFiles};
use raft_storage::memory::{MemoryDisk, MemoryLog, MemoryLogDisk, MemoryState};
use raft_storage::segments::{SegmentLog, SegmentsConfig};
use raft_storage::snapshots::FileSnapshots;
use raft_storage::{LogStore, SnapshotStore, StateStore, StorageError};

/// Segments on simulated files, so short that a run needs many of them.
struct SimSegments {
    files: SimFiles,
    outage: Outage,
    seed: u64,
}

impl LogFixture for SimSegments {
    fn open(&mut self, bootstrap: &SnapshotMeta) -> Result<Box<dyn LogStore>, StorageError> {
        self.seed += 1_000_000;
        let mut config = SegmentsConfig::new(NodeId(1), 7, self.seed, bootstrap.clone());
        config.segment_bytes = 8 * 1024;
        Ok(Box::new(SegmentLog::open(Arc::new(self.files.clone()), config)?))
    }

    fn crash_after(&mut self, operations: u64) -> bool {
        self.files.crash_at(Some(self.files.counters().operations + operations));
        true
    }

    fn fail_after(&mut self, operations: u64) -> bool {
        self.files.fail_at(self.files.counters().operations + operations, Failure::Device);
        true
    }

    fn restart(&mut self) {
        self.files = self.files.restart(self.outage);
    }
}

fn sim_segments(outage: Outage) -> impl FnMut(u64) -> Box<dyn LogFixture> {
    move |seed| Box::new(SimSegments { files: SimFiles::new(seed), outage, seed })
}

#[test]
fn segments_conform_when_the_power_fails() {
    log_store(&mut sim_segments(Outage::PowerLoss));
}

#[test]
fn segments_conform_when_the_process_is_killed() {
    log_store(&mut sim_segments(Outage::Kill));
}

/// Segments on real files.
struct OsSegments {
    folder: tempfile::TempDir,
    seed: u64,
}

impl LogFixture for OsSegments {
    fn open(&mut self, bootstrap: &SnapshotMeta) -> Result<Box<dyn LogStore>, StorageError> {
        self.seed += 1_000_000;
        let files = OsFiles::new(self.folder.path()).expect("the folder is there");
        let mut config = SegmentsConfig::new(NodeId(1), 7, self.seed, bootstrap.clone());
        config.segment_bytes = 64 * 1024;
        Ok(Box::new(SegmentLog::open(Arc::new(files), config)?))
    }

    fn crash_after(&mut self, _operations: u64) -> bool {
        false
    }

    fn fail_after(&mut self, _operations: u64) -> bool {
        false
    }

    fn restart(&mut self) {}
}

#[test]
fn segments_conform_on_real_files() {
    log_store(&mut |seed| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Box::new(OsSegments { folder, seed })
    });
}

struct Memory {
    disk: MemoryLogDisk,
}

impl LogFixture for Memory {
    fn open(&mut self, bootstrap: &SnapshotMeta) -> Result<Box<dyn LogStore>, StorageError> {
        Ok(Box::new(MemoryLog::open(&self.disk, bootstrap.clone())))
    }

    fn crash_after(&mut self, operations: u64) -> bool {
        self.disk.crash_at(Some(self.disk.writes() + operations));
        true
    }

    fn fail_after(&mut self, _operations: u64) -> bool {
        false
    }

    fn restart(&mut self) {
        self.disk.restart();
    }
}

#[test]
fn the_log_in_memory_conforms() {
    log_store(&mut |_| Box::new(Memory { disk: MemoryLogDisk::new() }));
}

struct MemoryStates {
    disk: MemoryDisk,
}

impl StateFixture for MemoryStates {
    fn open(&mut self, spaces: &[&str]) -> Result<Box<dyn StateStore>, StorageError> {
        Ok(Box::new(MemoryState::open(&self.disk, spaces)?))
    }

    fn restart(&mut self) {
        self.disk.restart();
    }

    fn snapshots(&mut self) -> Arc<dyn SnapshotStore> {
        let files = Arc::new(SimFiles::new(1));
        Arc::new(FileSnapshots::open(files).expect("a new store opens"))
    }
}

#[test]
fn the_state_in_memory_conforms() {
    state_store(&mut |_| Box::new(MemoryStates { disk: MemoryDisk::new() }));
    state_store(&mut |seed| Box::new(MemoryStates { disk: MemoryDisk::with_seed(seed) }));
}

struct Snapshots {
    files: SimFiles,
    outage: Outage,
}

impl SnapshotFixture for Snapshots {
    fn open(&mut self) -> Result<Arc<dyn SnapshotStore>, StorageError> {
        Ok(Arc::new(FileSnapshots::open(Arc::new(self.files.clone()))?))
    }

    fn crash_after(&mut self, operations: u64) -> bool {
        self.files.crash_at(Some(self.files.counters().operations + operations));
        true
    }

    fn restart(&mut self) {
        self.files = self.files.restart(self.outage);
    }
}

#[test]
fn snapshots_conform_when_the_power_fails_or_the_process_is_killed() {
    for outage in [Outage::PowerLoss, Outage::Kill] {
        snapshot_store(&mut |seed| Box::new(Snapshots { files: SimFiles::new(seed), outage }));
    }
}

struct OsSnapshots {
    folder: tempfile::TempDir,
}

impl SnapshotFixture for OsSnapshots {
    fn open(&mut self) -> Result<Arc<dyn SnapshotStore>, StorageError> {
        let files: Arc<dyn Files> =
            Arc::new(OsFiles::new(self.folder.path()).expect("the folder is there"));
        Ok(Arc::new(FileSnapshots::open(files)?))
    }

    fn crash_after(&mut self, _operations: u64) -> bool {
        false
    }

    fn restart(&mut self) {}
}

#[test]
fn snapshots_conform_on_real_files() {
    snapshot_store(&mut |_| {
        Box::new(OsSnapshots { folder: tempfile::tempdir().expect("a temporary folder") })
    });
}
