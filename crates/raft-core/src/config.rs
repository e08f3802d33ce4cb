//! What a node is told about itself, and every limit in one place.

use std::fmt;
use std::time::Duration;

use crate::types::{Incarnation, NodeId};

/// A node's settings. They hold for one life of its process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Config {
    /// This node.
    pub id: NodeId,
    /// This life of it: a number drawn anew at each boot. Also the seed of the
    /// election jitter.
    pub incarnation: Incarnation,
    /// A follower campaigns after hearing nothing for this long to one and a half
    /// times as long; a leader resigns after hearing no quorum for this long.
    pub election_timeout: Duration,
    /// A leader's heartbeats are at most this far apart.
    pub heartbeat_interval: Duration,
    /// Whether to ask before standing for election (thesis, section 9.6).
    pub pre_vote: bool,
    /// Bounds of everything that could grow.
    pub limits: Limits,
    /// A bug to commit on purpose.
    #[cfg(feature = "planted-bugs")]
    pub planted: Option<crate::Bug>,
    /// Read from disk, for peers, whatever is durable, though it is in memory too, and
    /// perhaps not committed: what was read may then be replaced before it is sent. By
    /// itself no bug; with it the checks of what was read have something to find.
    #[cfg(feature = "planted-bugs")]
    pub fetches_durable: bool,
}

/// Every bound of the core (rule 16). Bytes are counted by [`Entry::size`](crate::Entry::size).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Limits {
    /// Entries in one append.
    pub message_entries: u64,
    /// Bytes in one append; one entry always goes, however large.
    pub message_bytes: u64,
    /// Appends with entries in flight to one follower.
    pub inflight_messages: u64,
    /// Bytes in flight to one follower; one append always goes.
    pub inflight_bytes: u64,
    /// Bytes in the leader's log that it has not committed and applied yet. A
    /// proposal beyond is refused, unless there are none.
    pub uncommitted_bytes: u64,
    /// Bytes given to the state machine and not yet applied.
    pub unapplied_bytes: u64,
    /// Entries kept in memory after they are durable and applied, for followers
    /// that are a little behind.
    pub cached_entries: u64,
    /// Bytes kept so.
    pub cached_bytes: u64,
    /// Reads that wait for a round; more are refused.
    pub waiting_reads: u64,
    /// A snapshot is taken when this many entries were applied since the last one.
    pub snapshot_entries: u64,
    /// … or this many bytes.
    pub snapshot_bytes: u64,
    /// Entries below the newest snapshot that a purge leaves in the log, so that
    /// a follower that was away for a moment needs no snapshot.
    pub trailing_entries: u64,
    /// Entries that a purge spares at most for the sake of snapshots in flight.
    pub snapshot_tail_entries: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            message_entries: 1024,
            message_bytes: 1 << 20,
            inflight_messages: 256,
            inflight_bytes: 16 << 20,
            uncommitted_bytes: 64 << 20,
            unapplied_bytes: 16 << 20,
            cached_entries: 8192,
            cached_bytes: 16 << 20,
            waiting_reads: 65_536,
            snapshot_entries: 10_000,
            snapshot_bytes: 256 << 20,
            trailing_entries: 5_000,
            snapshot_tail_entries: 100_000,
        }
    }
}

impl Config {
    /// The settings of a node with etcd's default timeouts: heartbeats every
    /// 100 ms, elections after 1 to 1.5 s.
    pub fn new(id: NodeId, incarnation: Incarnation) -> Config {
        Config {
            id,
            incarnation,
            election_timeout: Duration::from_millis(1000),
            heartbeat_interval: Duration::from_millis(100),
            pre_vote: true,
            limits: Limits::default(),
            #[cfg(feature = "planted-bugs")]
            planted: None,
            #[cfg(feature = "planted-bugs")]
            fetches_durable: false,
        }
    }

    /// Whether what is durable is read from disk for peers, though it is in memory too.
    #[cfg(feature = "planted-bugs")]
    pub(crate) fn fetches_durable(&self) -> bool {
        self.fetches_durable || self.planted == Some(crate::Bug::FetchUnchecked)
    }

    /// Whether what is durable is read from disk for peers, though it is in memory too.
    #[cfg(not(feature = "planted-bugs"))]
    pub(crate) fn fetches_durable(&self) -> bool {
        false
    }

    /// Says what is wrong with the settings, if anything is.
    pub fn validate(&self) -> Result<(), InvalidConfig> {
        if self.id == NodeId(0) {
            return Err(InvalidConfig("id must not be 0"));
        }
        if self.heartbeat_interval.is_zero() {
            return Err(InvalidConfig("heartbeat_interval must not be 0"));
        }
        if self.heartbeat_interval > self.election_timeout / 2 {
            return Err(InvalidConfig("election_timeout must be two heartbeat intervals at least"));
        }
        if self.election_timeout > Duration::from_secs(50) {
            return Err(InvalidConfig("election_timeout must be 50 s at most"));
        }
        let limits = &self.limits;
        let positive = [
            (limits.message_entries, "message_entries must not be 0"),
            (limits.message_bytes, "message_bytes must not be 0"),
            (limits.inflight_messages, "inflight_messages must not be 0"),
            (limits.inflight_bytes, "inflight_bytes must not be 0"),
            (limits.uncommitted_bytes, "uncommitted_bytes must not be 0"),
            (limits.unapplied_bytes, "unapplied_bytes must not be 0"),
            (limits.waiting_reads, "waiting_reads must not be 0"),
            (limits.snapshot_entries, "snapshot_entries must not be 0"),
            (limits.snapshot_bytes, "snapshot_bytes must not be 0"),
        ];
        match positive.iter().find(|(value, _)| *value == 0) {
            Some((_, why)) => Err(InvalidConfig(why)),
            None => Ok(()),
        }
    }
}

/// A setting that cannot work; says which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidConfig(pub &'static str);

impl fmt::Display for InvalidConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid configuration: {}", self.0)
    }
}

impl std::error::Error for InvalidConfig {}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(change: impl Fn(&mut Config)) -> Result<(), InvalidConfig> {
        let mut config = Config::new(NodeId(1), Incarnation(1));
        change(&mut config);
        config.validate()
    }

    fn with(timeout: Duration, heartbeat: Duration) -> Result<(), InvalidConfig> {
        check(|config| {
            (config.election_timeout, config.heartbeat_interval) = (timeout, heartbeat);
        })
    }

    #[test]
    fn the_default_settings_work() {
        assert_eq!(check(|_| ()), Ok(()));
    }

    #[test]
    fn an_election_timeout_is_two_heartbeats_at_least() {
        let short = Err(InvalidConfig("election_timeout must be two heartbeat intervals at least"));
        let nanos = Duration::from_nanos;
        assert_eq!(with(nanos(200), nanos(100)), Ok(()));
        assert_eq!(with(nanos(199), nanos(100)), short);
        assert_eq!(with(nanos(201), nanos(101)), short);
        assert_eq!(with(nanos(200), Duration::MAX), short);
    }

    #[test]
    fn what_is_nothing_or_without_bound_is_refused() {
        let none = Err(InvalidConfig("heartbeat_interval must not be 0"));
        assert_eq!(with(Duration::from_secs(1), Duration::ZERO), none);
        let long = Err(InvalidConfig("election_timeout must be 50 s at most"));
        assert_eq!(with(Duration::MAX, Duration::from_secs(1)), long);
        let nobody = Err(InvalidConfig("id must not be 0"));
        assert_eq!(check(|config| config.id = NodeId(0)), nobody);
        let nothing = Err(InvalidConfig("message_bytes must not be 0"));
        assert_eq!(check(|config| config.limits.message_bytes = 0), nothing);
    }
}
