//! What the caller may do now: the output of [`Raft::step`](crate::Raft::step).
//!
//! An effect is a permission. The core never emits one before it is safe to
//! perform it, so the caller cannot get the ordering of disk and network wrong:
//! it performs writes in order, reports them once they are durable, and does
//! everything else whenever it likes.

use std::fmt;

use crate::entry::Entry;
use crate::log::SnapshotMeta;
use crate::membership::Membership;
use crate::message::Message;
use crate::types::{Ballot, Index, NodeId, Position, Term, Ticket, TransferId, WriteSeq};

/// One permission.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Perform this write after all earlier ones, then report
    /// [`Event::Persisted`](crate::Event::Persisted).
    Persist(Write),
    /// Send this message.
    Send(Message),
    /// Apply these consecutive committed entries, then report
    /// [`Event::Applied`](crate::Event::Applied).
    Apply(Vec<Entry>),
    /// Read entries from the log store for a peer that is behind, then report
    /// [`Event::Fetched`](crate::Event::Fetched).
    Fetch {
        /// Comes back in the event.
        id: u64,
        /// Comes back in the event; another epoch meanwhile makes it void (rule 7).
        epoch: u64,
        /// The first index to read.
        first: Index,
        /// The last index to read.
        last: Index,
        /// Stop before the sum of [`Entry::size`] passes this, but read one entry at least.
        max_bytes: u64,
    },
    /// Stream the newest complete snapshot to a peer, then report
    /// [`Event::SnapshotSent`](crate::Event::SnapshotSent).
    SendSnapshot {
        /// The receiver.
        to: NodeId,
        /// The own term, which the stream's header carries.
        term: Term,
        /// Names the transfer.
        id: TransferId,
    },
    /// Take a snapshot of the applied state, then report
    /// [`Event::SnapshotTaken`](crate::Event::SnapshotTaken) or
    /// [`Event::SnapshotFailed`](crate::Event::SnapshotFailed).
    TakeSnapshot,
    /// A snapshot that came in is not needed: throw it away.
    DiscardSnapshot {
        /// Who sent it.
        from: NodeId,
        /// The transfer.
        id: TransferId,
    },
    /// Answer a request of the caller's.
    Answer {
        /// The request's own number.
        ticket: Ticket,
        /// The answer.
        reply: Reply,
    },
    /// The role, the term or the known leader changed.
    RoleChanged {
        /// The role now.
        role: RoleName,
        /// The term now.
        term: Term,
        /// The leader of this term, if known.
        leader: Option<NodeId>,
    },
    /// Another membership is in force (perhaps not committed yet): the transport
    /// connects to those who came. Peers that left are still written to until
    /// they know; the transport drops a peer that nothing is sent to.
    MembershipChanged {
        /// The index of the entry that holds it.
        index: Index,
        /// The membership.
        membership: Membership,
    },
    /// Find out at once whether this peer's process is still there (rule 4).
    Probe(NodeId),
    /// An input was put aside; count it under this name.
    Ignored {
        /// Who sent it, if somebody did.
        from: Option<NodeId>,
        /// Why.
        reason: Ignored,
    },
    /// This node must stop for good.
    Stop(StopReason),
}

/// A write to the ordered stream of the log's disk.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Write {
    /// Its number; numbers are consecutive.
    pub seq: WriteSeq,
    /// What to write.
    pub op: WriteOp,
}

/// What a [`Write`] does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum WriteOp {
    /// Replace the ballot.
    Ballot(Ballot),
    /// Append entries (consecutive, not empty). Whatever the log holds from the
    /// first one's index on is replaced.
    Append(Vec<Entry>),
    /// Forget all entries up to and including this position; they are in a complete
    /// snapshot and in the durable state.
    Purge(SnapshotMeta),
    /// Replace log and state by a snapshot that lies aside. A barrier: nothing
    /// else is written, applied or acknowledged across it (rule 9).
    Install {
        /// Who sent the snapshot.
        from: NodeId,
        /// The transfer.
        id: TransferId,
        /// What it covers; the log is empty after it, the ballot stays.
        meta: SnapshotMeta,
    },
}

/// The answer to a request of the caller's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reply {
    /// A proposal or a change of membership is in the leader's log here. It has
    /// succeeded once this very position is applied; another term applied at
    /// that index means it certainly never will be.
    Accepted(Position),
    /// A read may be served once this index is applied.
    ReadAt(Index),
    /// The leadership went to this node.
    Transferred(NodeId),
    /// Not done, and it never will be; after [`Refusal::TransferTimedOut`] alone it may
    /// be yet.
    Refused {
        /// Why.
        reason: Refusal,
        /// Who leads, as far as is known.
        leader: Option<NodeId>,
    },
}

/// Why a request was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refusal {
    /// Only the leader can do it. (Reads on a follower: there is no leader.)
    NotLeader,
    /// The leadership ended, or changed, while the request waited.
    LeadershipLost,
    /// The leadership is being handed over; ask the next leader.
    Transferring,
    /// Too much is uncommitted or unapplied already.
    Overloaded,
    /// A membership change is still under way, or the leader has not yet
    /// committed an entry of its own term.
    ChangeInProgress,
    /// The change makes no sense on the membership in force; says why.
    InvalidChange(InvalidChange),
    /// The transfer's target is no voter, is this node, or is not there.
    BadTransferTarget,
    /// The target did not take over within an election timeout. It may still do so: if
    /// it was told to campaign, that message may only be late.
    TransferTimedOut,
}

pub use crate::membership::InvalidChange;

/// A node's role, without its details.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RoleName {
    /// Follows, and may campaign.
    Follower,
    /// Follows, and may not campaign: not a voter of the membership in force.
    Learner,
    /// Asks whether it would be elected.
    PreCandidate,
    /// Stands for election.
    Candidate,
    /// Leads.
    Leader,
}

/// Why an input was put aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ignored {
    /// Its `to` is another node, or its `from` is this one.
    Misdirected,
    /// An answer of an older term.
    OldTerm,
    /// It does not fit the role this node has now, or it is from somebody whom
    /// this leader does not replicate to.
    WrongRole,
    /// It answers something that is no longer asked (delayed, repeated).
    Stale,
    /// It contradicts itself or what is certain: the sender is broken.
    Malformed,
    /// A second leader in one term: somebody broke the rules of voting.
    SecondLeader,
    /// A vote was asked while a leader is known to be well (thesis, section 4.2.3).
    LeaderIsWell,
}

/// Why this node must stop.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StopReason {
    /// Its removal from the cluster is committed.
    Removed,
    /// The leader's log holds an entry of a kind, or a membership of a format, that
    /// this version does not know: upgrade.
    UnknownEntry(Position),
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StopReason::Removed => f.write_str("this member was removed from the cluster"),
            StopReason::UnknownEntry(position) => write!(
                f,
                "the log's entry {position} is of a kind or format that this version does not \
                 know: upgrade this node to the version that the rest of the cluster runs"
            ),
        }
    }
}

impl fmt::Display for RoleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RoleName::Follower => "follower",
            RoleName::Learner => "learner",
            RoleName::PreCandidate => "pre-candidate",
            RoleName::Candidate => "candidate",
            RoleName::Leader => "leader",
        })
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::NotLeader => f.write_str("not leader"),
            Refusal::LeadershipLost => f.write_str("leadership lost"),
            Refusal::Transferring => f.write_str("leadership is being transferred"),
            Refusal::Overloaded => f.write_str("overloaded"),
            Refusal::ChangeInProgress => f.write_str("a membership change is in progress"),
            Refusal::InvalidChange(why) => write!(f, "invalid change: {why}"),
            Refusal::BadTransferTarget => f.write_str("bad transfer target"),
            Refusal::TransferTimedOut => f.write_str("transfer timed out"),
        }
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reply::Accepted(position) => write!(f, "accepted {position}"),
            Reply::ReadAt(index) => write!(f, "read at {index}"),
            Reply::Transferred(to) => write!(f, "transferred to {to}"),
            Reply::Refused { reason, leader: Some(leader) } => {
                write!(f, "refused: {reason}, leader {leader}")
            }
            Reply::Refused { reason, leader: None } => write!(f, "refused: {reason}"),
        }
    }
}

impl fmt::Display for WriteOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WriteOp::Ballot(ballot) => write!(f, "ballot {ballot}"),
            WriteOp::Append(entries) => {
                f.write_str("append [")?;
                for (i, entry) in entries.iter().enumerate() {
                    write!(f, "{}{entry}", if i == 0 { "" } else { ", " })?;
                }
                f.write_str("]")
            }
            WriteOp::Purge(meta) => write!(f, "purge through {}", meta.position),
            WriteOp::Install { from, id, meta } => write!(f, "install {meta} from {from} id {id}"),
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Effect::Persist(write) => write!(f, "Persist {} {}", write.seq, write.op),
            Effect::Send(message) => write!(f, "Send {message}"),
            Effect::Apply(entries) => {
                f.write_str("Apply [")?;
                for (i, entry) in entries.iter().enumerate() {
                    write!(f, "{}{entry}", if i == 0 { "" } else { ", " })?;
                }
                f.write_str("]")
            }
            Effect::Fetch { id, epoch, first, last, max_bytes } => {
                write!(f, "Fetch {id} epoch={epoch} {first}..={last} max_bytes={max_bytes}")
            }
            Effect::SendSnapshot { to, term, id } => {
                write!(f, "SendSnapshot to={to} term={term} id={id}")
            }
            Effect::TakeSnapshot => f.write_str("TakeSnapshot"),
            Effect::DiscardSnapshot { from, id } => {
                write!(f, "DiscardSnapshot from={from} id={id}")
            }
            Effect::Answer { ticket, reply } => write!(f, "Answer {ticket} {reply}"),
            Effect::RoleChanged { role, term, leader: Some(leader) } => {
                write!(f, "RoleChanged {role} term={term} leader={leader}")
            }
            Effect::RoleChanged { role, term, leader: None } => {
                write!(f, "RoleChanged {role} term={term}")
            }
            Effect::MembershipChanged { index, membership } => {
                write!(f, "MembershipChanged index={index} {membership}")
            }
            Effect::Probe(peer) => write!(f, "Probe {peer}"),
            Effect::Ignored { from: Some(from), reason } => write!(f, "Ignored {reason:?} {from}"),
            Effect::Ignored { from: None, reason } => write!(f, "Ignored {reason:?}"),
            Effect::Stop(reason) => write!(f, "Stop: {reason}"),
        }
    }
}

/// The buffer that [`Raft::step`](crate::Raft::step) fills, owned by the caller.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Effects {
    list: Vec<Effect>,
}

impl Effects {
    /// An empty buffer.
    pub fn new() -> Effects {
        Effects::default()
    }

    pub(crate) fn push(&mut self, effect: Effect) {
        self.list.push(effect);
    }

    /// Takes all effects out, in the order in which they were emitted.
    pub fn drain(&mut self) -> std::vec::Drain<'_, Effect> {
        self.list.drain(..)
    }

    /// The effects, in the order in which they were emitted.
    pub fn iter(&self) -> std::slice::Iter<'_, Effect> {
        self.list.iter()
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}
