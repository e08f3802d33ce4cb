//! The log worker alone: groups, barriers, bounds.

use balsa::driver::Fatal;
use balsa::driver::log_worker::LogWorker;
use balsa::driver::queues::{ApplyNote, LogInbox, LogNote, Output, PurgeBound};
use raft_core::{
    Ballot, Event, Index, Membership, NodeId, Position, SnapshotMeta, Term, TransferId, Write,
    WriteOp, WriteSeq,
};

use crate::support::disks::Disks;
use crate::support::entry;

/// The state is flushed for every so many bytes: more than two entries, not three.
const UNFLUSHED: u64 = 100;

fn bootstrap() -> SnapshotMeta {
    SnapshotMeta::bootstrap(Membership::of_voters([NodeId(1)]))
}

fn meta(term: u64, index: u64) -> SnapshotMeta {
    SnapshotMeta { position: Position::new(term, index), ..bootstrap() }
}

fn worker(disks: &Disks) -> LogWorker {
    LogWorker::new(disks.open_log(), PurgeBound::default(), UNFLUSHED)
}

fn inbox(first: u64, ops: Vec<WriteOp>) -> LogInbox {
    let writes = (first..).zip(ops).map(|(seq, op)| Write { seq: WriteSeq(seq), op });
    LogInbox { writes: writes.collect(), ..LogInbox::default() }
}

fn ballot(term: u64) -> WriteOp {
    WriteOp::Ballot(Ballot { term: Term(term), vote: None })
}

fn append(term: u64, index: u64) -> WriteOp {
    WriteOp::Append(vec![entry(term, index, "x")])
}

fn install(index: u64) -> WriteOp {
    WriteOp::Install { from: NodeId(2), id: TransferId::default(), meta: meta(1, index) }
}

#[test]
fn all_that_waits_is_one_group() {
    let disks = Disks::new(1, bootstrap());
    let mut worker = worker(&disks);
    let mut out = Output::<()>::new();
    let mut inbox = inbox(1, vec![ballot(1), append(1, 1), append(1, 2), append(1, 3)]);
    assert!(worker.has_work(&inbox));
    worker.turn(&mut inbox, &mut out).expect("the disk is well");
    assert_eq!(*disks.groups.lock().expect("nobody panicked"), [4]);
    assert_eq!(out.completions, [Event::Persisted(WriteSeq(4))]);
    assert!(!worker.has_work(&inbox));
}

#[test]
fn a_pause_is_told_once() {
    let disks = Disks::new(1, bootstrap());
    let mut worker = worker(&disks);
    let none = LogInbox::default();
    assert!(worker.wants_idle(&none), "what a start found may lack its mark");
    worker.idle(&none).expect("the disk is well");
    assert!(!worker.wants_idle(&none), "nothing was written since");
    let mut inbox = inbox(1, vec![ballot(1)]);
    worker.turn(&mut inbox, &mut Output::<()>::new()).expect("the disk is well");
    assert!(worker.wants_idle(&inbox));
    worker.idle(&inbox).expect("the disk is well");
    assert!(!worker.wants_idle(&inbox));
}

#[test]
fn an_installation_parts_the_stream_of_writes() {
    let disks = Disks::new(1, bootstrap());
    let mut worker = worker(&disks);
    let mut out = Output::<()>::new();
    let mut inbox = inbox(1, vec![ballot(1), append(1, 1), install(9), append(1, 10)]);

    worker.turn(&mut inbox, &mut out).expect("the disk is well");
    assert_eq!(out.completions, [Event::Persisted(WriteSeq(2))], "what precedes is complete");
    assert_eq!(out.apply_notes, [ApplyNote::LogPaused(WriteSeq(3))]);
    assert!(!worker.has_work(&inbox), "nothing is written across the barrier");
    worker.turn(&mut inbox, &mut out).expect("there is nothing to do");
    assert_eq!(*disks.groups.lock().expect("nobody panicked"), [2]);

    inbox.notes.push_back(LogNote::SnapshotPromoted(WriteSeq(3)));
    worker.turn(&mut inbox, &mut out).expect("the disk is well");
    assert_eq!(out.apply_notes[1..], [ApplyNote::LogReset(WriteSeq(3))]);
    assert_eq!(out.completions.len(), 1, "not complete yet");
    assert_eq!(disks.open_log().recovered().log.base(), Position::new(1, 9));
}

#[test]
fn writing_goes_on_after_the_last_step_of_an_installation() {
    let disks = Disks::new(1, bootstrap());
    let mut worker = worker(&disks);
    let mut out = Output::<()>::new();
    let mut inbox = inbox(1, vec![install(9), append(1, 10)]);
    worker.turn(&mut inbox, &mut out).expect("the disk is well");
    inbox.notes.push_back(LogNote::SnapshotPromoted(WriteSeq(1)));
    worker.turn(&mut inbox, &mut out).expect("the disk is well");
    inbox.notes.push_back(LogNote::InstallFinished(WriteSeq(1)));
    worker.turn(&mut inbox, &mut out).expect("there is nothing to write");
    assert_eq!(out.completions, [Event::Persisted(WriteSeq(1))]);
    assert!(worker.has_work(&inbox));
    worker.turn(&mut inbox, &mut out).expect("the disk is well");
    assert_eq!(out.completions[1..], [Event::Persisted(WriteSeq(2))]);
    assert_eq!(disks.open_log().recovered().log.last(), Position::new(1, 10));
}

#[test]
fn a_purge_goes_as_far_as_state_and_snapshot_allow() {
    let disks = Disks::new(1, bootstrap());
    let mut worker = worker(&disks);
    let mut out = Output::<()>::new();
    let mut inbox = inbox(1, vec![append(1, 1), append(1, 2), WriteOp::Purge(meta(1, 1))]);
    let bound = PurgeBound { durable: Index(1), snapshot: Index(2) };
    inbox.notes.push_back(LogNote::PurgeBound(bound));
    worker.turn(&mut inbox, &mut out).expect("the disk is well");
    assert_eq!(disks.open_log().recovered().log.base(), Position::new(1, 1));
}

#[test]
#[should_panic(expected = "a purge through 2 would lose entries")]
fn a_purge_beyond_what_is_durable_is_a_broken_invariant() {
    let disks = Disks::new(1, bootstrap());
    let mut inbox = inbox(1, vec![append(1, 1), append(1, 2), WriteOp::Purge(meta(1, 2))]);
    let bound = PurgeBound { durable: Index(1), snapshot: Index(2) };
    inbox.notes.push_back(LogNote::PurgeBound(bound));
    let turned = worker(&disks).turn(&mut inbox, &mut Output::<()>::new());
    panic!("the purge was not noticed: {turned:?}");
}

#[test]
fn an_error_is_final_and_nothing_is_acknowledged() {
    let disks = Disks::new(1, bootstrap());
    let mut worker = worker(&disks);
    let mut out = Output::<()>::new();
    disks.log.crash_at(Some(2));
    let mut first = inbox(1, vec![append(1, 1), append(1, 2)]);
    let error = worker.turn(&mut first, &mut out).expect_err("the disk fails");
    assert!(matches!(error, Fatal::Log(_)), "{error}");
    assert!(out.completions.is_empty());
    let mut later = inbox(3, vec![append(1, 3)]);
    assert!(!worker.has_work(&later));
    worker.turn(&mut later, &mut out).expect("nothing is tried again");
    assert!(out.completions.is_empty());
}

#[test]
fn the_state_is_flushed_when_the_log_outgrows_its_limit() {
    let disks = Disks::new(1, bootstrap());
    let mut worker = worker(&disks);
    let mut out = Output::<()>::new();
    let size = entry(1, 1, "x").size();
    assert!(2 * size <= UNFLUSHED && 3 * size > UNFLUSHED, "an entry has {size} bytes");
    let turn = |worker: &mut LogWorker, out: &mut Output<()>, index| {
        let mut inbox = inbox(index, vec![append(1, index)]);
        worker.turn(&mut inbox, out).expect("the disk is well");
    };

    (1..=2).for_each(|index| turn(&mut worker, &mut out, index));
    assert_eq!(out.apply_notes, []);
    turn(&mut worker, &mut out, 3);
    assert_eq!(out.apply_notes, [ApplyNote::Flush]);
    // It is asked once, and again only for as much more.
    turn(&mut worker, &mut out, 4);
    assert_eq!(out.apply_notes, [ApplyNote::Flush]);
    let bound = PurgeBound { durable: Index(3), ..PurgeBound::default() };
    let mut answer = LogInbox { notes: [LogNote::PurgeBound(bound)].into(), ..LogInbox::default() };
    worker.turn(&mut answer, &mut out).expect("the disk is well");
    (5..=6).for_each(|index| turn(&mut worker, &mut out, index));
    assert_eq!(out.apply_notes, [ApplyNote::Flush]);
    turn(&mut worker, &mut out, 7);
    assert_eq!(out.apply_notes, [ApplyNote::Flush, ApplyNote::Flush]);
}
