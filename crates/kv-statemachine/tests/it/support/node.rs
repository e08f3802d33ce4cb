//! One replica without Raft: entries go straight into the state machine.

use std::sync::Arc;

use bytes::Bytes;
use kv_statemachine::{Command, KvStateMachine, KvView, Operation, Reply, codec};
use raft_core::{Entry, EntryKind, Index, Membership, NodeId, SnapshotMeta, Term};
use raft_storage::files::SimFiles;
use raft_storage::memory::{MemoryDisk, MemoryState};
use raft_storage::snapshots::FileSnapshots;
use raft_storage::{Order, SnapshotStore, Space, StateMachine, StateStore, StorageError};

use super::metered::MeteredStore;

/// The membership that every replica starts with.
pub fn membership() -> Membership {
    Membership::of_voters([NodeId(1), NodeId(2), NodeId(3)])
}

/// A replica on a store in memory.
pub struct Node {
    disk: MemoryDisk,
    pub store: Arc<MeteredStore>,
    pub machine: KvStateMachine,
}

impl Node {
    pub fn new() -> Node {
        Node::boot(MemoryDisk::new()).expect("it opens")
    }

    /// The process ends without having flushed anything more, and starts again.
    pub fn crash(self) -> Node {
        self.disk.restart();
        Node::boot(self.disk).expect("it opens")
    }

    /// The process ends in order and starts again.
    ///
    /// # Errors
    ///
    /// If the state machine refuses to open.
    pub fn restart(mut self) -> Result<Node, StorageError> {
        self.machine.flush()?;
        self.disk.restart();
        Node::boot(self.disk)
    }

    /// As [`Node::restart`], of a node that is borrowed.
    ///
    /// # Errors
    ///
    /// If the state machine refuses to open.
    pub fn restart_in_place(&mut self) -> Result<(), StorageError> {
        let before = std::mem::replace(self, Node::new());
        *self = before.restart()?;
        Ok(())
    }

    /// Applies a membership without a member.
    pub fn remove_member(&mut self, member: NodeId) {
        let mut membership = self.machine.applied().membership;
        membership.members.remove(&member);
        membership.voters.remove(&member);
        membership.removed.insert(member);
        let entry = self.entry_of(EntryKind::MEMBERSHIP, Membership::FORMAT, membership.encode());
        self.apply(&[entry]).expect("the disk works");
    }

    fn boot(disk: MemoryDisk) -> Result<Node, StorageError> {
        let memory = MemoryState::open(&disk, &KvStateMachine::SPACES)?;
        let store = Arc::new(MeteredStore::new(memory));
        let machine = KvStateMachine::open(store.clone(), SnapshotMeta::bootstrap(membership()))?;
        Ok(Node { disk, store, machine })
    }

    pub fn view(&self) -> KvView {
        self.machine.reader().view()
    }

    /// The last index applied.
    pub fn index(&self) -> Index {
        self.machine.applied().position.index
    }

    /// The next entry, with a command.
    pub fn entry(&self, operation: Operation) -> Entry {
        let payload = codec::encode(&Command::new(operation));
        self.entry_of(EntryKind::COMMAND, codec::FORMAT, payload)
    }

    /// The next entry, of any kind.
    pub fn entry_of(&self, kind: EntryKind, format: u8, payload: Bytes) -> Entry {
        Entry { term: Term(1), index: self.index().next(), kind, format, payload }
    }

    /// Applies entries as one batch.
    ///
    /// # Errors
    ///
    /// Those of the state machine.
    pub fn apply(&mut self, entries: &[Entry]) -> Result<Vec<Option<Reply>>, StorageError> {
        let mut replies = Vec::new();
        self.machine.apply(entries, &mut replies)?;
        assert_eq!(replies.len(), entries.len(), "one item for each entry");
        Ok(replies)
    }

    /// Applies one command.
    pub fn run(&mut self, operation: Operation) -> Reply {
        let entry = self.entry(operation);
        let replies = self.apply(&[entry]).expect("the disk works");
        replies.into_iter().flatten().next().expect("a command has a reply")
    }

    /// Applies many commands in few batches.
    pub fn run_all(&mut self, operations: impl IntoIterator<Item = Operation>) {
        let first = self.index().next().0;
        let entries: Vec<Entry> = (first..)
            .zip(operations)
            .map(|(index, operation)| Entry { index: Index(index), ..self.entry(operation) })
            .collect();
        for batch in entries.chunks(10_000) {
            self.apply(batch).expect("the disk works");
        }
    }

    /// All that the store holds of keys and their history.
    pub fn rows(&self) -> Vec<(&'static str, Bytes, Bytes)> {
        let view = self.store.view();
        let mut rows = Vec::new();
        for (number, name) in (0..).zip(KvStateMachine::SPACES).skip(1) {
            for row in view.scan(Space(number), &[], None, Order::Ascending) {
                let (key, value) = row.expect("the disk works");
                rows.push((name, key, value));
            }
        }
        rows
    }

    /// Goes on with all removals that a compaction left.
    pub fn finish_compaction(&mut self) {
        while self.machine.idle().expect("the disk works") {}
    }

    /// Sends a snapshot of this replica to another one, chunk by chunk.
    pub fn send_snapshot(&mut self, to: &mut Node) -> Result<(), StorageError> {
        let snapshots = FileSnapshots::open(Arc::new(SimFiles::new(1)))?;
        let mut sink = snapshots.create()?;
        let covered = self.machine.prepare_snapshot()?.run(sink.as_mut())?;
        assert_eq!(covered, self.machine.applied(), "it covers what was applied");
        sink.finish(covered)?;
        to.machine.install(snapshots.open_newest()?.as_mut())
    }
}
