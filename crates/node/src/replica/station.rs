//! The threads: each serves one worker, or several in turn.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::seat::Seat;
use super::shared::Shared;
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
    // When a worker other than Raft had something to do: its heartbeats go on in
    // the quietest of times.
    let mut busy = Instant::now();
    let result = loop {
        let is_stopping = shared.is_stopping();
        let rested = match round(&mut seats, shared, is_stopping, &mut busy, &mut out) {
            Ok(true) => Ok(()),
            Ok(false) if is_stopping => break Ok(()),
            Ok(false) => rest(&mut seats, shared, busy),
            Err(fatal) => break Err(fatal),
        };
        if let Err(fatal) = rested {
            break Err(fatal);
        }
    };
    (seats, result)
}

/// Gives each seat a turn. Returns whether one had something to do.
fn round<R>(
    seats: &mut Seats<R>,
    shared: &Shared<R>,
    is_stopping: bool,
    busy: &mut Instant,
    out: &mut Output<R>,
) -> Result<bool, Fatal> {
    let mut worked = false;
    for seat in seats.iter_mut().filter(|seat| !is_stopping || seat.drains()) {
        if seat.serve(shared, out)? {
            worked = true;
            if seat.worker() != Worker::Raft {
                *busy = Instant::now();
            }
        }
    }
    Ok(worked)
}

/// Waits until somebody rings or a timer is due. If it has been quiet for long
/// enough, those who can use that do so first.
fn rest<R>(seats: &mut Seats<R>, shared: &Shared<R>, busy: Instant) -> Result<(), Fatal> {
    let wakeup = seats.iter().map(|seat| seat.next_wakeup()).min();
    let timer = wakeup.and_then(|wakeup| shared.clock.until(wakeup));
    if !seats.iter().any(|seat| seat.wants_idle()) {
        park(timer);
        return Ok(());
    }
    let left = QUIET.saturating_sub(busy.elapsed());
    if !left.is_zero() {
        park(Some(timer.map_or(left, |timer| timer.min(left))));
        return Ok(());
    }
    for seat in seats.iter_mut().filter(|seat| seat.wants_idle()) {
        seat.idle()?;
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
