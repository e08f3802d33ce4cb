//! The log on RocksDB does what every log store must do.
#![cfg(feature = "rocksdb")]

use raft_core::{NodeId, SnapshotMeta};
use raft_storage::conformance::{LogFixture, log_store};
use raft_storage::rocksdb::{RocksLog, RocksLogConfig};
use raft_storage::{LogStore, StorageError};

struct RocksLogs {
    folder: tempfile::TempDir,
}

impl LogFixture for RocksLogs {
    fn open(&mut self, bootstrap: &SnapshotMeta) -> Result<Box<dyn LogStore>, StorageError> {
        let mut config = RocksLogConfig::new(NodeId(1), 7, 42, bootstrap.clone());
        // Little memory, so that files are made often.
        config.write_buffer_bytes = 64 * 1024;
        Ok(Box::new(RocksLog::open(self.folder.path(), config)?))
    }

    fn crash_after(&mut self, _operations: u64) -> bool {
        false
    }

    fn fail_after(&mut self, _operations: u64) -> bool {
        false
    }

    fn restart(&mut self) {}
}

#[test]
fn the_log_conforms() {
    log_store(&mut |_| {
        Box::new(RocksLogs { folder: tempfile::tempdir().expect("a temporary folder") })
    });
}
