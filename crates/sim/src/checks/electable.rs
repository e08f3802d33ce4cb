//! Nobody can be elected any more who lacks what is committed (Raft paper, sections
//! 5.4.1 and 5.4.3: this is what Leader Completeness rests on).
//!
//! If all processes ended at this moment, a node could stand for election on the log
//! and the membership on its disk, and whoever's log is no further could vote for it.
//! None of those who lack a committed entry may find a majority so. That no such node
//! ever does stand is luck, which this does not wait for; and it holds across changes
//! of membership, where it is the overlap of majorities that makes it hold.

use std::collections::BTreeMap;

use raft_core::{LogSummary, NodeId, Position, RoleName, Status};

use super::{Disk, Fact, Invariant, Known};

/// Holds all disks against each other whenever the highest commit index rises.
#[derive(Debug, Default)]
pub struct Electable;

impl Invariant for Electable {
    fn name(&self) -> &'static str {
        "nobody can be elected without what is committed (Raft paper, section 5.4)"
    }

    fn check(&mut self, known: &Known, fact: &Fact<'_>) -> Result<(), String> {
        let Fact::Turned { status } = fact else { return Ok(()) };
        let Some(committed) = newly_committed(known, status) else { return Ok(()) };
        for (node, disk) in &known.disks {
            let lacks = disk.log.last().index < committed.index
                || (disk.log.base().index < committed.index && !disk.log.holds(committed));
            if lacks && can_be_elected(*node, &disk.log, &known.disks) {
                return Err(format!(
                    "{} commits up to {committed}, which {node} lacks; but with its log up to {} \
                     it could still be elected by a majority of {}",
                    status.id,
                    disk.log.last(),
                    disk.log.membership()
                ));
            }
        }
        Ok(())
    }
}

/// What a leader has just committed. Others learn it later.
fn newly_committed(known: &Known, status: &Status) -> Option<Position> {
    let is_news = status.role == RoleName::Leader && status.commit > known.commit;
    is_news.then_some(Position { term: status.ballot.term, index: status.commit })
}

/// Whether a node that started now could win, by the disks alone.
fn can_be_elected(node: NodeId, log: &LogSummary, disks: &BTreeMap<NodeId, Disk>) -> bool {
    let membership = log.membership();
    let may_stand = membership.is_voter(node) || log.membership_before_last().is_voter(node);
    may_stand
        && membership
            .agrees(|voter| disks.get(&voter).is_some_and(|disk| disk.log.last() <= log.last()))
}

#[cfg(test)]
mod tests {
    use raft_core::{Entry, EntryKind, Membership};
    use raft_storage::LogWrite;

    use super::super::testing::{History, entry, status, vote};
    use super::*;

    fn holding(logs: [&[Entry]; 3]) -> History<Electable> {
        let mut history = History::of(Electable);
        for (node, log) in (1..).zip(logs) {
            history.synced(node, &[vote(3, 1), LogWrite::Append(log.to_vec())]);
        }
        history
    }

    fn committing(index: u64) -> Status {
        status(1, RoleName::Leader, 3, index)
    }

    #[test]
    fn a_commit_that_a_majority_lacks_is_rejected() {
        let (old, new) = (entry(1, 1, "a"), entry(3, 2, "b"));
        let (short, long) = (&[old.clone()][..], &[old, new][..]);
        holding([long, long, short]).accepts(&Fact::Turned { status: &committing(2) });
        holding([long, short, short]).rejects(&Fact::Turned { status: &committing(2) });
    }

    #[test]
    fn a_commit_of_an_older_term_is_rejected_where_a_later_one_can_win() {
        let (first, older, later) = (entry(1, 1, "a"), entry(1, 2, "b"), entry(2, 2, "c"));
        let (counted, rival) = (&[first.clone(), older][..], &[first, later][..]);
        let mut history = holding([counted, counted, rival]);
        // The leader of term 3 counts an entry of term 1: the position is not on any disk.
        history.rejects(&Fact::Turned { status: &committing(2) });
    }

    #[test]
    fn a_majority_of_another_membership_is_rejected() {
        let change = |ids: &[u64]| Entry {
            kind: EntryKind::MEMBERSHIP,
            format: Membership::FORMAT,
            payload: Membership::of_voters(ids.iter().copied().map(NodeId)).encode(),
            ..entry(2, 1, "")
        };
        let alone = [change(&[3])];
        let committed = [entry(3, 1, "a")];
        holding([&committed, &committed, &alone]).rejects(&Fact::Turned { status: &committing(1) });
        let not_alone = [change(&[2, 3])];
        holding([&committed, &committed, &not_alone])
            .accepts(&Fact::Turned { status: &committing(1) });
    }
}
