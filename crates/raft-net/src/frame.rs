//! One message between two nodes.
//!
//! # Snapshots
//!
//! A snapshot travels on a lane of its own. The sender begins with a
//! [`SnapshotHeader`]; the receiver answers with a [`SnapshotProgress`] that says
//! how many chunks it has already (more than none if an earlier stream of the same
//! transfer broke), and the sender goes on from there. The receiver reports its
//! progress after each chunk, which lets the sender keep a few in flight and no
//! more. After the last chunk the receiver reports [`Progress::Complete`], or
//! [`Progress::Failed`] if it cannot take the snapshot.

use std::fmt;

use bytes::Bytes;
use raft_core::{Incarnation, Message, NodeId, Position, Refusal, SnapshotMeta, Term, TransferId};
use raft_storage::Chunk;

/// One message between two nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Which replicated group it is for: 0, until processes hold several.
    pub group: u64,
    /// What it says.
    pub body: FrameBody,
}

/// What a frame says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FrameBody {
    /// A message of the protocol's core.
    Raft(Message),
    /// A client's write, from the node that took it to the leader. Sent once.
    Forward {
        /// Names the write; it stands in the log entry too.
        request: ForwardId,
        /// The version of the payload's encoding.
        format: u8,
        /// The command.
        payload: Bytes,
    },
    /// What the receiver did with a forwarded write.
    ForwardReply {
        /// The write.
        request: ForwardId,
        /// What became of it so far.
        outcome: ForwardOutcome,
    },
    /// Begins or resumes a snapshot.
    SnapshotHeader(SnapshotHeader),
    /// A piece of a snapshot.
    SnapshotChunk(SnapshotChunk),
    /// How far the receiver of a snapshot is.
    SnapshotProgress(SnapshotProgress),
}

/// Names one forwarded write among all that any life of any node ever forwarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ForwardId {
    /// The node that took the write from the client.
    pub node: NodeId,
    /// Its life.
    pub incarnation: Incarnation,
    /// Counted up within that life.
    pub counter: u64,
}

/// The answer to a forwarded write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ForwardOutcome {
    /// It stands in the leader's log here; it has succeeded once this very
    /// position is applied.
    Accepted(Position),
    /// It was not taken, and never will be.
    Refused {
        /// Why.
        reason: ForwardRefusal,
        /// Who leads, as far as the sender knows.
        leader: Option<NodeId>,
    },
}

/// Why a forwarded write was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ForwardRefusal {
    /// The receiver does not lead.
    NotLeader,
    /// The receiver's leadership ended before it took the write.
    LeadershipLost,
    /// The leadership is being handed over.
    Transferring,
    /// The leader has too much to do already.
    Overloaded,
}

impl ForwardRefusal {
    /// What the core's refusal of a proposal means for one that was forwarded;
    /// `None` for those that no proposal gets.
    pub fn of_proposal(refusal: Refusal) -> Option<ForwardRefusal> {
        match refusal {
            Refusal::NotLeader => Some(ForwardRefusal::NotLeader),
            Refusal::LeadershipLost => Some(ForwardRefusal::LeadershipLost),
            Refusal::Transferring => Some(ForwardRefusal::Transferring),
            Refusal::Overloaded => Some(ForwardRefusal::Overloaded),
            Refusal::ChangeInProgress
            | Refusal::InvalidChange(_)
            | Refusal::BadTransferTarget
            | Refusal::TransferTimedOut => None,
        }
    }
}

/// Begins or resumes the stream of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotHeader {
    /// The transfer.
    pub id: TransferId,
    /// The sender's term.
    pub term: Term,
    /// What the snapshot covers.
    pub meta: SnapshotMeta,
}

/// A piece of a snapshot on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotChunk {
    /// The transfer.
    pub id: TransferId,
    /// Counted from 0 over the whole snapshot: a receiver takes them in order only.
    pub number: u64,
    /// The piece.
    pub chunk: Chunk,
}

/// What the receiver of a snapshot reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SnapshotProgress {
    /// The transfer.
    pub id: TransferId,
    /// How many chunks it has: the number of the next one it wants.
    pub chunks: u64,
    /// Where that leaves the transfer.
    pub progress: Progress,
}

/// The state of a transfer at its receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Progress {
    /// It wants more chunks.
    Receiving,
    /// It has all, verified and synced.
    Complete,
    /// It gave up on this transfer.
    Failed,
}

/// The ways to one peer. What lies in one never delays another; within one the
/// order is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// Heartbeats, elections, reads: small, and late is as bad as lost.
    Urgent,
    /// Appends, forwarded writes, and the answers to all that is not urgent.
    Bulk,
    /// Snapshots: their headers and chunks.
    Snapshot,
}

impl Lane {
    /// All lanes.
    pub const ALL: [Lane; 3] = [Lane::Urgent, Lane::Bulk, Lane::Snapshot];
}

impl Frame {
    /// A frame of group 0.
    pub fn new(body: FrameBody) -> Frame {
        Frame { group: 0, body }
    }

    /// The lane it belongs on.
    pub fn lane(&self) -> Lane {
        match &self.body {
            FrameBody::Raft(message) if message.body.is_urgent() => Lane::Urgent,
            FrameBody::Raft(_)
            | FrameBody::Forward { .. }
            | FrameBody::ForwardReply { .. }
            | FrameBody::SnapshotProgress(_) => Lane::Bulk,
            FrameBody::SnapshotHeader(_) | FrameBody::SnapshotChunk(_) => Lane::Snapshot,
        }
    }
}

impl fmt::Display for ForwardId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.node, self.incarnation, self.counter)
    }
}

impl fmt::Display for ForwardRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ForwardRefusal::NotLeader => "not leader",
            ForwardRefusal::LeadershipLost => "leadership lost",
            ForwardRefusal::Transferring => "leadership is being transferred",
            ForwardRefusal::Overloaded => "overloaded",
        })
    }
}

impl fmt::Display for ForwardOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ForwardOutcome::Accepted(position) => write!(f, "accepted {position}"),
            ForwardOutcome::Refused { reason, leader: Some(leader) } => {
                write!(f, "refused: {reason}, leader {leader}")
            }
            ForwardOutcome::Refused { reason, leader: None } => write!(f, "refused: {reason}"),
        }
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Lane::Urgent => "urgent",
            Lane::Bulk => "bulk",
            Lane::Snapshot => "snapshot",
        })
    }
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.group != 0 {
            write!(f, "group {} ", self.group)?;
        }
        match &self.body {
            FrameBody::Raft(message) => write!(f, "{message}"),
            FrameBody::Forward { request, payload, .. } => {
                write!(f, "Forward {request} {}", payload.escape_ascii())
            }
            FrameBody::ForwardReply { request, outcome } => {
                write!(f, "ForwardReply {request} {outcome}")
            }
            FrameBody::SnapshotHeader(SnapshotHeader { id, term, meta }) => {
                write!(f, "SnapshotHeader {id} term={term} {meta}")
            }
            FrameBody::SnapshotChunk(SnapshotChunk { id, number, chunk }) => write!(
                f,
                "SnapshotChunk {id} #{number} {}@{} bytes={}{}",
                chunk.file,
                chunk.offset,
                chunk.bytes.len(),
                if chunk.ends_snapshot { " last" } else { "" }
            ),
            FrameBody::SnapshotProgress(SnapshotProgress { id, chunks, progress }) => {
                write!(f, "SnapshotProgress {id} chunks={chunks} {progress:?}")
            }
        }
    }
}
