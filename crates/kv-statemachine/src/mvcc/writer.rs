//! Writing: what one batch of commands does to the state before it is committed.

use bytes::Bytes;
use raft_storage::{Order, StorageError};

use super::overlay::Overlay;
use super::record::{Change, ChangeKind, ChangeRow, Superseded, Version, history_key};
use super::rows::{CHANGES, HISTORY, LATEST, latest, read_latest};
use super::snapshot::Snapshot;
use crate::alarm::Alarms;
use crate::counts::Counts;
use crate::request::KeyRange;
use crate::view::KvView;

/// The state as the commands applied so far have made it, committed or not.
pub(crate) struct Writer {
    pub overlay: Overlay,
    pub counts: Counts,
    /// The latest revision that a command finished.
    pub revision: i64,
    /// The revision of the last compaction; -1 if there was none.
    pub compact_revision: i64,
    /// The alarms that are raised.
    pub alarms: Alarms,
    /// How many changes the command at work has made; they belong to the
    /// revision to come.
    changes: u32,
}

impl Writer {
    /// A writer over the state that a view shows, whose rows the overlay reads.
    pub fn new(overlay: Overlay, before: &KvView) -> Writer {
        Writer {
            overlay,
            counts: before.counts.clone(),
            revision: before.revision(),
            compact_revision: before.compact_revision(),
            alarms: before.alarms.clone(),
            changes: 0,
        }
    }

    /// The state for reading, with what the command at work has done so far.
    pub fn snapshot(&self) -> Snapshot<'_> {
        Snapshot {
            view: &self.overlay,
            counts: &self.counts,
            revision: self.seen_revision(),
            compact_revision: self.compact_revision,
        }
    }

    /// The latest revision as the command at work sees it: one more once it
    /// has changed something.
    pub fn seen_revision(&self) -> i64 {
        self.revision + i64::from(self.changes > 0)
    }

    /// Ends the command at work. Its changes make one revision, if there are any.
    pub fn finish(&mut self) {
        self.revision = self.seen_revision();
        self.changes = 0;
    }

    /// Writes a key.
    pub fn put(&mut self, key: &Bytes, value: Bytes, lease: i64) -> Result<(), StorageError> {
        let at = self.next_change();
        let previous = latest(&self.overlay, key)?;
        let (create, version, kind) = match &previous {
            None => (at.main, 1, ChangeKind::Created),
            Some(old) => {
                (old.create, old.version + 1, ChangeKind::Updated { previous: old.written })
            }
        };
        if let Some(old) = previous {
            self.supersede(key, old, at);
        }
        let version = Version { create, written: at, version, lease, value };
        self.overlay.put(LATEST, key.clone(), version.encode_latest());
        self.record(ChangeRow { at, kind, key: key.clone() });
        if kind == ChangeKind::Created {
            self.counts.created(&self.overlay, key)?;
        }
        Ok(())
    }

    /// Deletes the keys of a range. Returns what was deleted.
    pub fn delete(&mut self, range: &KeyRange) -> Result<Vec<(Bytes, Version)>, StorageError> {
        let found = self.keys_of(range)?;
        for (key, old) in &found {
            let at = self.next_change();
            self.supersede(key, old.clone(), at);
            self.overlay.delete(LATEST, key.clone());
            let kind = ChangeKind::Deleted { previous: old.written };
            self.record(ChangeRow { at, kind, key: key.clone() });
            self.counts.deleted(key);
        }
        Ok(found)
    }

    fn keys_of(&self, range: &KeyRange) -> Result<Vec<(Bytes, Version)>, StorageError> {
        if range.is_single() {
            let found = latest(&self.overlay, &range.key)?;
            return Ok(found.into_iter().map(|old| (range.key.clone(), old)).collect());
        }
        use raft_storage::StateView;
        self.overlay
            .scan(LATEST, &range.key, range.end(), Order::Ascending)
            .map(read_latest)
            .collect()
    }

    fn next_change(&self) -> Change {
        Change { main: self.revision + 1, sub: self.changes }
    }

    fn supersede(&mut self, key: &[u8], version: Version, at: Change) {
        let row_key = history_key(key, version.written);
        let row = Superseded { end: at.main, version };
        self.overlay.put(HISTORY, row_key, row.encode());
    }

    fn record(&mut self, row: ChangeRow) {
        self.overlay.put(CHANGES, Bytes::copy_from_slice(&row.at.encode()), row.encode());
        self.changes = self.changes.checked_add(1).expect("a command makes fewer changes");
    }
}
