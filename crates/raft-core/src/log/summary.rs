//! What must be known of a log without reading it.

use std::fmt;

use crate::entry::{Entry, EntryKind};
use crate::membership::Membership;
use crate::membership::history::History;
use crate::types::{Index, Position, Term};

/// The position that a snapshot covers, or that a log starts after, with the
/// membership as of it: whoever starts from there must know whose word counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SnapshotMeta {
    /// The last entry covered.
    pub position: Position,
    /// The membership in force at it.
    pub membership: Membership,
}

impl SnapshotMeta {
    /// The bootstrap snapshot of a new cluster: the same on all its nodes.
    pub fn bootstrap(membership: Membership) -> SnapshotMeta {
        SnapshotMeta { position: Position::ZERO, membership }
    }
}

impl fmt::Display for SnapshotMeta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.position, self.membership)
    }
}

/// The shape of a log: where it starts and ends, the term of every entry, and
/// the memberships in it. Small however long the log is, for terms come in runs:
///
/// ```text
///   index   41 42 43 44 45 46 47 48          runs  (41, 3) (44, 5) (48, 6)
///   term     3  3  3  5  5  5  5  6          base  40@3    last  48@6
/// ```
///
/// Log stores build one while they recover; the core keeps one as the log grows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LogSummary {
    /// The entry before the first one.
    base: Position,
    last: Index,
    /// First index and term of each run, ascending in both.
    runs: Vec<(Index, Term)>,
    history: History,
}

/// Entries that do not continue a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrokenLog {
    /// An entry leaves a gap, or replaces what the log starts after.
    Gap {
        /// The last index before it.
        last: Index,
        /// The entry's index.
        found: Index,
    },
    /// An entry's term is lower than its predecessor's.
    TermDecreases(Position),
    /// A membership entry that cannot be decoded.
    BadMembership(Position),
    /// An entry of a kind, or a membership of a format, that this version does not
    /// know: a later one wrote it. Upgrade.
    UnknownKind(Position),
}

impl fmt::Display for BrokenLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BrokenLog::Gap { last, found } => {
                write!(f, "entry {found} does not follow on entry {last}")
            }
            BrokenLog::TermDecreases(at) => write!(f, "the term decreases at entry {at}"),
            BrokenLog::BadMembership(at) => {
                write!(f, "the membership in entry {at} cannot be decoded")
            }
            BrokenLog::UnknownKind(at) => write!(
                f,
                "entry {at} is of a kind or format that this version does not know: \
                 upgrade this node"
            ),
        }
    }
}

impl std::error::Error for BrokenLog {}

impl LogSummary {
    /// An empty log that starts after `meta`.
    pub fn new(meta: SnapshotMeta) -> LogSummary {
        LogSummary {
            base: meta.position,
            last: meta.position.index,
            runs: Vec::new(),
            history: History::new(meta.position.index, meta.membership),
        }
    }

    /// The position before the first entry.
    pub fn base(&self) -> Position {
        self.base
    }

    /// The last entry's position, or [`LogSummary::base`] of an empty log.
    pub fn last(&self) -> Position {
        Position { term: self.runs.last().map_or(self.base.term, |run| run.1), index: self.last }
    }

    /// The index of the first entry, there or not.
    pub fn first_index(&self) -> Index {
        self.base.index.next()
    }

    /// The term of the entry at `index`, or of the base; `None` outside the log.
    pub fn term_at(&self, index: Index) -> Option<Term> {
        if index == self.base.index {
            return Some(self.base.term);
        }
        if index < self.base.index || index > self.last {
            return None;
        }
        let after = self.runs.partition_point(|(first, _)| *first <= index);
        Some(self.runs[after - 1].1)
    }

    /// Whether the log holds this very position.
    pub fn holds(&self, position: Position) -> bool {
        self.term_at(position.index) == Some(position.term)
    }

    /// The last position at or below `index` whose term is at most `term`, the
    /// base included; `None` if there is none.
    pub fn last_at_most(&self, index: Index, term: Term) -> Option<Position> {
        let mut found = index.min(self.last);
        for (first, run_term) in self.runs.iter().rev() {
            if *first > found {
                continue;
            }
            if *run_term <= term {
                return Some(Position { term: *run_term, index: found });
            }
            found = first.prev();
        }
        Some(self.base).filter(|base| base.term <= term && base.index <= index)
    }

    /// The membership in force.
    pub fn membership(&self) -> &Membership {
        self.history.current()
    }

    /// The index of the entry that holds the membership in force, or of the base.
    pub fn membership_index(&self) -> Index {
        self.history.index()
    }

    /// The membership that was in force before the last membership entry; the one
    /// in force if the log holds none.
    pub fn membership_before_last(&self) -> &Membership {
        self.history.at(self.history.index().prev().max(self.base.index))
    }

    /// Position and membership as of an index in the log; `None` outside it.
    pub fn meta_at(&self, index: Index) -> Option<SnapshotMeta> {
        let term = self.term_at(index)?;
        let membership = self.membership_at(index).clone();
        Some(SnapshotMeta { position: Position { term, index }, membership })
    }

    /// The membership as of an index in the log.
    pub(crate) fn membership_at(&self, index: Index) -> &Membership {
        self.history.at(index)
    }

    /// Whether a membership is known as of an index in the log. A node that joins
    /// blank knows none before the first membership entry.
    pub(crate) fn knows_members_at(&self, index: Index) -> bool {
        !self.membership_at(index).members.is_empty()
    }

    /// Whether these consecutive entries would continue the log or replace its end.
    ///
    /// # Errors
    ///
    /// What is wrong with the first one that would not.
    pub fn check(&self, entries: &[Entry]) -> Result<(), BrokenLog> {
        let Some(first) = entries.first() else { return Ok(()) };
        if first.index <= self.base.index || first.index > self.last.next() {
            return Err(BrokenLog::Gap { last: self.last, found: first.index });
        }
        let term = self.term_at(first.index.prev()).expect("the predecessor is in the log");
        let mut before = Position { term, index: first.index.prev() };
        for entry in entries {
            if entry.index != before.index.next() {
                return Err(BrokenLog::Gap { last: before.index, found: entry.index });
            }
            if entry.term < before.term {
                return Err(BrokenLog::TermDecreases(entry.position()));
            }
            if !entry.kind.is_known() {
                return Err(BrokenLog::UnknownKind(entry.position()));
            }
            membership_of(entry)?;
            before = entry.position();
        }
        Ok(())
    }

    /// Takes in the next entry. One at or below the last index replaces what was
    /// there and everything behind it.
    ///
    /// # Errors
    ///
    /// If the entry does not continue the log; the log is unchanged then.
    pub fn append(&mut self, entry: &Entry) -> Result<(), BrokenLog> {
        self.check(std::slice::from_ref(entry))?;
        let membership = membership_of(entry)?;
        if entry.index <= self.last {
            self.truncate(entry.index);
        }
        if self.last().term != entry.term || self.runs.is_empty() {
            self.runs.push((entry.index, entry.term));
        }
        self.last = entry.index;
        if let Some(membership) = membership {
            self.history.push(entry.index, membership);
        }
        Ok(())
    }

    /// Goes by another membership than the log's: what planted bugs do.
    pub(crate) fn go_by(&mut self, membership: Membership) {
        self.history.go_by(membership);
    }

    /// Forgets the entries from `first` on.
    ///
    /// # Panics
    ///
    /// If `first` lies at or below the base.
    pub fn truncate(&mut self, first: Index) {
        assert!(first > self.base.index, "the start of the log is never replaced");
        if first > self.last {
            return;
        }
        self.runs.retain(|(start, _)| *start < first);
        self.history.truncate(first);
        self.last = first.prev();
    }

    /// Forgets the entries up to and including `index`.
    ///
    /// # Panics
    ///
    /// If `index` lies outside the log.
    pub fn purge(&mut self, index: Index) {
        let term = self.term_at(index).expect("a purge stays within the log");
        let after = self.runs.partition_point(|(first, _)| *first <= index);
        self.runs.drain(..after.saturating_sub(1));
        if index == self.last {
            self.runs.clear();
        } else if let Some(run) = self.runs.first_mut().filter(|run| run.0 <= index) {
            run.0 = index.next();
            let ends_here = self.runs.get(1).is_some_and(|next| next.0 == index.next());
            if ends_here {
                self.runs.remove(0);
            }
        }
        self.base = Position { term, index };
        self.history.purge(index);
    }
}

/// The membership that an entry holds, if it is one.
fn membership_of(entry: &Entry) -> Result<Option<Membership>, BrokenLog> {
    if entry.kind != EntryKind::MEMBERSHIP {
        return Ok(None);
    }
    match Membership::decode(entry.format, &entry.payload) {
        Ok(membership) => Ok(Some(membership)),
        Err(_) if entry.format > Membership::FORMAT => {
            Err(BrokenLog::UnknownKind(entry.position()))
        }
        Err(_) => Err(BrokenLog::BadMembership(entry.position())),
    }
}
