//! A log store holds after a crash what was synced before it, and of the group
//! that was being written a beginning at most (the contract of
//! [`LogStore::write`](raft_storage::LogStore::write)).

use raft_storage::{LogWrite, RecoveredLog};

use super::{Disk, Fact, Invariant, Known, Sort};

/// Compares what a process finds with what its disk must hold.
#[derive(Debug)]
pub struct DiskKeeps;

impl Invariant for DiskKeeps {
    fn name(&self) -> &'static str {
        "a disk keeps what was synced"
    }

    fn looks_at(&self) -> &'static [Sort] {
        &[Sort::Booted]
    }

    fn check(&mut self, known: &Known, fact: &Fact<'_>) -> Result<(), String> {
        let Fact::Booted { node, found } = fact else { return Ok(()) };
        let Some(disk) = known.disks.get(node) else { return Ok(()) };
        let mut possible = disk.clone();
        if is(&possible, found) {
            return Ok(());
        }
        for write in steps(&disk.in_flight) {
            possible.write(&write)?;
            if is(&possible, found) {
                return Ok(());
            }
        }
        Err(format!(
            "{node} finds {} and a log after {} up to {}; it synced {} and a log after {} up to {}",
            found.ballot,
            found.log.base(),
            found.log.last(),
            disk.ballot,
            disk.log.base(),
            disk.log.last()
        ))
    }
}

fn is(disk: &Disk, found: &RecoveredLog) -> bool {
    disk.ballot == found.ballot && disk.log == found.log
}

/// A group entry by entry.
fn steps(group: &[LogWrite]) -> impl Iterator<Item = LogWrite> {
    group.iter().flat_map(|write| match write {
        LogWrite::Append(entries) => {
            entries.iter().map(|entry| LogWrite::Append(vec![entry.clone()])).collect()
        }
        other => vec![other.clone()],
    })
}

#[cfg(test)]
mod tests {
    use raft_core::NodeId;

    use super::super::testing::{History, entry, fresh, vote};
    use super::*;

    const NODE: NodeId = NodeId(1);

    fn found(writes: &[LogWrite]) -> RecoveredLog {
        let fresh = fresh();
        let mut disk = Disk { ballot: fresh.ballot, log: fresh.log, in_flight: Vec::new() };
        writes.iter().for_each(|write| disk.write(write).expect("the writes fit"));
        let committed = disk.log.base().index;
        RecoveredLog { ballot: disk.ballot, log: disk.log, committed, cut_off_bytes: 0 }
    }

    fn append(entries: &[raft_core::Entry]) -> LogWrite {
        LogWrite::Append(entries.to_vec())
    }

    #[test]
    fn less_than_what_was_synced_is_rejected() {
        let mut history = History::of(DiskKeeps);
        let entries = [entry(1, 1, "a"), entry(1, 2, "b")];
        history.synced(1, &[vote(1, 2), append(&entries)]);
        let less = found(&[vote(1, 2), append(&entries[..1])]);
        history.rejects(&Fact::Booted { node: NODE, found: &less });
        let forgetful = found(&[append(&entries)]);
        history.rejects(&Fact::Booted { node: NODE, found: &forgetful });
        let all = found(&[vote(1, 2), append(&entries)]);
        history.accepts(&Fact::Booted { node: NODE, found: &all });
    }

    #[test]
    fn of_a_group_in_flight_a_beginning_may_be_there() {
        let entries = [entry(1, 1, "a"), entry(1, 2, "b")];
        let group = [vote(1, 2), append(&entries)];
        let begin = || {
            let mut history = History::of(DiskKeeps);
            history.accepts(&Fact::Writing { node: NODE, group: &group });
            history
        };
        for good in [found(&[]), found(&group[..1]), found(&group)] {
            begin().accepts(&Fact::Booted { node: NODE, found: &good });
        }
        begin().rejects(&Fact::Booted { node: NODE, found: &found(&group[1..]) });
    }
}
