//! Bugs that are planted on purpose, to show that the tests of whole clusters find
//! them. Not compiled into anything that is delivered: without the feature
//! `planted-bugs` there is no [`Bug`], and a switch in the code is the constant
//! `false`.

/// Whether a bug is planted in the node of this configuration.
#[cfg(feature = "planted-bugs")]
macro_rules! planted {
    ($config:expr, $bug:ident) => {
        $config.planted == Some($crate::Bug::$bug)
    };
}

/// Whether a bug is planted: never.
#[cfg(not(feature = "planted-bugs"))]
macro_rules! planted {
    ($config:expr, $bug:ident) => {
        false
    };
}

pub(crate) use planted;

/// A failure that a real system had, or would have had by the letter of its design.
#[cfg(feature = "planted-bugs")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bug {
    /// Elections go by the membership that is applied, not by the last one in the log
    /// (etcd#12133, raft-rs#226).
    ElectsByApplied,
    /// Stepping down within a term clears the vote given in it (CCF#8094).
    StepDownForgetsVote,
    /// Term and vote are two writes, the vote first: a crash between them leaves the
    /// new vote in the old term (hashicorp/raft#661).
    VoteBeforeTerm,
    /// A candidate asks for votes, and counts its own, before its ballot is durable
    /// (valkey#3887).
    CandidateBeforeDurable,
    /// An acknowledgement of an earlier term counts (openraft cecb5de8, fbbf37b1).
    OldAcknowledgement,
    /// The completion of a write speaks for entries that took the place of those it
    /// held (etcd-io/raft `newStorageAppendRespMsg`, openraft#1964).
    UnclippedWrites,
    /// Entries of earlier terms are committed by counting (Raft paper, figure 8;
    /// CCF#4472, CCF#4485).
    CommitsOlderTerms,
    /// An acknowledgement of nothing new does not wait for the writes before it.
    EarlyAcknowledgement,
    /// Entries are applied that are committed but not on the own disk (etcd-io/raft,
    /// asynchronous storage writes).
    AppliesBeforeDurable,
    /// Slow peers are sent what was read from the disk, whatever was replaced since.
    FetchUnchecked,
    /// A read joins the round of heartbeats that is in flight already (thesis, 6.4).
    ReadJoinsRound,
}

#[cfg(feature = "planted-bugs")]
impl Bug {
    /// All of them, in the order of the table of known failures.
    pub const ALL: &[Bug] = &[
        Bug::ElectsByApplied,
        Bug::StepDownForgetsVote,
        Bug::VoteBeforeTerm,
        Bug::CandidateBeforeDurable,
        Bug::OldAcknowledgement,
        Bug::UnclippedWrites,
        Bug::CommitsOlderTerms,
        Bug::EarlyAcknowledgement,
        Bug::AppliesBeforeDurable,
        Bug::FetchUnchecked,
        Bug::ReadJoinsRound,
    ];

    /// Its name on a command line.
    pub fn name(self) -> &'static str {
        match self {
            Bug::ElectsByApplied => "elects-by-applied",
            Bug::StepDownForgetsVote => "step-down-forgets-vote",
            Bug::VoteBeforeTerm => "vote-before-term",
            Bug::CandidateBeforeDurable => "candidate-before-durable",
            Bug::OldAcknowledgement => "old-acknowledgement",
            Bug::UnclippedWrites => "unclipped-writes",
            Bug::CommitsOlderTerms => "commits-older-terms",
            Bug::EarlyAcknowledgement => "early-acknowledgement",
            Bug::AppliesBeforeDurable => "applies-before-durable",
            Bug::FetchUnchecked => "fetch-unchecked",
            Bug::ReadJoinsRound => "read-joins-round",
        }
    }

    /// Its row in the table of known failures.
    pub fn row(self) -> u8 {
        match self {
            Bug::ElectsByApplied => 2,
            Bug::StepDownForgetsVote => 9,
            Bug::VoteBeforeTerm => 10,
            Bug::CandidateBeforeDurable => 11,
            Bug::OldAcknowledgement => 18,
            Bug::UnclippedWrites => 19,
            Bug::CommitsOlderTerms => 30,
            Bug::EarlyAcknowledgement => 36,
            Bug::AppliesBeforeDurable => 37,
            Bug::FetchUnchecked => 38,
            Bug::ReadJoinsRound => 39,
        }
    }
}
