//! What a node finds on its disks when it starts.

use std::fmt;

use super::{LogSummary, SnapshotMeta};
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
    /// How far the log is known to be committed. Below `applied`, or beyond the log's
    /// end, it says no more than they do.
    pub committed: Index,
    /// The index of the newest complete snapshot; that of the log's base if
    /// there is none. May be above `applied`: the state on disk may be older.
    pub snapshot: Index,
    /// The entries above `applied`, to the end of the log. May begin earlier.
    pub tail: Vec<Entry>,
}

impl Saved {
    /// What a new node finds. `meta` is what its log starts from.
    ///
    /// For a founder that is [`SnapshotMeta::bootstrap`] of the founders, equal on all
    /// of them. A node that joins later gets the same if it can be known; otherwise
    /// the default one, in which there are no members: it then waits for the leader
    /// to tell it of them, stands in no election, and takes no snapshot of a
    /// state before the first membership in its log.
    pub fn bootstrap(meta: SnapshotMeta) -> Saved {
        let index = meta.position.index;
        Saved {
            ballot: Ballot::default(),
            log: LogSummary::new(meta),
            applied: index,
            committed: index,
            snapshot: index,
            tail: Vec::new(),
        }
    }

    /// Whether it all fits together.
    pub(crate) fn check(&self) -> Result<(), RestoreError> {
        let (base, last, applied) = (self.log.base().index, self.log.last(), self.applied);
        if applied > last.index {
            return Err(RestoreError::StateAheadOfLog { applied, last: last.index });
        }
        if applied < base {
            return Err(RestoreError::LogBeginsTooLate { applied, first: base.next() });
        }
        if last.term > self.ballot.term {
            return Err(RestoreError::BallotBehindLog);
        }
        if self.snapshot < base {
            return Err(RestoreError::NoSnapshotForLog { snapshot: self.snapshot, base });
        }
        let first = self.tail.first().map_or(last.index.next(), |entry| entry.index);
        let consecutive = self.tail.windows(2).all(|two| two[1].index == two[0].index.next());
        let complete = self.tail.last().is_none_or(|entry| entry.index == last.index);
        let own = self.tail.iter().all(|entry| self.log.holds(entry.position()));
        if first > applied.next() || first <= base || !consecutive || !complete || !own {
            return Err(RestoreError::TailIncomplete);
        }
        Ok(())
    }
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
    /// The log begins behind the newest snapshot: peers that are far behind could
    /// never be helped.
    NoSnapshotForLog {
        /// The newest complete snapshot.
        snapshot: Index,
        /// What the log begins after.
        base: Index,
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
            RestoreError::NoSnapshotForLog { snapshot, base } => write!(
                f,
                "the log begins after entry {base} but the newest snapshot ends at {snapshot}: \
                 a snapshot is lost; remove this member and add it anew"
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
