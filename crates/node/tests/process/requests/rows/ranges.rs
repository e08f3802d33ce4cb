//! Ranges.

use proto::etcdserverpb::RangeRequest;

use super::Row;

/// The rows.
pub fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for (name, request) in requests() {
        rows.push(Row::kv(format!("range: {name}"), "Range", &request));
        let request = RangeRequest { serializable: true, ..request };
        rows.push(Row::kv(format!("range: {name}, serializable"), "Range", &request));
        rows.push(Row::kv(format!("range stream: {name}"), "RangeStream", &request));
    }
    rows
}

fn requests() -> Vec<(String, RangeRequest)> {
    let all = || RangeRequest { key: "\0".into(), range_end: "\0".into(), ..Default::default() };
    let of = |key: &'static str, end: &'static str| RangeRequest {
        key: key.into(),
        range_end: end.into(),
        ..Default::default()
    };
    let mut rows = vec![
        ("no key", of("", "")),
        ("no key but an end", of("", "b")),
        ("no key and an unknown order", RangeRequest { sort_order: 9, ..of("", "") }),
        ("no key at a future revision", RangeRequest { revision: 99, ..of("", "") }),
        ("an end below the key", of("c", "a")),
        ("an end at the key", of("a", "a")),
        (
            "an end below the key at a future revision",
            RangeRequest { revision: 99, ..of("c", "a") },
        ),
        ("an end below the key, compacted", RangeRequest { revision: 2, ..of("c", "a") }),
        ("all from the least key on", all()),
        ("an unknown order and a future revision", {
            RangeRequest { sort_order: 9, revision: 99, ..all() }
        }),
        ("counted and keys only", RangeRequest { count_only: true, keys_only: true, ..all() }),
        ("counted with a limit", RangeRequest { count_only: true, limit: 1, ..all() }),
        ("counted in an order", RangeRequest { count_only: true, sort_order: 2, ..all() }),
        ("keys only of one key", RangeRequest { keys_only: true, ..of("a", "") }),
        ("a filter that nothing passes", {
            RangeRequest { min_mod_revision: 9, max_mod_revision: 1, ..all() }
        }),
        ("a filter below zero", RangeRequest { min_mod_revision: -5, ..all() }),
        ("a filter by creation that nothing passes", {
            RangeRequest { min_create_revision: 9, max_create_revision: 1, ..all() }
        }),
        ("a filter, counted", RangeRequest { min_mod_revision: 6, count_only: true, ..all() }),
        ("a filter with a limit", RangeRequest { min_mod_revision: 6, limit: 1, ..all() }),
    ]
    .into_iter()
    .map(|(name, request)| (name.to_owned(), request))
    .collect::<Vec<_>>();
    for limit in [i64::MIN, -1, 0, 1] {
        for (sort_order, sort_target) in [(0, 0), (2, 0), (1, 4), (2, 3), (0, 1)] {
            let request = RangeRequest { limit, sort_order, sort_target, ..all() };
            rows.push((format!("limit {limit} in order {sort_order} by {sort_target}"), request));
        }
    }
    for revision in [i64::MIN, -1, 1, 2, 3, 4, 8, 9, 99, i64::MAX] {
        let request = RangeRequest { revision, ..of("a", "") };
        rows.push((format!("revision {revision}"), request));
        let request = RangeRequest { revision, count_only: true, ..all() };
        rows.push((format!("revision {revision}, counted"), request));
    }
    for number in [i32::MIN, -1, 3, 5, 9, i32::MAX] {
        rows.push((format!("order {number}"), RangeRequest { sort_order: number, ..all() }));
        rows.push((format!("order by {number}"), RangeRequest { sort_target: number, ..all() }));
    }
    rows
}
