//! What a [`MemoryState`](super::MemoryState) would have on a disk.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::view::Spaces;
use crate::random::Random;

/// How often a commit is flushed by itself on a disk with a seed: once in so
/// many times.
const FLUSHED_BY_ITSELF: u64 = 8;

/// The durable state of a [`MemoryState`](super::MemoryState). Clones share it;
/// it outlives the stores that are opened on it.
#[derive(Clone, Default)]
pub struct MemoryDisk {
    durable: Arc<Mutex<Durable>>,
}

/// What is on the disk.
#[derive(Default)]
pub(super) struct Durable {
    /// `None` before the first flush.
    pub(super) state: Option<Spaces>,
    /// How many commits of this life the state includes.
    pub(super) commits: u64,
    /// The mark of an installation.
    pub(super) installing: bool,
    /// The life of the process that may write.
    pub(super) life: u64,
    random: Option<Random>,
    #[cfg(feature = "planted-bugs")]
    planted: Option<crate::Bug>,
}

impl MemoryDisk {
    /// An empty disk that makes durable only what is flushed.
    pub fn new() -> MemoryDisk {
        MemoryDisk::default()
    }

    /// An empty disk that, like a real one, now and then makes a commit durable
    /// before anybody asks; when depends on the seed.
    pub fn with_seed(seed: u64) -> MemoryDisk {
        let durable = Durable { random: Some(Random::new(seed)), ..Durable::default() };
        MemoryDisk { durable: Arc::new(Mutex::new(durable)) }
    }

    /// Commits a bug from now on.
    #[cfg(feature = "planted-bugs")]
    pub fn plant(&self, bug: Option<crate::Bug>) {
        self.lock().planted = bug;
    }

    /// Ends the life of the store that is open: it can write no more, and what
    /// it did not flush is gone.
    pub fn restart(&self) {
        self.lock().life += 1;
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Durable> {
        self.durable.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Durable {
    /// Makes a state durable unless a later one is already.
    pub(super) fn flush(&mut self, state: &Spaces, commits: u64) {
        if self.state.is_none() || commits > self.commits {
            self.state = Some(state.clone());
            self.commits = commits;
        }
    }

    /// Makes what was committed durable of the disk's own accord.
    pub(super) fn flush_unasked(&mut self, state: &Spaces, commits: u64) {
        #[cfg(feature = "planted-bugs")]
        if self.planted == Some(crate::Bug::FlushesByParts)
            && let Some(durable) = &mut self.state
        {
            durable.take_first_space_of(state);
            return;
        }
        self.flush(state, commits);
    }

    /// Whether the disk takes this commit by itself.
    pub(super) fn flushes_by_itself(&mut self) -> bool {
        self.random.as_mut().is_some_and(|random| random.one_in(FLUSHED_BY_ITSELF))
    }
}
