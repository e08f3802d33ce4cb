//! Each error, with etcd's words.

use bytes::Bytes;
use kv_statemachine::{
    Compare, CompareOperand, CompareResult, DeleteRangeRequest, KeyRange, KvError, MAX_TXN_DEPTH,
    MemberAttributes, Operation, PutRequest, RangeRequest, ReadError, RequestOp, SortOrder,
    SortTarget, TxnRequest, check_delete_range, check_put, check_range, check_txn,
};
use raft_core::{EntryKind, Membership, NodeId};
use raft_storage::{Mutation, Space, StateStore};

use crate::support::{Node, membership};

fn put(key: &'static str) -> RequestOp {
    RequestOp::Put(PutRequest::of(key, "v"))
}

fn delete(range: KeyRange) -> RequestOp {
    RequestOp::DeleteRange(DeleteRangeRequest { range, prev_kv: false })
}

fn then(success: Vec<RequestOp>) -> TxnRequest {
    TxnRequest { success, ..TxnRequest::default() }
}

fn nested(success: Vec<RequestOp>, failure: Vec<RequestOp>) -> RequestOp {
    RequestOp::Txn(TxnRequest { compare: Vec::new(), success, failure })
}

#[test]
fn empty_keys_are_refused() {
    let empty = KeyRange::from_key("");
    let range = RangeRequest::of(empty.clone());
    assert_eq!(check_range(&range), Err(KvError::EmptyKey));
    assert_eq!(check_put(&PutRequest::of("", "v")), Err(KvError::EmptyKey));
    let request = DeleteRangeRequest { range: empty.clone(), prev_kv: false };
    assert_eq!(check_delete_range(&request), Err(KvError::EmptyKey));
    for op in [RequestOp::Range(range), put(""), delete(empty.clone())] {
        assert_eq!(check_txn(&then(vec![op.clone()]), 128), Err(KvError::EmptyKey));
        let failure = TxnRequest { failure: vec![nested(vec![op], vec![])], ..then(vec![]) };
        assert_eq!(check_txn(&failure, 128), Err(KvError::EmptyKey));
    }
    let compare =
        Compare { range: empty, result: CompareResult::Equal, operand: CompareOperand::Version(0) };
    let request = TxnRequest { compare: vec![compare], ..TxnRequest::default() };
    assert_eq!(check_txn(&request, 128), Err(KvError::EmptyKey));
    assert_eq!(KvError::EmptyKey.to_string(), "etcdserver: key is not provided");
}

#[test]
fn what_is_ignored_must_not_be_given() {
    let request = PutRequest { ignore_value: true, ..PutRequest::of("k", "v") };
    assert_eq!(check_put(&request), Err(KvError::ValueProvided));
    let request = PutRequest { ignore_lease: true, lease: 1, ..PutRequest::of("k", "v") };
    assert_eq!(check_put(&request), Err(KvError::LeaseProvided));
}

#[test]
fn what_is_ignored_must_be_there() {
    let mut node = Node::new();
    for request in [
        PutRequest { ignore_value: true, ..PutRequest::of("k", "") },
        PutRequest { ignore_lease: true, ..PutRequest::of("k", "v") },
    ] {
        let outcome = node.run(Operation::Put(request.clone())).outcome;
        assert_eq!(outcome, Err(KvError::KeyNotFound));
        let txn = then(vec![put("other"), RequestOp::Put(request)]);
        let outcome = node.run(Operation::Txn(txn)).outcome;
        assert_eq!(outcome, Err(KvError::KeyNotFound));
    }
    assert_eq!(node.view().revision(), 1, "a refused transaction changes nothing");
}

#[test]
fn leases_are_not_there() {
    let mut node = Node::new();
    let request = PutRequest { lease: 5, ..PutRequest::of("k", "v") };
    let outcome = node.run(Operation::Put(request.clone())).outcome;
    assert_eq!(outcome, Err(KvError::LeaseNotFound));
    let outcome = node.run(Operation::Txn(then(vec![put("a"), RequestOp::Put(request)]))).outcome;
    assert_eq!(outcome, Err(KvError::LeaseNotFound));
    assert_eq!(node.view().key_count(), 0);
}

/// The longest list of a transaction counts, and what it leaves is for those in it.
#[test]
fn operations_are_counted_as_etcd_counts_them() {
    let puts = |count: usize| -> Vec<RequestOp> {
        (0..count).map(|n| RequestOp::Put(PutRequest::of(format!("{n}"), "v"))).collect()
    };
    assert_eq!(check_txn(&then(puts(128)), 128), Ok(()));
    assert_eq!(check_txn(&then(puts(129)), 128), Err(KvError::TooManyOps));
    let failure = TxnRequest { failure: puts(129), ..TxnRequest::default() };
    assert_eq!(check_txn(&failure, 128), Err(KvError::TooManyOps));
    let both = TxnRequest { success: puts(128), failure: puts(128), compare: Vec::new() };
    assert_eq!(check_txn(&both, 128), Ok(()));
    let inner = |count| then(vec![nested(puts(count), vec![])]);
    assert_eq!(check_txn(&inner(127), 128), Ok(()));
    assert_eq!(check_txn(&inner(128), 128), Err(KvError::TooManyOps));
}

#[test]
fn nesting_is_bounded() {
    let deep = |depth: u32| (1..depth).fold(then(vec![]), |txn, _| then(vec![RequestOp::Txn(txn)]));
    assert_eq!(check_txn(&deep(MAX_TXN_DEPTH), 128), Ok(()));
    assert_eq!(check_txn(&deep(MAX_TXN_DEPTH + 1), 128), Err(KvError::TooManyOps));
    // As deep as may be, it can be read from the log.
    let mut node = Node::new();
    assert!(node.run(Operation::Txn(deep(MAX_TXN_DEPTH))).outcome.is_ok());
}

#[test]
fn keys_written_twice_are_refused() {
    let refused = [
        vec![put("k"), put("k")],
        vec![put("k"), delete(KeyRange::single("k"))],
        vec![delete(KeyRange::between("a", "z")), put("k")],
        vec![put("k"), nested(vec![put("k")], vec![])],
        vec![put("k"), nested(vec![], vec![put("k")])],
        vec![nested(vec![put("k")], vec![]), nested(vec![], vec![put("k")])],
        vec![delete(KeyRange::single("k")), nested(vec![put("k")], vec![])],
        vec![nested(vec![delete(KeyRange::prefix("k"))], vec![]), put("k1")],
        vec![nested(vec![delete(KeyRange::single("k"))], vec![]), nested(vec![put("k")], vec![])],
    ];
    for ops in refused {
        assert_eq!(check_txn(&then(ops.clone()), 128), Err(KvError::DuplicateKey), "{ops:?}");
        // Whoever did not check gets the same answer from every node.
        let outcome = Node::new().run(Operation::Txn(then(ops))).outcome;
        assert_eq!(outcome, Err(KvError::DuplicateKey));
    }
    let fine = [
        vec![put("k"), put("k1")],
        vec![delete(KeyRange::prefix("k")), delete(KeyRange::single("k"))],
        vec![put("k"), delete(KeyRange::between("a", "k"))],
        vec![nested(vec![put("k")], vec![put("k")])],
        vec![nested(vec![put("k")], vec![delete(KeyRange::single("k"))])],
        // etcd lets these through.
        vec![put("k"), delete(KeyRange::from_key("a"))],
        vec![nested(vec![put("k")], vec![]), nested(vec![delete(KeyRange::single("k"))], vec![])],
    ];
    for ops in fine {
        assert_eq!(check_txn(&then(ops.clone()), 128), Ok(()), "{ops:?}");
    }
    let either = TxnRequest { success: vec![put("k")], failure: vec![put("k")], ..then(vec![]) };
    assert_eq!(check_txn(&either, 128), Ok(()));
}

#[test]
fn unknown_orders_are_refused() {
    assert_eq!(SortOrder::from_number(3), Err(KvError::InvalidSortOption));
    assert_eq!(SortTarget::from_number(5), Err(KvError::InvalidSortOption));
    assert_eq!(SortTarget::from_number(-1), Err(KvError::InvalidSortOption));
    assert_eq!(SortOrder::from_number(2), Ok(SortOrder::Descend));
    assert_eq!(SortTarget::from_number(4), Ok(SortTarget::Value));
}

#[test]
fn attributes_are_for_members_only() {
    let mut node = Node::new();
    let set = |member| Operation::SetMemberAttributes {
        member: NodeId(member),
        attributes: MemberAttributes {
            name: format!("node {member}"),
            client_urls: vec!["http://127.0.0.1:2379".to_owned()],
        },
    };
    assert_eq!(node.run(set(4)).outcome, Err(KvError::MemberNotFound));
    assert!(node.run(set(2)).outcome.is_ok());
    assert!(node.run(set(3)).outcome.is_ok());
    assert_eq!(node.view().revision(), 1);
    let names = |node: &Node| -> Vec<_> {
        let found = node.view().member_attributes().unwrap();
        found.into_iter().map(|(id, attributes)| (id.0, attributes.name)).collect()
    };
    assert_eq!(names(&node), [(2, "node 2".to_owned()), (3, "node 3".to_owned())]);
    // A member that leaves takes its attributes along.
    let mut smaller = membership();
    smaller.members.remove(&NodeId(2));
    smaller.voters.remove(&NodeId(2));
    smaller.removed.insert(NodeId(2));
    let entry = node.entry_of(EntryKind::MEMBERSHIP, Membership::FORMAT, smaller.encode());
    node.apply(&[entry]).unwrap();
    assert_eq!(node.machine.reader().view().applied(), node.view().applied());
    assert_eq!(names(&node), [(3, "node 3".to_owned())]);
    assert_eq!(names(&node.restart().unwrap()), [(3, "node 3".to_owned())]);
}

#[test]
fn entries_of_a_newer_version_stop_the_node() {
    let mut node = Node::new();
    let entry = node.entry_of(EntryKind::COMMAND, 200, Bytes::new());
    let error = node.apply(&[entry]).unwrap_err().to_string();
    assert!(error.contains("1@1") && error.contains("format 200"), "{error}");
    assert!(error.contains("upgrade this node"), "{error}");
    let mut node = Node::new();
    let entry = node.entry_of(EntryKind(9), 1, Bytes::new());
    let error = node.apply(&[entry]).unwrap_err().to_string();
    assert!(error.contains("upgrade this node"), "{error}");
}

#[test]
fn a_state_of_a_newer_version_is_refused() {
    let node = Node::new();
    let newer = Bytes::copy_from_slice(&2u32.to_be_bytes());
    let row = Mutation::Put(Space(0), Bytes::from_static(b"format"), newer);
    node.store.commit(vec![row]).unwrap();
    let error = node.restart().err().expect("it is refused").to_string();
    assert!(error.contains("format 2") && error.contains("upgrade this node"), "{error}");
}

#[test]
fn a_corrupt_row_is_an_error_by_name() {
    let mut node = Node::new();
    node.run(Operation::Put(PutRequest::of("k", "v")));
    let row = Mutation::Put(Space(1), Bytes::from_static(b"k"), Bytes::from_static(b"\x80"));
    node.store.commit(vec![row]).unwrap();
    let node = node.restart().unwrap();
    let error = node.view().range(&RangeRequest::of(KeyRange::single("k"))).unwrap_err();
    let error = error.to_string();
    assert!(error.contains("latest") && error.contains("corrupt"), "{error}");
}

#[test]
fn a_transaction_that_writes_is_not_read() {
    let view = Node::new().view();
    let error = view.txn(&then(vec![put("k")])).unwrap_err();
    assert!(matches!(error, ReadError::NotReadOnly), "{error}");
    let hidden = TxnRequest { failure: vec![nested(vec![], vec![])], ..then(vec![]) };
    assert!(matches!(view.txn(&hidden), Err(ReadError::NotReadOnly)));
}
