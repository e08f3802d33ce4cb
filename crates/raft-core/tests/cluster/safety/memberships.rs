//! Who belongs to the cluster.

use std::collections::BTreeSet;

use raft_core::{EntryKind, Index, Membership, NodeId, RoleName, SnapshotMeta};

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
        // A new leader may not know yet what an earlier one committed.
        let settled = live.commit.max(self.last_committed());
        let open = memberships.iter().filter(|(index, _)| *index > settled).count();
        if live.role == RoleName::Leader && open > 1 {
            return Err(format!("configuration: {} has {open} that are not committed", view.id));
        }
        Ok(())
    }

    /// What a log starts after, and a snapshot: the membership is that of the
    /// committed log as of its index. Only the log of a node that joined blank starts
    /// after no membership until it is purged up to the first one in it.
    pub(super) fn snapshots_hold_the_membership(&mut self, view: &View) -> Verdict {
        for meta in [&view.memory.base, &view.disk.base, view.snapshot] {
            let index = meta.position.index;
            if index == Index::ZERO {
                self.founded(meta);
                continue;
            }
            let may_be_blank = !std::ptr::eq(meta, view.snapshot);
            if may_be_blank && meta.membership.members.is_empty() {
                continue;
            }
            let truth = self.membership_at(index);
            if truth.is_some_and(|truth| truth != meta.membership) {
                return Err(format!("snapshot's membership: {} has {meta}", view.id));
            }
        }
        Ok(())
    }

    /// The founders' bootstrap snapshot. That of a node that joins may be blank.
    fn founded(&mut self, meta: &SnapshotMeta) {
        if !meta.membership.members.is_empty() {
            self.founders.get_or_insert_with(|| meta.membership.clone());
        }
    }

    /// The membership as of a committed entry.
    fn membership_at(&self, index: Index) -> Option<Membership> {
        let committed = self.committed.range(..=index).rev().map(|(_, (position, _))| position);
        let mut entries = committed.filter_map(|position| self.entries.get(position));
        match entries.find(|(entry, _)| entry.kind == EntryKind::MEMBERSHIP) {
            Some((entry, _)) => Membership::decode(entry.format, &entry.payload).ok(),
            None => self.founders.clone(),
        }
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
