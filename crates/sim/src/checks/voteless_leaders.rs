//! A leader that has no vote in a committed membership leads no more (Raft paper,
//! section 6: "the leader steps down once it has committed" the configuration that
//! it is not part of). Else it would go on deciding for a cluster that it has left.

use raft_core::RoleName;

use super::{Fact, Invariant, Known, Sort};

/// Looks at each leader after its turns.
#[derive(Debug)]
pub struct VotelessLeaders;

impl Invariant for VotelessLeaders {
    fn name(&self) -> &'static str {
        "leaders have a vote in what they committed (Raft paper, section 6)"
    }

    fn looks_at(&self) -> &'static [Sort] {
        &[Sort::Turned]
    }

    fn check(&mut self, _: &Known, fact: &Fact<'_>) -> Result<(), String> {
        let Fact::Turned { status } = fact else { return Ok(()) };
        let is_settled = status.commit >= status.membership_index;
        if status.role != RoleName::Leader || !is_settled || status.membership.is_voter(status.id) {
            return Ok(());
        }
        Err(format!(
            "{} still leads term {}, but it has committed entry {}, by which the voters are {}",
            status.id, status.ballot.term, status.membership_index, status.membership
        ))
    }
}

#[cfg(test)]
mod tests {
    use raft_core::{Index, Status};

    use super::super::testing::{History, status};
    use super::*;

    #[test]
    fn a_leader_that_left_is_rejected_once_that_is_committed() {
        let mut history = History::of(VotelessLeaders);
        let leaves = Status { membership_index: Index(5), ..status(4, RoleName::Leader, 2, 4) };
        history.accepts(&Fact::Turned { status: &leaves });
        let left = Status { commit: Index(5), ..leaves.clone() };
        history.rejects(&Fact::Turned { status: &left });
        let resigned = Status { role: RoleName::Learner, ..left.clone() };
        history.accepts(&Fact::Turned { status: &resigned });
    }
}
