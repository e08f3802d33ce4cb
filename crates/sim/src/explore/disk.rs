//! What survives a crash, and how a node starts from it.

use std::fmt;

use raft_core::{
    Ballot, Config, Entry, Incarnation, Index, LogSummary, Position, Raft, Saved, SnapshotMeta,
    Time, WriteOp,
};

use super::letter::Snapshot;
use super::node::{Make, entry_at};
use super::property::{Property, Violation};

/// What survives.
#[derive(Clone, Debug, Hash)]
pub struct Disk {
    /// Term and vote.
    pub ballot: Ballot,
    /// What the log begins after.
    base: SnapshotMeta,
    /// The log, and what was before its base: every entry that was ever purged, which
    /// the core has no way to see but the properties speak of.
    pub log: Vec<Entry>,
    /// How far the state has applied the log.
    pub applied: Index,
    /// The newest complete snapshot.
    pub snapshot: Snapshot,
}

impl Disk {
    /// That of a new node.
    pub fn new(make: &Make) -> Disk {
        let meta = SnapshotMeta::bootstrap(make.founders.clone());
        Disk {
            ballot: Ballot::default(),
            base: meta.clone(),
            log: Vec::new(),
            applied: Index::ZERO,
            snapshot: Snapshot { meta, entries: Vec::new() },
        }
    }

    /// Whether it holds this position, or held it before a purge.
    pub fn has(&self, position: Position) -> bool {
        entry_at(&self.log, position.index).is_some_and(|entry| entry.position() == position)
    }

    /// Performs a write. `installed` is the snapshot that lay aside for it.
    pub fn write(&mut self, op: WriteOp, installed: Option<Snapshot>) {
        match op {
            WriteOp::Ballot(ballot) => self.ballot = ballot,
            WriteOp::Append(entries) => replace_end(&mut self.log, &entries),
            WriteOp::Purge(meta) => self.base = meta,
            WriteOp::Install { meta, .. } => {
                let snapshot = installed.expect("what is installed lies aside");
                self.base = meta;
                self.log.clone_from(&snapshot.entries);
                self.applied = self.applied.max(self.base.position.index);
                self.snapshot = snapshot;
            }
        }
    }

    /// The entries between two indexes that the log has one after another; `None` if it
    /// does not have the first one.
    pub fn read(&self, first: Index, last: Index) -> Option<Vec<Entry>> {
        let indexes = first.0.max(self.base.position.index.0 + 1)..=last.0;
        let entries: Vec<Entry> =
            indexes.map_while(|index| entry_at(&self.log, Index(index)).cloned()).collect();
        Some(entries).filter(|entries| entries.first().is_some_and(|entry| entry.index == first))
    }

    /// Takes a snapshot of what is applied.
    pub fn take_snapshot(&mut self) -> Result<SnapshotMeta, Violation> {
        let meta = self.summary()?.meta_at(self.applied).ok_or_else(|| {
            let what = format!("a snapshot of {} is none of the log", self.applied);
            Violation::of(Property::AppliedIsDurable, what)
        })?;
        let entries = self.log.iter().take(self.applied.0 as usize).cloned().collect();
        self.snapshot = Snapshot { meta: meta.clone(), entries };
        Ok(meta)
    }

    /// A core on what the disk holds.
    ///
    /// # Errors
    ///
    /// If the core does not start from it.
    pub fn start(&self, make: &Make, life: Incarnation) -> Result<Raft, Violation> {
        let config = Config { incarnation: life, ..make.config.clone() };
        let base = self.base.position.index;
        let saved = Saved {
            ballot: self.ballot,
            log: self.summary()?,
            applied: self.applied,
            committed: self.applied,
            snapshot: self.snapshot.meta.position.index,
            tail: self.log.iter().filter(|entry| entry.index > base).cloned().collect(),
        };
        let raft = Raft::restore(config, saved, Time(0));
        let mut raft = raft.map_err(|error| refused(&error))?;
        raft.forget_past();
        Ok(raft)
    }

    /// The shape of the log.
    fn summary(&self) -> Result<LogSummary, Violation> {
        let mut log = LogSummary::new(self.base.clone());
        for entry in self.log.iter().filter(|entry| entry.index > self.base.position.index) {
            log.append(entry).map_err(|broken| refused(&broken))?;
        }
        Ok(log)
    }
}

fn refused(why: &impl fmt::Display) -> Violation {
    Violation::of(Property::StartsAgain, why.to_string())
}

/// Appends entries; what lies at the first one's index and behind it is replaced.
pub fn replace_end(log: &mut Vec<Entry>, entries: &[Entry]) {
    if let Some(first) = entries.first() {
        log.truncate(usize::try_from(first.index.0 - 1).unwrap_or(usize::MAX));
        log.extend_from_slice(entries);
    }
}

impl fmt::Display for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let base = self.base.position.index;
        let log: Vec<String> =
            self.log.iter().filter(|entry| entry.index > base).map(Entry::to_string).collect();
        write!(f, "{} and [{}]", self.ballot, log.join(", "))?;
        if base > Index::ZERO {
            write!(f, " behind {base}")?;
        }
        f.write_str(" on its disk")
    }
}
