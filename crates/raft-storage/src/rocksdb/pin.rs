//! Holds a state of the database for a checkpoint, without holding up commits.
//!
//! RocksDB makes a checkpoint of all that is in files. So that this is the state
//! as it was when it was pinned, three things happen at three times:
//!
//! ```text
//!   pin        the buffers are closed, their writing begins     the apply thread, at once
//!   commits    go to new buffers                                the apply thread
//!   capture    the writing has ended: the files are linked      another thread
//! ```
//!
//! A commit that could make RocksDB write out the new buffers by itself captures
//! first; so does a flush, a merge by hand, and the next pin; a pin during such a merge
//! is captured at once. What is captured therefore holds nothing that was committed
//! after the pin.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rocksdb::checkpoint::Checkpoint;

use super::database::Database;
use super::error::{failed, misuse};
use super::folder::Folder;
use crate::error::StorageError;

/// How often one looks whether the buffers are written out: RocksDB tells nobody.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// RocksDB flushes before a checkpoint unless its own log is shorter than this:
/// it has none, and what is in the new buffers must stay there.
const NEVER_FLUSH: u64 = u64::MAX;

/// A state of the database that is yet to be captured, or is captured.
pub(super) struct Pin {
    database: Arc<Database>,
    /// Where the captured files go.
    target: PathBuf,
    errors_before: u64,
    progress: Mutex<Progress>,
}

enum Progress {
    Pending,
    Captured(Folder),
    Failed(StorageError),
    Taken,
}

impl Pin {
    /// Pins the state as it is now; nobody commits meanwhile. With `wait` the buffers are
    /// written out on return.
    pub(super) fn new(
        database: Arc<Database>,
        target: PathBuf,
        wait: bool,
    ) -> Result<Pin, StorageError> {
        let errors_before = database.background_errors()?;
        database.flush(wait)?;
        Ok(Pin { database, target, errors_before, progress: Mutex::new(Progress::Pending) })
    }

    /// Captures the state, unless that is done.
    pub(super) fn capture(&self) {
        drop(self.captured());
    }

    /// Captures the state and hands it over.
    pub(super) fn take(&self) -> Result<Folder, StorageError> {
        match std::mem::replace(&mut *self.captured(), Progress::Taken) {
            Progress::Captured(folder) => Ok(folder),
            Progress::Failed(error) => Err(error),
            Progress::Pending | Progress::Taken => {
                let what = "a checkpoint is written once".to_owned();
                Err(misuse("capture", &self.target, what))
            }
        }
    }

    fn captured(&self) -> MutexGuard<'_, Progress> {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*progress, Progress::Pending) {
            *progress = match self.link_files() {
                Ok(folder) => Progress::Captured(folder),
                Err(error) => Progress::Failed(error),
            };
        }
        progress
    }

    fn link_files(&self) -> Result<Folder, StorageError> {
        while self.database.waiting_buffers()? > 0 {
            if self.database.background_errors()? > self.errors_before {
                let what = "its buffers could not be written out; RocksDB's journal, the file LOG \
                            beside, says why"
                    .to_owned();
                return Err(misuse("flush", self.database.folder(), what));
            }
            std::thread::sleep(LOOK_EVERY);
        }
        let folder = Folder::temporary(self.target.clone());
        let failed = |error| failed("take a checkpoint of", self.database.folder(), &error);
        Checkpoint::new(self.database.rocks())
            .and_then(|checkpoint| {
                checkpoint.create_checkpoint_with_log_size(&self.target, NEVER_FLUSH)
            })
            .map_err(failed)?;
        Ok(folder)
    }
}
