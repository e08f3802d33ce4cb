//! Where the log and the ballot live.

use std::sync::Arc;

use raft_core::{Ballot, Entry, Index, LogSummary, SnapshotMeta};

use crate::error::StorageError;

/// One write to a log store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogWrite {
    /// Replace the ballot.
    Ballot(Ballot),
    /// Append consecutive entries, not empty. Whatever the log holds from the
    /// first one's index on is replaced.
    Append(Vec<Entry>),
    /// Forget the entries up to and including the position, which the log holds.
    Purge(SnapshotMeta),
    /// Forget all entries; the log begins anew after the position. The ballot stays.
    Reset(SnapshotMeta),
}

/// What a log store found when it was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecoveredLog {
    /// The last ballot written; the default one of a new store.
    pub ballot: Ballot,
    /// The shape of the log.
    pub log: LogSummary,
    /// How far the log is known to be committed: what was noted last, or something
    /// earlier. From the log's base to its last index.
    pub committed: Index,
    /// Bytes of a last group that were cut off because it provably was never
    /// synced; zero after an orderly stop.
    pub cut_off_bytes: u64,
}

/// A durable log with a ballot. One thread writes; others read through
/// [`LogReader`]s meanwhile.
pub trait LogStore: Send {
    /// What was found when the store was opened. A new store holds the default
    /// ballot and an empty log after the meta it was created with.
    fn recovered(&self) -> &RecoveredLog;

    /// Performs the writes in order, as one group with one sync. All of them are
    /// on stable storage when it returns; after a crash before that, a prefix of
    /// them is (an empty one, a partial one, all), never a later one without the
    /// earlier ones.
    ///
    /// # Errors
    ///
    /// Every error is final: the store refuses all further writes.
    fn write(&mut self, group: &[LogWrite]) -> Result<(), StorageError>;

    /// Called when there is nothing to write for a moment: first after a start, then
    /// after writes. The store may note down what is durable, so that a damaged end can be
    /// told from one that was never synced.
    ///
    /// # Errors
    ///
    /// Final, as those of [`LogStore::write`].
    fn idle(&mut self) -> Result<(), StorageError>;

    /// Notes that all entries up to an index are committed, as far as the log holds
    /// them. It costs no sync, and a crash may take it back. A node that starts
    /// alone then shows what it knows, instead of waiting until somebody leads. A
    /// store that ignores it only makes that wait.
    ///
    /// # Errors
    ///
    /// Final, as those of [`LogStore::write`].
    fn note_committed(&mut self, _index: Index) -> Result<(), StorageError> {
        Ok(())
    }

    /// A reader of what is durable, for other threads.
    fn reader(&self) -> Arc<dyn LogReader>;

    /// How much disk the log takes, in bytes.
    fn size_bytes(&self) -> u64;
}

/// Reads entries of a [`LogStore`] that is being written to.
pub trait LogReader: Send + Sync {
    /// Reads consecutive entries from `first` on, up to and including `last`;
    /// stops before the sum of their [`Entry::size`] passes `max_bytes`, but
    /// reads at least one. May return fewer than asked for, never none. What was
    /// replaced or purged while it read may be among them: the core checks terms.
    ///
    /// # Errors
    ///
    /// [`StorageError::Missing`] if `first` is purged or beyond the end.
    fn read(&self, first: Index, last: Index, max_bytes: u64) -> Result<Vec<Entry>, StorageError>;
}
