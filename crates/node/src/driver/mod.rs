//! Where the protocol's effects meet disks and waiting clients.
//!
//! The driver is four workers. Each is a struct with a method `turn`, which takes
//! what lies in its inbox, does its part, and says what goes to the others and what
//! goes out. There are no threads here, no clock and no sockets: a node gives the
//! turns to threads, a test gives them in any order it likes, and a crash may come
//! between any two.
//!
//! ```text
//!   clients, peers, clock ─▶ ┌──────┐ ─ frames, answers ─▶
//!                            │ Raft │
//!          completions  ┌──▶ └──────┘ ──┐  what the core permits
//!             ┌─────────┼───────┬───────┼──────────┐
//!             │     ┌───┴─┐ ┌───┴───┐ ┌─┴─────┐    │
//!             └─────│ Log │ │ Apply │ │ Fetch │◀───┘
//!                   └─────┘ └───────┘ └───────┘
//!                   writes   answers   old entries, snapshots
//! ```
//!
//! | module | holds |
//! |---|---|
//! | [`raft_worker`] | the core, and who waits for it |
//! | [`log_worker`] | the log store: one group, one sync a turn |
//! | [`apply_worker`] | the state machine, and who waits for an entry |
//! | [`fetch_worker`] | reads for slow peers, snapshots and their transfers |
//! | [`queues`] | what lies between them |
//! | [`request`] | what clients ask, and what they are answered |
//! | [`admission`] | who is let in: the only place with a bound that refuses |
//! | [`recovery`] | opening a node from what its disks hold |
//!
//! [`Driver`] holds all of it in one hand.

pub mod admission;
pub mod apply_worker;
mod config;
mod error;
pub mod fetch_worker;
pub mod log_worker;
mod planted;
pub mod queues;
pub mod raft_worker;
pub mod recovery;
pub mod request;
mod single;

pub use config::{DriverConfig, DriverLimits, RequestIds};
pub use error::{Fatal, OpenError};
#[cfg(feature = "planted-bugs")]
pub use planted::Bug;
pub use single::{Driver, Found, Outgoing, Worker, Workers};
