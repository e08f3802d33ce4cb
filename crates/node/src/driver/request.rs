//! What clients ask for, and what they are answered.

use std::fmt;

use bytes::Bytes;
use raft_core::{Change, Index, NodeId, Position, Refusal, Ticket, Time};

use super::admission::Permit;

/// The caller's own number for a request. It comes back in the answer and has no
/// other meaning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u64);

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "c{}", self.0)
    }
}

/// A client's request. It gets exactly one [`Answer`].
#[derive(Debug, PartialEq, Eq)]
pub struct Request {
    /// Comes back in the answer.
    pub call: CallId,
    /// When the client is told that it took too long.
    pub deadline: Time,
    /// Comes back in the answer.
    pub permit: Permit,
    /// What is asked for.
    pub body: RequestBody,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestBody {
    /// Replicate a command, through whatever node leads.
    Write {
        /// The version of the payload's encoding.
        format: u8,
        /// The command.
        payload: Bytes,
    },
    /// Say when the store may be read so that it shows all that was acknowledged
    /// before this request.
    Read,
    /// Change who belongs to the cluster. Only a leader can.
    ChangeMembership(Change),
    /// Hand the leadership over, to a given voter or to the best one. Only a
    /// leader can.
    TransferLeadership(Option<NodeId>),
}

/// The answer to a request.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer<R> {
    /// The request's own number.
    pub call: CallId,
    /// To be given back to the admission.
    pub permit: Permit,
    /// What became of it.
    pub result: Result<Done<R>, RequestError>,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done<R> {
    /// The command is durable on a majority and applied here.
    Written {
        /// Its entry.
        position: Position,
        /// What the state machine said.
        reply: R,
    },
    /// The store may be read now: it has applied all up to this index.
    Readable(Index),
    /// The change of membership is committed.
    Changed(Position),
    /// This node leads now.
    Transferred(NodeId),
}

/// Why a request failed, sorted by what the caller must do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Certainly not done, and it never will be: it may be asked for again.
    #[error("not done: {0}")]
    NotDone(NotDone),
    /// It may have been done or may yet be: look before asking again.
    #[error("the outcome is unknown: {0}")]
    Unknown(Unknown),
}

/// Why something was certainly not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotDone {
    /// Nobody is known to lead.
    #[error("there is no leader; try again later")]
    NoLeader,
    /// The protocol refused it, here or on the leader.
    #[error("{0}")]
    Refused(Refusal),
    /// A later leader's entry took the place of its entry.
    #[error("its log entry was replaced by a later leader; try again")]
    Replaced,
    /// It took too long; it changed nothing.
    #[error("request timed out; try again later")]
    TimedOut,
    /// The node stops.
    #[error("the node is stopping; ask another one")]
    Stopping,
}

/// Why it is not known whether something was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unknown {
    /// It was forwarded, and another leader took over before it was applied.
    #[error("leader changed")]
    LeaderChanged,
    /// It took too long.
    #[error("request timed out")]
    TimedOut,
    /// The state was replaced by a snapshot that may or may not hold it.
    #[error("this node was brought up to date by a snapshot")]
    Overtaken,
    /// The node stops.
    #[error("the node is stopping")]
    Stopping,
}

/// A client whose request is on its way.
#[derive(Debug, PartialEq, Eq)]
pub struct Waiter {
    /// The node's own number for the request.
    pub ticket: Ticket,
    /// The caller's.
    pub call: CallId,
    /// Goes back with the answer.
    pub permit: Permit,
}

impl Waiter {
    /// The answer to this client.
    pub fn answer<R>(self, result: Result<Done<R>, RequestError>) -> Answer<R> {
        Answer { call: self.call, permit: self.permit, result }
    }
}
