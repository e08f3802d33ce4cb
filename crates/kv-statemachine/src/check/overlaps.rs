//! Whether a transaction writes a key twice.
//!
//! The rule is etcd's, with its corners, because clients rely on what it lets
//! through as much as on what it refuses:
//!
//! - Two puts of a key, or a put and a deletion that covers it, are refused in
//!   one list of steps, those of nested transactions included. Deletions may
//!   overlap. The same key in both branches of one transaction is fine, only
//!   one of them runs.
//! - A nested transaction's puts are held against the deletions of its own
//!   level and of the nested ones *before* it, not of those behind it.
//! - A deletion from a key on (`range_end` is `"\0"`) is not held against
//!   anything: its end sorts before every key.

use std::collections::BTreeSet;

use bytes::Bytes;

use super::intervals::Intervals;
use crate::error::KvError;
use crate::request::RequestOp;

/// The keys that a list of steps puts and deletes.
#[derive(Default)]
pub(super) struct Written {
    puts: BTreeSet<Bytes>,
    deletes: Intervals,
}

/// Checks a list of steps.
pub(super) fn check_overlaps(ops: &[RequestOp]) -> Result<Written, KvError> {
    let mut written = Written::default();
    for op in ops {
        if let RequestOp::DeleteRange(delete) = op {
            let range = &delete.range;
            let end = if range.is_single() { after(&range.key) } else { range.range_end.clone() };
            written.deletes.insert(range.key.clone(), end);
        }
    }
    for op in ops {
        if let RequestOp::Txn(txn) = op {
            let success = check_overlaps(&txn.success)?;
            let failure = check_overlaps(&txn.failure)?;
            for key in success.puts.union(&failure.puts) {
                written.add_put(key)?;
            }
            written.deletes.union(success.deletes);
            written.deletes.union(failure.deletes);
        }
    }
    for op in ops {
        if let RequestOp::Put(put) = op {
            written.add_put(&put.key)?;
        }
    }
    Ok(written)
}

impl Written {
    fn add_put(&mut self, key: &Bytes) -> Result<(), KvError> {
        if self.deletes.contains(key) || !self.puts.insert(key.clone()) {
            return Err(KvError::DuplicateKey);
        }
        Ok(())
    }
}

/// The first key behind this one.
fn after(key: &[u8]) -> Bytes {
    let mut end = key.to_vec();
    end.push(0);
    Bytes::from(end)
}
