//! Election Safety: at most one leader in a term (Raft paper, figure 3).

use std::collections::BTreeMap;

use raft_core::{Body, NodeId, RoleName, Term};

use super::{Fact, Invariant, Known, Sort};

/// Who led each term: who says so, and who sent what only leaders send.
#[derive(Debug, Default)]
pub struct ElectionSafety {
    leaders: BTreeMap<Term, NodeId>,
}

impl Invariant for ElectionSafety {
    fn name(&self) -> &'static str {
        "election safety (Raft paper, figure 3)"
    }

    fn looks_at(&self) -> &'static [Sort] {
        &[Sort::Turned, Sort::Sent]
    }

    fn check(&mut self, _: &Known, fact: &Fact<'_>) -> Result<(), String> {
        let (term, node) = match fact {
            Fact::Turned { status } if status.role == RoleName::Leader => {
                (status.ballot.term, status.id)
            }
            Fact::Sent { message } if is_from_leader(&message.body) => (message.term, message.from),
            _ => return Ok(()),
        };
        match *self.leaders.entry(term).or_insert(node) {
            first if first == node => Ok(()),
            first => Err(format!("{first} and {node} both lead term {term}")),
        }
    }
}

fn is_from_leader(body: &Body) -> bool {
    matches!(body, Body::Append { .. } | Body::Heartbeat { .. } | Body::TimeoutNow)
}

#[cfg(test)]
mod tests {
    use raft_core::{Index, Position, Round};

    use super::super::testing::{History, message, status};
    use super::*;

    #[test]
    fn a_second_leader_of_a_term_is_rejected() {
        let mut history = History::of(ElectionSafety::default());
        history.accepts(&Fact::Turned { status: &status(1, RoleName::Leader, 2, 0) });
        history.accepts(&Fact::Turned { status: &status(2, RoleName::Follower, 2, 0) });
        history.accepts(&Fact::Turned { status: &status(2, RoleName::Leader, 3, 0) });
        history.rejects(&Fact::Turned { status: &status(3, RoleName::Leader, 2, 0) });
    }

    #[test]
    fn a_message_betrays_a_leader_too() {
        let mut history = History::of(ElectionSafety::default());
        let heartbeat = Body::Heartbeat { round: Round(1), commit: Index(0) };
        history.accepts(&Fact::Sent { message: &message(1, 2, 4, heartbeat) });
        let append = Body::Append { prev: Position::ZERO, entries: vec![], commit: Index(0) };
        history.rejects(&Fact::Sent { message: &message(3, 2, 4, append) });
    }
}
