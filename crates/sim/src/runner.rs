//! Runs many seeds, on several threads, and hands the reports out in the order of
//! the seeds: how many threads there were cannot be told from what comes out.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::counts::{Counts, Kind};
use crate::options::{DEFAULT_CHAOS, Options};
use crate::report::Report;
use crate::trace::{Trace, TraceHash};
use crate::world;

/// So many seeds of the usual length must between them have seen everything that is
/// counted; of shorter ones it takes as many more as are shorter.
pub const SEEDS_THAT_SEE_ALL: u64 = 200;

/// The seeds to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seeds {
    /// The first one.
    pub first: u64,
    /// How many.
    pub number: u64,
}

/// What came of all seeds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// How many ran.
    pub seeds: u64,
    /// The hash over all runs, in the order of their seeds.
    pub trace: TraceHash,
    /// What was seen in all of them.
    pub counts: Counts,
    /// The seeds that failed.
    pub failed: Vec<u64>,
    /// What was never seen in some share of the seeds that was long enough to see it.
    pub unseen: Vec<Unseen>,
    /// How long all of them took, in simulated time.
    pub simulated: Duration,
    /// The longest that any took, after its last fault, to be together again.
    pub longest_recovery: Duration,
    /// How many operations each of them acknowledged.
    acknowledged: Vec<u64>,
}

/// What was never seen in some seeds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unseen {
    /// The first of the seeds.
    pub first: u64,
    /// The last of them.
    pub last: u64,
    /// What they all missed.
    pub kinds: Vec<Kind>,
}

impl Summary {
    /// Whether all is well.
    pub fn is_good(&self) -> bool {
        self.failed.is_empty() && self.unseen.is_empty()
    }

    /// How many operations the median seed acknowledged.
    pub fn median_acknowledged(&self) -> u64 {
        let mut sorted = self.acknowledged.clone();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).copied().unwrap_or_default()
    }
}

/// Runs the seeds on so many threads. Each report is given to `each`, in the order
/// of the seeds; when that returns `false` no further seeds are looked at.
pub fn run(
    seeds: Seeds,
    jobs: usize,
    options: &Options,
    mut each: impl FnMut(&Report) -> bool,
) -> Summary {
    let next = AtomicU64::new(0);
    let mut tally = Tally::default();
    thread::scope(|scope| {
        let (reports, arriving) = mpsc::channel();
        for _ in 0..jobs.max(1) {
            let (next, reports) = (&next, reports.clone());
            scope.spawn(move || {
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    if place >= seeds.number {
                        return;
                    }
                    let seed = seeds.first.wrapping_add(place);
                    let report = world::run(seed, options, Trace::silent());
                    if reports.send((place, report)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(reports);
        let mut early = BTreeMap::new();
        let mut due = 0;
        for (place, report) in arriving {
            early.insert(place, report);
            while let Some(report) = early.remove(&due) {
                due += 1;
                tally.add(&report);
                if !each(&report) {
                    next.store(seeds.number, Ordering::Relaxed);
                    return;
                }
            }
        }
    });
    tally.summary
}

/// Adds reports up.
#[derive(Default)]
struct Tally {
    summary: Summary,
    /// Those of the share of seeds that is being filled.
    share: Counts,
    /// How many seeds it has.
    share_seeds: u64,
    /// How long they took.
    share_time: Duration,
}

impl Tally {
    fn add(&mut self, report: &Report) {
        let summary = &mut self.summary;
        summary.seeds += 1;
        summary.trace = summary.trace.then(report.trace);
        summary.counts.merge(&report.counts);
        summary.simulated += Duration::from_micros(report.ended.0);
        let recovered = report.recovered.unwrap_or_default();
        summary.longest_recovery = summary.longest_recovery.max(recovered);
        summary.acknowledged.push(report.counts.acknowledged());
        self.share.merge(&report.counts);
        if report.failure.is_some() {
            summary.failed.push(report.seed);
        }
        self.share_seeds += 1;
        self.share_time += Duration::from_micros(report.ended.0);
        let usual = DEFAULT_CHAOS * SEEDS_THAT_SEE_ALL as u32;
        if self.share_seeds >= SEEDS_THAT_SEE_ALL && self.share_time >= usual {
            let kinds = std::mem::take(&mut self.share).missing();
            if !kinds.is_empty() {
                let first = report.seed.wrapping_sub(self.share_seeds - 1);
                summary.unseen.push(Unseen { first, last: report.seed, kinds });
            }
            (self.share_seeds, self.share_time) = (0, Duration::ZERO);
        }
    }
}

#[cfg(test)]
mod tests {
    use raft_core::Time;

    use super::*;
    use crate::report::Failure;

    fn report(seed: u64, kinds: &[Kind], failure: Option<Failure>) -> Report {
        let mut counts = Counts::default();
        kinds.iter().for_each(|kind| counts.add(*kind));
        let (trace, ended) = (TraceHash(seed), Time(DEFAULT_CHAOS.as_micros() as u64));
        Report { seed, trace, lines: 0, counts, ended, recovered: None, failure }
    }

    #[test]
    fn seeds_that_miss_something_are_named() {
        let mut tally = Tally::default();
        let second = 7 + SEEDS_THAT_SEE_ALL;
        for seed in 7..second + SEEDS_THAT_SEE_ALL {
            let seen = if seed < second { Kind::ALL } else { &Kind::ALL[1..] };
            tally.add(&report(seed, seen, None));
        }
        let (last, kinds) = (second + SEEDS_THAT_SEE_ALL - 1, vec![Kind::ALL[0]]);
        assert_eq!(tally.summary.unseen, [Unseen { first: second, last, kinds }]);
        assert!(!tally.summary.is_good());
    }

    #[test]
    fn a_failed_seed_is_named() {
        let mut tally = Tally::default();
        tally.add(&report(1, &[], None));
        assert!(tally.summary.is_good());
        tally.add(&report(2, &[], Some(Failure::Panicked("oh".to_owned()))));
        assert_eq!(tally.summary.failed, [2]);
        assert!(!tally.summary.is_good());
    }
}
