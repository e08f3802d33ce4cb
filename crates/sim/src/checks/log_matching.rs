//! Log Matching: two logs that hold an entry of one index and term are the same
//! up to it (Raft paper, figure 3).
//!
//! It holds if everywhere an index and term stand for one content and follow on
//! one and the same entry; that is what is checked, entry by entry.

use std::collections::BTreeMap;

use raft_core::{Entry, Position, Term};
use raft_storage::LogWrite;

use super::known::content_of;
use super::{Fact, Invariant, Known, Sort};

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

    fn looks_at(&self) -> &'static [Sort] {
        &[Sort::Writing]
    }

    fn check(&mut self, known: &Known, fact: &Fact<'_>) -> Result<(), String> {
        let Fact::Writing { node, group } = fact else { return Ok(()) };
        if !group.iter().any(|write| matches!(write, LogWrite::Append(_))) {
            return Ok(());
        }
        let Some(mut disk) = known.disks.get(node).cloned() else { return Ok(()) };
        for write in *group {
            if let LogWrite::Append(entries) = write
                && let Some(first) = entries.first()
                && let Some(mut before) = disk.log.term_at(first.index.prev())
            {
                for entry in entries {
                    self.appended(before, entry)?;
                    before = entry.term;
                }
            }
            disk.write(write)?;
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
    fn what_a_group_itself_replaces_does_not_count() {
        let mut history = History::of(LogMatching::default());
        write(&mut history, 1, vec![entry(1, 1, "a"), entry(3, 2, "b"), entry(3, 3, "c")]);
        let group = [
            LogWrite::Append(vec![entry(1, 1, "a"), entry(2, 2, "x")]),
            LogWrite::Append(vec![entry(3, 2, "b")]),
            LogWrite::Append(vec![entry(3, 3, "c")]),
        ];
        history.accepts(&Fact::Writing { node: NodeId(2), group: &group });
    }

    #[test]
    fn a_replaced_end_is_no_contradiction() {
        let mut history = History::of(LogMatching::default());
        write(&mut history, 1, vec![entry(1, 1, "a"), entry(1, 2, "b")]);
        write(&mut history, 1, vec![entry(2, 2, "c")]);
    }
}
