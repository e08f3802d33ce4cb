//! How far one peer is, as its leader knows it.

use std::time::Duration;

use super::inflight::Inflight;
use crate::message::Round;
use crate::status::PeerState;
use crate::types::{Index, Time, TransferId};

/// One peer's progress.
///
/// ```text
///   log     ═══════════════════════════════════
///           known to be there │ sent │ to be sent
///                          matched  next
/// ```
///
/// Invariant: `matched < next`. `matched` never decreases within a term: what an
/// acknowledgement says is durable, and this leader replaces nothing of its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Progress {
    pub(crate) matched: Index,
    pub(crate) next: Index,
    pub(crate) feed: Feed,
    /// When it was last heard of in this term.
    pub(crate) contact: Time,
    /// The newest round of heartbeats that it confirmed.
    pub(crate) confirmed: Round,
    /// The commit index that it was last told.
    pub(crate) told_commit: Index,
    /// The read from disk that is under way for it.
    pub(crate) fetch: Option<PendingFetch>,
    /// When a lost message was last looked for.
    pub(crate) checked_at: Time,
    /// It was removed; it stays until it knows, or until the deadline.
    pub(crate) removal: Option<Removal>,
}

/// How a peer is fed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Feed {
    /// Finding out where the logs agree: one append, then wait for its answer.
    Probe { waiting: bool },
    /// Sending ahead of the answers.
    Replicate(Inflight),
    /// A snapshot is on its way: nothing else is sent.
    Snapshot {
        id: TransferId,
        /// What it covers at least.
        index: Index,
        /// When the peer had all of it.
        delivered_at: Option<Time>,
    },
}

/// A read from disk under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PendingFetch {
    pub(crate) id: u64,
    pub(crate) first: Index,
}

/// A farewell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Removal {
    /// The entry that removed it.
    pub(crate) index: Index,
    /// The round of heartbeats that told it that this entry is committed.
    pub(crate) told: Option<Round>,
    pub(crate) deadline: Time,
}

/// A removed peer is written to for this long at most (rule 8).
const FAREWELL: Duration = Duration::from_secs(10);

impl Progress {
    /// A peer of which nothing is known but that it should be heard of soon.
    pub(crate) fn new(next: Index, now: Time) -> Progress {
        Progress {
            matched: Index::ZERO,
            next,
            feed: Feed::Probe { waiting: false },
            contact: now,
            confirmed: Round(0),
            told_commit: Index::ZERO,
            fetch: None,
            checked_at: now,
            removal: None,
        }
    }

    /// The peer has everything up to `matched`, durably. From a known match on,
    /// sending ahead is safe.
    pub(crate) fn acknowledge(&mut self, matched: Index) {
        self.matched = self.matched.max(matched);
        self.next = self.next.max(self.matched.next());
        match &mut self.feed {
            Feed::Replicate(inflight) => inflight.free(self.matched),
            Feed::Probe { .. } => self.replicate(),
            Feed::Snapshot { index, .. } => {
                if self.matched >= *index {
                    self.replicate();
                }
            }
        }
    }

    /// Sends ahead from just behind the match.
    pub(crate) fn replicate(&mut self) {
        self.feed = Feed::Replicate(Inflight::default());
        self.next = self.matched.next();
        self.fetch = None;
    }

    /// Looks for the match again from `next` on; what is in flight does not count.
    pub(crate) fn probe(&mut self, next: Index, waiting: bool) {
        self.feed = Feed::Probe { waiting };
        self.next = next.max(self.matched.next());
        self.fetch = None;
    }

    pub(crate) fn begin_removal(&mut self, index: Index, now: Time) {
        self.removal.get_or_insert(Removal { index, told: None, deadline: now.after(FAREWELL) });
    }

    pub(crate) fn state(&self) -> PeerState {
        match self.feed {
            Feed::Probe { .. } => PeerState::Probe,
            Feed::Replicate(_) => PeerState::Replicate,
            Feed::Snapshot { .. } => PeerState::Snapshot,
        }
    }
}
