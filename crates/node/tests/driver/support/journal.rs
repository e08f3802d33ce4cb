//! A state machine that writes down each command under its index.

use std::sync::Arc;

use balsa::driver::RequestIds;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use raft_core::{Entry, EntryKind, Incarnation, Index, Membership, NodeId, Position, SnapshotMeta};
use raft_net::ForwardId;
use raft_storage::{
    Checkpoint, Mutation, Order, SnapshotJob, SnapshotSink, SnapshotSource, Space, StateMachine,
    StateStore, StateView, StorageError, advance,
};

const META: Space = Space(0);
const ENTRIES: Space = Space(1);
const APPLIED: &[u8] = b"applied";
/// For [`raft_storage::memory::MemoryState::open`].
pub const SPACES: [&str; 2] = ["meta", "entries"];

/// The command that writes down a text.
pub fn command(text: &str) -> Bytes {
    let mut payload = BytesMut::new();
    payload.put_u8(0);
    payload.put_slice(text.as_bytes());
    payload.freeze()
}

/// How commands carry a request id: a flag, the id, the text.
pub const REQUEST_IDS: RequestIds<Reply> =
    RequestIds { attach: attach_id, of_reply: |reply| reply.request };

fn attach_id(payload: Bytes, id: ForwardId) -> Bytes {
    let mut with_id = BytesMut::new();
    with_id.put_u8(1);
    with_id.put_u64(id.node.0);
    with_id.put_u64(id.incarnation.0);
    with_id.put_u64(id.counter);
    with_id.put_slice(&payload[1..]);
    with_id.freeze()
}

/// What a command gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub request: Option<ForwardId>,
    pub text: String,
}

fn execute(mut payload: Bytes) -> Reply {
    let request = (payload.get_u8() == 1).then(|| ForwardId {
        node: NodeId(payload.get_u64()),
        incarnation: Incarnation(payload.get_u64()),
        counter: payload.get_u64(),
    });
    Reply { request, text: String::from_utf8(payload.to_vec()).expect("texts are UTF-8") }
}

pub struct Journal {
    store: Arc<dyn StateStore>,
    applied: SnapshotMeta,
    /// Pieces of upkeep left to do.
    pub upkeep: u64,
}

impl Journal {
    pub fn open(store: Arc<dyn StateStore>, bootstrap: SnapshotMeta) -> Journal {
        let applied = read_applied(store.view().as_ref()).expect("reads").unwrap_or(bootstrap);
        Journal { store, applied, upkeep: 0 }
    }

    /// All texts, with the indexes of their entries.
    pub fn texts(&self) -> Vec<(u64, String)> {
        let view = self.store.view();
        view.scan(ENTRIES, &[], None, Order::Ascending)
            .map(|record| {
                let (mut key, text) = record.expect("reads");
                (key.get_u64(), String::from_utf8(text.to_vec()).expect("texts are UTF-8"))
            })
            .collect()
    }
}

impl StateMachine for Journal {
    type Reply = Reply;

    fn applied(&self) -> SnapshotMeta {
        self.applied.clone()
    }

    fn durable(&self) -> Result<Index, StorageError> {
        let applied = self.store.durable_get(META, APPLIED)?.map(decode);
        Ok(applied.map_or(Index::ZERO, |meta| meta.position.index))
    }

    fn apply(
        &mut self,
        entries: &[Entry],
        replies: &mut Vec<Option<Reply>>,
    ) -> Result<(), StorageError> {
        let mut batch = Vec::new();
        for entry in entries {
            advance(&mut self.applied, entry);
            let reply = (entry.kind == EntryKind::COMMAND).then(|| execute(entry.payload.clone()));
            if let Some(Reply { text, .. }) = &reply {
                let key = Bytes::copy_from_slice(&entry.index.0.to_be_bytes());
                batch.push(Mutation::Put(ENTRIES, key, Bytes::from(text.clone())));
            }
            replies.push(reply);
        }
        let applied = encode(&self.applied);
        batch.push(Mutation::Put(META, Bytes::from_static(APPLIED), applied));
        self.store.commit(batch)
    }

    fn flush(&mut self) -> Result<(), StorageError> {
        self.store.flush()
    }

    fn idle(&mut self) -> Result<bool, StorageError> {
        self.upkeep = self.upkeep.saturating_sub(1);
        Ok(self.upkeep > 0)
    }

    fn prepare_snapshot(&mut self) -> Result<Box<dyn SnapshotJob>, StorageError> {
        Ok(Box::new(JournalSnapshot(self.store.checkpoint()?)))
    }

    fn install(&mut self, snapshot: &mut dyn SnapshotSource) -> Result<(), StorageError> {
        self.store.install(snapshot)?;
        let applied = read_applied(self.store.view().as_ref())?;
        self.applied = applied.expect("a snapshot says what it covers");
        Ok(())
    }

    fn install_unfinished(&self) -> bool {
        self.store.install_unfinished()
    }

    fn finish_install(&mut self) -> Result<(), StorageError> {
        self.store.finish_install()
    }
}

struct JournalSnapshot(Box<dyn Checkpoint>);

impl SnapshotJob for JournalSnapshot {
    fn run(self: Box<Self>, sink: &mut dyn SnapshotSink) -> Result<SnapshotMeta, StorageError> {
        let written = self.0.write(sink)?;
        Ok(read_applied(written.as_ref())?.expect("a state with entries says what it covers"))
    }
}

fn read_applied(view: &dyn StateView) -> Result<Option<SnapshotMeta>, StorageError> {
    Ok(view.get(META, APPLIED)?.map(decode))
}

fn encode(meta: &SnapshotMeta) -> Bytes {
    let mut bytes = BytesMut::new();
    bytes.put_u64(meta.position.term.0);
    bytes.put_u64(meta.position.index.0);
    bytes.put_slice(&meta.membership.encode());
    bytes.freeze()
}

fn decode(mut bytes: Bytes) -> SnapshotMeta {
    let position = Position::new(bytes.get_u64(), bytes.get_u64());
    let membership = Membership::decode(Membership::FORMAT, &bytes).expect("it was encoded here");
    SnapshotMeta { position, membership }
}
