//! How often which faults come, for a while.

use super::sort::{Sort, WEIGHTS};
use crate::rng::Rng;

/// The odds of a stretch of a run: how far faults are apart, and which sorts are in
/// play at all. Stretches that know few sorts find what those that know all of them
/// drown (swarm testing: Groce and others, 2012).
#[derive(Clone, Debug)]
pub struct Temper {
    /// Faults are so far apart on average, in microseconds.
    pub interval_us: u64,
    /// Whether faults are so rare that whatever is cut is mended soon: the cluster
    /// is to grow old and get work done, and be hit then.
    pub is_lull: bool,
    weights: Vec<(Sort, u64)>,
    total: u64,
}

impl Temper {
    /// Draws the odds of a storm: about two thirds of all sorts are in play.
    /// Whatever cuts links comes with what mends them.
    pub fn storm(rng: &mut Rng) -> Temper {
        let interval_us = rng.between(40_000, 600_000);
        Temper::of(interval_us, false, rng)
    }

    /// Draws the odds of a lull.
    pub fn lull(rng: &mut Rng) -> Temper {
        let interval_us = rng.between(700_000, 6_000_000);
        Temper::of(interval_us, true, rng)
    }

    fn of(interval_us: u64, is_lull: bool, rng: &mut Rng) -> Temper {
        let mut weights: Vec<(Sort, u64)> = Vec::new();
        for &(sort, weight) in WEIGHTS {
            if sort == Sort::Heal || rng.below(3) > 0 {
                weights.push((sort, weight));
            }
        }
        let total = weights.iter().map(|(_, weight)| weight).sum();
        Temper { interval_us, is_lull, weights, total }
    }

    /// The next sort.
    pub(super) fn pick(&self, rng: &mut Rng) -> Sort {
        let mut place = rng.below(self.total);
        for &(sort, weight) in &self.weights {
            if place < weight {
                return sort;
            }
            place -= weight;
        }
        Sort::Heal
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sort_is_in_play_in_some_stretch_and_missing_in_another() {
        let tempers: Vec<Temper> =
            (0..100).map(|seed| Temper::storm(&mut Rng::new(seed))).collect();
        for (sort, _) in WEIGHTS {
            let has = |temper: &&Temper| temper.weights.iter().any(|(other, _)| other == sort);
            let number = tempers.iter().filter(has).count();
            assert!(number > 30, "{sort:?} is hardly ever in play");
            assert!(number < 100 || *sort == Sort::Heal, "{sort:?} is always in play");
        }
    }

    #[test]
    fn what_is_picked_is_in_play() {
        let mut rng = Rng::new(9);
        let temper = Temper::lull(&mut rng);
        for _ in 0..1000 {
            let sort = temper.pick(&mut rng);
            assert!(temper.weights.iter().any(|(other, _)| *other == sort));
        }
    }
}
