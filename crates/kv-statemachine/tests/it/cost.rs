//! What reads cost, in rows read.

use bytes::Bytes;
use kv_statemachine::{
    DeleteRangeRequest, KeyRange, Operation, PutRequest, RangeRequest, SortOrder,
};

use crate::support::Node;

/// A node with 20,000 keys `k00000` to `k19999`, the first thousand of them
/// written fifty times, and 500 more that were deleted.
fn node_with_history() -> Node {
    let mut node = Node::new();
    let put =
        |n: u64, value: u64| Operation::Put(PutRequest::of(format!("k{n:05}"), format!("{value}")));
    let mut operations: Vec<Operation> = (0..20_000).map(|n| put(n, 0)).collect();
    for value in 1..50 {
        operations.extend((0..1000).map(|n| put(n, value)));
    }
    for n in 0..500 {
        let key = format!("k00999-{n}");
        operations.push(Operation::Put(PutRequest::of(key.clone(), "v")));
        let range = KeyRange::single(key);
        operations.push(Operation::DeleteRange(DeleteRangeRequest { range, prev_kv: false }));
    }
    node.run_all(operations);
    node
}

fn cost_of(node: &Node, request: &RangeRequest) -> (kv_statemachine::RangeResponse, u64) {
    let before = node.store.reads();
    let response = node.view().range(request).unwrap();
    (response, node.store.reads() - before)
}

#[test]
fn reads_cost_what_they_return() {
    let node = node_with_history();
    let history = node.view().revision();
    assert!(history > 69_000, "there is a history to be lost in: {history}");
    let part = KeyRange::between("k00100", "k00200");

    let (response, cost) = cost_of(&node, &RangeRequest::of(part.clone()));
    assert_eq!((response.kvs.len(), response.count), (100, 100));
    assert!(cost <= 110, "100 keys with long histories took {cost} rows");

    let (response, cost) = cost_of(&node, &RangeRequest::of(KeyRange::single("k00007")));
    assert_eq!(response.kvs[0].version, 50);
    assert_eq!(cost, 1, "one key is one look-up");

    // A limit bounds the cost, and the count beside it comes from the index.
    let limited = RangeRequest { limit: 10, ..RangeRequest::of(KeyRange::prefix("k")) };
    let (response, cost) = cost_of(&node, &limited);
    assert_eq!((response.kvs.len(), response.count, response.more), (10, 20_000, true));
    assert!(cost <= 11 + 2 * 256, "10 of 20,000 keys took {cost} rows");

    let backwards = RangeRequest { sort_order: SortOrder::Descend, ..limited };
    let (response, cost) = cost_of(&node, &backwards);
    assert_eq!(response.kvs[0].key, Bytes::from_static(b"k19999"));
    assert!(cost <= 11 + 2 * 256, "the last 10 of 20,000 keys took {cost} rows");
}

#[test]
fn counts_cost_neither_keys_nor_history() {
    let node = node_with_history();
    let count = |range| RangeRequest { count_only: true, ..RangeRequest::of(range) };
    for (range, expected) in [
        (KeyRange::prefix("k"), 20_000),
        (KeyRange::prefix("k1"), 10_000),
        (KeyRange::between("k00150", "k17777"), 17_627),
        (KeyRange::from_key("k00500"), 19_500),
        (KeyRange::prefix("x"), 0),
    ] {
        let (response, cost) = cost_of(&node, &count(range.clone()));
        assert_eq!(response.count, expected, "{range:?}");
        assert!(cost <= 2 * 256, "counting {expected} keys took {cost} rows");
    }
    // A little earlier, the changes since are looked at besides.
    let earlier =
        RangeRequest { revision: node.view().revision() - 1, ..count(KeyRange::prefix("k")) };
    let (response, cost) = cost_of(&node, &earlier);
    assert_eq!(response.count, 20_001);
    assert!(cost <= 2 * 256 + 1, "counting at the revision before took {cost} rows");
}

/// Keys read as of long ago cost a few rows each, not their whole histories.
#[test]
fn old_revisions_cost_no_whole_histories() {
    let mut node = Node::new();
    let versions = 2000;
    node.run_all(
        (1..=20 * versions)
            .map(|n| Operation::Put(PutRequest::of(format!("{:02}", n % 20), format!("{n}")))),
    );
    let request =
        RangeRequest { revision: 20_000, ..RangeRequest::of(KeyRange::between("00", "20")) };
    let (response, cost) = cost_of(&node, &request);
    assert_eq!(response.kvs.len(), 20);
    assert!(response.kvs.iter().all(|kv| kv.mod_revision > 19_980));
    assert!(cost <= 20 * 25, "20 keys of {versions} versions each took {cost} rows");
}
