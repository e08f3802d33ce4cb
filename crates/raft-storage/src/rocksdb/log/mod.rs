//! The log on RocksDB. Not the default: [`segments`](crate::segments) knows more
//! about what may be missing, and is faster.
//!
//! ```text
//!   identity   lock
//!   db/        a database of its own with one column family
//!   durable    the number of the last group, written when there is nothing to do
//! ```
//!
//! A group of writes is one batch with a synced write-ahead log. Three kinds of
//! rows (their layout is in `rows`):
//!
//! ```text
//!   e index   an entry, the number of its group, a checksum
//!   g number  a group: its checksum, and that of the group before
//!   h         the head: number and checksum of the last group, ballot, base, end
//! ```
//!
//! A group's checksum covers the one before, the head and the entries' checksums,
//! so groups form a chain. Opened, the log must be what its head says: all groups
//! from the one of the first entry on, linked; all entries from base to end, each
//! whole and of a group in the chain; the last group's checksum computed anew.
//! A row that is gone, damaged, or of another moment is found so.
//!
//! **What is not found.** RocksDB opens its own log with
//! `TolerateCorruptedTailRecords`: a damaged record with whole ones behind it is
//! refused, but one whose length is damaged, in the last 32 KiB, looks like the
//! end. Groups that were synced are cut off then, an older ballot comes back, and
//! the chain, which ends earlier, is whole. The file `durable` shows it if the
//! node had a moment without writes behind them; a group that was synced just
//! before the machine went down and is damaged there is not missed.
//! [`RecoveredLog::cut_off_bytes`](crate::RecoveredLog) is always zero: RocksDB
//! does not tell.

mod reader;
mod recovery;
mod rows;
mod store;

pub use store::{RocksLog, RocksLogConfig};
