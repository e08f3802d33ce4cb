//! What the store answers. Each response carries the revision that etcd would
//! put into its header.

use std::fmt;

use bytes::Bytes;

/// A key with everything that is known of it at one revision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyValue {
    /// The key.
    pub key: Bytes,
    /// The revision in which it was created, last.
    pub create_revision: i64,
    /// The revision in which it was written last.
    pub mod_revision: i64,
    /// How often it was written since it was created, that included.
    pub version: i64,
    /// Its value.
    pub value: Bytes,
    /// The lease it hangs on; 0: none.
    pub lease: i64,
}

impl fmt::Display for KeyValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}={} create={} mod={} version={}",
            self.key.escape_ascii(),
            self.value.escape_ascii(),
            self.create_revision,
            self.mod_revision,
            self.version
        )?;
        if self.lease != 0 {
            write!(f, " lease={:x}", self.lease)?;
        }
        Ok(())
    }
}

/// The answer to a [`RangeRequest`](crate::RangeRequest).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RangeResponse {
    /// The latest revision when it was read, whichever revision was asked for.
    pub revision: i64,
    /// The keys.
    pub kvs: Vec<KeyValue>,
    /// Whether the limit left some out.
    pub more: bool,
    /// How many keys the range holds, whatever limit and filters say.
    pub count: i64,
}

/// The answer to a [`PutRequest`](crate::PutRequest).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PutResponse {
    /// The revision of the write.
    pub revision: i64,
    /// What was there before, if it was asked for and there.
    pub prev_kv: Option<KeyValue>,
}

/// The answer to a [`DeleteRangeRequest`](crate::DeleteRangeRequest).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeleteRangeResponse {
    /// The revision of the write; the latest one if there was nothing to delete.
    pub revision: i64,
    /// How many keys were deleted.
    pub deleted: i64,
    /// What was there before, if it was asked for.
    pub prev_kvs: Vec<KeyValue>,
}

/// The answer to a [`TxnRequest`](crate::TxnRequest).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TxnResponse {
    /// The revision after the transaction; 0 in a nested one, as in etcd.
    pub revision: i64,
    /// Whether the comparisons held.
    pub succeeded: bool,
    /// One response for each step of the branch taken, in order.
    pub responses: Vec<ResponseOp>,
}

/// The answer to one step of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResponseOp {
    /// To a range.
    Range(RangeResponse),
    /// To a put.
    Put(PutResponse),
    /// To a deletion.
    DeleteRange(DeleteRangeResponse),
    /// To a nested transaction.
    Txn(TxnResponse),
}

/// The answer to a [`CompactRequest`](crate::CompactRequest).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CompactResponse {
    /// The latest revision.
    pub revision: i64,
}

/// A hash over versions, as etcd's `HashKV` gives it: two etcd stores, or an
/// etcd store and this one, that saw the same writes have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashKv {
    /// The latest revision when it was computed.
    pub revision: i64,
    /// The hash.
    pub hash: u32,
    /// The revision of the last compaction; -1 if there was none.
    pub compact_revision: i64,
    /// The revision up to which versions were taken in.
    pub hash_revision: i64,
}

/// A hash over everything that is logically there: equal on all replicas that
/// have applied the same entries, however far each is with removing what was
/// compacted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StateHash(pub u128);

impl fmt::Display for StateHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}
