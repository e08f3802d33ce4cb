//! A log store in memory.

use std::sync::Arc;

use raft_core::{Entry, Index, SnapshotMeta};

use super::log_disk::{Log, MemoryLogDisk};
use crate::error::StorageError;
use crate::log_store::{LogReader, LogStore, LogWrite, RecoveredLog};

/// A [`LogStore`] in memory. Each write is durable at once.
pub struct MemoryLog {
    disk: MemoryLogDisk,
    life: u64,
    recovered: RecoveredLog,
    failed: bool,
}

impl MemoryLog {
    /// Opens what is on the disk; on a new one, an empty log after `bootstrap`.
    /// Another store that is open on the disk can write no more.
    pub fn open(disk: &MemoryLogDisk, bootstrap: SnapshotMeta) -> MemoryLog {
        let mut contents = disk.lock();
        contents.life += 1;
        let life = contents.life;
        let log = contents.log.get_or_insert_with(|| Log::new(bootstrap));
        let recovered = RecoveredLog {
            ballot: log.ballot,
            log: log.shape.clone(),
            committed: log.shape.base().index,
            cut_off_bytes: 0,
        };
        drop(contents);
        MemoryLog { disk: disk.clone(), life, recovered, failed: false }
    }
}

impl LogStore for MemoryLog {
    fn recovered(&self) -> &RecoveredLog {
        &self.recovered
    }

    fn write(&mut self, group: &[LogWrite]) -> Result<(), StorageError> {
        if self.failed {
            return Err(StorageError::refused_after_error("memory"));
        }
        let mut contents = self.disk.lock();
        for write in group {
            if let Err(error) = contents.perform(self.life, write) {
                self.failed = true;
                return Err(error);
            }
        }
        Ok(())
    }

    fn idle(&mut self) -> Result<(), StorageError> {
        if self.failed { Err(StorageError::refused_after_error("memory")) } else { Ok(()) }
    }

    fn reader(&self) -> Arc<dyn LogReader> {
        Arc::new(MemoryLogReader { disk: self.disk.clone() })
    }

    fn size_bytes(&self) -> u64 {
        let contents = self.disk.lock();
        contents.log.iter().flat_map(|log| &log.entries).map(Entry::size).sum()
    }
}

struct MemoryLogReader {
    disk: MemoryLogDisk,
}

impl LogReader for MemoryLogReader {
    fn read(&self, first: Index, last: Index, max_bytes: u64) -> Result<Vec<Entry>, StorageError> {
        let contents = self.disk.lock();
        let log = contents.log.as_ref().expect("a store that is open has filled the disk");
        if first < log.shape.first_index() || first > log.shape.last().index || last < first {
            return Err(StorageError::missing_entry(first));
        }
        let mut bytes = 0;
        let mut read = Vec::new();
        for entry in log.from(first) {
            bytes += entry.size();
            if entry.index > last || (bytes > max_bytes && !read.is_empty()) {
                break;
            }
            read.push(entry.clone());
        }
        Ok(read)
    }
}
