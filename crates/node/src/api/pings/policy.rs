//! How often a client may ping.

use std::time::{Duration, Instant};

/// Pings that come too early before the connection is closed.
const STRIKES: u32 = 2;

/// Judges the pings of one connection.
///
/// What the server sends forgives what came before: a client that gets answers may
/// ping to measure the way to here.
#[derive(Clone, Debug)]
pub struct PingPolicy {
    min_interval: Duration,
    last: Option<Instant>,
    strikes: u32,
    is_forgiven: bool,
}

impl PingPolicy {
    /// Two pings must be this far apart.
    pub fn new(min_interval: Duration) -> PingPolicy {
        PingPolicy { min_interval, last: None, strikes: 0, is_forgiven: false }
    }

    /// Something was sent that the client asked for.
    pub fn forgive(&mut self) {
        self.is_forgiven = true;
    }

    /// A ping came. Returns whether it was one too many.
    pub fn ping(&mut self, now: Instant) -> bool {
        let last = self.last.replace(now);
        if std::mem::take(&mut self.is_forgiven) {
            self.strikes = 0;
            return false;
        }
        if last.is_some_and(|last| now.duration_since(last) < self.min_interval) {
            self.strikes += 1;
        }
        self.strikes > STRIKES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn pings_far_apart_are_welcome() {
        let mut policy = PingPolicy::new(5 * SECOND);
        let began = Instant::now();
        for number in 0..100 {
            assert!(!policy.ping(began + number * 5 * SECOND));
        }
    }

    #[test]
    fn the_third_early_ping_is_one_too_many() {
        let mut policy = PingPolicy::new(5 * SECOND);
        let began = Instant::now();
        let judged: Vec<bool> = (0..4).map(|number| policy.ping(began + number * SECOND)).collect();
        assert_eq!(judged, [false, false, false, true]);
    }

    #[test]
    fn answers_forgive() {
        let mut policy = PingPolicy::new(5 * SECOND);
        let began = Instant::now();
        for number in 0..100 {
            policy.forgive();
            assert!(!policy.ping(began + number * SECOND));
        }
    }
}
