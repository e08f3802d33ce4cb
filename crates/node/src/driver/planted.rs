//! Bugs that are planted on purpose, to show that the tests of whole clusters find
//! them. Not compiled into anything that is delivered: without the feature
//! `planted-bugs` there is no `Bug`, and a switch in the code is the constant
//! `false`.

/// Whether a bug is planted in this worker.
#[cfg(feature = "planted-bugs")]
macro_rules! planted {
    ($worker:expr, $bug:ident) => {
        $worker.planted == Some($crate::driver::Bug::$bug)
    };
}

/// Whether a bug is planted: never.
#[cfg(not(feature = "planted-bugs"))]
macro_rules! planted {
    ($worker:expr, $bug:ident) => {
        false
    };
}

pub(super) use planted;

/// A failure of what stands between a protocol and its disks, that a real system
/// had, or would have had by the letter of its design.
#[cfg(feature = "planted-bugs")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bug {
    /// Ballots are written after the entries that came with them, so that a crash in
    /// between leaves entries of a term that the node does not know (openraft,
    /// `io_ordering.md`).
    LogBeforeBallot,
    /// A ballot is written without its vote, which is kept in memory until an
    /// orderly stop: after kill -9 the node may vote again.
    KeepsVoteInMemory,
    /// The log is reset for a snapshot before the state is that of the snapshot.
    ResetsLogFirst,
}

#[cfg(feature = "planted-bugs")]
impl Bug {
    /// All of them, in the order of the table of known failures.
    pub const ALL: &[Bug] = &[Bug::LogBeforeBallot, Bug::KeepsVoteInMemory, Bug::ResetsLogFirst];

    /// Its name on a command line.
    pub fn name(self) -> &'static str {
        match self {
            Bug::LogBeforeBallot => "log-before-ballot",
            Bug::KeepsVoteInMemory => "keeps-vote-in-memory",
            Bug::ResetsLogFirst => "resets-log-first",
        }
    }

    /// Its row in the table of known failures.
    pub fn row(self) -> u8 {
        match self {
            Bug::LogBeforeBallot => 20,
            Bug::KeepsVoteInMemory => 31,
            Bug::ResetsLogFirst => 42,
        }
    }
}
