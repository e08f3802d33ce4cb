//! What one seed stands for: the cluster's size, its settings, its network.

use std::time::Duration;

use balsa::driver::{DriverConfig, DriverLimits};
use raft_core::{Config, Incarnation, Limits, NodeId};

use crate::network::Profile;
use crate::options::{self, Options};
use crate::rng::Rng;

/// The setting of one run.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The nodes that the cluster starts with.
    pub nodes: Vec<NodeId>,
    /// How well the network serves while faults happen.
    pub network: Profile,
    /// How many clients there are.
    pub clients: u64,
    /// How many keys they write.
    pub keys: u64,
    /// A client waits at most so long before it asks again, in microseconds.
    pub think_us: u64,
    /// Faults happen for so long, in microseconds.
    pub chaos_us: u64,
    /// A client is told within so many microseconds.
    pub deadline_us: u64,
    election_timeout: Duration,
    heartbeat_interval: Duration,
    pre_vote: bool,
    limits: Limits,
    driver_limits: DriverLimits,
}

impl Setup {
    /// Draws the setting of a run.
    pub fn draw(rng: &mut Rng, options: &Options) -> Setup {
        let size = match rng.below(20) {
            0 => 1,
            1 => 2,
            2..=10 => 3,
            11 => 4,
            12..=16 => 5,
            17 => 6,
            _ => 7,
        };
        let heartbeat_ms = rng.between(15, 60);
        let election_ms = heartbeat_ms * rng.between(4, 12);
        let least = options.least_limits;
        let limits = if least { options::least_limits() } else { limits(rng) };
        let driver_limits = if least { options::least_driver_limits() } else { driver_limits(rng) };
        Setup {
            nodes: (1..=size).map(NodeId).collect(),
            network: Profile::draw(rng),
            clients: rng.between(2, 8),
            keys: rng.between(3, 24),
            think_us: rng.between(5_000, 120_000),
            chaos_us: rng.between(6_000_000, 30_000_000),
            deadline_us: rng.between(300_000, 5_000_000),
            election_timeout: Duration::from_millis(election_ms),
            heartbeat_interval: Duration::from_millis(heartbeat_ms),
            pre_vote: !rng.one_in(8),
            limits,
            driver_limits,
        }
    }

    /// A node's settings for one life of its process.
    pub fn config(&self, id: NodeId, incarnation: Incarnation) -> DriverConfig {
        let mut config = Config::new(id, incarnation);
        config.election_timeout = self.election_timeout;
        config.heartbeat_interval = self.heartbeat_interval;
        config.pre_vote = self.pre_vote;
        config.limits = self.limits.clone();
        DriverConfig { limits: self.driver_limits.clone(), ..DriverConfig::new(config) }
    }

    /// A follower campaigns after silence of this long at least.
    pub fn election_timeout(&self) -> Duration {
        self.election_timeout
    }
}

/// Limits small enough to be met in a short run.
fn limits(rng: &mut Rng) -> Limits {
    Limits {
        message_entries: rng.between(1, 32),
        message_bytes: rng.between(1, 4096),
        inflight_messages: rng.between(1, 16),
        inflight_bytes: rng.between(1, 16_384),
        uncommitted_bytes: rng.between(200, 65_536),
        unapplied_bytes: rng.between(1, 8192),
        cached_entries: rng.between(0, 64),
        cached_bytes: rng.between(0, 8192),
        waiting_reads: rng.between(1, 64),
        snapshot_entries: rng.between(3, 80),
        snapshot_bytes: rng.between(500, 100_000),
        trailing_entries: rng.between(0, 40),
        snapshot_tail_entries: rng.between(0, 100),
    }
}

fn driver_limits(rng: &mut Rng) -> DriverLimits {
    DriverLimits {
        admitted_requests: rng.between(1, 64),
        admitted_bytes: rng.between(1, 4096),
        snapshot_chunk_bytes: rng.between(64, 4096) as usize,
        snapshot_window: rng.between(1, 8) as usize,
        snapshot_retry: Duration::from_millis(20),
        snapshot_stall: Duration::from_millis(rng.between(50, 1000)),
        snapshot_stalls: rng.between(1, 4) as u32,
        recovery_read_bytes: rng.between(1, 8192),
        unflushed_bytes: rng.between(1, 100_000),
    }
}
