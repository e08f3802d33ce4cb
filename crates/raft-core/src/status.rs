//! What a node can tell of itself.

use crate::effect::RoleName;
use crate::membership::Membership;
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
