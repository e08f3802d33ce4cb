//! The leader's side: what goes to whom.

use crate::effect::{Effect, Effects};
use crate::entry::Entry;
use crate::invariant::invariant;
use crate::message::Body;
use crate::planted::planted;
use crate::raft::Raft;
use crate::raft_role::Role;
use crate::replication::{Feed, Progress};
use crate::types::{Index, NodeId, Position, TransferId};

/// What a peer needs next.
enum Need {
    /// Nothing now: the window is full, an answer is awaited, or it has all.
    Nothing,
    /// Entries up to and including this one, from memory.
    Entries(Index),
    /// Entries that only the disk has, up to and including this one.
    Fetch(Index),
    /// Entries that the log no longer has.
    Snapshot,
    /// An append without entries, to find the match or to tell the commit index.
    Empty,
}

impl Raft {
    /// Sends everybody what he needs and may have. Appends go at once: the
    /// leader's disk and the followers' work at the same time (thesis, section
    /// 10.2.1).
    pub(crate) fn replicate_to_all(&mut self, fx: &mut Effects) {
        let Role::Leader(leader) = &self.role else { return };
        let ids: Vec<NodeId> = leader.peers.keys().copied().collect();
        ids.into_iter().for_each(|id| self.replicate_to(id, fx));
    }

    fn replicate_to(&mut self, id: NodeId, fx: &mut Effects) {
        loop {
            let Role::Leader(leader) = &self.role else { return };
            let Some(peer) = leader.peers.get(&id) else { return };
            match self.need_of(peer) {
                Need::Nothing => return,
                Need::Entries(last) => {
                    let first = peer.next;
                    let entries = self.log.cache().range(first, last);
                    let entries = self.cut_to_message(entries);
                    self.send_append(id, entries, fx);
                }
                Need::Fetch(last) => {
                    self.fetch_for(id, last, fx);
                    return;
                }
                Need::Snapshot => {
                    self.send_snapshot(id, fx);
                    return;
                }
                Need::Empty => {
                    self.send_append(id, Vec::new(), fx);
                    return;
                }
            }
        }
    }

    fn need_of(&self, peer: &Progress) -> Need {
        let last = self.log.last_index();
        let probing = match &peer.feed {
            Feed::Probe { waiting: true } | Feed::Snapshot { .. } => return Need::Nothing,
            Feed::Probe { waiting: false } => true,
            Feed::Replicate(_) if peer.next > last => {
                let untold = peer.told_commit < self.commit;
                return if untold { Need::Empty } else { Need::Nothing };
            }
            // What it lacks was purged, so no answer to what is in flight can help.
            Feed::Replicate(_) if peer.next < self.log.summary().first_index() => true,
            Feed::Replicate(inflight) if inflight.is_full(&self.config.limits) => {
                return Need::Nothing;
            }
            Feed::Replicate(_) => false,
        };
        let is_unknown = peer.matched == Index::ZERO;
        if peer.next < self.log.summary().first_index() {
            if planted!(self.config, NoSnapshotForUnknown) && is_unknown {
                return Need::Nothing;
            }
            Need::Snapshot
        } else if peer.fetch.is_some() {
            Need::Nothing
        } else if probing && peer.next > last {
            Need::Empty
        } else if self.config.fetches_durable() && peer.next <= self.log.ledger().durable() {
            Need::Fetch(last.min(self.log.ledger().durable()))
        } else if peer.next < self.log.cache().first() {
            Need::Fetch(last.min(self.log.cache().first().prev()))
        } else {
            Need::Entries(last)
        }
    }

    /// As many entries as one message may hold, one at least.
    fn cut_to_message<'a>(&self, entries: impl Iterator<Item = &'a Entry>) -> Vec<Entry> {
        let limits = &self.config.limits;
        let mut bytes = 0;
        let mut message = Vec::new();
        for entry in entries.take(limits.message_entries as usize) {
            bytes += entry.size();
            if bytes > limits.message_bytes && !message.is_empty() {
                break;
            }
            message.push(entry.clone());
        }
        message
    }

    /// Sends entries, perhaps none, that begin at the peer's `next`.
    pub(crate) fn send_append(&mut self, id: NodeId, entries: Vec<Entry>, fx: &mut Effects) {
        let commit = self.commit;
        let Role::Leader(leader) = &mut self.role else { return };
        let Some(peer) = leader.peers.get_mut(&id) else { return };
        let before = peer.next.prev();
        let term = self.log.summary().term_at(before).expect("what precedes is in the log");
        if let Some(last) = entries.last() {
            assert_eq!(entries[0].index, peer.next, "appends continue where the last one ended");
            match &mut peer.feed {
                Feed::Replicate(inflight) => {
                    inflight.push(last.index, entries.iter().map(Entry::size).sum());
                    peer.next = last.index.next();
                }
                Feed::Probe { .. } | Feed::Snapshot { .. } => {}
            }
        }
        if let Feed::Probe { waiting } = &mut peer.feed {
            *waiting = true;
        }
        peer.told_commit = commit;
        let prev = Position { term, index: before };
        self.send(id, Body::Append { prev, entries, commit }, fx);
    }

    /// The peer needs entries that the log no longer has. One snapshot at a time
    /// is on its way to a peer, and it has a name of its own.
    fn send_snapshot(&mut self, id: NodeId, fx: &mut Effects) {
        self.counter += 1;
        let transfer = TransferId { incarnation: self.config.incarnation, counter: self.counter };
        let index = self.snapshots.newest;
        invariant!(index >= self.log.summary().base().index, "what was purged is in a snapshot");
        let term = self.ballot.term;
        let Role::Leader(leader) = &mut self.role else { return };
        let Some(peer) = leader.peers.get_mut(&id) else { return };
        peer.feed = Feed::Snapshot { id: transfer, index, delivered_at: None };
        peer.fetch = None;
        fx.push(Effect::SendSnapshot { to: id, term, id: transfer });
    }
}
