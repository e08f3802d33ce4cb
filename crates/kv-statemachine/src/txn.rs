//! Doing what requests ask: puts, deletions and transactions.
//!
//! A transaction runs in three steps, as in etcd. First all comparisons, nested
//! ones too, are decided on the state before it; that settles which steps run.
//! Then those are checked against the same state, so that nothing can fail any
//! more. Then they run in order, each seeing what those before it did.

use std::cmp::Ordering;

use raft_storage::StorageError;

use crate::error::{Failed, KvError, ReadError};
use crate::mvcc::range::range;
use crate::mvcc::record::Version;
use crate::mvcc::snapshot::Snapshot;
use crate::mvcc::writer::Writer;
use crate::request::{
    Compare, CompareOperand, CompareResult, DeleteRangeRequest, PutRequest, RequestOp, TxnRequest,
};
use crate::response::{DeleteRangeResponse, PutResponse, ResponseOp, TxnResponse};

/// Does a put.
pub(crate) fn put(writer: &mut Writer, request: &PutRequest) -> Result<PutResponse, Failed> {
    check_put(writer.snapshot(), request)?;
    Ok(do_put(writer, request)?)
}

/// Does a deletion.
pub(crate) fn delete_range(
    writer: &mut Writer,
    request: &DeleteRangeRequest,
) -> Result<DeleteRangeResponse, StorageError> {
    let found = writer.delete(&request.range)?;
    let deleted = found.len() as i64;
    let prev_kvs = if request.prev_kv {
        found.iter().map(|(key, version)| version.to_kv(key)).collect()
    } else {
        Vec::new()
    };
    Ok(DeleteRangeResponse { revision: writer.seen_revision(), deleted, prev_kvs })
}

/// Does a transaction.
pub(crate) fn txn(writer: &mut Writer, request: &TxnRequest) -> Result<TxnResponse, Failed> {
    let path = decide(writer.snapshot(), request)?;
    let mut response = do_steps(writer, request, &path)?;
    response.revision = writer.seen_revision();
    Ok(response)
}

/// Answers a transaction that only reads.
pub(crate) fn read_txn(
    snapshot: Snapshot<'_>,
    request: &TxnRequest,
) -> Result<TxnResponse, ReadError> {
    if !request.is_read_only() {
        return Err(ReadError::NotReadOnly);
    }
    let path = decide(snapshot, request)?;
    let mut responses = Vec::new();
    for op in path.steps(request) {
        let RequestOp::Range(request) = op else { return Err(ReadError::NotReadOnly) };
        responses.push(ResponseOp::Range(range(snapshot, request)?));
    }
    Ok(TxnResponse { revision: snapshot.revision, succeeded: path.succeeded, responses })
}

/// Which branch each transaction takes.
struct Path {
    succeeded: bool,
    /// Those of the nested transactions in the branch taken, in order.
    nested: Vec<Path>,
}

impl Path {
    fn steps<'a>(&self, request: &'a TxnRequest) -> &'a [RequestOp] {
        if self.succeeded { &request.success } else { &request.failure }
    }
}

/// Decides the comparisons and checks the steps that will run.
fn decide(before: Snapshot<'_>, request: &TxnRequest) -> Result<Path, Failed> {
    let path = compare_all(before, request)?;
    check_steps(before, request, &path)?;
    Ok(path)
}

fn compare_all(before: Snapshot<'_>, request: &TxnRequest) -> Result<Path, Failed> {
    let mut succeeded = true;
    for compare in &request.compare {
        if !holds(before, compare)? {
            succeeded = false;
            break;
        }
    }
    let mut path = Path { succeeded, nested: Vec::new() };
    for op in path.steps(request) {
        if let RequestOp::Txn(txn) = op {
            path.nested.push(compare_all(before, txn)?);
        }
    }
    Ok(path)
}

/// Whether every key of the range meets the condition. A range without keys
/// stands for one of zeros, which no condition on a value holds for.
fn holds(before: Snapshot<'_>, compare: &Compare) -> Result<bool, Failed> {
    let mut any = false;
    for found in before.keys(&compare.range, before.revision)? {
        let (_, version) = found?;
        any = true;
        if !matches(compare, &version) {
            return Ok(false);
        }
    }
    let is_value = matches!(compare.operand, CompareOperand::Value(_));
    Ok(any || (!is_value && matches(compare, &Version::MISSING)))
}

fn matches(compare: &Compare, version: &Version) -> bool {
    let order = match &compare.operand {
        CompareOperand::Version(operand) => version.version.cmp(operand),
        CompareOperand::CreateRevision(operand) => version.create.cmp(operand),
        CompareOperand::ModRevision(operand) => version.written.main.cmp(operand),
        CompareOperand::Value(operand) => version.value.cmp(operand),
        CompareOperand::Lease(operand) => version.lease.cmp(operand),
    };
    match compare.result {
        CompareResult::Equal => order == Ordering::Equal,
        CompareResult::Greater => order == Ordering::Greater,
        CompareResult::Less => order == Ordering::Less,
        CompareResult::NotEqual => order != Ordering::Equal,
    }
}

fn check_steps(before: Snapshot<'_>, request: &TxnRequest, path: &Path) -> Result<(), Failed> {
    let mut nested = path.nested.iter();
    for op in path.steps(request) {
        match op {
            RequestOp::Range(range) => before.check_txn_revision(range.revision)?,
            RequestOp::Put(put) => check_put(before, put)?,
            RequestOp::DeleteRange(_) => {}
            RequestOp::Txn(txn) => {
                let path = nested.next().expect("each nested transaction has a path");
                check_steps(before, txn, path)?;
            }
        }
    }
    Ok(())
}

fn check_put(before: Snapshot<'_>, request: &PutRequest) -> Result<(), Failed> {
    // There are no leases yet.
    if request.lease != 0 {
        return Err(KvError::LeaseNotFound.into());
    }
    let needs_key = request.ignore_value || request.ignore_lease;
    if needs_key && before.get(&request.key, before.revision)?.is_none() {
        return Err(KvError::KeyNotFound.into());
    }
    Ok(())
}

fn do_steps(
    writer: &mut Writer,
    request: &TxnRequest,
    path: &Path,
) -> Result<TxnResponse, StorageError> {
    let mut responses = Vec::new();
    let mut nested = path.nested.iter();
    for op in path.steps(request) {
        responses.push(match op {
            RequestOp::Range(request) => match range(writer.snapshot(), request) {
                Ok(response) => ResponseOp::Range(response),
                Err(Failed::Storage(error)) => return Err(error),
                // Half a transaction must not stay.
                Err(Failed::Request(error)) => panic!("a checked range was refused: {error}"),
            },
            RequestOp::Put(put) => ResponseOp::Put(do_put(writer, put)?),
            RequestOp::DeleteRange(delete) => {
                ResponseOp::DeleteRange(delete_range(writer, delete)?)
            }
            RequestOp::Txn(txn) => {
                let path = nested.next().expect("each nested transaction has a path");
                ResponseOp::Txn(do_steps(writer, txn, path)?)
            }
        });
    }
    Ok(TxnResponse { revision: 0, succeeded: path.succeeded, responses })
}

/// Writes the key. That it was there before the transaction, if it has to be, is
/// checked. A deletion from a key on may have taken it since, for those are not
/// held against puts; then there is nothing to keep. (An etcd server crashes.)
fn do_put(writer: &mut Writer, request: &PutRequest) -> Result<PutResponse, StorageError> {
    let snapshot = writer.snapshot();
    let reads = request.prev_kv || request.ignore_value || request.ignore_lease;
    let previous = if reads { snapshot.get(&request.key, snapshot.revision)? } else { None };
    let (mut value, mut lease) = (request.value.clone(), request.lease);
    if let Some(previous) = &previous {
        if request.ignore_value {
            value = previous.value.clone();
        }
        if request.ignore_lease {
            lease = previous.lease;
        }
    }
    writer.put(&request.key, value, lease)?;
    let prev_kv = previous.filter(|_| request.prev_kv).map(|old| old.to_kv(&request.key));
    Ok(PutResponse { revision: writer.seen_revision(), prev_kv })
}
