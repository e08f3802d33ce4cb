//! A small generator of pseudo-random numbers (SplitMix64, Steele and others,
//! "Fast splittable pseudorandom number generators", 2014): equal seeds give
//! equal numbers on every machine.

/// The generator. Cloned, both go on with the same numbers.
#[derive(Clone, Debug)]
pub(crate) struct Random {
    state: u64,
}

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random { state: seed }
    }

    /// The next number.
    pub(crate) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`; 0 if that is 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        let wide = u128::from(self.next()) * u128::from(bound);
        u64::try_from(wide >> 64).expect("the upper half of a product of two u64 fits")
    }

    /// True once in `n` times.
    pub(crate) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn equal_seeds_give_equal_numbers_within_the_bound() {
        let (mut one, mut other) = (Random::new(7), Random::new(7));
        for _ in 0..1_000 {
            let drawn = one.below(10);
            assert_eq!(drawn, other.below(10));
            assert!(drawn < 10);
        }
        assert_ne!(one.next(), Random::new(8).next());
    }
}
