//! A replicated service with a state machine and a log storage of its own.
//!
//! | module | is | instead of |
//! |---|---|---|
//! | [`counters`] | a state machine: named counters | the key-value store |
//! | [`file_log`] | a log store: the whole log in one file | segments, or RocksDB |
//! | [`replaced_file`] | what both keep their bytes in | |
//!
//! The program beside this library runs them in a
//! [`Replica`](balsa::replica::Replica); its tests run the conformance suites of
//! `raft_storage` on them, which cut the power at every single operation of the disk.
//! That is the order to work in: write the part, pass the suite, then run it.

pub mod counters;
mod encoding;
pub mod file_log;
pub mod replaced_file;

pub use counters::{Counters, CountersReader};
pub use file_log::FileLog;
pub use replaced_file::ReplacedFile;
