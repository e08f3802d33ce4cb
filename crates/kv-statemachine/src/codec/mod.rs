//! Commands as they stand in the log: protobuf messages of the package
//! `balsa.kv.v1`, in entries of format [`FORMAT`]. The generated types are used
//! here and nowhere else.
//!
//! What is in the log outlives the version that wrote it. A payload of a format
//! or with an operation that this version does not know stops the node, because
//! going on would make it another store than its peers. A payload that is broken
//! is broken for everybody, so it is an error reply.

mod from_wire;
mod to_wire;

use bytes::Bytes;
use prost::Message;
use proto::balsa::kv::v1 as wire;
use raft_core::Entry;
use raft_storage::StorageError;

use crate::command::{Command, RequestId};
use crate::error::KvError;

/// The format of the payloads that [`encode`] makes; goes into [`Entry::format`].
pub const FORMAT: u8 = 1;

/// Encodes a command as the payload of an entry.
pub fn encode(command: &Command) -> Bytes {
    to_wire::command(command).encode_to_vec().into()
}

/// Puts an id into an encoded command that has none. It is not decoded: fields of a
/// message may come in any order, and one more at its end is one of it.
pub fn with_request_id(payload: Bytes, id: RequestId) -> Bytes {
    let message = wire::Command { request_id: Some(to_wire::request_id(id)), operation: None };
    let mut joined = Vec::with_capacity(payload.len() + message.encoded_len());
    joined.extend_from_slice(&payload);
    joined.extend(message.encode_to_vec());
    joined.into()
}

/// Decodes the command in an entry. The inner error is a reply, the same on
/// every node.
///
/// # Errors
///
/// If the format or the operation is unknown: upgrade. Final.
pub fn decode(entry: &Entry) -> Result<Result<Command, KvError>, StorageError> {
    if entry.format != FORMAT {
        return Err(unknown(entry, &format!("command format {} is", entry.format)));
    }
    let Ok(command) = wire::Command::decode(entry.payload.clone()) else {
        return Ok(Err(KvError::BadCommand));
    };
    match command.operation {
        None => Err(unknown(entry, "its operation is")),
        Some(operation) => Ok(from_wire::command(command.request_id, operation)),
    }
}

/// The final error for what a newer version wrote.
pub(crate) fn unknown(entry: &Entry, what: &str) -> StorageError {
    StorageError::Refused {
        folder: format!("log entry {}", entry.position()),
        why: format!(
            "{what} not known to this version, others may have applied it: upgrade this node"
        ),
    }
}

#[cfg(test)]
mod tests;
