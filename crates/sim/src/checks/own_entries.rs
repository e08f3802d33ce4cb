//! A leader sends what is in its own log, and follows on what is in it (Raft paper,
//! figure 2: AppendEntries). What it read from its disk for a slow follower may have been
//! replaced before it is sent.

use raft_core::{Body, Position};

use super::{Fact, Invariant, Known, Sort};

/// Compares each append with its sender's disk. In office a leader replaces nothing, and
/// all that it replaced before is on its disk; so that tells, as far as it goes.
#[derive(Debug)]
pub struct OwnEntries;

impl Invariant for OwnEntries {
    fn name(&self) -> &'static str {
        "leaders send what is in their logs (Raft paper, figure 2)"
    }

    fn looks_at(&self) -> &'static [Sort] {
        &[Sort::Sent]
    }

    fn check(&mut self, known: &Known, fact: &Fact<'_>) -> Result<(), String> {
        let Fact::Sent { message } = fact else { return Ok(()) };
        let Body::Append { prev, entries, .. } = &message.body else { return Ok(()) };
        let Some(disk) = known.disks.get(&message.from) else { return Ok(()) };
        let is_other = |at: &Position| {
            let there = disk.log.term_at(at.index);
            there.is_some_and(|term| term != at.term)
        };
        let positions = entries.iter().map(|entry| entry.position());
        match [*prev].into_iter().chain(positions).find(is_other) {
            None => Ok(()),
            Some(at) => {
                Err(format!("{message} holds {at}, which is not what its sender's disk holds"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use raft_core::Index;
    use raft_storage::LogWrite;

    use super::super::testing::{History, entry, message, vote};
    use super::*;

    #[test]
    fn an_entry_that_was_replaced_is_rejected() {
        let mut history = History::of(OwnEntries);
        let log = vec![entry(1, 1, "a"), entry(2, 2, "b")];
        history.synced(1, &[vote(2, 1), LogWrite::Append(log.clone())]);
        let sends = |prev, entries| {
            let body = Body::Append { prev, entries, commit: Index(0) };
            message(1, 2, 2, body)
        };
        let own = sends(Position::new(1, 1), vec![entry(2, 2, "b"), entry(2, 3, "c")]);
        history.accepts(&Fact::Sent { message: &own });
        let replaced = sends(Position::new(1, 1), vec![entry(1, 2, "x")]);
        history.rejects(&Fact::Sent { message: &replaced });
        let other = sends(Position::new(1, 2), vec![entry(2, 3, "c")]);
        history.rejects(&Fact::Sent { message: &other });
    }
}
