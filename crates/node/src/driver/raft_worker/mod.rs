//! The Raft worker: steps the core and hands on what the core permits.
//!
//! A turn takes all that waits, in this order: what the other workers completed,
//! what peers sent, what clients ask, and the clock last. After a pause all timers
//! are due at once, and what lies in the inbox may well say that the leader is
//! there (rule 14). It does no I/O and never blocks.
//!
//! # Writes
//!
//! A leader proposes a client's write and, once the core says where it stands, has
//! the apply worker answer when that very entry is applied. Any other node gives
//! the write an id, sends it to the leader, once, and answers when it applies the
//! entry with that id itself, so that a client reads its own writes there (rule
//! 11). A write whose leader is gone is never sent again: it may have been taken.

mod effects;
mod forwards;
mod ledger;
mod requests;
mod storage_ids;

use std::time::Duration;

use bytes::Bytes;
use raft_core::{
    Effects, Event, Ignored, Incarnation, Index, Membership, NodeId, Proposal, Raft, RoleName,
    Round, Status, StopReason, Term, Ticket, Time,
};
use raft_net::{ForwardId, ForwardOutcome, FrameBody, HandshakeError, TransportEvent};

use self::forwards::Forwards;
use self::ledger::{Asked, Ledger};
use self::storage_ids::StorageIds;
use super::queues::{ApplyItem, FetchItem, Notice, Output, RaftInbox};
use super::request::{Answer, NotDone, Request, RequestError, Unknown};

/// Owns the core, and knows who waits for it.
pub struct RaftWorker {
    raft: Raft,
    /// Reused from step to step.
    effects: Effects,
    own: (NodeId, Incarnation),
    election_timeout: Duration,
    attach_id: fn(Bytes, ForwardId) -> Bytes,
    office: Office,
    membership: Membership,
    /// What the apply worker has reported.
    applied: Index,
    ledger: Ledger,
    forwards: Forwards,
    storage_ids: StorageIds,
    /// The newest round of heartbeats that was sent, and the term it counts in.
    newest_round: (Term, Round),
    /// The core said stop; it gets no more requests.
    is_stopping: bool,
}

/// Who leads, as far as this node knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Office {
    role: RoleName,
    leader: Option<NodeId>,
    /// The last leadership known, under which writes may have been forwarded.
    last_known: Option<(Term, NodeId)>,
}

impl RaftWorker {
    /// A worker for a core that was just restored. `storage_id` is that of this
    /// node's data folder, if it has one.
    pub fn new(
        raft: Raft,
        config: &raft_core::Config,
        storage_id: Option<u64>,
        attach_id: fn(Bytes, ForwardId) -> Bytes,
    ) -> RaftWorker {
        let Status { role, leader, ballot, membership, applied, .. } = raft.status();
        let last_known = leader.map(|leader| (ballot.term, leader));
        let mut storage_ids = StorageIds::default();
        if let Some(id) = storage_id {
            storage_ids.hear(config.id, id, &membership);
        }
        RaftWorker {
            raft,
            effects: Effects::new(),
            own: (config.id, config.incarnation),
            election_timeout: config.election_timeout,
            attach_id,
            office: Office { role, leader, last_known },
            membership,
            applied,
            ledger: Ledger::default(),
            forwards: Forwards::default(),
            storage_ids,
            newest_round: (ballot.term, Round::default()),
            is_stopping: false,
        }
    }

    /// Whether a turn would do something now.
    pub fn has_work(&self, inbox: &RaftInbox, now: Time) -> bool {
        !inbox.is_empty() || self.next_wakeup() <= now
    }

    /// When to give a turn even if nothing comes in.
    pub fn next_wakeup(&self) -> Time {
        self.raft.next_wakeup().min(self.ledger.next_deadline())
    }

    /// A copy of the core's state that operators and tests ask for.
    pub fn status(&self) -> Status {
        self.raft.status()
    }

    /// Brings such a copy up to date; whether anything in it changed.
    pub fn refresh(&self, status: &mut Status) -> bool {
        self.raft.refresh(status)
    }

    /// Does all that waits.
    ///
    /// # Panics
    ///
    /// If another worker breaks a promise to the core; see [`Raft::step`].
    pub fn turn<R>(&mut self, now: Time, inbox: &mut RaftInbox, out: &mut Output<R>) {
        inbox.settled.drain(..).for_each(|ticket| self.ledger.settled(ticket));
        while let Some(event) = inbox.completions.pop_front() {
            if let Event::Applied(index) = event {
                self.applied = self.applied.max(index);
            }
            self.step(now, event, out);
        }
        let mut proposals = Vec::new();
        while let Some(event) = inbox.peers.pop_front() {
            self.on_transport(now, event, &mut proposals, out);
        }
        self.take_requests(now, inbox, proposals, out);
        self.expire(now, out);
        if self.raft.next_wakeup() <= now {
            self.step(now, Event::Wakeup, out);
        }
        self.record_storage_ids(now, out);
    }

    /// Answers everybody who waits here, because the node stops. Those who wait at
    /// the apply worker are answered by it.
    pub fn abandon<R>(&mut self, inbox: &mut RaftInbox, out: &mut Output<R>) {
        let stopping = RequestError::NotDone(NotDone::Stopping);
        for Request { call, permit, .. } in inbox.requests.drain(..) {
            out.world.answers.push(Answer { call, permit, result: Err(stopping) });
        }
        for asked in self.ledger.take_all() {
            let (waiter, error) = match asked {
                Asked::Read(waiter) => (waiter, stopping),
                Asked::Entry(waiter) | Asked::Transfer(waiter) => {
                    (waiter, RequestError::Unknown(Unknown::Stopping))
                }
                Asked::Forwarded(..) | Asked::StorageIds => continue,
            };
            out.world.answers.push(waiter.answer(Err(error)));
        }
    }

    fn on_transport<R>(
        &mut self,
        now: Time,
        event: TransportEvent,
        proposals: &mut Vec<Proposal>,
        out: &mut Output<R>,
    ) {
        match event {
            TransportEvent::Frame { from, incarnation, frame } => match frame.body {
                FrameBody::Raft(message) if message.from == from => {
                    self.step(now, Event::Message { incarnation, message }, out);
                }
                FrameBody::Raft(_) => ignore(from, Ignored::Misdirected, out),
                FrameBody::Forward { request, format, payload } => {
                    if self.forwards.take(from, incarnation, request) {
                        let ticket = self.ledger.next_ticket();
                        self.ledger.ask(ticket, Asked::Forwarded(from, request));
                        proposals.push(Proposal { ticket, format, payload });
                    } else {
                        ignore(from, Ignored::Stale, out);
                    }
                }
                FrameBody::ForwardReply { request, outcome } => {
                    self.on_forward_reply(from, request, outcome, out);
                }
                FrameBody::SnapshotHeader(header) => {
                    out.fetch.push(FetchItem::Header(from, header));
                }
                FrameBody::SnapshotChunk(chunk) => out.fetch.push(FetchItem::Chunk(from, chunk)),
                FrameBody::SnapshotProgress(progress) => {
                    out.fetch.push(FetchItem::Progress(from, progress));
                }
            },
            TransportEvent::PeerConnected { peer, storage, .. } => {
                self.storage_ids.hear(peer, storage, &self.membership);
            }
            TransportEvent::PeerUnreachable(peer) => {
                out.fetch.push(FetchItem::PeerLost(peer));
                self.step(now, Event::PeerUnreachable(peer), out);
            }
            TransportEvent::PeerGone { peer, incarnation } => {
                self.forwards.forget(peer, incarnation);
                out.fetch.push(FetchItem::PeerLost(peer));
                self.step(now, Event::PeerGone { peer, incarnation }, out);
            }
            TransportEvent::Refused { peer, by_peer, error } => {
                // The peer says so by what is committed there: nothing is left to do here.
                if by_peer && matches!(error, HandshakeError::Removed { .. }) {
                    self.is_stopping = true;
                    out.world.stop = Some(StopReason::Removed);
                }
                out.world.notices.push(Notice::PeerRefused { peer, by_peer, error });
            }
        }
    }

    /// The leader refused a forwarded write. That it took one needs no care: the
    /// entry itself will tell.
    fn on_forward_reply<R>(
        &mut self,
        from: NodeId,
        request: ForwardId,
        outcome: ForwardOutcome,
        out: &mut Output<R>,
    ) {
        if (request.node, request.incarnation) != self.own {
            ignore(from, Ignored::Stale, out);
            return;
        }
        if let ForwardOutcome::Refused { reason, .. } = outcome {
            let ticket = Ticket(request.counter);
            let reason = effects::refusal_of(reason);
            out.apply.push(ApplyItem::ForwardRefused { ticket, reason });
        }
    }

    /// Steps the core and hands on what it permits.
    fn step<R>(&mut self, now: Time, event: Event, out: &mut Output<R>) {
        let mut effects = std::mem::take(&mut self.effects);
        self.raft.step(now, event, &mut effects);
        for effect in effects.drain() {
            self.hand_on(now, effect, out);
        }
        self.effects = effects;
    }
}

fn ignore<R>(from: NodeId, reason: Ignored, out: &mut Output<R>) {
    out.world.notices.push(Notice::Ignored { from: Some(from), reason });
}
