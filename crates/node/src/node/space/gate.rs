//! What refuses puts at a node's door.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use kv_statemachine::KvError;
use raft_storage::files::Room;
use tokio::sync::Notify;

/// Stands for what is not known, or not bounded.
const UNKNOWN: u64 = u64::MAX;

/// Asked by every put, told by the [`Watch`](super::Watch). It costs two loads.
#[derive(Debug)]
pub struct Gate {
    is_shut: AtomicBool,
    /// How many bytes may be put until the watch looks again.
    left: AtomicU64,
    /// The most that somebody was refused since, because what was left was too little.
    refused: AtomicU64,
    /// How many bytes were free on the disk when the watch last looked.
    free: AtomicU64,
    look: Notify,
}

impl Gate {
    /// Open, until the watch says otherwise.
    pub fn new() -> Gate {
        Gate {
            is_shut: AtomicBool::new(false),
            left: AtomicU64::new(UNKNOWN),
            refused: AtomicU64::new(0),
            free: AtomicU64::new(UNKNOWN),
            look: Notify::new(),
        }
    }

    /// Lets a put of so many bytes pass; 0 of what puts nothing.
    ///
    /// # Errors
    ///
    /// [`KvError::NoSpace`].
    pub fn admit(&self, bytes: u64) -> Result<(), KvError> {
        if bytes == 0 {
            return Ok(());
        }
        if self.is_shut.load(Ordering::Relaxed) {
            return Err(KvError::NoSpace);
        }
        let take = |left: u64| match left {
            UNKNOWN => Some(left),
            left => left.checked_sub(bytes),
        };
        if self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_err() {
            self.refused.fetch_max(bytes, Ordering::Relaxed);
            self.look.notify_one();
            return Err(KvError::NoSpace);
        }
        Ok(())
    }

    /// Says how it stands from now on; `left` as [`u64::MAX`] is without bound.
    pub fn set(&self, is_shut: bool, left: u64, room: Option<Room>) {
        let free = room.map_or(UNKNOWN, |room| room.free_bytes);
        self.free.store(free, Ordering::Relaxed);
        self.left.store(left, Ordering::Relaxed);
        self.is_shut.store(is_shut, Ordering::Relaxed);
    }

    /// How many bytes were free on the disk at the last look, if it told.
    pub fn free_bytes(&self) -> Option<u64> {
        Some(self.free.load(Ordering::Relaxed)).filter(|free| *free != UNKNOWN)
    }

    /// Waits until somebody is refused for whom too little was left.
    pub async fn asked_to_look(&self) {
        self.look.notified().await;
    }

    /// For how many bytes at most, since this was last asked; 0 if nobody was.
    pub fn take_refused(&self) -> u64 {
        self.refused.swap(0, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_counted_down() {
        let gate = Gate::new();
        assert_eq!(gate.admit(u64::MAX), Ok(()), "nothing is bounded yet");
        gate.set(false, 100, None);
        assert_eq!(gate.admit(60), Ok(()));
        assert_eq!(gate.take_refused(), 0);
        assert_eq!(gate.admit(60), Err(KvError::NoSpace));
        assert_eq!((gate.take_refused(), gate.take_refused()), (60, 0));
        assert_eq!(gate.admit(40), Ok(()), "a smaller one fits");
        gate.set(true, 100, Some(Room { free_bytes: 7, total_bytes: 9 }));
        assert_eq!(gate.admit(1), Err(KvError::NoSpace));
        assert_eq!(gate.admit(0), Ok(()), "it puts nothing");
        assert_eq!(gate.take_refused(), 0);
        assert_eq!(gate.free_bytes(), Some(7));
    }
}
