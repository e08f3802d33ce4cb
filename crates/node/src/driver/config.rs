//! A driver's settings, and every bound of it in one place.

use std::time::Duration;

use bytes::Bytes;
use raft_core::Config;
use raft_net::ForwardId;

/// The settings of a driver. They hold for one life of the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DriverConfig {
    /// Those of the protocol; node and incarnation among them.
    pub raft: Config,
    /// The random id of this node's data folder, to be recorded in the membership
    /// (rule 13); `None` where there is nothing that could be wiped.
    pub storage_id: Option<u64>,
    /// Bounds.
    pub limits: DriverLimits,
    /// A bug to commit on purpose.
    #[cfg(feature = "planted-bugs")]
    pub planted: Option<super::Bug>,
}

impl DriverConfig {
    /// The protocol's settings with default bounds.
    pub fn new(raft: Config) -> DriverConfig {
        DriverConfig {
            raft,
            storage_id: None,
            limits: DriverLimits::default(),
            #[cfg(feature = "planted-bugs")]
            planted: None,
        }
    }
}

/// Every bound of the driver. What travels between the workers needs none: it is
/// bounded by these and by the credits of [`raft_core::Limits`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DriverLimits {
    /// Requests of clients that wait for an answer.
    pub admitted_requests: u64,
    /// Bytes of their commands; one request is always let in.
    pub admitted_bytes: u64,
    /// Bytes in one chunk of a snapshot, at least 1.
    pub snapshot_chunk_bytes: usize,
    /// Chunks on their way to one receiver, at least 1.
    pub snapshot_window: usize,
    /// After a stream of a snapshot broke, how long until the receiver is asked where it
    /// is; it is asked again as often as that while it cannot be reached.
    pub snapshot_retry: Duration,
    /// A receiver that reports no progress for this long is asked where it is.
    pub snapshot_stall: Duration,
    /// How often it is asked in a row before the transfer is given up.
    pub snapshot_stalls: u32,
    /// Bytes read at once from the log at a start.
    pub recovery_read_bytes: u64,
    /// When entries of this many bytes were written to the log since the state was
    /// last made durable, it is made durable: a start applies little more than
    /// that again, and a purge need not wait for it.
    pub unflushed_bytes: u64,
}

impl Default for DriverLimits {
    fn default() -> DriverLimits {
        DriverLimits {
            admitted_requests: 10_000,
            admitted_bytes: 32 << 20,
            snapshot_chunk_bytes: 1 << 20,
            snapshot_window: 8,
            snapshot_retry: Duration::from_millis(200),
            snapshot_stall: Duration::from_secs(5),
            snapshot_stalls: 5,
            recovery_read_bytes: 4 << 20,
            unflushed_bytes: 256 << 20,
        }
    }
}

/// How commands carry the id under which a forwarded write is known (rule 11).
/// The driver does not know what a command looks like; its state machine does.
pub struct RequestIds<R> {
    /// Puts the id into a command's payload; its format stays the same.
    pub attach: fn(Bytes, ForwardId) -> Bytes,
    /// The id that the command carried, told by the reply that applying it gave.
    pub of_reply: fn(&R) -> Option<ForwardId>,
}

impl<R> Clone for RequestIds<R> {
    fn clone(&self) -> RequestIds<R> {
        *self
    }
}

impl<R> Copy for RequestIds<R> {}
