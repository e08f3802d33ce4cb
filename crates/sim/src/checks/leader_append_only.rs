//! Leader Append-Only: a leader never overwrites or deletes entries in its log, it
//! only appends new ones (Raft paper, figure 3). A purge of what a snapshot holds
//! takes away the start, which the state stands for, and is none of that.

use std::collections::BTreeMap;

use raft_core::{NodeId, Position, RoleName, Status, Term};
use raft_storage::LogWrite;

use super::{Disk, Fact, Invariant, Known, Sort};

/// Who leads, and how long the log of each was at last. A leader was elected after
/// all of its earlier writes were on its disk, so whatever it writes in office
/// follows on what lies there.
#[derive(Debug, Default)]
pub struct LeaderAppendOnly {
    offices: BTreeMap<NodeId, (Term, Position)>,
}

impl Invariant for LeaderAppendOnly {
    fn name(&self) -> &'static str {
        "leaders only append (Raft paper, figure 3)"
    }

    fn looks_at(&self) -> &'static [Sort] {
        &[Sort::Booted, Sort::Writing, Sort::Turned]
    }

    fn check(&mut self, known: &Known, fact: &Fact<'_>) -> Result<(), String> {
        match *fact {
            Fact::Booted { node, .. } => {
                self.offices.remove(&node);
                Ok(())
            }
            Fact::Turned { status } => self.turned(status),
            Fact::Writing { node, group } => {
                match (self.offices.get(&node), known.disks.get(&node)) {
                    (Some((term, _)), Some(disk)) => written(node, *term, disk, group),
                    _ => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }
}

impl LeaderAppendOnly {
    fn turned(&mut self, status: &Status) -> Result<(), String> {
        if status.role != RoleName::Leader {
            self.offices.remove(&status.id);
            return Ok(());
        }
        let now = (status.ballot.term, status.last);
        match self.offices.insert(status.id, now) {
            Some((term, before)) if term == now.0 && status.last < before => Err(format!(
                "{} leads term {term}, and its log shrank from {before} to {}",
                status.id, status.last
            )),
            _ => Ok(()),
        }
    }
}

/// Whether a leader's writes continue its log.
fn written(node: NodeId, term: Term, disk: &Disk, group: &[LogWrite]) -> Result<(), String> {
    let mut last = disk.log.last().index;
    for write in group {
        match write {
            LogWrite::Append(entries) => {
                for entry in entries {
                    if entry.index <= last {
                        return Err(format!(
                            "{node} leads term {term}, and writes entry {} over a log up to {last}",
                            entry.position()
                        ));
                    }
                    last = entry.index;
                }
            }
            LogWrite::Reset(meta) => {
                return Err(format!(
                    "{node} leads term {term}, and replaces its log by a snapshot up to {}",
                    meta.position
                ));
            }
            LogWrite::Ballot(_) | LogWrite::Purge(_) => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{History, entry, fresh, membership, status, vote};
    use super::*;

    use raft_core::SnapshotMeta;

    fn leading(role: RoleName) -> History<LeaderAppendOnly> {
        let mut history = History::of(LeaderAppendOnly::default());
        let log = [entry(1, 1, "a"), entry(1, 2, "b")];
        history.synced(1, &[vote(2, 1), LogWrite::Append(log.to_vec())]);
        history.accepts(&Fact::Turned { status: &status(1, role, 2, 2) });
        history
    }

    fn writing(group: &[LogWrite]) -> Fact<'_> {
        Fact::Writing { node: NodeId(1), group }
    }

    #[test]
    fn a_leader_that_writes_over_its_log_is_rejected() {
        let over = [LogWrite::Append(vec![entry(2, 2, "c")])];
        leading(RoleName::Leader).rejects(&writing(&over));
        leading(RoleName::Follower).accepts(&writing(&over));
        let behind = [LogWrite::Append(vec![entry(2, 3, "c")])];
        leading(RoleName::Leader).accepts(&writing(&behind));
        let twice = [behind[0].clone(), behind[0].clone()];
        leading(RoleName::Leader).rejects(&writing(&twice));
    }

    #[test]
    fn a_leader_that_installs_a_snapshot_is_rejected() {
        let meta = SnapshotMeta { position: Position::new(2, 9), membership: membership() };
        let reset = [LogWrite::Reset(meta)];
        leading(RoleName::Leader).rejects(&writing(&reset));
        leading(RoleName::Follower).accepts(&writing(&reset));
    }

    #[test]
    fn a_log_that_shrinks_in_office_is_rejected() {
        let shrunk = status(1, RoleName::Leader, 2, 1);
        leading(RoleName::Leader).rejects(&Fact::Turned { status: &shrunk });
        leading(RoleName::Follower).accepts(&Fact::Turned { status: &shrunk });
        let mut history = leading(RoleName::Leader);
        history.accepts(&Fact::Booted { node: NodeId(1), found: &fresh() });
        history.accepts(&Fact::Turned { status: &shrunk });
    }
}
