//! `/livez` and `/readyz`: whether to restart the node, and whether to send it
//! clients. Each check has a page of its own below them.

use std::collections::BTreeSet;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::routing::any;
use http::{HeaderValue, Method, Response, StatusCode, header};

use super::{PLAIN, Pages, Words, failure, health, not_allowed, not_found, page, values};
use crate::AlarmKind;

/// One thing that is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Check {
    /// Nobody has raised the alarm CORRUPT.
    DataCorruption,
    /// The node reads its own state.
    SerializableRead,
    /// The node reads what the cluster agrees on.
    LinearizableRead,
    /// The node has a vote.
    NonLearner,
}

const LIVE: [Check; 1] = [Check::SerializableRead];
const READY: [Check; 4] =
    [Check::DataCorruption, Check::SerializableRead, Check::LinearizableRead, Check::NonLearner];

/// Adds the pages.
pub fn routes(router: Router<Pages>) -> Router<Pages> {
    router
        .route("/livez", any(livez))
        .route("/livez/{check}", any(livez_check))
        .route("/readyz", any(readyz))
        .route("/readyz/{check}", any(readyz_check))
}

async fn livez(State(pages): State<Pages>, method: Method, words: Words) -> Response<Body> {
    answer(&pages, &method, &LIVE, &words).await
}

async fn readyz(State(pages): State<Pages>, method: Method, words: Words) -> Response<Body> {
    answer(&pages, &method, &READY, &words).await
}

async fn livez_check(
    State(pages): State<Pages>,
    method: Method,
    Path(name): Path<String>,
    words: Words,
) -> Response<Body> {
    answer_one(&pages, &method, &LIVE, &name, &words).await
}

async fn readyz_check(
    State(pages): State<Pages>,
    method: Method,
    Path(name): Path<String>,
    words: Words,
) -> Response<Body> {
    answer_one(&pages, &method, &READY, &name, &words).await
}

async fn answer_one(
    pages: &Pages,
    method: &Method,
    checks: &[Check],
    name: &str,
    words: &Words,
) -> Response<Body> {
    match checks.iter().find(|check| check.name() == name) {
        // What was asked for by its name is not excluded.
        Some(check) => make(pages, method, &[*check], &BTreeSet::new(), words).await,
        None => not_found(),
    }
}

async fn answer(pages: &Pages, method: &Method, checks: &[Check], words: &Words) -> Response<Body> {
    make(pages, method, checks, &values(words, "exclude"), words).await
}

/// Makes the checks that are not excluded, and tells how they went.
async fn make(
    pages: &Pages,
    method: &Method,
    checks: &[Check],
    excluded: &BTreeSet<String>,
    words: &Words,
) -> Response<Body> {
    if method != Method::GET {
        return not_allowed();
    }
    let mut lines = String::new();
    let mut is_well = true;
    for check in checks.iter().filter(|check| !excluded.contains(check.name())) {
        let name = check.name();
        match check.make(pages).await {
            Ok(()) => lines.push_str(&format!("[+]{name} ok\n")),
            Err(reason) => {
                is_well = false;
                lines.push_str(&format!("[-]{name} failed: {reason}\n"));
            }
        }
    }
    if !is_well {
        tracing::warn!(checks = lines, "health check failed");
        return failure(StatusCode::SERVICE_UNAVAILABLE, &lines);
    }
    let is_verbose = words.iter().any(|(word, _)| word == "verbose");
    let body = if is_verbose { lines + "ok\n" } else { "ok\n".to_owned() };
    let mut response = page(StatusCode::OK, PLAIN, body);
    let nosniff = HeaderValue::from_static("nosniff");
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
    response
}

impl Check {
    fn name(self) -> &'static str {
        match self {
            Check::DataCorruption => "data_corruption",
            Check::SerializableRead => "serializable_read",
            Check::LinearizableRead => "linearizable_read",
            Check::NonLearner => "non_learner",
        }
    }

    async fn make(self, pages: &Pages) -> Result<(), String> {
        match self {
            Check::DataCorruption => {
                let alarms = pages.client.status().alarms;
                match alarms.iter().any(|alarm| alarm.kind == AlarmKind::CORRUPT) {
                    true => Err("alarm activated: CORRUPT".to_owned()),
                    false => Ok(()),
                }
            }
            Check::SerializableRead => {
                health::read(pages, true).await.map_err(|error| error.to_string())
            }
            Check::LinearizableRead => {
                health::read(pages, false).await.map_err(|error| error.to_string())
            }
            Check::NonLearner if pages.client.status().is_learner() => {
                Err("not supported for learner".to_owned())
            }
            Check::NonLearner => Ok(()),
        }
    }
}
