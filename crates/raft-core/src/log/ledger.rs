//! Which writes are in flight, and what is durable.

use std::collections::VecDeque;

use crate::planted::planted;
use crate::types::{Index, Time, WriteSeq};

/// The writes that were issued and have not been reported as persisted.
///
/// Each remembers how far the log reaches once it is durable. When entries from
/// `k` on are replaced, every write in flight that reached past `k` is clipped
/// to `k - 1`: its completion says nothing about the entries that came in their
/// place, even if these are the same again (A-B-A).
///
/// ```text
///   issue w1: append 1..=5     in flight  w1→5
///   issue w2: append 3@2       in flight  w1→2  w2→3     durable ≤ 2
///   Persisted w1               in flight  w2→3           durable = 2
///   Persisted w2                                         durable = 3
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Ledger {
    issued: WriteSeq,
    persisted: WriteSeq,
    durable: Index,
    in_flight: VecDeque<InFlight>,
    #[cfg(feature = "planted-bugs")]
    pub(super) planted: Option<crate::Bug>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct InFlight {
    seq: WriteSeq,
    /// The end of the log that this write makes durable, if it touches the log.
    reaches: Option<Index>,
    issued_at: Time,
}

impl Ledger {
    /// Nothing in flight, everything up to `durable` on disk.
    pub(crate) fn new(durable: Index) -> Ledger {
        Ledger {
            issued: WriteSeq(0),
            persisted: WriteSeq(0),
            durable,
            in_flight: VecDeque::new(),
            #[cfg(feature = "planted-bugs")]
            planted: None,
        }
    }

    /// Numbers the next write. `reaches` is the last index it appends, if any.
    pub(crate) fn issue(&mut self, now: Time, reaches: Option<Index>) -> WriteSeq {
        self.issued = WriteSeq(self.issued.0 + 1);
        self.in_flight.push_back(InFlight { seq: self.issued, reaches, issued_at: now });
        self.issued
    }

    /// Entries from `first` on are about to be replaced.
    pub(crate) fn clip(&mut self, first: Index) {
        let end = first.prev();
        if !planted!(self, DurableStaysHigh) {
            self.durable = self.durable.min(end);
        }
        if planted!(self, UnclippedWrites) {
            return;
        }
        for write in &mut self.in_flight {
            write.reaches = write.reaches.map(|index| index.min(end));
        }
    }

    /// Takes in a report. Returns whether it was news.
    ///
    /// # Panics
    ///
    /// If `seq` was never issued: the caller broke its promise.
    pub(crate) fn persisted(&mut self, seq: WriteSeq) -> bool {
        assert!(seq <= self.issued, "write {seq} was reported as persisted but never issued");
        if seq <= self.persisted {
            return false;
        }
        self.persisted = seq;
        while let Some(write) = self.in_flight.front().filter(|write| write.seq <= seq) {
            self.durable = self.durable.max(write.reaches.unwrap_or(self.durable));
            self.in_flight.pop_front();
        }
        true
    }

    /// Numbers the writes anew, so that the last persisted one is 0, and forgets when
    /// they were issued. Returns the number that one had.
    pub(crate) fn renumber(&mut self) -> WriteSeq {
        let base = std::mem::take(&mut self.persisted);
        self.issued = self.issued.after(base);
        for write in &mut self.in_flight {
            write.seq = write.seq.after(base);
            write.issued_at = Time(0);
        }
        base
    }

    /// The end of the log on disk.
    pub(crate) fn durable(&self) -> Index {
        self.durable
    }

    /// The last write issued.
    pub(crate) fn last_issued(&self) -> WriteSeq {
        self.issued
    }

    /// Whether this write, and all before it, are on disk.
    pub(crate) fn is_persisted(&self, seq: WriteSeq) -> bool {
        seq <= self.persisted
    }

    /// When the oldest write in flight was issued.
    pub(crate) fn oldest_issued_at(&self) -> Option<Time> {
        self.in_flight.front().map(|write| write.issued_at)
    }
}
