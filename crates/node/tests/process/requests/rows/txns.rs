//! Transactions.

use proto::etcdserverpb::compare::TargetUnion;
use proto::etcdserverpb::request_op::Request;
use proto::etcdserverpb::{
    Compare, DeleteRangeRequest, PutRequest, RangeRequest, RequestOp, TxnRequest,
};

use super::Row;

/// Steps that one branch may have.
const MAX_OPS: usize = 128;

/// The rows.
pub fn rows() -> Vec<Row> {
    let rows = [sizes(), steps(), comparisons(), overlaps(), nested_overlaps()].concat();
    rows.into_iter().map(|(name, txn)| Row::kv(format!("txn: {name}"), "Txn", &txn)).collect()
}

type Named = (String, TxnRequest);

fn op(request: Request) -> RequestOp {
    RequestOp { request: Some(request) }
}

fn put(key: &'static str) -> RequestOp {
    op(Request::RequestPut(PutRequest { key: key.into(), value: "x".into(), ..Default::default() }))
}

fn range(request: RangeRequest) -> RequestOp {
    op(Request::RequestRange(request))
}

fn get(key: &'static str) -> RangeRequest {
    RangeRequest { key: key.into(), ..Default::default() }
}

fn delete(key: &'static str, end: &'static str) -> RequestOp {
    let (key, range_end) = (key.into(), end.into());
    op(Request::RequestDeleteRange(DeleteRangeRequest { key, range_end, prev_kv: false }))
}

fn then(success: Vec<RequestOp>) -> TxnRequest {
    TxnRequest { success, ..Default::default() }
}

fn both(success: Vec<RequestOp>, failure: Vec<RequestOp>) -> TxnRequest {
    TxnRequest { success, failure, ..Default::default() }
}

fn nested(txn: TxnRequest) -> RequestOp {
    op(Request::RequestTxn(txn))
}

fn if_key(key: &'static str) -> Compare {
    Compare { key: key.into(), ..Default::default() }
}

fn named<const N: usize>(rows: [(&str, TxnRequest); N]) -> Vec<Named> {
    rows.into_iter().map(|(name, txn)| (name.to_owned(), txn)).collect()
}

fn sizes() -> Vec<Named> {
    let gets = |count| vec![range(get("a")); count];
    let compares = |count| TxnRequest { compare: vec![if_key("a"); count], ..Default::default() };
    let deep = |depth| (1..depth).fold(TxnRequest::default(), |txn, _| then(vec![nested(txn)]));
    let wide = then(vec![range(RangeRequest { key: vec![b'k'; 8000].into(), ..get("") }); 100]);
    let large = |count: usize| {
        let put =
            PutRequest { key: "a".into(), value: vec![b'v'; 1 << 20].into(), ..Default::default() };
        let other = PutRequest { key: "b".into(), ..put.clone() };
        then([put, other].into_iter().take(count).map(|put| op(Request::RequestPut(put))).collect())
    };
    named([
        ("empty", TxnRequest::default()),
        ("as many steps as there may be", then(gets(MAX_OPS))),
        ("too many steps", then(gets(MAX_OPS + 1))),
        ("too many steps in the other branch", both(vec![], gets(MAX_OPS + 1))),
        ("many steps in both branches", both(gets(MAX_OPS), gets(MAX_OPS))),
        ("as many comparisons as there may be", compares(MAX_OPS)),
        ("too many comparisons", compares(MAX_OPS + 1)),
        ("too many steps, nested", {
            let mut ops = gets(MAX_OPS - 1);
            ops.push(nested(then(gets(1))));
            then(ops)
        }),
        ("just enough steps, nested", {
            let mut ops = gets(MAX_OPS - 2);
            ops.push(nested(then(gets(1))));
            then(ops)
        }),
        ("too many steps and no key", then(vec![range(get("")); MAX_OPS + 1])),
        ("four deep", deep(4)),
        ("128 kB of keys", wide),
        ("one large put", large(1)),
        ("larger than a request", large(2)),
    ])
}

fn steps() -> Vec<Named> {
    let put_of = |request| op(Request::RequestPut(request));
    let at = |revision| range(RangeRequest { revision, ..get("a") });
    named([
        ("a step without content", then(vec![RequestOp { request: None }])),
        ("a step without content behind a put", then(vec![put("a"), RequestOp { request: None }])),
        ("a range without a key", then(vec![range(get(""))])),
        ("a put without a key", then(vec![put("")])),
        ("a deletion without a key", then(vec![delete("", "z")])),
        ("a put without a key in the branch not taken", both(vec![], vec![put("")])),
        ("an unknown order", then(vec![range(RangeRequest { sort_order: 9, ..get("a") })])),
        ("an unknown target", then(vec![range(RangeRequest { sort_target: 9, ..get("a") })])),
        ("a value beside ignore_value", {
            then(vec![put_of(PutRequest {
                key: "a".into(),
                value: "1".into(),
                ignore_value: true,
                ..Default::default()
            })])
        }),
        ("ignore_value of no key", {
            let other = PutRequest { key: "no".into(), ignore_value: true, ..Default::default() };
            then(vec![put("c"), put_of(other)])
        }),
        ("ignore_value of a key put within", {
            let own = PutRequest { key: "new".into(), ignore_value: true, ..Default::default() };
            then(vec![nested(then(vec![put("new")])), put_of(own)])
        }),
        ("an unknown lease", {
            let put = PutRequest { key: "a".into(), lease: 7, ..Default::default() };
            then(vec![put_of(put)])
        }),
        ("an unknown lease in the branch not taken", {
            let put = PutRequest { key: "a".into(), lease: 7, ..Default::default() };
            both(vec![], vec![put_of(put)])
        }),
        ("a future revision", then(vec![at(99)])),
        ("a future revision behind a put", then(vec![put("a"), at(99)])),
        ("a compacted revision", then(vec![at(2)])),
        ("a compacted revision behind a put", then(vec![put("a"), at(2)])),
        ("a revision below zero behind a put", then(vec![put("a"), at(-7)])),
        ("a future revision in the branch not taken", both(vec![], vec![at(99)])),
        (
            "a future revision in the branch not taken beside a put",
            both(vec![put("a")], vec![at(99)]),
        ),
        ("the revision that its own put makes", then(vec![put("a"), at(12)])),
        ("a limit below zero", then(vec![range(RangeRequest { limit: -1, ..get("a") })])),
    ])
}

fn comparisons() -> Vec<Named> {
    let mut rows = named([
        (
            "a comparison without a key",
            TxnRequest { compare: vec![if_key("")], ..Default::default() },
        ),
        ("a comparison without a key, and a put without one", {
            TxnRequest { compare: vec![if_key("")], ..then(vec![put("")]) }
        }),
    ]);
    let unions = [
        ("nothing", None),
        ("a version", Some(TargetUnion::Version(1))),
        ("a revision", Some(TargetUnion::ModRevision(7))),
        ("a value", Some(TargetUnion::Value("6".into()))),
        ("a lease", Some(TargetUnion::Lease(7))),
    ];
    for target in [-1, 0, 1, 2, 3, 4, 5] {
        for result in [-1, 0, 1, 2, 3, 4] {
            for (of, union) in &unions {
                for (key, range_end) in [("a", ""), ("nowhere", ""), ("a", "zz"), ("zz", "a")] {
                    let compare = Compare {
                        result,
                        target,
                        key: key.into(),
                        range_end: range_end.into(),
                        target_union: union.clone(),
                    };
                    let name =
                        format!("{key}..{range_end}: target {target} result {result} with {of}");
                    rows.push((name, TxnRequest { compare: vec![compare], ..Default::default() }));
                }
            }
        }
    }
    rows
}

fn overlaps() -> Vec<Named> {
    named([
        ("a key put twice", then(vec![put("a"), put("a")])),
        ("a key put twice in the branch not taken", both(vec![], vec![put("a"), put("a")])),
        ("a key put in both branches", both(vec![put("a")], vec![put("a")])),
        ("put and deleted", then(vec![put("a"), delete("a", "")])),
        ("deleted and put", then(vec![delete("a", ""), put("a")])),
        ("put at the beginning of what is deleted", then(vec![put("d"), delete("d", "f")])),
        ("put within what is deleted", then(vec![delete("d", "f"), put("e")])),
        ("put at the end of what is deleted", then(vec![delete("d", "f"), put("f")])),
        ("put before what is deleted", then(vec![delete("d", "f"), put("c")])),
        ("put behind a deleted key", then(vec![delete("d", ""), put("d\0")])),
        ("put within all that is deleted", then(vec![delete("d", "\0"), put("e")])),
        ("put, and deleted with an end below the key", then(vec![delete("f", "d"), put("e")])),
        ("deleted twice", then(vec![delete("d", "f"), delete("e", "g")])),
        ("deleted twice and put in both", then(vec![delete("d", "f"), delete("e", "g"), put("e")])),
        ("read and put", then(vec![range(get("a")), put("a")])),
    ])
}

fn nested_overlaps() -> Vec<Named> {
    named([
        ("put, and put within", then(vec![put("a"), nested(then(vec![put("a")]))])),
        ("put within, and put", then(vec![nested(then(vec![put("a")])), put("a")])),
        ("put within twice", {
            then(vec![nested(then(vec![put("a")])), nested(then(vec![put("a")]))])
        }),
        ("put in both branches within", then(vec![nested(both(vec![put("a")], vec![put("a")]))])),
        ("put in a branch within, and put", {
            then(vec![nested(both(vec![], vec![put("a")])), put("a")])
        }),
        ("deleted, and put within", then(vec![delete("d", "f"), nested(then(vec![put("e")]))])),
        ("put within, and deleted", then(vec![nested(then(vec![put("e")])), delete("d", "f")])),
        ("deleted within, and put", then(vec![nested(then(vec![delete("d", "f")])), put("e")])),
        ("put, and deleted within", then(vec![put("e"), nested(then(vec![delete("d", "f")]))])),
        ("deleted within, then put within", {
            then(vec![nested(then(vec![delete("d", "f")])), nested(then(vec![put("e")]))])
        }),
        ("put within, then deleted within", {
            then(vec![nested(then(vec![put("e")])), nested(then(vec![delete("d", "f")]))])
        }),
        ("deleted in one branch within, put in the other", {
            then(vec![nested(both(vec![delete("d", "f")], vec![put("e")]))])
        }),
        ("put two deep, and put", {
            then(vec![nested(then(vec![nested(then(vec![put("a")]))])), put("a")])
        }),
        ("deleted two deep, and put two deep", {
            let of = |op| nested(then(vec![nested(then(vec![op]))]));
            then(vec![of(delete("d", "f")), of(put("e"))])
        }),
        ("deleted twice within", {
            then(vec![nested(then(vec![delete("d", "f")])), nested(then(vec![delete("d", "f")]))])
        }),
    ])
}
