//! A deterministic simulator of whole clusters.
//!
//! It runs the real code: the protocol's core, the driver's turns, the log on
//! files, the snapshots, the key-value store, the codec of what goes between
//! nodes. Made up are the time, the network, the disks, the clients and all that
//! goes wrong, and they come from one seed: the same seed is the same history, to
//! the last byte, on every machine.
//!
//! ```text
//!   seed ─▶ world ── turns, frames, faults ──▶ nodes (driver, log, store)
//!             │                                   │
//!             │◀── what their disks hold, what they sent, what clients were told
//!             ▼
//!           checks ── first property that does not hold ──▶ the seed fails
//! ```
//!
//! | module | holds |
//! |---|---|
//! | [`world`] | the loop, and everything in it |
//! | [`node`] | a process and its disks |
//! | [`network`], [`faults`], [`workload`] | what is drawn |
//! | [`checks`] | the properties, one a file |
//! | [`rng`], [`queue`], [`trace`], [`counts`] | what the above stand on |
//! | [`runner`], [`report`], [`shrink`], [`mod@bench`], [`cli`] | many seeds, and what came of them |
//!
//! `sim run` runs seeds, `sim replay SEED` prints one from beginning to end, and
//! `sim shrink SEED` makes one that fails small enough to be read.

pub mod bench;
pub mod checks;
pub mod cli;
pub mod counts;
pub mod explore;
pub mod faults;
pub mod linearizability;
#[cfg(feature = "planted-bugs")]
pub mod mutation;
pub mod network;
pub mod node;
pub mod numbers;
pub mod options;
pub mod panics;
pub mod queue;
pub mod report;
pub mod rng;
pub mod runner;
pub mod shrink;
pub mod trace;
pub mod workload;
pub mod world;
