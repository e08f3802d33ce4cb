//! The log as the core knows it.
//!
//! Three things are kept in step by [`Log`]: the shape of the whole log
//! ([`LogSummary`]), its end in memory ([`cache`]), and the ledger of the writes
//! that are on their way to the disk ([`ledger`]).

mod cache;
mod ledger;
mod replicated;
mod saved;
mod summary;
#[cfg(test)]
mod tests;

pub(crate) use replicated::Log;
pub use saved::{RestoreError, Saved};
pub use summary::{BrokenLog, LogSummary, SnapshotMeta};
