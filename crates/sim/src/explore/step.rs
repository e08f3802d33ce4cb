//! One step from a state to the next.

use std::fmt;

use raft_core::{Incarnation, NodeId};

/// What happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The message at this place among those on their way comes.
    Deliver {
        /// Its place.
        place: usize,
    },
    /// The node's election deadline passes.
    Stand(NodeId),
    /// The leader has heard no quorum for too long.
    Resign(NodeId),
    /// The leader's heartbeats are due.
    Beat(NodeId),
    /// The leader is given a command.
    Propose(NodeId),
    /// The leader is asked for the scenario's membership change.
    Change(NodeId),
    /// A client asks the node for a linearizable read.
    Read(NodeId),
    /// The stream of the leader to a peer breaks.
    Break {
        /// The leader.
        at: NodeId,
        /// The peer.
        peer: NodeId,
    },
    /// The node is told that a process of a peer is gone, which may not be so.
    Gone {
        /// Who is told.
        at: NodeId,
        /// The peer.
        peer: NodeId,
        /// The life that is said to have ended.
        life: Incarnation,
    },
    /// The leader is asked to hand over to a peer.
    Transfer {
        /// The leader.
        at: NodeId,
        /// The peer.
        peer: NodeId,
    },
    /// The node's oldest write is done.
    Write(NodeId),
    /// The node's oldest batch is applied.
    Apply(NodeId),
    /// The node has taken the snapshot that its core asked for.
    TakeSnapshot(NodeId),
    /// The node reads old entries from its disk.
    ReadDisk(NodeId, usize),
    /// The node's core is given what was read.
    HandOver(NodeId, usize),
    /// The node dies, with so many of its writes done, and starts again.
    Crash(NodeId, usize),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Deliver { .. } => f.write_str("a message comes"),
            Step::Stand(node) => write!(f, "{node}'s election deadline passes"),
            Step::Resign(node) => write!(f, "{node} has heard no quorum for too long"),
            Step::Beat(node) => write!(f, "{node}'s heartbeats are due"),
            Step::Propose(node) => write!(f, "{node} is given a command"),
            Step::Change(node) => write!(f, "{node} is asked to change the membership"),
            Step::Read(node) => write!(f, "a read comes to {node}"),
            Step::Break { at, peer } => write!(f, "the stream from {at} to {peer} breaks"),
            Step::Gone { at, peer, life } => write!(f, "{at} is told that {peer}/{life} is gone"),
            Step::Transfer { at, peer } => write!(f, "{at} is asked to hand over to {peer}"),
            Step::Write(node) => write!(f, "{node}'s oldest write is done"),
            Step::Apply(node) => write!(f, "{node} has applied a batch"),
            Step::TakeSnapshot(node) => write!(f, "{node} has taken a snapshot"),
            Step::ReadDisk(node, _) => write!(f, "{node} reads old entries from its disk"),
            Step::HandOver(node, _) => write!(f, "{node} is given what it read"),
            Step::Crash(node, 0) => write!(f, "{node} crashes"),
            Step::Crash(node, done) => write!(f, "{node} crashes, {done} writes further"),
        }
    }
}
