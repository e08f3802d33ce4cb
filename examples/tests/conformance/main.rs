//! The own parts do what every part of their kind must do, and the suite that says
//! so notices a forgotten sync.

mod careless;

use std::sync::Arc;

use bytes::Bytes;
use own_parts::counters::command;
use own_parts::{Counters, FileLog};
use raft_core::SnapshotMeta;
use raft_storage::conformance::{LogFixture, MachineFixture, log_store, state_machine};
use raft_storage::files::{Failure, Files, Outage, SimFiles};
use raft_storage::snapshots::FileSnapshots;
use raft_storage::{LogStore, SnapshotStore, StateMachine, StorageError};

use careless::Careless;

/// A simulated disk, and what is between it and the part.
struct Disk {
    files: SimFiles,
    outage: Outage,
    /// Syncs of folders are left out.
    is_careless: bool,
}

impl Disk {
    fn new(seed: u64, outage: Outage) -> Disk {
        Disk { files: SimFiles::new(seed), outage, is_careless: false }
    }

    fn careless(seed: u64) -> Disk {
        Disk { is_careless: true, ..Disk::new(seed, Outage::PowerLoss) }
    }

    fn files(&self) -> Arc<dyn Files> {
        let files = self.files.clone();
        if self.is_careless { Arc::new(Careless(files)) } else { Arc::new(files) }
    }
}

impl LogFixture for Disk {
    fn open(&mut self, bootstrap: &SnapshotMeta) -> Result<Box<dyn LogStore>, StorageError> {
        Ok(Box::new(FileLog::open(self.files(), bootstrap.clone())?))
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

impl MachineFixture for Disk {
    type Machine = Counters;

    fn open(&mut self, bootstrap: &SnapshotMeta) -> Result<Counters, StorageError> {
        Counters::open(self.files(), bootstrap.clone())
    }

    fn restart(&mut self) {
        self.files = self.files.restart(self.outage);
    }

    fn snapshots(&mut self) -> Arc<dyn SnapshotStore> {
        let folder = self.files.folder("snapshots").expect("the folder is made");
        Arc::new(FileSnapshots::open(folder).expect("the snapshots open"))
    }

    fn command(&self, number: u64) -> (u8, Bytes) {
        let name = ["pears", "plums", "quinces"][number as usize % 3];
        // Some of them overflow, and some are no commands.
        let payload = match number % 10 {
            0 => command::add(name, u64::MAX),
            1 => Bytes::from_static(b"?"),
            _ => command::add(name, number),
        };
        (command::FORMAT, payload)
    }

    fn digest(&self, machine: &Counters) -> Vec<u8> {
        let reader = machine.reader();
        ["pears", "plums", "quinces"].map(|name| reader.get(name).to_le_bytes()).concat()
    }
}

#[test]
fn the_log_conforms_when_the_power_fails() {
    log_store(&mut |seed| Box::new(Disk::new(seed, Outage::PowerLoss)));
}

#[test]
fn the_log_conforms_when_the_process_is_killed() {
    log_store(&mut |seed| Box::new(Disk::new(seed, Outage::Kill)));
}

#[test]
fn the_counters_conform_when_the_power_fails() {
    state_machine(&mut |seed| Disk::new(seed, Outage::PowerLoss));
}

#[test]
fn the_counters_conform_when_the_process_is_killed() {
    state_machine(&mut |seed| Disk::new(seed, Outage::Kill));
}

#[test]
#[should_panic(expected = "seed")]
fn a_log_whose_folder_is_never_synced_is_caught() {
    log_store(&mut |seed| Box::new(Disk::careless(seed)));
}

#[test]
#[should_panic(expected = "seed")]
fn counters_whose_folder_is_never_synced_are_caught() {
    state_machine(&mut Disk::careless);
}

#[test]
fn each_flipped_byte_of_a_file_is_found() {
    let bootstrap = SnapshotMeta::default();
    let files = SimFiles::new(1);
    let mut log = FileLog::open(Arc::new(files.clone()), bootstrap.clone()).expect("opens");
    log.write(&[raft_storage::LogWrite::Ballot(raft_core::Ballot::default())]).expect("writes");
    let mut counters = Counters::open(Arc::new(files.clone()), bootstrap.clone()).expect("opens");
    counters.flush().expect("flushes");
    drop(log);
    for name in ["log", "counters"] {
        let bytes = files.contents(name).expect("it was written");
        for (offset, byte) in bytes.iter().enumerate() {
            files.damage(name, offset as u64, &[byte ^ 1]).expect("it is there");
            let files: Arc<dyn Files> = Arc::new(files.clone());
            let error = match name {
                "log" => FileLog::open(files, bootstrap.clone()).err(),
                _ => Counters::open(files, bootstrap.clone()).err(),
            };
            let is_told = matches!(error, Some(StorageError::Corrupt { .. }));
            assert!(is_told, "byte {offset} of {name}: {error:?}");
        }
        files.damage(name, 0, &bytes).expect("it is there");
    }
}
