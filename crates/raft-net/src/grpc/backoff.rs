//! How long to wait before the next redial.

use std::time::Duration;

/// Waits that double, each shortened by chance so that nodes that lost one peer at
/// once do not return to it at once.
pub struct Backoff {
    min: Duration,
    max: Duration,
    attempt: u32,
    seed: u64,
}

impl Backoff {
    /// `seed` should differ between nodes, lanes and lives.
    pub fn new(min: Duration, max: Duration, seed: u64) -> Backoff {
        Backoff { min, max, attempt: 0, seed }
    }

    /// The wait before the next attempt; zero the first time.
    pub fn next(&mut self) -> Duration {
        let attempt = self.attempt;
        self.attempt = attempt.saturating_add(1);
        if attempt == 0 {
            return Duration::ZERO;
        }
        let doubled = self.min.saturating_mul(1 << (attempt - 1).min(20)).min(self.max);
        self.seed = mix(self.seed);
        let thousandths = 500 + (self.seed % 501) as u32;
        doubled * thousandths / 1000
    }

    /// The longest wait from now on: what stands in the way will not pass by itself.
    pub fn slow_down(&mut self) {
        self.attempt = 32;
    }

    /// Begins anew.
    pub fn reset(&mut self) {
        self.attempt = 0;
    }
}

/// One step of the generator SplitMix64 (Steele, Lea, Flood: Fast splittable
/// pseudorandom number generators, 2014).
fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_redial_comes_at_once_and_the_waits_double_up_to_the_longest() {
        let ms = Duration::from_millis;
        let mut backoff = Backoff::new(ms(20), ms(1000), 1);
        assert_eq!(backoff.next(), Duration::ZERO);
        for longest in [20, 40, 80, 160, 320, 640, 1000, 1000, 1000] {
            let wait = backoff.next();
            assert!(wait >= ms(longest) / 2 && wait <= ms(longest), "{wait:?} of {longest} ms");
        }
        backoff.reset();
        assert_eq!(backoff.next(), Duration::ZERO);
        backoff.slow_down();
        assert!(backoff.next() >= ms(500));
    }

    #[test]
    fn two_nodes_wait_differently() {
        let waits = |seed| {
            let mut backoff = Backoff::new(Duration::from_millis(20), Duration::from_secs(1), seed);
            (0..8).map(|_| backoff.next()).collect::<Vec<_>>()
        };
        assert_eq!(waits(1), waits(1));
        assert_ne!(waits(1), waits(2));
    }
}
