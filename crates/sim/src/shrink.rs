//! Makes a run that fails smaller: one that breaks the same property in fewer steps.
//!
//! ```text
//!   time      nothing after the failure
//!   faults    left out by halves, quarters, … one by one (Zeller and Hildebrandt, 2002)
//!   gaps      between what faults are left, shorter and shorter
//!   clients   fewer
//! ```
//!
//! Whatever is left out makes another run of the rest, for who comes first depends on
//! everything that came before. So each attempt is a new throw of the dice, and is kept
//! only if it fails in the same way and in fewer steps.

use std::time::Duration;

use crate::options::Options;
use crate::report::{Failure, Report};
use crate::trace::Trace;
use crate::world;

/// Each attempt is made with so many throws of the dice.
const SHAKES: u64 = 4;

/// A smaller run, and what it was made from.
#[derive(Clone, Debug, PartialEq)]
pub struct Shrunk {
    /// How to run it.
    pub options: Options,
    /// What comes of it.
    pub report: Report,
    /// How many steps the run had that it was made from.
    pub lines_before: u64,
    /// How many runs it took.
    pub runs: u32,
}

/// Makes the run of a seed smaller, in so many runs at most; `None` if it does not fail.
pub fn shrink(seed: u64, options: &Options, runs: u32) -> Option<Shrunk> {
    let report = world::run(seed, options, Trace::silent());
    let property = report.failure.as_ref().map(Failure::name)?;
    let lines_before = report.lines;
    let best = Shrunk { options: options.clone(), report, lines_before, runs: 0 };
    let mut shrinker = Shrinker { seed, property, most_runs: runs, best };
    shrinker.shrink();
    Some(shrinker.best)
}

struct Shrinker {
    seed: u64,
    /// The property that the run breaks.
    property: &'static str,
    most_runs: u32,
    best: Shrunk,
}

impl Shrinker {
    /// Goes on until nothing helps any more.
    fn shrink(&mut self) {
        loop {
            let before = self.best.report.lines;
            self.end_with_the_failure();
            self.leave_out_faults();
            self.hurry();
            self.send_clients_away();
            if self.best.report.lines == before || self.is_over() {
                return;
            }
        }
    }

    fn is_over(&self) -> bool {
        self.best.runs >= self.most_runs
    }

    /// Keeps the run, in one of some throws of the dice, if it fails in the same way and
    /// in fewer steps.
    fn attempt(&mut self, options: Options) -> bool {
        let shakes = options.shake..options.shake + SHAKES;
        let mut throws = shakes.map(|shake| Options { shake, ..options.clone() });
        throws.any(|options| self.attempt_once(options))
    }

    fn attempt_once(&mut self, options: Options) -> bool {
        if self.is_over() {
            return false;
        }
        self.best.runs += 1;
        let report = world::run(self.seed, &options, Trace::silent());
        let is_same = report.failure.as_ref().map(Failure::name) == Some(self.property);
        let is_smaller = report.lines < self.best.report.lines;
        if is_same && is_smaller {
            (self.best.options, self.best.report) = (options, report);
        }
        is_same && is_smaller
    }

    /// What comes after the failure is not there; a failure of liveness comes long after
    /// the last fault, and may come as well after fewer.
    fn end_with_the_failure(&mut self) {
        let failed_at = Duration::from_micros(self.best.report.ended.0);
        for part in [1.0, 0.5, 0.25, 0.1] {
            self.attempt(self.best.options.clone().with_chaos(failed_at.mul_f64(part)));
        }
    }

    fn leave_out_faults(&mut self) {
        let mut numbers = world::faults(self.seed, &self.best.options);
        let mut size = numbers.len().div_ceil(2);
        while size > 0 && !numbers.is_empty() {
            let mut start = 0;
            while start < numbers.len() {
                let end = (start + size).min(numbers.len());
                let rest = [&numbers[..start], &numbers[end..]].concat();
                let options = Options { faults: Some(rest.clone()), ..self.best.options.clone() };
                if self.attempt(options) {
                    numbers = rest;
                } else {
                    start = end;
                }
            }
            size = if size == 1 { 0 } else { size.div_ceil(2) };
        }
    }

    /// With the gaps goes the time that it all takes, unless it has to end later.
    fn hurry(&mut self) {
        for gap_ms in [3_000, 1_000, 300, 100] {
            let gap = Some(Duration::from_millis(gap_ms));
            let options = Options { gap, ..self.best.options.clone() };
            if self.attempt(options) {
                self.end_with_the_failure();
            }
        }
    }

    fn send_clients_away(&mut self) {
        for clients in 1..self.best.options.clients.unwrap_or(8) {
            let clients = Some(clients);
            if self.attempt(Options { clients, ..self.best.options.clone() }) {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_passes_is_not_made_smaller() {
        assert_eq!(shrink(1, &Options::default(), 10), None);
    }
}
