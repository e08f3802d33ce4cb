//! Many versions of many keys, on an ordered store.
//!
//! Every transaction that writes raises the revision by one; within it the
//! changes are numbered from 0 (the sub-revision). A version of a key is the
//! current one from the revision that wrote it (its *mod revision*) up to, not
//! including, the one that superseded or deleted it (its *end*).
//!
//! ```text
//!   revision        2     3     4     5     6     7
//!   put a           ├─ a@2 ─────┤ a@4 ┤
//!   delete a                          ┆
//!   put b                 ├─ b@3 ─────────────────▶
//!
//!   latest   b  → create 3 mod 3 version 1 value
//!   history  a 2 → end 4   create 2 version 1 value
//!            a 4 → end 5   create 2 version 2 value
//!   changes  2.0 created a   3.0 created b   4.0 updated a, was 2.0
//!            5.0 deleted a, was 4.0
//! ```
//!
//! # Layout
//!
//! Four spaces of a [`StateStore`](raft_storage::StateStore):
//!
//! | space | key | value |
//! |---|---|---|
//! | `meta` | a name | see [`meta`](crate::meta) |
//! | `latest` | the key as it is | *create, mod, sub, version, lease*, value |
//! | `history` | escaped key, mod u64, sub u32 | *end, create, version, lease*, value |
//! | `changes` | revision u64, sub u32 | kind u8, *previous mod, previous sub* unless it created, key |
//!
//! Fixed numbers are big-endian, so that they sort as numbers. Those in italics
//! are LEB128 varints (a lease as its two's complement). An escaped key has
//! `00 FF` for each `00` and ends with `00 01`: escaped keys sort as the keys
//! do, and none begins another, so that the versions of a key lie together in
//! the order of their revisions.
//!
//! A value moves from `latest` to `history` when it is superseded; each version
//! is in one of the two. Reading the latest state touches `latest` alone, and
//! so costs what it returns, however long the history is. A version says itself
//! when it ended, so that whether it is alive at a revision, or dead for a
//! compaction, is told from it alone.
//!
//! `changes` has one row for each version and each deletion. It tells what
//! happened since a revision: for counts at older revisions, for compactions,
//! for hashes and for whoever wants to hear of changes.

pub(crate) mod compaction;
pub(crate) mod hash;
mod history;
pub(crate) mod overlay;
pub(crate) mod range;
pub(crate) mod recent;
pub(crate) mod record;
pub(crate) mod rows;
pub(crate) mod snapshot;
mod varint;
pub(crate) mod writer;
