//! Known bugs are found: a simulator that finds nothing proves nothing.
#![cfg(feature = "planted-bugs")]

use sim::mutation::Mutation;
use sim::options::Options;
use sim::report::Failure;
use sim::runner::{Seeds, run};

/// Each bug has to be found within so many seeds.
const SEEDS: u64 = 500;

/// Runs seeds with a bug until one fails; how it fails.
fn find(mutation: Mutation) -> Failure {
    let options = Options { mutation: Some(mutation), ..Options::default() };
    let mut found = None;
    run(Seeds { first: 1, number: SEEDS }, 2, &options, |report| {
        found = report.failure.clone();
        found.is_none()
    });
    found.unwrap_or_else(|| panic!("{mutation} was not found within {SEEDS} seeds"))
}

#[test]
fn acknowledging_before_the_disk_has_it_is_found() {
    let failure = find(Mutation::AckBeforePersisted);
    assert!(failure.name().contains("durable"), "{failure}");
}

#[test]
fn forgetting_a_vote_is_found() {
    let failure = find(Mutation::ForgetVote);
    assert!(matches!(failure, Failure::Violated(_)), "{failure}");
}

#[test]
fn committing_an_older_term_by_counting_is_found() {
    let failure = find(Mutation::CommitOlderTerm);
    assert!(matches!(failure, Failure::Violated(_)), "{failure}");
}
