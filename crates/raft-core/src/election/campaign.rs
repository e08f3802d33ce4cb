//! Standing for election.

use crate::effect::{Effect, Effects, Ignored};
use crate::invariant::invariant;
use crate::membership::Membership;
use crate::message::Body;
use crate::planted::planted;
use crate::raft::Raft;
use crate::raft_role::{Campaign, Role};
use crate::types::{Ballot, NodeId, Position, Term};

impl Raft {
    /// The election deadline has passed.
    pub(crate) fn campaign_or_wait(&mut self, fx: &mut Effects) {
        if self.disk_is_sick() {
            // Whoever cannot write cannot lead (rule 12).
            self.wind_election_timer();
        } else if self.config.pre_vote && !planted!(self.config, DisloyalToLeaders) {
            self.pre_campaign(fx);
        } else {
            self.campaign(false, fx);
        }
    }

    /// Asks whether it would be elected. Changes no term and promises nothing,
    /// so the requests go at once.
    fn pre_campaign(&mut self, fx: &mut Effects) {
        self.become_follower(None, fx);
        self.wind_election_timer();
        // Answers to a question count whichever round they come from.
        self.retry_soon_without_leader();
        let mut campaign = Campaign::default();
        campaign.votes.insert(self.config.id, true);
        self.role = Role::PreCandidate(campaign);
        let body = Body::PreVote { next: self.ballot.term.next(), last: self.log.summary().last() };
        self.ask_voters(body, Raft::send, fx);
        self.tally(fx);
    }

    /// Stands for election in the next term. The requests wait for the own
    /// ballot: a candidate that wins, crashes before its ballot is on the disk and
    /// stands in the same term again could lead that term twice.
    pub(crate) fn campaign(&mut self, transfer: bool, fx: &mut Effects) {
        self.become_follower(None, fx);
        self.wind_election_timer();
        self.write_ballot(self.ballot.term.next(), Some(self.config.id), fx);
        let ballot_written = self.log.ledger().last_issued();
        self.role = Role::Candidate(Campaign { ballot_written, ..Campaign::default() });
        let body = Body::Vote { last: self.log.summary().last(), transfer };
        if planted!(self.config, CandidateBeforeDurable) {
            self.ask_voters(body, Raft::send, fx);
            self.count_own_vote(fx);
            return;
        }
        self.ask_voters(body, Raft::send_durable, fx);
    }

    /// Writes term and vote as one record. A higher term voids what still waits
    /// to be said in the old one.
    pub(crate) fn write_ballot(&mut self, term: Term, vote: Option<NodeId>, fx: &mut Effects) {
        invariant!(term >= self.ballot.term, "the term never decreases");
        let keeps_vote = self.ballot.vote.is_none() || self.ballot.vote == vote;
        invariant!(term > self.ballot.term || keeps_vote, "one vote a term");
        if term > self.ballot.term {
            self.outbox.clear();
        }
        if planted!(self.config, VoteBeforeTerm) && term > self.ballot.term && vote.is_some() {
            let write = self.log.write_ballot(self.now, Ballot { vote, ..self.ballot });
            fx.push(Effect::Persist(write));
        }
        self.ballot = Ballot { term, vote };
        let write = self.log.write_ballot(self.now, self.ballot);
        fx.push(Effect::Persist(write));
    }

    /// The own ballot is durable: a candidate's own vote counts from here on.
    pub(crate) fn count_own_vote(&mut self, fx: &mut Effects) {
        let Role::Candidate(campaign) = &mut self.role else { return };
        let may_act = self.log.ledger().is_persisted(campaign.ballot_written)
            || planted!(self.config, CandidateBeforeDurable);
        if may_act && campaign.votes.insert(self.config.id, true).is_none() {
            self.tally(fx);
        }
    }

    /// The answer to a pre-vote.
    pub(crate) fn on_pre_vote_reply(
        &mut self,
        from: NodeId,
        next: Term,
        granted: bool,
        fx: &mut Effects,
    ) {
        match &mut self.role {
            Role::PreCandidate(campaign) if next == self.ballot.term.next() => {
                campaign.votes.entry(from).or_insert(granted);
                self.tally(fx);
            }
            _ => self.ignore(from, Ignored::Stale, fx),
        }
    }

    /// The answer to a vote request.
    pub(crate) fn on_vote_reply(&mut self, from: NodeId, granted: bool, fx: &mut Effects) {
        let is_persisted = |seq| {
            self.log.ledger().is_persisted(seq) || planted!(self.config, CandidateBeforeDurable)
        };
        match &mut self.role {
            // Before the own ballot is durable nobody was asked, so nobody can have
            // granted anything.
            Role::Candidate(campaign) if is_persisted(campaign.ballot_written) => {
                campaign.votes.entry(from).or_insert(granted);
                self.tally(fx);
            }
            _ => self.ignore(from, Ignored::Stale, fx),
        }
    }

    /// Gives up a pre-vote round in favour of a better candidate, so that two
    /// that stand at the same moment do not split the vote.
    pub(crate) fn yield_to(&mut self, other: NodeId, last: Position, fx: &mut Effects) {
        let own = (self.log.summary().last(), std::cmp::Reverse(self.config.id));
        let is_better = (last, std::cmp::Reverse(other)) > own;
        if is_better && matches!(self.role, Role::PreCandidate(_)) {
            self.become_follower(None, fx);
            self.wind_election_timer();
        }
    }

    fn ask_voters(
        &mut self,
        body: Body,
        send: impl Fn(&mut Raft, NodeId, Body, &mut Effects),
        fx: &mut Effects,
    ) {
        let own = self.config.id;
        let voters: Vec<NodeId> = self.electorate().all_voters().collect();
        voters.into_iter().filter(|id| *id != own).for_each(|id| send(self, id, body.clone(), fx));
    }

    /// Whose votes count: by the last membership in the log, committed, applied or not.
    pub(crate) fn electorate(&self) -> &Membership {
        let summary = self.log.summary();
        if planted!(self.config, ElectsByApplied) {
            return summary.membership_at(self.apply.applied().max(summary.base().index));
        }
        summary.membership()
    }

    /// Draws the conclusion from the votes so far.
    fn tally(&mut self, fx: &mut Effects) {
        let (campaign, stands) = match &self.role {
            Role::PreCandidate(campaign) => (campaign, false),
            Role::Candidate(campaign) => (campaign, true),
            Role::Follower(_) | Role::Leader(_) => return,
        };
        let membership = self.electorate();
        let won = membership.agrees(|id| campaign.votes.get(&id) == Some(&true));
        let lost = !membership.can_agree(|id| campaign.votes.get(&id) == Some(&false));
        match (won, stands) {
            (true, true) => self.become_leader(fx),
            (true, false) => self.campaign(false, fx),
            (false, _) if lost => self.become_follower(None, fx),
            (false, _) => {}
        }
    }
}
