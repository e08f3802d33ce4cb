//! Opening a node from what its disks hold.
//!
//! Log, state and snapshots are each whole by themselves after a crash; here they
//! are held against each other (rule 9):
//!
//! | found | meaning | done |
//! |---|---|---|
//! | the state carries the mark of an installation | a crash between its steps 2 and 5 | steps 3 to 5 are done |
//! | state ahead of the log, no mark | synced entries are lost | refused |
//! | log begins behind what the state needs | the state lost what was durable | refused |
//! | log begins behind the newest snapshot | a snapshot is lost | refused |
//!
//! Refused means that the member must be removed and added anew: it may have
//! acknowledged what it no longer has.

use std::sync::Arc;

use raft_core::{Entry, Index, LogSummary, RestoreError, Saved};
use raft_storage::{
    LogReader, LogStore, LogWrite, RecoveredLog, SnapshotStore, StateMachine, StorageError,
};

use super::error::OpenError;
use super::queues::PurgeBound;

/// What a node keeps, opened.
pub struct Stores<S> {
    /// Log and ballot.
    pub log: Box<dyn LogStore>,
    /// The state.
    pub machine: S,
    /// Snapshots.
    pub snapshots: Arc<dyn SnapshotStore>,
}

/// What was found.
#[derive(Debug)]
pub struct Recovered {
    /// For [`raft_core::Raft::restore`].
    pub saved: Saved,
    /// How far the log may be purged at once.
    pub purge_bound: PurgeBound,
    /// An installation was finished that a crash had interrupted.
    pub finished_install: bool,
    /// Bytes of a last group that the log store cut off; it was never synced.
    pub cut_off_bytes: u64,
}

/// Holds the stores against each other, finishes what a crash interrupted, and
/// reads what the core needs. `read_bytes` is how much is read from the log at once.
///
/// # Errors
///
/// If a disk refuses, or what was found does not fit together.
pub fn recover<S: StateMachine>(
    stores: &mut Stores<S>,
    read_bytes: u64,
) -> Result<Recovered, OpenError> {
    let RecoveredLog { ballot, mut log, committed, cut_off_bytes } = stores.log.recovered().clone();
    let finished_install = stores.machine.install_unfinished();
    if finished_install {
        log = finish_install(stores)?;
    }
    let applied = stores.machine.applied().position;
    let (base, last) = (log.base().index, log.last().index);
    if applied.index > last {
        return Err(RestoreError::StateAheadOfLog { applied: applied.index, last }.into());
    }
    if applied.index < base {
        let first = log.first_index();
        return Err(RestoreError::LogBeginsTooLate { applied: applied.index, first }.into());
    }
    if !log.holds(applied) {
        return Err(OpenError::StateOfAnotherLog { applied });
    }
    // The bootstrap snapshot needs no files: a log from there on holds everything.
    let newest = stores.snapshots.newest().map_or(Index::ZERO, |meta| meta.position.index);
    let reader = stores.log.reader();
    let tail = read_tail(reader.as_ref(), applied.index, last, read_bytes)?;
    let purge_bound = PurgeBound { durable: stores.machine.durable()?, snapshot: newest };
    let applied = applied.index;
    let snapshot = newest.min(applied);
    let saved = Saved { ballot, log, applied, committed, snapshot, tail };
    Ok(Recovered { saved, purge_bound, finished_install, cut_off_bytes })
}

/// The state was replaced, and a crash came before the log was reset and both
/// agreed on it. All of it may be done again if a crash comes now.
fn finish_install<S: StateMachine>(stores: &mut Stores<S>) -> Result<LogSummary, OpenError> {
    let covered = stores.machine.applied();
    let newest = stores.snapshots.newest();
    if newest.is_none_or(|newest| newest.position.index < covered.position.index) {
        // What was received may be gone, but the state that it became is here.
        let mut sink = stores.snapshots.create()?;
        let meta = stores.machine.prepare_snapshot()?.run(sink.as_mut())?;
        sink.finish(meta)?;
    }
    stores.log.write(&[LogWrite::Reset(covered.clone())])?;
    stores.machine.finish_install()?;
    Ok(LogSummary::new(covered))
}

/// The entries above `applied`.
fn read_tail(
    reader: &dyn LogReader,
    applied: Index,
    last: Index,
    read_bytes: u64,
) -> Result<Vec<Entry>, StorageError> {
    let mut tail: Vec<Entry> = Vec::new();
    let mut next = applied.next();
    while next <= last {
        let mut entries = reader.read(next, last, read_bytes)?;
        let end = entries.last().map(|entry| entry.index);
        next = end.ok_or_else(|| StorageError::missing_entry(next))?.next();
        tail.append(&mut entries);
    }
    Ok(tail)
}
