//! What lies between the workers: plain queues, owned by whoever gives the turns.

use std::collections::VecDeque;
use std::fmt;

use raft_core::{
    Entry, Event, Ignored, Index, Membership, NodeId, Position, Refusal, RoleName, Round,
    SnapshotMeta, StopReason, Term, Ticket, TransferId, Write, WriteSeq,
};
use raft_net::{
    Frame, HandshakeError, SnapshotChunk, SnapshotHeader, SnapshotProgress, TransportEvent,
};
use raft_storage::{SnapshotJob, StorageError};

use super::request::{Answer, Request, Waiter};

/// The input of the Raft worker. It is drained in the order of the fields.
#[derive(Debug, Default)]
pub struct RaftInbox {
    /// Requests that the apply worker has answered.
    pub settled: Vec<Ticket>,
    /// What the other workers completed.
    pub completions: VecDeque<Event>,
    /// What came from the transport.
    pub peers: VecDeque<TransportEvent>,
    /// What clients ask for.
    pub requests: VecDeque<Request>,
}

impl RaftInbox {
    /// What waits at a start: the core has not yet said what may be done with what
    /// the disks hold.
    pub fn at_start() -> RaftInbox {
        RaftInbox { completions: [Event::Wakeup].into(), ..RaftInbox::default() }
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.settled.is_empty()
            && self.completions.is_empty()
            && self.peers.is_empty()
            && self.requests.is_empty()
    }
}

/// The input of the log worker.
#[derive(Debug, Default)]
pub struct LogInbox {
    /// What the other workers tell it.
    pub notes: VecDeque<LogNote>,
    /// Writes, in order.
    pub writes: VecDeque<Write>,
    /// Entries up to here are committed, and durable here. No work by itself.
    pub committed: Index,
}

/// What the other workers tell the log worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogNote {
    /// How far the log may be purged by now.
    PurgeBound(PurgeBound),
    /// Step 3 of an installation: the state is replaced and the snapshot is the
    /// newest one. The log may be reset.
    SnapshotPromoted(WriteSeq),
    /// Step 5 of an installation: it is over.
    InstallFinished(WriteSeq),
}

/// How far the log may be purged: up to the lower one of the two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PurgeBound {
    /// What the state would be found at after a crash.
    pub durable: Index,
    /// What the newest complete snapshot covers.
    pub snapshot: Index,
}

impl PurgeBound {
    /// The last index that may be purged.
    pub fn index(self) -> Index {
        self.durable.min(self.snapshot)
    }

    /// Takes in a later bound; bounds never go back.
    pub fn raise(&mut self, later: PurgeBound) {
        self.durable = self.durable.max(later.durable);
        self.snapshot = self.snapshot.max(later.snapshot);
    }
}

/// The input of the apply worker.
#[derive(Debug, Default)]
pub struct ApplyInbox {
    /// What the log worker tells it.
    pub notes: VecDeque<ApplyNote>,
    /// What there is to do, in order.
    pub items: VecDeque<ApplyItem>,
}

/// What the log worker tells the apply worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApplyNote {
    /// Step 1 of an installation: all writes before it are durable, and the log
    /// worker waits.
    LogPaused(WriteSeq),
    /// Step 4 of an installation: the log begins anew after the snapshot.
    LogReset(WriteSeq),
    /// The log has outgrown its limit: make the state durable.
    Flush,
}

/// What there is to do for the apply worker.
#[derive(Debug, PartialEq, Eq)]
pub enum ApplyItem {
    /// Apply these committed entries.
    Entries(Vec<Entry>),
    /// Answer this client when its entry is applied.
    AwaitPosition {
        /// The entry.
        position: Position,
        /// The client.
        waiter: Waiter,
    },
    /// Answer this client when the entry is applied that carries its ticket.
    AwaitForwarded(Waiter),
    /// Answer this client when the index is applied.
    AwaitRead {
        /// The index.
        index: Index,
        /// The client.
        waiter: Waiter,
    },
    /// The leader did not take a forwarded write.
    ForwardRefused {
        /// The write.
        ticket: Ticket,
        /// Why.
        reason: Refusal,
    },
    /// Another leadership began: the fate of forwarded writes is unknown.
    LeaderChanged,
    /// A client's deadline passed.
    Expired(Ticket),
    /// Prepare a snapshot.
    TakeSnapshot,
    /// A snapshot of the own state is complete.
    SnapshotWritten(SnapshotMeta),
    /// Replace the state, once the log worker waits too.
    Install {
        /// The write that the log worker waits at.
        write: WriteSeq,
        /// Who sent the snapshot.
        from: NodeId,
        /// The transfer.
        id: TransferId,
        /// What it covers.
        meta: SnapshotMeta,
    },
}

impl ApplyItem {
    /// Whether it is to be seen to soon. A client that is registered for an entry has
    /// time until the entry comes.
    pub fn is_urgent(&self) -> bool {
        !matches!(self, ApplyItem::AwaitPosition { .. } | ApplyItem::AwaitForwarded(_))
    }
}

/// The input of the fetch worker.
#[derive(Debug, Default)]
pub struct FetchInbox {
    /// What there is to do, in order.
    pub items: VecDeque<FetchItem>,
}

/// What there is to do for the fetch worker.
pub enum FetchItem {
    /// Read entries for a peer; see [`raft_core::Effect::Fetch`].
    Read {
        /// Comes back.
        id: u64,
        /// Comes back.
        epoch: u64,
        /// The first index.
        first: Index,
        /// The last index.
        last: Index,
        /// The most bytes to read, one entry excepted.
        max_bytes: u64,
    },
    /// Write a prepared snapshot.
    WriteSnapshot(Box<dyn SnapshotJob>),
    /// Send the newest snapshot.
    SendSnapshot {
        /// The receiver.
        to: NodeId,
        /// The own term.
        term: Term,
        /// Names the transfer.
        id: TransferId,
    },
    /// A peer begins or resumes a snapshot.
    Header(NodeId, SnapshotHeader),
    /// A peer sent a piece of a snapshot.
    Chunk(NodeId, SnapshotChunk),
    /// A peer reports how much of a snapshot it has.
    Progress(NodeId, SnapshotProgress),
    /// What was sent to a peer may be lost.
    PeerLost(NodeId),
    /// Step 2 of an installation: the state is replaced; make the received
    /// snapshot the newest one.
    Promote {
        /// The write that the log worker waits at.
        write: WriteSeq,
        /// Who sent the snapshot.
        from: NodeId,
        /// The transfer.
        id: TransferId,
    },
    /// A received snapshot is not needed.
    Discard {
        /// Who sent it.
        from: NodeId,
        /// The transfer.
        id: TransferId,
    },
}

impl fmt::Debug for FetchItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FetchItem::Read { id, first, last, .. } => write!(f, "Read {id} {first}..={last}"),
            FetchItem::WriteSnapshot(_) => f.write_str("WriteSnapshot"),
            FetchItem::SendSnapshot { to, id, .. } => write!(f, "SendSnapshot to={to} id={id}"),
            FetchItem::Header(from, header) => write!(f, "Header from={from} id={}", header.id),
            FetchItem::Chunk(from, chunk) => {
                write!(f, "Chunk from={from} id={} #{}", chunk.id, chunk.number)
            }
            FetchItem::Progress(from, progress) => {
                write!(f, "Progress from={from} id={} chunks={}", progress.id, progress.chunks)
            }
            FetchItem::PeerLost(peer) => write!(f, "PeerLost {peer}"),
            FetchItem::Promote { write, from, id } => {
                write!(f, "Promote {write} from={from} id={id}")
            }
            FetchItem::Discard { from, id } => write!(f, "Discard from={from} id={id}"),
        }
    }
}

/// All queues of a node.
#[derive(Debug, Default)]
pub struct Inboxes {
    /// Of the Raft worker.
    pub raft: RaftInbox,
    /// Of the log worker.
    pub log: LogInbox,
    /// Of the apply worker.
    pub apply: ApplyInbox,
    /// Of the fetch worker.
    pub fetch: FetchInbox,
}

/// What a turn gives: what goes to the other workers, and what goes out. Its owner
/// hands everything on, each list in its order.
#[derive(Debug)]
pub struct Output<R> {
    /// To [`RaftInbox::settled`].
    pub settled: Vec<Ticket>,
    /// To [`RaftInbox::completions`].
    pub completions: Vec<Event>,
    /// To [`LogInbox::notes`].
    pub log_notes: Vec<LogNote>,
    /// To [`LogInbox::writes`].
    pub writes: Vec<Write>,
    /// To [`LogInbox::committed`], if it rose.
    pub committed: Option<Index>,
    /// To [`ApplyInbox::notes`].
    pub apply_notes: Vec<ApplyNote>,
    /// To [`ApplyInbox::items`].
    pub apply: Vec<ApplyItem>,
    /// To [`FetchInbox::items`].
    pub fetch: Vec<FetchItem>,
    /// To the world outside.
    pub world: World<R>,
}

impl<R> Output<R> {
    /// An empty output.
    pub fn new() -> Output<R> {
        Output {
            settled: Vec::new(),
            completions: Vec::new(),
            log_notes: Vec::new(),
            writes: Vec::new(),
            committed: None,
            apply_notes: Vec::new(),
            apply: Vec::new(),
            fetch: Vec::new(),
            world: World::new(),
        }
    }

    /// Hands on what goes to the workers; what goes out stays.
    ///
    /// Where each inbox has a lock of its own and its worker a thread, the order in
    /// which they are filled is that of this function: the bound of a purge must be
    /// there before the core hears of the snapshot and answers with the purge.
    pub fn hand_on(&mut self, inboxes: &mut Inboxes) {
        inboxes.log.notes.extend(self.log_notes.drain(..));
        inboxes.log.writes.extend(self.writes.drain(..));
        if let Some(committed) = self.committed.take() {
            inboxes.log.committed = committed;
        }
        inboxes.apply.notes.extend(self.apply_notes.drain(..));
        inboxes.apply.items.extend(self.apply.drain(..));
        inboxes.fetch.items.extend(self.fetch.drain(..));
        inboxes.raft.settled.append(&mut self.settled);
        inboxes.raft.completions.extend(self.completions.drain(..));
    }
}

impl<R> Default for Output<R> {
    fn default() -> Output<R> {
        Output::new()
    }
}

/// What leaves the driver.
#[derive(Debug)]
pub struct World<R> {
    /// Frames for the transport, with their receivers.
    pub frames: Vec<(NodeId, Frame)>,
    /// Peers to be probed by the transport.
    pub probes: Vec<NodeId>,
    /// Answers to clients.
    pub answers: Vec<Answer<R>>,
    /// What operators want to know.
    pub notices: Vec<Notice>,
    /// The node must stop for good, after it has applied and sent what is on its way.
    pub stop: Option<StopReason>,
}

impl<R> World<R> {
    /// Nothing.
    pub fn new() -> World<R> {
        World {
            frames: Vec::new(),
            probes: Vec::new(),
            answers: Vec::new(),
            notices: Vec::new(),
            stop: None,
        }
    }

    /// Takes in what another turn gave, behind what is there.
    pub fn append(&mut self, later: World<R>) {
        let World { frames, probes, answers, notices, stop } = later;
        self.frames.extend(frames);
        self.probes.extend(probes);
        self.answers.extend(answers);
        self.notices.extend(notices);
        self.stop = self.stop.take().or(stop);
    }
}

impl<R> Default for World<R> {
    fn default() -> World<R> {
        World::new()
    }
}

/// Something for logs, counters and those who connect to peers.
#[derive(Debug)]
pub enum Notice {
    /// See [`raft_core::Effect::RoleChanged`].
    RoleChanged {
        /// The role now.
        role: RoleName,
        /// The term now.
        term: Term,
        /// The leader of this term, if known.
        leader: Option<NodeId>,
    },
    /// See [`raft_core::Effect::MembershipChanged`].
    MembershipChanged {
        /// The index of the entry that holds it.
        index: Index,
        /// The membership in force.
        membership: Membership,
    },
    /// See [`raft_core::Effect::Ignored`].
    Ignored {
        /// Who sent it, if somebody did.
        from: Option<NodeId>,
        /// Why.
        reason: Ignored,
    },
    /// This leader began a round of heartbeats, as it does for the reads that wait
    /// (and to tell a removed peer of its removal). A cluster of one needs none.
    RoundBegun(Round),
    /// A peer and this node do not belong together.
    PeerRefused {
        /// The peer.
        peer: NodeId,
        /// Whether it was the peer that refused.
        by_peer: bool,
        /// Why.
        error: HandshakeError,
    },
    /// A snapshot of the own state is complete.
    SnapshotTaken(SnapshotMeta),
    /// A snapshot took the place of the state.
    SnapshotInstalled(SnapshotMeta),
    /// A disk refused something that can be tried again; what was attempted, and why.
    Failed {
        /// What was attempted.
        what: &'static str,
        /// Why it failed.
        error: StorageError,
    },
}
