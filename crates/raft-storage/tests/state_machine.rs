//! A small state machine passes the conformance suite on every state store, and
//! broken ones do not.

use std::sync::Arc;

use bytes::Bytes;
use raft_core::{Entry, EntryKind, Index, Membership, Position, SnapshotMeta};
use raft_storage::conformance::{MachineFixture, state_machine};
use raft_storage::files::SimFiles;
use raft_storage::memory::{MemoryDisk, MemoryState};
use raft_storage::snapshots::FileSnapshots;
use raft_storage::{
    Checkpoint, Mutation, SnapshotJob, SnapshotSink, SnapshotSource, SnapshotStore, Space,
    StateMachine, StateStore, StateView, StorageError, advance,
};

const SPACE: Space = Space(0);
const APPLIED: &[u8] = b"applied";
const MEMBERSHIP: &[u8] = b"membership";
const TEXT: &[u8] = b"text";

/// What is wrong with a machine.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// The position is committed apart from the text.
    SplitsCommits,
    /// An equal batch is not an equal state.
    CountsBatches,
    /// The snapshot is that of the moment when it is written.
    SnapsLate,
}

/// Appends each command's payload to a text.
struct Appender {
    store: Arc<dyn StateStore>,
    applied: SnapshotMeta,
    fault: Fault,
}

impl Appender {
    fn open(store: Arc<dyn StateStore>, bootstrap: &SnapshotMeta, fault: Fault) -> Appender {
        let applied = read_applied(&*store.view()).unwrap_or_else(|| bootstrap.clone());
        Appender { store, applied, fault }
    }

    fn text(&self) -> Vec<u8> {
        self.store.view().get(SPACE, TEXT).unwrap().unwrap_or_default().to_vec()
    }
}

impl StateMachine for Appender {
    type Reply = usize;

    fn applied(&self) -> SnapshotMeta {
        self.applied.clone()
    }

    fn durable(&self) -> Result<Index, StorageError> {
        let applied = self.store.durable_get(SPACE, APPLIED)?;
        Ok(applied.map_or(Index::ZERO, |bytes| position(&bytes).index))
    }

    fn apply(
        &mut self,
        entries: &[Entry],
        replies: &mut Vec<Option<usize>>,
    ) -> Result<(), StorageError> {
        let mut text = self.text();
        for entry in entries {
            advance(&mut self.applied, entry);
            let command = entry.kind == EntryKind::COMMAND;
            if command {
                text.extend_from_slice(&entry.payload);
            }
            replies.push(command.then_some(text.len()));
        }
        if self.fault == Fault::CountsBatches {
            text.push(b'|');
        }
        let put = |key, value| Mutation::Put(SPACE, Bytes::from_static(key), value);
        let at = self.applied.position;
        let at = [at.term.0.to_be_bytes(), at.index.0.to_be_bytes()].concat();
        let mut batch = vec![
            put(APPLIED, at.into()),
            put(MEMBERSHIP, self.applied.membership.encode()),
            put(TEXT, text.into()),
        ];
        if self.fault == Fault::SplitsCommits {
            self.store.commit(batch.split_off(2))?;
        }
        self.store.commit(batch)
    }

    fn flush(&mut self) -> Result<(), StorageError> {
        self.store.flush()
    }

    fn prepare_snapshot(&mut self) -> Result<Box<dyn SnapshotJob>, StorageError> {
        Ok(match self.fault {
            Fault::SnapsLate => Box::new(LateJob { store: self.store.clone() }),
            _ => Box::new(Job { checkpoint: self.store.checkpoint()? }),
        })
    }

    fn install(&mut self, snapshot: &mut dyn SnapshotSource) -> Result<(), StorageError> {
        self.store.install(snapshot)?;
        self.applied = read_applied(&*self.store.view()).expect("a snapshot says what it covers");
        Ok(())
    }

    fn install_unfinished(&self) -> bool {
        self.store.install_unfinished()
    }

    fn finish_install(&mut self) -> Result<(), StorageError> {
        self.store.finish_install()
    }
}

struct Job {
    checkpoint: Box<dyn Checkpoint>,
}

impl SnapshotJob for Job {
    fn run(self: Box<Self>, sink: &mut dyn SnapshotSink) -> Result<SnapshotMeta, StorageError> {
        let view = self.checkpoint.write(sink)?;
        Ok(read_applied(&*view).expect("something was applied"))
    }
}

struct LateJob {
    store: Arc<dyn StateStore>,
}

impl SnapshotJob for LateJob {
    fn run(self: Box<Self>, sink: &mut dyn SnapshotSink) -> Result<SnapshotMeta, StorageError> {
        Box::new(Job { checkpoint: self.store.checkpoint()? }).run(sink)
    }
}

fn read_applied(view: &dyn StateView) -> Option<SnapshotMeta> {
    let position = position(&view.get(SPACE, APPLIED).unwrap()?);
    let membership = view.get(SPACE, MEMBERSHIP).unwrap()?;
    let membership = Membership::decode(Membership::FORMAT, &membership).unwrap();
    Some(SnapshotMeta { position, membership })
}

fn position(bytes: &[u8]) -> Position {
    let (term, index) = bytes.split_at(8);
    let number = |bytes: &[u8]| u64::from_be_bytes(bytes.try_into().unwrap());
    Position::new(number(term), number(index))
}

struct Fixture {
    disk: MemoryDisk,
    fault: Fault,
}

impl MachineFixture for Fixture {
    type Machine = Appender;

    fn open(&mut self, bootstrap: &SnapshotMeta) -> Result<Appender, StorageError> {
        let store = Arc::new(MemoryState::open(&self.disk, &["all"])?);
        Ok(Appender::open(store, bootstrap, self.fault))
    }

    fn restart(&mut self) {
        self.disk.restart();
    }

    fn snapshots(&mut self) -> Arc<dyn SnapshotStore> {
        Arc::new(FileSnapshots::open(Arc::new(SimFiles::new(1))).unwrap())
    }

    fn command(&self, number: u64) -> (u8, Bytes) {
        (1, Bytes::from(format!("{number} ")))
    }

    fn digest(&self, machine: &Appender) -> Vec<u8> {
        machine.text()
    }
}

fn check(fault: Fault) {
    state_machine(&mut |seed| Fixture { disk: MemoryDisk::with_seed(seed), fault });
}

#[test]
fn a_good_machine_passes() {
    check(Fault::None);
}

#[cfg(feature = "rocksdb")]
mod on_rocksdb {
    use raft_core::NodeId;
    use raft_storage::files::OsFiles;
    use raft_storage::rocksdb::{RocksConfig, RocksState};

    use super::*;

    struct RocksFixture {
        folder: tempfile::TempDir,
    }

    impl MachineFixture for RocksFixture {
        type Machine = Appender;

        fn open(&mut self, bootstrap: &SnapshotMeta) -> Result<Appender, StorageError> {
            let config = RocksConfig::new(NodeId(1), 7, 42);
            let store = RocksState::open(&self.folder.path().join("state"), &["all"], config)?;
            Ok(Appender::open(Arc::new(store), bootstrap, Fault::None))
        }

        fn restart(&mut self) {}

        fn snapshots(&mut self) -> Arc<dyn SnapshotStore> {
            let files = OsFiles::new(self.folder.path().join("snapshots")).unwrap();
            Arc::new(FileSnapshots::open(Arc::new(files)).unwrap())
        }

        fn command(&self, number: u64) -> (u8, Bytes) {
            (1, Bytes::from(format!("{number} ")))
        }

        fn digest(&self, machine: &Appender) -> Vec<u8> {
            machine.text()
        }
    }

    #[test]
    fn a_good_machine_passes() {
        state_machine(&mut |_| RocksFixture { folder: tempfile::tempdir().unwrap() });
    }
}

#[test]
#[should_panic(expected = "seed")]
fn one_whose_position_is_not_committed_with_its_data_is_caught() {
    check(Fault::SplitsCommits);
}

#[test]
#[should_panic(expected = "depends on the batches")]
fn one_whose_state_depends_on_the_batches_is_caught() {
    check(Fault::CountsBatches);
}

#[test]
#[should_panic(expected = "covers what was applied when it was prepared")]
fn one_whose_snapshot_comes_too_late_is_caught() {
    check(Fault::SnapsLate);
}
