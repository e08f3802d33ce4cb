//! The folder that holds all that a node keeps.
//!
//! ```text
//!   data_dir/
//!     log/         the log and the ballot, in segments
//!     snapshots/   complete snapshots, own and received
//!     state/       the store, on RocksDB
//! ```
//!
//! The file `ballast` beside them keeps room; see [`space`](super::space). The log's
//! folder says whose it is and is made first; see [`FolderId`]. Without
//! RocksDB the state lives in memory: a start begins with the newest snapshot and
//! applies the log from there.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use raft_core::{NodeId, SnapshotMeta};
use raft_storage::files::{OsFiles, Room};
use raft_storage::segments::{SegmentLog, SegmentsConfig};
use raft_storage::snapshots::FileSnapshots;
use raft_storage::{FolderId, LogStore, SnapshotStore, StateStore, StorageError};

/// What is taken at once is a part of the file system: a third of what is kept free.
const PARTS: u64 = 64;
/// What is taken at once on the smallest one, in bytes.
const LEAST_AT_ONCE: u64 = 1024 * 1024;

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

/// All folders that may lie on file systems of their own.
pub fn all(data_dir: &Path) -> Vec<PathBuf> {
    let mut folders = vec![data_dir.to_owned(), data_dir.join(LOG), data_dir.join(SNAPSHOTS)];
    #[cfg(feature = "rocksdb")]
    folders.push(data_dir.join(STATE));
    folders
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
    let mut config = SegmentsConfig::new(owner.node, owner.cluster, seed, bootstrap);
    config.segment_bytes = at_once(&data_dir.join(LOG), config.segment_bytes);
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
    let folder = data_dir.join(STATE);
    let buffer = config.options.write_buffer_bytes as u64;
    // The data folder is there, the state's may not be yet.
    config.options.write_buffer_bytes = at_once(data_dir, buffer) as usize;
    // A write looks up what it replaces, and so does a read of one key.
    config.options.filtered_spaces = vec!["latest".to_owned()];
    Ok(Arc::new(RocksState::open(&folder, spaces, config)?))
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

/// How much is taken at once on the file system of a folder, where `bytes` would be on a
/// large one: so little of a small one that what is kept free can hold it.
fn at_once(folder: &Path, bytes: u64) -> u64 {
    match Room::at(folder) {
        Ok(room) => bytes.min((room.total_bytes / PARTS).max(LEAST_AT_ONCE)),
        // It is found by whoever writes.
        Err(_) => bytes,
    }
}

fn files(folder: &Path) -> Result<OsFiles, StorageError> {
    OsFiles::new(folder)
        .map_err(|error| StorageError::io("create", folder.display().to_string(), error))
}
