//! Members without a vote (thesis, section 4.2.1).

use crate::effect::RoleName;
use crate::raft::Raft;
use crate::raft_role::Role;

impl Raft {
    /// Whether this node may stand for election. All that a learner may not do: it
    /// receives entries, grants votes, serves reads, and stops believing in a leader
    /// that is silent like everybody else.
    ///
    /// Until the membership that takes its vote is committed, a node may stand on
    /// the one before (thesis, section 4.2.2). Of two voters a and b, a leads,
    /// appends {b} and is cut off before b has that: b needs a's vote and a has
    /// the longer log, so only a can ever be elected, and go once {b} is committed.
    pub(crate) fn can_campaign(&self) -> bool {
        let log = self.log.summary();
        let is_voter = self.electorate().is_voter(self.config.id);
        is_voter || (self.commit < log.membership_index() && self.voted_before_last_change())
    }

    fn voted_before_last_change(&self) -> bool {
        self.log.summary().membership_before_last().is_voter(self.config.id)
    }

    /// The role's name.
    pub(crate) fn role_name(&self) -> RoleName {
        match &self.role {
            Role::Follower(_) if self.can_campaign() => RoleName::Follower,
            Role::Follower(_) => RoleName::Learner,
            Role::PreCandidate(_) => RoleName::PreCandidate,
            Role::Candidate(_) => RoleName::Candidate,
            Role::Leader(_) => RoleName::Leader,
        }
    }
}
