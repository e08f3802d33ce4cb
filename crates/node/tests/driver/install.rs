//! A snapshot takes the place of log and state, and the node may lose power
//! between any two turns of its workers.

use balsa::driver::apply_worker::ApplyWorker;
use balsa::driver::fetch_worker::FetchWorker;
use balsa::driver::log_worker::LogWorker;
use balsa::driver::queues::{ApplyItem, Inboxes, Output, PurgeBound};
use balsa::driver::recovery::{Recovered, Stores, recover};
use balsa::driver::{DriverLimits, Fatal, Worker};
use raft_core::{
    Ballot, Event, Incarnation, Membership, NodeId, Position, SnapshotMeta, Term, Time, TransferId,
    Write, WriteOp, WriteSeq,
};
use raft_storage::{LogWrite, SnapshotStore, StateMachine};

use crate::support::disks::Disks;
use crate::support::entry;
use crate::support::journal::{Journal, REQUEST_IDS, Reply};
use crate::support::random::Random;

const SENDER: NodeId = NodeId(2);
const ID: TransferId = TransferId { incarnation: Incarnation(5), counter: 1 };
/// What the snapshot covers; the node itself has entries up to 4, of which 2 are
/// applied, and those from 3 on are not the cluster's.
const COVERED: u64 = 20;

fn bootstrap() -> SnapshotMeta {
    SnapshotMeta::bootstrap(Membership::of_voters([NodeId(1), SENDER]))
}

/// A node whose state and log are behind.
fn disks_behind(seed: u64) -> Disks {
    let disks = Disks::new(seed, bootstrap());
    let Stores { mut log, mut machine, .. } = disks.open();
    let entries: Vec<_> = (1..=4).map(|index| entry(1, index, "old")).collect();
    machine.apply(&entries[..2], &mut Vec::new()).expect("applies");
    machine.flush().expect("the disk is well");
    let ballot = Ballot { term: Term(3), vote: None };
    log.write(&[LogWrite::Ballot(ballot), LogWrite::Append(entries)]).expect("the disk is well");
    disks
}

/// Puts the sender's snapshot aside, as if it had just been received.
fn receive_snapshot(store: &dyn SnapshotStore) -> SnapshotMeta {
    let sender = Disks::new(9, bootstrap());
    let Stores { mut machine, snapshots, .. } = sender.open();
    let entries: Vec<_> =
        (1..=COVERED).map(|index| entry(1 + index / 3, index, &format!("new {index}"))).collect();
    machine.apply(&entries, &mut Vec::new()).expect("applies");
    let mut sink = snapshots.create().expect("the disk is well");
    let job = machine.prepare_snapshot().expect("the disk is well");
    let meta = job.run(sink.as_mut()).expect("the disk is well");
    sink.finish(meta.clone()).expect("the disk is well");
    let mut source = snapshots.open_newest().expect("it was just finished");
    let mut aside = store.receive(SENDER, ID, meta.clone()).expect("the disk is well");
    while let Some(chunk) = source.next_chunk(100).expect("the disk is well") {
        aside.write(&chunk).expect("the disk is well");
    }
    aside.finish().expect("the snapshot is whole");
    meta
}

/// The workers that install, and what lies between them.
struct Workers {
    log: LogWorker,
    apply: ApplyWorker<Journal>,
    fetch: FetchWorker,
    inboxes: Inboxes,
    out: Output<Reply>,
}

impl Workers {
    /// A node that was just told to install.
    fn new(disks: &Disks) -> Workers {
        let Stores { log, machine, snapshots } = disks.open();
        let meta = receive_snapshot(snapshots.as_ref());
        let reader = log.reader();
        let own = (NodeId(1), Incarnation(1));
        let mut inboxes = Inboxes::default();
        let seq = WriteSeq(2);
        let ballot = WriteOp::Ballot(Ballot { term: Term(7), vote: Some(SENDER) });
        let op = WriteOp::Install { from: SENDER, id: ID, meta: meta.clone() };
        inboxes.log.writes.push_back(Write { seq: WriteSeq(1), op: ballot });
        inboxes.log.writes.push_back(Write { seq, op });
        let item = ApplyItem::Install { write: seq, from: SENDER, id: ID, meta };
        inboxes.apply.items.push_back(ApplyItem::Entries(vec![entry(1, 3, "old")]));
        inboxes.apply.items.push_back(item);
        Workers {
            log: LogWorker::new(log, PurgeBound::default(), 1 << 20),
            apply: ApplyWorker::new(machine, snapshots.clone(), own, REQUEST_IDS),
            fetch: FetchWorker::new(reader, snapshots, DriverLimits::default()),
            inboxes,
            out: Output::new(),
        }
    }

    /// Gives somebody a turn who has work; whether there was one.
    fn turn(&mut self, random: &mut Random) -> Result<bool, Fatal> {
        let Inboxes { log, apply, fetch, .. } = &mut self.inboxes;
        let ready = [
            (Worker::Log, self.log.has_work(log)),
            (Worker::Apply, self.apply.has_work(apply)),
            (Worker::Fetch, self.fetch.has_work(fetch, Time(0))),
        ];
        let ready: Vec<Worker> =
            ready.into_iter().filter(|(_, has_work)| *has_work).map(|(it, _)| it).collect();
        if ready.is_empty() {
            return Ok(false);
        }
        match ready[random.below(ready.len() as u64) as usize] {
            Worker::Log => self.log.turn(log, &mut self.out),
            Worker::Apply => self.apply.turn(apply, &mut self.out),
            Worker::Fetch => self.fetch.turn(Time(0), fetch, &mut self.out),
            Worker::Raft => panic!("there is no Raft worker here"),
        }?;
        self.out.hand_on(&mut self.inboxes);
        Ok(true)
    }

    fn is_persisted(&self) -> bool {
        self.inboxes.raft.completions.contains(&Event::Persisted(WriteSeq(2)))
    }
}

/// Whatever a crash left, a start gives either the old node or the new one, whole.
fn check(disks: &Disks, was_persisted: bool, context: &str) -> bool {
    let mut stores = disks.open();
    let found = recover(&mut stores, 64).unwrap_or_else(|error| panic!("{context}: {error}"));
    let Recovered { saved, finished_install, purge_bound, .. } = found;
    let is_new = saved.applied.0 == COVERED;
    if is_new {
        let at = Position::new(1 + COVERED / 3, COVERED);
        assert_eq!((saved.log.base(), saved.log.last()), (at, at), "{context}");
        assert_eq!(stores.machine.texts().len() as u64, COVERED, "{context}");
        assert_eq!(saved.snapshot.0, COVERED, "{context}");
        assert_eq!(purge_bound.index().0, COVERED, "{context}");
        assert_eq!(saved.ballot.term, Term(7), "{context}: what came before is there");
    } else {
        assert!(!was_persisted, "{context}: an acknowledged installation is lost");
        assert!(saved.applied.0 <= 3, "{context}");
        assert_eq!(saved.log.last(), Position::new(1, 4), "{context}");
        assert_eq!(saved.tail.last().map(|last| last.index.0), Some(4), "{context}");
    }
    assert!(!stores.machine.install_unfinished(), "{context}");
    drop(stores);
    let again = recover(&mut disks.open(), 64).expect("the second start finds it mended");
    assert!(!again.finished_install, "{context}");
    finished_install
}

#[test]
fn a_crash_after_any_turn_leaves_the_old_node_or_the_new_one() {
    let (mut unfinished, mut whole) = (0, 0);
    for seed in 0..30 {
        for crash_after in 0.. {
            let mut disks = disks_behind(seed);
            let mut workers = Workers::new(&disks);
            let mut random = Random::new(seed);
            let mut turns = 0;
            while turns < crash_after && workers.turn(&mut random).expect("the disks are well") {
                turns += 1;
            }
            let persisted = workers.is_persisted();
            drop(workers);
            disks.restart();
            let context = format!("seed {seed}, crash after turn {turns}");
            unfinished += u64::from(check(&disks, persisted, &context));
            if turns < crash_after {
                assert!(persisted, "{context}: all turns complete the installation");
                whole += 1;
                break;
            }
        }
    }
    assert_eq!(whole, 30);
    assert!(unfinished >= 60, "crashes within an installation were seen: {unfinished}");
}

#[test]
fn a_crash_at_any_operation_of_the_snapshot_store_can_be_mended() {
    let mut unfinished = 0;
    for operation in 1..200 {
        let mut disks = disks_behind(operation);
        let mut workers = Workers::new(&disks);
        let before = disks.snapshots.counters().operations;
        disks.snapshots.crash_at(Some(before + operation));
        let mut random = Random::new(operation);
        let ended = loop {
            match workers.turn(&mut random) {
                Ok(true) => {}
                Ok(false) => break true,
                Err(_) => break false,
            }
        };
        let persisted = workers.is_persisted();
        assert_ne!(ended, disks.snapshots.is_down(), "operation {operation}");
        drop(workers);
        disks.restart();
        unfinished += u64::from(check(&disks, persisted, &format!("operation {operation}")));
        if ended {
            assert!(unfinished > 0, "no crash fell between the steps");
            return;
        }
    }
    panic!("an installation takes fewer operations than that");
}
