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
            Role::Follower(follower) if follower.leader.is_none() && !self.can_campaign() => {
                Time::NEVER
            }
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
                if self.election.deadline <= self.now {
                    self.doubt_the_leader(fx);
                }
            }
        }
    }

    /// The leader, if there was one, was not heard of for too long. Who may not stand
    /// for election only stops believing in it, so that the reads that wait for it are
    /// refused and clients look elsewhere.
    fn doubt_the_leader(&mut self, fx: &mut Effects) {
        if self.can_campaign() {
            self.campaign_or_wait(fx);
        } else if self.known_leader().is_some() {
            self.become_follower(None, fx);
            self.wind_election_timer();
        }
    }
}
