//! What a message promises is on the sender's disk when it leaves (Raft paper,
//! figure 2: "updated on stable storage before responding to RPCs").

use raft_core::{Ballot, Body, Index, Term};

use super::{Disk, Fact, Invariant, Known, Sort};

/// Compares each message with its sender's disk.
#[derive(Debug)]
pub struct DurablePromises;

impl Invariant for DurablePromises {
    fn name(&self) -> &'static str {
        "promises are durable (Raft paper, figure 2)"
    }

    fn looks_at(&self) -> &'static [Sort] {
        &[Sort::Sent]
    }

    fn check(&mut self, known: &Known, fact: &Fact<'_>) -> Result<(), String> {
        let Fact::Sent { message } = fact else { return Ok(()) };
        let Some(disk) = known.disks.get(&message.from) else {
            return Err(format!("{message} comes from a node that never started"));
        };
        let voted = |vote| keeps(disk, Ballot { term: message.term, vote: Some(vote) });
        let kept = match &message.body {
            Body::VoteReply { granted: true } => voted(message.to),
            Body::Vote { .. } => voted(message.from),
            Body::AppendAccepted { matched } | Body::SnapshotAck { matched, .. } => {
                holds(disk, message.term, *matched)
            }
            _ => true,
        };
        if kept {
            return Ok(());
        }
        let (ballot, last) = (disk.ballot, disk.log.last());
        Err(format!("{message}, while the sender's disk holds {ballot} and a log up to {last}"))
    }
}

/// Whether the disk holds this ballot or has moved on to a later term.
fn keeps(disk: &Disk, ballot: Ballot) -> bool {
    disk.ballot == ballot || disk.ballot.term > ballot.term
}

fn holds(disk: &Disk, term: Term, matched: Index) -> bool {
    disk.ballot.term >= term && disk.log.last().index >= matched
}

#[cfg(test)]
mod tests {
    use raft_core::Position;
    use raft_storage::LogWrite;

    use super::super::testing::{History, entry, message, vote};
    use super::*;

    #[test]
    fn a_vote_that_is_not_on_the_disk_is_rejected() {
        let mut history = History::of(DurablePromises);
        let granted = message(1, 2, 3, Body::VoteReply { granted: true });
        history.rejects(&Fact::Sent { message: &granted });
        history.synced(1, &[vote(3, 2)]);
        history.accepts(&Fact::Sent { message: &granted });
        let other = message(1, 3, 3, Body::VoteReply { granted: true });
        history.rejects(&Fact::Sent { message: &other });
        let asks = Body::Vote { last: Position::ZERO, transfer: false };
        history.rejects(&Fact::Sent { message: &message(2, 1, 3, asks) });
    }

    #[test]
    fn an_acknowledgement_of_what_is_not_on_the_disk_is_rejected() {
        let mut history = History::of(DurablePromises);
        let accepted = message(1, 2, 3, Body::AppendAccepted { matched: Index(2) });
        history.synced(1, &[vote(3, 2), LogWrite::Append(vec![entry(3, 1, "a")])]);
        history.rejects(&Fact::Sent { message: &accepted });
        history.synced(1, &[LogWrite::Append(vec![entry(3, 2, "b")])]);
        history.accepts(&Fact::Sent { message: &accepted });
        let later = message(1, 2, 4, Body::AppendAccepted { matched: Index(0) });
        assert!(history.rejects(&Fact::Sent { message: &later }).contains("term 3"));
    }
}
