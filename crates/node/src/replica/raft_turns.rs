//! Who gives the Raft worker its turns: whoever has something for it.
//!
//! The other workers have their threads to themselves, for they wait for disks. The
//! Raft worker never waits, so its turn need not be taken by its own thread. On an
//! idle cluster one write passes it three times on the leader and twice on each
//! follower, and a thread that sleeps takes longer to wake than the turn takes.
//! So a thread that has put something before the worker looks whether the seat is
//! free, and if it is, does the turn itself. If it is taken, whoever has it looks
//! again after leaving it; nobody waits for a turn.
//!
//! ```text
//!   client's thread ─┐
//!   transport's ─────┤ put in, try the seat ─▶ ┌ Raft worker ┐ ─▶ hand on, leave, look again
//!   log's, apply's ──┤                         └─────────────┘
//!   Raft's own ──────┘ timers, and when the others have done their share
//! ```
//!
//! A client's task first lets the others of its thread put in what they have, so that
//! what arrived together is one turn: one write of the log, one frame for each peer,
//! one round of reads.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{MutexGuard, TryLockError};
use std::task::{Context, Poll};
use std::time::Instant;

use raft_core::Time;

use super::shared::{Shared, lock};
use crate::driver::Worker;
use crate::driver::queues::{Output, RaftInbox};

/// How many turns one may take before one has to go back to one's own work.
const TURNS: usize = 4;

/// What lies before the Raft worker for this turn, and what the turn gave. Whoever
/// holds it has the seat, until all of it is handed on: in the order of the turns.
pub struct RaftSeat<R> {
    inbox: RaftInbox,
    out: Output<R>,
}

impl<R> RaftSeat<R> {
    /// Nothing lies before the worker yet.
    pub fn new() -> RaftSeat<R> {
        RaftSeat { inbox: RaftInbox::default(), out: Output::new() }
    }
}

/// Gives the Raft worker a turn, after the other tasks that are ready on this thread
/// have been polled. Dropped before that it leaves the turn to the worker's own thread:
/// whoever drops a call may hold locks.
#[must_use = "it is to be awaited"]
pub struct AfterOthers<'a, R> {
    shared: &'a Shared<R>,
    has_waited: bool,
    is_done: bool,
}

impl<'a, R> AfterOthers<'a, R> {
    /// The turn is to come, without waiting for others if there are none.
    pub fn new(shared: &'a Shared<R>, is_alone: bool) -> AfterOthers<'a, R> {
        AfterOthers { shared, has_waited: is_alone, is_done: false }
    }
}

impl<R> Future for AfterOthers<'_, R> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if !self.has_waited {
            self.has_waited = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.is_done = true;
        self.shared.serve_raft();
        Poll::Ready(())
    }
}

impl<R> Drop for AfterOthers<'_, R> {
    fn drop(&mut self) {
        if !self.is_done {
            self.shared.ring(Worker::Raft);
        }
    }
}

/// What became of an attempt.
enum Attempt {
    /// A turn was taken.
    Worked,
    /// Nothing was to be done.
    Idle,
    /// There are no turns any more.
    Away,
}

impl<R> Shared<R> {
    /// Gives the Raft worker turns while there is something to do, unless somebody
    /// else is at it. To be called after something was put before it. Returns
    /// whether there was a turn.
    pub fn serve_raft(&self) -> bool {
        self.serve_from(|| match self.seat.try_lock() {
            Ok(seat) => Some(seat),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        })
    }

    /// As [`Shared::serve_raft`], for the own thread: it waits for the seat, for whoever
    /// has it may have looked at the clock before a timer was due.
    pub fn serve_raft_here(&self) -> bool {
        self.serve_from(|| Some(lock(&self.seat)))
    }

    fn serve_from<'a>(&'a self, sit: impl Fn() -> Option<MutexGuard<'a, RaftSeat<R>>>) -> bool {
        let mut worked = false;
        for _ in 0..TURNS {
            let Some(mut seat) = sit() else { return worked };
            let attempt = self.try_turn(&mut seat);
            drop(seat);
            match attempt {
                Attempt::Worked => worked = true,
                Attempt::Idle => {}
                Attempt::Away => return worked,
            }
            // Who came between the pull and the end of the attempt found the seat
            // taken, and counts on this look. Timers are the own thread's.
            if lock(&self.raft).is_empty() {
                return worked;
            }
        }
        self.ring(Worker::Raft);
        worked
    }

    /// When the Raft worker is to get a turn even if nothing comes in. The thread
    /// that asks is rung if that becomes earlier.
    pub fn raft_alarm(&self) -> Time {
        let worker = lock(&self.raft_worker);
        let wakeup = worker.next_wakeup();
        self.set_alarm(wakeup);
        wakeup
    }

    /// Answers everybody who waits at the Raft worker, when the replica has stopped.
    pub fn abandon_raft(&self, out: &mut Output<R>) {
        // Waits for a turn that is under way.
        let mut seat = lock(&self.seat);
        if self.panicked.get().is_some() {
            return;
        }
        self.pull(&mut seat.inbox);
        lock(&self.raft_worker).abandon(&mut seat.inbox, out);
    }

    fn try_turn(&self, seat: &mut RaftSeat<R>) -> Attempt {
        if self.is_stopping() {
            return Attempt::Away;
        }
        // The thread may be a client's or the transport's, who should not pay for a
        // broken invariant of ours: the replica ends, as if its own thread had.
        match catch_unwind(AssertUnwindSafe(|| self.turn_in(seat))) {
            Ok(attempt) => attempt,
            Err(panic) => {
                self.end_by(panic.as_ref());
                Attempt::Away
            }
        }
    }

    fn turn_in(&self, seat: &mut RaftSeat<R>) -> Attempt {
        self.pull(&mut seat.inbox);
        let began = Instant::now();
        let now = self.clock.at(began);
        let mut worker = lock(&self.raft_worker);
        if !worker.has_work(&seat.inbox, now) {
            return Attempt::Idle;
        }
        worker.turn(now, &mut seat.inbox, &mut seat.out);
        let is_due_earlier = worker.next_wakeup() < self.alarm();
        drop(worker);
        if is_due_earlier {
            self.ring(Worker::Raft);
        }
        self.watch_turn(Worker::Raft, began, &seat.out);
        self.hand_on(&mut seat.out);
        Attempt::Worked
    }

    fn pull(&self, inbox: &mut RaftInbox) {
        let mut waiting = lock(&self.raft);
        if inbox.is_empty() {
            std::mem::swap(inbox, &mut waiting);
            return;
        }
        inbox.settled.append(&mut waiting.settled);
        inbox.completions.append(&mut waiting.completions);
        inbox.peers.append(&mut waiting.peers);
        inbox.requests.append(&mut waiting.requests);
    }
}
