//! Giving up history.
//!
//! A compaction to revision *c* takes effect at once: reads below *c* are
//! refused from then on, and hashes leave out what died at or below it. The rows
//! are removed later, a bounded number at a time, so that no command waits for
//! it. How far the removal is shows in no answer and in no hash, so replicas may
//! differ in it.
//!
//! The removal goes through the changes up to *c*. Each names the version that
//! it ended; that version and the change that wrote it go. Deletions go too,
//! those at *c* itself excepted: somebody who listens from *c* on is to hear of
//! them. The next compaction looks at *c* again for their sake.

use raft_storage::StorageError;

use super::record::{Change, ChangeKind, ChangeRow, history_key};
use super::rows::{CHANGES, HISTORY, changes};
use super::writer::Writer;
use crate::error::KvError;
use bytes::Bytes;

/// How far the removal of compacted rows is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Everything that a compaction to this revision takes is gone; -1 before
    /// the first one.
    pub through: i64,
    /// The first change that is yet to be looked at.
    pub next: Change,
}

impl Default for Progress {
    fn default() -> Progress {
        Progress { through: -1, next: Change::first_of(0) }
    }
}

impl Progress {
    /// Reads what [`Change::encode`] wrote of the second half.
    pub fn decode(through: i64, next: &[u8]) -> Option<Progress> {
        Some(Progress { through, next: Change::decode(next)? })
    }

    /// Whether there is something left to remove.
    pub fn is_pending(&self, compact_revision: i64) -> bool {
        self.through < compact_revision
    }
}

/// Takes up a compaction.
///
/// # Errors
///
/// [`KvError::Compacted`] at or below the last one, [`KvError::FutureRevision`].
pub(crate) fn schedule(
    writer: &mut Writer,
    progress: &mut Progress,
    revision: i64,
) -> Result<(), KvError> {
    if revision <= writer.compact_revision {
        return Err(KvError::Compacted);
    }
    if revision > writer.revision {
        return Err(KvError::FutureRevision);
    }
    writer.compact_revision = revision;
    // A removal under way may have left deletions of this revision standing.
    progress.next = Change::first_of(progress.next.main);
    Ok(())
}

/// Looks at no more than `budget` changes and removes what is dead.
pub(crate) fn remove_some(
    writer: &mut Writer,
    progress: &mut Progress,
    budget: usize,
) -> Result<(), StorageError> {
    let target = writer.compact_revision;
    if !progress.is_pending(target) {
        return Ok(());
    }
    let rows: Vec<ChangeRow> =
        changes(&writer.overlay, progress.next, target).take(budget).collect::<Result<_, _>>()?;
    for row in &rows {
        if let Some(previous) = row.kind.previous() {
            writer.overlay.delete(HISTORY, history_key(&row.key, previous));
            writer.overlay.delete(CHANGES, Bytes::copy_from_slice(&previous.encode()));
        }
        if matches!(row.kind, ChangeKind::Deleted { .. }) && row.at.main < target {
            writer.overlay.delete(CHANGES, Bytes::copy_from_slice(&row.at.encode()));
        }
    }
    match rows.last() {
        Some(last) if rows.len() == budget => {
            progress.next = Change { main: last.at.main, sub: last.at.sub + 1 };
        }
        _ => *progress = Progress { through: target, next: Change::first_of(target) },
    }
    Ok(())
}
