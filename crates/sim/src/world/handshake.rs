//! What the transports check before they let two processes talk: the real checks of
//! [`raft_net::Identity`], by what each node's own membership has on record.
//!
//! A process on a wiped disk is an impostor: it has the id of a member and knows
//! nothing of what that member promised. None of its words may ever be heard by
//! anybody, nor anything be told to it (rule 13); if it is, the run has failed.

use raft_core::{Incarnation, Membership, NodeId};
use raft_net::{HandshakeError, Identity, TransportEvent};

use super::World;
use super::nodes::Node;
use crate::counts::Kind;
#[cfg(feature = "planted-bugs")]
use crate::mutation::{Mutation, TransportBug};
use crate::node::CLUSTER;
use crate::report::Failure;

impl World {
    /// Whether a frame of such a life may reach a node: only if a connection between
    /// the two would be allowed.
    pub(super) fn admits(
        &mut self,
        from: NodeId,
        incarnation: Incarnation,
        to: NodeId,
    ) -> Result<bool, Failure> {
        let is_same_life = |node: &Node| node.is_up() && node.incarnation == incarnation;
        let is_there = self.nodes.get(&from).is_some_and(is_same_life);
        let is_false = self.impostors.contains(&incarnation) || self.is_impostor(to);
        if !is_there || !self.is_up(to) {
            // What is still on its way from a life that ended was let in while that
            // lasted, if it was an honest one.
            return Ok(!is_false);
        }
        if !self.shake_hands(from, to) {
            return Ok(false);
        }
        if is_false {
            let (honest, impostor) = if self.is_impostor(to) { (from, to) } else { (to, from) };
            if !self.is_member_for(honest, impostor) {
                // Its removal lies in the log there, uncommitted, and was all that a start
                // found: nothing is on record. Nor does its word count there, and should
                // the removal be replaced, the record is back and the connection ends.
                return Ok(false);
            }
            let what = format!("{from} and {to} talk, and one of them forgot what it promised");
            return Err(Failure::Accepted(what));
        }
        Ok(true)
    }

    /// Whether a node goes by a membership that another belongs to.
    fn is_member_for(&self, id: NodeId, other: NodeId) -> bool {
        let status = self.nodes.get(&id).and_then(|node| node.last_status.as_ref());
        status.is_some_and(|status| status.membership.members.contains_key(&other))
    }

    /// Whether two running processes belong together. If not, the first, which
    /// dialled, hears of it, once.
    pub(super) fn shake_hands(&mut self, from: NodeId, to: NodeId) -> bool {
        let (Some(dialler), Some(host)) = (self.nodes.get(&from), self.nodes.get(&to)) else {
            return false;
        };
        let (Some(dialling), Some(hosting)) = (identity(from, dialler), identity(to, host)) else {
            return false;
        };
        let lane = raft_net::Lane::Bulk;
        let hello = dialling.hello(to, lane);
        let heard = hosting.check_hello(&hello, self.recorded(host, from)).and_then(|()| {
            if host.knows_removed(from) {
                return Err(HandshakeError::Removed { member: from.0 });
            }
            Ok(())
        });
        let refused = match heard {
            Err(error) => Some((true, error)),
            Ok(()) => {
                let answer = hosting.welcome();
                let checked = dialling.check_welcome(&answer, to, self.recorded(dialler, to));
                checked.err().map(|error| (false, error))
            }
        };
        let Some((by_peer, error)) = refused else { return true };
        if self.refused.insert((from, dialling.incarnation, to)) {
            self.note_of(from, "refused", &format_args!("by {to}: {error}"));
            match error {
                HandshakeError::Removed { .. } => self.counts.add(Kind::RemovedRefused),
                _ => self.counts.add(Kind::WipedRefused),
            }
            self.deliver(from, TransportEvent::Refused { peer: to, by_peer, error });
        }
        false
    }

    /// Whether a node that finds its folder empty is told by a peer that it was there
    /// before: by anybody who can be reached and has its folder on record.
    pub(super) fn is_remembered(&self, id: NodeId) -> bool {
        self.peers_of(id).into_iter().any(|peer| {
            let knows = |node: &Node| self.recorded(node, id).is_some() || node.knows_removed(id);
            self.network.connects(id, peer) && self.nodes.get(&peer).is_some_and(knows)
        })
    }

    /// The folder that a node has on record for a peer.
    fn recorded(&self, node: &Node, peer: NodeId) -> Option<u64> {
        node.records.get(&peer).copied().filter(|_| !self.keeps_no_records())
    }

    /// Whether the bug is planted that lets wiped disks in.
    #[cfg(feature = "planted-bugs")]
    pub(super) fn keeps_no_records(&self) -> bool {
        self.mutation.and_then(Mutation::in_transport) == Some(TransportBug::KeepsNoRecords)
    }

    /// Whether the bug is planted that lets wiped disks in: never.
    #[cfg(not(feature = "planted-bugs"))]
    pub(super) fn keeps_no_records(&self) -> bool {
        false
    }

    /// Whether a node's process runs on a wiped disk.
    pub(super) fn is_impostor(&self, id: NodeId) -> bool {
        self.nodes.get(&id).is_some_and(|node| node.is_impostor)
    }
}

impl Node {
    /// Another membership is in force: its members' folders are on record from now on.
    pub(super) fn record(&mut self, membership: &Membership) {
        let members = membership.members.iter();
        self.records.extend(members.filter_map(|(id, member)| Some((*id, member.storage_id?))));
    }

    /// Whether this node knows by committed evidence that a peer was removed.
    fn knows_removed(&self, peer: NodeId) -> bool {
        self.last_status.as_deref().is_some_and(|status| {
            status.applied >= status.membership_index && status.membership.removed.contains(&peer)
        })
    }
}

fn identity(id: NodeId, node: &Node) -> Option<Identity> {
    let storage = node.process.as_ref()?.storage_id();
    Some(Identity { cluster: CLUSTER, node: id, incarnation: node.incarnation, storage })
}
