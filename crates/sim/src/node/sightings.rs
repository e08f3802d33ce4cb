//! What is seen at a node's disks and state machine while it works.

use std::sync::{Arc, Mutex, PoisonError};

use kv_statemachine::StateHash;
use raft_core::{Entry, Index, NodeId, SnapshotMeta};
use raft_storage::LogWrite;

use crate::checks::Fact;

/// One thing seen.
#[derive(Clone, Debug)]
pub enum Sighting {
    /// A group of writes was given to the log store.
    Writing(Arc<[LogWrite]>),
    /// The group given last is on stable storage.
    Synced(Arc<[LogWrite]>),
    /// The start of the log is about to be purged.
    Purging {
        /// The last entry to go.
        upto: Index,
        /// What the durable state has applied.
        durable: Index,
        /// What the newest complete snapshot covers.
        snapshot: Index,
    },
    /// Entries were given to the state machine.
    Applying(Vec<Entry>),
    /// The state was replaced by a snapshot.
    Installed(SnapshotMeta),
    /// A snapshot of the own state is complete.
    SnapshotTaken,
    /// The state after an index has this hash.
    Hashed(Index, StateHash),
}

impl Sighting {
    /// What it tells the checks.
    pub fn fact(&self, node: NodeId) -> Option<Fact<'_>> {
        Some(match self {
            Sighting::Writing(group) => Fact::Writing { node, group },
            Sighting::Synced(group) => Fact::Synced { node, group },
            Sighting::Purging { upto, durable, snapshot } => {
                Fact::Purging { node, upto: *upto, durable: *durable, snapshot: *snapshot }
            }
            Sighting::Applying(entries) => Fact::Applying { node, entries },
            Sighting::Installed(meta) => Fact::Installed { node, meta },
            Sighting::Hashed(index, hash) => Fact::Hashed { node, index: *index, hash: *hash },
            Sighting::SnapshotTaken => return None,
        })
    }
}

/// Where the watchers of one process put what they see, and the world finds it.
#[derive(Clone, Debug, Default)]
pub struct Sightings {
    list: Arc<Mutex<Vec<Sighting>>>,
}

impl Sightings {
    /// Puts one in.
    pub fn put(&self, sighting: Sighting) {
        self.list.lock().unwrap_or_else(PoisonError::into_inner).push(sighting);
    }

    /// Takes all out, in order.
    pub fn take(&self) -> Vec<Sighting> {
        std::mem::take(&mut *self.list.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
