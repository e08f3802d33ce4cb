//! A worker with what it has yet to do, as a thread serves it.

use std::mem;
use std::sync::{Arc, Mutex};

use raft_core::Time;
use raft_storage::StateMachine;

use super::shared::{Shared, lock};
use crate::driver::apply_worker::ApplyWorker;
use crate::driver::fetch_worker::FetchWorker;
use crate::driver::log_worker::LogWorker;
use crate::driver::queues::{ApplyInbox, FetchInbox, LogInbox, Output, RaftInbox};
use crate::driver::raft_worker::RaftWorker;
use crate::driver::{Fatal, Worker};

/// A worker in its seat. A thread may serve several.
pub trait Seat<R>: Send {
    /// Which one it is.
    fn worker(&self) -> Worker;

    /// Takes in what lies before it.
    fn pull(&mut self, shared: &Shared<R>);

    /// Whether a turn would do something.
    fn has_work(&self, now: Time) -> bool;

    /// Does something of it.
    fn turn(&mut self, now: Time, out: &mut Output<R>) -> Result<(), Fatal>;

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
    fn abandon(&mut self, out: &mut Output<R>) {
        let _ = out;
    }
}

/// The Raft worker's. Others may look at the worker between its turns.
pub struct RaftSeat {
    pub worker: Arc<Mutex<RaftWorker>>,
    pub inbox: RaftInbox,
}

impl<R: Send> Seat<R> for RaftSeat {
    fn worker(&self) -> Worker {
        Worker::Raft
    }

    fn pull(&mut self, shared: &Shared<R>) {
        let mut waiting = lock(&shared.raft);
        if self.inbox.is_empty() {
            mem::swap(&mut self.inbox, &mut waiting);
            return;
        }
        self.inbox.settled.append(&mut waiting.settled);
        self.inbox.completions.append(&mut waiting.completions);
        self.inbox.peers.append(&mut waiting.peers);
        self.inbox.requests.append(&mut waiting.requests);
    }

    fn has_work(&self, now: Time) -> bool {
        lock(&self.worker).has_work(&self.inbox, now)
    }

    fn turn(&mut self, now: Time, out: &mut Output<R>) -> Result<(), Fatal> {
        lock(&self.worker).turn(now, &mut self.inbox, out);
        Ok(())
    }

    fn next_wakeup(&self) -> Time {
        lock(&self.worker).next_wakeup()
    }

    fn abandon(&mut self, out: &mut Output<R>) {
        lock(&self.worker).abandon(&mut self.inbox, out);
    }
}

/// The log worker's.
pub struct LogSeat {
    pub worker: LogWorker,
    pub inbox: LogInbox,
}

impl<R> Seat<R> for LogSeat {
    fn worker(&self) -> Worker {
        Worker::Log
    }

    fn pull(&mut self, shared: &Shared<R>) {
        let mut waiting = lock(&shared.log);
        self.inbox.notes.append(&mut waiting.notes);
        self.inbox.writes.append(&mut waiting.writes);
    }

    fn has_work(&self, _: Time) -> bool {
        self.worker.has_work(&self.inbox)
    }

    fn turn(&mut self, _: Time, out: &mut Output<R>) -> Result<(), Fatal> {
        self.worker.turn(&mut self.inbox, out)
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
        self.worker.idle()
    }
}

/// The apply worker's.
pub struct ApplySeat<S: StateMachine> {
    pub worker: ApplyWorker<S>,
    pub inbox: ApplyInbox,
}

impl<S: StateMachine> Seat<S::Reply> for ApplySeat<S> {
    fn worker(&self) -> Worker {
        Worker::Apply
    }

    fn pull(&mut self, shared: &Shared<S::Reply>) {
        let mut waiting = lock(&shared.apply);
        self.inbox.notes.append(&mut waiting.notes);
        self.inbox.items.append(&mut waiting.items);
    }

    fn has_work(&self, _: Time) -> bool {
        self.worker.has_work(&self.inbox)
    }

    fn turn(&mut self, _: Time, out: &mut Output<S::Reply>) -> Result<(), Fatal> {
        self.worker.turn(&mut self.inbox, out)
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

    fn abandon(&mut self, out: &mut Output<S::Reply>) {
        self.worker.abandon(&mut self.inbox, out);
    }
}

/// The fetch worker's.
pub struct FetchSeat {
    pub worker: FetchWorker,
    pub inbox: FetchInbox,
}

impl<R> Seat<R> for FetchSeat {
    fn worker(&self) -> Worker {
        Worker::Fetch
    }

    fn pull(&mut self, shared: &Shared<R>) {
        self.inbox.items.append(&mut lock(&shared.fetch).items);
    }

    fn has_work(&self, now: Time) -> bool {
        self.worker.has_work(&self.inbox, now)
    }

    fn turn(&mut self, now: Time, out: &mut Output<R>) -> Result<(), Fatal> {
        self.worker.turn(now, &mut self.inbox, out)
    }

    fn next_wakeup(&self) -> Time {
        self.worker.next_wakeup()
    }
}
