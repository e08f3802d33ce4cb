//! Reading keys and counts at any revision that is still there.

use raft_storage::{Order, StateView, StorageError};

use super::history::{KeysAt, superseded_at};
use super::record::{Change, Version};
use super::rows::{LATEST, changes, latest, read_latest};
use crate::counts::Counts;
use crate::error::KvError;
use crate::request::KeyRange;
use bytes::Bytes;

/// A state that can be read: committed, or in the midst of a transaction.
#[derive(Clone, Copy)]
pub(crate) struct Snapshot<'a> {
    pub view: &'a dyn StateView,
    pub counts: &'a Counts,
    /// The latest revision; nothing newer is in the view.
    pub revision: i64,
    /// The revision of the last compaction; -1 if there was none.
    pub compact_revision: i64,
}

/// Keys with their versions, or what the disk said.
pub(crate) type Keys<'a> = Box<dyn Iterator<Item = Result<(Bytes, Version), StorageError>> + 'a>;

impl<'a> Snapshot<'a> {
    /// The revision that a request means: 0 or less is the latest.
    pub fn resolve(&self, revision: i64) -> Result<i64, KvError> {
        if revision > self.revision {
            return Err(KvError::FutureRevision);
        }
        let revision = if revision <= 0 { self.revision } else { revision };
        if revision < self.compact_revision {
            return Err(KvError::Compacted);
        }
        Ok(revision)
    }

    /// The version of a key at a revision that [`Snapshot::resolve`] gave.
    pub fn get(&self, key: &[u8], revision: i64) -> Result<Option<Version>, StorageError> {
        match latest(self.view, key)? {
            Some(version) if version.written.main <= revision => Ok(Some(version)),
            _ if revision == self.revision => Ok(None),
            _ => superseded_at(self.view, key, revision),
        }
    }

    /// The keys of a range at a revision, in ascending order.
    pub fn keys(&self, range: &KeyRange, revision: i64) -> Result<Keys<'a>, StorageError> {
        if range.is_single() {
            let found = self.get(&range.key, revision)?;
            let key = range.key.clone();
            return Ok(Box::new(found.into_iter().map(move |version| Ok((key.clone(), version)))));
        }
        if range.end().is_some_and(|end| end <= range.key.as_ref()) {
            return Ok(Box::new(std::iter::empty()));
        }
        if revision == self.revision {
            let rows = self.view.scan(LATEST, &range.key, range.end(), Order::Ascending);
            return Ok(Box::new(rows.map(read_latest)));
        }
        Ok(Box::new(KeysAt::new(self.view, &range.key, range.end(), revision)))
    }

    /// The keys of a range at the latest revision, in descending order.
    pub fn latest_descending(&self, range: &KeyRange) -> Keys<'a> {
        if range.end().is_some_and(|end| end <= range.key.as_ref()) {
            return Box::new(std::iter::empty());
        }
        let rows = self.view.scan(LATEST, &range.key, range.end(), Order::Descending);
        Box::new(rows.map(read_latest))
    }

    /// How many keys a range holds at a revision.
    pub fn count(&self, range: &KeyRange, revision: i64) -> Result<u64, StorageError> {
        if range.is_single() {
            return Ok(u64::from(self.get(&range.key, revision)?.is_some()));
        }
        let now = self.counts.count(self.view, &range.key, range.end())?;
        if revision == self.revision {
            return Ok(now);
        }
        if let Some(moved) = self.moved_since(range, revision, now)? {
            return Ok(now.checked_add_signed(-moved).expect("a count is never negative"));
        }
        let mut count = 0;
        for found in self.keys(range, revision)? {
            found?;
            count += 1;
        }
        Ok(count)
    }

    /// By how much the range's count moved since a revision. `None` if so much
    /// happened since that reading the keys of then costs less.
    fn moved_since(
        &self,
        range: &KeyRange,
        revision: i64,
        keys_now: u64,
    ) -> Result<Option<i64>, StorageError> {
        let bound = keys_now.saturating_mul(2).saturating_add(64);
        if (self.revision - revision) as u64 > bound {
            return Ok(None);
        }
        let mut moved = 0;
        let mut looked_at = 0;
        for row in changes(self.view, Change::first_of(revision + 1), self.revision) {
            let row = row?;
            looked_at += 1;
            if looked_at > bound {
                return Ok(None);
            }
            let below_end = range.end().is_none_or(|end| row.key.as_ref() < end);
            if range.key <= row.key && below_end {
                moved += row.kind.count();
            }
        }
        Ok(Some(moved))
    }

    /// Checks the revision of a range in a transaction. Unlike elsewhere, one
    /// below zero counts as compacted once there was a compaction; etcd's rule.
    pub fn check_txn_revision(&self, revision: i64) -> Result<(), KvError> {
        if revision > self.revision {
            return Err(KvError::FutureRevision);
        }
        if revision != 0 && revision < self.compact_revision {
            return Err(KvError::Compacted);
        }
        Ok(())
    }
}
