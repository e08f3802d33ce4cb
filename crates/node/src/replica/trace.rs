//! What each turn did and when, for whoever wants to see a request's way through
//! the threads of its nodes.
//!
//! Events of the target [`TARGET`] at the level `trace`, one for each turn that had
//! something to do, for each request that comes in and for answers that go out.
//! `at_us` is the moment by the system's clock, in microseconds since 1970, so that
//! the events of several processes on one machine can be laid beside each other; of
//! a turn it is the end. They cost a look at a flag while nobody listens.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::driver::Worker;
use crate::driver::queues::Output;

/// The target of all events of this module.
pub const TARGET: &str = "balsa::turns";

/// A worker's turn is over; nothing of what it gave is handed on yet.
pub(super) fn turn<R>(worker: Worker, took: Duration, out: &Output<R>) {
    if tracing::enabled!(target: TARGET, tracing::Level::TRACE) {
        tracing::trace!(
            target: TARGET,
            at_us = now_us(),
            took_us = micros(took),
            worker = ?worker,
            writes = out.writes.len(),
            frames = out.world.frames.len(),
            apply = out.apply.len(),
            completions = out.completions.len(),
            answers = out.world.answers.len(),
            "turn"
        );
    }
}

/// A request comes in.
pub(super) fn asked() {
    if tracing::enabled!(target: TARGET, tracing::Level::TRACE) {
        tracing::trace!(target: TARGET, at_us = now_us(), "asked");
    }
}

/// Requests are about to be answered.
pub(super) fn answered(requests: usize) {
    if tracing::enabled!(target: TARGET, tracing::Level::TRACE) {
        tracing::trace!(target: TARGET, at_us = now_us(), requests, "answered");
    }
}

fn now_us() -> u64 {
    micros(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
