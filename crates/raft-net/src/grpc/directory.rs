//! Where nodes are by their own word.
//!
//! A node that is behind knows an old membership, or none at all: that of the entries
//! which it has. Whoever writes to it knows where it is, but it cannot answer, and without
//! its answers it never gets the entries that would tell it where to. So each greeting says
//! where its sender is reached, and what is to go to a node is tried there too, after the
//! addresses that the membership has.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use raft_core::NodeId;

use crate::address::PeerAddress;

/// Addresses of one node that are taken; a member has one or two.
const MAX_ADDRESSES: usize = 16;
/// Nodes whose word is kept. Strangers may give themselves any id; those beyond are
/// answered when the membership tells of them.
const MAX_NODES: usize = 64;

/// What nodes said of themselves in their last greeting.
#[derive(Default)]
pub struct Directory {
    own: Mutex<Vec<String>>,
    told: Mutex<BTreeMap<NodeId, Vec<PeerAddress>>>,
}

impl Directory {
    /// Where this node is, by its membership.
    pub fn own(&self) -> Vec<String> {
        self.own.lock().expect("nobody panics with this lock").clone()
    }

    /// The membership says where this node is.
    pub fn set_own(&self, addresses: &[PeerAddress]) {
        let urls = addresses.iter().map(PeerAddress::url).collect();
        *self.own.lock().expect("nobody panics with this lock") = urls;
    }

    /// A node greeted. What is no address is passed over.
    pub fn hear(&self, node: NodeId, addresses: &[String]) {
        let sound = addresses.iter().take(MAX_ADDRESSES).filter_map(|text| text.parse().ok());
        let addresses: Vec<PeerAddress> = sound.collect();
        let mut told = self.told();
        let has_room = told.contains_key(&node) || told.len() < MAX_NODES;
        if !addresses.is_empty() && has_room {
            told.insert(node, addresses);
        }
    }

    /// Where a node said that it is; nothing if it never did.
    pub fn heard_of(&self, node: NodeId) -> Vec<PeerAddress> {
        self.told().get(&node).cloned().unwrap_or_default()
    }

    /// These addresses, and those that the node told besides.
    pub fn with_heard(&self, node: NodeId, known: &[PeerAddress]) -> Vec<PeerAddress> {
        let mut addresses = known.to_vec();
        addresses.extend(self.heard_of(node).into_iter().filter(|told| !known.contains(told)));
        addresses
    }

    /// A node is let go.
    pub fn forget(&self, node: NodeId) {
        self.told().remove(&node);
    }

    fn told(&self) -> MutexGuard<'_, BTreeMap<NodeId, Vec<PeerAddress>>> {
        self.told.lock().expect("nobody panics with this lock")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> PeerAddress {
        text.parse().expect("an address")
    }

    #[test]
    fn what_a_node_said_last_comes_after_what_the_membership_says() {
        let directory = Directory::default();
        let (node, known) = (NodeId(2), [address("a:1")]);
        assert_eq!(directory.with_heard(node, &known), known);
        directory.hear(node, &["http://b:1".to_owned(), "nonsense".to_owned()]);
        directory.hear(node, &["http://c:1".to_owned(), "http://a:1".to_owned()]);
        assert_eq!(directory.with_heard(node, &known), [address("a:1"), address("c:1")]);
        directory.hear(node, &[]);
        assert_eq!(directory.heard_of(node).len(), 2, "silence takes nothing back");
        directory.forget(node);
        assert!(directory.heard_of(node).is_empty());
    }

    #[test]
    fn strangers_find_room_for_so_many_only() {
        let directory = Directory::default();
        for node in 0..2 * MAX_NODES as u64 {
            directory.hear(NodeId(node), &["http://a:1".to_owned()]);
        }
        assert!(!directory.heard_of(NodeId(0)).is_empty());
        assert!(directory.heard_of(NodeId(MAX_NODES as u64)).is_empty());
        let many = vec!["http://a:1".to_owned(); 2 * MAX_ADDRESSES];
        directory.hear(NodeId(0), &many);
        assert_eq!(directory.heard_of(NodeId(0)).len(), MAX_ADDRESSES);
    }
}
