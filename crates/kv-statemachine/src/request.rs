//! What can be asked of the store. The fields mean what etcd's of the same name mean.

use bytes::Bytes;

use crate::error::KvError;

/// Which keys a request is about.
///
/// ```text
///   range_end      keys
///   empty          the key itself
///   "\0"           every key from `key` on
///   other          from `key` up to, not including, `range_end`
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyRange {
    /// The first key, not empty.
    pub key: Bytes,
    /// Where the range ends; see above.
    pub range_end: Bytes,
}

impl KeyRange {
    /// A single key.
    pub fn single(key: impl Into<Bytes>) -> KeyRange {
        KeyRange { key: key.into(), range_end: Bytes::new() }
    }

    /// From a key up to, not including, another.
    pub fn between(key: impl Into<Bytes>, range_end: impl Into<Bytes>) -> KeyRange {
        KeyRange { key: key.into(), range_end: range_end.into() }
    }

    /// Every key from this one on.
    pub fn from_key(key: impl Into<Bytes>) -> KeyRange {
        KeyRange::between(key, Bytes::from_static(b"\0"))
    }

    /// Every key that begins with these bytes; every key at all if they are empty.
    pub fn prefix(prefix: impl Into<Bytes>) -> KeyRange {
        let prefix = prefix.into();
        if prefix.is_empty() {
            return KeyRange::from_key(Bytes::from_static(b"\0"));
        }
        match prefix.iter().rposition(|byte| *byte != 0xff) {
            None => KeyRange::from_key(prefix),
            Some(last) => {
                let mut end = prefix[..=last].to_vec();
                end[last] += 1;
                KeyRange::between(prefix, end)
            }
        }
    }

    /// Whether it is about one key only.
    pub fn is_single(&self) -> bool {
        self.range_end.is_empty()
    }

    /// The first key beyond the range; `None` if it has no end. Not for a
    /// single key.
    pub(crate) fn end(&self) -> Option<&[u8]> {
        (self.range_end.as_ref() != b"\0").then_some(self.range_end.as_ref())
    }
}

/// Reads keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RangeRequest {
    /// Which keys.
    pub range: KeyRange,
    /// At most so many keys; 0 or less: all.
    pub limit: i64,
    /// The state as of this revision; 0 or less: the latest.
    pub revision: i64,
    /// In which order.
    pub sort_order: SortOrder,
    /// Ordered by what.
    pub sort_target: SortTarget,
    /// Leave the values out.
    pub keys_only: bool,
    /// Give the number of keys only.
    pub count_only: bool,
    /// Leave out keys with a lower mod revision; 0: none.
    pub min_mod_revision: i64,
    /// Leave out keys with a higher mod revision; 0: none.
    pub max_mod_revision: i64,
    /// Leave out keys with a lower create revision; 0: none.
    pub min_create_revision: i64,
    /// Leave out keys with a higher create revision; 0: none.
    pub max_create_revision: i64,
}

impl RangeRequest {
    /// Reads a range at the latest revision, everything else by default.
    pub fn of(range: KeyRange) -> RangeRequest {
        RangeRequest { range, ..RangeRequest::default() }
    }
}

/// The order of a range's keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SortOrder {
    /// By key; ascending if the target is something else.
    #[default]
    None,
    /// Smallest first.
    Ascend,
    /// Largest first.
    Descend,
}

impl SortOrder {
    /// Reads the number that etcd's API uses.
    ///
    /// # Errors
    ///
    /// [`KvError::InvalidSortOption`] for a number that means nothing.
    pub fn from_number(number: i32) -> Result<SortOrder, KvError> {
        match number {
            0 => Ok(SortOrder::None),
            1 => Ok(SortOrder::Ascend),
            2 => Ok(SortOrder::Descend),
            _ => Err(KvError::InvalidSortOption),
        }
    }
}

/// What a range's keys are ordered by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SortTarget {
    /// The key.
    #[default]
    Key,
    /// How often the key was written since it was created.
    Version,
    /// The create revision.
    Create,
    /// The mod revision.
    Mod,
    /// The value.
    Value,
}

impl SortTarget {
    /// Reads the number that etcd's API uses.
    ///
    /// # Errors
    ///
    /// [`KvError::InvalidSortOption`] for a number that means nothing.
    pub fn from_number(number: i32) -> Result<SortTarget, KvError> {
        match number {
            0 => Ok(SortTarget::Key),
            1 => Ok(SortTarget::Version),
            2 => Ok(SortTarget::Create),
            3 => Ok(SortTarget::Mod),
            4 => Ok(SortTarget::Value),
            _ => Err(KvError::InvalidSortOption),
        }
    }
}

/// Writes one key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PutRequest {
    /// The key, not empty.
    pub key: Bytes,
    /// Its new value.
    pub value: Bytes,
    /// The lease it hangs on; 0: none.
    pub lease: i64,
    /// Give back what was there before.
    pub prev_kv: bool,
    /// Keep the value; the key must be there.
    pub ignore_value: bool,
    /// Keep the lease; the key must be there.
    pub ignore_lease: bool,
}

impl PutRequest {
    /// Writes a key, everything else by default.
    pub fn of(key: impl Into<Bytes>, value: impl Into<Bytes>) -> PutRequest {
        PutRequest { key: key.into(), value: value.into(), ..PutRequest::default() }
    }
}

/// Deletes keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeleteRangeRequest {
    /// Which keys.
    pub range: KeyRange,
    /// Give back what was there before.
    pub prev_kv: bool,
}

/// If all comparisons hold, does one thing, else the other; all in one revision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TxnRequest {
    /// What must hold. None: it holds.
    pub compare: Vec<Compare>,
    /// What to do then, in order.
    pub success: Vec<RequestOp>,
    /// What to do otherwise, in order.
    pub failure: Vec<RequestOp>,
}

impl TxnRequest {
    /// Whether both branches hold nothing but ranges. Such a transaction need
    /// not go through the log.
    pub fn is_read_only(&self) -> bool {
        self.success.iter().chain(&self.failure).all(|op| matches!(op, RequestOp::Range(_)))
    }
}

/// A condition on one key, or on every key of a range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compare {
    /// Which keys. Every one of them must meet the condition.
    pub range: KeyRange,
    /// How the key's side must relate to the operand.
    pub result: CompareResult,
    /// Which of the key's sides, and what it is compared with.
    pub operand: CompareOperand,
}

/// How a key's side must relate to the operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompareResult {
    /// It is the same.
    Equal,
    /// It is greater.
    Greater,
    /// It is less.
    Less,
    /// It is not the same.
    NotEqual,
}

/// What is compared with what. A key that is not there has zeros for numbers,
/// and no value that any condition holds for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CompareOperand {
    /// The key's version.
    Version(i64),
    /// The key's create revision.
    CreateRevision(i64),
    /// The key's mod revision.
    ModRevision(i64),
    /// The key's value.
    Value(Bytes),
    /// The key's lease.
    Lease(i64),
}

/// One step of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestOp {
    /// Read.
    Range(RangeRequest),
    /// Write a key.
    Put(PutRequest),
    /// Delete keys.
    DeleteRange(DeleteRangeRequest),
    /// Another transaction. Its comparisons look at the state before the
    /// outermost one began.
    Txn(TxnRequest),
}

/// Gives up the history below a revision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CompactRequest {
    /// The lowest revision that stays readable.
    pub revision: i64,
}
