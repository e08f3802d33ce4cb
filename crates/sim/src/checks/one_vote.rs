//! A node votes once in a term, whatever crashes lie between (Raft paper,
//! section 5.2: "each server will vote for at most one candidate in a given term").

use std::collections::BTreeMap;

use raft_core::{Body, NodeId, Term};
use raft_storage::LogWrite;

use super::{Fact, Invariant, Known, Sort};

/// Whom each node voted for in each term, by its messages and by its disk.
#[derive(Debug, Default)]
pub struct OneVote {
    votes: BTreeMap<(NodeId, Term), NodeId>,
}

impl OneVote {
    fn voted(&mut self, node: NodeId, term: Term, whom: NodeId) -> Result<(), String> {
        match *self.votes.entry((node, term)).or_insert(whom) {
            first if first == whom => Ok(()),
            first => Err(format!("{node} votes for {first} and for {whom} in term {term}")),
        }
    }
}

impl Invariant for OneVote {
    fn name(&self) -> &'static str {
        "one vote a term (Raft paper, section 5.2)"
    }

    fn looks_at(&self) -> &'static [Sort] {
        &[Sort::Synced, Sort::Sent]
    }

    fn check(&mut self, known: &Known, fact: &Fact<'_>) -> Result<(), String> {
        match *fact {
            Fact::Sent { message } => match message.body {
                Body::VoteReply { granted: true } => {
                    self.voted(message.from, message.term, message.to)
                }
                Body::Vote { .. } => self.voted(message.from, message.term, message.from),
                _ => Ok(()),
            },
            Fact::Synced { node, group } => {
                let mut last = known.disks.get(&node).map(|disk| disk.ballot).unwrap_or_default();
                for write in group {
                    let LogWrite::Ballot(ballot) = write else { continue };
                    if ballot.term < last.term {
                        return Err(format!("{node} goes back from {last} to {ballot}"));
                    }
                    if ballot.term == last.term && last.vote.is_some() && ballot.vote.is_none() {
                        return Err(format!("{node} takes back its vote: {last}, then {ballot}"));
                    }
                    if let Some(whom) = ballot.vote {
                        self.voted(node, ballot.term, whom)?;
                    }
                    last = *ballot;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use raft_core::Ballot;

    use super::super::testing::{History, fresh, message, vote};
    use super::*;

    const GRANTED: Body = Body::VoteReply { granted: true };

    #[test]
    fn a_second_vote_is_rejected_even_after_a_restart() {
        let mut history = History::of(OneVote::default());
        history.accepts(&Fact::Sent { message: &message(1, 2, 5, GRANTED) });
        history.accepts(&Fact::Sent { message: &message(1, 2, 5, GRANTED) });
        history.accepts(&Fact::Sent { message: &message(1, 3, 6, GRANTED) });
        history.accepts(&Fact::Booted { node: NodeId(1), found: &fresh() });
        history.rejects(&Fact::Sent { message: &message(1, 3, 5, GRANTED) });
    }

    #[test]
    fn a_disk_never_takes_a_vote_or_a_term_back() {
        let mut history = History::of(OneVote::default());
        let bare = |term| LogWrite::Ballot(Ballot { term: Term(term), vote: None });
        history.synced(1, &[bare(2), vote(2, 3)]);
        history.rejects(&Fact::Synced { node: NodeId(1), group: &[bare(2)] });
        history.rejects(&Fact::Synced { node: NodeId(1), group: &[bare(1)] });
        history.rejects(&Fact::Synced { node: NodeId(1), group: &[vote(2, 1)] });
    }
}
