//! What must hold in every state.

use std::fmt;

/// A property, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Property {
    /// One leader a term (Raft paper, figure 3).
    ElectionSafety,
    /// One vote a node and term, whatever crashes in between (Raft paper, section 5.2).
    OneVoteATerm,
    /// Logs with an equal position are equal up to it (Raft paper, figure 3).
    LogMatching,
    /// What is committed is in the logs of all later leaders (Raft paper, figure 3).
    LeaderCompleteness,
    /// Nobody has another entry committed at an index (Raft paper, figure 3, state
    /// machine safety), and so nobody applies another.
    CommittedForGood,
    /// What a leader takes for committed is on the disks of a majority of each
    /// configuration in force (Raft paper, section 5.3).
    CommittedIsDurable,
    /// No state is ahead of its own log.
    AppliedIsDurable,
    /// A linearizable read sees what was committed when it began (thesis, section 6.4).
    FreshReads,
    /// A node starts from what its own disk holds.
    StartsAgain,
    /// No assertion of the core's own fails.
    NoPanic,
}

impl Property {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Property::ElectionSafety => "election safety",
            Property::OneVoteATerm => "one vote a term",
            Property::LogMatching => "log matching",
            Property::LeaderCompleteness => "leader completeness",
            Property::CommittedForGood => "committed for good",
            Property::CommittedIsDurable => "committed is durable",
            Property::AppliedIsDurable => "applied is durable",
            Property::FreshReads => "fresh reads",
            Property::StartsAgain => "nodes start again",
            Property::NoPanic => "no panic",
        }
    }
}

impl fmt::Display for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A property that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which one.
    pub property: Property,
    /// How.
    pub what: String,
}

impl Violation {
    /// That of a property.
    pub fn of(property: Property, what: String) -> Violation {
        Violation { property, what }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.property, self.what)
    }
}
