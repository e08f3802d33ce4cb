//! A log store: ballot and log in one file, which each write replaces.
//!
//! A write costs as much as the log is long, so this is for services with few and
//! rare commands, and for learning what a log store has to do. What it has to do is
//! all here: writes are durable on return, a group is there as a whole or not at
//! all, errors are final, and readers see only what is durable.

mod log;

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use raft_core::{Entry, Index, SnapshotMeta};
use raft_storage::files::{Files, Lock};
use raft_storage::{LogReader, LogStore, LogWrite, RecoveredLog, StorageError};

use crate::replaced_file::ReplacedFile;
use log::Log;

const FILE: &str = "log";
const LOCK: &str = "log.lock";

/// A [`LogStore`] in one file.
pub struct FileLog {
    file: ReplacedFile,
    recovered: RecoveredLog,
    /// What is durable; readers look at it too.
    durable: Durable,
    /// Keeps other processes away.
    _lock: Box<dyn Lock>,
}

impl FileLog {
    /// Opens the log in a folder; a new one is empty and begins after `bootstrap`.
    ///
    /// # Errors
    ///
    /// If another process has it open, the file is damaged, or the disk refuses.
    pub fn open(files: Arc<dyn Files>, bootstrap: SnapshotMeta) -> Result<FileLog, StorageError> {
        let locked = files.lock(LOCK);
        let lock = locked.map_err(|error| StorageError::io("lock", files.describe(LOCK), error))?;
        let file = ReplacedFile::open(files, FILE)?;
        let log = match file.read()? {
            Some(bytes) => Log::decode(bytes).map_err(|error| file.corrupt(&error.to_string()))?,
            None => Log::new(bootstrap),
        };
        let recovered = RecoveredLog {
            ballot: log.ballot,
            log: log.shape.clone(),
            committed: log.shape.base().index,
            cut_off_bytes: 0,
        };
        Ok(FileLog { file, recovered, durable: Durable::new(log), _lock: lock })
    }
}

impl LogStore for FileLog {
    fn recovered(&self) -> &RecoveredLog {
        &self.recovered
    }

    fn write(&mut self, group: &[LogWrite]) -> Result<(), StorageError> {
        self.file.check()?;
        // The writes are done to a copy, and the copy is shown once it is durable.
        let mut log = Log::clone(&self.durable.get());
        if let Err(misuse) = group.iter().try_for_each(|write| log.perform(write)) {
            self.file.give_up();
            return Err(StorageError::io("write", self.file.describe(), io::Error::other(misuse)));
        }
        self.file.replace(log.encode())?;
        self.durable.set(log);
        Ok(())
    }

    fn idle(&mut self) -> Result<(), StorageError> {
        self.file.check()
    }

    fn reader(&self) -> Arc<dyn LogReader> {
        Arc::new(FileLogReader(self.durable.clone()))
    }

    fn size_bytes(&self) -> u64 {
        self.durable.get().encode().len() as u64
    }
}

/// The log as the disk has it. Clones share it.
#[derive(Clone)]
struct Durable(Arc<Mutex<Arc<Log>>>);

impl Durable {
    fn new(log: Log) -> Durable {
        Durable(Arc::new(Mutex::new(Arc::new(log))))
    }

    fn get(&self) -> Arc<Log> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn set(&self, log: Log) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(log);
    }
}

struct FileLogReader(Durable);

impl LogReader for FileLogReader {
    fn read(&self, first: Index, last: Index, max_bytes: u64) -> Result<Vec<Entry>, StorageError> {
        let read = self.0.get().read(first, last, max_bytes);
        if read.is_empty() { Err(StorageError::missing_entry(first)) } else { Ok(read) }
    }
}
