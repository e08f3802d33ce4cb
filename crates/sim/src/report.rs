//! What came of runs.

use std::fmt;
use std::time::Duration;

use raft_core::Time;

use crate::checks::Violation;
use crate::counts::Counts;
use crate::trace::TraceHash;

/// What came of one seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// The hash of everything that happened.
    pub trace: TraceHash,
    /// How many steps that is.
    pub lines: u64,
    /// What was seen.
    pub counts: Counts,
    /// How long it took, in simulated time.
    pub ended: Time,
    /// How long it took after the last fault until the cluster was together again.
    pub recovered: Option<Duration>,
    /// Why it failed, if it did.
    pub failure: Option<Failure>,
}

/// The name of the property that is broken by a cluster that does not come together.
pub const LIVENESS: &str = "liveness";
/// The name of the property that is broken by a node that cannot start.
pub const STARTS_AGAIN: &str = "nodes start again";

/// Why a run failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// A property did not hold.
    Violated(Violation),
    /// All faults were mended, and the cluster did not come together in time.
    Stuck {
        /// What was still missing.
        missing: String,
    },
    /// A node refused to start from disks that had lost nothing but what was
    /// never synced.
    RefusedToStart(String),
    /// A node stopped although nothing was done to it.
    Stopped(String),
    /// More and more was under way: nodes answered each other without end.
    Flooded(String),
    /// A frame that was damaged on its way was taken for sound.
    Accepted(String),
    /// The code panicked: an assertion of its own did not hold.
    Panicked(String),
}

impl Failure {
    /// What the kind of failure is called; for a violated property its name.
    pub fn name(&self) -> &'static str {
        match self {
            Failure::Violated(violation) => violation.invariant,
            Failure::Stuck { .. } => LIVENESS,
            Failure::RefusedToStart(_) => STARTS_AGAIN,
            Failure::Stopped(_) => "nodes stop only when their disks fail",
            Failure::Flooded(_) => "traffic is bounded",
            Failure::Accepted(_) => "damaged frames are refused",
            Failure::Panicked(_) => "no panic",
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Violated(violation) => violation.fmt(f),
            Failure::Stuck { missing: what }
            | Failure::RefusedToStart(what)
            | Failure::Stopped(what)
            | Failure::Flooded(what)
            | Failure::Accepted(what)
            | Failure::Panicked(what) => write!(f, "{}: {what}", self.name()),
        }
    }
}
