//! Bugs that are planted on purpose, to show that the tests of whole clusters find
//! them. Not compiled into anything that is delivered: without the feature
//! `planted-bugs` there is no `Bug`, and a switch in the code is the constant
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
    /// A leader changes the membership before it has committed an entry of its own
    /// term (Ongaro, raft-dev 2015).
    ChangesBeforeOwnTerm,
    /// Elections go by the membership that is applied, not by the last one in the log
    /// (etcd#12133, raft-rs#226).
    ElectsByApplied,
    /// Only the leader that began a joint phase ends it (etcd#12136).
    OnlyBeginnerLeavesJoint,
    /// A joint phase is left before it is committed (camunda#62842).
    LeavesUncommittedJoint,
    /// A membership stays in force although its entry was replaced
    /// (canonical/raft#250, scylla#30936).
    KeepsReplacedMembership,
    /// The membership that was in force stays so over the installation of a snapshot
    /// (openraft#1808).
    KeepsMembershipOverSnapshot,
    /// Messages of an older term are not answered, so that their sender never learns
    /// the term (etcd#8243, etcd#8501, openraft#1796).
    SilentToOldTerms,
    /// Votes are refused for the sake of a leader that was heard once in the term
    /// (etcd#9586).
    RemembersDeadLeader,
    /// Stepping down within a term clears the vote given in it (CCF#8094).
    StepDownForgetsVote,
    /// Term and vote are two writes, the vote first: a crash between them leaves the
    /// new vote in the old term (hashicorp/raft#661).
    VoteBeforeTerm,
    /// A candidate asks for votes, and counts its own, before its ballot is durable
    /// (valkey#3887).
    CandidateBeforeDurable,
    /// Reads are confirmed before the leader has committed an entry of its own term
    /// (etcd#7331, tikv#6340, tikv#9239).
    ReadsBeforeOwnTerm,
    /// A leader answers reads at once, under a lease that its slow clock ends too late
    /// (tikv#964, etcd#20418).
    ReadsByLease,
    /// A follower takes the leader's commit index for its own as far as its log goes,
    /// verified or not (scylla#9965, scylla#10578).
    CommitsUnverified,
    /// What an append holds is the end of the log, whatever is behind it matches
    /// (redpanda#17895).
    AppendEndsLog,
    /// An entry that was compacted away does not match (openraft#511).
    CompactedIsConflict,
    /// An acknowledgement is taken to speak for all that was sent, and not only for
    /// the append that it answers (CCF#6016).
    AcknowledgesAllSent,
    /// An acknowledgement of an earlier term counts (openraft cecb5de8, fbbf37b1).
    OldAcknowledgement,
    /// The completion of a write speaks for entries that took the place of those it
    /// held (etcd-io/raft `newStorageAppendRespMsg`, openraft#1964).
    UnclippedWrites,
    /// Half of an even number of voters, of the new set alone, commits (openraft#1802).
    HalfIsQuorum,
    /// A voter without peers counts what is not on its disk (etcd#14370).
    SoleVoterCountsUnsynced,
    /// A snapshot is installed over a log that holds it and goes on behind it
    /// (camunda#6092, hashicorp/raft#704).
    SnapshotOverNewer,
    /// The acknowledgement of any snapshot of the term speaks for the one that is
    /// under way (etcd#18055).
    SnapshotAckByTermAlone,
    /// A peer of which nothing is known gets no snapshot (openraft#1828).
    NoSnapshotForUnknown,
    /// Entries that are replaced in the log stay in the cache (cockroach#63302).
    CacheNotCut,
    /// A leader that has no vote in what it committed stays in office (etcd#11038).
    RemovedLeaderStays,
    /// Nobody asks before standing for election, and nobody refuses for the sake of a
    /// leader that is well.
    DisloyalToLeaders,
    /// Entries of earlier terms are committed by counting (Raft paper, figure 8;
    /// CCF#4472, CCF#4485).
    CommitsOlderTerms,
    /// A single follower confirms the office of a leader for its reads.
    OneConfirmsReads,
    /// What counts as durable is not lowered when entries are replaced.
    DurableStaysHigh,
    /// Several voters change in one step.
    NoJointPhase,
    /// An acknowledgement of nothing new does not wait for the writes before it.
    EarlyAcknowledgement,
    /// Entries are applied that are committed but not on the own disk (etcd-io/raft,
    /// asynchronous storage writes).
    AppliesBeforeDurable,
    /// Slow peers are sent what was read from the disk, whatever was replaced since, and
    /// for whomever it was read.
    FetchUnchecked,
    /// A read joins the round of heartbeats that is in flight already (thesis, 6.4).
    ReadJoinsRound,
}

#[cfg(feature = "planted-bugs")]
impl Bug {
    /// All of them, in the order of the table of known failures.
    pub const ALL: &[Bug] = &[
        Bug::ChangesBeforeOwnTerm,
        Bug::ElectsByApplied,
        Bug::OnlyBeginnerLeavesJoint,
        Bug::LeavesUncommittedJoint,
        Bug::KeepsReplacedMembership,
        Bug::KeepsMembershipOverSnapshot,
        Bug::SilentToOldTerms,
        Bug::RemembersDeadLeader,
        Bug::StepDownForgetsVote,
        Bug::VoteBeforeTerm,
        Bug::CandidateBeforeDurable,
        Bug::ReadsBeforeOwnTerm,
        Bug::ReadsByLease,
        Bug::CommitsUnverified,
        Bug::AppendEndsLog,
        Bug::CompactedIsConflict,
        Bug::AcknowledgesAllSent,
        Bug::OldAcknowledgement,
        Bug::UnclippedWrites,
        Bug::HalfIsQuorum,
        Bug::SoleVoterCountsUnsynced,
        Bug::SnapshotOverNewer,
        Bug::SnapshotAckByTermAlone,
        Bug::NoSnapshotForUnknown,
        Bug::CacheNotCut,
        Bug::RemovedLeaderStays,
        Bug::DisloyalToLeaders,
        Bug::CommitsOlderTerms,
        Bug::OneConfirmsReads,
        Bug::DurableStaysHigh,
        Bug::NoJointPhase,
        Bug::EarlyAcknowledgement,
        Bug::AppliesBeforeDurable,
        Bug::FetchUnchecked,
        Bug::ReadJoinsRound,
    ];

    /// Its name on a command line.
    pub fn name(self) -> &'static str {
        match self {
            Bug::ChangesBeforeOwnTerm => "changes-before-own-term",
            Bug::ElectsByApplied => "elects-by-applied",
            Bug::OnlyBeginnerLeavesJoint => "only-beginner-leaves-joint",
            Bug::LeavesUncommittedJoint => "leaves-uncommitted-joint",
            Bug::KeepsReplacedMembership => "keeps-replaced-membership",
            Bug::KeepsMembershipOverSnapshot => "keeps-membership-over-snapshot",
            Bug::SilentToOldTerms => "silent-to-old-terms",
            Bug::RemembersDeadLeader => "remembers-dead-leader",
            Bug::StepDownForgetsVote => "step-down-forgets-vote",
            Bug::VoteBeforeTerm => "vote-before-term",
            Bug::CandidateBeforeDurable => "candidate-before-durable",
            Bug::ReadsBeforeOwnTerm => "reads-before-own-term",
            Bug::ReadsByLease => "reads-by-lease",
            Bug::CommitsUnverified => "commits-unverified",
            Bug::AppendEndsLog => "append-ends-log",
            Bug::CompactedIsConflict => "compacted-is-conflict",
            Bug::AcknowledgesAllSent => "acknowledges-all-sent",
            Bug::OldAcknowledgement => "old-acknowledgement",
            Bug::UnclippedWrites => "unclipped-writes",
            Bug::HalfIsQuorum => "half-is-quorum",
            Bug::SoleVoterCountsUnsynced => "sole-voter-counts-unsynced",
            Bug::SnapshotOverNewer => "snapshot-over-newer",
            Bug::SnapshotAckByTermAlone => "snapshot-ack-by-term-alone",
            Bug::NoSnapshotForUnknown => "no-snapshot-for-unknown",
            Bug::CacheNotCut => "cache-not-cut",
            Bug::RemovedLeaderStays => "removed-leader-stays",
            Bug::DisloyalToLeaders => "disloyal-to-leaders",
            Bug::CommitsOlderTerms => "commits-older-terms",
            Bug::OneConfirmsReads => "one-confirms-reads",
            Bug::DurableStaysHigh => "durable-stays-high",
            Bug::NoJointPhase => "no-joint-phase",
            Bug::EarlyAcknowledgement => "early-acknowledgement",
            Bug::AppliesBeforeDurable => "applies-before-durable",
            Bug::FetchUnchecked => "fetch-unchecked",
            Bug::ReadJoinsRound => "read-joins-round",
        }
    }

    /// Its row in the table of known failures.
    pub fn row(self) -> u8 {
        match self {
            Bug::ChangesBeforeOwnTerm => 1,
            Bug::ElectsByApplied => 2,
            Bug::OnlyBeginnerLeavesJoint => 3,
            Bug::LeavesUncommittedJoint => 4,
            Bug::KeepsReplacedMembership => 5,
            Bug::KeepsMembershipOverSnapshot => 6,
            Bug::SilentToOldTerms => 7,
            Bug::RemembersDeadLeader => 8,
            Bug::StepDownForgetsVote => 9,
            Bug::VoteBeforeTerm => 10,
            Bug::CandidateBeforeDurable => 11,
            Bug::ReadsBeforeOwnTerm => 12,
            Bug::ReadsByLease => 13,
            Bug::CommitsUnverified => 14,
            Bug::AppendEndsLog => 15,
            Bug::CompactedIsConflict => 16,
            Bug::AcknowledgesAllSent => 17,
            Bug::OldAcknowledgement => 18,
            Bug::UnclippedWrites => 19,
            Bug::HalfIsQuorum => 21,
            Bug::SoleVoterCountsUnsynced => 22,
            Bug::SnapshotOverNewer => 24,
            Bug::SnapshotAckByTermAlone => 25,
            Bug::NoSnapshotForUnknown => 26,
            Bug::CacheNotCut => 27,
            Bug::RemovedLeaderStays => 28,
            Bug::DisloyalToLeaders => 29,
            Bug::CommitsOlderTerms => 30,
            Bug::OneConfirmsReads => 32,
            Bug::DurableStaysHigh => 33,
            Bug::NoJointPhase => 34,
            Bug::EarlyAcknowledgement => 36,
            Bug::AppliesBeforeDurable => 37,
            Bug::FetchUnchecked => 38,
            Bug::ReadJoinsRound => 39,
        }
    }
}
