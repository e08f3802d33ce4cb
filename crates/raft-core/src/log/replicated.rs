//! Summary, cache and ledger, kept in step.

use super::cache::Cache;
use super::ledger::Ledger;
use super::summary::{BrokenLog, LogSummary, SnapshotMeta};
use crate::config::Limits;
use crate::effect::{Write, WriteOp};
use crate::entry::Entry;
use crate::planted::planted;
use crate::types::{Ballot, Index, NodeId, Time, TransferId, WriteSeq};

/// The log. Every change of it, and of the ballot, returns the [`Write`] that
/// makes it durable: one ordered stream.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Log {
    summary: LogSummary,
    cache: Cache,
    ledger: Ledger,
    /// Raised whenever entries are replaced; what was fetched before is void (rule 7).
    epoch: u64,
    /// Raised whenever the membership in force changes.
    membership_version: u64,
    #[cfg(feature = "planted-bugs")]
    planted: Option<crate::Bug>,
}

impl Log {
    /// A log found on disk, with the entries from some index to its end.
    pub(crate) fn restore(summary: LogSummary, tail: Vec<Entry>) -> Log {
        let last = summary.last().index;
        let first = tail.first().map_or(last.next(), |entry| entry.index);
        let mut cache = Cache::new(first);
        tail.into_iter().for_each(|entry| cache.push(entry));
        Log {
            summary,
            cache,
            ledger: Ledger::new(last),
            epoch: 0,
            membership_version: 0,
            #[cfg(feature = "planted-bugs")]
            planted: None,
        }
    }

    /// The same log, with a bug.
    #[cfg(feature = "planted-bugs")]
    pub(crate) fn with(mut self, planted: Option<crate::Bug>) -> Log {
        self.ledger.planted = planted;
        self.planted = planted;
        self
    }

    pub(crate) fn summary(&self) -> &LogSummary {
        &self.summary
    }

    pub(crate) fn cache(&self) -> &Cache {
        &self.cache
    }

    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    pub(crate) fn membership_version(&self) -> u64 {
        self.membership_version
    }

    pub(crate) fn last_index(&self) -> Index {
        self.summary.last().index
    }

    /// Writes down a ballot.
    pub(crate) fn write_ballot(&mut self, now: Time, ballot: Ballot) -> Write {
        let seq = self.ledger.issue(now, None);
        Write { seq, op: WriteOp::Ballot(ballot) }
    }

    /// Appends entries; what the log holds from the first one's index on is replaced.
    ///
    /// # Errors
    ///
    /// If they do not continue the log; it is unchanged then.
    pub(crate) fn append(&mut self, now: Time, entries: Vec<Entry>) -> Result<Write, BrokenLog> {
        self.summary.check(&entries)?;
        let first = entries.first().map_or(self.last_index().next(), |entry| entry.index);
        let membership_before = self.summary.membership_index();
        let kept =
            planted!(self, KeepsReplacedMembership).then(|| self.summary.membership().clone());
        if first <= self.last_index() {
            if !planted!(self, CacheNotCut) {
                self.cache.truncate(first);
            }
            self.ledger.clip(first);
            self.epoch += 1;
        }
        for entry in &entries {
            self.summary.append(entry)?;
            if !planted!(self, CacheNotCut) || self.cache.next() == entry.index {
                self.cache.push(entry.clone());
            }
        }
        if let Some(membership) = kept.filter(|_| self.summary.membership_index() < first) {
            self.summary.go_by(membership);
        }
        if self.summary.membership_index() != membership_before || membership_before >= first {
            self.membership_version += 1;
        }
        let seq = self.ledger.issue(now, Some(self.last_index()));
        Ok(Write { seq, op: WriteOp::Append(entries) })
    }

    /// Forgets the entries up to and including `index`.
    pub(crate) fn purge(&mut self, now: Time, index: Index) -> Write {
        self.summary.purge(index);
        self.cache.purge(index);
        let meta = self.summary.meta_at(index).expect("the base is in the log");
        let seq = self.ledger.issue(now, None);
        Write { seq, op: WriteOp::Purge(meta) }
    }

    /// Replaces the whole log by a snapshot that was received.
    pub(crate) fn install(
        &mut self,
        now: Time,
        from: NodeId,
        id: TransferId,
        meta: SnapshotMeta,
    ) -> Write {
        let index = meta.position.index;
        // Whatever is durable or on its way behind the snapshot belongs to the log
        // that goes. A tail that was longer must not vouch for entries to come.
        self.ledger.clip(index);
        let kept =
            planted!(self, KeepsMembershipOverSnapshot).then(|| self.summary.membership().clone());
        self.summary = LogSummary::new(meta.clone());
        if let Some(membership) = kept {
            self.summary.go_by(membership);
        }
        self.cache = Cache::new(index.next());
        self.epoch += 1;
        self.membership_version += 1;
        let seq = self.ledger.issue(now, Some(index));
        Write { seq, op: WriteOp::Install { from, id, meta } }
    }

    /// All writes up to `seq` are on disk. Returns whether that was news.
    pub(crate) fn persisted(&mut self, seq: WriteSeq) -> bool {
        self.ledger.persisted(seq)
    }

    /// Numbers the writes anew, and says which number the last persisted one had.
    pub(crate) fn renumber_writes(&mut self) -> WriteSeq {
        self.ledger.renumber()
    }

    /// Lets go of entries that nobody waits for any more, beyond the limits.
    pub(crate) fn evict(&mut self, applied: Index, limits: &Limits) {
        let limit = applied.min(self.ledger.durable());
        self.cache.evict(limit, limits.cached_entries, limits.cached_bytes);
    }
}
