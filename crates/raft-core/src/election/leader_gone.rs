//! A leader whose process is known to be gone costs milliseconds, not an
//! election timeout (rule 4).
//!
//! The evidence is the transport's: both directions closed, and a redial refused
//! or answered by another life of the node. Whoever has it stops being loyal to
//! that leader, for granting and for campaigning. Nobody takes another's word for
//! it, so it still takes a majority that noticed by itself; a voter that has not
//! refuses and looks for itself at once. Election safety does not depend on any
//! of this: votes and terms work as ever.

use std::time::Duration;

use crate::effect::{Effects, Ignored};
use crate::raft::Raft;
use crate::raft_role::Role;
use crate::types::{Incarnation, NodeId, Time};

/// The report that a process is gone which led the term when it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Gone {
    pub(crate) leader: NodeId,
    pub(crate) incarnation: Incarnation,
    /// When the report came.
    reported_at: Time,
}

impl Gone {
    /// The report came at the beginning of time.
    pub(crate) fn forget_time(&mut self) {
        self.reported_at = Time(0);
    }
}

/// Successors stand one after another, by rank.
const RANK_STEP: Duration = Duration::from_millis(25);
/// … and not quite in step.
const RANK_JITTER: Duration = Duration::from_millis(10);
/// After a round that was refused or split the next comes after this long …
const RETRY_MIN: Duration = Duration::from_millis(30);
/// … to this long.
const RETRY_MAX: Duration = Duration::from_millis(150);

impl Raft {
    /// A peer's process is known to be gone.
    pub(crate) fn on_peer_gone(
        &mut self,
        peer: NodeId,
        incarnation: Incarnation,
        fx: &mut Effects,
    ) {
        self.on_peer_unreachable(peer);
        let Role::Follower(follower) = &self.role else { return };
        match follower.leader {
            Some((leader, life)) if leader == peer && life == incarnation => {}
            // It led nothing, or another life of it leads: an election would only disturb.
            _ => {
                self.ignore(peer, Ignored::Stale, fx);
                return;
            }
        }
        self.election.gone = Some(Gone { leader: peer, incarnation, reported_at: self.now });
        let rank = self.rank_without(peer);
        let delay = RANK_STEP * rank + self.election.jitter.draw(self.ballot.term, RANK_JITTER);
        self.election.deadline = self.election.deadline.min(self.now.after(delay));
    }

    /// The leader was heard. From any life but the one reported gone, that ends
    /// the report. From that very life it is a message that was still on its way,
    /// but not for longer than an election timeout: then the report was wrong.
    pub(crate) fn leader_is_heard(&mut self, leader: NodeId, incarnation: Incarnation) {
        let patience = self.config.election_timeout;
        let is_late = |gone: Gone| {
            (gone.leader, gone.incarnation) == (leader, incarnation)
                && self.now < gone.reported_at.after(patience)
        };
        if self.election.gone.is_some_and(is_late) {
            return;
        }
        self.election.gone = None;
        let now = self.now;
        if let Some(follower) = self.follower() {
            follower.contact = now;
        }
        self.wind_election_timer();
    }

    /// A round is over or was only a question. While the leader is known to be
    /// gone the next comes sooner, but only where it is a question first: standing
    /// for real costs everybody else a term, and needs the time for all disks and
    /// the way there and back.
    pub(crate) fn retry_soon_without_leader(&mut self) {
        if self.election.gone.is_some() && self.config.pre_vote {
            let span = RETRY_MAX - RETRY_MIN;
            let delay = RETRY_MIN + self.election.jitter.draw(self.ballot.term, span);
            self.election.deadline = self.election.deadline.min(self.now.after(delay));
        }
    }

    /// This node's place, by id, among the voters other than `leader`.
    fn rank_without(&self, leader: NodeId) -> u32 {
        let voters = self.log.summary().membership().all_voters();
        let before = voters.filter(|id| *id != leader && *id < self.config.id).count();
        u32::try_from(before).unwrap_or(u32::MAX)
    }
}
