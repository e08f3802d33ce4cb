//! What a call sends, counted, and what it is answered.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::BoxError;
use axum::body::Body as HttpBody;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::Sleep;

use super::connection::Held;
use super::room::Permit;
use crate::api::status;

/// What a call sends. It ends in an error where there is no room for it, or where
/// it takes too long.
pub struct Incoming {
    inner: HttpBody,
    permit: Option<Arc<Permit>>,
    /// When it takes too long; not set before it is waited for.
    limit: Option<Pin<Box<Sleep>>>,
}

impl Incoming {
    /// Of a call that was let in; without a permit it is neither counted nor timed.
    pub fn new(inner: HttpBody, permit: Option<Arc<Permit>>) -> Incoming {
        Incoming { inner, permit, limit: None }
    }

    fn is_too_late(&mut self, context: &mut Context<'_>) -> bool {
        let Some(permit) = &self.permit else { return false };
        let limit =
            self.limit.get_or_insert_with(|| Box::pin(tokio::time::sleep(permit.sending())));
        limit.as_mut().poll(context).is_ready()
    }
}

impl Body for Incoming {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = match Pin::new(&mut self.inner).poll_frame(context) {
            Poll::Ready(frame) => frame,
            Poll::Pending if self.is_too_late(context) => {
                return Poll::Ready(Some(Err(status::sent_too_slowly().into())));
            }
            Poll::Pending => return Poll::Pending,
        };
        let Some(frame) = frame else { return Poll::Ready(None) };
        let frame = frame.map_err(BoxError::from)?;
        if let (Some(permit), Some(data)) = (&self.permit, frame.data_ref())
            && permit.grow(data.len() as u64).is_err()
        {
            return Poll::Ready(Some(Err(status::too_many_requests().into())));
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// What a call is answered. It holds the call's permit, and counts as unread, until it
/// is gone; it ends where the client stops waiting.
pub struct Outgoing {
    inner: tonic::body::Body,
    deadline: Option<Pin<Box<Sleep>>>,
    _permit: Option<Arc<Permit>>,
    _held: Option<Arc<Held>>,
}

impl Outgoing {
    /// An answer.
    pub fn new(
        inner: tonic::body::Body,
        permit: Option<Arc<Permit>>,
        held: Option<Arc<Held>>,
        deadline: Option<Pin<Box<Sleep>>>,
    ) -> Outgoing {
        Outgoing { inner, deadline, _permit: permit, _held: held }
    }

    /// Nothing, of a refusal.
    pub fn empty() -> Outgoing {
        Outgoing::new(tonic::body::Body::empty(), None, None, None)
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = tonic::Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, tonic::Status>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.inner).poll_frame(context) {
            return Poll::Ready(frame);
        }
        let Some(deadline) = &mut self.deadline else { return Poll::Pending };
        ready!(deadline.as_mut().poll(context));
        Poll::Ready(Some(Err(status::deadline_exceeded())))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
