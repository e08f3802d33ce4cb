//! The end of the log, in memory.

use std::collections::VecDeque;

use crate::entry::Entry;
use crate::types::Index;

/// A run of entries that ends where the log ends.
///
/// ```text
///   log on disk   base ─────────────────────────▶ last
///   cache                        first ─────────▶ last
/// ```
///
/// Entries leave at the front once they are durable and applied and the cache is
/// over its limits; whoever needs them after that reads them from disk.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Cache {
    /// The index of the front, or of the next entry if there is none.
    first: Index,
    entries: VecDeque<Entry>,
    bytes: u64,
}

impl Cache {
    /// Empty; the next entry has index `first`.
    pub(crate) fn new(first: Index) -> Cache {
        Cache { first, entries: VecDeque::new(), bytes: 0 }
    }

    /// The lowest index that can be read here.
    pub(crate) fn first(&self) -> Index {
        self.first
    }

    /// The index of the entry that comes next.
    pub(crate) fn next(&self) -> Index {
        Index(self.first.0 + self.entries.len() as u64)
    }

    pub(crate) fn push(&mut self, entry: Entry) {
        assert_eq!(entry.index, self.next(), "the cache holds consecutive entries");
        self.bytes += entry.size();
        self.entries.push_back(entry);
    }

    /// Drops the entries from `first` on.
    pub(crate) fn truncate(&mut self, first: Index) {
        assert!(first >= self.first, "entries that left the cache are never replaced");
        while self.next() > first {
            if let Some(entry) = self.entries.pop_back() {
                self.bytes -= entry.size();
            }
        }
    }

    /// Drops entries at the front, none above `limit`, until at most
    /// `max_entries` and `max_bytes` are left.
    pub(crate) fn evict(&mut self, limit: Index, max_entries: u64, max_bytes: u64) {
        while self.first <= limit
            && (self.entries.len() as u64 > max_entries || self.bytes > max_bytes)
        {
            let Some(entry) = self.entries.pop_front() else { return };
            self.bytes -= entry.size();
            self.first = self.first.next();
        }
    }

    /// Drops the entries up to and including `index`.
    pub(crate) fn purge(&mut self, index: Index) {
        while self.first <= index {
            match self.entries.pop_front() {
                Some(entry) => self.bytes -= entry.size(),
                None => {
                    self.first = index.next();
                    return;
                }
            }
            self.first = self.first.next();
        }
    }

    /// The entries from `first` to `last`, both within the cache.
    pub(crate) fn range(&self, first: Index, last: Index) -> impl Iterator<Item = &Entry> {
        assert!(
            first >= self.first,
            "entry {first} left the cache, which begins at {}",
            self.first
        );
        let start = (first.0 - self.first.0) as usize;
        let end = ((last.0 + 1).saturating_sub(self.first.0) as usize).min(self.entries.len());
        self.entries.range(start.min(end)..end)
    }
}
