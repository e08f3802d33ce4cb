//! Starts from disks that fit together, and from some that do not.

use balsa::driver::recovery::{Stores, recover};
use balsa::driver::{DriverConfig, OpenError, Workers};
use raft_core::{
    Ballot, Config, Entry, Incarnation, Index, Membership, NodeId, Position, RestoreError,
    SnapshotMeta, Term, Time,
};
use raft_storage::{LogWrite, StateMachine};

use crate::support::disks::Disks;
use crate::support::entry;
use crate::support::journal::REQUEST_IDS;

fn bootstrap() -> SnapshotMeta {
    SnapshotMeta::bootstrap(Membership::of_voters([NodeId(1)]))
}

fn entries(term: u64, last: u64) -> Vec<Entry> {
    (1..=last).map(|index| entry(term, index, "x")).collect()
}

/// Disks with these writes in the log, and these entries applied and flushed.
fn disks(log: &[LogWrite], applied: &[Entry]) -> Disks {
    let disks = Disks::new(1, bootstrap());
    let mut stores = disks.open();
    let ballot = LogWrite::Ballot(Ballot { term: Term(2), vote: None });
    stores.log.write(&[ballot]).expect("the disk is well");
    stores.log.write(log).expect("the disk is well");
    if !applied.is_empty() {
        stores.machine.apply(applied, &mut Vec::new()).expect("the disk is well");
    }
    stores.machine.flush().expect("the disk is well");
    disks
}

/// Takes a snapshot of what is applied.
fn take_snapshot(disks: &Disks) {
    let Stores { mut machine, snapshots, .. } = disks.open();
    let mut sink = snapshots.create().expect("the disk is well");
    let job = machine.prepare_snapshot().expect("the disk is well");
    let meta = job.run(sink.as_mut()).expect("the disk is well");
    sink.finish(meta).expect("the disk is well");
}

fn start(disks: &Disks) -> Result<(), OpenError> {
    let config = DriverConfig::new(Config::new(NodeId(1), Incarnation(1)));
    Workers::open(&config, REQUEST_IDS, disks.open(), Time(0)).map(|_| ())
}

fn purge(index: u64) -> LogWrite {
    LogWrite::Purge(SnapshotMeta { position: Position::new(1, index), ..bootstrap() })
}

#[test]
fn a_new_node_starts() {
    let disks = Disks::new(1, bootstrap());
    let found = recover(&mut disks.open(), 100).expect("nothing contradicts itself");
    assert_eq!(found.saved.applied, Index(0));
    assert!(found.saved.tail.is_empty() && !found.finished_install);
    start(&disks).expect("it starts");
}

#[test]
fn what_is_not_applied_is_read_in_pieces() {
    let disks = disks(&[LogWrite::Append(entries(1, 50))], &entries(1, 20));
    let found = recover(&mut disks.open(), 100).expect("nothing contradicts itself");
    assert_eq!(found.saved.applied, Index(20));
    assert_eq!(found.saved.tail, entries(1, 50)[20..]);
    assert_eq!((found.purge_bound.durable, found.purge_bound.snapshot), (Index(20), Index(0)));
    start(&disks).expect("it starts");
}

#[test]
fn a_state_ahead_of_its_log_is_refused() {
    let disks = disks(&[LogWrite::Append(entries(1, 5))], &entries(1, 6));
    let error = start(&disks).expect_err("entry 6 was synced once");
    let expected = RestoreError::StateAheadOfLog { applied: Index(6), last: Index(5) };
    assert!(matches!(&error, OpenError::Restore(found) if *found == expected), "{error}");
    assert!(error.to_string().contains("remove this member and add it anew"));
}

#[test]
fn a_log_that_begins_too_late_is_refused() {
    let disks = disks(&[LogWrite::Append(entries(1, 9)), purge(5)], &entries(1, 3));
    let error = start(&disks).expect_err("entries 4 and 5 are nowhere");
    let expected = RestoreError::LogBeginsTooLate { applied: Index(3), first: Index(6) };
    assert!(matches!(&error, OpenError::Restore(found) if *found == expected), "{error}");
}

#[test]
fn a_log_without_its_snapshot_is_refused() {
    let log = [LogWrite::Append(entries(1, 9)), purge(5)];
    let without = disks(&log, &entries(1, 7));
    let error = start(&without).expect_err("nobody could be helped with entries up to 5");
    let expected = RestoreError::NoSnapshotForLog { snapshot: Index(0), base: Index(5) };
    assert!(matches!(&error, OpenError::Restore(found) if *found == expected), "{error}");
    let with = disks(&log, &entries(1, 7));
    take_snapshot(&with);
    start(&with).expect("the snapshot reaches to 7");
}

#[test]
fn a_state_of_another_log_is_refused() {
    let disks = disks(&[LogWrite::Append(entries(1, 9))], &entries(2, 4));
    let error = start(&disks).expect_err("entry 4 is of term 1");
    let applied = Position::new(2, 4);
    assert!(
        matches!(error, OpenError::StateOfAnotherLog { applied: found } if found == applied),
        "{error}"
    );
}
