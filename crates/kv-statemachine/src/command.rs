//! Commands, which go through the log, and the replies that applying them gives.

use std::fmt;

use raft_core::{Incarnation, NodeId};

use crate::alarm::{Alarm, AlarmRequest};
use crate::error::KvError;
use crate::request::{CompactRequest, DeleteRangeRequest, PutRequest, TxnRequest};
use crate::response::{CompactResponse, DeleteRangeResponse, PutResponse, TxnResponse};

/// One entry's content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Who waits for the outcome, where the write was forwarded to the leader:
    /// that node answers when it applies the entry itself.
    pub request_id: Option<RequestId>,
    /// What to do.
    pub operation: Operation,
}

impl Command {
    /// A command that nobody waits for by id.
    pub fn new(operation: Operation) -> Command {
        Command { request_id: None, operation }
    }
}

/// Names one request among all that any process of any node ever took.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId {
    /// The node that took it from the client.
    pub node: NodeId,
    /// That node's life.
    pub incarnation: Incarnation,
    /// Counted up within that life.
    pub counter: u64,
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.node, self.incarnation, self.counter)
    }
}

/// What a command does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Write one key.
    Put(PutRequest),
    /// Delete keys.
    DeleteRange(DeleteRangeRequest),
    /// A transaction.
    Txn(TxnRequest),
    /// Give up history.
    Compact(CompactRequest),
    /// Set what clients are told of a member. Raises no revision.
    SetMemberAttributes {
        /// The member, of the cluster as of this entry.
        member: NodeId,
        /// Its new attributes.
        attributes: MemberAttributes,
    },
    /// Raise or lift an alarm. Raises no revision.
    Alarm(AlarmRequest),
}

/// What clients are told of a member.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberAttributes {
    /// The name that its operator gave it.
    pub name: String,
    /// Where it serves clients.
    pub client_urls: Vec<String>,
}

/// What applying a command gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The command's.
    pub request_id: Option<RequestId>,
    /// The outcome. An error changed nothing.
    pub outcome: Result<Response, KvError>,
}

/// The outcome of a command that was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// Of a put.
    Put(PutResponse),
    /// Of a deletion.
    DeleteRange(DeleteRangeResponse),
    /// Of a transaction.
    Txn(TxnResponse),
    /// Of a compaction.
    Compact(CompactResponse),
    /// Of setting a member's attributes.
    MemberAttributes,
    /// Of raising or lifting an alarm: the alarm, if it is raised now or was lifted.
    Alarm(Option<Alarm>),
}

impl Response {
    /// The revision for the header; `None` where there is none.
    pub fn revision(&self) -> Option<i64> {
        match self {
            Response::Put(response) => Some(response.revision),
            Response::DeleteRange(response) => Some(response.revision),
            Response::Txn(response) => Some(response.revision),
            Response::Compact(response) => Some(response.revision),
            Response::MemberAttributes | Response::Alarm(_) => None,
        }
    }
}
