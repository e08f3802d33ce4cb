//! What a client of a node is told when something is not done.

use kv_statemachine::{KvError, ReadError};
use raft_core::Refusal;
use raft_net::ChangeRefusal;

use crate::driver::request::{NotDone, RequestError, Unknown};
use crate::replica::CallError;

/// Why a request was not answered. The messages are etcd's where etcd has one,
/// because clients match on them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The request itself is wrong, now and on every node.
    #[error(transparent)]
    Request(#[from] KvError),
    /// The request is larger than the node takes.
    #[error("etcdserver: request is too large")]
    TooLarge,
    /// The node serves as many requests as it can. Nothing was done; try later.
    #[error("etcdserver: too many requests")]
    TooManyRequests,
    /// Nothing was done: nobody leads.
    #[error("etcdserver: no leader")]
    NoLeader,
    /// The leader changed meanwhile. A write may have been done or not.
    #[error("etcdserver: leader changed")]
    LeaderChanged,
    /// It took too long. A write may have been done or not.
    #[error("etcdserver: request timed out")]
    TimedOut,
    /// It took too long, and the leader changed meanwhile. A write may have been
    /// done or not.
    #[error("etcdserver: request timed out, possibly due to previous leader failure")]
    TimedOutLeaderFailed,
    /// The node stops. A write may have been done or not.
    #[error("etcdserver: server stopped")]
    Stopped,
    /// A change of members was not made; says why.
    #[error(transparent)]
    Members(#[from] ChangeRefusal),
    /// A change of members may have been made, or may yet be: look at the list of members
    /// before asking again.
    #[error("etcdserver: request timed out")]
    ChangeUnknown,
    /// Only the leader can do it. Nothing was done.
    #[error("etcdserver: not leader")]
    NotLeader,
    /// Who is to lead has no vote, or is not there. Nothing was done.
    #[error("etcdserver: bad leader transferee")]
    BadTransferee,
    /// Who is to lead did not take over in time; it may do so yet.
    #[error("etcdserver: request timed out, leader transfer took too long")]
    TransferTimedOut,
    /// The disk has too little room for what giving space back takes for a while.
    #[error("the disk has too little room to give space back; make room on it first")]
    NoRoomToReclaim,
    /// The disk refused a read; says what.
    #[error("{0}")]
    Storage(String),
}

impl From<ReadError> for Error {
    fn from(error: ReadError) -> Error {
        match error {
            ReadError::Request(error) => Error::Request(error),
            ReadError::NotReadOnly | ReadError::Storage(_) => Error::Storage(error.to_string()),
        }
    }
}

/// What to do about a call that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Certainly not done, and somebody may lead soon: ask again.
    Again,
    /// Tell the client.
    Tell(Error),
}

/// Judges a call that failed. What may have been done is never asked for again
/// (rule 11).
pub(super) fn judge(error: CallError) -> Verdict {
    let error = match error {
        CallError::TooMany(_) => return Verdict::Tell(Error::TooManyRequests),
        CallError::Request(error) => error,
    };
    match error {
        RequestError::NotDone(NotDone::NoLeader | NotDone::Replaced)
        | RequestError::NotDone(NotDone::Refused(
            Refusal::NotLeader | Refusal::LeadershipLost | Refusal::Transferring,
        )) => Verdict::Again,
        RequestError::NotDone(NotDone::Refused(_)) => Verdict::Tell(Error::TooManyRequests),
        RequestError::NotDone(NotDone::TimedOut) => Verdict::Tell(Error::TimedOut),
        RequestError::NotDone(NotDone::Stopping) => Verdict::Tell(Error::Stopped),
        RequestError::Unknown(unknown) => Verdict::Tell(match unknown {
            Unknown::LeaderChanged => Error::TimedOutLeaderFailed,
            Unknown::TimedOut | Unknown::Overtaken => Error::TimedOut,
            Unknown::Stopping => Error::Stopped,
        }),
    }
}
