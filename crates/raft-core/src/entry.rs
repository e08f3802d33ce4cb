//! Log entries.

use std::fmt;

use bytes::Bytes;

use crate::types::{Index, Position, Term};

/// What an entry is for. A number, not an enum: a kind that this version does
/// not know must survive decoding, so that the node can stop and say so instead
/// of skipping what others applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryKind(pub u8);

impl EntryKind {
    /// Carries nothing: a new leader's first entry (Raft paper, section 8).
    pub const NOOP: EntryKind = EntryKind(0);
    /// A command for the state machine.
    pub const COMMAND: EntryKind = EntryKind(1);
    /// A [`Membership`](crate::Membership), in force from the moment it is appended.
    pub const MEMBERSHIP: EntryKind = EntryKind(2);

    /// Whether this version knows what to do with it.
    pub fn is_known(self) -> bool {
        self.0 <= EntryKind::MEMBERSHIP.0
    }
}

impl fmt::Display for EntryKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            EntryKind::NOOP => f.write_str("noop"),
            EntryKind::COMMAND => f.write_str("command"),
            EntryKind::MEMBERSHIP => f.write_str("membership"),
            EntryKind(other) => write!(f, "kind {other}"),
        }
    }
}

/// One entry of the replicated log.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Entry {
    /// The term of the leader that appended it.
    pub term: Term,
    /// Its place in the log.
    pub index: Index,
    /// What it is for.
    pub kind: EntryKind,
    /// The version of the payload's encoding; the state machine's own affair.
    pub format: u8,
    /// The content, opaque to the core unless it is a membership.
    pub payload: Bytes,
}

impl Entry {
    /// What an entry is counted as besides its payload, in every limit in bytes.
    pub const OVERHEAD: u64 = 32;

    /// Term and index.
    pub fn position(&self) -> Position {
        Position { term: self.term, index: self.index }
    }

    /// Size for all limits in bytes: the payload and [`Entry::OVERHEAD`].
    pub fn size(&self) -> u64 {
        self.payload.len() as u64 + Entry::OVERHEAD
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.position(), self.kind)?;
        if self.kind == EntryKind::COMMAND {
            write!(f, " {}", self.payload.escape_ascii())?;
        }
        Ok(())
    }
}
