//! Handing the leadership over (thesis, section 3.10; rule 15).
//!
//! Proposals stop, the target catches up, and only then is it told to campaign,
//! with leave to ask voters that are loyal to this leader. If it does not take
//! over within an election timeout the leader goes on.

use crate::effect::{Effect, Effects, Ignored, Refusal, Reply};
use crate::message::Body;
use crate::raft::Raft;
use crate::raft_role::Role;
use crate::replication::Progress;
use crate::types::{NodeId, Ticket, Time};

/// A handover under way. It outlives the office, until it is known who leads now.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Transfer {
    pub(crate) ticket: Ticket,
    pub(crate) to: NodeId,
    pub(crate) deadline: Time,
    /// The target was told.
    pub(crate) told: bool,
}

impl Raft {
    /// A handover is asked for.
    pub(crate) fn on_transfer(&mut self, ticket: Ticket, to: Option<NodeId>, fx: &mut Effects) {
        let target = to.or_else(|| self.best_heir());
        let refusal = match (&self.role, target) {
            (Role::Leader(_), _) if self.transfer.is_some() => Some(Refusal::Transferring),
            (Role::Leader(_), Some(id)) if self.can_inherit(id) => None,
            (Role::Leader(_), _) => Some(Refusal::BadTransferTarget),
            _ => Some(Refusal::NotLeader),
        };
        match (refusal, target) {
            (None, Some(to)) => {
                let deadline = self.now.after(self.config.election_timeout);
                self.transfer = Some(Transfer { ticket, to, deadline, told: false });
                self.advance_transfer(fx);
            }
            (reason, _) => {
                self.refuse(ticket, reason.unwrap_or(Refusal::BadTransferTarget), fx);
            }
        }
    }

    /// Tells the target to campaign once it has everything.
    pub(crate) fn advance_transfer(&mut self, fx: &mut Effects) {
        let last = self.log.last_index();
        let Some(transfer) = self.transfer.as_ref().filter(|transfer| !transfer.told) else {
            return;
        };
        let to = transfer.to;
        if self.peer_matched(to) == Some(last) {
            self.send(to, Body::TimeoutNow, fx);
            if let Some(transfer) = &mut self.transfer {
                transfer.told = true;
            }
        }
    }

    /// It is known who leads now: that settles a handover that this node began.
    pub(crate) fn settle_transfer(&mut self, leader: NodeId, fx: &mut Effects) {
        let Some(transfer) = self.transfer.take() else { return };
        if leader == transfer.to {
            let reply = Reply::Transferred(leader);
            fx.push(Effect::Answer { ticket: transfer.ticket, reply });
        } else {
            self.refuse(transfer.ticket, Refusal::LeadershipLost, fx);
        }
    }

    /// Gives a handover up that took too long. A leader goes on then.
    pub(crate) fn expire_transfer(&mut self, fx: &mut Effects) {
        if let Some(transfer) = self.transfer.take_if(|transfer| transfer.deadline <= self.now) {
            self.refuse(transfer.ticket, Refusal::TransferTimedOut, fx);
        }
    }

    /// The leader says: campaign now.
    pub(crate) fn on_timeout_now(&mut self, from: NodeId, fx: &mut Effects) {
        let is_from_leader = self.known_leader() == Some(from);
        if !is_from_leader || !self.can_campaign() || self.disk_is_sick() {
            self.ignore(from, Ignored::WrongRole, fx);
            return;
        }
        // No pre-vote: the leader itself wants to be deposed.
        self.campaign(true, fx);
    }

    /// The voter that has most of the log, among those that answered the last
    /// heartbeats; if none did, among those heard of lately.
    pub(crate) fn best_heir(&self) -> Option<NodeId> {
        let Role::Leader(leader) = &self.role else { return None };
        let alive = leader.peers.iter().filter(|(id, peer)| {
            self.can_inherit(**id) && peer.contact.after(self.config.election_timeout) > self.now
        });
        // One that did not answer the last heartbeats is perhaps dead; what another one
        // lacks it gets before it is told.
        let fresh = self.config.heartbeat_interval.saturating_mul(2);
        let rank = |(id, peer): &(&NodeId, &Progress)| {
            (peer.contact.after(fresh) > self.now, peer.matched, std::cmp::Reverse(**id))
        };
        alive.max_by_key(rank).map(|(id, _)| *id)
    }

    fn can_inherit(&self, id: NodeId) -> bool {
        id != self.config.id && self.log.summary().membership().voters.contains(&id)
    }
}
