//! Cuts a group of writes into frames.
//!
//! A group is one frame, unless it is very large: then it is several, each
//! synced before the next, so that memory and the length of a frame stay bounded.

use raft_core::{Ballot, Entry, SnapshotMeta};

use super::ops::{self, ENTRY_HEADER};
use crate::log_store::LogWrite;

/// A frame's payload stays below this, unless a single entry is longer; in bytes.
pub(super) const FRAME_BYTES: usize = 64 * 1024 * 1024;

/// The longest payload of an entry that is taken, in bytes.
pub(super) const ENTRY_BYTES: usize = 1024 * 1024 * 1024;

/// A write, or a part of an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    Ballot(&'a Ballot),
    Append(&'a [Entry]),
    Purge(&'a SnapshotMeta),
    Reset(&'a SnapshotMeta),
}

impl Piece<'_> {
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        match self {
            Piece::Ballot(ballot) => ops::put_ballot(out, ballot),
            Piece::Append(entries) => ops::put_append(out, entries),
            Piece::Purge(meta) => ops::put_purge(out, meta),
            Piece::Reset(meta) => ops::put_reset(out, meta),
        }
    }
}

/// The frames that a group makes, each with what it holds, in order.
pub(super) fn split(group: &[LogWrite], frame_bytes: usize) -> Vec<Vec<Piece<'_>>> {
    let mut frames = vec![Vec::new()];
    let mut bytes = 0;
    for write in group {
        match write {
            LogWrite::Ballot(ballot) => put(&mut frames, Piece::Ballot(ballot)),
            LogWrite::Purge(meta) => put(&mut frames, Piece::Purge(meta)),
            LogWrite::Reset(meta) => put(&mut frames, Piece::Reset(meta)),
            LogWrite::Append(entries) if entries.is_empty() => put(&mut frames, Piece::Append(&[])),
            LogWrite::Append(entries) => {
                let mut rest = &entries[..];
                while !rest.is_empty() {
                    let fits = fitting(rest, frame_bytes.saturating_sub(bytes));
                    if fits == 0 && bytes > 0 {
                        frames.push(Vec::new());
                        bytes = 0;
                        continue;
                    }
                    let (now, later) = rest.split_at(fits.max(1));
                    put(&mut frames, Piece::Append(now));
                    bytes += now.iter().map(entry_bytes).sum::<usize>();
                    rest = later;
                }
            }
        }
    }
    frames.retain(|frame| !frame.is_empty());
    frames
}

fn put<'a>(frames: &mut [Vec<Piece<'a>>], piece: Piece<'a>) {
    if let Some(frame) = frames.last_mut() {
        frame.push(piece);
    }
}

/// How many of the entries fit into so many bytes.
fn fitting(entries: &[Entry], mut room: usize) -> usize {
    let fits = |entry: &&Entry| match room.checked_sub(entry_bytes(entry)) {
        Some(left) => {
            room = left;
            true
        }
        None => false,
    };
    entries.iter().take_while(fits).count()
}

fn entry_bytes(entry: &Entry) -> usize {
    ENTRY_HEADER + entry.payload.len()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use raft_core::{EntryKind, Index, Term};

    use super::*;

    fn entry(index: u64, payload: usize) -> Entry {
        Entry {
            term: Term(1),
            index: Index(index),
            kind: EntryKind::COMMAND,
            format: 0,
            payload: Bytes::from(vec![0; payload]),
        }
    }

    #[test]
    fn a_small_group_is_one_frame_and_a_large_one_is_cut_between_entries() {
        let entries = vec![entry(1, 28), entry(2, 28), entry(3, 128), entry(4, 28)];
        let group = [LogWrite::Ballot(Ballot::default()), LogWrite::Append(entries.clone())];
        assert_eq!(split(&group, 1_000).len(), 1);
        let frames = split(&group, 100);
        let appended: Vec<_> = frames
            .iter()
            .map(|frame| match frame[frame.len() - 1] {
                Piece::Append(entries) => entries.len(),
                _ => 0,
            })
            .collect();
        assert_eq!(appended, [2, 1, 1], "no frame over 100 bytes but for the long entry");
        assert!(split(&[], 100).is_empty());
    }
}
