//! What is replicated: a deterministic machine that applies the log's entries.

use raft_core::{Entry, EntryKind, Index, Membership, SnapshotMeta};

use crate::error::StorageError;
use crate::snapshot_store::{SnapshotSink, SnapshotSource};

/// A replicated state machine.
///
/// Its state is a function of the entries applied, in order, and of nothing
/// else: no clock, no randomness, no map order. It need not make an apply
/// durable (the log is), but whatever it finds on its disk after a crash must
/// be the state after some applied entry, whole: [`StateMachine::applied`] and
/// the data change together.
pub trait StateMachine: Send + 'static {
    /// What applying one command gives to whoever proposed it.
    type Reply: Send + 'static;

    /// The position that the state includes, with the membership as of it.
    fn applied(&self) -> SnapshotMeta;

    /// The index whose state would be found after a crash now, as read from
    /// where it is durable, not from memory.
    ///
    /// # Errors
    ///
    /// If the disk refuses.
    fn durable(&self) -> Result<Index, StorageError>;

    /// Applies consecutive entries of all kinds. Pushes one item per entry:
    /// `Some` for each command, `None` for entries that are not for the state
    /// machine (no-ops and memberships move [`StateMachine::applied`] too, see
    /// [`advance`]).
    ///
    /// A command that makes no sense is an error *reply*, the same on every
    /// node, not an error of this method.
    ///
    /// # Errors
    ///
    /// If the disk refuses, or an entry's format is unknown. Final: the node stops.
    fn apply(
        &mut self,
        entries: &[Entry],
        replies: &mut Vec<Option<Self::Reply>>,
    ) -> Result<(), StorageError>;

    /// Makes everything applied durable.
    ///
    /// # Errors
    ///
    /// If the disk refuses. Final.
    fn flush(&mut self) -> Result<(), StorageError>;

    /// Does a piece of the upkeep that can wait, in a moment without entries; a
    /// moment is all that it may take. Returns whether there is more to do. It
    /// changes nothing that can be seen: the state stays the function of the
    /// entries that it is. The default has nothing to do.
    ///
    /// # Errors
    ///
    /// If the disk refuses. Final.
    fn idle(&mut self) -> Result<bool, StorageError> {
        Ok(false)
    }

    /// Prepares a snapshot of the state as it is now: cheap, for it is called
    /// between two applies. The job runs on another thread, beside later applies.
    ///
    /// # Errors
    ///
    /// If the disk refuses; tried again later.
    fn prepare_snapshot(&mut self) -> Result<Box<dyn SnapshotJob>, StorageError>;

    /// Replaces the whole state by a snapshot, at once and durably: after a crash
    /// either the old or the new state is found. Until
    /// [`StateMachine::finish_install`] the state keeps a mark that says so.
    ///
    /// # Errors
    ///
    /// If the snapshot is not one of this machine's or the disk refuses. Final.
    fn install(&mut self, snapshot: &mut dyn SnapshotSource) -> Result<(), StorageError>;

    /// Whether the state carries the mark of an installation. Found at a start,
    /// it says that the log has yet to be reset to [`StateMachine::applied`].
    fn install_unfinished(&self) -> bool;

    /// Removes the mark, durably: the log has been reset.
    ///
    /// # Errors
    ///
    /// If the disk refuses. Final.
    fn finish_install(&mut self) -> Result<(), StorageError>;
}

/// Writes a prepared snapshot.
pub trait SnapshotJob: Send {
    /// Writes all files into the sink and returns what they cover, read from
    /// what was written rather than from memory. Once it returns, the machine's
    /// own state at that index is durable too.
    ///
    /// # Errors
    ///
    /// If the disk refuses. The snapshot is dropped and tried again later.
    fn run(self: Box<Self>, sink: &mut dyn SnapshotSink) -> Result<SnapshotMeta, StorageError>;
}

/// Moves `applied` over an entry: its position, and its membership if it is one.
///
/// # Panics
///
/// If the entry does not follow, or is a membership that cannot be decoded; the
/// core lets none of these through.
pub fn advance(applied: &mut SnapshotMeta, entry: &Entry) {
    assert_eq!(entry.index, applied.position.index.next(), "entries are applied in order");
    applied.position = entry.position();
    if entry.kind == EntryKind::MEMBERSHIP {
        applied.membership = Membership::decode(entry.format, &entry.payload)
            .expect("the core checks memberships before it accepts them");
    }
}
