//! Writes that peers forward to this node.

use std::collections::BTreeMap;

use raft_core::{Incarnation, NodeId};
use raft_net::ForwardId;

/// The last forwarded write taken from each life of each peer. A peer counts its
/// forwarded writes up and sends each once, in order: whatever is not ahead of the
/// last one is a repeat, and taking it again would apply the write twice.
#[derive(Debug, Default)]
pub(super) struct Forwards {
    last: BTreeMap<(NodeId, Incarnation), u64>,
}

impl Forwards {
    /// Whether to take this write from this peer.
    pub(super) fn take(&mut self, from: NodeId, life: Incarnation, id: ForwardId) -> bool {
        if (id.node, id.incarnation) != (from, life) {
            return false;
        }
        let last = self.last.entry((from, life)).or_insert(0);
        let is_ahead = id.counter > *last;
        *last = id.counter.max(*last);
        is_ahead
    }

    /// A life of a peer ended; nothing more comes from it.
    pub(super) fn forget(&mut self, peer: NodeId, life: Incarnation) {
        self.last.remove(&(peer, life));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_is_taken_once_and_from_its_own_node_only() {
        let mut forwards = Forwards::default();
        let (node, life) = (NodeId(2), Incarnation(7));
        let id = |counter| ForwardId { node, incarnation: life, counter };
        assert!(forwards.take(node, life, id(3)));
        assert!(!forwards.take(node, life, id(3)), "a repeat");
        assert!(!forwards.take(node, life, id(2)), "a late repeat");
        assert!(!forwards.take(NodeId(3), life, id(4)), "of another node");
        assert!(!forwards.take(node, Incarnation(8), id(4)), "of another life");
        assert!(forwards.take(node, life, id(4)));
    }
}
