//! The folder that holds all that a node keeps.
//!
//! ```text
//!   data_dir/
//!     log/         the log and the ballot, in segments
//!     snapshots/   complete snapshots, own and received
//!     state/       the store, on RocksDB
//! ```
//!
//! The log's folder says whose it is and is made first; see [`FolderId`]. Without
//! RocksDB the state lives in memory: a start begins with the newest snapshot and
//! applies the log from there.

use std::path::Path;
use std::sync::Arc;

use raft_core::{NodeId, SnapshotMeta};
use raft_storage::files::OsFiles;
use raft_storage::segments::{SegmentLog, SegmentsConfig};
use raft_storage::snapshots::FileSnapshots;
use raft_storage::{FolderId, LogStore, SnapshotStore, StateStore, StorageError};

const LOG: &str = "log";
const SNAPSHOTS: &str = "snapshots";
#[cfg(feature = "rocksdb")]
const STATE: &str = "state";

/// What a data folder was found to be, before anything in it is opened or made.
pub fn look(data_dir: &Path) -> Result<Option<FolderId>, StorageError> {
    let log = data_dir.join(LOG);
    match log.try_exists() {
        Ok(true) => FolderId::read(&files(&log)?),
        Ok(false) => Ok(None),
        Err(error) => Err(StorageError::io("look into", log.display().to_string(), error)),
    }
}

/// Whose folder it is to be.
pub struct Owner {
    /// The node.
    pub node: NodeId,
    /// Its cluster.
    pub cluster: u64,
    /// What a new log and a new state begin with.
    pub bootstrap: SnapshotMeta,
}

/// Opens the log in a data folder, or makes it there. With it comes the random id
/// of the folder.
pub fn open_log(
    data_dir: &Path,
    owner: &Owner,
    seed: u64,
) -> Result<(Box<dyn LogStore>, u64), StorageError> {
    let files = Arc::new(files(&data_dir.join(LOG))?);
    let bootstrap = owner.bootstrap.clone();
    let config = SegmentsConfig::new(owner.node, owner.cluster, seed, bootstrap);
    let log = SegmentLog::open(files, config)?;
    let storage = log.storage_id();
    Ok((Box::new(log), storage))
}

/// Opens the snapshots in a data folder.
pub fn open_snapshots(data_dir: &Path) -> Result<Arc<dyn SnapshotStore>, StorageError> {
    let files = Arc::new(files(&data_dir.join(SNAPSHOTS))?);
    Ok(Arc::new(FileSnapshots::open(files)?))
}

/// Opens the state in a data folder, or makes it there.
#[cfg(feature = "rocksdb")]
pub fn open_state(
    data_dir: &Path,
    owner: &Owner,
    seed: u64,
    spaces: &[&str],
) -> Result<Arc<dyn StateStore>, StorageError> {
    use raft_storage::rocksdb::{RocksConfig, RocksState};
    let mut config = RocksConfig::new(owner.node, owner.cluster, seed);
    // A write looks up what it replaces, and so does a read of one key.
    config.options.filtered_spaces = vec!["latest".to_owned()];
    Ok(Arc::new(RocksState::open(&data_dir.join(STATE), spaces, config)?))
}

/// A state in memory, as of the newest snapshot.
pub fn state_in_memory(
    spaces: &[&str],
    snapshots: &dyn SnapshotStore,
) -> Result<Arc<dyn StateStore>, StorageError> {
    use raft_storage::memory::{MemoryDisk, MemoryState};
    let state = MemoryState::open(&MemoryDisk::new(), spaces)?;
    if snapshots.newest().is_some() {
        state.install(snapshots.open_newest()?.as_mut())?;
        // The log goes on behind the snapshot: it is not to be reset.
        state.finish_install()?;
    }
    Ok(Arc::new(state))
}

fn files(folder: &Path) -> Result<OsFiles, StorageError> {
    OsFiles::new(folder)
        .map_err(|error| StorageError::io("create", folder.display().to_string(), error))
}
