//! The simulator's randomness: small, fast, and the same on every machine.
//!
//! One seed makes one root; every concern forks a stream of its own from the
//! root by name. A draw more in one place then leaves all other streams as they
//! were, so that a change of the simulator changes as little as possible of
//! what a seed stands for.

/// A stream of numbers: xoshiro256** (Blackman and Vigna, 2018), seeded through
/// SplitMix64 (Steele, Lea and Flood, 2014).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rng {
    /// What the stream was made from; forks come from here, not from the state.
    seed: u64,
    state: [u64; 4],
}

impl Rng {
    /// The stream of a seed.
    pub fn new(seed: u64) -> Rng {
        let mut mixer = seed;
        let state = [(); 4].map(|()| split_mix(&mut mixer));
        Rng { seed, state }
    }

    /// The stream of this seed that belongs to a concern. It depends on the seed
    /// and the name only, not on what was drawn so far.
    pub fn fork(&self, name: &str) -> Rng {
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        self.fork_number(hash)
    }

    /// As [`Rng::fork`], for concerns that are counted.
    pub fn fork_number(&self, number: u64) -> Rng {
        let mut mixer = self.seed ^ number.rotate_left(32);
        let first = split_mix(&mut mixer);
        Rng::new(first ^ number)
    }

    /// The next number, any of 64 bits.
    pub fn bits(&mut self) -> u64 {
        let result = self.state[1].wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let shifted = self.state[1] << 17;
        self.state[2] ^= self.state[0];
        self.state[3] ^= self.state[1];
        self.state[1] ^= self.state[2];
        self.state[0] ^= self.state[3];
        self.state[2] ^= shifted;
        self.state[3] = self.state[3].rotate_left(45);
        result
    }

    /// A number below `bound`.
    ///
    /// # Panics
    ///
    /// If `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "there is no number below 0");
        let wide = u128::from(self.bits()) * u128::from(bound);
        (wide >> 64) as u64
    }

    /// A number from `low` to `high`, both included.
    ///
    /// # Panics
    ///
    /// If `low` is above `high`.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        assert!(low <= high, "the range {low}..={high} is empty");
        match (high - low).checked_add(1) {
            Some(width) => low + self.below(width),
            None => self.bits(),
        }
    }

    /// True in so many of a thousand cases.
    pub fn per_mille(&mut self, cases: u64) -> bool {
        self.below(1000) < cases
    }

    /// True in one of so many cases.
    ///
    /// # Panics
    ///
    /// If `cases` is 0.
    pub fn one_in(&mut self, cases: u64) -> bool {
        self.below(cases) == 0
    }

    /// One of the items; `None` if there are none.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        if items.is_empty() {
            return None;
        }
        items.get(self.below(items.len() as u64) as usize)
    }

    /// Brings the items into a random order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.below(last as u64 + 1) as usize;
            items.swap(last, other);
        }
    }
}

fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SplitMix64's published first outputs for the seed 1234567.
    #[test]
    fn seeding_follows_its_paper() {
        let mut state = 1_234_567;
        let drawn = [(); 3].map(|()| split_mix(&mut state));
        assert_eq!(
            drawn,
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
    }

    #[test]
    fn a_fork_does_not_depend_on_what_was_drawn() {
        let mut root = Rng::new(7);
        let before = root.fork("disk");
        root.bits();
        assert_eq!(before, root.fork("disk"));
        assert_ne!(before, root.fork("network"));
        assert_ne!(before, Rng::new(8).fork("disk"));
        assert_ne!(root.fork_number(1), root.fork_number(2));
    }

    #[test]
    fn numbers_stay_in_their_range_and_reach_its_ends() {
        let mut rng = Rng::new(3);
        let drawn: Vec<u64> = (0..1000).map(|_| rng.between(5, 9)).collect();
        for wanted in 5..=9 {
            assert!(drawn.contains(&wanted), "{wanted} is never drawn");
        }
        assert!(drawn.iter().all(|number| (5..=9).contains(number)));
        let hits = (0..10_000).filter(|_| rng.per_mille(100)).count();
        assert!((800..1200).contains(&hits), "{hits} of 10,000 is not a tenth");
    }

    #[test]
    fn a_shuffle_keeps_the_items() {
        let mut rng = Rng::new(11);
        let mut items: Vec<u32> = (0..20).collect();
        rng.shuffle(&mut items);
        assert_ne!(items, (0..20).collect::<Vec<u32>>());
        items.sort_unstable();
        assert_eq!(items, (0..20).collect::<Vec<u32>>());
        assert_eq!(rng.pick::<u8>(&[]), None);
    }
}
