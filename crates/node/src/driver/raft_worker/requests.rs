//! What clients ask of the Raft worker.

use bytes::Bytes;
use raft_core::{Event, Proposal, RoleName, Time};
use raft_net::{ForwardId, Frame, FrameBody};

use super::ledger::Asked;
use super::{RaftInbox, RaftWorker};
use crate::driver::queues::{ApplyItem, Output};
use crate::driver::request::{NotDone, Request, RequestBody, RequestError, Unknown, Waiter};

impl RaftWorker {
    /// Takes in all requests. Commands, those that peers forwarded first, become
    /// one proposal of many: one entry in the stream of writes, one sync.
    pub(super) fn take_requests<R>(
        &mut self,
        now: Time,
        inbox: &mut RaftInbox,
        mut proposals: Vec<Proposal>,
        out: &mut Output<R>,
    ) {
        while let Some(Request { call, deadline, permit, body }) = inbox.requests.pop_front() {
            let ticket = self.ledger.next_ticket();
            let client = Waiter { ticket, call, permit };
            if deadline <= now || self.is_stopping {
                let why = if self.is_stopping { NotDone::Stopping } else { NotDone::TimedOut };
                out.world.answers.push(client.answer(Err(RequestError::NotDone(why))));
                continue;
            }
            self.ledger.set_deadline(ticket, deadline);
            match body {
                RequestBody::Write { format, payload } => {
                    if self.office.role == RoleName::Leader {
                        self.ledger.ask(ticket, Asked::Entry(client));
                        proposals.push(Proposal { ticket, format, payload });
                    } else {
                        self.forward(client, format, payload, out);
                    }
                }
                RequestBody::Read => {
                    self.ledger.ask(ticket, Asked::Read(client));
                    self.step(now, Event::Read(ticket), out);
                }
                RequestBody::ChangeMembership(change) => {
                    // What was asked before is proposed before.
                    self.propose(now, std::mem::take(&mut proposals), out);
                    self.ledger.ask(ticket, Asked::Entry(client));
                    self.step(now, Event::ChangeMembership { ticket, change }, out);
                }
                RequestBody::TransferLeadership(to) => {
                    self.propose(now, std::mem::take(&mut proposals), out);
                    self.ledger.ask(ticket, Asked::Transfer(client));
                    self.step(now, Event::TransferLeadership { ticket, to }, out);
                }
            }
        }
        self.propose(now, proposals, out);
    }

    /// Gives up on requests whose deadline has come.
    pub(super) fn expire<R>(&mut self, now: Time, out: &mut Output<R>) {
        while let Some(ticket) = self.ledger.take_expired(now) {
            let (client, error) = match self.ledger.take(ticket) {
                None => {
                    out.apply.push(ApplyItem::Expired(ticket));
                    continue;
                }
                Some(Asked::Read(client)) => (client, RequestError::NotDone(NotDone::TimedOut)),
                Some(Asked::Entry(client) | Asked::Transfer(client)) => {
                    (client, RequestError::Unknown(Unknown::TimedOut))
                }
                Some(Asked::Forwarded(..) | Asked::StorageIds) => {
                    panic!("only requests of this node's clients have deadlines");
                }
            };
            out.world.answers.push(client.answer(Err(error)));
        }
    }

    /// Proposes, on a leader, to record the storage ids that are not known yet.
    pub(super) fn record_storage_ids<R>(&mut self, now: Time, out: &mut Output<R>) {
        if self.office.role != RoleName::Leader || self.is_stopping {
            return;
        }
        if let Some(change) = self.storage_ids.due(now) {
            let ticket = self.ledger.next_ticket();
            self.ledger.ask(ticket, Asked::StorageIds);
            self.step(now, Event::ChangeMembership { ticket, change }, out);
        }
    }

    fn propose<R>(&mut self, now: Time, proposals: Vec<Proposal>, out: &mut Output<R>) {
        if !proposals.is_empty() {
            self.step(now, Event::Propose(proposals), out);
        }
    }

    /// Sends a write to the leader, once (rule 11). The client is registered before
    /// the frame is on its way, so the entry cannot come back too early.
    fn forward<R>(&mut self, client: Waiter, format: u8, payload: Bytes, out: &mut Output<R>) {
        let Some(leader) = self.office.leader else {
            let error = RequestError::NotDone(NotDone::NoLeader);
            self.ledger.settled(client.ticket);
            out.world.answers.push(client.answer(Err(error)));
            return;
        };
        let (node, incarnation) = self.own;
        let request = ForwardId { node, incarnation, counter: client.ticket.0 };
        let payload = (self.attach_id)(payload, request);
        out.apply.push(ApplyItem::AwaitForwarded(client));
        let body = FrameBody::Forward { request, format, payload };
        out.world.frames.push((leader, Frame::new(body)));
    }
}
