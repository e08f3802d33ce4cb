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

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::entry::EntryKind;
    use crate::types::Term;

    fn entry(index: u64, length: usize) -> Entry {
        Entry {
            term: Term(1),
            index: Index(index),
            kind: EntryKind::COMMAND,
            format: 0,
            payload: Bytes::from(vec![0; length]),
        }
    }

    /// Holds the entries 5 to 12, each a little larger than the one before it.
    fn filled() -> Cache {
        let mut cache = Cache::new(Index(5));
        for index in 5..=12 {
            cache.push(entry(index, 10 * index as usize));
        }
        check(&cache, 5..=12);
        cache
    }

    fn check(cache: &Cache, indexes: std::ops::RangeInclusive<u64>) {
        let found: Vec<u64> = cache.entries.iter().map(|entry| entry.index.0).collect();
        assert_eq!(found, indexes.collect::<Vec<u64>>());
        let bytes: u64 = cache.entries.iter().map(Entry::size).sum();
        assert_eq!(cache.bytes, bytes, "of {found:?}");
    }

    #[test]
    fn it_counts_the_bytes_that_it_holds() {
        let mut cache = filled();
        cache.truncate(Index(11));
        check(&cache, 5..=10);
        cache.purge(Index(6));
        check(&cache, 7..=10);
        cache.evict(Index(7), 0, 0);
        check(&cache, 8..=10);
        cache.purge(Index(40));
        assert_eq!((cache.first(), cache.next(), cache.bytes), (Index(41), Index(41), 0));
    }

    #[test]
    fn no_more_is_evicted_than_is_over_the_limits() {
        let all = filled();
        let mut cache = all.clone();
        cache.evict(Index(12), 8, all.bytes);
        check(&cache, 5..=12);
        cache.evict(Index(12), 7, all.bytes);
        check(&cache, 6..=12);
        let left = cache.bytes;
        cache.evict(Index(12), 8, left - 1);
        check(&cache, 7..=12);
        cache.evict(Index(8), 0, u64::MAX);
        check(&cache, 9..=12);
    }
}
