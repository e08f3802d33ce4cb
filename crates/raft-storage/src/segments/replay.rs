//! What the frames add up to, taken in one after the other at a start.
//!
//! The oldest segment may begin in the middle of the log: what came before was
//! purged since, or replaced. So entries are only counted on the way, and
//! whether they form a log is judged at the end, when the base is known.

use bytes::Bytes;
use raft_core::{
    Ballot, BrokenLog, Entry, EntryKind, Index, LogSummary, Position, SnapshotMeta, Term,
};

use super::index::{LogIndex, Place};
use super::ops::{Op, RawEntry};
use super::segment::SegmentHeader;

/// The log's shape so far.
pub(super) struct Replay {
    pub(super) ballot: Ballot,
    pub(super) index: LogIndex,
    base: SnapshotMeta,
    last: Position,
    /// The first entry whose frame is still there; those before it, if any, lay
    /// in segments that were removed.
    first: Option<Index>,
    /// First index and term of each run of entries.
    runs: Vec<(Index, Term)>,
    /// The entries that are more than a term and a payload.
    special: Vec<Entry>,
}

impl Replay {
    /// Begins with what the oldest segment's header says.
    pub(super) fn new(header: &SegmentHeader) -> Replay {
        let mut index = LogIndex::default();
        index.reset(header.last.index);
        Replay {
            ballot: header.ballot,
            index,
            base: header.base.clone(),
            last: header.last,
            first: None,
            runs: Vec::new(),
            special: Vec::new(),
        }
    }

    /// The last index so far.
    pub(super) fn last_index(&self) -> Index {
        self.last.index
    }

    /// Whether a later segment's header says what the frames before it say.
    pub(super) fn agrees(&self, header: &SegmentHeader) -> bool {
        (header.ballot, header.last, &header.base) == (self.ballot, self.last, &self.base)
    }

    /// Takes in a frame's writes.
    pub(super) fn take(&mut self, ops: &[Op<'_>], place: Place) -> Result<(), BrokenLog> {
        for (op, write) in ops.iter().enumerate() {
            match write {
                Op::Ballot(ballot) => self.ballot = *ballot,
                Op::Append(entries) => self.append(entries, Place { op, ..place })?,
                Op::Purge(meta) => self.base = meta.clone(),
                Op::Reset(meta) => {
                    self.base = meta.clone();
                    self.last = meta.position;
                    self.first = None;
                    self.runs.clear();
                    self.special.clear();
                    self.index.reset(meta.position.index);
                }
            }
        }
        Ok(())
    }

    /// The log, and the index of where its entries lie.
    pub(super) fn finish(mut self) -> Result<(LogSummary, LogIndex), BrokenLog> {
        let base = self.base.position.index;
        let gap = |found| Err(BrokenLog::Gap { last: base, found });
        if self.last.index < base {
            return gap(self.last.index);
        }
        let mut log = LogSummary::new(self.base);
        if self.last.index > base {
            match self.first {
                Some(first) if first <= base.next() => {}
                Some(first) => return gap(first),
                None => return gap(self.last.index),
            }
        }
        let mut special =
            self.special.into_iter().skip_while(|entry| entry.index <= base).peekable();
        let mut run = 0;
        for index in (base.0 + 1..=self.last.index.0).map(Index) {
            while self.runs.get(run + 1).is_some_and(|next| next.0 <= index) {
                run += 1;
            }
            let entry = match special.next_if(|entry| entry.index == index) {
                Some(entry) => entry,
                None => Entry {
                    term: self.runs[run].1,
                    index,
                    kind: EntryKind::COMMAND,
                    format: 0,
                    payload: Bytes::new(),
                },
            };
            log.append(&entry)?;
        }
        self.index.purge(base);
        Ok((log, self.index))
    }

    fn append(&mut self, entries: &[RawEntry<'_>], place: Place) -> Result<(), BrokenLog> {
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else { return Ok(()) };
        if first.index > self.last.index.next() {
            return Err(BrokenLog::Gap { last: self.last.index, found: first.index });
        }
        self.runs.retain(|run| run.0 < first.index);
        self.special.retain(|entry| entry.index < first.index);
        if self.first.is_none_or(|known| known > first.index) {
            self.first = Some(first.index);
        }
        let mut before = first.index.prev();
        for entry in entries {
            if entry.index != before.next() {
                return Err(BrokenLog::Gap { last: before, found: entry.index });
            }
            if self.runs.last().is_none_or(|run| run.1 != entry.term) {
                self.runs.push((entry.index, entry.term));
            }
            if entry.kind != EntryKind::COMMAND && entry.kind != EntryKind::NOOP {
                self.special.push(entry.to_entry());
            }
            before = entry.index;
        }
        self.last = Position { term: last.term, index: last.index };
        self.index.append(first.index, last.index, place);
        Ok(())
    }
}
