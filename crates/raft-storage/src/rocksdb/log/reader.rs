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

/// First and last index of what is durable, there or not.
#[derive(Clone, Copy)]
pub(super) struct Extent {
    pub(super) first: Index,
    pub(super) last: Index,
}

/// The database and how far it may be read, shared between the writer and its
/// readers.
pub(super) struct Shared {
    pub(super) rocks: Rocks,
    pub(super) folder: PathBuf,
    extent: Mutex<Extent>,
}

impl Shared {
    pub(super) fn new(rocks: Rocks, folder: PathBuf, extent: Extent) -> Shared {
        Shared { rocks, folder, extent: Mutex::new(extent) }
    }

    /// Lets the readers see what is durable.
    pub(super) fn publish(&self, extent: Extent) {
        *self.extent() = extent;
    }

    fn extent(&self) -> MutexGuard<'_, Extent> {
        self.extent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn holds(&self, index: Index) -> bool {
        let extent = *self.extent();
        extent.first <= index && index <= extent.last
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
        if !shared.holds(first) || last < first {
            return Err(StorageError::missing_entry(first));
        }
        let entries = shared.read_rows(first, last, max_bytes)?;
        if !entries.is_empty() {
            return Ok(entries);
        }
        // Purged or replaced since one looked, or gone for no reason.
        if shared.holds(first) && shared.read_rows(first, first, max_bytes)?.is_empty() {
            let what = format!("its entry {first} is gone");
            return Err(corrupt(&shared.folder, &what));
        }
        Err(StorageError::missing_entry(first))
    }
}
