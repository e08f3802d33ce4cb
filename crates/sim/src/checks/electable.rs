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
use raft_storage::LogWrite;

use super::{Disk, Fact, Invariant, Known, Sort};

/// Holds all disks against each other when the highest commit index rises, and when
/// a disk has lost or replaced something.
#[derive(Debug, Default)]
pub struct Electable {
    /// The highest position that a leader has committed.
    committed: Option<Position>,
    /// A disk holds less, or something else, than when it was last looked at.
    is_shaken: bool,
}

impl Invariant for Electable {
    fn name(&self) -> &'static str {
        "nobody can be elected without what is committed (Raft paper, section 5.4)"
    }

    fn looks_at(&self) -> &'static [Sort] {
        &[Sort::Booted, Sort::Synced, Sort::Turned]
    }

    fn check(&mut self, known: &Known, fact: &Fact<'_>) -> Result<(), String> {
        match fact {
            Fact::Booted { .. } => self.is_shaken = true,
            Fact::Synced { node, group } => self.is_shaken |= replaces(known, *node, group),
            Fact::Turned { status } => {
                let news = newly_committed(known, status);
                self.committed = news.or(self.committed);
                let looks = news.is_some() || std::mem::take(&mut self.is_shaken);
                if let Some(committed) = self.committed.filter(|_| looks) {
                    return compare(committed, &known.disks);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// What a leader has just committed. Others learn it later. The entry's term is what
/// its disk says; what is not there yet is the leader's own.
fn newly_committed(known: &Known, status: &Status) -> Option<Position> {
    if status.role != RoleName::Leader || status.commit <= known.commit {
        return None;
    }
    let on_disk = known.disks.get(&status.id).and_then(|disk| disk.log.term_at(status.commit));
    let term = on_disk.unwrap_or(status.ballot.term);
    Some(Position { term, index: status.commit })
}

/// Whether a group takes anything off a disk but the start of its log.
fn replaces(known: &Known, node: NodeId, group: &[LogWrite]) -> bool {
    let last = known.disks.get(&node).map(|disk| disk.log.last().index).unwrap_or_default();
    group.iter().any(|write| match write {
        LogWrite::Append(entries) => entries.first().is_some_and(|first| first.index <= last),
        LogWrite::Reset(_) => true,
        LogWrite::Ballot(_) | LogWrite::Purge(_) => false,
    })
}

/// Whether all who lack what is committed could not win, by the disks alone.
fn compare(committed: Position, disks: &BTreeMap<NodeId, Disk>) -> Result<(), String> {
    for (node, Disk { log, .. }) in disks {
        let lacks = log.base().index < committed.index && !log.holds(committed);
        if lacks && can_be_elected(*node, log, disks) {
            return Err(format!(
                "{committed} is committed and {node} lacks it; but with its log up to {} it \
                 could still be elected by a majority of {}",
                log.last(),
                log.membership()
            ));
        }
    }
    Ok(())
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
    use super::super::testing::{History, entry, status, vote};
    use super::*;
    use raft_core::{Entry, EntryKind, Membership};

    fn holding(logs: [&[Entry]; 3]) -> History<Electable> {
        let mut history = History::of(Electable::default());
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
        // The leader of term 3 counts an entry of term 1.
        history.rejects(&Fact::Turned { status: &committing(2) });
    }

    #[test]
    fn what_is_committed_must_not_be_taken_off_a_majority_later() {
        let (old, new) = (entry(1, 1, "a"), entry(3, 2, "b"));
        let (short, long) = (&[old.clone()][..], &[old.clone(), new][..]);
        let mut history = holding([long, long, short]);
        history.accepts(&Fact::Turned { status: &committing(2) });
        history.synced(2, &[LogWrite::Append(vec![old])]);
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
