//! Counts what goes through a gRPC service: a call counts when it begins, and again
//! under its code when it ends. One whose client goes away ends as canceled.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Request, Response};
use http_body::{Body, Frame, SizeHint};
use tonic::Code;
use tower_service::Service;

use super::Metrics;
use super::methods::Method;

static GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// A gRPC service whose calls are counted.
#[derive(Clone)]
pub struct Counted<S> {
    inner: S,
    metrics: Arc<Metrics>,
}

impl<S> Counted<S> {
    /// Counts the calls of a service.
    pub fn new(inner: S, metrics: Arc<Metrics>) -> Counted<S> {
        Counted { inner, metrics }
    }
}

impl<S, R, B> Service<Request<R>> for Counted<S>
where
    S: Service<Request<R>, Response = Response<B>, Error = Infallible>,
    S::Future: Unpin,
    B: Body<Data = Bytes> + Unpin,
{
    type Response = Response<CountedBody<B>>;
    type Error = Infallible;
    type Future = CountedFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<R>) -> Self::Future {
        let method = self.metrics.methods().get(request.uri().path());
        let call = method.map(Call::start);
        CountedFuture { inner: self.inner.call(request), call }
    }
}

/// An answer on its way.
pub struct CountedFuture<F> {
    inner: F,
    call: Option<Call>,
}

impl<F, B> Future for CountedFuture<F>
where
    F: Future<Output = Result<Response<B>, Infallible>> + Unpin,
{
    type Output = Result<Response<CountedBody<B>>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Ok(response) = ready!(Pin::new(&mut self.inner).poll(context));
        let mut call = self.call.take();
        if let Some(code) = code_in(response.headers()) {
            // It has no body: that was all.
            finish(&mut call, code);
        }
        Poll::Ready(Ok(response.map(|inner| CountedBody { inner, call })))
    }
}

/// The rest of an answer; its trailers hold the code.
pub struct CountedBody<B> {
    inner: B,
    call: Option<Call>,
}

impl<B: Body<Data = Bytes> + Unpin> Body for CountedBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(context));
        let this = &mut *self;
        match &frame {
            Some(Ok(frame)) => {
                if let Some(code) = frame.trailers_ref().and_then(code_in) {
                    finish(&mut this.call, code);
                }
            }
            Some(Err(_)) => finish(&mut this.call, Code::Unknown),
            None => finish(&mut this.call, Code::Ok),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// A call that has begun. Dropped before it ends, its client is gone.
struct Call {
    method: Arc<Method>,
    began: Instant,
    code: Code,
}

impl Call {
    fn start(method: Arc<Method>) -> Call {
        method.count_started();
        Call { method, began: Instant::now(), code: Code::Cancelled }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.method.count_handled(self.code, self.began.elapsed());
    }
}

fn finish(call: &mut Option<Call>, code: Code) {
    if let Some(mut call) = call.take() {
        call.code = code;
    }
}

fn code_in(headers: &HeaderMap) -> Option<Code> {
    headers.get(&GRPC_STATUS).map(|code| Code::from_bytes(code.as_bytes()))
}
