//! Storage for Raft: what a node keeps on its disks, as small traits, with
//! adapters and a public conformance suite.
//!
//! | trait | keeps | adapters |
//! |---|---|---|
//! | [`LogStore`] | the log and the ballot | [`memory`], [`segments`], `rocksdb::log` |
//! | [`SnapshotStore`] | snapshots, own and received | [`snapshots`] |
//! | [`StateStore`] | ordered keys for a state machine | [`memory`], `rocksdb` |
//! | [`StateMachine`] | what is replicated | the user's own; `kv-statemachine` |
//!
//! Segments and snapshots stand on the small [`files`] trait, whose simulated
//! version forgets what was not synced. The module `rocksdb` comes with the
//! feature of that name, which is on by default and compiles for minutes.
//! Whoever writes an adapter runs the [`conformance`] suite on it.

pub mod conformance;
mod encoding;
mod error;
pub mod files;
mod folder;
mod log_store;
pub mod memory;
#[cfg(feature = "planted-bugs")]
mod planted;
mod random;
#[cfg(feature = "rocksdb")]
pub mod rocksdb;
pub mod segments;
mod snapshot_store;
pub mod snapshots;
mod state_machine;
mod state_store;

pub use error::StorageError;
pub use folder::FolderId;
pub use log_store::{LogReader, LogStore, LogWrite, RecoveredLog};
#[cfg(feature = "planted-bugs")]
pub use planted::Bug;
pub use snapshot_store::{Chunk, ChunkSink, SnapshotSink, SnapshotSource, SnapshotStore};
pub use state_machine::{SnapshotJob, StateMachine, advance};
pub use state_store::{Checkpoint, Mutation, Order, Scan, Space, StateStore, StateView};
