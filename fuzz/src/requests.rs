//! Requests of etcd's API, as anybody may send them.

use kv_statemachine::{
    Command, KvError, Operation, TxnRequest, check_delete_range, check_put, check_range, check_txn,
    codec,
};
use prost::Message;
use proto::etcdserverpb as wire;
use raft_core::{Entry, EntryKind, Index, Term};

use super::from_wire;
use super::memory;

/// What a byte of a request may cost.
const EACH: usize = 1500;
/// How many operations a transaction may have.
const OPERATIONS: u64 = 128;

/// A request of any kind is refused, or what is put into the log for it
/// comes out of the log as it went in.
pub fn requests(bytes: &[u8]) {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    let operation = memory::bounded(bytes.len(), EACH, || operation(*kind, bytes));
    let Some(Ok(operation)) = operation else { return };
    let command = Command::new(operation);
    let entry = Entry {
        term: Term(1),
        index: Index(1),
        kind: EntryKind::COMMAND,
        format: codec::FORMAT,
        payload: codec::encode(&command),
    };
    assert_eq!(codec::decode(&entry).expect("its operation is known"), Ok(command));
}

/// What a request asks for; `None` for one that does not reach the log, or that is no
/// request at all.
fn operation(kind: u8, bytes: &[u8]) -> Option<Result<Operation, KvError>> {
    match kind % 5 {
        0 => {
            let request = wire::RangeRequest::decode(bytes).ok()?;
            if let Ok(range) = from_wire::range(request) {
                assert_eq!(check_range(&range), Ok(()));
            }
            None
        }
        1 => {
            let put = from_wire::put(wire::PutRequest::decode(bytes).ok()?);
            Some(put.inspect(|put| assert_eq!(check_put(put), Ok(()))).map(Operation::Put))
        }
        2 => {
            let delete = from_wire::delete_range(wire::DeleteRangeRequest::decode(bytes).ok()?);
            let checked = delete.inspect(|delete| assert_eq!(check_delete_range(delete), Ok(())));
            Some(checked.map(Operation::DeleteRange))
        }
        3 => {
            let alarm = from_wire::alarm_of(&wire::AlarmRequest::decode(bytes).ok()?);
            assert!(alarm.is_none_or(|alarm| alarm.kind.0 != 0));
            None
        }
        _ => {
            let request = wire::TxnRequest::decode(bytes).ok()?;
            let _ = from_wire::is_serializable(&request);
            Some(from_wire::txn(request, OPERATIONS).and_then(checked).map(Operation::Txn))
        }
    }
}

/// The check that is made of each transaction before it is proposed.
fn checked(txn: TxnRequest) -> Result<TxnRequest, KvError> {
    check_txn(&txn, OPERATIONS).map(|()| txn)
}
