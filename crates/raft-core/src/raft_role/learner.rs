//! Members without a vote (thesis, section 4.2.1).

use crate::effect::RoleName;
use crate::raft::Raft;
use crate::raft_role::Role;

impl Raft {
    /// Whether this node may stand for election. All that a learner may not do:
    /// it receives entries, grants votes and serves reads like everybody else.
    pub(crate) fn can_campaign(&self) -> bool {
        self.log.summary().membership().is_voter(self.config.id)
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
