//! Who belongs to the cluster.

use std::collections::BTreeSet;

use raft_core::{Membership, NodeId, RoleName};

use super::{Checker, Verdict, View};

impl Checker {
    /// The configuration in force is the log's last one; any two that follow on
    /// each other have no disjoint majorities; a leader has at most one that is
    /// not committed.
    pub(super) fn configuration_rules(&self, view: &View) -> Verdict {
        let memberships = view.memory.memberships();
        for pair in memberships.windows(2) {
            let (old, new) = (&pair[0].1, &pair[1].1);
            // A node that joins starts from no membership at all.
            if !old.members.is_empty() && !always_meet(old, new) {
                return Err(format!("configuration: {old} and {new} have disjoint majorities"));
            }
        }
        let Some(live) = &view.live else { return Ok(()) };
        let last = memberships.last().map(|(_, membership)| membership);
        if last != Some(&live.membership) {
            return Err(format!("configuration: {} is not led by its log's last one", view.id));
        }
        let open = memberships.iter().filter(|(index, _)| *index > live.commit).count();
        if live.role == RoleName::Leader && open > 1 {
            return Err(format!("configuration: {} has {open} that are not committed", view.id));
        }
        Ok(())
    }
}

/// Whether every quorum of the one has a node in common with every quorum of the
/// other: no set and its complement are a quorum each.
pub fn always_meet(old: &Membership, new: &Membership) -> bool {
    let voters: BTreeSet<NodeId> = old.all_voters().chain(new.all_voters()).collect();
    let voters: Vec<NodeId> = voters.into_iter().collect();
    (0_u32..1 << voters.len()).all(|set| {
        let inside = |id: NodeId| {
            voters.iter().position(|voter| *voter == id).is_some_and(|i| set & (1 << i) != 0)
        };
        !(old.agrees(inside) && new.agrees(|id| !inside(id)))
    })
}
