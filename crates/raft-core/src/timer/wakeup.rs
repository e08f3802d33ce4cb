//! What is due, and when.

use crate::effect::Effects;
use crate::raft::Raft;
use crate::raft_role::Role;
use crate::types::Time;

impl Raft {
    /// When to give [`Event::Wakeup`](crate::Event::Wakeup) next:
    /// [`Time::NEVER`] if only other events can move this node.
    pub fn next_wakeup(&self) -> Time {
        let role = match &self.role {
            Role::Leader(leader) => self.leader_wakeup(leader),
            Role::Follower(_) if !self.can_campaign() => Time::NEVER,
            Role::Follower(_) | Role::PreCandidate(_) | Role::Candidate(_) => {
                self.election.deadline
            }
        };
        role.min(self.transfer.as_ref().map_or(Time::NEVER, |transfer| transfer.deadline))
    }

    /// Does all that is due.
    pub(crate) fn on_wakeup(&mut self, fx: &mut Effects) {
        self.expire_transfer(fx);
        match &self.role {
            Role::Leader(_) => self.leader_on_wakeup(fx),
            Role::Follower(_) | Role::PreCandidate(_) | Role::Candidate(_) => {
                if self.can_campaign() && self.election.deadline <= self.now {
                    self.campaign_or_wait(fx);
                }
            }
        }
    }
}
