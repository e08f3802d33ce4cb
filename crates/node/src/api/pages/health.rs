//! `/health`: whether the node serves what it is asked, in one word.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::extract::State;
use http::{Method, Response, StatusCode};
use kv_statemachine::{KeyRange, RangeRequest};

use super::{PLAIN, Pages, Words, failure, not_allowed, page, values};
use crate::{AlarmKind, Consistency, Error};

/// Answers the page. `serializable=true` asks for this node alone, not for the
/// cluster; `exclude=ALARM` leaves an alarm out.
pub async fn answer(State(pages): State<Pages>, method: Method, words: Words) -> Response<Body> {
    if method != Method::GET {
        return not_allowed();
    }
    let first = words.iter().find(|(word, _)| word == "serializable");
    let is_serializable = first.is_some_and(|(_, value)| value == "true");
    let excluded = values(&words, "exclude");
    let ill = check(&pages, is_serializable, &excluded).await.err();
    pages.metrics.count_health(ill.is_none());
    let (health, reason) = match &ill {
        None => ("true", ""),
        Some(reason) => ("false", reason.as_str()),
    };
    let reason = serde_json::Value::from(reason);
    let body = format!(r#"{{"health":"{health}","reason":{reason}}}"#);
    match ill {
        None => page(StatusCode::OK, PLAIN, body),
        Some(reason) => {
            tracing::warn!(reason, "health check failed");
            failure(StatusCode::SERVICE_UNAVAILABLE, &body)
        }
    }
}

/// Why the node is not healthy.
async fn check(
    pages: &Pages,
    is_serializable: bool,
    excluded: &BTreeSet<String>,
) -> Result<(), String> {
    let alarms = pages.client.status().alarms;
    if let Some(alarm) = alarms.iter().find(|alarm| !excluded.contains(&alarm.kind.to_string())) {
        return Err(match alarm.kind {
            AlarmKind::NO_SPACE | AlarmKind::CORRUPT => format!("ALARM {}", alarm.kind),
            _ => "ALARM UNKNOWN".to_owned(),
        });
    }
    if !is_serializable && !pages.client.has_leader() {
        return Err("RAFT NO LEADER".to_owned());
    }
    let read = read(pages, is_serializable).await;
    read.map_err(|error| format!("RANGE ERROR:{error}"))
}

/// Reads a little, as a client would.
pub async fn read(pages: &Pages, is_serializable: bool) -> Result<(), Error> {
    let consistency =
        if is_serializable { Consistency::Serializable } else { Consistency::Linearizable };
    let all = KeyRange::from_key(&b"\0"[..]);
    let request = RangeRequest { limit: 1, keys_only: true, ..RangeRequest::of(all) };
    pages.client.range(request, consistency).await.map(|_| ())
}
