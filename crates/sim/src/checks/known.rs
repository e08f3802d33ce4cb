//! What follows from the facts so far: the committed log, what lies on each disk.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};

use kv_statemachine::codec;
use raft_core::{Ballot, Entry, EntryKind, Index, LogSummary, Membership, NodeId, Position, Term};
use raft_storage::LogWrite;

use super::Fact;
use crate::trace::TraceHasher;
use crate::workload::{Effect, Model, OpId, Tag, tag_of};

/// The knowledge that several checks share.
#[derive(Debug, Default)]
pub struct Known {
    /// What was applied anywhere; the first item has index 1.
    pub committed: Vec<Committed>,
    /// The store after all that was applied anywhere.
    pub model: Model,
    /// What became of each write that was applied anywhere.
    pub writes: BTreeMap<Tag, Applied>,
    /// What each node's disk is certain to hold.
    pub disks: BTreeMap<NodeId, Disk>,
    /// The highest commit index that any node ever had.
    pub commit: Index,
    /// The term that each node had last.
    pub terms: BTreeMap<NodeId, Term>,
    /// The highest revision that any client was told of.
    pub told_revision: i64,
    /// For each request, [`Known::told_revision`] when it was made.
    pub floors: BTreeMap<OpId, i64>,
}

/// An entry that was applied by somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// Where it stands.
    pub position: Position,
    /// What it holds, as a number.
    pub content: u64,
    /// It was committed in this term at the latest.
    pub by_term: Term,
}

/// A write that was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// By which entry.
    pub index: Index,
    /// What it did, by the model.
    pub effect: Effect,
    /// By how many entries: more than one is one too many.
    pub times: u64,
}

/// A node's disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disk {
    /// The ballot.
    pub ballot: Ballot,
    /// The log.
    pub log: LogSummary,
    /// A group that was given to it and whose sync has not ended.
    pub in_flight: Vec<LogWrite>,
}

impl Disk {
    /// Whether a write fits; does it then.
    pub fn write(&mut self, write: &LogWrite) -> Result<(), String> {
        match write {
            LogWrite::Ballot(ballot) => self.ballot = *ballot,
            LogWrite::Append(entries) => {
                for entry in entries {
                    self.log.append(entry).map_err(|broken| broken.to_string())?;
                }
            }
            LogWrite::Purge(meta) if self.log.holds(meta.position) => {
                self.log.purge(meta.position.index);
            }
            LogWrite::Purge(meta) => return Err(format!("the log does not hold {meta}")),
            LogWrite::Reset(meta) => self.log = LogSummary::new(meta.clone()),
        }
        Ok(())
    }
}

/// What an entry holds, as a number.
pub fn content_of(entry: &Entry) -> u64 {
    let mut hasher = TraceHasher::default();
    (entry.kind, entry.format, &entry.payload).hash(&mut hasher);
    hasher.finish()
}

impl Known {
    /// The entry applied at an index; `None` if nobody has applied it.
    pub fn committed_at(&self, index: Index) -> Option<&Committed> {
        let place = usize::try_from(index.0.checked_sub(1)?).ok()?;
        self.committed.get(place)
    }

    /// The last index that anybody has applied.
    pub fn last_applied(&self) -> Index {
        Index(self.committed.len() as u64)
    }

    /// Takes in a fact that passed all checks.
    pub fn learn(&mut self, fact: &Fact<'_>) -> Result<(), String> {
        match *fact {
            Fact::Booted { node, found } => {
                let disk =
                    Disk { ballot: found.ballot, log: found.log.clone(), in_flight: Vec::new() };
                self.disks.insert(node, disk);
            }
            Fact::Writing { node, group } => {
                self.disk(node)?.in_flight = group.to_vec();
            }
            Fact::Synced { node, group } => {
                let disk = self.disk(node)?;
                disk.in_flight.clear();
                group.iter().try_for_each(|write| disk.write(write))?;
            }
            Fact::Turned { status } => {
                self.commit = self.commit.max(status.commit);
                self.terms.insert(status.id, status.ballot.term);
            }
            Fact::Applying { node, entries } => {
                entries.iter().for_each(|entry| self.commit_entry(node, entry));
            }
            Fact::Invoked { op, .. } => {
                self.floors.insert(op, self.told_revision);
            }
            Fact::Completed { op, outcome, .. } => {
                self.floors.remove(&op);
                if let Some(revision) = super::told(outcome) {
                    self.told_revision = self.told_revision.max(revision);
                }
            }
            Fact::Purging { .. }
            | Fact::Sent { .. }
            | Fact::Installed { .. }
            | Fact::Hashed { .. }
            | Fact::Ended => {}
        }
        Ok(())
    }

    fn disk(&mut self, node: NodeId) -> Result<&mut Disk, String> {
        self.disks.get_mut(&node).ok_or_else(|| format!("{node} wrote before it started"))
    }

    /// Takes in an entry that follows on what was applied so far; one that was
    /// applied before is no news.
    fn commit_entry(&mut self, node: NodeId, entry: &Entry) {
        if entry.index != self.last_applied().next() {
            return;
        }
        let by_term = self.terms.get(&node).copied().unwrap_or(entry.term);
        let content = content_of(entry);
        self.committed.push(Committed { position: entry.position(), content, by_term });
        if entry.kind == EntryKind::MEMBERSHIP
            && let Ok(membership) = Membership::decode(entry.format, &entry.payload)
        {
            self.model.change_members(&membership);
        }
        if entry.kind != EntryKind::COMMAND {
            return;
        }
        if let Ok(Ok(command)) = codec::decode(entry) {
            let effect = self.model.apply(&command.operation);
            if let Some(tag) = tag_of(&command.operation) {
                let applied = Applied { index: entry.index, effect, times: 0 };
                self.writes.entry(tag).or_insert(applied).times += 1;
            }
        }
    }
}
