//! The gate: what a call passes before its message is read.
//!
//! ```text
//!   head ─▶ head: is it gRPC's? ─▶ room: is there room? ─▶ body, counted ─▶ service
//!                 │                       │                     │
//!                 ▼                       ▼                     ▼
//!           refused as by Go       too many requests     too many, too slow
//! ```
//!
//! A call that is too many is told so by its head alone. Its message is not waited
//! for, decoded or copied: being refused costs the node little, and who is refused
//! waits for nobody. What is let in holds a [`Permit`] for each byte of
//! it until the answer is gone, the client is gone, or the time is over.

mod body;
mod connection;
mod deadline;
mod head;
mod room;
mod words;

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use http::{Request, Response, StatusCode, Uri};
use tokio::time::Sleep;
use tonic::Status;
use tonic::server::NamedService;
use tower_service::Service;

use super::status;
use room::Permit;

pub use body::{Incoming, Outgoing};
pub use connection::{Held, OnConnection, Unread};
pub use room::{Bounds, Full, Room};
pub use words::unknown_method;

/// A gRPC service behind the gate.
#[derive(Clone)]
pub struct Gate<S> {
    inner: S,
    message_bytes: usize,
    room: Option<(Arc<Room>, Bounds)>,
}

impl<S> Gate<S> {
    /// Looks at heads alone. Messages above `message_bytes` are those that the service
    /// refuses.
    pub fn new(inner: S, message_bytes: usize) -> Gate<S> {
        Gate { inner, message_bytes, room: None }
    }

    /// Lets in only what there is room for.
    pub fn bounded(self, room: Arc<Room>, bounds: Bounds) -> Gate<S> {
        Gate { room: Some((room, bounds)), ..self }
    }

    /// Lets a call in; it has no permit where nothing is bounded.
    fn enter(&self, request: &Request<Body>) -> Result<Option<Arc<Permit>>, Full> {
        let Some((room, bounds)) = &self.room else { return Ok(None) };
        room.answer(Unread::of(request.extensions()).bytes(), bounds)?;
        Permit::of(room, *bounds).map(Some)
    }
}

impl<S: NamedService> NamedService for Gate<S> {
    const NAME: &'static str = S::NAME;
}

impl<S> Service<Request<Body>> for Gate<S>
where
    S: Service<Request<Incoming>, Response = Response<tonic::body::Body>, Error = Infallible>,
    S::Future: Unpin,
{
    type Response = Response<Outgoing>;
    type Error = Infallible;
    type Future = Passing<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let limit = match head::check(&request) {
            Ok(limit) => limit,
            Err(refusal) => return Passing::refused(refusal.status, refusal.http),
        };
        let Ok(permit) = self.enter(&request) else {
            return Passing::refused(status::too_many_requests(), StatusCode::OK);
        };
        let (path, message_bytes) = (request.uri().clone(), self.message_bytes);
        let request = request.map(|body| Incoming::new(body, permit.clone()));
        let serving = Serving {
            inner: self.inner.call(request),
            path,
            message_bytes,
            permit,
            deadline: limit.map(|limit| Box::pin(tokio::time::sleep(limit))),
        };
        Passing(State::Serving(serving))
    }
}

/// A call on its way to its answer.
pub struct Passing<F>(State<F>);

enum State<F> {
    Refused(Option<Box<Response<Outgoing>>>),
    Serving(Serving<F>),
}

struct Serving<F> {
    inner: F,
    path: Uri,
    message_bytes: usize,
    permit: Option<Arc<Permit>>,
    /// When the client stops waiting.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl<F> Passing<F> {
    fn refused(refusal: Status, http: StatusCode) -> Passing<F> {
        let mut response = refusal.into_http().map(|()| Outgoing::empty());
        *response.status_mut() = http;
        Passing(State::Refused(Some(Box::new(response))))
    }
}

impl<F> Future for Passing<F>
where
    F: Future<Output = Result<Response<tonic::body::Body>, Infallible>> + Unpin,
{
    type Output = Result<Response<Outgoing>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            State::Refused(response) => {
                let response = response.take().expect("an answer is given once");
                Poll::Ready(Ok(*response))
            }
            State::Serving(serving) => serving.poll(context),
        }
    }
}

impl<F> Serving<F>
where
    F: Future<Output = Result<Response<tonic::body::Body>, Infallible>> + Unpin,
{
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<Response<Outgoing>, Infallible>> {
        if let Poll::Ready(Ok(mut response)) = Pin::new(&mut self.inner).poll(context) {
            words::put_right(response.headers_mut(), self.path.path(), self.message_bytes);
            let held = response.extensions_mut().remove::<Arc<Held>>();
            let (permit, deadline) = (self.permit.take(), self.deadline.take());
            let answer = response.map(|body| Outgoing::new(body, permit, held, deadline));
            return Poll::Ready(Ok(answer));
        }
        let deadline = self.deadline.as_mut().map(|deadline| deadline.as_mut().poll(context));
        if deadline.is_some_and(|deadline| deadline.is_ready()) {
            let response = status::deadline_exceeded().into_http();
            return Poll::Ready(Ok(response.map(|()| Outgoing::empty())));
        }
        Poll::Pending
    }
}
