//! The leader's side of membership changes (Raft paper, section 6; rule 8).

use super::{Change, InvalidChange, Leave, Membership};
use crate::effect::{Effect, Effects, Refusal, Reply};
use crate::entry::EntryKind;
use crate::planted::planted;
use crate::raft::Raft;
use crate::raft_role::Role;
use crate::types::{Position, Ticket};

impl Raft {
    /// A change of who belongs to the cluster is asked for.
    pub(crate) fn on_change_membership(
        &mut self,
        ticket: Ticket,
        change: &Change,
        fx: &mut Effects,
    ) {
        match self.next_membership(change) {
            Ok(next) => {
                let position = self.append_membership(&next, fx);
                fx.push(Effect::Answer { ticket, reply: Reply::Accepted(position) });
            }
            Err(reason) => self.refuse(ticket, reason, fx),
        }
    }

    /// The membership after a change that may be made now. One at a time, and
    /// only by a leader that knows what is committed: two leaders that each added
    /// a single voter to an uncommitted past made disjoint majorities (raft-dev,
    /// 2015).
    fn next_membership(&self, change: &Change) -> Result<Membership, Refusal> {
        if !matches!(self.role, Role::Leader(_)) {
            return Err(Refusal::NotLeader);
        }
        if self.transfer.is_some() {
            return Err(Refusal::Transferring);
        }
        let current = self.log.summary().membership();
        if current.is_joint() && *change != Change::LeaveJoint {
            return Err(Refusal::InvalidChange(InvalidChange::Joint));
        }
        let leaves_early =
            *change == Change::LeaveJoint && planted!(self.config, LeavesUncommittedJoint);
        let settled = self.commit >= self.log.summary().membership_index();
        let knows_commits =
            self.has_committed_in_term() || planted!(self.config, ChangesBeforeOwnTerm);
        let may_change = settled && knows_commits;
        if !may_change && !leaves_early {
            return Err(Refusal::ChangeInProgress);
        }
        let next = current.changed(change).map_err(Refusal::InvalidChange)?;
        if planted!(self.config, NoJointPhase) && next.is_joint() {
            return next.changed(&Change::LeaveJoint).map_err(Refusal::InvalidChange);
        }
        Ok(next)
    }

    /// Ends a committed joint phase, whoever began it: the leader that did may be
    /// gone, and what waits for it would wait for ever.
    pub(crate) fn leave_joint(&mut self, fx: &mut Effects) {
        let membership = self.log.summary().membership();
        let began_in = self.log.summary().term_at(self.log.summary().membership_index());
        let is_mine = began_in == Some(self.ballot.term);
        if membership.is_joint()
            && membership.leave == Leave::Auto
            && (is_mine || !planted!(self.config, OnlyBeginnerLeavesJoint))
            && let Ok(next) = self.next_membership(&Change::LeaveJoint)
        {
            self.append_membership(&next, fx);
        }
    }

    /// Appends a membership; it is in force from here on.
    fn append_membership(&mut self, next: &Membership, fx: &mut Effects) -> Position {
        let payload = next.encode();
        let index = self.append_own(EntryKind::MEMBERSHIP, Membership::FORMAT, payload, fx);
        Position { term: self.ballot.term, index }
    }
}
