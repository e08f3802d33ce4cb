//! Leader Completeness: what is committed in a term is in the logs of the leaders
//! of all later terms (Raft paper, figure 3 and section 5.4).

use std::collections::BTreeSet;

use raft_core::{NodeId, RoleName, Term};

use super::{Fact, Invariant, Known, Sort};

/// Looks into each new leader's log. A candidate asks for votes only after all
/// of its log is on its disk, so the disk is where to look.
#[derive(Debug, Default)]
pub struct LeaderCompleteness {
    seen: BTreeSet<(Term, NodeId)>,
}

impl Invariant for LeaderCompleteness {
    fn name(&self) -> &'static str {
        "leader completeness (Raft paper, figure 3)"
    }

    fn looks_at(&self) -> &'static [Sort] {
        &[Sort::Turned]
    }

    fn check(&mut self, known: &Known, fact: &Fact<'_>) -> Result<(), String> {
        let Fact::Turned { status } = fact else { return Ok(()) };
        let (leader, term) = (status.id, status.ballot.term);
        if status.role != RoleName::Leader || !self.seen.insert((term, leader)) {
            return Ok(());
        }
        // By log matching the last such entry stands for all before it.
        let last = known.committed.iter().rev().find(|entry| entry.by_term < term);
        let (Some(last), Some(disk)) = (last, known.disks.get(&leader)) else { return Ok(()) };
        let purged = disk.log.base().index >= last.position.index;
        if purged || disk.log.holds(last.position) {
            return Ok(());
        }
        Err(format!(
            "{leader} leads term {term} without entry {}, which was committed in term {} or \
             before; its log ends at {}",
            last.position,
            last.by_term,
            disk.log.last()
        ))
    }
}

#[cfg(test)]
mod tests {
    use raft_storage::LogWrite;

    use super::super::testing::{History, entry, status, vote};
    use super::*;

    #[test]
    fn a_leader_without_a_committed_entry_is_rejected() {
        let mut history = History::of(LeaderCompleteness::default());
        let entries = [entry(1, 1, "a")];
        for node in [1, 2] {
            history.synced(node, &[vote(1, 1), LogWrite::Append(entries.to_vec())]);
        }
        history.accepts(&Fact::Turned { status: &status(1, RoleName::Leader, 1, 1) });
        history.accepts(&Fact::Applying { node: NodeId(1), entries: &entries });
        history.accepts(&Fact::Turned { status: &status(2, RoleName::Leader, 2, 0) });
        history.rejects(&Fact::Turned { status: &status(3, RoleName::Leader, 3, 0) });
    }
}
