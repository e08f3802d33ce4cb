//! Linearizable reads on the leader (thesis, section 6.4; rule 5).
//!
//! ```text
//!   reads arrive     a  b        c d e            f
//!   rounds           ├─ r7: a ──────────┤├─ r8: b c d e ──────┤├─ r9: f …
//! ```
//!
//! A read joins only a round that is not yet sent: an acknowledgement of an
//! earlier one may have been given before a later leader committed something. One
//! round is in flight; the reads that come meanwhile share the next.

use crate::effect::{Effect, Effects, Refusal, Reply};
use crate::message::{Body, ReadId, Round};
use crate::planted::planted;
use crate::raft::Raft;
use crate::raft_role::Role;
use crate::types::{Index, NodeId, Ticket};

/// Who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ReadOrigin {
    /// The caller.
    Local(Ticket),
    /// A follower, for a batch of its own.
    Peer(NodeId, ReadId),
}

/// A read that waits for its round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PendingRead {
    pub(crate) origin: ReadOrigin,
    /// The commit index when it arrived.
    pub(crate) index: Index,
}

/// The leader's reads.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct ReadRounds {
    /// The newest round of heartbeats sent in this term.
    round: Round,
    /// The round in flight and the reads that it confirms; empty if none is.
    in_flight: Vec<PendingRead>,
    awaited: Round,
    /// Reads for the next round.
    waiting: Vec<PendingRead>,
}

impl ReadRounds {
    /// The newest round.
    pub(crate) fn round(&self) -> Round {
        self.round
    }

    /// Begins a new round; the caller sends it.
    pub(crate) fn begin_round(&mut self) -> Round {
        self.round = Round(self.round.0 + 1);
        self.round
    }

    /// Gives up all reads.
    pub(crate) fn take_all(&mut self) -> Vec<PendingRead> {
        let mut all = std::mem::take(&mut self.in_flight);
        all.append(&mut self.waiting);
        all
    }
}

impl Raft {
    /// A read arrived, on whatever node.
    pub(crate) fn on_read(&mut self, ticket: Ticket, fx: &mut Effects) {
        match &self.role {
            Role::Leader(_)
                if planted!(self.config, ReadsByLease) && self.has_committed_in_term() =>
            {
                fx.push(Effect::Answer { ticket, reply: Reply::ReadAt(self.commit) });
            }
            Role::Leader(_) => self.queue_read(ReadOrigin::Local(ticket), fx),
            Role::Follower(follower) if follower.leader.is_some() => {
                self.queue_follower_read(ticket, fx);
            }
            _ => self.refuse(ticket, Refusal::NotLeader, fx),
        }
    }

    /// A follower asks for the index of a batch of reads.
    pub(crate) fn on_read_index(&mut self, from: NodeId, id: ReadId, fx: &mut Effects) {
        if matches!(self.role, Role::Leader(_)) {
            self.queue_read(ReadOrigin::Peer(from, id), fx);
        } else {
            self.send(from, Body::ReadIndexReply { id, index: None }, fx);
        }
    }

    fn queue_read(&mut self, origin: ReadOrigin, fx: &mut Effects) {
        let read = PendingRead { origin, index: self.commit };
        let most = self.config.limits.waiting_reads;
        let Role::Leader(leader) = &mut self.role else { return };
        if leader.reads.waiting.len() as u64 >= most {
            self.refuse_read(read, Refusal::Overloaded, fx);
            return;
        }
        leader.reads.waiting.push(read);
    }

    /// The leader learned what is committed, so reads that waited for that know
    /// their index now: the own term's first entry covers all earlier terms.
    pub(crate) fn open_reads(&mut self) {
        let Role::Leader(leader) = &mut self.role else { return };
        let least = leader.term_start;
        leader.reads.waiting.iter_mut().for_each(|read| read.index = read.index.max(least));
    }

    /// Sends a round for the reads that wait, if none is in flight and the leader
    /// has committed in its term.
    pub(crate) fn begin_read_round(&mut self, fx: &mut Effects) {
        if !self.has_committed_in_term() && !planted!(self.config, ReadsBeforeOwnTerm) {
            return;
        }
        let Role::Leader(leader) = &mut self.role else { return };
        let reads = &mut leader.reads;
        if planted!(self.config, ReadJoinsRound) && !reads.in_flight.is_empty() {
            reads.in_flight.append(&mut reads.waiting);
        }
        if !reads.in_flight.is_empty() || reads.waiting.is_empty() {
            return;
        }
        reads.in_flight = std::mem::take(&mut reads.waiting);
        reads.awaited = reads.begin_round();
        self.broadcast_heartbeat(fx);
        self.confirm_reads(fx);
    }

    /// Answers the round in flight if each configuration in force confirmed it. Not
    /// only an answer decides that, also a smaller membership: if all that were
    /// still awaited are voters no more, no answer will ever come. Whoever is in
    /// force now shares a voter with every quorum that could have elected another
    /// leader, the one before included.
    pub(crate) fn confirm_reads(&mut self, fx: &mut Effects) {
        let own = self.config.id;
        let Role::Leader(leader) = &mut self.role else { return };
        if leader.reads.in_flight.is_empty() {
            return;
        }
        let awaited = leader.reads.awaited;
        let confirmed = |id: NodeId| match leader.peers.get(&id) {
            Some(peer) => peer.confirmed >= awaited,
            None => id == own,
        };
        let one_will_do = planted!(self.config, OneConfirmsReads)
            && leader.peers.values().any(|peer| peer.confirmed >= awaited);
        if !one_will_do && !self.log.summary().membership().agrees(confirmed) {
            return;
        }
        for read in std::mem::take(&mut leader.reads.in_flight) {
            match read.origin {
                ReadOrigin::Local(ticket) => {
                    fx.push(Effect::Answer { ticket, reply: Reply::ReadAt(read.index) });
                }
                ReadOrigin::Peer(node, id) => {
                    self.send(node, Body::ReadIndexReply { id, index: Some(read.index) }, fx);
                }
            }
        }
    }

    /// Refuses a read, wherever it came from.
    pub(crate) fn refuse_read(&mut self, read: PendingRead, reason: Refusal, fx: &mut Effects) {
        match read.origin {
            ReadOrigin::Local(ticket) => self.refuse(ticket, reason, fx),
            ReadOrigin::Peer(node, id) => {
                self.send(node, Body::ReadIndexReply { id, index: None }, fx);
            }
        }
    }
}
