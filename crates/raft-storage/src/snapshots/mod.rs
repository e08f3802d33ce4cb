//! Snapshots in folders.
//!
//! ```text
//!   own-0000000000000007/       a complete snapshot of one's own
//!     state  000012.sst  …      its files
//!     balsa-manifest            what it covers; name, length and checksum of each file
//!   in-2-5f0c…-3/               one that came in whole from node 2
//!   new-000000000000000c/       one in the making
//!   old-0000000000000005/       one that is being removed
//! ```
//!
//! A snapshot counts once its folder has its last name: its files are synced,
//! then the manifest is written and synced, then the folder, then the folder is
//! renamed and the rename made durable. At a start, everything that has another
//! name than `own-…` is removed, and so are own ones beyond the two newest.
//!
//! While a [`SnapshotSource`] is open its snapshot is not removed, whatever
//! follows it.
//!
//! [`SnapshotSource`]: crate::SnapshotSource

mod build;
mod create;
mod manifest;
mod receive;
mod registry;
mod source;
mod store;

pub use store::FileSnapshots;
