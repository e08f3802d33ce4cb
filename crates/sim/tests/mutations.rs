//! Known bugs are found: a simulator that finds nothing proves nothing.
#![cfg(feature = "planted-bugs")]

use std::io::{self, Write};

use sim::checks::Violation;
use sim::mutation::Mutation;
use sim::options::Options;
use sim::report::Failure;
use sim::runner::{Seeds, run};

/// Each bug has to be found within so many seeds.
const SEEDS: u64 = 500;

/// Runs seeds with a bug until one fails, and says which. It has to break one of
/// the properties of safety: a cluster that merely gets stuck, or an assertion of
/// the code itself, would not show that these hold the code to anything.
fn find(mutation: Mutation) -> Violation {
    let options = Options { mutation: Some(mutation), ..Options::default() };
    let mut found = None;
    run(Seeds { first: 1, number: SEEDS }, 2, &options, |report| {
        found = report.failure.clone().map(|failure| (report.seed, failure));
        found.is_none()
    });
    let Some((seed, failure)) = found else {
        panic!("{mutation} was not found within {SEEDS} seeds")
    };
    // Past the capture of tests that pass: the number is worth a look.
    writeln!(io::stderr(), "{mutation} is found at seed {seed}: {failure}")
        .expect("stderr can be written");
    match failure {
        Failure::Violated(violation) => violation,
        other => panic!("{mutation} at seed {seed} broke no property of safety: {other}"),
    }
}

#[test]
fn acknowledging_before_the_disk_has_it_is_found() {
    let violation = find(Mutation::AckBeforePersisted);
    assert!(violation.invariant.contains("durable"), "{violation}");
}

#[test]
fn forgetting_a_vote_is_found() {
    let violation = find(Mutation::ForgetVote);
    assert!(violation.invariant.contains("vote"), "{violation}");
}

#[test]
fn committing_an_older_term_by_counting_is_found() {
    let violation = find(Mutation::CommitOlderTerm);
    assert!(violation.invariant.contains("commit"), "{violation}");
}
