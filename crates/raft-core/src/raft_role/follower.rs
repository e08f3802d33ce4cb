//! A follower's memory.

use crate::commit_handler::{FollowerReads, PendingRead};
use crate::effect::{Effect, Effects, Ignored, Refusal};
use crate::invariant::invariant;
use crate::planted::planted;
use crate::raft::Raft;
use crate::raft_role::Role;
use crate::types::{Incarnation, Index, NodeId, Term, Time};

/// What a follower knows of its leader. Forgotten with the term; the vote is not.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Follower {
    /// The leader of this term and the life of its process, once heard of.
    pub(crate) leader: Option<(NodeId, Incarnation)>,
    /// When it was last heard of.
    pub(crate) contact: Time,
    /// Up to here the log is known to agree with this leader's log. Everything
    /// committed is, in any term (Leader Completeness, Raft paper, section 5.4).
    pub(crate) verified: Index,
    /// Reads on their way to the leader.
    pub(crate) reads: FollowerReads,
}

impl Raft {
    /// Follows, in `term`, whoever leads it. A higher term than one's own is
    /// written down, with no vote in it; within one term the vote stays (a node
    /// that forgot it could vote twice).
    pub(crate) fn follow_term(&mut self, term: Term, fx: &mut Effects) {
        invariant!(term >= self.ballot.term, "the term never decreases");
        if term > self.ballot.term {
            self.write_ballot(term, None, fx);
        } else if planted!(self.config, StepDownForgetsVote) {
            self.forget_vote(fx);
        }
        self.become_follower(None, fx);
    }

    /// What a planted bug does where a role ends within a term.
    fn forget_vote(&mut self, fx: &mut Effects) {
        self.ballot.vote = None;
        let write = self.log.write_ballot(self.now, self.ballot);
        fx.push(Effect::Persist(write));
    }

    /// Ends the role there was. A follower stays under the election deadline that
    /// it has, and so does a candidate whose round is over, if nothing speaks for
    /// an earlier one; a leader had none.
    pub(crate) fn become_follower(
        &mut self,
        leader: Option<(NodeId, Incarnation)>,
        fx: &mut Effects,
    ) {
        let reads = self.take_reads();
        match &self.role {
            Role::Leader(_) => self.wind_election_timer(),
            Role::PreCandidate(_) | Role::Candidate(_) => self.retry_soon_without_leader(),
            Role::Follower(_) => {}
        }
        self.role = Role::Follower(Follower {
            leader,
            contact: self.now,
            verified: self.commit,
            reads: FollowerReads::default(),
        });
        // Refused in the new role, so that the answer does not name the old leader.
        reads.into_iter().for_each(|read| self.refuse_read(read, Refusal::LeadershipLost, fx));
    }

    /// What waits for the role that ends.
    fn take_reads(&mut self) -> Vec<PendingRead> {
        match &mut self.role {
            Role::Leader(leader) => leader.reads.take_all(),
            Role::Follower(follower) => follower.reads.take_all(),
            Role::PreCandidate(_) | Role::Candidate(_) => Vec::new(),
        }
    }

    /// Takes `from` for the leader of this term, which the sender of an append,
    /// heartbeat or snapshot is. Returns `false` if that cannot be.
    pub(crate) fn recognise_leader(
        &mut self,
        from: NodeId,
        incarnation: Incarnation,
        fx: &mut Effects,
    ) -> bool {
        match &mut self.role {
            Role::Leader(_) => {
                self.ignore(from, Ignored::SecondLeader, fx);
                return false;
            }
            Role::Follower(follower) => match follower.leader {
                Some((leader, _)) if leader != from => {
                    self.ignore(from, Ignored::SecondLeader, fx);
                    return false;
                }
                Some(_) => follower.leader = Some((from, incarnation)),
                None => self.become_follower(Some((from, incarnation)), fx),
            },
            Role::PreCandidate(_) | Role::Candidate(_) => {
                if planted!(self.config, StepDownForgetsVote) {
                    self.forget_vote(fx);
                }
                self.become_follower(Some((from, incarnation)), fx);
            }
        }
        #[cfg(feature = "planted-bugs")]
        {
            self.election.remembered = Some(self.ballot.term);
        }
        self.settle_transfer(from, fx);
        self.leader_is_heard(from, incarnation);
        true
    }

    /// The follower's state, if it is one.
    pub(crate) fn follower(&mut self) -> Option<&mut Follower> {
        match &mut self.role {
            Role::Follower(follower) => Some(follower),
            _ => None,
        }
    }

    /// The leader of this term, as far as is known.
    pub(crate) fn known_leader(&self) -> Option<NodeId> {
        match &self.role {
            Role::Leader(_) => Some(self.config.id),
            Role::Follower(follower) => follower.leader.map(|(leader, _)| leader),
            Role::PreCandidate(_) | Role::Candidate(_) => None,
        }
    }
}
