//! A worker with what it has yet to do, as a thread serves it.

use std::sync::Arc;
use std::time::Instant;

use raft_core::Time;
use raft_storage::StateMachine;

use super::shared::{Shared, lock};
use crate::driver::apply_worker::ApplyWorker;
use crate::driver::fetch_worker::FetchWorker;
use crate::driver::log_worker::LogWorker;
use crate::driver::queues::{ApplyInbox, FetchInbox, LogInbox, Output};
use crate::driver::{Fatal, Worker};

/// A worker in its seat. A thread may serve several.
pub trait Seat<R>: Send {
    /// Which one it is.
    fn worker(&self) -> Worker;

    /// Takes in what lies before it and, if there is anything to do, does some of it
    /// and hands on what that gave. Returns whether there was.
    fn serve(&mut self, shared: &Shared<R>, out: &mut Output<R>) -> Result<bool, Fatal>;

    /// When to look again even if nothing comes in.
    fn next_wakeup(&self) -> Time {
        Time::NEVER
    }

    /// Whether it would use a quiet moment.
    fn wants_idle(&self) -> bool {
        false
    }

    /// Uses a quiet moment.
    fn idle(&mut self) -> Result<(), Fatal> {
        Ok(())
    }

    /// Whether it finishes what lies before it when the replica stops.
    fn drains(&self) -> bool {
        false
    }

    /// Makes durable what need not have been until now.
    fn close(&mut self) -> Result<(), Fatal> {
        Ok(())
    }

    /// Answers those who wait here that the node stops.
    fn abandon(&mut self, shared: &Shared<R>, out: &mut Output<R>) {
        let _ = (shared, out);
    }
}

/// The Raft worker's, of which others take turns too; see
/// [`raft_turns`](super::raft_turns).
pub struct OwnRaftSeat<R> {
    pub shared: Arc<Shared<R>>,
}

impl<R: Send> Seat<R> for OwnRaftSeat<R> {
    fn worker(&self) -> Worker {
        Worker::Raft
    }

    fn serve(&mut self, shared: &Shared<R>, _: &mut Output<R>) -> Result<bool, Fatal> {
        Ok(shared.serve_raft_here())
    }

    fn next_wakeup(&self) -> Time {
        self.shared.raft_alarm()
    }

    fn abandon(&mut self, shared: &Shared<R>, out: &mut Output<R>) {
        shared.abandon_raft(out);
    }
}

/// The log worker's.
pub struct LogSeat {
    pub worker: LogWorker,
    pub inbox: LogInbox,
}

impl LogSeat {
    fn pull<R>(&mut self, shared: &Shared<R>) {
        let mut waiting = lock(&shared.log);
        self.inbox.notes.append(&mut waiting.notes);
        self.inbox.writes.append(&mut waiting.writes);
        self.inbox.committed = waiting.committed;
    }
}

impl<R> Seat<R> for LogSeat {
    fn worker(&self) -> Worker {
        Worker::Log
    }

    fn serve(&mut self, shared: &Shared<R>, out: &mut Output<R>) -> Result<bool, Fatal> {
        self.pull(shared);
        let began = Instant::now();
        if !self.worker.has_work(&self.inbox) {
            return Ok(false);
        }
        let result = self.worker.turn(&mut self.inbox, out);
        conclude(Worker::Log, began, result, shared, out)
    }

    fn wants_idle(&self) -> bool {
        self.worker.wants_idle(&self.inbox)
    }

    fn idle(&mut self) -> Result<(), Fatal> {
        self.worker.idle(&self.inbox)
    }

    fn drains(&self) -> bool {
        true
    }

    fn close(&mut self) -> Result<(), Fatal> {
        self.worker.idle(&self.inbox)
    }
}

/// The apply worker's.
pub struct ApplySeat<S: StateMachine> {
    pub worker: ApplyWorker<S>,
    pub inbox: ApplyInbox,
}

impl<S: StateMachine> ApplySeat<S> {
    fn pull(&mut self, shared: &Shared<S::Reply>) {
        let mut waiting = lock(&shared.apply);
        self.inbox.notes.append(&mut waiting.notes);
        self.inbox.items.append(&mut waiting.items);
    }
}

impl<S: StateMachine> Seat<S::Reply> for ApplySeat<S> {
    fn worker(&self) -> Worker {
        Worker::Apply
    }

    fn serve(
        &mut self,
        shared: &Shared<S::Reply>,
        out: &mut Output<S::Reply>,
    ) -> Result<bool, Fatal> {
        self.pull(shared);
        let began = Instant::now();
        if !self.worker.has_work(&self.inbox) {
            return Ok(false);
        }
        let result = self.worker.turn(&mut self.inbox, out);
        conclude(Worker::Apply, began, result, shared, out)
    }

    fn wants_idle(&self) -> bool {
        self.worker.wants_idle(&self.inbox)
    }

    fn idle(&mut self) -> Result<(), Fatal> {
        self.worker.idle()
    }

    fn drains(&self) -> bool {
        true
    }

    fn close(&mut self) -> Result<(), Fatal> {
        self.worker.flush()
    }

    fn abandon(&mut self, shared: &Shared<S::Reply>, out: &mut Output<S::Reply>) {
        self.pull(shared);
        self.worker.abandon(&mut self.inbox, out);
    }
}

/// The fetch worker's.
pub struct FetchSeat {
    pub worker: FetchWorker,
    pub inbox: FetchInbox,
}

impl FetchSeat {
    fn pull<R>(&mut self, shared: &Shared<R>) {
        self.inbox.items.append(&mut lock(&shared.fetch).items);
    }
}

impl<R> Seat<R> for FetchSeat {
    fn worker(&self) -> Worker {
        Worker::Fetch
    }

    fn serve(&mut self, shared: &Shared<R>, out: &mut Output<R>) -> Result<bool, Fatal> {
        self.pull(shared);
        let began = Instant::now();
        let now = shared.clock.at(began);
        if !self.worker.has_work(&self.inbox, now) {
            return Ok(false);
        }
        let result = self.worker.turn(now, &mut self.inbox, out);
        conclude(Worker::Fetch, began, result, shared, out)
    }

    fn next_wakeup(&self) -> Time {
        self.worker.next_wakeup()
    }
}

/// A turn is over. What a failed one gave is not handed on: nothing is acknowledged.
fn conclude<R>(
    worker: Worker,
    began: Instant,
    result: Result<(), Fatal>,
    shared: &Shared<R>,
    out: &mut Output<R>,
) -> Result<bool, Fatal> {
    shared.watch_turn(worker, began, out);
    result?;
    shared.hand_on(out);
    Ok(true)
}
