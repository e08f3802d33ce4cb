//! From one membership in a log to the next there is always a majority that both
//! share (Raft paper, section 6; thesis, section 4).

use raft_core::{Entry, EntryKind, Membership, NodeId};
use raft_storage::LogWrite;

use super::{Disk, Fact, Invariant, Known, Sort};

/// Compares each membership that is written with the one before it in that log.
#[derive(Debug)]
pub struct MembershipSteps;

impl Invariant for MembershipSteps {
    fn name(&self) -> &'static str {
        "memberships change by safe steps (Raft paper, section 6)"
    }

    fn looks_at(&self) -> &'static [Sort] {
        &[Sort::Synced]
    }

    fn check(&mut self, known: &Known, fact: &Fact<'_>) -> Result<(), String> {
        let Fact::Synced { node, group } = fact else { return Ok(()) };
        if !group.iter().any(holds_membership) {
            return Ok(());
        }
        let Some(disk) = known.disks.get(node) else { return Ok(()) };
        let mut disk = disk.clone();
        group.iter().try_for_each(|write| check_write(*node, &mut disk, write))
    }
}

fn holds_membership(write: &LogWrite) -> bool {
    matches!(write, LogWrite::Append(entries) if entries.iter().any(is_membership))
}

fn is_membership(entry: &Entry) -> bool {
    entry.kind == EntryKind::MEMBERSHIP
}

fn check_write(node: NodeId, disk: &mut Disk, write: &LogWrite) -> Result<(), String> {
    let LogWrite::Append(entries) = write else { return disk.write(write) };
    for entry in entries {
        if is_membership(entry)
            && let Some(before) = disk.log.meta_at(entry.index.prev())
        {
            let next = Membership::decode(entry.format, &entry.payload)
                .map_err(|error| format!("{node}: entry {}: {error}", entry.position()))?;
            check_step(&before.membership, &next).map_err(|why| {
                let (at, before) = (entry.position(), &before.membership);
                format!("{node}: entry {at} goes from {before} to {next}: {why}")
            })?;
        }
        disk.write(&LogWrite::Append(vec![entry.clone()]))?;
    }
    Ok(())
}

fn check_step(before: &Membership, next: &Membership) -> Result<(), &'static str> {
    if !before.removed.is_subset(&next.removed) {
        return Err("a removed id is forgotten");
    }
    if next.members.keys().any(|id| next.removed.contains(id)) {
        return Err("a removed id comes back");
    }
    let changed = before.voters.symmetric_difference(&next.voters).count();
    match (before.is_joint(), next.is_joint()) {
        (false, false) if changed > 1 => Err("several voters change without a joint phase"),
        (false, true) if next.outgoing != before.voters => {
            Err("the outgoing voters are not those of before")
        }
        (true, false) if changed > 0 => Err("the voters change when the joint phase ends"),
        (true, true) if changed > 0 || before.outgoing != next.outgoing => {
            Err("the voters change within the joint phase")
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{History, entry};
    use super::*;

    fn of(ids: &[u64]) -> Membership {
        Membership::of_voters(ids.iter().copied().map(NodeId))
    }

    fn append(index: u64, membership: &Membership) -> [LogWrite; 1] {
        let entry = Entry {
            kind: EntryKind::MEMBERSHIP,
            format: Membership::FORMAT,
            payload: membership.encode(),
            ..entry(1, index, "")
        };
        [LogWrite::Append(vec![entry])]
    }

    #[test]
    fn two_voters_at_once_need_a_joint_phase() {
        let mut history = History::of(MembershipSteps);
        history.synced(1, &append(1, &of(&[1, 2, 3, 4])));
        let next = of(&[1, 2, 3, 4, 5, 6]);
        let group = append(2, &next);
        history.rejects(&Fact::Synced { node: NodeId(1), group: &group });
        let joint = Membership { outgoing: of(&[1, 2, 3, 4]).voters, ..next.clone() };
        history.synced(1, &append(2, &joint));
        history.synced(1, &append(3, &next));
    }

    #[test]
    fn a_removed_id_never_comes_back() {
        let mut history = History::of(MembershipSteps);
        let without = Membership { removed: [NodeId(3)].into(), ..of(&[1, 2]) };
        history.synced(1, &append(1, &without));
        let group = append(2, &of(&[1, 2, 3]));
        history.rejects(&Fact::Synced { node: NodeId(1), group: &group });
    }
}
