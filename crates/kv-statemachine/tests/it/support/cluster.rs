//! One replica without Raft: entries go straight into the state machine.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use kv_statemachine::{Command, KvStateMachine, KvView, Operation, Reply, codec};
use raft_core::{Entry, EntryKind, Index, Membership, NodeId, SnapshotMeta, Term};
use raft_storage::{Chunk, SnapshotSink, SnapshotSource, StateMachine, StorageError};

use super::map_store::MapStore;

/// The membership that every replica starts with.
pub fn membership() -> Membership {
    Membership::of_voters([NodeId(1), NodeId(2), NodeId(3)])
}

/// A replica on a store in memory.
pub struct Node {
    pub store: Arc<MapStore>,
    pub machine: KvStateMachine,
}

impl Node {
    pub fn new() -> Node {
        Node::on(Arc::new(MapStore::default()))
    }

    /// Opens what a store holds.
    pub fn on(store: Arc<MapStore>) -> Node {
        let bootstrap = SnapshotMeta::bootstrap(membership());
        let machine = KvStateMachine::open(store.clone(), bootstrap).expect("it opens");
        Node { store, machine }
    }

    pub fn view(&self) -> KvView {
        self.machine.reader().view()
    }

    /// The next entry, with a command.
    pub fn entry(&self, operation: Operation) -> Entry {
        let payload = codec::encode(&Command::new(operation));
        self.entry_of(EntryKind::COMMAND, codec::FORMAT, payload)
    }

    /// The next entry, of any kind.
    pub fn entry_of(&self, kind: EntryKind, format: u8, payload: Bytes) -> Entry {
        let index = self.machine.applied().position.index.next();
        Entry { term: Term(1), index, kind, format, payload }
    }

    /// Applies entries as one batch.
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

    /// Goes on with all removals that a compaction left.
    pub fn finish_compaction(&mut self) {
        while self.machine.remove_compacted().expect("the disk works") {}
    }

    /// Writes a snapshot.
    pub fn snapshot(&mut self) -> Snapshot {
        let mut sink = Sink(BytesMut::new());
        let job = self.machine.prepare_snapshot().expect("the disk works");
        let meta = job.run(&mut sink).expect("the disk works");
        Snapshot { meta, bytes: sink.0.freeze(), sent: 0 }
    }

    pub fn index(&self) -> Index {
        self.machine.applied().position.index
    }
}

/// Takes in the one file that a [`MapStore`] writes.
struct Sink(BytesMut);

impl SnapshotSink for Sink {
    fn begin_file(&mut self, name: &str) -> Result<(), StorageError> {
        assert!(self.0.is_empty() && name == "rows", "there is one file");
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), StorageError> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn folder(&self) -> Option<PathBuf> {
        None
    }

    fn finish(self: Box<Self>, _: SnapshotMeta) -> Result<(), StorageError> {
        Ok(())
    }
}

/// A snapshot in memory.
pub struct Snapshot {
    meta: SnapshotMeta,
    bytes: Bytes,
    sent: usize,
}

impl SnapshotSource for Snapshot {
    fn meta(&self) -> &SnapshotMeta {
        &self.meta
    }

    fn next_chunk(&mut self, max_bytes: usize) -> Result<Option<Chunk>, StorageError> {
        if self.sent == self.bytes.len() {
            return Ok(None);
        }
        let end = self.bytes.len().min(self.sent + max_bytes);
        let bytes = self.bytes.slice(self.sent..end);
        let last = end == self.bytes.len();
        let chunk = Chunk::new("rows", self.sent as u64, bytes, last, last);
        self.sent = end;
        Ok(Some(chunk))
    }

    fn folder(&self) -> Option<PathBuf> {
        None
    }
}
