//! Known bugs, planted to show that the simulator finds them. Not compiled into
//! anything that is delivered.

use std::fmt;

use clap::ValueEnum;

/// A bug to commit on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum)]
pub enum Mutation {
    /// Writes are reported as persisted before they are.
    AckBeforePersisted,
    /// A restarted node knows its term but not its vote.
    ForgetVote,
    /// Entries of older terms are committed by counting.
    CommitOlderTerm,
}

impl fmt::Display for Mutation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Mutation::AckBeforePersisted => "ack-before-persisted",
            Mutation::ForgetVote => "forget-vote",
            Mutation::CommitOlderTerm => "commit-older-term",
        })
    }
}
