//! What no service answers: methods of etcd that are not built yet, and names that
//! mean nothing.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use http::{Request, Response, header};
use tonic::Status;
use tower_service::Service;

use crate::api::gate::unknown_method;
use crate::api::metrics::Metrics;
use crate::api::{pages, status};

/// Refuses whatever it is asked, in the way that the asker understands.
#[derive(Clone)]
pub struct Fallback {
    metrics: Arc<Metrics>,
}

impl Fallback {
    /// Knows etcd's methods.
    pub fn new(metrics: Arc<Metrics>) -> Fallback {
        Fallback { metrics }
    }

    fn answer<B>(&self, request: &Request<B>) -> Response<Body> {
        let content = request.headers().get(header::CONTENT_TYPE);
        if content.is_some_and(|content| content.as_bytes().starts_with(b"application/grpc")) {
            return self.refusal(request.uri().path()).into_http();
        }
        pages::not_found()
    }

    fn refusal(&self, path: &str) -> Status {
        let name = path.strip_prefix('/').unwrap_or(path);
        if self.metrics.methods().get(path).is_some() {
            return status::not_served(name);
        }
        match name.rsplit_once('/') {
            Some((service, _)) if !self.metrics.methods().has_service(service) => {
                Status::unimplemented(format!("unknown service {service}"))
            }
            _ => unknown_method(path),
        }
    }
}

impl<B> Service<Request<B>> for Fallback {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        ready(Ok(self.answer(&request)))
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    fn asked(path: &str, content: &str) -> Response<Body> {
        let request = Request::post(path).header(header::CONTENT_TYPE, content).body(());
        let fallback = Fallback::new(Arc::new(Metrics::new(false)));
        fallback.answer(&request.expect("the request is sound"))
    }

    #[test]
    fn grpc_is_told_what_is_not_there() {
        for (path, message) in [
            (
                "/etcdserverpb.Watch/Watch",
                "etcdserverpb.Watch/Watch is not served by this version of balsa",
            ),
            ("/etcdserverpb.KV/Nope", "unknown method Nope for service etcdserverpb.KV"),
            ("/other.Service/Method", "unknown service other.Service"),
            ("/etcdserverpb.KV", "malformed method name: \"/etcdserverpb.KV\""),
        ] {
            let response = asked(path, "application/grpc+proto");
            let status = Status::from_header_map(response.headers()).expect("it has a status");
            assert_eq!(status.code(), tonic::Code::Unimplemented);
            assert_eq!(status.message(), message);
        }
    }

    #[test]
    fn http_gets_a_404() {
        let response = asked("/etcdserverpb.Watch/Watch", "application/json");
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
    }
}
