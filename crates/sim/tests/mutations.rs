//! Known bugs are found: a simulator that finds nothing proves nothing. `sim bugs` hunts
//! all of them; here are those that are found within a few seeds.
#![cfg(feature = "planted-bugs")]

use sim::mutation::{Quarry, by_name, hunt};

/// Each of these has to be caught within so many seeds.
const SEEDS: u64 = 40;

/// A bug is caught by the property named for it, with the assertions of the core and
/// without.
fn is_caught(name: &str) {
    let mutation = by_name(name).expect("the bug is listed");
    let hunt = hunt(Quarry { mutation, seeds: SEEDS, jobs: 2 });
    assert!(hunt.is_caught(), "{name} was not caught within {SEEDS} seeds: {hunt}");
}

#[test]
fn elections_by_the_applied_membership_are_found() {
    is_caught("elects-by-applied");
}

#[test]
fn memberships_that_outlive_their_entry_are_found() {
    is_caught("keeps-replaced-membership");
    is_caught("keeps-membership-over-snapshot");
}

#[test]
fn votes_given_twice_are_found() {
    is_caught("step-down-forgets-vote");
    is_caught("vote-before-term");
}

#[test]
fn promises_before_the_disk_has_them_are_found() {
    is_caught("candidate-before-durable");
    is_caught("skips-sync");
}

#[test]
fn entries_before_their_term_are_found() {
    is_caught("log-before-ballot");
}

#[test]
fn stale_reads_are_found() {
    is_caught("reads-before-own-term");
}

#[test]
fn commits_of_what_is_not_verified_are_found() {
    is_caught("commits-unverified");
}

#[test]
fn appends_that_cut_off_what_matches_are_found() {
    is_caught("append-ends-log");
}

#[test]
fn commits_by_half_of_the_voters_are_found() {
    is_caught("half-is-quorum");
}

#[test]
fn entries_of_a_cache_that_was_not_cut_are_found() {
    is_caught("cache-not-cut");
}

#[test]
fn leaders_that_stay_after_their_removal_are_found() {
    is_caught("removed-leader-stays");
}

#[test]
fn clusters_that_remember_a_dead_leader_are_found() {
    is_caught("remembers-dead-leader");
}

#[test]
fn copies_that_are_not_there_are_found() {
    is_caught("old-acknowledgement");
    is_caught("unclipped-writes");
    is_caught("snapshot-ack-by-term-alone");
}

#[test]
fn snapshots_over_what_was_acknowledged_are_found() {
    is_caught("snapshot-over-newer");
}

#[test]
fn changes_before_a_commit_of_the_term_are_found() {
    is_caught("changes-before-own-term");
}

#[test]
fn installations_that_reset_the_log_first_are_found() {
    is_caught("resets-log-first");
}

#[test]
fn clusters_that_depose_their_leaders_for_ever_are_found() {
    is_caught("disloyal-to-leaders");
}

/// The other half of the proof is `crates/node/tests/repository/planted_bugs.rs`: what is
/// delivered does not hold these names.
#[test]
fn a_program_with_bugs_to_plant_names_them() {
    let program = std::fs::read(env!("CARGO_BIN_EXE_sim")).expect("the program can be read");
    for mutation in sim::mutation::ALL {
        let name = mutation.name().as_bytes();
        assert!(program.windows(name.len()).any(|bytes| bytes == name), "{mutation} is not there");
    }
}
