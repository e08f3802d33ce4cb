//! Log Matching: two logs that hold an entry of one index and term are the same
//! up to it (Raft paper, figure 3).
//!
//! It holds if everywhere an index and term stand for one content and follow on
//! one and the same entry; that is what is checked, entry by entry.

use std::collections::BTreeMap;

use raft_core::{Entry, Position, Term};
use raft_storage::LogWrite;

use super::known::content_of;
use super::{Fact, Invariant, Known};

/// What each position holds, and the term of the entry before it.
#[derive(Debug, Default)]
pub struct LogMatching {
    entries: BTreeMap<Position, (Term, u64)>,
}

impl LogMatching {
    fn appended(&mut self, before: Term, entry: &Entry) -> Result<(), String> {
        let found = (before, content_of(entry));
        match *self.entries.entry(entry.position()).or_insert(found) {
            first if first == found => Ok(()),
            (first, _) if first != before => Err(format!(
                "entry {} follows on term {first} on one disk and on term {before} on another",
                entry.position()
            )),
            _ => Err(format!("two disks hold different entries {}", entry.position())),
        }
    }
}

impl Invariant for LogMatching {
    fn name(&self) -> &'static str {
        "log matching (Raft paper, figure 3)"
    }

    fn check(&mut self, known: &Known, fact: &Fact<'_>) -> Result<(), String> {
        let Fact::Writing { node, group } = fact else { return Ok(()) };
        let Some(disk) = known.disks.get(node) else { return Ok(()) };
        // Where the writes of the group have got the log to so far.
        let mut before = disk.log.last();
        for write in *group {
            match write {
                LogWrite::Append(entries) => {
                    if let Some(first) = entries.first().filter(|e| e.index <= before.index) {
                        let index = first.index.prev();
                        let Some(term) = disk.log.term_at(index) else { continue };
                        before = Position { term, index };
                    }
                    for entry in entries {
                        self.appended(before.term, entry)?;
                        before = entry.position();
                    }
                }
                LogWrite::Reset(meta) => before = meta.position,
                LogWrite::Ballot(_) | LogWrite::Purge(_) => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use raft_core::NodeId;

    use super::super::testing::{History, entry};
    use super::*;

    fn write(history: &mut History<LogMatching>, node: u64, entries: Vec<Entry>) {
        let group = [LogWrite::Append(entries)];
        history.accepts(&Fact::Writing { node: NodeId(node), group: &group });
        history.synced(node, &group);
    }

    #[test]
    fn another_content_at_a_position_is_rejected() {
        let mut history = History::of(LogMatching::default());
        write(&mut history, 1, vec![entry(1, 1, "a"), entry(1, 2, "b")]);
        write(&mut history, 2, vec![entry(1, 1, "a")]);
        let group = [LogWrite::Append(vec![entry(1, 2, "c")])];
        history.rejects(&Fact::Writing { node: NodeId(2), group: &group });
    }

    #[test]
    fn another_predecessor_is_rejected() {
        let mut history = History::of(LogMatching::default());
        write(&mut history, 1, vec![entry(1, 1, "a"), entry(3, 2, "b")]);
        write(&mut history, 2, vec![entry(2, 1, "x")]);
        let group = [LogWrite::Append(vec![entry(3, 2, "b")])];
        history.rejects(&Fact::Writing { node: NodeId(2), group: &group });
    }

    #[test]
    fn a_replaced_end_is_no_contradiction() {
        let mut history = History::of(LogMatching::default());
        write(&mut history, 1, vec![entry(1, 1, "a"), entry(1, 2, "b")]);
        write(&mut history, 1, vec![entry(2, 2, "c")]);
    }
}
