//! What a node finds on its disks when it starts. What contradicts itself is a sign
//! that something synced was lost, and the node refuses to take part.

use bytes::Bytes;
use raft_core::{
    Ballot, Config, Effect, Effects, Entry, EntryKind, Event, Incarnation, Index, LogSummary,
    Membership, NodeId, Position, Raft, RestoreError, Saved, SnapshotMeta, Term, Time, WriteOp,
};

/// A log after 2@1 that holds 3@2 and 4@2, applied up to 3.
fn saved() -> Saved {
    let membership = Membership::of_voters([1, 2, 3].map(NodeId));
    let mut log = LogSummary::new(SnapshotMeta { position: Position::new(1, 2), membership });
    let entry = |index| Entry {
        term: Term(2),
        index: Index(index),
        kind: EntryKind::COMMAND,
        format: 0,
        payload: Bytes::new(),
    };
    let entries = [3, 4].map(entry);
    entries.iter().for_each(|entry| log.append(entry).expect("the entries are consecutive"));
    let ballot = Ballot { term: Term(2), vote: None };
    let (applied, committed, snapshot) = (Index(3), Index(2), Index(2));
    Saved { ballot, log, applied, committed, snapshot, tail: entries[1..].to_vec() }
}

fn restore(change: impl Fn(&mut Saved)) -> Result<Raft, RestoreError> {
    let mut saved = saved();
    change(&mut saved);
    let mut config = Config::new(NodeId(1), Incarnation(1));
    config.limits.trailing_entries = 0;
    Raft::restore(config, saved, Time(0))
}

#[track_caller]
fn refuses(error: RestoreError, change: impl Fn(&mut Saved)) {
    assert_eq!(restore(change).map(|raft| raft.status()), Err(error));
}

#[test]
fn what_fits_together_is_taken() {
    let status = restore(|_| ()).expect("it fits together").status();
    assert_eq!((status.commit, status.applied), (Index(3), Index(3)));
    assert_eq!((status.base, status.last), (Position::new(1, 2), Position::new(2, 4)));
}

#[test]
fn what_is_known_to_be_committed_is_applied_at_once() {
    for (committed, known) in [(2, 3), (3, 3), (4, 4), (9, 4)] {
        let mut raft = restore(|saved| saved.committed = Index(committed)).expect("it fits");
        assert_eq!(raft.status().commit, Index(known));
        let mut effects = Effects::new();
        raft.step(Time(0), Event::Wakeup, &mut effects);
        let applies = effects.iter().any(|effect| matches!(effect, Effect::Apply(_)));
        assert_eq!(applies, known > 3, "committed up to {committed}");
    }
}

#[test]
fn a_state_ahead_of_the_log() {
    let (applied, last) = (Index(5), Index(4));
    refuses(RestoreError::StateAheadOfLog { applied, last }, |saved| {
        (saved.applied, saved.tail) = (applied, Vec::new());
    });
}

#[test]
fn a_log_that_begins_behind_the_state() {
    let (applied, first) = (Index(1), Index(3));
    refuses(RestoreError::LogBeginsTooLate { applied, first }, |saved| saved.applied = applied);
}

#[test]
fn a_ballot_behind_the_log() {
    refuses(RestoreError::BallotBehindLog, |saved| saved.ballot.term = Term(1));
}

#[test]
fn a_log_that_begins_behind_the_newest_snapshot() {
    let (snapshot, base) = (Index(1), Index(2));
    refuses(RestoreError::NoSnapshotForLog { snapshot, base }, |saved| saved.snapshot = snapshot);
}

#[test]
fn a_tail_that_is_not_the_end_of_the_log() {
    refuses(RestoreError::TailIncomplete, |saved| saved.tail.clear());
    refuses(RestoreError::TailIncomplete, |saved| saved.applied = Index(2));
    refuses(RestoreError::TailIncomplete, |saved| saved.tail[0].term = Term(1));
    refuses(RestoreError::TailIncomplete, |saved| {
        saved.tail[0].index = Index(3);
        saved.applied = Index(2);
    });
    refuses(RestoreError::TailIncomplete, |saved| saved.tail.push(saved.tail[0].clone()));
    // What the log starts after is no entry of it.
    refuses(RestoreError::TailIncomplete, |saved| {
        let entry =
            |term, index| Entry { term: Term(term), index: Index(index), ..saved.tail[0].clone() };
        saved.tail = vec![entry(1, 2), entry(2, 3), entry(2, 4)];
    });
}

/// A snapshot is complete before the state at its index is known to be durable, so a
/// crash can leave it ahead of the state. An older one purges nothing up to it.
#[test]
fn a_snapshot_ahead_of_the_state() {
    let mut raft = restore(|saved| saved.snapshot = Index(4)).expect("it fits together");
    let membership = Membership::of_voters([1, 2, 3].map(NodeId));
    let older = SnapshotMeta { position: Position::new(2, 3), membership };
    let mut effects = Effects::new();
    raft.step(Time(1), Event::SnapshotTaken(older), &mut effects);
    let is_purge = |effect: &Effect| matches!(effect, Effect::Persist(write) if matches!(write.op, WriteOp::Purge(_)));
    assert!(!effects.iter().any(is_purge), "it purges: {effects:?}");
    assert_eq!(raft.status().snapshot, Index(4));
}
