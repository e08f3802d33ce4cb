//! The time that the threads give to their workers.

use std::time::{Duration, Instant};

use raft_core::Time;

/// Time since the node was started: monotonic, and the same for all its threads.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// A clock that begins now.
    pub fn start() -> Clock {
        Clock { start: Instant::now() }
    }

    /// The time now.
    pub fn now(&self) -> Time {
        self.at(Instant::now())
    }

    /// The time at an instant.
    pub fn at(&self, instant: Instant) -> Time {
        Time(0).after(instant.saturating_duration_since(self.start))
    }

    /// How long to wait for a time; `None` if it never comes.
    pub fn until(&self, time: Time) -> Option<Duration> {
        (time != Time::NEVER).then(|| time.since(self.now()))
    }
}
