//! Old entries for slow peers, from the disk.
//!
//! A slow follower must not make the leader grow, so what left the cache is read
//! back when it is needed. The read takes its time: what comes back is sent only
//! if the log was not replaced meanwhile and every term still agrees (rule 7), or
//! a leader would ship entries that it no longer has.

use super::progress::PendingFetch;
use super::{Feed, Progress};
use crate::effect::{Effect, Effects, Ignored};
use crate::entry::Entry;
use crate::planted::planted;
use crate::raft::Raft;
use crate::raft_role::Role;
use crate::types::{Index, NodeId};

impl Raft {
    /// Asks for the entries from the peer's `next` on.
    pub(crate) fn fetch_for(&mut self, id: NodeId, last: Index, fx: &mut Effects) {
        self.counter += 1;
        let fetch = self.counter;
        let Role::Leader(leader) = &mut self.role else { return };
        let Some(peer) = leader.peers.get_mut(&id) else { return };
        peer.fetch = Some(PendingFetch { id: fetch, first: peer.next });
        let limits = &self.config.limits;
        let last = last.min(Index(peer.next.0.saturating_add(limits.message_entries - 1)));
        fx.push(Effect::Fetch {
            id: fetch,
            epoch: self.log.epoch(),
            first: peer.next,
            last,
            max_bytes: limits.message_bytes,
        });
    }

    /// Entries came back from the disk.
    pub(crate) fn on_fetched(
        &mut self,
        id: u64,
        epoch: u64,
        entries: Option<Vec<Entry>>,
        fx: &mut Effects,
    ) {
        let is_void = epoch != self.log.epoch() && !planted!(self.config, FetchUnchecked);
        if planted!(self.config, FetchUnchecked) {
            self.go_where_it_begins(entries.as_deref());
        }
        let Some((node, peer)) = self.peer_of_fetch(id) else {
            fx.push(Effect::Ignored { from: None, reason: Ignored::Stale });
            return;
        };
        let first = peer.fetch.take().map(|fetch| fetch.first);
        let may_send = match &peer.feed {
            Feed::Probe { waiting } => !waiting,
            Feed::Replicate(_) => true,
            Feed::Snapshot { .. } => false,
        };
        if !may_send || first != Some(peer.next) || is_void {
            fx.push(Effect::Ignored { from: None, reason: Ignored::Stale });
            return;
        }
        match entries.filter(|entries| self.are_own(first, entries)) {
            Some(entries) => self.send_append(node, entries, fx),
            // Purged meanwhile, or unreadable: the next answer to a heartbeat
            // tries again.
            None => {
                if let Some((_, peer)) = self.peer(node) {
                    peer.probe(peer.next, true);
                }
                fx.push(Effect::Ignored { from: None, reason: Ignored::Stale });
            }
        }
    }

    /// Whether the entries are, one by one, those of this log from `first` on.
    fn are_own(&self, first: Option<Index>, entries: &[Entry]) -> bool {
        let begins = entries.first().map(|entry| entry.index);
        if planted!(self.config, FetchUnchecked) {
            return begins == first;
        }
        begins == first
            && entries.windows(2).all(|pair| pair[1].index == pair[0].index.next())
            && entries.iter().all(|entry| self.log.summary().holds(entry.position()))
            && first > Some(self.log.summary().base().index)
    }

    fn peer_of_fetch(&mut self, id: u64) -> Option<(NodeId, &mut Progress)> {
        let Role::Leader(leader) = &mut self.role else { return None };
        let mut peers = leader.peers.iter_mut();
        let is_any = planted!(self.config, FetchUnchecked);
        peers
            .find(|(_, peer)| peer.fetch.is_some_and(|fetch| fetch.id == id || is_any))
            .map(|(node, peer)| (*node, peer))
    }

    /// What a planted bug does: whoever waits for entries gets those that came back,
    /// wherever they begin.
    fn go_where_it_begins(&mut self, entries: Option<&[Entry]>) {
        let Some(begins) = entries.and_then(|entries| entries.first()).map(|entry| entry.index)
        else {
            return;
        };
        let is_in_log = self.log.summary().term_at(begins.prev()).is_some();
        if let Some((_, peer)) = self.peer_of_fetch(0)
            && let Some(fetch) = &mut peer.fetch
            && is_in_log
            && begins > peer.matched
        {
            fetch.first = begins;
            peer.next = begins;
        }
    }

    /// A peer's progress, if this node leads and knows it.
    pub(crate) fn peer(&mut self, id: NodeId) -> Option<(NodeId, &mut Progress)> {
        match &mut self.role {
            Role::Leader(leader) => leader.peers.get_mut(&id).map(|peer| (id, peer)),
            _ => None,
        }
    }
}
