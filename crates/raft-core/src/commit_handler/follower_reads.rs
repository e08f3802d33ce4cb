//! Linearizable reads on a follower: the leader is asked for the index.

use crate::commit_handler::{PendingRead, ReadOrigin};
use crate::effect::{Effect, Effects, Ignored, Refusal, Reply};
use crate::message::{Body, ReadId};
use crate::raft::Raft;
use crate::types::{Index, NodeId, Ticket, Time};

/// A follower's reads. One batch is on its way to the leader; the reads that
/// come meanwhile share the next.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct FollowerReads {
    asked: Option<Batch>,
    waiting: Vec<Ticket>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Batch {
    id: ReadId,
    tickets: Vec<Ticket>,
    sent_at: Time,
}

impl FollowerReads {
    /// The question was asked at the beginning of time.
    pub(crate) fn forget_time(&mut self) {
        if let Some(batch) = &mut self.asked {
            batch.sent_at = Time(0);
        }
    }

    /// Gives up all reads.
    pub(crate) fn take_all(&mut self) -> Vec<PendingRead> {
        let asked = self.asked.take().map_or(Vec::new(), |batch| batch.tickets);
        let all = asked.into_iter().chain(std::mem::take(&mut self.waiting));
        let pending =
            |ticket| PendingRead { origin: ReadOrigin::Local(ticket), index: Index::ZERO };
        all.map(pending).collect()
    }
}

impl Raft {
    pub(crate) fn queue_follower_read(&mut self, ticket: Ticket, fx: &mut Effects) {
        let most = self.config.limits.waiting_reads;
        let Some(follower) = self.follower() else { return };
        if follower.reads.waiting.len() as u64 >= most {
            self.refuse(ticket, Refusal::Overloaded, fx);
            return;
        }
        follower.reads.waiting.push(ticket);
    }

    /// Asks the leader about the reads that wait, if no question is on its way.
    pub(crate) fn ask_read_index(&mut self, fx: &mut Effects) {
        let (own, incarnation, now) = (self.config.id, self.config.incarnation, self.now);
        let counter = self.counter + 1;
        let Some(follower) = self.follower() else { return };
        let Some((leader, _)) = follower.leader else { return };
        if follower.reads.asked.is_some() || follower.reads.waiting.is_empty() {
            return;
        }
        let id = ReadId { node: own, incarnation, counter };
        let tickets = std::mem::take(&mut follower.reads.waiting);
        follower.reads.asked = Some(Batch { id, tickets, sent_at: now });
        self.counter = counter;
        self.send(leader, Body::ReadIndex { id }, fx);
    }

    /// Asks again, on a heartbeat, if no answer came: question or answer was
    /// lost. An answer to either asking holds, for both came after the reads.
    pub(crate) fn resend_read(&mut self, fx: &mut Effects) {
        let (now, patience) = (self.now, self.config.heartbeat_interval);
        let Some(follower) = self.follower() else { return };
        let Some((leader, _)) = follower.leader else { return };
        let Some(batch) = &mut follower.reads.asked else { return };
        if batch.sent_at.after(patience) <= now {
            batch.sent_at = now;
            let id = batch.id;
            self.send(leader, Body::ReadIndex { id }, fx);
        }
    }

    /// The leader's answer.
    pub(crate) fn on_read_index_reply(
        &mut self,
        from: NodeId,
        id: ReadId,
        index: Option<Index>,
        fx: &mut Effects,
    ) {
        let asked = self
            .follower()
            .and_then(|follower| follower.reads.asked.take_if(|batch| batch.id == id));
        let Some(batch) = asked else {
            self.ignore(from, Ignored::Stale, fx);
            return;
        };
        for ticket in batch.tickets {
            match index {
                Some(index) => fx.push(Effect::Answer { ticket, reply: Reply::ReadAt(index) }),
                None => self.refuse(ticket, Refusal::NotLeader, fx),
            }
        }
    }
}
