//! The follower's side of AppendEntries.

use crate::effect::{Effect, Effects, Ignored, StopReason};
use crate::entry::Entry;
use crate::log::BrokenLog;
use crate::message::Body;
use crate::planted::planted;
use crate::raft::Raft;
use crate::types::{Index, NodeId, Position};

impl Raft {
    /// AppendEntries (Raft paper, figure 2), from the leader of this term.
    pub(crate) fn on_append(
        &mut self,
        from: NodeId,
        prev: Position,
        entries: Vec<Entry>,
        commit: Index,
        fx: &mut Effects,
    ) {
        if let Err(reason) = self.check_message(prev, &entries) {
            fx.push(reason.into_effect(from));
            return;
        }
        let end = entries.last().map_or(prev.index, |entry| entry.index);
        if !self.agrees_at(prev) {
            let found = self.log.summary().last_at_most(prev.index.prev(), prev.term);
            let hint = found.unwrap_or(self.log.summary().base());
            // Asserts nothing about the disk: at worst the leader sends more than it must.
            self.send(from, Body::AppendRejected { prev: prev.index, hint }, fx);
            return;
        }
        let issued = self.log.ledger().last_issued();
        if let Err(reason) = self.take_entries(entries, fx) {
            fx.push(reason.into_effect(from));
            return;
        }
        let Some(follower) = self.follower() else { return };
        follower.verified = follower.verified.max(end);
        let verified = follower.verified;
        // Past what is verified the log may hold a stale tail of an earlier
        // term, which this leader's commit index says nothing about.
        self.commit = self.commit.max(commit.min(self.may_commit_to(verified)));
        // All that was written before this answer is durable when it goes, so it
        // says `min(durable, verified)`. It waits even if no entry was new: it
        // asserts the term. (B adopts term 2, acknowledges what it had, crashes
        // back to term 1, and takes a delayed append of the old leader over it.)
        let is_new = self.log.ledger().last_issued() > issued;
        if planted!(self.config, EarlyAcknowledgement) && !is_new {
            self.send(from, Body::AppendAccepted { matched: verified }, fx);
            return;
        }
        self.send_durable(from, Body::AppendAccepted { matched: verified }, fx);
    }

    /// Whether the log agrees with the leader's at `prev`. What is committed
    /// does with every leader's (Leader Completeness, Raft paper, section 5.4),
    /// so a `prev` that was compacted away is no conflict.
    fn agrees_at(&self, prev: Position) -> bool {
        if planted!(self.config, CompactedIsConflict) {
            let is_compacted = prev.index <= self.log.summary().base().index;
            return prev == Position::ZERO || (!is_compacted && self.log.summary().holds(prev));
        }
        prev.index < self.commit || self.log.summary().holds(prev)
    }

    /// How far the leader's commit index counts here.
    pub(crate) fn may_commit_to(&self, verified: Index) -> Index {
        if planted!(self.config, CommitsUnverified) { self.log.last_index() } else { verified }
    }

    /// What a leader never sends, whatever the state of this log.
    fn check_message(&self, prev: Position, entries: &[Entry]) -> Result<(), Bad> {
        let mut before = prev;
        for entry in entries {
            let follows = entry.index.prev() == before.index && entry.index > before.index;
            if !follows || entry.term < before.term || entry.term > self.ballot.term {
                return Err(Bad::Malformed);
            }
            before = entry.position();
        }
        if prev.term > self.ballot.term { Err(Bad::Malformed) } else { Ok(()) }
    }

    /// Appends the entries that the log does not have. Only a real conflict
    /// replaces anything: an append that was delayed must not cut off what came
    /// after it.
    fn take_entries(&mut self, mut entries: Vec<Entry>, fx: &mut Effects) -> Result<(), Bad> {
        let summary = self.log.summary();
        let cuts = planted!(self.config, AppendEndsLog);
        let known = |entry: &Entry| match cuts {
            true => entry.index <= self.commit,
            false => entry.index <= summary.base().index || summary.holds(entry.position()),
        };
        let new_from = entries.iter().position(|entry| !known(entry)).unwrap_or(entries.len());
        entries.drain(..new_from);
        let Some(first) = entries.first() else { return Ok(()) };
        // The committed prefix, and what this very leader sent in this term, are
        // never replaced. Whoever asks for it broke the protocol.
        let fixed = self.follower().map_or(Index::ZERO, |follower| follower.verified);
        if first.index <= self.commit.max(fixed) && !cuts {
            return Err(Bad::Malformed);
        }
        let write = self.log.append(self.now, entries).map_err(|broken| match broken {
            BrokenLog::UnknownKind(position) => Bad::UnknownEntry(position),
            BrokenLog::Gap { .. } | BrokenLog::TermDecreases(_) | BrokenLog::BadMembership(_) => {
                Bad::Malformed
            }
        })?;
        fx.push(Effect::Persist(write));
        Ok(())
    }
}

/// Why entries cannot be taken in.
enum Bad {
    Malformed,
    UnknownEntry(Position),
}

impl Bad {
    fn into_effect(self, from: NodeId) -> Effect {
        match self {
            Bad::Malformed => Effect::Ignored { from: Some(from), reason: Ignored::Malformed },
            Bad::UnknownEntry(position) => Effect::Stop(StopReason::UnknownEntry(position)),
        }
    }
}
