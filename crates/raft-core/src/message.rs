//! Messages between nodes.

use std::fmt;

use crate::entry::Entry;
use crate::types::{Incarnation, Index, NodeId, Position, Term, TransferId};

/// A message of one node's core to another's. The transport may lose, repeat,
/// delay and reorder messages.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Message {
    /// The sender.
    pub from: NodeId,
    /// The receiver.
    pub to: NodeId,
    /// The sender's term. (That of a pre-vote too: the term it asks for is in the body.)
    pub term: Term,
    /// What it says.
    pub body: Body,
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}→{} term {} {}", self.from, self.to, self.term, self.body)
    }
}

/// A round of heartbeats within one term of one leader. Rounds confirm that the
/// leader was still in office after the round was sent (thesis, section 6.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Round(pub u64);

impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "r{}", self.0)
    }
}

/// Names one batch of reads that a follower asks its leader about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReadId {
    /// The follower.
    pub node: NodeId,
    /// Its life: a restarted follower must not take an answer meant for its
    /// earlier life.
    pub incarnation: Incarnation,
    /// Counted up within that life.
    pub counter: u64,
}

impl fmt::Display for ReadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.node, self.incarnation, self.counter)
    }
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Body {
    /// AppendEntries (Raft paper, figure 2).
    Append {
        /// The entry just before the first one sent.
        prev: Position,
        /// Consecutive entries after `prev`; may be empty.
        entries: Vec<Entry>,
        /// The leader's commit index.
        commit: Index,
    },
    /// The log agrees with the leader's up to `matched`, and that is durable.
    AppendAccepted {
        /// The highest index that is durable and verified against this leader in this term.
        matched: Index,
    },
    /// The log does not hold `prev`.
    AppendRejected {
        /// The `prev.index` of the refused append.
        prev: Index,
        /// The last entry at or below `prev` whose term is at most that of
        /// `prev`: nothing above it can agree with the leader's log.
        hint: Position,
    },
    /// Keeps the office and confirms it.
    Heartbeat {
        /// The newest round; acknowledging it confirms all earlier ones.
        round: Round,
        /// The commit index, at most what this follower is known to hold.
        commit: Index,
    },
    /// Recognises the sender of a heartbeat as the leader of this term.
    HeartbeatAck {
        /// The heartbeat's round.
        round: Round,
        /// How far the follower's log is verified against this leader in this
        /// term; tells the leader when an append or its answer was lost.
        verified: Index,
    },
    /// Would you vote for me? (thesis, section 9.6)
    PreVote {
        /// The term the sender would stand in.
        next: Term,
        /// The sender's last entry.
        last: Position,
    },
    /// The answer to a pre-vote.
    PreVoteReply {
        /// The term that was asked about.
        next: Term,
        /// Whether the sender would vote so.
        granted: bool,
    },
    /// RequestVote (Raft paper, figure 2).
    Vote {
        /// The candidate's last entry.
        last: Position,
        /// The leader itself asked for this election ([`Body::TimeoutNow`]), so
        /// loyalty to it is no reason to refuse.
        transfer: bool,
    },
    /// The answer to a vote request.
    VoteReply {
        /// Whether the vote was given; if so it is durable.
        granted: bool,
    },
    /// Your term is over: the sender has seen a higher one (the message's own term).
    HigherTerm,
    /// Campaign at once: the leader hands over to you (thesis, section 3.10).
    TimeoutNow,
    /// At which index may these reads be served?
    ReadIndex {
        /// Names the batch of reads.
        id: ReadId,
    },
    /// The answer to [`Body::ReadIndex`].
    ReadIndexReply {
        /// The batch.
        id: ReadId,
        /// Serve once this index is applied; `None` if the sender does not lead.
        index: Option<Index>,
    },
    /// The answer to a whole snapshot. (The snapshot itself travels on a stream
    /// of its own and arrives as [`Event::SnapshotReceived`](crate::Event).)
    SnapshotAck {
        /// The transfer.
        id: TransferId,
        /// The highest index that is durable and verified, as in `AppendAccepted`.
        matched: Index,
    },
}

impl Body {
    /// Whether the message asks for something; only these are answered with
    /// one's own term when theirs is old (answering answers would never end).
    pub fn is_request(&self) -> bool {
        match self {
            Body::Append { .. }
            | Body::Heartbeat { .. }
            | Body::PreVote { .. }
            | Body::Vote { .. }
            | Body::TimeoutNow
            | Body::ReadIndex { .. } => true,
            Body::AppendAccepted { .. }
            | Body::AppendRejected { .. }
            | Body::HeartbeatAck { .. }
            | Body::PreVoteReply { .. }
            | Body::VoteReply { .. }
            | Body::HigherTerm
            | Body::ReadIndexReply { .. }
            | Body::SnapshotAck { .. } => false,
        }
    }

    /// Whether it belongs on the lane that appends must never delay: elections
    /// and heartbeats, small and urgent.
    pub fn is_urgent(&self) -> bool {
        !matches!(
            self,
            Body::Append { .. } | Body::AppendAccepted { .. } | Body::AppendRejected { .. }
        )
    }
}

impl fmt::Display for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Body::Append { prev, entries, commit } => {
                write!(f, "Append prev={prev} commit={commit} [")?;
                for (i, entry) in entries.iter().enumerate() {
                    write!(f, "{}{entry}", if i == 0 { "" } else { ", " })?;
                }
                f.write_str("]")
            }
            Body::AppendAccepted { matched } => write!(f, "AppendAccepted matched={matched}"),
            Body::AppendRejected { prev, hint } => {
                write!(f, "AppendRejected prev={prev} hint={hint}")
            }
            Body::Heartbeat { round, commit } => write!(f, "Heartbeat {round} commit={commit}"),
            Body::HeartbeatAck { round, verified } => {
                write!(f, "HeartbeatAck {round} verified={verified}")
            }
            Body::PreVote { next, last } => write!(f, "PreVote next={next} last={last}"),
            Body::PreVoteReply { next, granted } => {
                write!(f, "PreVoteReply next={next} granted={granted}")
            }
            Body::Vote { last, transfer } => {
                write!(f, "Vote last={last}{}", if *transfer { " transfer" } else { "" })
            }
            Body::VoteReply { granted } => write!(f, "VoteReply granted={granted}"),
            Body::HigherTerm => f.write_str("HigherTerm"),
            Body::TimeoutNow => f.write_str("TimeoutNow"),
            Body::ReadIndex { id } => write!(f, "ReadIndex {id}"),
            Body::ReadIndexReply { id, index: Some(index) } => {
                write!(f, "ReadIndexReply {id} index={index}")
            }
            Body::ReadIndexReply { id, index: None } => write!(f, "ReadIndexReply {id} refused"),
            Body::SnapshotAck { id, matched } => write!(f, "SnapshotAck {id} matched={matched}"),
        }
    }
}
