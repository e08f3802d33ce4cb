//! How long things take on a node: each turn of a worker comes a little after it
//! could, and nobody can count on which of two comes first.

use crate::node::Worker;
use crate::rng::Rng;

/// Draws how long the workers of a node take to get to their turns.
#[derive(Debug)]
pub struct Pace {
    rng: Rng,
    /// A sync of the disk takes at most this, in microseconds.
    sync_us: u64,
}

impl Pace {
    /// The pace of a node on whose disk a sync takes at most so long.
    pub fn new(rng: Rng, sync_us: u64) -> Pace {
        Pace { rng, sync_us }
    }

    /// How long until a worker that has work takes its turn, in microseconds.
    pub fn turn_us(&mut self, worker: Worker, slow_disk: bool) -> u64 {
        match worker {
            Worker::Raft => self.rng.between(2, 60),
            // Some groups wait for the disk, others are under way at once: `lasting_us`.
            Worker::Log if self.rng.one_in(2) => self.rng.between(2, 60),
            Worker::Log if slow_disk => self.rng.between(20_000, 700_000),
            Worker::Log => self.rng.between(50, self.sync_us),
            Worker::Apply => self.rng.between(5, 2_000),
            Worker::Fetch if slow_disk => self.rng.between(1_000, 100_000),
            Worker::Fetch => self.rng.between(20, 4_000),
        }
    }

    /// How long a turn lasts once it is begun, in microseconds: how long the others go on
    /// without knowing what has been done already. What is read from a disk that is slow
    /// to read for another `slow_reads_us` is there when that is over.
    pub fn lasting_us(&mut self, worker: Worker, slow_disk: bool, slow_reads_us: u64) -> u64 {
        match worker {
            Worker::Raft | Worker::Apply => 0,
            Worker::Fetch if slow_reads_us > 0 => slow_reads_us + self.rng.below(20_000),
            Worker::Log | Worker::Fetch if self.rng.one_in(2) => 0,
            Worker::Log if slow_disk => self.rng.between(20_000, 700_000),
            Worker::Log => self.rng.between(50, self.sync_us),
            Worker::Fetch if slow_disk => self.rng.between(1_000, 100_000),
            Worker::Fetch => self.rng.between(20, 4_000),
        }
    }

    /// How long nothing is written before the log store hears of it, in
    /// microseconds.
    pub fn idle_us(&mut self) -> u64 {
        self.rng.between(500, 30_000)
    }
}
