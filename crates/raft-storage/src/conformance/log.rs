//! Checks of a log store.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use raft_core::{Ballot, Entry, EntryKind, Index, NodeId, SnapshotMeta, Term};

use super::crashes;
use super::model::{Model, bootstrap, draw_group};
use crate::error::StorageError;
use crate::log_store::{LogReader, LogStore, LogWrite};
use crate::random::Random;

/// Opens a log store again and again on one disk that can be made to fail.
pub trait LogFixture {
    /// Opens the store. A new one starts after `bootstrap`. The one opened
    /// before is dropped by then.
    ///
    /// # Errors
    ///
    /// Those of the store.
    fn open(&mut self, bootstrap: &SnapshotMeta) -> Result<Box<dyn LogStore>, StorageError>;

    /// Plans that the machine goes down at the disk's operation of this number,
    /// counted from 1 now; that and all later ones fail until
    /// [`LogFixture::restart`]. False if the fixture cannot do that: the checks
    /// that need it are left out.
    fn crash_after(&mut self, operations: u64) -> bool;

    /// Plans that the disk's operation of this number, counted from 1 now,
    /// fails, and only that one. False if the fixture cannot do that.
    fn fail_after(&mut self, operations: u64) -> bool;

    /// The machine comes back, after a planned crash or without one; what was
    /// not synced may be lost. The store is dropped by then.
    fn restart(&mut self);
}

/// Runs all checks of a log store. `make` gives an empty disk for a seed.
///
/// # Panics
///
/// If the store does what it should not, with the seed.
pub fn log_store(make: &mut dyn FnMut(u64) -> Box<dyn LogFixture>) {
    a_new_store_is_empty(&mut *make(1));
    reads_stop_where_they_should(&mut *make(2));
    nonsense_is_refused(make);
    for seed in 0..60 {
        random_runs_match_the_model(seed, &mut *make(seed));
    }
    reads_go_on_beside_writes(&mut *make(3));
    for seed in 0..12 {
        crashes::at_every_operation(seed, make);
    }
    for seed in 0..8 {
        crashes::in_the_start_after_a_crash(seed, make);
        crashes::errors_are_final(seed, make);
    }
}

fn a_new_store_is_empty(fixture: &mut dyn LogFixture) {
    let model = Model::new(bootstrap());
    for _ in 0..2 {
        let store = fixture.open(&bootstrap()).expect("a new store opens");
        assert_eq!(model.difference(&*store), None, "a new store");
        assert_eq!(store.recovered().cut_off_bytes, 0, "nothing was there to cut off");
        drop(store);
        fixture.restart();
    }
}

fn reads_stop_where_they_should(fixture: &mut dyn LogFixture) {
    let mut store = fixture.open(&bootstrap()).expect("a new store opens");
    for index in 1..=50 {
        store.write(&[LogWrite::Append(vec![command(1, index, 100)])]).expect("writes");
    }
    let reader = store.reader();
    let read = |first, last, bytes| {
        let read = reader.read(Index(first), Index(last), bytes).expect("they are there");
        assert!(read.iter().zip(first..).all(|(entry, index)| entry.index.0 == index));
        read.len() as u64
    };
    let size = 100 + Entry::OVERHEAD;
    assert_eq!(read(7, 7, u64::MAX), 1, "no more than asked for");
    assert_eq!(read(7, 50, 0), 1, "at least one");
    assert_eq!(read(7, 50, size * 3), 3, "as many as fit");
    assert_eq!(read(7, 50, size * 4 - 1), 3, "and not one more");
    assert!(read(40, 99, u64::MAX) <= 11, "not beyond the end");
    for (first, last) in [(0, 5), (51, 60), (9, 8)] {
        let read = reader.read(Index(first), Index(last), u64::MAX);
        assert!(matches!(read, Err(StorageError::Missing { .. })), "{first} to {last}");
    }
}

/// Writes that contradict the log, and that are not to be believed.
fn nonsense_is_refused(make: &mut dyn FnMut(u64) -> Box<dyn LogFixture>) {
    let beyond = SnapshotMeta { position: command(1, 9, 0).position(), ..bootstrap() };
    let nonsense = [
        LogWrite::Append(vec![]),
        LogWrite::Append(vec![command(1, 5, 0)]),
        LogWrite::Append(vec![command(1, 4, 0), command(1, 6, 0)]),
        LogWrite::Append(vec![command(0, 4, 0)]),
        LogWrite::Purge(beyond),
    ];
    for write in nonsense {
        let mut fixture = make(4);
        let mut store = fixture.open(&bootstrap()).expect("a new store opens");
        let good: Vec<_> = (1..=3).map(|index| command(1, index, 0)).collect();
        store.write(&[LogWrite::Append(good)]).expect("writes");
        assert!(store.write(std::slice::from_ref(&write)).is_err(), "{write:?} was taken");
        drop(store);
        fixture.restart();
        let store = fixture.open(&bootstrap()).expect("opens again");
        assert_eq!(store.recovered().log.last().index, Index(3), "after {write:?}");
    }
}

fn random_runs_match_the_model(seed: u64, fixture: &mut dyn LogFixture) {
    let mut random = Random::new(seed);
    let mut model = Model::new(bootstrap());
    for life in 0..6 {
        let mut store = fixture.open(&bootstrap()).expect("opens");
        let difference = model.difference(&*store);
        assert_eq!(difference, None, "seed {seed}: found in life {life}");
        for group in 0..random.below(25) {
            store.write(&draw_group(&mut model, &mut random)).expect("writes");
            if random.one_in(4) {
                store.idle().expect("idles");
            }
            if random.one_in(4) {
                store.note_committed(Index(random.below(model.first() + 50))).expect("notes");
            }
            if random.one_in(4) {
                let difference = model.difference_in_entries(&*store);
                assert_eq!(difference, None, "seed {seed}: read in life {life}, group {group}");
            }
        }
        drop(store);
        if random.one_in(2) {
            fixture.restart();
        }
    }
}

fn reads_go_on_beside_writes(fixture: &mut dyn LogFixture) {
    let mut store = fixture.open(&bootstrap()).expect("opens");
    let done = Arc::new(AtomicBool::new(false));
    let threads: Vec<_> = (0..2)
        .map(|seed| {
            let (reader, done) = (store.reader(), done.clone());
            std::thread::spawn(move || read_until(seed, &*reader, &done))
        })
        .collect();
    let mut model = Model::new(bootstrap());
    let mut random = Random::new(77);
    for _ in 0..400 {
        store.write(&draw_group(&mut model, &mut random)).expect("writes");
        store.idle().expect("idles");
    }
    done.store(true, Ordering::Release);
    for thread in threads {
        thread.join().expect("a reader found something that was never written so");
    }
    assert_eq!(model.difference_in_entries(&*store), None, "after it all");
}

fn read_until(seed: u64, reader: &dyn LogReader, done: &AtomicBool) {
    let mut random = Random::new(seed);
    let mut first = 1;
    while !done.load(Ordering::Acquire) {
        match reader.read(Index(first), Index(first + 20), 1 + random.below(4_000)) {
            Ok(read) => {
                assert!(!read.is_empty(), "a read that succeeds returns something");
                for (entry, index) in read.iter().zip(first..) {
                    assert_eq!(entry.index.0, index, "entries are consecutive");
                }
                first += 1 + random.below(read.len() as u64);
            }
            Err(StorageError::Missing { .. }) => first = 1 + random.below(first * 2),
            Err(error) => panic!("{error}"),
        }
    }
}

/// A command of some bytes.
pub(super) fn command(term: u64, index: u64, bytes: usize) -> Entry {
    Entry {
        term: Term(term),
        index: Index(index),
        kind: EntryKind::COMMAND,
        format: 1,
        payload: Bytes::from(vec![index as u8; bytes]),
    }
}

/// A ballot.
pub(super) fn ballot(term: u64) -> LogWrite {
    LogWrite::Ballot(Ballot { term: Term(term), vote: Some(NodeId(1)) })
}
