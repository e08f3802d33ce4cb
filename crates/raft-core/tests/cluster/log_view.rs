//! A log and a ballot, as the writes so far have made them.

use raft_core::{Ballot, Entry, EntryKind, Index, LogSummary, Membership, Position};
use raft_core::{SnapshotMeta, Term, WriteOp};

/// What a sequence of writes adds up to. Each node has two: one of the writes
/// that its core issued, one of those that its disk has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogView {
    pub ballot: Ballot,
    /// What the log starts after.
    pub base: SnapshotMeta,
    /// Consecutive entries behind the base.
    pub entries: Vec<Entry>,
}

impl LogView {
    /// An empty log that starts after `base`.
    pub fn new(base: SnapshotMeta) -> LogView {
        LogView { base, ..LogView::default() }
    }

    /// Takes in one write.
    pub fn write(&mut self, op: &WriteOp) {
        match op {
            WriteOp::Ballot(ballot) => self.ballot = *ballot,
            WriteOp::Append(entries) => {
                let keep = entries[0].index.above(self.base.position.index) - 1;
                self.entries.truncate(keep as usize);
                self.entries.extend(entries.iter().cloned());
            }
            WriteOp::Purge(meta) => {
                self.entries.retain(|entry| entry.index > meta.position.index);
                self.base = meta.clone();
            }
            WriteOp::Install { meta, .. } => {
                self.entries.clear();
                self.base = meta.clone();
            }
        }
    }

    pub fn last(&self) -> Position {
        self.entries.last().map_or(self.base.position, Entry::position)
    }

    /// The entry at `index`, if it is above the base.
    pub fn entry(&self, index: Index) -> Option<&Entry> {
        let offset = index.above(self.base.position.index).checked_sub(1)?;
        self.entries.get(offset as usize)
    }

    /// The term at `index`, the base included.
    pub fn term_at(&self, index: Index) -> Option<Term> {
        let base = self.base.position;
        if index == base.index { Some(base.term) } else { self.entry(index).map(|e| e.term) }
    }

    /// Whether this very entry is in the log, or lies before its start: what was
    /// purged is in a snapshot.
    pub fn covers(&self, position: Position) -> bool {
        position.index < self.base.position.index
            || self.term_at(position.index) == Some(position.term)
    }

    /// The memberships in the log, that of its start first. The last is in force.
    pub fn memberships(&self) -> Vec<(Index, Membership)> {
        let entries = self.entries.iter().filter(|entry| entry.kind == EntryKind::MEMBERSHIP);
        let later = entries.map(|entry| {
            let membership = Membership::decode(entry.format, &entry.payload);
            (entry.index, membership.expect("a core accepts no broken membership"))
        });
        let first = (self.base.position.index, self.base.membership.clone());
        std::iter::once(first).chain(later).collect()
    }

    /// The membership in force.
    pub fn membership(&self) -> Membership {
        self.memberships().pop().expect("there is that of the base").1
    }

    /// The log's shape, as a log store would give it.
    pub fn summary(&self) -> LogSummary {
        let mut summary = LogSummary::new(self.base.clone());
        self.entries.iter().for_each(|entry| {
            summary.append(entry).expect("the entries are consecutive");
        });
        summary
    }
}
