//! What a node tells of itself.

use kv_statemachine::Alarm;
use raft_core::{Index, NodeId, RoleName, Term};

/// What goes into the header of each answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The cluster.
    pub cluster: u64,
    /// The node that answers.
    pub member: NodeId,
    /// The term it is in.
    pub term: Term,
}

/// A node's state, for operators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeStatus {
    /// Who answers.
    pub header: Header,
    /// Its role.
    pub role: RoleName,
    /// The leader, if known.
    pub leader: Option<NodeId>,
    /// Entries up to here are committed, as far as this node knows.
    pub commit: Index,
    /// Entries up to here are applied.
    pub applied: Index,
    /// The latest revision of the store.
    pub revision: i64,
    /// How much disk the state takes, in bytes.
    pub db_bytes: u64,
    /// How many keys there are.
    pub keys: u64,
    /// How many bytes the state may take; `None` if it is not bounded.
    pub quota_bytes: Option<u64>,
    /// How many bytes were free on the disk a moment ago, if it told.
    pub free_bytes: Option<u64>,
    /// The alarms that this node knows of.
    pub alarms: Vec<Alarm>,
    /// Requests that wait for an answer.
    pub waiting: u64,
}

impl NodeStatus {
    /// Whether the node is a member without a vote.
    pub fn is_learner(&self) -> bool {
        self.role == RoleName::Learner
    }
}
