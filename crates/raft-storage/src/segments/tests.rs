//! Damage of every kind, and the format's golden bytes.

use std::sync::Arc;

use bytes::Bytes;
use raft_core::{
    Ballot, Entry, EntryKind, Index, Membership, NodeId, Position, SnapshotMeta, Term,
};

use super::frame::SECTOR;
use super::{SegmentLog, SegmentsConfig};
use crate::error::StorageError;
use crate::files::{Failure, Files, Outage, SimFiles};
use crate::log_store::{LogStore, LogWrite};

const ENTRIES: u64 = 1_000;
const GROUP: u64 = 10;

fn bootstrap() -> SnapshotMeta {
    SnapshotMeta::bootstrap(Membership::of_voters([NodeId(1), NodeId(2)]))
}

fn entry(index: u64) -> Entry {
    Entry {
        term: Term(1 + index / 300),
        index: Index(index),
        kind: EntryKind::COMMAND,
        format: 1,
        payload: Bytes::copy_from_slice(&index.to_le_bytes()),
    }
}

fn open(files: &SimFiles, seed: u64) -> Result<SegmentLog, StorageError> {
    let mut config = SegmentsConfig::new(NodeId(1), 7, seed, bootstrap());
    config.segment_bytes = 24 * 1024;
    SegmentLog::open(Arc::new(files.clone()), config)
}

/// A log of so many entries on a machine whose process was killed.
fn written(entries: u64, marked: bool) -> SimFiles {
    let files = SimFiles::new(1);
    let mut store = open(&files, 1).unwrap();
    store.write(&[LogWrite::Ballot(Ballot { term: Term(1), vote: Some(NodeId(1)) })]).unwrap();
    for first in (1..=entries).step_by(GROUP as usize) {
        let last = entries.min(first + GROUP - 1);
        store.write(&[LogWrite::Append((first..=last).map(entry).collect())]).unwrap();
    }
    if marked {
        store.idle().unwrap();
    }
    drop(store);
    files.restart(Outage::Kill)
}

fn segments(files: &SimFiles) -> Vec<String> {
    let mut names = files.list("").unwrap();
    names.retain(|name| name.ends_with(".log"));
    names
}

/// Changes bytes at every place of every file, one place at a time, and opens
/// the log. Returns how often it was whole, shorter by the last group, refused.
fn damage_everywhere(
    files: &SimFiles,
    step: u64,
    damaged: impl Fn(&[u8]) -> Vec<u8>,
) -> (u64, u64, u64) {
    let (mut whole, mut shorter, mut refused) = (0, 0, 0);
    for name in files.list("").unwrap() {
        let contents = files.contents(&name).unwrap();
        for (at, old) in (0..).step_by(step as usize).zip(contents.chunks(step as usize)) {
            let new = damaged(old);
            if new == old {
                continue;
            }
            let copy = files.fork();
            copy.damage(&name, at, &new).unwrap();
            let about = format!("byte {at} of {name}");
            let Ok(store) = open(&copy, 2) else {
                refused += 1;
                continue;
            };
            let found = store.recovered();
            assert_eq!(found.ballot.term, Term(1), "{about}: the ballot");
            match found.log.last().index.0 {
                ENTRIES => whole += 1,
                last if last == ENTRIES - GROUP => {
                    // Where all of a frame is zeros, there is nothing left to cut off.
                    let nothing = new.len() as u64 == SECTOR;
                    assert!(found.cut_off_bytes > 0 || nothing, "{about}: not counted");
                    shorter += 1;
                }
                last => panic!("{about}: a log that ends at {last}"),
            }
            let last = found.log.last().index;
            for index in [Index(1), last] {
                let read = store.reader().read(index, index, u64::MAX).unwrap();
                assert_eq!(read, [entry(index.0)], "{about}");
            }
        }
    }
    (whole, shorter, refused)
}

fn flipped(old: &[u8]) -> Vec<u8> {
    old.iter().map(|byte| byte ^ 0x10).collect()
}

fn zeroed(old: &[u8]) -> Vec<u8> {
    vec![0; old.len()]
}

#[test]
fn a_marked_log_is_never_shorter_whatever_goes_bad() {
    let files = written(ENTRIES, true);
    assert!(segments(&files).len() > 2, "the log has several segments");
    for (step, damaged) in [(1, flipped as fn(&[u8]) -> Vec<u8>), (SECTOR, zeroed)] {
        let (whole, shorter, refused) = damage_everywhere(&files, step, damaged);
        assert_eq!(shorter, 0, "the marker shows that the last group was synced");
        assert!(whole > 0 && refused > 100, "whole {whole}, refused {refused}");
    }
}

#[test]
fn an_unmarked_log_is_shorter_by_the_last_group_at_most() {
    let files = written(ENTRIES, false);
    for (step, damaged) in [(1, flipped as fn(&[u8]) -> Vec<u8>), (SECTOR, zeroed)] {
        let (whole, shorter, refused) = damage_everywhere(&files, step, damaged);
        let room = SECTOR / step;
        assert!((1..=room).contains(&shorter), "only within the last frame: {shorter}");
        assert!(whole + refused > 100, "whole {whole}, refused {refused}");
    }
}

#[test]
fn a_refusal_names_file_byte_entry_and_way_out() {
    let files = written(20, true);
    let name = &segments(&files)[0];
    // The header, then the ballot's frame, then entries 1 to 10.
    let offset = 2 * SECTOR + 60;
    files.damage(name, offset, b"bad").unwrap();
    let error = open(&files, 2).err().expect("it is damaged").to_string();
    for part in [name.as_str(), "at byte 1024", "(entry 1)", "remove this member"] {
        assert!(error.contains(part), "{part:?} is missing in: {error}");
    }
}

#[test]
fn a_removed_segment_is_noticed() {
    let names = segments(&written(ENTRIES, true));
    // Of a last segment that is gone whole, nothing is left to tell.
    for name in &names[..names.len() - 1] {
        let files = written(ENTRIES, true);
        files.remove(name).unwrap();
        assert!(open(&files, 2).is_err(), "{name} is gone");
    }
}

#[test]
fn a_folder_that_lost_its_identity_is_not_taken_for_a_new_one() {
    for entries in [0, 5] {
        let files = written(entries, true);
        files.remove("identity").unwrap();
        assert!(open(&files, 2).is_err(), "with {entries} entries");
    }
}

#[test]
fn behind_what_was_cut_off_there_are_zeros() {
    let mut cut_off = 0;
    for seed in 0..60 {
        let files = SimFiles::new(seed);
        let mut store = open(&files, 1).unwrap();
        store.write(&[LogWrite::Append(vec![entry(1)])]).unwrap();
        // Of a frame of several sectors, the power fails between write and sync.
        let long = Entry { payload: Bytes::from(vec![9; 3_000]), ..entry(2) };
        files.crash_at(Some(files.counters().operations + 2));
        store.write(&[LogWrite::Append(vec![long])]).unwrap_err();
        drop(store);
        let files = files.restart(Outage::PowerLoss);
        let store = open(&files, 2).unwrap();
        if store.recovered().log.last().index == Index(2) {
            continue;
        }
        cut_off += u64::from(store.recovered().cut_off_bytes > 0);
        drop(store);
        let files = files.restart(Outage::PowerLoss);
        let contents = files.contents(&segments(&files)[0]).unwrap();
        let behind = &contents[2 * SECTOR as usize..];
        assert!(behind.iter().all(|byte| *byte == 0), "seed {seed}");
        assert_eq!(open(&files, 3).unwrap().recovered().cut_off_bytes, 0, "seed {seed}: again");
    }
    assert!(cut_off > 10, "{cut_off} were cut off");
}

/// The log of `written`, ended just when it began another segment: that one has
/// a header and nothing else.
fn with_a_fresh_segment(files: &SimFiles, ballot: u64) -> SimFiles {
    let mut store = open(files, 9).unwrap();
    let count = segments(files).len();
    for index in ENTRIES + 1.. {
        let before = files.fork();
        let ballot = LogWrite::Ballot(Ballot { term: Term(ballot), vote: None });
        store.write(&[ballot, LogWrite::Append(vec![entry(index)])]).unwrap();
        if segments(files).len() > count {
            let name = segments(files)[count].clone();
            let header = files.contents(&name).unwrap()[..SECTOR as usize].to_vec();
            let length = files.contents(&name).unwrap().len() as u64;
            let before = before.restart(Outage::Kill);
            let fresh = before.create(&name).unwrap();
            fresh.preallocate(length).unwrap();
            fresh.write_at(0, &header).unwrap();
            return before;
        }
    }
    unreachable!("a segment is full some time");
}

#[test]
fn a_later_segment_proves_that_the_frames_before_it_were_synced() {
    let files = with_a_fresh_segment(&written(ENTRIES, false), 5);
    open(&files.fork(), 2).unwrap();
    let [.., last, fresh] = &segments(&files)[..] else { panic!("several segments") };
    files.damage(fresh, 0, &[0; SECTOR as usize]).unwrap();
    open(&files.fork(), 2).expect("a segment whose creation did not end is dropped");
    let contents = files.contents(last).unwrap();
    let end = contents.iter().rposition(|byte| *byte != 0).unwrap() as u64;
    files.damage(last, end, &[contents[end as usize] ^ 1]).unwrap();
    assert!(open(&files, 2).is_err(), "but its name still says that all before was synced");
}

#[test]
fn a_segment_of_another_history_is_refused() {
    let start = written(ENTRIES, false);
    let one = with_a_fresh_segment(&start.fork(), 5);
    let other = with_a_fresh_segment(&start.fork(), 6);
    let name = segments(&one).pop().unwrap();
    assert_eq!(segments(&other).pop(), Some(name.clone()), "the names are the same");
    one.damage(&name, 0, &other.contents(&name).unwrap()).unwrap();
    assert!(open(&one, 2).is_err(), "it says another ballot than the frames before it");
}

#[test]
fn folders_of_others_and_folders_in_use_are_refused_by_name() {
    let files = written(5, true);
    let refused = |node, cluster| {
        let config = SegmentsConfig::new(NodeId(node), cluster, 3, bootstrap());
        match SegmentLog::open(Arc::new(files.clone()), config) {
            Err(StorageError::Refused { folder, why }) => format!("{folder} {why}"),
            Err(error) => panic!("{error}"),
            Ok(_) => String::new(),
        }
    };
    assert!(refused(2, 7).contains("n1"), "another node's");
    assert!(refused(1, 8).contains("cluster 7"), "another cluster's");
    let open = open(&files, 2).unwrap();
    assert!(refused(1, 7).contains("another process"), "in use");
    drop(open);
    assert_eq!(refused(1, 7), "", "it is free again");
}

#[test]
fn a_full_disk_ends_the_store_and_loses_nothing() {
    let files = SimFiles::new(5);
    let mut store = open(&files, 1).unwrap();
    files.limit_space(Some(60 * 1024));
    let written =
        (1..).find(|index| store.write(&[LogWrite::Append(vec![entry(*index)])]).is_err());
    let failed_at = written.expect("the space ends");
    assert!(failed_at > 50, "there was room for some: {failed_at}");
    files.limit_space(None);
    store.write(&[LogWrite::Append(vec![entry(failed_at)])]).unwrap_err();
    drop(store);
    let files = files.restart(Outage::PowerLoss);
    let store = open(&files, 2).unwrap();
    assert_eq!(store.recovered().log.last().index.0, failed_at - 1);
}

#[test]
fn purging_frees_space_and_keeps_ballot_and_base() {
    let files = written(ENTRIES, true);
    let mut store = open(&files, 2).unwrap();
    let before = store.size_bytes();
    let meta = store.recovered().log.meta_at(Index(990)).unwrap();
    store.write(&[LogWrite::Purge(meta.clone())]).unwrap();
    assert!(store.size_bytes() < before / 2, "{} of {before}", store.size_bytes());
    assert!(segments(&files).len() <= 2);
    drop(store);
    let store = open(&files.restart(Outage::PowerLoss), 3).unwrap();
    assert_eq!(store.recovered().ballot.vote, Some(NodeId(1)));
    assert_eq!(store.recovered().log.base(), meta.position);
    assert_eq!(store.recovered().log.last().index, Index(ENTRIES));
}

/// Each operation fails once; the process is started again and finds what the
/// system still shows, whether the disk has it or not. From then on it counts.
#[test]
fn what_a_failed_sync_left_in_the_cache_is_written_again() {
    for seed in 0..6 {
        for operation in 1.. {
            let files = SimFiles::new(seed * 1_000 + operation);
            let mut store = open(&files, 1).unwrap();
            files.fail_at(files.counters().operations + operation, Failure::Device);
            // Long enough for a second segment.
            let failed = (1..=60).find(|index| {
                let long = Entry { payload: Bytes::from(vec![9; 600]), ..entry(*index) };
                store.write(&[LogWrite::Append(vec![long])]).is_err()
            });
            if failed.is_none() {
                assert!(operation > 60, "seed {seed}: all operations had their turn");
                break;
            }
            drop(store);
            let files = files.restart(Outage::Kill);
            let mut store = open(&files, 2).unwrap();
            let next = store.recovered().log.last().index.next();
            let after = files.fork();
            store.write(&[LogWrite::Append(vec![entry(next.0)])]).unwrap();
            for (files, last) in [(after, next.prev()), (files, next)] {
                let found = open(&files.restart(Outage::PowerLoss), 3);
                let found = found.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
                let about = format!("seed {seed}, operation {operation} failed");
                assert_eq!(found.recovered().log.last().index, last, "{about}");
            }
        }
    }
}

#[test]
fn a_group_longer_than_a_segment_gets_one_that_is_long_enough() {
    let files = SimFiles::new(1);
    let mut store = open(&files, 1).unwrap();
    let long = Entry { payload: Bytes::from(vec![9; 200_000]), ..entry(1) };
    store.write(&[LogWrite::Append(vec![long.clone(), entry(2)])]).unwrap();
    store.write(&[LogWrite::Append(vec![entry(3)])]).unwrap();
    drop(store);
    let store = open(&files, 2).unwrap();
    let read = store.reader().read(Index(1), Index(3), u64::MAX).unwrap();
    assert_eq!(read, [long, entry(2), entry(3)]);
}

/// The bytes on the disk, once and for all: if this test fails, a version that
/// is out there can no longer read what this one writes, or the other way round.
#[test]
fn the_format_is_pinned() {
    let files = SimFiles::new(1);
    let mut store = open(&files, 1).unwrap();
    let meta = SnapshotMeta { position: Position::new(1, 1), ..bootstrap() };
    store
        .write(&[
            LogWrite::Ballot(Ballot { term: Term(1), vote: Some(NodeId(2)) }),
            LogWrite::Append(vec![entry(1), entry(2)]),
            LogWrite::Purge(meta),
        ])
        .unwrap();
    store.idle().unwrap();
    drop(store);
    let name = &segments(&files)[0];
    assert_eq!(name, GOLDEN_NAME);
    assert_eq!(hex(&files.contents("identity").unwrap()), GOLDEN_IDENTITY);
    let contents = files.contents(name).unwrap();
    assert_eq!(contents.len(), 24 * 1024);
    let sectors: Vec<_> = contents.chunks(SECTOR as usize).map(hex).collect();
    assert_eq!(sectors[..3], GOLDEN_SECTORS, "header, frame, marker");
    assert!(sectors[3..].iter().all(String::is_empty), "zeros behind");
}

/// Hexadecimal digits, without the zeros at the end.
fn hex(bytes: &[u8]) -> String {
    let length = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    bytes[..length].iter().map(|byte| format!("{byte:02x}")).collect()
}

const GOLDEN_NAME: &str = "0000000000000001-beeb8da1658eec67.log";

const GOLDEN_IDENTITY: &str =
    "42414c534144495201000000c15c0289ec2d0a9101000000000000000700000000000000a898ff51";

const GOLDEN_SECTORS: [&str; 3] = [
    "42414c534153454701000000bd000000c15c0289ec2d0a9167ec8e65a18debbe010000000000000000600000\
     0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000\
     00000000000000000000000000014f0000000200000001000000000000000000000000000000000000000002\
     0000000000000000000000000000000000000000020000000100000000000000020000000000000000000000\
     0000000000000000008016b31f",
    "4246524db800000067ec8e65a18debbe01000000000000000000000000000000000000008ffb6bf201010000\
     0000000000010200000000000000020200000001000000000000000100000000000000010108000000010000\
     0000000000010000000000000002000000000000000101080000000200000000000000030100000000000000\
     0100000000000000014f00000002000000010000000000000000000000000000000000000000020000000000\
     0000000000000000000000000000000200000001000000000000000200000000000000000000000000000000\
     0000000052704f0b",
    "4249444c0000000067ec8e65a18debbe0100000000000000010000000000000052704f0b1d8b0887c74b6748",
];
