//! What a [`MemoryLog`](super::MemoryLog) would have on a disk.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use raft_core::{Ballot, Entry, Index, LogSummary, SnapshotMeta};

use crate::error::StorageError;
use crate::log_store::LogWrite;

/// The durable state of a [`MemoryLog`](super::MemoryLog). Clones share it; it
/// outlives the stores that are opened on it.
#[derive(Clone, Default)]
pub struct MemoryLogDisk {
    contents: Arc<Mutex<Contents>>,
}

#[derive(Default)]
pub(super) struct Contents {
    /// `None` before the first store is opened.
    pub(super) log: Option<Log>,
    /// The life of the process that may write.
    pub(super) life: u64,
    writes: u64,
    crash_at: Option<u64>,
    crashed: bool,
}

/// Ballot and entries.
#[derive(Clone)]
pub(super) struct Log {
    pub(super) ballot: Ballot,
    pub(super) shape: LogSummary,
    /// The entries after the base, without a gap.
    pub(super) entries: Vec<Entry>,
}

impl MemoryLogDisk {
    /// An empty disk.
    pub fn new() -> MemoryLogDisk {
        MemoryLogDisk::default()
    }

    /// How many writes were performed, in all lives.
    pub fn writes(&self) -> u64 {
        self.lock().writes
    }

    /// The machine goes down with the write of this number, counted from 1: it
    /// and all later ones fail until [`MemoryLogDisk::restart`]. Those before it
    /// in its group stay. `None` takes the plan back.
    pub fn crash_at(&self, write: Option<u64>) {
        self.lock().crash_at = write;
    }

    /// Ends the life of the store that is open, and any planned crash.
    pub fn restart(&self) {
        let mut contents = self.lock();
        contents.life += 1;
        contents.crashed = false;
        contents.crash_at = None;
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Contents {
    /// Performs one write of a process.
    pub(super) fn perform(&mut self, life: u64, write: &LogWrite) -> Result<(), StorageError> {
        self.writes += 1;
        if self.crash_at.is_some_and(|at| self.writes >= at) {
            self.crashed = true;
        }
        if self.crashed || self.life != life {
            let source = io::Error::other("the machine that this log lives on went down");
            return Err(StorageError::io("write", "memory", source));
        }
        let log = self.log.as_mut().expect("a store that is open has filled the disk");
        log.perform(write)
    }
}

impl Log {
    pub(super) fn new(meta: SnapshotMeta) -> Log {
        Log { ballot: Ballot::default(), shape: LogSummary::new(meta), entries: Vec::new() }
    }

    /// The entries from `first` on.
    pub(super) fn from(&self, first: Index) -> &[Entry] {
        let skipped = first.above(self.shape.first_index()) as usize;
        self.entries.get(skipped..).unwrap_or_default()
    }

    fn perform(&mut self, write: &LogWrite) -> Result<(), StorageError> {
        match write {
            LogWrite::Ballot(ballot) => self.ballot = *ballot,
            LogWrite::Append(entries) => self.append(entries)?,
            LogWrite::Purge(meta) => {
                if !self.shape.holds(meta.position) {
                    return Err(misuse(format!("the log does not hold {}", meta.position)));
                }
                let gone = meta.position.index.above(self.shape.base().index) as usize;
                self.entries.drain(..gone);
                self.shape.purge(meta.position.index);
            }
            LogWrite::Reset(meta) => {
                self.shape = LogSummary::new(meta.clone());
                self.entries.clear();
            }
        }
        Ok(())
    }

    fn append(&mut self, entries: &[Entry]) -> Result<(), StorageError> {
        let broken = |broken| StorageError::BrokenLog { file: "memory".to_owned(), broken };
        self.shape.check(entries).map_err(broken)?;
        let first =
            entries.first().ok_or_else(|| misuse("an append without entries".to_owned()))?;
        self.entries.truncate(first.index.above(self.shape.first_index()) as usize);
        for entry in entries {
            self.shape.append(entry).map_err(broken)?;
            self.entries.push(entry.clone());
        }
        Ok(())
    }
}

fn misuse(what: String) -> StorageError {
    StorageError::io("write", "memory", io::Error::new(io::ErrorKind::InvalidInput, what))
}
