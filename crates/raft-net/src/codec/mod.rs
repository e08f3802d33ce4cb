//! Frames as bytes: protobuf messages of the package `balsa.raft.v1`.
//!
//! Decoding is where a node defends itself against what comes from outside. It
//! never panics, whatever the bytes. A frame travels with a checksum, which is compared
//! before anything else is looked at, and a frame that it lets through is sound in
//! itself: its entries are consecutive and follow their predecessor, its numbers
//! leave room to count on, its memberships can be read and its chunks have their
//! checksum. Whether a frame makes sense *now* is for the core to judge.

mod error;
mod from_wire;
#[cfg(feature = "grpc")]
mod handshake;
#[cfg(feature = "grpc")]
mod members;
mod to_wire;

use bytes::Bytes;
use prost::Message as _;
use proto::balsa::raft::v1 as wire;
use proto::sealed::{CHECKSUM_BYTES, Seal};

use crate::frame::Frame;

pub use error::DecodeError;
#[cfg(feature = "grpc")]
pub(crate) use from_wire::{frame as frame_from_wire, required};
#[cfg(feature = "grpc")]
pub(crate) use handshake::{
    hello_from_wire, hello_to_wire, refusal_from_wire, refusal_to_wire, welcome_from_wire,
    welcome_to_wire,
};
#[cfg(feature = "grpc")]
pub(crate) use members::{
    change_from_wire, change_to_wire, members_from_wire, members_to_wire, outcome_from_wire,
    outcome_to_wire,
};
#[cfg(feature = "grpc")]
pub(crate) use to_wire::frame as frame_to_wire;

/// The largest frame that is decoded, in bytes.
pub const MAX_FRAME_BYTES: usize = 64 << 20;
/// The most entries in one append.
pub const MAX_ENTRIES: usize = 1 << 16;
/// The most bytes of a file in one chunk of a snapshot.
pub const MAX_CHUNK_BYTES: usize = 4 << 20;
/// The longest name of a file in a snapshot, in bytes.
pub const MAX_FILE_NAME_BYTES: usize = 255;
/// The highest term, index, round or counter. No cluster ever gets there; a
/// higher number is garbage, and counting on from it would overflow.
pub const MAX_NUMBER: u64 = i64::MAX as u64;

/// The frame's bytes, with their checksum: for a way that carries frames one by one.
/// The gRPC transport has a checksum around each message, which goes on from one to
/// the next.
pub fn encode(frame: &Frame) -> Bytes {
    let frame = to_wire::frame(frame);
    let mut bytes = vec![0; CHECKSUM_BYTES];
    frame.encode(&mut bytes).expect("a vector has room for any frame");
    let checksum = Seal::default().next(&bytes[CHECKSUM_BYTES..]);
    bytes[..CHECKSUM_BYTES].copy_from_slice(&checksum.to_le_bytes());
    bytes.into()
}

/// How many bytes [`encode`] makes of the frame.
pub fn encoded_len(frame: &Frame) -> usize {
    CHECKSUM_BYTES + to_wire::frame(frame).encoded_len()
}

/// The frame that the bytes hold.
///
/// # Errors
///
/// If they are no frame, not as they were sent, or one that no sane peer sends; says
/// why.
pub fn decode(bytes: &[u8]) -> Result<Frame, DecodeError> {
    if bytes.len() > MAX_FRAME_BYTES {
        return Err(DecodeError::TooLarge {
            what: "the frame's bytes",
            size: bytes.len() as u64,
            limit: MAX_FRAME_BYTES as u64,
        });
    }
    let bytes = Seal::default().open(bytes)?;
    let frame =
        wire::Frame::decode(bytes).map_err(|error| DecodeError::Garbled(error.to_string()))?;
    from_wire::frame(frame)
}
