//! The state on RocksDB. (The log can be there too, see [`log`].)
//!
//! ```text
//!   identity   lock
//!   current               which database is the state, and the mark of an installation
//!   db-0000000000000001/  the database: a column family for each space
//!   pin-0000000000000002/ a checkpoint on its way into a snapshot
//! ```
//!
//! **No write-ahead log.** The Raft log is one: what a crash takes from the state
//! is applied again from there. A commit goes to buffers in memory. They are
//! written out when one of them is full or somebody asks for it, always those of
//! all spaces, at one point between two commits. So what a crash leaves is the
//! state after some commit, whole. What is durable is read from the files with
//! [`StateStore::durable_get`], which looks past the buffers.
//!
//! **Views** are snapshots of RocksDB: cheap, and readable from any thread while
//! commits go on. A view keeps its database open, also one that an installation
//! has replaced; that folder goes with its last view.
//!
//! **Checkpoints** are hard links to the files, moved into the snapshot's folder.
//! How a checkpoint holds the state of one moment while commits go on is told in
//! the module `pin`.
//!
//! **An installation** makes a second database of the snapshot's files aside,
//! opens it, and only then replaces the pointer, by a rename. After a crash either
//! the old database is the state, or the new one with the mark of an installation.
//!
//! Damage is found when the database is opened (files that are missing or have
//! another length) or when a block is read (its checksum); both are
//! [`StorageError::Corrupt`]. After any error of a write the store takes no other.
//!
//! [`StateStore::durable_get`]: crate::StateStore::durable_get
//! [`StorageError::Corrupt`]: crate::StorageError::Corrupt

mod checkpoint;
mod database;
mod error;
mod folder;
mod install;
pub mod log;
mod merge;
mod options;
mod pin;
mod pointer;
mod state;
mod view;

pub use log::{RocksLog, RocksLogConfig};
pub use options::RocksOptions;
pub use state::{RocksConfig, RocksState};
