//! Heartbeats: they keep the office, carry the commit index, and confirm rounds
//! of reads.

use crate::effect::{Effects, Ignored};
use crate::message::{Body, Round};
use crate::planted::planted;
use crate::raft::Raft;
use crate::raft_role::Role;
use crate::replication::Feed;
use crate::types::{Index, NodeId};

impl Raft {
    /// Sends everybody a heartbeat of the newest round.
    pub(crate) fn broadcast_heartbeat(&mut self, fx: &mut Effects) {
        let commit = self.commit;
        let Role::Leader(leader) = &mut self.role else { return };
        for peer in leader.peers.values_mut() {
            if let Some(removal) = &mut peer.removal
                && removal.told.is_none()
                && commit.min(peer.matched) >= removal.index
            {
                // This round tells a removed peer for sure, so its answer ends the farewell.
                removal.told = Some(leader.reads.begin_round());
            }
        }
        let round = leader.reads.round();
        let peers: Vec<(NodeId, Index)> =
            leader.peers.iter().map(|(id, peer)| (*id, peer.matched)).collect();
        for (id, matched) in peers {
            // Not past what this follower has verified in this term: behind it
            // may lie a stale tail that is longer (rule 1).
            let verified = if planted!(self.config, CommitsUnverified) { commit } else { matched };
            self.send(id, Body::Heartbeat { round, commit: commit.min(verified) }, fx);
        }
    }

    /// A heartbeat from the leader of this term.
    pub(crate) fn on_heartbeat(
        &mut self,
        from: NodeId,
        round: Round,
        commit: Index,
        fx: &mut Effects,
    ) {
        let Some(follower) = self.follower() else { return };
        let verified = follower.verified;
        self.commit = self.commit.max(commit.min(self.may_commit_to(verified)));
        self.send(from, Body::HeartbeatAck { round, verified }, fx);
        self.resend_read(fx);
    }

    /// A follower recognised this leader. If it does not have all that was sent to
    /// it, perhaps a message was lost: an append without entries finds out.
    pub(crate) fn on_heartbeat_ack(
        &mut self,
        from: NodeId,
        round: Round,
        verified: Index,
        fx: &mut Effects,
    ) {
        let now = self.now;
        let patience = self.config.heartbeat_interval;
        let timeout = self.config.election_timeout;
        let base = self.log.summary().base().index;
        let Some((id, peer)) = self.peer(from) else {
            self.ignore(from, Ignored::WrongRole, fx);
            return;
        };
        peer.confirmed = peer.confirmed.max(round);
        // It took the commit index over only as far as its log is verified; one that
        // restarted since begins anew with that.
        let knows = peer
            .removal
            .filter(|removal| verified >= removal.index)
            .and_then(|removal| removal.told);
        let mut look = false;
        match &mut peer.feed {
            Feed::Probe { waiting } => *waiting = false,
            Feed::Replicate(_) => {
                let sent = peer.next.prev();
                look = sent >= base
                    && (peer.matched < sent || verified < sent)
                    && peer.checked_at.after(patience) <= now;
            }
            Feed::Snapshot { index, delivered_at, .. } => {
                // It had all of the snapshot, but its answer never came.
                if delivered_at.is_some_and(|at| at.after(timeout) <= now) {
                    if verified >= *index && *index >= base {
                        // It took it in, so either it still installs it or the answer was
                        // lost. An append without entries is answered when it is done. Sent
                        // again, a snapshot would be another, newer one, and what follows on
                        // the first would be purged before it is installed.
                        *delivered_at = Some(now);
                        peer.next = index.next();
                        look = true;
                    } else {
                        peer.probe(peer.matched.next(), false);
                    }
                }
            }
        }
        if look {
            peer.checked_at = now;
        }
        if knows.is_some_and(|told| round >= told) {
            self.forget_peer(id);
        } else if look {
            self.send_append(id, Vec::new(), fx);
        }
    }

    fn forget_peer(&mut self, id: NodeId) {
        if let Role::Leader(leader) = &mut self.role {
            leader.peers.remove(&id);
        }
    }
}
