//! Commands as they stand in the log, the state machine that applies them, and the
//! snapshots that it installs.

use std::sync::Arc;

use bytes::Bytes;
use kv_statemachine::{
    Command, CompactRequest, KeyRange, KvStateMachine, Operation, PutRequest, RangeRequest, Reply,
    RequestOp, TxnRequest, codec,
};
use raft_core::{Entry, EntryKind, Index, Membership, NodeId, SnapshotMeta, Term};
use raft_storage::files::SimFiles;
use raft_storage::memory::{MemoryDisk, MemoryState};
use raft_storage::snapshots::FileSnapshots;
use raft_storage::{SnapshotStore, StateMachine, StorageError};

use super::input::Input;
use super::memory;

/// What a byte of a command may cost: an operation of two bytes is a value of some two
/// hundred, in a list that doubles as it grows.
const EACH: usize = 1000;
/// What a byte of a snapshot may cost.
const EACH_INSTALLED: usize = 200;

/// A command that is read is the same when it comes out of what it is encoded to, and
/// all replicas make the same of it, whatever it asks for. The input is several.
pub fn commands(bytes: &[u8]) {
    let mut replicas = [replica(), replica()];
    let mut input = Input::new(bytes);
    for _ in 0..16 {
        let payload = payload(&mut input);
        let entry = next_entry(&replicas[0], payload);
        let decoded = memory::bounded(entry.payload.len(), EACH, || codec::decode(&entry));
        let Ok(decoded) = decoded else { return };
        if let Ok(command) = decoded {
            let again = Entry { payload: codec::encode(&command), ..entry.clone() };
            assert_eq!(codec::decode(&again).expect("its operation is known"), Ok(command));
        }
        let replies = replicas.each_mut().map(|replica| apply(replica, &entry));
        assert_eq!(replies[0], replies[1], "replicas are equal");
        let hashes = replicas.each_ref().map(|replica| replica.reader().view().state_hash());
        let [one, other] = hashes.map(|hash| hash.expect("the disk works"));
        assert_eq!(one, other, "replicas are equal");
        if input.is_empty() {
            return;
        }
    }
}

/// A command of numbers at the ends of their ranges, or bytes that may be any.
fn payload(input: &mut Input<'_>) -> Bytes {
    let mut number = || input.number().cast_signed();
    let operation = match number() {
        1 => Operation::Compact(CompactRequest { revision: number() }),
        2 => {
            let range = RangeRequest {
                limit: number(),
                revision: number(),
                min_mod_revision: number(),
                max_mod_revision: number(),
                min_create_revision: number(),
                max_create_revision: number(),
                ..RangeRequest::of(KeyRange::from_key(&b"\0"[..]))
            };
            let put = PutRequest { lease: number(), ..PutRequest::of("c", "4") };
            let success = vec![RequestOp::Range(range), RequestOp::Put(put)];
            Operation::Txn(TxnRequest { success, ..TxnRequest::default() })
        }
        _ => {
            let length = input.below(1024);
            return Bytes::copy_from_slice(input.take(length));
        }
    };
    codec::encode(&Command::new(operation))
}

/// A snapshot of anything is installed, or refused. What is installed can be read and
/// written, as far as it makes sense.
pub fn installations(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let file = if input.flag() { input.rest().to_vec() } else { damaged_dump(&mut input) };
    let snapshots = FileSnapshots::open(Arc::new(SimFiles::new(1))).expect("it opens");
    let mut sink = snapshots.create().expect("the disk works");
    sink.begin_file("state").expect("the disk works");
    sink.write(&file).expect("the disk works");
    sink.finish(bootstrap()).expect("the disk works");
    let mut source = snapshots.open_newest().expect("it is complete");
    let mut replica = replica();
    let installed =
        memory::bounded(file.len(), EACH_INSTALLED, || replica.install(source.as_mut()));
    if installed.is_err() {
        return;
    }
    // Each of these may find that the state makes no sense, and says so.
    let view = replica.reader().view();
    let _ = view.range(&RangeRequest::of(KeyRange::from_key(&b"\0"[..])));
    let _ = view.range(&RangeRequest { revision: 2, ..RangeRequest::of(KeyRange::single("a")) });
    let _ = (view.hash_kv(0), view.state_hash(), view.member_attributes(), view.membership());
    let put = codec::encode(&Command::new(Operation::Put(PutRequest::of("a", "again"))));
    if replica.applied().position.index < Index::LAST {
        let entry = next_entry(&replica, put);
        let _ = replica.apply(&[entry], &mut Vec::new());
        let _ = replica.idle();
    }
}

/// The file of a sound state, changed at a few places.
fn damaged_dump(input: &mut Input<'_>) -> Vec<u8> {
    let snapshots = FileSnapshots::open(Arc::new(SimFiles::new(1))).expect("it opens");
    let mut sink = snapshots.create().expect("the disk works");
    let job = replica().prepare_snapshot().expect("the disk works");
    let meta = job.run(sink.as_mut()).expect("the disk works");
    sink.finish(meta).expect("the disk works");
    let mut source = snapshots.open_newest().expect("it is complete");
    let mut file = Vec::new();
    while let Some(chunk) = source.next_chunk(1 << 20).expect("it is whole") {
        file.extend_from_slice(&chunk.bytes);
    }
    for _ in 0..input.below(6) {
        let from = input.below(file.len());
        let bytes = input.short();
        let to = (from + bytes.len()).min(file.len());
        file[from..to].copy_from_slice(&bytes[..to - from]);
    }
    file
}

/// A replica with a few keys, which have a history.
fn replica() -> KvStateMachine {
    let disk = MemoryDisk::new();
    let store = MemoryState::open(&disk, &KvStateMachine::SPACES).expect("it opens");
    let mut machine = KvStateMachine::open(Arc::new(store), bootstrap()).expect("it opens");
    for (key, value) in [("a", "1"), ("b", "2"), ("a", "3")] {
        let put = codec::encode(&Command::new(Operation::Put(PutRequest::of(key, value))));
        let entry = next_entry(&machine, put);
        apply(&mut machine, &entry).expect("the command is sound");
    }
    machine
}

fn bootstrap() -> SnapshotMeta {
    SnapshotMeta::bootstrap(Membership::of_voters([NodeId(1), NodeId(2)]))
}

fn next_entry(machine: &KvStateMachine, payload: Bytes) -> Entry {
    let index = machine.applied().position.index.next();
    Entry { term: Term(1), index, kind: EntryKind::COMMAND, format: codec::FORMAT, payload }
}

/// Applies a command; the text of an error stands for it.
fn apply(machine: &mut KvStateMachine, entry: &Entry) -> Result<Vec<Option<Reply>>, String> {
    let mut replies = Vec::new();
    let applied: Result<(), StorageError> =
        machine.apply(std::slice::from_ref(entry), &mut replies);
    applied.map(|()| replies).map_err(|error| error.to_string())
}
