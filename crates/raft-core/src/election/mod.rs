//! Who leads: campaigns, votes, and the ways around waiting for a timeout.
//!
//! A follower that hears nothing asks first whether it would be elected
//! ([`campaign`], thesis, section 9.6) and only then raises its term. Voters
//! refuse while they know their leader to be well ([`vote`], thesis, section
//! 4.2.3). Two things make it faster: a leader that is known to be dead
//! ([`leader_gone`]) and a leader that hands over ([`transfer`], thesis, section
//! 3.10).

mod campaign;
mod leader_gone;
mod transfer;
mod vote;

pub(crate) use leader_gone::Gone;
pub(crate) use transfer::Transfer;

use crate::raft::Raft;
use crate::timer::Jitter;
use crate::types::Time;

/// When to campaign, and why perhaps sooner.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ElectionTimer {
    /// When a follower campaigns, or a candidate gives up its round.
    pub(crate) deadline: Time,
    pub(crate) jitter: Jitter,
    /// The report that the leader's process is gone, as long as it stands.
    pub(crate) gone: Option<Gone>,
    /// The last term in which a leader was heard, for a planted bug that goes by it.
    #[cfg(feature = "planted-bugs")]
    pub(crate) remembered: Option<crate::Term>,
}

impl Raft {
    /// Sets the election deadline to one to one and a half election timeouts from now:
    /// the half is enough to tell candidates apart, and a silent leader is replaced
    /// within two unless votes are split. Done only when the leader is heard, a vote is granted or a round begins (Raft
    /// paper, figure 2), and by whoever stops leading. Not when a term is merely
    /// adopted: a node whose log is too short could stand again and again, and by
    /// its terms alone keep those from standing whose logs are not.
    pub(crate) fn wind_election_timer(&mut self) {
        let timeout = self.config.election_timeout;
        let delay = timeout + self.election.jitter.draw(self.ballot.term, timeout / 2);
        self.election.deadline = self.now.after(delay);
    }
}
