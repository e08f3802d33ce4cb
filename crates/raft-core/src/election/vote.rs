//! Granting and refusing votes.

use crate::effect::{Effect, Effects, Ignored};
use crate::message::Body;
use crate::planted::planted;
use crate::raft::Raft;
use crate::raft_role::Role;
use crate::types::{NodeId, Position, Term};

impl Raft {
    /// Would this node vote for the sender? Changes nothing, whatever the answer,
    /// except that a pre-candidate may step aside.
    pub(crate) fn on_pre_vote(
        &mut self,
        from: NodeId,
        next: Term,
        last: Position,
        fx: &mut Effects,
    ) {
        let refuses = self.refuses_for_its_leader(from, fx);
        let granted = !refuses && next > self.ballot.term && self.is_up_to_date(last);
        if granted {
            self.yield_to(from, last, fx);
        }
        self.send(from, Body::PreVoteReply { next, granted }, fx);
    }

    /// RequestVote (Raft paper, section 5.2, with the restriction of 5.4.1). The
    /// term is at least one's own. A node that is loyal to its leader does not
    /// even adopt the term: otherwise a node cut off from the rest would depose
    /// the leader on its return (thesis, section 4.2.3).
    pub(crate) fn on_vote(
        &mut self,
        from: NodeId,
        term: Term,
        last: Position,
        transfer: bool,
        fx: &mut Effects,
    ) {
        if !transfer && self.refuses_for_its_leader(from, fx) {
            self.send(from, Body::VoteReply { granted: false }, fx);
            return;
        }
        let is_new_term = term > self.ballot.term;
        let is_free = is_new_term || (self.ballot.vote.is_none() && self.known_leader().is_none());
        let again = !is_new_term && self.ballot.vote == Some(from);
        let granted = (is_free || again) && self.is_up_to_date(last);
        if is_new_term || (granted && !again) {
            // The new term and the vote in it are one record.
            self.write_ballot(term, Some(from).filter(|_| granted), fx);
            self.become_follower(None, fx);
        }
        if granted {
            self.wind_election_timer();
            self.send_durable(from, Body::VoteReply { granted }, fx);
        } else {
            self.send(from, Body::VoteReply { granted }, fx);
        }
    }

    fn is_up_to_date(&self, last: Position) -> bool {
        last >= self.log.summary().last()
    }

    /// Whether this node leads, or has a leader that it has no reason to doubt.
    /// If it only believes so, it finds out at once whether that is still true.
    fn refuses_for_its_leader(&self, from: NodeId, fx: &mut Effects) -> bool {
        if planted!(self.config, DisloyalToLeaders) {
            return false;
        }
        #[cfg(feature = "planted-bugs")]
        if planted!(self.config, RemembersDeadLeader)
            && self.election.remembered == Some(self.ballot.term)
        {
            return true;
        }
        let refuses = match &self.role {
            Role::Leader(_) => true,
            Role::Follower(follower) => match follower.leader {
                Some((leader, _)) => {
                    let loyal_until = follower.contact.after(self.config.election_timeout);
                    let is_well = self.election.gone.is_none() && self.now < loyal_until;
                    if is_well {
                        fx.push(Effect::Probe(leader));
                    }
                    is_well
                }
                None => false,
            },
            Role::PreCandidate(_) | Role::Candidate(_) => false,
        };
        if refuses {
            self.ignore(from, Ignored::LeaderIsWell, fx);
        }
        refuses
    }
}
