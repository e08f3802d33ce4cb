//! What a load measured.

use std::fmt;
use std::time::Duration;

use hdrhistogram::Histogram;

/// The longest latency that is told from longer ones, in microseconds: an hour.
const MAX_MICROS: u64 = 3_600_000_000;

/// Significant decimal digits of a latency.
const DIGITS: u8 = 3;

/// How long the calls of a load took, and what they cost.
#[derive(Clone, Debug)]
pub struct Measure {
    /// The latency of each call that succeeded, in microseconds.
    latency: Histogram<u64>,
    /// From the first call to the end of the last.
    pub elapsed: Duration,
    /// How many calls failed.
    pub errors: u64,
    /// The first failure that was seen.
    pub first_error: Option<String>,
    /// The CPU time that the measured processes used meanwhile.
    pub cpu: Duration,
}

impl Measure {
    /// Nothing measured yet.
    pub fn new() -> Self {
        let latency = Histogram::new_with_bounds(1, MAX_MICROS, DIGITS)
            .expect("the bounds are constant and sound");
        Self { latency, elapsed: Duration::ZERO, errors: 0, first_error: None, cpu: Duration::ZERO }
    }

    /// Adds a call that succeeded.
    pub fn add_success(&mut self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.latency.saturating_record(micros.clamp(1, MAX_MICROS));
    }

    /// Adds a call that failed.
    pub fn add_failure(&mut self, error: impl FnOnce() -> String) {
        self.errors += 1;
        self.first_error.get_or_insert_with(error);
    }

    /// Adds what was measured at the same time, by another client.
    pub fn join(&mut self, other: &Measure) {
        self.latency.add(&other.latency).expect("all histograms have the same bounds");
        self.errors += other.errors;
        if self.first_error.is_none() {
            self.first_error.clone_from(&other.first_error);
        }
    }

    /// Adds what was measured at another time: durations and CPU times add up.
    pub fn append(&mut self, later: &Measure) {
        self.join(later);
        self.elapsed += later.elapsed;
        self.cpu += later.cpu;
    }

    /// How many calls succeeded.
    pub fn successes(&self) -> u64 {
        self.latency.len()
    }

    /// Successful calls per second.
    pub fn throughput(&self) -> f64 {
        ratio(self.successes() as f64, self.elapsed.as_secs_f64())
    }

    /// The latency in milliseconds that this part (0 to 1) of the calls did not exceed.
    pub fn latency_ms(&self, quantile: f64) -> f64 {
        self.latency.value_at_quantile(quantile) as f64 / 1000.0
    }

    /// The CPU time per successful call, in microseconds.
    pub fn cpu_micros(&self) -> f64 {
        ratio(self.cpu.as_secs_f64() * 1e6, self.successes() as f64)
    }
}

impl Default for Measure {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "calls:      {}", self.successes())?;
        writeln!(formatter, "seconds:    {:.3}", self.elapsed.as_secs_f64())?;
        writeln!(formatter, "calls/s:    {:.1}", self.throughput())?;
        for (name, quantile) in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999)] {
            writeln!(formatter, "{:<11} {:.3} ms", format!("{name}:"), self.latency_ms(quantile))?;
        }
        writeln!(formatter, "max:        {:.3} ms", self.latency_ms(1.0))?;
        if !self.cpu.is_zero() {
            writeln!(formatter, "cpu/call:   {:.1} us", self.cpu_micros())?;
        }
        write!(formatter, "errors:     {}", self.errors)?;
        if let Some(error) = &self.first_error {
            write!(formatter, ", the first: {error}")?;
        }
        Ok(())
    }
}

/// 0 where nothing was measured.
fn ratio(of: f64, by: f64) -> f64 {
    if by > 0.0 { of / by } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls(millis: &[u64]) -> Measure {
        let mut measure = Measure::new();
        millis.iter().for_each(|ms| measure.add_success(Duration::from_millis(*ms)));
        measure.elapsed = Duration::from_secs(2);
        measure.cpu = Duration::from_millis(1);
        measure
    }

    #[test]
    fn clients_side_by_side_share_their_time() {
        let mut all = calls(&[1, 1, 1]);
        all.join(&calls(&[9]));
        assert_eq!(all.successes(), 4);
        assert_eq!(all.throughput(), 2.0);
        assert!((all.latency_ms(0.5) - 1.0).abs() < 0.01);
        assert!((all.latency_ms(1.0) - 9.0).abs() < 0.1);
        assert_eq!(all.cpu_micros(), 250.0);
    }

    #[test]
    fn one_after_the_other_their_times_add_up() {
        let mut all = calls(&[1, 1, 1, 1]);
        all.append(&calls(&[1; 6]));
        assert_eq!(all.throughput(), 2.5);
        assert_eq!(all.cpu_micros(), 200.0);
    }

    #[test]
    fn failures_are_counted_and_the_first_is_kept() {
        let mut all = Measure::new();
        all.add_failure(|| "first".into());
        let mut other = Measure::new();
        other.add_failure(|| "second".into());
        all.join(&other);
        assert_eq!((all.errors, all.first_error.as_deref()), (2, Some("first")));
        assert_eq!((all.throughput(), all.cpu_micros()), (0.0, 0.0));
        assert!(all.to_string().ends_with("errors:     2, the first: first"), "{all}");
    }

    #[test]
    fn a_latency_beyond_the_bounds_is_still_counted() {
        let mut measure = Measure::new();
        measure.add_success(Duration::ZERO);
        measure.add_success(Duration::from_secs(100_000));
        assert_eq!(measure.successes(), 2);
    }
}
