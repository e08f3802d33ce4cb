//! What one seed stands for: the cluster's size, its settings, its network.

use std::time::Duration;

use balsa::driver::{DriverConfig, DriverLimits};
use raft_core::{Config, Incarnation, Limits, Member, Membership, NodeId, Time};

use crate::network::Profile;
use crate::node::Clock;
use crate::options::{self, Options};
use crate::rng::Rng;
use crate::workload::Mix;

/// All clients together ask so often in a second at least …
const LEAST_OPERATIONS: u64 = 51;
/// … and at most.
const MOST_OPERATIONS: u64 = 60;

/// The worst clock gains or loses so many parts of a million: 5 %.
const MOST_DRIFT_PPM: u64 = 50_000;

/// The setting of one run.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The voters that the cluster starts with.
    pub nodes: Vec<NodeId>,
    /// The members without a vote that it starts with.
    learners: Vec<NodeId>,
    /// How well the network serves while faults happen.
    pub network: Profile,
    /// How many clients there are.
    pub clients: u64,
    /// What they ask for.
    pub mix: Mix,
    /// A client asks again after so long at most, in microseconds.
    pub think_us: u64,
    /// Faults happen for so long, in microseconds.
    pub chaos_us: u64,
    /// A client is told within so many microseconds.
    pub deadline_us: u64,
    /// A sync of a disk takes at most this, in microseconds.
    pub sync_us: u64,
    /// A node's clock gains or loses so many parts of a million at most.
    most_drift_ppm: u64,
    election_timeout: Duration,
    heartbeat_interval: Duration,
    /// Whether candidates ask beforehand.
    pub pre_vote: bool,
    limits: Limits,
    driver_limits: DriverLimits,
}

impl Setup {
    /// Draws the setting of a run.
    pub fn draw(rng: &mut Rng, options: &Options) -> Setup {
        let drawn_size = match rng.below(20) {
            0 => 1,
            1 => 2,
            2..=8 => 3,
            9..=11 => 4,
            12..=15 => 5,
            16..=17 => 6,
            _ => 7,
        };
        let heartbeat_ms = rng.between(15, 100);
        let election_ms = heartbeat_ms * rng.between(4, 12);
        let least = options.least_limits;
        let limits = if least { options::least_limits() } else { limits(rng) };
        let driver_limits = if least { options::least_driver_limits() } else { driver_limits(rng) };
        let clients = rng.between(3, 10);
        let operations = rng.between(LEAST_OPERATIONS, MOST_OPERATIONS);
        let drawn_chaos_us = rng.between(6_000_000, 30_000_000);
        let chaos_us = |chaos: Duration| u64::try_from(chaos.as_micros()).unwrap_or(u64::MAX);
        let voters = options.nodes.unwrap_or(drawn_size);
        let learners = if rng.one_in(4) { rng.between(1, 2) } else { 0 };
        Setup {
            nodes: (1..=voters).map(NodeId).collect(),
            learners: (voters + 1..=voters + learners).map(NodeId).collect(),
            network: Profile::draw(rng),
            clients: options.clients.unwrap_or(clients),
            mix: Mix { keys: rng.between(3, 24), long_values: rng.between(3, 20) },
            think_us: 2 * clients * 1_000_000 / operations,
            chaos_us: options.chaos.map_or(drawn_chaos_us, chaos_us),
            deadline_us: rng.between(300_000, 5_000_000),
            sync_us: rng.between(200, 12_000),
            most_drift_ppm: if rng.one_in(2) { 0 } else { rng.between(100, MOST_DRIFT_PPM) },
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

    /// The membership that the cluster starts with.
    pub fn membership(&self) -> Membership {
        let mut membership = Membership::of_voters(self.nodes.iter().copied());
        let learners = self.learners.iter().map(|id| (*id, Member::default()));
        membership.members.extend(learners);
        membership
    }

    /// A node's clock when it is put up: nobody's agrees with anybody else's.
    pub fn clock(&self, now: Time, rng: &mut Rng) -> Clock {
        let drift_ppm = rng.between(0, 2 * self.most_drift_ppm) as i64;
        Clock::new(now, Time(rng.below(1 << 40)), drift_ppm - self.most_drift_ppm as i64)
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
        snapshot_entries: wide(rng, 3, 1_000),
        snapshot_bytes: wide(rng, 500, 1_000_000),
        trailing_entries: rng.between(0, 40),
        snapshot_tail_entries: rng.between(0, 100),
    }
}

/// A number between two, in whose order of magnitude each has its share: what is
/// small and what is large are both met, and neither all the time.
fn wide(rng: &mut Rng, low: u64, high: u64) -> u64 {
    let mut top = low;
    let mut steps = 0;
    while top < high {
        top *= 2;
        steps += 1;
    }
    let upto = (low << rng.between(1, steps)).min(high);
    rng.between(low, upto)
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
