//! What a node can tell of itself.

use crate::effect::RoleName;
use crate::membership::Membership;
use crate::raft::Raft;
use crate::raft_role::Role;
use crate::types::{Ballot, Index, NodeId, Position};

/// A copy of the state that operators and tests ask for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Status {
    /// This node.
    pub id: NodeId,
    /// Its role.
    pub role: RoleName,
    /// Term and vote, perhaps not yet on disk.
    pub ballot: Ballot,
    /// The leader of the term, if known.
    pub leader: Option<NodeId>,
    /// Entries up to here are committed, as far as this node knows.
    pub commit: Index,
    /// Entries up to here are applied.
    pub applied: Index,
    /// Entries up to here are on this node's disk.
    pub durable: Index,
    /// The log begins after this position.
    pub base: Position,
    /// The log ends at this position.
    pub last: Position,
    /// The index of the newest complete snapshot.
    pub snapshot: Index,
    /// The membership in force.
    pub membership: Membership,
    /// The index of the entry that holds it.
    pub membership_index: Index,
    /// Whom the leadership is being handed to.
    pub transferring: Option<NodeId>,
    /// On a leader, how far each peer is; empty elsewhere.
    pub peers: Vec<PeerStatus>,
}

/// How far a leader's peer is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PeerStatus {
    /// The peer.
    pub id: NodeId,
    /// The highest index known to be on its disk.
    pub matched: Index,
    /// The next index to send.
    pub next: Index,
    /// How it is being fed.
    pub state: PeerState,
}

/// How a leader feeds a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PeerState {
    /// Looking for where the logs agree, one message at a time.
    Probe,
    /// Sending ahead of the answers.
    Replicate,
    /// Receiving a snapshot.
    Snapshot,
}

impl Raft {
    /// A copy of the state that operators and tests ask for.
    pub fn status(&self) -> Status {
        let summary = self.log.summary();
        Status {
            id: self.config.id,
            role: self.role_name(),
            ballot: self.ballot,
            leader: self.known_leader(),
            commit: self.commit,
            applied: self.apply.applied(),
            durable: self.log.ledger().durable(),
            base: summary.base(),
            last: summary.last(),
            snapshot: self.snapshots.newest,
            membership: summary.membership().clone(),
            membership_index: summary.membership_index(),
            transferring: self.transfer.as_ref().map(|transfer| transfer.to),
            peers: self.peer_statuses().collect(),
        }
    }

    /// Brings a copy up to date; whether anything in it changed. Who looks after each
    /// step pays for what changed only, and for no membership that did not.
    pub fn refresh(&self, status: &mut Status) -> bool {
        let summary = self.log.summary();
        let Status {
            id,
            role,
            ballot,
            leader,
            commit,
            applied,
            durable,
            base,
            last,
            snapshot,
            membership,
            membership_index,
            transferring,
            peers,
        } = status;
        let mut changed = set(id, self.config.id);
        changed |= set(role, self.role_name());
        changed |= set(ballot, self.ballot);
        changed |= set(leader, self.known_leader());
        changed |= set(commit, self.commit);
        changed |= set(applied, self.apply.applied());
        changed |= set(durable, self.log.ledger().durable());
        changed |= set(base, summary.base());
        changed |= set(last, summary.last());
        changed |= set(snapshot, self.snapshots.newest);
        changed |= set(membership_index, summary.membership_index());
        changed |= set(transferring, self.transfer.as_ref().map(|transfer| transfer.to));
        if membership != summary.membership() {
            membership.clone_from(summary.membership());
            changed = true;
        }
        if !self.peer_statuses().eq(peers.iter().cloned()) {
            peers.clear();
            peers.extend(self.peer_statuses());
            changed = true;
        }
        changed
    }

    fn peer_statuses(&self) -> impl Iterator<Item = PeerStatus> {
        let peers = match &self.role {
            Role::Leader(leader) => Some(leader.peers.iter()),
            Role::Follower(_) | Role::PreCandidate(_) | Role::Candidate(_) => None,
        };
        peers.into_iter().flatten().map(|(id, peer)| PeerStatus {
            id: *id,
            matched: peer.matched,
            next: peer.next,
            state: peer.state(),
        })
    }
}

fn set<T: PartialEq>(place: &mut T, value: T) -> bool {
    let differs = *place != value;
    *place = value;
    differs
}
