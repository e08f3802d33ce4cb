//! Which property catches which bug.

use balsa::driver::Bug as Driver;
use kv_statemachine::Bug as Store;
use raft_core::Bug as Core;
use raft_storage::Bug as Storage;

use super::{Bug, Mutation, TransportBug};
use crate::report::{LIVENESS, STARTS_AGAIN};

/// The names of the properties, as their checks give them.
mod property {
    pub const APPLIED: &str = "applied entries are on the node's own disk";
    pub const CHANGES: &str =
        "memberships change after a commit of the leader's term (Ongaro, raft-dev 2015)";
    pub const COMMITS: &str =
        "commits have a quorum of durable copies (Raft paper, sections 5.4.2 and 6)";
    pub const COPIES: &str = "copies that are counted are on their disks (Raft paper, figure 2)";
    pub const DISKS: &str = "a disk keeps what was synced";
    pub const ELECTABLE: &str =
        "nobody can be elected without what is committed (Raft paper, section 5.4)";
    pub const ELECTIONS: &str =
        "leaders have a quorum of durable votes (Raft paper, sections 5.2 and 6)";
    pub const EQUAL: &str = "equal states after equal logs";
    pub const IN_FORCE: &str =
        "the membership in force is the last one in the log (Raft paper, section 6)";
    pub const KEPT: &str = "what was acknowledged in a term stays in it (Raft paper, section 5.3)";
    pub const LINEARIZABLE: &str = "linearizability (Herlihy and Wing, 1990)";
    pub const MACHINES: &str = "state machine safety (Raft paper, figure 3)";
    pub const OWN: &str = "leaders send what is in their logs (Raft paper, figure 2)";
    pub const PROMISES: &str = "promises are durable (Raft paper, figure 2)";
    pub const STEPS: &str = "memberships change by safe steps (Raft paper, section 6)";
    pub const TERMS: &str = "no entry is on a disk before its term (Raft paper, figure 2)";
    pub const VOTELESS: &str = "leaders have a vote in what they committed (Raft paper, section 6)";
    pub const VOTES: &str = "one vote a term (Raft paper, section 5.2)";
}

use property as p;

/// All of them, in the order of the table of known failures.
pub const ALL: &[Mutation] = &[
    core(Core::ChangesBeforeOwnTerm, p::CHANGES),
    core(Core::ElectsByApplied, p::ELECTIONS),
    core(Core::OnlyBeginnerLeavesJoint, LIVENESS),
    core(Core::LeavesUncommittedJoint, p::ELECTABLE),
    core(Core::KeepsReplacedMembership, p::IN_FORCE),
    core(Core::KeepsMembershipOverSnapshot, p::IN_FORCE),
    core(Core::SilentToOldTerms, LIVENESS),
    core(Core::RemembersDeadLeader, LIVENESS),
    core(Core::StepDownForgetsVote, p::VOTES),
    core(Core::VoteBeforeTerm, p::VOTES),
    core(Core::CandidateBeforeDurable, p::PROMISES),
    core(Core::ReadsBeforeOwnTerm, p::LINEARIZABLE),
    core(Core::ReadsByLease, p::LINEARIZABLE),
    core(Core::CommitsUnverified, p::MACHINES),
    core(Core::AppendEndsLog, p::ELECTABLE),
    core(Core::CompactedIsConflict, LIVENESS),
    core(Core::AcknowledgesAllSent, p::ELECTABLE),
    core(Core::OldAcknowledgement, p::COPIES),
    core(Core::UnclippedWrites, p::COPIES),
    driver(Driver::LogBeforeBallot, p::TERMS),
    core(Core::HalfIsQuorum, p::ELECTABLE),
    core(Core::SoleVoterCountsUnsynced, p::COMMITS),
    storage(Storage::SkipsSync, p::DISKS),
    core(Core::SnapshotOverNewer, p::KEPT),
    core(Core::SnapshotAckByTermAlone, p::COPIES),
    core(Core::NoSnapshotForUnknown, LIVENESS),
    core(Core::CacheNotCut, p::MACHINES),
    core(Core::RemovedLeaderStays, p::VOTELESS),
    core(Core::DisloyalToLeaders, LIVENESS),
    core(Core::CommitsOlderTerms, p::ELECTABLE),
    driver(Driver::KeepsVoteInMemory, p::VOTES),
    core(Core::OneConfirmsReads, p::LINEARIZABLE),
    core(Core::DurableStaysHigh, p::APPLIED),
    core(Core::NoJointPhase, p::STEPS),
    store(Store::ExpiresByOwnClock, p::EQUAL),
    core(Core::EarlyAcknowledgement, p::PROMISES),
    core(Core::AppliesBeforeDurable, p::APPLIED),
    core(Core::FetchUnchecked, p::OWN),
    core(Core::ReadJoinsRound, p::LINEARIZABLE),
    Mutation { bug: Bug::Transport(TransportBug::KeepsNoRecords), property: p::ELECTABLE },
    storage(Storage::FlushesByParts, p::EQUAL),
    driver(Driver::ResetsLogFirst, STARTS_AGAIN),
];

/// The one of this name.
///
/// # Errors
///
/// If there is none; names all.
pub fn by_name(name: &str) -> Result<&'static Mutation, String> {
    ALL.iter().find(|mutation| mutation.name() == name).ok_or_else(|| {
        let names: Vec<&str> = ALL.iter().map(Mutation::name).collect();
        format!("there is no such bug; there are {}", names.join(", "))
    })
}

const fn core(bug: Core, property: &'static str) -> Mutation {
    Mutation { bug: Bug::Core(bug), property }
}

const fn driver(bug: Driver, property: &'static str) -> Mutation {
    Mutation { bug: Bug::Driver(bug), property }
}

const fn storage(bug: Storage, property: &'static str) -> Mutation {
    Mutation { bug: Bug::Storage(bug), property }
}

const fn store(bug: Store, property: &'static str) -> Mutation {
    Mutation { bug: Bug::Store(bug), property }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::checks::Checks;

    #[test]
    fn every_bug_that_can_be_planted_is_listed_once() {
        let listed: BTreeSet<Bug> = ALL.iter().map(|mutation| mutation.bug).collect();
        assert_eq!(listed.len(), ALL.len(), "a bug is listed twice");
        let bugs = (Core::ALL.iter().map(|bug| Bug::Core(*bug)))
            .chain(Driver::ALL.iter().map(|bug| Bug::Driver(*bug)))
            .chain(Storage::ALL.iter().map(|bug| Bug::Storage(*bug)))
            .chain(Store::ALL.iter().map(|bug| Bug::Store(*bug)))
            .chain(TransportBug::ALL.iter().map(|bug| Bug::Transport(*bug)));
        assert_eq!(listed, bugs.collect());
    }

    #[test]
    fn names_are_unique_and_rows_ascend() {
        let names: BTreeSet<&str> = ALL.iter().map(Mutation::name).collect();
        assert_eq!(names.len(), ALL.len());
        assert!(ALL.is_sorted_by_key(Mutation::row));
        assert!(ALL.iter().all(|mutation| by_name(mutation.name()) == Ok(mutation)));
        assert!(by_name("no-such-bug").unwrap_err().contains("skips-sync"));
    }

    #[test]
    fn every_property_is_one_that_is_checked() {
        let mut known: BTreeSet<&str> = Checks::default().names().collect();
        known.extend([LIVENESS, STARTS_AGAIN]);
        for mutation in ALL {
            assert!(known.contains(mutation.property), "{mutation}: {}", mutation.property);
        }
    }
}
