//! The log as the core knows it.

mod summary;

use std::fmt;

pub use summary::{BrokenLog, LogSummary, SnapshotMeta};

use crate::entry::Entry;
use crate::types::{Ballot, Index};

/// What a node finds on its disks when it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// The last ballot written; the default one on a new node.
    pub ballot: Ballot,
    /// The shape of the log; for a new cluster that of the bootstrap snapshot.
    pub log: LogSummary,
    /// The index up to which the state on disk is applied.
    pub applied: Index,
    /// The index of the newest complete snapshot; that of the log's base if
    /// there is none.
    pub snapshot: Index,
    /// The entries above `applied`, to the end of the log. May begin earlier.
    pub tail: Vec<Entry>,
}

/// Why a node cannot start from what its disks hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RestoreError {
    /// A setting cannot work.
    Config(crate::config::InvalidConfig),
    /// The state is ahead of the log: entries that were synced are lost.
    StateAheadOfLog {
        /// What the state has applied.
        applied: Index,
        /// The log's last entry.
        last: Index,
    },
    /// The log begins behind what the state still needs.
    LogBeginsTooLate {
        /// What the state has applied.
        applied: Index,
        /// The log's first index.
        first: Index,
    },
    /// The tail does not reach from `applied` to the end of the log.
    TailIncomplete,
    /// The last entry's term is above the ballot's: the ballot was lost.
    BallotBehindLog,
}

impl fmt::Display for RestoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RestoreError::Config(error) => error.fmt(f),
            RestoreError::StateAheadOfLog { applied, last } => write!(
                f,
                "the state has applied entry {applied} but the log ends at {last}: \
                 synced entries are lost; remove this member and add it anew"
            ),
            RestoreError::LogBeginsTooLate { applied, first } => write!(
                f,
                "the state has applied entry {applied} but the log begins at {first}: \
                 entries in between are lost; remove this member and add it anew"
            ),
            RestoreError::TailIncomplete => {
                f.write_str("the entries that are not applied yet were not all given")
            }
            RestoreError::BallotBehindLog => f.write_str(
                "the log holds entries of a later term than the ballot: \
                 the ballot is lost; remove this member and add it anew",
            ),
        }
    }
}

impl std::error::Error for RestoreError {}
