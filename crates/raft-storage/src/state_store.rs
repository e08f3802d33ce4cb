//! Ordered keys on a disk: what a state machine may keep its state in.

use std::sync::Arc;

use bytes::Bytes;

use crate::error::StorageError;
use crate::snapshot_store::{SnapshotSink, SnapshotSource};

/// Names one of a store's key spaces: its place in the list of names that the
/// store was opened with. Keys of different spaces never meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Space(pub u8);

/// The order of a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Smallest key first.
    Ascending,
    /// Largest key first.
    Descending,
}

/// An iterator over keys and values.
pub type Scan<'a> = Box<dyn Iterator<Item = Result<(Bytes, Bytes), StorageError>> + 'a>;

/// Reads a state that does not change while it is read.
pub trait StateView: Send + Sync {
    /// The value of a key.
    ///
    /// # Errors
    ///
    /// If the disk refuses.
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StorageError>;

    /// All keys from `start` up to, not including, `end` (`None`: to the last
    /// key of the space).
    fn scan<'a>(&'a self, space: Space, start: &[u8], end: Option<&[u8]>, order: Order)
    -> Scan<'a>;
}

/// One change of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mutation {
    /// Set a key's value.
    Put(Space, Bytes, Bytes),
    /// Remove a key, there or not.
    Delete(Space, Bytes),
}

/// Ordered keys with atomic batches. One thread commits; many read, through views.
///
/// A commit is atomic but not durable: after a crash the store holds the state
/// after *some* commit, at least the last one flushed, whole over all spaces.
pub trait StateStore: Send + Sync {
    /// The state after the last commit, as it stays while others commit.
    fn view(&self) -> Arc<dyn StateView>;

    /// Performs all mutations as one.
    ///
    /// # Errors
    ///
    /// If the disk refuses. Final.
    fn commit(&self, batch: Vec<Mutation>) -> Result<(), StorageError>;

    /// Makes all commits so far durable, all spaces in one.
    ///
    /// # Errors
    ///
    /// If the disk refuses. Final.
    fn flush(&self) -> Result<(), StorageError>;

    /// The value that a key would have after a crash now.
    ///
    /// # Errors
    ///
    /// If the disk refuses.
    fn durable_get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StorageError>;

    /// Pins the state after the last commit as a checkpoint to be written on
    /// another thread.
    ///
    /// # Errors
    ///
    /// If the disk refuses; may be tried again.
    fn checkpoint(&self) -> Result<Box<dyn Checkpoint>, StorageError>;

    /// Replaces the whole state by a snapshot's, at once and durably, and sets
    /// the mark of an installation. Views taken before stay as they are.
    ///
    /// # Errors
    ///
    /// If the snapshot is none of this store's or the disk refuses. Final.
    fn install(&self, snapshot: &mut dyn SnapshotSource) -> Result<(), StorageError>;

    /// Whether the mark of an installation is set.
    fn install_unfinished(&self) -> bool;

    /// Removes the mark, durably.
    ///
    /// # Errors
    ///
    /// If the disk refuses. Final.
    fn finish_install(&self) -> Result<(), StorageError>;

    /// Gives back the space of what was overwritten and deleted, piece by piece. Commits,
    /// reads and checkpoints go on beside it. A store that keeps no such space does
    /// nothing.
    ///
    /// Each piece is written anew before the old one goes: `has_room` is asked before
    /// each with the bytes that it takes at most for that while, and ends it by `false`.
    /// Returns whether it came to the end.
    ///
    /// # Errors
    ///
    /// If the disk refuses; may be tried again, unless it damaged what it gave.
    fn reclaim(&self, has_room: &mut dyn FnMut(u64) -> bool) -> Result<bool, StorageError>;

    /// How much disk (or memory) the state takes, in bytes; an estimate.
    fn size_bytes(&self) -> u64;
}

/// A pinned state that is yet to be written out.
pub trait Checkpoint: Send {
    /// Writes it into the sink. The returned view reads what was written. Once it
    /// returns, the store's own state at this point is durable too.
    ///
    /// # Errors
    ///
    /// If the disk refuses.
    fn write(
        self: Box<Self>,
        sink: &mut dyn SnapshotSink,
    ) -> Result<Arc<dyn StateView>, StorageError>;
}
