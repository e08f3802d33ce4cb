//! Random requests over few keys, so that they meet.

use bytes::Bytes;
use kv_statemachine::{
    Alarm, AlarmAction, AlarmKind, AlarmRequest, AlarmSource, CompactRequest, Compare,
    CompareOperand, CompareResult, DeleteRangeRequest, KeyRange, Operation, PutRequest,
    RangeRequest, RequestOp, SortOrder, SortTarget, TxnRequest,
};
use raft_core::NodeId;

use super::rng::Rng;

/// A write; `revision` is about the latest one.
pub fn operation(rng: &mut Rng, revision: i64) -> Operation {
    match rng.below(20) {
        0..8 => Operation::Put(put(rng)),
        8..12 => Operation::DeleteRange(delete_range(rng)),
        12 => Operation::Compact(CompactRequest { revision: around(rng, revision) }),
        13 => Operation::Alarm(alarm(rng)),
        _ => Operation::Txn(txn(rng, revision, 3)),
    }
}

/// Few alarms, lifted more often than raised: most writes go through.
fn alarm(rng: &mut Rng) -> AlarmRequest {
    let kind = if rng.one_in(4) { AlarmKind::CORRUPT } else { AlarmKind::NO_SPACE };
    AlarmRequest {
        action: if rng.one_in(3) { AlarmAction::Raise } else { AlarmAction::Lift },
        alarm: Alarm { kind, member: NodeId(rng.below(2)) },
        source: if rng.one_in(2) { AlarmSource::Operator } else { AlarmSource::Member },
    }
}

pub fn key(rng: &mut Rng) -> Bytes {
    const KEYS: [&[u8]; 14] = [
        b"a",
        b"aa",
        b"ab",
        b"a\0",
        b"a\0\xff",
        b"b",
        b"b1",
        b"b2",
        b"b3",
        b"c",
        b"\0",
        b"\xff",
        b"\xff\xff",
        b"z",
    ];
    Bytes::from_static(KEYS[rng.below(KEYS.len() as u64) as usize])
}

pub fn key_range(rng: &mut Rng) -> KeyRange {
    match rng.below(5) {
        0 | 1 => KeyRange::single(key(rng)),
        2 => KeyRange::from_key(key(rng)),
        3 => KeyRange::prefix(key(rng)),
        _ => KeyRange::between(key(rng), key(rng)),
    }
}

fn value(rng: &mut Rng) -> Bytes {
    Bytes::from(format!("{}", rng.below(20)))
}

pub fn put(rng: &mut Rng) -> PutRequest {
    let ignore_value = rng.one_in(8);
    PutRequest {
        key: if rng.one_in(50) { Bytes::new() } else { key(rng) },
        value: if ignore_value && !rng.one_in(10) { Bytes::new() } else { value(rng) },
        lease: if rng.one_in(40) { 7 } else { 0 },
        prev_kv: rng.one_in(2),
        ignore_value,
        ignore_lease: rng.one_in(8),
    }
}

pub fn delete_range(rng: &mut Rng) -> DeleteRangeRequest {
    DeleteRangeRequest { range: key_range(rng), prev_kv: rng.one_in(2) }
}

pub fn range(rng: &mut Rng, revision: i64) -> RangeRequest {
    let mut filter =
        |latest: i64| if rng.one_in(6) { rng.below(latest as u64 + 2) as i64 } else { 0 };
    let filters = [filter(revision), filter(revision), filter(revision), filter(revision)];
    RangeRequest {
        range: key_range(rng),
        limit: rng.below(6) as i64 - 1,
        revision: if rng.one_in(2) { 0 } else { around(rng, revision) },
        sort_order: [SortOrder::None, SortOrder::Ascend, SortOrder::Descend][rng.below(3) as usize],
        sort_target: [
            SortTarget::Key,
            SortTarget::Key,
            SortTarget::Version,
            SortTarget::Create,
            SortTarget::Mod,
            SortTarget::Value,
        ][rng.below(6) as usize],
        keys_only: rng.one_in(4),
        count_only: rng.one_in(4),
        min_mod_revision: filters[0],
        max_mod_revision: filters[1],
        min_create_revision: filters[2],
        max_create_revision: filters[3],
    }
}

pub fn txn(rng: &mut Rng, revision: i64, depth: u32) -> TxnRequest {
    let compare = (0..rng.below(3)).map(|_| compare(rng, revision)).collect();
    let ops = |rng: &mut Rng| (0..rng.below(4)).map(|_| request_op(rng, revision, depth)).collect();
    TxnRequest { compare, success: ops(rng), failure: ops(rng) }
}

fn request_op(rng: &mut Rng, revision: i64, depth: u32) -> RequestOp {
    match rng.below(10) {
        0..4 => RequestOp::Put(put(rng)),
        4..6 => RequestOp::DeleteRange(delete_range(rng)),
        6 if depth > 0 => RequestOp::Txn(txn(rng, revision, depth - 1)),
        _ => RequestOp::Range(range(rng, revision)),
    }
}

fn compare(rng: &mut Rng, revision: i64) -> Compare {
    use CompareResult::{Equal, Greater, Less, NotEqual};
    Compare {
        range: key_range(rng),
        result: [Equal, Greater, Less, NotEqual][rng.below(4) as usize],
        operand: match rng.below(5) {
            0 => CompareOperand::Version(rng.below(3) as i64),
            1 => CompareOperand::CreateRevision(around(rng, revision)),
            2 => CompareOperand::ModRevision(around(rng, revision)),
            3 => CompareOperand::Value(value(rng)),
            _ => CompareOperand::Lease(rng.below(2) as i64),
        },
    }
}

/// A revision, mostly one that there is.
fn around(rng: &mut Rng, revision: i64) -> i64 {
    match rng.below(12) {
        0 => 0,
        1 => revision + 1,
        2 => -1,
        3..6 => revision,
        _ => rng.below(revision as u64 + 1) as i64,
    }
}
