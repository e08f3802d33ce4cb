//! A leader was elected by a majority of each set of voters in force, and their
//! votes are on their disks (Raft paper, sections 5.2 and 6).

use std::collections::BTreeSet;

use raft_core::{NodeId, RoleName, Term};

use super::{Fact, Invariant, Known, Sort};

/// Counts the votes on the disks when a leader appears.
#[derive(Debug, Default)]
pub struct ElectionQuorum {
    counted: BTreeSet<(Term, NodeId)>,
}

impl Invariant for ElectionQuorum {
    fn name(&self) -> &'static str {
        "leaders have a quorum of durable votes (Raft paper, sections 5.2 and 6)"
    }

    fn looks_at(&self) -> &'static [Sort] {
        &[Sort::Turned]
    }

    fn check(&mut self, known: &Known, fact: &Fact<'_>) -> Result<(), String> {
        let Fact::Turned { status } = fact else { return Ok(()) };
        let (leader, term) = (status.id, status.ballot.term);
        if status.role != RoleName::Leader || !self.counted.insert((term, leader)) {
            return Ok(());
        }
        let supports = |voter: NodeId| {
            known.disks.get(&voter).is_some_and(|disk| {
                let voted = disk.ballot.term == term && disk.ballot.vote == Some(leader);
                voted || disk.ballot.term > term
            })
        };
        if status.membership.agrees(supports) {
            return Ok(());
        }
        let voters: Vec<NodeId> =
            status.membership.all_voters().filter(|id| supports(*id)).collect();
        Err(format!(
            "{leader} leads term {term} of {}, but only {voters:?} have its vote on their disks",
            status.membership
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{History, status, vote};
    use super::*;

    #[test]
    fn a_leader_by_a_minority_is_rejected() {
        let mut history = History::of(ElectionQuorum::default());
        history.synced(1, &[vote(2, 1)]);
        history.synced(3, &[vote(2, 3)]);
        history.rejects(&Fact::Turned { status: &status(1, RoleName::Leader, 2, 0) });
    }

    #[test]
    fn a_voter_that_moved_on_may_have_voted() {
        let mut history = History::of(ElectionQuorum::default());
        history.synced(1, &[vote(2, 1)]);
        history.synced(3, &[vote(2, 1), vote(3, 3)]);
        history.accepts(&Fact::Turned { status: &status(1, RoleName::Leader, 2, 0) });
    }
}
