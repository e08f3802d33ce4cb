//! A deterministic simulator of whole clusters.

pub mod checks;
pub mod counts;
pub mod faults;
pub mod network;
pub mod panics;
pub mod queue;
pub mod report;
pub mod rng;
pub mod trace;
pub mod workload;
