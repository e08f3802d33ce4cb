//! What all runs of one invocation have in common.

use std::time::Duration;

use balsa::driver::DriverLimits;
use raft_core::Limits;

/// How to run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Run with every limit at its least: batches, windows and queues of one, a
    /// snapshot every third entry.
    pub least_limits: bool,
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
        if self.least_limits {
            flags.push_str(" --least-limits");
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
    fn the_least_limits_are_allowed() {
        let mut config = Config::new(NodeId(1), Incarnation(1));
        config.limits = least_limits();
        assert_eq!(config.validate(), Ok(()));
    }
}
