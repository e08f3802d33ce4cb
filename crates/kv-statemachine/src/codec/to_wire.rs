//! Commands to messages.

use proto::balsa::kv::v1 as wire;

use crate::alarm::{AlarmAction, AlarmRequest, AlarmSource};
use crate::command::{Command, Operation, RequestId};
use crate::request::{
    Compare, CompareOperand, CompareResult, DeleteRangeRequest, PutRequest, RangeRequest,
    RequestOp, SortOrder, SortTarget, TxnRequest,
};

pub(super) fn command(command: &Command) -> wire::Command {
    use wire::command::Operation as Wire;
    let operation = match &command.operation {
        Operation::Put(request) => Wire::Put(put(request)),
        Operation::DeleteRange(request) => Wire::DeleteRange(delete_range(request)),
        Operation::Txn(request) => Wire::Txn(txn(request)),
        Operation::Compact(request) => {
            Wire::Compact(wire::CompactRequest { revision: request.revision })
        }
        Operation::SetMemberAttributes { member, attributes } => {
            Wire::SetMemberAttributes(wire::SetMemberAttributesRequest {
                member: member.0,
                name: attributes.name.clone(),
                client_urls: attributes.client_urls.clone(),
            })
        }
        Operation::Alarm(request) => Wire::Alarm(alarm(request)),
    };
    wire::Command { request_id: command.request_id.map(request_id), operation: Some(operation) }
}

pub(super) fn request_id(id: RequestId) -> wire::RequestId {
    wire::RequestId { node: id.node.0, incarnation: id.incarnation.0, counter: id.counter }
}

fn alarm(request: &AlarmRequest) -> wire::AlarmRequest {
    wire::AlarmRequest {
        lift: request.action == AlarmAction::Lift,
        kind: request.alarm.kind.0,
        member: request.alarm.member.0,
        by_operator: request.source == AlarmSource::Operator,
    }
}

fn put(request: &PutRequest) -> wire::PutRequest {
    wire::PutRequest {
        key: request.key.clone(),
        value: request.value.clone(),
        lease: request.lease,
        prev_kv: request.prev_kv,
        ignore_value: request.ignore_value,
        ignore_lease: request.ignore_lease,
    }
}

fn delete_range(request: &DeleteRangeRequest) -> wire::DeleteRangeRequest {
    wire::DeleteRangeRequest {
        key: request.range.key.clone(),
        range_end: request.range.range_end.clone(),
        prev_kv: request.prev_kv,
    }
}

fn txn(request: &TxnRequest) -> wire::TxnRequest {
    wire::TxnRequest {
        compare: request.compare.iter().map(compare).collect(),
        success: request.success.iter().map(request_op).collect(),
        failure: request.failure.iter().map(request_op).collect(),
    }
}

fn request_op(op: &RequestOp) -> wire::RequestOp {
    use wire::request_op::Request;
    let request = match op {
        RequestOp::Range(request) => Request::Range(range(request)),
        RequestOp::Put(request) => Request::Put(put(request)),
        RequestOp::DeleteRange(request) => Request::DeleteRange(delete_range(request)),
        RequestOp::Txn(request) => Request::Txn(txn(request)),
    };
    wire::RequestOp { request: Some(request) }
}

fn range(request: &RangeRequest) -> wire::RangeRequest {
    use wire::range_request::{SortOrder as Order, SortTarget as Target};
    let sort_order = match request.sort_order {
        SortOrder::None => Order::None,
        SortOrder::Ascend => Order::Ascend,
        SortOrder::Descend => Order::Descend,
    };
    let sort_target = match request.sort_target {
        SortTarget::Key => Target::Key,
        SortTarget::Version => Target::Version,
        SortTarget::Create => Target::Create,
        SortTarget::Mod => Target::Mod,
        SortTarget::Value => Target::Value,
    };
    wire::RangeRequest {
        key: request.range.key.clone(),
        range_end: request.range.range_end.clone(),
        limit: request.limit,
        revision: request.revision,
        sort_order: sort_order.into(),
        sort_target: sort_target.into(),
        keys_only: request.keys_only,
        count_only: request.count_only,
        min_mod_revision: request.min_mod_revision,
        max_mod_revision: request.max_mod_revision,
        min_create_revision: request.min_create_revision,
        max_create_revision: request.max_create_revision,
    }
}

fn compare(compare: &Compare) -> wire::Compare {
    use wire::compare::{Operand, Result as Wire};
    let result = match compare.result {
        CompareResult::Equal => Wire::Equal,
        CompareResult::Greater => Wire::Greater,
        CompareResult::Less => Wire::Less,
        CompareResult::NotEqual => Wire::NotEqual,
    };
    let operand = match &compare.operand {
        CompareOperand::Version(operand) => Operand::Version(*operand),
        CompareOperand::CreateRevision(operand) => Operand::CreateRevision(*operand),
        CompareOperand::ModRevision(operand) => Operand::ModRevision(*operand),
        CompareOperand::Value(operand) => Operand::Value(operand.clone()),
        CompareOperand::Lease(operand) => Operand::Lease(*operand),
    };
    wire::Compare {
        result: result.into(),
        key: compare.range.key.clone(),
        range_end: compare.range.range_end.clone(),
        operand: Some(operand),
    }
}
