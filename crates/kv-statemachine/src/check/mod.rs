//! Checks of a request by itself, before it is proposed or read. They refuse
//! what etcd refuses, with the same error where several would fit.

mod intervals;
mod overlaps;

use crate::error::KvError;
use crate::request::{DeleteRangeRequest, PutRequest, RangeRequest, RequestOp, TxnRequest};

/// How many transactions may lie within one another. Deeper ones count as
/// having too many operations: they could not be decoded from the log.
pub const MAX_TXN_DEPTH: u32 = 32;

/// Checks a range.
///
/// # Errors
///
/// [`KvError::EmptyKey`].
pub fn check_range(request: &RangeRequest) -> Result<(), KvError> {
    check_key(&request.range.key)
}

/// Checks a put.
///
/// # Errors
///
/// [`KvError::EmptyKey`], [`KvError::ValueProvided`], [`KvError::LeaseProvided`].
pub fn check_put(request: &PutRequest) -> Result<(), KvError> {
    check_key(&request.key)?;
    if request.ignore_value && !request.value.is_empty() {
        return Err(KvError::ValueProvided);
    }
    if request.ignore_lease && request.lease != 0 {
        return Err(KvError::LeaseProvided);
    }
    Ok(())
}

/// Checks a deletion.
///
/// # Errors
///
/// [`KvError::EmptyKey`].
pub fn check_delete_range(request: &DeleteRangeRequest) -> Result<(), KvError> {
    check_key(&request.range.key)
}

/// Checks a transaction with everything in it. `max_ops` bounds the longest of
/// its three lists; a nested transaction may have as many as its parent left.
///
/// # Errors
///
/// [`KvError::TooManyOps`], the errors of its steps, [`KvError::DuplicateKey`].
pub fn check_txn(request: &TxnRequest, max_ops: u64) -> Result<(), KvError> {
    check_steps(request, max_ops, 1)?;
    // After the bound on the steps, because it takes longer.
    overlaps::check_overlaps(&request.success)?;
    overlaps::check_overlaps(&request.failure)?;
    Ok(())
}

fn check_key(key: &[u8]) -> Result<(), KvError> {
    if key.is_empty() { Err(KvError::EmptyKey) } else { Ok(()) }
}

fn check_steps(request: &TxnRequest, max_ops: u64, depth: u32) -> Result<(), KvError> {
    let longest =
        request.compare.len().max(request.success.len()).max(request.failure.len()) as u64;
    if longest > max_ops || depth > MAX_TXN_DEPTH {
        return Err(KvError::TooManyOps);
    }
    for compare in &request.compare {
        check_key(&compare.range.key)?;
    }
    for op in request.success.iter().chain(&request.failure) {
        match op {
            RequestOp::Range(range) => check_range(range)?,
            RequestOp::Put(put) => check_put(put)?,
            RequestOp::DeleteRange(delete) => check_delete_range(delete)?,
            RequestOp::Txn(txn) => check_steps(txn, max_ops - longest, depth + 1)?,
        }
    }
    Ok(())
}
