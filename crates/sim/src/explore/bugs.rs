//! Known bugs, each found under the bounds that it needs, which the core without it
//! passes whole: a check that finds nothing proves nothing.
//!
//! Each is hunted with the assertions of the core passed over: it is the property made
//! for it that has to find it, from outside.

use std::collections::BTreeMap;
use std::io::{self, Write};

use raft_core::{Bug, pass_over_invariants};

use super::property::Property;
use super::scenario::Scenario;
use super::scenarios;
use super::search::{self, End, Outcome};

/// A bug that is to be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quarry {
    /// Which one.
    pub bug: Bug,
    /// The property that is to find it.
    pub property: Property,
    /// The name of the scenario whose bounds are as small as it needs.
    pub scenario: &'static str,
}

/// All of them, in the order of the table of known failures.
pub const ALL: &[Quarry] = &[
    quarry(Bug::ElectsByApplied, Property::LeaderCompleteness, "membership"),
    quarry(Bug::LeavesUncommittedJoint, Property::LeaderCompleteness, "membership"),
    quarry(Bug::StepDownForgetsVote, Property::OneVoteATerm, "pre-votes"),
    quarry(Bug::VoteBeforeTerm, Property::OneVoteATerm, "ballots"),
    quarry(Bug::CandidateBeforeDurable, Property::OneVoteATerm, "ballots"),
    quarry(Bug::ReadsBeforeOwnTerm, Property::FreshReads, "reads"),
    quarry(Bug::ReadsByLease, Property::FreshReads, "reads"),
    quarry(Bug::CommitsUnverified, Property::CommittedForGood, "replaced-writes"),
    quarry(Bug::AppendEndsLog, Property::CommittedForGood, "figure-8"),
    quarry(Bug::AcknowledgesAllSent, Property::CommittedIsDurable, "replication"),
    quarry(Bug::OldAcknowledgement, Property::CommittedIsDurable, "old-answers"),
    quarry(Bug::UnclippedWrites, Property::AppliedIsDurable, "replaced-writes"),
    quarry(Bug::HalfIsQuorum, Property::LeaderCompleteness, "membership"),
    quarry(Bug::CacheNotCut, Property::AppliedIsDurable, "replication"),
    quarry(Bug::CommitsOlderTerms, Property::LeaderCompleteness, "figure-8"),
    quarry(Bug::DurableStaysHigh, Property::AppliedIsDurable, "replaced-writes"),
    quarry(Bug::NoJointPhase, Property::LeaderCompleteness, "membership"),
    quarry(Bug::EarlyAcknowledgement, Property::CommittedIsDurable, "repeated-appends"),
    quarry(Bug::AppliesBeforeDurable, Property::AppliedIsDurable, "slow-follower"),
    quarry(Bug::FetchUnchecked, Property::CommittedIsDurable, "rash-fetches"),
    quarry(Bug::ReadJoinsRound, Property::FreshReads, "reads"),
];

const fn quarry(bug: Bug, property: Property, scenario: &'static str) -> Quarry {
    Quarry { bug, property, scenario }
}

impl Quarry {
    /// The scenario that is to find it, without it.
    ///
    /// # Panics
    ///
    /// If there is no scenario of that name.
    pub fn sound(&self) -> Scenario {
        scenarios::named(self.scenario).expect("the scenario exists")
    }

    /// Explores with the bug.
    pub fn hunt(&self, most: u64) -> Outcome {
        explore_with(self.bug, self.sound(), most)
    }

    /// Whether it was found, by the property named for it.
    pub fn is_found(&self, outcome: &Outcome) -> bool {
        match &outcome.end {
            End::Broken(example) => example.violation.property == self.property,
            End::Whole | End::TooMany => false,
        }
    }
}

/// Explores a scenario with a bug, and with the assertions of the core passed over.
pub fn explore_with(bug: Bug, scenario: Scenario, most: u64) -> Outcome {
    let scenario = Scenario { planted: Some(bug), ..scenario };
    let (outcome, _) = pass_over_invariants(|| search::explore(&scenario, most));
    outcome
}

/// Explores with each bug, and without. Whether all were found and nothing else was.
///
/// # Errors
///
/// If the output cannot be written.
pub fn table(most: u64, out: &mut impl Write) -> io::Result<bool> {
    writeln!(
        out,
        "{:<4} {:<25} {:<17} {:>5} {:>9}  {:<21} without it",
        "row", "bug", "scenario", "steps", "states", "found by"
    )?;
    let mut good = true;
    let mut sound = BTreeMap::new();
    for quarry in ALL {
        let outcome = quarry.hunt(most);
        let without = (sound.entry(quarry.scenario))
            .or_insert_with(|| search::explore(&quarry.sound(), most));
        good &= quarry.is_found(&outcome) && without.end == End::Whole;
        let (steps, by) = match &outcome.end {
            End::Broken(example) => (example.way.len(), example.violation.property.name()),
            End::Whole | End::TooMany => (0, "NOT FOUND"),
        };
        let passes = match &without.end {
            End::Whole => format!("{} states, whole", without.states),
            End::TooMany => "GIVEN UP".to_owned(),
            End::Broken(example) => format!("BROKEN: {}", example.violation),
        };
        writeln!(
            out,
            "{:<4} {:<25} {:<17} {steps:>5} {:>9}  {by:<21} {passes}",
            quarry.bug.row(),
            quarry.bug.name(),
            quarry.scenario,
            outcome.states
        )?;
    }
    Ok(good)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_quarry_has_its_scenario_and_is_listed_once() {
        assert!(ALL.iter().all(|quarry| scenarios::named(quarry.scenario).is_some()));
        assert!(ALL.is_sorted_by_key(|quarry| quarry.bug.row()));
        assert!(ALL.windows(2).all(|pair| pair[0].bug != pair[1].bug));
    }
}
