//! The memberships that the log holds.

use super::Membership;
use crate::types::Index;

/// The memberships of a log: that of its start, then one for each membership
/// entry behind it, by ascending index. The last one is in force.
///
/// ```text
///   base @40   entry @57   entry @63
///   {a b c}    {a b c d}   {a b c d e}   ← in force
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct History {
    /// Never empty.
    list: Vec<(Index, Membership)>,
}

impl History {
    pub(crate) fn new(base: Index, membership: Membership) -> History {
        History { list: vec![(base, membership)] }
    }

    pub(crate) fn push(&mut self, index: Index, membership: Membership) {
        assert!(index > self.index(), "memberships are appended in order");
        self.list.push((index, membership));
    }

    /// Forgets those of entries from `first` on, which were replaced.
    pub(crate) fn truncate(&mut self, first: Index) {
        assert!(first > self.list[0].0, "the start of the log is never replaced");
        self.list.retain(|(index, _)| *index < first);
    }

    /// Puts another membership in force than the log holds: what planted bugs do.
    pub(crate) fn go_by(&mut self, membership: Membership) {
        if let Some((_, in_force)) = self.list.last_mut() {
            *in_force = membership;
        }
    }

    /// Makes `base` the start of the log.
    pub(crate) fn purge(&mut self, base: Index) {
        let keep_from = self.list.partition_point(|(index, _)| *index <= base) - 1;
        self.list.drain(..keep_from);
        self.list[0].0 = base;
    }

    /// The membership in force.
    pub(crate) fn current(&self) -> &Membership {
        &self.list[self.list.len() - 1].1
    }

    /// The index of the entry that holds the membership in force, or that of the
    /// log's start.
    pub(crate) fn index(&self) -> Index {
        self.list[self.list.len() - 1].0
    }

    /// The membership as of an index at or above the log's start.
    pub(crate) fn at(&self, index: Index) -> &Membership {
        let after = self.list.partition_point(|(start, _)| *start <= index);
        assert!(after > 0, "the index lies before the start of the log");
        &self.list[after - 1].1
    }
}
