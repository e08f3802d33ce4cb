//! Runs many seeds, on several threads, and hands the reports out in the order of
//! the seeds: how many threads there were cannot be told from what comes out.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;

use crate::counts::{Counts, Kind};
use crate::options::Options;
use crate::report::Report;
use crate::trace::{Trace, TraceHash};
use crate::world;

/// How many seeds must between them have seen everything that is counted.
pub const SEEDS_THAT_SEE_ALL: u64 = 100;

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
    /// For each full hundred of seeds, by its first, what was never seen in it.
    pub unseen: Vec<(u64, Vec<Kind>)>,
}

impl Summary {
    /// Whether all is well.
    pub fn is_good(&self) -> bool {
        self.failed.is_empty() && self.unseen.is_empty()
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
    /// Those of the hundred that is being filled.
    hundred: Counts,
}

impl Tally {
    fn add(&mut self, report: &Report) {
        let summary = &mut self.summary;
        summary.seeds += 1;
        summary.trace = summary.trace.then(report.trace);
        summary.counts.merge(&report.counts);
        self.hundred.merge(&report.counts);
        if report.failure.is_some() {
            summary.failed.push(report.seed);
        }
        if summary.seeds.is_multiple_of(SEEDS_THAT_SEE_ALL) {
            let missing = std::mem::take(&mut self.hundred).missing();
            if !missing.is_empty() {
                let first = report.seed.wrapping_sub(SEEDS_THAT_SEE_ALL - 1);
                summary.unseen.push((first, missing));
            }
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
        Report { seed, trace: TraceHash(seed), counts, ended: Time(0), failure }
    }

    #[test]
    fn a_hundred_seeds_that_miss_something_are_named() {
        let mut tally = Tally::default();
        for seed in 7..207 {
            let seen = if seed < 107 { Kind::ALL } else { &Kind::ALL[1..] };
            tally.add(&report(seed, seen, None));
        }
        assert_eq!(tally.summary.unseen, [(107, vec![Kind::ALL[0]])]);
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
