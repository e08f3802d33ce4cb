//! A leader changes the membership only once it has committed an entry of its own term
//! (Ongaro, raft-dev 2015, "bug in single-server membership changes").
//!
//! Before that it does not know what is committed. A change that an earlier leader left
//! in some logs may share no majority with its own, and both may yet be committed.

use raft_core::{Entry, EntryKind, LogSummary};
use raft_storage::LogWrite;

use super::{Fact, Invariant, Known, Sort};

/// Looks at each membership that is written, and at what is committed by then.
#[derive(Debug)]
pub struct ChangesAfterCommit;

impl Invariant for ChangesAfterCommit {
    fn name(&self) -> &'static str {
        "memberships change after a commit of the leader's term (Ongaro, raft-dev 2015)"
    }

    fn looks_at(&self) -> &'static [Sort] {
        &[Sort::Synced]
    }

    fn check(&mut self, known: &Known, fact: &Fact<'_>) -> Result<(), String> {
        let Fact::Synced { node, group } = fact else { return Ok(()) };
        let changes = |write: &LogWrite| matches!(write, LogWrite::Append(entries) if entries.iter().any(is_change));
        if !group.iter().any(changes) {
            return Ok(());
        }
        let Some(mut disk) = known.disks.get(node).cloned() else { return Ok(()) };
        for write in *group {
            disk.write(write)?;
            let LogWrite::Append(entries) = write else { continue };
            for entry in entries.iter().filter(|entry| is_change(entry)) {
                if !has_committed(known, &disk.log, entry) {
                    return Err(format!(
                        "{node} writes the membership {}, and of term {} nothing before it is \
                         committed: {} is",
                        entry.position(),
                        entry.term,
                        known.commit
                    ));
                }
            }
        }
        Ok(())
    }
}

fn is_change(entry: &Entry) -> bool {
    entry.kind == EntryKind::MEMBERSHIP
}

/// Whether an entry of the same term before this one is committed. A log that begins
/// later does not tell.
fn has_committed(known: &Known, log: &LogSummary, entry: &Entry) -> bool {
    let end = known.commit.min(entry.index.prev());
    log.last_at_most(end, entry.term).is_none_or(|at| at.term == entry.term)
}

#[cfg(test)]
mod tests {
    use raft_core::{Membership, NodeId, RoleName};

    use super::super::testing::{History, entry, status, vote};
    use super::*;

    fn change(term: u64, index: u64) -> Entry {
        let membership = Membership::of_voters([1, 2, 3, 4].map(NodeId));
        Entry {
            kind: EntryKind::MEMBERSHIP,
            format: Membership::FORMAT,
            payload: membership.encode(),
            ..entry(term, index, "")
        }
    }

    fn written(commit: u64) -> (History<ChangesAfterCommit>, [LogWrite; 1]) {
        let mut history = History::of(ChangesAfterCommit);
        history.synced(1, &[vote(2, 1), LogWrite::Append(vec![entry(1, 1, "a")])]);
        history.synced(1, &[LogWrite::Append(vec![entry(2, 2, "b")])]);
        history.accepts(&Fact::Turned { status: &status(1, RoleName::Leader, 2, commit) });
        (history, [LogWrite::Append(vec![change(2, 3)])])
    }

    #[test]
    fn a_change_before_the_first_commit_of_its_term_is_rejected() {
        let (mut history, group) = written(1);
        history.rejects(&Fact::Synced { node: NodeId(1), group: &group });
        let (mut history, group) = written(2);
        history.accepts(&Fact::Synced { node: NodeId(1), group: &group });
    }
}
