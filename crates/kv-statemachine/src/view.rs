//! Reading the store from any thread.

use std::sync::{Arc, RwLock};

use raft_core::{Membership, NodeId, Position};
use raft_storage::{StateView, StorageError};

use crate::alarm::Alarms;
use crate::command::MemberAttributes;
use crate::counts::Counts;
use crate::error::ReadError;
use crate::meta::{self, Applied};
use crate::mvcc::hash;
use crate::mvcc::range::range;
use crate::mvcc::snapshot::Snapshot;
use crate::request::{RangeRequest, TxnRequest};
use crate::response::{HashKv, RangeResponse, StateHash, TxnResponse};
use crate::txn::read_txn;

/// Gives views of the store's latest state to other threads. Clones read the
/// same store.
#[derive(Clone)]
pub struct KvReader {
    latest: Arc<RwLock<KvView>>,
}

impl KvReader {
    pub(crate) fn new(first: KvView) -> KvReader {
        KvReader { latest: Arc::new(RwLock::new(first)) }
    }

    /// The state after the latest apply. Cheap: it copies three pointers.
    pub fn view(&self) -> KvView {
        self.latest.read().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }

    /// The alarms that are raised after the latest apply. It holds no state meanwhile, so
    /// that whoever asks never pays for letting go of one.
    pub fn alarms(&self) -> Alarms {
        self.latest.read().unwrap_or_else(|poisoned| poisoned.into_inner()).alarms.clone()
    }

    pub(crate) fn publish(&self, view: KvView) {
        *self.latest.write().unwrap_or_else(|poisoned| poisoned.into_inner()) = view;
    }
}

/// The store as it was after one apply, data, revision and counts together. It
/// stays so while applies go on; whoever holds it for long makes the store keep
/// what it shows.
#[derive(Clone)]
pub struct KvView {
    pub(crate) view: Arc<dyn StateView>,
    pub(crate) counts: Counts,
    pub(crate) applied: Applied,
    pub(crate) alarms: Alarms,
}

impl KvView {
    /// The last entry that the state includes.
    pub fn applied(&self) -> Position {
        self.applied.position
    }

    /// The latest revision; 1 before the first write.
    pub fn revision(&self) -> i64 {
        self.applied.revision
    }

    /// The lowest revision that can be read; -1 before the first compaction.
    pub fn compact_revision(&self) -> i64 {
        self.applied.compact_revision
    }

    /// Whether all rows of history that the last compaction gave up are removed.
    pub fn is_compaction_finished(&self) -> bool {
        !self.applied.progress.is_pending(self.applied.compact_revision)
    }

    /// The alarms that are raised. Costs nothing.
    pub fn alarms(&self) -> &Alarms {
        &self.alarms
    }

    /// How many keys there are. Costs nothing.
    pub fn key_count(&self) -> u64 {
        self.counts.total()
    }

    /// Answers a range request. What [`check_range`](crate::check_range)
    /// refuses must not get here: an empty key stands before all others.
    ///
    /// # Errors
    ///
    /// [`KvError::Compacted`](crate::KvError::Compacted),
    /// [`KvError::FutureRevision`](crate::KvError::FutureRevision), or if the
    /// disk refuses.
    pub fn range(&self, request: &RangeRequest) -> Result<RangeResponse, ReadError> {
        Ok(range(self.snapshot(), request)?)
    }

    /// Answers a transaction that only reads.
    ///
    /// # Errors
    ///
    /// [`ReadError::NotReadOnly`], those of [`KvView::range`].
    pub fn txn(&self, request: &TxnRequest) -> Result<TxnResponse, ReadError> {
        read_txn(self.snapshot(), request)
    }

    /// etcd's hash of all versions up to a revision (0: the latest). Reads every
    /// version once, each with a look-up of its own.
    ///
    /// # Errors
    ///
    /// Those of [`KvView::range`].
    pub fn hash_kv(&self, revision: i64) -> Result<HashKv, ReadError> {
        Ok(hash::hash_kv(self.snapshot(), revision)?)
    }

    /// A hash of everything that is logically there: all versions and deletions
    /// that the last compaction left, its revision, the latest revision, the
    /// members' attributes, and the alarms. Equal on all replicas at one applied index. Reads
    /// everything once, in order.
    ///
    /// # Errors
    ///
    /// If the disk refuses.
    pub fn state_hash(&self) -> Result<StateHash, StorageError> {
        hash::state_hash(self.snapshot(), meta::replicated_rows(self.view.as_ref()))
    }

    /// What clients are told of the members, by id; those that have told nothing
    /// yet are missing.
    ///
    /// # Errors
    ///
    /// If the disk refuses.
    pub fn member_attributes(&self) -> Result<Vec<(NodeId, MemberAttributes)>, StorageError> {
        meta::members(self.view.as_ref())
    }

    /// The membership as of [`KvView::applied`].
    ///
    /// # Errors
    ///
    /// If the disk refuses.
    pub fn membership(&self) -> Result<Membership, StorageError> {
        Ok(meta::read_applied(self.view.as_ref())?.0.membership)
    }

    fn snapshot(&self) -> Snapshot<'_> {
        Snapshot {
            view: self.view.as_ref(),
            counts: &self.counts,
            revision: self.applied.revision,
            compact_revision: self.applied.compact_revision,
        }
    }
}
