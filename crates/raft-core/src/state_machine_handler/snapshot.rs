//! Snapshots of the own state, and the purges behind them.

use crate::effect::{Effect, Effects};
use crate::invariant::invariant;
use crate::log::SnapshotMeta;
use crate::raft::Raft;
use crate::raft_role::Role;
use crate::replication::Feed;
use crate::types::Index;

/// When to take the next snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Snapshots {
    /// The newest complete one; all purged entries are in it.
    pub(crate) newest: Index,
    /// One is being taken.
    taking: bool,
    /// Bytes given to the state machine since the newest one was begun.
    bytes_since: u64,
    /// After a failure: not before this is applied.
    not_before: Index,
}

impl Snapshots {
    pub(crate) fn new(newest: Index) -> Snapshots {
        Snapshots { newest, taking: false, bytes_since: 0, not_before: Index::ZERO }
    }

    pub(crate) fn count(&mut self, bytes: u64) {
        self.bytes_since += bytes;
    }

    /// A snapshot from the leader took the place of the state.
    pub(crate) fn installed(&mut self, index: Index) {
        self.newest = self.newest.max(index);
        self.bytes_since = 0;
    }
}

impl Raft {
    /// Asks for a snapshot when enough was applied since the last one. Not where no
    /// membership is known yet, on a node that joined blank: whoever was given such a
    /// snapshot would believe that nobody votes, itself included.
    pub(crate) fn take_snapshot_if_due(&mut self, fx: &mut Effects) {
        if self.is_installing() || !self.log.summary().knows_members_at(self.apply.applied()) {
            return;
        }
        let limits = &self.config.limits;
        let applied = self.apply.applied();
        let snapshots = &mut self.snapshots;
        let due = applied.above(snapshots.newest) >= limits.snapshot_entries
            || (snapshots.bytes_since >= limits.snapshot_bytes && applied > snapshots.newest);
        if due && !snapshots.taking && applied >= snapshots.not_before {
            snapshots.taking = true;
            snapshots.bytes_since = 0;
            fx.push(Effect::TakeSnapshot);
        }
    }

    /// A snapshot is complete, and the own state durable as far as it reaches. One of
    /// what is not reported as applied yet is of no use: the log cannot be purged
    /// there. Nor is one that is older than the newest: the own state is not known to
    /// be durable as far as that reaches.
    pub(crate) fn on_snapshot_taken(&mut self, meta: &SnapshotMeta, fx: &mut Effects) {
        let index = meta.position.index;
        if index > self.apply.applied() {
            self.on_snapshot_failed();
            return;
        }
        self.snapshots.taking = false;
        if index >= self.snapshots.newest {
            self.snapshots.newest = index;
            self.purge(fx);
        }
    }

    /// No snapshot could be taken. Tried again after some more entries, not in a loop.
    pub(crate) fn on_snapshot_failed(&mut self) {
        let pause = (self.config.limits.snapshot_entries / 8).max(1);
        self.snapshots.taking = false;
        self.snapshots.not_before = Index(self.apply.applied().0 + pause);
    }

    /// Purges what the newest snapshot holds, but leaves a tail for followers that
    /// are a little behind, and a longer one, within a bound, for those that are
    /// being sent a snapshot and will go on from it.
    fn purge(&mut self, fx: &mut Effects) {
        let limits = &self.config.limits;
        let newest = self.snapshots.newest;
        let trailing = Index(newest.0.saturating_sub(limits.trailing_entries));
        let floor = Index(newest.0.saturating_sub(limits.snapshot_tail_entries));
        let spared = self.oldest_snapshot_in_flight().unwrap_or(newest).max(floor);
        let end = trailing.min(spared);
        if end > self.log.summary().base().index {
            invariant!(end <= newest && end <= self.apply.applied(), "a purge loses nothing");
            let write = self.log.purge(self.now, end);
            fx.push(Effect::Persist(write));
        }
    }

    fn oldest_snapshot_in_flight(&self) -> Option<Index> {
        let Role::Leader(leader) = &self.role else { return None };
        let in_flight = leader.peers.values().filter_map(|peer| match peer.feed {
            Feed::Snapshot { index, .. } => Some(index),
            Feed::Probe { .. } | Feed::Replicate(_) => None,
        });
        in_flight.min()
    }
}
