//! What a node has acknowledged stays on its disk until a later term's leader replaces it
//! (Raft paper, section 5.3: a leader never deletes entries, so none that follows it in
//! its own term has a reason to).
//!
//! A leader counts an acknowledgement for the whole of its term. A follower that loses
//! what it acknowledged within that term, to an old snapshot or a delayed append, makes
//! the leader count a copy that is gone.

use std::collections::BTreeMap;

use raft_core::{Body, Index, NodeId, Term};
use raft_storage::LogWrite;

use super::{Disk, Fact, Invariant, Known, Sort};

/// What each node acknowledged in the latest term in which it did.
#[derive(Debug, Default)]
pub struct KeptPromises {
    acknowledged: BTreeMap<NodeId, (Term, Index)>,
}

impl Invariant for KeptPromises {
    fn name(&self) -> &'static str {
        "what was acknowledged in a term stays in it (Raft paper, section 5.3)"
    }

    fn looks_at(&self) -> &'static [Sort] {
        &[Sort::Writing, Sort::Sent]
    }

    fn check(&mut self, known: &Known, fact: &Fact<'_>) -> Result<(), String> {
        match *fact {
            Fact::Sent { message } => {
                if let Body::AppendAccepted { matched } | Body::SnapshotAck { matched, .. } =
                    message.body
                {
                    self.acknowledges(message.from, message.term, matched);
                }
                Ok(())
            }
            Fact::Writing { node, group } => match known.disks.get(&node) {
                Some(disk) => self.writes(node, disk, group),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }
}

impl KeptPromises {
    fn acknowledges(&mut self, node: NodeId, term: Term, matched: Index) {
        let latest = self.acknowledged.entry(node).or_default();
        *latest = (*latest).max((term, matched));
    }

    /// Whether a group leaves what was acknowledged in the term that it is written in.
    fn writes(&self, node: NodeId, disk: &Disk, group: &[LogWrite]) -> Result<(), String> {
        let Some(&(term, matched)) = self.acknowledged.get(&node) else { return Ok(()) };
        let mut now = disk.ballot.term;
        for write in group {
            let loses = match write {
                LogWrite::Ballot(ballot) => {
                    now = ballot.term;
                    None
                }
                LogWrite::Append(entries) => entries.first().and_then(|first| {
                    let is_other = disk.log.term_at(first.index) != Some(first.term);
                    (first.index <= matched && is_other).then_some(first.index)
                }),
                LogWrite::Reset(meta) => {
                    let end = meta.position.index;
                    (end < matched).then_some(end.next())
                }
                LogWrite::Purge(_) => None,
            };
            if let Some(from) = loses.filter(|_| now == term) {
                return Err(format!(
                    "{node} acknowledged up to {matched} in term {term}, and in that term loses \
                     what it has from {from} on"
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use raft_core::{Position, SnapshotMeta};

    use super::super::testing::{History, entry, membership, message, vote};
    use super::*;

    fn acknowledging(matched: u64) -> History<KeptPromises> {
        let mut history = History::of(KeptPromises::default());
        let log = vec![entry(1, 1, "a"), entry(1, 2, "b"), entry(1, 3, "c")];
        history.synced(2, &[vote(2, 1), LogWrite::Append(log)]);
        let accepted = message(2, 1, 2, Body::AppendAccepted { matched: Index(matched) });
        history.accepts(&Fact::Sent { message: &accepted });
        history
    }

    fn writing(group: &[LogWrite]) -> Fact<'_> {
        Fact::Writing { node: NodeId(2), group }
    }

    #[test]
    fn an_append_over_what_was_acknowledged_is_rejected() {
        let over = [LogWrite::Append(vec![entry(2, 2, "x")])];
        acknowledging(2).rejects(&writing(&over));
        acknowledging(1).accepts(&writing(&over));
        let again = [LogWrite::Append(vec![entry(1, 2, "b")])];
        acknowledging(1).accepts(&writing(&again));
        let later = [vote(3, 3), over[0].clone()];
        acknowledging(2).accepts(&writing(&later));
    }

    #[test]
    fn a_snapshot_short_of_what_was_acknowledged_is_rejected() {
        let reset = |index| {
            let meta = SnapshotMeta { position: Position::new(1, index), membership: membership() };
            [LogWrite::Reset(meta)]
        };
        acknowledging(3).rejects(&writing(&reset(2)));
        acknowledging(3).accepts(&writing(&reset(3)));
    }
}
