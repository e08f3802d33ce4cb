//! No state is ever ahead of its own log: what is applied is on that node's disk
//! (otherwise a crash leaves a state whose log is lost).

use raft_core::NodeId;

use super::{Fact, Invariant, Known, Sort};

/// Looks at the disk when entries are applied.
#[derive(Debug)]
pub struct AppliedIsDurable;

impl Invariant for AppliedIsDurable {
    fn name(&self) -> &'static str {
        "applied entries are on the node's own disk"
    }

    fn looks_at(&self) -> &'static [Sort] {
        &[Sort::Applying]
    }

    fn check(&mut self, known: &Known, fact: &Fact<'_>) -> Result<(), String> {
        let Fact::Applying { node, entries } = fact else { return Ok(()) };
        let (Some(last), Some(disk)) = (entries.last(), known.disks.get(node)) else {
            return Ok(());
        };
        if disk.log.holds(last.position()) {
            return Ok(());
        }
        Err(ahead(*node, last.position(), disk.log.last()))
    }
}

fn ahead(node: NodeId, applied: raft_core::Position, last: raft_core::Position) -> String {
    format!("{node} applies {applied}, but the log on its disk ends at {last}")
}

#[cfg(test)]
mod tests {
    use raft_storage::LogWrite;

    use super::super::testing::{History, entry};
    use super::*;

    #[test]
    fn applying_ahead_of_the_disk_is_rejected() {
        let mut history = History::of(AppliedIsDurable);
        let entries = [entry(1, 1, "a"), entry(1, 2, "b")];
        history.synced(1, &[LogWrite::Append(entries[..1].to_vec())]);
        history.accepts(&Fact::Applying { node: NodeId(1), entries: &entries[..1] });
        history.rejects(&Fact::Applying { node: NodeId(1), entries: &entries[1..] });
    }
}
