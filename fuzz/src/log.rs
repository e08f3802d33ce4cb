//! The start of a log from what lies on its disk: sound, damaged, or made up.

use std::sync::Arc;

use bytes::{BufMut, Bytes};
use raft_core::{
    Ballot, Entry, EntryKind, Index, Membership, NodeId, Position, SnapshotMeta, Term,
};
use raft_storage::files::{Files, Outage, SimFiles};
use raft_storage::segments::{SegmentLog, SegmentsConfig};
use raft_storage::{LogStore, LogWrite, StorageError};

use super::input::Input;
use super::memory;

const SECTOR: usize = 512;
const SEGMENT_BYTES: usize = 4096;
/// What a byte on the disk may cost.
const EACH: usize = 40;

/// A log starts from whatever lies on its disk, or says why not. What it starts with
/// can be read, goes on, and is found again.
pub fn log(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    match input.byte() % 3 {
        0 => raw(input),
        1 => crafted(&mut input),
        _ => damaged(&mut input),
    }
}

/// A segment of arbitrary bytes.
fn raw(input: Input<'_>) {
    let files = fresh();
    let bytes = input.rest();
    let bytes = &bytes[..bytes.len().min(SEGMENT_BYTES)];
    files.damage(&segment(&files), 0, bytes).expect("the segment is there");
    let _ = start(&files);
}

/// A segment whose frames are whole and say anything.
fn crafted(input: &mut Input<'_>) {
    let files = fresh();
    let name = segment(&files);
    let found = files.contents(&name).expect("the segment is there");
    let mut out = header(input, &found);
    let mut previous = 0;
    let mut seq = 1;
    while !input.is_empty() && out.len() < SEGMENT_BYTES {
        let is_marker = input.below(16) == 15;
        let payload = if is_marker { Vec::new() } else { payload(input) };
        let mut frame = Vec::new();
        frame.put_slice(if is_marker { b"BIDL" } else { b"BFRM" });
        frame.put_u32_le(payload.len() as u32);
        frame.put_slice(&found[24..32]);
        frame.put_u64_le(if is_marker { seq - 1 } else { seq });
        frame.put_u64_le(seq - 1);
        frame.put_u32_le(previous);
        frame.put_u32_le(crc32c::crc32c(&frame));
        frame.put_slice(&payload);
        let checksum = crc32c::crc32c(&frame);
        frame.put_u32_le(checksum);
        frame.resize(frame.len().next_multiple_of(SECTOR), 0);
        if !is_marker {
            (previous, seq) = (checksum, seq + 1);
        }
        out.extend(frame);
    }
    out.truncate(SEGMENT_BYTES);
    files.damage(&name, 0, &out).expect("the segment is there");
    let _ = start(&files);
}

/// A header for the segment that was found, which says something else of the log.
fn header(input: &mut Input<'_>, found: &[u8]) -> Vec<u8> {
    let mut out = found[..52].to_vec();
    if input.flag() {
        ballot(input, &mut out);
        position(input, &mut out);
        meta(input, &mut out);
    } else {
        let size = u32::from_le_bytes([found[12], found[13], found[14], found[15]]) as usize;
        out.put_slice(&found[52..size - 4]);
    }
    let size = out.len() + 4;
    out[12..16].copy_from_slice(&(size as u32).to_le_bytes());
    out.put_u32_le(crc32c::crc32c(&out));
    out.resize(size.next_multiple_of(SECTOR), 0);
    out
}

/// Writes of any kind, or none at all.
fn payload(input: &mut Input<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    for _ in 0..=input.below(4) {
        match input.byte() % 6 {
            0 => {
                out.put_u8(1);
                ballot(input, &mut out);
            }
            1 | 2 => append(input, &mut out),
            3 => {
                out.put_u8(3);
                meta(input, &mut out);
            }
            4 => {
                out.put_u8(4);
                meta(input, &mut out);
            }
            _ => out.put_slice(input.short()),
        }
    }
    out
}

/// Entries that mostly follow one another.
fn append(input: &mut Input<'_>, out: &mut Vec<u8>) {
    let count = input.below(4);
    let claimed = if input.below(16) == 15 { input.number() as u32 } else { count as u32 };
    out.put_u8(2);
    out.put_u32_le(claimed);
    let (term, first) = (input.number(), input.number());
    for nth in 0..count as u64 {
        out.put_u64_le(term);
        out.put_u64_le(first.wrapping_add(nth));
        let kind = [0, 1, 2, input.byte()][input.below(4)];
        out.put_u8(kind);
        out.put_u8(1);
        let payload = match kind {
            2 => membership(input),
            _ => Bytes::copy_from_slice(input.short()),
        };
        out.put_u32_le(payload.len() as u32);
        out.put_slice(&payload);
    }
}

fn ballot(input: &mut Input<'_>, out: &mut Vec<u8>) {
    out.put_u64_le(input.number());
    out.put_u8(input.byte() % 3);
    out.put_u64_le(input.number());
}

fn position(input: &mut Input<'_>, out: &mut Vec<u8>) {
    out.put_u64_le(input.number());
    out.put_u64_le(input.number());
}

fn meta(input: &mut Input<'_>, out: &mut Vec<u8>) {
    position(input, out);
    let membership = membership(input);
    out.put_u8(Membership::FORMAT);
    out.put_u32_le(membership.len() as u32);
    out.put_slice(&membership);
}

fn membership(input: &mut Input<'_>) -> Bytes {
    if input.below(16) == 15 {
        return Bytes::copy_from_slice(input.short());
    }
    Membership::of_voters((1..=1 + input.below(3) as u64).map(NodeId)).encode()
}

/// A log that was written, a group at a time, and damaged behind everybody's back.
fn damaged(input: &mut Input<'_>) {
    let files = SimFiles::new(1);
    let mut groups = vec![(Ballot::default(), Vec::new())];
    write(&files, input, &mut groups);
    for _ in 0..1 + input.below(4) {
        damage(&files, input);
    }
    let Ok((ballot, entries)) = start(&files) else { return };
    let first = entries.first().map(|entry| entry.index.0 as usize);
    let is_one = groups.iter().any(|(then, log)| {
        let skipped = first.map_or(log.len(), |first| first - 1).min(log.len());
        *then == ballot && log[skipped..] == entries
    });
    assert!(is_one, "what is found was never there: {ballot}, {entries:?}");
}

/// Writes groups, and notes what the log holds after each, purged entries too.
fn write(files: &SimFiles, input: &mut Input<'_>, groups: &mut Vec<(Ballot, Vec<Entry>)>) {
    let mut store = open(files).expect("an empty folder can be opened");
    let (mut ballot, mut log, mut base) = (Ballot::default(), Vec::<Entry>::new(), 0);
    for _ in 0..1 + input.below(24) {
        let mut writes = Vec::new();
        if input.below(4) == 0 {
            ballot = Ballot { term: ballot.term.next(), vote: Some(NodeId(1)) };
            writes.push(LogWrite::Ballot(ballot));
        }
        let replaced = input.below(3).min(log.len() - base);
        log.truncate(log.len() - replaced);
        let first = log.len() as u64 + 1;
        let entries: Vec<Entry> = (first..=first + input.below(4) as u64)
            .map(|index| entry(ballot.term, index, input.below(700)))
            .collect();
        log.extend_from_slice(&entries);
        writes.push(LogWrite::Append(entries));
        store.write(&writes).expect("the disk works");
        groups.push((ballot, log.clone()));
        if input.below(6) == 5 {
            base = log.len();
            let at = Position { term: log[base - 1].term, index: Index(base as u64) };
            let meta = SnapshotMeta { position: at, membership: bootstrap().membership };
            store.write(&[LogWrite::Purge(meta)]).expect("the disk works");
        }
        if input.below(4) == 3 {
            store.idle().expect("the disk works");
        }
    }
}

fn entry(term: Term, index: u64, length: usize) -> Entry {
    let payload = Bytes::from(vec![index as u8; length]);
    Entry { term, index: Index(index), kind: EntryKind::COMMAND, format: 1, payload }
}

fn damage(files: &SimFiles, input: &mut Input<'_>) {
    let names = files.list("").expect("the folder can be listed");
    let name = &names[input.below(names.len())];
    let mut contents = files.contents(name).expect("it is there");
    let from = input.below(contents.len().max(1)).min(contents.len());
    let to = (from + 1 + input.below(1024)).min(contents.len());
    match input.byte() % 4 {
        0 => contents[from..to].iter_mut().take(1).for_each(|byte| *byte ^= input.byte().max(1)),
        1 => contents[from..to].fill(0),
        2 => {
            let other = input.below(contents.len().max(1)).min(contents.len());
            let length = (to - from).min(contents.len() - other);
            contents.copy_within(other..other + length, from);
        }
        _ if input.below(4) == 3 => {
            files.remove(name).expect("it is there");
            return;
        }
        _ => {
            let bytes = input.take(to - from);
            contents[from..from + bytes.len()].copy_from_slice(bytes);
        }
    }
    files.damage(name, 0, &contents).expect("it is there");
}

/// Starts a log, and if it does, goes on with it and starts again. What it held.
fn start(files: &SimFiles) -> Result<(Ballot, Vec<Entry>), StorageError> {
    let length = files.used_bytes() as usize;
    let mut store = memory::bounded(length, EACH, || open(files))?;
    let found = store.recovered().clone();
    let entries = read(&store);
    assert_eq!(entries.last().map_or(found.log.base(), Entry::position), found.log.last());
    if found.log.last().index == Index::LAST {
        return Ok((found.ballot, entries));
    }
    let next = entry(found.log.last().term, found.log.last().index.0 + 1, 9);
    store.write(&[LogWrite::Append(vec![next.clone()])])?;
    drop(store);
    let store = open(&files.restart(Outage::Kill)).expect("what was accepted is accepted again");
    assert_eq!(store.recovered().ballot, found.ballot);
    let mut more = entries.clone();
    more.push(next);
    assert_eq!(read(&store), more);
    Ok((found.ballot, entries))
}

/// All entries, each where and what the log's shape says.
fn read(store: &SegmentLog) -> Vec<Entry> {
    let log = &store.recovered().log;
    let (reader, last) = (store.reader(), log.last().index);
    let mut entries: Vec<Entry> = Vec::new();
    let mut next = log.first_index();
    while next <= last {
        let some = reader.read(next, last, 1000).expect("what is in the log can be read");
        for entry in some {
            assert_eq!((entry.index, Some(entry.term)), (next, log.term_at(next)));
            next = next.next();
            entries.push(entry);
        }
    }
    entries
}

/// A new log on a disk of its own.
fn fresh() -> SimFiles {
    let files = SimFiles::new(1);
    drop(open(&files).expect("an empty folder can be opened"));
    files.restart(Outage::Kill)
}

fn segment(files: &SimFiles) -> String {
    let names = files.list("").expect("the folder can be listed");
    names.into_iter().find(|name| name.ends_with(".log")).expect("there is a segment")
}

fn open(files: &SimFiles) -> Result<SegmentLog, StorageError> {
    let mut config = SegmentsConfig::new(NodeId(1), 7, 1, bootstrap());
    config.segment_bytes = SEGMENT_BYTES as u64;
    SegmentLog::open(Arc::new(files.clone()), config)
}

fn bootstrap() -> SnapshotMeta {
    SnapshotMeta::bootstrap(Membership::of_voters([NodeId(1), NodeId(2)]))
}
