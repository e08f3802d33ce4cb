//! How fast the simulator is: simulated time against CPU time, so that neither other
//! processes nor the number of cores count.

use std::io;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::counts::Kind;
use crate::options::Options;
use crate::trace::Trace;
use crate::world;

/// What was measured over some seeds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Speed {
    /// How long they took, in simulated time.
    pub simulated: Duration,
    /// How long they took this thread.
    pub cpu: Duration,
    /// What clients asked for.
    pub operations: u64,
    /// What of that was done, and they were told so.
    pub acknowledged: u64,
}

impl Speed {
    /// Simulated seconds in a second of one core.
    pub fn seconds_a_second(&self) -> f64 {
        self.simulated.as_secs_f64() / self.cpu.as_secs_f64()
    }

    /// Operations in a simulated second.
    pub fn operations_a_second(&self) -> f64 {
        self.operations as f64 / self.simulated.as_secs_f64()
    }

    /// Operations acknowledged in a simulated second.
    pub fn acknowledged_a_second(&self) -> f64 {
        self.acknowledged as f64 / self.simulated.as_secs_f64()
    }
}

/// Runs the first so many seeds on this thread.
///
/// # Errors
///
/// If one of them fails: what it did until then says nothing.
pub fn measure(seeds: u64, options: &Options) -> io::Result<Speed> {
    let mut speed = Speed::default();
    let began = thread_time();
    for seed in 1..=seeds {
        let report = world::run(seed, options, Trace::silent());
        if let Some(failure) = report.failure {
            return Err(io::Error::other(format!("seed {seed} failed: {failure}")));
        }
        speed.simulated += Duration::from_micros(report.ended.0);
        speed.operations += report.counts.get(Kind::Operation);
        speed.acknowledged += report.counts.acknowledged();
    }
    speed.cpu = thread_time().saturating_sub(began);
    Ok(speed)
}

/// The CPU time that this thread has used.
fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_measured_adds_up() {
        let options = Options::default().with_chaos(Duration::from_secs(10));
        let speed = measure(2, &options).expect("the seeds pass");
        assert!(speed.simulated >= Duration::from_secs(20), "{speed:?}");
        assert!(speed.cpu > Duration::ZERO && speed.acknowledged > 0, "{speed:?}");
        assert!(speed.acknowledged <= speed.operations, "{speed:?}");
        assert!(speed.operations_a_second() > 20.0, "{speed:?}");
    }
}
