//! What is committed lies on the disks of a majority of each set of voters in
//! force, and the last of it is of the committing leader's own term (Raft paper,
//! sections 5.3, 5.4.2 and 6).

use std::collections::BTreeMap;

use raft_core::{Membership, NodeId, Position, RoleName, Status};

use super::{Fact, Invariant, Known, Sort};

/// Looks at all disks whenever the highest commit index rises.
#[derive(Debug, Default)]
pub struct CommitQuorum {
    /// What each node had in force after its turn before: a leader may have
    /// appended another membership in the very turn in which it committed.
    memberships: BTreeMap<NodeId, Membership>,
}

impl Invariant for CommitQuorum {
    fn name(&self) -> &'static str {
        "commits have a quorum of durable copies (Raft paper, sections 5.4.2 and 6)"
    }

    fn looks_at(&self) -> &'static [Sort] {
        &[Sort::Turned]
    }

    fn check(&mut self, known: &Known, fact: &Fact<'_>) -> Result<(), String> {
        let Fact::Turned { status } = fact else { return Ok(()) };
        let before = match self.memberships.get(&status.id) {
            Some(same) if *same == status.membership => None,
            _ => self.memberships.insert(status.id, status.membership.clone()),
        };
        if status.commit <= known.commit {
            return Ok(());
        }
        let memberships = [Some(&status.membership), before.as_ref()];
        let mut memberships = memberships.into_iter().flatten();
        let positions = candidates(known, status);
        let has_quorum = |membership: &Membership| {
            positions.iter().any(|position| {
                membership.agrees(|voter| {
                    known.disks.get(&voter).is_some_and(|disk| disk.log.holds(*position))
                })
            })
        };
        if memberships.any(has_quorum) {
            return Ok(());
        }
        Err(format!(
            "{} ({}) commits up to {}, which is not, as an entry of its own term {}, on the disks \
             of a majority of {}",
            status.id, status.role, status.commit, status.ballot.term, status.membership
        ))
    }
}

/// The positions that may have been committed: that of the leader's own term, or
/// of any term before if it stepped down in the very turn in which it committed.
fn candidates(known: &Known, status: &Status) -> Vec<Position> {
    let index = status.commit;
    if status.role == RoleName::Leader {
        return vec![Position { term: status.ballot.term, index }];
    }
    let terms = known.disks.values().filter_map(|disk| disk.log.term_at(index));
    terms.map(|term| Position { term, index }).collect()
}

#[cfg(test)]
mod tests {
    use raft_storage::LogWrite;

    use super::super::testing::{History, entry, status, vote};
    use super::*;

    #[test]
    fn a_commit_without_a_majority_of_disks_is_rejected() {
        let mut history = History::of(CommitQuorum::default());
        let leader = status(1, RoleName::Leader, 2, 1);
        let group = [vote(2, 1), LogWrite::Append(vec![entry(2, 1, "a")])];
        history.synced(1, &group);
        history.rejects(&Fact::Turned { status: &leader });
        history.synced(3, &group);
        history.accepts(&Fact::Turned { status: &leader });
    }

    #[test]
    fn a_commit_of_an_older_term_by_counting_is_rejected() {
        let mut history = History::of(CommitQuorum::default());
        for node in 1..=3 {
            history.synced(node, &[vote(3, 1), LogWrite::Append(vec![entry(2, 1, "a")])]);
        }
        history.rejects(&Fact::Turned { status: &status(1, RoleName::Leader, 3, 1) });
    }
}
