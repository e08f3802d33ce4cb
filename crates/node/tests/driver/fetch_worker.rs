//! The fetch worker alone: reads for peers, and snapshots from one to another.

use std::sync::Arc;

use balsa::driver::DriverLimits;
use balsa::driver::fetch_worker::FetchWorker;
use balsa::driver::queues::{ApplyItem, FetchInbox, FetchItem, Output};
use bytes::Bytes;
use raft_core::{
    Event, Incarnation, Index, Membership, NodeId, Position, SnapshotMeta, Term, Time, TransferId,
};
use raft_net::{Frame, FrameBody, Progress, SnapshotChunk, SnapshotHeader};
use raft_storage::{Chunk, LogWrite, SnapshotStore, StateMachine};

use crate::support::disks::Disks;
use crate::support::entry;
use crate::support::journal::Journal;
use crate::support::random::Random;

const A: NodeId = NodeId(1);
const B: NodeId = NodeId(2);

fn bootstrap() -> SnapshotMeta {
    SnapshotMeta::bootstrap(Membership::of_voters([A, B]))
}

fn id(counter: u64) -> TransferId {
    TransferId { incarnation: Incarnation(1), counter }
}

/// A node's fetch worker and what it stands on.
struct Bench {
    worker: FetchWorker,
    inbox: FetchInbox,
    out: Output<()>,
    machine: Journal,
    store: Arc<dyn SnapshotStore>,
}

impl Bench {
    fn new(seed: u64) -> Bench {
        let mut stores = Disks::new(seed, bootstrap()).open();
        let log: Vec<_> = (1..=20).map(|index| entry(1, index, "x")).collect();
        stores.log.write(&[LogWrite::Append(log)]).expect("the disk is well");
        let limits = DriverLimits {
            snapshot_chunk_bytes: 64,
            snapshot_window: 3,
            ..DriverLimits::default()
        };
        let worker = FetchWorker::new(stores.log.reader(), stores.snapshots.clone(), limits);
        Bench {
            worker,
            inbox: FetchInbox::default(),
            out: Output::new(),
            machine: stores.machine,
            store: stores.snapshots,
        }
    }

    fn turn(&mut self, now: Time) {
        self.worker.turn(now, &mut self.inbox, &mut self.out).expect("the disk is well");
    }

    fn act(&mut self, now: Time, item: FetchItem) {
        self.inbox.items.push_back(item);
        self.turn(now);
    }

    /// Applies entries up to this one and takes a snapshot.
    fn take_snapshot(&mut self, last: u64) {
        let first = self.machine.applied().position.index.0 + 1;
        let entries: Vec<_> =
            (first..=last).map(|index| entry(1, index, &format!("text {index}"))).collect();
        self.machine.apply(&entries, &mut Vec::new()).expect("applies");
        let job = self.machine.prepare_snapshot().expect("the disk is well");
        self.act(Time(0), FetchItem::WriteSnapshot(job));
    }

    /// The frames that went out, as they come in at the other side.
    fn frames(&mut self, from: NodeId) -> Vec<FetchItem> {
        let item = |(_, frame): (NodeId, Frame)| match frame.body {
            FrameBody::SnapshotHeader(header) => FetchItem::Header(from, header),
            FrameBody::SnapshotChunk(chunk) => FetchItem::Chunk(from, chunk),
            FrameBody::SnapshotProgress(progress) => FetchItem::Progress(from, progress),
            FrameBody::Raft(_) | FrameBody::Forward { .. } | FrameBody::ForwardReply { .. } => {
                panic!("the fetch worker sends snapshots only")
            }
        };
        self.out.world.frames.drain(..).map(item).collect()
    }

    fn completion(&mut self) -> Option<Event> {
        (!self.out.completions.is_empty()).then(|| self.out.completions.remove(0))
    }
}

/// Carries frames both ways until the transfer ends; each is lost with one chance
/// in `loss` (0: none).
fn transfer(sender: &mut Bench, receiver: &mut Bench, seed: u64, loss: u64) -> Option<Event> {
    println!("seed {seed}");
    let mut random = Random::new(seed);
    let mut now = Time(0);
    for _ in 0..10_000 {
        let there = sender.frames(A);
        let back = receiver.frames(B);
        let is_quiet = there.is_empty() && back.is_empty();
        let mut arrives = || loss == 0 || !random.one_in(loss);
        receiver.inbox.items.extend(there.into_iter().filter(|_| arrives()));
        sender.inbox.items.extend(back.into_iter().filter(|_| arrives()));
        if is_quiet && !sender.worker.has_work(&sender.inbox, now) {
            now = sender.worker.next_wakeup();
        }
        while receiver.worker.has_work(&receiver.inbox, now) {
            receiver.turn(now);
        }
        while sender.worker.has_work(&sender.inbox, now) {
            sender.turn(now);
        }
        if let Some(event) = sender.completion() {
            return Some(event);
        }
    }
    None
}

#[test]
fn old_entries_are_read_and_missing_ones_told() {
    let mut bench = Bench::new(1);
    let read = |first, last| FetchItem::Read {
        id: 3,
        epoch: 4,
        first: Index(first),
        last: Index(last),
        max_bytes: 1000,
    };
    bench.act(Time(0), read(5, 7));
    let entries = (5..=7).map(|index| entry(1, index, "x")).collect();
    let expected = Event::Fetched { id: 3, epoch: 4, entries: Some(entries) };
    assert_eq!(bench.completion(), Some(expected));
    bench.act(Time(0), read(30, 31));
    assert_eq!(bench.completion(), Some(Event::Fetched { id: 3, epoch: 4, entries: None }));
}

#[test]
fn a_snapshot_is_written_and_announced_to_the_apply_worker() {
    let mut bench = Bench::new(1);
    bench.take_snapshot(20);
    let meta = bench.machine.applied();
    assert_eq!(bench.out.apply, [ApplyItem::SnapshotWritten(meta.clone())]);
    assert_eq!(bench.store.newest(), Some(meta));
}

#[test]
fn a_snapshot_reaches_the_other_side_whole() {
    for (seed, loss) in [(1, 0), (2, 20), (3, 10), (4, 5)] {
        let (mut sender, mut receiver) = (Bench::new(1), Bench::new(2));
        sender.take_snapshot(20);
        let send = FetchItem::SendSnapshot { to: B, term: Term(3), id: id(1) };
        sender.act(Time(0), send);
        let end = transfer(&mut sender, &mut receiver, seed, loss);
        let delivered = Event::SnapshotSent { to: B, id: id(1), delivered: true };
        assert_eq!(end, Some(delivered));
        let meta = sender.machine.applied();
        let received =
            Event::SnapshotReceived { from: A, term: Term(3), id: id(1), meta: meta.clone() };
        assert_eq!(receiver.completion(), Some(received));
        let mut source = receiver.store.open_received(A, id(1)).expect("it is there");
        receiver.machine.install(source.as_mut()).expect("the snapshot is sound");
        assert_eq!(receiver.machine.texts(), sender.machine.texts());
    }
}

#[test]
fn a_file_that_is_left_out_is_noticed_by_the_numbers() {
    let mut receiver = Bench::new(2);
    let meta = SnapshotMeta { position: Position::new(1, 20), ..bootstrap() };
    let chunk = |number, file, ends_snapshot| {
        let chunk = Chunk::new(file, 0, Bytes::from_static(b"x"), true, ends_snapshot);
        FetchItem::Chunk(A, SnapshotChunk { id: id(1), number, chunk })
    };
    let header = SnapshotHeader { id: id(1), term: Term(3), meta: meta.clone() };
    receiver.act(Time(0), FetchItem::Header(A, header));
    receiver.act(Time(0), chunk(0, "first", false));
    // Each file is whole, and the last chunk says that it is the last.
    receiver.act(Time(0), chunk(2, "third", true));
    assert_eq!(receiver.completion(), None);
    receiver.act(Time(0), chunk(1, "second", false));
    receiver.act(Time(0), chunk(2, "third", true));
    let received = Event::SnapshotReceived { from: A, term: Term(3), id: id(1), meta };
    assert_eq!(receiver.completion(), Some(received));
}

#[test]
fn no_more_than_a_window_is_on_its_way() {
    let (mut sender, mut receiver) = (Bench::new(1), Bench::new(2));
    sender.take_snapshot(20);
    sender.act(Time(0), FetchItem::SendSnapshot { to: B, term: Term(3), id: id(1) });
    let header = sender.frames(A).remove(0);
    receiver.act(Time(0), header);
    let progress = receiver.frames(B).remove(0);
    sender.act(Time(0), progress);
    while sender.worker.has_work(&sender.inbox, Time(0)) {
        sender.turn(Time(0));
    }
    assert_eq!(sender.frames(A).len(), 3);
}

#[test]
fn a_silent_receiver_is_asked_again_and_given_up() {
    let mut sender = Bench::new(1);
    sender.take_snapshot(20);
    sender.act(Time(0), FetchItem::SendSnapshot { to: B, term: Term(3), id: id(1) });
    let limits = DriverLimits::default();
    for _ in 0..limits.snapshot_stalls {
        assert!(matches!(sender.frames(A)[..], [FetchItem::Header(..)]));
        assert_eq!(sender.completion(), None);
        let now = sender.worker.next_wakeup();
        assert!(sender.worker.has_work(&sender.inbox, now));
        sender.turn(now);
    }
    let now = sender.worker.next_wakeup();
    sender.turn(now);
    let given_up = Event::SnapshotSent { to: B, id: id(1), delivered: false };
    assert_eq!(sender.completion(), Some(given_up));
    assert_eq!(sender.worker.next_wakeup(), Time::NEVER);
}

/// A break that lasts is no reason to begin anew: what the receiver has is not sent again.
#[test]
fn a_stream_that_breaks_goes_on_where_the_receiver_is() {
    let (mut sender, mut receiver) = (Bench::new(1), Bench::new(2));
    sender.take_snapshot(20);
    sender.act(Time(0), FetchItem::SendSnapshot { to: B, term: Term(3), id: id(1) });
    let mut now = Time(0);
    let mut had = 0;
    while had < 4 {
        receiver.inbox.items.extend(sender.frames(A));
        while receiver.worker.has_work(&receiver.inbox, now) {
            receiver.turn(now);
        }
        for report in receiver.frames(B) {
            if let FetchItem::Progress(_, progress) = &report {
                had = had.max(progress.chunks);
            }
            sender.inbox.items.push_back(report);
        }
        while sender.worker.has_work(&sender.inbox, now) {
            sender.turn(now);
        }
    }

    // What is on its way is lost, and so is each question, far more often than a silent
    // receiver is asked.
    let limits = DriverLimits::default();
    let mut asked = 0;
    while asked <= 2 * limits.snapshot_stalls {
        sender.frames(A);
        sender.act(now, FetchItem::PeerLost(B));
        sender.act(now, FetchItem::PeerLost(B));
        assert!(sender.frames(A).is_empty(), "the next question waits a moment");
        now = sender.worker.next_wakeup();
        sender.turn(now);
        assert!(matches!(sender.frames(A)[..], [FetchItem::Header(..)]));
        assert_eq!(sender.completion(), None);
        asked += 1;
    }

    // The last question arrives.
    let header = SnapshotHeader { id: id(1), term: Term(3), meta: sender.machine.applied() };
    receiver.act(now, FetchItem::Header(A, header));
    let report = receiver.frames(B).pop().expect("it answers");
    sender.inbox.items.push_back(report);
    while sender.worker.has_work(&sender.inbox, now) {
        sender.turn(now);
    }
    let again = sender.frames(A);
    let [FetchItem::Chunk(_, first), ..] = &again[..] else { panic!("it goes on: {again:?}") };
    assert_eq!(first.number, had, "what the receiver has is not sent again");
    receiver.inbox.items.extend(again);
    while receiver.worker.has_work(&receiver.inbox, now) {
        receiver.turn(now);
    }
    sender.inbox.items.extend(receiver.frames(B));
    while sender.worker.has_work(&sender.inbox, now) {
        sender.turn(now);
    }
    let end = sender.completion().or_else(|| transfer(&mut sender, &mut receiver, 1, 0));
    assert_eq!(end, Some(Event::SnapshotSent { to: B, id: id(1), delivered: true }));
    let mut source = receiver.store.open_received(A, id(1)).expect("it is there");
    receiver.machine.install(source.as_mut()).expect("the snapshot is sound");
    assert_eq!(receiver.machine.texts(), sender.machine.texts());
}

/// A part of an older snapshot is of no use to a newer one.
#[test]
fn another_snapshot_of_the_same_sender_starts_anew() {
    let mut receiver = Bench::new(2);
    let meta = SnapshotMeta { position: Position::new(1, 20), ..bootstrap() };
    let header = |number| {
        let header = SnapshotHeader { id: id(number), term: Term(3), meta: meta.clone() };
        FetchItem::Header(A, header)
    };
    let chunks = |item: Option<FetchItem>| match item {
        Some(FetchItem::Progress(_, progress)) => (progress.id, progress.chunks),
        other => panic!("no report: {other:?}"),
    };
    receiver.act(Time(0), header(1));
    let chunk = Chunk::new("first", 0, Bytes::from_static(b"x"), true, false);
    receiver.act(Time(0), FetchItem::Chunk(A, SnapshotChunk { id: id(1), number: 0, chunk }));
    assert_eq!(chunks(receiver.frames(B).pop()), (id(1), 1));
    receiver.act(Time(0), header(1));
    assert_eq!(chunks(receiver.frames(B).pop()), (id(1), 1), "the same one goes on");
    receiver.act(Time(0), header(2));
    assert_eq!(chunks(receiver.frames(B).pop()), (id(2), 0));
    receiver.act(Time(0), header(1));
    assert_eq!(chunks(receiver.frames(B).pop()), (id(1), 0), "the part was dropped");
}

#[test]
fn without_a_snapshot_there_is_nothing_to_send() {
    let mut sender = Bench::new(1);
    sender.act(Time(0), FetchItem::SendSnapshot { to: B, term: Term(3), id: id(1) });
    let failed = Event::SnapshotSent { to: B, id: id(1), delivered: false };
    assert_eq!(sender.completion(), Some(failed));
}

#[test]
fn a_whole_snapshot_is_kept_until_the_core_has_decided() {
    let (mut sender, mut receiver) = (Bench::new(1), Bench::new(2));
    sender.take_snapshot(20);
    sender.act(Time(0), FetchItem::SendSnapshot { to: B, term: Term(3), id: id(1) });
    assert!(transfer(&mut sender, &mut receiver, 1, 0).is_some());

    sender.act(Time(0), FetchItem::SendSnapshot { to: B, term: Term(3), id: id(2) });
    let header = sender.frames(A).remove(0);
    receiver.act(Time(0), header);
    let answer = receiver.frames(B).pop().expect("there is an answer");
    assert!(
        matches!(&answer, FetchItem::Progress(_, it) if it.progress == Progress::Failed),
        "{answer:?}"
    );
    assert!(receiver.store.open_received(A, id(1)).is_ok(), "the first one is still there");

    receiver.act(Time(0), FetchItem::Discard { from: A, id: id(1) });
    assert!(receiver.store.open_received(A, id(1)).is_err());
}

#[test]
fn an_own_snapshot_that_comes_too_late_does_not_pose_as_the_newest() {
    let (mut sender, mut receiver) = (Bench::new(1), Bench::new(2));
    sender.take_snapshot(20);
    sender.act(Time(0), FetchItem::SendSnapshot { to: B, term: Term(3), id: id(1) });
    assert!(transfer(&mut sender, &mut receiver, 1, 0).is_some());
    receiver.out = Output::new();
    let promote = FetchItem::Promote { write: raft_core::WriteSeq(1), from: A, id: id(1) };
    receiver.act(Time(0), promote);
    receiver.take_snapshot(5);
    assert_eq!(receiver.completion(), Some(Event::SnapshotFailed));
    assert_eq!(receiver.store.newest(), Some(sender.machine.applied()));
}
