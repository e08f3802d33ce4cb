//! The ids of the members' data folders.
//!
//! A member whose disk was wiped forgot its votes and entries and must not come
//! back under its old id (rule 13). So the leader records the id of each member's
//! folder in the membership when it first hears of it; from then on the handshake
//! refuses that member with any other folder.

use std::collections::BTreeMap;

use raft_core::{Change, Leave, Membership, NodeId, Step, Time};

/// The ids heard of, and what has yet to be recorded.
#[derive(Debug, Default)]
pub(super) struct StorageIds {
    heard: BTreeMap<NodeId, u64>,
    unrecorded: Vec<Step>,
    /// A change is with the core.
    is_asking: bool,
    /// After a refusal: not before.
    retry_at: Time,
}

impl StorageIds {
    /// A member's process told the id of its folder; this node counts too. The first
    /// id stays: whoever comes with another one before the first is recorded was
    /// wiped in between, and the record is what will refuse it.
    pub(super) fn hear(&mut self, node: NodeId, id: u64, membership: &Membership) {
        self.heard.entry(node).or_insert(id);
        self.compare(membership);
    }

    /// Another membership is in force.
    pub(super) fn compare(&mut self, membership: &Membership) {
        let missing = |node: &NodeId| {
            membership.members.get(node).is_some_and(|member| member.storage_id.is_none())
        };
        let unrecorded = self.heard.iter().filter(|(node, _)| missing(node));
        let step = |(id, storage_id): (&NodeId, &u64)| Step::SetStorage {
            id: *id,
            storage_id: *storage_id,
        };
        self.unrecorded =
            if membership.is_joint() { Vec::new() } else { unrecorded.map(step).collect() };
    }

    /// The change that a leader should propose now, if any.
    pub(super) fn due(&mut self, now: Time) -> Option<Change> {
        if self.unrecorded.is_empty() || self.is_asking || now < self.retry_at {
            return None;
        }
        self.is_asking = true;
        Some(Change::Steps { steps: self.unrecorded.clone(), leave: Leave::Auto })
    }

    /// The core took the change or refused it.
    pub(super) fn answered(&mut self, retry_at: Time) {
        self.is_asking = false;
        self.retry_at = retry_at;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_recorded_is_proposed_once_at_a_time() {
        let mut membership = Membership::of_voters([NodeId(1), NodeId(2)]);
        let mut ids = StorageIds::default();
        assert_eq!(ids.due(Time(0)), None);
        ids.hear(NodeId(2), 22, &membership);
        ids.hear(NodeId(2), 23, &membership);
        ids.hear(NodeId(9), 99, &membership);
        let step = Step::SetStorage { id: NodeId(2), storage_id: 22 };
        let change = Change::Steps { steps: vec![step], leave: Leave::Auto };
        assert_eq!(ids.due(Time(0)), Some(change.clone()), "the first id, and no stranger's");
        assert_eq!(ids.due(Time(0)), None, "an answer is awaited");
        ids.answered(Time(5));
        assert_eq!(ids.due(Time(4)), None);
        assert_eq!(ids.due(Time(5)), Some(change.clone()));
        ids.answered(Time(6));
        membership = membership.changed(&change).expect("the change makes sense");
        ids.compare(&membership);
        assert_eq!(ids.due(Time(6)), None);
    }
}
