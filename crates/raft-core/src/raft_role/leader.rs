//! A leader's memory, how its office begins, and what keeps it.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;

use crate::commit_handler::ReadRounds;
use crate::effect::{Effect, Effects};
use crate::entry::{Entry, EntryKind};
use crate::membership::Membership;
use crate::message::Body;
use crate::planted::planted;
use crate::raft::Raft;
use crate::raft_role::Role;
use crate::replication::Progress;
use crate::types::{Index, NodeId, Time};

/// All that ends with the office.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Leader {
    /// Everybody who is replicated to, and for a while those who were removed.
    pub(crate) peers: BTreeMap<NodeId, Progress>,
    /// The first entry of this term. Nothing is known to be committed before it is.
    pub(crate) term_start: Index,
    /// When the next heartbeats are due.
    pub(crate) heartbeat_at: Time,
    /// Reads and the rounds that confirm them.
    pub(crate) reads: ReadRounds,
    /// Bytes in the log that are not applied here yet.
    pub(crate) unfinished_bytes: u64,
    /// The membership version that `peers` was made for.
    pub(crate) peers_version: u64,
}

impl Raft {
    /// Begins the office with an entry of the new term, for only by committing
    /// that does a leader learn what is committed (Raft paper, section 8).
    pub(crate) fn become_leader(&mut self, fx: &mut Effects) {
        let applied = self.apply.applied();
        let unapplied = self.log.cache().range(applied.next(), self.log.last_index());
        let leader = Leader {
            peers: BTreeMap::new(),
            term_start: self.log.last_index().next(),
            heartbeat_at: self.now.after(self.config.heartbeat_interval),
            reads: ReadRounds::default(),
            unfinished_bytes: unapplied.map(Entry::size).sum(),
            peers_version: self.log.membership_version(),
        };
        self.role = Role::Leader(Box::new(leader));
        self.election.gone = None;
        self.meet_peers();
        self.append_own(EntryKind::NOOP, 0, Bytes::new(), fx);
    }

    /// Appends one entry of one's own term and writes it. Returns its index.
    pub(crate) fn append_own(
        &mut self,
        kind: EntryKind,
        format: u8,
        payload: Bytes,
        fx: &mut Effects,
    ) -> Index {
        let index = self.log.last_index().next();
        let entry = Entry { term: self.ballot.term, index, kind, format, payload };
        self.append_all_own(vec![entry], fx);
        index
    }

    /// Appends entries of one's own term and writes them as one.
    pub(crate) fn append_all_own(&mut self, entries: Vec<Entry>, fx: &mut Effects) {
        let Role::Leader(leader) = &mut self.role else {
            panic!("only a leader appends entries of its own");
        };
        leader.unfinished_bytes += entries.iter().map(Entry::size).sum::<u64>();
        let write = self.log.append(self.now, entries);
        fx.push(Effect::Persist(write.expect("a leader's own entries continue its log")));
    }

    /// Makes the list of peers match the membership in force. Who was removed
    /// stays until it knows (rule 8).
    pub(crate) fn meet_peers(&mut self) {
        let Role::Leader(leader) = &mut self.role else { return };
        let next = self.log.last_index().next();
        let membership: &Membership = self.log.summary().membership();
        for id in membership.members.keys().filter(|id| **id != self.config.id) {
            let peer = leader.peers.entry(*id).or_insert_with(|| Progress::new(next, self.now));
            peer.removal = None;
        }
        for (id, peer) in &mut leader.peers {
            if !membership.members.contains_key(id) {
                peer.begin_removal(self.log.summary().membership_index(), self.now);
            }
        }
        leader.peers_version = self.log.membership_version();
    }

    /// When a quorum was last heard of; the leader itself counts if it votes.
    fn quorum_contact(&self, leader: &Leader) -> Time {
        let contact = |id: NodeId| match leader.peers.get(&id) {
            Some(peer) => peer.contact.0,
            None if id == self.config.id => Time::NEVER.0,
            None => 0,
        };
        Time(self.log.summary().membership().reached(contact))
    }

    /// When the office ends unless a quorum is heard of before that.
    fn quorum_deadline(&self, leader: &Leader) -> Time {
        let patience = match planted!(self.config, ReadsByLease) {
            true => self.config.election_timeout * 4,
            false => self.config.election_timeout,
        };
        self.quorum_contact(leader).after(patience)
    }

    /// When a write that is still in flight makes this disk count as sick.
    fn disk_deadline(&self) -> Time {
        let patience: Duration = self.config.election_timeout * 2;
        self.log.ledger().oldest_issued_at().map_or(Time::NEVER, |issued| issued.after(patience))
    }

    /// Whether the oldest write has been in flight for so long that this node
    /// should not lead (rule 12).
    pub(crate) fn disk_is_sick(&self) -> bool {
        self.disk_deadline() <= self.now
    }

    pub(crate) fn leader_wakeup(&self, leader: &Leader) -> Time {
        let quorum_lost = self.quorum_deadline(leader);
        let removals = leader.peers.values().filter_map(|peer| peer.removal.as_ref());
        let removal = removals.map(|removal| removal.deadline).min().unwrap_or(Time::NEVER);
        leader.heartbeat_at.min(quorum_lost).min(self.disk_deadline()).min(removal)
    }

    /// A leader's timers: lost quorum, sick disk, farewells, heartbeats.
    pub(crate) fn leader_on_wakeup(&mut self, fx: &mut Effects) {
        let now = self.now;
        let Role::Leader(leader) = &self.role else { return };
        let quorum_lost = self.quorum_deadline(leader);
        if quorum_lost <= now {
            // Check-quorum (thesis, section 6.2): clients should look elsewhere,
            // and followers must not be held loyal by one who cannot commit.
            self.follow_term(self.ballot.term, fx);
            return;
        }
        if self.disk_is_sick() {
            self.hand_over_at_once(fx);
            self.follow_term(self.ballot.term, fx);
            return;
        }
        let Role::Leader(leader) = &mut self.role else { return };
        leader.peers.retain(|_, peer| peer.removal.as_ref().is_none_or(|r| r.deadline > now));
        if leader.heartbeat_at <= now {
            leader.heartbeat_at = now.after(self.config.heartbeat_interval);
            self.broadcast_heartbeat(fx);
        }
    }

    /// Asks the voter that has the most to campaign now, if it has everything.
    /// For a leader that must go at once and will not wait for the outcome.
    pub(crate) fn hand_over_at_once(&mut self, fx: &mut Effects) {
        let last = self.log.last_index();
        if let Some(heir) = self.best_heir().filter(|heir| self.peer_matched(*heir) == Some(last)) {
            self.send(heir, Body::TimeoutNow, fx);
        }
    }

    /// How much of the log a peer is known to have.
    pub(crate) fn peer_matched(&self, id: NodeId) -> Option<Index> {
        match &self.role {
            Role::Leader(leader) => leader.peers.get(&id).map(|peer| peer.matched),
            _ => None,
        }
    }
}
