//! Random schedules on the cluster of the golden scripts.
//!
//! A seed draws a cluster and what happens to it, one event at a time: messages are
//! lost, repeated and reordered, disks and state machines work when they like,
//! processes end and start, the membership changes ([`schedule`]). The checker looks
//! after every event. Then everything is healed, and the cluster must come to rest
//! with all that was asked answered ([`healed`]).
//!
//! `FUZZ_SEEDS` says how many seeds are run, `FUZZ_FIRST_SEED` which is the first:
//! `FUZZ_SEEDS=10000 cargo test --release -p balsa-raft-core --test scripts fuzz`. A
//! seed that fails is printed with the last events.

mod healed;
mod rng;
mod schedule;

use std::collections::VecDeque;

use raft_core::{Config, Incarnation, Limits, Membership, NodeId, SnapshotMeta, Ticket};

use crate::cluster::{Auto, Cluster, Outcome};
use rng::Rng;

/// Seeds of a run that nobody asked more of.
const SEEDS: u64 = 300;
/// Events of one seed before it is healed.
const EVENTS: u64 = 1_500;
/// Events that are shown of a seed that fails.
const SHOWN: usize = 40;
/// What must be seen in a run of all seeds: a schedule without it would show little.
const SEEN: [&str; 9] = [
    "RoleChanged leader",
    " install ",
    " purge ",
    "Fetch ",
    " read at ",
    " transferred to ",
    "MembershipChanged",
    "outgoing=",
    "Stop: this member was removed",
];

/// One seed's cluster, and what is remembered of it.
struct World {
    seed: u64,
    rng: Rng,
    cluster: Cluster,
    /// Who takes part or may be added.
    ids: Vec<NodeId>,
    /// Requests, where they were made, and in which life of the node.
    asked: Vec<(Ticket, NodeId, u64)>,
    commands: u64,
    /// The last events, and how often each of [`SEEN`] was seen.
    last: VecDeque<String>,
    seen: [usize; SEEN.len()],
}

impl World {
    /// One to five voters and up to two nodes that may join, blank or with the
    /// founders' bootstrap snapshot; limits that are soon reached.
    fn new(seed: u64) -> World {
        let mut rng = Rng(seed);
        let voters = 1 + rng.below(5);
        let all = voters + rng.below(3);
        let founders = SnapshotMeta::bootstrap(Membership::of_voters((1..=voters).map(NodeId)));
        let joiner = if rng.percent(50) { founders.clone() } else { SnapshotMeta::default() };
        let pre_vote = rng.percent(75);
        let limits = Limits {
            message_entries: 1 + rng.below(3),
            inflight_messages: 1 + rng.below(4),
            uncommitted_bytes: 2_000,
            unapplied_bytes: 100,
            cached_entries: rng.below(4),
            snapshot_entries: 3 + rng.below(8),
            trailing_entries: rng.below(4),
            snapshot_tail_entries: rng.below(20),
            ..Limits::default()
        };
        let mut cluster = Cluster::default();
        let ids: Vec<NodeId> = (1..=all).map(NodeId).collect();
        for id in &ids {
            let base = if id.0 <= voters { founders.clone() } else { joiner.clone() };
            let mut config = Config::new(*id, Incarnation(0));
            (config.pre_vote, config.limits) = (pre_vote, limits.clone());
            let auto = Auto { disk: false, apply: false, fetch: false, snapshot: false };
            cluster.add(config, base, auto);
        }
        let (asked, last) = (Vec::new(), VecDeque::new());
        World { seed, rng, cluster, ids, asked, commands: 0, last, seen: [0; SEEN.len()] }
    }

    fn run(&mut self) -> Outcome {
        self.ids.clone().into_iter().try_for_each(|id| self.cluster.boot(id))?;
        for _ in 0..EVENTS {
            self.happen()?;
            self.remember();
        }
        self.come_to_rest()
    }

    /// Takes over what the cluster wrote down.
    fn remember(&mut self) {
        let text = self.cluster.take_output();
        for (count, what) in self.seen.iter_mut().zip(SEEN) {
            *count += text.matches(what).count();
        }
        if !text.is_empty() {
            self.last.push_back(text);
        }
        if self.last.len() > SHOWN {
            self.last.pop_front();
        }
    }
}

impl Drop for World {
    /// A core that panics says nothing of the seed.
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.remember();
            self.last.iter().for_each(|text| eprint!("{text}"));
            eprintln!("seed {}: repeat it with FUZZ_FIRST_SEED={0} FUZZ_SEEDS=1", self.seed);
        }
    }
}

fn number(name: &str, otherwise: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")),
        Err(_) => otherwise,
    }
}

#[test]
fn random_schedules_break_nothing_and_come_to_rest() {
    let first = number("FUZZ_FIRST_SEED", 1);
    let seeds = number("FUZZ_SEEDS", SEEDS);
    let mut seen = [0; SEEN.len()];
    for seed in first..first + seeds {
        let mut world = World::new(seed);
        if let Err(what) = world.run() {
            panic!("{what}");
        }
        seen.iter_mut().zip(world.seen).for_each(|(sum, count)| *sum += count);
    }
    let is_missing = seen.contains(&0);
    let seen: Vec<(&str, usize)> = SEEN.into_iter().zip(seen).collect();
    println!("{seeds} seeds from {first} on: {seen:?}");
    assert!(seeds < SEEDS || !is_missing, "the schedules do too little: {seen:?}");
}
