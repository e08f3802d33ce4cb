//! Where the core's effects go.

use std::time::Duration;

use raft_core::{
    Body, Effect, Message, NodeId, Refusal, Reply, RoleName, Round, Term, Ticket, Time, WriteOp,
};
use raft_net::{ForwardId, ForwardOutcome, ForwardRefusal, Frame, FrameBody};

use super::ledger::Asked;
use super::{Office, RaftWorker};
use crate::driver::queues::{ApplyItem, FetchItem, Notice, Output};
use crate::driver::request::{Done, NotDone, RequestError, Waiter};

impl RaftWorker {
    /// Gives an effect to whoever performs it.
    pub(super) fn hand_on<R>(&mut self, now: Time, effect: Effect, out: &mut Output<R>) {
        match effect {
            Effect::Persist(write) => {
                if let WriteOp::Install { from, id, meta } = &write.op {
                    // Both sides come to the barrier on their own, each through a
                    // queue that keeps the order; see `log_worker`.
                    let (from, id, meta) = (*from, *id, meta.clone());
                    out.apply.push(ApplyItem::Install { write: write.seq, from, id, meta });
                }
                out.writes.push(write);
            }
            Effect::Send(message) => {
                self.notice_round(&message, out);
                let to = message.to;
                out.world.frames.push((to, Frame::new(FrameBody::Raft(message))));
            }
            Effect::Apply(entries) => {
                out.committed = entries.last().map(|entry| entry.index).or(out.committed);
                out.apply.push(ApplyItem::Entries(entries));
            }
            Effect::Fetch { id, epoch, first, last, max_bytes } => {
                out.fetch.push(FetchItem::Read { id, epoch, first, last, max_bytes });
            }
            Effect::SendSnapshot { to, term, id } => {
                out.fetch.push(FetchItem::SendSnapshot { to, term, id });
            }
            Effect::TakeSnapshot => out.apply.push(ApplyItem::TakeSnapshot),
            Effect::DiscardSnapshot { from, id } => {
                out.fetch.push(FetchItem::Discard { from, id });
            }
            Effect::Answer { ticket, reply } => self.on_answer(now, ticket, reply, out),
            Effect::RoleChanged { role, term, leader } => {
                self.on_role_changed(role, term, leader, out);
                out.world.notices.push(Notice::RoleChanged { role, term, leader });
            }
            Effect::MembershipChanged { index, membership } => {
                self.storage_ids.compare(&membership);
                self.membership = membership.clone();
                out.world.notices.push(Notice::MembershipChanged { index, membership });
            }
            Effect::Probe(peer) => out.world.probes.push(peer),
            Effect::Ignored { from, reason } => {
                out.world.notices.push(Notice::Ignored { from, reason });
            }
            Effect::Stop(reason) => {
                self.is_stopping = true;
                out.world.stop = Some(reason);
            }
        }
    }

    /// Tells of a round when the first of its heartbeats comes out. Heartbeats that
    /// are due by the clock repeat the newest round.
    fn notice_round<R>(&mut self, message: &Message, out: &mut Output<R>) {
        let Body::Heartbeat { round, .. } = message.body else { return };
        let (term, newest) = self.newest_round;
        let newest = if term == message.term { newest } else { Round::default() };
        if round > newest {
            out.world.notices.push(Notice::RoundBegun(round));
        }
        self.newest_round = (message.term, round.max(newest));
    }

    /// The core answers. Whoever was given up on meanwhile has had his answer.
    fn on_answer<R>(&mut self, now: Time, ticket: Ticket, reply: Reply, out: &mut Output<R>) {
        match self.ledger.take(ticket) {
            Some(Asked::Entry(client) | Asked::Read(client) | Asked::Transfer(client)) => {
                self.answer_client(client, reply, out);
            }
            Some(Asked::Forwarded(peer, request)) => answer_peer(peer, request, &reply, out),
            Some(Asked::StorageIds) => {
                let pause = match reply {
                    Reply::Refused { .. } => self.election_timeout,
                    _ => Duration::ZERO,
                };
                self.storage_ids.answered(now.after(pause));
            }
            None => {}
        }
    }

    fn answer_client<R>(&mut self, client: Waiter, reply: Reply, out: &mut Output<R>) {
        let result = match reply {
            Reply::Accepted(position) => {
                out.apply.push(ApplyItem::AwaitPosition { position, waiter: client });
                return;
            }
            Reply::ReadAt(index) if index > self.applied => {
                out.apply.push(ApplyItem::AwaitRead { index, waiter: client });
                return;
            }
            Reply::ReadAt(_) => Ok(Done::Readable(self.applied)),
            Reply::Transferred(to) => Ok(Done::Transferred(to)),
            Reply::Refused { reason, leader } => Err(RequestError::NotDone(match reason {
                Refusal::NotLeader if leader.is_none() => NotDone::NoLeader,
                reason => NotDone::Refused(reason),
            })),
        };
        self.ledger.settled(client.ticket);
        out.world.answers.push(client.answer(result));
    }

    /// Another leadership settles nothing for what was proposed here, whose fate is
    /// told by the log; but what was forwarded may never have arrived.
    fn on_role_changed<R>(
        &mut self,
        role: RoleName,
        term: Term,
        leader: Option<NodeId>,
        out: &mut Output<R>,
    ) {
        let known = leader.map(|leader| (term, leader));
        if known.is_some() && known != self.office.last_known {
            out.apply.push(ApplyItem::LeaderChanged);
        }
        let last_known = known.or(self.office.last_known);
        self.office = Office { role, leader, last_known };
    }
}

/// Tells a peer that its write was not taken. That it was taken needs no answer:
/// the peer applies the entry itself.
fn answer_peer<R>(peer: NodeId, request: ForwardId, reply: &Reply, out: &mut Output<R>) {
    let Reply::Refused { reason, leader } = *reply else { return };
    let reason = ForwardRefusal::of_proposal(reason)
        .expect("a proposal is refused for the reasons that a forwarded write is");
    let outcome = ForwardOutcome::Refused { reason, leader };
    out.world.frames.push((peer, Frame::new(FrameBody::ForwardReply { request, outcome })));
}

/// A peer's refusal of a forwarded write, as the client is told of it.
pub(super) fn refusal_of(refusal: ForwardRefusal) -> Refusal {
    match refusal {
        ForwardRefusal::NotLeader => Refusal::NotLeader,
        ForwardRefusal::LeadershipLost => Refusal::LeadershipLost,
        ForwardRefusal::Transferring => Refusal::Transferring,
        ForwardRefusal::Overloaded => Refusal::Overloaded,
    }
}
