//! What all runs of one invocation have in common.

use std::time::Duration;

use balsa::driver::DriverLimits;
use raft_core::Limits;

use crate::numbers;

/// How long faults happen if nothing else is asked for.
pub const DEFAULT_CHAOS: Duration = Duration::from_secs(300);

/// How to run. What is `None` is drawn from the seed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// Run with every limit at its least: batches, windows and queues of one, a
    /// snapshot every third entry.
    pub least_limits: bool,
    /// Faults happen for so long; `None`: 6 to 30 seconds.
    pub chaos: Option<Duration>,
    /// The cluster begins with so many voters; `None`: 1 to 7.
    pub nodes: Option<u64>,
    /// There are so many clients; `None`: 3 to 10.
    pub clients: Option<u64>,
    /// Of the seed's faults only those of these numbers happen; `None`: all.
    pub faults: Option<Vec<u32>>,
    /// Between two faults goes by no more than this; `None`: as long as was drawn.
    pub gap: Option<Duration>,
    /// Which throw of the dice that time and network are drawn from; 0 is the seed's own.
    pub shake: u64,
    /// A bug to commit on purpose.
    #[cfg(feature = "planted-bugs")]
    pub mutation: Option<&'static crate::mutation::Mutation>,
    /// Count broken invariants of the core and go on, to see what is found from outside.
    #[cfg(feature = "planted-bugs")]
    pub passes_over_invariants: bool,
}

impl Options {
    /// The same options, with every limit at its least.
    #[must_use]
    pub fn with_least_limits(mut self) -> Options {
        self.least_limits = true;
        self
    }

    /// The same options, with faults for so long.
    #[must_use]
    pub fn with_chaos(mut self, chaos: Duration) -> Options {
        self.chaos = Some(chaos);
        self
    }

    /// The only property that counts, if not all do.
    pub fn watched(&self) -> Option<&'static str> {
        #[cfg(feature = "planted-bugs")]
        if let Some(mutation) = self.mutation {
            return Some(mutation.property);
        }
        None
    }

    /// The flags that select these options, as they stand behind a command.
    pub fn flags(&self) -> String {
        let mut flags = String::new();
        match self.chaos {
            None => flags.push_str(" --short"),
            Some(chaos) if chaos == DEFAULT_CHAOS => {}
            Some(chaos) => flags.push_str(&format!(" --minutes {}", chaos.as_secs_f64() / 60.0)),
        }
        if self.least_limits {
            flags.push_str(" --least-limits");
        }
        if let Some(nodes) = self.nodes {
            flags.push_str(&format!(" --nodes {nodes}"));
        }
        if let Some(clients) = self.clients {
            flags.push_str(&format!(" --clients {clients}"));
        }
        if let Some(faults) = &self.faults {
            flags.push_str(&format!(" --faults {}", numbers::written(faults)));
        }
        if let Some(gap) = self.gap {
            flags.push_str(&format!(" --gap {}", gap.as_secs_f64()));
        }
        if self.shake > 0 {
            flags.push_str(&format!(" --shake {}", self.shake));
        }
        #[cfg(feature = "planted-bugs")]
        if let Some(mutation) = self.mutation {
            flags.push_str(&format!(" --mutation {mutation}"));
        }
        #[cfg(feature = "planted-bugs")]
        if self.passes_over_invariants {
            flags.push_str(" --pass-over-invariants");
        }
        flags
    }
}

/// Every limit at its least.
pub fn least_limits() -> Limits {
    Limits {
        message_entries: 1,
        message_bytes: 1,
        inflight_messages: 1,
        inflight_bytes: 1,
        uncommitted_bytes: 1,
        unapplied_bytes: 1,
        cached_entries: 0,
        cached_bytes: 0,
        waiting_reads: 1,
        snapshot_entries: 3,
        snapshot_bytes: 1 << 20,
        trailing_entries: 0,
        snapshot_tail_entries: 0,
    }
}

/// Every limit of the driver at its least, but for the length of a chunk: a
/// snapshot in chunks of one byte would take all of a run.
pub fn least_driver_limits() -> DriverLimits {
    DriverLimits {
        admitted_requests: 1,
        admitted_bytes: 1,
        snapshot_chunk_bytes: 64,
        snapshot_window: 1,
        snapshot_retry: Duration::from_millis(20),
        snapshot_stall: Duration::from_millis(100),
        snapshot_stalls: 1,
        recovery_read_bytes: 1,
        unflushed_bytes: 0,
    }
}

#[cfg(test)]
mod tests {
    use raft_core::{Config, Incarnation, NodeId};

    use super::*;

    #[test]
    fn the_flags_say_what_differs_from_the_default() {
        let options = Options::default().with_chaos(DEFAULT_CHAOS);
        assert_eq!(options.flags(), "");
        let half = Duration::from_secs(30);
        let options = Options { faults: Some(vec![1, 2, 3, 9]), nodes: Some(3), ..options };
        let flags = options.with_chaos(half).with_least_limits().flags();
        assert_eq!(flags, " --minutes 0.5 --least-limits --nodes 3 --faults 1-3,9");
        assert_eq!(Options::default().flags(), " --short");
    }

    #[test]
    fn the_least_limits_are_allowed() {
        let mut config = Config::new(NodeId(1), Incarnation(1));
        config.limits = least_limits();
        assert_eq!(config.validate(), Ok(()));
    }
}
