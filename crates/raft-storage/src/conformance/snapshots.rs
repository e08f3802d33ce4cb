//! Checks of a snapshot store.

use std::sync::Arc;

use bytes::Bytes;
use raft_core::{Incarnation, NodeId, Position, SnapshotMeta, TransferId};

use super::model::bootstrap;
use crate::error::StorageError;
use crate::random::Random;
use crate::snapshot_store::{Chunk, SnapshotSource, SnapshotStore};

/// Opens a snapshot store again and again on one disk that can be made to fail.
pub trait SnapshotFixture {
    /// Opens the store. The one opened before is dropped by then.
    ///
    /// # Errors
    ///
    /// Those of the store.
    fn open(&mut self) -> Result<Arc<dyn SnapshotStore>, StorageError>;

    /// Plans that the machine goes down at the disk's operation of this number,
    /// counted from 1 now; that and all later ones fail until
    /// [`SnapshotFixture::restart`]. False if the fixture cannot do that.
    fn crash_after(&mut self, operations: u64) -> bool;

    /// The machine comes back; what was not synced may be lost. The store is
    /// dropped by then.
    fn restart(&mut self);
}

const SENDER: NodeId = NodeId(2);

/// Name and contents of each file.
type Contents = Vec<(String, Vec<u8>)>;

/// Runs all checks of a snapshot store. `make` gives an empty disk for a seed.
///
/// # Panics
///
/// If the store does what it should not, with the seed.
pub fn snapshot_store(make: &mut dyn FnMut(u64) -> Box<dyn SnapshotFixture>) {
    what_is_finished_is_the_newest(&mut *make(1));
    a_source_outlives_newer_snapshots(&mut *make(2));
    a_received_snapshot_counts_once_promoted(&mut *make(3));
    a_broken_stream_is_refused(&mut *make(4));
    names_are_checked(&mut *make(5));
    for seed in 0..10 {
        crashes_at_every_operation(seed, make);
    }
}

fn what_is_finished_is_the_newest(fixture: &mut dyn SnapshotFixture) {
    let store = fixture.open().expect("opens");
    assert_eq!(store.newest(), None);
    assert!(matches!(store.open_newest(), Err(StorageError::Missing { .. })));
    for index in [5, 9, 30] {
        make_own(&*store, index).expect("is made");
        check_newest(&*store, index, "finished");
    }
    let mut unfinished = store.create().expect("creates");
    unfinished.begin_file("x").expect("begins");
    unfinished.write(b"y").expect("writes");
    drop(unfinished);
    make_own(&*store, 20).expect("is made");
    check_newest(&*store, 30, "a late one of an older state");
    drop(store);
    fixture.restart();
    check_newest(&*fixture.open().expect("opens"), 30, "after a restart");
}

fn a_source_outlives_newer_snapshots(fixture: &mut dyn SnapshotFixture) {
    let store = fixture.open().expect("opens");
    make_own(&*store, 1).expect("is made");
    let mut source = store.open_newest().expect("is there");
    let first = source.next_chunk(1).expect("reads").expect("has a chunk");
    for index in 2..=5 {
        make_own(&*store, index).expect("is made");
    }
    let mut read = first.bytes.to_vec();
    while let Some(chunk) = source.next_chunk(7).expect("still reads") {
        read.extend_from_slice(&chunk.bytes);
    }
    let wanted: Vec<u8> = contents(1).into_iter().flat_map(|(_, bytes)| bytes).collect();
    assert_eq!(read, wanted, "while four newer ones were made");
}

fn a_received_snapshot_counts_once_promoted(fixture: &mut dyn SnapshotFixture) {
    let store = fixture.open().expect("opens");
    make_own(&*store, 1).expect("is made");
    send(&*store, transfer(1), 8).expect("comes in");
    check_newest(&*store, 1, "received is not promoted");
    let mut source = store.open_received(SENDER, transfer(1)).expect("is there");
    check_source(&mut *source, 8, 100, "received");
    drop(source);
    send(&*store, transfer(2), 9).expect("comes in");
    let first = store.open_received(SENDER, transfer(1));
    assert!(first.is_err(), "the next transfer of a sender drops the one before");
    store.discard(SENDER, transfer(2)).expect("discards");
    store.discard(SENDER, transfer(2)).expect("what is not there is discarded too");
    assert!(store.promote(SENDER, transfer(2)).is_err(), "it is gone");
    send(&*store, transfer(3), 10).expect("comes in");
    store.promote(SENDER, transfer(3)).expect("is promoted");
    check_newest(&*store, 10, "promoted");
    drop(store);
    fixture.restart();
    check_newest(&*fixture.open().expect("opens"), 10, "promoted, after a restart");
}

fn a_broken_stream_is_refused(fixture: &mut dyn SnapshotFixture) {
    let store = fixture.open().expect("opens");
    make_own(&*store, 3).expect("is made");
    let whole = chunks(&mut *store.open_newest().expect("is there"), 50);
    let refused = |stream: &[Chunk], what: &str| {
        let mut sink = store.receive(SENDER, transfer(1), meta(3)).expect("begins");
        let taken = stream.iter().try_for_each(|chunk| sink.write(chunk));
        assert!(taken.and_then(|()| sink.finish()).is_err(), "{what} was taken");
        assert!(store.open_received(SENDER, transfer(1)).is_err(), "{what} can be opened");
    };
    refused(&[], "nothing");
    for at in 0..whole.len() {
        refused(&whole[..at], "a stream without its end");
        let mut stream = whole.clone();
        let missing = stream.remove(at);
        // A whole file that is left out shows in the transport's own numbers only.
        if missing.offset > 0 || !missing.ends_file {
            refused(&stream, "a stream with a chunk left out");
        }
        stream.insert(at, missing.clone());
        stream.insert(at, missing.clone());
        refused(&stream, "a stream with a chunk twice");
        stream[at].bytes = [&missing.bytes[..], b"x"].concat().into();
        stream.remove(at + 1);
        refused(&stream, "a chunk with other bytes");
        stream[at] = Chunk { checksum: missing.checksum ^ 1, ..missing };
        refused(&stream, "a chunk with another checksum");
    }
}

fn names_are_checked(fixture: &mut dyn SnapshotFixture) {
    let store = fixture.open().expect("opens");
    for name in ["", ".", "..", "a/b", "/a", "a\0"] {
        let mut sink = store.create().expect("creates");
        assert!(sink.begin_file(name).is_err(), "{name:?} was taken");
        let mut sink = store.receive(SENDER, transfer(1), meta(1)).expect("begins");
        let chunk = Chunk::new(name, 0, Bytes::new(), true, true);
        assert!(sink.write(&chunk).is_err(), "{name:?} was received");
    }
    let mut sink = store.create().expect("creates");
    sink.begin_file("a").expect("begins");
    assert!(sink.begin_file("a").is_err(), "a name was taken twice");
}

/// After each crash the newest is the last one acknowledged or the one that was
/// under way, and whole.
fn crashes_at_every_operation(seed: u64, make: &mut dyn FnMut(u64) -> Box<dyn SnapshotFixture>) {
    for operation in 1.. {
        let about = format!("seed {seed}, down at operation {operation}");
        let mut fixture = make(seed * 10_000 + operation);
        if !fixture.crash_after(operation) {
            return;
        }
        let mut done = 0;
        let all = run(&mut *fixture, &mut done).is_ok();
        fixture.restart();
        let store = fixture.open().unwrap_or_else(|error| panic!("{about}: {error}"));
        let newest = store.newest().map_or(0, |meta| meta.position.index.0);
        assert!(
            newest == done || newest == done + 1,
            "{about}: found {newest}, but {done} was acknowledged"
        );
        if newest > 0 {
            check_newest(&*store, newest, &about);
        }
        make_own(&*store, 50).unwrap_or_else(|error| panic!("{about}: then {error}"));
        check_newest(&*store, 50, &about);
        if all {
            return;
        }
    }
}

/// Makes snapshots of the indexes 1 to 5, own ones and received ones; `done` is
/// the last that was acknowledged.
fn run(fixture: &mut dyn SnapshotFixture, done: &mut u64) -> Result<(), StorageError> {
    let store = fixture.open()?;
    for index in 1..=5 {
        if index % 2 == 1 {
            make_own(&*store, index)?;
        } else {
            send(&*store, transfer(index), index)?;
            store.promote(SENDER, transfer(index))?;
        }
        *done = index;
    }
    Ok(())
}

fn meta(index: u64) -> SnapshotMeta {
    SnapshotMeta { position: Position::new(1, index), ..bootstrap() }
}

fn transfer(counter: u64) -> TransferId {
    TransferId { incarnation: Incarnation(7), counter }
}

/// What the snapshot at an index holds: a long file, an empty one, a short one.
fn contents(index: u64) -> Contents {
    let mut random = Random::new(index);
    let bytes = |length, random: &mut Random| (0..length).map(|_| random.next() as u8).collect();
    vec![
        ("long".to_owned(), bytes(300, &mut random)),
        ("empty".to_owned(), Vec::new()),
        ("short.sst".to_owned(), bytes(20, &mut random)),
    ]
}

fn make_own(store: &dyn SnapshotStore, index: u64) -> Result<(), StorageError> {
    let mut sink = store.create()?;
    for (name, bytes) in contents(index) {
        sink.begin_file(&name)?;
        for piece in bytes.chunks(90) {
            sink.write(piece)?;
        }
    }
    sink.finish(meta(index))
}

/// Lets a snapshot come in.
fn send(store: &dyn SnapshotStore, id: TransferId, index: u64) -> Result<(), StorageError> {
    let mut sink = store.receive(SENDER, id, meta(index))?;
    let files = contents(index);
    for (at, (name, bytes)) in files.iter().enumerate() {
        let ends = at + 1 == files.len();
        let (one, two) = bytes.split_at(bytes.len() / 2);
        if !one.is_empty() {
            sink.write(&Chunk::new(name, 0, Bytes::copy_from_slice(one), false, false))?;
        }
        let rest = Bytes::copy_from_slice(two);
        sink.write(&Chunk::new(name, one.len() as u64, rest, true, ends))?;
    }
    sink.finish()
}

fn check_newest(store: &dyn SnapshotStore, index: u64, about: &str) {
    assert_eq!(store.newest(), Some(meta(index)), "{about}");
    for max_bytes in [1, 33, 1_000] {
        check_source(&mut *store.open_newest().expect("is there"), index, max_bytes, about);
    }
}

fn check_source(source: &mut dyn SnapshotSource, index: u64, max_bytes: usize, about: &str) {
    assert_eq!(*source.meta(), meta(index), "{about}");
    let chunks = chunks(source, max_bytes);
    let mut read: Contents = Vec::new();
    for chunk in &chunks {
        assert!(chunk.bytes.len() <= max_bytes, "{about}: a chunk of {}", chunk.bytes.len());
        assert_eq!(chunk.checksum, chunk.checksum_of(), "{about}: a chunk's checksum");
        if chunk.offset == 0 {
            read.push((chunk.file.clone(), Vec::new()));
        }
        let (name, bytes) = read.last_mut().expect("the first chunk begins a file");
        assert_eq!((&chunk.file, chunk.offset), (&*name, bytes.len() as u64), "{about}");
        bytes.extend_from_slice(&chunk.bytes);
    }
    read.sort();
    let mut wanted = contents(index);
    wanted.sort();
    assert_eq!(read, wanted, "{about}");
    let ends = chunks.iter().map(|chunk| chunk.ends_snapshot);
    let last_alone = (1..=chunks.len()).map(|at| at == chunks.len());
    assert!(ends.eq(last_alone), "{about}: the last chunk alone ends the stream");
}

fn chunks(source: &mut dyn SnapshotSource, max_bytes: usize) -> Vec<Chunk> {
    std::iter::from_fn(|| source.next_chunk(max_bytes).expect("reads")).collect()
}
