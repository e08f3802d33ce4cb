//! Counts what goes through a gRPC service: a call counts when it begins, and again
//! under its code when it ends. One whose client goes away ends as canceled.
//!
//! The same place puts right a message that is too large: clients know that error by
//! the code and words of Go's gRPC.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Request, Response};
use http_body::{Body, Frame, SizeHint};
use tonic::{Code, Status};
use tower_service::Service;

use super::Metrics;
use super::methods::Method;

static GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
static GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// A gRPC service whose calls are counted.
#[derive(Clone)]
pub struct Counted<S> {
    inner: S,
    metrics: Arc<Metrics>,
    message_bytes: usize,
}

impl<S> Counted<S> {
    /// Counts the calls of a service. Messages above `message_bytes` are those that
    /// it refuses.
    pub fn new(inner: S, metrics: Arc<Metrics>, message_bytes: usize) -> Counted<S> {
        Counted { inner, metrics, message_bytes }
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
        CountedFuture { inner: self.inner.call(request), call, message_bytes: self.message_bytes }
    }
}

/// An answer on its way.
pub struct CountedFuture<F> {
    inner: F,
    call: Option<Call>,
    message_bytes: usize,
}

impl<F, B> Future for CountedFuture<F>
where
    F: Future<Output = Result<Response<B>, Infallible>> + Unpin,
{
    type Output = Result<Response<CountedBody<B>>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Ok(mut response) = ready!(Pin::new(&mut self.inner).poll(context));
        put_right(response.headers_mut(), self.message_bytes);
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

/// Gives the error of a message that is too large the code and words of Go's gRPC.
fn put_right(headers: &mut HeaderMap, message_bytes: usize) {
    if code_in(headers) != Some(Code::OutOfRange) {
        return;
    }
    let Some(status) = Status::from_header_map(headers) else { return };
    let Some(found) = status
        .message()
        .strip_prefix("Error, decoded message length too large: found ")
        .and_then(|rest| rest.split_once(' '))
        .and_then(|(found, _)| found.parse::<u64>().ok())
    else {
        return;
    };
    let text = format!("grpc: received message larger than max ({found} vs. {message_bytes})");
    let status = Status::resource_exhausted(text);
    headers.remove(&GRPC_STATUS);
    headers.remove(&GRPC_MESSAGE);
    // The words are plain ASCII, which no header refuses.
    let _ = status.add_header(headers);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers_of(status: &Status) -> HeaderMap {
        let mut headers = HeaderMap::new();
        status.add_header(&mut headers).expect("its words are plain");
        headers
    }

    #[test]
    fn a_message_too_large_has_the_error_of_go() {
        let text =
            "Error, decoded message length too large: found 30 bytes, the limit is: 20 bytes";
        let mut headers = headers_of(&Status::out_of_range(text));
        put_right(&mut headers, 20);
        let status = Status::from_header_map(&headers).expect("it has a status");
        assert_eq!(status.code(), Code::ResourceExhausted);
        assert_eq!(status.message(), "grpc: received message larger than max (30 vs. 20)");
    }

    #[test]
    fn other_errors_stay() {
        let status = Status::out_of_range("etcdserver: mvcc: required revision has been compacted");
        let mut headers = headers_of(&status);
        let before = headers.clone();
        put_right(&mut headers, 20);
        assert_eq!(headers, before);
    }
}
