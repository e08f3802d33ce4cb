//! Asking a running replica.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use raft_core::{Change, Index, NodeId, Position, Status};
use raft_net::TransportEvent;
use tokio::sync::watch;

use super::desk::{CallError, MAX_TIMEOUT};
use super::shared::{Office, Shared, lock};
use crate::driver::request::{Done, Request, RequestBody, RequestError, Unknown};

/// Asks a running replica; clones ask the same one. Any thread or task may, with
/// any async runtime.
///
/// Each call is answered by its timeout, and is to be polled until then. One that is
/// dropped before has been asked all the same: a write may still be done. What a call
/// brings about may happen while it is polled, on the caller's thread.
pub struct ReplicaHandle<R> {
    shared: Arc<Shared<R>>,
}

impl<R> Clone for ReplicaHandle<R> {
    fn clone(&self) -> ReplicaHandle<R> {
        ReplicaHandle { shared: Arc::clone(&self.shared) }
    }
}

impl<R: Send + 'static> ReplicaHandle<R> {
    pub(super) fn new(shared: Arc<Shared<R>>) -> ReplicaHandle<R> {
        ReplicaHandle { shared }
    }

    /// Replicates a command, through whatever node leads. Returns when it is durable
    /// on a majority and applied here, with its place in the log and the state
    /// machine's reply.
    ///
    /// # Errors
    ///
    /// See [`CallError`]; those of [`RequestError::NotDone`] say that it may be
    /// asked again.
    pub async fn write(
        &self,
        format: u8,
        payload: Bytes,
        timeout: Duration,
    ) -> Result<(Position, R), CallError> {
        match self.call(RequestBody::Write { format, payload }, timeout).await? {
            Done::Written { position, reply } => Ok((position, reply)),
            _ => unreachable!("a write is answered as one"),
        }
    }

    /// Waits until the local state shows all that was acknowledged anywhere before
    /// this call, and returns the index that it has applied.
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    pub async fn read_index(&self, timeout: Duration) -> Result<Index, CallError> {
        match self.call(RequestBody::Read, timeout).await? {
            Done::Readable(index) => Ok(index),
            _ => unreachable!("a read is answered as one"),
        }
    }

    /// Changes who belongs to the cluster. Only a leader can.
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    pub async fn change_membership(
        &self,
        change: Change,
        timeout: Duration,
    ) -> Result<Position, CallError> {
        match self.call(RequestBody::ChangeMembership(change), timeout).await? {
            Done::Changed(position) => Ok(position),
            _ => unreachable!("a change is answered as one"),
        }
    }

    /// Hands the leadership over, to a voter or to the best one, and returns who
    /// leads then. Only a leader can.
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    pub async fn transfer_leadership(
        &self,
        to: Option<NodeId>,
        timeout: Duration,
    ) -> Result<NodeId, CallError> {
        match self.call(RequestBody::TransferLeadership(to), timeout).await? {
            Done::Transferred(leader) => Ok(leader),
            _ => unreachable!("a transfer is answered as one"),
        }
    }

    /// Who leads, to be looked at or waited for.
    pub fn office(&self) -> watch::Receiver<Office> {
        self.shared.office.subscribe()
    }

    /// A copy of the protocol's state. Not for every request: it copies the
    /// membership.
    pub fn status(&self) -> Status {
        lock(&self.shared.raft_worker).status()
    }

    /// How many calls wait for their answers.
    pub fn waiting(&self) -> u64 {
        lock(&self.shared.desk).waiting()
    }

    /// Whether it is ending, or has ended.
    pub fn has_ended(&self) -> bool {
        self.shared.is_stopping()
    }

    /// Takes in what the transport says; see [`raft_net::Transport`].
    pub fn deliver(&self, event: TransportEvent) {
        self.shared.deliver(event);
    }

    async fn call(&self, body: RequestBody, timeout: Duration) -> Result<Done<R>, CallError> {
        let opened = lock(&self.shared.desk).open(&body)?;
        let deadline = self.shared.clock.now().after(timeout.min(MAX_TIMEOUT));
        let (call, permit) = (opened.call, opened.permit);
        let request = Request { call, deadline, permit, body };
        self.shared.submit(request, opened.is_alone).await;
        let lost = || Err(RequestError::Unknown(Unknown::Stopping));
        let outcome = opened.receiver.await.unwrap_or_else(|_| lost());
        Ok(outcome?)
    }
}
