//! How often which faults come.

use crate::rng::Rng;

/// A sort of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    Kill,
    KillAll,
    PowerLoss,
    PowerLossAll,
    CrashInTurn,
    CrashInGroup,
    DiskError,
    Pause,
    SlowDisk,
    CutOneWay,
    CutBothWays,
    Isolate,
    Partition,
    Heal,
    Transfer,
    AddLearner,
    Promote,
    Remove,
    Replace,
    ReplaceSeveral,
}

/// How often each sort comes when all are in play, relative to the others.
const WEIGHTS: &[(Sort, u64)] = &[
    (Sort::Kill, 6),
    (Sort::KillAll, 2),
    (Sort::PowerLoss, 6),
    (Sort::PowerLossAll, 2),
    (Sort::CrashInTurn, 8),
    (Sort::CrashInGroup, 6),
    (Sort::DiskError, 3),
    (Sort::Pause, 5),
    (Sort::SlowDisk, 5),
    (Sort::CutOneWay, 5),
    (Sort::CutBothWays, 5),
    (Sort::Isolate, 4),
    (Sort::Partition, 5),
    (Sort::Heal, 12),
    (Sort::Transfer, 5),
    (Sort::AddLearner, 4),
    (Sort::Promote, 6),
    (Sort::Remove, 4),
    (Sort::Replace, 3),
    (Sort::ReplaceSeveral, 3),
];

/// The odds of one run.
#[derive(Clone, Debug)]
pub struct Temper {
    /// Faults are so far apart on average, in microseconds.
    pub interval_us: u64,
    weights: Vec<(Sort, u64)>,
    total: u64,
}

impl Temper {
    /// Draws the odds: about two thirds of all sorts are in play. Whatever cuts
    /// links comes with what mends them.
    pub fn draw(rng: &mut Rng) -> Temper {
        let interval_us = rng.between(40_000, 600_000);
        let mut weights: Vec<(Sort, u64)> = Vec::new();
        for &(sort, weight) in WEIGHTS {
            if sort == Sort::Heal || rng.below(3) > 0 {
                weights.push((sort, weight));
            }
        }
        let total = weights.iter().map(|(_, weight)| weight).sum();
        Temper { interval_us, weights, total }
    }

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
    fn every_sort_is_in_play_in_some_run_and_missing_in_another() {
        let tempers: Vec<Temper> = (0..100).map(|seed| Temper::draw(&mut Rng::new(seed))).collect();
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
        let temper = Temper::draw(&mut rng);
        for _ in 0..1000 {
            let sort = temper.pick(&mut rng);
            assert!(temper.weights.iter().any(|(other, _)| *other == sort));
        }
    }
}
