//! The threads: each serves one worker, or several in turn.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::seat::Seat;
use super::shared::Shared;
use super::trace;
use crate::driver::queues::Output;
use crate::driver::{Fatal, Worker};

/// A log that got no write for this long may use the moment.
const QUIET: Duration = Duration::from_millis(50);

/// Which workers share a thread.
///
/// The Raft and the log worker should not: while a disk hangs, the log worker hangs
/// with it, and it is the Raft worker that has to notice (rule 12).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Threads(pub Vec<Vec<Worker>>);

impl Default for Threads {
    /// Each worker has its own.
    fn default() -> Threads {
        Threads(Worker::ALL.into_iter().map(|worker| vec![worker]).collect())
    }
}

impl Threads {
    /// Whether each worker is served by exactly one thread.
    pub fn is_complete(&self) -> bool {
        let mut served: Vec<Worker> = self.0.iter().flatten().copied().collect();
        served.sort();
        served == Worker::ALL
    }
}

/// The seats that one thread serves.
pub type Seats<R> = Vec<Box<dyn Seat<R>>>;

/// Serves until the replica stops or a worker fails. The seats come back, so that
/// those who still wait there can be told.
pub fn serve<R>(mut seats: Seats<R>, shared: &Arc<Shared<R>>) -> (Seats<R>, Result<(), Fatal>) {
    let _stop_with_me = StopAll(shared);
    seats.iter().for_each(|seat| shared.attend(seat.worker()));
    let mut out = Output::new();
    let result = loop {
        let is_stopping = shared.is_stopping();
        match round(&mut seats, shared, is_stopping, &mut out) {
            Ok(true) => {}
            Ok(false) if is_stopping => break Ok(()),
            Ok(false) => {
                if let Err(fatal) = rest(&mut seats, shared) {
                    break Err(fatal);
                }
            }
            Err(fatal) => break Err(fatal),
        }
    };
    (seats, result)
}

/// Gives each seat a turn. Returns whether one had something to do.
fn round<R>(
    seats: &mut Seats<R>,
    shared: &Shared<R>,
    is_stopping: bool,
    out: &mut Output<R>,
) -> Result<bool, Fatal> {
    let mut worked = false;
    for seat in seats.iter_mut().filter(|seat| !is_stopping || seat.drains()) {
        seat.pull(shared);
        let began = Instant::now();
        let now = shared.clock.at(began);
        if seat.has_work(now) {
            worked = true;
            let result = seat.turn(now, out);
            let took = began.elapsed();
            shared.observe_turn(seat.worker(), took);
            trace::turn(seat.worker(), took, out);
            // What a failed turn gave is not handed on: nothing is acknowledged.
            result?;
            shared.hand_on(out);
        }
    }
    Ok(worked)
}

/// Waits until somebody rings, a timer is due, or a quiet moment has passed that
/// somebody can use.
fn rest<R>(seats: &mut Seats<R>, shared: &Shared<R>) -> Result<(), Fatal> {
    let wakeup = seats.iter().map(|seat| seat.next_wakeup()).min();
    let timer = wakeup.and_then(|wakeup| shared.clock.until(wakeup));
    let wants_idle = seats.iter().any(|seat| seat.wants_idle());
    if !wants_idle {
        park(timer);
        return Ok(());
    }
    let began = Instant::now();
    park(Some(timer.map_or(QUIET, |timer| timer.min(QUIET))));
    if began.elapsed() >= QUIET {
        for seat in seats.iter_mut() {
            seat.pull(shared);
            if seat.wants_idle() {
                seat.idle()?;
            }
        }
    }
    Ok(())
}

fn park(timeout: Option<Duration>) {
    match timeout {
        Some(timeout) => thread::park_timeout(timeout),
        None => thread::park(),
    }
}

/// Stops all other threads when this one ends, by a panic too.
struct StopAll<'a, R>(&'a Shared<R>);

impl<R> Drop for StopAll<'_, R> {
    fn drop(&mut self) {
        self.0.stop();
    }
}
