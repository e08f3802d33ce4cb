//! Terms, votes and leaders.

use raft_core::{Ballot, NodeId, RoleName};

use super::{Checker, Live, Verdict, View};

impl Checker {
    /// Election safety: at most one leader a term, over all its lives. It leads only
    /// once its vote for itself is on its own disk, for a crash must not forget it.
    pub(super) fn election_safety(&mut self, view: &View, live: &Live) -> Verdict {
        if live.role != RoleName::Leader {
            return Ok(());
        }
        let id = view.id;
        let first = *self.leaders.entry(live.term).or_insert(id);
        if first != id {
            return Err(format!("election safety: {first} and {id} lead term {}", live.term));
        }
        let own = Ballot { term: live.term, vote: Some(id) };
        if view.disk.ballot != own {
            let found = view.disk.ballot;
            return Err(format!("leader's ballot: {id} leads by {own}, its disk says {found}"));
        }
        Ok(())
    }

    /// A vote on the disk, or told to somebody, is never another one in that term.
    pub(super) fn one_vote(&mut self, id: NodeId, ballot: Ballot) -> Verdict {
        let Some(vote) = ballot.vote else { return Ok(()) };
        let first = *self.votes.entry((id, ballot.term)).or_insert(vote);
        if first != vote {
            return Err(format!(
                "double vote: {id} for {first} and {vote} in term {}",
                ballot.term
            ));
        }
        Ok(())
    }

    /// The term on a disk never goes back, and a core's is never behind it.
    pub(super) fn terms_grow(&mut self, view: &View) -> Verdict {
        let (id, term) = (view.id, view.disk.ballot.term);
        let before = self.terms.insert(id, term).unwrap_or_default();
        if term < before {
            return Err(format!("terms grow: {id} goes from {before} back to {term}"));
        }
        match &view.live {
            Some(live) if live.term < term => {
                Err(format!("terms grow: {id} says {} but its disk says {term}", live.term))
            }
            _ => Ok(()),
        }
    }
}
