//! Why bytes are no frame.

use proto::sealed::BrokenSeal;
use raft_core::{Index, MembershipDecodeError, Position, Term};

/// Bytes that are no frame, or one that no sane peer sends. The connection that
/// brought them is not to be trusted any further: close it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes are not those that were sent.
    #[error("{0}")]
    Damaged(#[from] BrokenSeal),
    /// The bytes are no message of `balsa.raft.v1`.
    #[error("not a peer's message: {0}")]
    Garbled(String),
    /// Something that must be there is not; a body that this version does not
    /// know looks like this too.
    #[error("{0} is missing, or of a kind that this version does not know")]
    Missing(&'static str),
    /// A size passes its limit.
    #[error("{what} are {size}, at most {limit} are allowed")]
    TooLarge {
        /// What was measured.
        what: &'static str,
        /// Its size.
        size: u64,
        /// The limit.
        limit: u64,
    },
    /// A number is outside the range of what it stands for.
    #[error("{what} cannot be {value}")]
    OutOfRange {
        /// What the number stands for.
        what: &'static str,
        /// The number.
        value: u64,
    },
    /// An entry does not follow on the one before it.
    #[error("entry {found} stands where entry {expected} belongs")]
    NotConsecutive {
        /// The index that belongs there.
        expected: Index,
        /// The index that is there.
        found: Index,
    },
    /// An entry's term is below its predecessor's or above the sender's.
    #[error(
        "the term of entry {entry} is not between its predecessor's, {low}, and the sender's, {high}"
    )]
    WrongTerm {
        /// The entry.
        entry: Position,
        /// The predecessor's term.
        low: Term,
        /// The sender's term.
        high: Term,
    },
    /// A membership cannot be read.
    #[error("the membership at {at}: {why}")]
    BadMembership {
        /// The entry's position, or the snapshot's.
        at: Position,
        /// What is wrong.
        why: MembershipDecodeError,
    },
    /// A file's name in a snapshot is empty, too long, or holds what a plain name does not.
    #[error("{0:?} is no name for a file of a snapshot")]
    BadFileName(String),
    /// A chunk does not have its checksum: it was damaged on the way.
    #[error(
        "chunk {number} ({file} at byte {offset}) has checksum {found:08x}, not {expected:08x}"
    )]
    WrongChecksum {
        /// The chunk's number.
        number: u64,
        /// Its file.
        file: String,
        /// Its place in the file.
        offset: u64,
        /// What it claims.
        expected: u32,
        /// What its content gives.
        found: u32,
    },
}
