//! Reading from other threads while entries are applied.

use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use kv_statemachine::{KeyRange, Operation, PutRequest, RangeRequest, RequestOp, TxnRequest};

use crate::support::Node;

/// Two keys are always written together, and a third with each revision: no
/// reader ever sees one without the other, or another number of keys than the
/// revision says.
#[test]
fn revision_data_and_counts_are_of_one_moment() {
    let mut node = Node::new();
    let reader = node.machine.reader();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| {
            let mut views = 0;
            while !done.load(Ordering::Relaxed) {
                let view = reader.view();
                let written = view.revision() - 1;
                let both = view.range(&RangeRequest::of(KeyRange::between("a", "c"))).unwrap();
                let values: Vec<&Bytes> = both.kvs.iter().map(|kv| &kv.value).collect();
                assert_eq!(both.revision, view.revision());
                let expected = Bytes::from(format!("{written}"));
                assert!(values.iter().all(|value| **value == expected), "{values:?} {written}");
                let count =
                    RangeRequest { count_only: true, ..RangeRequest::of(KeyRange::prefix("n")) };
                assert_eq!(view.range(&count).unwrap().count, written);
                assert_eq!(view.applied().index.0, written as u64);
                views += 1;
            }
            views
        });
        for n in 1..=1500 {
            let put = |key: String| RequestOp::Put(PutRequest::of(key, format!("{n}")));
            let success = vec![put("a".into()), put("b".into()), put(format!("n{n:05}"))];
            let txn = TxnRequest { success, ..TxnRequest::default() };
            node.run(Operation::Txn(txn)).outcome.expect("it is done");
        }
        done.store(true, Ordering::Relaxed);
        assert!(reading.join().expect("the reader saw what it should") > 0);
    });
}

#[test]
fn a_view_stays_as_it_is() {
    let mut node = Node::new();
    node.run(Operation::Put(PutRequest::of("a", "1")));
    let view = node.view();
    let hash = view.state_hash().unwrap();
    node.run(Operation::Put(PutRequest::of("a", "2")));
    node.run(Operation::Put(PutRequest::of("b", "2")));
    node.run(Operation::Compact(kv_statemachine::CompactRequest { revision: 4 }));
    node.finish_compaction();
    assert_eq!((view.revision(), view.compact_revision(), view.key_count()), (2, -1, 1));
    let response = view.range(&RangeRequest::of(KeyRange::prefix(""))).unwrap();
    assert_eq!(response.kvs[0].value, Bytes::from_static(b"1"));
    assert_eq!(view.state_hash().unwrap(), hash);
}
