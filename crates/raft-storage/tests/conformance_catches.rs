//! The conformance suite can fail: adapters that break a promise are caught.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use raft_core::{Ballot, NodeId, SnapshotMeta, Term};
use raft_storage::conformance::{LogFixture, SnapshotFixture, log_store, snapshot_store};
use raft_storage::files::{File, Files, Lock, Outage, SimFiles};
use raft_storage::memory::{MemoryLog, MemoryLogDisk};
use raft_storage::segments::{SegmentLog, SegmentsConfig};
use raft_storage::snapshots::FileSnapshots;
use raft_storage::{LogReader, LogStore, LogWrite, RecoveredLog, SnapshotStore, StorageError};

/// Files whose syncs do nothing: of the files, or of the folders.
#[derive(Clone)]
struct Careless {
    files: SimFiles,
    syncs_files: bool,
    syncs_folders: bool,
}

impl Files for Careless {
    fn describe(&self, name: &str) -> String {
        self.files.describe(name)
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        Ok(Arc::new(CarelessFile { file: self.files.create(name)?, syncs: self.syncs_files }))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        Ok(Arc::new(CarelessFile { file: self.files.open(name)?, syncs: self.syncs_files }))
    }

    fn create_folder(&self, name: &str) -> io::Result<()> {
        self.files.create_folder(name)
    }

    fn folder(&self, name: &str) -> io::Result<Arc<dyn Files>> {
        self.files.folder(name)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.files.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.files.remove(name)
    }

    fn remove_folder(&self, name: &str) -> io::Result<()> {
        self.files.remove_folder(name)
    }

    fn is_same_file(&self, one: &str, other: &str) -> io::Result<bool> {
        self.files.is_same_file(one, other)
    }

    fn sync_folder(&self, name: &str) -> io::Result<()> {
        if self.syncs_folders { self.files.sync_folder(name) } else { Ok(()) }
    }

    fn list(&self, name: &str) -> io::Result<Vec<String>> {
        self.files.list(name)
    }

    fn lock(&self, name: &str) -> io::Result<Box<dyn Lock>> {
        self.files.lock(name)
    }

    fn real_path(&self, name: &str) -> Option<PathBuf> {
        self.files.real_path(name)
    }
}

struct CarelessFile {
    file: Arc<dyn File>,
    syncs: bool,
}

impl File for CarelessFile {
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        self.file.read_at(offset, into)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_at(offset, bytes)
    }

    fn preallocate(&self, length: u64) -> io::Result<()> {
        self.file.preallocate(length)
    }

    fn sync(&self) -> io::Result<()> {
        if self.syncs { self.file.sync() } else { Ok(()) }
    }

    fn length(&self) -> io::Result<u64> {
        self.file.length()
    }
}

impl Careless {
    fn new(seed: u64, syncs_files: bool, syncs_folders: bool) -> Careless {
        Careless { files: SimFiles::new(seed), syncs_files, syncs_folders }
    }

    fn plan_crash(&self, operations: u64) -> bool {
        self.files.crash_at(Some(self.files.counters().operations + operations));
        true
    }
}

impl LogFixture for Careless {
    fn open(&mut self, bootstrap: &SnapshotMeta) -> Result<Box<dyn LogStore>, StorageError> {
        let seed = self.files.counters().operations;
        let mut config = SegmentsConfig::new(NodeId(1), 7, seed, bootstrap.clone());
        config.segment_bytes = 8 * 1024;
        Ok(Box::new(SegmentLog::open(Arc::new(self.clone()), config)?))
    }

    fn crash_after(&mut self, operations: u64) -> bool {
        self.plan_crash(operations)
    }

    fn fail_after(&mut self, _operations: u64) -> bool {
        false
    }

    fn restart(&mut self) {
        self.files = self.files.restart(Outage::PowerLoss);
    }
}

impl SnapshotFixture for Careless {
    fn open(&mut self) -> Result<Arc<dyn SnapshotStore>, StorageError> {
        Ok(Arc::new(FileSnapshots::open(Arc::new(self.clone()))?))
    }

    fn crash_after(&mut self, operations: u64) -> bool {
        self.plan_crash(operations)
    }

    fn restart(&mut self) {
        self.files = self.files.restart(Outage::PowerLoss);
    }
}

#[test]
fn whoever_syncs_both_passes() {
    log_store(&mut |seed| Box::new(Careless::new(seed, true, true)));
    snapshot_store(&mut |seed| Box::new(Careless::new(seed, true, true)));
}

#[test]
#[should_panic]
fn a_log_that_does_not_sync_its_files_is_caught() {
    log_store(&mut |seed| Box::new(Careless::new(seed, false, true)));
}

#[test]
#[should_panic]
fn a_log_that_does_not_sync_its_folder_is_caught() {
    log_store(&mut |seed| Box::new(Careless::new(seed, true, false)));
}

#[test]
#[should_panic]
fn snapshots_whose_files_are_not_synced_are_caught() {
    snapshot_store(&mut |seed| Box::new(Careless::new(seed, false, true)));
}

#[test]
#[should_panic]
fn snapshots_whose_folders_are_not_synced_are_caught() {
    snapshot_store(&mut |seed| Box::new(Careless::new(seed, true, false)));
}

/// A log that finds an older ballot after a restart: a vote is forgotten.
struct Forgetful {
    disk: MemoryLogDisk,
}

struct ForgetfulLog {
    log: MemoryLog,
    recovered: RecoveredLog,
}

impl LogFixture for Forgetful {
    fn open(&mut self, bootstrap: &SnapshotMeta) -> Result<Box<dyn LogStore>, StorageError> {
        let log = MemoryLog::open(&self.disk, bootstrap.clone());
        let mut recovered = log.recovered().clone();
        recovered.ballot = Ballot { term: Term(recovered.ballot.term.0), vote: None };
        Ok(Box::new(ForgetfulLog { log, recovered }))
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

impl LogStore for ForgetfulLog {
    fn recovered(&self) -> &RecoveredLog {
        &self.recovered
    }

    fn write(&mut self, group: &[LogWrite]) -> Result<(), StorageError> {
        self.log.write(group)
    }

    fn idle(&mut self) -> Result<(), StorageError> {
        self.log.idle()
    }

    fn reader(&self) -> Arc<dyn LogReader> {
        self.log.reader()
    }

    fn size_bytes(&self) -> u64 {
        self.log.size_bytes()
    }
}

#[test]
#[should_panic(expected = "ballot")]
fn a_log_that_forgets_votes_is_caught() {
    log_store(&mut |_| Box::new(Forgetful { disk: MemoryLogDisk::new() }));
}
