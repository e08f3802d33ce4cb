//! The log on plain files.
//!
//! The log is a row of segments, files of a fixed length whose space is taken in
//! advance. A group of writes is one frame and one sync; the next frame is
//! written only when the one before it is durable.
//!
//! ```text
//!   identity   lock   committed
//!   0000000000000001-6b1f….log   [header][frame 1][frame 2]…[frame 812]
//!   000000000000032d-90c4….log   [header][frame 813][frame 814][marker]000000
//! ```
//!
//! **What a start may forget.** A frame that is not whole is cut off if it is
//! the last one and nothing shows that it was synced: no frame, no marker, no
//! segment behind it. All else is damage and refused, naming the file, the byte
//! and the entry at stake. When there is nothing to write, [`LogStore::idle`]
//! puts a marker behind the last frame, unsynced: from then on damage to that
//! frame too is told from a write that never ended. The next frame is written
//! over the marker. (Without a marker, in the moment after a sync, a last frame
//! that goes bad on the disk cannot be told from one that was never synced.)
//!
//! **What makes this hold.** Frames begin at sectors of their own, so one bad
//! sector never takes a frame and its proof. Frames are chained by number and
//! checksum. Segment ids are random, so no payload can pose as a frame. Space is
//! never used again: behind the end there are zeros, and a start that cut
//! something off writes zeros there before the first append.
//!
//! **How space is freed.** A segment's header restates the ballot and the base,
//! so a segment is removed as soon as no entry in it is part of the log; oldest
//! first, each removal synced before the next. The file system gets the space back
//! bit by bit ([`Files::retire`]): much at once would hold up the syncs of the log.
//!
//! After any error of a write the store takes no other. The format is pinned by
//! golden bytes and described in `docs/storage-format.md`.
//!
//! [`Files::retire`]: crate::files::Files::retire
//! [`LogStore::idle`]: crate::LogStore::idle

mod committed;
mod create;
mod frame;
mod group;
mod index;
mod ops;
mod reader;
mod recovery;
mod replay;
mod scan;
mod segment;
mod store;
#[cfg(test)]
mod tests;
mod window;

pub use store::{SegmentLog, SegmentsConfig};
