//! Links that stay down for good when chaos ends, though no node does.
//!
//! ```text
//!     A ─── C        A and B do not get through to each other, nor do C and D: whoever
//!     │  ╳  │        leads, somebody does not hear it. But each has a majority with
//!     D ─── B        itself, so a leader there is must be left in office.
//! ```
//!
//! A cluster in which those who miss a leader may depose it comes to no rest then
//! ("Raft does not guarantee liveness in the face of network faults", Howard and
//! Abraham, 2020). With a single link down it comes to rest by chance, under a leader
//! whom all hear.

use std::collections::BTreeSet;

use raft_core::{Membership, NodeId};

use super::World;
use crate::counts::Kind;
use crate::rng::Rng;

impl World {
    /// Cuts some links between voters, one of each voter if that is possible, and leaves
    /// each of them a majority. Not without pre-votes: then whoever misses the leader
    /// deposes it, and nothing can be done about that (thesis, section 9.6).
    pub(super) fn cut_some_links(&mut self, rng: &mut Rng) {
        if !self.setup.pre_vote || rng.one_in(2) {
            return;
        }
        let memberships = self.memberships_in_force();
        let mut voters: Vec<NodeId> = self.committed_membership.1.voters.iter().copied().collect();
        rng.shuffle(&mut voters);
        let mut links = pairs(&voters);
        if rng.one_in(4) {
            links.truncate(1);
        }
        links.iter().for_each(|link| self.cut_both_ways(*link));
        if memberships.iter().all(|membership| self.has_majorities(membership)) {
            self.note("left", &format_args!("{links:?} do not get through to each other"));
            self.counts.add_many(Kind::LinkLeftDown, links.len() as u64);
            return;
        }
        for (one, other) in links {
            self.network.mend(one, other);
            self.network.mend(other, one);
        }
    }

    fn cut_both_ways(&mut self, (one, other): (NodeId, NodeId)) {
        self.network.cut(one, other);
        self.network.cut(other, one);
    }

    /// Whether each healed voter gets through to a majority, of healed ones.
    fn has_majorities(&self, membership: &Membership) -> bool {
        let mut healed = membership.all_voters().filter(|voter| self.core.contains(voter));
        healed.all(|voter| {
            membership.agrees(|other| self.core.contains(&other) && self.can_talk(voter, other))
        })
    }

    /// Whether two nodes get through to each other.
    pub(super) fn can_talk(&self, one: NodeId, other: NodeId) -> bool {
        one == other || self.network.connects(one, other)
    }

    /// The healed nodes among the members that get through to one of them.
    pub(super) fn healed_around(&self, id: NodeId, membership: &Membership) -> BTreeSet<NodeId> {
        let members = membership.members.keys().copied();
        members.filter(|other| self.core.contains(other) && self.can_talk(id, *other)).collect()
    }
}

/// Pairs in which each node is there, once, or twice if it is the odd one's partner.
fn pairs(nodes: &[NodeId]) -> Vec<(NodeId, NodeId)> {
    let (pairs, rest) = nodes.as_chunks::<2>();
    let odd = rest.first().zip(nodes.first()).filter(|(odd, first)| odd != first);
    let pairs = pairs.iter().map(|[one, other]| (*one, *other));
    pairs.chain(odd.map(|(odd, first)| (*odd, *first))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_node_is_in_a_pair() {
        for number in 2..=7 {
            let nodes: Vec<NodeId> = (1..=number).map(NodeId).collect();
            let pairs = pairs(&nodes);
            let found: BTreeSet<NodeId> =
                pairs.iter().flat_map(|(one, other)| [*one, *other]).collect();
            assert_eq!(found, nodes.iter().copied().collect());
            assert!(pairs.iter().all(|(one, other)| one != other));
        }
        assert_eq!(pairs(&[NodeId(1)]), []);
    }
}
