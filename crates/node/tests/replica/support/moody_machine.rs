//! A journal that fails at one text and panics at another.

use raft_core::{Entry, EntryKind, Index, SnapshotMeta};
use raft_storage::{SnapshotJob, SnapshotSource, StateMachine, StorageError};

use crate::journal::{Journal, Reply, command};

/// The text at which it fails.
pub const FAIL: &str = "fail";
/// The text at which it panics.
pub const PANIC: &str = "panic";

/// The journal with its moods.
pub struct MoodyMachine(pub Journal);

impl StateMachine for MoodyMachine {
    type Reply = Reply;

    fn applied(&self) -> SnapshotMeta {
        self.0.applied()
    }

    fn durable(&self) -> Result<Index, StorageError> {
        self.0.durable()
    }

    fn apply(
        &mut self,
        entries: &[Entry],
        replies: &mut Vec<Option<Reply>>,
    ) -> Result<(), StorageError> {
        for entry in entries.iter().filter(|entry| entry.kind == EntryKind::COMMAND) {
            assert_ne!(entry.payload, command(PANIC), "the machine panics as it was told to");
            if entry.payload == command(FAIL) {
                let source = std::io::Error::other("I/O");
                return Err(StorageError::io("write", "the state", source));
            }
        }
        self.0.apply(entries, replies)
    }

    fn flush(&mut self) -> Result<(), StorageError> {
        self.0.flush()
    }

    fn prepare_snapshot(&mut self) -> Result<Box<dyn SnapshotJob>, StorageError> {
        self.0.prepare_snapshot()
    }

    fn install(&mut self, snapshot: &mut dyn SnapshotSource) -> Result<(), StorageError> {
        self.0.install(snapshot)
    }

    fn install_unfinished(&self) -> bool {
        self.0.install_unfinished()
    }

    fn finish_install(&mut self) -> Result<(), StorageError> {
        self.0.finish_install()
    }
}
