//! What those who keep logs and counters are told.

use std::time::Duration;

use crate::driver::Worker;
use crate::driver::queues::Notice;

/// Hears what happens in a replica. It is called on the workers' threads, and on
/// those of clients and of the transport, whoever gives the worker its turn: so it must
/// neither block nor ask the replica for anything but its status. All of its methods do
/// nothing by default.
pub trait Observer: Send + Sync {
    /// Something that operators want to know.
    fn notice(&self, notice: &Notice) {
        let _ = notice;
    }

    /// A worker had a turn with something to do in it.
    fn turn(&self, worker: Worker, took: Duration) {
        let _ = (worker, took);
    }
}

/// Listens to nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unobserved;

impl Observer for Unobserved {}
