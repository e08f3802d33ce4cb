//! What can be wrong with a request.

use raft_storage::StorageError;

/// A request that cannot be done, now or ever; of alarms, while they are raised. The
/// same on every node. The messages are etcd's, letter by letter, because clients match
/// on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum KvError {
    /// A key is empty. Invalid argument.
    #[error("etcdserver: key is not provided")]
    EmptyKey,
    /// `ignore_value` or `ignore_lease` of a key that is not there, or a
    /// transaction's step that holds nothing. Invalid argument.
    #[error("etcdserver: key not found")]
    KeyNotFound,
    /// A value beside `ignore_value`. Invalid argument.
    #[error("etcdserver: value is provided")]
    ValueProvided,
    /// A lease beside `ignore_lease`. Invalid argument.
    #[error("etcdserver: lease is provided")]
    LeaseProvided,
    /// A transaction with too many steps. Invalid argument.
    #[error("etcdserver: too many operations in txn request")]
    TooManyOps,
    /// A transaction that writes a key twice. Invalid argument.
    #[error("etcdserver: duplicate key given in txn request")]
    DuplicateKey,
    /// An unknown order or target of a sort. Invalid argument.
    #[error("etcdserver: invalid sort option")]
    InvalidSortOption,
    /// A revision below the last compaction. Out of range.
    #[error("etcdserver: mvcc: required revision has been compacted")]
    Compacted,
    /// A revision that is yet to come. Out of range.
    #[error("etcdserver: mvcc: required revision is a future revision")]
    FutureRevision,
    /// A lease that is not there. Not found.
    #[error("etcdserver: requested lease not found")]
    LeaseNotFound,
    /// A member that is not in the cluster. Not found.
    #[error("etcdserver: member not found")]
    MemberNotFound,
    /// A put while a member is short of space. Resource exhausted.
    #[error("etcdserver: mvcc: database space exceeded")]
    NoSpace,
    /// A write while a member's data are damaged. Data loss.
    #[error("etcdserver: corrupt cluster")]
    Corrupt,
    /// A command whose bytes mean nothing. Invalid argument.
    #[error("the command in the log cannot be decoded; whoever proposed it is broken")]
    BadCommand,
}

/// Why a read was not answered.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The request cannot be done.
    #[error(transparent)]
    Request(#[from] KvError),
    /// The transaction writes, so it has to go through the log.
    #[error("the transaction writes: propose it as a command instead of reading it")]
    NotReadOnly,
    /// The disk refused, or holds something that was not written so.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Why something inside could not be done: refused by a rule, or by the disk.
#[derive(Debug)]
pub(crate) enum Failed {
    Request(KvError),
    Storage(StorageError),
}

impl From<KvError> for Failed {
    fn from(error: KvError) -> Failed {
        Failed::Request(error)
    }
}

impl From<StorageError> for Failed {
    fn from(error: StorageError) -> Failed {
        Failed::Storage(error)
    }
}

impl From<Failed> for ReadError {
    fn from(failed: Failed) -> ReadError {
        match failed {
            Failed::Request(error) => ReadError::Request(error),
            Failed::Storage(error) => ReadError::Storage(error),
        }
    }
}
