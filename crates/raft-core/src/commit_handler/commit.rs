//! The commit index (Raft paper, sections 5.3 and 5.4.2).

use std::collections::BTreeSet;

use crate::effect::{Effect, Effects, StopReason};
use crate::planted::planted;
use crate::raft::Raft;
use crate::raft_role::Role;
use crate::types::{Index, NodeId, Term};

impl Raft {
    /// Commits what a majority of each configuration in force has on disk. The
    /// leader counts itself by what is on its own disk, like everybody else; a
    /// majority of followers may be ahead of it (rule 2).
    pub(crate) fn advance_commit(&mut self) {
        let Role::Leader(leader) = &self.role else { return };
        let membership = self.log.summary().membership();
        let is_alone = leader.peers.is_empty();
        let durable = if planted!(self.config, SoleVoterCountsUnsynced) && is_alone {
            self.log.last_index()
        } else {
            self.log.ledger().durable()
        };
        let stored = |id: NodeId| match leader.peers.get(&id) {
            Some(peer) => peer.matched.0,
            None if id == self.config.id => durable.0,
            None => 0,
        };
        let reached = if planted!(self.config, HalfIsQuorum) {
            half_have(&membership.voters, stored)
        } else {
            Index(membership.reached(stored))
        };
        if reached <= self.commit
            || !self.may_commit_by_counting(self.log.summary().term_at(reached))
        {
            return;
        }
        self.commit = reached;
        self.open_reads();
    }

    /// Only entries of the own term are committed by counting; older ones along
    /// with them. (Raft paper, figure 8: an older entry on a majority can still
    /// be replaced by a leader that never saw it.)
    fn may_commit_by_counting(&self, term: Option<Term>) -> bool {
        if planted!(self.config, CommitsOlderTerms) {
            return term.is_some();
        }
        term == Some(self.ballot.term)
    }

    /// Whether the leader has committed an entry of its own term, and so knows
    /// all that is committed.
    pub(crate) fn has_committed_in_term(&self) -> bool {
        match &self.role {
            Role::Leader(leader) => self.commit >= leader.term_start,
            _ => false,
        }
    }

    /// What follows from the membership in force being committed: a joint phase
    /// ends, a leader that is no voter any more resigns, a removed node stops.
    pub(crate) fn act_on_committed_membership(&mut self, fx: &mut Effects) {
        if planted!(self.config, LeavesUncommittedJoint) {
            self.leave_joint(fx);
        }
        if self.commit < self.log.summary().membership_index() {
            return;
        }
        self.leave_joint(fx);
        let own = self.config.id;
        let membership = self.log.summary().membership();
        if self.commit < self.log.summary().membership_index() {
            return;
        }
        let is_voter = membership.is_voter(own);
        let is_removed = membership.removed.contains(&own);
        let stays = planted!(self.config, RemovedLeaderStays);
        if !is_voter && !stays && matches!(self.role, Role::Leader(_)) {
            self.hand_over_at_once(fx);
            self.follow_term(self.ballot.term, fx);
        }
        if is_removed && !self.stopping {
            self.stopping = true;
            fx.push(Effect::Stop(StopReason::Removed));
        }
    }
}

/// What a planted bug takes for what a majority has: of an even number of voters it
/// is what half of them have.
fn half_have(voters: &BTreeSet<NodeId>, stored: impl Fn(NodeId) -> u64) -> Index {
    let mut values: Vec<u64> = voters.iter().map(|id| stored(*id)).collect();
    values.sort_unstable_by(|a, b| b.cmp(a));
    let place = values.len().div_ceil(2).saturating_sub(1);
    Index(values.get(place).copied().unwrap_or(0))
}
