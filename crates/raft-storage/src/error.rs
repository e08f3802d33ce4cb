//! What can go wrong with a disk, sorted by what the caller must do.

use std::io;

use raft_core::{BrokenLog, Index};

/// An error of a store.
///
/// Any error of a *write* is final: what is on the disk is unknown after it, so
/// it is never retried and the node stops. Errors of reads and of opening a
/// folder leave the disk as it was.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The operating system refused. Stop the node; look at the disk.
    #[error("{operation} {file}: {source}")]
    Io {
        /// What was attempted, a verb ("write", "sync", "open").
        operation: &'static str,
        /// The file or folder.
        file: String,
        /// The system's own error.
        source: io::Error,
    },
    /// The disk holds something that was not written so. Refuse to start: what
    /// is missing may have been acknowledged.
    #[error("{file} is corrupt at byte {offset}{}: {what}; {way_out}", fmt_index(.index))]
    Corrupt {
        /// The file.
        file: String,
        /// Where in it.
        offset: u64,
        /// The log index at stake, where one can be told.
        index: Option<Index>,
        /// What is wrong.
        what: String,
        /// What the operator can do.
        way_out: &'static str,
    },
    /// The entries themselves do not form a log. Refuse to start.
    #[error("{file}: {broken}")]
    BrokenLog {
        /// The file.
        file: String,
        /// What is wrong.
        broken: BrokenLog,
    },
    /// The folder is not for this process: another node's or cluster's, of a
    /// newer format, or in use. Nothing was touched.
    #[error("{folder}: {why}")]
    Refused {
        /// The folder.
        folder: String,
        /// Why, and what to do.
        why: String,
    },
    /// What was asked for is not there (any more): purged entries, an unknown snapshot.
    #[error("{what} is not there")]
    Missing {
        /// What was asked for.
        what: String,
    },
}

impl StorageError {
    /// The usual way out of a corrupt file on one member.
    pub const REPLACE_MEMBER: &'static str =
        "remove this member from the cluster and add it anew with an empty folder";

    /// An error of the operating system, with what was attempted on which file.
    pub fn io(operation: &'static str, file: impl Into<String>, source: io::Error) -> StorageError {
        StorageError::Io { operation, file: file.into(), source }
    }

    /// What every write to a store answers after the first one that failed.
    pub fn refused_after_error(file: impl Into<String>) -> StorageError {
        let source = io::Error::other(
            "an earlier write failed, so what is on the disk is unknown; restart the node",
        );
        StorageError::io("write", file, source)
    }

    /// An entry that is purged or beyond the end of the log.
    pub fn missing_entry(index: Index) -> StorageError {
        StorageError::Missing { what: format!("entry {index}") }
    }
}

fn fmt_index(index: &Option<Index>) -> String {
    index.map_or(String::new(), |index| format!(" (entry {index})"))
}
