//! The leader's log becomes everybody's (Raft paper, section 5.3).
//!
//! The leader keeps a [`Progress`] for each peer and sends ahead of the answers
//! ([`send`]); the follower takes in what continues its log ([`receive`]); the
//! answers move the progress ([`answers`]). Peers that are far behind are fed from
//! the disk ([`fetch`]), or get a snapshot.

mod answers;
mod fetch;
mod heartbeat;
mod inflight;
mod progress;
mod receive;
mod send;

pub(crate) use progress::{Feed, Progress};
