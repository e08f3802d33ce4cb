//! What a leader makes of the answers to its appends and snapshots.

use crate::effect::{Effects, Ignored};
use crate::message::Body;
use crate::planted::planted;
use crate::raft::Raft;
use crate::replication::Feed;
use crate::types::{Index, NodeId, Position, TransferId};

impl Raft {
    /// A follower has everything up to `matched`, durably.
    pub(crate) fn on_append_accepted(&mut self, from: NodeId, matched: Index, fx: &mut Effects) {
        let last = self.log.last_index();
        let claims_all = planted!(self.config, AcknowledgesAllSent);
        match self.peer(from) {
            Some((_, peer)) if claims_all => peer.acknowledge(matched.max(peer.next.prev())),
            Some((_, peer)) if matched <= last => peer.acknowledge(matched),
            Some(_) => self.ignore(from, Ignored::Malformed, fx),
            None => self.ignore(from, Ignored::WrongRole, fx),
        }
    }

    /// A follower's log does not hold what an append followed on. Messages are
    /// repeated and reordered, so only a rejection that fits what is being asked
    /// counts (rule 10): anything else would roll a healthy follower back.
    pub(crate) fn on_append_rejected(
        &mut self,
        from: NodeId,
        prev: Index,
        hint: Position,
        fx: &mut Effects,
    ) {
        // Nothing above the last own entry with a term of at most the hint's can
        // agree (Raft paper, end of section 5.3). If the log begins above that,
        // only a snapshot helps: `next` points below the log then.
        let agrees = self.log.summary().last_at_most(hint.index, hint.term);
        let next = agrees.map_or(self.log.summary().base().index, |at| at.index.next());
        let Some((_, peer)) = self.peer(from) else {
            self.ignore(from, Ignored::WrongRole, fx);
            return;
        };
        let counts = match &peer.feed {
            Feed::Replicate(_) => prev > peer.matched,
            Feed::Probe { .. } => prev == peer.next.prev(),
            Feed::Snapshot { .. } => false,
        };
        if counts && hint.index < prev {
            peer.probe(next, false);
        } else {
            self.ignore(from, Ignored::Stale, fx);
        }
    }

    /// A follower has a whole snapshot, or needed none.
    pub(crate) fn on_snapshot_ack(
        &mut self,
        from: NodeId,
        id: TransferId,
        matched: Index,
        fx: &mut Effects,
    ) {
        let last = self.log.last_index();
        let by_term_alone = planted!(self.config, SnapshotAckByTermAlone);
        let Some((_, peer)) = self.peer(from) else {
            self.ignore(from, Ignored::WrongRole, fx);
            return;
        };
        let (is_current, matched) = match &peer.feed {
            Feed::Snapshot { index, .. } if by_term_alone => (true, matched.max(*index)),
            Feed::Snapshot { id: current, .. } => (*current == id, matched),
            Feed::Probe { .. } | Feed::Replicate(_) => (false, matched),
        };
        if matched > last {
            self.ignore(from, Ignored::Malformed, fx);
        } else if is_current {
            peer.matched = peer.matched.max(matched);
            peer.replicate();
        } else {
            // Of an earlier transfer: what it says is durable counts, no more.
            peer.acknowledge(matched);
            self.ignore(from, Ignored::Stale, fx);
        }
    }

    /// A snapshot was sent, or could not be. Whether it was installed is told by
    /// the follower itself.
    pub(crate) fn on_snapshot_sent(
        &mut self,
        to: NodeId,
        id: TransferId,
        delivered: bool,
        fx: &mut Effects,
    ) {
        let now = self.now;
        match self.peer(to) {
            Some((_, peer)) => match &mut peer.feed {
                Feed::Snapshot { id: current, delivered_at, .. } if *current == id => {
                    if delivered {
                        delivered_at.get_or_insert(now);
                    } else {
                        peer.probe(peer.matched.next(), true);
                    }
                }
                _ => self.ignore(to, Ignored::Stale, fx),
            },
            None => self.ignore(to, Ignored::Stale, fx),
        }
    }

    /// The stream to a peer broke: what is not acknowledged may be lost, so
    /// sending begins again behind the match, once the peer answers (rule 10).
    pub(crate) fn on_peer_unreachable(&mut self, peer: NodeId) {
        if let Some((_, progress)) = self.peer(peer)
            && let Feed::Replicate(_) | Feed::Probe { .. } = progress.feed
        {
            progress.probe(progress.matched.next(), true);
        }
    }

    /// Tells the sender of an outdated request what term it is.
    pub(crate) fn answer_old_term(&mut self, from: NodeId, body: &Body, fx: &mut Effects) {
        match body {
            _ if planted!(self.config, SilentToOldTerms) => {
                self.ignore(from, Ignored::OldTerm, fx);
            }
            Body::PreVote { next, .. } => {
                self.send(from, Body::PreVoteReply { next: *next, granted: false }, fx);
            }
            body if body.is_request() => self.send(from, Body::HigherTerm, fx),
            _ => self.ignore(from, Ignored::OldTerm, fx),
        }
    }
}
