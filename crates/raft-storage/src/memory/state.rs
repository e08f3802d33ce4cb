//! A state store in memory.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::disk::{Durable, MemoryDisk};
use super::dump;
use super::view::Spaces;
use crate::error::StorageError;
use crate::snapshot_store::{SnapshotSink, SnapshotSource};
use crate::state_store::{Checkpoint, Mutation, Space, StateStore, StateView};

/// A [`StateStore`] in memory. Views and checkpoints cost nothing to take.
pub struct MemoryState {
    disk: MemoryDisk,
    names: Arc<Vec<String>>,
    life: u64,
    current: Mutex<Current>,
}

struct Current {
    state: Spaces,
    /// How many commits of this life the state includes.
    commits: u64,
}

impl MemoryState {
    /// Opens what is durable on the disk, with one space per name. Another
    /// store that is open on the disk can write no more.
    ///
    /// # Errors
    ///
    /// [`StorageError::Refused`] if the disk was written with another number of
    /// spaces.
    pub fn open(disk: &MemoryDisk, spaces: &[&str]) -> Result<MemoryState, StorageError> {
        let mut durable = disk.lock();
        let state = durable.state.clone().unwrap_or_else(|| Spaces::empty(spaces.len()));
        if state.count() != spaces.len() {
            return Err(StorageError::Refused {
                folder: "memory".to_owned(),
                why: format!(
                    "it was written with {} spaces, not {}; open it with the same ones",
                    state.count(),
                    spaces.len()
                ),
            });
        }
        durable.life += 1;
        durable.commits = 0;
        let life = durable.life;
        drop(durable);
        let names = Arc::new(spaces.iter().map(|name| (*name).to_owned()).collect());
        let current = Mutex::new(Current { state, commits: 0 });
        Ok(MemoryState { disk: disk.clone(), names, life, current })
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StateStore for MemoryState {
    fn view(&self) -> Arc<dyn StateView> {
        Arc::new(self.current().state.clone())
    }

    fn commit(&self, batch: Vec<Mutation>) -> Result<(), StorageError> {
        let mut current = self.current();
        let mut durable = self.disk.lock();
        check_life(&durable, self.life, "commit")?;
        let count = current.state.count();
        let known = |space: &Space| usize::from(space.0) < count;
        if !batch.iter().all(|mutation| match mutation {
            Mutation::Put(space, ..) | Mutation::Delete(space, _) => known(space),
        }) {
            let source = io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("a mutation names a space beyond the {count} that were opened"),
            );
            return Err(StorageError::io("commit to", "memory", source));
        }
        current.state.perform(batch);
        current.commits += 1;
        if durable.flushes_by_itself() {
            durable.flush_unasked(&current.state, current.commits);
        }
        Ok(())
    }

    fn flush(&self) -> Result<(), StorageError> {
        let current = self.current();
        let mut durable = self.disk.lock();
        check_life(&durable, self.life, "flush")?;
        durable.flush(&current.state, current.commits);
        Ok(())
    }

    fn durable_get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StorageError> {
        let durable = self.disk.lock();
        check_life(&durable, self.life, "read")?;
        Ok(durable.state.as_ref().and_then(|state| state.value(space, key)))
    }

    fn checkpoint(&self) -> Result<Box<dyn Checkpoint>, StorageError> {
        let current = self.current();
        Ok(Box::new(MemoryCheckpoint {
            disk: self.disk.clone(),
            names: self.names.clone(),
            life: self.life,
            state: current.state.clone(),
            commits: current.commits,
        }))
    }

    fn install(&self, snapshot: &mut dyn SnapshotSource) -> Result<(), StorageError> {
        let state = dump::read(&self.names, snapshot)?;
        let mut current = self.current();
        let mut durable = self.disk.lock();
        check_life(&durable, self.life, "install into")?;
        current.state = state;
        current.commits += 1;
        durable.flush(&current.state, current.commits);
        durable.installing = true;
        Ok(())
    }

    fn install_unfinished(&self) -> bool {
        self.disk.lock().installing
    }

    fn finish_install(&self) -> Result<(), StorageError> {
        let mut durable = self.disk.lock();
        check_life(&durable, self.life, "finish an installation in")?;
        durable.installing = false;
        Ok(())
    }

    fn reclaim(&self, _: &mut dyn FnMut(u64) -> bool) -> Result<bool, StorageError> {
        Ok(true)
    }

    fn size_bytes(&self) -> u64 {
        self.current().state.bytes()
    }
}

struct MemoryCheckpoint {
    disk: MemoryDisk,
    names: Arc<Vec<String>>,
    life: u64,
    state: Spaces,
    commits: u64,
}

impl Checkpoint for MemoryCheckpoint {
    fn write(
        self: Box<Self>,
        sink: &mut dyn SnapshotSink,
    ) -> Result<Arc<dyn StateView>, StorageError> {
        dump::write(&self.names, &self.state, sink)?;
        let mut durable = self.disk.lock();
        check_life(&durable, self.life, "write a checkpoint of")?;
        durable.flush(&self.state, self.commits);
        Ok(Arc::new(self.state))
    }
}

/// A store of an earlier life must not change what the next one stands on.
fn check_life(durable: &Durable, life: u64, operation: &'static str) -> Result<(), StorageError> {
    if durable.life == life {
        return Ok(());
    }
    let source = io::Error::other("the process that opened this store has ended");
    Err(StorageError::io(operation, "memory", source))
}
