//! What can happen to a node: the input of [`Raft::step`](crate::Raft::step).

use std::fmt;

use bytes::Bytes;

use crate::entry::Entry;
use crate::membership::Change;
use crate::message::Message;
use crate::types::{Incarnation, Index, NodeId, Term, Ticket, TransferId, WriteSeq};

pub use crate::log::SnapshotMeta;

/// One thing that happened.
///
/// # Contract of the caller
///
/// **Writes** are performed in the order of their effects, and `Persisted(seq)` is
/// given only when the write `seq` *and all before it* are on stable storage. A
/// report may be left out if a later one follows; an older one after a newer one
/// says nothing. Without reports this node counts for nothing, and a leader
/// resigns. The same holds of `Applied`: in the order of the batches, and only what
/// was given.
///
/// **Work that was asked for ends**, with exactly one event for each effect, however
/// it ends: [`Fetch`](crate::Effect::Fetch) with `Fetched`,
/// [`SendSnapshot`](crate::Effect::SendSnapshot) with `SnapshotSent` (unless a later
/// one to the same peer took its place), [`TakeSnapshot`](crate::Effect::TakeSnapshot)
/// with `SnapshotTaken` or `SnapshotFailed`. It may take as long as it takes: for the
/// core cannot tell slow work from work that was lost, it waits and does not ask
/// again. Without its `Fetched` a peer gets no entries until the stream to it breaks,
/// without its `SnapshotSent` until it acknowledges the snapshot or the office ends;
/// a snapshot that never ends keeps the log from being purged. One of these events
/// that comes twice does no harm.
///
/// **Order matters** in two places besides. `SnapshotTaken` comes after the
/// `Applied`, or the `Persisted` of the installation, of the index that it holds;
/// earlier it counts as `SnapshotFailed`. `PeerGone` comes after the last message of
/// the life that ended; a message of it that comes later is taken for late, and, an
/// election timeout after the report, for proof that the report was wrong.
///
/// **Everything else** may come in any order, late, twice or never: messages,
/// requests (each is answered once for each time that it comes), wake-ups, reports
/// about peers, and snapshots that came in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// The time of [`Raft::next_wakeup`](crate::Raft::next_wakeup) has come (or
    /// may have come). Timers fire in this event only: after a pause the caller
    /// gives what lies in the inbox first, the wake-up last (rule 14).
    Wakeup,
    /// A message came in from a process that is or was alive as `incarnation`.
    Message {
        /// The life of the sender's process that sent it.
        incarnation: Incarnation,
        /// The message.
        message: Message,
    },
    /// Commands to replicate, in this order.
    Propose(Vec<Proposal>),
    /// At which index may a linearizable read be served?
    Read(Ticket),
    /// Change who belongs to the cluster.
    ChangeMembership {
        /// Comes back in the answer.
        ticket: Ticket,
        /// What to change.
        change: Change,
    },
    /// Hand the leadership over.
    TransferLeadership {
        /// Comes back in the answer.
        ticket: Ticket,
        /// To whom; `None` lets the core choose a voter that has caught up.
        to: Option<NodeId>,
    },
    /// All writes up to and including `seq` are on stable storage.
    Persisted(WriteSeq),
    /// The state machine has applied everything up to this index.
    Applied(Index),
    /// What an [`Effect::Fetch`](crate::Effect::Fetch) asked for. Each must be answered.
    Fetched {
        /// The fetch's id.
        id: u64,
        /// The log's epoch that the fetch carried.
        epoch: u64,
        /// Consecutive entries from the first one asked for, at least one; `None`
        /// if they could not be read (purged meanwhile).
        entries: Option<Vec<Entry>>,
    },
    /// A snapshot of the own state is complete: it can be installed from, it is
    /// synced, and the own state at its index is durable too. What was applied up to
    /// that index has been reported before.
    SnapshotTaken(SnapshotMeta),
    /// The snapshot asked for could not be taken; the core asks again later.
    SnapshotFailed,
    /// A whole snapshot came in, was verified and synced aside. It lies there until
    /// it is installed ([`WriteOp::Install`](crate::WriteOp::Install)) or thrown away
    /// ([`Effect::DiscardSnapshot`](crate::Effect::DiscardSnapshot)).
    SnapshotReceived {
        /// The leader that sent it.
        from: NodeId,
        /// The term in which it was sent.
        term: Term,
        /// The transfer.
        id: TransferId,
        /// What the snapshot covers.
        meta: SnapshotMeta,
    },
    /// An [`Effect::SendSnapshot`](crate::Effect::SendSnapshot) ended. Each must.
    SnapshotSent {
        /// The receiver.
        to: NodeId,
        /// The transfer.
        id: TransferId,
        /// Whether the receiver has all of it (whether it installs it is told
        /// by its own acknowledgement).
        delivered: bool,
    },
    /// The peer's process of that incarnation is known to be gone: all its
    /// connections are closed, and a redial was refused or reached another
    /// incarnation. Given after the last message of that incarnation (rule 4).
    PeerGone {
        /// The peer.
        peer: NodeId,
        /// The life that ended.
        incarnation: Incarnation,
    },
    /// The stream to a peer broke: what was sent and not acknowledged may be lost.
    PeerUnreachable(NodeId),
}

/// A command to replicate.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Proposal {
    /// Comes back in the answer.
    pub ticket: Ticket,
    /// The version of the payload's encoding.
    pub format: u8,
    /// The command.
    pub payload: Bytes,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::Wakeup => f.write_str("Wakeup"),
            Event::Message { message, .. } => write!(f, "Message {message}"),
            Event::Propose(proposals) => {
                f.write_str("Propose")?;
                proposals
                    .iter()
                    .try_for_each(|p| write!(f, " {}={}", p.ticket, p.payload.escape_ascii()))
            }
            Event::Read(ticket) => write!(f, "Read {ticket}"),
            Event::ChangeMembership { ticket, change } => {
                write!(f, "ChangeMembership {ticket} {change}")
            }
            Event::TransferLeadership { ticket, to: Some(to) } => {
                write!(f, "TransferLeadership {ticket} to={to}")
            }
            Event::TransferLeadership { ticket, to: None } => {
                write!(f, "TransferLeadership {ticket}")
            }
            Event::Persisted(seq) => write!(f, "Persisted {seq}"),
            Event::Applied(index) => write!(f, "Applied {index}"),
            Event::Fetched { id, epoch, entries: Some(entries) } => {
                write!(f, "Fetched {id} epoch={epoch} entries={}", entries.len())
            }
            Event::Fetched { id, epoch, entries: None } => {
                write!(f, "Fetched {id} epoch={epoch} gone")
            }
            Event::SnapshotTaken(meta) => write!(f, "SnapshotTaken {meta}"),
            Event::SnapshotFailed => f.write_str("SnapshotFailed"),
            Event::SnapshotReceived { from, term, id, meta } => {
                write!(f, "SnapshotReceived from={from} term={term} id={id} {meta}")
            }
            Event::SnapshotSent { to, id, delivered } => {
                write!(f, "SnapshotSent to={to} id={id} delivered={delivered}")
            }
            Event::PeerGone { peer, incarnation } => write!(f, "PeerGone {peer}/{incarnation}"),
            Event::PeerUnreachable(peer) => write!(f, "PeerUnreachable {peer}"),
        }
    }
}
