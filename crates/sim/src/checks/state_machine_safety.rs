//! State Machine Safety: at one index all nodes apply the same entry (Raft paper,
//! figure 3), in order and without a gap.

use std::collections::BTreeMap;

use raft_core::{Entry, Index, NodeId};

use super::known::content_of;
use super::{Fact, Invariant, Known, Sort};

/// How far each node's state is.
#[derive(Debug, Default)]
pub struct StateMachineSafety {
    applied: BTreeMap<NodeId, Index>,
}

impl Invariant for StateMachineSafety {
    fn name(&self) -> &'static str {
        "state machine safety (Raft paper, figure 3)"
    }

    fn looks_at(&self) -> &'static [Sort] {
        &[Sort::Booted, Sort::Applying, Sort::Installed]
    }

    fn check(&mut self, known: &Known, fact: &Fact<'_>) -> Result<(), String> {
        match *fact {
            Fact::Booted { node, .. } => {
                self.applied.remove(&node);
                Ok(())
            }
            Fact::Applying { node, entries } => self.applying(known, node, entries),
            Fact::Installed { node, meta } => {
                let index = meta.position.index;
                self.applied.insert(node, index);
                match known.committed_at(index) {
                    Some(committed) if committed.position == meta.position => Ok(()),
                    None if index == Index::ZERO => Ok(()),
                    Some(committed) => Err(format!(
                        "{node} installs a snapshot up to {}, but {} was applied",
                        meta.position, committed.position
                    )),
                    None => Err(format!(
                        "{node} installs a snapshot up to {}, which nobody has applied",
                        meta.position
                    )),
                }
            }
            _ => Ok(()),
        }
    }
}

impl StateMachineSafety {
    fn applying(&mut self, known: &Known, node: NodeId, entries: &[Entry]) -> Result<(), String> {
        let mut upto = known.last_applied();
        for entry in entries {
            if let Some(last) = self.applied.insert(node, entry.index)
                && entry.index != last.next()
            {
                return Err(format!("{node} applies {} after {last}", entry.index));
            }
            match known.committed_at(entry.index) {
                Some(first) if first.position != entry.position() => {
                    return Err(format!(
                        "{node} applies {} where {} was applied",
                        entry.position(),
                        first.position
                    ));
                }
                Some(first) if first.content != content_of(entry) => {
                    return Err(format!(
                        "{node} applies another content of {} than others",
                        entry.position()
                    ));
                }
                Some(_) => {}
                None if entry.index == upto.next() => upto = entry.index,
                None => return Err(format!("{node} applies {} with a gap", entry.index)),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use raft_core::SnapshotMeta;
    use raft_core::{Membership, Position};

    use super::super::testing::{History, entry};
    use super::*;

    fn applied(history: &mut History<StateMachineSafety>, node: u64, entries: &[Entry]) {
        history.accepts(&Fact::Applying { node: NodeId(node), entries });
    }

    #[test]
    fn another_entry_at_an_index_is_rejected() {
        let mut history = History::of(StateMachineSafety::default());
        applied(&mut history, 1, &[entry(1, 1, "a"), entry(2, 2, "b")]);
        applied(&mut history, 2, &[entry(1, 1, "a")]);
        for other in [entry(2, 2, "c"), entry(3, 2, "b"), entry(2, 3, "b")] {
            let mut again = History {
                known: std::mem::take(&mut history.known),
                invariant: StateMachineSafety::default(),
            };
            applied(&mut again, 2, &[entry(1, 1, "a")]);
            again.rejects(&Fact::Applying { node: NodeId(2), entries: &[other] });
            history.known = again.known;
        }
        history.rejects(&Fact::Applying { node: NodeId(1), entries: &[entry(2, 2, "b")] });
    }

    #[test]
    fn a_snapshot_of_what_was_never_applied_is_rejected() {
        let mut history = History::of(StateMachineSafety::default());
        applied(&mut history, 1, &[entry(1, 1, "a")]);
        let meta = |term, index| SnapshotMeta {
            position: Position::new(term, index),
            membership: Membership::default(),
        };
        history.accepts(&Fact::Installed { node: NodeId(2), meta: &meta(1, 1) });
        history.rejects(&Fact::Installed { node: NodeId(2), meta: &meta(2, 1) });
        history.rejects(&Fact::Installed { node: NodeId(2), meta: &meta(1, 2) });
    }
}
