//! What a connection has been answered and does not read.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use axum::Router;
use http::{Extensions, Request};
use hyper::body::Incoming;
use tower_service::Service;

use super::room::Room;

/// The bytes of a connection's answers that it did not read yet.
#[derive(Debug, Default)]
pub struct Unread(AtomicU64);

impl Unread {
    /// That of the connection on which a request came; nothing for one that came in
    /// another way.
    pub fn of(extensions: &Extensions) -> Arc<Unread> {
        extensions.get::<Arc<Unread>>().cloned().unwrap_or_default()
    }

    /// How many.
    pub fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What is served on one connection: its requests carry its [`Unread`].
#[derive(Clone)]
pub struct OnConnection {
    router: Router,
    unread: Arc<Unread>,
}

impl OnConnection {
    /// A connection that has been answered nothing.
    pub fn new(router: Router) -> OnConnection {
        OnConnection { router, unread: Arc::default() }
    }
}

impl Service<Request<Incoming>> for OnConnection {
    type Response = <Router as Service<Request<Incoming>>>::Response;
    type Error = Infallible;
    type Future = <Router as Service<Request<Incoming>>>::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Service::<Request<Incoming>>::poll_ready(&mut self.router, context)
    }

    fn call(&mut self, mut request: Request<Incoming>) -> Self::Future {
        request.extensions_mut().insert(Arc::clone(&self.unread));
        self.router.call(request)
    }
}

/// An answer that is not read yet. Dropped when it is, or when its client is gone.
#[derive(Debug)]
pub struct Held {
    room: Arc<Room>,
    unread: Arc<Unread>,
    bytes: u64,
}

impl Held {
    /// An answer of so many bytes.
    pub fn new(room: &Arc<Room>, unread: &Arc<Unread>, bytes: u64) -> Held {
        room.add_unread(bytes);
        unread.0.fetch_add(bytes, Ordering::Relaxed);
        Held { room: Arc::clone(room), unread: Arc::clone(unread), bytes }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.room.remove_unread(self.bytes);
        self.unread.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
