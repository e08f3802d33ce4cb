//! The apply cursor.

use std::collections::VecDeque;

use crate::effect::{Effect, Effects};
use crate::entry::Entry;
use crate::invariant::invariant;
use crate::planted::planted;
use crate::raft::Raft;
use crate::raft_role::Role;
use crate::state_machine_handler::Installation;
use crate::types::{Index, NodeId, TransferId, WriteSeq};

/// What was given to the state machine, and what it has done.
///
/// ```text
///   log   ═════════════════════════════════════════════
///         applied │ given, on its way │ may be given │
///               applied             given       min(commit, durable)
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ApplyCursor {
    applied: Index,
    given: Index,
    /// Last index and size of each batch on its way, oldest first.
    on_the_way: VecDeque<(Index, u64)>,
    bytes_on_the_way: u64,
    /// The snapshot on its way into the state: nothing is given until it is there.
    installing: Option<Installation>,
}

impl ApplyCursor {
    pub(crate) fn new(applied: Index) -> ApplyCursor {
        ApplyCursor {
            applied,
            given: applied,
            on_the_way: VecDeque::new(),
            bytes_on_the_way: 0,
            installing: None,
        }
    }

    pub(crate) fn applied(&self) -> Index {
        self.applied
    }

    /// A snapshot replaces the state once its write is durable.
    pub(crate) fn begin_install(&mut self, installation: Installation) {
        invariant!(installation.index > self.applied, "a snapshot is never older than the state");
        self.installing = Some(installation);
        self.given = installation.index;
        self.on_the_way.clear();
        self.bytes_on_the_way = 0;
    }

    /// Whether this very transfer is on its way into the state.
    pub(crate) fn is_installing_from(&self, from: NodeId, id: TransferId) -> bool {
        self.installing.is_some_and(|current| (current.from, current.id) == (from, id))
    }

    /// Writes are numbered anew: the one that was `base` is 0.
    pub(crate) fn renumber(&mut self, base: WriteSeq) {
        if let Some(installation) = &mut self.installing {
            installation.write = installation.write.after(base);
        }
    }

    /// Takes in what the state machine reports. Returns whether it was news.
    fn take_applied(&mut self, index: Index) -> bool {
        assert!(index <= self.given, "entry {index} was reported as applied but never given");
        while let Some((_, bytes)) = self.on_the_way.front().filter(|(last, _)| *last <= index) {
            self.bytes_on_the_way -= bytes;
            self.on_the_way.pop_front();
        }
        let is_news = index > self.applied;
        self.applied = self.applied.max(index);
        is_news
    }

    fn give(&mut self, last: Index, bytes: u64) {
        self.given = last;
        self.on_the_way.push_back((last, bytes));
        self.bytes_on_the_way += bytes;
    }
}

impl Raft {
    /// Gives the state machine what may be applied.
    pub(crate) fn give_committed(&mut self, fx: &mut Effects) {
        let end = self.may_apply_to();
        let limits = &self.config.limits;
        while self.apply.installing.is_none()
            && self.apply.given < end
            && (self.apply.bytes_on_the_way < limits.unapplied_bytes)
        {
            let room = limits.unapplied_bytes - self.apply.bytes_on_the_way;
            let mut bytes = 0;
            let mut batch: Vec<Entry> = Vec::new();
            for entry in self.log.cache().range(self.apply.given.next(), end) {
                if !batch.is_empty() && bytes + entry.size() > room {
                    break;
                }
                bytes += entry.size();
                batch.push(entry.clone());
            }
            let last = batch.last().expect("what is not applied is in memory").index;
            self.apply.give(last, bytes);
            self.snapshots.count(bytes);
            fx.push(Effect::Apply(batch));
        }
    }

    /// Applied is what is committed *and* on the own disk: a state ahead of its own
    /// log could not be told from one whose log was lost (rule 2).
    fn may_apply_to(&self) -> Index {
        if planted!(self.config, AppliesBeforeDurable) {
            return self.commit;
        }
        self.commit.min(self.log.ledger().durable())
    }

    /// The state machine has applied everything up to `index`.
    pub(crate) fn on_applied(&mut self, index: Index) {
        let before = self.apply.applied;
        if self.apply.take_applied(index)
            && let Role::Leader(leader) = &mut self.role
        {
            let done = self.log.cache().range(before.next(), index).map(Entry::size).sum();
            leader.unfinished_bytes = leader.unfinished_bytes.saturating_sub(done);
        }
    }

    /// Writes became durable: perhaps an installation is complete.
    pub(crate) fn finish_install(&mut self) {
        if let Some(installation) = self.apply.installing
            && self.log.ledger().is_persisted(installation.write)
        {
            self.apply.installing = None;
            self.apply.take_applied(installation.index);
            self.snapshots.installed(installation.index);
        }
    }

    /// Whether a snapshot is on its way into the state.
    pub(crate) fn is_installing(&self) -> bool {
        self.apply.installing.is_some()
    }

    pub(crate) fn assert_cursor(&self) {
        let end = self.may_apply_to();
        let waits = self.apply.installing.is_some();
        invariant!(self.apply.applied <= self.apply.given, "applied entries were given");
        invariant!(waits || self.apply.given <= end, "given entries are committed and durable");
    }
}
