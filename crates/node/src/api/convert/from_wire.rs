//! Requests. The checks that need the message's own form are made here, in the
//! order in which etcd makes them, so that of several faults the same one is told.

use kv_statemachine::{
    Compare, CompareOperand, CompareResult, DeleteRangeRequest, KeyRange, KvError, PutRequest,
    RangeRequest, RequestOp, SortOrder, SortTarget, TxnRequest, check_delete_range, check_put,
};
use proto::etcdserverpb as wire;
use raft_core::NodeId;
use wire::compare::{CompareTarget, TargetUnion};
use wire::request_op::Request;

use crate::{Alarm, AlarmKind};

/// Which alarm a request is about; `None` if about none, or all.
pub fn alarm_of(request: &wire::AlarmRequest) -> Option<Alarm> {
    let kind = AlarmKind(request.alarm.cast_unsigned());
    let member = NodeId(request.member_id);
    (request.alarm != wire::AlarmType::None as i32).then_some(Alarm { kind, member })
}

/// A range, without its consistency.
pub fn range(request: wire::RangeRequest) -> Result<RangeRequest, KvError> {
    if request.key.is_empty() {
        return Err(KvError::EmptyKey);
    }
    Ok(RangeRequest {
        sort_order: SortOrder::from_number(request.sort_order)?,
        sort_target: SortTarget::from_number(request.sort_target)?,
        range: KeyRange { key: request.key, range_end: request.range_end },
        limit: request.limit,
        revision: request.revision,
        keys_only: request.keys_only,
        count_only: request.count_only,
        min_mod_revision: request.min_mod_revision,
        max_mod_revision: request.max_mod_revision,
        min_create_revision: request.min_create_revision,
        max_create_revision: request.max_create_revision,
    })
}

/// A put.
pub fn put(request: wire::PutRequest) -> Result<PutRequest, KvError> {
    let wire::PutRequest { key, value, lease, prev_kv, ignore_value, ignore_lease } = request;
    let put = PutRequest { key, value, lease, prev_kv, ignore_value, ignore_lease };
    check_put(&put)?;
    Ok(put)
}

/// A deletion.
pub fn delete_range(request: wire::DeleteRangeRequest) -> Result<DeleteRangeRequest, KvError> {
    let wire::DeleteRangeRequest { key, range_end, prev_kv } = request;
    let delete = DeleteRangeRequest { range: KeyRange { key, range_end }, prev_kv };
    check_delete_range(&delete)?;
    Ok(delete)
}

/// A transaction with all that is in it. `max_ops` bounds the longest of its three
/// lists; a nested transaction may have as many as its parent left.
pub fn txn(request: wire::TxnRequest, max_ops: u64) -> Result<TxnRequest, KvError> {
    let wire::TxnRequest { compare, success, failure } = request;
    let longest = compare.len().max(success.len()).max(failure.len()) as u64;
    let left = max_ops.checked_sub(longest).ok_or(KvError::TooManyOps)?;
    if compare.iter().any(|compare| compare.key.is_empty()) {
        return Err(KvError::EmptyKey);
    }
    Ok(TxnRequest {
        compare: compare.into_iter().filter_map(condition).collect(),
        success: steps(success, left)?,
        failure: steps(failure, left)?,
    })
}

/// Whether a transaction may be answered from what this node has: all of its steps
/// are ranges that say so.
pub fn is_serializable(request: &wire::TxnRequest) -> bool {
    request.success.iter().chain(&request.failure).all(|op| match &op.request {
        Some(Request::RequestRange(range)) => range.serializable,
        _ => false,
    })
}

fn steps(ops: Vec<wire::RequestOp>, max_ops: u64) -> Result<Vec<RequestOp>, KvError> {
    ops.into_iter().map(|op| step(op, max_ops)).collect()
}

fn step(op: wire::RequestOp, max_ops: u64) -> Result<RequestOp, KvError> {
    match op.request {
        Some(Request::RequestRange(request)) => Ok(RequestOp::Range(range(request)?)),
        Some(Request::RequestPut(request)) => Ok(RequestOp::Put(put(request)?)),
        Some(Request::RequestDeleteRange(request)) => {
            Ok(RequestOp::DeleteRange(delete_range(request)?))
        }
        Some(Request::RequestTxn(request)) => Ok(RequestOp::Txn(txn(request, max_ops)?)),
        None => Err(KvError::KeyNotFound),
    }
}

/// A comparison; `None` for one that always holds.
///
/// Numbers that mean nothing are not refused, as etcd does not: an unknown target
/// counts as equal to its operand, and an unknown result holds.
fn condition(compare: wire::Compare) -> Option<Compare> {
    let range = KeyRange { key: compare.key, range_end: compare.range_end };
    let union = compare.target_union;
    let Ok(target) = CompareTarget::try_from(compare.target) else {
        let holds = !matches!(
            wire::compare::CompareResult::try_from(compare.result),
            Ok(wire::compare::CompareResult::Greater
                | wire::compare::CompareResult::Less
                | wire::compare::CompareResult::NotEqual)
        );
        return (!holds).then(|| never(range));
    };
    let Ok(result) = wire::compare::CompareResult::try_from(compare.result) else {
        // It holds, but for the value of a key that is not there.
        return (target == CompareTarget::Value).then(|| exists(range));
    };
    let result = match result {
        wire::compare::CompareResult::Equal => CompareResult::Equal,
        wire::compare::CompareResult::Greater => CompareResult::Greater,
        wire::compare::CompareResult::Less => CompareResult::Less,
        wire::compare::CompareResult::NotEqual => CompareResult::NotEqual,
    };
    Some(Compare { range, result, operand: operand(target, union) })
}

/// What is compared with; zero or nothing where the operand is that of another
/// target.
fn operand(target: CompareTarget, union: Option<TargetUnion>) -> CompareOperand {
    match (target, union) {
        (CompareTarget::Version, Some(TargetUnion::Version(n))) => CompareOperand::Version(n),
        (CompareTarget::Version, _) => CompareOperand::Version(0),
        (CompareTarget::Create, Some(TargetUnion::CreateRevision(n))) => {
            CompareOperand::CreateRevision(n)
        }
        (CompareTarget::Create, _) => CompareOperand::CreateRevision(0),
        (CompareTarget::Mod, Some(TargetUnion::ModRevision(n))) => CompareOperand::ModRevision(n),
        (CompareTarget::Mod, _) => CompareOperand::ModRevision(0),
        (CompareTarget::Value, Some(TargetUnion::Value(value))) => CompareOperand::Value(value),
        (CompareTarget::Value, _) => CompareOperand::Value(bytes::Bytes::new()),
        (CompareTarget::Lease, Some(TargetUnion::Lease(n))) => CompareOperand::Lease(n),
        (CompareTarget::Lease, _) => CompareOperand::Lease(0),
    }
}

/// What no key meets.
fn never(range: KeyRange) -> Compare {
    let operand = CompareOperand::Version(i64::MIN);
    Compare { range, result: CompareResult::Less, operand }
}

/// What every key meets that is there.
fn exists(range: KeyRange) -> Compare {
    Compare { range, result: CompareResult::Greater, operand: CompareOperand::Version(0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put_op(key: &'static str) -> wire::RequestOp {
        let put = wire::PutRequest { key: key.into(), ..Default::default() };
        wire::RequestOp { request: Some(Request::RequestPut(put)) }
    }

    fn range_op(request: wire::RangeRequest) -> wire::RequestOp {
        wire::RequestOp { request: Some(Request::RequestRange(request)) }
    }

    fn of_key(key: &'static str) -> wire::RangeRequest {
        wire::RangeRequest { key: key.into(), ..Default::default() }
    }

    fn comparison(target: i32, result: i32) -> Option<Compare> {
        condition(wire::Compare {
            key: "k".into(),
            target,
            result,
            target_union: Some(TargetUnion::Version(7)),
            ..Default::default()
        })
    }

    #[test]
    fn a_range_is_checked_key_first() {
        let unknown = wire::RangeRequest { sort_order: 9, ..Default::default() };
        assert_eq!(range(unknown), Err(KvError::EmptyKey));
        let unknown = wire::RangeRequest { sort_order: 9, ..of_key("k") };
        assert_eq!(range(unknown), Err(KvError::InvalidSortOption));
        let unknown = wire::RangeRequest { sort_target: -1, ..of_key("k") };
        assert_eq!(range(unknown), Err(KvError::InvalidSortOption));
        let all = wire::RangeRequest {
            key: "a".into(),
            range_end: "b".into(),
            limit: 1,
            revision: 2,
            sort_order: 2,
            sort_target: 4,
            serializable: true,
            keys_only: true,
            count_only: true,
            min_mod_revision: 3,
            max_mod_revision: 4,
            min_create_revision: 5,
            max_create_revision: 6,
        };
        let expected = RangeRequest {
            range: KeyRange::between("a", "b"),
            limit: 1,
            revision: 2,
            sort_order: SortOrder::Descend,
            sort_target: SortTarget::Value,
            keys_only: true,
            count_only: true,
            min_mod_revision: 3,
            max_mod_revision: 4,
            min_create_revision: 5,
            max_create_revision: 6,
        };
        assert_eq!(range(all), Ok(expected));
    }

    #[test]
    fn a_transaction_tells_the_fault_that_comes_first() {
        let success = vec![range_op(wire::RangeRequest { sort_order: 9, ..of_key("k") })];
        let sort = wire::TxnRequest { success: success.clone(), ..Default::default() };
        assert_eq!(txn(sort.clone(), 1), Err(KvError::InvalidSortOption));
        assert_eq!(txn(sort, 0), Err(KvError::TooManyOps), "counted before looked at");
        let compare = vec![wire::Compare::default()];
        let both = wire::TxnRequest { compare, success, ..Default::default() };
        assert_eq!(txn(both, 1), Err(KvError::EmptyKey), "comparisons before steps");
        let nothing = vec![put_op("k"), wire::RequestOp { request: None }];
        let nothing = wire::TxnRequest { failure: nothing, ..Default::default() };
        assert_eq!(txn(nothing, 2), Err(KvError::KeyNotFound));
    }

    #[test]
    fn nested_transactions_share_the_bound() {
        let inner = wire::TxnRequest { success: vec![put_op("k")], ..Default::default() };
        let op = wire::RequestOp { request: Some(Request::RequestTxn(inner)) };
        let outer = wire::TxnRequest { success: vec![op], ..Default::default() };
        assert!(txn(outer.clone(), 2).is_ok());
        assert_eq!(txn(outer, 1), Err(KvError::TooManyOps));
    }

    #[test]
    fn an_unknown_target_counts_as_equal() {
        assert_eq!(comparison(9, 0), None, "equal holds");
        assert_eq!(comparison(9, 9), None, "an unknown result holds");
        for result in [1, 2, 3] {
            assert_eq!(comparison(9, result), Some(never(KeyRange::single("k"))));
        }
    }

    #[test]
    fn an_unknown_result_holds_but_for_a_missing_value() {
        assert_eq!(comparison(0, 9), None);
        assert_eq!(comparison(3, 9), Some(exists(KeyRange::single("k"))));
    }

    #[test]
    fn the_operand_of_another_target_counts_as_zero() {
        let expected = |operand| {
            Some(Compare { range: KeyRange::single("k"), result: CompareResult::Equal, operand })
        };
        assert_eq!(comparison(0, 0), expected(CompareOperand::Version(7)));
        assert_eq!(comparison(1, 0), expected(CompareOperand::CreateRevision(0)));
        assert_eq!(comparison(2, 0), expected(CompareOperand::ModRevision(0)));
        assert_eq!(comparison(3, 0), expected(CompareOperand::Value(bytes::Bytes::new())));
        assert_eq!(comparison(4, 0), expected(CompareOperand::Lease(0)));
    }

    #[test]
    fn a_transaction_is_serializable_if_all_its_ranges_are() {
        let serializable = wire::RangeRequest { serializable: true, ..of_key("k") };
        let of = |success| wire::TxnRequest { success, ..Default::default() };
        assert!(is_serializable(&of(vec![])), "nothing is asked of the store but comparisons");
        assert!(is_serializable(&of(vec![range_op(serializable.clone())])));
        assert!(!is_serializable(&of(vec![range_op(serializable), range_op(of_key("k"))])));
        assert!(!is_serializable(&of(vec![put_op("k")])));
    }
}
