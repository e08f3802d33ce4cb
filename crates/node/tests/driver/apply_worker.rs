//! The apply worker alone: who is answered what.

use balsa::driver::admission::Admission;
use balsa::driver::apply_worker::ApplyWorker;
use balsa::driver::queues::{ApplyInbox, ApplyItem, ApplyNote, LogNote, Output, PurgeBound};
use balsa::driver::request::{CallId, Done, NotDone, RequestError, Unknown, Waiter};
use balsa::driver::{DriverLimits, RequestIds};
use raft_core::{
    Event, Incarnation, Index, Membership, NodeId, Position, Refusal, SnapshotMeta, Ticket,
};
use raft_net::ForwardId;
use raft_storage::StateMachine;

use crate::support::disks::Disks;
use crate::support::entry;
use crate::support::journal::{Journal, REQUEST_IDS, Reply};

const NODE: NodeId = NodeId(1);
const LIFE: Incarnation = Incarnation(7);

struct Bench {
    worker: ApplyWorker<Journal>,
    admission: Admission,
}

impl Bench {
    fn new() -> Bench {
        Bench::with_upkeep(0)
    }

    fn with_upkeep(upkeep: u64) -> Bench {
        let bootstrap = SnapshotMeta::bootstrap(Membership::of_voters([NODE]));
        let mut stores = Disks::new(1, bootstrap).open();
        stores.machine.upkeep = upkeep;
        let worker = ApplyWorker::new(stores.machine, stores.snapshots, (NODE, LIFE), REQUEST_IDS);
        Bench { worker, admission: Admission::new(&DriverLimits::default()) }
    }

    fn waiter(&mut self, ticket: u64) -> Waiter {
        let permit = self.admission.admit(1).expect("there is room");
        Waiter { ticket: Ticket(ticket), call: CallId(ticket), permit }
    }

    fn await_position(&mut self, ticket: u64, term: u64, index: u64) -> ApplyItem {
        let waiter = self.waiter(ticket);
        ApplyItem::AwaitPosition { position: Position::new(term, index), waiter }
    }

    fn await_read(&mut self, ticket: u64, index: u64) -> ApplyItem {
        ApplyItem::AwaitRead { index: Index(index), waiter: self.waiter(ticket) }
    }

    /// Gives a turn with these items. The answers, by ticket.
    fn turn(&mut self, items: Vec<ApplyItem>) -> Vec<(u64, Result<Done<Reply>, RequestError>)> {
        let mut out = Output::new();
        let mut inbox = ApplyInbox { items: items.into(), ..ApplyInbox::default() };
        self.worker.turn(&mut inbox, &mut out).expect("the disk is well");
        let tickets: Vec<u64> = out.settled.iter().map(|ticket| ticket.0).collect();
        let calls: Vec<u64> = out.world.answers.iter().map(|answer| answer.call.0).collect();
        assert_eq!(tickets, calls, "the Raft worker is told of each answer");
        let mut answers = Vec::new();
        for answer in out.world.answers {
            self.admission.give_back(answer.permit);
            answers.push((answer.call.0, answer.result));
        }
        answers
    }
}

fn written(term: u64, index: u64, text: &str) -> Result<Done<Reply>, RequestError> {
    let reply = Reply { request: None, text: text.to_owned() };
    Ok(Done::Written { position: Position::new(term, index), reply })
}

const REPLACED: Result<Done<Reply>, RequestError> = Err(RequestError::NotDone(NotDone::Replaced));

#[test]
fn a_write_is_answered_when_its_entry_is_applied() {
    let mut bench = Bench::new();
    let waits = bench.await_position(5, 1, 2);
    let entries = vec![entry(1, 1, "a"), entry(1, 2, "b")];
    assert_eq!(bench.turn(vec![waits, ApplyItem::Entries(entries)]), [(5, written(1, 2, "b"))]);
    assert_eq!(bench.admission.requests(), 0, "the permit came back");
}

#[test]
fn another_term_in_the_place_means_certainly_not() {
    let mut bench = Bench::new();
    let waits = vec![
        bench.await_position(1, 2, 1),
        bench.await_position(2, 2, 5),
        bench.await_position(3, 3, 2),
        ApplyItem::Entries(vec![entry(3, 1, "x")]),
    ];
    // The term rose: nothing of term 2 can come any more, at whatever index.
    assert_eq!(bench.turn(waits), [(1, REPLACED), (2, REPLACED)]);
    let entries = ApplyItem::Entries(vec![entry(3, 2, "y")]);
    assert_eq!(bench.turn(vec![entries]), [(3, written(3, 2, "y"))]);
}

#[test]
fn an_older_term_in_the_place_means_certainly_not_as_well() {
    // This node led term 4, and a later leader committed what it had kept of term 3.
    let mut bench = Bench::new();
    assert_eq!(bench.turn(vec![ApplyItem::Entries(vec![entry(3, 1, "a")])]), []);
    let waits = bench.await_position(1, 4, 2);
    let entries = ApplyItem::Entries(vec![entry(3, 2, "b")]);
    assert_eq!(bench.turn(vec![waits, entries]), [(1, REPLACED)]);
}

#[test]
fn batches_are_applied_as_one() {
    let mut bench = Bench::new();
    let one = ApplyItem::Entries(vec![entry(1, 1, "a")]);
    let waits = bench.await_position(1, 1, 3);
    let two = ApplyItem::Entries(vec![entry(1, 2, "b"), entry(1, 3, "c")]);
    let mut out = Output::new();
    let mut inbox = ApplyInbox { items: vec![one, waits, two].into(), ..ApplyInbox::default() };
    bench.worker.turn(&mut inbox, &mut out).expect("the disk is well");
    assert_eq!(out.completions, [Event::Applied(Index(3))]);
    assert_eq!(out.world.answers.len(), 1);
    assert_eq!(bench.worker.machine().texts().len(), 3);
}

#[test]
fn a_forwarded_write_is_answered_by_the_id_in_its_entry() {
    let mut bench = Bench::new();
    let own = |counter| ForwardId { node: NODE, incarnation: LIFE, counter };
    let RequestIds { attach, .. } = REQUEST_IDS;
    let forwarded = |index, id| {
        let mut entry = entry(1, index, "f");
        entry.payload = attach(entry.payload, id);
        entry
    };
    let earlier_life = ForwardId { incarnation: Incarnation(6), ..own(4) };
    let other_node = ForwardId { node: NodeId(2), ..own(4) };
    let items = vec![
        ApplyItem::AwaitForwarded(bench.waiter(4)),
        ApplyItem::Entries(vec![forwarded(1, earlier_life), forwarded(2, other_node)]),
    ];
    assert_eq!(bench.turn(items), [], "the ids of others are not ours");
    let answers = bench.turn(vec![ApplyItem::Entries(vec![forwarded(3, own(4))])]);
    let reply = Reply { request: Some(own(4)), text: "f".to_owned() };
    assert_eq!(answers, [(4, Ok(Done::Written { position: Position::new(1, 3), reply }))]);
    assert_eq!(bench.turn(vec![ApplyItem::LeaderChanged]), []);
}

#[test]
fn a_change_of_leader_leaves_forwarded_writes_unknown_and_no_others() {
    let mut bench = Bench::new();
    let forwarded = ApplyItem::AwaitForwarded(bench.waiter(1));
    let proposed = bench.await_position(2, 1, 1);
    let answers = bench.turn(vec![forwarded, proposed, ApplyItem::LeaderChanged]);
    assert_eq!(answers, [(1, Err(RequestError::Unknown(Unknown::LeaderChanged)))]);
    let answers = bench.turn(vec![ApplyItem::Entries(vec![entry(1, 1, "p")])]);
    assert_eq!(answers, [(2, written(1, 1, "p"))], "stepping down decides nothing");
}

#[test]
fn a_refused_forward_is_certainly_not_done() {
    let mut bench = Bench::new();
    let forwarded = ApplyItem::AwaitForwarded(bench.waiter(1));
    let reason = Refusal::NotLeader;
    let answers =
        bench.turn(vec![forwarded, ApplyItem::ForwardRefused { ticket: Ticket(1), reason }]);
    assert_eq!(answers, [(1, Err(RequestError::NotDone(NotDone::Refused(reason))))]);
}

#[test]
fn reads_wait_for_their_index() {
    let mut bench = Bench::new();
    let (late, early) = (bench.await_read(1, 2), bench.await_read(2, 0));
    assert_eq!(bench.turn(vec![late, early]), [(2, Ok(Done::Readable(Index(0))))]);
    let entries = ApplyItem::Entries(vec![entry(1, 1, "a"), entry(1, 2, "b")]);
    assert_eq!(bench.turn(vec![entries]), [(1, Ok(Done::Readable(Index(2))))]);
}

#[test]
fn what_took_too_long_is_unknown_if_it_was_a_write() {
    let mut bench = Bench::new();
    let items = vec![
        bench.await_position(1, 1, 1),
        bench.await_read(2, 1),
        ApplyItem::AwaitForwarded(bench.waiter(3)),
        ApplyItem::Expired(Ticket(1)),
        ApplyItem::Expired(Ticket(2)),
        ApplyItem::Expired(Ticket(3)),
        ApplyItem::Expired(Ticket(4)),
    ];
    let unknown = Err(RequestError::Unknown(Unknown::TimedOut));
    let not_done = Err(RequestError::NotDone(NotDone::TimedOut));
    assert_eq!(bench.turn(items), [(1, unknown.clone()), (2, not_done), (3, unknown)]);
    assert_eq!(bench.admission.requests(), 0);
}

#[test]
fn a_stop_answers_everybody() {
    let mut bench = Bench::new();
    let proposed = bench.await_position(1, 1, 1);
    assert_eq!(bench.turn(vec![proposed]), []);
    let mut inbox = ApplyInbox::default();
    inbox.items.push_back(bench.await_read(2, 1));
    let mut out = Output::new();
    bench.worker.abandon(&mut inbox, &mut out);
    let results: Vec<_> = out.world.answers.into_iter().map(|answer| answer.result).collect();
    let unknown = Err(RequestError::Unknown(Unknown::Stopping));
    assert_eq!(results, [unknown, Err(RequestError::NotDone(NotDone::Stopping))]);
}

#[test]
fn a_flush_for_the_log_covers_what_came_with_it() {
    let mut bench = Bench::new();
    let mut inbox = ApplyInbox::default();
    inbox.notes.push_back(ApplyNote::Flush);
    inbox.items.push_back(ApplyItem::Entries(vec![entry(1, 1, "a"), entry(1, 2, "b")]));
    let mut out = Output::new();
    bench.worker.turn(&mut inbox, &mut out).expect("the disk is well");
    let bound = PurgeBound { durable: Index(2), ..PurgeBound::default() };
    assert_eq!(out.log_notes, [LogNote::PurgeBound(bound)]);
    assert_eq!(bench.worker.machine().durable().expect("reads"), Index(2));
}

#[test]
fn upkeep_is_done_when_nothing_waits_and_until_none_is_left() {
    let mut bench = Bench::with_upkeep(3);
    let mut waiting = ApplyInbox::default();
    waiting.items.push_back(ApplyItem::Entries(vec![entry(1, 1, "a")]));
    assert!(!bench.worker.wants_idle(&waiting), "entries come first");

    let none = ApplyInbox::default();
    for left in [2, 1, 0] {
        assert!(bench.worker.wants_idle(&none), "a start may find some");
        bench.worker.idle().expect("the disk is well");
        assert_eq!(bench.worker.machine().upkeep, left);
    }
    assert!(!bench.worker.wants_idle(&none), "all is done");
    bench.worker.turn(&mut waiting, &mut Output::new()).expect("the disk is well");
    assert!(bench.worker.wants_idle(&none), "entries may leave some behind");
}
