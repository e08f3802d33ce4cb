//! The commit index never goes back within one life of a process (Raft paper,
//! figure 2: "increases monotonically"), and never passes the end of the log.

use std::collections::BTreeMap;

use raft_core::{Index, NodeId};

use super::{Fact, Invariant, Known, Sort};

/// The last commit index of each process.
#[derive(Debug, Default)]
pub struct CommitOrder {
    commits: BTreeMap<NodeId, Index>,
}

impl Invariant for CommitOrder {
    fn name(&self) -> &'static str {
        "the commit index never goes back (Raft paper, figure 2)"
    }

    fn looks_at(&self) -> &'static [Sort] {
        &[Sort::Booted, Sort::Turned]
    }

    fn check(&mut self, _: &Known, fact: &Fact<'_>) -> Result<(), String> {
        match fact {
            Fact::Booted { node, .. } => {
                self.commits.remove(node);
            }
            Fact::Turned { status } => {
                let before = self.commits.insert(status.id, status.commit).unwrap_or_default();
                if status.commit < before {
                    return Err(format!(
                        "{} goes back from commit index {before} to {}",
                        status.id, status.commit
                    ));
                }
                if status.commit > status.last.index {
                    return Err(format!(
                        "{} has commit index {} and a log up to {}",
                        status.id, status.commit, status.last
                    ));
                }
            }
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use raft_core::RoleName;

    use super::super::testing::{History, fresh, status};
    use super::*;

    #[test]
    fn going_back_is_rejected_but_for_a_restart() {
        let mut history = History::of(CommitOrder::default());
        let at = |commit| status(1, RoleName::Follower, 1, commit);
        history.accepts(&Fact::Turned { status: &at(4) });
        history.accepts(&Fact::Turned { status: &at(4) });
        history.rejects(&Fact::Turned { status: &at(3) });
        history.accepts(&Fact::Booted { node: NodeId(1), found: &fresh() });
        history.accepts(&Fact::Turned { status: &at(2) });
    }
}
