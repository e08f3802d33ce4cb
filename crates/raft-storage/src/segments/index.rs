//! Where the entries lie: a sparse index of the log, shared with the readers.
//!
//! ```text
//!   spans   first 41            first 57       first 60 (replaces the old 60 to 63)
//!           │                   │              │
//!   frames  [41..44][45..56]    [57..60][61..63]   [60..66]
//!           each span ends where the next begins, or at the log's last entry
//! ```
//!
//! Within a span every append follows on the one before it. So a span begins
//! with each segment, with each append that replaces something, and otherwise
//! every [`SPAN_BYTES`]: a read looks at that many bytes in vain at most, and the
//! index stays small however long the log is.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use raft_core::Index;

use crate::files::File;

/// How many bytes of the log a span covers at least, but for those that a
/// replacement or the end of a segment cuts short.
const SPAN_BYTES: u64 = 64 * 1024;

/// Where an append lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The first frame number of the segment, which names it.
    pub(super) segment: u64,
    /// The frame's offset in it.
    pub(super) offset: u64,
    /// Which of the frame's writes it is.
    pub(super) op: usize,
}

/// Consecutive entries that begin at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) first: Index,
    pub(super) place: Place,
}

/// A span with its end and its file.
#[derive(Clone)]
pub(super) struct Located {
    pub(super) span: Span,
    /// Its last entry.
    pub(super) last: Index,
    /// The segment's id.
    pub(super) id: u64,
    pub(super) file: Arc<dyn File>,
    /// The file's name, for messages.
    pub(super) name: String,
}

/// A segment that readers may read.
#[derive(Clone)]
pub(super) struct Readable {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) file: Arc<dyn File>,
}

/// The index.
#[derive(Clone, Default)]
pub(super) struct LogIndex {
    /// The entry before the first one that may be read.
    pub(super) base: Index,
    pub(super) last: Index,
    spans: VecDeque<Span>,
    segments: BTreeMap<u64, Readable>,
}

impl LogIndex {
    /// Takes in a segment that entries may lie in.
    pub(super) fn add_segment(&mut self, first_seq: u64, segment: Readable) {
        self.segments.insert(first_seq, segment);
    }

    /// Forgets the segments before this one. What readers have open stays readable.
    pub(super) fn remove_segments_before(&mut self, first_seq: u64) {
        self.segments = self.segments.split_off(&first_seq);
    }

    /// Takes in an append of the entries from `first` to `last`, which follow on
    /// or replace.
    pub(super) fn append(&mut self, first: Index, last: Index, place: Place) {
        while self.spans.back().is_some_and(|span| span.first >= first) {
            self.spans.pop_back();
        }
        let continues = first == self.last.next();
        let near = self.spans.back().is_some_and(|span| {
            span.place.segment == place.segment && place.offset - span.place.offset < SPAN_BYTES
        });
        if !continues || !near {
            self.spans.push_back(Span { first, place });
        }
        self.last = last;
    }

    /// Forgets the entries up to `index`.
    pub(super) fn purge(&mut self, index: Index) {
        self.base = index;
        while self.spans.get(1).is_some_and(|second| second.first <= index.next()) {
            self.spans.pop_front();
        }
        if self.last <= index {
            self.spans.clear();
        }
    }

    /// Forgets all entries; the log begins anew after `index`.
    pub(super) fn reset(&mut self, index: Index) {
        self.base = index;
        self.last = index;
        self.spans.clear();
    }

    /// The oldest segment that holds an entry which is still in the log.
    pub(super) fn oldest_segment(&self) -> Option<u64> {
        self.spans.front().map(|span| span.place.segment)
    }

    /// The span that holds an entry; `None` if it is purged or beyond the end.
    pub(super) fn locate(&self, index: Index) -> Option<Located> {
        if index <= self.base || index > self.last {
            return None;
        }
        let after = self.spans.partition_point(|span| span.first <= index);
        let span = *self.spans.get(after.checked_sub(1)?)?;
        let last = self.spans.get(after).map_or(self.last, |next| next.first.prev());
        let Readable { id, name, file } = self.segments.get(&span.place.segment)?.clone();
        Some(Located { span, last, id, file, name })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::{Files, SimFiles};

    fn place(segment: u64, offset: u64) -> Place {
        Place { segment, offset, op: 0 }
    }

    fn located(index: &LogIndex, at: u64) -> Option<(u64, u64, u64)> {
        let located = index.locate(Index(at))?;
        Some((located.span.first.0, located.last.0, located.span.place.offset))
    }

    #[test]
    fn spans_follow_replacements_segments_and_purges() {
        let mut index = LogIndex::default();
        for first_seq in [1, 9] {
            let file = SimFiles::new(1).create("x").unwrap();
            let segment = Readable { id: first_seq, name: "x".to_owned(), file };
            index.add_segment(first_seq, segment);
        }
        index.append(Index(1), Index(4), place(1, 512));
        index.append(Index(5), Index(9), place(1, 1_024));
        assert_eq!(located(&index, 7), Some((1, 9, 512)), "one span");
        index.append(Index(8), Index(8), place(1, 1_536));
        assert_eq!(located(&index, 7), Some((1, 7, 512)), "its end is replaced");
        assert_eq!(located(&index, 8), Some((8, 8, 1_536)));
        assert_eq!(located(&index, 9), None);
        index.append(Index(9), Index(9), place(1, SPAN_BYTES + 1_536));
        assert_eq!(located(&index, 9).map(|found| found.0), Some(9), "it is far away");
        index.append(Index(10), Index(12), place(9, 512));
        assert_eq!(located(&index, 10), Some((10, 12, 512)), "another segment");

        index.purge(Index(8));
        assert_eq!(located(&index, 8), None);
        assert_eq!(index.oldest_segment(), Some(1));
        index.purge(Index(9));
        assert_eq!(index.oldest_segment(), Some(9));
        index.append(Index(10), Index(10), place(9, 1_024));
        assert_eq!(located(&index, 10), Some((10, 10, 1_024)), "everything is replaced");
        index.reset(Index(20));
        assert_eq!(index.oldest_segment(), None);
        assert_eq!(index.locate(Index(21)).map(|found| found.last), None);
    }
}
