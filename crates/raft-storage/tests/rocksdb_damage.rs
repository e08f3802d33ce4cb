//! What is damaged on the disk of a state or a log on RocksDB is found, and never
//! taken for something else.
#![cfg(feature = "rocksdb")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use bytes::Bytes;
use raft_core::{Ballot, Entry, EntryKind, Index, Membership, NodeId, SnapshotMeta, Term};
use raft_storage::rocksdb::{RocksConfig, RocksLog, RocksLogConfig, RocksState};
use raft_storage::{LogStore, LogWrite, Mutation, Order, Space, StateStore, StorageError};

/// How many bytes of each file are flipped, one at a time.
const FLIPS: usize = 32;

/// What a start makes of damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    /// Nothing that matters was hit.
    Whole,
    /// An earlier moment is found, whole.
    Earlier,
    /// It is refused, with an error that says what is damaged.
    Refused,
}

#[test]
fn a_damaged_state_is_refused_or_whole_or_an_earlier_one() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let moments = make_state(folder.path());
    let outcomes = each_damage(folder.path(), |damaged| {
        let found = open_state(damaged).and_then(|store| rows(&store));
        outcome_of(found, &moments)
    });
    for (of @ (file, damage), found) in &outcomes {
        let allowed: &[Outcome] = match (file.as_str(), *damage) {
            // Nothing is ever read from these.
            ("IDENTITY" | "OPTIONS-" | ".log", _) => &[Outcome::Whole],
            // An earlier state is completed from the Raft log, or refused by it.
            ("MANIFEST-", "cut" | "flipped") => {
                &[Outcome::Whole, Outcome::Earlier, Outcome::Refused]
            }
            _ => &[Outcome::Refused],
        };
        assert!(found.keys().all(|found| allowed.contains(found)), "{of:?}: {found:?}");
    }
    assert!(outcomes.contains_key(&(".sst".to_owned(), "flipped")));
}

#[test]
fn a_damaged_log_is_refused_or_a_prefix_and_never_shorter_behind_an_idle_moment() {
    for idles in [false, true] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let moments = make_log(folder.path(), idles);
        let outcomes = each_damage(folder.path(), |damaged| {
            let found = open_log(damaged).map(|log| {
                let found = log.recovered();
                (found.ballot.term.0, found.log.last().index.0)
            });
            outcome_of(found, &moments)
        });
        for (of @ (file, damage), found) in &outcomes {
            let allowed: &[Outcome] = match (file.as_str(), *damage) {
                ("IDENTITY" | "OPTIONS-" | "durable", _) => &[Outcome::Whole],
                (".log", "cut" | "gone") if !idles => &[Outcome::Earlier],
                (".log", "flipped") if !idles => &[Outcome::Earlier, Outcome::Refused],
                ("MANIFEST-", "cut" | "flipped") => &[Outcome::Whole, Outcome::Refused],
                _ => &[Outcome::Refused],
            };
            let right = found.keys().all(|found| allowed.contains(found));
            assert!(right, "{of:?}: {found:?}, idles: {idles}");
        }
        assert!(outcomes.contains_key(&(".log".to_owned(), "flipped")));
    }
}

/// Compares what was found with what was there at each moment, the last one last.
fn outcome_of<T: PartialEq>(found: Result<T, StorageError>, moments: &[T]) -> Outcome {
    match found {
        Ok(found) if moments.last() == Some(&found) => Outcome::Whole,
        Ok(found) if moments.contains(&found) => Outcome::Earlier,
        Ok(_) => panic!("what was found was never there"),
        Err(
            StorageError::Corrupt { .. }
            | StorageError::BrokenLog { .. }
            | StorageError::Refused { .. },
        ) => Outcome::Refused,
        Err(error) => panic!("the error does not say that something is damaged: {error}"),
    }
}

/// Damages each file below a folder in each way, one at a time. Returns how often
/// damage of a kind of file had each outcome.
fn each_damage(
    original: &Path,
    mut check: impl FnMut(&Path) -> Outcome,
) -> BTreeMap<(String, &'static str), BTreeMap<Outcome, u32>> {
    let mut outcomes = BTreeMap::<_, BTreeMap<_, _>>::new();
    let files = files_below(original);
    for file in &files {
        let whole = fs::read(original.join(file)).expect("reads");
        let mut attempt = |damage, contents: Option<&[u8]>| {
            let damaged = tempfile::tempdir().expect("a temporary folder");
            for other in files.iter().filter(|other| *other != file) {
                place(&damaged.path().join(other), &original.join(other));
            }
            if let Some(contents) = contents {
                let path = damaged.path().join(file);
                fs::create_dir_all(path.parent().expect("has one")).expect("is made");
                fs::write(path, contents).expect("is damaged");
            }
            let counts = outcomes.entry((kind_of(file), damage)).or_default();
            *counts.entry(check(damaged.path())).or_default() += 1;
        };
        attempt("gone", None);
        for at in (0..FLIPS).map(|flip| flip * whole.len() / FLIPS) {
            let mut flipped = whole.clone();
            if let Some(byte) = flipped.get_mut(at) {
                *byte ^= 0x55;
                attempt("flipped", Some(&flipped));
            }
        }
        for part in (0..4).filter(|_| !whole.is_empty()) {
            attempt("cut", Some(&whole[..whole.len() * part / 4]));
        }
    }
    outcomes
}

fn place(to: &Path, from: &Path) {
    fs::create_dir_all(to.parent().expect("has one")).expect("is made");
    fs::copy(from, to).expect("is copied");
}

/// What kind of file it is: its name without its number.
fn kind_of(file: &str) -> String {
    let name = file.rsplit('/').next().unwrap_or(file);
    name.trim_matches(|letter: char| letter.is_ascii_digit()).to_owned()
}

/// The files below a folder but locks and journals.
fn files_below(folder: &Path) -> Vec<String> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("is there") {
        let entry = entry.expect("reads");
        let name = entry.file_name().into_string().expect("is UTF-8");
        if entry.file_type().expect("has one").is_dir() {
            let below = files_below(&entry.path());
            files.extend(below.into_iter().map(|file| format!("{name}/{file}")));
        } else if !name.eq_ignore_ascii_case("lock") && !name.starts_with("LOG") {
            files.push(name);
        }
    }
    files.sort();
    files
}

type Rows = Vec<(Bytes, Bytes)>;

/// Makes a state of several flushes. Returns its rows after each.
fn make_state(folder: &Path) -> Vec<Rows> {
    let store = open_state(folder).expect("opens");
    let mut moments = vec![Rows::new()];
    for number in 0..60_u32 {
        let key = Bytes::copy_from_slice(&number.to_be_bytes());
        let value = Bytes::from(vec![number as u8; 300]);
        store.commit(vec![Mutation::Put(Space(number as u8 % 2), key, value)]).expect("commits");
        if number % 20 == 19 {
            store.flush().expect("flushes");
            moments.push(rows(&store).expect("reads"));
        }
    }
    moments
}

fn open_state(folder: &Path) -> Result<RocksState, StorageError> {
    let mut config = RocksConfig::new(NodeId(1), 7, 42);
    config.options.block_cache_bytes = 1024 * 1024;
    RocksState::open(folder, &["one", "two"], config)
}

fn rows(store: &RocksState) -> Result<Rows, StorageError> {
    let view = store.view();
    let mut rows = Rows::new();
    for space in [Space(0), Space(1)] {
        for row in view.scan(space, b"", None, Order::Ascending) {
            rows.push(row?);
        }
    }
    Ok(rows)
}

/// Writes some groups. Returns the ballot's term and the last index after each.
/// With `idles` the store has a moment without writes behind the last one.
fn make_log(folder: &Path, idles: bool) -> Vec<(u64, u64)> {
    let mut log = open_log(folder).expect("opens");
    let mut moments = vec![(0, 0)];
    for number in 1..=20 {
        let entries = (0..3).map(|at| entry(number, number * 3 + at - 2)).collect();
        let ballot = Ballot { term: Term(number), vote: Some(NodeId(1)) };
        log.write(&[LogWrite::Ballot(ballot), LogWrite::Append(entries)]).expect("writes");
        moments.push((number, number * 3));
    }
    if idles {
        log.idle().expect("idles");
    }
    moments
}

fn open_log(folder: &Path) -> Result<RocksLog, StorageError> {
    let bootstrap = SnapshotMeta::bootstrap(Membership::of_voters([NodeId(1)]));
    RocksLog::open(folder, RocksLogConfig::new(NodeId(1), 7, 42, bootstrap))
}

fn entry(term: u64, index: u64) -> Entry {
    let payload = Bytes::from(vec![index as u8; 90]);
    Entry { term: Term(term), index: Index(index), kind: EntryKind::COMMAND, format: 1, payload }
}
