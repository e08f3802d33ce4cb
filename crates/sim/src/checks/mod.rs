//! The properties that must hold whatever happens, checked as it happens.
//!
//! ```text
//!   disks, network, clients ── Fact ──▶ each Invariant (with what is Known before it)
//!                                   └─▶ Known, for the next one
//! ```
//!
//! The facts come from outside the nodes: what lies on a disk, what went over
//! the network, what a state machine was given, what a client was told. A node's
//! own word is taken for its term, role and commit index only. One invariant is
//! one file, with its source.

mod acknowledged_writes;
mod applied_is_durable;
mod changes_after_commit;
mod commit_order;
mod commit_quorum;
mod counted_copies;
mod disk_keeps;
mod durable_promises;
mod electable;
mod election_quorum;
mod election_safety;
mod equal_hashes;
mod fact;
mod kept_promises;
mod known;
mod leader_append_only;
mod leader_completeness;
mod linearizable;
mod linearizable_keys;
mod log_matching;
mod membership_in_force;
mod membership_steps;
mod mvcc;
mod one_vote;
mod own_entries;
mod purge_bound;
mod state_machine_safety;
mod terms_before_entries;
#[cfg(test)]
mod testing;
mod voteless_leaders;

use std::fmt;

pub use fact::{Fact, Sort};
pub use known::{Applied, Committed, Disk, Known};

use crate::workload::Outcome;

/// A property that must hold.
pub trait Invariant: Send {
    /// What it is called, with its source.
    fn name(&self) -> &'static str;

    /// The sorts of facts that it looks at; it is not asked about others.
    fn looks_at(&self) -> &'static [Sort];

    /// Looks at a fact.
    ///
    /// # Errors
    ///
    /// If the property does not hold; says how.
    fn check(&mut self, known: &Known, fact: &Fact<'_>) -> Result<(), String>;
}

/// A property that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which one.
    pub invariant: &'static str,
    /// How.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.what)
    }
}

/// All invariants of one run.
pub struct Checks {
    known: Known,
    invariants: Vec<Box<dyn Invariant>>,
    /// For each sort of fact, the places of those that look at it.
    looking: [Vec<usize>; Sort::NUMBER],
}

impl Default for Checks {
    fn default() -> Checks {
        Checks::of(vec![
            Box::new(disk_keeps::DiskKeeps),
            Box::new(election_safety::ElectionSafety::default()),
            Box::new(one_vote::OneVote::default()),
            Box::new(durable_promises::DurablePromises),
            Box::new(kept_promises::KeptPromises::default()),
            Box::new(counted_copies::CountedCopies::default()),
            Box::new(election_quorum::ElectionQuorum::default()),
            Box::new(leader_append_only::LeaderAppendOnly::default()),
            Box::new(leader_completeness::LeaderCompleteness::default()),
            Box::new(own_entries::OwnEntries),
            Box::new(log_matching::LogMatching::default()),
            Box::new(membership_steps::MembershipSteps),
            Box::new(changes_after_commit::ChangesAfterCommit),
            Box::new(membership_in_force::MembershipInForce),
            Box::new(voteless_leaders::VotelessLeaders),
            Box::new(terms_before_entries::TermsBeforeEntries),
            Box::new(commit_order::CommitOrder::default()),
            Box::new(commit_quorum::CommitQuorum::default()),
            Box::new(electable::Electable::default()),
            Box::new(state_machine_safety::StateMachineSafety::default()),
            Box::new(applied_is_durable::AppliedIsDurable),
            Box::new(purge_bound::PurgeBound),
            Box::new(equal_hashes::EqualHashes::default()),
            Box::new(acknowledged_writes::AcknowledgedWrites::default()),
            Box::new(mvcc::Mvcc::default()),
            Box::new(linearizable::Linearizable),
            Box::new(linearizable_keys::LinearizableKeys::default()),
        ])
    }
}

impl Checks {
    /// One property only, by its name; all of them if none is named.
    pub fn watching(only: Option<&str>) -> Checks {
        let mut invariants = Checks::default().invariants;
        invariants.retain(|invariant| only.is_none_or(|only| invariant.name() == only));
        Checks::of(invariants)
    }

    fn of(invariants: Vec<Box<dyn Invariant>>) -> Checks {
        let mut looking: [Vec<usize>; Sort::NUMBER] = Default::default();
        for (place, invariant) in invariants.iter().enumerate() {
            for sort in invariant.looks_at() {
                looking[*sort as usize].push(place);
            }
        }
        Checks { known: Known::default(), invariants, looking }
    }

    /// The names of the properties.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.invariants.iter().map(|invariant| invariant.name())
    }

    /// Looks at a fact.
    ///
    /// # Errors
    ///
    /// The first property that it breaks.
    pub fn observe(&mut self, fact: &Fact<'_>) -> Result<(), Violation> {
        for place in &self.looking[fact.sort() as usize] {
            let invariant = &mut self.invariants[*place];
            invariant
                .check(&self.known, fact)
                .map_err(|what| Violation { invariant: invariant.name(), what })?;
        }
        self.known
            .learn(fact)
            .map_err(|what| Violation { invariant: "a log store is given a log", what })
    }

    /// What is known by now.
    pub fn known(&self) -> &Known {
        &self.known
    }
}

/// The revision that an outcome tells a client of.
fn told(outcome: &Outcome) -> Option<i64> {
    match outcome {
        Outcome::Written(Ok(response)) => response.revision(),
        Outcome::Read(Ok(found)) => Some(found.revision),
        Outcome::Written(Err(_))
        | Outcome::Read(Err(_))
        | Outcome::NotWritten
        | Outcome::Unknown
        | Outcome::NotRead => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    /// What a check's source names and does not ask for, it would never see.
    #[test]
    fn each_check_asks_for_the_facts_that_its_source_names() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/checks");
        let mut seen = 0;
        for file in fs::read_dir(folder).expect("the folder is there") {
            let path = file.expect("the folder can be read").path();
            let source = fs::read_to_string(&path).expect("a source is text");
            let source = source.split("#[cfg(test)]").next().unwrap_or_default();
            if !source.contains("\nimpl Invariant for ") {
                continue;
            }
            let named = |mark: &str| -> BTreeSet<String> {
                let behind = source.split(mark).skip(1);
                behind
                    .map(|rest| rest.chars().take_while(|c| c.is_alphanumeric()).collect())
                    .collect()
            };
            assert_eq!(named("Fact::"), named("Sort::"), "{}", path.display());
            seen += 1;
        }
        assert_eq!(seen, Checks::default().invariants.len(), "a check's source was not found");
    }
}
