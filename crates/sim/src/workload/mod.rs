//! What the clients do, and what they were told.

mod generate;
mod model;
mod tag;

use std::fmt;

use kv_statemachine::{KvError, Operation, RangeRequest, RangeResponse, Response};

pub use generate::{Generator, Mix};
pub use model::{Effect, Model};
pub use tag::{Tag, tag_of, tag_of_value};

/// One thing that a client asks of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// A write; it holds the [`Tag`] that [`tag_of`] finds, unless it compacts.
    Write(Operation),
    /// A linearizable read.
    Read(RangeRequest),
    /// A serializable read: of whatever the node that is asked has applied.
    LocalRead(RangeRequest),
}

impl Request {
    /// What its client is told when nothing is known but that it was asked for.
    pub fn given_up(&self) -> Outcome {
        match self {
            Request::Write(_) => Outcome::Unknown,
            Request::Read(_) | Request::LocalRead(_) => Outcome::NotRead,
        }
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Request::Write(operation @ Operation::Put(put)) => {
                let (key, bytes) = (put.key.escape_ascii(), put.value.len());
                match tag_of(operation) {
                    Some(tag) => write!(f, "put {key} {} in {bytes} bytes", tag.0),
                    None => write!(f, "put {key} in {bytes} bytes"),
                }
            }
            Request::Write(Operation::DeleteRange(delete)) => {
                write!(f, "delete {}", delete.range.key.escape_ascii())
            }
            Request::Write(Operation::Txn(txn)) => write!(
                f,
                "txn of {} comparisons, {} or {} steps",
                txn.compare.len(),
                txn.success.len(),
                txn.failure.len()
            ),
            Request::Write(Operation::Compact(compact)) => {
                write!(f, "compact at {}", compact.revision)
            }
            Request::Write(Operation::SetMemberAttributes { member, .. }) => {
                write!(f, "attributes of {member}")
            }
            Request::Write(Operation::Alarm(request)) => {
                write!(f, "{:?} {}", request.action, request.alarm.kind)
            }
            Request::Read(range) | Request::LocalRead(range) => write!(
                f,
                "{} {}..{} at {}",
                if matches!(self, Request::Read(_)) { "read" } else { "read locally" },
                range.range.key.escape_ascii(),
                range.range.range_end.escape_ascii(),
                range.revision
            ),
        }
    }
}

/// Names one request of one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpId(pub u64);

impl fmt::Display for OpId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "op{}", self.0)
    }
}

/// What a client was told in the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The write was applied, with this result.
    Written(Result<Response, KvError>),
    /// The write was not applied and never will be.
    NotWritten,
    /// The write may have been applied, or may be later, or never.
    Unknown,
    /// The read was served.
    Read(Result<RangeResponse, KvError>),
    /// The read was not served.
    NotRead,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Written(Ok(response)) => match response.revision() {
                Some(revision) => write!(f, "written, revision {revision}"),
                None => f.write_str("written"),
            },
            Outcome::Written(Err(error)) => write!(f, "applied and refused: {error}"),
            Outcome::NotWritten => f.write_str("not written"),
            Outcome::Unknown => f.write_str("outcome unknown"),
            Outcome::Read(Ok(found)) => {
                write!(f, "{} keys at revision {}", found.kvs.len(), found.revision)
            }
            Outcome::Read(Err(error)) => write!(f, "read refused: {error}"),
            Outcome::NotRead => f.write_str("not read"),
        }
    }
}
