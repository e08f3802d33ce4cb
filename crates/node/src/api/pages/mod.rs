//! Plain HTTP: health checks, versions, metrics. Paths, bodies and codes are etcd's.

mod health;
mod probes;

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::routing::any;
use http::{HeaderValue, Method, Response, StatusCode, header};

use super::metrics::Metrics;
use super::version;
use crate::Client;

const PLAIN: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const PROMETHEUS: HeaderValue =
    HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// What the pages stand on.
#[derive(Clone)]
pub struct Pages {
    client: Client,
    metrics: Arc<Metrics>,
}

/// The words behind the question mark, in order.
type Words = Query<Vec<(String, String)>>;

/// All pages.
pub fn router(client: Client, metrics: Arc<Metrics>) -> Router {
    let pages = Pages { client, metrics };
    Router::new()
        .route("/version", any(version))
        .merge(status_pages(pages.clone()))
        .with_state(pages)
}

/// The pages for those who watch the node: metrics and health.
pub fn metrics_router(client: Client, metrics: Arc<Metrics>) -> Router {
    let pages = Pages { client, metrics };
    Router::new().merge(status_pages(pages.clone())).with_state(pages)
}

fn status_pages(pages: Pages) -> Router<Pages> {
    let router =
        Router::new().route("/metrics", any(metrics)).route("/health", any(health::answer));
    probes::routes(router).with_state(pages)
}

async fn version(method: Method) -> Response<Body> {
    if method != Method::GET {
        return not_allowed();
    }
    let (api, own) = (version::API_VERSION, version::BALSA_VERSION);
    let body = format!(
        r#"{{"etcdserver":"{api}","etcdcluster":"{api}","storage":"{api}","balsa":"{own}"}}"#
    );
    page(StatusCode::OK, JSON, body)
}

async fn metrics(State(pages): State<Pages>, method: Method) -> Response<Body> {
    if method != Method::GET && method != Method::HEAD {
        return not_allowed();
    }
    page(StatusCode::OK, PROMETHEUS, pages.metrics.render(&pages.client))
}

fn page(status: StatusCode, kind: HeaderValue, body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// What a path gets that leads nowhere.
pub fn not_found() -> Response<Body> {
    failure(StatusCode::NOT_FOUND, "404 page not found")
}

/// An error, as Go's HTTP server writes it.
fn failure(status: StatusCode, text: &str) -> Response<Body> {
    let mut response = page(status, PLAIN, format!("{text}\n"));
    let nosniff = HeaderValue::from_static("nosniff");
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
    response
}

fn not_allowed() -> Response<Body> {
    let mut response = failure(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed");
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET"));
    response
}

/// All values of a word, the empty one aside.
fn values(words: &[(String, String)], name: &str) -> BTreeSet<String> {
    let of_name = words.iter().filter(|(word, value)| word == name && !value.is_empty());
    of_name.map(|(_, value)| value.clone()).collect()
}
