//! A snapshot from the leader (Raft paper, section 7; rule 9).

use crate::effect::{Effect, Effects, Ignored};
use crate::log::SnapshotMeta;
use crate::message::Body;
use crate::planted::planted;
use crate::raft::Raft;
use crate::types::{Incarnation, Index, NodeId, Term, TransferId, WriteSeq};

/// A snapshot on its way into the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Installation {
    /// The write that installs it.
    pub(crate) write: WriteSeq,
    /// The last entry that it covers.
    pub(crate) index: Index,
    /// Who sent it.
    pub(crate) from: NodeId,
    /// The transfer.
    pub(crate) id: TransferId,
}

impl Raft {
    /// A whole snapshot lies aside, verified and synced. It is installed only if
    /// it is ahead of what is committed here and the log does not hold its last
    /// entry: an older one would delete newer entries, and a log that holds it
    /// needs nothing.
    pub(crate) fn on_snapshot_received(
        &mut self,
        from: NodeId,
        term: Term,
        id: TransferId,
        meta: SnapshotMeta,
        fx: &mut Effects,
    ) {
        if self.apply.is_installing_from(from, id) {
            // Told twice. What lies aside is needed until it is installed.
            self.ignore(from, Ignored::Stale, fx);
            return;
        }
        let discard = Effect::DiscardSnapshot { from, id };
        let is_own = from == self.config.id || from == NodeId(0);
        let is_broken = term > Term::LAST
            || meta.position.term > term
            || meta.position.index > Index::LAST
            || !meta.membership.is_valid();
        if is_own || is_broken {
            fx.push(discard);
            let reason = if is_own { Ignored::Misdirected } else { Ignored::Malformed };
            self.ignore(from, reason, fx);
            return;
        }
        if term < self.ballot.term {
            fx.push(discard);
            self.send(from, Body::HigherTerm, fx);
            return;
        }
        if term > self.ballot.term {
            self.follow_term(term, fx);
        }
        let incarnation: Incarnation = id.incarnation;
        if !self.recognise_leader(from, incarnation, fx) {
            fx.push(discard);
            return;
        }
        let index = meta.position.index;
        // One installation at a time: while the state is being replaced nobody could
        // tell which snapshot it holds. The leader goes on from the first one's end.
        let is_newer = index > self.apply.applied();
        let installs_any = planted!(self.config, SnapshotOverNewer) && is_newer;
        if (index <= self.commit && !installs_any) || self.is_installing() {
            fx.push(discard);
        } else if self.log.summary().holds(meta.position) && !installs_any {
            fx.push(discard);
            self.commit = index;
        } else if !installs_any
            && self.follower().is_some_and(|follower| index <= follower.verified)
        {
            // The log holds another entry there, verified against this very leader
            // in this term: it contradicts itself. Installed, its snapshot would
            // leave a log that ends before what counts as verified.
            fx.push(discard);
            self.ignore(from, Ignored::Malformed, fx);
            return;
        } else {
            let write = self.log.install(self.now, from, id, meta);
            self.apply.begin_install(Installation { write: write.seq, index, from, id });
            self.commit = index;
            fx.push(Effect::Persist(write));
        }
        let commit = self.commit;
        let Some(follower) = self.follower() else { return };
        follower.verified = follower.verified.max(commit);
        let matched = follower.verified;
        self.send_durable(from, Body::SnapshotAck { id, matched }, fx);
    }
}
