//! A machine's own clock.

use raft_core::Time;

/// Parts per million.
const MILLION: u64 = 1_000_000;

/// A clock that never goes back, but runs fast or slow, and may jump ahead: what a
/// node calls a second need not be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// It shows so many microseconds in a second.
    rate: u64,
    /// At this true time …
    since: Time,
    /// … it showed this.
    shown: Time,
}

impl Clock {
    /// A clock that shows this when it is put up, and gains so many microseconds a
    /// second; below 0 it loses.
    pub fn new(now: Time, shown: Time, drift_ppm: i64) -> Clock {
        Clock { rate: MILLION.saturating_add_signed(drift_ppm).max(1), since: now, shown }
    }

    /// What it shows at a true time.
    pub fn shows(&self, now: Time) -> Time {
        Time(self.shown.0 + now.0.saturating_sub(self.since.0) * self.rate / MILLION)
    }

    /// The first true time at which it shows this; [`Time::NEVER`] if that is half a year
    /// away.
    pub fn when(&self, shown: Time) -> Time {
        let wanted = shown.0.saturating_sub(self.shown.0).checked_mul(MILLION);
        wanted.map_or(Time::NEVER, |wanted| Time(self.since.0 + wanted.div_ceil(self.rate)))
    }

    /// Jumps ahead.
    pub fn jump(&mut self, now: Time, by_us: u64) {
        (self.shown, self.since) = (Time(self.shows(now).0 + by_us), now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_without_drift_shows_what_passed() {
        let clock = Clock::new(Time(100), Time(7_000), 0);
        assert_eq!(clock.shows(Time(150)), Time(7_050));
        assert_eq!(clock.when(Time(7_050)), Time(150));
        assert_eq!(clock.when(Time(3)), Time(100), "what is past is due at once");
        assert_eq!(clock.when(Time::NEVER), Time::NEVER);
    }

    #[test]
    fn who_waits_for_a_time_is_woken_at_the_first_moment_that_shows_it() {
        for drift_ppm in [-200_000, -70_001, -3, 0, 11, 99_999, 200_000] {
            let clock = Clock::new(Time(1_000), Time(5), drift_ppm);
            for shown in (5..100_000).step_by(997) {
                let at = clock.when(Time(shown));
                assert!(clock.shows(at) >= Time(shown), "{drift_ppm} ppm, {shown}: too early");
                let before = Time(at.0.saturating_sub(1));
                let is_first = at == Time(1_000) || clock.shows(before) < Time(shown);
                assert!(is_first, "{drift_ppm} ppm, {shown}: too late");
            }
        }
    }

    #[test]
    fn a_fast_clock_gains_and_a_jump_is_ahead() {
        let mut clock = Clock::new(Time(0), Time(0), 50_000);
        assert_eq!(clock.shows(Time(1_000_000)), Time(1_050_000));
        clock.jump(Time(1_000_000), 3_000_000);
        assert_eq!(clock.shows(Time(1_000_000)), Time(4_050_000));
        assert_eq!(clock.shows(Time(2_000_000)), Time(5_100_000));
    }
}
