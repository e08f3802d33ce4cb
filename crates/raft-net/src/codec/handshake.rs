//! The handshake's messages, between plain and generated types.

use proto::balsa::raft::v1 as wire;
use raft_core::Incarnation;

use super::DecodeError;
use super::from_wire::{node, required};
use crate::frame::Lane;
use crate::handshake::{HandshakeError, Hello, Identity, Welcome};

pub(crate) fn hello_to_wire(hello: &Hello) -> wire::Hello {
    let lane = match hello.lane {
        Lane::Urgent => wire::Lane::Urgent,
        Lane::Bulk => wire::Lane::Bulk,
        Lane::Snapshot => wire::Lane::Snapshot,
    };
    wire::Hello {
        protocol_version: hello.protocol_version,
        cluster: hello.sender.cluster,
        sender: hello.sender.node.0,
        receiver: hello.receiver.0,
        incarnation: hello.sender.incarnation.0,
        storage: hello.sender.storage,
        lane: lane.into(),
        addresses: Vec::new(),
    }
}

/// Another protocol version may have other lanes, so the version's own check must
/// come first: an unknown lane is an error only where the version is known.
pub(crate) fn hello_from_wire(hello: Option<wire::Hello>) -> Result<Hello, DecodeError> {
    let hello = required(hello, "the greeting")?;
    let lane = match hello.lane() {
        wire::Lane::Urgent => Lane::Urgent,
        wire::Lane::Bulk => Lane::Bulk,
        wire::Lane::Snapshot => Lane::Snapshot,
        wire::Lane::Unspecified if hello.protocol_version != crate::PROTOCOL_VERSION => Lane::Bulk,
        wire::Lane::Unspecified => return Err(DecodeError::Missing("the connection's lane")),
    };
    Ok(Hello {
        protocol_version: hello.protocol_version,
        sender: Identity {
            cluster: hello.cluster,
            node: node(hello.sender)?,
            incarnation: Incarnation(hello.incarnation),
            storage: hello.storage,
        },
        receiver: node(hello.receiver)?,
        lane,
    })
}

pub(crate) fn welcome_to_wire(welcome: &Welcome) -> wire::Welcome {
    wire::Welcome {
        protocol_version: welcome.protocol_version,
        cluster: welcome.sender.cluster,
        sender: welcome.sender.node.0,
        incarnation: welcome.sender.incarnation.0,
        storage: welcome.sender.storage,
    }
}

pub(crate) fn welcome_from_wire(welcome: &wire::Welcome) -> Result<Welcome, DecodeError> {
    Ok(Welcome {
        protocol_version: welcome.protocol_version,
        sender: Identity {
            cluster: welcome.cluster,
            node: node(welcome.sender)?,
            incarnation: Incarnation(welcome.incarnation),
            storage: welcome.storage,
        },
    })
}

pub(crate) fn refusal_to_wire(error: &HandshakeError) -> wire::Refusal {
    use wire::refusal::Reason;
    let (reason, expected, found) = match *error {
        HandshakeError::ProtocolVersion { expected, found } => {
            (Reason::ProtocolVersion, u64::from(expected), u64::from(found))
        }
        HandshakeError::Cluster { expected, found } => (Reason::Cluster, expected, found),
        HandshakeError::Receiver { expected, found } => (Reason::Receiver, expected, found),
        HandshakeError::Storage { expected, found } => (Reason::Storage, expected, found),
        HandshakeError::Removed { member } => (Reason::Removed, 0, member),
    };
    wire::Refusal { reason: reason.into(), expected, found }
}

/// The refusal as the refused node sees it: where it compares the two sides, they
/// change places.
pub(crate) fn refusal_from_wire(refusal: &wire::Refusal) -> Result<HandshakeError, DecodeError> {
    use wire::refusal::Reason;
    let (expected, found) = (refusal.expected, refusal.found);
    let version = |value: u64| {
        u32::try_from(value)
            .map_err(|_| DecodeError::OutOfRange { what: "a protocol version", value })
    };
    Ok(match refusal.reason() {
        Reason::Unspecified => return Err(DecodeError::Missing("the reason of a refusal")),
        Reason::ProtocolVersion => {
            HandshakeError::ProtocolVersion { expected: version(found)?, found: version(expected)? }
        }
        Reason::Cluster => HandshakeError::Cluster { expected: found, found: expected },
        Reason::Receiver => HandshakeError::Receiver { expected, found },
        Reason::Storage => HandshakeError::Storage { expected, found },
        Reason::Removed => HandshakeError::Removed { member: found },
    })
}
