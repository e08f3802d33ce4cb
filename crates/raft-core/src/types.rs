//! The small values everything else is made of: identities, terms, indexes and time.

use std::fmt;
use std::time::Duration;

/// A member of the cluster. Ids are never used again once removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u64);

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "n{:x}", self.0)
    }
}

/// One life of a node's process: a number drawn anew at each boot. Two lives of
/// one node never share it, so a message or a report can be told to belong to a
/// process that is already gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Incarnation(pub u64);

impl fmt::Display for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

/// A Raft term (Raft paper, section 5.1). Term 0 is before the first election.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Term(pub u64);

impl Term {
    /// Before the first election.
    pub const ZERO: Term = Term(0);

    /// No cluster gets here in the lifetime of the universe. Who names a later term
    /// is broken, and is not followed, so that terms never overflow. This one still
    /// is, and nobody is elected after it: no bound could protect from a member that
    /// names just the last term within it. Members are trusted not to lie.
    pub const LAST: Term = Term(u64::MAX / 2);

    /// The term after this one.
    pub fn next(self) -> Term {
        Term(self.0 + 1)
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A place in the replicated log. The first entry has index 1; index 0 is the
/// bootstrap snapshot that every node of a new cluster starts with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Index(pub u64);

impl Index {
    /// The bootstrap snapshot's index.
    pub const ZERO: Index = Index(0);

    /// No log gets here. Who names a later index is broken.
    pub const LAST: Index = Index(u64::MAX / 2);

    /// The index after this one.
    pub fn next(self) -> Index {
        Index(self.0 + 1)
    }

    /// The index before this one; that of 0 is 0.
    pub fn prev(self) -> Index {
        Index(self.0.saturating_sub(1))
    }

    /// How many indexes lie above `other` up to this one; 0 if it is not above.
    pub fn above(self, other: Index) -> u64 {
        self.0.saturating_sub(other.0)
    }
}

impl fmt::Display for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Term and index of one log entry. Two logs that hold the same position hold
/// the same entries up to it (Log Matching, Raft paper, section 5.3). The order
/// is that of "more up to date" (section 5.4.1): by term, then by index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The entry's term.
    pub term: Term,
    /// The entry's index.
    pub index: Index,
}

impl Position {
    /// The position of the bootstrap snapshot.
    pub const ZERO: Position = Position { term: Term::ZERO, index: Index::ZERO };

    /// Makes a position of raw numbers.
    pub fn new(term: u64, index: u64) -> Position {
        Position { term: Term(term), index: Index(index) }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.index, self.term)
    }
}

/// What a node must never forget about elections: its term and the vote that it
/// gave in it. One record, written as one (a crash between two records is a
/// double vote).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ballot {
    /// The latest term this node has seen.
    pub term: Term,
    /// Whom it voted for in that term.
    pub vote: Option<NodeId>,
}

impl fmt::Display for Ballot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.vote {
            Some(vote) => write!(f, "term {} vote {vote}", self.term),
            None => write!(f, "term {}", self.term),
        }
    }
}

/// A moment on a monotonic clock of the caller's, in microseconds since some
/// start of the caller's choosing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub u64);

impl Time {
    /// A moment that never comes.
    pub const NEVER: Time = Time(u64::MAX);

    /// The moment `duration` later; saturates at [`Time::NEVER`].
    pub fn after(self, duration: Duration) -> Time {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        Time(self.0.saturating_add(micros))
    }

    /// How long ago `earlier` was; zero if it lies ahead.
    pub fn since(self, earlier: Time) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Time::NEVER => f.write_str("never"),
            Time(micros) => write!(f, "{}.{:03}ms", micros / 1000, micros % 1000),
        }
    }
}

/// The number of a write in the ordered stream of writes to the log's disk.
/// Starts at 1 with each boot; 0 stands for "nothing written yet".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WriteSeq(pub u64);

impl fmt::Display for WriteSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "w{}", self.0)
    }
}

/// The caller's own number for a proposal, read, change or transfer. The core
/// hands it back in the answer and gives it no meaning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

impl fmt::Display for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// The name of one snapshot transfer: no two transfers of one sender's process
/// share it, and it comes back in the acknowledgement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransferId {
    /// The sender's life.
    pub incarnation: Incarnation,
    /// Counted up by the sender within it.
    pub counter: u64,
}

impl fmt::Display for TransferId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.incarnation, self.counter)
    }
}
