//! What the threads of a replica share.

use std::any::Any;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::thread::Thread;
use std::time::Instant;

use raft_core::{NodeId, RoleName, StopReason, Term, Time};
use raft_net::{Transport, TransportEvent};
use tokio::sync::watch;

use super::clock::Clock;
use super::desk::Desk;
use super::observer::Observer;
use super::raft_turns::{AfterOthers, RaftSeat};
use super::trace;
use crate::driver::queues::{
    ApplyInbox, ApplyItem, FetchInbox, LogInbox, Notice, Output, RaftInbox, World,
};
use crate::driver::raft_worker::RaftWorker;
use crate::driver::request::Request;
use crate::driver::{DriverLimits, Worker};

/// Who leads, as far as this node knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Office {
    /// This node's role.
    pub role: RoleName,
    /// The current term.
    pub term: Term,
    /// The leader of the term, if known.
    pub leader: Option<NodeId>,
}

/// Queues, clients and switches: all that more than one thread touches.
pub struct Shared<R> {
    /// The clock of all workers.
    pub clock: Clock,
    /// What lies before the Raft worker.
    pub raft: Mutex<RaftInbox>,
    /// What lies before the log worker.
    pub log: Mutex<LogInbox>,
    /// What lies before the apply worker.
    pub apply: Mutex<ApplyInbox>,
    /// What lies before the fetch worker.
    pub fetch: Mutex<FetchInbox>,
    /// The Raft worker itself: it never blocks, so others may look at it.
    pub raft_worker: Mutex<RaftWorker>,
    /// Whoever holds it gives the Raft worker its turns.
    pub seat: Mutex<RaftSeat<R>>,
    /// The clients.
    pub desk: Mutex<Desk<R>>,
    /// Who leads.
    pub office: watch::Sender<Office>,
    /// Why the protocol wants the node to stop.
    pub stop_reason: OnceLock<StopReason>,
    /// What a turn of the Raft worker panicked with.
    pub panicked: OnceLock<String>,
    /// When the Raft worker's own thread wakes by itself.
    alarm: AtomicU64,
    bells: [OnceLock<Thread>; 4],
    stop: AtomicBool,
    transport: OnceLock<Arc<dyn Transport>>,
    observer: Arc<dyn Observer>,
}

impl<R> Shared<R> {
    /// Nothing waits, nobody asks, and there is no transport yet.
    pub fn new(
        clock: Clock,
        raft_worker: RaftWorker,
        limits: &DriverLimits,
        observer: Arc<dyn Observer>,
    ) -> Shared<R> {
        let status = raft_worker.status();
        let office = Office { role: status.role, term: status.ballot.term, leader: status.leader };
        Shared {
            clock,
            raft: Mutex::new(RaftInbox::at_start()),
            log: Mutex::default(),
            apply: Mutex::default(),
            fetch: Mutex::default(),
            raft_worker: Mutex::new(raft_worker),
            seat: Mutex::new(RaftSeat::new()),
            desk: Mutex::new(Desk::new(limits)),
            office: watch::Sender::new(office),
            stop_reason: OnceLock::new(),
            panicked: OnceLock::new(),
            alarm: AtomicU64::new(0),
            bells: Default::default(),
            stop: AtomicBool::new(false),
            transport: OnceLock::new(),
            observer,
        }
    }

    /// Gives the replica its transport, once. What is sent before is lost, as a
    /// network may lose anything.
    pub fn connect(&self, transport: Arc<dyn Transport>) {
        assert!(self.transport.set(transport).is_ok(), "a replica has one transport");
    }

    /// The thread that calls this serves the worker from now on.
    pub fn attend(&self, worker: Worker) {
        let bell = self.bells[worker as usize].set(std::thread::current());
        assert!(bell.is_ok(), "a worker is served by one thread");
    }

    /// Wakes the thread that serves the worker.
    pub fn ring(&self, worker: Worker) {
        // Before it attends it looks by itself.
        if let Some(thread) = self.bells[worker as usize].get() {
            thread.unpark();
        }
    }

    /// Tells all threads to end.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::SeqCst);
        Worker::ALL.into_iter().for_each(|worker| self.ring(worker));
    }

    /// Whether all threads are to end.
    pub fn is_stopping(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    /// Ends all because a turn of the Raft worker panicked.
    pub fn end_by(&self, panic: &(dyn Any + Send)) {
        // The first one counts.
        let _ = self.panicked.set(panic_message(panic));
        self.stop();
    }

    /// When the Raft worker's own thread wakes by itself. To be touched by those who
    /// hold the worker only.
    pub fn alarm(&self) -> Time {
        Time(self.alarm.load(Ordering::Relaxed))
    }

    /// See [`Shared::alarm`].
    pub fn set_alarm(&self, time: Time) {
        self.alarm.store(time.0, Ordering::Relaxed);
    }

    /// Takes in a client's request. The Raft worker gets its turn when what is
    /// returned is awaited, at once if nobody else is inside.
    pub fn submit(&self, request: Request, is_alone: bool) -> AfterOthers<'_, R> {
        trace::asked();
        lock(&self.raft).requests.push_back(request);
        AfterOthers::new(self, is_alone)
    }

    /// Takes in what the transport says. Never blocks for long: nobody works while
    /// holding an inbox.
    pub fn deliver(&self, event: TransportEvent) {
        if self.is_stopping() {
            return;
        }
        lock(&self.raft).peers.push_back(event);
        self.serve_raft();
    }

    /// Tells those who watch that a turn is over.
    pub fn watch_turn(&self, worker: Worker, began: Instant, out: &Output<R>) {
        let took = began.elapsed();
        self.observer.turn(worker, took);
        trace::turn(worker, took, out);
    }

    /// Hands on all that a turn gave, in the order that
    /// [`Output::hand_on`](crate::driver::queues::Output::hand_on) demands.
    pub fn hand_on(&self, out: &mut Output<R>) {
        // What is committed is no reason to wake anybody.
        let has_work = !out.log_notes.is_empty() || !out.writes.is_empty();
        if has_work || out.committed.is_some() {
            let mut inbox = lock(&self.log);
            inbox.notes.extend(out.log_notes.drain(..));
            inbox.writes.extend(out.writes.drain(..));
            inbox.committed = out.committed.take().unwrap_or(inbox.committed);
        }
        if has_work {
            self.ring(Worker::Log);
        }
        if !out.apply_notes.is_empty() || !out.apply.is_empty() {
            let is_urgent =
                !out.apply_notes.is_empty() || out.apply.iter().any(ApplyItem::is_urgent);
            let mut inbox = lock(&self.apply);
            inbox.notes.extend(out.apply_notes.drain(..));
            inbox.items.extend(out.apply.drain(..));
            drop(inbox);
            if is_urgent {
                self.ring(Worker::Apply);
            }
        }
        // The log and the state work while frames are put together for the peers.
        self.send_frames(&mut out.world);
        if !out.fetch.is_empty() {
            lock(&self.fetch).items.extend(out.fetch.drain(..));
            self.ring(Worker::Fetch);
        }
        let is_for_raft = !out.settled.is_empty() || !out.completions.is_empty();
        if is_for_raft {
            let mut inbox = lock(&self.raft);
            inbox.settled.append(&mut out.settled);
            inbox.completions.extend(out.completions.drain(..));
        }
        self.tell_world(&mut out.world);
        // After the clients have their answers: the turn may take place here.
        if is_for_raft {
            self.serve_raft();
        }
    }

    fn send_frames(&self, world: &mut World<R>) {
        let Some(transport) = self.transport.get() else {
            world.frames.clear();
            world.probes.clear();
            return;
        };
        for (to, frame) in world.frames.drain(..) {
            transport.send(to, frame);
        }
        for peer in world.probes.drain(..) {
            transport.probe(peer);
        }
    }

    /// Gives answers and notices to those who wait for them.
    pub fn tell_world(&self, world: &mut World<R>) {
        for notice in world.notices.drain(..) {
            if let Notice::RoleChanged { role, term, leader } = &notice {
                self.office.send_replace(Office { role: *role, term: *term, leader: *leader });
            }
            self.observer.notice(&notice);
        }
        if !world.answers.is_empty() {
            let settled = lock(&self.desk).settle(std::mem::take(&mut world.answers));
            trace::answered(settled.len());
            for client in settled {
                client.tell();
            }
        }
        if let Some(reason) = world.stop.take() {
            // The first reason counts.
            let _ = self.stop_reason.set(reason);
            self.stop();
        }
    }
}

/// Locks what is held for moments only, and by nobody who can panic in between
/// with something half done.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// What a panic says.
pub fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a worker panicked".to_owned())
}
