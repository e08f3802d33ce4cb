//! The state on RocksDB does what every state store must do, and what it alone
//! promises: what is durable, what a checkpoint holds, what damage is found.
#![cfg(feature = "rocksdb")]

use std::sync::Arc;

use raft_core::NodeId;
use raft_storage::conformance::{StateFixture, state_store};
use raft_storage::files::{OsFiles, SimFiles};
use raft_storage::rocksdb::{RocksConfig, RocksState};
use raft_storage::snapshots::FileSnapshots;
use raft_storage::{SnapshotStore, StateStore, StorageError};

/// States in a temporary folder. What was not flushed is gone when a store is
/// dropped: closing it writes nothing.
struct RocksStates {
    folder: tempfile::TempDir,
    /// Whether checkpoints go into real folders or are streamed.
    streamed: bool,
}

impl StateFixture for RocksStates {
    fn open(&mut self, spaces: &[&str]) -> Result<Box<dyn StateStore>, StorageError> {
        Ok(Box::new(RocksState::open(&self.folder.path().join("state"), spaces, small())?))
    }

    fn restart(&mut self) {}

    fn snapshots(&mut self) -> Arc<dyn SnapshotStore> {
        if self.streamed {
            return Arc::new(FileSnapshots::open(Arc::new(SimFiles::new(1))).expect("opens"));
        }
        let files = OsFiles::new(self.folder.path().join("snapshots")).expect("is made");
        Arc::new(FileSnapshots::open(Arc::new(files)).expect("opens"))
    }
}

/// Little memory, so that much happens.
fn small() -> RocksConfig {
    let mut config = RocksConfig::new(NodeId(1), 7, 42);
    config.options.block_cache_bytes = 1024 * 1024;
    config.options.write_buffer_bytes = 64 * 1024;
    config
}

#[test]
fn the_state_conforms_with_links() {
    state_store(&mut |_| Box::new(RocksStates { folder: temporary(), streamed: false }));
}

#[test]
fn the_state_conforms_with_streams() {
    state_store(&mut |_| Box::new(RocksStates { folder: temporary(), streamed: true }));
}

fn temporary() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}
