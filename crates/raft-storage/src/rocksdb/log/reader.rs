//! Reads entries of a log that is being written to.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use raft_core::{Entry, Index};
use rocksdb::{IteratorMode, ReadOptions};

use super::rows;
use crate::error::StorageError;
use crate::log_store::LogReader;
use crate::rocksdb::database::Rocks;
use crate::rocksdb::error::{corrupt, failed};

/// First and last index of the entries that may be read, there or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) first: Index,
    pub(super) last: Index,
}

impl Extent {
    fn holds(&self, index: Index) -> bool {
        self.first <= index && index <= self.last
    }

    /// What is in both.
    fn and(&self, other: &Extent) -> Extent {
        Extent { first: self.first.max(other.first), last: self.last.min(other.last) }
    }
}

/// The database and how far it may be read, shared between the writer and its
/// readers. What may be read is there: it shrinks before a write removes
/// something, and grows when one is durable.
pub(super) struct Shared {
    pub(super) rocks: Rocks,
    pub(super) folder: PathBuf,
    readable: Mutex<Readable>,
}

#[derive(Clone, Copy)]
struct Readable {
    extent: Extent,
    /// How often it changed.
    changes: u64,
}

impl Shared {
    pub(super) fn new(rocks: Rocks, folder: PathBuf, extent: Extent) -> Shared {
        Shared { rocks, folder, readable: Mutex::new(Readable { extent, changes: 0 }) }
    }

    /// A write is about to leave this.
    pub(super) fn shrink(&self, extent: Extent) {
        let mut readable = self.readable();
        let both = readable.extent.and(&extent);
        *readable = Readable { extent: both, changes: readable.changes + 1 };
    }

    /// A write has left this.
    pub(super) fn publish(&self, extent: Extent) {
        let mut readable = self.readable();
        *readable = Readable { extent, changes: readable.changes + 1 };
    }

    fn readable(&self) -> MutexGuard<'_, Readable> {
        self.readable.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read_rows(
        &self,
        first: Index,
        last: Index,
        max_bytes: u64,
    ) -> Result<Vec<Entry>, StorageError> {
        let mut bounds = ReadOptions::default();
        bounds.set_iterate_lower_bound(rows::entry_key(first));
        bounds.set_iterate_upper_bound(rows::entry_key(last.next()));
        let mut bytes = 0;
        let mut entries: Vec<Entry> = Vec::new();
        for (row, index) in self.rocks.iterator_opt(IteratorMode::Start, bounds).zip(first.0..) {
            let (key, row) = row.map_err(|error| failed("read", &self.folder, &error))?;
            let row = rows::decode_entry(&key, &row).map_err(|what| corrupt(&self.folder, what))?;
            bytes += row.entry.size();
            if row.entry.index.0 != index || (bytes > max_bytes && !entries.is_empty()) {
                break;
            }
            entries.push(row.entry);
        }
        Ok(entries)
    }
}

/// A [`LogReader`] of a database.
pub(super) struct RocksLogReader {
    pub(super) shared: Arc<Shared>,
}

impl LogReader for RocksLogReader {
    fn read(&self, first: Index, last: Index, max_bytes: u64) -> Result<Vec<Entry>, StorageError> {
        let shared = &self.shared;
        loop {
            let before = *shared.readable();
            if !before.extent.holds(first) || last < first {
                return Err(StorageError::missing_entry(first));
            }
            let entries = shared.read_rows(first, last, max_bytes)?;
            if !entries.is_empty() {
                return Ok(entries);
            }
            // Purged or replaced while one read, or gone for no reason.
            if shared.readable().changes == before.changes {
                return Err(corrupt(&shared.folder, &format!("its entry {first} is gone")));
            }
        }
    }
}
