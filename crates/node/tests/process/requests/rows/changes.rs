//! Puts, deletions, compactions.

use proto::etcdserverpb::{CompactionRequest, DeleteRangeRequest, PutRequest};

use super::Row;

/// What a node takes as one request, in bytes.
const REQUEST: usize = 1536 << 10;
/// What it takes as one message.
const MESSAGE: usize = REQUEST + (512 << 10);
/// How much the two programs' own words around a request may be, in bytes.
const AROUND: usize = 256;

/// The rows.
pub fn rows() -> Vec<Row> {
    [puts(), deletions(), compactions()].concat()
}

fn put(key: &'static str, value: &'static str) -> PutRequest {
    PutRequest { key: key.into(), value: value.into(), ..Default::default() }
}

fn puts() -> Vec<Row> {
    let of_size = |key: usize, value: usize| PutRequest {
        key: vec![b'k'; key].into(),
        value: vec![b'v'; value].into(),
        ..Default::default()
    };
    let rows = [
        ("no key", put("", "1")),
        ("nothing at all", put("", "")),
        (
            "no key and a value beside ignore_value",
            PutRequest { ignore_value: true, ..put("", "1") },
        ),
        ("a value beside ignore_value", PutRequest { ignore_value: true, ..put("a", "1") }),
        (
            "a lease beside ignore_lease",
            PutRequest { ignore_lease: true, lease: 7, ..put("a", "1") },
        ),
        ("both", {
            PutRequest { ignore_value: true, ignore_lease: true, lease: 7, ..put("a", "1") }
        }),
        ("ignore_value of no key", PutRequest { ignore_value: true, ..put("nowhere", "") }),
        ("ignore_lease of no key", PutRequest { ignore_lease: true, ..put("nowhere", "1") }),
        ("ignore_value of a deleted key", PutRequest { ignore_value: true, ..put("b", "") }),
        ("ignore_value and a lease", PutRequest { ignore_value: true, lease: 7, ..put("a", "") }),
        ("ignore_value of no key and a lease", {
            PutRequest { ignore_value: true, lease: 7, ..put("nowhere", "") }
        }),
        ("ignore_value and prev_kv", {
            PutRequest { ignore_value: true, prev_kv: true, ..put("a", "") }
        }),
        ("an unknown lease", PutRequest { lease: 7, ..put("a", "1") }),
        ("a lease below zero", PutRequest { lease: -1, ..put("a", "1") }),
        ("prev_kv of no key", PutRequest { prev_kv: true, ..put("nowhere/else", "1") }),
        ("a value just small enough", of_size(1, REQUEST - AROUND)),
        ("a value just too large", of_size(1, REQUEST + AROUND)),
        ("a key just small enough", of_size(REQUEST - AROUND, 1)),
        ("a key just too large", of_size(REQUEST + AROUND, 1)),
        ("too large, and no key", of_size(0, REQUEST + AROUND)),
        ("a message just small enough", of_size(1, MESSAGE - AROUND)),
        ("a message too large by a byte", of_size(1, MESSAGE - 9)),
        ("a message far too large", of_size(1, 8 << 20)),
    ];
    let rows = rows.into_iter();
    rows.map(|(name, request)| Row::kv(format!("put: {name}"), "Put", &request)).collect()
}

fn deletions() -> Vec<Row> {
    let of = |key: &'static str, end: &'static str| DeleteRangeRequest {
        key: key.into(),
        range_end: end.into(),
        prev_kv: true,
    };
    let rows = [
        ("no key", of("", "")),
        ("no key but an end", of("", "z")),
        ("a key that is not there", of("nowhere/at/all", "")),
        ("an end below the key", of("c", "a")),
        ("an end at the key", of("a", "a")),
    ];
    let rows = rows.into_iter();
    rows.map(|(name, request)| Row::kv(format!("delete: {name}"), "DeleteRange", &request))
        .collect()
}

fn compactions() -> Vec<Row> {
    let revisions = [i64::MIN, -1, 0, 1, 3, 4, 5, 5, 999, i64::MAX];
    let row = |revision| {
        let request = CompactionRequest { revision, physical: false };
        Row::kv(format!("compact at {revision}"), "Compact", &request)
    };
    revisions.into_iter().map(row).collect()
}
