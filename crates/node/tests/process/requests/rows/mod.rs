//! The requests, and the state that they meet.
//!
//! ```text
//!   revision   what happened
//!   2..4       a, b, c are put
//!   5..7       a is put again, three times
//!   8          b is deleted
//!              compacted at 4
//! ```

mod changes;
mod frames;
mod ranges;
mod txns;

use proto::etcdserverpb::{CompactionRequest, DeleteRangeRequest, PutRequest};

use super::call::Row;

/// All rows, in the order in which they are asked.
pub fn all() -> Vec<Row> {
    [setup(), ranges::rows(), txns::rows(), changes::rows(), frames::rows()].concat()
}

/// Brings about the state. These are answered as etcd answers them, too.
fn setup() -> Vec<Row> {
    let put = |key: &'static str, value: &'static str| {
        let put = PutRequest { key: key.into(), value: value.into(), ..Default::default() };
        Row::kv(format!("setup: put {key} {value}"), "Put", &put)
    };
    let delete = DeleteRangeRequest { key: "b".into(), ..Default::default() };
    let compact = CompactionRequest { revision: 4, physical: true };
    vec![
        put("a", "1"),
        put("b", "2"),
        put("c", "3"),
        put("a", "4"),
        put("a", "5"),
        put("a", "6"),
        Row::kv("setup: delete b", "DeleteRange", &delete),
        Row::kv("setup: compact at 4", "Compact", &compact),
    ]
}
