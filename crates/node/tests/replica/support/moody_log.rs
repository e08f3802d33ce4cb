//! A log store that hangs, fails or panics when it is told to.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use raft_core::Index;
use raft_storage::segments::SegmentLog;
use raft_storage::{LogReader, LogStore, LogWrite, RecoveredLog, StorageError};

use super::LIMIT;

/// How a log's disk is, as told from outside.
#[derive(Default)]
pub struct LogMood {
    /// Each write passes it first.
    pub gate: Gate,
    fate: Mutex<Fate>,
    idles: AtomicU64,
}

/// What becomes of writes.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub enum Fate {
    #[default]
    Done,
    Failed,
    Panic,
}

impl LogMood {
    /// What becomes of the writes from now on.
    pub fn set_fate(&self, fate: Fate) {
        *lock(&self.fate) = fate;
    }

    /// How often the log was told that nothing came for a moment.
    pub fn idles(&self) -> u64 {
        self.idles.load(Ordering::SeqCst)
    }
}

/// A gate that is open or closed.
#[derive(Default)]
pub struct Gate {
    is_closed: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    /// Whoever comes waits.
    pub fn close(&self) {
        *lock(&self.is_closed) = true;
    }

    /// Whoever waits goes on.
    pub fn open(&self) {
        *lock(&self.is_closed) = false;
        self.opened.notify_all();
    }

    /// Goes through when it is open; a test that has failed holds nobody for ever.
    fn pass(&self) {
        let closed = lock(&self.is_closed);
        let waited = self.opened.wait_timeout_while(closed, LIMIT, |is_closed| *is_closed);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }
}

/// The log with its mood.
pub struct MoodyLog {
    pub inner: SegmentLog,
    pub mood: Arc<LogMood>,
}

impl LogStore for MoodyLog {
    fn recovered(&self) -> &RecoveredLog {
        self.inner.recovered()
    }

    fn write(&mut self, group: &[LogWrite]) -> Result<(), StorageError> {
        self.mood.gate.pass();
        let fate = *lock(&self.mood.fate);
        match fate {
            Fate::Done => self.inner.write(group),
            Fate::Failed => Err(StorageError::io("write", "the log", std::io::Error::other("I/O"))),
            Fate::Panic => panic!("the log panics as it was told to"),
        }
    }

    fn idle(&mut self) -> Result<(), StorageError> {
        self.mood.idles.fetch_add(1, Ordering::SeqCst);
        self.inner.idle()
    }

    fn note_committed(&mut self, index: Index) -> Result<(), StorageError> {
        self.inner.note_committed(index)
    }

    fn reader(&self) -> Arc<dyn LogReader> {
        self.inner.reader()
    }

    fn size_bytes(&self) -> u64 {
        self.inner.size_bytes()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
