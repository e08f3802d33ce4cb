//! What ends a driver.

use raft_core::{Position, RestoreError};
use raft_storage::StorageError;

/// A write failed: what is on the disk is unknown, so nothing may be acknowledged
/// any more. The process ends; waiting clients are told that they cannot know.
#[derive(Debug, thiserror::Error)]
pub enum Fatal {
    /// The log's.
    #[error("the log cannot be written: {0}; repair the disk and restart the node")]
    Log(StorageError),
    /// The state's.
    #[error("the state cannot be written: {0}; repair the disk and restart the node")]
    State(StorageError),
    /// That of a received snapshot whose state is in place already.
    #[error("the installed snapshot cannot be kept: {0}; repair the disk and restart the node")]
    Snapshots(StorageError),
}

/// Why a node cannot start from what its disks hold.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A disk refused, or what it holds is damaged.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// What the disks hold does not fit together, or a setting cannot work.
    #[error(transparent)]
    Restore(#[from] RestoreError),
    /// The system gives no thread.
    #[error("a thread cannot be started: {0}; raise the limit of threads")]
    Thread(std::io::Error),
    /// The state was made by entries that are not those of the log.
    #[error(
        "the state has applied entry {applied}, but the log holds another one there: \
         state and log are not of the same member; remove this member and add it anew"
    )]
    StateOfAnotherLog {
        /// What the state has applied.
        applied: Position,
    },
}
