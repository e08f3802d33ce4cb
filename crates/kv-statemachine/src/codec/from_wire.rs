//! Messages to commands. Whatever means nothing makes the command a bad one.

use proto::balsa::kv::v1 as wire;
use raft_core::{Incarnation, NodeId};

use crate::alarm::{Alarm, AlarmAction, AlarmKind, AlarmRequest, AlarmSource};
use crate::command::{Command, MemberAttributes, Operation, RequestId};
use crate::error::KvError;
use crate::request::{
    CompactRequest, Compare, CompareOperand, CompareResult, DeleteRangeRequest, KeyRange,
    PutRequest, RangeRequest, RequestOp, SortOrder, SortTarget, TxnRequest,
};

pub(super) fn command(
    id: Option<wire::RequestId>,
    operation: wire::command::Operation,
) -> Result<Command, KvError> {
    use wire::command::Operation as Wire;
    let operation = match operation {
        Wire::Put(request) => Operation::Put(put(request)),
        Wire::DeleteRange(request) => Operation::DeleteRange(delete_range(request)),
        Wire::Txn(request) => Operation::Txn(txn(request)?),
        Wire::Compact(request) => Operation::Compact(CompactRequest { revision: request.revision }),
        Wire::SetMemberAttributes(request) => Operation::SetMemberAttributes {
            member: NodeId(request.member),
            attributes: MemberAttributes { name: request.name, client_urls: request.client_urls },
        },
        Wire::Alarm(request) => Operation::Alarm(alarm(&request)),
    };
    Ok(Command { request_id: id.map(request_id), operation })
}

fn request_id(id: wire::RequestId) -> RequestId {
    RequestId {
        node: NodeId(id.node),
        incarnation: Incarnation(id.incarnation),
        counter: id.counter,
    }
}

fn alarm(request: &wire::AlarmRequest) -> AlarmRequest {
    AlarmRequest {
        action: if request.lift { AlarmAction::Lift } else { AlarmAction::Raise },
        alarm: Alarm { kind: AlarmKind(request.kind), member: NodeId(request.member) },
        source: if request.by_operator { AlarmSource::Operator } else { AlarmSource::Member },
    }
}

fn put(request: wire::PutRequest) -> PutRequest {
    PutRequest {
        key: request.key,
        value: request.value,
        lease: request.lease,
        prev_kv: request.prev_kv,
        ignore_value: request.ignore_value,
        ignore_lease: request.ignore_lease,
    }
}

fn delete_range(request: wire::DeleteRangeRequest) -> DeleteRangeRequest {
    DeleteRangeRequest {
        range: KeyRange::between(request.key, request.range_end),
        prev_kv: request.prev_kv,
    }
}

fn txn(request: wire::TxnRequest) -> Result<TxnRequest, KvError> {
    Ok(TxnRequest {
        compare: request.compare.into_iter().map(compare).collect::<Result<_, _>>()?,
        success: request.success.into_iter().map(request_op).collect::<Result<_, _>>()?,
        failure: request.failure.into_iter().map(request_op).collect::<Result<_, _>>()?,
    })
}

fn request_op(op: wire::RequestOp) -> Result<RequestOp, KvError> {
    use wire::request_op::Request;
    Ok(match op.request.ok_or(KvError::BadCommand)? {
        Request::Range(request) => RequestOp::Range(range(request)?),
        Request::Put(request) => RequestOp::Put(put(request)),
        Request::DeleteRange(request) => RequestOp::DeleteRange(delete_range(request)),
        Request::Txn(request) => RequestOp::Txn(txn(request)?),
    })
}

fn range(request: wire::RangeRequest) -> Result<RangeRequest, KvError> {
    Ok(RangeRequest {
        range: KeyRange::between(request.key, request.range_end),
        limit: request.limit,
        revision: request.revision,
        sort_order: SortOrder::from_number(request.sort_order)?,
        sort_target: SortTarget::from_number(request.sort_target)?,
        keys_only: request.keys_only,
        count_only: request.count_only,
        min_mod_revision: request.min_mod_revision,
        max_mod_revision: request.max_mod_revision,
        min_create_revision: request.min_create_revision,
        max_create_revision: request.max_create_revision,
    })
}

fn compare(compare: wire::Compare) -> Result<Compare, KvError> {
    use wire::compare::{Operand, Result as Wire};
    let result = match Wire::try_from(compare.result).map_err(|_| KvError::BadCommand)? {
        Wire::Equal => CompareResult::Equal,
        Wire::Greater => CompareResult::Greater,
        Wire::Less => CompareResult::Less,
        Wire::NotEqual => CompareResult::NotEqual,
    };
    let operand = match compare.operand.ok_or(KvError::BadCommand)? {
        Operand::Version(operand) => CompareOperand::Version(operand),
        Operand::CreateRevision(operand) => CompareOperand::CreateRevision(operand),
        Operand::ModRevision(operand) => CompareOperand::ModRevision(operand),
        Operand::Value(operand) => CompareOperand::Value(operand),
        Operand::Lease(operand) => CompareOperand::Lease(operand),
    };
    Ok(Compare { range: KeyRange::between(compare.key, compare.range_end), result, operand })
}
