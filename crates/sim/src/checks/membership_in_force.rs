//! The membership in force is that of the last membership entry in the log, or that
//! of the snapshot which the log begins after (Raft paper, section 6: "a server
//! always uses the latest configuration in its log, regardless of whether the entry
//! is committed").

use raft_core::Status;

use super::{Disk, Fact, Invariant, Known, Sort};

/// Compares what a node goes by with what lies on its disk, whenever nothing is on
/// its way there.
#[derive(Debug)]
pub struct MembershipInForce;

impl Invariant for MembershipInForce {
    fn name(&self) -> &'static str {
        "the membership in force is the last one in the log (Raft paper, section 6)"
    }

    fn looks_at(&self) -> &'static [Sort] {
        &[Sort::Turned]
    }

    fn check(&mut self, known: &Known, fact: &Fact<'_>) -> Result<(), String> {
        let Fact::Turned { status } = fact else { return Ok(()) };
        let Some(disk) = known.disks.get(&status.id) else { return Ok(()) };
        if !is_all_written(status, disk) || disk.log.membership() == &status.membership {
            return Ok(());
        }
        Err(format!(
            "{} goes by {}, but the last one in its log is {}",
            status.id,
            status.membership,
            disk.log.membership()
        ))
    }
}

/// Whether the node's log and its disk's are the same, as far as their ends tell.
fn is_all_written(status: &Status, disk: &Disk) -> bool {
    status.durable == status.last.index
        && disk.log.last() == status.last
        && disk.log.base() == status.base
        && disk.in_flight.is_empty()
}

#[cfg(test)]
mod tests {
    use raft_core::{Entry, EntryKind, Index, Membership, NodeId, Position, RoleName};
    use raft_storage::LogWrite;

    use super::super::testing::{History, entry, status, vote};
    use super::*;

    #[test]
    fn a_membership_that_is_not_in_the_log_is_rejected() {
        let pair = Membership::of_voters([1, 2].map(NodeId));
        let change = Entry {
            kind: EntryKind::MEMBERSHIP,
            format: Membership::FORMAT,
            payload: pair.encode(),
            ..entry(1, 1, "")
        };
        let mut history = History::of(MembershipInForce);
        history.synced(1, &[vote(1, 1), LogWrite::Append(vec![change])]);
        let stale = Status { durable: Index(1), ..status(1, RoleName::Follower, 1, 1) };
        let right = Status { membership: pair, ..stale.clone() };
        history.accepts(&Fact::Turned { status: &right });
        history.rejects(&Fact::Turned { status: &stale });
        // More is on its way to the disk, and may hold another membership.
        let ahead = Status { last: Position::new(1, 2), ..stale.clone() };
        history.accepts(&Fact::Turned { status: &ahead });
    }
}
