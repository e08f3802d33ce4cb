//! Answering a range request: order, limit, filters, count.

use bytes::Bytes;

use super::record::Version;
use super::snapshot::{Keys, Snapshot};
use crate::error::Failed;
use crate::request::{RangeRequest, SortOrder, SortTarget};
use crate::response::{KeyValue, RangeResponse};

/// Answers a range request.
pub(crate) fn range(
    snapshot: Snapshot<'_>,
    request: &RangeRequest,
) -> Result<RangeResponse, Failed> {
    let revision = snapshot.resolve(request.revision)?;
    let mut response = RangeResponse { revision: snapshot.revision, ..RangeResponse::default() };
    if request.count_only {
        response.count = snapshot.count(&request.range, revision)? as i64;
        return Ok(response);
    }
    let limit = usize::try_from(request.limit).unwrap_or(0);
    let plan = Plan::of(request, revision == snapshot.revision);
    let mut keys = match plan {
        Plan::Backwards => snapshot.latest_descending(&request.range),
        _ => snapshot.keys(&request.range, revision)?,
    };
    // One more than the limit tells whether there are more.
    let wanted = if limit == 0 || plan == Plan::Everything { usize::MAX } else { limit + 1 };
    let seen = collect(&mut keys, request, wanted, &mut response.kvs)?;
    let exhausted = response.kvs.len() < wanted;
    if request.sort_order != SortOrder::None || request.sort_target != SortTarget::Key {
        sort(&mut response.kvs, request);
    }
    if limit > 0 && response.kvs.len() > limit {
        response.kvs.truncate(limit);
        response.more = true;
    }
    response.count =
        if exhausted { seen as i64 } else { snapshot.count(&request.range, revision)? as i64 };
    if request.keys_only {
        response.kvs.iter_mut().for_each(|kv| strip(kv, request.sort_target));
    }
    Ok(response)
}

/// How the keys are gone through.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Plan {
    /// Ascending, as far as the limit demands.
    Forwards,
    /// Descending, as far as the limit demands.
    Backwards,
    /// All of them, because what comes first is known at the end only.
    Everything,
}

impl Plan {
    fn of(request: &RangeRequest, at_latest: bool) -> Plan {
        match (request.sort_order, request.sort_target) {
            // Like etcd: without an order the limit comes before the sorting,
            // whatever the target is, unless a filter demands to see all keys.
            (SortOrder::None, SortTarget::Key) | (SortOrder::Ascend, SortTarget::Key) => {
                Plan::Forwards
            }
            (SortOrder::None, _) if !has_filters(request) => Plan::Forwards,
            (SortOrder::Descend, SortTarget::Key) if at_latest && !request.range.is_single() => {
                Plan::Backwards
            }
            _ => Plan::Everything,
        }
    }
}

fn has_filters(request: &RangeRequest) -> bool {
    request.min_mod_revision != 0
        || request.max_mod_revision != 0
        || request.min_create_revision != 0
        || request.max_create_revision != 0
}

/// Takes keys that pass the filters until there are `wanted`. Returns how many
/// it went through.
fn collect(
    keys: &mut Keys<'_>,
    request: &RangeRequest,
    wanted: usize,
    kvs: &mut Vec<KeyValue>,
) -> Result<usize, Failed> {
    let mut seen = 0;
    while kvs.len() < wanted {
        let Some(found) = keys.next() else { break };
        let (key, version): (Bytes, Version) = found?;
        seen += 1;
        if passes(&version, request) {
            kvs.push(version.to_kv(&key));
        }
    }
    Ok(seen)
}

fn passes(version: &Version, request: &RangeRequest) -> bool {
    let within =
        |value: i64, min: i64, max: i64| (min == 0 || value >= min) && (max == 0 || value <= max);
    within(version.written.main, request.min_mod_revision, request.max_mod_revision)
        && within(version.create, request.min_create_revision, request.max_create_revision)
}

fn sort(kvs: &mut [KeyValue], request: &RangeRequest) {
    let descending = request.sort_order == SortOrder::Descend;
    kvs.sort_by(|a, b| {
        let (a, b) = if descending { (b, a) } else { (a, b) };
        match request.sort_target {
            SortTarget::Key => a.key.cmp(&b.key),
            SortTarget::Version => a.version.cmp(&b.version),
            SortTarget::Create => a.create_revision.cmp(&b.create_revision),
            SortTarget::Mod => a.mod_revision.cmp(&b.mod_revision),
            SortTarget::Value => a.value.cmp(&b.value),
        }
    });
}

/// Leaves out the value. Like etcd 3.7, which answers from its index of keys,
/// the lease as well, unless the values were needed for sorting.
fn strip(kv: &mut KeyValue, target: SortTarget) {
    kv.value = Bytes::new();
    if target != SortTarget::Value {
        kv.lease = 0;
    }
}
