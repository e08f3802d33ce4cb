//! What is replicated: add to a counter.
//!
//! ```text
//!   request   u8: 0 none, 1 it follows: node u64, incarnation u64, counter u64
//!   amount    u64
//!   name      to the end, UTF-8
//! ```
//!
//! All numbers are little-endian. The request is the id under which a write is known
//! that one node forwards to another, the leader: by it the first one finds its
//! client again when the command comes back through the log.

use balsa::driver::RequestIds;
use bytes::{Buf, BufMut, Bytes, TryGetError};
use raft_core::{Incarnation, NodeId};
use raft_net::ForwardId;

/// The version of the encoding, as each entry carries it.
pub const FORMAT: u8 = 1;

/// How a replica attaches the id of a forwarded write, and finds it again.
pub const REQUEST_IDS: RequestIds<Reply> =
    RequestIds { attach: attach_id, of_reply: |reply| reply.request };

/// The command that adds an amount to a counter, which begins at 0.
pub fn add(name: &str, amount: u64) -> Bytes {
    encode(None, amount, name.as_bytes())
}

/// What a command gives to whoever proposed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The id that the command carried.
    pub request: Option<ForwardId>,
    /// The counter's new value.
    pub value: Result<u64, CounterError>,
}

/// Why a command changed nothing. It is the same on every node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CounterError {
    /// The sum would not fit into 64 bits.
    #[error("the counter would overflow; add less")]
    Overflow,
    /// The bytes are no command.
    #[error("this is no command; make one with `add`")]
    NoCommand,
}

/// A command taken apart.
pub(super) struct Command {
    pub request: Option<ForwardId>,
    pub amount: u64,
    pub name: String,
}

impl Command {
    pub fn decode(mut bytes: Bytes) -> Result<Command, CounterError> {
        let (request, amount) = numbers(&mut bytes).map_err(|_| CounterError::NoCommand)?;
        let name = String::from_utf8(bytes.to_vec()).map_err(|_| CounterError::NoCommand)?;
        Ok(Command { request, amount, name })
    }
}

fn attach_id(payload: Bytes, id: ForwardId) -> Bytes {
    let mut rest = payload.clone();
    // What is no command stays as it is: applying it says so.
    numbers(&mut rest).map_or(payload, |(_, amount)| encode(Some(id), amount, &rest))
}

fn encode(request: Option<ForwardId>, amount: u64, name: &[u8]) -> Bytes {
    let mut out = Vec::new();
    out.put_u8(request.is_some().into());
    if let Some(id) = request {
        out.put_u64_le(id.node.0);
        out.put_u64_le(id.incarnation.0);
        out.put_u64_le(id.counter);
    }
    out.put_u64_le(amount);
    out.put_slice(name);
    out.into()
}

/// Takes what comes before the name.
fn numbers(bytes: &mut Bytes) -> Result<(Option<ForwardId>, u64), TryGetError> {
    let mut request = None;
    if bytes.try_get_u8()? == 1 {
        request = Some(ForwardId {
            node: NodeId(bytes.try_get_u64_le()?),
            incarnation: Incarnation(bytes.try_get_u64_le()?),
            counter: bytes.try_get_u64_le()?,
        });
    }
    Ok((request, bytes.try_get_u64_le()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: ForwardId = ForwardId { node: NodeId(1), incarnation: Incarnation(2), counter: 3 };

    #[test]
    fn a_command_is_read_back_with_the_id_that_was_attached() {
        let plain = Command::decode(add("visits", 7)).expect("it is a command");
        assert_eq!((plain.request, plain.amount, plain.name.as_str()), (None, 7, "visits"));
        let forwarded = attach_id(add("visits", 7), ID);
        let forwarded = Command::decode(forwarded).expect("it is still a command");
        assert_eq!((forwarded.request, forwarded.amount), (Some(ID), 7));
        assert_eq!(forwarded.name, "visits");
    }

    #[test]
    fn what_is_no_command_is_told_so_and_left_alone() {
        let cut_off = add("", 7).slice(..5);
        assert_eq!(Command::decode(cut_off.clone()).err(), Some(CounterError::NoCommand));
        assert_eq!(attach_id(cut_off.clone(), ID), cut_off);
        let not_text = encode(None, 7, &[0xff]);
        assert_eq!(Command::decode(not_text).err(), Some(CounterError::NoCommand));
    }
}
